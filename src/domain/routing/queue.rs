//! The queues: one per group, first in, first out.

use std::collections::{BTreeMap, BTreeSet};

use indexset::BTreeSet as CountedSet;

use crate::id::{AgentId, ConversationId, GroupId};
use crate::time::Timestamp;

/// The order of a queue: earliest first, equal times by id.
pub(super) type Turn = (Timestamp, ConversationId);

/// Turns that stand side by side in memory: enough that a long queue has few blocks, few enough that a
/// short one is small.
const BLOCK: usize = 128;

/// Who waits in which group. A conversation of several groups stands in each of their queues.
#[derive(Debug, Default)]
pub(super) struct Queues {
    groups: BTreeMap<GroupId, Queue>,
}

/// The queue of one group, by what is asked of it: nothing here walks past those who wait.
#[derive(Debug)]
struct Queue {
    /// Everybody, to tell places.
    turns: CountedSet<Turn>,
    /// Those that routing gives away: mostly one lane of all that take anybody.
    lanes: BTreeMap<Lane, BTreeSet<Turn>>,
}

/// Waiting conversations that are alike in who may get them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lane {
    /// The agents they are not given to: sorted, each once.
    pub(super) barred: Vec<AgentId>,
    /// Their groups of which an agent may have only so many: sorted, each once.
    pub(super) bounded: Vec<GroupId>,
    /// The team whose members may get them.
    pub(super) team: Option<u64>,
}

impl Default for Queue {
    fn default() -> Self {
        Self { turns: CountedSet::with_maximum_node_size(BLOCK), lanes: BTreeMap::new() }
    }
}

impl Queues {
    /// Takes a place in each queue; without a lane when routing does not give it at all.
    pub(super) fn enter(&mut self, groups: &[GroupId], turn: Turn, lane: Option<&Lane>) {
        for &group in groups {
            let queue = self.groups.entry(group).or_default();
            queue.turns.insert(turn);
            if let Some(lane) = lane {
                queue.lanes.entry(lane.clone()).or_default().insert(turn);
            }
        }
    }

    /// Undoes [`enter`](Self::enter) of the same place.
    pub(super) fn leave(&mut self, groups: &[GroupId], turn: Turn, lane: Option<&Lane>) {
        for group in groups {
            let Some(queue) = self.groups.get_mut(group) else { continue };
            queue.turns.remove(&turn);
            if let Some(lane) = lane
                && let Some(turns) = queue.lanes.get_mut(lane)
            {
                turns.remove(&turn);
                if turns.is_empty() {
                    queue.lanes.remove(lane);
                }
            }
            if queue.turns.is_empty() {
                self.groups.remove(group);
            }
        }
    }

    pub(super) fn len(&self, group: GroupId) -> usize {
        self.groups.get(&group).map_or(0, |queue| queue.turns.len())
    }

    /// The waiting conversations of a group, in order.
    pub(super) fn iter(&self, group: GroupId) -> impl Iterator<Item = Turn> {
        let queue = self.groups.get(&group).into_iter();
        queue.flat_map(|queue| queue.turns.iter()).copied().inspect(|_| look())
    }

    /// The first in a group's queue that routing may give to this agent; `may_have` tells whether it
    /// has a share and is in the team.
    pub(super) fn first_for(
        &self,
        group: GroupId,
        agent: &AgentId,
        may_have: impl Fn(&Lane) -> bool,
    ) -> Option<Turn> {
        let lanes = self.groups.get(&group)?.lanes.iter().inspect(|_| look());
        lanes
            .filter(|(lane, _)| lane.barred.binary_search(agent).is_err() && may_have(lane))
            .filter_map(|(_, turns)| turns.first())
            .min()
            .copied()
    }

    /// The place of `turn`, from 1; among several groups the best one. It need not stand there yet.
    pub(super) fn position(&self, groups: &[GroupId], turn: Turn) -> u32 {
        let ahead = |group: &GroupId| self.groups.get(group).map_or(0, |queue| queue.turns.rank(&turn));
        let best = groups.iter().map(ahead).min().unwrap_or(0);
        u32::try_from(best).map_or(u32::MAX, |ahead| ahead.saturating_add(1))
    }
}

/// Counts one more turn or lane that was looked at, where tests ask for it.
fn look() {
    #[cfg(test)]
    looks::LOOKED_AT.with(|looked_at| looked_at.set(looked_at.get() + 1));
}

#[cfg(test)]
#[expect(clippy::disallowed_types, reason = "tests count what a decision looks at")]
pub(super) mod looks {
    use std::cell::Cell;

    thread_local! {
        /// How many turns and lanes this thread looked at, one after the other.
        pub(in crate::routing) static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};

    use super::*;

    const GROUP: GroupId = GroupId(1);

    fn turn(n: u64) -> Turn {
        (Timestamp::from_secs(n / 3), ConversationId::from_random(n))
    }

    /// Who comes and who goes, most of them after each other as in a queue.
    fn moves() -> impl Strategy<Value = Vec<(bool, u64, bool)>> {
        vec((any::<bool>(), 0..3_000_u64, any::<bool>()), 0..3_000)
    }

    proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(32))]

        /// Places and first turns are those of a plain sorted list, over many blocks.
        #[test]
        fn places_are_those_of_a_sorted_list(moves in moves(), start in 0..3_000_u64) {
            let barred = [AgentId::new("a")];
            let lanes = [Lane::default(), Lane { barred: barred.to_vec(), ..Lane::default() }];
            let lane = |choosy: bool| Some(&lanes[usize::from(choosy)]);
            let (mut queues, mut plain) = (Queues::default(), BTreeMap::new());
            for n in 0..start {
                plain.insert(turn(n), false);
                queues.enter(&[GROUP], turn(n), lane(false));
            }
            for (comes, n, choosy) in moves {
                if let Some(was) = plain.remove(&turn(n)) {
                    queues.leave(&[GROUP], turn(n), lane(was));
                }
                if comes {
                    plain.insert(turn(n), choosy);
                    queues.enter(&[GROUP], turn(n), lane(choosy));
                }
            }
            prop_assert_eq!(queues.len(GROUP), plain.len());
            prop_assert_eq!(queues.iter(GROUP).collect::<Vec<_>>(), plain.keys().copied().collect::<Vec<_>>());
            for (place, asked) in plain.keys().enumerate() {
                prop_assert_eq!(queues.position(&[GROUP], *asked) as usize, place + 1);
            }
            let first = plain.iter().find(|(_, choosy)| !**choosy).map(|(turn, _)| *turn);
            prop_assert_eq!(queues.first_for(GROUP, &barred[0], |_| true), first);
            let anybody = queues.first_for(GROUP, &AgentId::new("b"), |_| true);
            prop_assert_eq!(anybody, plain.keys().next().copied());
        }
    }

    #[test]
    fn what_routing_does_not_give_has_a_place_and_is_nobodys_first() {
        let mut queues = Queues::default();
        queues.enter(&[GROUP], turn(1), None);
        queues.enter(&[GROUP], turn(4), Some(&Lane::default()));
        assert_eq!((queues.position(&[GROUP], turn(4)), queues.len(GROUP)), (2, 2));
        assert_eq!(queues.first_for(GROUP, &AgentId::new("a"), |_| true), Some(turn(4)));
        queues.leave(&[GROUP], turn(4), Some(&Lane::default()));
        queues.leave(&[GROUP], turn(1), None);
        assert!(queues.groups.is_empty(), "an empty queue takes no room");
    }
}
