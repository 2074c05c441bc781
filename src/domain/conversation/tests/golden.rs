//! Stored bytes, pinned. **A change here breaks every journal and snapshot in the field**: a field
//! may only be added at the end, with a default; a variant is stored by its name and keeps it.

use std::fmt::Write;

use super::*;
use crate::conversation::access::AccessChange;
use crate::conversation::details::{Carriage, Details};
use crate::conversation::idempotency::{Outcome, WriteKey};
use crate::conversation::ticket::{Ticket, Urgency};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// A new variant must be named here and pinned below.
fn name(change: &Change) -> &'static str {
    match change {
        Change::Created { .. } => "Created",
        Change::ThreadOpened { .. } => "ThreadOpened",
        Change::EventPosted(_) => "EventPosted",
        Change::MemberAdded { .. } => "MemberAdded",
        Change::MemberRemoved { .. } => "MemberRemoved",
        Change::Assigned(_) => "Assigned",
        Change::ThreadClosed { .. } => "ThreadClosed",
        Change::Tagged { .. } => "Tagged",
        Change::Untagged { .. } => "Untagged",
        Change::SeenUpTo { .. } => "SeenUpTo",
        Change::Followed(_) => "Followed",
        Change::Unfollowed(_) => "Unfollowed",
        Change::PropertiesChanged { .. } => "PropertiesChanged",
        Change::PostbackSent { .. } => "PostbackSent",
        Change::AccessChanged { .. } => "AccessChanged",
        Change::Transferred { .. } => "Transferred",
        Change::WentIdle => "WentIdle",
        Change::PassedOver(_) => "PassedOver",
        Change::KeyUsed { .. } => "KeyUsed",
        Change::TicketChanged(_) => "TicketChanged",
        Change::EventAmended(_) => "EventAmended",
        Change::CustomerChanged { .. } => "CustomerChanged",
    }
}

fn event_of(order: u32) -> Arc<Event> {
    let mut properties = Properties::default();
    properties.set("source", "type", PropertyValue::Text("web".into()));
    Arc::new(Event {
        details: None,
        number: 0,
        id: EventId { thread: thread(2), order },
        custom_id: Some("c1".into()),
        created_at: Timestamp::from_micros(10),
        author: Some(user("mia")),
        visibility: Visibility::All,
        properties,
        body: text("hi"),
    })
}

fn event_with_details() -> Arc<Event> {
    let details = Details {
        kind: "cards".into(),
        attributes: "{}".into(),
        source_id: Some("s".into()),
        echo_id: None,
        carriage: Carriage::Read,
        text: None,
        attachments: Vec::new(),
        mentions: Vec::new(),
    };
    Arc::new(Event { number: 77, details: Some(Box::new(details)), ..(*event_of(1)).clone() })
}

fn ticket() -> Ticket {
    Ticket {
        entry: 4,
        urgency: Some(Urgency::High),
        labels: vec!["vip".into()],
        team: Some(9),
        waiting_since: Some(Timestamp::from_micros(30)),
        ..Ticket::default()
    }
}

fn changed(place: Place, change: PropertyChange, event: Option<Arc<Event>>) -> Change {
    Change::PropertiesChanged { place, change, by: Some(user("ann")), event }
}

fn access(change: AccessChange) -> Change {
    Change::AccessChanged { access: Access::default(), change, by: None }
}

fn used(outcome: Outcome) -> Change {
    Change::KeyUsed { key: WriteKey { name: 1, asked: u128::MAX }, outcome }
}

