//! Lists of chats (spec v3.0, 4.2).

use std::collections::BTreeMap;

use serde::Serialize;
use switchboard_domain::conversation::event::EventKind;
use switchboard_domain::conversation::properties::Location;
use switchboard_domain::conversation::view::{LastEvent, Summary, ThreadLine, ThreadView};
use switchboard_domain::id::{AgentId, ConversationId, ThreadId, UserId};

use super::chat::follows;
use super::event::{EventOut, kind_name};
use super::properties::{AccessOut, PropertiesOut};
use super::user::UserOut;
use super::{Lens, Text};
use crate::api::livechat::v3_0::read::{page_id, threads_page_id};
use crate::engine::dialect::Side;
use crate::engine::order::{ChatPage, LinesPage, Shown};

/// A page of chats.
#[derive(Serialize)]
pub(super) struct PageOut<'a> {
    chats_summary: Vec<SummaryOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found_chats: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_chats: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_page_id: Option<String>,
}

impl<'a> PageOut<'a> {
    pub(super) fn new(side: Side, page: &'a Shown<ChatPage>, viewer: Option<&AgentId>) -> Self {
        let lens = Lens::of(side, page);
        let page = &page.what;
        Self {
            chats_summary: page.chats.iter().map(|summary| lens.summary(summary, viewer)).collect(),
            found_chats: lens.for_agents(|| page.found),
            total_chats: lens.for_customers(|| page.found),
            next_page_id: lens.for_agents(|| page.next.map(page_id)).flatten(),
            previous_page_id: lens.for_agents(|| page.previous.map(page_id)).flatten(),
        }
    }
}

/// A page of a chat's threads; each side has its own names.
#[derive(Serialize)]
pub(super) struct LinesOut {
    threads_summary: Vec<ThreadLineOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found_threads: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_threads: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_page_id: Option<String>,
}

#[derive(Serialize)]
struct ThreadLineOut {
    id: Text<ThreadId>,
    order: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    events_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_events: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<bool>,
}

impl LinesOut {
    pub(super) fn new(side: Side, page: &LinesPage) -> Self {
        let to_agents = side == Side::Agent;
        let line = |line: &ThreadLine| ThreadLineOut {
            id: Text(line.id),
            order: line.order,
            events_count: to_agents.then_some(line.events),
            total_events: (!to_agents).then_some(line.visible_events),
            active: (!to_agents).then_some(line.active),
        };
        Self {
            threads_summary: page.lines.iter().map(line).collect(),
            found_threads: to_agents.then_some(page.found),
            total_threads: (!to_agents).then_some(page.found),
            next_page_id: page.next.filter(|_| to_agents).map(threads_page_id),
            previous_page_id: page.previous.filter(|_| to_agents).map(threads_page_id),
        }
    }
}

/// A chat's line in a list.
#[derive(Serialize)]
pub(super) struct SummaryOut<'a> {
    id: Text<ConversationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_thread_id: Option<Text<ThreadId>>,
    users: Vec<UserOut<'a>>,
    properties: PropertiesOut,
    access: AccessOut,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_followed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<bool>,
    last_event_per_type: BTreeMap<&'static str, LastOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_thread_summary: Option<LastThreadOut<'a>>,
}

#[derive(Serialize)]
struct LastOut<'a> {
    thread_id: Text<ThreadId>,
    thread_order: u32,
    event: EventOut<'a>,
}

#[derive(Serialize)]
struct LastThreadOut<'a> {
    id: Text<ThreadId>,
    order: u32,
    timestamp: u64,
    user_ids: Vec<Text<&'a UserId>>,
    properties: PropertiesOut,
    tags: &'a [Box<str>],
}

impl<'a> Lens<'a> {
    pub(super) fn summary(self, summary: &'a Summary, viewer: Option<&AgentId>) -> SummaryOut<'a> {
        let chat = &summary.chat;
        let last_thread = summary.last_thread.as_ref();
        let last_events = match self.side {
            Side::Agent => &summary.last_events,
            Side::Customer => &summary.last_visible,
        };
        SummaryOut {
            id: Text(chat.id),
            order: self.for_customers(|| chat.last_activity.as_secs()),
            last_thread_id: self.for_customers(|| last_thread.map(|thread| Text(thread.id))).flatten(),
            users: chat.members.iter().map(|member| self.user(member)).collect(),
            properties: self.properties(&chat.properties, Location::Chat),
            access: (&chat.access).into(),
            is_followed: self.for_agents(|| follows(chat, viewer)),
            active: self.for_customers(|| chat.active),
            last_event_per_type: last_events.iter().map(|(kind, last)| self.last(*kind, last)).collect(),
            last_thread_summary: self
                .for_agents(|| last_thread.map(|thread| self.last_thread(thread)))
                .flatten(),
        }
    }

    fn last(self, kind: EventKind, last: &'a LastEvent) -> (&'static str, LastOut<'a>) {
        let out = LastOut {
            thread_id: Text(last.thread),
            thread_order: last.thread_order,
            event: self.event(&last.event),
        };
        (kind_name(kind), out)
    }

    fn last_thread(self, thread: &'a ThreadView) -> LastThreadOut<'a> {
        LastThreadOut {
            id: Text(thread.id),
            order: thread.order,
            timestamp: thread.created_at.as_secs(),
            user_ids: thread.users.iter().map(Text).collect(),
            properties: self.properties(&thread.properties, Location::Thread),
            tags: &thread.tags,
        }
    }
}
