//! What a change tells others: immutable, captured when the change is applied (design D5).
//! Audiences are those of spec v3.0, 8.1.

use std::sync::Arc;

use crate::conversation::access::{Access, AccessChange, AccessOwner};
use crate::conversation::command::TransferTarget;
use crate::conversation::event::{Event, Visibility};
use crate::conversation::property_change::{Place, PropertyChange};
use crate::conversation::recent::Seq;
use crate::conversation::ticket::Status;
use crate::conversation::view::{ChatView, Member, ThreadView};
use crate::desk::InboxNews;
use crate::id::{AgentId, ConversationId, CustomerId, EventId, GroupId, ThreadId, UserId};
use crate::participant::RoutingStatus;
use crate::participant::customer::Customer;
use crate::participant::news::CustomerNews;
use crate::time::Timestamp;

/// One thing that happened, for sessions and webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// A thread was opened.
    ChatStarted {
        /// The conversation.
        chat: Box<ChatView>,
        /// The new thread with its initial events.
        thread: Box<ThreadView>,
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
    /// The chat was handed over.
    Transferred {
        /// The conversation.
        chat: ConversationId,
        /// The active thread.
        thread: ThreadId,
        /// Who did it; nobody: the engine.
        by: Option<UserId>,
        /// To whom; inside its groups: those.
        to: TransferTarget,
    },
    /// An agent's routing status changed.
    AgentStatusChanged {
        /// A human agent or a bot.
        agent: AgentId,
        /// The new status.
        status: RoutingStatus,
    },
    /// An agent began to follow a chat: tells that agent what is there.
    ChatFollowed {
        /// The conversation.
        chat: Box<ChatView>,
        /// The last thread with its newest events.
        thread: Box<ThreadView>,
    },
    /// A thread got or lost a tag.
    TagChanged {
        /// The conversation.
        chat: ConversationId,
        /// The thread.
        thread: ThreadId,
        /// The tag.
        tag: Box<str>,
        /// Got, or lost?
        on: bool,
    },
    /// Somebody has seen a chat up to some moment.
    SeenUpTo {
        /// The conversation.
        chat: ConversationId,
        /// The last thread.
        thread: ThreadId,
        /// Who.
        user: UserId,
        /// The seen marker.
        up_to: Timestamp,
    },
    /// Somebody is typing, or not any more.
    Typing {
        /// The conversation.
        chat: ConversationId,
        /// The last thread.
        thread: ThreadId,
        /// Who.
        author: UserId,
        /// Who may know.
        visibility: Visibility,
        /// When.
        at: Timestamp,
        /// Typing, or not any more?
        typing: bool,
    },
    /// Properties were set or taken away.
    PropertiesChanged {
        /// The conversation.
        chat: ConversationId,
        /// Of what.
        place: Place,
        /// Only what is different from before.
        change: PropertyChange,
    },
    /// An event was changed.
    EventChanged {
        /// The conversation.
        chat: ConversationId,
        /// The event, after that.
        event: Arc<Event>,
    },
    /// A button of a rich message was pressed or released.
    PostbackSent {
        /// The conversation.
        chat: ConversationId,
        /// The rich message.
        event: EventId,
        /// By whom.
        user: UserId,
        /// The postback of the button.
        postback: Box<str>,
        /// Pressed, or released?
        toggled: bool,
    },
    /// Others may see a chat or a customer now.
    AccessChanged {
        /// What they may see.
        of: AccessOwner,
        /// What was asked for.
        change: AccessChange,
        /// Who may see it, after that.
        access: Access,
    },
    /// What a customer is typing.
    DraftShown {
        /// The conversation.
        chat: ConversationId,
        /// The active thread.
        thread: ThreadId,
        /// Who.
        author: UserId,
        /// When.
        at: Timestamp,
        /// What.
        text: Box<str>,
    },
    /// The conversation stands otherwise for a help desk.
    StatusChanged {
        /// The conversation.
        chat: ConversationId,
        /// How it stood.
        from: Status,
        /// How it stands.
        to: Status,
    },
    /// What a help desk keeps of the conversation changed.
    TicketChanged {
        /// The conversation.
        chat: ConversationId,
        /// What of it.
        part: TicketPart,
    },
    /// A note calls people to the conversation. Only a help desk's streams tell of it, and only them.
    Mentioned {
        /// The conversation.
        chat: ConversationId,
        /// Whom.
        agents: Vec<AgentId>,
    },
    /// A customer opened the window to write in. Only webhooks tell of it.
    WidgetOpened(Box<WidgetOpening>),
    /// An inbox was made or changed. Only webhooks tell of it.
    InboxPut(Box<InboxNews>),
    /// An agent is gone for good. Only webhooks tell of it.
    AgentDeleted {
        /// A human agent or a bot.
        agent: AgentId,
    },
    /// Something about a customer.
    Customer(CustomerNews),
    /// A message to connections rather than to a chat: told, and kept nowhere.
    Multicast {
        /// Who sent it.
        author: UserId,
        /// Any JSON, as it came.
        content: Arc<str>,
        /// The sender's own word for what it is.
        kind: Option<Box<str>>,
    },
}

