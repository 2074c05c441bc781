//! `switchboard backup` and `switchboard restore`.
//!
//! A backup needs no answer of the server: what is acknowledged stands in the journal's files, and those are
//! copied. So it works the same with a server that runs, hangs, or is not there.

use super::args::{BackupArgs, RestoreArgs};
use super::exit::Exit;
use crate::config::{Config, ConfigError};
use crate::storage::{self, Backup, StorageError};
use crate::telemetry::clock;

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The configuration file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The files cannot be read or written, or are not what they should be.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl BackupError {
    /// How the process should end.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(_) => Exit::Config,
            Self::Storage(error) => error.into(),
        }
    }
}

/// Takes a backup; gives what to tell.
///
/// # Errors
/// Then there is none.
pub fn backup(args: &BackupArgs) -> Result<String, BackupError> {
    let dir = match &args.config {
        Some(file) => Config::load(file)?.data.dir,
        None => args.data_dir.clone(),
    };
    let taken_at = jiff::Timestamp::from_microsecond(i64::try_from(clock::now().as_micros()).unwrap_or(0));
    let taken_at = taken_at.unwrap_or_default().to_string();
    let made = storage::backup(&dir, &args.to, taken_at)?;
    Ok(format!("{} holds {}", args.to.display(), told(&made)))
}

/// Makes a data directory of a backup; gives what to tell.
///
/// # Errors
/// Then the directory is as it was.
pub fn restore(args: &RestoreArgs) -> Result<String, BackupError> {
    let restored = storage::restore(&args.from, &args.data_dir)?;
    Ok(format!(
        "{} holds {}; start a server on it: its first start builds the rest from the journal",
        args.data_dir.display(),
        told(&restored)
    ))
}

fn told(backup: &Backup) -> String {
    format!(
        "everything up to record {}, as of {}: {} files, {} bytes",
        backup.last,
        backup.taken_at,
        backup.files.len(),
        backup.size()
    )
}
