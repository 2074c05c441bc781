//! Reads: lists, threads. What they show is durable when it is shown (design D4, D11).

use std::rc::Rc;
use std::sync::Arc;

use actix::Addr;
use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::event::Event;
use switchboard_domain::conversation::view::{Summary, ThreadLine, Threads};
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::id::{ConversationId, CustomerId, LicenseId, ThreadId, UserId};

use crate::engine::conversation::{
    ConversationActor, LoadedThread, NeedThreads, ReadSummary, ReadThreads, chunks,
};
use crate::engine::customer::ChatsOf;
use crate::engine::index;
use crate::engine::link;
use crate::engine::order::{ChatPage, Done, Failure, LinesPage, ListChats, ListThreads, Shown};
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::storage::{Lsn, Records, StorageError};

/// How often a thread is read again when its chunks were stored meanwhile.
const READ_TRIES: usize = 5;

/// A page of chats.
pub(super) async fn list(
    shard: &Rc<Shard>,
    by: &Arc<Principal>,
    list: &ListChats,
) -> Result<(Done, Lsn), Failure> {
    let table = table(shard, by.license)?;
    let (chats, found, next, previous, lsn) = match by.user {
        UserId::Agent(_) => {
            let page = index::page(&table, shard.engine.records(), by, list)?;
            let (chats, lsn) = summaries(shard, Some(by), by.license, &page.chats).await?;
            (chats, page.found, page.next, page.previous, lsn)
        }
        UserId::Customer(customer) => {
            let (mut chats, lsn) = customers_chats(shard, by, customer).await?;
            let found = chats.len();
            chats = chats.into_iter().skip(list.offset).take(list.limit).collect();
            (chats, found, None, None, lsn)
        }
    };
    let page = ChatPage { chats, found, next, previous };
    Ok((Done::Chats(Box::new(shown(&table, page, |page| users(&page.chats)))), lsn))
}

/// The customer's chats, newest first.
pub(super) async fn customers_chats(
    shard: &Rc<Shard>,
    by: &Arc<Principal>,
    customer: CustomerId,
) -> Result<(Vec<Summary>, Lsn), Failure> {
    let actor = shard.engine.directory().customer(&shard.engine, by.license, customer)?;
    let ids = link::ask(&actor, ChatsOf).await?;
    let (mut chats, lsn) = summaries(shard, Some(by), by.license, &ids).await?;
    chats.sort_by_key(|summary| std::cmp::Reverse((summary.chat.last_activity, summary.chat.id)));
    Ok((chats, lsn))
}

/// The lines of some conversations; those out of reach are left out. The position is the newest
/// that any of them saw.
pub(super) async fn summaries(
    shard: &Rc<Shard>,
    by: Option<&Arc<Principal>>,
    license: LicenseId,
    ids: &[ConversationId],
) -> Result<(Vec<Summary>, Lsn), Failure> {
    let mut chats = Vec::with_capacity(ids.len());
    let mut newest = Lsn::ZERO;
    for id in ids {
        let actor = shard.engine.directory().conversation(&shard.engine, license, *id)?;
        match link::ask(&actor, ReadSummary(by.cloned())).await? {
            Ok((summary, lsn)) => {
                newest = newest.max(lsn);
                chats.push(summary);
            }
            Err(Rejected::NoAccess | Rejected::NotFound(_)) => {}
            Err(rejected) => return Err(rejected.into()),
        }
    }
    Ok((chats, newest))
}

/// One chat with some of its threads.
pub(super) async fn threads(
    shard: &Rc<Shard>,
    by: Arc<Principal>,
    chat: ConversationId,
    wanted: Option<Vec<ThreadId>>,
) -> Result<(Done, Lsn), Failure> {
    let table = table(shard, by.license)?;
    let actor = shard.engine.directory().conversation(&shard.engine, by.license, chat)?;
    let (threads, lsn) = threads_of(shard, &by, chat, &actor, wanted).await?;
    let users = |t: &Threads| t.chat.members.iter().map(|member| member.user.clone()).collect();
    Ok((Done::Threads(Box::new(shown(&table, threads, users))), lsn))
}

