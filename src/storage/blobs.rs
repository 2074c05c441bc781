//! Files that users sent: each is a directory of its own with the bytes and what is known of them. It is
//! synced before anybody hears of it, lies in `new` until something refers to it, and is moved to `kept`
//! before that is journaled: so whatever the journal speaks of is there, and what nobody used can go.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::space::{FreeSpace, free_space_of};
use super::{StorageError, files};

/// The newest form of [`BlobInfo`] known here.
const KNOWN_FORMAT: u32 = 1;
/// The bytes themselves.
const BODY: &str = "body";
/// What is known of them.
pub(super) const INFO: &str = "info.json";
/// There when more than one thing refers to it: then it goes with none of them.
const SHARED: &str = "shared";
/// What nothing refers to yet.
const NEW: &str = "new";
/// What something refers to.
const KEPT: &str = "kept";
/// How the name of one begins that is not finished.
const UNFINISHED: &str = "part-";
/// How the name of one begins that is being removed.
const GOING: &str = "gone-";

/// Names a blob: 128 random bits. Whoever knows it may read the blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlobId(pub u128);

impl std::fmt::Display for BlobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl std::str::FromStr for BlobId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 32 || !text.bytes().all(is_hex) {
            return Err(());
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| ())
    }
}

/// What is known of a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobInfo {
    /// The form of this.
    pub format: u32,
    /// Whose it is: a number that means something to the engine.
    pub owner: u64,
    /// Its shown name.
    pub name: String,
    /// MIME type, as its sender said.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    /// CRC-32 of them.
    pub crc32: u32,
    /// Pixels across and down, for a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels: Option<(u32, u32)>,
    /// When it came, in microseconds since 1970.
    pub stored_at: u64,
}

impl BlobInfo {
    /// Of a blob in the newest form.
    #[must_use]
    pub fn new(owner: u64, name: String, content_type: String, stored_at: u64) -> Self {
        let (size, crc32, pixels) = (0, 0, None);
        Self { format: KNOWN_FORMAT, owner, name, content_type, size, crc32, pixels, stored_at }
    }
}

/// A stored blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// What is known of it.
    pub info: BlobInfo,
    /// The file with its bytes.
    pub path: PathBuf,
    /// Something refers to it.
    pub kept: bool,
}

/// A blob that is being received. Dropped before it is finished, it leaves nothing.
pub struct Unfinished {
    id: BlobId,
    dir: PathBuf,
    finished: bool,
}

impl Unfinished {
    /// The file that its bytes are written to.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.join(BODY)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.finished {
            // What stays is removed at the next start.
            drop(fs::remove_dir_all(&self.dir));
        }
    }
}

/// Every blob of an installation.
#[derive(Clone)]
pub struct Blobs(Option<Arc<Place>>);

struct Place {
    fresh: PathBuf,
    kept: PathBuf,
    free: FreeSpace,
    reserve: u64,
    /// Held while it is settled whether one stays: what one thing gives back another may just take.
    settling: Mutex<()>,
}

/// What keeping a blob found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// It was new; now it stays.
    Kept,
    /// It stayed already.
    WasKept,
    /// There is none.
    Gone,
}

impl Blobs {
    /// Opens (or makes) the directory `dir`, and removes what was never finished. Writes are refused
    /// while less than twice the `reserve` is free: files must not take the room of the journal.
    ///
    /// # Errors
    /// `Io`, `DiskFull`.
    pub(super) fn open(dir: &Path, reserve: u64) -> Result<Self, StorageError> {
        let place = Place {
            fresh: dir.join(NEW),
            kept: dir.join(KEPT),
            free: free_space_of(dir),
            reserve: reserve.saturating_mul(2),
            settling: Mutex::new(()),
        };
        for dir in [&place.fresh, &place.kept] {
            files::create_dir(dir)?;
        }
        for name in names(&place.fresh)? {
            if name.starts_with(UNFINISHED) || name.starts_with(GOING) {
                remove(&place.fresh.join(name))?;
            }
        }
        Ok(Self(Some(Arc::new(place))))
    }

