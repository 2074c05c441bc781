//! The archives: a page of threads, each with its whole chat. What is shown is durable (design D4), and
//! no chat is woken for it: one that sleeps is read from storage.

use std::rc::Rc;
use std::sync::Arc;

use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::view::{ChatView, ThreadView};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{ConversationId, ThreadId, UserId};

use crate::engine::archive::{self, Found, FoundPage};
use crate::engine::conversation::{ConversationActor, Stored};
use crate::engine::customer::CustomerActor;
use crate::engine::limits::ARCHIVE_PAGE_BYTES;
use crate::engine::operations::read::{self, load_thread, shown, table};
use crate::engine::order::{ArchivePage, ArchivedThread, Done, Failure, SearchArchives, Shown};
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::storage::{Lsn, StorageError};

/// One chat with the threads of it that stand on a page.
type Part = (Arc<ChatView>, Vec<ThreadView>);

/// A page of the archives. `over_socket`: the answer has to fit what may wait for a session.
pub(super) async fn page(
    shard: &Rc<Shard>,
    by: &Arc<Principal>,
    search: SearchArchives,
    over_socket: bool,
) -> Result<(Done, Lsn), Failure> {
    search.filter.check()?;
    let table = table(shard, by.license)?;
    let FoundPage { threads, total } = find(shard, &table, by, &search).await?;
    let outbox = shard.engine.settings().outbox_bytes / 2;
    let most = if over_socket { outbox.min(ARCHIVE_PAGE_BYTES) } else { ARCHIVE_PAGE_BYTES };
    let (mut entries, mut newest, mut bytes) = (Vec::new(), Lsn::ZERO, 0);
    // The threads of one chat are read together, but stand where their time puts them.
    for (chat, wanted) in by_chat(&threads) {
        let Some(((chat, views), lsn)) = part(shard, &table, by, chat, wanted).await? else { continue };
        newest = newest.max(lsn);
        for thread in views {
            bytes += thread.events.iter().map(|event| event.weight()).sum::<usize>();
            entries.push(ArchivedThread { chat: Arc::clone(&chat), thread });
        }
        if bytes > most && threads.len() > 1 {
            let reason = format!("these threads hold more than {most} bytes: ask for fewer at once");
            return Err(Rejected::invalid("pagination.limit", reason).into());
        }
    }
    let place = |entry: &ArchivedThread| {
        let here = (entry.chat.id, entry.thread.id);
        threads.iter().position(|found| (found.chat, found.thread) == here)
    };
    entries.sort_by_key(place);
    let page = ArchivePage { entries, page: search.page, total };
    let mut shown = shown(&table, page, users);
    add_sleeping_customers(shard, &table, &mut shown).await?;
    Ok((Done::Archives(shown), newest))
}

async fn find(
    shard: &Shard,
    table: &Arc<LicenseTable>,
    by: &Arc<Principal>,
    search: &SearchArchives,
) -> Result<FoundPage, Failure> {
    let turn = shard.engine.walk_turn().await?;
    let (records, table, by) = (shard.engine.records().clone(), Arc::clone(table), Arc::clone(by));
    let (filter, skip, limit) = (search.filter.clone(), search.skip, search.limit);
    let find = move || {
        let _turn = turn;
        archive::find(&table, &records, &by, &filter, (skip, limit))
    };
    Ok(read::blocking("the archives", find).await?)
}

/// The chats found, each once, with their threads.
fn by_chat(threads: &[Found]) -> Vec<(ConversationId, Vec<ThreadId>)> {
    let mut chats: Vec<(ConversationId, Vec<ThreadId>)> = Vec::new();
    for found in threads {
        match chats.iter_mut().find(|(chat, _)| *chat == found.chat) {
            Some((_, threads)) => threads.push(found.thread),
            None => chats.push((found.chat, vec![found.thread])),
        }
    }
    chats
}

/// One chat with some of its threads; `None` when the asker may not read it any more.
async fn part(
    shard: &Rc<Shard>,
    table: &Arc<LicenseTable>,
    by: &Arc<Principal>,
    chat: ConversationId,
    wanted: Vec<ThreadId>,
) -> Result<Option<(Part, Lsn)>, Failure> {
    if let Some(actor) = shard.engine.directory().running_conversation(by.license, chat) {
        return match read::threads_of(shard, by, chat, &actor, Some(wanted)).await {
            Ok((threads, lsn)) => Ok(Some(((Arc::new(threads.chat), threads.threads), lsn))),
            Err(Failure::Rejected(Rejected::NoAccess | Rejected::NotFound(_))) => Ok(None),
            Err(failure) => Err(failure),
        };
    }
    let (records, table, by) = (shard.engine.records().clone(), Arc::clone(table), Arc::clone(by));
    let read = move || {
        let Some(Stored { head, lsn, .. }) = Stored::read(&records, by.license, chat)? else {
            return Ok(None);
        };
        if !ConversationActor::may_be_read(&table, &head, &by) {
            return Ok(None);
        }
        let mut threads = Vec::with_capacity(wanted.len());
        for thread in wanted {
            let Some(chunks) = head.stored_chunks(thread) else { continue };
            let stored = load_thread(&records, by.license, chat, (thread, chunks))?;
            threads.extend(head.thread(thread, stored.events));
        }
        Ok(Some(((Arc::new(head.chat_view()), threads), lsn)))
    };
    Ok(read::blocking("the archives", read).await?)
}

fn users(page: &ArchivePage) -> Vec<UserId> {
    let members = page.entries.iter().flat_map(|entry| &entry.chat.members);
    members.map(|member| member.user.clone()).collect()
}

/// Profiles of customers that nobody has needed since the start.
async fn add_sleeping_customers(
    shard: &Shard,
    table: &LicenseTable,
    shown: &mut Shown<ArchivePage>,
) -> Result<(), Failure> {
    let mut missing: Vec<_> = shown.what.entries.iter().filter_map(|entry| entry.chat.customer).collect();
    missing.sort();
    missing.dedup();
    missing.retain(|customer| shown.profiles.customer(*customer).is_none());
    let (engine, license) = (shard.engine.clone(), table.id);
    let load = move || {
        let load = |id| Ok(CustomerActor::load(&engine, license, id)?.map(|stored| stored.customer));
        missing.into_iter().filter_map(|id| load(id).transpose()).collect::<Result<Vec<_>, StorageError>>()
    };
    for customer in read::blocking("customers", load).await? {
        shown.profiles.add_customer(Arc::new(customer));
    }
    Ok(())
}
