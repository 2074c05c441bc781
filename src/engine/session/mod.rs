//! One WebSocket: who it is, its running requests and its outbox (design D5, D6). Pushes reach
//! it through the hub, not through a mailbox; it knows no wire format but its dialect.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use switchboard_domain::auth::{Family, Principal, Reach, Right};
use switchboard_domain::conversation::push::Hearing;
use switchboard_domain::id::{AgentId, ConversationId, GroupId, LicenseId};
use switchboard_domain::time::Timestamp;

use crate::engine::dialect::{Capture, Dialect, Disconnect, Side};
use crate::engine::entry::TokenHash;
use crate::engine::handle::Authenticated;
use crate::engine::hub::Copies;
use crate::engine::limits::{LOGIN_BUFFER, WAITING_FRAMES};
use crate::engine::maps::Map;
use crate::engine::operations;
use crate::engine::order::Outcome;
use crate::engine::origin::{Origin, Stranger};
use crate::engine::outbox::{Outbox, SocketEvents};
use crate::engine::release::{Answer, Cause, SessionKey};
use crate::engine::shard::Shard;
use crate::storage::Lsn;
use crate::telemetry::clock;

mod requests;

use requests::Running;

/// Close code when all is said (RFC 6455, 7.4.1).
const CLOSE_NORMAL: u16 = 1000;
/// Close code for a user who may not be here any longer.
const CLOSE_POLICY: u16 = 1008;

/// Who the connection is.
#[derive(Clone)]
pub(crate) struct Identity {
    /// What the token said.
    pub(crate) who: Authenticated,
    /// As whom it acts.
    pub(crate) by: Arc<Principal>,
    /// Group of chats started without an access.
    pub(crate) group: Option<GroupId>,
}

/// Where a session stands in its chats when its login is answered.
#[derive(Default)]
pub(crate) struct Standing {
    /// The position of each chat that the answer shows.
    pub(crate) seen: Map<ConversationId, Lsn>,
    /// What it missed before.
    pub(crate) missed: Vec<Arc<Capture>>,
    /// Its client wants the numbers of pushes.
    pub(crate) numbered: bool,
}

enum State {
    New,
    /// The login with this slot runs; what is pushed meanwhile waits for its answer (design D11).
    LoggingIn(u32, Vec<(Arc<Capture>, Lsn)>),
    In(Rc<Identity>),
    /// Logs out: hears nothing more but the answers to what still runs, then closes.
    LoggingOut,
    Gone,
}

/// A session. What every push looks at stands first and together: of thousands of sessions none is in
/// the processor's cache, and each line of memory has to be fetched.
#[repr(C)]
pub struct Session {
    key: SessionKey,
    side: Side,
    /// The chats that its scopes let it read, once subscribed.
    reads_chats: Cell<Option<Reach>>,
    next_slot: Cell<u32>,
    /// Its client asked for the numbers of pushes, to go on by them.
    numbered: Cell<bool>,
    dialect: &'static dyn Dialect,
    outbox: Rc<Outbox>,
    shard: Rc<Shard>,
    state: RefCell<State>,
    /// The request answered last: the push that it caused comes right behind.
    answered: RefCell<Option<(u32, Box<str>)>>,
    /// The last word in a chat, or new page.
    active: Cell<Duration>,
    /// What the login's answer showed of each chat: older pushes may still be on their way from
    /// other shards. Each entry goes with the chat's first newer push.
    seen: RefCell<Map<ConversationId, Lsn>>,
    running: RefCell<Vec<(u32, Running)>>,
    waiting: RefCell<VecDeque<Box<str>>>,
    /// Its token was looked up last in this generation, and was in force.
    in_force_at: Cell<Option<u64>>,
    alive: Cell<Duration>,
    /// Before this moment none of its timers can have run out.
    look_at: Cell<Duration>,
    /// Subscribed as this user, from the middle of the login on.
    identity: RefCell<Option<Rc<Identity>>>,
    me: std::rc::Weak<Self>,
    /// The tenant that the address named, on the customer side.
    license: Option<LicenseId>,
    opened: Duration,
    /// Counts it among the connections that have not logged in.
    stranger: RefCell<Option<Stranger>>,
    origin: Origin,
}

