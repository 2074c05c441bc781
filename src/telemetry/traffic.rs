//! How often the WebSockets of a thread were read and written. Counted by the thread itself, since a
//! shared counter would be touched four times for every message.

use std::cell::Cell;

thread_local! {
    static TRAFFIC: Cell<Traffic> = const { Cell::new(Traffic { reads: 0, writes: 0 }) };
}

/// Attempts to read from and to write to the WebSockets of one thread since it started. Under load
/// one read per wake and one write per socket and turn are right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Times a socket was asked for bytes and had some, or its end.
    pub reads: u64,
    /// Times a socket was offered bytes.
    pub writes: u64,
}

impl Traffic {
    /// What was counted since `before`.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self { reads: self.reads - before.reads, writes: self.writes - before.writes }
    }
}

/// The counts of the calling thread.
#[must_use]
pub fn traffic() -> Traffic {
    TRAFFIC.get()
}

/// A socket was read.
pub(crate) fn count_read() {
    TRAFFIC.set(Traffic { reads: TRAFFIC.get().reads + 1, ..TRAFFIC.get() });
}

/// A socket was offered bytes.
pub(crate) fn count_write() {
    TRAFFIC.set(Traffic { writes: TRAFFIC.get().writes + 1, ..TRAFFIC.get() });
}