    /// No place for any: all are refused as on a full disk.
    pub(super) const fn nowhere() -> Self {
        Self(None)
    }

    fn place(&self) -> Result<&Place, StorageError> {
        self.0.as_deref().ok_or(StorageError::DiskFull)
    }

    /// Begins a blob.
    ///
    /// # Errors
    /// `DiskFull`, `Io`.
    pub fn begin(&self, id: BlobId) -> Result<Unfinished, StorageError> {
        let place = self.place()?;
        place.ready()?;
        let unfinished =
            Unfinished { id, dir: place.fresh.join(format!("{UNFINISHED}{id}")), finished: false };
        files::create_dir(&unfinished.dir)?;
        let path = unfinished.path();
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(StorageError::io("create", &path))?;
        Ok(unfinished)
    }

    /// Is there room for more of what is being received?
    ///
    /// # Errors
    /// `DiskFull`, `Io`.
    pub fn ready(&self) -> Result<(), StorageError> {
        self.place()?.ready()
    }

    /// Ends a blob whose bytes are written: from now on it is found, also after a crash.
    ///
    /// # Errors
    /// `DiskFull`, `Io`: then there is no such blob.
    pub fn finish(&self, mut unfinished: Unfinished, info: &BlobInfo) -> Result<(), StorageError> {
        let place = self.place()?;
        let text = serde_json::to_vec_pretty(info).map_err(|error| StorageError::Unreadable {
            what: "a file's description",
            reason: error.to_string(),
        })?;
        files::write_synced(&unfinished.dir.join(INFO), &text)?;
        let path = unfinished.path();
        File::open(&path).and_then(|file| file.sync_all()).map_err(StorageError::io("sync", &path))?;
        files::sync_dir(&unfinished.dir)?;
        let to = place.fresh.join(unfinished.id.to_string());
        fs::rename(&unfinished.dir, &to).map_err(StorageError::io("rename to", &to))?;
        unfinished.finished = true;
        files::sync_dir(&place.fresh)
    }

    /// A blob.
    ///
    /// # Errors
    /// `Corrupt`, `NewerFormat`, `Io`.
    pub fn find(&self, id: BlobId) -> Result<Option<Blob>, StorageError> {
        let Some(place) = self.0.as_deref() else { return Ok(None) };
        // The kept ones last: one may be moved there meanwhile.
        for (dir, kept) in [(place.fresh.join(id.to_string()), false), (place.of(id), true)] {
            if let Some(info) = read_info(&dir)? {
                return Ok(Some(Blob { info, path: dir.join(BODY), kept }));
            }
        }
        Ok(None)
    }

