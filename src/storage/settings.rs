//! What can be set, and the bounds of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::journal::{Disk, real_disk};

/// Size of a journal segment, bytes: small enough to be made in an instant on a laptop.
pub const DEFAULT_SEGMENT_BYTES: u64 = 8 << 20;
/// Smallest segment, bytes: below a page, preallocation means nothing.
pub const MIN_SEGMENT_BYTES: u64 = 4 << 10;
/// Greatest segment, bytes: recovery reads a segment at once.
pub const MAX_SEGMENT_BYTES: u64 = 256 << 20;
/// Free space, bytes, below which writes are refused: room for what was decided already, for two more
/// segments and for sled's own writing.
pub const DEFAULT_RESERVE_BYTES: u64 = 64 << 20;

/// Called once with the reason when the journal cannot keep its promise any more. The hook of the
/// program logs it and ends the process; a hook that returns leaves a journal that refuses everything.
pub type FatalHook = Arc<dyn Fn(&str) + Send + Sync>;

/// What an acknowledged change survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Any crash of the process, the system or the power supply: synced before it is acknowledged.
    #[default]
    Commit,
    /// Any crash of the process (kill -9 too), not of the system or the power supply.
    Os,
}

/// How to open a storage.
#[derive(Clone)]
pub struct Settings {
    /// When a record counts as durable.
    pub durability: Durability,
    /// Size of new journal segments, bytes; taken to the nearest of [`MIN_SEGMENT_BYTES`] and
    /// [`MAX_SEGMENT_BYTES`] when outside. A record that does not fit gets a segment of its own size.
    pub segment_bytes: u64,
    /// Free space, bytes, below which [`ready`](crate::storage::Journal::ready) refuses.
    pub reserve_bytes: u64,
    /// Told when a record was accepted and cannot be made durable.
    pub fatal: FatalHook,
    /// What the journal's segments lie on.
    pub disk: Disk,
}

impl Settings {
    /// The defaults, with the given hook.
    #[must_use]
    pub fn new(fatal: FatalHook) -> Self {
        Self {
            durability: Durability::default(),
            segment_bytes: DEFAULT_SEGMENT_BYTES,
            reserve_bytes: DEFAULT_RESERVE_BYTES,
            fatal,
            disk: real_disk(),
        }
    }

    pub(in crate::storage) fn bounded_segment_bytes(&self) -> u64 {
        self.segment_bytes.clamp(MIN_SEGMENT_BYTES, MAX_SEGMENT_BYTES)
    }
}
