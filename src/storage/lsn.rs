//! The position of a record in the journal.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A position in the journal: opaque, ordered, never reused. Later records have greater ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lsn(u64);

impl Lsn {
    /// Before every record: the durable position and the checkpoint of an empty journal.
    pub const ZERO: Self = Self(0);

    pub(in crate::storage) const fn new(number: u64) -> Self {
        Self(number)
    }

    pub(in crate::storage) const fn get(self) -> u64 {
        self.0
    }

    /// The position after this one.
    pub(in crate::storage) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
