//! Who on this shard hears what (design D5): resolves the addresses of pushes to sessions, and
//! encodes a push once for all that hear it the same way.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, Context, Handler, Message};
use bytes::Bytes;
use switchboard_domain::auth::Reach;
use switchboard_domain::conversation::push::{Address, Followers, Hearing, Push, Told};
use switchboard_domain::id::{AgentId, LicenseId, UserId};

use crate::engine::dialect::{Capture, Dialect, Disconnect, Encoded, Side};
use crate::engine::entry::TokenHash;
use crate::engine::order::Outcome;
use crate::engine::outbox::frame_text;
use crate::engine::release::Cause;
use crate::engine::session::Session;
use crate::engine::shard::Shard;
use crate::storage::Lsn;

/// Something for the sessions of a shard.
#[derive(Clone)]
pub enum Parcel {
    /// The answer to a session's request.
    Answer {
        /// Which request.
        cause: Cause,
        /// How it ended.
        outcome: Box<Outcome>,
    },
    /// A push, for whoever hears it.
    Push {
        /// The tenant.
        license: LicenseId,
        /// The push.
        capture: Arc<Capture>,
        /// The request that caused it.
        cause: Option<Cause>,
        /// Its position, for sessions that are logging in.
        lsn: Lsn,
    },
    /// A push for the asking session alone.
    Echo {
        /// The push.
        capture: Arc<Capture>,
        /// Who asked.
        cause: Cause,
    },
    /// A user's groups or status changed.
    UserChanged(LicenseId, UserId),
    /// Groups of the license were made or deleted.
    GroupsChanged(LicenseId),
    /// Sessions of a token have to go.
    TokenGone(TokenHash, Disconnect),
    /// Sessions of a user have to go.
    UserGone(LicenseId, UserId, Disconnect),
    /// A delivery that fell due on this shard is stored on its own, or done.
    DeliveryKept(switchboard_domain::webhook::DeliveryId),
}

/// A batch of parcels from another shard.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Parcels(pub Vec<Parcel>);

/// Takes the parcels of other shards.
pub struct HubActor(pub Rc<Shard>);

impl Actor for HubActor {
    type Context = Context<Self>;
}

impl Handler<Parcels> for HubActor {
    type Result = ();

    fn handle(&mut self, Parcels(parcels): Parcels, _: &mut Context<Self>) {
        parcels.into_iter().for_each(|parcel| self.0.hub.take(parcel));
        self.0.hub.go_on();
    }
}

/// Sessions that hear something.
type Listeners = Vec<Rc<Session>>;

/// The sessions of a shard, by what they hear.
#[derive(Default)]
pub struct Hub {
    sessions: RefCell<HashMap<u64, Rc<Session>>>,
    users: RefCell<HashMap<(LicenseId, UserId), Listeners>>,
    agents: RefCell<HashMap<LicenseId, Listeners>>,
    next: Cell<u64>,
    /// Sessions that were answered and may run what waits.
    going_on: RefCell<Vec<Rc<Session>>>,
    /// They are being run; what is answered meanwhile is picked up by the same loop.
    going: Cell<bool>,
}

impl Hub {
    /// A number for a new session.
    pub fn next_id(&self) -> u64 {
        self.next.set(self.next.get() + 1);
        self.next.get()
    }

    /// A socket was opened.
    pub fn opened(&self, session: &Rc<Session>) {
        self.sessions.borrow_mut().insert(session.key().id, Rc::clone(session));
    }

    /// A session hears as this user from now on.
    pub fn subscribe(&self, session: &Rc<Session>, license: LicenseId, user: &UserId) {
        let mut users = self.users.borrow_mut();
        users.entry((license, user.clone())).or_default().push(Rc::clone(session));
        if session.side() == Side::Agent {
            self.agents.borrow_mut().entry(license).or_default().push(Rc::clone(session));
        }
    }

