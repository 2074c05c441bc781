//! The list of a license's conversations: rows stored with the snapshots, and over them the rows
//! that are newer, in memory. Both advance when a change is released (design D11).

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::Conversation;
use switchboard_domain::conversation::access::Access;
use switchboard_domain::conversation::properties::Properties;
use switchboard_domain::conversation::view::Talk;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, ConversationId, CustomerId, LicenseId, UserId};
use switchboard_domain::time::Timestamp;

use crate::engine::entry::unreadable;
use crate::engine::limits::LIST_SCAN;
use crate::engine::order::{ListChats, ListPlace};
use crate::engine::tables::LicenseTable;
use crate::storage::{Records, StorageError};

/// What a list has to know of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Has an active thread.
    pub active: bool,
    /// Which groups may see it.
    pub access: Access,
    /// Agents in it now.
    pub agents: Vec<AgentId>,
    /// Chat properties.
    pub properties: Properties,
}

/// A line with its place in the order.
#[derive(Debug, Clone)]
pub struct Row {
    /// Last activity.
    pub at: Timestamp,
    /// Orders the rows of one conversation.
    pub version: u64,
    /// The line.
    pub line: Arc<Line>,
    /// Its customer.
    pub customer: Option<CustomerId>,
    /// What it adds to the customer's statistics.
    pub talk: Talk,
}

impl Row {
    /// The row of a conversation whose line is made already.
    pub(crate) fn of(conversation: &Conversation, line: Arc<Line>) -> Self {
        Self {
            at: conversation.last_activity(),
            version: conversation.version(),
            line,
            customer: conversation.customer(),
            talk: conversation.talk(),
        }
    }
}

impl Line {
    /// The line of a conversation.
    #[must_use]
    pub fn of(conversation: &Conversation) -> Self {
        let chat = conversation.chat_view();
        Self {
            active: chat.active,
            access: chat.access,
            agents: conversation.present_agents().cloned().collect(),
            properties: chat.properties,
        }
    }

    /// The stored form.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, StorageError> {
        rmp_serde::to_vec(self).map_err(|error| unreadable("an index row", &error))
    }

    fn decode(bytes: &[u8]) -> Result<Self, StorageError> {
        rmp_serde::from_slice(bytes).map_err(|error| unreadable("an index row", &error))
    }

    fn seen_by(&self, by: &Principal) -> bool {
        let present = by.agent().is_some_and(|agent| self.agents.contains(agent));
        by.reached(&self.access, present).covered_by(by.scopes.read_chats())
    }
}

/// A page of ids, and how many there are.
#[derive(Debug, Default)]
pub struct Page {
    /// The conversations, in order.
    pub chats: Vec<ConversationId>,
    /// How many pass in all; at most [`LIST_SCAN`] are looked at.
    pub found: usize,
    /// Where the next page begins.
    pub next: Option<ListPlace>,
}

/// The page of conversations that an agent asks for.
///
/// # Errors
/// `Internal` when the stored index cannot be read.
pub fn page(
    table: &LicenseTable,
    records: &Records,
    by: &Principal,
    list: &ListChats,
) -> Result<Page, Rejected> {
    let mut rows = candidates(table, records, list.newest_first).map_err(|error| {
        tracing::error!(%error, "the index of chats cannot be read");
        Rejected::Internal
    })?;
    rows.retain(|(_, _, line)| {
        let passes = list.properties.iter().all(|filter| filter.pass(&line.properties));
        line.seen_by(by) && (list.include_active || !line.active) && passes
    });
    rows.sort_by_key(|(at, chat, _)| (*at, *chat));
    if list.newest_first {
        rows.reverse();
    }
    let found = rows.len();
    let behind = |at: Timestamp, chat: ConversationId| {
        list.after.is_none_or(|place| {
            let (here, there) = ((at, chat), (place.at, place.chat));
            if list.newest_first { here < there } else { here > there }
        })
    };
    let mut rest = rows.into_iter().filter(|(at, chat, _)| behind(*at, *chat)).skip(list.offset);
    let shown: Vec<_> = rest.by_ref().take(list.limit).collect();
    let more = rest.next().is_some();
    let next = shown.last().filter(|_| more).map(|(at, chat, _)| ListPlace { at: *at, chat: *chat });
    Ok(Page { chats: shown.into_iter().map(|(_, chat, _)| chat).collect(), found, next })
}

type Candidate = (Timestamp, ConversationId, Arc<Line>);

fn candidates(
    table: &LicenseTable,
    records: &Records,
    newest_first: bool,
) -> Result<Vec<Candidate>, StorageError> {
    let mut newer = HashSet::new();
    let mut rows = Vec::new();
    for entry in &table.rows {
        newer.insert(*entry.key());
        rows.push((entry.at, *entry.key(), Arc::clone(&entry.line)));
    }
    for ((at, chat), bytes) in records.by_activity(table.id, newest_first, None, LIST_SCAN)? {
        if !newer.contains(&chat) {
            rows.push((at, chat, Arc::new(Line::decode(&bytes)?)));
        }
    }
    Ok(rows)
}

/// What the stored conversations of a customer add to its statistics. One that was stored before
/// that was kept adds nothing but itself.
///
/// # Errors
/// When the stored index cannot be read.
pub(crate) fn stored_talks(
    records: &Records,
    license: LicenseId,
    customer: CustomerId,
) -> Result<Vec<(ConversationId, Talk)>, StorageError> {
    let decode = |(chat, bytes): (ConversationId, Vec<u8>)| {
        let talk = if bytes.is_empty() { Ok(Talk::default()) } else { rmp_serde::from_slice(&bytes) };
        Ok((chat, talk.map_err(|error| unreadable("a talk", &error))?))
    };
    records.of_customer(license, customer)?.into_iter().map(decode).collect()
}

/// The active chats that an agent is in, newest first, at most `limit`.
#[must_use]
pub fn active_chats_of(table: &LicenseTable, user: &UserId, limit: usize) -> Vec<ConversationId> {
    let Some(agent) = user.agent() else { return Vec::new() };
    let mut rows: Vec<_> = table
        .rows
        .iter()
        .filter(|row| row.line.active && row.line.agents.contains(agent))
        .map(|row| (row.at, *row.key()))
        .collect();
    rows.sort_by(|a, b| b.cmp(a));
    rows.into_iter().take(limit).map(|(_, chat)| chat).collect()
}
