//! The journal in files: conformance, crashes, broken bytes, the roll.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::conformance::{self, Heard, all};
use super::{FileJournal, Journal, record, segment};
use crate::storage::{DirLock, Durability, Lsn, Settings, StorageError, settings::MIN_SEGMENT_BYTES};

pub(super) fn settings(durability: Durability) -> Settings {
    let fatal = Arc::new(|reason: &str| unreachable!("{reason}"));
    Settings { durability, segment_bytes: MIN_SEGMENT_BYTES, reserve_bytes: 0, ..Settings::new(fatal) }
}

pub(super) fn try_open(dir: &Path, floor: Lsn, settings: &Settings) -> Result<FileJournal, StorageError> {
    let lock = Arc::new(DirLock::acquire(&dir.join("lock"))?);
    FileJournal::open(&dir.join("journal"), lock, floor, settings)
}

pub(super) fn open(dir: &Path) -> FileJournal {
    try_open(dir, Lsn::ZERO, &settings(Durability::Commit)).unwrap()
}

/// Each record durable before the next is appended: each is a group of its own.
pub(super) fn append_each(journal: &FileJournal, records: &[Vec<u8>]) {
    let heard = Heard::by(journal);
    for record in records {
        let lsn = journal.append(record).unwrap();
        journal.hand_over();
        heard.wait_for(lsn);
    }
}

pub(super) fn segments(dir: &Path) -> Vec<PathBuf> {
    segment::list(&dir.join("journal")).unwrap().into_iter().map(|(_, path)| path).collect()
}

/// Records that are told apart and hold no zero byte.
pub(super) fn records(count: u8, size: usize) -> Vec<Vec<u8>> {
    (1..=count).map(|n| vec![n; size]).collect()
}

pub(super) fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn conforms() {
    for durability in [Durability::Commit, Durability::Os] {
        conformance::run(&mut || {
            let dir = tempfile::tempdir().unwrap();
            Box::new(move || {
                Arc::new(try_open(dir.path(), Lsn::ZERO, &settings(durability)).unwrap()) as Arc<dyn Journal>
            })
        });
    }
}

#[test]
fn os_is_durable_when_hand_over_returns() {
    let dir = tempfile::tempdir().unwrap();
    let journal = try_open(dir.path(), Lsn::ZERO, &settings(Durability::Os)).unwrap();
    let lsn = journal.append(b"x").unwrap();
    journal.hand_over();
    assert_eq!(journal.durable(), lsn);
}

#[test]
fn a_torn_record_at_the_end_is_cut_at_every_byte() {
    let whole = records(3, 60);
    let dir = tempfile::tempdir().unwrap();
    append_each(&open(dir.path()), &whole);
    let path = segments(dir.path()).pop().unwrap();
    let bytes = fs::read(&path).unwrap();
    let framed = record::HEADER_BYTES + 60;
    let last = segment::HEADER_BYTES + 2 * framed;
    // Torn: zeros from some byte on, or a file that ends there.
    for (torn, shorter) in (0..framed).flat_map(|torn| [(torn, false), (torn, true)]) {
        change(&path, |file| {
            *file = bytes[..last + torn].to_vec();
            if !shorter {
                file.resize(bytes.len(), 0);
            }
        });
        let journal = open(dir.path());
        assert_eq!(all(&journal, Lsn::ZERO), whole[..2], "torn at {torn}");
        append_each(&journal, &[b"instead".to_vec()]);
        drop(journal);
        let journal = open(dir.path());
        assert_eq!(all(&journal, Lsn::new(2)), [b"instead".to_vec()], "torn at {torn}");
        drop(journal);
        // A short file may have made the record go into a next segment.
        for more in segments(dir.path()).iter().filter(|more| **more != path) {
            fs::remove_file(more).unwrap();
        }
    }
}

#[test]
fn a_group_that_was_never_whole_is_cut_though_its_end_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    append_each(&journal, &records(1, 60));
    drop(journal);
    // One group of three, as a power failure may leave it: the first page missing, the second there.
    let path = segments(dir.path()).pop().unwrap();
    change(&path, |file| {
        let mut group = Vec::new();
        for (lsn, starts_group) in [(2, true), (3, false), (4, false)] {
            record::frame(&mut group, Lsn::new(lsn), starts_group, b"body", record::body_crc(b"body"));
        }
        group[..record::HEADER_BYTES + 4].fill(0);
        let at = segment::HEADER_BYTES + record::HEADER_BYTES + 60;
        file[at..at + group.len()].copy_from_slice(&group);
    });
    let journal = open(dir.path());
    assert_eq!(all(&journal, Lsn::ZERO), records(1, 60));
    // As long as the lost one, so that the rest of its group would follow on if it still stood there.
    append_each(&journal, &[b"anew".to_vec()]);
    drop(journal);
    assert_eq!(all(&open(dir.path()), Lsn::new(1)), [b"anew".to_vec()]);
}

#[test]
fn a_flipped_bit_before_a_later_group_is_refused_with_file_and_offset() {
    let dir = tempfile::tempdir().unwrap();
    append_each(&open(dir.path()), &records(4, 40));
    let path = segments(dir.path()).pop().unwrap();
    let framed = record::HEADER_BYTES + 40;
    let second = segment::HEADER_BYTES + framed;
    for at in second..second + framed {
        change(&path, |file| file[at] ^= 0x10);
        let refused = try_open(dir.path(), Lsn::ZERO, &settings(Durability::Commit)).err().unwrap();
        let StorageError::Corrupt { file, offset, .. } = &refused else { unreachable!("{refused}") };
        assert_eq!((file, *offset), (&path, second as u64), "flipped at {at}");
        change(&path, |file| file[at] ^= 0x10);
    }
    assert_eq!(all(&open(dir.path()), Lsn::ZERO), records(4, 40));
}

