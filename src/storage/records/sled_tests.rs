//! Sled's known faults, each met once.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::conformance::{self, put};
use super::store::{Direction, Store};
use super::{Batch, Care, SledStore, in_store};
use crate::storage::StorageError;

fn dir_of(root: &Path) -> PathBuf {
    root.join("sled")
}

/// So much room on the disk, and what was told when nothing works any more.
fn care(free: u64, told: &Arc<Mutex<Vec<String>>>) -> Care {
    let told = Arc::clone(told);
    let fatal = Arc::new(move |why: &str| told.lock().unwrap().push(why.to_owned()));
    Care::of(Box::new(move || Ok(free)), 100, fatal)
}

fn open(root: &Path) -> SledStore {
    SledStore::open_or_move_aside(root, &dir_of(root), care(u64::MAX, &Arc::default())).unwrap()
}

#[test]
fn conforms() {
    conformance::run(&mut || {
        let root = tempfile::tempdir().unwrap();
        Box::new(move || Arc::new(open(root.path())) as Arc<dyn Store>)
    });
}

#[test]
fn a_half_written_snapshot_does_not_keep_it_from_opening() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    put(&store, &[(b"a", b"1")]);
    store.sync().unwrap();
    drop(store);
    let leftover = dir_of(root.path()).join("snap.0000000000000042.generating");
    fs::write(&leftover, b"half").unwrap();
    let store = open(root.path());
    assert!(!leftover.exists());
    assert_eq!(store.get(b"a").unwrap().as_deref(), Some(&b"1"[..]));
    assert!(!root.path().join("sled.corrupt.1").exists());
}

/// What a kill leaves: the files as they are, while sled still has them open.
fn killed(root: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(dir_of(copy.path())).unwrap();
    for entry in fs::read_dir(dir_of(root)).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), dir_of(copy.path()).join(entry.file_name())).unwrap();
        }
    }
    copy
}

#[test]
fn after_a_sync_a_kill_loses_nothing_and_later_batches_are_whole_or_absent() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let long = vec![5; 200_000];
    put(&store, &[(b"synced", &long)]);
    store.sync().unwrap();
    put(&store, &[(b"x", &long), (b"y", &long)]);
    let copy = killed(root.path());
    let found = open(copy.path());
    assert!(found.get(b"synced").unwrap() == Some(long));
    assert!(found.get(b"x").unwrap() == found.get(b"y").unwrap(), "both or none");
}

#[test]
fn a_shorter_value_leaves_no_parts_behind() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    put(&store, &[(b"kept", b"small"), (b"k", &vec![1; 200_000])]);
    assert_eq!(store.stored_entries(), 2 + 7);
    put(&store, &[(b"k", &vec![2; 70_000])]);
    assert_eq!(store.stored_entries(), 2 + 3);
    put(&store, &[(b"k", b"short")]);
    assert_eq!(store.stored_entries(), 2);
    put(&store, &[(b"k", &vec![3; 40_000])]);
    let mut batch = Batch::default();
    batch.put(b"k".to_vec(), vec![4; 90_000]);
    batch.remove(b"k".to_vec());
    store.write(batch).unwrap();
    assert_eq!(store.stored_entries(), 1);
}

#[test]
fn a_broken_tree_is_moved_aside_each_time() {
    let root = tempfile::tempdir().unwrap();
    for n in 1..=2 {
        let store = open(root.path());
        put(&store, &[(b"a", &vec![1; 3000])]);
        store.sync().unwrap();
        drop(store);
        // Every file of it.
        for entry in fs::read_dir(dir_of(root.path())).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let mut bytes = fs::read(&path).unwrap();
                bytes.iter_mut().for_each(|byte| *byte ^= 0x5a);
                fs::write(&path, bytes).unwrap();
            }
        }
        let store = open(root.path());
        assert_eq!(store.get(b"a").unwrap(), None);
        assert!(root.path().join(format!("sled.corrupt.{n}")).is_dir());
        put(&store, &[(b"b", b"2")]);
    }
}

