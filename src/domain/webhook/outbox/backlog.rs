//! What is outstanding for each URL, so that a dead receiver cannot fill the memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::time::Timestamp;
use crate::webhook::Delivery;
use crate::webhook::limits::{BACKLOG_BYTES_PER_URL, BACKLOG_PER_URL};

/// Count and bytes of the outstanding deliveries of each URL.
#[derive(Debug, Default)]
pub(super) struct Backlog(BTreeMap<Arc<str>, Share>);

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
    /// Would this delivery be one too many?
    pub(super) fn is_full_for(&self, delivery: &Delivery) -> bool {
        self.0.get(&delivery.url).is_some_and(|share| {
            share.deliveries >= BACKLOG_PER_URL || share.bytes + delivery.body.len() > BACKLOG_BYTES_PER_URL
        })
    }

    pub(super) fn add(&mut self, delivery: &Delivery) {
        let share = self.0.entry(Arc::clone(&delivery.url)).or_default();
        share.deliveries += 1;
        share.bytes += delivery.body.len();
        *share.due.entry(delivery.due_since).or_default() += 1;
    }

    /// Is anything owed to a URL?
    pub(super) fn owes(&self, url: &str) -> bool {
        self.0.contains_key(url)
    }

    /// How many deliveries a URL is owed, and their bytes.
    pub(super) fn of(&self, url: &str) -> (usize, usize) {
        self.0.get(url).map_or((0, 0), |share| (share.deliveries, share.bytes))
    }

    /// When the oldest of them became due.
    pub(super) fn oldest_of(&self, url: &str) -> Option<Timestamp> {
        self.0.get(url).and_then(Share::oldest)
    }

    /// When the oldest of all became due.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.0.values().filter_map(Share::oldest).min()
    }

    pub(super) fn subtract(&mut self, delivery: &Delivery) {
        if let Some(share) = self.0.get_mut(&delivery.url) {
            share.deliveries -= 1;
            share.bytes -= delivery.body.len();
            if let Some(count) = share.due.get_mut(&delivery.due_since) {
                *count -= 1;
                if *count == 0 {
                    share.due.remove(&delivery.due_since);
                }
            }
            if share.deliveries == 0 {
                self.0.remove(&delivery.url);
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
}
