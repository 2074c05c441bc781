//! A whole journal replayed: in one go, in small batches, over broken records. The outcome is one.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Arc;

use switchboard_domain::conversation::Assignment;
use switchboard_domain::conversation::access::Access;
use switchboard_domain::conversation::event::{Event, EventBody, Visibility};
use switchboard_domain::conversation::fact::{Change, Fact};
use switchboard_domain::conversation::properties::Properties;
use switchboard_domain::id::{ClientId, EventId, ThreadId, UserId};
use switchboard_domain::participant::ending::Ended;
use switchboard_domain::participant::license::License;
use switchboard_domain::time::Timestamp;

use super::*;
use crate::storage::Faults;

const LICENSE: LicenseId = LicenseId(7);
const CHATS: u64 = 3;
/// Messages of each chat: enough for several chunks.
const MESSAGES: u32 = 120;

fn chat(n: u64) -> ConversationId {
    ConversationId::from_random(n)
}

fn customer(n: u64) -> CustomerId {
    CustomerId::from_random(u128::from(n))
}

fn of_chat(n: u64, second: u64, change: Change) -> Entry {
    Entry::Conversation(LICENSE, chat(n), Fact { at: Timestamp::from_secs(second), change })
}

/// A license, customers and chats that talk in turns; the last chat is closed.
fn journal() -> (Storage, Faults) {
    let (storage, faults) = Storage::in_memory();
    let license = License::new(LICENSE, "organization", ClientId::new("app"), Timestamp::from_secs(1));
    let mut records = vec![vec![Entry::License(LICENSE, LicenseFact::Put(Box::new(license)))]];
    for n in 0..CHATS {
        let mut person: Customer = Customer::new(customer(n), n + 1, Timestamp::from_secs(2));
        person.name = Some("Mia".into());
        let opened = Change::ThreadOpened {
            ticket: None,
            thread: ThreadId::from_random(n),
            by: None,
            customer: Some(customer(n)),
            access: Access::default(),
            continuous: true,
            properties: Properties::default(),
            thread_properties: Properties::default(),
            tags: Vec::new(),
            present: vec![UserId::Customer(customer(n))],
            assignment: Assignment::Queued(Timestamp::from_secs(3)),
            events: Vec::new(),
            followers: Vec::new(),
        };
        records.push(vec![
            Entry::Customer(LICENSE, customer(n), CustomerFact::Put(Box::new(person))),
            of_chat(n, 2, Change::Created { license: LICENSE, id: chat(n), number: n + 1, epoch: 9 }),
            of_chat(n, 3, opened),
        ]);
    }
    for order in 1..=MESSAGES {
        for n in 0..CHATS {
            let second = 3 + u64::from(order) * CHATS + n;
            let event = Event {
                details: None,
                number: 0,
                id: EventId { thread: ThreadId::from_random(n), order },
                custom_id: None,
                created_at: Timestamp::from_secs(second),
                author: Some(UserId::Customer(customer(n))),
                visibility: Visibility::All,
                properties: Properties::default(),
                body: EventBody::Message { text: format!("{order} {}", "x".repeat(600)), postback: None },
            };
            records.push(vec![of_chat(n, second, Change::EventPosted(Arc::new(event)))]);
        }
    }
    records.push(vec![of_chat(CHATS - 1, 10_000, Change::ThreadClosed { by: None })]);
    for record in &records {
        storage.journal.append(&entry::encode(record).unwrap()).unwrap();
    }
    (storage, faults)
}

/// All that is stored of the chats and customers.
fn stored(storage: &Storage) -> String {
    let records = &storage.records;
    let chats: Vec<_> = (0..CHATS)
        .map(|n| {
            let head = records.snapshot(&ActorKey::Conversation(LICENSE, chat(n))).unwrap();
            let chunks = records.chunks(LICENSE, chat(n), ThreadId::from_random(n)).unwrap();
            assert!(chunks.len() > 2, "long enough to be a test: {}", chunks.len());
            let person = records.snapshot(&ActorKey::Customer(LICENSE, customer(n))).unwrap();
            (head, chunks, person, records.of_customer(LICENSE, customer(n)).unwrap())
        })
        .collect();
    let open = records.open_conversations(LICENSE).unwrap();
    assert_eq!(open.len() as u64, CHATS - 1);
    let rows = records.by_activity(LICENSE, false, None, 100).unwrap();
    format!("{chats:?} {open:?} {rows:?} {}", storage.journal.checkpoint())
}

fn replayed(batch: usize) -> String {
    let (storage, _) = journal();
    let mut known = Recovered::read_in_batches(&storage, batch).unwrap();
    if batch == 1 {
        assert!(known.conversations.is_empty() && known.customers.is_empty(), "nothing is held");
    } else if batch == usize::MAX {
        assert_eq!(known.conversations.len() as u64, CHATS);
    }
    assert_eq!(known.number, CHATS, "numbers outlive what was let go");
    known.store(&storage).unwrap();
    stored(&storage)
}