fn changes() -> Vec<Change> {
    let mut properties = Properties::default();
    properties.set("test", "int_property", PropertyValue::Int(-1));
    properties.set("test", "bool_property", PropertyValue::Bool(true));
    vec![
        Change::Created { license: LICENSE, id: ConversationId::from_random(5), number: 3, epoch: 99 },
        Change::ThreadOpened {
            ticket: None,
            thread: thread(2),
            by: Some(user("mia")),
            customer: Some(customer(1)),
            access: Access::of(SALES),
            continuous: true,
            properties,
            thread_properties: Properties::default(),
            tags: vec!["vip".into()],
            present: vec![user("mia"), user("ann")],
            assignment: held("ann"),
            events: vec![event_of(1)],
            followers: vec![agent("eve")],
        },
        Change::EventPosted(event_of(2)),
        Change::MemberAdded { user: user("bob"), by: Some(user("ann")) },
        Change::MemberRemoved { user: user("bob"), by: None },
        Change::Assigned(Assignment::Unassigned(Timestamp::from_micros(20))),
        Change::Assigned(Assignment::Queued(Timestamp::from_micros(20))),
        Change::Assigned(Assignment::Parked(Timestamp::from_micros(20))),
        Change::Assigned(Assignment::Idle),
        Change::ThreadClosed { by: Some(user("mia")) },
        Change::Tagged { thread: thread(2), tag: "vip".into(), by: Some(user("ann")) },
        Change::Untagged { thread: thread(2), tag: "vip".into(), by: None },
        Change::SeenUpTo { user: user("mia"), up_to: Timestamp::from_micros(20) },
        Change::Followed(agent("eve")),
        Change::Unfollowed(agent("eve")),
        changed(Place::Chat, PropertyChange::Set(ints(&[("test", "int_property", 1)])), None),
        changed(
            Place::Thread(thread(2)),
            PropertyChange::Delete([("rating", "score"), ("rating", "comment")].into_iter().collect()),
            None,
        ),
        changed(
            Place::Event(event_id(2, 1)),
            PropertyChange::Set(ints(&[("test", "int_property", 1)])),
            Some(event_of(1)),
        ),
        Change::PostbackSent { event: event_of(1), user: user("mia"), postback: "buy".into(), toggled: true },
        access(AccessChange::Granted(Access::of(SALES))),
        access(AccessChange::Revoked(Access::of(SALES))),
        access(AccessChange::Set(Access::of(SALES))),
        access(AccessChange::Granted(Access::of_agent(agent("bob")))),
        Change::Transferred {
            by: Some(user("ann")),
            to: TransferTarget::Agents(vec![agent("bob")]),
            access: Access::of(SALES),
        },
        Change::Transferred { by: None, to: TransferTarget::Groups(vec![SALES]), access: Access::of(SALES) },
        Change::Transferred { by: None, to: TransferTarget::Within, access: Access::default() },
        Change::WentIdle,
        Change::PassedOver(agent("ann")),
        used(Outcome::Done),
        used(Outcome::Posted(EventId { thread: thread(2), order: 3 })),
        used(Outcome::Opened(thread(2))),
        used(Outcome::Seen(Timestamp::from_micros(20))),
        Change::TicketChanged(Box::new(ticket())),
        Change::EventAmended(event_with_details()),
        Change::Assigned(Assignment::BotsTurn),
        Change::CustomerChanged { from: customer(1), to: customer(2) },
    ]
}

