//! What the rooms need below them: an ordered map of bytes with atomic batches.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use crate::storage::StorageError;

/// Keys from the start up to, not including, the end.
pub type KeyRange = Range<Vec<u8>>;

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// The order of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the smallest key on.
    Forward,
    /// From the greatest key on.
    Backward,
}

/// Changes that are made together or not at all. Of several to one key the last counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    pub(super) changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Batch {
    /// Sets a key to a value of any size.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.changes.insert(key, Some(value));
    }

    /// Removes a key, whether or not it is there.
    pub fn remove(&mut self, key: Vec<u8>) {
        self.changes.insert(key, None);
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// An ordered map of bytes. Reads see whole batches only.
pub trait Store: Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError>;

    /// Makes all changes of a batch or none.
    ///
    /// # Errors
    /// `DiskFull`, `Corrupt`, `Io`: none was made.
    fn write(&self, batch: Batch) -> Result<(), StorageError>;

    /// The pairs in `range`, at most `limit`.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    fn scan(&self, range: &KeyRange, direction: Direction, limit: usize) -> Result<Vec<Pair>, StorageError>;

    /// Returns when all earlier writes survive a power failure.
    ///
    /// # Errors
    /// `DiskFull`, `Io`.
    fn sync(&self) -> Result<(), StorageError>;

    /// Where it lies, for error messages.
    fn place(&self) -> PathBuf;

    /// Something read from here makes no sense: remembers it, loudly, so that a start can build the
    /// store anew, and gives the error to answer with.
    fn broken(&self, reason: &str) -> StorageError;

    /// Whether something was found broken since it was opened.
    fn is_suspect(&self) -> bool;
}
