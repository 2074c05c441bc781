//! The typed rooms, on the store in memory; the stores themselves are compared by their conformance.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Arc;

use switchboard_domain::id::{AgentId, ConversationId, CustomerId, LicenseId, ThreadId};
use switchboard_domain::time::Timestamp;

use super::{ActorKey, ActorKind, Batch, IndexKey, MemoryStore, Records, Save, Snapshot, Store, key};
use crate::storage::{Lsn, StorageError};

const ONE: LicenseId = LicenseId(1);
const OTHER: LicenseId = LicenseId(2);

fn records() -> (Records, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::new());
    (Records::new(Arc::<MemoryStore>::clone(&store)).unwrap(), store)
}

fn conversation(n: u64) -> ConversationId {
    ConversationId::from_random(n)
}

fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(secs)
}

#[test]
fn snapshots_by_key_kind_and_license() {
    let (records, _) = records();
    let agent = |license, name| ActorKey::Agent(license, AgentId::new(name));
    let keys = [
        agent(ONE, "a@x"),
        agent(ONE, "b@x"),
        agent(OTHER, "a@x"),
        ActorKey::Bot(ONE, AgentId::new("a@x")),
        ActorKey::License(ONE),
        ActorKey::License(OTHER),
        ActorKey::Token([1; 32]),
        ActorKey::Token([2; 32]),
        ActorKey::Installation,
        ActorKey::Customer(ONE, CustomerId::from_random(7)),
        ActorKey::Conversation(ONE, conversation(7)),
    ];
    let mut save = Save::new();
    for (n, key) in keys.iter().enumerate() {
        save.snapshot(key, Lsn::new(n as u64 + 1), &[n as u8]);
    }
    records.save(save).unwrap();

    for (n, key) in keys.iter().enumerate() {
        assert_eq!(records.snapshot(key).unwrap(), Some((Lsn::new(n as u64 + 1), vec![n as u8])));
    }
    let of = |kind, license| -> Vec<ActorKey> {
        records.snapshots(kind, license).unwrap().into_iter().map(|found| found.key).collect()
    };
    assert_eq!(of(ActorKind::Agent, None), keys[..3]);
    assert_eq!(of(ActorKind::Agent, Some(ONE)), keys[..2]);
    assert_eq!(of(ActorKind::Bot, Some(ONE)), keys[3..4]);
    assert_eq!(of(ActorKind::Bot, Some(OTHER)), []);
    assert_eq!(of(ActorKind::License, None), keys[4..6]);
    assert_eq!(of(ActorKind::License, Some(OTHER)), keys[5..6]);
    assert_eq!(of(ActorKind::Token, None), keys[6..8]);
    assert_eq!(of(ActorKind::Token, Some(ONE)), []);
    assert_eq!(of(ActorKind::Installation, None), keys[8..9]);
    assert_eq!(of(ActorKind::Customer, Some(ONE)), keys[9..10]);
    assert_eq!(
        records.snapshots(ActorKind::Conversation, Some(ONE)).unwrap(),
        [Snapshot { key: keys[10].clone(), lsn: Lsn::new(11), bytes: vec![10] }]
    );

    let mut save = Save::new();
    save.forget(&keys[0]);
    records.save(save).unwrap();
    assert_eq!(records.snapshot(&keys[0]).unwrap(), None);
    assert_eq!(of(ActorKind::Agent, Some(ONE)), keys[1..2]);
}

#[test]
fn many_snapshots_are_visited_page_by_page_and_none_twice() {
    let (records, _) = records();
    let count = super::SNAPSHOT_PAGE as u64 * 2 + 1;
    let mut save = Save::new();
    for n in 0..count {
        save.snapshot(&ActorKey::Conversation(ONE, conversation(n)), Lsn::new(1), b"");
    }
    records.save(save).unwrap();
    let found = records.snapshots(ActorKind::Conversation, Some(ONE)).unwrap();
    let expected: Vec<_> = (0..count).map(|n| ActorKey::Conversation(ONE, conversation(n))).collect();
    assert!(found.into_iter().map(|snapshot| snapshot.key).eq(expected));
}

