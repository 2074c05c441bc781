//! What recovery finds out about webhooks (design D15): the calls that are owed, those that were
//! given up, and how their receivers stand.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use switchboard_domain::id::LicenseId;
use switchboard_domain::webhook::{DeadLetter, Delivery, DeliveryId, Standing};

use crate::engine::entry::Entry;
use crate::engine::webhook;
use crate::storage::{Records, Save, Storage, StorageError};

type Key = (LicenseId, DeliveryId);

/// The webhooks of all licenses.
#[derive(Default)]
pub(crate) struct Owed {
    deliveries: HashMap<Key, Arc<Delivery>>,
    /// Those that died in the journal's tail; the others stay where they are stored.
    died: HashMap<Key, DeadLetter>,
    /// Those that are due again since they were stored as dead.
    revived: HashSet<Key>,
    receivers: HashMap<(LicenseId, Arc<str>), Standing>,
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
                    self.died.insert(key, DeadLetter { delivery, how, died_at });
                }
            }
            Entry::DeliveryRevived(license, id, at, url) => {
                let key = (license, id);
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

    /// Stores all of a license, so that the journal's tail is needed no more.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub(crate) fn store(&self, storage: &Storage, license: LicenseId) -> Result<(), StorageError> {
        let records = &storage.records;
        let mut save = Save::new();
        for (id, _) in records.deliveries(license)? {
            if !self.deliveries.contains_key(&(license, DeliveryId::new(&id))) {
                save.delivery_remove(license, &id);
            }
        }
        for ((owner, id), delivery) in &self.deliveries {
            if *owner == license {
                save.delivery_put(license, id.as_str(), &webhook::encode(delivery)?);
                // Its death may have been stored, but not become durable.
                if records.dead_letter(license, id.as_str())?.is_some() {
                    save.dead_letter_remove(license, id.as_str());
                }
            }
        }
        let revived = self.revived.iter().filter(|(owner, _)| *owner == license);
        for (_, id) in revived {
            save.dead_letter_remove(license, id.as_str());
        }
        for ((owner, id), letter) in &self.died {
            if *owner == license {
                save.dead_letter_put(license, id.as_str(), &webhook::encode(letter)?);
            }
        }
        for ((owner, url), standing) in &self.receivers {
            if *owner == license {
                webhook::save_receiver(&mut save, license, url, standing)?;
            }
        }
        if save.is_empty() { Ok(()) } else { records.save(save) }
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
