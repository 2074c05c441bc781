//! What the journal is boiled down to: snapshots of actors, chunks of old events, the indexes that
//! lists are read from, deliveries that are due or were given up, how their receivers stand, deadlines of actors that sleep.
//!
//! Lives here: the typed rooms ([`Records`], [`Save`]), the encoding of their keys, and the stores
//! below them, one of which is the only file that names sled. What the bytes mean, and when to save,
//! is the engine's business; so is which position of the journal a snapshot carries.
//!
//! Nothing here is the only copy: the journal can build all of it again.

mod care;
mod codec;
mod key;
mod memory_store;
mod parts;
mod save;
mod sled_store;
mod store;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod sled_tests;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};

use switchboard_domain::id::{ConversationId, CustomerId, LicenseId, ThreadId};
use switchboard_domain::time::Timestamp;

pub use care::{Care, in_store};
pub use key::{ActorKey, ActorKind, EVENT_SHELF, IndexKey, NameDigest};
pub use memory_store::MemoryStore;
pub use save::Save;
pub use sled_store::SledStore;
pub use store::{Batch, Direction, KeyRange, Pair, Store};

use super::{Lsn, StorageError, files};
use codec::Reader;
use key::Room;

/// Entries of the index of events that are looked at with one read.
const EVENTS_PAGE: usize = 64;

/// The newest format of keys and values known here.
const KNOWN_FORMAT: u32 = 1;
/// How many snapshots, or dead letters, are held at once while all of a kind are visited.
const SNAPSHOT_PAGE: usize = 64;

/// What a list is read as: what identifies each entry, and its value.
pub type Rows<K> = Vec<(K, Vec<u8>)>;

/// The state of an actor as it was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Whose state.
    pub key: ActorKey,
    /// The last record of the journal that is in it.
    pub lsn: Lsn,
    /// The state, as the engine encoded it.
    pub bytes: Vec<u8>,
}

/// The typed rooms over a store. Clones are the same records.
#[derive(Clone)]
pub struct Records {
    store: Arc<dyn Store>,
    /// The greatest position that any snapshot ever carried, as stored.
    highest: Arc<Mutex<Lsn>>,
}

impl Records {
    /// Over `store`.
    ///
    /// # Errors
    /// `NewerFormat` when a later version wrote it; `Corrupt`, `Io`.
    pub fn new(store: Arc<dyn Store>) -> Result<Self, StorageError> {
        let records = Self::empty(store);
        if let Some(found) = records.format()?.filter(|found| *found > KNOWN_FORMAT) {
            let file = records.store.place();
            return Err(StorageError::NewerFormat { file, found, known: KNOWN_FORMAT });
        }
        if let Some(bytes) = records.store.get(&key::highest())? {
            *files::lock(&records.highest) = Lsn::new(records.reader(&bytes).u64()?);
        }
        Ok(records)
    }

    /// Over a store that is known to hold nothing.
    pub(super) fn empty(store: Arc<dyn Store>) -> Self {
        Self { store, highest: Arc::default() }
    }

    /// Whether these records were marked as the ones that the journal's checkpoint speaks of.
    pub(super) fn is_established(&self) -> Result<bool, StorageError> {
        Ok(self.format()?.is_some())
    }

    /// Marks these records, durably.
    pub(super) fn establish(&self) -> Result<(), StorageError> {
        let mut batch = Batch::default();
        batch.put(key::format(), KNOWN_FORMAT.to_be_bytes().to_vec());
        self.store.write(batch)?;
        self.store.sync()
    }

    fn format(&self) -> Result<Option<u32>, StorageError> {
        self.store.get(&key::format())?.map(|bytes| self.reader(&bytes).u32()).transpose()
    }

    /// The greatest position that any snapshot here ever carried.
    #[must_use]
    pub fn highest_saved(&self) -> Lsn {
        *files::lock(&self.highest)
    }

    /// Writes all of `save` or nothing. It survives a crash of the process, and one of the system only
    /// after [`sync`](Self::sync). What a snapshot contains must be durable in the journal before.
    ///
    /// # Errors
    /// `DiskFull`, `Corrupt`, `Io`: nothing was written.
    pub fn save(&self, save: Save) -> Result<(), StorageError> {
        let (mut batch, lsn) = save.into_batch();
        // Held over the write, so that a smaller position never overwrites a greater one.
        let mut highest = files::lock(&self.highest);
        if lsn > *highest {
            batch.put(key::highest(), lsn.get().to_be_bytes().to_vec());
        }
        self.store.write(batch)?;
        *highest = lsn.max(*highest);
        Ok(())
    }

    /// Something that was saved here makes no sense any more: says so loudly and remembers it, so that
    /// a start builds the records anew. Gives the error to answer with.
    #[must_use]
    pub fn broken(&self, reason: &str) -> StorageError {
        self.store.broken(reason)
    }

    /// Whether anything was found broken since they were opened.
    #[must_use]
    pub fn are_suspect(&self) -> bool {
        self.store.is_suspect()
    }