#[test]
fn erasing_a_license_leaves_nothing_but_its_own_snapshot_and_touches_no_other() {
    let (records, _) = records();
    let all_of = |license| {
        let mut save = Save::new();
        save.snapshot(&ActorKey::License(license), Lsn::new(1), b"license");
        save.snapshot(&ActorKey::Agent(license, AgentId::new("a@b.c")), Lsn::new(1), b"agent");
        save.snapshot(&ActorKey::Bot(license, AgentId::bot_from_random(1)), Lsn::new(1), b"bot");
        save.snapshot(&ActorKey::Customer(license, CustomerId::from_random(1)), Lsn::new(1), b"customer");
        for n in 0..super::SNAPSHOT_PAGE as u64 + 1 {
            let conversation = conversation(n);
            save.snapshot(&ActorKey::Conversation(license, conversation), Lsn::new(1), &[7; 100_000]);
            save.chunk(license, conversation, ThreadId::from_random(1), 0, vec![1; 10]);
            save.index_put(&IndexKey::ByActivity { license, at: at(n), conversation }, b"");
            save.index_put(&IndexKey::Open { license, conversation }, b"");
            save.index_put(&IndexKey::Number { license, number: n }, b"");
            let customer = CustomerId::from_random(1);
            save.index_put(&IndexKey::ByCustomer { license, customer, conversation }, b"");
            save.events(license, conversation, &[n + 1], 0);
        }
        save.index_put(&IndexKey::Name { license, name: [1; 16] }, b"");
        save.delivery_put(license, "d", b"d")
            .dead_letter_put(license, "d", b"d")
            .receiver_put(license, "u", b"r");
        save
    };
    records.save(all_of(ONE)).unwrap();
    records.save(all_of(OTHER)).unwrap();
    let other = || {
        let kinds = [ActorKind::Agent, ActorKind::Bot, ActorKind::Customer, ActorKind::Conversation];
        let snapshots = kinds.map(|kind| records.snapshots(kind, Some(OTHER)).unwrap().len());
        let rows = records.by_activity(OTHER, false, None, 1_000).unwrap().len();
        (snapshots, rows, records.highest_number(OTHER).unwrap(), records.deliveries(OTHER).unwrap().len())
    };
    let before = other();
    assert!(records.holds_any_of(ONE).unwrap());
    records.erase(ONE).unwrap();
    assert!(!records.holds_any_of(ONE).unwrap());
    assert_eq!(records.highest_number(ONE).unwrap(), 0);
    // Far behind the first page of the index; nothing is left of the other one.
    assert_eq!(records.with_event(OTHER, 1).unwrap(), Some(conversation(0)));
    assert_eq!(records.with_event(ONE, 1).unwrap(), None);
    assert!(records.snapshot(&ActorKey::License(ONE)).unwrap().is_some());
    assert_eq!(other(), before);
    records.erase(ONE).unwrap();
}

#[test]
fn chunks_come_in_order() {
    let (records, _) = records();
    let (thread, next) = (ThreadId::from_random(5), ThreadId::from_random(6));
    let mut save = Save::new();
    for n in (0..300).rev() {
        save.chunk(ONE, conversation(1), thread, n, n.to_be_bytes().to_vec());
    }
    save.chunk(ONE, conversation(1), next, 0, b"next".to_vec());
    save.chunk(OTHER, conversation(1), thread, 0, b"other".to_vec());
    records.save(save).unwrap();
    let expected: Vec<Vec<u8>> = (0..300_u32).map(|n| n.to_be_bytes().to_vec()).collect();
    assert_eq!(records.chunks(ONE, conversation(1), thread).unwrap(), expected);
    assert_eq!(records.chunk(ONE, conversation(1), next, 0).unwrap().as_deref(), Some(&b"next"[..]));
    assert_eq!(records.chunk(ONE, conversation(1), next, 1).unwrap(), None);
}

