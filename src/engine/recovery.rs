//! Start (design D4, D15): reads the journal once from the last checkpoint, brings every snapshot
//! up to date, stores them, and leaves what the actors are started from. After that an inactive
//! actor has no tail in the journal.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use switchboard_domain::conversation::Conversation;
use switchboard_domain::conversation::fact::Fact;
use switchboard_domain::id::{AgentId, ConversationId, CustomerId, LicenseId};
use switchboard_domain::participant::agent::{Agent, AgentFact};
use switchboard_domain::participant::bot::{Bot, BotFact};
use switchboard_domain::participant::customer::{Customer, CustomerFact};
use switchboard_domain::participant::license::{License, LicenseFact};
use switchboard_domain::participant::person::{Person, PersonFact};

use crate::engine::conversation::{Stored, snapshot};
use crate::engine::entry::{self, Entry, TokenHash, unreadable};
use crate::engine::license::StoredToken;
use crate::engine::limits::REPLAY_BATCH_BYTES;
use crate::engine::names;
use crate::engine::webhook::Owed;
use crate::storage::{ActorKey, ActorKind, Lsn, Records, Save, Storage, StorageError};

/// How often to look whether what was journaled at start is durable.
const DURABLE_POLL: Duration = Duration::from_millis(1);

/// A state that is brought up to date.
pub(crate) struct Replayed<V> {
    /// Where its snapshot was taken. Facts up to there are in it; of later ones, those of one
    /// record stand at one position, so that the position reached does not tell them apart.
    taken: Lsn,
    /// Up to where it is true.
    pub(crate) lsn: Lsn,
    /// What it is.
    pub(crate) state: V,
}

impl<V> Replayed<V> {
    const fn of(taken: Lsn, state: V) -> Self {
        Self { taken, lsn: taken, state }
    }

    fn replay(&mut self, lsn: Lsn, apply: impl FnOnce(&mut V)) {
        if lsn > self.taken {
            apply(&mut self.state);
            self.lsn = lsn;
        }
    }
}

/// The states of one kind.
type States<K, V> = HashMap<K, Replayed<V>>;

/// Everything that the actors are started from.
#[derive(Default)]
pub(crate) struct Recovered {
    pub(crate) licenses: States<LicenseId, License>,
    pub(crate) agents: States<(LicenseId, AgentId), Agent>,
    pub(crate) bots: States<(LicenseId, AgentId), Bot>,
    pub(crate) tokens: HashMap<TokenHash, (Lsn, StoredToken)>,
    pub(crate) people: States<u64, Person>,
    /// Only those that the journal's tail touches.
    customers: States<(LicenseId, CustomerId), Customer>,
    /// Only those that the journal's tail touches.
    conversations: HashMap<(LicenseId, ConversationId), Stored>,
    pub(crate) owed: Owed,
    /// Bytes of the journal whose customers and conversations are held here.
    held: usize,
    /// The greatest process-wide creation number.
    pub(crate) number: u64,
    last: Lsn,
}

impl Recovered {
    /// Reads snapshots and the journal's tail. Records that turn out to be broken are moved aside and
    /// built anew from the whole journal.
    ///
    /// # Errors
    /// When either cannot be read.
    pub(crate) fn read(storage: &mut Storage) -> Result<Self, StorageError> {
        match Self::read_in_batches(storage, REPLAY_BATCH_BYTES) {
            Err(error) if storage.records.are_suspect() => {
                tracing::error!(%error, "building the records anew from the whole journal");
                storage.renew_records()?;
                Self::read_in_batches(storage, REPLAY_BATCH_BYTES)
            }
            read => read,
        }
    }

    /// The same, storing in between what so many bytes of the journal have touched: a long tail, or all
    /// of the journal, is replayed in bounded memory.
    fn read_in_batches(storage: &Storage, batch: usize) -> Result<Self, StorageError> {
        let mut all = Self::default();
        all.read_snapshots(storage)?;
        let checkpoint = storage.journal.checkpoint();
        let last = storage.journal.replay(checkpoint, &mut |lsn, record| {
            entry::decode(record)?.into_iter().try_for_each(|entry| all.take(storage, lsn, entry))?;
            all.held += record.len();
            if all.held >= batch { all.store_held(storage) } else { Ok(()) }
        })?;
        all.last = last.max(checkpoint);
        all.number = all.highest_number();
        Ok(all)
    }

