//! Whether what is stored is understood: for whoever examines a data directory without running on it.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use switchboard_domain::id::LicenseId;
use switchboard_domain::participant::agent::Agent;
use switchboard_domain::participant::bot::Bot;
use switchboard_domain::participant::customer::Customer;
use switchboard_domain::participant::license::License;
use switchboard_domain::participant::person::Person;

use crate::engine::conversation::Stored;
use crate::engine::entry;
use crate::engine::license::StoredToken;
use crate::storage::{ActorKind, Lsn, Records, StorageError};

/// How many snapshots were understood.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Understood {
    /// Conversations.
    pub conversations: u64,
    /// Customers.
    pub customers: u64,
    /// Agents and bots.
    pub agents: u64,
    /// Licenses.
    pub licenses: u64,
}

/// A record of the journal.
///
/// # Errors
/// `Unreadable` when it is no batch of facts.
pub fn record(_: Lsn, record: &[u8]) -> Result<(), StorageError> {
    entry::decode(record).map(drop)
}

/// All snapshots, the chunks of conversations, the calls that are owed and those that were given up.
///
/// # Errors
/// `Corrupt` when something cannot be read, or is not understood; `Io`.
pub fn records(records: &Records) -> Result<Understood, StorageError> {
    let mut seen = Understood {
        licenses: understood::<License>(records, ActorKind::License)?,
        agents: understood::<Agent>(records, ActorKind::Agent)? + understood::<Bot>(records, ActorKind::Bot)?,
        customers: understood::<Customer>(records, ActorKind::Customer)?,
        conversations: 0,
    };
    understood::<StoredToken>(records, ActorKind::Token)?;
    understood::<Person>(records, ActorKind::Person)?;
    let ended = ended(records)?;
    records.each_snapshot(ActorKind::Conversation, None, &mut |found| {
        let stored: Stored = decode(records, &found.bytes)?;
        let (license, chat) = (stored.head.license(), stored.head.id());
        if ended.contains(&license) {
            // On its way out: the next start removes what is left.
            return Ok(());
        }
        for thread in stored.head.thread_lines() {
            let chunks = records.chunks(license, chat, thread.id)?;
            let count = stored.head.stored_chunks(thread.id).unwrap_or(0);
            if (chunks.len() as u64) < u64::from(count) {
                return Err(records.broken(&format!("chat {chat} has lost a part of thread {}", thread.id)));
            }
        }
        seen.conversations += 1;
        Ok(())
    })?;
    Ok(seen)
}

/// The licenses that ended.
fn ended(records: &Records) -> Result<BTreeSet<LicenseId>, StorageError> {
    let mut ended = BTreeSet::new();
    records.each_snapshot(ActorKind::License, None, &mut |found| {
        let license: License = decode(records, &found.bytes)?;
        ended.extend(license.ended.map(|_| license.id));
        Ok(())
    })?;
    Ok(ended)
}

fn understood<T: DeserializeOwned>(records: &Records, kind: ActorKind) -> Result<u64, StorageError> {
    let mut count = 0;
    records.each_snapshot(kind, None, &mut |found| {
        decode::<T>(records, &found.bytes)?;
        count += 1;
        Ok(())
    })?;
    Ok(count)
}

fn decode<T: DeserializeOwned>(records: &Records, bytes: &[u8]) -> Result<T, StorageError> {
    rmp_serde::from_slice(bytes)
        .map_err(|error| records.broken(&format!("a snapshot cannot be read: {error}")))
}
