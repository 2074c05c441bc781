//! A disk that fails when told so, for tests: writes that fail or stop half-way, syncs that fail, and a
//! power failure that forgets what was written and not synced, sector by sector.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex};

use super::disk::{Disk, DiskFile, read_range};
use crate::storage::files;

/// What a disk writes at once: a power failure tears between two of them.
const SECTOR_BYTES: usize = 512;

/// What goes wrong next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The next write writes nothing.
    Write,
    /// The next write writes half, and fails.
    ShortWrite,
    /// The next sync fails.
    Sync,
}

/// The handle by which a test makes the disk of a journal fail. Clones are the same disk.
#[derive(Clone, Default)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    lies: bool,
    /// What stood where something was written since the last sync, oldest first.
    undo: Vec<(Arc<File>, u64, Vec<u8>)>,
}

impl FaultyDisk {
    /// A disk without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// To be given to the settings of a storage.
    #[must_use]
    pub fn disk(&self) -> Disk {
        let state = Arc::clone(&self.state);
        Arc::new(move |file| Arc::new(Faulty { file: Arc::new(file), state: Arc::clone(&state) }))
    }

    /// Makes one operation fail.
    pub fn fail_next(&self, fault: Fault) {
        files::lock(&self.state).fault = Some(fault);
    }

    /// From now on a sync says that it was done, and keeps nothing.
    pub fn lie(&self) {
        files::lock(&self.state).lies = true;
    }

    /// The power fails: of what was written since the last sync only the sectors for which `keep` says so
    /// are there. The journal above must be gone.
    ///
    /// # Errors
    /// When the files cannot be changed.
    pub fn lose_power(&self, mut keep: impl FnMut() -> bool) -> io::Result<()> {
        let undo = std::mem::take(&mut files::lock(&self.state).undo);
        for (file, offset, old) in undo.iter().rev() {
            for (n, sector) in old.chunks(SECTOR_BYTES).enumerate() {
                if !keep() {
                    file.write_all_at(sector, offset + (n * SECTOR_BYTES) as u64)?;
                }
            }
        }
        Ok(())
    }
}

struct Faulty {
    file: Arc<File>,
    state: Arc<Mutex<State>>,
}

impl Faulty {
    fn fails(state: &mut State, faults: &[Fault]) -> Option<Fault> {
        state.fault.take_if(|fault| faults.contains(fault))
    }

    fn write(&self, state: &mut State, bytes: &[u8], offset: u64) -> io::Result<()> {
        let old = read_range(&self.file, offset, bytes.len())?;
        state.undo.push((Arc::clone(&self.file), offset, old));
        self.file.write_all_at(bytes, offset)
    }
}

impl DiskFile for Faulty {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = files::lock(&self.state);
        match Self::fails(&mut state, &[Fault::Write, Fault::ShortWrite]) {
            None => self.write(&mut state, bytes, offset),
            Some(fault) => {
                if fault == Fault::ShortWrite {
                    self.write(&mut state, &bytes[..bytes.len() / 2], offset)?;
                }
                Err(io::Error::other("the disk of the test fails to write"))
            }
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = files::lock(&self.state);
        if Self::fails(&mut state, &[Fault::Sync]).is_some() {
            return Err(io::Error::other("the disk of the test fails to sync"));
        }
        if !state.lies {
            state.undo.retain(|(file, ..)| !Arc::ptr_eq(file, &self.file));
        }
        Ok(())
    }
}
