//! Keys that clients give to their writes, so that asking again does not do it again (design D13).

use sha2::{Digest, Sha256};
use switchboard_domain::conversation::idempotency::WriteKey;
use switchboard_domain::id::{ConversationId, LicenseId, UserId};
use switchboard_domain::limits::{KEY_LIFE, REQUEST_KEY_CHARS};
use switchboard_domain::time::Timestamp;

/// A key as a client gave it, with a digest of what it asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    text: Box<str>,
    asked: u128,
}

impl RequestKey {
    /// A key for something that `asked` tells, the same whenever the same is asked. `None` when the key
    /// is empty or too long.
    #[must_use]
    pub fn new<'a>(text: &str, asked: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let fits = (1..=REQUEST_KEY_CHARS).contains(&text.chars().count());
        fits.then(|| Self { text: text.into(), asked: digest(asked) })
    }

    /// The key as the owner of what it writes remembers it: everybody has keys of their own, in every
    /// license, since conversations get their names from them.
    #[must_use]
    pub(crate) fn of(&self, license: LicenseId, user: &UserId) -> WriteKey {
        let name = digest([&*license.to_string(), &user.to_string(), &self.text]);
        WriteKey { name, asked: self.asked }
    }
}

/// The names that a conversation has when it is started with this key: today's, and before it
/// yesterday's. A key that is remembered is so under one of them, and so finds what it made; one that
/// is not any more makes something new.
pub(crate) fn conversations(key: &WriteKey, now: Timestamp) -> [ConversationId; 2] {
    let today = now.as_secs() / KEY_LIFE.as_secs();
    [today.saturating_sub(1), today].map(|day| {
        let bits = digest([&*key.name.to_string(), &day.to_string()]);
        // The higher half is as random as the whole.
        ConversationId::from_random((bits >> 64) as u64)
    })
}

/// The first half of a digest of texts, each with its length, so that they cannot run into each other.
fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> u128 {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text);
    }
    let (half, _) = digest.finalize().into_iter().fold((0_u128, 0), |(bits, at), byte| {
        if at < 16 { (bits << 8 | u128::from(byte), at + 1) } else { (bits, at) }
    });
    half
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use switchboard_domain::id::AgentId;

    use super::*;

    #[test]
    fn keys_are_bounded_and_belong_to_somebody() {
        assert!(RequestKey::new("", ["a"]).is_none());
        assert!(RequestKey::new(&"ü".repeat(REQUEST_KEY_CHARS + 1), ["a"]).is_none());
        let key = RequestKey::new(&"ü".repeat(REQUEST_KEY_CHARS), ["a"]).unwrap();
        let of = |license, name| key.of(LicenseId(license), &UserId::Agent(AgentId::new(name)));
        let (ann, bob) = (of(1, "ann"), of(1, "bob"));
        assert_ne!(ann.name, bob.name);
        assert_ne!(ann.name, of(2, "ann").name);
        assert_eq!(ann.asked, bob.asked);
        assert_ne!(RequestKey::new("k", ["a", "b"]), RequestKey::new("k", ["ab"]));
    }

    #[test]
    fn a_key_names_a_conversation_for_as_long_as_it_is_remembered() {
        let key = WriteKey { name: 7, asked: 1 };
        let day = |n: u64| Timestamp::from_secs(n * KEY_LIFE.as_secs() + 5);
        let ([_, made], [found, other], [_, later]) =
            (conversations(&key, day(9)), conversations(&key, day(10)), conversations(&key, day(11)));
        assert_eq!(made, found);
        assert!(made != other && other != later && made != later);
    }
}
