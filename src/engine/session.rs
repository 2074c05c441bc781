//! One WebSocket: who it is, its running requests and its outbox (design D5, D6). Pushes reach
//! it through the hub, not through a mailbox; it knows no wire format but its dialect.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use switchboard_domain::auth::{Family, Principal, Reach, Right};
use switchboard_domain::conversation::push::Hearing;
use switchboard_domain::id::{AgentId, ConversationId, GroupId, LicenseId};

use crate::engine::dialect::{Ask, Capture, Dialect, Disconnect, FrameHead, Side};
use crate::engine::entry::TokenHash;
use crate::engine::handle::Authenticated;
use crate::engine::hub::{Copies, Copy};
use crate::engine::limits::{LOGIN_BUFFER, RUNNING_REQUESTS, WAITING_FRAMES};
use crate::engine::operations;
use crate::engine::order::{Done, Failure, Order, Outcome, Request};
use crate::engine::origin::{Origin, Stranger};
use crate::engine::outbox::{Outbox, SocketEvents};
use crate::engine::release::{Answer, Cause, SessionKey};
use crate::engine::shard::Shard;
use crate::storage::Lsn;
use crate::telemetry::clock;

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

enum State {
    New,
    /// The login with this slot runs; what is pushed meanwhile waits for its answer (design D11).
    LoggingIn(u32, Vec<(Arc<Capture>, Lsn)>),
    In(Identity),
    /// Logs out: hears nothing more but the answers to what still runs, then closes.
    LoggingOut,
    Gone,
}

struct Running {
    head: FrameHead,
    by: Option<Arc<Principal>>,
    since: Duration,
}

/// A session.
pub struct Session {
    key: SessionKey,
    side: Side,
    dialect: &'static dyn Dialect,
    /// The tenant that the address named, on the customer side.
    license: Option<LicenseId>,
    origin: Origin,
    outbox: Rc<Outbox>,
    shard: Rc<Shard>,
    me: std::rc::Weak<Self>,
    state: RefCell<State>,
    /// Subscribed as this user, from the middle of the login on.
    identity: RefCell<Option<Identity>>,
    running: RefCell<Vec<(u32, Running)>>,
    waiting: RefCell<VecDeque<Box<str>>>,
    next_slot: Cell<u32>,
    /// What the login's answer showed of each chat: older pushes may still be on their way from
    /// other shards. Each entry goes with the chat's first newer push.
    seen: RefCell<HashMap<ConversationId, Lsn>>,
    /// The request answered last: the push that it caused comes right behind.
    answered: RefCell<Option<(u32, Box<str>)>>,
    opened: Duration,
    alive: Cell<Duration>,
    /// The last word in a chat, or new page.
    active: Cell<Duration>,
    /// Counts it among the connections that have not logged in.
    stranger: RefCell<Option<Stranger>>,
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
            running: RefCell::default(),
            waiting: RefCell::default(),
            next_slot: Cell::new(0),
            seen: RefCell::default(),
            answered: RefCell::default(),
            opened: now,
            alive: Cell::new(now),
            active: Cell::new(now),
            stranger: RefCell::default(),
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

    /// The agent it is, once subscribed.
    #[must_use]
    pub fn agent(&self) -> Option<AgentId> {
        self.identity.borrow().as_ref().and_then(|id| id.by.agent().cloned())
    }

    /// Do its scopes let it hear something that takes this right, of chats within this reach?
    #[must_use]
    pub fn hears(&self, hearing: Hearing, reach: Reach) -> bool {
        let identity = self.identity.borrow();
        let Some(scopes) = identity.as_ref().map(|id| id.by.scopes) else { return false };
        match hearing {
            Hearing::Chats => scopes.read_chats() >= Some(reach),
            Hearing::Customers => scopes.reach(Family::Customers, Right::Read).is_some(),
            Hearing::Anything => true,
        }
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
        let refreshed = |id: &mut Identity| {
            if let Some(table) = self.shard.engine.tables().license(id.by.license) {
                id.by = Arc::new(table.refreshed(&id.by));
            }
        };
        self.identity.borrow_mut().as_mut().map(refreshed);
        if let State::In(id) = &mut *self.state.borrow_mut() {
            refreshed(id);
        }
    }

