//! How often something that anybody may do at will is told to hooks.

use crate::limits::{TYPING_CALLS, TYPING_CALLS_TIME};
use crate::time::Timestamp;

/// Counts who types in a conversation. Nothing of it is kept: after a restart it begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pace {
    since: Timestamp,
    count: u32,
}

impl Pace {
    /// May it be told now? At most [`TYPING_CALLS`] times in [`TYPING_CALLS_TIME`].
    pub fn admits(&mut self, now: Timestamp) -> bool {
        if now.since(self.since) >= TYPING_CALLS_TIME {
            *self = Self { since: now, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count <= TYPING_CALLS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_told_in_a_while_and_more_in_the_next() {
        let (mut pace, now) = (Pace::default(), Timestamp::from_secs(1_000));
        let told = (0..TYPING_CALLS * 3).filter(|_| pace.admits(now)).count();
        assert_eq!(told, TYPING_CALLS as usize);
        let still = Timestamp::from_micros(now.plus(TYPING_CALLS_TIME).as_micros() - 1);
        assert!(!pace.admits(still));
        assert!(pace.admits(now.plus(TYPING_CALLS_TIME)));
    }
}
