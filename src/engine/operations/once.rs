//! Writes with a key (design D13): a chat that is started once, and answers given again.

use std::rc::Rc;
use std::sync::Arc;

use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::command::OpenThread;
use switchboard_domain::conversation::idempotency::{Outcome as Before, WriteKey};
use switchboard_domain::conversation::view::{ChatView, ThreadView};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{ConversationId, GroupId, LicenseId, ThreadId, UserId};

use super::{answer_read, detached, read, start};
use crate::engine::EngineHandle;
use crate::engine::conversation::AskDone;
use crate::engine::link;
use crate::engine::order::{Done, Failure};
use crate::engine::release::Answer;
use crate::engine::request_key::conversations;
use crate::engine::shard::Shard;
use crate::storage::Lsn;

/// Starts a chat; with a key once: its name comes from the key, so that whoever asks again finds it.
pub(super) async fn start_chat(
    shard: &Rc<Shard>,
    by: Arc<Principal>,
    open: OpenThread,
    group: Option<GroupId>,
    key: Option<Box<WriteKey>>,
    answer: Answer,
) {
    let Some(key) = key.map(|key| *key) else {
        return start::start_chat(shard, by, open, group, answer).await;
    };
    let names = conversations(&key, shard.now());
    let [_, id] = names;
    let Some(_alone) = Alone::take(&shard.engine, by.license, id) else {
        let running = Rejected::invalid("request_key", "is in use by a request that still runs");
        return shard.answer(answer, Err(running.into()));
    };
    for name in names {
        match done_before(shard, &by, name, key).await {
            Ok(None) => {}
            Ok(Some(before)) => return answer_again(shard, by, name, before, answer),
            Err(rejected) => return shard.answer(answer, Err(rejected.into())),
        }
    }
    if shard.engine.directory().conversation(&shard.engine, by.license, id).is_ok() {
        // Its name is taken, but the chat remembers the key no more.
        return start::start_chat(shard, by, open, group, answer).await;
    }
    start::start_chat_as(shard, (id, Some(key)), by, open, group, answer).await;
}

async fn done_before(
    shard: &Shard,
    by: &Arc<Principal>,
    chat: ConversationId,
    key: WriteKey,
) -> Result<Option<Before>, Rejected> {
    match shard.engine.directory().conversation(&shard.engine, by.license, chat) {
        Ok(actor) => link::ask(&actor, AskDone(Arc::clone(by), key)).await?,
        Err(Rejected::NotFound(_)) => Ok(None),
        Err(rejected) => Err(rejected),
    }
}

/// The right to make the conversation of this name: of two that ask at once, one may.
struct Alone {
    engine: EngineHandle,
    name: (LicenseId, ConversationId),
}

impl Alone {
    fn take(engine: &EngineHandle, license: LicenseId, id: ConversationId) -> Option<Self> {
        let name = (license, id);
        engine.directory().begin(name).then(|| Self { engine: engine.clone(), name })
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.engine.directory().end(self.name);
    }
}

/// Answers a request that was carried out before.
pub(crate) fn answer_again(
    shard: &Rc<Shard>,
    by: Arc<Principal>,
    chat: ConversationId,
    before: Before,
    answer: Answer,
) {
    let thread = match before {
        Before::Done => return shard.answer(answer, Ok(Done::Nothing)),
        Before::Seen(up_to) => return shard.answer(answer, Ok(Done::Seen(up_to))),
        Before::Posted(event) => event.thread,
        Before::Opened(thread) => thread,
    };
    let shard = Rc::clone(shard);
    detached(async move {
        let read = read_again(&shard, &by, chat, thread, before).await;
        answer_read(&shard, answer, read);
    });
}

async fn read_again(
    shard: &Shard,
    by: &Arc<Principal>,
    chat: ConversationId,
    thread: ThreadId,
    before: Before,
) -> Result<(Done, Lsn), Failure> {
    let table = read::table(shard, by.license)?;
    let actor = shard.engine.directory().conversation(&shard.engine, by.license, chat)?;
    let (read, lsn) = read::threads_of(shard, by, chat, &actor, Some(vec![thread])).await?;
    let view = read.threads.into_iter().next().ok_or(Rejected::Internal)?;
    let done = match before {
        Before::Posted(id) => {
            let event = view.events.into_iter().find(|event| event.id == id).ok_or(Rejected::Internal)?;
            Done::Posted { thread, event }
        }
        _ => {
            let users = |(chat, _): &(ChatView, ThreadView)| -> Vec<UserId> {
                chat.members.iter().map(|member| member.user.clone()).collect()
            };
            Done::Opened(Box::new(read::shown(&table, (read.chat, view), users)))
        }
    };
    Ok((done, lsn))
}