    /// Puts all that was saved on the disk. Then, and not before, the checkpoint may move.
    ///
    /// # Errors
    /// `DiskFull`, `Io`.
    pub fn sync(&self) -> Result<(), StorageError> {
        self.store.sync()
    }

    /// The snapshot of an actor.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn snapshot(&self, key: &ActorKey) -> Result<Option<(Lsn, Vec<u8>)>, StorageError> {
        self.store.get(&key::snapshot(key))?.map(|bytes| self.split_snapshot(bytes)).transpose()
    }

    /// All snapshots of a kind, of one license or of all. Kinds that belong to no license have none
    /// under any. Meant for kinds of which there are few; see [`each_snapshot`](Self::each_snapshot).
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn snapshots(
        &self,
        kind: ActorKind,
        license: Option<LicenseId>,
    ) -> Result<Vec<Snapshot>, StorageError> {
        let mut found = Vec::new();
        self.each_snapshot(kind, license, &mut |snapshot| {
            found.push(snapshot);
            Ok(())
        })?;
        Ok(found)
    }

    /// Visits all snapshots of a kind in the order of their keys, holding only some of them at once.
    ///
    /// # Errors
    /// `Corrupt`, `Io`, and what `visit` returns.
    pub fn each_snapshot(
        &self,
        kind: ActorKind,
        license: Option<LicenseId>,
        visit: &mut dyn FnMut(Snapshot) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let Some(mut range) = key::snapshots(kind, license) else {
            return Ok(());
        };
        loop {
            let page = self.store.scan(&range, Direction::Forward, SNAPSHOT_PAGE)?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            range.start = key::just_after(last);
            for (key, value) in page {
                let mut reader = self.reader(&key);
                reader.skip_room()?;
                let key = reader.actor()?;
                let (lsn, bytes) = self.split_snapshot(value)?;
                visit(Snapshot { key, lsn, bytes })?;
            }
        }
    }

    fn split_snapshot(&self, mut bytes: Vec<u8>) -> Result<(Lsn, Vec<u8>), StorageError> {
        let lsn = Lsn::new(self.reader(&bytes).u64()?);
        bytes.drain(..size_of::<u64>());
        Ok((lsn, bytes))
    }

    /// One chunk of a thread's older events.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn chunk(
        &self,
        license: LicenseId,
        conversation: ConversationId,
        thread: ThreadId,
        n: u32,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        self.store.get(&key::chunk(license, conversation, thread, n))
    }

    /// All chunks of a thread, oldest first.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn chunks(
        &self,
        license: LicenseId,
        conversation: ConversationId,
        thread: ThreadId,
    ) -> Result<Vec<Vec<u8>>, StorageError> {
        let pairs = self.scan_all(&key::chunks(license, conversation, thread))?;
        Ok(pairs.into_iter().map(|(_, value)| value).collect())
    }

    /// Conversations by the time of their last activity, at most `limit`, beginning behind `after`.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn by_activity(
        &self,
        license: LicenseId,
        newest_first: bool,
        after: Option<(Timestamp, ConversationId)>,
        limit: usize,
    ) -> Result<Rows<(Timestamp, ConversationId)>, StorageError> {
        let mut range = key::of_license(Room::ByActivity, license);
        let after =
            after.map(|(at, conversation)| key::index(&IndexKey::ByActivity { license, at, conversation }));
        let direction = match (after, newest_first) {
            (Some(after), true) => {
                range.end = after;
                Direction::Backward
            }
            (Some(after), false) => {
                range.start = key::just_after(&after);
                Direction::Forward
            }
            (None, true) => Direction::Backward,
            (None, false) => Direction::Forward,
        };
        self.store
            .scan(&range, direction, limit)?
            .into_iter()
            .map(|(key, value)| {
                let mut reader = self.in_license(&key)?;
                Ok(((reader.timestamp()?, reader.conversation()?), value))
            })
            .collect()
    }

    /// The conversations of a customer.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn of_customer(
        &self,
        license: LicenseId,
        customer: CustomerId,
    ) -> Result<Rows<ConversationId>, StorageError> {
        self.scan_all(&key::of_customer(license, customer))?
            .into_iter()
            .map(|(key, value)| {
                let mut reader = self.in_license(&key)?;
                reader.customer()?;
                Ok((reader.conversation()?, value))
            })
            .collect()
    }

    /// The conversations of a license that have an active thread.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn open_conversations(&self, license: LicenseId) -> Result<Rows<ConversationId>, StorageError> {
        self.scan_all(&key::of_license(Room::Open, license))?
            .into_iter()
            .map(|(key, value)| Ok((self.in_license(&key)?.conversation()?, value)))
            .collect()
    }

    /// What has this number in the license: the bytes of its id.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn numbered(&self, license: LicenseId, number: u64) -> Result<Option<Vec<u8>>, StorageError> {
        self.store.get(&key::index(&IndexKey::Number { license, number }))
    }

    /// The conversation of a license that has an event with this number. Looks at no more entries than
    /// [`EVENT_SHELF`].
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn with_event(
        &self,
        license: LicenseId,
        number: u64,
    ) -> Result<Option<ConversationId>, StorageError> {
        let wanted = u16::try_from(number % EVENT_SHELF).unwrap_or(u16::MAX).to_be_bytes();
        let holds = |value: &[u8]| value.as_chunks().0.contains(&wanted);
        let mut range = key::events(license, number);
        // The nearest are looked at first: most conversations are short.
        loop {
            let page = self.store.scan(&range, Direction::Backward, EVENTS_PAGE)?;
            if let Some((key, _)) = page.iter().find(|(_, value)| holds(value)) {
                let mut reader = self.in_license(key)?;
                reader.u64()?;
                return reader.conversation().map(Some);
            }
            match page.into_iter().last() {
                Some((key, _)) => range.end = key,
                None => return Ok(None),
            }
        }
    }

    /// The customer that has a name with this digest.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn customer_named(
        &self,
        license: LicenseId,
        name: NameDigest,
    ) -> Result<Option<CustomerId>, StorageError> {
        let bytes = self.store.get(&key::index(&IndexKey::Name { license, name }))?;
        let id = bytes.and_then(|bytes| <[u8; 16]>::try_from(bytes.as_slice()).ok());
        Ok(id.map(|id| CustomerId::from_random(u128::from_be_bytes(id))))
    }

    /// The greatest number given out in the license; 0 when there is none.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn highest_number(&self, license: LicenseId) -> Result<u64, StorageError> {
        let range = key::of_license(Room::Number, license);
        let last = self.store.scan(&range, Direction::Backward, 1)?;
        last.first().map_or(Ok(0), |(key, _)| self.in_license(key)?.u64())
    }

    /// The deliveries of a license that are not finished, in the order of their ids.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn deliveries(&self, license: LicenseId) -> Result<Rows<String>, StorageError> {
        self.named(Room::Delivery, license)
    }

    /// How the receivers of a license stand, by URL; those of which there is something to say.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn receivers(&self, license: LicenseId) -> Result<Rows<String>, StorageError> {
        self.named(Room::Receiver, license)
    }

    /// A dead letter of a license.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn dead_letter(&self, license: LicenseId, id: &str) -> Result<Option<Vec<u8>>, StorageError> {
        self.store.get(&key::named(Room::DeadLetter, license, id))
    }

    /// Visits all dead letters of a license in the order of their ids, holding only some of them at
    /// once.
    ///
    /// # Errors
    /// `Corrupt`, `Io`, and what `visit` returns.
    pub fn each_dead_letter(
        &self,
        license: LicenseId,
        visit: &mut dyn FnMut(Vec<u8>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let mut range = key::of_license(Room::DeadLetter, license);
        loop {
            let page = self.store.scan(&range, Direction::Forward, SNAPSHOT_PAGE)?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            range.start = key::just_after(last);
            page.into_iter().try_for_each(|(_, value)| visit(value))?;
        }
    }

    fn named(&self, room: Room, license: LicenseId) -> Result<Rows<String>, StorageError> {
        self.scan_all(&key::of_license(room, license))?
            .into_iter()
            .map(|(key, value)| Ok((self.in_license(&key)?.text()?, value)))
            .collect()
    }

    /// The deadlines up to and including `until`, earliest first, at most `limit`.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn deadlines(
        &self,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, ActorKey)>, StorageError> {
        self.store
            .scan(&key::deadlines(until), Direction::Forward, limit)?
            .into_iter()
            .map(|(key, _)| {
                let mut reader = self.reader(&key);
                reader.skip_room()?;
                Ok((reader.timestamp()?, reader.actor()?))
            })
            .collect()
    }

    /// Does it hold anything of a license, but for the license's own snapshot and its tokens?
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn holds_any_of(&self, license: LicenseId) -> Result<bool, StorageError> {
        for range in key::all_of_license(license) {
            if !self.store.scan(&range, Direction::Forward, 1)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes everything of a license, but for the license's own snapshot and its tokens. Snapshots go
    /// first, so that none is ever without what it speaks of.
    ///
    /// # Errors
    /// `DiskFull`, `Corrupt`, `Io`: what is left goes when this is asked again.
    pub fn erase(&self, license: LicenseId) -> Result<(), StorageError> {
        for range in key::all_of_license(license) {
            loop {
                let page = self.store.scan(&range, Direction::Forward, SNAPSHOT_PAGE)?;
                if page.is_empty() {
                    break;
                }
                let mut batch = Batch::default();
                page.into_iter().for_each(|(key, _)| batch.remove(key));
                self.store.write(batch)?;
            }
        }
        Ok(())
    }

    fn scan_all(&self, range: &KeyRange) -> Result<Vec<Pair>, StorageError> {
        self.store.scan(range, Direction::Forward, usize::MAX)
    }

    fn reader<'a>(&self, bytes: &'a [u8]) -> Reader<'a> {
        Reader::new(bytes, self.store.place())
    }

    /// Reads on behind the room and the license of a key.
    fn in_license<'a>(&self, key: &'a [u8]) -> Result<Reader<'a>, StorageError> {
        let mut reader = self.reader(key);
        reader.skip_room()?;
        reader.u64()?;
        Ok(reader)
    }
}