#[test]
fn a_tree_found_broken_in_use_is_moved_aside_at_the_next_start() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    put(&store, &[(b"a", &vec![1; 100_000]), (b"b", b"2")]);
    store.lose_a_part(b"a");
    assert!(store.get(b"a").is_err());
    assert_eq!(store.get(b"b").unwrap().as_deref(), Some(&b"2"[..]), "the rest is still served");
    drop(store);
    let store = open(root.path());
    assert!(store.scan(&(vec![]..vec![255]), Direction::Forward, 9).unwrap().is_empty());
    assert!(root.path().join("sled.corrupt.1").is_dir());
    drop(store);
    drop(open(root.path()));
    assert!(!root.path().join("sled.corrupt.2").exists(), "only once");
}

#[test]
fn without_room_it_waits_and_a_write_that_fails_all_the_same_is_fatal() {
    let root = tempfile::tempdir().unwrap();
    let told = Arc::default();
    let store = SledStore::open_or_move_aside(root.path(), &dir_of(root.path()), care(99, &told)).unwrap();
    let mut batch = Batch::default();
    batch.put(b"a".to_vec(), b"1".to_vec());
    assert!(matches!(store.write(batch), Err(StorageError::DiskFull)));
    assert!(matches!(store.sync(), Err(StorageError::DiskFull)));
    assert_eq!(store.get(b"a").unwrap(), None, "reads go on");
    assert!(told.lock().unwrap().is_empty(), "nothing is lost by waiting");
    drop(store);

    let store = SledStore::open_or_move_aside(root.path(), &dir_of(root.path()), care(100, &told)).unwrap();
    let failed = || Err(sled::Error::Io(io::Error::from(io::ErrorKind::StorageFull)));
    assert!(matches!(store.pretend(failed), Err(StorageError::DiskFull)));
    let told = told.lock().unwrap();
    assert!(told.len() == 1 && told[0].contains("cannot be written any more"), "{told:?}");
}

#[test]
fn a_panic_of_sled_is_a_broken_tree() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    put(&store, &[(b"a", b"1")]);
    let panicked = store.pretend(|| unreachable!("this panic belongs to the test"));
    assert!(matches!(panicked, Err(StorageError::Corrupt { .. })), "{panicked:?}");
    assert!(store.is_suspect() && !in_store());
    drop(store);
    assert_eq!(open(root.path()).get(b"a").unwrap(), None, "made anew");
    assert!(root.path().join("sled.corrupt.1").is_dir());
}

/// Whatever byte of its files is broken: what is read is right or refused, and once it was refused the
/// next start begins anew.
#[test]
fn no_broken_byte_is_read_as_if_it_were_right() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let value = |n: u8| vec![n; 100 + usize::from(n) * 300];
    for n in 0..120 {
        put(&store, &[(&[n], &value(n))]);
    }
    store.sync().unwrap();
    let whole = killed(root.path());
    let mut refused = 0;
    for round in 0..40_u64 {
        let copy = killed(whole.path());
        for entry in fs::read_dir(dir_of(copy.path())).unwrap() {
            let path = entry.unwrap().path();
            let mut bytes = fs::read(&path).unwrap();
            // Spread over what is written; most of a sled file is.
            let at = (round * 2_654_435_761 % bytes.len().max(1) as u64) as usize;
            bytes.iter_mut().skip(at).take(16).for_each(|byte| *byte ^= 0xff);
            fs::write(&path, bytes).unwrap();
        }
        let store = open(copy.path());
        let all = store.scan(&(vec![]..vec![255]), Direction::Forward, usize::MAX);
        let moved = copy.path().join("sled.corrupt.1").is_dir();
        match all {
            Ok(pairs) => {
                assert!(pairs.iter().all(|(key, found)| *found == value(key[0])), "round {round}");
                refused += u32::from(moved);
            }
            Err(error) => {
                assert!(matches!(error, StorageError::Corrupt { .. }), "round {round}: {error}");
                drop(store);
                assert!(
                    open(copy.path()).scan(&(vec![]..vec![255]), Direction::Forward, 1).unwrap().is_empty()
                );
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "no broken byte was met: the test is none");
}
