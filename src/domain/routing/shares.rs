//! Bounds of single groups: how many of a group's conversations routing may give one agent,
//! however much room the agent has besides. Source: agent-bots spec 6.8.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{AgentId, ConversationId, GroupId};

/// What agents hold of each bounded group. Groups without a bound are not counted.
#[derive(Debug, Default)]
pub(super) struct Shares {
    groups: BTreeMap<GroupId, Share>,
}

#[derive(Debug)]
struct Share {
    limit: u32,
    held: BTreeMap<AgentId, BTreeSet<ConversationId>>,
}

impl Share {
    fn load(&self, agent: &AgentId) -> usize {
        self.held.get(agent).map_or(0, BTreeSet::len)
    }

    fn has_room(&self, agent: &AgentId) -> bool {
        u32::try_from(self.load(agent)).is_ok_and(|load| load < self.limit)
    }

    fn holds(&self, agent: &AgentId, conversation: ConversationId) -> bool {
        self.held.get(agent).is_some_and(|held| held.contains(&conversation))
    }
}

impl Shares {
    /// Bounds, with nobody holding anything.
    pub(super) fn new(limits: &BTreeMap<GroupId, u32>) -> Self {
        let share = |(&group, &limit)| (group, Share { limit, held: BTreeMap::new() });
        Self { groups: limits.iter().map(share).collect() }
    }

    /// Those of `groups` that have a bound.
    pub(super) fn bounded(&self, groups: &[GroupId]) -> impl Iterator<Item = GroupId> {
        // Hardly any license has bounds, and every change of a conversation asks.
        let groups = if self.groups.is_empty() { &[] } else { groups };
        groups.iter().copied().filter(|group| self.groups.contains_key(group))
    }

    pub(super) fn hold(&mut self, group: GroupId, agent: &AgentId, conversation: ConversationId) {
        if let Some(share) = self.groups.get_mut(&group) {
            share.held.entry(agent.clone()).or_default().insert(conversation);
        }
    }

    pub(super) fn release(&mut self, group: GroupId, agent: &AgentId, conversation: ConversationId) {
        let Some(share) = self.groups.get_mut(&group) else { return };
        if let Some(held) = share.held.get_mut(agent) {
            held.remove(&conversation);
            if held.is_empty() {
                share.held.remove(agent);
            }
        }
    }

    /// May the agent get one more conversation that belongs to all of these groups?
    pub(super) fn has_room(&self, agent: &AgentId, groups: &[GroupId]) -> bool {
        self.full(agent, groups).is_none()
    }

    /// As [`has_room`](Self::has_room), for a conversation that may count for the agent already.
    pub(super) fn suits(&self, agent: &AgentId, groups: &[GroupId], conversation: ConversationId) -> bool {
        groups
            .iter()
            .filter_map(|group| self.groups.get(group))
            .all(|share| share.has_room(agent) || share.holds(agent, conversation))
    }

    /// The first of `groups` where the agent has its share, with how many that are and may be.
    pub(super) fn full(&self, agent: &AgentId, groups: &[GroupId]) -> Option<(GroupId, usize, u32)> {
        groups.iter().find_map(|&group| {
            let share = self.groups.get(&group).filter(|share| !share.has_room(agent))?;
            Some((group, share.load(agent), share.limit))
        })
    }
}
