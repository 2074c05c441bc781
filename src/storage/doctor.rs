//! Looks at a data directory that no server runs on, says what it found and what to do, and mends what can
//! be mended without losing anything that was acknowledged.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::journal::examine::{Examination, Fault, examine};
use super::journal::{Visitor, checkpoint, recovery};
use super::records::{Care, Records, SledStore, Store};
use super::space::free_space_of;
use super::{Blobs, DirLock, Layout, Lsn, Settings, StorageError, files, generation};

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Wrong, and mended by [`Doctor::repair`] without a loss.
    Mendable,
    /// Something that was acknowledged may be lost here: only a backup brings it back.
    Broken,
}

/// Something that was found.
#[derive(Debug)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was found, and where.
    pub what: String,
    /// What to do.
    pub advice: &'static str,
    /// What mends it.
    pub repair: Option<Repair>,
}

/// A way to mend something; none touches what is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// Marks the directory with the layout that its journal shows.
    MarkFormat,
    /// Begins a new generation.
    NewGeneration,
    /// Cuts off what was never whole.
    CutTail,
    /// Forgets the checkpoint: the next start replays the whole journal.
    ForgetCheckpoint,
    /// Moves the records aside: the next start builds them from the journal.
    MoveRecordsAside,
    /// Removes what was never finished.
    Remove(PathBuf),
}

/// Shows whether what is stored in the records is understood; the engine knows.
pub type Reader<'a> = dyn FnMut(&Records) -> Result<(), StorageError> + 'a;

/// A data directory under examination; holds its lock.
pub struct Doctor {
    layout: Layout,
    root: PathBuf,
    settings: Settings,
    _lock: DirLock,
}

const FROM_A_BACKUP: &str = "restore the newest backup into a new directory with `switchboard restore`, and keep \
     this one: whoever knows the format may save more from it";
const BY_THE_NEXT_START: &str = "the next start does this by itself; `--repair` does it now";

impl Doctor {
    /// Takes the lock of a data directory.
    ///
    /// # Errors
    /// `NoData` when it is none, `Locked` when a server runs on it, `Io`.
    pub fn open(dir: &Path, settings: Settings) -> Result<Self, StorageError> {
        let layout = Layout::new(dir);
        if ![layout.format_file(), layout.journal_dir(), layout.sled_dir()].iter().any(|path| path.exists()) {
            return Err(StorageError::NoData { dir: dir.to_owned() });
        }
        let lock = DirLock::acquire(&layout.lock_file())?;
        Ok(Self { layout, root: dir.to_owned(), settings, _lock: lock })
    }

    /// Looks at everything: every record of the journal, and with `read` at the records.
    ///
    /// # Errors
    /// `NewerFormat`; `Io` when something cannot be read at all.
    pub fn examine(
        &self,
        visit: &mut Visitor<'_>,
        read: &mut Reader<'_>,
    ) -> Result<Vec<Finding>, StorageError> {
        let mut found = Vec::new();
        let journal = match self.layout.journal_dir() {
            dir if dir.is_dir() => examine(&dir, visit)?,
            _ => Examination::default(),
        };
        self.format(&journal, &mut found)?;
        self.generation(&mut found)?;
        self.journal(&journal, &mut found);
        self.records(&journal, read, &mut found)?;
        self.blobs(&mut found)?;
        self.leftovers(&mut found)?;
        self.space(&mut found);
        Ok(found)
    }

