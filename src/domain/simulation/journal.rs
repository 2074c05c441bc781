//! The journal of the simulation: what is appended becomes durable later, in order, and only then
//! may be told.

use std::collections::VecDeque;

use crate::conversation::fact::Fact;
use crate::error::PlacementNeed;
use crate::id::{AgentId, ConversationId};
use crate::participant::agent::AgentFact;
use crate::participant::bot::BotFact;
use crate::simulation::world::{Node, Operation, ToRouter};

/// One change of one owner.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    Agent(AgentId, AgentFact),
    Bot(AgentId, BotFact),
    Chat(ConversationId, Fact),
}

/// What a change shows when it is durable.
#[derive(Debug)]
pub(super) enum Release {
    /// A notice to the router.
    Notice(Node, ToRouter),
    /// Its author hears that a message was kept.
    Acknowledged(u64),
    /// A customer hears of its new chat.
    Started(u64, ConversationId),
    /// A conversation asks the router. What it decided before is told before.
    Ask(ConversationId, PlacementNeed, Box<Operation>),
}

#[derive(Default)]
pub(super) struct Journal {
    pub(super) records: Vec<Vec<Entry>>,
    pub(super) durable: usize,
    waiting: VecDeque<(usize, Release)>,
}

impl Journal {
    /// Accepts a record, and gives its position.
    pub(super) fn append(&mut self, record: Vec<Entry>, shows: Vec<Release>) -> usize {
        self.records.push(record);
        let position = self.records.len();
        self.waiting.extend(shows.into_iter().map(|release| (position, release)));
        position
    }

    /// Shows something when everything accepted so far is durable.
    pub(super) fn after_all(&mut self, release: Release) {
        self.waiting.push_back((self.records.len(), release));
    }

    /// Everything up to `position` is durable; gives what may leave now.
    pub(super) fn synced(&mut self, position: usize) -> Vec<Release> {
        self.durable = self.durable.max(position);
        let ready = self.waiting.iter().take_while(|(at, _)| *at <= self.durable).count();
        self.waiting.drain(..ready).map(|(_, release)| release).collect()
    }

    /// What is not durable is gone, and with it what it would have shown.
    pub(super) fn crash(&mut self) {
        self.records.truncate(self.durable);
        self.waiting.clear();
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.records.iter().flatten()
    }
}
