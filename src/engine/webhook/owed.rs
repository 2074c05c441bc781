//! What recovery finds out about webhooks (design D15): the calls that are owed, those that were
//! given up, and how their receivers stand.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use switchboard_domain::id::LicenseId;
use switchboard_domain::webhook::limits::{MAX_DEAD_LETTER_LIFE, MAX_DEAD_LETTERS};
use switchboard_domain::webhook::{
    DeadLetter, DeadLetters, DeadLine, Delivery, DeliveryId, Keeping, Standing,
};

use crate::engine::entry::Entry;
use crate::engine::webhook;
use crate::engine::webhook::pages::Pages;
use crate::storage::{Records, Storage, StorageError};

type Key = (LicenseId, DeliveryId);

/// How many dead letters of a license a replay keeps: as many as any operator may have kept, since what of
/// them was forgotten is not journaled.
const KEPT: Keeping = Keeping { life: MAX_DEAD_LETTER_LIFE, count: MAX_DEAD_LETTERS };

/// The webhooks of all licenses.
pub(crate) struct Owed {
    deliveries: HashMap<Key, Arc<Delivery>>,
    /// Those that died in the journal's tail and are not stored yet; the others are where they are stored.
    died: HashMap<Key, DeadLetter>,
    /// What bounds those that died in the journal's tail: a rebuild comes by all that ever did.
    lines: HashMap<LicenseId, DeadLetters>,
    keeping: Keeping,
    /// Those that are too many, and may be stored.
    forgotten: Vec<Key>,
    /// Those that are due again since they were stored as dead.
    revived: HashSet<Key>,
    receivers: HashMap<(LicenseId, Arc<str>), Standing>,
}

impl Default for Owed {
    fn default() -> Self {
        Self {
            deliveries: HashMap::new(),
            died: HashMap::new(),
            lines: HashMap::new(),
            keeping: KEPT,
            forgotten: Vec::new(),
            revived: HashSet::new(),
            receivers: HashMap::new(),
        }
    }
}

