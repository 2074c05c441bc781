//! What a change tells others: immutable, captured when the change is applied (design D5).
//! Audiences are those of spec v3.0, 8.1.

use std::sync::Arc;

use crate::conversation::event::Event;
use crate::conversation::view::{ChatView, Member, ThreadView};
use crate::id::{AgentId, ConversationId, CustomerId, GroupId, ThreadId, UserId};
use crate::participant::RoutingStatus;

/// One thing that happened, for sessions and webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// A thread was opened.
    ChatStarted {
        /// The conversation.
        chat: ChatView,
        /// The new thread with its initial events.
        thread: ThreadView,
    },
    /// An event was posted to a thread.
    EventPosted {
        /// The conversation.
        chat: ConversationId,
        /// The thread.
        thread: ThreadId,
        /// The event.
        event: Arc<Event>,
    },
    /// The active thread was closed.
    ThreadClosed {
        /// The conversation.
        chat: ConversationId,
        /// The thread.
        thread: ThreadId,
        /// Who closed it; nobody: the engine did.
        by: Option<UserId>,
    },
    /// Somebody joined.
    MemberAdded {
        /// The conversation.
        chat: ConversationId,
        /// The active thread.
        thread: ThreadId,
        /// Who.
        member: Member,
    },
    /// Somebody left.
    MemberRemoved {
        /// The conversation.
        chat: ConversationId,
        /// The active thread.
        thread: ThreadId,
        /// Who.
        user: UserId,
    },
    /// An agent's routing status changed.
    AgentStatusChanged {
        /// A human agent or a bot.
        agent: AgentId,
        /// The new status.
        status: RoutingStatus,
    },
}

/// Who hears a push. Resolved by the hubs, which know who listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// These agents, by name.
    pub agents: Vec<AgentId>,
    /// This customer.
    pub customer: Option<CustomerId>,
    /// Beyond those: every agent who has access through one of these groups.
    pub groups: Vec<GroupId>,
    /// Beyond those: every agent of the license.
    pub license: bool,
}

/// A push on its way, with what it needs to be told to anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What happened.
    pub push: Push,
    /// Who hears it.
    pub to: Address,
    /// The one push of a request that carries its `request_id` (spec v3.0, 1.3).
    pub main: bool,
}

impl Push {
    /// The conversation it is about; `None` for what concerns the license.
    #[must_use]
    pub const fn chat(&self) -> Option<ConversationId> {
        match self {
            Self::ChatStarted { chat, .. } => Some(chat.id),
            Self::EventPosted { chat, .. }
            | Self::ThreadClosed { chat, .. }
            | Self::MemberAdded { chat, .. }
            | Self::MemberRemoved { chat, .. } => Some(*chat),
            Self::AgentStatusChanged { .. } => None,
        }
    }

    /// The users whose profiles it shows.
    #[must_use]
    pub fn users(&self) -> Vec<&UserId> {
        match self {
            Self::ChatStarted { chat, .. } => chat.members.iter().map(|member| &member.user).collect(),
            Self::MemberAdded { member, .. } => vec![&member.user],
            _ => Vec::new(),
        }
    }
}