impl Session {
    /// A session for a socket that was just opened on this shard.
    #[must_use]
    pub fn open(
        shard: &Rc<Shard>,
        side: Side,
        dialect: &'static dyn Dialect,
        license: Option<LicenseId>,
        origin: Origin,
        outbox: Rc<Outbox>,
    ) -> Rc<Self> {
        let now = clock::monotonic();
        let session = Rc::new_cyclic(|me| Self {
            key: SessionKey { shard: shard.index, id: shard.hub.next_id() },
            side,
            dialect,
            license,
            origin,
            outbox,
            shard: Rc::clone(shard),
            me: me.clone(),
            state: RefCell::new(State::New),
            identity: RefCell::default(),
            in_force_at: Cell::new(None),
            reads_chats: Cell::new(None),
            running: RefCell::default(),
            waiting: RefCell::default(),
            next_slot: Cell::new(0),
            numbered: Cell::new(false),
            seen: RefCell::default(),
            answered: RefCell::default(),
            opened: now,
            alive: Cell::new(now),
            look_at: Cell::new(now),
            active: Cell::new(now),
            stranger: RefCell::default(),
        });
        let here = Rc::clone(shard);
        session.outbox.set_last_word(move || {
            here.engine.meters().too_slow();
            dialect.disconnect(side, Disconnect::TooSlow)
        });
        shard.hub.opened(&session);
        shard.engine.meters().session_opened(side);
        session.enter();
        session
    }

