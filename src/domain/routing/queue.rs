//! The queues: one per group, first in, first out.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{ConversationId, GroupId};
use crate::time::Timestamp;

/// The order of a queue: earliest first, equal times by id.
pub(super) type Turn = (Timestamp, ConversationId);

/// Who waits in which group. A conversation of several groups stands in each of their queues.
#[derive(Debug, Default)]
pub(super) struct Queues {
    groups: BTreeMap<GroupId, BTreeSet<Turn>>,
}

impl Queues {
    pub(super) fn enter(&mut self, groups: &[GroupId], turn: Turn) {
        for &group in groups {
            self.groups.entry(group).or_default().insert(turn);
        }
    }

    pub(super) fn leave(&mut self, groups: &[GroupId], turn: Turn) {
        for group in groups {
            if let Some(queue) = self.groups.get_mut(group) {
                queue.remove(&turn);
                if queue.is_empty() {
                    self.groups.remove(group);
                }
            }
        }
    }

    pub(super) fn len(&self, group: GroupId) -> usize {
        self.groups.get(&group).map_or(0, BTreeSet::len)
    }

    /// The waiting conversations of a group, in order.
    pub(super) fn iter(&self, group: GroupId) -> impl Iterator<Item = Turn> {
        self.groups.get(&group).into_iter().flatten().copied()
    }

    /// The place of `turn`, from 1; among several groups the best one. It need not stand there yet.
    /// Counted from the end, where newcomers stand.
    pub(super) fn position(&self, groups: &[GroupId], turn: Turn) -> u32 {
        let ahead = |group: &GroupId| {
            let Some(queue) = self.groups.get(group) else { return 0 };
            queue.len() - queue.range(turn..).count()
        };
        let best = groups.iter().map(ahead).min().unwrap_or(0);
        u32::try_from(best).map_or(u32::MAX, |ahead| ahead.saturating_add(1))
    }
}