const FACTS: &[(&str, &str)] = &[
    ("Created", "921e81a7437265617465649407050363"),
    (
        "ThreadOpened",
        "921e81ac5468726561644f70656e65649d0281a8437573746f6d6572c41000000000000040008000000000000001c41000000000000040008000000000000001919101c381a47465737482ad626f6f6c5f70726f706572747981a4426f6f6cc3ac696e745f70726f706572747981a3496e74ff8091a37669709281a8437573746f6d6572c4100000000000004000800000000000000181a54167656e74a3616e6e81a448656c64a3616e6e9199920201a263310a81a8437573746f6d6572c41000000000000040008000000000000001a3416c6c81a6736f7572636581a47479706581a454657874a377656281a74d65737361676592a26869c000c091a3657665c0",
    ),
    (
        "EventPosted",
        "921e81ab4576656e74506f7374656499920202a263310a81a8437573746f6d6572c41000000000000040008000000000000001a3416c6c81a6736f7572636581a47479706581a454657874a377656281a74d65737361676592a26869c000c0",
    ),
    ("MemberAdded", "921e81ab4d656d62657241646465649281a54167656e74a3626f6281a54167656e74a3616e6e"),
    ("MemberRemoved", "921e81ad4d656d62657252656d6f7665649281a54167656e74a3626f62c0"),
    ("Assigned", "921e81a841737369676e656481aa556e61737369676e656414"),
    ("Assigned", "921e81a841737369676e656481a651756575656414"),
    ("Assigned", "921e81a841737369676e656481a65061726b656414"),
    ("Assigned", "921e81a841737369676e6564a449646c65"),
    (
        "ThreadClosed",
        "921e81ac546872656164436c6f7365649181a8437573746f6d6572c41000000000000040008000000000000001",
    ),
    ("Tagged", "921e81a65461676765649302a376697081a54167656e74a3616e6e"),
    ("Untagged", "921e81a8556e7461676765649302a3766970c0"),
    ("SeenUpTo", "921e81a85365656e5570546f9281a8437573746f6d6572c4100000000000004000800000000000000114"),
    ("Followed", "921e81a8466f6c6c6f776564a3657665"),
    ("Unfollowed", "921e81aa556e666f6c6c6f776564a3657665"),
    (
        "PropertiesChanged",
        "921e81b150726f706572746965734368616e67656494a44368617481a353657481a47465737481ac696e745f70726f706572747981a3496e740181a54167656e74a3616e6ec0",
    ),
    (
        "PropertiesChanged",
        "921e81b150726f706572746965734368616e6765649481a65468726561640281a644656c65746581a6726174696e6792a573636f7265a7636f6d6d656e7481a54167656e74a3616e6ec0",
    ),
    (
        "PropertiesChanged",
        "921e81b150726f706572746965734368616e6765649481a54576656e7492020181a353657481a47465737481ac696e745f70726f706572747981a3496e740181a54167656e74a3616e6e99920201a263310a81a8437573746f6d6572c41000000000000040008000000000000001a3416c6c81a6736f7572636581a47479706581a454657874a377656281a74d65737361676592a26869c000c0",
    ),
    (
        "PostbackSent",
        "921e81ac506f73746261636b53656e749499920201a263310a81a8437573746f6d6572c41000000000000040008000000000000001a3416c6c81a6736f7572636581a47479706581a454657874a377656281a74d65737361676592a26869c000c081a8437573746f6d6572c41000000000000040008000000000000001a3627579c3",
    ),
    ("AccessChanged", "921e81ad4163636573734368616e6765649391910081a74772616e746564919101c0"),
    ("AccessChanged", "921e81ad4163636573734368616e6765649391910081a75265766f6b6564919101c0"),
    ("AccessChanged", "921e81ad4163636573734368616e6765649391910081a3536574919101c0"),
    ("AccessChanged", "921e81ad4163636573734368616e6765649391910081a74772616e746564929091a3626f62c0"),
    ("Transferred", "921e81ab5472616e736665727265649381a54167656e74a3616e6e81a64167656e747391a3626f62919101"),
    ("Transferred", "921e81ab5472616e7366657272656493c081a647726f7570739101919101"),
    ("Transferred", "921e81ab5472616e7366657272656493c0a657697468696e919100"),
    ("WentIdle", "921ea857656e7449646c65"),
    ("PassedOver", "921e81aa5061737365644f766572a3616e6e"),
    (
        "KeyUsed",
        "921e81a74b6579557365649292c41000000000000000000000000000000001c410ffffffffffffffffffffffffffffffffa4446f6e65",
    ),
    (
        "KeyUsed",
        "921e81a74b6579557365649292c41000000000000000000000000000000001c410ffffffffffffffffffffffffffffffff81a6506f73746564920203",
    ),
    (
        "KeyUsed",
        "921e81a74b6579557365649292c41000000000000000000000000000000001c410ffffffffffffffffffffffffffffffff81a64f70656e656402",
    ),
    (
        "KeyUsed",
        "921e81a74b6579557365649292c41000000000000000000000000000000001c410ffffffffffffffffffffffffffffffff81a45365656e14",
    ),
    (
        "TicketChanged",
        "921e81ad5469636b65744368616e6765649d04a44869676891a3766970a27b7da27b7d09c200001ec0920000c0",
    ),
    (
        "EventAmended",
        "921e81ac4576656e74416d656e64656499920201a263310a81a8437573746f6d6572c41000000000000040008000000000000001a3416c6c81a6736f7572636581a47479706581a454657874a377656281a74d65737361676592a26869c04d97a56361726473a27b7da173c0a452656164c090",
    ),
    ("Assigned", "921e81a841737369676e6564a8426f74735475726e"),
    (
        "CustomerChanged",
        "921e81af437573746f6d65724368616e67656492c41000000000000040008000000000000001c41000000000000040008000000000000002",
    ),
];

const HEAD: &str = "dc001c07050363ce3baa0c41ce3baa0c4103c41000000000000040008000000000000001929481a8437573746f6d6572c41000000000000040008000000000000001c3ce3baa0c40ce3b9aca019481a54167656e74a3616e6ec3c0ce3b9aca0191a3657665919100c28081a448656c64a3616e6e919a0201ce3b9aca01c09281a8437573746f6d6572c4100000000000004000800000000000000181a54167656e74a3616e6e90800101009199920201c0ce3baa0c4081a8437573746f6d6572c41000000000000040008000000000000001a3416c6c8081a74d65737361676592a568656c6c6fc000c0cc859081a74d65737361676593020199920201c0ce3baa0c4081a8437573746f6d6572c41000000000000040008000000000000001a3416c6c8081a74d65737361676592a568656c6c6fc000c081a74d65737361676593020199920201c0ce3baa0c4081a8437573746f6d6572c41000000000000040008000000000000001a3416c6c8081a74d65737361676592a568656c6c6fc000c001c0ce3baa0c40c095ce3baa0c40ce3b9aca01ce3baa0c40ce3baa0c40c29092029292c0019292020101c0";

