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
use switchboard_domain::webhook::{Delivery, DeliveryId, Settlement};

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
}

impl Entry {
    /// Whose snapshot this entry belongs to; deliveries are kept on their own.
    #[must_use]
    pub fn owner(&self) -> Option<ActorKey> {
        Some(match self {
            Self::License(license, _) => ActorKey::License(*license),
            Self::Agent(license, agent, _) => ActorKey::Agent(*license, agent.clone()),
            Self::Bot(license, bot, _) => ActorKey::Bot(*license, bot.clone()),
            Self::Customer(license, customer, _) => ActorKey::Customer(*license, *customer),
            Self::Conversation(license, chat, _) => ActorKey::Conversation(*license, *chat),
            Self::TokenIssued(hash, _) | Self::TokenRevoked(hash) => ActorKey::Token(*hash),
            Self::DeliveryDue(..) | Self::DeliverySettled(..) => return None,
        })
    }
}

/// Encodes a batch as one record.
///
/// # Errors
/// Never for values that serde can represent; reported as `Corrupt` all the same.
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
/// `Corrupt` when the record is not a batch of entries.
pub fn decode(record: &[u8]) -> Result<Vec<Entry>, StorageError> {
    rmp_serde::from_slice(record).map_err(|error| unreadable("a record", &error))
}

/// The storage error for stored bytes that do not decode.
pub(crate) fn unreadable(what: &str, error: &dyn std::error::Error) -> StorageError {
    StorageError::Corrupt { file: what.into(), offset: 0, reason: error.to_string() }
}
