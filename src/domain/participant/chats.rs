//! The reservations that keep the number of a customer's chats. Source: design D7; spec v3.0, 10.1 #6.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Rejected;
use crate::id::ConversationId;
use crate::time::Timestamp;

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

    /// Is a chat being made?
    #[must_use]
    pub fn reserves(&self, now: Timestamp) -> bool {
        self.reserved.values().any(|lapses| *lapses > now)
    }

    /// The chat was made.
    pub fn confirm(&mut self, chat: ConversationId) {
        self.reserved.remove(&chat);
        self.existing.insert(chat);
    }

    /// The chat is another customer's now.
    pub fn forget(&mut self, chat: ConversationId) {
        self.existing.remove(&chat);
    }

    /// Is none being made?
    #[must_use]
    pub fn is_settled(&self, now: Timestamp) -> bool {
        self.reserved.values().all(|lapses| *lapses <= now)
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
    fn a_customer_whose_chats_are_given_away_has_none_and_makes_none() {
        let mut chats = Chats::default();
        assert!(chats.is_settled(NOW));
        assert_eq!(chats.reserve(chat(1), 1, NOW, LATER), Ok(()));
        assert!(!chats.is_settled(NOW) && chats.is_settled(LATER));
        chats.confirm(chat(1));
        assert!(chats.is_settled(NOW));
        chats.forget(chat(1));
        assert_eq!(chats.existing().count(), 0);
    }

    #[test]
    fn a_reservation_lapses_or_is_released() {
        let mut chats = Chats::default();
        assert_eq!(chats.reserve(chat(1), 1, NOW, LATER), Ok(()));
        assert_eq!(chats.reserve(chat(2), 1, LATER, LATER), Ok(()), "the first one lapsed");
        chats.release(chat(2));
        assert_eq!(chats.reserve(chat(3), 1, NOW, LATER), Ok(()));
    }
}
