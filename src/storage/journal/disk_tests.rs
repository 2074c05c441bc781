//! The journal on a disk that fails.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use proptest::prelude::*;

use super::conformance::{self, Heard, all};
use super::file_tests::{append_each, change, open, records, segments, settings, try_open};
use super::{Fault, FaultyDisk, FileJournal, Journal, record, segment};
use crate::storage::{Durability, Lsn, Settings, StorageError};

/// Whatever the disk fails at: the process is told, nothing that was not durable is released, nothing more
/// is accepted; and the next start goes on behind what is whole.
#[test]
fn a_disk_that_fails_is_fatal_and_releases_nothing() {
    let cases = [
        (Durability::Commit, Fault::Write, "cannot write"),
        (Durability::Commit, Fault::ShortWrite, "cannot write"),
        (Durability::Commit, Fault::Sync, "cannot sync"),
        (Durability::Os, Fault::Write, "cannot write"),
        (Durability::Os, Fault::ShortWrite, "cannot write"),
    ];
    for (durability, fault, words) in cases {
        let dir = tempfile::tempdir().unwrap();
        let (told, reasons) = mpsc::sync_channel(16);
        let fatal = Arc::new(move |reason: &str| {
            let _ = told.send(reason.to_owned());
        });
        let disk = FaultyDisk::new();
        let faulty = Settings { fatal, disk: disk.disk(), ..settings(durability) };
        let journal = try_open(dir.path(), Lsn::ZERO, &faulty).unwrap();
        append_each(&journal, &records(1, 10));
        let heard = Arc::new(AtomicUsize::new(0));
        journal.on_durable({
            let heard = Arc::clone(&heard);
            Arc::new(move |_| {
                heard.fetch_add(1, Ordering::SeqCst);
            })
        });
        disk.fail_next(fault);
        journal.append(b"accepted").unwrap();
        journal.hand_over();
        let reason = reasons.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(reason.contains(words) && reason.contains("healthy"), "{fault:?}: {reason}");
        assert!(matches!(journal.append(b"later"), Err(StorageError::Stopped)));
        assert!(matches!(journal.ready(), Err(StorageError::Stopped)));
        journal.close();
        assert_eq!((journal.durable(), heard.load(Ordering::SeqCst)), (Lsn::new(1), 0), "{fault:?}");
        drop(journal);

        // Whole or gone, and the next one is written behind it.
        let journal = open(dir.path());
        let found = all(&journal, Lsn::ZERO);
        assert!(found.len() == 1 || (fault == Fault::Sync && found[1..] == [b"accepted"]), "{found:?}");
        append_each(&journal, &[b"next".to_vec()]);
        assert_eq!(all(&journal, Lsn::ZERO).len(), found.len() + 1);
    }
}

#[test]
fn a_sync_of_the_checkpoint_that_fails_is_fatal_too() {
    let dir = tempfile::tempdir().unwrap();
    let (told, reasons) = mpsc::sync_channel(16);
    let fatal = Arc::new(move |reason: &str| {
        let _ = told.send(reason.to_owned());
    });
    let disk = FaultyDisk::new();
    let faulty = Settings { fatal, disk: disk.disk(), ..settings(Durability::Os) };
    let journal = try_open(dir.path(), Lsn::ZERO, &faulty).unwrap();
    append_each(&journal, &records(1, 10));
    disk.fail_next(Fault::Sync);
    assert!(matches!(journal.set_checkpoint(Lsn::new(1)), Err(StorageError::Stopped)));
    assert!(reasons.recv_timeout(Duration::from_secs(30)).unwrap().contains("cannot sync"));
    assert_eq!(journal.checkpoint(), Lsn::ZERO);
}

/// What a disk that lies about its syncs costs: what it lied about, from its end, and nothing else.
#[test]
fn a_disk_that_lies_loses_what_it_lied_about() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new();
    let faulty = Settings { disk: disk.disk(), ..settings(Durability::Commit) };
    let journal = try_open(dir.path(), Lsn::ZERO, &faulty).unwrap();
    append_each(&journal, &records(2, 100));
    disk.lie();
    append_each(&journal, &records(3, 100));
    drop(journal);
    disk.lose_power(|| false).unwrap();
    assert_eq!(all(&open(dir.path()), Lsn::ZERO), records(2, 100));
}

