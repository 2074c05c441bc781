//! The open segment: where groups are written, and the step to the next one.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskFile};
use super::housekeeper::{Duties, Housekeeper, LOOK_EVERY};
use super::record;
use super::recovery::{self, Tail};
use super::segment::{self, Header};
use super::trust;
use crate::storage::space::free_space_of;
use crate::storage::{Durability, Lsn, Settings, StorageError, files};

const SPARE: &str = "spare";

pub(super) struct Writer {
    dir: PathBuf,
    durability: Durability,
    segment_bytes: u64,
    keeper: Arc<Housekeeper>,
    open: OpenSegment,
    /// The last written record.
    last: Lsn,
    /// Earlier segments that may not be on the disk yet; only with `Durability::Os`.
    unsynced: Vec<Arc<dyn DiskFile>>,
    disk: Disk,
}

struct OpenSegment {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    offset: u64,
    capacity: u64,
}

impl Writer {
    /// Finds the end of the journal in `dir` (or makes its first segment) and goes on behind it, and
    /// behind `floor`: positions up to there were given out, even if the records are gone.
    pub(super) fn open(
        dir: &Path,
        floor: Lsn,
        checkpoint: Lsn,
        settings: &Settings,
    ) -> Result<Self, StorageError> {
        match fs::remove_file(dir.join(SPARE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StorageError::io("remove", dir.join(SPARE))(error));
            }
            _ => {}
        }
        let unsynced = trust::synced_up_to(dir, checkpoint)?;
        if let Some(synced) = unsynced {
            recovery::cut_after_power_failure(dir, synced)?;
        }
        let segments = segment::list(dir)?;
        let tail = segments.last().map(|(_, path)| recovery::find_tail(path)).transpose()?;
        let floor = floor.max(checkpoint);
        let last = tail.as_ref().map_or(floor, |tail| tail.last.max(floor));
        // What is read from the page cache now may not be on the disk, if only the process died.
        for (first, path) in &segments {
            let may_be_unsynced = unsynced.is_some() || *first > checkpoint;
            if may_be_unsynced || tail.as_ref().is_some_and(|t| t.segment.path == *path) {
                File::open(path).and_then(|file| file.sync_data()).map_err(StorageError::io("sync", path))?;
            }
        }
        let segment_bytes = settings.bounded_segment_bytes();
        let open = match tail {
            Some(tail) if tail.last == last => OpenSegment::reopen(&tail, &settings.disk)?,
            tail => {
                let previous = tail.map_or(Lsn::ZERO, |tail| tail.last_record);
                if last > previous {
                    tracing::error!(
                        end = %previous, %floor,
                        "the journal has lost its end, which the records had seen: what was said last may be \
                         missing. See whether the disk is healthy, and make a backup from now on by copying \
                         the whole directory of a stopped server"
                    );
                }
                OpenSegment::make(
                    dir,
                    segment_bytes,
                    Header { first: last.next(), previous },
                    &settings.disk,
                )?
            }
        };
        let keeper = Arc::new(Housekeeper::start(Duties {
            spare: dir.join(SPARE),
            segment_bytes,
            reserve_bytes: settings.reserve_bytes,
            free_space: free_space_of(dir),
            look_every: LOOK_EVERY,
        })?);
        trust::note(dir, settings.durability, last)?;
        Ok(Self {
            dir: dir.to_owned(),
            durability: settings.durability,
            segment_bytes,
            keeper,
            open,
            last,
            unsynced: Vec::new(),
            disk: Arc::clone(&settings.disk),
        })
    }

    /// The last record of the journal.
    pub(super) const fn last(&self) -> Lsn {
        self.last
    }

    pub(super) fn keeper(&self) -> Arc<Housekeeper> {
        Arc::clone(&self.keeper)
    }

    /// Writes a group, whose last record is `last`, and syncs it if that is what durable means.
    pub(super) fn write(&mut self, mut group: &[u8], last: Lsn) -> Result<(), StorageError> {
        loop {
            let fitting = fitting_len(group, self.open.capacity.saturating_sub(self.open.offset));
            let (now, later) = group.split_at(fitting);
            self.open.append(now)?;
            if later.is_empty() {
                break;
            }
            self.roll(later)?;
            group = later;
        }
        self.last = last;
        match self.durability {
            Durability::Commit => self.open.sync(),
            Durability::Os => Ok(()),
        }
    }

    /// The files that may not be on the disk yet, to be synced without holding the writer.
    pub(super) fn take_unsynced(&mut self) -> Vec<Arc<dyn DiskFile>> {
        let mut files = std::mem::take(&mut self.unsynced);
        files.push(Arc::clone(&self.open.file));
        files
    }

    /// Goes on in a new segment, which takes what `frames` begin with.
    fn roll(&mut self, frames: &[u8]) -> Result<(), StorageError> {
        let first = record::first_lsn(frames);
        let header = Header { first, previous: Lsn::new(first.get().saturating_sub(1)) };
        let needed = (segment::HEADER_BYTES + record::first_len(frames)) as u64;
        match self.durability {
            // The next segment says by being there that all before it is durable.
            Durability::Commit => self.open.sync()?,
            Durability::Os => self.unsynced.push(Arc::clone(&self.open.file)),
        }
        self.open = if needed > self.segment_bytes {
            OpenSegment::make(&self.dir, needed, header, &self.disk)?
        } else {
            let spare = self.dir.join(SPARE);
            let next = match self.keeper.take_spare() {
                Ok(file) => {
                    let file = (self.disk)(file);
                    OpenSegment::begin(&self.dir, &spare, file, self.segment_bytes, header)?
                }
                // It failed up to a second ago; perhaps there is space again.
                Err(_) => OpenSegment::make(&self.dir, self.segment_bytes, header, &self.disk)?,
            };
            self.keeper.want_spare();
            next
        };
        Ok(())
    }
}

