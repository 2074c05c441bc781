//! A command that needs a stored event: it is looked up off the shard's thread, and whatever else is
//! asked of the conversation meanwhile waits behind it, in order (design D3).

use std::collections::VecDeque;
use std::sync::Arc;

use actix::{AsyncContext, Context as ActorContext, Handler, Message};
use switchboard_domain::conversation::event::Event;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::EventId;

use super::{ConversationActor, Execute, chunks};
use crate::engine::limits::COMMANDS_HELD_BACK;
use crate::engine::link;
use crate::engine::release::Release;
use crate::storage::StorageError;

/// What waits while an event is looked up.
#[derive(Default)]
pub(super) struct Loading {
    running: bool,
    behind: VecDeque<Execute>,
}

/// An event was looked up for a command.
pub(super) struct EventLoaded {
    execute: Execute,
    event: Result<Arc<Event>, Rejected>,
}

impl Message for EventLoaded {
    type Result = ();
}

impl Loading {
    /// Is an event being looked up?
    pub(super) fn is_running(&self) -> bool {
        self.running
    }
}

impl ConversationActor {
    /// Keeps a command back while another one's event is looked up; gives it back when it may run.
    pub(super) fn behind_loading(&mut self, message: Execute) -> Option<Execute> {
        if !self.loading.running {
            return Some(message);
        }
        // What the engine itself wants has to happen, and is bounded by what it wants.
        if message.by.is_some() && self.loading.behind.len() >= COMMANDS_HELD_BACK {
            self.shard.after(self.lsn, Release::reply(message.answer, Err(Rejected::Internal.into())));
        } else {
            self.loading.behind.push_back(message);
        }
        None
    }

    /// Looks up an event; the command comes back with it.
    pub(super) fn load_event(&mut self, id: EventId, execute: Execute, ctx: &ActorContext<Self>) {
        self.loading.running = true;
        let chat = (self.state.license(), self.state.id());
        let count = self.state.stored_chunks(id.thread).unwrap_or(0);
        let (records, me) = (self.shard.engine.records().clone(), ctx.address());
        actix::spawn(async move {
            let read = tokio::task::spawn_blocking(move || {
                let (_, events) = chunks::find(&records, chat, id, count)?;
                Ok::<_, StorageError>(events.into_iter().find(|event| event.id == id))
            });
            let event = match read.await {
                Ok(Ok(found)) => found.ok_or(Rejected::Internal),
                Ok(Err(error)) => {
                    tracing::error!(%error, %id, "a stored event cannot be read");
                    Err(Rejected::Internal)
                }
                Err(_) => Err(Rejected::Internal),
            };
            link::tell(&me, EventLoaded { execute, event });
        });
    }
}

impl Handler<EventLoaded> for ConversationActor {
    type Result = ();

    fn handle(&mut self, EventLoaded { execute, event }: EventLoaded, ctx: &mut ActorContext<Self>) {
        self.loading.running = false;
        match event {
            Ok(event) => {
                let command = execute.command.with_event(event);
                self.handle(Execute { command, ..execute }, ctx);
            }
            Err(rejected) => {
                self.shard.after(self.lsn, Release::reply(execute.answer, Err(rejected.into())));
            }
        }
        while !self.loading.running
            && let Some(message) = self.loading.behind.pop_front()
        {
            self.handle(message, ctx);
        }
    }
}
