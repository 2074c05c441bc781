//! Who on this shard hears what (design D5): resolves the addresses of pushes to sessions, and
//! encodes a push once for all that hear it the same way.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, Context, Handler, Message};
use smallvec::SmallVec;
use switchboard_domain::auth::{Principal, Reach};
use switchboard_domain::conversation::push::{Address, Followers, Hearing, Push, Told};
use switchboard_domain::id::{AgentId, CustomerId, LicenseId, UserId};

use crate::engine::dialect::{Capture, Dialect, Disconnect, Side};
use crate::engine::entry::TokenHash;
use crate::engine::maps::Map;
use crate::engine::order::Outcome;
use crate::engine::outbox::frame_text;
use crate::engine::release::Cause;
use crate::engine::session::Session;
use crate::engine::shard::Shard;
use crate::engine::stream::Streams;
use crate::storage::Lsn;
use crate::telemetry::clock;

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
    /// Everybody of a license has to go.
    LicenseGone(LicenseId),
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

/// Sessions of one user. Nearly everybody has one: it stands where it is looked up.
type Listeners = SmallVec<[Rc<Session>; 1]>;

/// The sessions of one license.
#[derive(Default)]
struct Audience {
    /// Of each agent and bot.
    agents: Map<AgentId, Listeners>,
    /// Of each customer.
    customers: Map<CustomerId, Listeners>,
    /// Of all agents and bots.
    staff: Vec<Rc<Session>>,
}

impl Audience {
    fn of(&self, user: &UserId) -> Option<&Listeners> {
        match user {
            UserId::Agent(id) => self.agents.get(id),
            UserId::Customer(id) => self.customers.get(id),
        }
    }

    fn is_empty(&self) -> bool {
        self.agents.is_empty() && self.customers.is_empty()
    }
}