impl OpenSegment {
    fn reopen(tail: &Tail, disk: &Disk) -> Result<Self, StorageError> {
        let path = tail.segment.path.clone();
        let file =
            OpenOptions::new().read(true).write(true).open(&path).map_err(StorageError::io("open", &path))?;
        let capacity = tail.segment.bytes.len() as u64;
        Ok(Self { file: disk(file), path, offset: tail.offset, capacity })
    }

    fn make(dir: &Path, size: u64, header: Header, disk: &Disk) -> Result<Self, StorageError> {
        let fresh = dir.join("segment.new");
        let file = segment::make_zeroed(&fresh, size).map_err(StorageError::io("make a segment", &fresh))?;
        Self::begin(dir, &fresh, disk(file), size, header)
    }

    /// Gives a file of zeros, now at `made_at`, its header and then its name: whatever carries the name
    /// of a segment is whole.
    fn begin(
        dir: &Path,
        made_at: &Path,
        file: Arc<dyn DiskFile>,
        size: u64,
        header: Header,
    ) -> Result<Self, StorageError> {
        let path = segment::path(dir, header.first);
        segment::write_header(&*file, header)
            .and_then(|()| fs::rename(made_at, &path))
            .map_err(StorageError::io("begin", &path))?;
        files::sync_dir(dir)?;
        let offset = segment::HEADER_BYTES as u64;
        Ok(Self { file, path, offset, capacity: size })
    }

    fn append(&mut self, frames: &[u8]) -> Result<(), StorageError> {
        self.file.write_all_at(frames, self.offset).map_err(StorageError::io("write", &self.path))?;
        self.offset += frames.len() as u64;
        Ok(())
    }

    fn sync(&self) -> Result<(), StorageError> {
        self.file.sync_data().map_err(StorageError::io("sync", &self.path))
    }
}

/// How many bytes of the whole records that come first in `frames` fit into `room`.
fn fitting_len(frames: &[u8], room: u64) -> usize {
    if frames.len() as u64 <= room {
        return frames.len();
    }
    let mut fitting = 0;
    loop {
        let next = fitting + record::first_len(&frames[fitting..]);
        if next as u64 > room || next == fitting {
            return fitting;
        }
        fitting = next;
    }
}
