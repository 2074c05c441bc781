//! What every store does. Run on the one on sled and on its twin.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::ops::Range;
use std::sync::Arc;

use super::store::{Batch, Direction, Store};

/// Opens the same store again; the one before was synced and dropped.
pub(super) type Reopen = Box<dyn FnMut() -> Arc<dyn Store>>;

/// Runs the suite; `fresh` makes a new empty store for every test.
pub(super) fn run(fresh: &mut dyn FnMut() -> Reopen) {
    puts_overwrites_and_removes(fresh());
    scans_both_ways_within_range_and_limit(fresh());
    values_of_any_size(fresh());
    what_was_synced_survives(fresh());
    readers_see_whole_batches(fresh());
}

pub(super) fn put(store: &dyn Store, pairs: &[(&[u8], &[u8])]) {
    let mut batch = Batch::default();
    for (key, value) in pairs {
        batch.put(key.to_vec(), value.to_vec());
    }
    store.write(batch).unwrap();
}

fn puts_overwrites_and_removes(mut open: Reopen) {
    let store = open();
    put(&*store, &[(b"a", b"1"), (b"b", b""), (b"a", b"2")]);
    assert_eq!(store.get(b"a").unwrap().as_deref(), Some(&b"2"[..]), "the last counts");
    assert_eq!(store.get(b"b").unwrap().as_deref(), Some(&b""[..]));
    assert_eq!(store.get(b"c").unwrap(), None);
    let mut batch = Batch::default();
    batch.remove(b"a".to_vec());
    batch.remove(b"never there".to_vec());
    batch.put(b"b".to_vec(), b"3".to_vec());
    store.write(batch).unwrap();
    assert_eq!(store.get(b"a").unwrap(), None);
    assert_eq!(store.get(b"b").unwrap().as_deref(), Some(&b"3"[..]));
    store.write(Batch::default()).unwrap();
}

fn keys(store: &dyn Store, range: Range<&[u8]>, direction: Direction, limit: usize) -> Vec<Vec<u8>> {
    let range = range.start.to_vec()..range.end.to_vec();
    store.scan(&range, direction, limit).unwrap().into_iter().map(|(key, _)| key).collect()
}

fn scans_both_ways_within_range_and_limit(mut open: Reopen) {
    let store = open();
    let long = vec![9; 100_000];
    put(&*store, &[(b"a", b""), (b"b", &long), (b"b\0", b""), (b"bb", b""), (b"c", b""), (b"\xff", b"")]);
    let forward = |range, limit| keys(&*store, range, Direction::Forward, limit);
    let backward = |range, limit| keys(&*store, range, Direction::Backward, limit);
    assert_eq!(forward(b"a"..b"c", 9), [&b"a"[..], b"b", b"b\0", b"bb"]);
    assert_eq!(backward(b"a"..b"c", 9), [&b"bb"[..], b"b\0", b"b", b"a"]);
    assert_eq!(forward(b"b\0"..b"\xff", 2), [&b"b\0"[..], b"bb"]);
    assert_eq!(backward(b"a"..b"\xff", 1), [b"c"]);
    assert!(forward(b"c"..b"c", 9).is_empty());
    assert!(forward(b"c"..b"a", 9).is_empty());
    assert!(forward(b"a"..b"c", 0).is_empty());
    let pairs = store.scan(&(b"b".to_vec()..b"b\0".to_vec()), Direction::Forward, 9).unwrap();
    assert!(pairs == [(b"b".to_vec(), long)]);
}

fn values_of_any_size(mut open: Reopen) {
    let sizes = [0, 1, 31 << 10, (31 << 10) + 1, 32 << 10, 62 << 10, 100_000, 1 << 20, 10, 70_000, 40_000, 0];
    for size in sizes {
        let store = open();
        let value: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        put(&*store, &[(b"key", &value), (b"key2", b"beside")]);
        assert!(store.get(b"key").unwrap() == Some(value.clone()), "{size}");
        store.sync().unwrap();
        drop(store);
        assert!(open().get(b"key").unwrap() == Some(value), "{size}, opened again");
    }
}

fn what_was_synced_survives(mut open: Reopen) {
    for round in 0..3_u8 {
        let store = open();
        for earlier in 0..round {
            assert_eq!(store.get(&[earlier]).unwrap(), Some(vec![earlier]));
        }
        put(&*store, &[(&[round], &[round])]);
        store.sync().unwrap();
    }
}

fn readers_see_whole_batches(mut open: Reopen) {
    const ROUNDS: u8 = 50;
    let store = open();
    let write = |n: u8| put(&*store, &[(b"long", &vec![n; 40_000 + usize::from(n) * 2_000])]);
    write(0);
    std::thread::scope(|scope| {
        scope.spawn(|| (1..=ROUNDS).for_each(write));
        loop {
            let value = store.get(b"long").unwrap().unwrap();
            let n = value[0];
            assert!(value.len() == 40_000 + usize::from(n) * 2_000 && value.iter().all(|&byte| byte == n));
            if n == ROUNDS {
                break;
            }
        }
    });
}
