//! Backup and restore of a data directory.
//!
//! A backup is the journal, from which everything else is built, and the small files beside it; sled stays
//! behind. It can be taken from the files of a running server without asking it: see `journal/copying`.
//! `backup.json`, written last, says what belongs to it; without it a backup was not finished.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::journal::{copying, examine};
use super::{Blobs, DirLock, Layout, StorageError, files, generation};

/// What says that a backup is whole.
const MANIFEST: &str = "backup.json";
/// The newest form of a backup known here.
const KNOWN_FORMAT: u32 = 1;
/// Directories below another that are followed: ours are flat.
const DEPTH: usize = 8;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// The form of the backup.
    pub format: u32,
    /// When it was begun, as text.
    pub taken_at: String,
    /// Records of the journal.
    pub records: u64,
    /// The position of the last one.
    pub last: u64,
    /// Every file.
    pub files: Vec<BackupFile>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// Its path inside the data directory.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// CRC-32 of them.
    pub crc32: u32,
}

impl Backup {
    /// Bytes of all files.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

/// Copies the data directory `dir`, whether or not a server runs on it, into the new directory `to`.
/// Everything that was acknowledged before is in it.
///
/// # Errors
/// `NotEmpty` when `to` is something already; `NoData`; `Corrupt` when the journal is broken or does not hold
/// everything; `Io`, `DiskFull`. Then there is no backup.
pub fn backup(dir: &Path, to: &Path, taken_at: String) -> Result<Backup, StorageError> {
    let layout = Layout::new(dir);
    if !layout.journal_dir().is_dir() {
        return Err(StorageError::NoData { dir: dir.to_owned() });
    }
    layout.read_format()?;
    must_be_empty(to)?;
    // A server that is to start meanwhile waits; one that runs does not mind.
    let _lock = match DirLock::acquire(&layout.lock_file()) {
        Err(StorageError::Locked { .. }) => None,
        lock => Some(lock?),
    };
    let fresh = beside(to, "unfinished");
    remove_tree(&fresh)?;
    files::create_dir(&fresh)?;
    // The journal first: what its records speak of lies beside it before they are written.
    let copied = copying::copy(&layout.journal_dir(), &fresh.join(Layout::JOURNAL))?;
    for name in beside_the_journal(dir)? {
        if name == Path::new(Layout::BLOBS) {
            Blobs::copy(&layout.blobs_dir(), &fresh.join(&name))?;
            continue;
        }
        copy_tree(&dir.join(&name), &fresh.join(&name), DEPTH)?;
    }
    let mut files = Vec::new();
    list(&fresh, Path::new(""), DEPTH, &mut files)?;
    let (records, last) = (copied.records, copied.last.get());
    let backup = Backup { format: KNOWN_FORMAT, taken_at, records, last, files };
    let text = serde_json::to_vec_pretty(&backup)
        .map_err(|error| StorageError::Unreadable { what: "a backup", reason: error.to_string() })?;
    files::write_synced(&fresh.join(MANIFEST), &text)?;
    files::sync_dir(&fresh)?;
    name_it(&fresh, to)?;
    Ok(backup)
}

/// Checks the backup in `from` to the last byte and makes the new data directory `dir` of it, which leads a
/// life of its own from there (see `generation.rs`).
///
/// # Errors
/// `NoBackup` when `from` is none, or was not finished; `Corrupt` when it is not what was written; `NewerFormat`;
/// `NotEmpty` when `dir` is something already; `Io`, `DiskFull`. Then `dir` is as it was.
pub fn restore(from: &Path, dir: &Path) -> Result<Backup, StorageError> {
    let backup = read_manifest(from)?;
    must_be_empty(dir)?;
    for file in &backup.files {
        check(from, file)?;
    }
    let found = examine::examine(&from.join(Layout::JOURNAL), &mut |_, _| Ok(()))?;
    if !found.is_complete() || !found.faults.is_empty() || found.last.get() != backup.last {
        let reason = format!("the journal ends with record {}, not {}", found.last, backup.last);
        return Err(StorageError::corrupt(from.join(MANIFEST), 0, reason));
    }
    let fresh = beside(dir, "unfinished");
    remove_tree(&fresh)?;
    files::create_dir(&fresh)?;
    for file in &backup.files {
        let target = fresh.join(&file.path);
        if let Some(parent) = target.parent() {
            files::create_dir(parent)?;
        }
        files::copy(&from.join(&file.path), &target)?;
        files::sync_dir(target.parent().unwrap_or(&fresh))?;
    }
    let layout = Layout::new(&fresh);
    layout.read_format()?;
    // In place of the one that the backup may hold.
    generation::renew(&layout)?;
    name_it(&fresh, dir)?;
    Ok(backup)
}

fn read_manifest(from: &Path) -> Result<Backup, StorageError> {
    let path = from.join(MANIFEST);
    let text = files::read_if_there(&path)?.ok_or_else(|| StorageError::NoBackup { dir: from.to_owned() })?;
    let unreadable = |error: serde_json::Error| StorageError::corrupt(&path, 0, error.to_string());
    // The number first: a later form may say the rest differently.
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(unreadable)?;
    let found = value.get("format").and_then(serde_json::Value::as_u64).unwrap_or(0);
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    if found > KNOWN_FORMAT {
        return Err(StorageError::NewerFormat { file: path, found, known: KNOWN_FORMAT });
    }
    let backup: Backup = serde_json::from_value(value).map_err(unreadable)?;
    // Nobody may be led out of the directory.
    let outside = |file: &BackupFile| {
        let mut parts = Path::new(&file.path).components();
        parts.any(|part| !matches!(part, std::path::Component::Normal(_)))
    };
    match backup.files.iter().find(|file| outside(file)) {
        Some(file) => Err(StorageError::corrupt(&path, 0, format!("it names {:?}", file.path))),
        None => Ok(backup),
    }
}

fn check(from: &Path, expected: &BackupFile) -> Result<(), StorageError> {
    let path = from.join(&expected.path);
    if !path.is_file() {
        return Err(StorageError::corrupt(path, 0, "it is missing"));
    }
    let (size, crc32) = files::sum(&path)?;
    if (size, crc32) == (expected.size, expected.crc32) {
        Ok(())
    } else {
        Err(StorageError::corrupt(path, 0, "it is not the file that was written"))
    }
}

/// What stands beside the journal and is nowhere else: all but the lock, the records and what is half-made.
fn beside_the_journal(dir: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let names = entries(dir)?;
    let ours = |name: &PathBuf| {
        let text = name.to_string_lossy();
        !(text == "lock" || text == Layout::JOURNAL || text.starts_with("sled") || text.ends_with(".new"))
    };
    Ok(names.into_iter().filter(ours).collect())
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let io = |error| StorageError::io("list", dir)(error);
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(io)? {
        names.push(PathBuf::from(entry.map_err(io)?.file_name()));
    }
    names.sort_unstable();
    Ok(names)
}

fn list(root: &Path, below: &Path, depth: usize, found: &mut Vec<BackupFile>) -> Result<(), StorageError> {
    for name in entries(&root.join(below))? {
        let inside = below.join(name);
        let path = root.join(&inside);
        if path.is_dir() {
            if depth > 0 {
                list(root, &inside, depth - 1, found)?;
            }
        } else {
            let (size, crc32) = files::sum(&path)?;
            found.push(BackupFile { path: inside.to_string_lossy().into_owned(), size, crc32 });
        }
    }
    Ok(())
}

fn copy_tree(from: &Path, to: &Path, depth: usize) -> Result<(), StorageError> {
    if !from.is_dir() {
        return files::copy(from, to);
    }
    files::create_dir(to)?;
    if depth > 0 {
        for name in entries(from)? {
            copy_tree(&from.join(&name), &to.join(&name), depth - 1)?;
        }
    }
    files::sync_dir(to)
}

fn must_be_empty(dir: &Path) -> Result<(), StorageError> {
    match fs::read_dir(dir).map(Iterator::count) {
        Ok(0) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(StorageError::NotEmpty { dir: dir.to_owned() }),
    }
}

/// `name.<ending>` in the same directory, so that it can be given its name in one step.
fn beside(dir: &Path, ending: &str) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    dir.with_file_name(name)
}

fn remove_tree(dir: &Path) -> Result<(), StorageError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StorageError::io("remove", dir)(error))
        }
        _ => Ok(()),
    }
}

fn name_it(fresh: &Path, to: &Path) -> Result<(), StorageError> {
    fs::rename(fresh, to).map_err(StorageError::io("rename to", to))?;
    match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => files::sync_dir(parent),
        _ => files::sync_dir(Path::new(".")),
    }
}