#[test]
fn by_activity_pages_both_ways_without_loss() {
    let (records, _) = records();
    let mut save = Save::new();
    // Two in the same moment: the id decides.
    let entries: Vec<_> =
        [(1, 9), (2, 3), (2, 4), (300, 1), (70_000, 2)].map(|(secs, n)| (at(secs), conversation(n))).to_vec();
    for (at, conversation) in &entries {
        let key = IndexKey::ByActivity { license: ONE, at: *at, conversation: *conversation };
        save.index_put(&key, b"row");
    }
    let foreign = IndexKey::ByActivity { license: OTHER, at: at(2), conversation: conversation(8) };
    save.index_put(&foreign, b"");
    records.save(save).unwrap();
    for (newest_first, limit) in [(true, 1), (true, 2), (false, 1), (false, 2), (false, 100)] {
        let mut found = Vec::new();
        loop {
            let after = found.last().copied();
            let page = records.by_activity(ONE, newest_first, after, limit).unwrap();
            assert!(page.len() <= limit && page.iter().all(|(_, value)| value == b"row"));
            if page.is_empty() {
                break;
            }
            found.extend(page.into_iter().map(|(key, _)| key));
        }
        if newest_first {
            found.reverse();
        }
        assert_eq!(found, entries, "newest first: {newest_first}, limit {limit}");
    }
}

#[test]
fn the_other_indexes() {
    let (records, _) = records();
    let (customer, other) = (CustomerId::from_random(1), CustomerId::from_random(2));
    let open = |license, n| IndexKey::Open { license, conversation: conversation(n) };
    let of = |customer, n| IndexKey::ByCustomer { license: ONE, customer, conversation: conversation(n) };
    let mut save = Save::new();
    save.index_put(&open(ONE, 2), b"b").index_put(&open(ONE, 1), b"a").index_put(&open(OTHER, 3), b"c");
    save.index_put(&of(customer, 5), b"x").index_put(&of(other, 6), b"y");
    save.index_put(&IndexKey::Number { license: ONE, number: 17 }, b"id");
    records.save(save).unwrap();
    let rows = [(conversation(1), b"a".to_vec()), (conversation(2), b"b".to_vec())];
    assert_eq!(records.open_conversations(ONE).unwrap(), rows);
    assert_eq!(records.of_customer(ONE, customer).unwrap(), [(conversation(5), b"x".to_vec())]);
    assert_eq!(records.of_customer(OTHER, customer).unwrap(), []);
    assert_eq!(records.numbered(ONE, 17).unwrap().as_deref(), Some(&b"id"[..]));
    assert_eq!(records.numbered(OTHER, 17).unwrap(), None);
    let mut save = Save::new();
    save.index_remove(&open(ONE, 1)).index_remove(&of(customer, 5));
    records.save(save).unwrap();
    assert_eq!(records.open_conversations(ONE).unwrap(), rows[1..]);
    assert_eq!(records.of_customer(ONE, customer).unwrap(), []);
}

#[test]
fn an_event_is_found_by_its_number_whatever_lies_around_it() {
    let (records, _) = records();
    let shelf = super::EVENT_SHELF;
    let own = [3, 7, shelf - 1, shelf, shelf + 9, 4 * shelf];
    let mut save = Save::new();
    save.events(ONE, conversation(1), &own, 0);
    save.events(ONE, conversation(2), &[5, 8, shelf + 1], 0);
    save.events(OTHER, conversation(3), &[6], 0);
    records.save(save).unwrap();
    let found = |number| records.with_event(ONE, number).unwrap();
    own.iter().for_each(|number| assert_eq!(found(*number), Some(conversation(1)), "{number}"));
    [5, 8, shelf + 1].iter().for_each(|number| assert_eq!(found(*number), Some(conversation(2))));
    for number in [0, 1, 4, 6, 9, shelf - 2, shelf + 2, 2 * shelf, 3 * shelf + 7, 4 * shelf + 1, u64::MAX] {
        assert_eq!(found(number), None, "{number}");
    }
    assert_eq!(records.with_event(OTHER, 6).unwrap(), Some(conversation(3)));
    // The run has grown: what is older than what is new is as it was.
    let mut save = Save::new();
    save.events(
        ONE,
        conversation(1),
        &[3, 7, shelf - 1, shelf, shelf + 9, 4 * shelf, 4 * shelf + 2],
        4 * shelf + 2,
    );
    records.save(save).unwrap();
    [3, 4 * shelf, 4 * shelf + 2].iter().for_each(|number| assert_eq!(found(*number), Some(conversation(1))));
}