/// What of a ticket changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketPart {
    /// Who has it.
    Holder,
    /// The team that it belongs to, perhaps with more.
    Team,
    /// Whose it is.
    Customer,
    /// Anything else.
    Rest,
}

/// A customer opened the window to write in, perhaps without a word so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WidgetOpening {
    /// Who.
    pub customer: Arc<Customer>,
    /// The way that it came in by.
    pub entry: u64,
    /// Whose chats its inbox has.
    pub group: GroupId,
    /// One JSON object's text: the page, and what shows it.
    pub details: Box<str>,
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
    /// Beyond those: agents who have access by name.
    pub named: Vec<AgentId>,
    /// Beyond those: agents who follow the chat, as long as they may read it.
    pub followers: Followers,
    /// These customers, too.
    pub customers: Vec<CustomerId>,
    /// What agents must have the right to read to hear it.
    pub hearing: Hearing,
}

/// Agents who follow a chat, and through which groups they may read it without being in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Followers {
    /// Who follows.
    pub agents: Vec<AgentId>,
    /// The groups that may see the chat.
    pub groups: Vec<GroupId>,
    /// Agents who may see the chat by name.
    pub named: Vec<AgentId>,
}

/// A right that hearing takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hearing {
    /// To read the chat it is about.
    #[default]
    Chats,
    /// To read customers.
    Customers,
    /// None: everybody who is addressed hears it.
    Anything,
}

impl Address {
    /// Nobody but the asker.
    #[must_use]
    pub const fn nobody() -> Self {
        Self {
            agents: Vec::new(),
            customer: None,
            groups: Vec::new(),
            license: false,
            named: Vec::new(),
            followers: Followers { agents: Vec::new(), groups: Vec::new(), named: Vec::new() },
            customers: Vec::new(),
            hearing: Hearing::Chats,
        }
    }
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
    /// Its place among the pushes of its conversation; `None` for what is told in passing, for an echo
    /// and for what concerns no conversation.
    pub seq: Option<Seq>,
}

impl Told {
    /// Bytes that it takes on the wire, roughly: those of the events in it.
    #[must_use]
    pub fn weight(&self) -> usize {
        match &self.push {
            Push::EventPosted { event, .. } | Push::EventChanged { event, .. } => event.weight(),
            Push::ChatStarted { thread, .. } | Push::ChatFollowed { thread, .. } => {
                thread.events.iter().map(|event| event.weight()).sum()
            }
            _ => 0,
        }
    }

