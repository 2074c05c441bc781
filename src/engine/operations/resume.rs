//! Going on after a lost connection (design D12): a login says where it stood in its chats, and is sent
//! exactly the pushes that it missed, or learns that they cannot be told.

use std::rc::Rc;
use std::sync::Arc;

use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::push::Told;
use switchboard_domain::conversation::recent::{Missed, Seq};
use switchboard_domain::conversation::view::Summary;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{ConversationId, EventId};

use super::read::{blocking, table};
use crate::engine::conversation::{NeedThreads, Resume, Resumed, chunks};
use crate::engine::dialect::Capture;
use crate::engine::hub::is_for;
use crate::engine::limits::{RESUME_BYTES, RESUME_PUSHES};
use crate::engine::link;
use crate::engine::maps::Map;
use crate::engine::order::{Failure, ResumedChat};
use crate::engine::push::capture;
use crate::engine::session::Session;
use crate::engine::shard::Shard;
use crate::storage::Lsn;

/// The chats of a login, as they stood when it read them.
#[derive(Default)]
pub(super) struct Chats {
    /// Their lines, newest first.
    pub(super) lines: Vec<Summary>,
    /// The newest position that any of them saw.
    pub(super) newest: Lsn,
    /// The position that each was read at, also of those that were only named.
    pub(super) seen: Map<ConversationId, Lsn>,
    /// Where the session stands in each, when it goes on.
    pub(super) resumed: Option<Vec<ResumedChat>>,
    /// What it missed, in the order of each chat.
    pub(super) missed: Vec<Arc<Capture>>,
}

/// Reads the chats that a login shows, and those that it names to go on with.
pub(super) async fn read(
    shard: &Rc<Shard>,
    session: &Session,
    by: &Arc<Principal>,
    shown: &[ConversationId],
    resume: Option<Vec<(ConversationId, Seq)>>,
) -> Result<Chats, Failure> {
    let mut chats = Chats { resumed: resume.as_ref().map(|_| Vec::new()), ..Chats::default() };
    let mut room = Room { pushes: RESUME_PUSHES, bytes: RESUME_BYTES };
    // Of a chat named twice the last place counts.
    let generation = shard.engine.generation();
    let since: Map<ConversationId, Seq> =
        resume.into_iter().flatten().map(|(chat, seq)| (chat, seq.of_generation(generation))).collect();
    let only_named = since.keys().filter(|chat| !shown.contains(chat));
    for &id in shown.iter().chain(only_named) {
        let wanted = since.get(&id).copied();
        let found = match shard.engine.directory().conversation(&shard.engine, by.license, id) {
            Ok(actor) => link::ask(&actor, Resume(Arc::clone(by), wanted)).await?,
            Err(Rejected::NotFound(resource)) if wanted.is_some() => Err(Rejected::NotFound(resource)),
            Err(rejected) => return Err(rejected.into()),
        };
        let Ok(Resumed { summary, lsn, seq, missed }) = found else {
            if wanted.is_some() {
                chats.stands(ResumedChat { chat: id, seq: None, recovered: Some(false) });
            }
            continue;
        };
        chats.newest = chats.newest.max(lsn);
        chats.seen.insert(id, lsn);
        if shown.contains(&id) {
            chats.lines.push(summary);
        }
        let told = match missed {
            Some(missed) => told(shard, session, by, id, missed).await?.filter(|told| room.take(told)),
            None => None,
        };
        let recovered = wanted.map(|_| told.is_some());
        chats.stands(ResumedChat { chat: id, seq: Some(seq.of_generation(generation)), recovered });
        let table = table(shard, by.license)?;
        chats.missed.extend(told.into_iter().flatten().map(|told| capture(&table, told)));
    }
    chats.lines.sort_by_key(|line| std::cmp::Reverse((line.chat.last_activity, line.chat.id)));
    Ok(chats)
}

impl Chats {
    fn stands(&mut self, chat: ResumedChat) {
        if let Some(resumed) = &mut self.resumed {
            resumed.push(chat);
        }
    }
}

/// What one login may still be sent.
struct Room {
    pushes: usize,
    bytes: usize,
}

impl Room {
    /// Takes room for some pushes; `false` when there is not enough for all of them.
    fn take(&mut self, told: &[Told]) -> bool {
        let bytes = told.iter().map(Told::weight).sum();
        match (self.pushes.checked_sub(told.len()), self.bytes.checked_sub(bytes)) {
            (Some(pushes), Some(bytes)) => {
                *self = Self { pushes, bytes };
                true
            }
            _ => false,
        }
    }
}

/// What the session hears of what was missed; `None` when an event is not where it should be.
async fn told(
    shard: &Shard,
    session: &Session,
    by: &Arc<Principal>,
    chat: ConversationId,
    missed: Vec<Missed>,
) -> Result<Option<Vec<Told>>, Failure> {
    let mut all = Vec::with_capacity(missed.len());
    for missed in missed {
        match missed {
            Missed::Told(told) => all.push(*told),
            Missed::Stored(seq, id) => match stored(shard, by, chat, seq, id).await {
                Ok(told) => all.extend(told),
                Err(Rejected::Internal) => return Ok(None),
                Err(rejected) => return Err(rejected.into()),
            },
        }
    }
    all.retain(|told| is_for(session, by, &told.to));
    Ok(Some(all))
}

async fn stored(
    shard: &Shard,
    by: &Arc<Principal>,
    chat: ConversationId,
    seq: Seq,
    id: EventId,
) -> Result<Option<Told>, Rejected> {
    let actor = shard.engine.directory().conversation(&shard.engine, by.license, chat)?;
    let needs = link::ask(&actor, NeedThreads(Arc::clone(by), Some(vec![id.thread]))).await??;
    let count = needs.threads.first().map_or(0, |(_, chunks)| *chunks);
    let (records, license) = (shard.engine.records().clone(), by.license);
    let find = move || chunks::find(&records, (license, chat), id, count);
    let (_, events) = blocking("a missed event", find).await?;
    let event = events.into_iter().find(|event| event.id == id).ok_or(Rejected::Internal)?;
    Ok(Told::of_missed_event(chat, seq, event.said_by(needs.customer), &by.user))
}