    /// Hears as this user from now on; the login's answer comes before anything it hears.
    pub(crate) fn subscribe(&self, identity: Identity) {
        if matches!(*self.state.borrow(), State::Gone) {
            return;
        }
        let (license, user) = (identity.by.license, identity.by.user.clone());
        *self.identity.borrow_mut() = Some(identity);
        if let Some(me) = self.me.upgrade() {
            self.shard.hub.subscribe(&me, license, &user);
        }
    }

    /// Is the socket gone?
    pub(crate) fn is_gone(&self) -> bool {
        matches!(*self.state.borrow(), State::Gone)
    }

    /// The login came to its end: answers it, then sends what was pushed meanwhile and is not in
    /// the answer already.
    pub(crate) fn logged_in(&self, slot: u32, outcome: &Outcome, seen: &HashMap<ConversationId, Lsn>) {
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
            self.seen.borrow_mut().clone_from(seen);
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

    /// The answer to one of its requests.
    pub fn answered(&self, slot: u32, outcome: &Outcome) {
        let found = self.running.borrow().iter().position(|(of, _)| *of == slot);
        let Some(at) = found else { return };
        let (_, running) = self.running.borrow_mut().swap_remove(at);
        let by = running.by.as_deref();
        let text = self.dialect.answer(self.side, &running.head, outcome, by);
        self.outbox.push_text(text.as_bytes());
        let took = clock::monotonic().saturating_sub(running.since);
        self.shard.engine.meters().answered(outcome, took);
        *self.answered.borrow_mut() = running.head.request_id.map(|id| (slot, id));
        if matches!(*self.state.borrow(), State::LoggingOut) && self.running.borrow().is_empty() {
            self.outbox.close(CLOSE_NORMAL, "");
        }
        self.may_go_on();
    }

    /// Something happened that it may hear.
    pub fn push(&self, copies: &Copies<'_>, cause: Option<Cause>, lsn: Option<Lsn>) {
        if let (State::LoggingIn(_, buffer), Some(lsn)) = (&mut *self.state.borrow_mut(), lsn) {
            if buffer.len() < LOGIN_BUFFER {
                buffer.push((Arc::clone(copies.capture), lsn));
            } else {
                self.outbox.close(CLOSE_POLICY, "too many pushes during the login");
            }
            return;
        }
        if matches!(*self.state.borrow(), State::LoggingOut) || self.was_shown(copies.capture, lsn) {
            return;
        }
        let Some(Copy { encoded, framed }) = copies.get(self.dialect, self) else { return };
        self.shard.engine.meters().pushed();
        if copies.capture.what.push.chat().is_some() {
            self.active.set(clock::monotonic());
        }
        let mine = cause.filter(|cause| cause.session == self.key && copies.capture.what.main);
        let answered = self.answered.borrow();
        let request_id = mine.and_then(|mine| answered.as_ref().filter(|(slot, _)| *slot == mine.slot));
        match request_id {
            None => self.outbox.push_framed(&framed),
            Some((_, id)) => {
                let (head, tail) = encoded.text.split_at(encoded.splice_at);
                let id = serde_json::Value::from(&**id);
                self.outbox.push_text(format!("{head}\"request_id\":{id},{tail}").as_bytes());
            }
        }
    }

    /// Did the login's answer show it already (design D11)?
    fn was_shown(&self, capture: &Capture, lsn: Option<Lsn>) -> bool {
        let mut seen = self.seen.borrow_mut();
        if seen.is_empty() || capture.what.push.is_passing() {
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

    /// Looks at its timers: login, silence, overdue requests, the token's end.
    pub fn tick(&self) {
        let now = clock::monotonic();
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
        if identity.who.token.expired(clock::now()) {
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

    fn time_out(&self, now: Duration) {
        let overdue: Vec<u32> = {
            let running = self.running.borrow();
            let time = self.shard.engine.settings().request_time;
            // A login runs to its end: its answer says as whom the session goes on. What is too slow
            // for that is closed by the session's own timers.
            let login =
                if let State::LoggingIn(slot, _) = &*self.state.borrow() { Some(*slot) } else { None };
            let late = running
                .iter()
                .filter(|(slot, r)| Some(*slot) != login && now.saturating_sub(r.since) >= time);
            late.map(|(slot, _)| *slot).collect()
        };
        overdue.into_iter().for_each(|slot| self.answered(slot, &Err(Failure::Timeout)));
    }

    /// Runs frames that waited for others to end.
    pub(crate) fn run_waiting(&self) {
        while self.may_run() {
            let Some(text) = self.waiting.borrow_mut().pop_front() else { break };
            self.run(&text);
        }
        if self.waiting.borrow().len() < WAITING_FRAMES {
            self.outbox.resume_reading();
        }
    }

    fn may_run(&self) -> bool {
        let in_between = matches!(*self.state.borrow(), State::LoggingIn(..) | State::LoggingOut);
        !in_between && !self.outbox.is_closing() && self.running.borrow().len() < RUNNING_REQUESTS
    }

    fn run(&self, text: &str) {
        let identity = match &*self.state.borrow() {
            State::In(identity) => Some(identity.clone()),
            State::Gone => return,
            _ => None,
        };
        if let Some(why) = identity.as_ref().and_then(|id| self.ended(id)) {
            return self.disconnect(why);
        }
        let by = identity.as_ref().map(|id| Arc::clone(&id.by));
        let frame = self.dialect.read(self.side, by.as_deref(), text);
        let slot = self.next_slot.get();
        self.next_slot.set(slot.wrapping_add(1));
        let running = Running { head: frame.head, by, since: clock::monotonic() };
        self.running.borrow_mut().push((slot, running));
        match (frame.ask, identity) {
            (Err(failure), _) => self.answered(slot, &Err(failure)),
            (Ok(Ask::Ping), _) => self.answered(slot, &Ok(Done::Nothing)),
            (Ok(Ask::Login(login)), None) => {
                self.state.replace(State::LoggingIn(slot, Vec::new()));
                if let Some(me) = self.me.upgrade() {
                    operations::login(&self.shard, me, slot, login);
                }
            }
            (Ok(Ask::Login(_)), Some(_)) => self.answered(slot, &Err(Failure::LoggedIn)),
            (Ok(_), None) => self.answered(slot, &Err(Failure::LoginFirst)),
            (Ok(Ask::Logout), Some(_)) => {
                self.waiting.borrow_mut().clear();
                self.state.replace(State::LoggingOut);
                self.leave(Some(Answer::Session(Cause { session: self.key, slot })));
            }
            (Ok(Ask::Order(order, author)), Some(identity)) => self.order(slot, &identity, order, author),
        }
    }

    /// Why its token is good for nothing any more, if so: every request asks, because the word that
    /// ends the session may still be on its way.
    fn ended(&self, identity: &Identity) -> Option<Disconnect> {
        if identity.who.token.expired(clock::now()) {
            return Some(Disconnect::TokenExpired);
        }
        let in_force = self.shard.engine.tables().token(&identity.who.hash).is_some();
        (!in_force).then_some(Disconnect::TokenRevoked)
    }

    fn order(&self, slot: u32, identity: &Identity, order: Order, author: Option<AgentId>) {
        if matches!(order, Order::Chat(..) | Order::StartChat(_) | Order::OpenPage(_)) {
            self.active.set(clock::monotonic());
        }
        let by = match author {
            None => Ok(Arc::clone(&identity.by)),
            Some(author) => self.shard.engine.principal(&identity.who, Some(&author)),
        };
        match by {
            Err(failure) => self.answered(slot, &Err(failure)),
            Ok(by) => {
                let request = Request { by, order, group: identity.group };
                let cause = Cause { session: self.key, slot };
                operations::run(&self.shard, request, Answer::Session(cause));
            }
        }
    }

    /// Unsubscribes and tells the user's actor, which answers a logout. Only the first call does
    /// anything.
    fn leave(&self, logout: Option<Answer>) {
        if let Some(identity) = self.identity.take() {
            self.shard.hub.unsubscribe(self, identity.by.license, &identity.by.user);
            operations::connection_gone(&self.shard, &identity.by, self.key, logout);
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
