//! The journal in files.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::committer::Committer;
use super::{DurableListener, Journal, Visitor, recovery};
use crate::storage::{DirLock, Lsn, Settings, StorageError, files};

/// An append-only journal in segment files, with one committer thread.
pub struct FileJournal {
    committer: Arc<Committer>,
    thread: Mutex<Option<JoinHandle<()>>>,
    _lock: Arc<DirLock>,
}

impl FileJournal {
    /// Opens the journal in `dir`, making it when there is none, under the lock of the data directory.
    /// A torn record at the very end is cut off. Positions go on after `floor` at least, the greatest
    /// one that the records have seen: it lies behind the end when the journal lost its tail (a power
    /// failure with `Durability::Os`, or files removed by hand).
    ///
    /// # Errors
    /// `Corrupt` when what is broken cannot be a torn write, `NewerFormat`, `DiskFull`, `Io`.
    pub fn open(
        dir: &Path,
        lock: Arc<DirLock>,
        floor: Lsn,
        settings: &Settings,
    ) -> Result<Self, StorageError> {
        let committer = Arc::new(Committer::open(dir, floor, settings)?);
        let thread = Mutex::new(Some(committer.start()?));
        Ok(Self { committer, thread, _lock: lock })
    }

    /// Waits for the committer to end; it does so soon after `pending` was closed or stopped.
    fn join(&self) {
        let mut slot = files::lock(&self.thread);
        if let Some(thread) = slot.take_if(|thread| thread.thread().id() != thread::current().id()) {
            // A panic of it was fatal already.
            let _ = thread.join();
        }
    }
}

impl Journal for FileJournal {
    fn append(&self, record: &[u8]) -> Result<Lsn, StorageError> {
        self.committer.pending.append(record)
    }

    fn ready(&self) -> Result<(), StorageError> {
        if !self.committer.pending.is_open() {
            Err(StorageError::Stopped)
        } else if self.committer.disk_is_full() {
            Err(StorageError::DiskFull)
        } else {
            Ok(())
        }
    }

    fn hand_over(&self) {
        self.committer.hand_over();
    }

    fn durable(&self) -> Lsn {
        self.committer.durable()
    }

    fn on_durable(&self, listener: DurableListener) {
        self.committer.listeners.add(listener);
    }

    fn replay(&self, after: Lsn, visit: &mut Visitor<'_>) -> Result<Lsn, StorageError> {
        let until = self.durable();
        recovery::replay(self.committer.dir(), after, until, visit)?;
        Ok(until)
    }

    fn checkpoint(&self) -> Lsn {
        self.committer.checkpoint()
    }

    fn set_checkpoint(&self, lsn: Lsn) -> Result<(), StorageError> {
        self.committer.set_checkpoint(lsn)
    }

    fn close(&self) {
        self.committer.pending.close();
        self.join();
        // A failure has been told to the fatal hook; here is nobody else to tell.
        let _ = self.committer.sync_all();
    }
}

impl Drop for FileJournal {
    fn drop(&mut self) {
        self.committer.pending.stop();
        self.join();
    }
}
