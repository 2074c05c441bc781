//! Which groups may see a conversation, or a customer. Source: spec v3.0, 4.7, 5.2 and 12 #28.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::conversation::decide::Lookup;
use crate::conversation::event::within;
use crate::error::{Rejected, Resource};
use crate::id::{AgentId, ConversationId, CustomerId, GroupId, UserId};
use crate::limits::{AGENTS_PER_ACCESS, GROUPS_PER_ACCESS};

/// The groups whose agents may see a conversation; group 0 means everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Never empty for a conversation: it is found, queued and routed by group.
    pub groups: BTreeSet<GroupId>,
    /// Agents who may see it, too, whatever groups they are in. Routing does not look at them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub agents: BTreeSet<AgentId>,
}

/// What has an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessOwner {
    /// A conversation.
    Chat(ConversationId),
    /// A customer: kept and told, without an effect on routing (spec v3.0, 12 #28).
    Customer(CustomerId),
}

/// One change of who may see something.
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

    /// The access after it, checked.
    ///
    /// # Errors
    /// `GroupNotFound` and `NotFound` for whom the license does not have; `Invalid` when no group
    /// is left, or for too many.
    pub fn made_to(&self, before: &Access, license: &dyn Lookup) -> Result<Access, Rejected> {
        if !matches!(self, Self::Revoked(_)) {
            self.access().check_named(license)?;
        }
        let mut access = before.clone();
        match self {
            Self::Granted(more) => {
                access.groups.extend(&more.groups);
                access.agents.extend(more.agents.iter().cloned());
            }
            Self::Revoked(less) => {
                access.groups.retain(|group| !less.groups.contains(group));
                access.agents.retain(|agent| !less.agents.contains(agent));
            }
            Self::Set(new) => access = new.clone(),
        }
        if access != *before {
            access.check(license)?;
        }
        Ok(access)
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

    /// Checks what an access may be as a whole.
    ///
    /// # Errors
    /// As [`AccessChange::made_to`].
    pub(super) fn check(&self, license: &dyn Lookup) -> Result<(), Rejected> {
        if self.groups.is_empty() {
            // Agents alone would leave a chat to no queue, and a customer alike (spec v3.0, 4.7).
            return Err(Rejected::invalid("access.group_ids", "must name a group"));
        }
        within("access.group_ids", self.groups.len(), GROUPS_PER_ACCESS, "groups")?;
        within("access", self.agents.len(), AGENTS_PER_ACCESS, "agents")?;
        self.check_named(license)
    }

    fn check_named(&self, license: &dyn Lookup) -> Result<(), Rejected> {
        if let Some(&group) = self.groups.iter().find(|&&group| license.group_name(group).is_none()) {
            return Err(Rejected::GroupNotFound(group));
        }
        let unknown = |agent: &&AgentId| license.name(&UserId::Agent((*agent).clone())).is_none();
        match self.agents.iter().find(unknown) {
            Some(_) => Err(Rejected::NotFound(Resource::User)),
            None => Ok(()),
        }
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
