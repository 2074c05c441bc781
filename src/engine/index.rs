//! The list of a license's conversations: rows stored with the snapshots, and over them the rows
//! that are newer, in memory. Both advance when a change is released (design D11).

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::Conversation;
use switchboard_domain::conversation::access::Access;
use switchboard_domain::conversation::archive::ThreadTrace;
use switchboard_domain::conversation::properties::Properties;
use switchboard_domain::conversation::ticket::{Status, Urgency};
use switchboard_domain::conversation::view::Talk;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, ConversationId, CustomerId, GroupId, LicenseId, UserId};
use switchboard_domain::time::Timestamp;

use crate::engine::entry::unreadable;
use crate::engine::limits::LIST_SCAN;
use crate::engine::order::{ListChats, ListPlace, PageEdge};
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
    /// Every thread, oldest first; `None` in rows of before rows knew threads.
    #[serde(default)]
    pub threads: Option<Vec<ThreadTrace>>,
    /// What a help desk's lists go by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Arc<TicketLine>>,
}

/// What a help desk's list has to know of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketLine {
    /// Creation number inside the license.
    pub number: u64,
    /// How it stands.
    pub status: Status,
    /// Who has it.
    pub holder: Option<AgentId>,
    /// Its groups.
    pub groups: Vec<GroupId>,
    /// Its customer.
    pub customer: Option<CustomerId>,
    /// Its team.
    pub team: Option<u64>,
    /// Its labels.
    pub labels: Vec<Box<str>>,
    /// Its haste.
    pub urgency: Option<Urgency>,
}

impl TicketLine {
    fn of(conversation: &Conversation) -> Option<Self> {
        let ticket = conversation.ticket()?;
        Some(Self {
            number: conversation.number(),
            status: conversation.status(),
            holder: conversation.holder().filter(|_| conversation.active_thread().is_some()).cloned(),
            groups: conversation.access().groups.iter().copied().collect(),
            customer: conversation.customer(),
            team: ticket.team,
            labels: ticket.labels.clone(),
            urgency: ticket.urgency,
        })
    }
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
            threads: Some(conversation.thread_traces()),
            ticket: TicketLine::of(conversation).map(Arc::new),
        }
    }

    /// The stored form.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, StorageError> {
        rmp_serde::to_vec(self).map_err(|error| unreadable("an index row", &error))
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StorageError> {
        rmp_serde::from_slice(bytes).map_err(|error| unreadable("an index row", &error))
    }

    pub(crate) fn seen_by(&self, by: &Principal) -> bool {
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
    pub next: Option<PageEdge>,
    /// Where the page before ends.
    pub previous: Option<PageEdge>,
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
    let place = |at: usize| rows.get(at).map(|(at, chat, _)| ListPlace { at: *at, chat: *chat });
    let (start, end) = span(&rows, list);
    Ok(Page {
        chats: rows[start..end].iter().map(|(_, chat, _)| *chat).collect(),
        found,
        next: if end < found { end.checked_sub(1).and_then(place).map(PageEdge::Behind) } else { None },
        previous: if start > 0 { place(start).map(PageEdge::Before) } else { None },
    })
}

/// Which of the rows, in their order, stand on the page.
fn span<T>(rows: &[(Timestamp, ConversationId, T)], list: &ListChats) -> (usize, usize) {
    let order = |row: &(Timestamp, ConversationId, T), place: ListPlace| {
        let order = (row.0, row.1).cmp(&(place.at, place.chat));
        if list.newest_first { order.reverse() } else { order }
    };
    match list.edge {
        Some(PageEdge::Before(place)) => {
            let end = rows.partition_point(|row| order(row, place).is_lt());
            (end.saturating_sub(list.limit), end)
        }
        edge => {
            let first = match edge {
                Some(PageEdge::Behind(place)) => rows.partition_point(|row| order(row, place).is_le()),
                _ => 0,
            };
            let start = first.saturating_add(list.offset).min(rows.len());
            (start, start.saturating_add(list.limit).min(rows.len()))
        }
    }
}

/// The help desk's conversations that somebody may see, newest activity first.
///
/// # Errors
/// `Internal` when the stored index cannot be read.
pub(crate) fn tickets(
    table: &LicenseTable,
    records: &Records,
    by: &Principal,
) -> Result<Vec<(ConversationId, Arc<TicketLine>)>, Rejected> {
    let mut rows = read_candidates(table, records)?;
    rows.retain(|(_, _, line)| line.seen_by(by));
    Ok(ticket_lines(rows))
}

