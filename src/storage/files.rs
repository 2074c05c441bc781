//! The few file operations that everything here shares, and locks that outlive a panic.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::StorageError;

/// Bytes read at once while a file is checked.
const READ_BYTES: usize = 256 << 10;

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), StorageError> {
    File::open(dir).and_then(|handle| handle.sync_all()).map_err(StorageError::io("sync", dir))
}

/// Makes a directory (and those above it) that only the owner may enter, durably.
pub(super) fn create_dir(dir: &Path) -> Result<(), StorageError> {
    use std::os::unix::fs::DirBuilderExt as _;
    if dir.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(StorageError::io("make the directory", dir))?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => Ok(()),
    }
}

/// Writes a small file so that a crash leaves either the old or the new content.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), StorageError> {
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)
        .map_err(StorageError::io("create", &fresh))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(StorageError::io("write", &fresh))?;
    fs::rename(&fresh, path).map_err(StorageError::io("replace", path))?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Writes a new file, synced; its name is durable with the next [`sync_dir`].
pub(super) fn write_synced(path: &Path, content: &[u8]) -> Result<(), StorageError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        })
        .map_err(StorageError::io("write", path))
}

/// Reads a file that may not be there.
pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StorageError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StorageError::io("read", path)(error)),
    }
}

/// Locks; a panic of another holder is no reason to stop (what it guards stays whole between
/// statements, and a panic of the committer is fatal by itself).
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Size and CRC of a file.
pub(super) fn sum(path: &Path) -> Result<(u64, u32), StorageError> {
    let io = |error| StorageError::io("read", path)(error);
    let mut file = File::open(path).map_err(io)?;
    let mut crc = crc32fast::Hasher::new();
    let mut buffer = vec![0; READ_BYTES];
    let mut size = 0;
    loop {
        match file.read(&mut buffer).map_err(io)? {
            0 => return Ok((size, crc.finalize())),
            n => {
                crc.update(&buffer[..n]);
                size += n as u64;
            }
        }
    }
}

/// A copy with the rights of the original, synced.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), StorageError> {
    fs::copy(from, to).and_then(|_| File::open(to)?.sync_all()).map_err(StorageError::io("copy to", to))
}