    /// An agent's or bot's status: heard by everybody of the license (spec v3.0, 5.4).
    #[must_use]
    pub fn agent_status(agent: AgentId, status: RoutingStatus) -> Self {
        let to = Address { license: true, hearing: Hearing::Anything, ..Address::nobody() };
        Self { push: Push::AgentStatusChanged { agent, status }, to, main: true, seq: None }
    }

    /// An agent or bot is gone for good: only webhooks hear of it.
    #[must_use]
    pub const fn agent_deleted(agent: AgentId) -> Self {
        Self { push: Push::AgentDeleted { agent }, to: Address::nobody(), main: false, seq: None }
    }
}

impl Push {
    /// Is it told in passing? Nothing of it is kept, so no position of its chat tells whether
    /// somebody has seen it.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Typing { .. } | Self::DraftShown { .. } | Self::Multicast { .. })
    }

    /// The conversation it is about; `None` for what concerns the license.
    #[must_use]
    pub const fn chat(&self) -> Option<ConversationId> {
        match self {
            Self::ChatStarted { chat, .. } | Self::ChatFollowed { chat, .. } => Some(chat.id),
            Self::EventPosted { chat, .. }
            | Self::ThreadClosed { chat, .. }
            | Self::MemberAdded { chat, .. }
            | Self::MemberRemoved { chat, .. }
            | Self::Transferred { chat, .. }
            | Self::TagChanged { chat, .. }
            | Self::SeenUpTo { chat, .. }
            | Self::Typing { chat, .. }
            | Self::DraftShown { chat, .. }
            | Self::PropertiesChanged { chat, .. }
            | Self::EventChanged { chat, .. }
            | Self::PostbackSent { chat, .. }
            | Self::StatusChanged { chat, .. }
            | Self::TicketChanged { chat, .. }
            | Self::Mentioned { chat, .. }
            | Self::AccessChanged { of: AccessOwner::Chat(chat), .. } => Some(*chat),
            Self::AccessChanged { of: AccessOwner::Customer(_), .. }
            | Self::AgentStatusChanged { .. }
            | Self::AgentDeleted { .. }
            | Self::WidgetOpened(_)
            | Self::InboxPut(_)
            | Self::Customer(_)
            | Self::Multicast { .. } => None,
        }
    }

    /// The thread it is about; `None` for what concerns no thread.
    #[must_use]
    pub fn thread(&self) -> Option<ThreadId> {
        match self {
            Self::ChatStarted { thread, .. } | Self::ChatFollowed { thread, .. } => Some(thread.id),
            Self::EventPosted { thread, .. }
            | Self::ThreadClosed { thread, .. }
            | Self::MemberAdded { thread, .. }
            | Self::MemberRemoved { thread, .. }
            | Self::TagChanged { thread, .. }
            | Self::SeenUpTo { thread, .. }
            | Self::Transferred { thread, .. }
            | Self::Typing { thread, .. }
            | Self::DraftShown { thread, .. } => Some(*thread),
            Self::PropertiesChanged { place, .. } => place.thread(),
            Self::EventChanged { event, .. } => Some(event.id.thread),
            Self::PostbackSent { event, .. } => Some(event.thread),
            Self::AccessChanged { .. }
            | Self::StatusChanged { .. }
            | Self::TicketChanged { .. }
            | Self::Mentioned { .. }
            | Self::AgentStatusChanged { .. }
            | Self::AgentDeleted { .. }
            | Self::WidgetOpened(_)
            | Self::InboxPut(_)
            | Self::Customer(_)
            | Self::Multicast { .. } => None,
        }
    }

    /// The users whose profiles it shows.
    #[must_use]
    pub fn users(&self) -> Vec<&UserId> {
        match self {
            Self::ChatStarted { chat, .. } | Self::ChatFollowed { chat, .. } => {
                chat.members.iter().map(|member| &member.user).collect()
            }
            Self::MemberAdded { member, .. } => vec![&member.user],
            _ => Vec::new(),
        }
    }
}
