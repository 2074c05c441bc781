//! The append-only journal: every change, in order, before anybody hears of it (design D4).
//!
//! Lives here: the trait, the journal in files and its twin in memory. Records are opaque bytes; what
//! is in them is the engine's business.
//!
//! On disk: `<first lsn>.journal` segments, filled with zeros when made, each a header
//! (`segment`) and records (`record`) up to the zeros; a `checkpoint` file; and `unsynced` (`trust`) while
//! records are not synced before they are acknowledged. No segment is ever deleted here, so the records can
//! always be built anew.

pub(in crate::storage) mod checkpoint;
mod committer;
pub(in crate::storage) mod copying;
mod disk;
pub(in crate::storage) mod examine;
mod faulty;
mod file;
mod housekeeper;
mod memory;
mod pending;
mod record;
pub(in crate::storage) mod recovery;
mod segment;
mod trust;
mod writer;

#[cfg(test)]
pub(in crate::storage) mod conformance;
#[cfg(test)]
mod disk_tests;
#[cfg(test)]
mod file_tests;

use std::sync::{Arc, PoisonError, RwLock};

pub use disk::{Disk, DiskFile, real_disk};
pub use faulty::{Fault, FaultyDisk};
pub use file::FileJournal;
pub use memory::MemoryJournal;
pub use record::MAX_RECORD_BYTES;

use super::{Lsn, StorageError};

/// Told about every advance of the durable position. Called on whatever thread advanced it, perhaps
/// inside [`Journal::append`] or [`Journal::hand_over`] of the caller: it may signal, it may not wait
/// and may not close the journal. Two threads may call it at once and in either order: the greatest
/// position counts.
pub type DurableListener = Arc<dyn Fn(Lsn) + Send + Sync>;

/// What [`Journal::replay`] shows each record to.
pub type Visitor<'a> = dyn FnMut(Lsn, &[u8]) -> Result<(), StorageError> + 'a;

/// An append-only sequence of records that survives crashes.
///
/// Dropping a journal without [`close`](Journal::close) is a crash: what was not durable is gone.
pub trait Journal: Send + Sync {
    /// Accepts one record, at most [`MAX_RECORD_BYTES`]: after a crash it is there entirely or not at
    /// all. Never waits for the disk. Positions rise by the order of the calls, process-wide, from 1.
    ///
    /// # Errors
    /// `TooLarge`, `Stopped`, and from a twin that was told so `DiskFull`: nothing was accepted.
    fn append(&self, record: &[u8]) -> Result<Lsn, StorageError>;

    /// Asked before a decision is made, so that no decision meets a full disk.
    ///
    /// # Errors
    /// `DiskFull` while free space is below the reserve (known to within a second); `Stopped`.
    fn ready(&self) -> Result<(), StorageError>;

    /// End of a turn of a shard: what was appended so far goes on its way as one group. Appended
    /// records that nobody hands over follow within some milliseconds.
    fn hand_over(&self);

    /// Everything up to here survives a crash of the configured kind.
    fn durable(&self) -> Lsn;

    /// Adds a listener; it hears of advances from now on.
    fn on_durable(&self, listener: DurableListener);

    /// Shows the durable records after `after` in order; returns the position of the last record of
    /// the journal. Meant for the start, before the first append.
    ///
    /// # Errors
    /// `Corrupt` when a record in between is broken or missing, `Io`, and what `visit` returns.
    fn replay(&self, after: Lsn, visit: &mut Visitor<'_>) -> Result<Lsn, StorageError>;

    /// Everything up to here is durable in the records too: recovery starts after it.
    fn checkpoint(&self) -> Lsn;

    /// Moves the checkpoint, also back, at most to the durable position. Survives a restart once it returns.
    ///
    /// # Errors
    /// `DiskFull` and `Io`: the old checkpoint stays.
    fn set_checkpoint(&self, lsn: Lsn) -> Result<(), StorageError>;

    /// Waits until all accepted records are durable (or the journal has failed) and stops: later
    /// appends get `Stopped`.
    fn close(&self);
}

/// Who listens to the durable position.
#[derive(Default)]
struct Listeners(RwLock<Vec<DurableListener>>);

impl Listeners {
    fn add(&self, listener: DurableListener) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    fn tell(&self, durable: Lsn) {
        for listener in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener(durable);
        }
    }
}
