//! Chats and threads as each side sees them (spec v3.0, 4.1 and 4.3).

use serde::Serialize;
use switchboard_domain::conversation::properties::Location;
use switchboard_domain::conversation::view::{ChatView, ThreadLine, ThreadView};
use switchboard_domain::id::{AgentId, ConversationId, ThreadId, UserId};

use super::event::EventOut;
use super::properties::{AccessOut, PropertiesOut};
use super::user::UserOut;
use super::{Lens, Text};
use crate::engine::dialect::Side;

/// A chat; which of the thread fields it has depends on the method.
#[derive(Serialize)]
pub(super) struct ChatOut<'a> {
    id: Text<ConversationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<u64>,
    users: Vec<UserOut<'a>>,
    properties: PropertiesOut,
    access: AccessOut,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_followed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thread: Option<ThreadOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) threads: Option<Vec<ThreadOut<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) threads_summary: Option<Vec<LineOut>>,
}

/// A thread with its events.
#[derive(Serialize)]
pub(super) struct ThreadOut<'a> {
    id: Text<ThreadId>,
    timestamp: u64,
    active: bool,
    order: u32,
    user_ids: Vec<Text<&'a UserId>>,
    events: Vec<EventOut<'a>>,
    properties: PropertiesOut,
    access: AccessOut,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a [Box<str>]>,
}

/// A thread's line in `threads_summary`; mind the name of its id.
#[derive(Serialize)]
pub(super) struct LineOut {
    thread_id: Text<ThreadId>,
    order: u32,
}

impl From<&ThreadLine> for LineOut {
    fn from(line: &ThreadLine) -> Self {
        Self { thread_id: Text(line.id), order: line.order }
    }
}

impl<'a> Lens<'a> {
    /// A chat without threads.
    pub(super) fn chat(self, chat: &'a ChatView, follows: bool) -> ChatOut<'a> {
        ChatOut {
            id: Text(chat.id),
            order: self.for_customers(|| chat.last_activity.as_secs()),
            users: chat.members.iter().map(|member| self.user(member)).collect(),
            properties: self.properties(&chat.properties, Location::Chat),
            access: (&chat.access).into(),
            is_followed: self.for_agents(|| follows),
            thread: None,
            threads: None,
            threads_summary: None,
        }
    }

    /// A thread with the events that the side may see.
    pub(super) fn thread(self, chat: &ChatView, thread: &'a ThreadView) -> ThreadOut<'a> {
        let visible = |event: &switchboard_domain::conversation::event::Event| {
            self.side == Side::Agent || event.visible_to_customer()
        };
        ThreadOut {
            id: Text(thread.id),
            timestamp: thread.created_at.as_secs(),
            active: thread.active,
            order: thread.order,
            user_ids: thread.users.iter().map(Text).collect(),
            events: thread
                .events
                .iter()
                .filter(|event| visible(event))
                .map(|event| self.event(event))
                .collect(),
            properties: self.properties(&thread.properties, Location::Thread),
            access: (&chat.access).into(),
            tags: self.for_agents(|| &*thread.tags),
        }
    }

    /// A chat with one thread, as it is started and told of.
    pub(super) fn started(self, chat: &'a ChatView, thread: &'a ThreadView, follows: bool) -> ChatOut<'a> {
        ChatOut { thread: Some(self.thread(chat, thread)), ..self.chat(chat, follows) }
    }

    /// A chat with its new thread only, in a list and without `order`.
    pub(super) fn activated(self, chat: &'a ChatView, thread: &'a ThreadView, follows: bool) -> ChatOut<'a> {
        ChatOut { order: None, threads: Some(vec![self.thread(chat, thread)]), ..self.chat(chat, follows) }
    }
}

/// Does the viewer follow the chat?
pub(super) fn follows(chat: &ChatView, viewer: Option<&AgentId>) -> bool {
    viewer.is_some_and(|agent| chat.followers.contains(agent))
}
