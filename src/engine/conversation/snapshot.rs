//! A conversation's snapshot: head, full chunks and index rows, stored in one go (design D3).

use std::rc::Rc;
use std::sync::Arc;

use actix::{AsyncContext, Context as ActorContext, Handler};
use serde::{Deserialize, Serialize};
use switchboard_domain::conversation::Conversation;
use switchboard_domain::conversation::event::Event;
use switchboard_domain::id::{ConversationId, LicenseId};
use switchboard_domain::time::Timestamp;

use super::messages::{SaveSnapshot, Saved};
use super::{ConversationActor, chunks};
use crate::engine::entry::unreadable;
use crate::engine::handle::EngineHandle;
use crate::engine::index::{Line, Row};
use crate::engine::link;
use crate::engine::release::Release;
use crate::storage::{ActorKey, IndexKey, Lsn, Records, Save, StorageError};

/// A conversation as its snapshot holds it.
#[derive(Serialize, Deserialize)]
pub struct Stored {
    pub(crate) head: Conversation,
    /// Last activity under which it stands in the stored index.
    pub(crate) indexed_at: Option<Timestamp>,
    /// Up to where the snapshot is true.
    #[serde(skip)]
    pub(crate) lsn: Lsn,
    /// Up to where the head is true, while the journal's tail is read.
    #[serde(skip)]
    pub(crate) pending: Lsn,
}

impl Stored {
    /// A conversation that no snapshot holds yet.
    pub(crate) fn new(head: Conversation) -> Self {
        Self { head, indexed_at: None, lsn: Lsn::ZERO, pending: Lsn::ZERO }
    }

    /// The snapshot of a conversation.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub(crate) fn read(
        records: &Records,
        license: LicenseId,
        id: ConversationId,
    ) -> Result<Option<Self>, StorageError> {
        let Some((lsn, bytes)) = records.snapshot(&ActorKey::Conversation(license, id))? else {
            return Ok(None);
        };
        let mut stored: Self =
            rmp_serde::from_slice(&bytes).map_err(|error| unreadable("a conversation", &error))?;
        stored.lsn = lsn;
        Ok(Some(stored))
    }

    /// Its line in lists.
    pub(crate) fn row(&self) -> Row {
        Row::of(&self.head, Arc::new(Line::of(&self.head)))
    }
}

impl ConversationActor {
    /// The snapshot of a conversation.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub(crate) fn load(
        engine: &EngineHandle,
        license: LicenseId,
        id: ConversationId,
    ) -> Result<Option<Stored>, StorageError> {
        Stored::read(engine.records(), license, id)
    }
}

impl Handler<SaveSnapshot> for ConversationActor {
    type Result = ();

    fn handle(&mut self, _: SaveSnapshot, ctx: &mut ActorContext<Self>) {
        if self.saving {
            return;
        }
        let (key, lsn, at) = (self.key(), self.lsn, self.state.last_activity());
        let save = match snapshot(self.shard.engine.records(), &self.state, self.indexed_at, lsn) {
            Ok(save) => save,
            Err(error) => return tracing::error!(%error, "a snapshot cannot be made"),
        };
        self.saving = true;
        let (shard, table, me) = (Rc::clone(&self.shard), Arc::clone(&self.table), ctx.address());
        let (chunks, version) = (self.state.unsaved_chunks().len(), self.state.version());
        let former = self.state.former_customers().len();
        let (id, amended) = (self.state.id(), self.state.amended().clone());
        let (number, events) = (self.state.number(), new_events(&self.state, self.indexed_at));
        // Only what is durable may be stored, or a crash would leave a snapshot of the future.
        let store = move || {
            let stored = match shard.engine.records().save(save) {
                Ok(()) => true,
                Err(error) => {
                    tracing::error!(%error, "a snapshot cannot be stored");
                    false
                }
            };
            if stored {
                shard.saved_in_part(&key, lsn);
                table.numbers.remove(&number);
                for number in &events {
                    table.events.remove(number);
                }
                table.rows.remove_if(&id, |_, row| row.version <= version && !row.line.active);
            }
            link::tell(&me, Saved { chunks, former, amended, indexed_at: at, lsn, stored });
        };
        self.shard.after(lsn, Release::default().first(store));
    }
}

impl Handler<Saved> for ConversationActor {
    type Result = ();

    fn handle(&mut self, saved: Saved, _: &mut ActorContext<Self>) {
        self.saving = false;
        if saved.stored {
            self.state.chunks_saved(saved.chunks);
            self.state.former_customers_saved(saved.former);
            self.state.amendments_saved(&saved.amended);
            self.rewrites += u64::from(!saved.amended.is_empty());
            self.indexed_at = Some(saved.indexed_at);
            if self.lsn == saved.lsn {
                self.marked = false;
                self.shard.saved(&self.key(), saved.lsn);
            }
        }
    }
}

/// Everything to store for a conversation: head, full chunks, index rows.
///
/// # Errors
/// For values that cannot be encoded, and for chunks that have to be rewritten and cannot be read.
pub(crate) fn snapshot(
    records: &Records,
    state: &Conversation,
    indexed_at: Option<Timestamp>,
    lsn: Lsn,
) -> Result<Save, StorageError> {
    let (license, id, at) = (state.license(), state.id(), state.last_activity());
    let stored = Stored { indexed_at: Some(at), ..Stored::new(state.head()) };
    let bytes = rmp_serde::to_vec(&stored).map_err(|error| unreadable("a conversation", &error))?;
    let mut save = Save::new();
    save.snapshot(&ActorKey::Conversation(license, id), lsn, &bytes);
    chunks::save(records, state, &mut save)?;
    if let Some(old) = indexed_at.filter(|old| *old != at) {
        save.index_remove(&IndexKey::ByActivity { license, at: old, conversation: id });
    }
    let row = Line::of(state).encode()?;
    save.index_put(&IndexKey::ByActivity { license, at, conversation: id }, &row);
    let open = IndexKey::Open { license, conversation: id };
    if state.active_thread().is_some() {
        save.index_put(&open, &[]);
    } else {
        save.index_remove(&open);
    }
    for customer in state.former_customers().iter().copied().filter(|id| Some(*id) != state.customer()) {
        save.index_remove(&IndexKey::ByCustomer { license, customer, conversation: id });
    }
    if let Some(customer) = state.customer() {
        let talk = rmp_serde::to_vec(&state.talk()).map_err(|error| unreadable("a talk", &error))?;
        save.index_put(&IndexKey::ByCustomer { license, customer, conversation: id }, &talk);
    }
    save.index_put(&IndexKey::Number { license, number: state.number() }, &id.to_bits().to_be_bytes());
    if let Some(new) = new_events(state, indexed_at).first() {
        for run in state.runs() {
            let numbers: Vec<u64> = run.iter().map(|event| event.number).collect();
            save.events(license, id, &numbers, *new);
        }
    }
    Ok(save)
}

/// The numbers of those events of a help desk's conversation that no index has.
fn new_events(state: &Conversation, indexed_at: Option<Timestamp>) -> Vec<u64> {
    let Some(ticket) = state.ticket() else { return Vec::new() };
    // A chat that became a desk's when it was under way had some before.
    let since = indexed_at.filter(|_| ticket.created_at > Timestamp::default());
    let is_new = |event: &&Arc<Event>| since.is_none_or(|since| event.created_at > since);
    state.runs().flatten().filter(is_new).map(|event| event.number).collect()
}
