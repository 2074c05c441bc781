//! Finds threads in the archives: walks the whole index of a license's chats, stored rows and the newer
//! ones in memory, and keeps the newest matches only. It loads no events, and of chats nothing but
//! their rows; it is meant for a thread where it may block.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::archive::{ArchiveFilter, ThreadTrace};
use switchboard_domain::id::{ConversationId, LicenseId, ThreadId};
use switchboard_domain::time::Timestamp;

use crate::engine::conversation::Stored;
use crate::engine::index::Line;
use crate::engine::limits::ARCHIVE_ROWS;
use crate::engine::tables::LicenseTable;
use crate::storage::{Records, StorageError};

/// A thread that was found, in the order of its opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    opened_at: Timestamp,
    /// The chat it belongs to.
    pub(crate) chat: ConversationId,
    /// The thread.
    pub(crate) thread: ThreadId,
}

/// Threads of one page, newest first, and how many pass in all.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FoundPage {
    pub(crate) threads: Vec<Found>,
    pub(crate) total: usize,
}

/// The threads that pass and that the asker may read: `limit` of them, behind the `skip` newest.
///
/// Each chat is seen exactly once and as it was at some moment of the walk, though chats go on
/// meanwhile: what changes moves towards the newer end of the index, which is walked last, and a
/// chat that is met again is passed over.
///
/// # Errors
/// When the stored index cannot be read.
pub(crate) fn find(
    table: &LicenseTable,
    records: &Records,
    by: &Principal,
    filter: &ArchiveFilter,
    (skip, limit): (usize, usize),
) -> Result<FoundPage, StorageError> {
    let mut newest = Newest { heap: BinaryHeap::new(), most: skip.saturating_add(limit), total: 0 };
    let mut seen = HashSet::new();
    let mut look = |chat: ConversationId, line: &Line, threads: &[ThreadTrace]| {
        if !line.seen_by(by) || !filter.passes_chat(&line.access) {
            return;
        }
        for thread in threads.iter().filter(|thread| filter.passes(thread, &line.properties)) {
            newest.add(Found { opened_at: thread.opened_at, chat, thread: thread.id });
        }
    };
    let newer: Vec<_> = table.rows.iter().map(|row| (*row.key(), row.line.clone())).collect();
    for (chat, line) in newer {
        seen.insert(chat);
        look(chat, &line, line.threads.as_deref().unwrap_or_default());
    }
    let mut after = None;
    loop {
        let rows = records.by_activity(table.id, false, after, ARCHIVE_ROWS)?;
        let Some((last, _)) = rows.last() else { break };
        after = Some(*last);
        for ((_, chat), bytes) in &rows {
            if !seen.insert(*chat) {
                continue;
            }
            let line = Line::decode(bytes)?;
            match &line.threads {
                Some(threads) => look(*chat, &line, threads),
                // A row of before rows knew threads, of a chat that nobody touched since.
                None => look(*chat, &line, &stored_traces(records, table.id, *chat)?),
            }
        }
    }
    Ok(newest.page(skip))
}

fn stored_traces(
    records: &Records,
    license: LicenseId,
    chat: ConversationId,
) -> Result<Vec<ThreadTrace>, StorageError> {
    let stored = Stored::read(records, license, chat)?;
    Ok(stored.map(|stored| stored.head.thread_traces()).unwrap_or_default())
}

/// The newest of all that were added, and their number.
struct Newest {
    /// The oldest of them on top.
    heap: BinaryHeap<Reverse<Found>>,
    most: usize,
    total: usize,
}

impl Newest {
    fn add(&mut self, found: Found) {
        self.total += 1;
        if self.heap.len() < self.most {
            self.heap.push(Reverse(found));
        } else if let Some(mut oldest) = self.heap.peek_mut()
            && oldest.0 < found
        {
            oldest.0 = found;
        }
    }

