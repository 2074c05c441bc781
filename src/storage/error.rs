//! What can go wrong here, said so that an operator knows where to look.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A failure of the storage. Texts say what, where, and what the operator shall do.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Free space is below the reserve, or a write found none. Nothing was accepted; it recovers by
    /// itself when space returns.
    #[error(
        "the disk is full: free some space; a running server then writes again by itself, one that could \
         not start has to be started again"
    )]
    DiskFull,
    /// Bytes on disk are not what was written.
    #[error(
        "{} is broken at byte {offset}: {reason}; leave the files as they are and run `switchboard doctor` on \
         the data directory: it says what can be mended and what has to come from a backup",
        file.display()
    )]
    Corrupt {
        /// The file (for sled: its directory).
        file: PathBuf,
        /// Where in the file, in bytes; 0 when it is the file as a whole.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// A later version of the program wrote this.
    #[error(
        "{} has format {found}, this program knows up to {known}: start the version that wrote it, or a later one",
        file.display()
    )]
    NewerFormat {
        /// What carries the version.
        file: PathBuf,
        /// The version found there.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// Something is where something new was to be made.
    #[error("{} is there already: name a directory that does not exist or is empty", dir.display())]
    NotEmpty {
        /// The directory.
        dir: PathBuf,
    },
    /// A directory that no server has written to.
    #[error("{} holds no data of Switchboard: name the data directory of a server", dir.display())]
    NoData {
        /// The directory.
        dir: PathBuf,
    },
    /// A directory that no backup was finished in.
    #[error("{} holds no finished backup: name a directory that `switchboard backup` has made", dir.display())]
    NoBackup {
        /// The directory.
        dir: PathBuf,
    },
    /// Another process uses the data directory.
    #[error(
        "{} is held by {}: stop that process first, or name another data directory",
        file.display(), Holder(*pid, address.as_deref())
    )]
    Locked {
        /// The lock file.
        file: PathBuf,
        /// The process that holds it; `None` in the instant before it has written its number.
        pid: Option<u32>,
        /// Where its admin interface listens, when it already does.
        address: Option<String>,
    },
    /// Stored bytes that no version of the program wrote, as far as this one knows.
    #[error("{what} cannot be read: {reason}; run `switchboard doctor` on the data directory")]
    Unreadable {
        /// What they should be.
        what: &'static str,
        /// Why they are not.
        reason: String,
    },
    /// A record greater than the journal takes.
    #[error(
        "a record of {size} bytes is over the limit of {limit}: a fault of this program, please report it"
    )]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The greatest allowed size in bytes.
        limit: usize,
    },
    /// The operating system refused something.
    #[error(
        "cannot {what} {}: {source}; see that the disk is healthy and mounted, and that the file is ours to \
         read and write",
        path.display()
    )]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The journal was closed, or stopped after a failed write.
    #[error("the storage has stopped after a failure: the log before this says why; then start again")]
    Stopped,
}

impl StorageError {
    /// For `map_err`: names what was tried on which file. No space left becomes `DiskFull`.
    pub(in crate::storage) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Io { what, path, source },
        }
    }

    pub(in crate::storage) fn corrupt(
        file: impl Into<PathBuf>,
        offset: u64,
        reason: impl Into<String>,
    ) -> Self {
        Self::Corrupt { file: file.into(), offset, reason: reason.into() }
    }
}

struct Holder<'a>(Option<u32>, Option<&'a str>);

impl fmt::Display for Holder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(pid) => write!(f, "process {pid}")?,
            None => f.write_str("another process")?,
        }
        self.1.map_or(Ok(()), |address| write!(f, ", which answers at {address}"))
    }
}
