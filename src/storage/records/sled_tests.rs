//! Sled's known faults, each met once.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::conformance::{self, put};
use super::store::{Direction, Store};
use super::{Batch, SledStore};

fn dir_of(root: &Path) -> PathBuf {
    root.join("sled")
}

fn open(root: &Path) -> SledStore {
    SledStore::open_or_move_aside(root, &dir_of(root)).unwrap()
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
