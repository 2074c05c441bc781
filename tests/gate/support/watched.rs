//! A journal that tells how many changes it has accepted, so that a test can wait until one was
//! decided although nobody may hear of it yet, and let just so many of them through.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use switchboard::engine::entry::{self, Entry};
use switchboard::storage::journal::Visitor;
use switchboard::storage::{DurableListener, Faults, Journal, Lsn, StorageError};
use tokio::sync::watch;
use tokio::time::timeout;

use super::DEADLINE;

/// Passes everything on, and counts changes: records that hold more than the end of a webhook
/// call, which come at times of their own.
pub(crate) struct Watched {
    inner: Arc<dyn Journal>,
    changes: watch::Sender<u64>,
    /// The records behind the shut gate: is each a change?
    waiting: Mutex<VecDeque<bool>>,
}

impl Watched {
    pub(crate) fn new(inner: Arc<dyn Journal>) -> Self {
        Self { inner, changes: watch::Sender::new(0), waiting: Mutex::default() }
    }

    /// How many changes were accepted since the start.
    pub(crate) fn changes(&self) -> u64 {
        *self.changes.borrow()
    }

    /// Waits until so many were.
    pub(crate) async fn wait_for(&self, count: u64) {
        let mut changes = self.changes.subscribe();
        let waited = timeout(DEADLINE, changes.wait_for(|changes| *changes >= count)).await;
        assert!(waited.is_ok(), "waited for {count} changes, there are {}", self.changes());
    }

    /// From now on nothing becomes durable.
    pub(crate) fn shut(&self, faults: &Faults) {
        let mut waiting = self.waiting.lock().unwrap();
        faults.shut_gate();
        waiting.clear();
    }

    /// Makes the next `count` changes behind the gate durable, and what stands before them.
    pub(crate) fn let_through(&self, faults: &Faults, count: usize) {
        let mut waiting = self.waiting.lock().unwrap();
        let mut records = 0;
        let mut changes = 0;
        while changes < count {
            let change = waiting.pop_front().expect("so many changes should wait");
            records += 1;
            changes += usize::from(change);
        }
        faults.journal().let_through(records);
    }
}

fn is_change(record: &[u8]) -> bool {
    let entries = entry::decode(record).unwrap();
    entries.iter().any(|entry| !matches!(entry, Entry::DeliverySettled(..)))
}

impl Journal for Watched {
    fn append(&self, record: &[u8]) -> Result<Lsn, StorageError> {
        let mut waiting = self.waiting.lock().unwrap();
        let lsn = self.inner.append(record)?;
        let change = is_change(record);
        waiting.push_back(change);
        self.changes.send_modify(|changes| *changes += u64::from(change));
        Ok(lsn)
    }

    fn ready(&self) -> Result<(), StorageError> {
        self.inner.ready()
    }

    fn hand_over(&self) {
        self.inner.hand_over();
    }

    fn durable(&self) -> Lsn {
        self.inner.durable()
    }

    fn on_durable(&self, listener: DurableListener) {
        self.inner.on_durable(listener);
    }

    fn replay(&self, after: Lsn, visit: &mut Visitor<'_>) -> Result<Lsn, StorageError> {
        self.inner.replay(after, visit)
    }

    fn checkpoint(&self) -> Lsn {
        self.inner.checkpoint()
    }

    fn set_checkpoint(&self, lsn: Lsn) -> Result<(), StorageError> {
        self.inner.set_checkpoint(lsn)
    }

    fn close(&self) {
        self.inner.close();
    }
}