    fn format(&self, journal: &Examination, found: &mut Vec<Finding>) -> Result<(), StorageError> {
        match self.layout.read_format() {
            Ok(format) => {
                found.push(note(format!("the directory has layout {format}")));
                Ok(())
            }
            // A journal whose segments are read is of a layout that we know.
            Err(StorageError::Corrupt { file, reason, .. }) if journal.records > 0 => {
                let what = format!("{}: {reason}", file.display());
                found.push(mendable(what, "`--repair` writes it anew", Repair::MarkFormat));
                Ok(())
            }
            Err(StorageError::Corrupt { file, reason, .. }) => {
                found.push(broken(format!("{}: {reason}", file.display())));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn generation(&self, found: &mut Vec<Finding>) -> Result<(), StorageError> {
        match generation::read(&self.layout) {
            Ok(_) => Ok(()),
            Err(error @ StorageError::Corrupt { .. }) => {
                let advice = "`--repair` begins a new one: clients that go on read their chats again, as after a restore";
                found.push(mendable(error.to_string(), advice, Repair::NewGeneration));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn journal(&self, journal: &Examination, found: &mut Vec<Finding>) {
        let first = journal.first.unwrap_or(Lsn::ZERO);
        found.push(note(format!(
            "the journal has {} records, {first} to {}, in {} segments",
            journal.records, journal.last, journal.segments
        )));
        for fault in &journal.faults {
            found.push(match fault {
                Fault::Torn { file, offset } => mendable(
                    format!("{}: what stands from byte {offset} on was never whole", file.display()),
                    BY_THE_NEXT_START,
                    Repair::CutTail,
                ),
                Fault::Broken(error) => broken(error.to_string()),
                Fault::Gap { file, after, until } => broken(format!(
                    "{}: the records after {after} up to {until} are in no segment",
                    file.display()
                )),
            });
        }
        if first > Lsn::ZERO.next() {
            found.push(broken(format!("the journal begins with record {first}: earlier segments are gone")));
        }
        match journal.checkpoint {
            Some(checkpoint) if checkpoint > journal.last => found.push(broken(format!(
                "the records were brought up to {checkpoint}, but the journal ends with {}: its end is lost",
                journal.last
            ))),
            None if journal.has_checkpoint => found.push(mendable(
                "the checkpoint cannot be read".to_owned(),
                BY_THE_NEXT_START,
                Repair::ForgetCheckpoint,
            )),
            _ => {}
        }
    }

    /// Opens the records as a start would, but leaves them where they are.
    fn records(
        &self,
        journal: &Examination,
        read: &mut Reader<'_>,
        found: &mut Vec<Finding>,
    ) -> Result<(), StorageError> {
        let place = self.layout.sled_dir();
        if !place.is_dir() {
            found.push(note("there are no records: the next start builds them from the journal".to_owned()));
            return Ok(());
        }
        let care = Care::new(&self.root, &self.settings);
        let opened = SledStore::open_as_it_is(&self.root, &place, care)
            .and_then(|store| Records::new(Arc::new(store) as Arc<dyn Store>));
        let checked = opened.and_then(|records| {
            read(&records)?;
            Ok(records.highest_saved())
        });
        match checked {
            Ok(highest) if highest > journal.last => found.push(broken(format!(
                "the records know of {highest}, but the journal ends with {}: its end is lost",
                journal.last
            ))),
            Ok(_) => {}
            Err(error @ (StorageError::Corrupt { .. } | StorageError::Unreadable { .. })) => {
                found.push(if journal.is_complete() {
                    let advice = "nothing is lost, the journal has it all: `--repair` moves the records aside, and \
                                  the next start builds them anew";
                    mendable(error.to_string(), advice, Repair::MoveRecordsAside)
                } else {
                    broken(format!("{error}; and the journal does not reach back far enough to build them anew"))
                });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn blobs(&self, found: &mut Vec<Finding>) -> Result<(), StorageError> {
        let dir = self.layout.blobs_dir();
        if !dir.is_dir() {
            return Ok(());
        }
        let (all, faults) = Blobs::examine(&dir)?;
        found.push(note(format!("users' files: {all}")));
        let fault = |(path, why): (PathBuf, String)| broken(format!("{}: {why}", path.display()));
        found.extend(faults.into_iter().map(fault));
        Ok(())
    }

    fn leftovers(&self, found: &mut Vec<Finding>) -> Result<(), StorageError> {
        for dir in [self.root.clone(), self.layout.journal_dir()] {
            let Ok(entries) = fs::read_dir(&dir) else { continue };
            for entry in entries {
                let path = entry.map_err(StorageError::io("list", &dir))?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if path.extension().is_some_and(|extension| extension == "new") {
                    let what = format!("{} was never finished", path.display());
                    found.push(mendable(
                        what,
                        "it does no harm; `--repair` removes it",
                        Repair::Remove(path),
                    ));
                } else if name.starts_with("sled.corrupt") || name.ends_with(".lost") {
                    found.push(Finding {
                        advice: "remove it when nobody wants to look at it any more",
                        ..note(format!("{} was put aside by an earlier start", path.display()))
                    });
                }
            }
        }
        Ok(())
    }

    fn space(&self, found: &mut Vec<Finding>) {
        let reserve = self.settings.reserve_bytes;
        if let Ok(free) = free_space_of(&self.root)()
            && free < reserve
        {
            found.push(Finding {
                advice: "free some space: a server refuses all changes until there is more",
                ..note(format!("{free} bytes are free, less than the reserve of {reserve}"))
            });
        }
    }

    /// Mends something.
    ///
    /// # Errors
    /// `Io`, `DiskFull`: then it is as it was.
    pub fn repair(&self, repair: &Repair) -> Result<(), StorageError> {
        let journal = self.layout.journal_dir();
        match repair {
            Repair::MarkFormat => self.layout.mark(),
            Repair::NewGeneration => generation::renew(&self.layout),
            Repair::CutTail => recovery::cut_tail(&journal),
            Repair::ForgetCheckpoint => checkpoint::forget(&journal),
            Repair::MoveRecordsAside => SledStore::move_aside(&self.root, &self.layout.sled_dir()).map(drop),
            Repair::Remove(path) => {
                fs::remove_file(path).map_err(StorageError::io("remove", path))?;
                path.parent().map_or(Ok(()), files::sync_dir)
            }
        }
    }
}

fn note(what: String) -> Finding {
    Finding { severity: Severity::Note, what, advice: "", repair: None }
}

fn mendable(what: String, advice: &'static str, repair: Repair) -> Finding {
    Finding { severity: Severity::Mendable, what, advice, repair: Some(repair) }
}

fn broken(what: String) -> Finding {
    Finding { severity: Severity::Broken, what, advice: FROM_A_BACKUP, repair: None }
}