impl Owed {
    /// Reads what is stored of a license.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn read(&mut self, storage: &Storage, license: LicenseId) -> Result<(), StorageError> {
        for (_, bytes) in storage.records.deliveries(license)? {
            let delivery: Arc<Delivery> = decode(&storage.records, &bytes)?;
            self.deliveries.insert((license, delivery.id.clone()), delivery);
        }
        for (url, bytes) in storage.records.receivers(license)? {
            self.receivers.insert((license, url.into()), decode(&storage.records, &bytes)?);
        }
        Ok(())
    }

    /// What a license that ended was owed went with it.
    pub(crate) fn drop_all_of(&mut self, ended: LicenseId) {
        self.deliveries.retain(|(license, _), _| *license != ended);
        self.died.retain(|(license, _), _| *license != ended);
        self.revived.retain(|(license, _)| *license != ended);
        self.receivers.retain(|(license, _), _| *license != ended);
    }

    /// Takes an entry of the journal's tail; those of others are ignored.
    ///
    /// # Errors
    /// When a dead letter cannot be read.
    pub(crate) fn take(&mut self, storage: &Storage, entry: Entry) -> Result<(), StorageError> {
        match entry {
            Entry::DeliveryDue(license, delivery, _) => {
                self.deliveries.insert((license, delivery.id.clone()), delivery);
            }
            Entry::DeliverySettled(license, id, _) => {
                self.deliveries.remove(&(license, id));
            }
            Entry::DeliveryDied(license, id, how, died_at) => {
                let key = (license, id);
                // One that is not owed is stored as dead already.
                if let Some(delivery) = self.deliveries.remove(&key) {
                    self.revived.remove(&key);
                    self.take_dead(key, DeadLetter { delivery, how, died_at });
                }
            }
            Entry::DeliveryRevived(license, id, at, url) => {
                let key = (license, id);
                if let Some(lines) = self.lines.get_mut(&license) {
                    drop(lines.remove(&key.1));
                }
                let stored = || storage.records.dead_letter(license, key.1.as_str());
                let letter = match self.died.remove(&key) {
                    Some(letter) => Some(letter),
                    None => {
                        stored()?.map(|bytes| decode::<DeadLetter>(&storage.records, &bytes)).transpose()?
                    }
                };
                if let Some(letter) = letter {
                    self.deliveries.insert(key.clone(), Arc::new(letter.delivery.revived(at, &url)));
                    self.revived.insert(key);
                }
            }
            Entry::ReceiverChanged(license, url, standing) => {
                self.receivers.insert((license, url), standing);
            }
            _ => {}
        }
        Ok(())
    }

    fn take_dead(&mut self, key: Key, letter: DeadLetter) {
        let license = key.0;
        let lines = self.lines.entry(license).or_insert_with(|| DeadLetters::new(self.keeping));
        let line = DeadLine::of(&letter);
        self.died.insert(key, letter);
        for id in lines.add(line) {
            let key = (license, id);
            self.died.remove(&key);
            self.forgotten.push(key);
        }
    }

    /// Stores the dead letters that are held, and lets them go. Others that the journal tells of later may
    /// be these: they are read again then.
    ///
    /// # Errors
    /// When the records cannot be written.
    pub(crate) fn store_dead(&mut self, records: &Records) -> Result<(), StorageError> {
        let mut pages = Pages::new(records);
        for ((license, id), letter) in &self.died {
            let bytes = webhook::encode(letter)?;
            pages.add(|save| {
                save.dead_letter_put(*license, id.as_str(), &bytes);
            })?;
        }
        for (license, id) in self.forgotten.drain(..).filter(|key| !self.died.contains_key(key)) {
            pages.add(|save| {
                save.dead_letter_remove(license, id.as_str());
            })?;
        }
        pages.save()?;
        self.died.clear();
        Ok(())
    }

    /// Stores all of a license but its dead letters, which are stored already, so that the journal's tail is
    /// needed no more. What a replay that is cut off here would miss goes last.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub(crate) fn store(&self, storage: &Storage, license: LicenseId) -> Result<(), StorageError> {
        let records = &storage.records;
        let mut pages = Pages::new(records);
        for ((_, id), delivery) in self.deliveries.iter().filter(|((owner, _), _)| *owner == license) {
            let bytes = webhook::encode(delivery)?;
            // Its death may have been stored, but not become durable.
            let was_dead = records.dead_letter(license, id.as_str())?.is_some();
            pages.add(|save| {
                save.delivery_put(license, id.as_str(), &bytes);
                if was_dead {
                    save.dead_letter_remove(license, id.as_str());
                }
            })?;
        }
        for ((_, url), standing) in self.receivers.iter().filter(|((owner, _), _)| *owner == license) {
            let mut kept = Ok(());
            pages.add(|save| kept = webhook::save_receiver(save, license, url, standing))?;
            kept?;
        }
        for (_, id) in self.revived.iter().filter(|(owner, _)| *owner == license) {
            pages.add(|save| {
                save.dead_letter_remove(license, id.as_str());
            })?;
        }
        for (id, _) in records.deliveries(license)? {
            if !self.deliveries.contains_key(&(license, DeliveryId::new(&id))) {
                pages.add(|save| {
                    save.delivery_remove(license, &id);
                })?;
            }
        }
        pages.save()
    }

    /// How the receivers of a license stand.
    pub(crate) fn receivers(&self, license: LicenseId) -> Vec<(Arc<str>, Standing)> {
        let own = self.receivers.iter().filter(|((owner, _), _)| *owner == license);
        own.map(|((_, url), standing)| (Arc::clone(url), *standing)).collect()
    }

    /// The webhook calls that are still owed, in the order in which they fell due; those of one
    /// conversation in the order of its count.
    pub(crate) fn calls(&self, license: LicenseId) -> Vec<Arc<Delivery>> {
        let mut owed: Vec<_> = self
            .deliveries
            .iter()
            .filter(|((owner, _), _)| *owner == license)
            .map(|(_, delivery)| Arc::clone(delivery))
            .collect();
        // The clock may have stepped back in between, the count of a conversation never does: its
        // calls take the places that the times of all give to it, in the order of their count.
        owed.sort_by_key(|delivery| delivery.due_since);
        let mut counted: HashMap<_, Vec<Arc<Delivery>>> = HashMap::new();
        for delivery in &owed {
            counted.entry(delivery.lane.conversation).or_default().push(Arc::clone(delivery));
        }
        for (conversation, calls) in &mut counted {
            if conversation.is_some() {
                calls.sort_by_key(|delivery| std::cmp::Reverse(delivery.id.number()));
            } else {
                calls.reverse();
            }
        }
        let next = |place: &Arc<Delivery>| counted.get_mut(&place.lane.conversation)?.pop();
        owed.iter().filter_map(next).collect()
    }
}

