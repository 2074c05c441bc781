//! Identities. Every id is opaque outside this file; a face only prints and parses it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A text that is not an id of the wanted kind. A face answers it like an unknown id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct MalformedId;

/// The tenant: owns everything else. Needed to build any storage key (design D14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LicenseId(pub u64);

impl fmt::Display for LicenseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for LicenseId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        text.parse().map(Self).map_err(|_| MalformedId)
    }
}

/// Group number inside a license; 0 is the group of everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupId(pub u32);

impl GroupId {
    /// The group that every agent belongs to and that makes a chat visible to all.
    pub const EVERYBODY: Self = Self(0);
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How many letters and digits a conversation or thread id has on the wire.
const CODE_LEN: usize = 10;
const CODE_ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// 36^10: the number of different codes.
const CODE_SPACE: u64 = 36u64.pow(CODE_LEN as u32);

/// Writes a code into the first bytes of `text`.
fn put_code(mut code: u64, text: &mut [u8]) {
    for slot in text[..CODE_LEN].iter_mut().rev() {
        *slot = CODE_ALPHABET[(code % 36) as usize];
        code /= 36;
    }
}

/// Ids are written with nearly everything that is told: as one piece, since each piece is a call.
fn write_ascii(text: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // All ids are ASCII, so this never falls back.
    f.write_str(std::str::from_utf8(text).unwrap_or_default())
}

fn write_code(code: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = [0; CODE_LEN];
    put_code(code, &mut text);
    write_ascii(&text, f)
}

fn parse_code(text: &str) -> Result<u64, MalformedId> {
    if text.len() != CODE_LEN {
        return Err(MalformedId);
    }
    text.bytes().try_fold(0u64, |code, byte| {
        let digit = CODE_ALPHABET.iter().position(|&c| c == byte).ok_or(MalformedId)?;
        Ok(code * 36 + digit as u64)
    })
}

macro_rules! code_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(u64);

        impl $name {
            /// Makes an id from random bits given by the caller.
            #[must_use]
            pub const fn from_random(bits: u64) -> Self {
                Self(bits % CODE_SPACE)
            }

            /// The number behind the text, for storage keys.
            #[must_use]
            pub const fn to_bits(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_code(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_code(self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                parse_code(text).map(Self)
            }
        }
    };
}

code_id! {
    /// A lasting talk of one customer with some agents: ten upper-case letters and digits.
    ConversationId
}
code_id! {
    /// An active span of a conversation: ten upper-case letters and digits.
    ThreadId
}

/// One item in a thread: `<thread>_<n>`, where `n` is the event's order in its thread, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventId {
    /// The thread that holds the event.
    pub thread: ThreadId,
    /// Its place there, from 1, without gaps.
    pub order: u32,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Digits of the greatest order.
        const DIGITS: usize = 10;
        let mut text = [b'_'; CODE_LEN + 1 + DIGITS];
        put_code(self.thread.0, &mut text);
        let digits = self.order.checked_ilog10().unwrap_or(0) as usize + 1;
        let end = CODE_LEN + 1 + digits;
        let mut rest = self.order;
        for slot in text[CODE_LEN + 1..end].iter_mut().rev() {
            *slot = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        write_ascii(&text[..end], f)
    }
}

impl FromStr for EventId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let (thread, order) = text.split_once('_').ok_or(MalformedId)?;
        let order: u32 = order.parse().map_err(|_| MalformedId)?;
        let id = Self { thread: thread.parse()?, order };
        // One event has one spelling: "+1" and "01" are not it.
        if order == 0 || id.to_string() != text { Err(MalformedId) } else { Ok(id) }
    }
}

/// Characters of a UUID.
const UUID_LEN: usize = 36;
/// Where its hyphens stand.
const UUID_HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// A customer: UUID version 4.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CustomerId(u128);

impl CustomerId {
    /// Makes a version 4 UUID from random bits given by the caller.
    #[must_use]
    pub const fn from_random(bits: u128) -> Self {
        let versioned = bits & !(0xf << 76) | (0x4 << 76);
        Self(versioned & !(0b11 << 62) | (0b10 << 62))
    }