    /// A session hears nothing more.
    pub fn unsubscribe(&self, session: &Session, license: LicenseId, user: &UserId) {
        let drop_from = |list: &mut Listeners| list.retain(|s| s.key() != session.key());
        let mut users = self.users.borrow_mut();
        if let Some(list) = users.get_mut(&(license, user.clone())) {
            drop_from(list);
            if list.is_empty() {
                users.remove(&(license, user.clone()));
            }
        }
        if let Some(list) = self.agents.borrow_mut().get_mut(&license) {
            drop_from(list);
        }
    }

    /// A socket is gone.
    pub fn closed(&self, session: &Session) {
        self.sessions.borrow_mut().remove(&session.key().id);
    }

    /// A session was answered: what it has waiting may run when this turn's pushes are out.
    pub(crate) fn may_go_on(&self, session: Rc<Session>) {
        self.going_on.borrow_mut().push(session);
    }

    /// Runs what waits in the sessions that were answered.
    pub(crate) fn go_on(&self) {
        if self.going.replace(true) {
            return;
        }
        let _done = Done(&self.going);
        loop {
            let next = self.going_on.borrow_mut().pop();
            let Some(session) = next else { break };
            session.run_waiting();
        }
    }

    /// How many sockets are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.borrow().len()
    }

    /// Is no socket open?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands a parcel to its sessions.
    pub fn take(&self, parcel: Parcel) {
        match parcel {
            Parcel::Answer { cause, outcome } => {
                if let Some(session) = self.session(cause.session.id) {
                    session.answered(cause.slot, &outcome);
                }
            }
            Parcel::Push { license, capture, cause, lsn } => self.push(license, &capture, cause, lsn),
            Parcel::Echo { capture, cause } => {
                if let Some(session) = self.session(cause.session.id) {
                    session.push(&Copies::new(&capture), Some(cause), None);
                }
            }
            Parcel::UserChanged(license, user) => {
                self.of_user(license, &user).iter().for_each(|session| session.refresh());
            }
            Parcel::GroupsChanged(license) => {
                let agents = self.agents.borrow().get(&license).cloned().unwrap_or_default();
                agents.iter().for_each(|session| session.refresh());
            }
            Parcel::TokenGone(token, why) => {
                self.each(|session| session.uses_token(&token), |session| session.disconnect(why));
            }
            Parcel::UserGone(license, user, why) => {
                self.of_user(license, &user).iter().for_each(|session| session.disconnect(why));
            }
            Parcel::DeliveryKept(id) => {
                if let Some(shard) = Shard::current() {
                    shard.delivery_kept(&id);
                }
            }
        }
    }

    /// Tells every session that the server stops.
    pub fn shut_down(&self) {
        self.each(|_| true, |session| session.disconnect(Disconnect::Shutdown));
    }

    /// Looks at every session's timers.
    pub fn tick(&self) {
        self.each(|_| true, |session| session.tick());
        self.go_on();
    }

    fn each(&self, wanted: impl Fn(&Session) -> bool, act: impl Fn(&Rc<Session>)) {
        let sessions: Vec<_> = self.sessions.borrow().values().filter(|s| wanted(s)).cloned().collect();
        sessions.iter().for_each(act);
    }

    fn session(&self, id: u64) -> Option<Rc<Session>> {
        self.sessions.borrow().get(&id).cloned()
    }

    fn of_user(&self, license: LicenseId, user: &UserId) -> Listeners {
        self.users.borrow().get(&(license, user.clone())).cloned().unwrap_or_default()
    }

    fn push(&self, license: LicenseId, capture: &Arc<Capture>, cause: Option<Cause>, lsn: Lsn) {
        let copies = Copies::new(capture);
        let to = &capture.what.to;
        let mut asker_told = false;
        let mut tell = |session: &Rc<Session>| {
            asker_told |= cause.is_some_and(|cause| cause.session == session.key());
            session.push(&copies, cause, Some(lsn));
        };
        if to.groups.is_empty() && to.named.is_empty() && !to.license {
            for agent in dedup(&to.agents) {
                let user = UserId::Agent(agent.clone());
                let listeners = self.of_user(license, &user);
                listeners.iter().filter(|s| s.hears(to.hearing, Reach::My)).for_each(&mut tell);
            }
            for agent in to.followers.agents.iter().filter(|agent| !to.agents.contains(agent)) {
                let listeners = self.of_user(license, &UserId::Agent(agent.clone()));
                listeners.iter().filter(|s| may_follow(s, &to.followers)).for_each(&mut tell);
            }
        } else {
            let listeners = self.agents.borrow().get(&license).cloned().unwrap_or_default();
            listeners.iter().filter(|session| hears(session, to)).for_each(&mut tell);
        }
        for customer in to.customer.iter().chain(&to.customers) {
            self.of_user(license, &UserId::Customer(*customer)).iter().for_each(&mut tell);
        }
        // Whoever asked hears the main push even from outside: clients wait for it (spec v3.0, 1.3).
        if let Some(cause) = cause.filter(|_| capture.what.main && !asker_told)
            && let Some(session) = self.session_of(cause)
        {
            session.push(&copies, Some(cause), Some(lsn));
        }
    }

    fn session_of(&self, cause: Cause) -> Option<Rc<Session>> {
        let here = Shard::current().is_some_and(|shard| shard.index == cause.session.shard);
        if here { self.session(cause.session.id) } else { None }
    }
}

