//! The store on sled 0.34.7: the only file that names sled, and where its known faults are handled.
//!
//! - `flush` does not sync: [`SledStore::sync`] syncs the file `db` as well.
//! - A `snap.*.generating` left by a crash makes `open` fail: removed before.
//! - Values of 32 KiB and more are handled badly: split into parts.
//! - `watch_prefix` and the flusher thread are not used; only a checkpoint needs the disk.
//! - Broken files may make it panic, at the open and later: caught, and then like any corruption.
//! - A write that failed once fails for ever, and reads with it: no write without room on the disk, and
//!   one that fails all the same stops the process.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::care::{Care, guarded};
use super::parts::{self, Head};
use super::store::{Batch, Direction, KeyRange, Pair, Store};
use crate::storage::{StorageError, files};

/// Memory for pages, bytes. Sled's own default is a gigabyte.
const CACHE_BYTES: u64 = 64 << 20;
/// How often, and with what pause, a lock is tried that sled's threads of an earlier store in this very
/// process still hold: other processes are kept out by the lock of the data directory.
const LOCK_TRIES: u32 = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(10);
/// Beside the tree: it was found broken while it was in use.
const SUSPECT: &str = "sled.suspect";

/// A store on a sled tree.
pub struct SledStore {
    db: sled::Db,
    dir: PathBuf,
    /// Where it is remembered that the tree is broken.
    suspect: Option<PathBuf>,
    is_suspect: AtomicBool,
    care: Care,
    /// A value in parts is read under it, and replaced under it: no read sees parts of two values.
    parts: RwLock<()>,
}

impl SledStore {
    /// Opens the tree at `dir`, or makes it. A broken one is moved aside, to `sled.corrupt.<n>` in
    /// `root`, and a new one is made: the caller sees that by its being empty.
    ///
    /// # Errors
    /// `Io`, `DiskFull`; `Corrupt` only if a new tree is broken too.
    pub fn open_or_move_aside(root: &Path, dir: &Path, care: Care) -> Result<Self, StorageError> {
        let suspect = root.join(SUSPECT);
        if !suspect.exists() {
            match open(dir) {
                Err(error @ StorageError::Corrupt { .. }) => {
                    tracing::error!(%error, "the records are broken");
                }
                opened => return opened.map(|db| Self::of(db, dir, Some(suspect), care)),
            }
        }
        Self::move_aside(root, dir)?;
        open(dir).map(|db| Self::of(db, dir, Some(suspect), care))
    }

    /// Opens the tree at `dir` and leaves it where it is, whatever its state, also for the next start.
    ///
    /// # Errors
    /// `Corrupt`, also when an earlier process found it so; `Io`, `DiskFull`.
    pub fn open_as_it_is(root: &Path, dir: &Path, care: Care) -> Result<Self, StorageError> {
        let suspect = root.join(SUSPECT);
        match files::read_if_there(&suspect)? {
            Some(why) => Err(StorageError::corrupt(dir, 0, String::from_utf8_lossy(&why))),
            None => open(dir).map(|db| Self::of(db, dir, None, care)),
        }
    }

    /// Moves a broken tree aside, to `sled.corrupt.<n>` in `root`.
    ///
    /// # Errors
    /// `Io`: then it is where it was.
    pub fn move_aside(root: &Path, dir: &Path) -> Result<(), StorageError> {
        let suspect = root.join(SUSPECT);
        if dir.exists() {
            wait_until_closed(dir)?;
            let aside = (1..u32::MAX)
                .map(|n| root.join(format!("sled.corrupt.{n}")))
                .find(|aside| !aside.exists())
                .unwrap_or_else(|| root.join("sled.corrupt"));
            fs::rename(dir, &aside).map_err(StorageError::io("move aside", dir))?;
            files::sync_dir(root)?;
            tracing::error!(
                from = %dir.display(), to = %aside.display(),
                "moved the broken records aside: they are rebuilt from the journal, nothing is lost"
            );
        }
        if suspect.exists() {
            fs::remove_file(&suspect).map_err(StorageError::io("remove", &suspect))?;
        }
        Ok(())
    }

