//! Which groups may see a conversation. Source: spec v3.0, 4.7.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, GroupId, UserId};

/// The groups whose agents may see a conversation; group 0 means everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Never empty for a conversation: it is found, queued and routed by group.
    pub groups: BTreeSet<GroupId>,
    /// Agents who may see it, too, whatever groups they are in. Routing does not look at them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub agents: BTreeSet<AgentId>,
}

/// One change of who may see a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessChange {
    /// These may see it, too.
    Granted(Access),
    /// These may not see it any more.
    Revoked(Access),
    /// These may see it, and nobody else.
    Set(Access),
}

impl AccessChange {
    /// What it names.
    #[must_use]
    pub const fn access(&self) -> &Access {
        match self {
            Self::Granted(access) | Self::Revoked(access) | Self::Set(access) => access,
        }
    }
}

impl Default for Access {
    fn default() -> Self {
        Self::of(GroupId::EVERYBODY)
    }
}

impl Access {
    /// Access of one group.
    #[must_use]
    pub fn of(group: GroupId) -> Self {
        Self::from_iter([group])
    }

    /// Access of one agent.
    #[must_use]
    pub fn of_agent(agent: AgentId) -> Self {
        Self { groups: BTreeSet::new(), agents: BTreeSet::from([agent]) }
    }

    /// May this user, an agent of these groups, see it? Every agent belongs to group 0.
    pub fn admits<'a>(&self, user: &UserId, groups: impl IntoIterator<Item = &'a GroupId>) -> bool {
        let Some(agent) = user.agent() else { return false };
        self.agents.contains(agent)
            || self.groups.contains(&GroupId::EVERYBODY)
            || groups.into_iter().any(|group| self.groups.contains(group))
    }
}

impl FromIterator<GroupId> for Access {
    fn from_iter<I: IntoIterator<Item = GroupId>>(groups: I) -> Self {
        Self { groups: groups.into_iter().collect(), agents: BTreeSet::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::CustomerId;

    #[test]
    fn a_shared_group_or_group_zero_gives_access() {
        let bob = UserId::Agent(AgentId::new("bob"));
        let mut sales = Access::of(GroupId(1));
        assert!(sales.admits(&bob, &[GroupId(1), GroupId(2)]));
        assert!(!sales.admits(&bob, &[GroupId(0), GroupId(2)]));
        assert!(Access::default().admits(&bob, &[GroupId(2)]));
        sales.agents.insert(AgentId::new("bob"));
        assert!(sales.admits(&bob, &[]));
        assert!(!sales.admits(&UserId::Agent(AgentId::new("eve")), &[]));
        let customer = UserId::Customer(CustomerId::from_random(1));
        assert!(!Access::default().admits(&customer, &[]), "customers have their chats, and no access");
    }
}
