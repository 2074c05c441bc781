//! What a conversation shows when it is asked. Answers carry the position up to which they are
//! true: they are shown when that is durable.

use std::collections::HashSet;

use actix::{Context as ActorContext, Handler, MessageResult};
use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::view::{ThreadView, Threads};
use switchboard_domain::conversation::{Context, Conversation};
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::id::ThreadId;

use super::ConversationActor;
use super::messages::{AskDone, NeedThreads, Needs, ReadSummary, ReadThreads, Resume, Resumed};
use crate::engine::tables::LicenseTable;

impl ConversationActor {
    /// May somebody read a conversation that does not run?
    pub(crate) fn may_be_read(table: &LicenseTable, head: &Conversation, by: &Principal) -> bool {
        let properties = table.properties();
        head.may_read(&Self::context(table, &properties, Some(by), None)).is_ok()
    }
}

impl Handler<ReadSummary> for ConversationActor {
    type Result = MessageResult<ReadSummary>;

    fn handle(&mut self, ReadSummary(by): ReadSummary, _: &mut ActorContext<Self>) -> Self::Result {
        let properties = self.table.properties();
        let cx = Self::context(&self.table, &properties, by.as_deref(), None);
        MessageResult(self.state.may_read(&cx).map(|()| (self.state.summary(), self.lsn)))
    }
}

impl Handler<Resume> for ConversationActor {
    type Result = MessageResult<Resume>;

    fn handle(&mut self, Resume(by, since): Resume, _: &mut ActorContext<Self>) -> Self::Result {
        let properties = self.table.properties();
        let cx = Self::context(&self.table, &properties, Some(&by), None);
        MessageResult(self.state.may_read(&cx).map(|()| Resumed {
            summary: self.state.summary(),
            lsn: self.lsn,
            seq: self.state.seq(),
            missed: since.and_then(|since| self.state.missed(since, &by.user)),
        }))
    }
}

impl Handler<AskDone> for ConversationActor {
    type Result = MessageResult<AskDone>;

    fn handle(&mut self, AskDone(by, key): AskDone, _: &mut ActorContext<Self>) -> Self::Result {
        let properties = self.table.properties();
        let cx = Self::context(&self.table, &properties, Some(&by), None);
        MessageResult(self.state.done_before(&Context { key: Some(&key), ..cx }))
    }
}

impl Handler<NeedThreads> for ConversationActor {
    type Result = MessageResult<NeedThreads>;

    fn handle(&mut self, NeedThreads(by, wanted): NeedThreads, _: &mut ActorContext<Self>) -> Self::Result {
        let properties = self.table.properties();
        let cx = Self::context(&self.table, &properties, Some(&by), None);
        let ids = |state: &Conversation| {
            wanted.unwrap_or_else(|| state.thread_lines().iter().map(|line| line.id).collect())
        };
        let need = |thread: ThreadId| {
            let chunks = self.state.stored_chunks(thread).ok_or(Rejected::NotFound(Resource::Thread))?;
            Ok((thread, chunks))
        };
        let threads = self.state.may_read(&cx).and_then(|()| {
            let mut seen = HashSet::new();
            ids(&self.state).into_iter().filter(|id| seen.insert(*id)).map(need).collect()
        });
        let customer = self.state.customer();
        MessageResult(threads.map(|threads| Needs { threads, rewrites: self.rewrites, customer }))
    }
}

impl Handler<ReadThreads> for ConversationActor {
    type Result = MessageResult<ReadThreads>;

    fn handle(&mut self, read: ReadThreads, _: &mut ActorContext<Self>) -> Self::Result {
        let ReadThreads(loaded, rewrites) = read;
        let current = loaded.iter().all(|part| self.state.stored_chunks(part.thread) == Some(part.chunks));
        if !current || rewrites != self.rewrites {
            return MessageResult(None);
        }
        let mut threads: Vec<ThreadView> =
            loaded.into_iter().filter_map(|part| self.state.thread(part.thread, part.events)).collect();
        threads.sort_by_key(|thread| thread.order);
        let lines = self.state.thread_lines();
        MessageResult(Some((Threads { chat: self.state.chat_view(), threads, lines }, self.lsn)))
    }
}