#[test]
fn in_batches_of_any_size_the_same_is_stored() {
    let whole = replayed(usize::MAX);
    for batch in [1, 5_000, 100_000] {
        assert!(replayed(batch) == whole, "batches of {batch} bytes");
    }
}

/// The crash comes in the middle of a replay in batches: what was stored is older than the checkpoint's
/// end, and the next replay begins at the beginning again.
#[test]
fn a_replay_that_was_cut_off_is_done_again() {
    let whole = replayed(usize::MAX);
    let (storage, faults) = journal();
    let mut seen = 0;
    let mut all = Recovered::default();
    let cut = storage.journal.replay(Lsn::ZERO, &mut |lsn, record| {
        seen += 1;
        if seen == 200 {
            return Err(StorageError::Stopped);
        }
        entry::decode(record)?.into_iter().try_for_each(|entry| all.take(&storage, lsn, entry))?;
        all.store_held(&storage)
    });
    assert!(cut.is_err());
    storage.records.sync().unwrap();
    let (mut storage, _) = faults.crash().unwrap();
    Recovered::read(&mut storage).unwrap().store(&storage).unwrap();
    assert!(stored(&storage) == whole);
}

#[test]
fn broken_records_are_built_anew_at_once() {
    let whole = replayed(usize::MAX);
    let (mut storage, faults) = journal();
    Recovered::read(&mut storage).unwrap().store(&storage).unwrap();
    faults.break_records();
    let (mut storage, _) = faults.crash().unwrap();
    let mut known = Recovered::read(&mut storage).unwrap();
    known.store(&storage).unwrap();
    assert!(stored(&storage) == whole);
}

/// A record that no version wrote is refused, and the records are not to blame.
#[test]
fn a_record_that_makes_no_sense_is_refused() {
    let (mut storage, _) = journal();
    let entry = of_chat(99, 1, Change::WentIdle);
    storage.journal.append(&entry::encode(&[entry]).unwrap()).unwrap();
    let refused = Recovered::read(&mut storage).err().unwrap();
    assert!(refused.to_string().contains("a conversation that was never made"), "{refused}");
    assert!(!storage.records.are_suspect());
    storage.journal.append(b"nonsense").unwrap();
    let (mut storage, _) = {
        let (storage, faults) = journal();
        storage.journal.append(b"nonsense").unwrap();
        (storage, faults)
    };
    let refused = Recovered::read(&mut storage).err().unwrap();
    assert!(refused.to_string().contains("a record cannot be read"), "{refused}");
}

/// Its end, with a straggler of another shard behind it.
fn end(storage: &Storage) {
    let ended = LicenseFact::Ended(Ended { at: Timestamp::from_secs(20_000), number: 500 });
    for record in [
        vec![Entry::License(LICENSE, ended)],
        vec![of_chat(0, 20_001, Change::ThreadClosed { by: None })],
        vec![Entry::Customer(LICENSE, customer(99), CustomerFact::Put(Box::new(stranger())))],
    ] {
        storage.journal.append(&entry::encode(&record).unwrap()).unwrap();
    }
}

fn stranger() -> Customer {
    Customer::new(customer(99), 99, Timestamp::from_secs(2))
}

#[test]
fn of_a_license_that_ended_only_its_numbers_come_back() {
    for batch in [1, 40_000, usize::MAX] {
        let (storage, _) = journal();
        end(&storage);
        let mut known = Recovered::read_in_batches(&storage, batch).unwrap();
        known.store(&storage).unwrap();
        assert!(known.customers.is_empty() && known.conversations.is_empty() && known.agents.is_empty());
        assert_eq!((known.ended(), known.number), (vec![LICENSE], 500), "nobody gets its numbers again");
        // What was stored before its end was read is removed by the running server.
        assert_eq!(storage.records.holds_any_of(LICENSE).unwrap(), batch < usize::MAX);
        storage.records.erase(LICENSE).unwrap();
        let again = Recovered::read_in_batches(&storage, batch).unwrap();
        assert_eq!((again.ended(), again.number), (vec![LICENSE], 500));
    }
}

#[test]
fn an_end_that_is_stored_counts_whatever_of_the_journal_is_read_again() {
    let (storage, _) = journal();
    let mut known = Recovered::read_in_batches(&storage, usize::MAX).unwrap();
    known.store(&storage).unwrap();
    end(&storage);
    let later = Recovered::read_in_batches(&storage, usize::MAX).unwrap().licenses[&LICENSE].lsn;
    // As a crash leaves it right after the end was stored, and what the license had was removed.
    let state = License::new(LICENSE, "organization", ClientId::new("app"), Timestamp::from_secs(1));
    let mut state = state;
    state.apply(&LicenseFact::Ended(Ended { at: Timestamp::from_secs(20_000), number: 500 }));
    storage.records.save(one(&ActorKey::License(LICENSE), later, &state).unwrap()).unwrap();
    storage.records.erase(LICENSE).unwrap();
    let again = Recovered::read_in_batches(&storage, usize::MAX).unwrap();
    assert!(again.conversations.is_empty() && again.customers.is_empty());
    assert_eq!(again.ended(), [LICENSE]);
}