    fn read_snapshots(&mut self, storage: &Storage) -> Result<(), StorageError> {
        let records = &storage.records;
        for found in records.snapshots(ActorKind::License, None)? {
            let license: License = decode(records, &found.bytes)?;
            self.licenses.insert(license.id, Replayed::of(found.lsn, license));
        }
        for found in records.snapshots(ActorKind::Agent, None)? {
            if let ActorKey::Agent(license, id) = found.key {
                self.agents.insert((license, id), Replayed::of(found.lsn, decode(records, &found.bytes)?));
            }
        }
        for found in records.snapshots(ActorKind::Bot, None)? {
            if let ActorKey::Bot(license, id) = found.key {
                self.bots.insert((license, id), Replayed::of(found.lsn, decode(records, &found.bytes)?));
            }
        }
        for found in records.snapshots(ActorKind::Token, None)? {
            if let ActorKey::Token(hash) = found.key {
                self.tokens.insert(hash, (found.lsn, decode(records, &found.bytes)?));
            }
        }
        for found in records.snapshots(ActorKind::Person, None)? {
            let person: Person = decode(records, &found.bytes)?;
            self.people.insert(person.number, Replayed::of(found.lsn, person));
        }
        if let Some((_, bytes)) = records.snapshot(&ActorKey::Installation)? {
            self.number = decode(records, &bytes)?;
        }
        for license in self.licenses.keys().copied().collect::<Vec<_>>() {
            self.owed.read(storage, license)?;
        }
        for ended in self.ended() {
            self.drop_all_of(ended);
        }
        Ok(())
    }

    /// The licenses that ended.
    pub(crate) fn ended(&self) -> Vec<LicenseId> {
        let ended = self.licenses.iter().filter(|(_, license)| license.state.ended.is_some());
        ended.map(|(id, _)| *id).collect()
    }

    /// What a license had went with it. What is stored of it is removed when the server runs.
    fn drop_all_of(&mut self, ended: LicenseId) {
        self.agents.retain(|(license, _), _| *license != ended);
        self.bots.retain(|(license, _), _| *license != ended);
        self.customers.retain(|(license, _), _| *license != ended);
        self.conversations.retain(|(license, _), _| *license != ended);
        let is_others =
            |token: &StoredToken| !matches!(token, StoredToken::Issued(token) if token.license == ended);
        self.tokens.retain(|_, (_, token)| is_others(token));
        self.owed.drop_all_of(ended);
    }

    /// Does the entry speak of something that went with its license?
    fn is_gone(&self, entry: &Entry) -> bool {
        let ended = |license| self.licenses.get(&license).is_some_and(|known| known.state.ended.is_some());
        !matches!(entry, Entry::License(..)) && entry.license().is_some_and(ended)
    }

