//! What a change shows, held back until it is durable (design D4): the reply, pushes, deliveries
//! and notices of a batch leave in the order of the journal, or never.

use std::collections::VecDeque;
use std::sync::Arc;

use switchboard_domain::id::{ConversationId, LicenseId};
use switchboard_domain::webhook::Delivery;
use tokio::sync::oneshot;

use crate::engine::dialect::Capture;
use crate::engine::entry::Entry;
use crate::engine::index::Row;
use crate::engine::kept_files::KeptFiles;
use crate::engine::order::Outcome;
use crate::engine::tables::LicenseTable;
use crate::storage::Lsn;

/// One session of one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// Index of the shard that accepted it.
    pub shard: usize,
    /// Unique there.
    pub id: u64,
}

/// The request of a session that caused something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// The session.
    pub session: SessionKey,
    /// Which of its requests.
    pub slot: u32,
}

/// Where the answer to a request goes.
#[derive(Debug)]
pub enum Answer {
    /// To a request of a session.
    Session(Cause),
    /// To somebody who waits, such as a Web request.
    Waiter(oneshot::Sender<Outcome>),
    /// Of an order with files: what became of it settles whether they stay.
    WithFiles(Box<(KeptFiles, Self)>),
    /// Nobody asked.
    Nobody,
}

impl Answer {
    /// The session's request behind it.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Session(cause) => Some(*cause),
            Self::WithFiles(with) => with.1.cause(),
            Self::Waiter(_) | Self::Nobody => None,
        }
    }
}

/// The row of a conversation that lists show from now on.
pub struct NewRow {
    /// Of whose conversations.
    pub table: Arc<LicenseTable>,
    /// Which one.
    pub conversation: ConversationId,
    /// The row.
    pub row: Row,
}

/// Everything that one batch shows.
#[derive(Default)]
pub struct Release {
    /// Taken before all else. Every message has one, so that it is no action of its own.
    pub row: Option<NewRow>,
    /// Taken first: tables and other actors learn of the change before anybody is answered.
    pub first: Vec<Box<dyn FnOnce()>>,
    /// The reply.
    pub answer: Option<(Answer, Outcome)>,
    /// Pushes of one license, in order.
    pub pushes: Vec<(LicenseId, Arc<Capture>)>,
    /// For the asking session only.
    pub echo: Option<Arc<Capture>>,
    /// Webhook calls that fell due.
    pub due: Vec<(LicenseId, Arc<Delivery>)>,
    /// The request behind the pushes.
    pub cause: Option<Cause>,
}

impl Release {
    /// Only a reply.
    #[must_use]
    pub fn reply(answer: Answer, outcome: Outcome) -> Self {
        Self { cause: answer.cause(), answer: Some((answer, outcome)), ..Self::default() }
    }

    /// Takes over the webhook calls of a batch, to be begun when it is durable.
    pub fn take_due(&mut self, batch: &[Entry]) {
        for entry in batch {
            if let Entry::DeliveryDue(license, delivery, _) = entry {
                self.due.push((*license, Arc::clone(delivery)));
            }
        }
    }

    /// Adds something to do before anybody is answered.
    #[must_use]
    pub fn first(mut self, action: impl FnOnce() + 'static) -> Self {
        self.first.push(Box::new(action));
        self
    }
}

/// The releases of one shard, in the order of their positions.
#[derive(Default)]
pub struct ReleaseQueue {
    waiting: VecDeque<(Lsn, Release)>,
}

impl ReleaseQueue {
    /// Queues a release behind everything queued before it, to leave when `lsn` is durable.
    pub fn push(&mut self, lsn: Lsn, release: Release) {
        self.waiting.push_back((lsn, release));
    }

    /// The next release that may leave.
    pub fn pop(&mut self, durable: Lsn) -> Option<(Lsn, Release)> {
        let (lsn, _) = self.waiting.front()?;
        if *lsn > durable { None } else { self.waiting.pop_front() }
    }

    /// Is nothing held back?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
