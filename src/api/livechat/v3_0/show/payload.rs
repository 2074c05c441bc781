//! The shapes of what pushes tell (spec v3.0, 8.4).

use serde::Serialize;
use serde_json::value::RawValue;
use switchboard_domain::conversation::command::TransferTarget;
use switchboard_domain::id::{AgentId, ConversationId, CustomerId, EventId, ThreadId, UserId};

use super::Text;
use super::chat::ChatOut;
use super::customer::NewsOut;
use super::event::EventOut;
use super::properties::{AccessOut, PropertyChangeOut};
use super::user::UserOut;

/// The payloads of all pushes.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Payload<'a> {
    Started {
        chat: Box<ChatOut<'a>>,
    },
    Event {
        chat_id: Text<ConversationId>,
        thread_id: Text<ThreadId>,
        event: EventOut<'a>,
    },
    Closed {
        chat_id: Text<ConversationId>,
        thread_id: Text<ThreadId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        user_id: Option<Text<&'a UserId>>,
    },
    Added {
        chat_id: Text<ConversationId>,
        thread_id: Text<ThreadId>,
        user: UserOut<'a>,
        user_type: &'static str,
    },
    Removed {
        chat_id: Text<ConversationId>,
        thread_id: Text<ThreadId>,
        user_id: Text<&'a UserId>,
        user_type: &'static str,
    },
    Status {
        agent_id: &'a str,
        routing_status: &'static str,
    },
    Deleted {
        agent_id: &'a str,
    },
    /// A customer opened the window to write in.
    Opened {
        customer_id: Text<CustomerId>,
    },
    /// An inbox was made or changed.
    Inbox {
        inbox_id: u64,
    },
    /// What a help desk keeps of a chat changed.
    Ticket {
        chat_id: Text<ConversationId>,
    },
    Tag {
        chat_id: Text<ConversationId>,
        thread_id: Text<ThreadId>,
        tag: &'a str,
    },
    Seen {
        user_id: Text<&'a UserId>,
        chat_id: Text<ConversationId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        thread_id: Option<Text<ThreadId>>,
        timestamp: u64,
    },
    Typing {
        chat_id: Text<ConversationId>,
        thread_id: Text<ThreadId>,
        typing_indicator: TypingOut<'a>,
    },
    Draft {
        chat_id: Text<ConversationId>,
        thread_id: Text<ThreadId>,
        sneak_peek: DraftOut<'a>,
    },
    Customer(NewsOut<'a>),
    Multicast {
        author_id: Text<&'a UserId>,
        content: Option<&'a RawValue>,
        #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
        kind: Option<&'a str>,
    },
    Properties {
        chat_id: Text<ConversationId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        thread_id: Option<Text<ThreadId>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        event_id: Option<Text<EventId>>,
        properties: PropertyChangeOut,
    },
    Postback {
        user_id: Text<&'a UserId>,
        chat_id: Text<ConversationId>,
        thread_id: Text<ThreadId>,
        event_id: Text<EventId>,
        postback: PostbackOut<'a>,
    },
    Transferred {
        chat_id: Text<ConversationId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        thread_id: Option<Text<ThreadId>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        requester_id: Option<Text<&'a UserId>>,
        #[serde(flatten)]
        target: TargetOut<'a>,
    },
    Access {
        resource: &'static str,
        id: String,
        access: AccessOut,
    },
}

/// Whom a chat was handed over to: agents by name, groups by number.
#[derive(Serialize)]
#[serde(tag = "type", content = "ids", rename_all = "lowercase")]
pub(super) enum TargetOut<'a> {
    Agent(Vec<&'a str>),
    Group(Vec<u32>),
}

impl<'a> From<&'a TransferTarget> for TargetOut<'a> {
    fn from(target: &'a TransferTarget) -> Self {
        match target {
            TransferTarget::Agents(agents) => Self::Agent(agents.iter().map(AgentId::as_str).collect()),
            TransferTarget::Groups(groups) => Self::Group(groups.iter().map(|group| group.0).collect()),
            TransferTarget::Within => Self::Group(Vec::new()),
        }
    }
}

/// A button that was pressed or released.
#[derive(Serialize)]
pub(super) struct PostbackOut<'a> {
    pub(super) id: &'a str,
    pub(super) toggled: bool,
}

/// Who types, or not any more.
#[derive(Serialize)]
pub(super) struct TypingOut<'a> {
    pub(super) author_id: Text<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recipients: Option<&'static str>,
    pub(super) timestamp: u64,
    pub(super) is_typing: bool,
}

/// What a customer is typing.
#[derive(Serialize)]
pub(super) struct DraftOut<'a> {
    pub(super) author_id: Text<&'a UserId>,
    pub(super) recipients: &'static str,
    pub(super) timestamp: u64,
    pub(super) text: &'a str,
}
