//! Copies a journal, also one that is written meanwhile: segments only grow, so whatever is whole at one
//! moment is a beginning of the journal, and holds everything that was acknowledged before.

use std::path::Path;

use super::segment::{self, Segment};
use super::{record, recovery};
use crate::storage::{Lsn, StorageError, files};

/// How often the last segment is read again when it seems broken: whoever writes it may be faster than
/// whoever reads it, and then a later record is seen before an earlier one.
const LOOKS: u32 = 20;

/// What was copied.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage) struct Copied {
    pub(in crate::storage) records: u64,
    pub(in crate::storage) last: Lsn,
}

/// Copies the journal in `from` to the directory `to`, without the zeros at the ends of segments. Only a
/// journal from which everything can be built is copied.
///
/// # Errors
/// `Corrupt` when the journal is broken, or does not hold everything; `Io`, `DiskFull`.
pub(in crate::storage) fn copy(from: &Path, to: &Path) -> Result<Copied, StorageError> {
    files::create_dir(to)?;
    let mut copied = Copied { records: 0, last: Lsn::ZERO };
    let segments = segment::list(from)?;
    for (n, (_, path)) in segments.iter().enumerate() {
        let (segment, end) = read_whole(path, n + 1 == segments.len())?;
        let header = segment.header;
        if header.previous != copied.last || header.first != copied.last.next() {
            let reason = format!(
                "the journal has nothing between the records {} and {}, so it does not hold everything: stop the \
                 server and copy the whole data directory instead",
                copied.last, header.first
            );
            return Err(StorageError::corrupt(path, 0, reason));
        }
        let last = segment.walk(|record, offset| {
            copied.records += u64::from(offset < end);
            copied.last = if offset < end { record.lsn } else { copied.last };
            Ok(())
        })?;
        debug_assert!(last.offset >= end);
        let name = path.file_name().unwrap_or_default();
        files::write_synced(&to.join(name), &segment.bytes[..end])?;
    }
    files::sync_dir(to)?;
    Ok(copied)
}

/// Reads a segment, and where its whole records end.
fn read_whole(path: &Path, is_last: bool) -> Result<(Segment, usize), StorageError> {
    let mut ended = None;
    for _ in 0..LOOKS {
        let segment = Segment::read(path)?;
        let end = segment.walk(|_, _| Ok(()))?;
        let Some(reason) = end.broken else { return Ok((segment, end.offset)) };
        let expected = segment.expected(end.last);
        if is_last && !record::later_group(&segment.bytes[end.offset..], expected) {
            return Ok((segment, end.offset));
        }
        // Seen twice at the same place, nobody writes there.
        if !is_last || ended == Some(end.offset) {
            return Err(recovery::broken(&segment, &end, reason));
        }
        ended = Some(end.offset);
    }
    Err(StorageError::io("read", path)(std::io::Error::other("it is written faster than it can be read")))
}

/// Whether the journal in `dir` begins at the beginning, as one does that has no segment yet.
pub(in crate::storage) fn reaches_back(dir: &Path) -> Result<bool, StorageError> {
    let first = Lsn::ZERO.next();
    Ok(!dir.exists() || segment::list(dir)?.first().is_none_or(|(begin, _)| *begin == first))
}
