//! The storage as a whole: a data directory over several lives.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::journal::conformance::{Heard, all};
use super::{ActorKey, Journal, Lsn, MIN_SEGMENT_BYTES, Save, Settings, Storage, StorageError};

fn settings() -> Settings {
    let fatal = Arc::new(|reason: &str| unreachable!("{reason}"));
    Settings { segment_bytes: MIN_SEGMENT_BYTES, reserve_bytes: 0, ..Settings::new(fatal) }
}

fn open(dir: &Path) -> Storage {
    Storage::open(dir, &settings()).unwrap()
}

fn append(storage: &Storage, record: &[u8]) -> Lsn {
    let heard = Heard::by(&*storage.journal);
    let lsn = storage.journal.append(record).unwrap();
    storage.journal.hand_over();
    heard.wait_for(lsn);
    lsn
}

fn snapshot(storage: &Storage, lsn: Lsn, state: &[u8]) {
    let mut save = Save::new();
    save.snapshot(&ActorKey::Installation, lsn, state);
    storage.records.save(save).unwrap();
}

#[test]
fn a_start_finds_snapshots_and_the_tail_behind_the_checkpoint() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("made/by/open");
    let storage = open(&dir);
    let lsn = append(&storage, b"one");
    snapshot(&storage, lsn, b"state");
    storage.records.sync().unwrap();
    storage.journal.set_checkpoint(lsn).unwrap();
    append(&storage, b"two");
    drop(storage);

    let storage = open(&dir);
    assert_eq!(storage.records.snapshot(&ActorKey::Installation).unwrap(), Some((lsn, b"state".to_vec())));
    assert_eq!(all(&*storage.journal, storage.journal.checkpoint()), [b"two".to_vec()]);
    assert!(fs::read_to_string(dir.join("format")).unwrap().starts_with("switchboard-data"));
}

fn only_the_journal(storage: Storage) -> Arc<dyn Journal> {
    storage.journal
}

#[test]
fn a_second_process_is_told_who_has_the_directory() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    storage.set_address("127.0.0.1:4000").unwrap();
    let refused = Storage::open(root.path(), &settings()).err().unwrap();
    let StorageError::Locked { pid, address, .. } = refused else { unreachable!("{refused}") };
    assert_eq!((pid, address.as_deref()), (Some(std::process::id()), Some("127.0.0.1:4000")));
    // The lock lives as long as the journal, however the storage was taken apart.
    let journal = only_the_journal(storage);
    assert!(matches!(Storage::open(root.path(), &settings()), Err(StorageError::Locked { .. })));
    drop(journal);
    open(root.path());
}

#[test]
fn without_its_records_the_checkpoint_counts_for_nothing() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let lsn = append(&storage, b"one");
    snapshot(&storage, lsn, b"state");
    storage.records.sync().unwrap();
    storage.journal.set_checkpoint(lsn).unwrap();
    drop(storage);
    fs::remove_dir_all(root.path().join("sled")).unwrap();

    let storage = open(root.path());
    assert_eq!(storage.journal.checkpoint(), Lsn::ZERO);
    assert_eq!(all(&*storage.journal, Lsn::ZERO), [b"one".to_vec()]);
    storage.journal.set_checkpoint(lsn).unwrap();
    drop(storage);
    assert_eq!(open(root.path()).journal.checkpoint(), lsn, "the new records count");
}

#[test]
fn without_its_journal_no_position_is_given_again() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let lsn = append(&storage, b"one");
    snapshot(&storage, lsn, b"state");
    storage.records.sync().unwrap();
    drop(storage);
    fs::remove_dir_all(root.path().join("journal")).unwrap();
    let storage = open(root.path());
    assert!(append(&storage, b"next") > lsn);
    assert_eq!(all(&*storage.journal, lsn), [b"next".to_vec()]);
}

#[test]
fn the_twin_in_memory_crashes_like_a_machine() {
    let (storage, faults) = Storage::in_memory();
    let lsn = append(&storage, b"durable");
    snapshot(&storage, lsn, b"synced");
    storage.records.sync().unwrap();
    snapshot(&storage, lsn, b"not synced");
    faults.shut_gate();
    storage.journal.append(b"lost").unwrap();
    let (storage, faults) = faults.crash().unwrap();
    assert_eq!(all(&*storage.journal, Lsn::ZERO), [b"durable".to_vec()]);
    assert_eq!(storage.records.snapshot(&ActorKey::Installation).unwrap(), Some((lsn, b"synced".to_vec())));
    faults.set_disk_full(true);
    assert!(matches!(storage.journal.ready(), Err(StorageError::DiskFull)));
    assert!(matches!(storage.records.save(Save::new()), Err(StorageError::DiskFull)));
}

#[test]
fn records_found_broken_are_made_anew_beside_the_same_journal() {
    let root = tempfile::tempdir().unwrap();
    let mut storage = open(root.path());
    let lsn = append(&storage, b"one");
    snapshot(&storage, lsn, b"state");
    storage.records.sync().unwrap();
    storage.journal.set_checkpoint(lsn).unwrap();
    assert!(!storage.records.are_suspect());
    let error = storage.records.broken("a test says so");
    assert!(error.to_string().contains("switchboard doctor"), "{error}");
    assert!(storage.records.are_suspect());

    storage.renew_records().unwrap();
    assert!(!storage.records.are_suspect());
    assert_eq!(storage.records.snapshot(&ActorKey::Installation).unwrap(), None);
    assert_eq!(storage.journal.checkpoint(), Lsn::ZERO);
    assert_eq!(all(&*storage.journal, Lsn::ZERO), [b"one".to_vec()]);
    assert!(root.path().join("sled.corrupt.1").is_dir());
    drop(storage);
    assert!(!open(root.path()).records.are_suspect());
    assert!(!root.path().join("sled.corrupt.2").exists(), "only once");
}
