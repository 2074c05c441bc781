//! What is outstanding for each URL, so that a dead receiver cannot fill the memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::webhook::Delivery;
use crate::webhook::limits::{BACKLOG_BYTES_PER_URL, BACKLOG_PER_URL};

/// Count and bytes of the outstanding deliveries of each URL.
#[derive(Debug, Default)]
pub(super) struct Backlog(BTreeMap<Arc<str>, Share>);

#[derive(Debug, Default)]
struct Share {
    deliveries: usize,
    bytes: usize,
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
    }

    /// Is anything owed to a URL?
    pub(super) fn owes(&self, url: &str) -> bool {
        self.0.contains_key(url)
    }

    /// How many deliveries a URL is owed, and their bytes.
    pub(super) fn of(&self, url: &str) -> (usize, usize) {
        self.0.get(url).map_or((0, 0), |share| (share.deliveries, share.bytes))
    }

    pub(super) fn subtract(&mut self, delivery: &Delivery) {
        if let Some(share) = self.0.get_mut(&delivery.url) {
            share.deliveries -= 1;
            share.bytes -= delivery.body.len();
            if share.deliveries == 0 {
                self.0.remove(&delivery.url);
            }
        }
    }
}
