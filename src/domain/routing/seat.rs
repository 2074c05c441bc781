//! What the router is told about agents and conversations.

use std::collections::BTreeMap;

use super::priority::Priority;
use crate::id::{AgentId, ConversationId, GroupId};
use crate::time::Timestamp;

/// The full routing state of one agent (human or bot), told on every change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSeat {
    /// Whose state this is.
    pub agent: AgentId,
    /// Grows with every change; a seat that is not newer than the known one is ignored.
    pub version: u64,
    /// Class per group. Everybody belongs to group 0, with `default_priority` when it is missing here.
    pub groups: BTreeMap<GroupId, Priority>,
    /// Class in group 0 without an own entry.
    pub default_priority: Priority,
    /// Logged in; for a bot: not `offline`.
    pub online: bool,
    /// Status accepting and not away.
    pub accepting: bool,
    /// Connection lost, grace time running: counts as online, but gets no new conversation.
    pub in_grace: bool,
    /// How many conversations routing may fill it up to; 0 means never.
    pub limit: u32,
}

impl AgentSeat {
    /// The class in `group`; `None` when the agent does not belong to it.
    #[must_use]
    pub fn priority_in(&self, group: GroupId) -> Option<Priority> {
        let own = self.groups.get(&group).copied();
        if group == GroupId::EVERYBODY { own.or(Some(self.default_priority)) } else { own }
    }

    /// Best class among `groups`; `None` when the agent belongs to none of them.
    #[must_use]
    pub fn best_priority(&self, groups: &[GroupId]) -> Option<Priority> {
        groups.iter().filter_map(|&group| self.priority_in(group)).min()
    }

    /// Every group the agent belongs to, with its class there.
    pub(super) fn memberships(&self) -> impl Iterator<Item = (GroupId, Priority)> {
        let everybody = (!self.groups.contains_key(&GroupId::EVERYBODY))
            .then_some((GroupId::EVERYBODY, self.default_priority));
        self.groups.iter().map(|(&group, &class)| (group, class)).chain(everybody)
    }

    /// Logged in, or within the grace time after a lost connection.
    #[must_use]
    pub const fn is_present(&self) -> bool {
        self.online || self.in_grace
    }

    /// Makes its groups online: routing could choose it sooner or later, even if it is full now.
    #[must_use]
    pub const fn counts_as_accepting(&self) -> bool {
        self.is_present() && self.accepting && self.limit > 0
    }

    /// May get a new conversation now, if it has a free slot.
    #[must_use]
    pub const fn takes_new(&self) -> bool {
        self.online && self.accepting && !self.in_grace
    }

    /// Whether `load` conversations leave a slot free.
    #[must_use]
    pub fn has_room(&self, load: usize) -> bool {
        u32::try_from(load).is_ok_and(|load| load < self.limit)
    }
}

/// The full routing state of one conversation, told on every change.
///
/// A closed thread is told as nobody present and not waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationSeat {
    /// Whose state this is.
    pub conversation: ConversationId,
    /// Grows with every change; a seat that is not newer than the known one is ignored.
    pub version: u64,
    /// The groups that have access, hence whose agents may get it.
    pub groups: Vec<GroupId>,
    /// Agents present in the active, unparked thread. Each has the conversation in its load;
    /// joining by hand may exceed the limit.
    pub present: Vec<AgentId>,
    /// Set when it has an active thread that nobody holds and that wants an agent.
    pub waiting: Option<Waiting>,
    /// It asked for a place and has not yet heard, or not yet used, what it was promised: the
    /// promise stands, whatever else has happened meanwhile.
    pub asking: bool,
}

/// A conversation wants an agent from routing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its place in the queue: the earliest is served first, equal times by id.
    pub since: Timestamp,
    /// Agents it may not be given to (who just lost it).
    pub exclude: Vec<AgentId>,
    /// Only this team's members may get it.
    pub team: Option<u64>,
}
