//! The head of a conversation: what its actor keeps in memory and its snapshot holds (design D3).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::conversation::access::Access;
use crate::conversation::amended::Amended;
use crate::conversation::event::{Event, EventKind};
use crate::conversation::idempotency::KeptKey;
use crate::conversation::properties::Properties;
use crate::conversation::recent::Recent;
use crate::conversation::ticket::Ticket;
use crate::conversation::timers::Pulse;
use crate::conversation::view::{LastEvent, Member};
use crate::id::{AgentId, ConversationId, CustomerId, LicenseId, ThreadId, UserId};
use crate::time::Timestamp;

/// Who holds the chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Assignment {
    /// Nobody, and routing may give it at any time; since when it waits.
    Unassigned(Timestamp),
    /// Nobody; it waits in the queue since then.
    Queued(Timestamp),
    /// This agent or bot.
    Held(AgentId),
    /// Nobody until then: put aside.
    Parked(Timestamp),
    /// Closed: nobody needs to hold it.
    Idle,
    /// Nobody of ours: a bot is to answer that none of the chat's groups has.
    BotsTurn,
}

/// One thread, without its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadHead {
    /// Identity.
    pub id: ThreadId,
    /// 1 for the first.
    pub order: u32,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Everybody who was ever in it.
    pub users: Vec<UserId>,
    /// Tags, in the order given.
    pub tags: Vec<Box<str>>,
    /// Properties.
    pub properties: Properties,
    /// Number of events.
    pub events: u32,
    /// Of those, how many the customer may see.
    pub visible_events: u32,
    /// Number of full chunks; what follows is in the tail (last thread) or was the last chunk.
    pub chunks: u32,
}

/// Older events of a thread, stored apart from the head and never changed in size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// The thread.
    pub thread: ThreadId,
    /// From 0.
    pub index: u32,
    /// In order.
    pub events: Vec<Arc<Event>>,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    pub(super) license: LicenseId,
    pub(super) id: ConversationId,
    pub(super) number: u64,
    pub(super) epoch: u64,
    /// Time of the last fact; the next one is later.
    pub(super) last_at: Timestamp,
    pub(super) last_activity: Timestamp,
    /// Number of facts: orders notices.
    pub(super) version: u64,
    pub(super) customer: Option<CustomerId>,
    pub(super) members: Vec<Member>,
    pub(super) followers: BTreeSet<AgentId>,
    pub(super) access: Access,
    pub(super) continuous: bool,
    pub(super) properties: Properties,
    pub(super) assignment: Assignment,
    pub(super) threads: Vec<ThreadHead>,
    /// Events of the last thread that are in no chunk yet.
    pub(super) tail: Vec<Arc<Event>>,
    pub(super) tail_bytes: usize,
    /// Full chunks that no snapshot has stored yet.
    pub(super) unsaved: Vec<Chunk>,
    pub(super) last_events: BTreeMap<EventKind, LastEvent>,
    pub(super) last_visible: BTreeMap<EventKind, LastEvent>,
    /// Deliveries to webhooks so far: numbers them.
    pub(super) deliveries: u64,
    /// Who let go of the chat while it waits: routing does not give it back.
    #[serde(default)]
    pub(super) let_go_by: Option<AgentId>,
    /// When the customer last wrote an event.
    #[serde(default)]
    pub(super) customer_spoke_at: Option<Timestamp>,
    /// When an agent or bot last wrote one.
    #[serde(default)]
    pub(super) agent_spoke_at: Option<Timestamp>,
    /// Changed events whose chunk has them in an older form. A snapshot writes them there, so its
    /// head never holds any.
    #[serde(skip)]
    pub(super) amended: Amended,
    /// What the timers look at.
    #[serde(default)]
    pub(super) pulse: Pulse,
    /// Keys of writes that were done, oldest first.
    #[serde(default)]
    pub(super) keys: VecDeque<KeptKey>,
    /// The newest pushes; in a snapshot as much as [`Recent::stored`].
    #[serde(default)]
    pub(super) recent: Recent,
    /// What a help desk keeps of it.
    #[serde(default)]
    pub(super) ticket: Option<Box<Ticket>>,
    /// Customers whose it was since the last snapshot, which takes it out of their lists.
    #[serde(skip)]
    pub(super) former: Vec<CustomerId>,
}

impl Conversation {
    /// Identity.
    #[must_use]
    pub const fn id(&self) -> ConversationId {
        self.id
    }

    /// The tenant.
    #[must_use]
    pub const fn license(&self) -> LicenseId {
        self.license
    }

    /// Creation number inside the license.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Its customer.
    #[must_use]
    pub const fn customer(&self) -> Option<CustomerId> {
        self.customer
    }

    /// Number of facts so far.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Which groups may see it.
    #[must_use]
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// Who holds it.
    #[must_use]
    pub const fn assignment(&self) -> &Assignment {
        &self.assignment
    }

    /// When something was last said or opened.
    #[must_use]
    pub const fn last_activity(&self) -> Timestamp {
        self.last_activity
    }

    /// The active thread.
    #[must_use]
    pub fn active_thread(&self) -> Option<&ThreadHead> {
        self.threads.last().filter(|thread| thread.closed_at.is_none())
    }

    /// Is the user in the chat now?
    #[must_use]
    pub fn is_present(&self, user: &UserId) -> bool {
        self.members.iter().any(|member| member.present && member.user == *user)
    }

    /// Agents in the chat now, in the order of first joining.
    pub fn present_agents(&self) -> impl Iterator<Item = &AgentId> {
        self.members.iter().filter(|member| member.present).filter_map(|member| member.user.agent())
    }

    /// Agents in the chat now, and when each came in.
    pub fn agents_since(&self) -> impl Iterator<Item = (&AgentId, Timestamp)> {
        let present = self.members.iter().filter(|member| member.present);
        present.filter_map(|member| Some((member.user.agent()?, member.joined_at)))
    }

    /// Since when it waits for an agent, when it does.
    #[must_use]
    pub fn waiting_since(&self) -> Option<Timestamp> {
        match self.assignment {
            Assignment::Unassigned(since) | Assignment::Queued(since) => {
                self.active_thread().is_some().then_some(since)
            }
            _ => None,
        }
    }

    /// Takes the next delivery number. The caller journals the delivery with the facts that
    /// caused it; [`Conversation::delivered_up_to`] restores the count at recovery.
    pub const fn next_delivery(&mut self) -> u64 {
        self.deliveries += 1;
        self.deliveries
    }

    /// Recovery saw a delivery with this number.
    pub fn delivered_up_to(&mut self, number: u64) {
        self.deliveries = self.deliveries.max(number);
    }

    /// Full chunks to store with the next snapshot.
    #[must_use]
    pub fn unsaved_chunks(&self) -> &[Chunk] {
        &self.unsaved
    }

    /// The events that no stored chunk has, in runs that stay together wherever they are stored.
    pub fn runs(&self) -> impl Iterator<Item = &[Arc<Event>]> {
        self.unsaved.iter().map(|chunk| chunk.events.as_slice()).chain([self.tail.as_slice()])
    }

    /// The first `count` of [`Conversation::unsaved_chunks`] are stored.
    pub fn chunks_saved(&mut self, count: usize) {
        self.unsaved.drain(..count.min(self.unsaved.len()));
    }

    /// The snapshot form: everything but what is stored in chunks, changed events among it.
    #[must_use]
    pub fn head(&self) -> Self {
        let recent = self.recent.stored();
        Self { unsaved: Vec::new(), amended: Amended::new(), former: Vec::new(), recent, ..self.clone() }
    }
}