/// Appends groups of these sizes; gives the journal's records and how many were durable for sure.
fn write_groups(dir: &Path, disk: &FaultyDisk, durability: Durability, groups: &[Vec<u16>]) -> Vec<Vec<u8>> {
    let faulty = Settings { disk: disk.disk(), ..settings(durability) };
    let journal = try_open(dir, Lsn::ZERO, &faulty).unwrap();
    let heard = Heard::by(&journal);
    let mut expected = all(&journal, Lsn::ZERO);
    for sizes in groups {
        let fresh: Vec<Vec<u8>> =
            sizes.iter().map(|size| vec![(expected.len() % 251) as u8 + 1; usize::from(*size)]).collect();
        let last = conformance::append_all(&journal, fresh.iter().map(Vec::as_slice));
        journal.hand_over();
        heard.wait_for(last);
        expected.extend(fresh);
    }
    expected
}

fn groups() -> impl Strategy<Value = Vec<Vec<u16>>> {
    prop::collection::vec(prop::collection::vec(1_u16..1500, 1..4), 1..8)
}

fn goes_on(journal: &FileJournal) {
    let before = all(journal, Lsn::ZERO);
    append_each(journal, &[b"goes on".to_vec()]);
    assert_eq!(all(journal, Lsn::ZERO).len(), before.len() + 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// What was acknowledged with "commit" is there after any power failure.
    #[test]
    fn with_commit_a_power_failure_takes_nothing(groups in groups(), sectors: Vec<bool>) {
        let dir = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::new();
        let expected = write_groups(dir.path(), &disk, Durability::Commit, &groups);
        let mut sectors = sectors.into_iter().cycle();
        disk.lose_power(|| sectors.next().unwrap_or(false)).unwrap();
        let journal = open(dir.path());
        prop_assert_eq!(all(&journal, Lsn::ZERO), expected);
        goes_on(&journal);
    }

    /// With "os" a power failure may take the end, torn anywhere, over several segments: the start goes
    /// on with a beginning of what was said, at least what was synced, however it is opened then.
    #[test]
    fn with_os_a_power_failure_takes_the_end_and_the_start_goes_on(
        synced in groups(),
        lost in groups(),
        sectors in prop::collection::vec(any::<bool>(), 1..40),
        then_commit: bool,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::new();
        let kept = write_groups(dir.path(), &disk, Durability::Os, &synced).len();
        // The next open syncs all of that.
        let expected = write_groups(dir.path(), &FaultyDisk::new(), Durability::Os, &[]);
        prop_assert_eq!(expected.len(), kept);
        let disk = FaultyDisk::new();
        let expected = write_groups(dir.path(), &disk, Durability::Os, &lost);
        let mut sectors = sectors.into_iter().cycle();
        disk.lose_power(|| sectors.next().unwrap_or(false)).unwrap();
        let durability = if then_commit { Durability::Commit } else { Durability::Os };
        let journal = try_open(dir.path(), Lsn::ZERO, &settings(durability)).unwrap();
        let found = all(&journal, Lsn::ZERO);
        prop_assert!(found.len() >= kept && found[..] == expected[..found.len()], "{} of {}", found.len(), kept);
        goes_on(&journal);
        drop(journal);
        let journal = open(dir.path());
        goes_on(&journal);
        // From now on a broken record is a broken disk again.
        drop(journal);
        prop_assert!(!dir.path().join("journal/unsynced").exists());
    }
}

/// Even with "os" what was synced is not cut: there a broken record is no trace of a power failure.
#[test]
fn a_broken_record_that_was_synced_is_refused_with_os_too() {
    let dir = tempfile::tempdir().unwrap();
    let os = settings(Durability::Os);
    append_each(&try_open(dir.path(), Lsn::ZERO, &os).unwrap(), &records(4, 40));
    append_each(&try_open(dir.path(), Lsn::ZERO, &os).unwrap(), &records(2, 40));
    let second = segment::HEADER_BYTES + record::HEADER_BYTES + 40;
    change(&segments(dir.path())[0], |file| file[second + 20] ^= 1);
    let refused = try_open(dir.path(), Lsn::ZERO, &os).err();
    assert!(
        matches!(refused, Some(StorageError::Corrupt { offset, .. }) if offset == second as u64),
        "{refused:?}"
    );
}
