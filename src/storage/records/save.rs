//! What is saved together.

use switchboard_domain::id::{ConversationId, LicenseId, ThreadId};
use switchboard_domain::time::Timestamp;

use super::key::{self, ActorKey, EVENT_SHELF, IndexKey, Room};
use super::store::Batch;
use crate::storage::Lsn;

/// Changes that [`Records::save`](super::Records::save) makes together or not at all. Of several to the
/// same thing the last counts.
#[derive(Debug, Default)]
pub struct Save {
    batch: Batch,
    highest: Lsn,
}

impl Save {
    /// Changes nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Keeps the state of an actor, which contains the records up to `lsn`; those must be durable.
    pub fn snapshot(&mut self, key: &ActorKey, lsn: Lsn, state: &[u8]) -> &mut Self {
        let mut value = Vec::with_capacity(size_of::<u64>() + state.len());
        value.extend_from_slice(&lsn.get().to_be_bytes());
        value.extend_from_slice(state);
        self.batch.put(key::snapshot(key), value);
        self.highest = self.highest.max(lsn);
        self
    }

    /// Removes the snapshot of an actor, and only that.
    pub fn forget(&mut self, key: &ActorKey) -> &mut Self {
        self.batch.remove(key::snapshot(key));
        self
    }

    /// Keeps the `n`-th chunk of a thread's older events.
    pub fn chunk(
        &mut self,
        license: LicenseId,
        conversation: ConversationId,
        thread: ThreadId,
        n: u32,
        events: Vec<u8>,
    ) -> &mut Self {
        self.batch.put(key::chunk(license, conversation, thread, n), events);
        self
    }

    /// Enters something into an index.
    pub fn index_put(&mut self, key: &IndexKey, value: &[u8]) -> &mut Self {
        self.batch.put(key::index(key), value.to_vec());
        self
    }

    /// Takes something out of an index.
    pub fn index_remove(&mut self, key: &IndexKey) -> &mut Self {
        self.batch.remove(key::index(key));
        self
    }

    /// Enters events of a conversation by their numbers, which rise: those of one run, which no other run
    /// has, as far as they lie on a shelf with one that is `new` or newer. A run that has grown is entered
    /// again.
    pub fn events(
        &mut self,
        license: LicenseId,
        conversation: ConversationId,
        numbers: &[u64],
        new: u64,
    ) -> &mut Self {
        for shelf in numbers.chunk_by(|a, b| a / EVENT_SHELF == b / EVENT_SHELF) {
            let (Some(first), Some(last)) = (shelf.first(), shelf.last()) else { continue };
            if *last >= new {
                let place = |number: &u64| u16::try_from(number % EVENT_SHELF).unwrap_or(u16::MAX);
                let places: Vec<u8> = shelf.iter().flat_map(|number| place(number).to_be_bytes()).collect();
                self.index_put(&IndexKey::Events { license, first: *first, conversation }, &places);
            }
        }
        self
    }

    /// Keeps a delivery that is not finished. Ids are unique in the license.
    pub fn delivery_put(&mut self, license: LicenseId, id: &str, delivery: &[u8]) -> &mut Self {
        self.put_named(Room::Delivery, license, id, delivery)
    }

    /// Drops a finished delivery.
    pub fn delivery_remove(&mut self, license: LicenseId, id: &str) -> &mut Self {
        self.remove_named(Room::Delivery, license, id)
    }

    /// Keeps a delivery that was given up, under its id.
    pub fn dead_letter_put(&mut self, license: LicenseId, id: &str, letter: &[u8]) -> &mut Self {
        self.put_named(Room::DeadLetter, license, id, letter)
    }

    /// Drops one that was kept long enough, or is due again.
    pub fn dead_letter_remove(&mut self, license: LicenseId, id: &str) -> &mut Self {
        self.remove_named(Room::DeadLetter, license, id)
    }

    /// Keeps how a receiver of webhooks stands, under its URL.
    pub fn receiver_put(&mut self, license: LicenseId, url: &str, standing: &[u8]) -> &mut Self {
        self.put_named(Room::Receiver, license, url, standing)
    }

    /// Drops a receiver of which there is nothing to say.
    pub fn receiver_remove(&mut self, license: LicenseId, url: &str) -> &mut Self {
        self.remove_named(Room::Receiver, license, url)
    }

    fn put_named(&mut self, room: Room, license: LicenseId, name: &str, value: &[u8]) -> &mut Self {
        self.batch.put(key::named(room, license, name), value.to_vec());
        self
    }

    fn remove_named(&mut self, room: Room, license: LicenseId, name: &str) -> &mut Self {
        self.batch.remove(key::named(room, license, name));
        self
    }

    /// Remembers to wake an actor. It may have several deadlines; a moved one is removed and put anew.
    pub fn deadline_put(&mut self, at: Timestamp, key: &ActorKey) -> &mut Self {
        self.batch.put(key::deadline(at, key), Vec::new());
        self
    }

    /// Drops a deadline.
    pub fn deadline_remove(&mut self, at: Timestamp, key: &ActorKey) -> &mut Self {
        self.batch.remove(key::deadline(at, key));
        self
    }

    /// The changes, and the greatest position of a snapshot among them.
    pub(super) fn into_batch(self) -> (Batch, Lsn) {
        (self.batch, self.highest)
    }
}
