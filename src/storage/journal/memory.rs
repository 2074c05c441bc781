//! The journal's twin in memory, for tests: it forgets, waits and fails when told so.

use std::sync::{Arc, Mutex};

use super::{DurableListener, Journal, Listeners, MAX_RECORD_BYTES, Visitor};
use crate::storage::{Lsn, StorageError, files};

/// A journal whose durability is a gate in the hand of the test. With the gate open a record is durable
/// when `append` returns, and listeners are called inside it.
#[derive(Default)]
pub struct MemoryJournal {
    state: Mutex<State>,
    listeners: Listeners,
}

#[derive(Default)]
struct State {
    /// The record at `n` has the position `n + 1`.
    records: Vec<Arc<[u8]>>,
    durable: usize,
    checkpoint: Lsn,
    shut: bool,
    full: bool,
    stopped: bool,
}

impl MemoryJournal {
    /// An empty journal with an open gate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on nothing becomes durable.
    pub fn shut_gate(&self) {
        files::lock(&self.state).shut = true;
    }

    /// Makes all that waited durable, record by record, and lets later ones through.
    pub fn open_gate(&self) {
        files::lock(&self.state).shut = false;
        self.let_through(usize::MAX);
    }

    /// Makes the next `count` waiting records durable, one by one; the gate stays as it is.
    pub fn let_through(&self, count: usize) {
        for _ in 0..count {
            let mut state = files::lock(&self.state);
            if state.durable == state.records.len() {
                return;
            }
            state.durable += 1;
            let durable = state.durable();
            drop(state);
            self.listeners.tell(durable);
        }
    }

    /// While full, `ready` and `append` answer `DiskFull`.
    pub fn set_disk_full(&self, full: bool) {
        files::lock(&self.state).full = full;
    }

    /// Stops this journal as a crash does, and returns the one that the next start finds: what was
    /// durable, with an open gate and room on the disk.
    #[must_use]
    pub fn crash(&self) -> Self {
        let mut state = files::lock(&self.state);
        state.stopped = true;
        let records = state.records[..state.durable].to_vec();
        let found =
            State { durable: records.len(), records, checkpoint: state.checkpoint, ..State::default() };
        Self { state: Mutex::new(found), listeners: Listeners::default() }
    }
}

impl State {
    fn durable(&self) -> Lsn {
        Lsn::new(self.durable as u64)
    }

    fn check(&self) -> Result<(), StorageError> {
        if self.stopped {
            Err(StorageError::Stopped)
        } else if self.full {
            Err(StorageError::DiskFull)
        } else {
            Ok(())
        }
    }
}

impl Journal for MemoryJournal {
    fn append(&self, record: &[u8]) -> Result<Lsn, StorageError> {
        if record.len() > MAX_RECORD_BYTES {
            return Err(StorageError::TooLarge { size: record.len(), limit: MAX_RECORD_BYTES });
        }
        let mut state = files::lock(&self.state);
        state.check()?;
        state.records.push(Arc::from(record));
        let lsn = Lsn::new(state.records.len() as u64);
        if !state.shut {
            state.durable = state.records.len();
            drop(state);
            self.listeners.tell(lsn);
        }
        Ok(lsn)
    }

    fn ready(&self) -> Result<(), StorageError> {
        files::lock(&self.state).check()
    }

    fn hand_over(&self) {}

    fn durable(&self) -> Lsn {
        files::lock(&self.state).durable()
    }

    fn on_durable(&self, listener: DurableListener) {
        self.listeners.add(listener);
    }

    fn replay(&self, after: Lsn, visit: &mut Visitor<'_>) -> Result<Lsn, StorageError> {
        let (records, durable) = {
            let state = files::lock(&self.state);
            (state.records[..state.durable].to_vec(), state.durable())
        };
        let mut lsn = Lsn::ZERO;
        for record in &records {
            lsn = lsn.next();
            if lsn > after {
                visit(lsn, record)?;
            }
        }
        Ok(durable)
    }

    fn checkpoint(&self) -> Lsn {
        files::lock(&self.state).checkpoint
    }

    fn set_checkpoint(&self, lsn: Lsn) -> Result<(), StorageError> {
        let mut state = files::lock(&self.state);
        state.checkpoint = lsn.min(state.durable());
        Ok(())
    }

    /// A shut gate would make this wait for ever, so it opens it.
    fn close(&self) {
        let was_stopped = std::mem::replace(&mut files::lock(&self.state).stopped, true);
        if !was_stopped {
            self.open_gate();
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;
    use crate::storage::journal::conformance::{self, all};

    #[test]
    fn conforms() {
        conformance::run(&mut || {
            let mut last: Option<Arc<MemoryJournal>> = None;
            Box::new(move || {
                let next = Arc::new(last.take().map_or_else(MemoryJournal::new, |journal| journal.crash()));
                last = Some(Arc::clone(&next));
                next
            })
        });
    }

    #[test]
    fn a_shut_gate_holds_all_back_and_an_opened_one_lets_it_through_in_order() {
        let journal = MemoryJournal::new();
        let heard = Arc::new(Mutex::new(Vec::new()));
        journal.on_durable({
            let heard = Arc::clone(&heard);
            Arc::new(move |lsn| files::lock(&heard).push(lsn))
        });
        let first = journal.append(b"a").unwrap();
        journal.shut_gate();
        let second = journal.append(b"b").unwrap();
        let third = journal.append(b"c").unwrap();
        let fourth = journal.append(b"d").unwrap();
        journal.hand_over();
        assert_eq!((journal.durable(), files::lock(&heard).clone()), (first, vec![first]));
        journal.let_through(1);
        assert_eq!(journal.durable(), second);
        journal.open_gate();
        assert_eq!(*files::lock(&heard), [first, second, third, fourth]);
    }

    #[test]
    fn a_crash_forgets_what_was_not_durable_and_gives_its_position_again() {
        let journal = MemoryJournal::new();
        journal.append(b"kept").unwrap();
        journal.shut_gate();
        let lost = journal.append(b"lost").unwrap();
        let next = journal.crash();
        assert!(matches!(journal.append(b"x"), Err(StorageError::Stopped)));
        assert_eq!(all(&next, Lsn::ZERO), [b"kept".to_vec()]);
        assert_eq!(next.append(b"again").unwrap(), lost);
    }

    #[test]
    fn a_full_disk_refuses_before_and_at_the_append_and_recovers() {
        let journal = MemoryJournal::new();
        journal.set_disk_full(true);
        assert!(matches!(journal.ready(), Err(StorageError::DiskFull)));
        assert!(matches!(journal.append(b"x"), Err(StorageError::DiskFull)));
        journal.set_disk_full(false);
        journal.ready().unwrap();
        assert_eq!(journal.append(b"x").unwrap(), Lsn::new(1));
    }
}
