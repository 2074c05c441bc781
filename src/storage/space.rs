//! How much room the disk has.

use std::io;
use std::path::Path;

/// Says how many bytes are free.
pub(super) type FreeSpace = Box<dyn Fn() -> io::Result<u64> + Send + Sync>;

/// Asks the file system that holds `dir`, counting what an unprivileged process may use.
pub(super) fn free_space_of(dir: &Path) -> FreeSpace {
    let dir = dir.to_owned();
    Box::new(move || {
        let fs = rustix::fs::statvfs(&dir)?;
        Ok(fs.f_bavail.saturating_mul(fs.f_frsize))
    })
}
