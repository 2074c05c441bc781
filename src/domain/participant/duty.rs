//! What agents and bots share: routing status, groups with priorities, capacity.
//! Source: spec v3.0, 7.1, 10.2 and 10.5.

use serde::{Deserialize, Serialize};

use crate::error::Rejected;
use crate::id::GroupId;
use crate::limits::{DEFAULT_MAX_CHATS, GROUPS_PER_AGENT, MAX_CHATS_COUNT};
use crate::routing::Priority;

/// Does an agent take chats?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoutingStatus {
    /// Logged in; routing gives chats.
    Accepting,
    /// Logged in; routing gives none.
    NotAccepting,
    /// Not logged in: no chats, and a bot hears no webhooks.
    Offline,
}

/// Why somebody is offline who was not before; names the system messages of re-routing (spec v3.0, 4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Departure {
    /// Logged out.
    #[default]
    SignedOut,
    /// Lost the connection, and the grace time ran out.
    Disconnected,
    /// Removed for good.
    Deleted,
    /// Logged out by somebody else.
    RemotelySignedOut,
    /// Set offline by request, with connections that stay.
    ByHand,
}

/// What routing needs to know of an agent or bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duty {
    /// Does it take chats?
    pub status: RoutingStatus,
    /// Priority in each group it was put into, in the order given. Everybody is in group 0, listed or
    /// not.
    pub groups: Vec<(GroupId, Priority)>,
    /// Priority in a group without an own entry.
    pub default_priority: Priority,
    /// Chats that routing may give at the same time; joining by hand may go beyond.
    pub max_chats: u32,
}

impl Default for Duty {
    fn default() -> Self {
        Self {
            status: RoutingStatus::Offline,
            groups: Vec::new(),
            default_priority: Priority::Normal,
            max_chats: DEFAULT_MAX_CHATS,
        }
    }
}

impl Duty {
    /// Every group of the agent, group 0 included.
    #[must_use]
    pub fn group_ids(&self) -> Vec<GroupId> {
        let mut ids = vec![GroupId::EVERYBODY];
        ids.extend(self.groups.iter().map(|(id, _)| *id).filter(|&id| id != GroupId::EVERYBODY));
        ids
    }

    /// Checks the bounds, and that every group exists.
    ///
    /// # Errors
    /// `Invalid` for a bound, `GroupNotFound` for a group the license lacks.
    pub fn check(&self, exists: impl Fn(GroupId) -> bool) -> Result<(), Rejected> {
        if self.max_chats > MAX_CHATS_COUNT {
            return Err(Rejected::invalid("max_chats_count", format!("must be at most {MAX_CHATS_COUNT}")));
        }
        if self.groups.len() > GROUPS_PER_AGENT {
            return Err(Rejected::invalid("groups", format!("must have at most {GROUPS_PER_AGENT} entries")));
        }
        if let Some((twice, _)) = (self.groups.iter().enumerate())
            .find_map(|(i, entry)| self.groups[..i].iter().any(|(id, _)| *id == entry.0).then_some(entry))
        {
            return Err(Rejected::invalid("groups", format!("group {twice} is listed twice")));
        }
        match self.groups.iter().find(|(group, _)| !exists(*group)) {
            Some(&(group, _)) => Err(Rejected::GroupNotFound(group)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_in_group_zero_once() {
        let mut duty = Duty::default();
        assert_eq!(duty.group_ids(), [GroupId(0)]);
        duty.groups = vec![(GroupId(0), Priority::Last), (GroupId(3), Priority::First)];
        assert_eq!(duty.group_ids(), [GroupId(0), GroupId(3)]);
    }

    #[test]
    fn an_unknown_group_or_an_overlong_list_is_refused() {
        let duty = |groups: std::ops::Range<u32>| Duty {
            groups: groups.map(|g| (GroupId(g), Priority::Normal)).collect(),
            ..Duty::default()
        };
        let bound = u32::try_from(GROUPS_PER_AGENT).unwrap_or(u32::MAX);
        assert_eq!(duty(0..bound).check(|_| true), Ok(()));
        assert!(matches!(duty(0..bound + 1).check(|_| true), Err(Rejected::Invalid { .. })));
        assert_eq!(duty(0..3).check(|g| g.0 < 2), Err(Rejected::GroupNotFound(GroupId(2))));
    }
}
