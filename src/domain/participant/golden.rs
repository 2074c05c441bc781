//! Stored bytes of customers, pinned. **A change here breaks every journal and snapshot in the
//! field**: a field may only be added at the end, with a default; a variant keeps its name.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fmt::Write;

use crate::conversation::access::{Access, AccessChange};
use crate::id::{AgentId, CustomerId, GroupId};
use crate::participant::customer::{Ban, Customer, CustomerFact};
use crate::participant::visit::{Page, Visit};
use crate::time::Timestamp;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// A new variant must be named here and pinned below.
fn name(fact: &CustomerFact) -> &'static str {
    match fact {
        CustomerFact::Put(_) => "Put",
        CustomerFact::Visited(_) => "Visited",
        CustomerFact::Banned(_) => "Banned",
        CustomerFact::SideStored { .. } => "SideStored",
        CustomerFact::AccessChanged { .. } => "AccessChanged",
    }
}

fn visit() -> Visit {
    let page = Page { opened_at: Timestamp::from_micros(7), url: "u".into(), title: "t".into() };
    Visit {
        number: 9,
        started_at: Timestamp::from_micros(6),
        referrer: "r".into(),
        ip: "::1".into(),
        user_agent: "a".into(),
        pages: vec![page],
    }
}

fn ban() -> Ban {
    Ban { at: Timestamp::from_micros(8), days: 3, by: Some(AgentId::new("ann")) }
}

fn mia() -> Customer {
    let mut mia = Customer::new(CustomerId::from_random(1), 4, Timestamp::from_micros(5));
    mia.name = Some("Mia".into());
    mia.fields.insert("plan".into(), "free".into());
    mia.visits = 2;
    mia.visit = Some(visit());
    mia.ban = Some(ban());
    mia.side_storage.insert("k".into(), "v".into());
    mia
}

/// From before customers had an access.
const PUT_WITHOUT_ACCESS: &str = "81a35075749dc4100000000000004000800000000000000104a34d6961c0c081a4706c616ea46672656505c005930803a3616e6e960906a172a33a3a31a161919307a175a1740281a16ba176";

const FACTS: [(&str, &str); 5] = [
    (
        "Put",
        "81a35075749fc4100000000000004000800000000000000104a34d6961c0c081a4706c616ea46672656505c005930803a3616e6e960906a172a33a3a31a161919307a175a1740281a16ba176919100c0",
    ),
    ("Visited", "81a756697369746564960906a172a33a3a31a161919307a175a174"),
    ("Banned", "81a642616e6e6564930803a3616e6e"),
    ("SideStored", "81aa5369646553746f726564920881a16ba176"),
    ("AccessChanged", "81ad4163636573734368616e676564940891910281a3536574919102a3616e6e"),
];

#[test]
fn stored_facts_keep_their_bytes() {
    let stored = CustomerFact::SideStored {
        at: Timestamp::from_micros(8),
        storage: [("k".into(), "v".into())].into(),
    };
    let access = CustomerFact::AccessChanged {
        at: Timestamp::from_micros(8),
        access: Access::of(GroupId(2)),
        change: AccessChange::Set(Access::of(GroupId(2))),
        by: Some(AgentId::new("ann")),
    };
    let (put, visited, banned) =
        (CustomerFact::Put(Box::new(mia())), CustomerFact::Visited(visit()), CustomerFact::Banned(ban()));
    let facts = [put, visited, banned, stored, access];
    for (fact, (pinned, bytes)) in facts.iter().zip(FACTS) {
        let written = rmp_serde::to_vec(fact).unwrap();
        assert_eq!((name(fact), hex(&written).as_str()), (pinned, bytes));
        assert_eq!(&rmp_serde::from_slice::<CustomerFact>(&written).unwrap(), fact);
    }
}

#[test]
fn a_customer_from_before_access_is_everybodys() {
    let bytes = (0..PUT_WITHOUT_ACCESS.len()).step_by(2);
    let bytes: Vec<u8> =
        bytes.map(|at| u8::from_str_radix(&PUT_WITHOUT_ACCESS[at..at + 2], 16).unwrap()).collect();
    assert_eq!(rmp_serde::from_slice::<CustomerFact>(&bytes).unwrap(), CustomerFact::Put(Box::new(mia())));
}

#[test]
fn a_customer_from_before_visits_and_bans_still_opens() {
    let mia = mia();
    let old = (
        mia.id,
        mia.number,
        &mia.name,
        &mia.email,
        &mia.avatar,
        &mia.fields,
        mia.created_at,
        mia.banned_until,
        mia.changed_at,
    );
    let opened: Customer = rmp_serde::from_slice(&rmp_serde::to_vec(&old).unwrap()).unwrap();
    assert_eq!((opened.visits, opened.visit, opened.ban, opened.name), (0, None, None, mia.name));
}