    fn of(db: sled::Db, dir: &Path, suspect: Option<PathBuf>, care: Care) -> Self {
        let is_suspect = AtomicBool::new(false);
        Self { db, dir: dir.to_owned(), suspect, is_suspect, care, parts: RwLock::new(()) }
    }

    /// Calls into sled. A panic of it is a sign of broken bytes; those are remembered for the next start.
    fn call<T>(
        &self,
        what: &'static str,
        call: impl FnOnce() -> Result<T, sled::Error>,
    ) -> Result<T, StorageError> {
        match guarded(call) {
            Some(Ok(done)) => Ok(done),
            Some(Err(error)) => match translate(&self.dir, what, error) {
                StorageError::Corrupt { reason, .. } => Err(self.broken(&reason)),
                error => Err(error),
            },
            None => Err(self.broken("sled panicked on it")),
        }
    }

    /// The same for what changes the tree: after a failure of the disk nothing more will work.
    fn change<T>(
        &self,
        what: &'static str,
        call: impl FnOnce() -> Result<T, sled::Error>,
    ) -> Result<T, StorageError> {
        self.care.room()?;
        let done = self.call(what, call);
        if let Err(error @ (StorageError::Io { .. } | StorageError::DiskFull)) = &done {
            self.care.write_failed(error);
        }
        done
    }

    fn join(&self, key: &[u8], head: &[u8]) -> Result<Vec<u8>, StorageError> {
        match Head::decode(head) {
            Some(Head::Whole(value)) => Ok(value.to_vec()),
            Some(Head::InParts { parts, length }) => {
                let mut value = Vec::new();
                for n in 0..parts {
                    let part = self.call("read", || self.db.get(parts::part_key(key, n)))?;
                    value
                        .extend_from_slice(&part.ok_or_else(|| self.broken("a part of a value is missing"))?);
                }
                if value.len() as u64 == length {
                    Ok(value)
                } else {
                    Err(self.broken("the parts of a value have another length"))
                }
            }
            None => Err(self.broken("a value has no readable head")),
        }
    }

    /// How many parts the stored value of a key has.
    fn stored_parts(&self, head_key: &[u8]) -> Result<u32, StorageError> {
        let head = self.call("read", || self.db.get(head_key))?;
        Ok(head.and_then(|head| Head::decode(&head).map(|head| head.parts())).unwrap_or(0))
    }
}

impl Store for SledStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let _parts = self.parts.read().unwrap_or_else(PoisonError::into_inner);
        let head = self.call("read", || self.db.get(parts::head_key(key)))?;
        head.map(|head| self.join(key, &head)).transpose()
    }

    fn write(&self, batch: Batch) -> Result<(), StorageError> {
        let _parts = self.parts.write().unwrap_or_else(PoisonError::into_inner);
        let mut changes = sled::Batch::default();
        for (key, value) in &batch.changes {
            let head_key = parts::head_key(key);
            let old_parts = self.stored_parts(&head_key)?;
            let mut new_parts = 0;
            if let Some(value) = value {
                let (head, rest) = parts::split(value);
                changes.insert(head_key, head);
                for part in rest {
                    changes.insert(parts::part_key(key, new_parts), part);
                    new_parts += 1;
                }
            } else {
                changes.remove(head_key);
            }
            for n in new_parts..old_parts {
                changes.remove(parts::part_key(key, n));
            }
        }
        self.change("write", || self.db.apply_batch(changes))
    }

    fn scan(&self, range: &KeyRange, direction: Direction, limit: usize) -> Result<Vec<Pair>, StorageError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let _parts = self.parts.read().unwrap_or_else(PoisonError::into_inner);
        let mut heads = self.db.range(parts::head_key(&range.start)..parts::head_key(&range.end));
        let mut pairs = Vec::new();
        while pairs.len() < limit {
            let next = self.call("read", || {
                let next = match direction {
                    Direction::Forward => heads.next(),
                    Direction::Backward => heads.next_back(),
                };
                next.transpose()
            })?;
            let Some((head_key, head)) = next else { break };
            let key = parts::key_of(&head_key);
            pairs.push((key.to_vec(), self.join(key, &head)?));
        }
        Ok(pairs)
    }

    fn sync(&self) -> Result<(), StorageError> {
        self.change("flush", || self.db.flush())?;
        let db = self.dir.join("db");
        File::open(&db).and_then(|file| file.sync_all()).map_err(StorageError::io("sync", &db))
    }

    fn place(&self) -> PathBuf {
        self.dir.clone()
    }

    fn broken(&self, reason: &str) -> StorageError {
        let error = StorageError::corrupt(&self.dir, 0, reason);
        self.is_suspect.store(true, Ordering::Release);
        if let Some(suspect) = &self.suspect {
            tracing::error!(%error, "the records are broken: the next start rebuilds them from the journal");
            if let Err(error) = fs::write(suspect, reason) {
                tracing::error!(%error, file = %suspect.display(),
                    "cannot remember that: move the directory of the records away before the next start");
            }
        }
        error
    }

    fn is_suspect(&self) -> bool {
        self.is_suspect.load(Ordering::Acquire)
    }
}

