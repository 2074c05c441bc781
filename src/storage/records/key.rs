//! The keys: built from typed ids only, so that no key can leave its license.
//!
//! The first byte is the room, then the fields, big-endian, so that the order of the bytes is the order
//! of the fields. A text is always the last field. Changing any of this needs a new format number.

use serde::{Deserialize, Serialize};
use switchboard_domain::id::{AgentId, ConversationId, CustomerId, LicenseId, ThreadId};
use switchboard_domain::time::Timestamp;

use super::store::KeyRange;

/// Which actor; the license is part of its identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ActorKey {
    /// What belongs to no license: installation-wide settings and bots.
    Installation,
    /// A token, by the SHA-256 of its text.
    Token([u8; 32]),
    /// A license.
    License(LicenseId),
    /// A human agent.
    Agent(LicenseId, AgentId),
    /// A bot.
    Bot(LicenseId, AgentId),
    /// A customer.
    Customer(LicenseId, CustomerId),
    /// A conversation.
    Conversation(LicenseId, ConversationId),
    /// A person of the installation, by its creation number.
    Person(u64),
}

impl ActorKey {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> ActorKind {
        match self {
            Self::Installation => ActorKind::Installation,
            Self::Token(_) => ActorKind::Token,
            Self::License(_) => ActorKind::License,
            Self::Agent(..) => ActorKind::Agent,
            Self::Bot(..) => ActorKind::Bot,
            Self::Customer(..) => ActorKind::Customer,
            Self::Conversation(..) => ActorKind::Conversation,
            Self::Person(_) => ActorKind::Person,
        }
    }

    /// The license it belongs to, if any.
    #[must_use]
    pub const fn license(&self) -> Option<LicenseId> {
        match self {
            Self::Installation | Self::Token(_) | Self::Person(_) => None,
            Self::License(license)
            | Self::Agent(license, _)
            | Self::Bot(license, _)
            | Self::Customer(license, _)
            | Self::Conversation(license, _) => Some(*license),
        }
    }
}

/// The kind of an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActorKind {
    /// The installation; there is one.
    Installation,
    /// Tokens.
    Token,
    /// Licenses.
    License,
    /// Human agents.
    Agent,
    /// Bots.
    Bot,
    /// Customers.
    Customer,
    /// Conversations.
    Conversation,
    /// People of the installation.
    Person,
}

impl ActorKind {
    const ALL: [Self; 8] = [
        Self::Installation,
        Self::Token,
        Self::License,
        Self::Agent,
        Self::Bot,
        Self::Customer,
        Self::Conversation,
        Self::Person,
    ];

    /// Those that belong to a license, but for the license itself.
    pub(super) const OF_LICENSE: [Self; 4] = [Self::Agent, Self::Bot, Self::Customer, Self::Conversation];

    const fn tag(self) -> u8 {
        match self {
            Self::Installation => 1,
            Self::Token => 2,
            Self::License => 3,
            Self::Agent => 4,
            Self::Bot => 5,
            Self::Customer => 6,
            Self::Conversation => 7,
            Self::Person => 8,
        }
    }

    pub(super) fn from_tag(tag: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.tag() == tag)
    }
}

/// What is kept of a name.
pub type NameDigest = [u8; 16];

/// An entry of an index that lists and look-ups are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IndexKey {
    /// Conversations of a license by the time of their last activity. An entry whose time changes is
    /// removed and put anew.
    ByActivity {
        /// Whose.
        license: LicenseId,
        /// The last activity.
        at: Timestamp,
        /// Of which conversation.
        conversation: ConversationId,
    },
    /// Conversations of a customer.
    ByCustomer {
        /// Whose.
        license: LicenseId,
        /// Of which customer.
        customer: CustomerId,
        /// Which conversation.
        conversation: ConversationId,
    },
    /// Conversations with an active thread.
    Open {
        /// Whose.
        license: LicenseId,
        /// Which conversation.
        conversation: ConversationId,
    },
    /// From the digest of a customer's name to the bytes of its id.
    Name {
        /// Whose.
        license: LicenseId,
        /// The digest.
        name: NameDigest,
    },
    /// From the numbers of some events of a conversation that lie in one [`EVENT_SHELF`], to which they are.
    Events {
        /// Whose.
        license: LicenseId,
        /// The first of them.
        first: u64,
        /// Of which conversation.
        conversation: ConversationId,
    },
    /// From a number to the bytes of the id that has it.
    Number {
        /// Whose.
        license: LicenseId,
        /// Unique in the license.
        number: u64,
    },
}