    fn take(&mut self, storage: &Storage, lsn: Lsn, entry: Entry) -> Result<(), StorageError> {
        match entry {
            entry if self.is_gone(&entry) => {}
            Entry::License(id, fact) => {
                if let LicenseFact::Put(first) = &fact {
                    self.licenses.entry(id).or_insert_with(|| Replayed::of(Lsn::ZERO, License::clone(first)));
                }
                let license = known(&mut self.licenses, &id)?;
                license.replay(lsn, |state| state.apply(&fact));
                if license.state.ended.is_some() {
                    self.drop_all_of(id);
                }
            }
            Entry::Person(number, fact) => {
                if let PersonFact::Put(first) = &fact {
                    let first = || Replayed::of(Lsn::ZERO, Person::clone(first));
                    self.people.entry(number).or_insert_with(first);
                }
                known(&mut self.people, &number)?.replay(lsn, |state| state.apply(&fact));
            }
            Entry::Agent(license, id, fact) => {
                if let AgentFact::Put(agent) = &fact {
                    self.agents
                        .entry((license, id.clone()))
                        .or_insert_with(|| Replayed::of(Lsn::ZERO, agent.clone()));
                }
                known(&mut self.agents, &(license, id))?.replay(lsn, |state| state.apply(&fact));
            }
            Entry::Bot(license, id, fact) => {
                if let BotFact::Put(bot) = &fact {
                    self.bots
                        .entry((license, id.clone()))
                        .or_insert_with(|| Replayed::of(Lsn::ZERO, (**bot).clone()));
                }
                known(&mut self.bots, &(license, id))?.replay(lsn, |state| state.apply(&fact));
            }
            Entry::Customer(license, id, fact) => {
                let customer = match self.customers.entry((license, id)) {
                    Slot::Occupied(known) => known.into_mut(),
                    Slot::Vacant(slot) => {
                        let stored = storage.records.snapshot(&ActorKey::Customer(license, id))?;
                        slot.insert(match (stored, &fact) {
                            (Some((lsn, bytes)), _) => Replayed::of(lsn, decode(&storage.records, &bytes)?),
                            (None, CustomerFact::Put(first)) => {
                                Replayed::of(Lsn::ZERO, Customer::clone(first))
                            }
                            (None, _) => return Err(orphan("a customer")),
                        })
                    }
                };
                customer.replay(lsn, |state| state.apply(&fact));
            }
            Entry::Conversation(license, id, fact) => {
                self.number = self.number.max(fact.highest_number());
                let stored = self.conversation(storage, license, id, Some(&fact))?;
                let stored = stored.ok_or_else(|| orphan("a conversation"))?;
                if lsn > stored.lsn {
                    // Pushes of the past are not told again.
                    stored.head.apply(&fact, &mut Vec::new());
                    stored.pending = lsn;
                }
            }
            Entry::TokenIssued(hash, token) => {
                self.tokens.entry(hash).or_insert((lsn, StoredToken::Issued(token)));
            }
            Entry::TokenRevoked(hash) => {
                self.tokens.insert(hash, (lsn, StoredToken::Revoked));
            }
            entry => {
                if let Entry::DeliveryDue(license, delivery, number) = &entry
                    && let Some(chat) = delivery.lane.conversation
                    && let Some(stored) = self.conversation(storage, *license, chat, None)?
                {
                    stored.head.delivered_up_to(*number);
                }
                self.owed.take(storage, entry)?;
            }
        }
        Ok(())
    }

    fn conversation(
        &mut self,
        storage: &Storage,
        license: LicenseId,
        id: ConversationId,
        fact: Option<&Fact>,
    ) -> Result<Option<&mut Stored>, StorageError> {
        let slot = match self.conversations.entry((license, id)) {
            Slot::Occupied(known) => return Ok(Some(known.into_mut())),
            Slot::Vacant(slot) => slot,
        };
        let stored = match storage.records.snapshot(&ActorKey::Conversation(license, id))? {
            Some((lsn, bytes)) => {
                let mut stored: Stored = decode(&storage.records, &bytes)?;
                (stored.lsn, stored.pending) = (lsn, lsn);
                Some(stored)
            }
            None => fact.and_then(Conversation::born).map(Stored::new),
        };
        Ok(stored.map(|stored| slot.insert(stored)))
    }

    /// Journals what a configuration adds, and takes it over.
    ///
    /// # Errors
    /// When it cannot be journaled.
    pub(crate) fn add(&mut self, storage: &Storage, entries: Vec<Entry>) -> Result<(), StorageError> {
        if entries.is_empty() {
            return Ok(());
        }
        storage.journal.ready()?;
        // Each stands alone, and all of them may be more than a record holds.
        let mut lsn = self.last;
        for entry in &entries {
            lsn = storage.journal.append(&entry::encode(std::slice::from_ref(entry))?)?;
        }
        storage.journal.hand_over();
        while storage.journal.durable() < lsn {
            std::thread::park_timeout(DURABLE_POLL);
        }
        self.last = lsn;
        entries.into_iter().try_for_each(|entry| self.take(storage, lsn, entry))
    }

