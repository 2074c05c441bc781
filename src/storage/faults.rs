//! The handle by which a test makes a storage in memory wait, fail and crash.

use std::sync::Arc;

use super::journal::{Journal, MemoryJournal};
use super::records::{MemoryStore, Records, Store};
use super::{Blobs, Storage, StorageError};

/// Controls a [`Storage::in_memory`].
pub struct Faults {
    journal: Arc<MemoryJournal>,
    store: Arc<MemoryStore>,
}

impl Faults {
    pub(super) fn new_storage() -> (Storage, Self) {
        let faults = Self { journal: Arc::default(), store: Arc::default() };
        let store: Arc<dyn Store> = Arc::<MemoryStore>::clone(&faults.store);
        (faults.storage(Records::empty(store)), faults)
    }

    /// The journal, for its gate.
    #[must_use]
    pub fn journal(&self) -> &MemoryJournal {
        &self.journal
    }

    /// From now on nothing becomes durable.
    pub fn shut_gate(&self) {
        self.journal.shut_gate();
    }

    /// Makes all that waited durable, in order, and lets later records through.
    pub fn open_gate(&self) {
        self.journal.open_gate();
    }

    /// While full, both journal and records refuse writes with `DiskFull`.
    pub fn set_disk_full(&self, full: bool) {
        self.journal.set_disk_full(full);
        self.store.set_disk_full(full);
    }

    /// While full, only the records refuse: the journal's file system has room.
    pub fn set_records_full(&self, full: bool) {
        self.store.set_disk_full(full);
    }

    /// From now on the records hold broken bytes, also after a crash.
    pub fn break_records(&self) {
        self.store.break_bytes();
    }

    /// Stops the storage as a crash does, and gives what the next start finds: records of the journal
    /// that were durable, and of the records what was synced.
    ///
    /// # Errors
    /// As [`Records::new`].
    pub fn crash(&self) -> Result<(Storage, Self), StorageError> {
        let faults = Self { journal: Arc::new(self.journal.crash()), store: Arc::new(self.store.crash()) };
        let store: Arc<dyn Store> = Arc::<MemoryStore>::clone(&faults.store);
        // Whoever starts on broken records finds that out by reading them.
        let records = Records::new(Arc::clone(&store)).unwrap_or_else(|_| Records::empty(store));
        Ok((faults.storage(records), faults))
    }

    fn storage(&self, records: Records) -> Storage {
        let journal: Arc<dyn Journal> = Arc::<MemoryJournal>::clone(&self.journal);
        let store = Arc::clone(&self.store);
        let renew = Box::new(move || {
            store.renew();
            Ok(Records::empty(Arc::<MemoryStore>::clone(&store)))
        });
        Storage { journal, records, blobs: Blobs::nowhere(), generation: 0, lock: None, renew }
    }
}
