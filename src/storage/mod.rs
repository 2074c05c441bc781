//! What survives a crash.
//!
//! Lives here: the append-only [`journal`] (every change is in it before anybody hears of it) and the
//! [`records`] on top of sled (snapshots, chunks, indexes, deliveries, deadlines: what makes a start
//! fast), the [`Blobs`] that users sent, with their in-memory twins, the lock and the layout of the data directory. All of it stores
//! opaque bytes under typed keys.
//!
//! May not live here: actors, facts or anything else that gives the bytes a meaning, a runtime, a
//! channel, a wire type. Only `records/sled_store.rs` names sled. Numbers on disk are big-endian.

mod backup;
mod blobs;
#[cfg(test)]
mod blobs_tests;
#[cfg(test)]
mod care_tests;
mod doctor;
mod error;
mod faults;
mod files;
mod generation;
pub mod journal;
mod layout;
mod lock;
mod lsn;
pub mod records;
mod settings;
mod space;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

pub use backup::{Backup, BackupFile, backup, restore};
pub use blobs::{Blob, BlobId, BlobInfo, Blobs, Keeping, Unfinished};
pub use doctor::{Doctor, Finding, Reader, Repair, Severity};
pub use error::StorageError;
pub use faults::Faults;
pub use journal::{Disk, DiskFile, DurableListener, Fault, FaultyDisk, Journal};
pub use layout::Layout;
pub use lock::DirLock;
pub use lsn::Lsn;
pub use records::{ActorKey, ActorKind, IndexKey, NameDigest, Records, Rows, Save, Snapshot, in_store};
pub use settings::{
    DEFAULT_RESERVE_BYTES, DEFAULT_SEGMENT_BYTES, Durability, FatalHook, MAX_SEGMENT_BYTES,
    MIN_SEGMENT_BYTES, Settings,
};

use journal::{FileJournal, copying};
use records::{Care, MemoryStore, SledStore};

/// The opened storage of one installation.
pub struct Storage {
    /// Where every change goes first.
    pub journal: Arc<dyn Journal>,
    /// What the journal has been boiled down to.
    pub records: Records,
    /// Files that users sent.
    pub blobs: Blobs,
    /// Which life of its data this is: another one after each restore, 0 before the first.
    pub generation: u64,
    /// Held while this lives; the journal and the sled tree hold it too.
    lock: Option<Arc<DirLock>>,
    /// Makes the records anew, moving broken ones aside.
    renew: Renew,
}

/// Opens the records; broken ones are moved aside first.
type Renew = Box<dyn Fn() -> Result<Records, StorageError> + Send + Sync>;

impl Storage {
    /// Opens (or makes) the data directory `dir` and takes its lock. A broken sled tree is moved aside
    /// and its checkpoint forgotten, so that the replay that follows rebuilds it from the journal.
    ///
    /// # Errors
    /// `Locked` when another process has the directory, `NewerFormat` when a later version wrote it,
    /// `Corrupt` when the journal is broken anywhere but in its torn tail, `DiskFull` and `Io`.
    pub fn open(dir: &Path, settings: &Settings) -> Result<Self, StorageError> {
        let layout = Layout::new(dir);
        layout.create_root()?;
        let lock = Arc::new(DirLock::acquire(&layout.lock_file())?);
        layout.check_format()?;
        let generation = generation::read(&layout)?;
        let (journal_dir, blobs_dir) = (layout.journal_dir(), layout.blobs_dir());

        let renew: Renew = {
            let (root, settings, journal) = (dir.to_owned(), settings.clone(), layout.journal_dir());
            Box::new(move || {
                let care = Care::new(&root, &settings);
                let place = layout.sled_dir();
                // Without the beginning of the journal the records could not be built anew.
                let open = if copying::reaches_back(&journal)? {
                    SledStore::open_or_move_aside
                } else {
                    SledStore::open_as_it_is
                };
                Records::new(Arc::new(open(&root, &place, care)?))
            })
        };
        let records = renew()?;
        let floor = records.highest_saved();
        let journal = FileJournal::open(&journal_dir, Arc::clone(&lock), floor, settings)?;
        let blobs = Blobs::open(&blobs_dir, settings.reserve_bytes)?;
        let storage =
            Self { journal: Arc::new(journal), records, blobs, generation, lock: Some(lock), renew };
        storage.distrust_a_checkpoint_without_records()?;
        Ok(storage)
    }

    /// A storage without a disk, and the handle that makes it fail.
    #[must_use]
    pub fn in_memory() -> (Self, Faults) {
        Faults::new_storage()
    }

    /// Writes the address of the admin interface into the lock file, where the other commands of the
    /// command line find it.
    ///
    /// # Errors
    /// `Io` or `DiskFull` when the file cannot be written.
    pub fn set_address(&self, address: &str) -> Result<(), StorageError> {
        self.lock.as_ref().map_or(Ok(()), |lock| lock.set_address(address))
    }

    /// Moves records that were found broken aside and begins with empty ones, which the replay of the
    /// whole journal fills. Meant for the start, while nobody else has the records.
    ///
    /// # Errors
    /// `Io`, `DiskFull`; `Corrupt` when the new ones are broken too.
    pub fn renew_records(&mut self) -> Result<(), StorageError> {
        // The broken ones have to be let go before others can take their place.
        self.records = Records::empty(Arc::new(MemoryStore::new()));
        self.records = (self.renew)()?;
        self.distrust_a_checkpoint_without_records()
    }

    /// A checkpoint says "all up to here is in the records". Records that were just made anew hold
    /// nothing, whatever the checkpoint says. They count as new until the checkpoint is durably gone,
    /// so a crash in between changes nothing.
    fn distrust_a_checkpoint_without_records(&self) -> Result<(), StorageError> {
        if !self.records.is_established()? {
            if self.journal.checkpoint() > Lsn::ZERO {
                tracing::error!("the records are new or lost: rebuilding them from the whole journal");
            }
            self.journal.set_checkpoint(Lsn::ZERO)?;
            self.records.establish()?;
        }
        Ok(())
    }
}
