//! Patience with a customer whose client keeps knocking though it has too many connections
//! already. Source: spec v3.0, 1.4.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

/// How much of it there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// So many refused logins are one too many; at least 1.
    pub refusals: usize,
    /// When they came within this time.
    pub within: Duration,
    /// Then every login is refused for this long.
    pub block: Duration,
}

/// The refused logins of one customer. Holds at most [`Patience::refusals`] of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Knocks {
    refused: VecDeque<Timestamp>,
    blocked_until: Option<Timestamp>,
}

impl Knocks {
    /// For how long every login is still refused, when it is.
    #[must_use]
    pub fn blocked(&self, now: Timestamp) -> Option<Duration> {
        self.blocked_until.map(|until| until.since(now)).filter(|left| !left.is_zero())
    }

    /// One more login was refused because there were too many connections. When that was one too
    /// many, tells for how long every login is refused from now on.
    pub fn refused(&mut self, patience: &Patience, now: Timestamp) -> Option<Duration> {
        self.refused.retain(|at| now.since(*at) < patience.within);
        self.refused.push_back(now);
        if self.refused.len() < patience.refusals {
            return None;
        }
        self.refused.clear();
        self.blocked_until = Some(now.plus(patience.block));
        Some(patience.block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { refusals: 3, within: Duration::from_secs(10), block: Duration::from_secs(60) };

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn who_hammers_is_blocked_for_a_while_and_then_starts_afresh() {
        let mut knocks = Knocks::default();
        assert_eq!(knocks.refused(&PATIENCE, at(1)), None);
        assert_eq!(knocks.refused(&PATIENCE, at(2)), None);
        assert_eq!(knocks.blocked(at(2)), None);
        assert_eq!(knocks.refused(&PATIENCE, at(3)), Some(PATIENCE.block));
        assert_eq!(knocks.blocked(at(3)), Some(PATIENCE.block));
        assert_eq!(knocks.blocked(at(62)), Some(Duration::from_secs(1)));
        assert_eq!(knocks.blocked(at(63)), None);
        assert_eq!(knocks.refused(&PATIENCE, at(64)), None);
        assert_eq!(knocks.refused(&PATIENCE, at(64)), None);
        assert_eq!(knocks.refused(&PATIENCE, at(64)), Some(PATIENCE.block));
    }

    #[test]
    fn who_knocks_now_and_then_is_not_blocked_and_little_is_kept_of_it() {
        let mut knocks = Knocks::default();
        for secs in (0..1_000).step_by(6) {
            assert_eq!(knocks.refused(&PATIENCE, at(secs)), None, "at {secs} s");
            assert!(knocks.refused.len() < PATIENCE.refusals);
        }
    }
}
