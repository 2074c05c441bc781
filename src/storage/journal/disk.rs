//! What the journal asks of a disk once a segment is made: to write at a place, and to keep what was
//! written. Behind a trait, so that a test can have a disk that fails.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// An open segment.
pub trait DiskFile: Send + Sync {
    /// Writes all of `bytes` from `offset` on.
    ///
    /// # Errors
    /// Then any part of it may have been written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Returns when all that was written survives a power failure.
    ///
    /// # Errors
    /// Then nobody knows what does; the system may not tell a second time.
    fn sync_data(&self) -> io::Result<()>;
}

impl DiskFile for File {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(self, bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }
}

/// Puts a disk below a file.
pub type Disk = Arc<dyn Fn(File) -> Arc<dyn DiskFile> + Send + Sync>;

/// The disk that the system gives.
#[must_use]
pub fn real_disk() -> Disk {
    Arc::new(|file| Arc::new(file))
}

/// Reads all of a range that may lie beyond the end, which reads as zeros.
pub(super) fn read_range(file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut read = 0;
    while read < length {
        match file.read_at(&mut bytes[read..], offset + read as u64)? {
            0 => break,
            n => read += n,
        }
    }
    Ok(bytes)
}
