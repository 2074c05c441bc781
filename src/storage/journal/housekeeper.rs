//! Watches the free space and makes the next segment ahead of its need, on a thread of its own, so that
//! neither the committer nor a shard waits for eight megabytes of zeros.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::segment;
use crate::storage::space::FreeSpace;
use crate::storage::{StorageError, files};

/// How old the knowledge of the free space may be.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What to watch and to make.
pub(super) struct Duties {
    /// Where the spare is made.
    pub(super) spare: PathBuf,
    pub(super) segment_bytes: u64,
    pub(super) reserve_bytes: u64,
    pub(super) free_space: FreeSpace,
    pub(super) look_every: Duration,
}

pub(super) struct Housekeeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    full: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    spare: Spare,
    stop: bool,
}

enum Spare {
    Wanted,
    Ready(File),
    /// It could not be made; tried again at every look.
    Failed(io::Error),
    /// Taken, and its name still in use.
    Taken,
}

impl Housekeeper {
    /// Looks at the free space once, then goes on in the background.
    pub(super) fn start(duties: Duties) -> Result<Self, StorageError> {
        let shared = Arc::new(Shared {
            full: AtomicBool::new(false),
            state: Mutex::new(State { spare: Spare::Wanted, stop: false }),
            changed: Condvar::new(),
        });
        shared.look(&duties, false);
        let path = duties.spare.clone();
        let thread = std::thread::Builder::new()
            .name("journal-keeper".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || shared.run(&duties)
            })
            .map_err(StorageError::io("start a thread for", path))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Whether free space was below the reserve at the last look.
    pub(super) fn disk_is_full(&self) -> bool {
        self.shared.full.load(Ordering::Acquire)
    }

    /// The spare segment, waiting for it if it is being made. Its file must be renamed before
    /// [`want_spare`](Self::want_spare).
    pub(super) fn take_spare(&self) -> io::Result<File> {
        let mut state = files::lock(&self.shared.state);
        while matches!(state.spare, Spare::Wanted) && !state.stop {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        match std::mem::replace(&mut state.spare, Spare::Taken) {
            Spare::Ready(file) => Ok(file),
            Spare::Failed(error) => Err(error),
            Spare::Wanted | Spare::Taken => Err(io::Error::other("no spare segment is to be had")),
        }
    }

    /// Asks for the next spare.
    pub(super) fn want_spare(&self) {
        files::lock(&self.shared.state).spare = Spare::Wanted;
        self.shared.changed.notify_all();
    }
}

impl Drop for Housekeeper {
    fn drop(&mut self) {
        files::lock(&self.shared.state).stop = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It ends by itself; that it panicked would have been told by its panic message.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self, duties: &Duties) {
        let mut state = files::lock(&self.state);
        while !state.stop {
            if matches!(state.spare, Spare::Wanted | Spare::Failed(_)) {
                drop(state);
                let made = segment::make_zeroed(&duties.spare, duties.segment_bytes);
                state = files::lock(&self.state);
                state.spare = match made {
                    Ok(file) => Spare::Ready(file),
                    Err(error) => Spare::Failed(error),
                };
                self.changed.notify_all();
            }
            let failed = matches!(state.spare, Spare::Failed(_));
            drop(state);
            self.look(duties, failed);
            state = files::lock(&self.state);
            if !state.stop && !matches!(state.spare, Spare::Wanted) {
                let (woken, _) = self
                    .changed
                    .wait_timeout(state, duties.look_every)
                    .unwrap_or_else(PoisonError::into_inner);
                state = woken;
            }
        }
    }

    /// A spare that could not be made is a full disk too, whatever the file system says.
    fn look(&self, duties: &Duties, no_spare: bool) {
        match (duties.free_space)() {
            Ok(free) => self.set_full(no_spare || free < duties.reserve_bytes, &duties.spare),
            Err(error) => tracing::warn!(%error, "cannot see how much space is free"),
        }
    }

    fn set_full(&self, full: bool, place: &Path) {
        if self.full.swap(full, Ordering::AcqRel) != full {
            let dir = place.parent().unwrap_or(place).display();
            if full {
                tracing::error!(%dir, "the disk is full: writes are refused until space is free again");
            } else {
                tracing::info!(%dir, "there is space on the disk again: writes go on");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;
    use std::sync::atomic::AtomicU64;
    use std::sync::mpsc;

    use crate::telemetry::clock;

    fn duties(dir: &Path, free: impl Fn() -> u64 + Send + Sync + 'static) -> Duties {
        Duties {
            spare: dir.join("spare"),
            segment_bytes: 4096,
            reserve_bytes: 100,
            free_space: Box::new(move || Ok(free())),
            look_every: Duration::from_millis(1),
        }
    }

    #[test]
    fn sees_a_full_disk_at_once_and_recovers_by_itself() {
        let dir = tempfile::tempdir().unwrap();
        let free = Arc::new(AtomicU64::new(99));
        let (looked, looks) = mpsc::sync_channel(16);
        let keeper = Housekeeper::start(duties(dir.path(), {
            let free = Arc::clone(&free);
            move || {
                let _ = looked.send(());
                free.load(Ordering::SeqCst)
            }
        }))
        .unwrap();
        assert!(keeper.disk_is_full());
        free.store(100, Ordering::SeqCst);
        while looks.try_recv().is_ok() {}
        // A look that began after the change has ended when the one after it begins.
        for _ in 0..3 {
            looks.recv_timeout(Duration::from_secs(10)).unwrap();
        }
        assert!(!keeper.disk_is_full());
    }

    #[test]
    fn makes_a_spare_of_zeros_and_the_next_when_asked() {
        let dir = tempfile::tempdir().unwrap();
        let keeper = Housekeeper::start(duties(dir.path(), || 100)).unwrap();
        for _ in 0..3 {
            let _file = keeper.take_spare().unwrap();
            assert_eq!(std::fs::read(dir.path().join("spare")).unwrap(), vec![0; 4096]);
            std::fs::remove_file(dir.path().join("spare")).unwrap();
            keeper.want_spare();
        }
    }

    #[test]
    fn a_spare_that_cannot_be_made_is_a_full_disk() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join("gone");
        let keeper = Housekeeper::start(duties(&gone, || 100)).unwrap();
        assert!(keeper.take_spare().is_err());
        keeper.want_spare();
        std::fs::create_dir(&gone).unwrap();
        let deadline = clock::monotonic() + Duration::from_secs(10);
        while keeper.take_spare().is_err() {
            assert!(clock::monotonic() < deadline);
            keeper.want_spare();
        }
    }
}
