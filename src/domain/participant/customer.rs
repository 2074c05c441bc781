//! Customers: profile, and the reservations that keep the number of their chats.
//! Source: spec v3.0, 4.4, 10.1 #6, 10.6; reservations: design D7.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::conversation::event::within;
use crate::error::Rejected;
use crate::id::{ConversationId, CustomerId};
use crate::limits::{CUSTOMER_FIELDS, NAME_CHARS, SHORT_TEXT_BYTES, URL_CHARS};
use crate::time::Timestamp;

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Identity.
    pub id: CustomerId,
    /// Process-wide creation number (design D14).
    pub number: u64,
    /// Shown name.
    pub name: Option<Box<str>>,
    /// Not verified.
    pub email: Option<Box<str>>,
    /// URL.
    pub avatar: Option<Box<str>>,
    /// Session fields.
    pub fields: BTreeMap<Box<str>, Box<str>>,
    /// First seen.
    pub created_at: Timestamp,
    /// Banned until then.
    pub banned_until: Option<Timestamp>,
    /// Time of the last change.
    pub changed_at: Timestamp,
}

/// New values for some fields of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomerChange {
    /// Shown name.
    pub name: Option<Box<str>>,
    /// Not verified.
    pub email: Option<Box<str>>,
    /// URL.
    pub avatar: Option<Box<str>>,
    /// Merged into the stored ones.
    pub fields: BTreeMap<Box<str>, Box<str>>,
}

/// One change of a customer; keeps the state after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CustomerFact {
    /// Made or changed.
    Put(Customer),
}

impl Customer {
    /// A customer of whom only the id is known.
    #[must_use]
    pub const fn new(id: CustomerId, number: u64, now: Timestamp) -> Self {
        Self {
            id,
            number,
            name: None,
            email: None,
            avatar: None,
            fields: BTreeMap::new(),
            created_at: now,
            banned_until: None,
            changed_at: now,
        }
    }

    /// Applies a fact. Cannot fail.
    pub fn apply(&mut self, fact: &CustomerFact) {
        let CustomerFact::Put(customer) = fact;
        *self = customer.clone();
    }

    /// The customer with some fields changed; `None` when nothing changes.
    ///
    /// # Errors
    /// `Invalid` for a value over its bound.
    pub fn change(&self, change: CustomerChange, now: Timestamp) -> Result<Option<CustomerFact>, Rejected> {
        let mut customer = self.clone();
        if let Some(name) = change.name {
            within("customer.name", name.chars().count(), NAME_CHARS, "characters")?;
            customer.name = Some(name);
        }
        if let Some(email) = change.email {
            within("customer.email", email.chars().count(), NAME_CHARS, "characters")?;
            customer.email = Some(email);
        }
        if let Some(avatar) = change.avatar {
            within("customer.avatar", avatar.chars().count(), URL_CHARS, "characters")?;
            customer.avatar = Some(avatar);
        }
        for (key, value) in change.fields {
            within("customer.fields", key.len().max(value.len()), SHORT_TEXT_BYTES, "bytes")?;
            customer.fields.insert(key, value);
        }
        within("customer.fields", customer.fields.len(), CUSTOMER_FIELDS, "fields")?;
        if customer == *self {
            return Ok(None);
        }
        customer.changed_at = now.after(self.changed_at);
        Ok(Some(CustomerFact::Put(customer)))
    }

    /// Is the customer banned now?
    #[must_use]
    pub fn banned(&self, now: Timestamp) -> bool {
        self.banned_until.is_some_and(|until| now < until)
    }
}

/// The chats of one customer: those that exist and those that are being made. Two starts at
/// once cannot both pass (design D7); the list follows from the conversations' facts.
#[derive(Debug, Clone, Default)]
pub struct Chats {
    existing: BTreeSet<ConversationId>,
    reserved: BTreeMap<ConversationId, Timestamp>,
}

impl Chats {
    /// The chats that exist.
    pub fn existing(&self) -> impl Iterator<Item = ConversationId> + '_ {
        self.existing.iter().copied()
    }

    /// Takes a place for a chat that is to be made. It lapses at `until` unless confirmed.
    ///
    /// # Errors
    /// `ChatLimit` when the license allows no further chat.
    pub fn reserve(
        &mut self,
        chat: ConversationId,
        limit: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), Rejected> {
        self.reserved.retain(|_, lapses| *lapses > now);
        if self.reserved.contains_key(&chat) || self.existing.contains(&chat) {
            return Ok(());
        }
        if self.existing.len() + self.reserved.len() >= limit as usize {
            return Err(Rejected::ChatLimit);
        }
        self.reserved.insert(chat, until);
        Ok(())
    }

    /// The chat was made.
    pub fn confirm(&mut self, chat: ConversationId) {
        self.reserved.remove(&chat);
        self.existing.insert(chat);
    }

    /// The chat will not be made.
    pub fn release(&mut self, chat: ConversationId) {
        self.reserved.remove(&chat);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(10);
    const LATER: Timestamp = Timestamp::from_secs(20);

    fn chat(n: u64) -> ConversationId {
        ConversationId::from_random(n)
    }

    #[test]
    fn two_starts_at_once_make_one_chat() {
        let mut chats = Chats::default();
        assert_eq!(chats.reserve(chat(1), 1, NOW, LATER), Ok(()));
        assert_eq!(chats.reserve(chat(2), 1, NOW, LATER), Err(Rejected::ChatLimit));
        assert_eq!(chats.reserve(chat(1), 1, NOW, LATER), Ok(()), "asking again changes nothing");
        chats.confirm(chat(1));
        assert_eq!(chats.reserve(chat(2), 1, LATER, LATER), Err(Rejected::ChatLimit));
        assert_eq!(chats.reserve(chat(2), 2, LATER, LATER), Ok(()));
    }

    #[test]
    fn a_reservation_lapses_or_is_released() {
        let mut chats = Chats::default();
        assert_eq!(chats.reserve(chat(1), 1, NOW, LATER), Ok(()));
        assert_eq!(chats.reserve(chat(2), 1, LATER, LATER), Ok(()), "the first one lapsed");
        chats.release(chat(2));
        assert_eq!(chats.reserve(chat(3), 1, NOW, LATER), Ok(()));
    }

    #[test]
    fn a_change_is_bounded_and_a_non_change_is_none() {
        let mia = Customer::new(CustomerId::from_random(1), 1, NOW);
        let named =
            |n: usize| CustomerChange { name: Some("x".repeat(n).into()), ..CustomerChange::default() };
        assert!(matches!(mia.change(named(NAME_CHARS), NOW), Ok(Some(_))));
        assert!(mia.change(named(NAME_CHARS + 1), NOW).is_err());
        assert_eq!(mia.change(CustomerChange::default(), NOW), Ok(None));
        let fields = |n: usize| CustomerChange {
            fields: (0..n).map(|i| (i.to_string().into(), "v".into())).collect(),
            ..CustomerChange::default()
        };
        assert!(mia.change(fields(CUSTOMER_FIELDS), NOW).is_ok());
        assert!(mia.change(fields(CUSTOMER_FIELDS + 1), NOW).is_err());
    }
}
