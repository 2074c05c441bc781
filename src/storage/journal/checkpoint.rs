//! The checkpoint file: one line, `<lsn> <crc32 of the lsn's text, hex>`.

use std::path::{Path, PathBuf};

use crate::storage::{Lsn, StorageError, files};

fn path(dir: &Path) -> PathBuf {
    dir.join("checkpoint")
}

/// Reads the checkpoint: `None` when there is none, `Some(None)` when it cannot be read.
pub(super) fn read_exactly(dir: &Path) -> Result<Option<Option<Lsn>>, StorageError> {
    Ok(files::read_if_there(&path(dir))?.map(|bytes| parse(&bytes)))
}

/// Forgets the checkpoint: the next start replays the whole journal.
pub(in crate::storage) fn forget(dir: &Path) -> Result<(), StorageError> {
    let path = path(dir);
    std::fs::remove_file(&path).map_err(StorageError::io("remove", &path))?;
    files::sync_dir(dir)
}

/// Reads the checkpoint. One that cannot be read counts as none: the whole journal is there, so that
/// costs time, not data.
pub(super) fn read(dir: &Path) -> Result<Lsn, StorageError> {
    let path = path(dir);
    let Some(bytes) = files::read_if_there(&path)? else {
        return Ok(Lsn::ZERO);
    };
    let parsed = parse(&bytes);
    if parsed.is_none() {
        tracing::error!(file = %path.display(), "the checkpoint is unreadable: replaying the whole journal");
    }
    Ok(parsed.unwrap_or(Lsn::ZERO))
}

/// Writes the checkpoint, durably.
pub(super) fn write(dir: &Path, lsn: Lsn) -> Result<(), StorageError> {
    let number = lsn.to_string();
    files::replace(&path(dir), format!("{number} {:08x}\n", crc32fast::hash(number.as_bytes())).as_bytes())
}

fn parse(bytes: &[u8]) -> Option<Lsn> {
    let (number, crc) = std::str::from_utf8(bytes).ok()?.trim_end().split_once(' ')?;
    let crc = u32::from_str_radix(crc, 16).ok()?;
    let lsn = number.parse().ok().map(Lsn::new)?;
    (crc == crc32fast::hash(number.as_bytes())).then_some(lsn)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn survives_and_an_unreadable_one_is_none() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), Lsn::ZERO);
        write(dir.path(), Lsn::new(1234)).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Lsn::new(1234));
        let text = std::fs::read_to_string(path(dir.path())).unwrap();
        std::fs::write(path(dir.path()), text.replace("1234", "1235")).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Lsn::ZERO);
    }
}
