//! What keeps sled from harm, and us from sled: room on the disk before a write, and a panic of it that
//! means broken bytes, not a broken program.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::storage::space::{FreeSpace, free_space_of};
use crate::storage::{FatalHook, Settings, StorageError};

/// Part of the reserve that the records may not touch. Sled remembers a failed write for ever, so it
/// must not meet a full disk: below this the records wait, while the journal still finds the room that
/// was kept for what is decided already.
const RECORDS_SHARE: u64 = 4;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside the store: a panic there is caught, and is no reason to stop.
#[must_use]
pub fn in_store() -> bool {
    INSIDE.get()
}

/// Calls into sled; `None` when it panicked, which it does when it meets bytes that it cannot explain.
pub(super) fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    let before = INSIDE.replace(true);
    let done = catch_unwind(AssertUnwindSafe(call));
    INSIDE.set(before);
    done.ok()
}

/// The conditions under which the store writes.
pub struct Care {
    free_space: FreeSpace,
    floor: u64,
    fatal: FatalHook,
}

impl Care {
    /// For a store below `root`.
    pub(in crate::storage) fn new(root: &Path, settings: &Settings) -> Self {
        let floor = settings.reserve_bytes / RECORDS_SHARE;
        Self { free_space: free_space_of(root), floor, fatal: settings.fatal.clone() }
    }

    /// Is there room to write?
    ///
    /// # Errors
    /// `DiskFull`.
    pub(super) fn room(&self) -> Result<(), StorageError> {
        // Who cannot see it goes on: the write itself tells.
        if (self.free_space)().is_ok_and(|free| free < self.floor) {
            Err(StorageError::DiskFull)
        } else {
            Ok(())
        }
    }

    /// A write has failed, so the store is of no use any more: it would answer so for ever.
    pub(super) fn write_failed(&self, error: &StorageError) {
        (self.fatal)(&format!("the records cannot be written any more: {error}"));
    }
}

#[cfg(test)]
impl Care {
    pub(super) fn of(free_space: FreeSpace, floor: u64, fatal: FatalHook) -> Self {
        Self { free_space, floor, fatal }
    }
}
