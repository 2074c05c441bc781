//! What is outstanding for each URL, so that a dead receiver cannot fill the memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::time::Timestamp;
use crate::webhook::Delivery;
use crate::webhook::limits::{
    BACKLOG_BYTES_PER_LICENSE, BACKLOG_BYTES_PER_URL, BACKLOG_PER_LICENSE, BACKLOG_PER_URL,
};

/// Count and bytes of the outstanding deliveries of each URL.
#[derive(Debug)]
pub(super) struct Backlog {
    shares: BTreeMap<Arc<str>, Share>,
    /// Of all URLs.
    deliveries: usize,
    /// Of all URLs.
    bytes: usize,
    /// Bytes that all may be owed now.
    room: usize,
}

impl Default for Backlog {
    fn default() -> Self {
        Self { shares: BTreeMap::new(), deliveries: 0, bytes: 0, room: BACKLOG_BYTES_PER_LICENSE }
    }
}

#[derive(Debug, Default)]
struct Share {
    deliveries: usize,
    bytes: usize,
    /// How many became due when.
    due: BTreeMap<Timestamp, usize>,
}

impl Share {
    fn oldest(&self) -> Option<Timestamp> {
        self.due.first_key_value().map(|(due, _)| *due)
    }
}

impl Backlog {
    /// Would this delivery be one too many? The first of a URL never is.
    pub(super) fn is_full_for(&self, delivery: &Delivery) -> bool {
        let Some(share) = self.shares.get(&delivery.url) else { return false };
        let bytes = share.bytes + delivery.body.len();
        if share.deliveries >= BACKLOG_PER_URL || bytes > BACKLOG_BYTES_PER_URL {
            return true;
        }
        let urls = self.shares.len();
        (self.deliveries >= BACKLOG_PER_LICENSE && share.deliveries >= BACKLOG_PER_LICENSE / urls)
            || (self.bytes + delivery.body.len() > self.room && bytes > self.room / urls)
    }

    /// From now on all together may be owed so many bytes.
    pub(super) fn set_room(&mut self, bytes: usize) {
        self.room = bytes.min(BACKLOG_BYTES_PER_LICENSE);
    }

    /// Bytes that all are owed.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn add(&mut self, delivery: &Delivery) {
        let share = self.shares.entry(Arc::clone(&delivery.url)).or_default();
        share.deliveries += 1;
        share.bytes += delivery.body.len();
        *share.due.entry(delivery.due_since).or_default() += 1;
        self.deliveries += 1;
        self.bytes += delivery.body.len();
    }

    /// Is anything owed to a URL?
    pub(super) fn owes(&self, url: &str) -> bool {
        self.shares.contains_key(url)
    }

    /// How many deliveries a URL is owed, and their bytes.
    pub(super) fn of(&self, url: &str) -> (usize, usize) {
        self.shares.get(url).map_or((0, 0), |share| (share.deliveries, share.bytes))
    }

    /// When the oldest of them became due.
    pub(super) fn oldest_of(&self, url: &str) -> Option<Timestamp> {
        self.shares.get(url).and_then(Share::oldest)
    }

    /// When the oldest of all became due.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.shares.values().filter_map(Share::oldest).min()
    }

    pub(super) fn subtract(&mut self, delivery: &Delivery) {
        if let Some(share) = self.shares.get_mut(&delivery.url) {
            share.deliveries -= 1;
            share.bytes -= delivery.body.len();
            self.deliveries -= 1;
            self.bytes -= delivery.body.len();
            if let Some(count) = share.due.get_mut(&delivery.due_since) {
                *count -= 1;
                if *count == 0 {
                    share.due.remove(&delivery.due_since);
                }
            }
            if share.deliveries == 0 {
                self.shares.remove(&delivery.url);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::webhook::outbox::tests::{START, delivery};

    #[test]
    fn what_waits_longest_is_known_without_a_look_at_all_the_others() {
        let due = |bot: &str, n: u64| Delivery {
            due_since: START.plus(Duration::from_secs(n)),
            ..Delivery::clone(&delivery(bot, n, 1))
        };
        let mut backlog = Backlog::default();
        for n in [7, 3, 3, 5] {
            backlog.add(&due("a", n));
        }
        backlog.add(&due("b", 1));
        let at = |n: u64| Some(START.plus(Duration::from_secs(n)));
        assert_eq!((backlog.oldest_of("http://a/"), backlog.oldest()), (at(3), at(1)));
        backlog.subtract(&due("b", 1));
        assert_eq!((backlog.oldest_of("http://b/"), backlog.oldest()), (None, at(3)));
        for (n, left) in [(3, at(3)), (3, at(5)), (7, at(5)), (5, None)] {
            backlog.subtract(&due("a", n));
            assert_eq!(backlog.oldest_of("http://a/"), left);
        }
        assert_eq!((backlog.owes("http://a/"), backlog.of("http://a/")), (false, (0, 0)));
    }
    #[test]
    fn a_license_that_is_owed_too_much_takes_only_what_is_for_those_who_are_owed_little() {
        let mut backlog = Backlog::default();
        let dead = ["a", "b", "c"];
        for n in 0..BACKLOG_PER_LICENSE {
            let owed = delivery(dead[n % dead.len()], n as u64, 1);
            assert!(!backlog.is_full_for(&owed));
            backlog.add(&owed);
        }
        assert!(dead.iter().all(|bot| backlog.is_full_for(&delivery(bot, 0, 2))));
        let part = BACKLOG_PER_LICENSE / 4;
        for n in 0..part as u64 {
            let owed = delivery("alive", n, 1);
            assert!(!backlog.is_full_for(&owed), "{n}");
            backlog.add(&owed);
        }
        assert!(backlog.is_full_for(&delivery("alive", 0, 2)), "its part is used up as well");
    }

    #[test]
    fn the_same_by_bytes_within_the_room_that_others_leave() {
        let sized = |bot: &str, n: u64, bytes: usize| Delivery {
            body: vec![0; bytes].into(),
            ..Delivery::clone(&delivery(bot, n, 1))
        };
        let mut backlog = Backlog::default();
        backlog.add(&sized("a", 1, 700));
        backlog.add(&sized("b", 1, 200));
        assert!(!backlog.is_full_for(&sized("a", 2, 200)));
        backlog.set_room(1000);
        assert!(backlog.is_full_for(&sized("a", 2, 200)) && !backlog.is_full_for(&sized("a", 2, 100)));
        assert!(!backlog.is_full_for(&sized("b", 2, 300)) && backlog.is_full_for(&sized("b", 2, 301)));
        assert!(!backlog.is_full_for(&sized("c", 1, 5000)), "the first one is always taken");
        backlog.set_room(usize::MAX);
        assert!(!backlog.is_full_for(&sized("a", 2, 200)));
        assert_eq!((backlog.room, backlog.bytes()), (BACKLOG_BYTES_PER_LICENSE, 900));
    }
}
