//! One process per data directory.
//!
//! The lock is the operating system's, not the file: it ends with the process that took it, however
//! that ended, so a file left behind never blocks a start.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{StorageError, files};

/// The held lock of a data directory; let go when dropped.
#[derive(Debug)]
pub struct DirLock {
    file: File,
    path: PathBuf,
}

impl DirLock {
    /// Takes the lock at `path` and writes the number of this process into it.
    ///
    /// # Errors
    /// `Locked`, with what the holder wrote, when another one has it; `Io`, `DiskFull`.
    pub fn acquire(path: &Path) -> Result<Self, StorageError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(StorageError::io("open", path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(locked(path)?),
            Err(error) => return Err(StorageError::io("lock", path)(error.into())),
        }
        let lock = Self { file, path: path.to_owned() };
        lock.write(&format!("pid {}\n", std::process::id()))?;
        Ok(lock)
    }

    /// Adds where the admin interface of this process listens.
    ///
    /// # Errors
    /// `Io` or `DiskFull` when the file cannot be written.
    pub fn set_address(&self, address: &str) -> Result<(), StorageError> {
        self.write(&format!("pid {}\naddress {address}\n", std::process::id()))
    }

    /// First the text, then its end: who reads in between sees the pid whole.
    fn write(&self, text: &str) -> Result<(), StorageError> {
        self.file
            .write_all_at(text.as_bytes(), 0)
            .and_then(|()| self.file.set_len(text.len() as u64))
            .map_err(StorageError::io("write", &self.path))
    }
}

fn locked(path: &Path) -> Result<StorageError, StorageError> {
    let text = files::read_if_there(path)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let value = |word: &str| text.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
    Ok(StorageError::Locked {
        file: path.to_owned(),
        pid: value("pid").and_then(|pid| pid.parse().ok()),
        address: value("address").map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let lock = DirLock::acquire(&path).unwrap();
        let pid = std::process::id();
        let refused = DirLock::acquire(&path).unwrap_err();
        let told =
            format!("is held by process {pid}: stop that process first, or name another data directory");
        assert!(refused.to_string().ends_with(&told), "{refused}");

        lock.set_address("127.0.0.1:9090").unwrap();
        let refused = DirLock::acquire(&path).unwrap_err();
        let StorageError::Locked { pid: found, address, .. } = &refused else {
            unreachable!("{refused}");
        };
        assert_eq!((*found, address.as_deref()), (Some(pid), Some("127.0.0.1:9090")));

        drop(lock);
        DirLock::acquire(&path).unwrap();
    }

    #[test]
    fn a_file_left_behind_blocks_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        std::fs::write(&path, "pid 1\naddress 127.0.0.1:1\nand a longer text than ours\n").unwrap();
        let _lock = DirLock::acquire(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("pid {}\n", std::process::id()));
    }
}
