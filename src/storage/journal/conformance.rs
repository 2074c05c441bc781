//! What every journal does. Run on the one in files and on its twin.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use super::{Journal, MAX_RECORD_BYTES};
use crate::storage::{Lsn, StorageError, files};

/// Opens the same journal again; the one before was dropped, closed or not.
pub(in crate::storage) type Reopen = Box<dyn FnMut() -> Arc<dyn Journal>>;

/// Runs the suite; `fresh` makes a new empty journal for every test.
pub(in crate::storage) fn run(fresh: &mut dyn FnMut() -> Reopen) {
    positions_rise_from_one(fresh());
    replay_shows_what_follows(fresh());
    durable_without_hand_over(fresh());
    listeners_hear_of_the_last_record(fresh());
    what_was_durable_survives_a_crash(fresh());
    close_finishes_and_refuses(fresh());
    the_checkpoint_survives(fresh());
    records_of_all_sizes(fresh());
    threads_share_one_order(fresh());
    a_failing_visitor_stops_the_replay(fresh());
}

/// The records after `after`.
pub(in crate::storage) fn all(journal: &dyn Journal, after: Lsn) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut last = after;
    journal
        .replay(after, &mut |lsn, record| {
            assert!(lsn > last, "{lsn} after {last}");
            last = lsn;
            found.push(record.to_vec());
            Ok(())
        })
        .unwrap();
    found
}

/// Lets a test wait for the durable position.
pub(in crate::storage) struct Heard(Mutex<Lsn>, Condvar);

impl Heard {
    pub(in crate::storage) fn by(journal: &dyn Journal) -> Arc<Self> {
        let heard = Arc::new(Self(Mutex::new(journal.durable()), Condvar::new()));
        let listener = Arc::clone(&heard);
        journal.on_durable(Arc::new(move |lsn| {
            let mut greatest = files::lock(&listener.0);
            *greatest = lsn.max(*greatest);
            listener.1.notify_all();
        }));
        heard
    }

    pub(in crate::storage) fn wait_for(&self, lsn: Lsn) {
        let greatest = files::lock(&self.0);
        let patience = Duration::from_secs(30);
        let (greatest, _) = self.1.wait_timeout_while(greatest, patience, |heard| *heard < lsn).unwrap();
        assert!(*greatest >= lsn, "{lsn} never became durable, only {greatest}");
    }
}

/// The position of the last one.
pub(in crate::storage) fn append_all<'a>(
    journal: &dyn Journal,
    records: impl IntoIterator<Item = &'a [u8]>,
) -> Lsn {
    records.into_iter().fold(Lsn::ZERO, |_, record| journal.append(record).unwrap())
}

fn append_and_wait(journal: &dyn Journal, records: &[&[u8]]) -> Lsn {
    let heard = Heard::by(journal);
    let lsn = append_all(journal, records.iter().copied());
    journal.hand_over();
    heard.wait_for(lsn);
    lsn
}

fn positions_rise_from_one(mut open: Reopen) {
    let journal = open();
    assert_eq!((journal.durable(), journal.checkpoint()), (Lsn::ZERO, Lsn::ZERO));
    journal.ready().unwrap();
    for expected in 1..=5 {
        assert_eq!(journal.append(b"x").unwrap(), Lsn::new(expected));
    }
    journal.close();
    drop(journal);
    let journal = open();
    assert_eq!(journal.durable(), Lsn::new(5));
    assert_eq!(journal.append(b"x").unwrap(), Lsn::new(6));
}

fn replay_shows_what_follows(mut open: Reopen) {
    let journal = open();
    assert!(all(&*journal, Lsn::ZERO).is_empty());
    append_and_wait(&*journal, &[b"one", b"", b"three"]);
    assert_eq!(all(&*journal, Lsn::ZERO), [b"one".to_vec(), Vec::new(), b"three".to_vec()]);
    assert_eq!(all(&*journal, Lsn::new(2)), [b"three".to_vec()]);
    assert!(all(&*journal, Lsn::new(3)).is_empty());
    assert_eq!(journal.replay(Lsn::new(3), &mut |_, _| Ok(())).unwrap(), Lsn::new(3));
}

fn durable_without_hand_over(mut open: Reopen) {
    let journal = open();
    let heard = Heard::by(&*journal);
    for _ in 0..3 {
        heard.wait_for(journal.append(b"stray").unwrap());
    }
}

fn listeners_hear_of_the_last_record(mut open: Reopen) {
    let journal = open();
    let (one, other) = (Heard::by(&*journal), Heard::by(&*journal));
    let lsn = append_and_wait(&*journal, &[b"a", b"b"]);
    one.wait_for(lsn);
    other.wait_for(lsn);
    assert_eq!(journal.durable(), lsn);
}