/// The sessions of a shard, by what they hear.
#[derive(Default)]
pub struct Hub {
    /// Those who hear a help desk's streams.
    pub(crate) streams: Streams,
    sessions: RefCell<Map<u64, Rc<Session>>>,
    audiences: RefCell<Map<LicenseId, Audience>>,
    next: Cell<u64>,
    /// Pushes handed to sessions that the process has not counted yet.
    pushes: Cell<u64>,
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
        let mut audiences = self.audiences.borrow_mut();
        let audience = audiences.entry(license).or_default();
        let own = match user {
            UserId::Agent(id) => audience.agents.entry(id.clone()).or_default(),
            UserId::Customer(id) => audience.customers.entry(*id).or_default(),
        };
        own.push(Rc::clone(session));
        if session.side() == Side::Agent {
            audience.staff.push(Rc::clone(session));
        }
    }

    /// A session hears nothing more.
    pub fn unsubscribe(&self, session: &Session, license: LicenseId, user: &UserId) {
        let mut audiences = self.audiences.borrow_mut();
        let Some(audience) = audiences.get_mut(&license) else { return };
        let left_in = |list: Option<&mut Listeners>| match list {
            Some(list) => {
                list.retain(|s| s.key() != session.key());
                !list.is_empty()
            }
            None => false,
        };
        match user {
            UserId::Agent(id) if !left_in(audience.agents.get_mut(id)) => drop(audience.agents.remove(id)),
            UserId::Customer(id) if !left_in(audience.customers.get_mut(id)) => {
                audience.customers.remove(id);
            }
            _ => {}
        }
        audience.staff.retain(|s| s.key() != session.key());
        if audience.is_empty() {
            audiences.remove(&license);
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

    /// The answer to a request of a session that is here.
    pub(crate) fn answer(&self, cause: Cause, outcome: &Outcome) {
        if let Some(session) = self.session(cause.session.id) {
            session.answered(cause.slot, outcome);
        }
    }

    /// A session was told a push.
    pub(crate) fn count_push(&self) {
        self.pushes.set(self.pushes.get() + 1);
    }

    /// The pushes since the last call.
    pub(crate) fn take_pushes(&self) -> u64 {
        self.pushes.take()
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
        self.sessions.borrow().len() + self.streams.len()
    }

    /// Is no socket open?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands a parcel to its sessions.
    pub fn take(&self, parcel: Parcel) {
        match parcel {
            Parcel::Answer { cause, outcome } => self.answer(cause, &outcome),
            Parcel::Push { license, capture, cause, lsn } => self.push(license, &capture, cause, lsn),
            Parcel::Echo { capture, cause } => {
                if let Some(session) = self.session(cause.session.id) {
                    let copies = Copies::new(&capture);
                    session.push(&copies, Some(cause), None);
                }
            }
            Parcel::UserChanged(license, user) => {
                self.of_user(license, &user).iter().for_each(|session| session.refresh());
                self.streams.refresh(license, Some(&user));
            }
            Parcel::GroupsChanged(license) => {
                self.staff(license).iter().for_each(|session| session.refresh());
                self.streams.refresh(license, None);
            }
            Parcel::TokenGone(token, why) => {
                self.each(|session| session.uses_token(&token), |session| session.disconnect(why));
                self.streams.token_gone(&token, why);
            }
            Parcel::UserGone(license, user, why) => {
                self.of_user(license, &user).iter().for_each(|session| session.disconnect(why));
                self.streams.user_gone(license, &user, why);
            }
            Parcel::LicenseGone(license) => {
                let why = Disconnect::LicenseEnded;
                self.of_license(license).iter().for_each(|session| session.disconnect(why));
                self.streams.license_gone(license, why);
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
        self.streams.shut_down();
    }

    /// Looks at every session's timers.
    pub fn tick(&self) {
        let (now, today) = (clock::monotonic(), clock::now());
        self.each(|session| session.is_due(now), |session| session.tick(now, today));
        self.streams.tick();
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
        let audiences = self.audiences.borrow();
        audiences.get(&license).and_then(|audience| audience.of(user)).cloned().unwrap_or_default()
    }

    fn staff(&self, license: LicenseId) -> Vec<Rc<Session>> {
        let audiences = self.audiences.borrow();
        audiences.get(&license).map(|audience| audience.staff.clone()).unwrap_or_default()
    }

    fn of_license(&self, license: LicenseId) -> Vec<Rc<Session>> {
        let audiences = self.audiences.borrow();
        let Some(audience) = audiences.get(&license) else { return Vec::new() };
        audience.agents.values().chain(audience.customers.values()).flatten().cloned().collect()
    }

    /// Everybody here who hears a push, in the order in which they are told.
    fn listeners(&self, license: LicenseId, to: &Address, mut tell: impl FnMut(&Rc<Session>)) {
        let audiences = self.audiences.borrow();
        let Some(audience) = audiences.get(&license) else { return };
        let mut told = |list: Option<&[Rc<Session>]>, hears: &dyn Fn(&Session) -> bool| {
            list.unwrap_or_default().iter().filter(|s| hears(s)).for_each(&mut tell);
        };
        let of_agent = |agent| audience.agents.get(agent).map(|list| &**list);
        if to.groups.is_empty() && to.named.is_empty() && !to.license {
            for agent in dedup(&to.agents) {
                told(of_agent(agent), &|session| session.hears(to.hearing, Reach::My));
            }
            for agent in to.followers.agents.iter().filter(|agent| !to.agents.contains(agent)) {
                told(of_agent(agent), &|session| may_follow(session, &to.followers));
            }
        } else {
            told(Some(&audience.staff), &|session| hears(session, to));
        }
        for customer in to.customer.iter().chain(&to.customers) {
            told(audience.customers.get(customer).map(|list| &**list), &|_| true);
        }
    }

    /// Tells a push to whoever is here and hears it.
    pub(crate) fn push(&self, license: LicenseId, capture: &Arc<Capture>, cause: Option<Cause>, lsn: Lsn) {
        let copies = Copies::new(capture);
        let mut asker_told = false;
        // Telling a session only fills its outbox: nobody comes or goes meanwhile.
        self.listeners(license, &capture.what.to, |session| {
            asker_told |= cause.is_some_and(|cause| cause.session == session.key());
            session.push(&copies, cause, Some(lsn));
        });
        // Whoever asked hears the main push even from outside: clients wait for it (spec v3.0, 1.3).
        if let Some(cause) = cause.filter(|_| capture.what.main && !asker_told)
            && let Some(session) = self.session_of(cause)
        {
            session.push(&copies, Some(cause), Some(lsn));
        }
        if capture.desk.is_some() || matches!(capture.what.push, Push::Customer(_)) {
            self.streams.push(license, capture);
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

/// Does a session hear a push with this address?
pub(crate) fn is_for(session: &Session, by: &Principal, to: &Address) -> bool {
    match &by.user {
        UserId::Agent(_) => hears(session, to),
        UserId::Customer(me) => to.customer.iter().chain(&to.customers).any(|customer| customer == me),
    }
}

/// Does an agent's session hear a push with this address?
fn hears(session: &Session, to: &Address) -> bool {
    let hears = |reach| session.hears(to.hearing, reach);
    let admitted = || to.license || session.in_groups(&to.groups) || session.is_among(&to.named);
    (hears(Reach::My) && session.is_among(&to.agents))
        || (hears(Reach::Access) && admitted())
        || (session.is_among(&to.followers.agents) && may_follow(session, &to.followers))
}

/// Whoever follows hears only while it may read the chat without being in it.
fn may_follow(session: &Session, followers: &Followers) -> bool {
    let hears = |reach| session.hears(Hearing::Chats, reach);
    hears(Reach::All)
        || (hears(Reach::Access)
            && (session.in_groups(&followers.groups) || session.is_among(&followers.named)))
}

/// A push in every form that somebody here needs, each made when first asked for.
pub struct Copies<'a> {
    /// The push itself.
    pub capture: &'a Arc<Capture>,
    made: RefCell<Made>,
}

/// What was made: nearly always one form, or one for each side.
type Made = SmallVec<[(Form, Option<Rc<Copy>>); 2]>;

/// What the encoding of a push depends on: dialect, side unless both hear the same, follower.
type Form = (*const (), Option<Side>, bool);

/// One encoding, ready for the wire.
pub struct Copy {
    /// The framed text.
    pub framed: Vec<u8>,
    /// Bytes of the frame before the text.
    pub header: usize,
    /// Where in the text a `request_id` may be spliced in.
    pub splice_at: usize,
}

impl AsRef<[u8]> for Copy {
    fn as_ref(&self) -> &[u8] {
        &self.framed
    }
}

impl<'a> Copies<'a> {
    /// Of one push.
    #[must_use]
    pub fn new(capture: &'a Arc<Capture>) -> Self {
        Self { capture, made: RefCell::default() }
    }

    /// The push as one kind of session hears it; `None` when it does not.
    pub fn get(&self, dialect: &'static dyn Dialect, session: &Session) -> Option<Rc<Copy>> {
        let told: &Told = &self.capture.what;
        let follows = dialect.depends_on_follower(told)
            && matches!(&told.push, Push::ChatStarted { chat, .. } if session.is_agent(|agent| chat.followers.contains(agent)));
        let side = (!dialect.same_for_both_sides(told)).then(|| session.side());
        let form = (std::ptr::from_ref(dialect).cast::<()>(), side, follows);
        if let Some((_, copy)) = self.made.borrow().iter().find(|(key, _)| *key == form) {
            return copy.clone();
        }
        let copy = dialect.push(session.side(), self.capture, follows).map(|encoded| {
            let framed = frame_text(encoded.text.as_bytes());
            let header = framed.len() - encoded.text.len();
            Rc::new(Copy { framed, header, splice_at: encoded.splice_at })
        });
        self.made.borrow_mut().push((form, copy.clone()));
        copy
    }
}
