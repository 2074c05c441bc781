//! What was accepted and is not yet written.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::record;
use crate::storage::{Lsn, StorageError, files};

/// How long an appended record waits for a [`hand_over`](super::Journal::hand_over) before the
/// committer takes it anyway. Turns are far shorter, so this is a net, not a timer that gathers.
const STRAY_PATIENCE: Duration = Duration::from_millis(5);

/// The queue between the shards and whoever writes. Its length is bounded by what the sessions may have
/// running, since each of their requests waits for its record to be durable.
pub(super) struct Pending {
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    /// Framed records; together they become one group.
    frames: Vec<u8>,
    /// The position of the last accepted record.
    last: Lsn,
    handed_over: bool,
    phase: Phase,
    committer: Committer,
    /// The last record when the committer went to sleep last.
    seen: Lsn,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// What is here will still be written.
    Closing,
    /// What is here is lost: the write failed, or the journal was dropped.
    Stopped,
}

/// What the committer thread does: who gives it work wakes it only if it sleeps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Committer {
    Busy,
    /// Sleeps, but looks after strays soon.
    Dozing,
    /// Sleeps until the next record.
    Parked,
}

impl Pending {
    /// Whose next record comes after `last`.
    pub(super) fn after(last: Lsn) -> Self {
        let state = State {
            frames: Vec::new(),
            last,
            handed_over: false,
            phase: Phase::Open,
            committer: Committer::Busy,
            seen: last,
        };
        Self { state: Mutex::new(state), work: Condvar::new() }
    }

    pub(super) fn append(&self, body: &[u8]) -> Result<Lsn, StorageError> {
        if body.len() > record::MAX_RECORD_BYTES {
            return Err(StorageError::TooLarge { size: body.len(), limit: record::MAX_RECORD_BYTES });
        }
        let crc = record::body_crc(body);
        let mut state = files::lock(&self.state);
        if state.phase != Phase::Open {
            return Err(StorageError::Stopped);
        }
        let lsn = state.last.next();
        let starts_group = state.frames.is_empty();
        record::frame(&mut state.frames, lsn, starts_group, body, crc);
        state.last = lsn;
        if state.committer == Committer::Parked {
            self.wake(state);
        }
        Ok(lsn)
    }

    pub(super) fn is_open(&self) -> bool {
        files::lock(&self.state).phase == Phase::Open
    }

    /// Lets the committer go on with what is here.
    pub(super) fn hand_over(&self) {
        let mut state = files::lock(&self.state);
        if !state.frames.is_empty() && !state.handed_over {
            state.handed_over = true;
            if state.committer != Committer::Busy {
                self.wake(state);
            }
        }
    }

    /// Takes all that is here as one group, into the given empty buffer. The caller holds the writer,
    /// so that groups are written in the order in which they are taken.
    pub(super) fn take(&self, group: &mut Vec<u8>) -> Option<Lsn> {
        let mut state = files::lock(&self.state);
        if state.frames.is_empty() || state.phase == Phase::Stopped {
            return None;
        }
        mem::swap(&mut state.frames, group);
        state.handed_over = false;
        Some(state.last)
    }

    /// Accepts nothing more; the committer finishes what is here.
    pub(super) fn close(&self) {
        let mut state = files::lock(&self.state);
        if state.phase == Phase::Open {
            state.phase = Phase::Closing;
        }
        self.wake(state);
    }

    /// Accepts nothing more and forgets what is here.
    pub(super) fn stop(&self) {
        let mut state = files::lock(&self.state);
        state.phase = Phase::Stopped;
        self.wake(state);
    }

    /// Sleeps until there is a group to write; `false` when there never will be.
    pub(super) fn wait_for_group(&self) -> bool {
        let mut state = files::lock(&self.state);
        loop {
            let empty = state.frames.is_empty();
            match state.phase {
                Phase::Stopped => return false,
                Phase::Closing => return !empty,
                Phase::Open if !empty && state.handed_over => return true,
                Phase::Open => {}
            }
            if empty && state.last == state.seen {
                state.committer = Committer::Parked;
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else {
                state.seen = state.last;
                state.committer = Committer::Dozing;
                let (woken, patience) =
                    self.work.wait_timeout(state, STRAY_PATIENCE).unwrap_or_else(PoisonError::into_inner);
                state = woken;
                if patience.timed_out() && !state.frames.is_empty() && state.phase == Phase::Open {
                    state.committer = Committer::Busy;
                    return true;
                }
            }
            state.committer = Committer::Busy;
        }
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        state.committer = Committer::Busy;
        drop(state);
        self.work.notify_one();
    }
}