fn what_was_durable_survives_a_crash(mut open: Reopen) {
    let mut expected = Vec::new();
    for round in 0..4_u8 {
        let journal = open();
        assert_eq!(all(&*journal, Lsn::ZERO), expected);
        append_and_wait(&*journal, &[&[round; 10], &[round; 20]]);
        expected.extend([vec![round; 10], vec![round; 20]]);
    }
}

fn close_finishes_and_refuses(mut open: Reopen) {
    let journal = open();
    let lsn = append_all(&*journal, [&b"x"[..]; 50]);
    journal.close();
    assert_eq!(journal.durable(), lsn);
    assert!(matches!(journal.append(b"x"), Err(StorageError::Stopped)));
    assert!(matches!(journal.ready(), Err(StorageError::Stopped)));
    journal.hand_over();
    journal.close();
}

fn the_checkpoint_survives(mut open: Reopen) {
    let journal = open();
    let lsn = append_and_wait(&*journal, &[b"a", b"b", b"c"]);
    journal.set_checkpoint(lsn).unwrap();
    journal.set_checkpoint(Lsn::new(2)).unwrap();
    assert_eq!(journal.checkpoint(), Lsn::new(2));
    drop(journal);
    let journal = open();
    assert_eq!(journal.checkpoint(), Lsn::new(2));
    assert_eq!(all(&*journal, journal.checkpoint()), [b"c".to_vec()]);
    journal.set_checkpoint(Lsn::new(99)).unwrap();
    assert_eq!(journal.checkpoint(), lsn, "never beyond what is durable");
    journal.set_checkpoint(Lsn::ZERO).unwrap();
    assert_eq!(journal.checkpoint(), Lsn::ZERO);
}

fn records_of_all_sizes(mut open: Reopen) {
    let journal = open();
    let sizes = [0, 1, 4095, 4096, 4097, 100_000, MAX_RECORD_BYTES];
    let records: Vec<Vec<u8>> = sizes.iter().map(|&size| vec![0xab; size]).collect();
    let heard = Heard::by(&*journal);
    let last = append_all(&*journal, records.iter().map(Vec::as_slice));
    let too_large = journal.append(&vec![0; MAX_RECORD_BYTES + 1]);
    assert!(matches!(too_large, Err(StorageError::TooLarge { .. })));
    journal.hand_over();
    heard.wait_for(last);
    drop(journal);
    assert!(all(&*open(), Lsn::ZERO) == records, "all sizes come back");
}

fn threads_share_one_order(mut open: Reopen) {
    const THREADS: u8 = 4;
    const EACH: u8 = 200;
    let journal = open();
    let heard = Heard::by(&*journal);
    let mut given: Vec<(Lsn, [u8; 2])> = thread::scope(|scope| {
        let shards: Vec<_> = (0..THREADS)
            .map(|shard| {
                let (journal, heard) = (&*journal, &heard);
                scope.spawn(move || {
                    let mut own = Vec::new();
                    for n in 0..EACH {
                        own.push((journal.append(&[shard, n]).unwrap(), [shard, n]));
                        if n % 10 == 9 {
                            journal.hand_over();
                        }
                        if n % 50 == 49 {
                            heard.wait_for(own[own.len() - 1].0);
                        }
                    }
                    assert!(own.is_sorted(), "the order of one thread's calls");
                    own
                })
            })
            .collect();
        shards.into_iter().flat_map(|shard| shard.join().unwrap()).collect()
    });
    given.sort_unstable();
    let count = u64::from(THREADS) * u64::from(EACH);
    assert!(given.iter().map(|(lsn, _)| lsn.get()).eq(1..=count), "no gap, none twice");
    heard.wait_for(Lsn::new(count));
    drop(journal);
    let expected: Vec<Vec<u8>> = given.iter().map(|(_, record)| record.to_vec()).collect();
    assert!(all(&*open(), Lsn::ZERO) == expected, "what each position was given for stands there");
}

fn a_failing_visitor_stops_the_replay(mut open: Reopen) {
    let journal = open();
    append_and_wait(&*journal, &[b"a", b"b", b"c"]);
    let mut seen = 0;
    let stopped = journal.replay(Lsn::ZERO, &mut |lsn, _| {
        seen += 1;
        if lsn == Lsn::new(2) { Err(StorageError::Stopped) } else { Ok(()) }
    });
    assert!(matches!(stopped, Err(StorageError::Stopped)));
    assert_eq!(seen, 2);
}