    /// Something is going to refer to a blob: it stays. When something does already it stays also when that
    /// one is forgotten.
    ///
    /// # Errors
    /// `Io`, `DiskFull`.
    pub fn keep(&self, id: BlobId) -> Result<Keeping, StorageError> {
        let Some(place) = self.0.as_deref() else { return Ok(Keeping::Gone) };
        let _settling = place.settle();
        let (from, to) = (place.fresh.join(id.to_string()), place.of(id));
        let shelf = to.parent().unwrap_or(&place.kept);
        let synced = || files::sync_dir(shelf).and_then(|()| files::sync_dir(&place.fresh));
        if to.is_dir() {
            // Moved by another, perhaps this moment: durable before anything else refers to it.
            synced()?;
            let mark = to.join(SHARED);
            if !mark.exists() {
                files::replace(&mark, b"")?;
            }
            return Ok(Keeping::WasKept);
        }
        files::create_dir(shelf)?;
        match fs::rename(&from, &to) {
            Ok(()) => synced().map(|()| Keeping::Kept),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Keeping::Gone),
            Err(error) => Err(StorageError::io("rename to", &to)(error)),
        }
    }

    /// What was going to refer to a blob does not: it is as new again, unless something else refers
    /// to it by now. False when it stays.
    ///
    /// # Errors
    /// `Io`.
    pub fn give_back(&self, id: BlobId) -> Result<bool, StorageError> {
        let Some(place) = self.0.as_deref() else { return Ok(false) };
        let _settling = place.settle();
        let (from, to) = (place.of(id), place.fresh.join(id.to_string()));
        if from.join(SHARED).exists() {
            return Ok(false);
        }
        match fs::rename(&from, &to) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StorageError::io("rename to", &to)(error)),
        }
    }

    /// What referred to a blob does so no more: it goes, unless something else does.
    ///
    /// # Errors
    /// `Io`.
    pub fn forget(&self, id: BlobId) -> Result<(), StorageError> {
        let Some(place) = self.0.as_deref() else { return Ok(()) };
        let _settling = place.settle();
        let dir = place.of(id);
        if dir.join(SHARED).exists() { Ok(()) } else { place.remove_from(&dir, id) }
    }

    /// Nothing will refer to a blob: it goes, unless something does by now.
    ///
    /// # Errors
    /// `Io`.
    pub fn discard(&self, id: BlobId) -> Result<(), StorageError> {
        let Some(place) = self.0.as_deref() else { return Ok(()) };
        place.remove_from(&place.fresh.join(id.to_string()), id)
    }

    /// Removes those that nothing refers to and that came before a moment, in microseconds since 1970;
    /// says how many.
    ///
    /// # Errors
    /// `Io`.
    pub fn sweep(&self, before: u64) -> Result<usize, StorageError> {
        let Some(place) = self.0.as_deref() else { return Ok(0) };
        let mut gone = 0;
        for (id, info) in self.waiting()? {
            if info.stored_at < before {
                match place.remove_from(&place.fresh.join(id.to_string()), id) {
                    Ok(()) => gone += 1,
                    // The others are none the worse for it.
                    Err(error) => tracing::error!(%error, "a file that nobody used cannot be removed"),
                }
            }
        }
        Ok(gone)
    }

    /// Removes every blob of an owner, whatever refers to it.
    ///
    /// # Errors
    /// `Io`: what is left goes when this is asked again.
    pub fn erase(&self, owner: u64) -> Result<(), StorageError> {
        let Some(place) = self.0.as_deref() else { return Ok(()) };
        for dir in all(place.fresh.parent().unwrap_or(&place.fresh))? {
            let id = dir.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            // One that is moved meanwhile is looked at again, where it went.
            let own = match read_info(&dir) {
                Ok(info) => info.is_some_and(|info| info.owner == owner),
                Err(error) => {
                    tracing::error!(%error, "whose a file is cannot be read");
                    false
                }
            };
            if let Some(id) = id.filter(|_| own) {
                place.remove_from(&dir, id)?;
            }
        }
        Ok(())
    }

    /// Copies every blob, also while a server runs: what the journal spoke of when this began is there.
    /// One that comes, is kept or goes meanwhile may be missed.
    ///
    /// # Errors
    /// `Io`, `DiskFull`.
    pub(super) fn copy(from: &Path, to: &Path) -> Result<(), StorageError> {
        for dir in all(from)? {
            let target = to.join(dir.strip_prefix(from).unwrap_or(&dir));
            files::create_dir(&target)?;
            let mark = dir.join(SHARED).exists().then_some(SHARED);
            let copied = mark
                .into_iter()
                .chain([INFO, BODY])
                .try_for_each(|name| files::copy(&dir.join(name), &target.join(name)));
            match copied {
                Ok(()) => files::sync_dir(&target)?,
                // Moved away under our hands.
                Err(_) if !dir.is_dir() => remove(&target)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads every blob, kept or not, and says of which not all is as it was written, and why.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn examine(dir: &Path) -> Result<(usize, Vec<(PathBuf, String)>), StorageError> {
        let all = all(dir)?;
        let mut broken = Vec::new();
        for blob in &all {
            let fault = match read_info(blob) {
                Ok(None) => Some("nothing says what it is".to_owned()),
                Err(error) => Some(error.to_string()),
                Ok(Some(info)) => match files::sum(&blob.join(BODY)) {
                    Ok(sum) if sum == (info.size, info.crc32) => None,
                    Ok(_) => Some("its bytes are not those that were sent".to_owned()),
                    Err(error) => Some(error.to_string()),
                },
            };
            broken.extend(fault.map(|fault| (blob.clone(), fault)));
        }
        Ok((all.len(), broken))
    }

    /// Those that nothing refers to yet and that can be read.
    ///
    /// # Errors
    /// `Io`.
    pub fn waiting(&self) -> Result<Vec<(BlobId, BlobInfo)>, StorageError> {
        let Some(place) = self.0.as_deref() else { return Ok(Vec::new()) };
        let mut waiting = Vec::new();
        for name in names(&place.fresh)? {
            let Ok(id) = name.parse::<BlobId>() else { continue };
            match read_info(&place.fresh.join(name)) {
                // It may just have been kept.
                Ok(info) => waiting.extend(info.map(|info| (id, info))),
                Err(error) => tracing::error!(%error, "a file that waits cannot be read"),
            }
        }
        Ok(waiting)
    }
}

impl Place {
    fn settle(&self) -> MutexGuard<'_, ()> {
        self.settling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ready(&self) -> Result<(), StorageError> {
        let free = (self.free)().map_err(StorageError::io("look at", &self.fresh))?;
        if free < self.reserve { Err(StorageError::DiskFull) } else { Ok(()) }
    }

    /// Where a kept blob lies: 256 shelves keep directories short.
    fn of(&self, id: BlobId) -> PathBuf {
        let name = id.to_string();
        self.kept.join(&name[..2]).join(name)
    }

    /// In two steps, since a blob must never be found with half of its files.
    fn remove_from(&self, dir: &Path, id: BlobId) -> Result<(), StorageError> {
        let going = self.fresh.join(format!("{GOING}{id}"));
        if going.exists() {
            remove(&going)?;
        }
        match fs::rename(dir, &going) {
            Ok(()) => remove(&going),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(StorageError::io("rename to", &going)(error)),
        }
    }
}

/// What is known of the blob in a directory; `None` when it is not there.
fn read_info(dir: &Path) -> Result<Option<BlobInfo>, StorageError> {
    let path = dir.join(INFO);
    let Some(text) = files::read_if_there(&path)? else { return Ok(None) };
    let corrupt = |error: serde_json::Error| StorageError::corrupt(&path, 0, error.to_string());
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(corrupt)?;
    let found = value.get("format").and_then(serde_json::Value::as_u64).unwrap_or(0);
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    if found > KNOWN_FORMAT {
        return Err(StorageError::NewerFormat { file: path, found, known: KNOWN_FORMAT });
    }
    serde_json::from_value(value).map(Some).map_err(corrupt)
}

/// The directory of every blob below another one.
fn all(dir: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let (fresh, kept) = (dir.join(NEW), dir.join(KEPT));
    let mut shelves = vec![fresh];
    shelves.extend(names(&kept)?.into_iter().map(|name| kept.join(name)));
    let mut all = Vec::new();
    for shelf in shelves {
        let blobs = names(&shelf)?.into_iter().filter(|name| name.parse::<BlobId>().is_ok());
        all.extend(blobs.map(|name| shelf.join(name)));
    }
    Ok(all)
}

pub(super) fn names(dir: &Path) -> Result<Vec<String>, StorageError> {
    let io = |error| StorageError::io("list", dir)(error);
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(io)? {
        names.extend(entry.map_err(io)?.file_name().into_string());
    }
    Ok(names)
}

fn remove(dir: &Path) -> Result<(), StorageError> {
    fs::remove_dir_all(dir).map_err(StorageError::io("remove", dir))
}