#[test]
fn rolls_to_the_next_segment_and_keeps_them_all() {
    let dir = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for _ in 0..3 {
        let journal = open(dir.path());
        append_each(&journal, &records(9, 1000));
        expected.extend(records(9, 1000));
        assert_eq!(all(&journal, Lsn::ZERO), expected);
    }
    assert!(segments(dir.path()).len() >= 27 / 4);
    let journal = open(dir.path());
    for after in [0, 1, 4, 5, 26, 27] {
        assert_eq!(all(&journal, Lsn::new(after)), expected[after as usize..], "after {after}");
    }
}

#[test]
fn one_group_may_reach_over_several_segments() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    let heard = Heard::by(&journal);
    let expected = records(20, 1500);
    let last = conformance::append_all(&journal, expected.iter().map(Vec::as_slice));
    journal.hand_over();
    heard.wait_for(last);
    drop(journal);
    assert_eq!(all(&open(dir.path()), Lsn::ZERO), expected);
}

#[test]
fn an_earlier_segment_may_not_be_torn_cut_short_or_missing() {
    let dir = tempfile::tempdir().unwrap();
    append_each(&open(dir.path()), &records(12, 1000));
    let earlier = segments(dir.path())[1].clone();
    let bytes = fs::read(&earlier).unwrap();
    let refusal = |of: &str| {
        let journal = open(dir.path());
        let refused = journal.replay(Lsn::ZERO, &mut |_, _| Ok(())).err();
        assert!(matches!(refused, Some(StorageError::Corrupt { .. })), "{of}: {refused:?}");
        // What follows is not harmed.
        let after = Lsn::new(10);
        assert_eq!(all(&journal, after).len(), 2, "{of}");
    };
    let record = segment::HEADER_BYTES + record::HEADER_BYTES;
    change(&earlier, |file| file[record + 5] ^= 1);
    refusal("flipped");
    fs::write(&earlier, &bytes[..2000]).unwrap();
    refusal("cut short");
    fs::remove_file(&earlier).unwrap();
    refusal("missing");
    fs::write(&earlier, &bytes).unwrap();
    assert_eq!(all(&open(dir.path()), Lsn::ZERO), records(12, 1000));
}

#[test]
fn a_newer_segment_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    change(&segments(dir.path())[0], |file| file[11] = 9);
    let refused = try_open(dir.path(), Lsn::ZERO, &settings(Durability::Commit)).err();
    assert!(matches!(refused, Some(StorageError::NewerFormat { found: 9, .. })), "{refused:?}");
}

#[test]
fn positions_that_the_records_have_seen_are_not_given_again() {
    let dir = tempfile::tempdir().unwrap();
    append_each(&open(dir.path()), &records(2, 10));
    let settings = settings(Durability::Commit);
    // Opened twice over the gap, the second time without anybody who remembers it.
    drop(try_open(dir.path(), Lsn::new(10), &settings).unwrap());
    let journal = open(dir.path());
    assert_eq!(journal.durable(), Lsn::new(10));
    append_each(&journal, &[b"after".to_vec()]);
    assert_eq!(journal.durable(), Lsn::new(11));
    drop(journal);
    let journal = open(dir.path());
    assert_eq!(all(&journal, Lsn::ZERO), [vec![1; 10], vec![2; 10], b"after".to_vec()]);
    assert_eq!(all(&journal, Lsn::new(5)), [b"after".to_vec()]);
}

#[test]
fn a_panicking_listener_is_fatal() {
    let dir = tempfile::tempdir().unwrap();
    let (told, reasons) = mpsc::sync_channel(16);
    let fatal = Arc::new(move |reason: &str| {
        let _ = told.send(reason.to_owned());
    });
    let journal =
        try_open(dir.path(), Lsn::ZERO, &Settings { fatal, ..settings(Durability::Commit) }).unwrap();
    journal.on_durable(Arc::new(|_| unreachable!("this panic belongs to the test")));
    journal.append(b"x").unwrap();
    journal.hand_over();
    assert!(reasons.recv_timeout(Duration::from_secs(30)).unwrap().contains("panicked"));
    assert!(matches!(journal.append(b"later"), Err(StorageError::Stopped)));
}

#[test]
fn below_the_reserve_it_is_not_ready() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { reserve_bytes: u64::MAX, ..settings(Durability::Commit) };
    let journal = try_open(dir.path(), Lsn::ZERO, &settings).unwrap();
    assert!(matches!(journal.ready(), Err(StorageError::DiskFull)));
    // What was decided already still has its place: that is what the reserve is for.
    append_each(&journal, &records(1, 10));
}

#[test]
fn what_cannot_be_understood_is_refused_with_file_and_offset() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    append_each(&journal, &records(3, 50));
    let refused = journal.replay(Lsn::ZERO, &mut |lsn, _| match lsn.get() {
        2 => Err(StorageError::Unreadable { what: "a record", reason: "nonsense".to_owned() }),
        _ => Ok(()),
    });
    let Err(StorageError::Corrupt { file, offset, reason }) = refused else { unreachable!("{refused:?}") };
    let second = segment::HEADER_BYTES + record::HEADER_BYTES + 50;
    assert_eq!((file, offset), (segments(dir.path())[0].clone(), second as u64));
    assert_eq!(reason, "a record cannot be read: nonsense (record 2)");
}