fn decode<T: serde::de::DeserializeOwned>(records: &Records, bytes: &[u8]) -> Result<T, StorageError> {
    rmp_serde::from_slice(bytes)
        .map_err(|error| records.broken(&format!("a delivery cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use switchboard_domain::id::AgentId;
    use switchboard_domain::time::Timestamp;
    use switchboard_domain::webhook::{EndpointId, Lane, Owner, Settlement};

    use super::*;

    const LICENSE: LicenseId = LicenseId(7);

    fn id(n: u64) -> DeliveryId {
        DeliveryId::new(&format!("c-{n:03}"))
    }

    fn due(n: u64) -> Entry {
        let delivery = Delivery {
            id: id(n),
            lane: Lane { endpoint: EndpointId::new("bot"), conversation: None },
            owner: Owner::Bot(AgentId::new("bot")),
            url: "http://h/".into(),
            body: vec![7; 1000].into(),
            due_since: Timestamp::from_secs(n),
            awaited: false,
            passing: false,
        };
        Entry::DeliveryDue(LICENSE, Arc::new(delivery), n)
    }

    fn died(n: u64) -> Entry {
        Entry::DeliveryDied(LICENSE, id(n), Settlement::Overflowed, Timestamp::from_secs(1000 + n))
    }

    fn dead(records: &Records) -> Vec<String> {
        let mut ids = Vec::new();
        let visit = &mut |bytes: Vec<u8>| {
            ids.push(decode::<DeadLetter>(records, &bytes)?.delivery.id.to_string());
            Ok(())
        };
        records.each_dead_letter(LICENSE, visit).unwrap();
        ids
    }

    fn owed(records: &Records) -> Vec<String> {
        records.deliveries(LICENSE).unwrap().into_iter().map(|(id, _)| id).collect()
    }

    /// All that died in the life of a license, some at a time; in between one is revived and dies anew, and
    /// another is revived and still owed.
    fn replay(storage: &Storage, every: usize) -> Owed {
        let mut all = Owed { keeping: Keeping { count: 5, ..KEPT }, ..Owed::default() };
        all.read(storage, LICENSE).unwrap();
        let revived =
            |n| Entry::DeliveryRevived(LICENSE, id(n), Timestamp::from_secs(5000), "http://new/".into());
        let mut tail: Vec<_> = (0..40).flat_map(|n| [due(n), died(n)]).collect();
        tail.extend([revived(38), died(38), revived(39)]);
        for (n, entry) in (1..).zip(tail) {
            all.take(storage, entry).unwrap();
            assert!(all.died.len() <= 5, "what is too much is let go");
            if every > 0 && n % every == 0 {
                all.store_dead(&storage.records).unwrap();
                assert!(all.died.is_empty() && all.forgotten.is_empty());
            }
        }
        all
    }

    #[test]
    fn of_all_that_ever_died_a_replay_holds_and_stores_only_so_many() {
        for every in [0, 1, 7] {
            let (storage, _) = Storage::in_memory();
            // The first one is cut off before its end: the next one comes to the same.
            drop(replay(&storage, every));
            let mut all = replay(&storage, every);
            all.store_dead(&storage.records).unwrap();
            all.store(&storage, LICENSE).unwrap();
            assert_eq!(dead(&storage.records), ["c-035", "c-036", "c-037", "c-038"], "every {every}");
            assert_eq!(owed(&storage.records), ["c-039"]);
            let calls = all.calls(LICENSE);
            assert_eq!((calls.len(), &*calls[0].url), (1, "http://new/"));
            // Once more, from what is stored: a crash came before the checkpoint.
            let mut again = replay(&storage, every);
            again.store_dead(&storage.records).unwrap();
            again.store(&storage, LICENSE).unwrap();
            assert_eq!((dead(&storage.records).len(), owed(&storage.records).len()), (4, 1));
        }
    }
}