    /// The number behind the text, for storage keys.
    #[must_use]
    pub const fn to_bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; UUID_LEN];
        let mut nibbles = (0..32u32).rev().map(|nibble| HEX[(self.0 >> (nibble * 4)) as usize & 0xf]);
        let digits = text.iter_mut().enumerate().filter(|(at, _)| !UUID_HYPHENS.contains(at));
        digits.for_each(|(_, slot)| *slot = nibbles.next().unwrap_or(b'0'));
        write_ascii(&text, f)
    }
}

impl fmt::Debug for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CustomerId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let mut hex = String::with_capacity(32);
        for (part, len) in text.split('-').zip([8, 4, 4, 4, 12]) {
            if part.len() != len {
                return Err(MalformedId);
            }
            hex.push_str(part);
        }
        if text.len() != UUID_LEN || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(MalformedId);
        }
        let bits = u128::from_str_radix(&hex, 16).map_err(|_| MalformedId)?;
        if Self::from_random(bits).0 == bits { Ok(Self(bits)) } else { Err(MalformedId) }
    }
}

/// A human agent (e-mail address) or a bot (32 hex digits).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AgentId(Arc<str>);

impl AgentId {
    /// Takes a text as it came; whether such an agent exists is the license's business.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// Makes a bot's id from random bits given by the caller.
    #[must_use]
    pub fn bot_from_random(bits: u128) -> Self {
        Self(Arc::from(format!("{bits:032x}")))
    }

    /// Is it the id of a bot? People have e-mail addresses.
    #[must_use]
    pub fn names_a_bot(&self) -> bool {
        self.0.len() == 32 && self.0.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The application (OAuth client) that a token, a bot or a webhook belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// Takes a text as it came.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who takes part in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum UserId {
    /// A human agent or a bot.
    Agent(AgentId),
    /// The customer.
    Customer(CustomerId),
}

impl UserId {
    /// The agent, when it is one.
    #[must_use]
    pub const fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Agent(id) => Some(id),
            Self::Customer(_) => None,
        }
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(id) => id.fmt(f),
            Self::Customer(id) => id.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn event_ids_have_one_spelling() {
        assert!("ABCDEFGHIJ_1".parse::<EventId>().is_ok());
        for bad in ["ABCDEFGHIJ_0", "ABCDEFGHIJ_01", "ABCDEFGHIJ_+1", "ABCDEFGHIJ", "abcdefghij_1", "_1", ""]
        {
            assert_eq!(bad.parse::<EventId>(), Err(MalformedId), "{bad}");
        }
    }

    #[test]
    fn customer_ids_are_version_4_uuids() {
        assert!("3f2a6c1e-5b7d-4e8f-9a01-b2c3d4e5f607".parse::<CustomerId>().is_ok());
        for bad in ["3f2a6c1e-5b7d-1e8f-9a01-b2c3d4e5f607", "3f2a6c1e5b7d4e8f9a01b2c3d4e5f607", "x", ""] {
            assert_eq!(bad.parse::<CustomerId>(), Err(MalformedId), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn codes_round_trip(bits: u64) {
            let id = ConversationId::from_random(bits);
            prop_assert_eq!(id.to_string().len(), CODE_LEN);
            prop_assert_eq!(id.to_string().parse::<ConversationId>(), Ok(id));
        }

        #[test]
        fn customer_ids_round_trip(bits: u128) {
            let id = CustomerId::from_random(bits);
            prop_assert_eq!(id.to_string().parse::<CustomerId>(), Ok(id));
        }

        #[test]
        fn ids_are_written_as_their_parts_would_be(thread: u64, order: u32, bits: u128) {
            let thread = ThreadId::from_random(thread);
            prop_assert_eq!(EventId { thread, order }.to_string(), format!("{thread}_{order}"));
            let id = CustomerId::from_random(bits);
            let hex = format!("{:032x}", id.to_bits());
            let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
            prop_assert_eq!(id.to_string(), parts.join("-"));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<EventId>();
            let _ = text.parse::<CustomerId>();
            let _ = text.parse::<ConversationId>();
        }
    }
}
