//! Looks through a whole journal and changes nothing: for whoever wants to know whether it is sound.

use std::path::{Path, PathBuf};

use super::segment::{self, Segment};
use super::{Visitor, checkpoint, record, recovery, trust};
use crate::storage::{Lsn, StorageError};

/// What was found in a journal.
#[derive(Debug, Default)]
pub(in crate::storage) struct Examination {
    pub(in crate::storage) segments: usize,
    pub(in crate::storage) records: u64,
    /// The first and the last record that is whole.
    pub(in crate::storage) first: Option<Lsn>,
    pub(in crate::storage) last: Lsn,
    /// The checkpoint as noted; `None` when there is none that can be read.
    pub(in crate::storage) checkpoint: Option<Lsn>,
    pub(in crate::storage) has_checkpoint: bool,
    pub(in crate::storage) faults: Vec<Fault>,
}

impl Examination {
    /// Whether the records can be built from it alone.
    pub(in crate::storage) fn is_complete(&self) -> bool {
        self.first.is_none_or(|first| first == Lsn::ZERO.next())
            && self.faults.iter().all(|fault| matches!(fault, Fault::Torn { .. }))
    }
}

/// What is wrong with a journal.
#[derive(Debug)]
pub(in crate::storage) enum Fault {
    /// Its end was being written when the process or the system died: a start cuts it off.
    Torn { file: PathBuf, offset: usize },
    /// Broken, or not to be understood.
    Broken(StorageError),
    /// Positions that no segment has.
    Gap { file: PathBuf, after: Lsn, until: Lsn },
}

/// Looks through the journal in `dir`, showing every whole record to `visit`.
///
/// # Errors
/// `Io`; what is wrong with the journal is no error of the look.
pub(in crate::storage) fn examine(dir: &Path, visit: &mut Visitor<'_>) -> Result<Examination, StorageError> {
    let noted = checkpoint::read_exactly(dir)?;
    let mut found = Examination {
        checkpoint: noted.flatten(),
        has_checkpoint: noted.is_some(),
        ..Examination::default()
    };
    let synced = trust::synced_up_to(dir, found.checkpoint.unwrap_or(Lsn::ZERO))?;
    let segments = match segment::list(dir) {
        Ok(segments) => segments,
        Err(error @ StorageError::Corrupt { .. }) => {
            found.faults.push(Fault::Broken(error));
            return Ok(found);
        }
        Err(error) => return Err(error),
    };
    found.segments = segments.len();
    let mut before: Option<Lsn> = None;
    for (n, (name, path)) in segments.iter().enumerate() {
        let segment = match Segment::read(path) {
            Ok(segment) if segment.header.first == *name => segment,
            Ok(_) => {
                let reason = "its name is not the position of its first record";
                found.faults.push(Fault::Broken(StorageError::corrupt(path, 0, reason)));
                continue;
            }
            Err(error @ StorageError::Io { .. }) => return Err(error),
            Err(error) => {
                found.faults.push(Fault::Broken(error));
                continue;
            }
        };
        let previous = segment.header.previous;
        if let Some(before) = before.filter(|before| *before != previous) {
            found.faults.push(Fault::Gap { file: path.clone(), after: before, until: previous });
        }
        if segment.header.first > previous.next() {
            // Positions that were given out and lost; the journal goes on behind them.
            let until = Lsn::new(segment.header.first.get() - 1);
            found.faults.push(Fault::Gap { file: path.clone(), after: previous, until });
        }
        before = Some(look_into(&segment, n + 1 == segments.len(), synced, visit, &mut found)?);
    }
    Ok(found)
}

/// Looks into one segment; gives the position that the next one has to follow.
fn look_into(
    segment: &Segment,
    is_last: bool,
    synced: Option<Lsn>,
    visit: &mut Visitor<'_>,
    found: &mut Examination,
) -> Result<Lsn, StorageError> {
    let path = &segment.path;
    let end = segment.walk(|record, offset| {
        found.first = found.first.or(Some(record.lsn));
        found.last = record.lsn;
        found.records += 1;
        match visit(record.lsn, record.body) {
            Err(error @ StorageError::Unreadable { .. }) => {
                let error = recovery::placed(error, path, offset, record.lsn);
                found.faults.push(Fault::Broken(error));
                Ok(())
            }
            seen => seen,
        }
    })?;
    if let Some(reason) = end.broken {
        let expected = segment.expected(end.last);
        let after_power_failure = synced.is_some_and(|synced| expected > synced);
        let torn = is_last && !record::later_group(&segment.bytes[end.offset..], expected);
        found.faults.push(if torn || after_power_failure {
            Fault::Torn { file: path.clone(), offset: end.offset }
        } else {
            Fault::Broken(recovery::broken(segment, &end, reason))
        });
    }
    Ok(end.last.unwrap_or(segment.header.previous))
}
