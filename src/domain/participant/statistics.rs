//! What a customer's conversations add up to. Source: spec v3.0, 4.4.

use crate::conversation::view::Talk;
use crate::time::Timestamp;

/// Sums over all conversations of a customer; derived from them, stored nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Number of conversations.
    pub chats: u64,
    /// Number of their threads.
    pub threads: u64,
    /// When an agent or bot last wrote an event.
    pub agent_spoke_at: Option<Timestamp>,
    /// When the customer last wrote one.
    pub customer_spoke_at: Option<Timestamp>,
}

impl Statistics {
    /// With one conversation more.
    #[must_use]
    pub fn with(self, talk: Talk) -> Self {
        Self {
            chats: self.chats + 1,
            threads: self.threads + u64::from(talk.threads),
            agent_spoke_at: self.agent_spoke_at.max(talk.agent_spoke_at),
            customer_spoke_at: self.customer_spoke_at.max(talk.customer_spoke_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversations_add_up_and_the_latest_word_counts() {
        let at = |secs| Some(Timestamp::from_secs(secs));
        let quiet = Talk { threads: 1, agent_spoke_at: None, customer_spoke_at: at(5) };
        let lively = Talk { threads: 3, agent_spoke_at: at(9), customer_spoke_at: at(2) };
        let sum = Statistics { chats: 2, threads: 4, agent_spoke_at: at(9), customer_spoke_at: at(5) };
        assert_eq!(Statistics::default().with(quiet).with(lively), sum);
        assert_eq!(Statistics::default().with(lively).with(quiet), sum);
    }
}