/// Facts from before events had numbers and conversations tickets.
const BEFORE_DESKS: [&str; 2] = [
    "921e81ac5468726561644f70656e65649c0281a8437573746f6d6572c41000000000000040008000000000000001c41000000000000040008000000000000001919101c381a47465737482ad626f6f6c5f70726f706572747981a4426f6f6cc3ac696e745f70726f706572747981a3496e74ff8091a37669709281a8437573746f6d6572c4100000000000004000800000000000000181a54167656e74a3616e6e81a448656c64a3616e6e9197920201a263310a81a8437573746f6d6572c41000000000000040008000000000000001a3416c6c81a6736f7572636581a47479706581a454657874a377656281a74d65737361676592a26869c091a3657665",
    "921e81ab4576656e74506f7374656497920202a263310a81a8437573746f6d6572c41000000000000040008000000000000001a3416c6c81a6736f7572636581a47479706581a454657874a377656281a74d65737361676592a26869c0",
];

#[test]
fn stored_facts_keep_their_bytes() {
    let facts = changes().into_iter().map(|change| Fact { at: Timestamp::from_micros(30), change });
    let stored: Vec<_> =
        facts.clone().map(|fact| (name(&fact.change), hex(&rmp_serde::to_vec(&fact).unwrap()))).collect();
    let pinned: Vec<_> = FACTS.iter().map(|(name, hex)| (*name, (*hex).to_owned())).collect();
    assert_eq!(stored, pinned);
    for fact in facts {
        let bytes = rmp_serde::to_vec(&fact).unwrap();
        assert_eq!(rmp_serde::from_slice::<Fact>(&bytes).unwrap(), fact);
    }
}

#[test]
fn a_stored_head_keeps_its_bytes() {
    let opening = OpenThread { customer: Some(customer(1)), ..open(2, None) };
    let mut chat = Chat::create("ann", opening).unwrap().0.after("mia", post(said()));
    chat.state.followers.insert(agent("eve"));
    chat.state.next_delivery();
    let head = chat.state.head();
    let bytes = rmp_serde::to_vec(&head).unwrap();
    assert_eq!(hex(&bytes), HEAD);
    assert_eq!(rmp_serde::from_slice::<Conversation>(&bytes).unwrap(), head);
}

#[test]
fn a_head_from_before_the_newest_field_still_opens() {
    // The newest field is the ticket; before it stand two pushes: of the opening, and of an event.
    let newest_missing =
        HEAD.strip_suffix("92029292c0019292020101c0").unwrap().replacen("dc001c", "dc001a", 1);
    let read = rmp_serde::from_slice::<Conversation>(&bytes(&newest_missing)).unwrap();
    assert_eq!((read.seq().number, read.ticket()), (0, None));
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// A message from before notes mentioned anybody: its files were not stored when there were none.
const BEFORE_MENTIONS: &str = "921e81ac4576656e74416d656e64656499920201a263310a81a8437573746f6d6572c41000000000000040008000000000000001a3416c6c81a6736f7572636581a47479706581a454657874a377656281a74d65737361676592a26869c04d96a56361726473a27b7da173c0a452656164c0";

#[test]
fn messages_from_before_notes_mentioned_anybody_still_open() {
    let fact = rmp_serde::from_slice::<Fact>(&bytes(BEFORE_MENTIONS)).unwrap();
    assert_eq!(fact.change, Change::EventAmended(event_with_details()));
    // Whom it mentions is stored behind the files, also when there are none.
    let mut event = (*event_with_details()).clone();
    event.details.as_mut().unwrap().mentions = vec![agent("eve")];
    let stored = rmp_serde::to_vec(&event).unwrap();
    assert_eq!(rmp_serde::from_slice::<Event>(&stored).unwrap(), event);
}

#[test]
fn facts_from_before_there_were_desks_still_open() {
    for (stored, now) in BEFORE_DESKS.iter().zip([&changes()[1], &changes()[2]]) {
        let fact = rmp_serde::from_slice::<Fact>(&bytes(stored)).unwrap();
        assert_eq!(fact.change, *now);
    }
}
