//! What a conversation's actor can be asked and told.

use std::sync::Arc;

use actix::Message;
use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::Amended;
use switchboard_domain::conversation::command::Command;
use switchboard_domain::conversation::event::Event;
use switchboard_domain::conversation::idempotency::{Outcome as Before, WriteKey};
use switchboard_domain::conversation::recent::{Missed, Seq};
use switchboard_domain::conversation::view::{Summary, Threads};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{CustomerId, ThreadId};
use switchboard_domain::time::Timestamp;

use crate::engine::release::Answer;
use crate::storage::Lsn;

/// Executes a command.
#[derive(Debug)]
pub struct Execute {
    /// The command.
    pub command: Command,
    /// Who gives it; `None`: the engine itself.
    pub by: Option<Arc<Principal>>,
    /// Who hears how it went.
    pub answer: Answer,
    /// When the router was asked for it, if it was.
    pub placed_at: Option<Timestamp>,
    /// Its key, when it is to be done once.
    pub key: Option<Box<WriteKey>>,
}

/// Asks what a write with this key of this user came to, if it was done.
pub(crate) struct AskDone(pub(crate) Arc<Principal>, pub(crate) WriteKey);

impl Message for AskDone {
    type Result = Result<Option<Before>, Rejected>;
}

/// Asks for the conversation's line, and for what its asker missed since a place among its pushes.
pub(crate) struct Resume(pub(crate) Arc<Principal>, pub(crate) Option<Seq>);

/// A conversation that somebody goes on with.
pub(crate) struct Resumed {
    pub(crate) summary: Summary,
    /// Up to here the line is true, and what was missed complete.
    pub(crate) lsn: Lsn,
    /// The place of the newest push.
    pub(crate) seq: Seq,
    /// What was missed, when that was asked for and can be told.
    pub(crate) missed: Option<Vec<Missed>>,
}

impl Message for Resume {
    type Result = Result<Resumed, Rejected>;
}

/// Asks for the conversation's line, with the position up to which it is true.
pub struct ReadSummary(pub Option<Arc<Principal>>);

/// Asks which stored chunks are needed to show some threads (`None`: all).
pub struct NeedThreads(pub Arc<Principal>, pub Option<Vec<ThreadId>>);

/// What has to be read to show some threads.
pub struct Needs {
    /// Threads, and the number of their stored chunks.
    pub threads: Vec<(ThreadId, u32)>,
    /// The chunks as they are now: they are rewritten when older events change.
    pub rewrites: u64,
    /// The conversation's customer: whatever a customer wrote, that one wrote.
    pub customer: Option<CustomerId>,
}

/// Asks for threads, given their stored chunks as they were after so many rewrites; `None` when
/// others are needed by now.
pub struct ReadThreads(pub Vec<LoadedThread>, pub u64);

/// A thread's stored part.
pub struct LoadedThread {
    /// Which.
    pub thread: ThreadId,
    /// How many chunks that is.
    pub chunks: u32,
    /// Their events.
    pub events: Vec<Arc<Event>>,
}

/// Asks the owner of unsaved facts to store a snapshot.
#[derive(Clone, Copy)]
pub struct SaveSnapshot;

/// The router could not be asked: nobody has a word for this command.
pub(crate) struct NoWord(pub(crate) Answer, pub(crate) Rejected);

impl Message for NoWord {
    type Result = ();
}

/// A snapshot was stored, or could not be.
pub(super) struct Saved {
    /// How many chunks went with it.
    pub(super) chunks: usize,
    /// How many former customers have it in their lists no more.
    pub(super) former: usize,
    /// Which changed events are in their chunks now.
    pub(super) amended: Amended,
    /// Under which activity the index has it now.
    pub(super) indexed_at: Timestamp,
    /// Up to where it is true.
    pub(super) lsn: Lsn,
    /// Did it work?
    pub(super) stored: bool,
}

impl Message for Execute {
    type Result = ();
}
impl Message for ReadSummary {
    type Result = Result<(Summary, Lsn), Rejected>;
}
impl Message for NeedThreads {
    type Result = Result<Needs, Rejected>;
}
impl Message for ReadThreads {
    type Result = Option<(Threads, Lsn)>;
}
impl Message for SaveSnapshot {
    type Result = ();
}
impl Message for Saved {
    type Result = ();
}
