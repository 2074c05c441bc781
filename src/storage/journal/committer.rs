//! Group commit: the group is what came in while the last one was written. No timer gathers it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::disk::DiskFile;
use super::housekeeper::Housekeeper;
use super::pending::Pending;
use super::writer::Writer;
use super::{Listeners, checkpoint};
use crate::storage::{Durability, FatalHook, Lsn, Settings, StorageError, files};

/// Room kept in the buffer of a group from one to the next, bytes.
const KEPT_BUFFER_BYTES: usize = 1 << 20;

/// All that the callers and the committer thread share.
pub(super) struct Committer {
    pub(super) pending: Pending,
    pub(super) listeners: Listeners,
    dir: PathBuf,
    durability: Durability,
    keeper: Arc<Housekeeper>,
    output: Mutex<Output>,
    durable: AtomicU64,
    checkpoint: Mutex<Lsn>,
    fatal: FatalHook,
}

struct Output {
    writer: Writer,
    group: Vec<u8>,
}

impl Committer {
    pub(super) fn open(dir: &Path, floor: Lsn, settings: &Settings) -> Result<Self, StorageError> {
        files::create_dir(dir)?;
        let checkpoint = checkpoint::read(dir)?;
        let writer = Writer::open(dir, floor, checkpoint, settings)?;
        Ok(Self {
            pending: Pending::after(writer.last()),
            listeners: Listeners::default(),
            dir: dir.to_owned(),
            durability: settings.durability,
            keeper: writer.keeper(),
            durable: AtomicU64::new(writer.last().get()),
            output: Mutex::new(Output { writer, group: Vec::new() }),
            checkpoint: Mutex::new(checkpoint),
            fatal: Arc::clone(&settings.fatal),
        })
    }

    /// Starts the thread that writes what nobody else does.
    pub(super) fn start(self: &Arc<Self>) -> Result<JoinHandle<()>, StorageError> {
        let committer = Arc::clone(self);
        thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                let _sentinel = Sentinel(&committer);
                while committer.pending.wait_for_group() {
                    committer.write_group();
                }
            })
            .map_err(StorageError::io("start a thread for", &self.dir))
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn durable(&self) -> Lsn {
        Lsn::new(self.durable.load(Ordering::Acquire))
    }

    pub(super) fn disk_is_full(&self) -> bool {
        self.keeper.disk_is_full()
    }

    /// With `Os` a write is a copy into the page cache, cheaper than to wake another core for it.
    pub(super) fn hand_over(&self) {
        match self.durability {
            Durability::Commit => self.pending.hand_over(),
            Durability::Os => self.write_group(),
        }
    }

    /// Writes what is pending as one group, on the calling thread, and makes it known.
    fn write_group(&self) {
        let mut output = files::lock(&self.output);
        let Output { writer, group } = &mut *output;
        let Some(last) = self.pending.take(group) else {
            return;
        };
        let written = writer.write(group, last);
        group.clear();
        group.shrink_to(KEPT_BUFFER_BYTES);
        if let Err(error) = written {
            self.pending.stop();
            drop(output);
            self.fail(&format!("an accepted change cannot be made durable: {error}"));
            return;
        }
        drop(output);
        self.durable.fetch_max(last.get(), Ordering::AcqRel);
        self.listeners.tell(last);
    }

    /// Nothing is released any more: what was accepted may or may not be on the disk.
    fn fail(&self, reason: &str) {
        self.pending.stop();
        (self.fatal)(reason);
    }

    pub(super) fn checkpoint(&self) -> Lsn {
        *files::lock(&self.checkpoint)
    }

    /// The journal reaches the disk first: a checkpoint never names what the journal could lose.
    pub(super) fn set_checkpoint(&self, lsn: Lsn) -> Result<(), StorageError> {
        let mut checkpoint = files::lock(&self.checkpoint);
        self.sync_all()?;
        let lsn = lsn.min(self.durable());
        checkpoint::write(&self.dir, lsn)?;
        *checkpoint = lsn;
        Ok(())
    }

    /// Puts on the disk what `Os` left in the page cache.
    pub(super) fn sync_all(&self) -> Result<(), StorageError> {
        if self.durability == Durability::Os {
            let unsynced: Vec<Arc<dyn DiskFile>> = files::lock(&self.output).writer.take_unsynced();
            if let Some(error) = unsynced.iter().find_map(|file| file.sync_data().err()) {
                self.fail(&format!("cannot sync the journal: {error}"));
                return Err(StorageError::Stopped);
            }
        }
        Ok(())
    }
}

/// A committer that panicked would leave everybody waiting.
struct Sentinel<'a>(&'a Committer);

impl Drop for Sentinel<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail("the journal's committer panicked");
        }
    }
}