/// Numbers that are looked through together for one of them: an entry knows those of one conversation.
/// Fewer would be more entries for a conversation that goes on slowly, more a longer look. They fit two
/// bytes.
pub const EVENT_SHELF: u64 = 1 << 14;

/// The rooms of the key space.
#[derive(Debug, Clone, Copy)]
pub(super) enum Room {
    Meta = 0,
    Snapshot = 1,
    Chunk = 2,
    ByActivity = 3,
    ByCustomer = 4,
    Open = 5,
    Number = 6,
    Delivery = 7,
    Deadline = 8,
    DeadLetter = 9,
    Receiver = 10,
    Name = 11,
    Event = 12,
}

impl Room {
    /// Those whose keys begin with a license.
    pub(super) const OF_LICENSE: [Self; 10] = [
        Self::Chunk,
        Self::ByActivity,
        Self::ByCustomer,
        Self::Open,
        Self::Number,
        Self::Delivery,
        Self::DeadLetter,
        Self::Receiver,
        Self::Name,
        Self::Event,
    ];
}

struct Writer(Vec<u8>);

impl Writer {
    fn room(room: Room) -> Self {
        Self(vec![room as u8])
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u64(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    fn license(self, license: LicenseId) -> Self {
        self.u64(license.0)
    }

    fn at(self, at: Timestamp) -> Self {
        self.u64(at.as_micros())
    }

    fn conversation(self, conversation: ConversationId) -> Self {
        self.u64(conversation.to_bits())
    }

    fn customer(self, customer: CustomerId) -> Self {
        self.bytes(&customer.to_bits().to_be_bytes())
    }

    fn actor(self, key: &ActorKey) -> Self {
        let tagged = self.bytes(&[key.kind().tag()]);
        match key {
            ActorKey::Installation => tagged,
            ActorKey::Token(hash) => tagged.bytes(hash),
            ActorKey::License(license) => tagged.license(*license),
            ActorKey::Agent(license, agent) | ActorKey::Bot(license, agent) => {
                tagged.license(*license).bytes(agent.as_str().as_bytes())
            }
            ActorKey::Customer(license, customer) => tagged.license(*license).customer(*customer),
            ActorKey::Person(number) => tagged.u64(*number),
            ActorKey::Conversation(license, conversation) => {
                tagged.license(*license).conversation(*conversation)
            }
        }
    }

    /// All keys that begin with this.
    fn range(self) -> KeyRange {
        prefix_range(self.0)
    }
}

/// All keys that begin with `prefix`, which is not empty and begins with a room (so not with 0xff).
pub(super) fn prefix_range(prefix: Vec<u8>) -> KeyRange {
    let mut end = prefix.clone();
    while end.last() == Some(&u8::MAX) {
        end.pop();
    }
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    prefix..end
}

/// The smallest key greater than `key`.
pub(super) fn just_after(key: &[u8]) -> Vec<u8> {
    let mut after = Vec::with_capacity(key.len() + 1);
    after.extend_from_slice(key);
    after.push(0);
    after
}

pub(super) fn format() -> Vec<u8> {
    Writer::room(Room::Meta).bytes(b"format").0
}

pub(super) fn highest() -> Vec<u8> {
    Writer::room(Room::Meta).bytes(b"highest lsn").0
}

pub(super) fn snapshot(key: &ActorKey) -> Vec<u8> {
    Writer::room(Room::Snapshot).actor(key).0
}

/// `None` when the kind has no licenses and one is asked for.
pub(super) fn snapshots(kind: ActorKind, license: Option<LicenseId>) -> Option<KeyRange> {
    let all = Writer::room(Room::Snapshot).bytes(&[kind.tag()]);
    match (kind, license) {
        (ActorKind::Installation | ActorKind::Token | ActorKind::Person, Some(_)) => None,
        (_, None) => Some(all.range()),
        (_, Some(license)) => Some(all.license(license).range()),
    }
}

pub(super) fn chunk(license: LicenseId, conversation: ConversationId, thread: ThreadId, n: u32) -> Vec<u8> {
    thread_chunks(license, conversation, thread).bytes(&n.to_be_bytes()).0
}

pub(super) fn chunks(license: LicenseId, conversation: ConversationId, thread: ThreadId) -> KeyRange {
    thread_chunks(license, conversation, thread).range()
}

fn thread_chunks(license: LicenseId, conversation: ConversationId, thread: ThreadId) -> Writer {
    Writer::room(Room::Chunk).license(license).conversation(conversation).u64(thread.to_bits())
}

pub(super) fn index(key: &IndexKey) -> Vec<u8> {
    match *key {
        IndexKey::ByActivity { license, at, conversation } => {
            Writer::room(Room::ByActivity).license(license).at(at).conversation(conversation).0
        }
        IndexKey::ByCustomer { license, customer, conversation } => {
            Writer::room(Room::ByCustomer).license(license).customer(customer).conversation(conversation).0
        }
        IndexKey::Open { license, conversation } => {
            Writer::room(Room::Open).license(license).conversation(conversation).0
        }
        IndexKey::Events { license, first, conversation } => {
            Writer::room(Room::Event).license(license).u64(first).conversation(conversation).0
        }
        IndexKey::Name { license, name } => Writer::room(Room::Name).license(license).bytes(&name).0,
        IndexKey::Number { license, number } => Writer::room(Room::Number).license(license).u64(number).0,
    }
}

/// Entries of a license that may hold an event with this number.
pub(super) fn events(license: LicenseId, number: u64) -> KeyRange {
    let at = |first: u64| Writer::room(Room::Event).license(license).u64(first);
    at(number - number % EVENT_SHELF).0..at(number).range().end
}

/// All keys of a license in a room whose first field is the license.
pub(super) fn of_license(room: Room, license: LicenseId) -> KeyRange {
    Writer::room(room).license(license).range()
}

pub(super) fn of_customer(license: LicenseId, customer: CustomerId) -> KeyRange {
    Writer::room(Room::ByCustomer).license(license).customer(customer).range()
}

/// Everything of a license but its own snapshot: whatever says that there is more comes first.
pub(super) fn all_of_license(license: LicenseId) -> Vec<KeyRange> {
    let snapshots = ActorKind::OF_LICENSE.into_iter().filter_map(|kind| snapshots(kind, Some(license)));
    snapshots.chain(Room::OF_LICENSE.into_iter().map(|room| of_license(room, license))).collect()
}

/// Something of a license that has a name, in a room of such things.
pub(super) fn named(room: Room, license: LicenseId, name: &str) -> Vec<u8> {
    Writer::room(room).license(license).bytes(name.as_bytes()).0
}

pub(super) fn deadline(at: Timestamp, key: &ActorKey) -> Vec<u8> {
    Writer::room(Room::Deadline).at(at).actor(key).0
}

/// All deadlines up to and including `until`.
pub(super) fn deadlines(until: Timestamp) -> KeyRange {
    let start = Writer::room(Room::Deadline).0;
    start..Writer::room(Room::Deadline).at(until).range().end
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::super::codec::Reader;
    use super::*;
    use proptest::prelude::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    const LICENSE: LicenseId = LicenseId(100_000_001);

    fn conversation() -> ConversationId {
        "QJ7K2M9X0A".parse().unwrap()
    }

    fn thread() -> ThreadId {
        "0000000010".parse().unwrap()
    }

    fn customer() -> CustomerId {
        "3f2a6c1e-5b7d-4e8f-9a01-b2c3d4e5f607".parse().unwrap()
    }

    #[test]
    fn the_bytes_are_pinned() {
        let at = Timestamp::from_micros(0x0001_0203_0405_0607);
        let agent = AgentId::new("a@b.c");
        let bot = AgentId::bot_from_random(5);
        let conversation = conversation();
        for (key, pinned) in [
            (format(), "00666f726d6174"),
            (highest(), "0068696768657374206c736e"),
            (snapshot(&ActorKey::Installation), "0101"),
            (snapshot(&ActorKey::Token([0xab; 32])), &format!("0102{}", "ab".repeat(32))),
            (snapshot(&ActorKey::License(LICENSE)), "01030000000005f5e101"),
            (snapshot(&ActorKey::Agent(LICENSE, agent)), "01040000000005f5e1016140622e63"),
            (snapshot(&ActorKey::Bot(LICENSE, bot)), &format!("01050000000005f5e101{}35", "30".repeat(31))),
            (
                snapshot(&ActorKey::Customer(LICENSE, customer())),
                "01060000000005f5e1013f2a6c1e5b7d4e8f9a01b2c3d4e5f607",
            ),
            (snapshot(&ActorKey::Conversation(LICENSE, conversation)), "01070000000005f5e101CONV"),
            (snapshot(&ActorKey::Person(258)), "01080000000000000102"),
            (chunk(LICENSE, conversation, thread(), 258), "020000000005f5e101CONV000000000000002400000102"),
            (
                index(&IndexKey::ByActivity { license: LICENSE, at, conversation }),
                "030000000005f5e1010001020304050607CONV",
            ),
            (
                index(&IndexKey::ByCustomer { license: LICENSE, customer: customer(), conversation }),
                "040000000005f5e1013f2a6c1e5b7d4e8f9a01b2c3d4e5f607CONV",
            ),
            (index(&IndexKey::Open { license: LICENSE, conversation }), "050000000005f5e101CONV"),
            (
                index(&IndexKey::Number { license: LICENSE, number: 259 }),
                "060000000005f5e1010000000000000103",
            ),
            (
                index(&IndexKey::Events { license: LICENSE, first: 259, conversation }),
                "0c0000000005f5e1010000000000000103CONV",
            ),
            (named(Room::Delivery, LICENSE, "d-1"), "070000000005f5e101642d31"),
            (named(Room::DeadLetter, LICENSE, "d-1"), "090000000005f5e101642d31"),
            (named(Room::Receiver, LICENSE, "u"), "0a0000000005f5e10175"),
            (deadline(at, &ActorKey::License(LICENSE)), "080001020304050607030000000005f5e101"),
        ] {
            assert_eq!(hex(&key), pinned.replace("CONV", "000992dce3ec2d5a"));
        }
    }

    fn actors() -> impl Strategy<Value = ActorKey> {
        let license = any::<u64>().prop_map(LicenseId);
        let agent = (license.clone(), ".{0,20}").prop_map(|(license, text)| (license, AgentId::new(&text)));
        prop_oneof![
            Just(ActorKey::Installation),
            any::<[u8; 32]>().prop_map(ActorKey::Token),
            license.clone().prop_map(ActorKey::License),
            any::<u64>().prop_map(ActorKey::Person),
            agent.clone().prop_map(|(license, agent)| ActorKey::Agent(license, agent)),
            agent.prop_map(|(license, agent)| ActorKey::Bot(license, agent)),
            (license.clone(), any::<u128>())
                .prop_map(|(license, bits)| ActorKey::Customer(license, CustomerId::from_random(bits))),
            (license, any::<u64>().prop_map(ConversationId::from_random))
                .prop_map(|(license, chat)| ActorKey::Conversation(license, chat)),
        ]
    }

    fn decode(bytes: &[u8]) -> Option<ActorKey> {
        let mut reader = Reader::new(bytes, "here".into());
        reader.skip_room().and_then(|()| reader.actor()).ok()
    }

    proptest! {
        #[test]
        fn actor_keys_round_trip(key in actors()) {
            prop_assert_eq!(decode(&snapshot(&key)), Some(key));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }

        #[test]
        fn a_prefix_range_holds_what_begins_with_it(mut prefix: Vec<u8>, rest: Vec<u8>, other: Vec<u8>) {
            prefix.insert(0, 1);
            let range = prefix_range(prefix.clone());
            let mut longer = prefix.clone();
            longer.extend(rest);
            prop_assert!(range.contains(&longer));
            prop_assert_eq!(range.contains(&other), other.starts_with(&prefix));
        }

        #[test]
        fn deadlines_sort_by_time(a: u64, b: u64, key in actors()) {
            let until = Timestamp::from_micros(b);
            let within = deadlines(until).contains(&deadline(Timestamp::from_micros(a), &key));
            prop_assert_eq!(within, a <= b);
        }
    }
}
