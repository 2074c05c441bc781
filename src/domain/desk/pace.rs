//! How often something that anybody may do at will is told to hooks.

use std::collections::BTreeSet;

use crate::conversation::event::Visibility;
use crate::id::UserId;
use crate::limits::{TYPING_CALLS, TYPING_CALLS_TIME};
use crate::time::Timestamp;

/// Who types in a conversation, as hooks were told. Nothing of it is kept: after a restart it begins anew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pace {
    since: Timestamp,
    count: u32,
    /// Of whom it was told that they type, and to whom that was shown.
    typing: BTreeSet<(UserId, bool)>,
}

impl Pace {
    /// May it be told now that somebody types, or does so no more? Only what changes is told: that
    /// somebody types at most [`TYPING_CALLS`] times in [`TYPING_CALLS_TIME`], its end always.
    pub fn admits(&mut self, (who, seen_by): (&UserId, Visibility), typing: bool, now: Timestamp) -> bool {
        let key = (who.clone(), seen_by == Visibility::All);
        if !typing {
            return self.typing.remove(&key);
        }
        if self.typing.contains(&key) {
            return false;
        }
        if now.since(self.since) >= TYPING_CALLS_TIME {
            (self.since, self.count) = (now, 0);
        }
        let may = self.count < TYPING_CALLS && self.typing.len() < TYPING_CALLS as usize;
        if may {
            self.count += 1;
            self.typing.insert(key);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::AgentId;

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn somebody(n: u32) -> UserId {
        UserId::Agent(AgentId::new(&format!("a{n}")))
    }

    #[test]
    fn only_what_changes_is_told_and_its_end_always() {
        let (mut pace, ann) = (Pace::default(), somebody(1));
        let mut told = |seen_by, typing| pace.admits((&ann, seen_by), typing, NOW);
        assert!(!told(Visibility::All, false), "nobody was told that she types");
        assert!(told(Visibility::All, true) && !told(Visibility::All, true));
        assert!(told(Visibility::Agents, true), "a note is something else");
        assert!(told(Visibility::All, false) && !told(Visibility::All, false));
        // However often she begins, whoever was told hears of the end.
        let begun = (0..TYPING_CALLS * 3)
            .filter(|_| {
                let begins = told(Visibility::All, true);
                begins == told(Visibility::All, false) && begins
            })
            .count();
        assert_eq!(begun, TYPING_CALLS as usize - 2);
        assert!(told(Visibility::Agents, false));
        let still = Timestamp::from_micros(NOW.plus(TYPING_CALLS_TIME).as_micros() - 1);
        assert!(!pace.admits((&ann, Visibility::All), true, still));
        assert!(pace.admits((&ann, Visibility::All), true, NOW.plus(TYPING_CALLS_TIME)));
    }

    #[test]
    fn so_many_may_type_at_once() {
        let mut pace = Pace::default();
        let told = (0..TYPING_CALLS * 2).filter(|n| {
            let later = Timestamp::from_secs(NOW.as_secs() + u64::from(*n) * 10);
            pace.admits((&somebody(*n), Visibility::All), true, later)
        });
        assert_eq!(told.count(), TYPING_CALLS as usize);
    }
}
