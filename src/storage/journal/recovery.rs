//! What is found at a start: the end of the journal, and the way through it.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::segment::{self, End, Segment};
use super::{Visitor, checkpoint, record, trust};
use crate::storage::{Lsn, StorageError, files};

/// The last segment as a writer may go on with it.
pub(super) struct Tail {
    pub(super) segment: Segment,
    /// Where the next record goes.
    pub(super) offset: u64,
    /// The last record of the journal.
    pub(super) last_record: Lsn,
    /// The last position given out: behind the last record in a segment that was begun after a gap.
    pub(super) last: Lsn,
}

/// Reads the last segment, finds its end and cuts off what a crash left half-written.
///
/// Broken bytes are a torn write when no later group follows them: then nobody was ever told of what
/// stood there. Otherwise it was durable and the disk, or somebody, broke it: that is refused.
pub(super) fn find_tail(last_segment: &Path) -> Result<Tail, StorageError> {
    let segment = Segment::read(last_segment)?;
    let end = segment.walk(|_, _| Ok(()))?;
    if let Some(reason) = end.broken {
        let expected = segment.expected(end.last);
        if record::later_group(&segment.bytes[end.offset..], expected) {
            return Err(broken(&segment, &end, reason));
        }
        tracing::warn!(
            segment = %segment.path.display(), offset = end.offset, lsn = %expected, reason,
            "cutting off a record that was being written when the process or the system died"
        );
        cut(&segment, end.offset)?;
    }
    let last_record = end.last.unwrap_or(segment.header.previous);
    let last = Lsn::new(segment.expected(end.last).get().saturating_sub(1));
    Ok(Tail { offset: end.offset as u64, last_record, last, segment })
}

/// After a power failure with `Durability::Os`: what stands behind the first broken record that nobody
/// had synced is no proof of anything, so the journal ends there. Segments behind it are put aside.
pub(super) fn cut_after_power_failure(dir: &Path, synced: Lsn) -> Result<(), StorageError> {
    let segments = segment::list(dir)?;
    let mut expected: Option<Lsn> = None;
    let wanted = segments.partition_point(|(first, _)| *first <= synced.next()).saturating_sub(1);
    for (n, (_, path)) in segments.iter().enumerate().skip(wanted) {
        // A segment that was begun, and whose beginning is lost or does not follow on.
        let segment = match Segment::read(path) {
            Ok(segment) if expected.is_none_or(|expected| segment.header.previous.next() == expected) => {
                segment
            }
            Err(error @ StorageError::NewerFormat { .. }) => return Err(error),
            Err(error) if expected.is_none() => return Err(error),
            _ => return put_aside(dir, &segments[n..]),
        };
        let end = segment.walk(|_, _| Ok(()))?;
        let next = segment.expected(end.last);
        if let (Some(reason), true) = (end.broken, next > synced) {
            tracing::error!(
                segment = %path.display(), offset = end.offset, lsn = %next, reason,
                "the power failed before the system had written this: the journal ends here, the last moments \
                 before the failure are lost (durability is \"os\")"
            );
            put_aside(dir, segments.get(n + 1..).unwrap_or_default())?;
            return cut(&segment, end.offset);
        }
        expected = Some(next);
    }
    Ok(())
}

/// Cuts off what was never whole, as a start does.
pub(in crate::storage) fn cut_tail(dir: &Path) -> Result<(), StorageError> {
    if let Some(synced) = trust::synced_up_to(dir, checkpoint::read(dir)?)? {
        cut_after_power_failure(dir, synced)?;
    }
    match segment::list(dir)?.last() {
        Some((_, path)) => find_tail(path).map(drop),
        None => Ok(()),
    }
}

/// Renames segments so that they are none any more; the last one first, so that a crash leaves no gap.
fn put_aside(dir: &Path, segments: &[(Lsn, PathBuf)]) -> Result<(), StorageError> {
    for (_, path) in segments.iter().rev() {
        let aside = path.with_extension("lost");
        tracing::error!(from = %path.display(), to = %aside.display(), "put aside a segment behind the journal's end");
        fs::rename(path, &aside).map_err(StorageError::io("put aside", path))?;
        files::sync_dir(dir)?;
    }
    Ok(())
}

fn cut(segment: &Segment, offset: usize) -> Result<(), StorageError> {
    let zeros = vec![0; segment.bytes.len() - offset];
    OpenOptions::new()
        .write(true)
        .open(&segment.path)
        .and_then(|file| {
            file.write_all_at(&zeros, offset as u64)?;
            file.sync_all()
        })
        .map_err(StorageError::io("cut", &segment.path))
}

pub(super) fn broken(segment: &Segment, end: &End, reason: &str) -> StorageError {
    let expected = segment.expected(end.last);
    StorageError::corrupt(&segment.path, end.offset as u64, format!("{reason} (record {expected})"))
}

/// Says where in the journal stands what its reader cannot make sense of.
pub(super) fn placed(error: StorageError, path: &Path, offset: usize, lsn: Lsn) -> StorageError {
    match error {
        StorageError::Unreadable { what, reason } => StorageError::corrupt(
            path,
            offset as u64,
            format!("{what} cannot be read: {reason} (record {lsn})"),
        ),
        error => error,
    }
}

/// Shows the records after `after` and up to `until`, checking that none is missing.
pub(super) fn replay(
    dir: &Path,
    after: Lsn,
    until: Lsn,
    visit: &mut Visitor<'_>,
) -> Result<(), StorageError> {
    let segments = segment::list(dir)?;
    let wanted = segments.partition_point(|(first, _)| *first <= after.next()).saturating_sub(1);
    let mut seen: Option<Lsn> = None;
    for (_, path) in segments.get(wanted..).unwrap_or_default() {
        let segment = Segment::read(path)?;
        let previous = segment.header.previous;
        if seen.map_or(previous > after, |seen| seen != previous) {
            let seen = seen.unwrap_or(after);
            let reason = format!("the records after {seen} up to {previous} are missing");
            return Err(StorageError::corrupt(path, 0, reason));
        }
        let end = segment.walk(|record, offset| match record.lsn {
            lsn if lsn > after && lsn <= until => {
                visit(lsn, record.body).map_err(|error| placed(error, path, offset, lsn))
            }
            _ => Ok(()),
        })?;
        let last = end.last.unwrap_or(previous);
        // Beyond `until` somebody may be writing just now.
        if let (Some(reason), true) = (end.broken, last < until) {
            return Err(broken(&segment, &end, reason));
        }
        seen = Some(last);
        if last >= until {
            return Ok(());
        }
    }
    Ok(())
}
