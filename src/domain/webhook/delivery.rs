//! A delivery: one body on its way to one endpoint, and what is journaled of it (design D10).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::ConversationId;
use crate::time::Timestamp;
use crate::webhook::{EndpointId, Owner};

/// Names a delivery inside its license; the same on every attempt, so that a receiver can tell a
/// repetition.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeliveryId(Arc<str>);

impl DeliveryId {
    /// Takes a text; visible ASCII, since it travels in a header.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The `number`th delivery of a conversation.
    #[must_use]
    pub fn of_conversation(conversation: ConversationId, number: u64) -> Self {
        Self(Arc::from(format!("{conversation}-{number}")))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its number among the deliveries of its conversation; 0 when it has none.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Deliveries of one lane go one after the other; lanes go side by side.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lane {
    /// To whom.
    pub endpoint: EndpointId,
    /// About which conversation; `None` for what has none.
    pub conversation: Option<ConversationId>,
}

/// One body on its way to one endpoint. Frozen: every attempt sends the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The same on every attempt.
    pub id: DeliveryId,
    /// What it may not overtake. Its endpoint is the one it goes to.
    pub lane: Lane,
    /// Whose endpoint it is; an endpoint has one owner.
    pub owner: Owner,
    /// Where to post.
    pub url: Arc<str>,
    /// What to post.
    #[serde(with = "frozen")]
    pub body: Arc<[u8]>,
    /// When it became due.
    pub due_since: Timestamp,
    /// A customer waits for what its receiver, a bot, makes of it: when it is given up, a person
    /// takes over.
    #[serde(default)]
    pub awaited: bool,
    /// It tells of something that means nothing later. Where much is owed already, or the receiver is in
    /// trouble, it is dropped rather than take the room of others.
    #[serde(default, skip_serializing_if = "is_false")]
    pub passing: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Delivery {
    /// The same, due anew at `now`, to go where its endpoint is by then.
    #[must_use]
    pub fn revived(&self, now: Timestamp, url: &Arc<str>) -> Self {
        Self { due_since: now, ..self.moved(url) }
    }

    /// The same, to go elsewhere.
    #[must_use]
    pub fn moved(&self, url: &Arc<str>) -> Self {
        Self { url: Arc::clone(url), ..self.clone() }
    }
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Settlement {
    /// The receiver took it.
    Delivered,
    /// The receiver refused it for good.
    Refused,
    /// The schedule ran out.
    Exhausted,
    /// Too many were outstanding for its URL.
    Overflowed,
    /// Its bot is offline or removed.
    Dropped,
    /// It waited too long for a receiver in trouble.
    Expired,
    /// Its receiver was disabled.
    Disabled,
}

impl Settlement {
    /// Did the receiver not get it, though it should have? Then it is a dead letter.
    #[must_use]
    pub const fn is_given_up(self) -> bool {
        !matches!(self, Self::Delivered | Self::Dropped)
    }
}

/// What is journaled of a delivery. One that is due and not settled is outstanding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryFact {
    /// Appended in one batch with the change it tells of.
    Due(Arc<Delivery>),
    /// It is over.
    Settled {
        /// Which.
        id: DeliveryId,
        /// How it ended.
        how: Settlement,
    },
}

/// A body in storage: bytes, not a list of numbers.
mod frozen {
    use std::fmt;
    use std::sync::Arc;

    use serde::de::{Deserializer, Error, SeqAccess, Visitor};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(body: &Arc<[u8]>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(body)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<[u8]>, D::Error> {
        from.deserialize_byte_buf(Body)
    }

    struct Body;

    impl<'de> Visitor<'de> for Body {
        type Value = Arc<[u8]>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
            Ok(bytes.into())
        }

        fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Self::Value, E> {
            Ok(bytes.into())
        }

        /// For formats that have no bytes of their own.
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut bytes = Vec::new();
            while let Some(byte) = seq.next_element()? {
                bytes.push(byte);
            }
            Ok(bytes.into())
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::id::AgentId;

    fn delivery(body: &[u8]) -> Delivery {
        let conversation = ConversationId::from_random(7);
        Delivery {
            id: DeliveryId::of_conversation(conversation, 3),
            lane: Lane { endpoint: EndpointId::new("e"), conversation: Some(conversation) },
            owner: Owner::Bot(AgentId::new("b")),
            url: "http://h/".into(),
            body: body.into(),
            due_since: Timestamp::from_secs(9),
            awaited: false,
            passing: false,
        }
    }

    #[test]
    fn facts_come_back_from_storage_as_they_were() {
        for fact in [
            DeliveryFact::Due(Arc::new(delivery(b"{\"a\":\"\xff\"}"))),
            DeliveryFact::Settled { id: DeliveryId::new("x"), how: Settlement::Exhausted },
        ] {
            let stored = rmp_serde::to_vec(&fact).unwrap();
            assert_eq!(rmp_serde::from_slice::<DeliveryFact>(&stored).unwrap(), fact);
        }
    }

    #[test]
    fn a_stored_body_takes_no_more_than_its_bytes() {
        let size = |body: &[u8]| rmp_serde::to_vec(&delivery(body)).unwrap().len();
        assert!(size(&[0xff; 1000]) <= size(&[]) + 1000 + 2);
    }

    #[test]
    fn ids_of_a_conversation_differ_by_number() {
        let conversation = ConversationId::from_random(0);
        assert_eq!(DeliveryId::of_conversation(conversation, 12).as_str(), "0000000000-12");
    }
}
