//! What a journal record holds: a batch of facts that is there after a crash entirely or not at
//! all. Stored for ever: variants are never renamed, fields are only added at the end.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use switchboard_domain::auth::Token;
use switchboard_domain::conversation::fact::Fact;
use switchboard_domain::id::{AgentId, ConversationId, CustomerId, LicenseId};
use switchboard_domain::participant::agent::AgentFact;
use switchboard_domain::participant::bot::BotFact;
use switchboard_domain::participant::customer::CustomerFact;
use switchboard_domain::participant::license::LicenseFact;
use switchboard_domain::participant::person::PersonFact;
use switchboard_domain::time::Timestamp;
use switchboard_domain::webhook::{Delivery, DeliveryId, Settlement, Standing};

use crate::storage::{ActorKey, StorageError};

/// SHA-256 of a token's text.
pub type TokenHash = [u8; 32];

/// One fact of one owner.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Entry {
    /// Of a license.
    License(LicenseId, LicenseFact),
    /// Of a human agent.
    Agent(LicenseId, AgentId, AgentFact),
    /// Of a bot.
    Bot(LicenseId, AgentId, BotFact),
    /// Of a customer.
    Customer(LicenseId, CustomerId, CustomerFact),
    /// Of a conversation.
    Conversation(LicenseId, ConversationId, Fact),
    /// A token was given out.
    TokenIssued(TokenHash, Token),
    /// A token was revoked.
    TokenRevoked(TokenHash),
    /// A webhook is to be called, as caused by the facts of the same batch; its number counts
    /// the deliveries of its conversation.
    DeliveryDue(LicenseId, Arc<Delivery>, u64),
    /// A webhook call came to its end.
    DeliverySettled(LicenseId, DeliveryId, Settlement),
    /// A webhook call was given up then, and is a dead letter.
    DeliveryDied(LicenseId, DeliveryId, Settlement, Timestamp),
    /// A dead letter became due again then, at this URL.
    DeliveryRevived(LicenseId, DeliveryId, Timestamp, Arc<str>),
    /// A receiver of webhooks, by its URL, stands differently.
    ReceiverChanged(LicenseId, Arc<str>, Standing),
    /// Of a person of the installation, by its creation number.
    Person(u64, PersonFact),
}

impl Entry {
    /// The license that it belongs to, as far as it says that.
    #[must_use]
    pub fn license(&self) -> Option<LicenseId> {
        match self {
            Self::TokenIssued(_, token) => Some(token.license),
            Self::DeliveryDue(license, ..)
            | Self::DeliverySettled(license, ..)
            | Self::DeliveryDied(license, ..)
            | Self::DeliveryRevived(license, ..)
            | Self::ReceiverChanged(license, ..) => Some(*license),
            entry => entry.owner()?.license(),
        }
    }

    /// Whose snapshot this entry belongs to; deliveries and their receivers are kept on their own.
    #[must_use]
    pub fn owner(&self) -> Option<ActorKey> {
        Some(match self {
            Self::License(license, _) => ActorKey::License(*license),
            Self::Agent(license, agent, _) => ActorKey::Agent(*license, agent.clone()),
            Self::Bot(license, bot, _) => ActorKey::Bot(*license, bot.clone()),
            Self::Customer(license, customer, _) => ActorKey::Customer(*license, *customer),
            Self::Conversation(license, chat, _) => ActorKey::Conversation(*license, *chat),
            Self::TokenIssued(hash, _) | Self::TokenRevoked(hash) => ActorKey::Token(*hash),
            Self::Person(number, _) => ActorKey::Person(*number),
            Self::DeliveryDue(..)
            | Self::DeliverySettled(..)
            | Self::DeliveryDied(..)
            | Self::DeliveryRevived(..)
            | Self::ReceiverChanged(..) => return None,
        })
    }
}

/// Encodes a batch as one record.
///
/// # Errors
/// Never for values that serde can represent; reported as `Unreadable` all the same.
pub fn encode(entries: &[Entry]) -> Result<Vec<u8>, StorageError> {
    let mut record = Vec::new();
    encode_into(&mut record, entries)?;
    Ok(record)
}

/// Encodes a batch behind what is in `record`.
///
/// # Errors
/// As [`encode`].
pub fn encode_into(record: &mut Vec<u8>, entries: &[Entry]) -> Result<(), StorageError> {
    rmp_serde::encode::write(record, entries).map_err(|error| unreadable("a record", &error))
}

/// Decodes one record.
///
/// # Errors
/// `Unreadable` when the record is not a batch of entries.
pub fn decode(record: &[u8]) -> Result<Vec<Entry>, StorageError> {
    rmp_serde::from_slice(record).map_err(|error| unreadable("a record", &error))
}

/// The storage error for stored bytes that do not decode.
pub(crate) fn unreadable(what: &'static str, error: &dyn std::error::Error) -> StorageError {
    StorageError::Unreadable { what, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    #[test]
    fn the_stored_bytes_of_what_webhooks_came_to_are_pinned() {
        let (license, id) = (LicenseId(1), DeliveryId::new("C-1"));
        let at = Timestamp::from_micros(5);
        let golden = |name: &[u8], rest: &[u8]| [&[0x91, 0x81, 0xa0 | name.len() as u8], name, rest].concat();
        let settled = Entry::DeliverySettled(license, id.clone(), Settlement::Refused);
        let died = Entry::DeliveryDied(license, id.clone(), Settlement::Refused, at);
        let revived = Entry::DeliveryRevived(license, id, at, "u".into());
        let receiver = Entry::ReceiverChanged(license, "u".into(), Standing::default());
        let person = Entry::Person(7, PersonFact::Removed);
        for (entry, bytes) in [
            (person, golden(b"Person", b"\x92\x07\xa7Removed")),
            (settled, golden(b"DeliverySettled", b"\x93\x01\xa3C-1\xa7Refused")),
            (died, golden(b"DeliveryDied", b"\x94\x01\xa3C-1\xa7Refused\x05")),
            (revived, golden(b"DeliveryRevived", b"\x94\x01\xa3C-1\x05\xa1u")),
            (receiver, golden(b"ReceiverChanged", b"\x93\x01\xa1u\x92\xc0\xc0")),
        ] {
            assert_eq!(encode(std::slice::from_ref(&entry)).unwrap(), bytes, "{entry:?}");
            assert_eq!(format!("{:?}", decode(&bytes).unwrap()), format!("{:?}", [entry]));
        }
    }
}