/// Opens sled's tree, or makes it.
fn open(dir: &Path) -> Result<sled::Db, StorageError> {
    files::create_dir(dir)?;
    remove_half_written_snapshots(dir)?;
    let db = open_sled(dir)?;
    // Sled has made its files by now; make their names durable.
    files::sync_dir(dir)?;
    Ok(db)
}

/// Sled's threads of an earlier store in this process may still write: not beside the tree that comes
/// in its place.
#[expect(clippy::disallowed_methods, reason = "at start nothing else runs that a pause could hold up")]
fn wait_until_closed(dir: &Path) -> Result<(), StorageError> {
    let db = dir.join("db");
    let Ok(file) = File::open(&db) else { return Ok(()) };
    for _ in 0..LOCK_TRIES {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => thread::sleep(LOCK_PAUSE),
            done => return done.map_err(|error| StorageError::io("lock", &db)(error.into())),
        }
    }
    Err(StorageError::io("lock", &db)(io::Error::other("sled does not let go of it")))
}

fn remove_half_written_snapshots(dir: &Path) -> Result<(), StorageError> {
    for entry in fs::read_dir(dir).map_err(StorageError::io("list", dir))? {
        let path = entry.map_err(StorageError::io("list", dir))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(&path).map_err(StorageError::io("remove", &path))?;
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "at start nothing else runs that a pause could hold up")]
fn open_sled(dir: &Path) -> Result<sled::Db, StorageError> {
    let config = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    let mut tries = 1;
    loop {
        let opened =
            guarded(|| config.open()).ok_or_else(|| StorageError::corrupt(dir, 0, "sled panicked on it"))?;
        match opened {
            Err(sled::Error::Io(error)) if is_lock_held(&error) && tries < LOCK_TRIES => {
                tries += 1;
                thread::sleep(LOCK_PAUSE);
            }
            opened => return opened.map_err(|error| translate(dir, "open", error)),
        }
    }
}

/// Sled tells this by its text only.
fn is_lock_held(error: &io::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

fn translate(dir: &Path, what: &'static str, error: sled::Error) -> StorageError {
    match error {
        sled::Error::Io(error) => match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => {
                StorageError::corrupt(dir, 0, error.to_string())
            }
            _ => StorageError::io(what, dir)(error),
        },
        sled::Error::Corruption { at, .. } => {
            StorageError::corrupt(dir, at.map_or(0, |at| at.lid()), "sled finds it corrupt")
        }
        other => StorageError::corrupt(dir, 0, other.to_string()),
    }
}

#[cfg(test)]
impl SledStore {
    /// How many entries the tree has, parts counted.
    pub(super) fn stored_entries(&self) -> usize {
        self.db.len()
    }

    /// Breaks a value that is stored in parts.
    pub(super) fn lose_a_part(&self, key: &[u8]) {
        assert!(self.db.remove(parts::part_key(key, 1)).is_ok_and(|lost| lost.is_some()));
    }

    /// What sled answers is what the caller says.
    pub(super) fn pretend(
        &self,
        answer: impl FnOnce() -> Result<(), sled::Error>,
    ) -> Result<(), StorageError> {
        self.change("write", answer)
    }
}