    fn page(self, skip: usize) -> FoundPage {
        let newest_first = self.heap.into_sorted_vec();
        FoundPage {
            threads: newest_first.into_iter().skip(skip).map(|Reverse(found)| found).collect(),
            total: self.total,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use std::sync::Arc;

    use proptest::prelude::*;
    use switchboard_domain::auth::ScopeSet;
    use switchboard_domain::conversation::Conversation;
    use switchboard_domain::conversation::access::Access;
    use switchboard_domain::conversation::fact::{Change, Fact};
    use switchboard_domain::conversation::properties::Properties;
    use switchboard_domain::conversation::view::Talk;
    use switchboard_domain::conversation::{Assignment, ThreadHead};
    use switchboard_domain::id::{AgentId, ClientId, GroupId, UserId};
    use switchboard_domain::participant::license::License;

    use crate::engine::conversation::snapshot;
    use crate::engine::index::Row;
    use crate::engine::tables::Tables;
    use crate::storage::{IndexKey, Lsn, Save, Storage};

    const LICENSE: LicenseId = LicenseId(1);

    fn chat(n: u64) -> ConversationId {
        ConversationId::from_random(n)
    }

    fn line(opened_at: &[u64], group: u32) -> Line {
        let trace = |secs: &u64| ThreadTrace {
            id: ThreadId::from_random(*secs),
            opened_at: Timestamp::from_secs(*secs),
            agents: Vec::new(),
            properties: Properties::default(),
        };
        Line {
            ticket: None,
            active: false,
            access: Access::of(GroupId(group)),
            agents: Vec::new(),
            properties: Properties::default(),
            threads: Some(opened_at.iter().map(trace).collect()),
        }
    }

    fn put(save: &mut Save, n: u64, line: &Line) {
        let key =
            IndexKey::ByActivity { license: LICENSE, at: Timestamp::from_secs(n), conversation: chat(n) };
        save.index_put(&key, &line.encode().unwrap());
    }

    /// A chat with one thread, whose stored row is of before rows knew threads.
    fn put_older(records: &Records, n: u64) {
        let fact = |change| Fact { at: Timestamp::from_secs(n), change };
        let created = fact(Change::Created { license: LICENSE, id: chat(n), number: n, epoch: 1 });
        let mut head = Conversation::born(&created).unwrap();
        let opened = Change::ThreadOpened {
            ticket: None,
            thread: ThreadId::from_random(n),
            by: None,
            customer: None,
            access: Access::default(),
            continuous: false,
            properties: Properties::default(),
            thread_properties: Properties::default(),
            tags: Vec::new(),
            present: Vec::new(),
            assignment: Assignment::Unassigned(Timestamp::from_secs(n)),
            events: Vec::new(),
            followers: Vec::new(),
        };
        head.apply(&fact(opened), &mut Vec::new());
        assert_eq!(head.active_thread().map(|thread: &ThreadHead| thread.order), Some(1));
        records.save(snapshot(records, &head, None, Lsn::ZERO).unwrap()).unwrap();
        let mut save = Save::new();
        put(&mut save, n, &Line { threads: None, ..Line::of(&head) });
        records.save(save).unwrap();
    }

    fn asker(scopes: ScopeSet) -> Principal {
        Principal {
            license: LICENSE,
            user: UserId::Agent(AgentId::new("ann")),
            client: ClientId::new("app"),
            bot: false,
            scopes,
            groups: vec![GroupId::EVERYBODY],
            token: [0; 32],
        }
    }

    #[test]
    fn a_walk_sees_each_chat_once_stored_or_newer_or_of_an_older_form() {
        let records = Storage::in_memory().0.records;
        let tables = Tables::default();
        let license = License::new(LICENSE, "org", ClientId::new("app"), Timestamp::default());
        let table = Arc::new(LicenseTable::new(license));
        tables.add_license(Arc::clone(&table));
        // More rows than are held at once, and one each of what is newer in memory, hidden, and old.
        let stored = 2 * ARCHIVE_ROWS as u64 + 10;
        let mut save = Save::new();
        (1..=stored).for_each(|n| put(&mut save, n, &line(&[n], 0)));
        put(&mut save, stored + 1, &line(&[stored + 1], 9));
        records.save(save).unwrap();
        put_older(&records, stored + 2);
        let newer = |n: u64, opened_at: &[u64]| {
            let line = Arc::new(line(opened_at, 0));
            let row =
                Row { at: Timestamp::from_secs(n), version: 2, line, customer: None, talk: Talk::default() };
            table.rows.insert(chat(n), row);
        };
        newer(7, &[7, stored + 3]);
        newer(stored + 4, &[stored + 4]);

        let find = |scopes: &str, filter: &ArchiveFilter, page| {
            let scopes = scopes.parse().into_iter().collect();
            let page = find(&table, &records, &asker(scopes), filter, page).unwrap();
            let times: Vec<_> = page.threads.iter().map(|found| found.opened_at.as_secs()).collect();
            (times, page.total as u64)
        };
        let all = ArchiveFilter::default();
        let (n, access) = (stored, "chats--access:ro");
        assert_eq!(find(access, &all, (0, 4)), (vec![n + 4, n + 3, n + 2, n], n + 3));
        assert_eq!(find("chats--all:ro", &all, (2, 2)), (vec![n + 2, n + 1], n + 4));
        assert_eq!(find("chats--my:ro", &all, (0, 9)), (vec![], 0));
        let total = usize::try_from(n).unwrap() + 3;
        assert_eq!(find(access, &all, (total - 2, 9)), (vec![2, 1], n + 3));
        assert_eq!(find(access, &all, (total, 9)), (vec![], n + 3));
        let early = ArchiveFilter { before: Some(Timestamp::from_secs(4)), ..ArchiveFilter::default() };
        assert_eq!(find(access, &early, (0, 9)), (vec![3, 2, 1], 3));
    }

    fn found(at: u64) -> Found {
        Found {
            opened_at: Timestamp::from_secs(at),
            chat: ConversationId::from_random(at),
            thread: ThreadId::from_random(at),
        }
    }

    proptest! {
        #[test]
        fn a_page_is_what_sorting_everything_would_give(
            times in prop::collection::btree_set(0u64..1000, 0..60),
            order in any::<prop::sample::Index>(),
            skip in 0usize..40,
            limit in 0usize..20,
        ) {
            let mut all: Vec<_> = times.into_iter().map(found).collect();
            let middle = order.index(all.len() + 1);
            all.rotate_left(middle);
            let mut newest = Newest { heap: BinaryHeap::new(), most: skip + limit, total: 0 };
            all.iter().for_each(|found| newest.add(*found));
            prop_assert!(newest.heap.len() <= skip + limit, "bounded memory");
            let total = all.len();
            all.sort_by_key(|found| Reverse(*found));
            let threads = all.into_iter().skip(skip).take(limit).collect();
            prop_assert_eq!(newest.page(skip), FoundPage { threads, total });
        }
    }
}
