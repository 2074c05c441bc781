//! What a conversation has to do with the router: it asks one question at a time, and tells what became
//! of the answer.

use std::rc::Rc;

use actix::{AsyncContext, Context as ActorContext, Handler, Message};
use switchboard_domain::conversation::command::Command;
use switchboard_domain::error::{PlacementNeed, Rejected};
use switchboard_domain::id::AgentId;
use switchboard_domain::routing::Placement;
use switchboard_domain::time::Timestamp;

use super::{ConversationActor, Execute};
use crate::engine::limits::COMMANDS_HELD_BACK;
use crate::engine::link;
use crate::engine::operations;
use crate::engine::release::Release;
use crate::engine::router::{Cancel, RouterActor};

/// What the router waits to hear about a command that it had a part in.
pub(super) struct RouterPart {
    /// The command is its offer with this ticket.
    pub(super) ticket: Option<u64>,
    /// It reserved a place for the command.
    pub(super) placed: bool,
    /// The agent whose slot it reserved.
    pub(super) agent: Option<AgentId>,
}

impl RouterPart {
    pub(super) fn of(command: &Command, placed_at: Option<Timestamp>) -> Self {
        let ticket = if let Command::Assign { ticket, .. } = command { Some(*ticket) } else { None };
        let agent = match command.placement() {
            Some(Placement::Assigned(agent)) => Some(agent.clone()),
            _ => None,
        };
        Self { ticket, placed: placed_at.is_some(), agent }
    }
}

impl ConversationActor {
    /// Tells the router something when it is released.
    pub(super) fn to_router<M>(&self, message: M) -> impl FnOnce() + 'static
    where
        RouterActor: Handler<M>,
        M: Message<Result = ()> + Send + 'static,
    {
        let (engine, license) = (self.shard.engine.clone(), self.state.license());
        move || {
            if let Some(actors) = engine.directory().license(license) {
                link::tell(&actors.router, message);
            }
        }
    }

    /// A place that the router reserved and the command did not need is given back, rather than
    /// left to lapse.
    pub(super) fn give_back_unused(&self, part: &RouterPart, release: &mut Release) {
        let held = part.agent.as_ref().is_some_and(|agent| self.state.is_held_by(agent));
        if part.placed && !held && self.state.waiting_since().is_none() {
            release.first.push(Box::new(self.to_router(Cancel(self.state.id()))));
        }
    }

    /// Asks when what the router has to know of this chat is on its way to it: the question must
    /// not overtake the chat's own notices.
    pub(super) fn ask_router(&mut self, need: PlacementNeed, message: Execute, ctx: &ActorContext<Self>) {
        // What the engine itself wants has to happen, and is bounded by what it wants.
        if self.asking && message.by.is_some() && self.held_back.len() >= COMMANDS_HELD_BACK {
            self.shard.after(self.lsn, Release::reply(message.answer, Err(Rejected::Internal.into())));
        } else if self.asking {
            self.held_back.push_back(message);
        } else {
            self.asking = true;
            let (shard, me) = (Rc::clone(&self.shard), ctx.address());
            let chat = (self.state.license(), self.state.id());
            let ask = move || operations::place(&shard, chat, me, need, message);
            self.shard.after(self.lsn, Release::default().first(ask));
        }
    }

    /// The router has given its word: whoever waited for that may try again, in order, until one
    /// has to ask again.
    pub(super) fn asked(&mut self, ctx: &mut ActorContext<Self>) {
        self.asking = false;
        while !self.asking
            && let Some(message) = self.held_back.pop_front()
        {
            self.handle(message, ctx);
        }
    }
}
