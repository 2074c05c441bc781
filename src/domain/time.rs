//! Time as an argument: the domain never reads a clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment: microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The end of time: what is put off until then never comes by itself.
    pub const NEVER: Self = Self(u64::MAX);

    /// From microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// From whole seconds since the Unix epoch.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The next moment of an actor: never before, never equal to its last one, so that times
    /// order the facts of one actor even when the wall clock steps back (design D1).
    #[must_use]
    pub fn after(self, last: Self) -> Self {
        self.max(Self(last.0.saturating_add(1)))
    }

    /// This moment and a while; saturates at the end of time.
    #[must_use]
    pub fn plus(self, while_: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(while_.as_micros()).unwrap_or(u64::MAX)))
    }

    /// How long ago `earlier` was; zero when it was not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_repeats_when_the_clock_steps_back() {
        let last = Timestamp::from_secs(10);
        assert_eq!(Timestamp::from_secs(9).after(last), Timestamp::from_micros(10_000_001));
        assert_eq!(Timestamp::from_secs(11).after(last), Timestamp::from_secs(11));
    }
}