    /// Takes its place among those that have not logged in, or is turned away.
    fn enter(&self) {
        let Some(address) = self.origin.address else { return };
        let limit = self.shard.engine.settings().strangers_per_address;
        match self.shard.engine.strangers().enter(address, limit) {
            None => self.disconnect(Disconnect::TooManyUnauthorized),
            stranger => drop(self.stranger.replace(stranger)),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn key(&self) -> SessionKey {
        self.key
    }

    /// Which kind of user it is for.
    #[must_use]
    pub const fn side(&self) -> Side {
        self.side
    }

    /// The tenant that its address named.
    #[must_use]
    pub const fn license(&self) -> Option<LicenseId> {
        self.license
    }

    /// Where it comes from.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Is it subscribed as an agent of whom this is true?
    pub fn is_agent(&self, who: impl FnOnce(&AgentId) -> bool) -> bool {
        self.identity.borrow().as_ref().and_then(|id| id.by.agent()).is_some_and(who)
    }

    /// Is it subscribed as one of these agents?
    #[must_use]
    pub fn is_among(&self, agents: &[AgentId]) -> bool {
        self.is_agent(|agent| agents.contains(agent))
    }

    /// Do its scopes let it hear something that takes this right, of chats within this reach?
    #[must_use]
    pub fn hears(&self, hearing: Hearing, reach: Reach) -> bool {
        if hearing == Hearing::Chats {
            return self.reads_chats.get() >= Some(reach);
        }
        let identity = self.identity.borrow();
        let Some(scopes) = identity.as_ref().map(|id| id.by.scopes) else { return false };
        hearing == Hearing::Anything || scopes.reach(Family::Customers, Right::Read).is_some()
    }

    /// Is its agent in one of these groups?
    #[must_use]
    pub fn in_groups(&self, groups: &[GroupId]) -> bool {
        groups.contains(&GroupId::EVERYBODY)
            || self
                .identity
                .borrow()
                .as_ref()
                .is_some_and(|id| id.by.groups.iter().any(|group| groups.contains(group)))
    }

    /// Does it live by this token?
    #[must_use]
    pub fn uses_token(&self, token: &TokenHash) -> bool {
        self.identity.borrow().as_ref().is_some_and(|id| id.by.token == *token)
    }

    /// Takes over the groups that its agent has now.
    pub fn refresh(&self) {
        let mut identity = self.identity.borrow_mut();
        let Some(id) = identity.as_mut() else { return };
        let Some(table) = self.shard.engine.tables().license(id.by.license) else { return };
        *id = Rc::new(Identity { by: Arc::new(table.refreshed(&id.by)), ..Identity::clone(id) });
        self.reads_chats.set(id.by.scopes.read_chats());
        if let State::In(acts_as) = &mut *self.state.borrow_mut() {
            acts_as.clone_from(id);
        }
    }

    /// Hears as this user from now on; the login's answer comes before anything it hears.
    pub(crate) fn subscribe(&self, identity: Identity) {
        if matches!(*self.state.borrow(), State::Gone) {
            return;
        }
        let (license, user) = (identity.by.license, identity.by.user.clone());
        self.reads_chats.set(identity.by.scopes.read_chats());
        *self.identity.borrow_mut() = Some(Rc::new(identity));
        if let Some(me) = self.me.upgrade() {
            self.shard.hub.subscribe(&me, license, &user);
            // Its end may have come while it logged in.
            if self.shard.engine.tables().has_ended(license) {
                self.disconnect(Disconnect::LicenseEnded);
            }
        }
    }

    /// Is the socket gone?
    pub(crate) fn is_gone(&self) -> bool {
        matches!(*self.state.borrow(), State::Gone)
    }

    /// The login came to its end: answers it, then sends what was missed before it, and what was pushed
    /// meanwhile and is not in the answer already.
    pub(crate) fn logged_in(&self, slot: u32, outcome: &Outcome, standing: Standing) {
        let identity = self.identity.borrow().clone();
        let next = match (outcome, identity) {
            (Ok(_), Some(identity)) => State::In(identity),
            _ => State::New,
        };
        if self.is_gone() {
            return;
        }
        if outcome.is_err() {
            self.leave(None);
        } else {
            self.stranger.take();
            self.active.set(clock::monotonic());
        }
        let before = self.state.replace(next);
        self.answered(slot, outcome);
        if let State::LoggingIn(_, buffer) = before
            && outcome.is_ok()
        {
            self.numbered.set(standing.numbered);
            for capture in standing.missed {
                self.push(&Copies::new(&capture), None, None);
            }
            *self.seen.borrow_mut() = standing.seen;
            for (capture, lsn) in buffer {
                self.push(&Copies::new(&capture), None, Some(lsn));
            }
        }
        self.may_go_on();
    }

    /// What waits may run when the pushes of what was just answered are out: they carry its id.
    fn may_go_on(&self) {
        if let Some(me) = self.me.upgrade() {
            self.shard.hub.may_go_on(me);
        }
    }

    /// Something happened that it may hear.
    pub fn push(&self, copies: &Copies<'_>, cause: Option<Cause>, lsn: Option<Lsn>) {
        match (&mut *self.state.borrow_mut(), lsn) {
            (State::LoggingIn(_, buffer), Some(lsn)) => {
                if buffer.len() < LOGIN_BUFFER {
                    buffer.push((Arc::clone(copies.capture), lsn));
                } else {
                    self.outbox.close(CLOSE_POLICY, "too many pushes during the login");
                }
                return;
            }
            (State::LoggingOut, _) => return,
            _ => {}
        }
        if self.was_shown(copies.capture, lsn) {
            return;
        }
        let Some(copy) = copies.get(self.dialect, self) else { return };
        self.shard.hub.count_push();
        if self.side == Side::Customer && copies.capture.what.push.chat().is_some() {
            self.active.set(clock::monotonic());
        }
        let mine = cause.filter(|cause| cause.session == self.key && copies.capture.what.main);
        let answered = self.answered.borrow();
        let request_id = mine.and_then(|mine| answered.as_ref().filter(|(slot, _)| *slot == mine.slot));
        let seq = copies.capture.what.seq.filter(|_| self.numbered.get());
        let seq = seq.map(|seq| seq.of_generation(self.shard.engine.generation()));
        if request_id.is_none() && seq.is_none() {
            return self.outbox.push_framed(&copy);
        }
        let (head, tail) = copy.framed[copy.header..].split_at(copy.splice_at);
        let id = request_id.map(|(_, id)| format!("\"request_id\":{},", serde_json::Value::from(&**id)));
        let seq = seq.map(|seq| format!("\"seq\":\"{seq}\","));
        let (id, seq) = (id.unwrap_or_default(), seq.unwrap_or_default());
        self.outbox.push_text_of(&[head, seq.as_bytes(), id.as_bytes(), tail]);
    }

    /// Did the login's answer show it already (design D11)?
    fn was_shown(&self, capture: &Capture, lsn: Option<Lsn>) -> bool {
        if self.seen.borrow().is_empty() {
            return false;
        }
        let mut seen = self.seen.borrow_mut();
        if capture.what.push.is_passing() {
            return false;
        }
        let (Some(chat), Some(lsn)) = (capture.what.push.chat(), lsn) else { return false };
        let shown = seen.get(&chat).is_some_and(|shown| lsn <= *shown);
        if !shown {
            seen.remove(&chat);
        }
        shown
    }

    /// Ends the connection, telling why.
    pub fn disconnect(&self, why: Disconnect) {
        self.waiting.borrow_mut().clear();
        if !self.outbox.is_closing() {
            self.outbox.push_text(self.dialect.disconnect(self.side, why).as_bytes());
            self.outbox.close(why.close_code(), "");
        }
    }

    /// Has any of its timers to be looked at? `now` is the time as [`clock::monotonic`] tells it.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        self.look_at.get() <= now
    }

    /// Looks at its timers: login, silence, overdue requests, the token's end. `now` is the time as
    /// [`clock::monotonic`] and `today` as [`clock::now`] tell it.
    pub(crate) fn tick(&self, now: Duration, today: Timestamp) {
        self.look_at.set(now + self.shard.engine.settings().look_again());
        self.time_out(now);
        if matches!(*self.state.borrow(), State::LoggingOut) {
            return;
        }
        let identity = self.identity.borrow();
        let Some(identity) = identity.as_ref() else {
            if now.saturating_sub(self.opened) >= self.shard.engine.settings().login_time {
                self.disconnect(Disconnect::Timeout);
            }
            return;
        };
        // Whoever revokes a token tells its sessions; only time has to be looked at.
        if identity.who.token.expired(today) {
            self.disconnect(Disconnect::TokenExpired);
        } else if self.outbox.is_reading_paused() {
            // While it is we who do not read, the client's silence means nothing.
            self.alive.set(now);
        } else if now.saturating_sub(self.alive.get()) >= self.shard.engine.settings().idle_time {
            self.disconnect(Disconnect::Timeout);
        } else if self.side == Side::Customer
            && now.saturating_sub(self.active.get()) >= self.shard.engine.settings().customer_inactivity
        {
            self.disconnect(Disconnect::Inactive);
        }
    }

    /// Unsubscribes and tells the user's actor, which answers a logout. Only the first call does
    /// anything.
    fn leave(&self, logout: Option<Answer>) {
        if let Some(identity) = self.identity.take() {
            self.reads_chats.set(None);
            self.shard.hub.unsubscribe(self, identity.by.license, &identity.by.user);
            let whose = (identity.by.license, &identity.by.user);
            operations::connection_gone(&self.shard, whose, self.key, logout);
        }
    }
}

impl SocketEvents for Session {
    fn on_text(&self, text: &str) {
        if self.may_run() && self.waiting.borrow().is_empty() {
            self.run(text);
        } else {
            let mut waiting = self.waiting.borrow_mut();
            waiting.push_back(text.into());
            if waiting.len() >= WAITING_FRAMES {
                self.outbox.pause_reading();
            }
        }
        self.shard.hub.go_on();
    }

    fn on_binary(&self) {
        // Not a request in any dialect: refused like a text that cannot be read.
        self.on_text("");
    }

    fn on_life(&self) {
        self.alive.set(clock::monotonic());
    }

    fn on_gone(&self) {
        self.state.replace(State::Gone);
        self.stranger.take();
        self.leave(None);
        self.shard.hub.closed(self);
        self.shard.engine.meters().session_closed(self.side);
    }
}
