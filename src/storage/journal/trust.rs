//! How far broken bytes may be the trace of a power failure.
//!
//! With `Durability::Commit` a group is written only after the earlier one is on the disk, so only the last
//! one can be torn. With `Durability::Os` the system writes pages back in whatever order it likes: after a
//! power failure any record since the last sync may be broken or missing, though later ones are there. The
//! file `unsynced` says that the journal is written like that: one line, the position up to which all was
//! synced when it began. Made before the first such write, removed after all is synced.

use std::fs;
use std::path::{Path, PathBuf};

use crate::storage::{Durability, Lsn, StorageError, files};

fn path(dir: &Path) -> PathBuf {
    dir.join("unsynced")
}

/// Beyond which position a later group proves nothing; `None` when it always does.
pub(super) fn synced_up_to(dir: &Path, checkpoint: Lsn) -> Result<Option<Lsn>, StorageError> {
    let Some(text) = files::read_if_there(&path(dir))? else { return Ok(None) };
    // One that cannot be read is as good as one that says nothing: the checkpoint was synced for sure.
    let noted = std::str::from_utf8(&text).ok().and_then(|text| text.trim_end().parse().ok()).map(Lsn::new);
    Ok(Some(noted.unwrap_or(Lsn::ZERO).max(checkpoint)))
}

/// Notes how the journal is written from now on; all up to `end` is synced.
pub(super) fn note(dir: &Path, durability: Durability, end: Lsn) -> Result<(), StorageError> {
    let path = path(dir);
    match durability {
        Durability::Os => files::replace(&path, format!("{end}\n").as_bytes()),
        Durability::Commit if path.exists() => {
            fs::remove_file(&path).map_err(StorageError::io("remove", &path))?;
            files::sync_dir(dir)
        }
        Durability::Commit => Ok(()),
    }
}