    /// Stores every state, so that the journal's tail is needed no more.
    ///
    /// # Errors
    /// When the records cannot be written.
    pub(crate) fn store(&mut self, storage: &Storage) -> Result<(), StorageError> {
        let records = &storage.records;
        self.number = self.highest_number();
        for (id, license) in &self.licenses {
            records.save(one(&ActorKey::License(*id), license.lsn, &license.state)?)?;
        }
        for ((license, id), agent) in &self.agents {
            records.save(one(&ActorKey::Agent(*license, id.clone()), agent.lsn, &agent.state)?)?;
        }
        for ((license, id), bot) in &self.bots {
            records.save(one(&ActorKey::Bot(*license, id.clone()), bot.lsn, &bot.state)?)?;
        }
        for (hash, (lsn, state)) in &self.tokens {
            records.save(one(&ActorKey::Token(*hash), *lsn, state)?)?;
        }
        for (number, person) in &self.people {
            records.save(one(&ActorKey::Person(*number), person.lsn, &person.state)?)?;
        }
        // They stay: the conversations are started with what the journal told of them.
        self.save_held(storage)?;
        self.owed.store_dead(records)?;
        for license in self.licenses.keys() {
            self.owed.store(storage, *license)?;
        }
        records.save(numbers(self.number, self.last)?)?;
        records.sync()?;
        storage.journal.set_checkpoint(self.last)
    }

    /// Gives a conversation that was read from its snapshot the pushes that the journal told of.
    pub(crate) fn recall(&self, head: &mut Conversation) {
        if let Some(replayed) = self.conversations.get(&(head.license(), head.id())) {
            head.recall(&replayed.head);
        }
    }

    /// Stores the customers, conversations and dead letters that are held, and lets them go. Between two records
    /// only: the facts of one record stand at one position.
    fn store_held(&mut self, storage: &Storage) -> Result<(), StorageError> {
        self.number = self.highest_number();
        self.save_held(storage)?;
        self.owed.store_dead(&storage.records)?;
        self.customers.clear();
        self.conversations.clear();
        self.held = 0;
        Ok(())
    }

    fn save_held(&self, storage: &Storage) -> Result<(), StorageError> {
        let records = &storage.records;
        for ((license, id), customer) in &self.customers {
            let mut save = one(&ActorKey::Customer(*license, *id), customer.lsn, &customer.state)?;
            names::enter(*license, &customer.state, &mut save);
            records.save(save)?;
        }
        for stored in self.conversations.values() {
            records.save(snapshot(records, &stored.head, stored.indexed_at, stored.pending)?)?;
        }
        Ok(())
    }

    fn highest_number(&self) -> u64 {
        let agents = self.agents.values().map(|agent| agent.state.number);
        let bots = self.bots.values().map(|bot| bot.state.number);
        let customers = self.customers.values().map(|customer| {
            let customer = &customer.state;
            let entries = customer.contact.iter().flat_map(|contact| &contact.entries);
            let newest = entries.map(|entry| entry.number).max().unwrap_or(customer.number);
            let visited = customer.visit.as_ref().map_or(customer.number, |visit| visit.number);
            newest.max(visited).max(customer.number)
        });
        let desks = self.licenses.values().map(|license| {
            let ended = license.state.ended.map_or(0, |ended| ended.number);
            license.state.desk.highest_number().max(ended)
        });
        let desks = desks.chain(self.people.keys().copied());
        agents.chain(bots).chain(customers).chain(desks).fold(self.number, u64::max)
    }
}

fn decode<T: DeserializeOwned>(records: &Records, bytes: &[u8]) -> Result<T, StorageError> {
    rmp_serde::from_slice(bytes)
        .map_err(|error| records.broken(&format!("a snapshot cannot be read: {error}")))
}

/// What is stored of the installation: the greatest process-wide creation number.
///
/// # Errors
/// None that is known.
pub(crate) fn numbers(number: u64, lsn: Lsn) -> Result<Save, StorageError> {
    one(&ActorKey::Installation, lsn, &number)
}

fn one<T: Serialize>(key: &ActorKey, lsn: Lsn, state: &T) -> Result<Save, StorageError> {
    let bytes = rmp_serde::to_vec(state).map_err(|error| unreadable("a snapshot", &error))?;
    let mut save = Save::new();
    save.snapshot(key, lsn, &bytes);
    Ok(save)
}

fn known<'a, K: std::hash::Hash + Eq, V>(
    states: &'a mut States<K, V>,
    key: &K,
) -> Result<&'a mut Replayed<V>, StorageError> {
    states.get_mut(key).ok_or_else(|| orphan("somebody"))
}

/// The journal tells of a change to what neither it nor a snapshot ever made.
fn orphan(what: &str) -> StorageError {
    StorageError::Unreadable { what: "a record", reason: format!("it changes {what} that was never made") }
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
