//! How the process ends, after the `sysexits` convention, so that a supervisor can tell a mistake
//! that a restart will not mend from one that it may.

use std::process::ExitCode;

use crate::storage::StorageError;

/// The documented exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or drained after a signal.
    Ok,
    /// What was asked about does not hold: a signature, a test call, a directory that needs mending.
    No,
    /// The command line is wrong. (The argument parser ends with the same code.)
    Usage,
    /// The configuration is wrong: mend the file.
    Config,
    /// What is stored is broken: a backup has to take its place.
    Data,
    /// An address is taken, or the server that was asked does not answer.
    Unavailable,
    /// A fault inside, or of the disk: read the log.
    Internal,
    /// The data directory is held by another process, missing, in the way of a new one, not ours to write,
    /// or of a newer version.
    DataDir,
}

impl Exit {
    /// The number that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::No => 1,
            Self::Usage => 2,
            Self::Config => 64,
            Self::Data => 65,
            Self::Unavailable => 69,
            Self::Internal => 70,
            Self::DataDir => 73,
        }
    }
}

impl From<&StorageError> for Exit {
    fn from(error: &StorageError) -> Self {
        match error {
            StorageError::Locked { .. }
            | StorageError::NewerFormat { .. }
            | StorageError::NotEmpty { .. }
            | StorageError::NoData { .. }
            | StorageError::NoBackup { .. } => Self::DataDir,
            StorageError::Corrupt { .. } | StorageError::Unreadable { .. } => Self::Data,
            _ => Self::Internal,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The table for `--help`.
pub const HELP: &str = "\
Exit codes:
   0  done, or drained after a signal
   1  what was asked about does not hold: a signature, a test call, a directory that needs mending
   2  the command line is wrong
  64  the configuration is wrong
  65  what is stored is broken: see switchboard doctor
  69  an address is taken, or the server does not answer
  70  a fault inside, or of the disk
  73  the data directory is locked, missing, in the way, not writable, or newer than this program";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_code() {
        let all = [
            Exit::Ok,
            Exit::No,
            Exit::Usage,
            Exit::Config,
            Exit::Data,
            Exit::Unavailable,
            Exit::Internal,
            Exit::DataDir,
        ];
        let listed: Vec<&str> =
            HELP.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(listed, all.map(|exit| exit.code().to_string()));
    }
}
