//! Which groups may see a conversation. Source: spec v3.0, 4.7.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::GroupId;

/// The groups whose agents may see a conversation; group 0 means everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Never empty for a conversation that an agent shall find.
    pub groups: BTreeSet<GroupId>,
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
        Self { groups: BTreeSet::from([GroupId::EVERYBODY]) }
    }
}

impl Access {
    /// Access of one group.
    #[must_use]
    pub fn of(group: GroupId) -> Self {
        Self { groups: BTreeSet::from([group]) }
    }

    /// May an agent of these groups see it? Every agent belongs to group 0.
    pub fn admits<'a>(&self, agent_groups: impl IntoIterator<Item = &'a GroupId>) -> bool {
        self.groups.contains(&GroupId::EVERYBODY)
            || agent_groups.into_iter().any(|group| self.groups.contains(group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_group_or_group_zero_gives_access() {
        let sales = Access::of(GroupId(1));
        assert!(sales.admits(&[GroupId(1), GroupId(2)]));
        assert!(!sales.admits(&[GroupId(0), GroupId(2)]));
        assert!(Access::default().admits(&[GroupId(2)]));
    }
}
