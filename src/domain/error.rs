//! Why a command was refused: a closed set that each API version maps to its own errors (D9).

use std::time::Duration;

use crate::id::{AgentId, EventId, GroupId};

/// What an id was supposed to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// A conversation.
    Chat,
    /// A thread of a conversation.
    Thread,
    /// An event of a thread.
    Event,
    /// A customer or agent.
    User,
    /// A bot.
    Bot,
    /// A registered webhook.
    Webhook,
    /// An inbox of a help desk.
    Inbox,
    /// A team of a help desk.
    Team,
    /// A license.
    License,
}

/// A refused command. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// No such thing, or none that the asker may know of.
    #[error("{0:?} not found")]
    NotFound(Resource),
    /// The asker may know of it, but not touch it.
    #[error("no access")]
    NoAccess,
    /// A field has a value that cannot be.
    #[error("{field}: {reason}")]
    Invalid {
        /// Path of the field, dotted.
        field: String,
        /// What is wrong with it, for a person.
        reason: String,
    },
    /// The conversation has no active thread.
    #[error("the chat has no active thread")]
    Inactive,
    /// The conversation has an active thread already.
    #[error("the chat has an active thread already")]
    AlreadyActive,
    /// The asker must be present in the chat.
    #[error("the requester is not in the chat")]
    NotPresent,
    /// A customer of a chat cannot be taken out or exchanged.
    #[error("the chat's customer cannot be changed")]
    CustomerFixed,
    /// The customer has as many chats as the license allows.
    #[error("the customer has reached the number of chats")]
    ChatLimit,
    /// The license has as much of this as its owner allows.
    #[error("the license has as many as it is allowed")]
    AllowanceReached,
    /// Nobody of the groups is online.
    #[error("group offline")]
    GroupOffline,
    /// Nobody of a transfer's target can take the chat now.
    #[error("nobody of the target can take the chat now")]
    NobodyFree,
    /// Somebody is online, but nobody can take the chat and it may not wait.
    #[error("group unavailable")]
    GroupUnavailable,
    /// The license has no such group.
    #[error("group not found")]
    GroupNotFound(GroupId),
    /// The customer is banned.
    #[error("customer is banned")]
    CustomerBanned,
    /// The user has as many connections as one may have.
    #[error("too many connections")]
    TooManyConnections,
    /// The customer knocked too often: every login is refused for so long.
    #[error("too many attempts")]
    Blocked(Duration),
    /// An agent's change of status needs a live connection of that agent.
    #[error("requester is already offline")]
    RequesterOffline,
    /// Not an answer to anybody: the command needs the router's word first (design D7).
    #[error("needs a placement")]
    NeedsPlacement(Box<PlacementNeed>),
    /// Not an answer to anybody: the command needs a stored event first (design D3).
    #[error("needs a stored event")]
    NeedsEvent(EventId),
    /// The disk is full; nothing was written.
    #[error("storage is full")]
    StorageFull,
    /// Our own fault; nothing was changed.
    #[error("internal error")]
    Internal,
}

impl Rejected {
    /// A field that cannot be.
    #[must_use]
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), reason: reason.into() }
    }

    /// A field that must say something.
    #[must_use]
    pub fn blank(field: &str) -> Self {
        Self::invalid(field, "can't be blank")
    }

    /// A field whose value somebody else has already.
    #[must_use]
    pub fn taken(field: &str) -> Self {
        Self::invalid(field, "has already been taken")
    }

    /// The same refusal of a field that stands inside another one.
    #[must_use]
    pub fn under(self, parent: &str) -> Self {
        match self {
            Self::Invalid { field, reason } => Self::Invalid { field: format!("{parent}.{field}"), reason },
            other => other,
        }
    }
}

/// What the router is to be asked before the command can be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacementNeed {
    /// The groups whose agents may take the chat.
    pub groups: Vec<GroupId>,
    /// Agents who may not get it, such as the one that leaves.
    pub exclude: Vec<AgentId>,
    /// Only this team's members may get it.
    pub team: Option<u64>,
    /// May the chat go on without any online agent?
    pub may_wait_offline: bool,
    /// Only these agents, by name; empty: whoever routing chooses.
    pub among: Vec<AgentId>,
    /// Somebody has to be able to take it now.
    pub at_once: bool,
}

impl PlacementNeed {
    /// Whoever routing chooses from these groups; it may wait, also when nobody is online.
    #[must_use]
    pub fn of(groups: impl IntoIterator<Item = GroupId>) -> Self {
        Self {
            groups: groups.into_iter().collect(),
            exclude: Vec::new(),
            team: None,
            may_wait_offline: true,
            among: Vec::new(),
            at_once: false,
        }
    }
}

impl From<PlacementNeed> for Rejected {
    fn from(need: PlacementNeed) -> Self {
        Self::NeedsPlacement(Box::new(need))
    }
}