/// A running chat with some of its threads.
pub(super) async fn threads_of(
    shard: &Shard,
    by: &Arc<Principal>,
    chat: ConversationId,
    actor: &Addr<ConversationActor>,
    wanted: Option<Vec<ThreadId>>,
) -> Result<(Threads, Lsn), Failure> {
    for _ in 0..READ_TRIES {
        let needs = link::ask(actor, NeedThreads(Arc::clone(by), wanted.clone())).await??;
        let loaded = load(shard.engine.records(), by.license, chat, needs.threads).await?;
        if let Some(read) = link::ask(actor, ReadThreads(loaded, needs.rewrites)).await? {
            return Ok(read);
        }
    }
    Err(Rejected::Internal.into())
}

/// A page of one chat's threads, a line each.
pub(super) async fn thread_lines(
    shard: &Rc<Shard>,
    by: Arc<Principal>,
    chat: ConversationId,
    list: ListThreads,
) -> Result<(Done, Lsn), Failure> {
    let actor = shard.engine.directory().conversation(&shard.engine, by.license, chat)?;
    for _ in 0..READ_TRIES {
        let needs = link::ask(&actor, NeedThreads(Arc::clone(&by), Some(Vec::new()))).await??;
        let read = link::ask(&actor, ReadThreads(Vec::new(), needs.rewrites)).await?;
        if let Some((threads, lsn)) = read {
            return Ok((Done::ThreadLines(lines_page(threads.lines, list)), lsn));
        }
    }
    Err(Rejected::Internal.into())
}

/// The orders of a chat's threads are 1, 2, 3, ...: a page is named by the order it begins with.
fn lines_page(mut lines: Vec<ThreadLine>, list: ListThreads) -> LinesPage {
    let found = lines.len();
    if list.newest_first {
        lines.reverse();
    }
    let is_before = |line: &ThreadLine, from: u32| {
        if list.newest_first { line.order > from } else { line.order < from }
    };
    let start = list.from.map_or(0, |from| lines.iter().take_while(|line| is_before(line, from)).count());
    let start = (start + list.offset).min(found);
    let end = (start + list.limit).min(found);
    let order = |at: usize| lines.get(at).map(|line| line.order);
    LinesPage {
        next: order(end),
        previous: if start == 0 { None } else { order(start.saturating_sub(list.limit)) },
        found,
        lines: lines[start..end].to_vec(),
    }
}

async fn load(
    records: &Records,
    license: LicenseId,
    chat: ConversationId,
    needs: Vec<(ThreadId, u32)>,
) -> Result<Vec<LoadedThread>, Rejected> {
    let records = records.clone();
    let read = move || needs.into_iter().map(|need| load_thread(&records, license, chat, need)).collect();
    blocking("stored events", read).await
}

/// Reads something off the shard's thread, as it may have to come from the disk.
pub(super) async fn blocking<T: Send + 'static>(
    what: &'static str,
    read: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, Rejected> {
    let done = tokio::task::spawn_blocking(read).await.map_err(|_| Rejected::Internal)?;
    done.map_err(|error| {
        tracing::error!(%error, "{what} cannot be read");
        Rejected::Internal
    })
}

pub(super) fn load_thread(
    records: &Records,
    license: LicenseId,
    chat: ConversationId,
    (thread, count): (ThreadId, u32),
) -> Result<LoadedThread, StorageError> {
    let mut events: Vec<Arc<Event>> = Vec::new();
    for index in 0..count {
        events.extend(chunks::read(records, (license, chat), thread, index)?);
    }
    Ok(LoadedThread { thread, chunks: count, events })
}

pub(super) fn table(shard: &Shard, license: LicenseId) -> Result<Arc<LicenseTable>, Rejected> {
    shard.engine.tables().license(license).ok_or(Rejected::NotFound(Resource::Chat))
}

pub(super) fn shown<T>(table: &LicenseTable, what: T, users: impl Fn(&T) -> Vec<UserId>) -> Shown<T> {
    let profiles = table.profiles(&users(&what));
    Shown { what, profiles, properties: table.properties(), desk: None }
}

pub(super) fn users(chats: &[Summary]) -> Vec<UserId> {
    chats.iter().flat_map(|summary| &summary.chat.members).map(|member| member.user.clone()).collect()
}
