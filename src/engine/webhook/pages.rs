//! Saves page by page what may be a whole backlog: a save lies in memory, and is one write of the store.

use crate::engine::limits::DEAD_LETTER_PAGE;
use crate::storage::{Records, Save, StorageError};

/// Changes to be saved, a page at a time.
pub(super) struct Pages<'a> {
    records: &'a Records,
    page: Save,
    changes: usize,
}

impl<'a> Pages<'a> {
    pub(super) fn new(records: &'a Records) -> Self {
        Self { records, page: Save::new(), changes: 0 }
    }

    /// Takes what must be saved together.
    ///
    /// # Errors
    /// When a page that is full cannot be saved.
    pub(super) fn add(&mut self, change: impl FnOnce(&mut Save)) -> Result<(), StorageError> {
        change(&mut self.page);
        self.changes += 1;
        if self.changes.is_multiple_of(DEAD_LETTER_PAGE) { self.save() } else { Ok(()) }
    }

    /// Saves what is left.
    ///
    /// # Errors
    /// When it cannot be saved.
    pub(super) fn save(&mut self) -> Result<(), StorageError> {
        let page = std::mem::take(&mut self.page);
        if page.is_empty() { Ok(()) } else { self.records.save(page) }
    }
}