#[test]
fn deliveries_and_deadlines() {
    let (records, _) = records();
    let actor = ActorKey::Conversation(ONE, conversation(1));
    let mut save = Save::new();
    save.delivery_put(ONE, "b", b"2").delivery_put(ONE, "a", b"1").delivery_put(OTHER, "c", b"3");
    save.deadline_put(at(30), &actor).deadline_put(at(10), &ActorKey::License(OTHER));
    save.deadline_put(at(20), &actor).deadline_put(at(10), &ActorKey::Installation);
    records.save(save).unwrap();
    let due = [("a".to_owned(), b"1".to_vec()), ("b".to_owned(), b"2".to_vec())];
    assert_eq!(records.deliveries(ONE).unwrap(), due);
    let first = [(at(10), ActorKey::Installation), (at(10), ActorKey::License(OTHER))];
    assert_eq!(records.deadlines(at(19), 9).unwrap(), first);
    assert_eq!(records.deadlines(at(20), 9).unwrap().len(), 3, "until is included");
    assert_eq!(records.deadlines(at(9), 9).unwrap(), []);
    assert_eq!(records.deadlines(at(99), 1).unwrap(), first[..1]);
    assert_eq!(records.deadlines(Timestamp::from_micros(u64::MAX), 9).unwrap().len(), 4);
    let mut save = Save::new();
    save.delivery_remove(ONE, "a").deadline_remove(at(10), &ActorKey::Installation);
    records.save(save).unwrap();
    assert_eq!(records.deliveries(ONE).unwrap(), due[1..]);
    assert_eq!(records.deadlines(at(10), 9).unwrap(), first[1..]);
}

#[test]
fn dead_letters_and_receivers_are_of_one_license() {
    let (records, _) = records();
    let mut save = Save::new();
    // More than are held at once.
    for n in 0..200_u32 {
        save.dead_letter_put(ONE, &format!("{n:03}"), &n.to_be_bytes());
    }
    save.dead_letter_put(OTHER, "x", b"x").receiver_put(OTHER, "http://x", b"x");
    save.receiver_put(ONE, "http://b", b"2").receiver_put(ONE, "http://a", b"1");
    records.save(save).unwrap();
    let mut seen = Vec::new();
    let mut visit = |letter: Vec<u8>| {
        seen.push(u32::from_be_bytes(letter.try_into().unwrap()));
        Ok(())
    };
    records.each_dead_letter(ONE, &mut visit).unwrap();
    assert!(seen.into_iter().eq(0..200));
    assert_eq!(records.dead_letter(ONE, "007").unwrap(), Some(7_u32.to_be_bytes().to_vec()));
    assert_eq!(records.dead_letter(ONE, "x").unwrap(), None);
    let receivers = [("http://a".to_owned(), b"1".to_vec()), ("http://b".to_owned(), b"2".to_vec())];
    assert_eq!(records.receivers(ONE).unwrap(), receivers);

    let mut save = Save::new();
    save.dead_letter_remove(ONE, "007").receiver_remove(ONE, "http://a");
    records.save(save).unwrap();
    assert_eq!(records.dead_letter(ONE, "007").unwrap(), None);
    assert_eq!(records.receivers(ONE).unwrap(), receivers[1..]);
    assert_eq!(records.deliveries(ONE).unwrap(), []);
}

#[test]
fn the_highest_position_is_remembered_and_never_falls() {
    let (records, store) = records();
    for (lsn, highest) in [(5, 5), (3, 5), (9, 9)] {
        let mut save = Save::new();
        save.snapshot(&ActorKey::Installation, Lsn::new(lsn), b"");
        records.save(save).unwrap();
        assert_eq!(records.highest_saved(), Lsn::new(highest));
        let again = Records::new(Arc::<MemoryStore>::clone(&store)).unwrap();
        assert_eq!(again.highest_saved(), Lsn::new(highest));
    }
    store.set_disk_full(true);
    let mut save = Save::new();
    save.snapshot(&ActorKey::Installation, Lsn::new(20), b"");
    assert!(matches!(records.save(save), Err(StorageError::DiskFull)));
    assert_eq!(records.highest_saved(), Lsn::new(9));
}

#[test]
fn a_newer_format_is_refused() {
    let (records, store) = records();
    records.establish().unwrap();
    assert!(records.is_established().unwrap());
    let mut batch = Batch::default();
    batch.put(key::format(), 2_u32.to_be_bytes().to_vec());
    store.write(batch).unwrap();
    let refused = Records::new(Arc::<MemoryStore>::clone(&store)).err();
    assert!(matches!(refused, Some(StorageError::NewerFormat { found: 2, known: 1, .. })));
}
