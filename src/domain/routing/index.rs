//! Ordered indexes over the agents, so that a choice looks at one agent per group and class.

use std::collections::{BTreeMap, BTreeSet};

use super::priority::Priority;
use super::seat::AgentSeat;
use super::shares::Shares;
use crate::id::{AgentId, GroupId};
use crate::time::Timestamp;

/// The order of choice inside a class: smallest load, then longest since the last assignment
/// (never before all), then by id so that the choice is the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) load: usize,
    pub(super) last_assigned: Option<Timestamp>,
    pub(super) agent: AgentId,
}

/// Agents per group, by what a decision asks about them.
#[derive(Debug, Default)]
pub(super) struct SeatIndex {
    /// Agents that can take a conversation now.
    free: BTreeMap<(GroupId, Priority), BTreeSet<Rank>>,
    /// How many agents make the group online.
    accepting: BTreeMap<GroupId, usize>,
    /// Who belongs to the group.
    members: BTreeMap<GroupId, BTreeSet<AgentId>>,
}

impl SeatIndex {
    /// Takes a seat up: membership and the count of accepting agents.
    pub(super) fn enrol(&mut self, seat: &AgentSeat) {
        for (group, class) in seat.memberships() {
            self.members.entry(group).or_default().insert(seat.agent.clone());
            if class.is_routed() && seat.counts_as_accepting() {
                *self.accepting.entry(group).or_default() += 1;
            }
        }
    }

    /// Undoes [`enrol`](Self::enrol) of the same seat.
    pub(super) fn dismiss(&mut self, seat: &AgentSeat) {
        for (group, class) in seat.memberships() {
            if let Some(members) = self.members.get_mut(&group) {
                members.remove(&seat.agent);
                if members.is_empty() {
                    self.members.remove(&group);
                }
            }
            if class.is_routed()
                && seat.counts_as_accepting()
                && let Some(count) = self.accepting.get_mut(&group)
            {
                *count -= 1;
                if *count == 0 {
                    self.accepting.remove(&group);
                }
            }
        }
    }

    /// Lists an agent with a free slot under its rank, in the groups of which it may have more.
    pub(super) fn list(&mut self, seat: &AgentSeat, rank: &Rank, shares: &Shares) {
        let may_have = |group: GroupId| shares.has_room(&seat.agent, &[group]);
        let routed = seat.memberships().filter(|(_, class)| class.is_routed());
        for (group, class) in routed.filter(|&(group, _)| may_have(group)) {
            self.free.entry((group, class)).or_default().insert(rank.clone());
        }
    }

    /// Undoes [`list`](Self::list) of the same seat and rank, whatever its shares were.
    pub(super) fn unlist(&mut self, seat: &AgentSeat, rank: &Rank) {
        for key in seat.memberships().filter(|(_, class)| class.is_routed()) {
            if let Some(ranks) = self.free.get_mut(&key) {
                ranks.remove(rank);
                if ranks.is_empty() {
                    self.free.remove(&key);
                }
            }
        }
    }

    /// The best agent with a free slot among `groups` that `allowed` lets pass: class first, then rank.
    pub(super) fn best(&self, groups: &[GroupId], allowed: impl Fn(&AgentId) -> bool) -> Option<&AgentId> {
        Priority::ROUTED.into_iter().find_map(|class| {
            let first_in =
                |&group: &GroupId| self.free.get(&(group, class))?.iter().find(|rank| allowed(&rank.agent));
            groups.iter().filter_map(first_in).min().map(|rank| &rank.agent)
        })
    }

    pub(super) fn has_free_slot(&self, group: GroupId) -> bool {
        Priority::ROUTED.into_iter().any(|class| self.free.contains_key(&(group, class)))
    }

    pub(super) fn is_accepting(&self, group: GroupId) -> bool {
        self.accepting.contains_key(&group)
    }

    pub(super) fn members(&self, group: GroupId) -> impl Iterator<Item = &AgentId> {
        self.members.get(&group).into_iter().flatten()
    }
}
