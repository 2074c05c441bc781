//! Reading the fields of a key back, in the order in which `key` writes them.

use std::path::PathBuf;

use switchboard_domain::id::{AgentId, ConversationId, CustomerId, LicenseId};
use switchboard_domain::time::Timestamp;

use super::key::{ActorKey, ActorKind};
use crate::storage::StorageError;

/// Takes fields from the front of some bytes.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// Names the store when the bytes are not what they should be.
    place: PathBuf,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8], place: PathBuf) -> Self {
        Self { rest: bytes, place }
    }

    pub(super) fn corrupt(&self, reason: &str) -> StorageError {
        StorageError::corrupt(&self.place, 0, reason)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StorageError> {
        let (taken, rest) =
            self.rest.split_first_chunk::<N>().ok_or_else(|| self.corrupt("a key or value is too short"))?;
        self.rest = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8, StorageError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, StorageError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, StorageError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// The first byte of every key says the room, which whoever scanned knows.
    pub(super) fn skip_room(&mut self) -> Result<(), StorageError> {
        self.u8().map(|_| ())
    }

    pub(super) fn timestamp(&mut self) -> Result<Timestamp, StorageError> {
        Ok(Timestamp::from_micros(self.u64()?))
    }

    pub(super) fn conversation(&mut self) -> Result<ConversationId, StorageError> {
        let bits = self.u64()?;
        let id = ConversationId::from_random(bits);
        if id.to_bits() == bits { Ok(id) } else { Err(self.corrupt("a key holds no conversation id")) }
    }

    pub(super) fn customer(&mut self) -> Result<CustomerId, StorageError> {
        let bits = u128::from_be_bytes(self.array()?);
        let id = CustomerId::from_random(bits);
        if id.to_bits() == bits { Ok(id) } else { Err(self.corrupt("a key holds no customer id")) }
    }

    /// All the rest, as text.
    pub(super) fn text(&mut self) -> Result<String, StorageError> {
        let text = std::str::from_utf8(self.rest).map_err(|_| self.corrupt("a key holds no text"))?;
        self.rest = &[];
        Ok(text.to_owned())
    }

    /// All the rest, as an actor's key.
    pub(super) fn actor(&mut self) -> Result<ActorKey, StorageError> {
        let tag = self.u8()?;
        let kind = ActorKind::from_tag(tag).ok_or_else(|| self.corrupt("a key names no kind of actor"))?;
        let key = match kind {
            ActorKind::Installation => ActorKey::Installation,
            ActorKind::Token => ActorKey::Token(self.array()?),
            ActorKind::License => ActorKey::License(self.license()?),
            ActorKind::Agent => ActorKey::Agent(self.license()?, AgentId::new(&self.text()?)),
            ActorKind::Bot => ActorKey::Bot(self.license()?, AgentId::new(&self.text()?)),
            ActorKind::Customer => ActorKey::Customer(self.license()?, self.customer()?),
            ActorKind::Person => ActorKey::Person(self.u64()?),
            ActorKind::Conversation => ActorKey::Conversation(self.license()?, self.conversation()?),
        };
        if self.rest.is_empty() { Ok(key) } else { Err(self.corrupt("a key is too long")) }
    }

    fn license(&mut self) -> Result<LicenseId, StorageError> {
        self.u64().map(LicenseId)
    }
}
