//! The running requests of a session: from the frame to the answer.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use switchboard_domain::auth::Principal;
use switchboard_domain::id::AgentId;

use super::{CLOSE_NORMAL, Identity, Session, State};
use crate::engine::dialect::{Ask, Disconnect, FrameHead};
use crate::engine::limits::{RUNNING_REQUESTS, WAITING_FRAMES};
use crate::engine::operations;
use crate::engine::order::{Done, Failure, Order, Outcome, Request, RequestKey};
use crate::engine::release::{Answer, Cause};
use crate::telemetry::clock;

/// A request that is not answered yet.
pub(super) struct Running {
    head: FrameHead,
    by: Option<Arc<Principal>>,
    since: Duration,
}

impl Session {
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
        if !self.waiting.borrow().is_empty() || self.outbox.is_reading_paused() {
            self.may_go_on();
        }
    }

    /// Gives up requests that take too long.
    pub(super) fn time_out(&self, now: Duration) {
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

    /// May another request begin?
    pub(super) fn may_run(&self) -> bool {
        let in_between = matches!(*self.state.borrow(), State::LoggingIn(..) | State::LoggingOut);
        !in_between && !self.outbox.is_closing() && self.running.borrow().len() < RUNNING_REQUESTS
    }

    /// Begins a request.
    pub(super) fn run(&self, text: &str) {
        let identity = match &*self.state.borrow() {
            State::In(identity) => Some(Rc::clone(identity)),
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
            (Ok(Ask::Order(order, author)), Some(identity)) => {
                self.order(slot, &identity, (order, frame.key), author);
            }
        }
    }

    /// Why its token is good for nothing any more, if so: every request asks, because the word that
    /// ends the session may still be on its way. Looked up only if tokens were taken back since it
    /// asked last.
    fn ended(&self, identity: &Identity) -> Option<Disconnect> {
        if identity.who.token.expired(clock::now()) {
            return Some(Disconnect::TokenExpired);
        }
        let tables = self.shard.engine.tables();
        let generation = tables.token_generation();
        if self.in_force_at.get() == Some(generation) {
            return None;
        }
        if tables.token(&identity.who.hash).is_none() {
            return Some(Disconnect::TokenRevoked);
        }
        self.in_force_at.set(Some(generation));
        None
    }

    fn order(
        &self,
        slot: u32,
        identity: &Identity,
        (order, key): (Order, Option<RequestKey>),
        author: Option<AgentId>,
    ) {
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
                let request = Request { by, order, group: identity.group, key };
                let cause = Cause { session: self.key, slot };
                operations::run(&self.shard, request, Answer::Session(cause));
            }
        }
    }
}