/// All of the help desk's conversations, newest activity first.
///
/// # Errors
/// `Internal` when the stored index cannot be read.
pub(crate) fn all_tickets(
    table: &LicenseTable,
    records: &Records,
) -> Result<Vec<(ConversationId, Arc<TicketLine>)>, Rejected> {
    read_candidates(table, records).map(ticket_lines)
}

/// The help desk's conversations that a bot has before it. Those that are open stay among the newer lines,
/// so that nothing is read.
pub(crate) fn pending_with(table: &LicenseTable, bot: &AgentId) -> Vec<ConversationId> {
    let has = |line: &TicketLine| line.status == Status::Pending && line.holder.as_ref() == Some(bot);
    let rows = table.rows.iter().filter(|row| row.line.ticket.as_deref().is_some_and(has));
    rows.map(|row| *row.key()).collect()
}

fn ticket_lines(mut rows: Vec<Candidate>) -> Vec<(ConversationId, Arc<TicketLine>)> {
    rows.sort_by_key(|(at, chat, _)| std::cmp::Reverse((*at, *chat)));
    rows.into_iter().filter_map(|(_, chat, line)| Some((chat, line.ticket.clone()?))).collect()
}

fn read_candidates(table: &LicenseTable, records: &Records) -> Result<Vec<Candidate>, Rejected> {
    candidates(table, records, true).map_err(|error| {
        tracing::error!(%error, "the index of chats cannot be read");
        Rejected::Internal
    })
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use switchboard_domain::conversation::properties::PropertyValue;
    use switchboard_domain::id::{GroupId, ThreadId};

    /// Walks a list of `n` rows page by page to its end and back again.
    #[test]
    fn pages_lead_to_each_other_in_both_directions() {
        let rows = |newest_first: bool| {
            let mut rows: Vec<_> =
                (0..7).map(|n| (Timestamp::from_secs(n / 2), ConversationId::from_random(n), ())).collect();
            if newest_first {
                rows.reverse();
            }
            rows
        };
        for newest_first in [true, false] {
            let rows = rows(newest_first);
            let page = |edge| {
                let list = ListChats {
                    include_active: true,
                    properties: Vec::new(),
                    newest_first,
                    limit: 3,
                    offset: 0,
                    edge,
                };
                span(&rows, &list)
            };
            let place = |at: usize| ListPlace { at: rows[at].0, chat: rows[at].1 };
            assert_eq!(page(None), (0, 3));
            assert_eq!(page(Some(PageEdge::Behind(place(2)))), (3, 6));
            assert_eq!(page(Some(PageEdge::Behind(place(5)))), (6, 7));
            assert_eq!(page(Some(PageEdge::Behind(place(6)))), (7, 7));
            assert_eq!(page(Some(PageEdge::Before(place(6)))), (3, 6));
            assert_eq!(page(Some(PageEdge::Before(place(3)))), (0, 3));
            assert_eq!(page(Some(PageEdge::Before(place(1)))), (0, 1));
            // A row that is gone by now is as good a place as one that is there.
            let between = ListPlace { at: Timestamp::from_secs(1), chat: ConversationId::from_random(99) };
            let (end, start) =
                (page(Some(PageEdge::Before(between))).1, page(Some(PageEdge::Behind(between))).0);
            assert_eq!((start, end), if newest_first { (3, 3) } else { (4, 4) });
        }
    }

    fn line() -> Line {
        let mut properties = Properties::default();
        properties.set("ns", "n", PropertyValue::Bool(true));
        let thread = ThreadTrace {
            id: ThreadId::from_random(1),
            opened_at: Timestamp::from_micros(2),
            agents: Vec::new(),
            properties: Properties::default(),
        };
        Line {
            ticket: None,
            active: true,
            access: Access::of(GroupId(3)),
            agents: vec![AgentId::new("a")],
            properties,
            threads: Some(vec![thread]),
        }
    }

    #[test]
    fn the_stored_bytes_are_pinned_and_older_rows_know_no_threads() {
        let middle = [
            &[0xc3, 0x91, 0x91, 0x03, 0x91, 0xa1, b'a', 0x81, 0xa2, b'n', b's', 0x81, 0xa1, b'n', 0x81, 0xa4]
                [..],
            b"Bool",
            &[0xc3],
        ]
        .concat();
        let threads = [0x91, 0x94, 0x01, 0x02, 0x90, 0x80];
        let golden = [&[0x95][..], &middle, &threads].concat();
        assert_eq!(line().encode().unwrap(), golden);
        assert_eq!(Line::decode(&golden).unwrap(), line());
        let older = [&[0x94][..], &middle].concat();
        assert_eq!(Line::decode(&older).unwrap(), Line { threads: None, ..line() });
    }
}
