//! What others see of a conversation: immutable copies taken at one moment.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::conversation::access::Access;
use crate::conversation::event::{Event, EventKind, Visibility};
use crate::conversation::properties::Properties;
use crate::conversation::ticket::{Status, Ticket};
use crate::id::{AgentId, ConversationId, CustomerId, ThreadId, UserId};
use crate::time::Timestamp;

/// Somebody in a conversation, now or before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// In the chat now?
    pub present: bool,
    /// Seen marker: everything up to here has been seen. `None`: nothing yet.
    pub seen_at: Option<Timestamp>,
    /// When it last came in.
    #[serde(default)]
    pub joined_at: Timestamp,
}

/// A thread with some or all of its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadView {
    /// Identity.
    pub id: ThreadId,
    /// 1 for the conversation's first thread.
    pub order: u32,
    /// When it was opened.
    pub created_at: Timestamp,
    /// Still going on? Only the last thread can be.
    pub active: bool,
    /// Everybody who was ever in it.
    pub users: Vec<UserId>,
    /// In order. Includes what only agents may see.
    pub events: Vec<Arc<Event>>,
    /// The thread's own, with the routing states.
    pub properties: Properties,
    /// Tags, in the order given.
    pub tags: Vec<Box<str>>,
}

/// A conversation without its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatView {
    /// Identity.
    pub id: ConversationId,
    /// Its customer.
    pub customer: Option<CustomerId>,
    /// Everybody, in the order of first joining.
    pub members: Vec<Member>,
    /// Which groups may see it.
    pub access: Access,
    /// The chat's own, with the routing states.
    pub properties: Properties,
    /// Agents who follow it without being members.
    pub followers: BTreeSet<AgentId>,
    /// Last activity: the chat-level sort key.
    pub last_activity: Timestamp,
    /// Has an active thread?
    pub active: bool,
    /// Creation number inside the license.
    pub number: u64,
    /// How it stands for a help desk.
    pub desk: Option<Arc<DeskView>>,
}

/// What a help desk shows of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskView {
    /// What it keeps.
    pub ticket: Ticket,
    /// How it stands.
    pub status: Status,
    /// Who has it.
    pub holder: Option<AgentId>,
    /// Until when it is put aside.
    pub until: Option<Timestamp>,
    /// The newest event that is no remark of the engine.
    pub last: Option<Arc<Event>>,
    /// The newest of them that the customer may see.
    pub said: Option<Arc<Event>>,
    /// Of the newest events, how many are the customer's that no person has seen.
    pub unread: u32,
    /// Who has seen it up to when: the customer, any person, the holder.
    pub seen: [Option<Timestamp>; 3],
}

/// One thread's line in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadLine {
    /// Identity.
    pub id: ThreadId,
    /// 1 for the first.
    pub order: u32,
    /// Number of events, hidden ones included.
    pub events: u32,
    /// Number of events a customer may see.
    pub visible_events: u32,
    /// Still going on?
    pub active: bool,
}

/// The last event of a kind, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastEvent {
    /// Thread that holds it.
    pub thread: ThreadId,
    /// That thread's order.
    pub thread_order: u32,
    /// The event.
    pub event: Arc<Event>,
}

/// One conversation's line in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The conversation.
    pub chat: ChatView,
    /// Its last thread, without events.
    pub last_thread: Option<ThreadView>,
    /// The last event of each kind, as agents see it.
    pub last_events: Vec<(EventKind, LastEvent)>,
    /// The last event of each kind that the customer may see.
    pub last_visible: Vec<(EventKind, LastEvent)>,
    /// Has the customer not yet seen something it may see?
    pub unread_by_customer: bool,
}

/// What a conversation adds to its customer's statistics (spec v3.0, 4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Talk {
    /// Number of threads.
    pub threads: u32,
    /// When an agent or bot last wrote an event.
    pub agent_spoke_at: Option<Timestamp>,
    /// When the customer last wrote one.
    pub customer_spoke_at: Option<Timestamp>,
}

/// A conversation with chosen threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threads {
    /// The conversation.
    pub chat: ChatView,
    /// The threads asked for, oldest first, events complete.
    pub threads: Vec<ThreadView>,
    /// Every thread, oldest first.
    pub lines: Vec<ThreadLine>,
}

impl Event {
    /// May the customer see it?
    #[must_use]
    pub fn visible_to_customer(&self) -> bool {
        self.visibility == Visibility::All
    }
}
