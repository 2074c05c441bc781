//! What time alone changes, seen to by the actor: the shard's wheel wakes it, and every command
//! looks first, since a busy mailbox would keep the wake-up waiting.

use actix::{ActorContext as _, AsyncContext, Context as ActorContext, Handler, Message};
use switchboard_domain::conversation::command::Command;
use switchboard_domain::time::Timestamp;

use super::{ConversationActor, Execute};
use crate::engine::release::Answer;
use crate::engine::resident::Rest;

/// Time has passed, the settings of the license have changed, or the customer is gone.
#[derive(Clone, Copy)]
pub(crate) struct TimePassed;

impl Message for TimePassed {
    type Result = ();
}

impl ConversationActor {
    fn deadline(&self) -> Option<Timestamp> {
        let around = self.state.surroundings(&*self.table, self.shard.engine.running_since());
        self.state.next_deadline(around).map(|(at, _)| at)
    }

    /// Asks to be woken at the next deadline. A wake-up that comes too early does no harm, so that
    /// talk, which only puts deadlines off, costs nothing here.
    pub(super) fn watch_the_clock(&mut self, ctx: &ActorContext<Self>) {
        if self.asking {
            // Looked at again when the router has answered.
            return;
        }
        if let Some(at) = self.deadline()
            && self.wake_at.is_none_or(|wake_at| at < wake_at)
        {
            self.wake_at = Some(at);
            let key = (self.state.license(), self.state.id());
            self.shard.wake(key, at, ctx.address());
        }
    }

    /// Does what is due before anything else is done.
    pub(super) fn catch_up(&mut self, ctx: &mut ActorContext<Self>) {
        let now = self.shard.now();
        if self.asking || self.wake_at.is_none_or(|at| now < at) {
            return;
        }
        self.wake_at = None;
        if self.deadline().is_some_and(|at| at <= now) {
            let running_since = self.shard.engine.running_since();
            let command = Command::Due { running_since, placement: None };
            let due = Execute { command, by: None, answer: Answer::Nobody, placed_at: None, key: None };
            self.handle(due, ctx);
        }
    }
}

impl Handler<TimePassed> for ConversationActor {
    type Result = ();

    fn handle(&mut self, _: TimePassed, ctx: &mut ActorContext<Self>) {
        // Other settings may have brought the deadline nearer.
        self.wake_at = self.deadline();
        self.catch_up(ctx);
        self.wake_at = None;
        self.watch_the_clock(ctx);
    }
}

impl Handler<Rest> for ConversationActor {
    type Result = ();

    /// Leaves when it is closed, stored, and in the middle of nothing: as it is after a restart, until
    /// somebody wants it.
    fn handle(&mut self, _: Rest, ctx: &mut ActorContext<Self>) {
        let busy = self.asking || self.saving || self.loading.is_running() || !self.held_back.is_empty();
        let open = self.state.active_thread().is_some() || self.deadline().is_some();
        if busy || open || self.marked || self.shard.has_unsaved(&self.key()) {
            return;
        }
        let directory = self.shard.engine.directory();
        if directory.conversation_leaves(self.state.license(), self.state.id()) {
            ctx.stop();
        }
    }
}