/// Ends the loop of [`Hub::go_on`], also when something in it panicked.
struct Done<'a>(&'a Cell<bool>);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

fn dedup<T: PartialEq>(items: &[T]) -> impl Iterator<Item = &T> {
    items.iter().enumerate().filter(|(i, item)| !items[..*i].contains(item)).map(|(_, item)| item)
}

/// Does an agent's session hear a push with this address?
fn hears(session: &Session, to: &Address) -> bool {
    let among = |agents: &[AgentId]| session.agent().is_some_and(|agent| agents.contains(&agent));
    let hears = |reach| session.hears(to.hearing, reach);
    let admitted = || to.license || session.in_groups(&to.groups) || among(&to.named);
    (hears(Reach::My) && among(&to.agents))
        || (hears(Reach::Access) && admitted())
        || (among(&to.followers.agents) && may_follow(session, &to.followers))
}

/// Whoever follows hears only while it may read the chat without being in it.
fn may_follow(session: &Session, followers: &Followers) -> bool {
    let named = || session.agent().is_some_and(|agent| followers.named.contains(&agent));
    let hears = |reach| session.hears(Hearing::Chats, reach);
    hears(Reach::All) || (hears(Reach::Access) && (session.in_groups(&followers.groups) || named()))
}

/// A push in every form that somebody here needs, each made when first asked for.
pub struct Copies<'a> {
    /// The push itself.
    pub capture: &'a Arc<Capture>,
    made: RefCell<Vec<(Form, Option<Copy>)>>,
}

/// What the encoding of a push depends on.
type Form = (*const (), Side, bool);

/// One encoding, ready for the wire.
#[derive(Clone)]
pub struct Copy {
    /// The text, for splicing a `request_id` in.
    pub encoded: Rc<Encoded>,
    /// The framed text without one.
    pub framed: Bytes,
}

impl<'a> Copies<'a> {
    /// Of one push.
    #[must_use]
    pub fn new(capture: &'a Arc<Capture>) -> Self {
        Self { capture, made: RefCell::default() }
    }

    /// The push as one kind of session hears it; `None` when it does not.
    pub fn get(&self, dialect: &'static dyn Dialect, session: &Session) -> Option<Copy> {
        let told: &Told = &self.capture.what;
        let follows = dialect.depends_on_follower(told)
            && matches!(&told.push, Push::ChatStarted { chat, .. }
                if session.agent().is_some_and(|agent| chat.followers.contains(&agent)));
        let form = (std::ptr::from_ref(dialect).cast::<()>(), session.side(), follows);
        if let Some((_, copy)) = self.made.borrow().iter().find(|(key, _)| *key == form) {
            return copy.clone();
        }
        let encoded = dialect.push(session.side(), self.capture, follows);
        let copy = encoded.map(|encoded| {
            let framed = frame_text(encoded.text.as_bytes());
            Copy { encoded: Rc::new(encoded), framed }
        });
        self.made.borrow_mut().push((form, copy.clone()));
        copy
    }
}
