//! Backup, restore and doctor, on data directories that the storage made.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::journal::conformance::{Heard, all};
use super::{
    ActorKey, Doctor, Durability, Finding, Lsn, MIN_SEGMENT_BYTES, Save, Settings, Severity, Storage,
    StorageError, backup, restore,
};

/// Backups taken under load, and records written meanwhile.
const ROUNDS: u32 = 6;
const EACH: u32 = 300;

fn settings() -> Settings {
    let fatal = Arc::new(|reason: &str| unreachable!("{reason}"));
    Settings { segment_bytes: MIN_SEGMENT_BYTES, reserve_bytes: 0, ..Settings::new(fatal) }
}

fn open(dir: &Path) -> Storage {
    Storage::open(dir, &settings()).unwrap()
}

fn append(storage: &Storage, records: impl IntoIterator<Item = Vec<u8>>) -> Lsn {
    let heard = Heard::by(&*storage.journal);
    let mut last = Lsn::ZERO;
    for record in records {
        last = storage.journal.append(&record).unwrap();
        storage.journal.hand_over();
        heard.wait_for(last);
    }
    last
}

fn records(count: u8) -> impl Iterator<Item = Vec<u8>> {
    (1..=count).map(|n| vec![n; 700])
}

/// A directory with several segments, snapshots and a checkpoint, closed.
fn furnished(dir: &Path) -> Lsn {
    let storage = open(dir);
    let last = append(&storage, records(20));
    let mut save = Save::new();
    save.snapshot(&ActorKey::Installation, last, b"state");
    storage.records.save(save).unwrap();
    storage.records.sync().unwrap();
    storage.journal.set_checkpoint(last).unwrap();
    storage.journal.close();
    last
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir.join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "journal"))
        .collect();
    found.sort();
    found
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn look(dir: &Path) -> Vec<Finding> {
    let read = &mut |records: &super::Records| records.snapshot(&ActorKey::Installation).map(drop);
    Doctor::open(dir, settings()).unwrap().examine(&mut |_, _| Ok(()), read).unwrap()
}

fn worst(found: &[Finding]) -> Severity {
    found.iter().map(|finding| finding.severity).max().unwrap()
}

/// All that is found to mend is mended; then it is sound, and opens with all its records.
fn mends(dir: &Path, words: &str) {
    let found = look(dir);
    assert_eq!(worst(&found), Severity::Mendable, "{found:#?}");
    assert!(found.iter().any(|finding| finding.what.contains(words)), "{words}: {found:#?}");
    let doctor = Doctor::open(dir, settings()).unwrap();
    for finding in &found {
        if let Some(repair) = &finding.repair {
            assert!(!finding.advice.is_empty());
            doctor.repair(repair).unwrap();
        }
    }
    drop(doctor);
    assert_eq!(worst(&look(dir)), Severity::Note, "{words}");
    assert_eq!(all(&*open(dir).journal, Lsn::ZERO), records(20).collect::<Vec<_>>(), "{words}");
}

#[test]
fn a_backup_of_a_running_journal_holds_what_was_acknowledged_before() {
    for durability in [Durability::Commit, Durability::Os] {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("data");
        let storage = Storage::open(&dir, &Settings { durability, ..settings() }).unwrap();
        fs::write(dir.join("credentials.json"), "secret").unwrap();
        // So many records may be written: a bound, and always more to write while a backup is taken.
        let granted = AtomicU32::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 1..=ROUNDS * EACH {
                    while granted.load(Ordering::Acquire) < n {
                        std::thread::yield_now();
                    }
                    let record = [&n.to_be_bytes()[..], &vec![7; (n as usize * 37) % 900]].concat();
                    storage.journal.append(&record).unwrap();
                    storage.journal.hand_over();
                }
            });
            for round in 0..ROUNDS {
                granted.fetch_add(EACH, Ordering::Release);
                let before = storage.journal.durable();
                let (to, restored) =
                    (root.path().join(format!("b{round}")), root.path().join(format!("r{round}")));
                let made = backup(&dir, &to, "now".to_owned()).unwrap();
                assert!(made.last >= before.get(), "round {round}: {} of {before}", made.last);
                assert_eq!(restore(&to, &restored).unwrap(), made);
                let storage = open(&restored);
                let found = all(&*storage.journal, Lsn::ZERO);
                assert_eq!(found.len() as u64, made.last, "round {round}");
                for (n, record) in (1_u32..).zip(found) {
                    assert_eq!(record[..4], n.to_be_bytes(), "round {round}: none missing, none twice");
                }
                assert_eq!(fs::read(restored.join("credentials.json")).unwrap(), b"secret");
                // It goes on where the backup ended.
                assert_eq!(append(&storage, [vec![1]]).get(), made.last + 1);
            }
        });
    }
}

#[test]
fn nothing_is_overwritten_and_nothing_is_made_of_what_is_no_backup() {
    let root = tempfile::tempdir().unwrap();
    let (dir, to, target) = (root.path().join("data"), root.path().join("backup"), root.path().join("new"));
    assert!(matches!(backup(&dir, &to, String::new()), Err(StorageError::NoData { .. })));
    furnished(&dir);
    let made = backup(&dir, &to, "then".to_owned()).unwrap();
    assert!(matches!(backup(&dir, &to, String::new()), Err(StorageError::NotEmpty { .. })));
    assert!(matches!(restore(&to, &dir), Err(StorageError::NotEmpty { .. })));
    assert!(matches!(restore(&dir, &target), Err(StorageError::NoBackup { .. })));
    // A file changed, cut short or lost, of each kind; and a manifest that leads elsewhere.
    for file in &made.files {
        let path = to.join(&file.path);
        let whole = fs::read(&path).unwrap();
        let last = whole.len() - 1;
        change(&path, |bytes| bytes[last] ^= 1);
        assert!(matches!(restore(&to, &target), Err(StorageError::Corrupt { .. })), "{}", file.path);
        fs::write(&path, &whole[..last]).unwrap();
        assert!(matches!(restore(&to, &target), Err(StorageError::Corrupt { .. })), "{}", file.path);
        fs::remove_file(&path).unwrap();
        assert!(matches!(restore(&to, &target), Err(StorageError::Corrupt { .. })), "{}", file.path);
        fs::write(&path, &whole).unwrap();
    }
    let manifest = to.join("backup.json");
    let text = fs::read_to_string(&manifest).unwrap();
    for (from, instead) in [
        ("\"format\": 1", "\"format\": 2"),
        ("\"last\": 20", "\"last\": 21"),
        ("\"path\": \"format\"", "\"path\": \"../format\""),
    ] {
        assert!(text.contains(from), "{text}");
        fs::write(&manifest, text.replace(from, instead)).unwrap();
        let refused = restore(&to, &target).unwrap_err();
        let newer = matches!(refused, StorageError::NewerFormat { found: 2, .. });
        assert!(newer || matches!(refused, StorageError::Corrupt { .. }), "{instead}: {refused}");
    }
    fs::write(&manifest, &text).unwrap();
    assert!(!target.exists(), "nothing was made of any of that");
    restore(&to, &target).unwrap();
    assert_eq!(all(&*open(&target).journal, Lsn::ZERO).len(), 20);
}

#[test]
fn what_is_restored_leads_a_life_of_its_own() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    furnished(&at("data"));
    assert_eq!(open(&at("data")).generation, 0);
    backup(&at("data"), &at("backup"), String::new()).unwrap();
    assert_eq!(open(&at("data")).generation, 0, "a backup is none");
    restore(&at("backup"), &at("first")).unwrap();
    restore(&at("backup"), &at("second")).unwrap();
    // Also of what had been restored before.
    backup(&at("first"), &at("of-first"), String::new()).unwrap();
    restore(&at("of-first"), &at("third")).unwrap();
    let lives: Vec<_> = ["first", "second", "third"].map(|name| open(&at(name)).generation).into();
    let again: Vec<_> = ["first", "second", "third"].map(|name| open(&at(name)).generation).into();
    assert_eq!(lives, again, "a start is none");
    let mut different = lives.clone();
    different.push(0);
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), 4, "{lives:x?}");
}

#[test]
fn a_journal_that_does_not_hold_everything_is_not_taken_for_a_backup() {
    let root = tempfile::tempdir().unwrap();
    let (dir, to) = (root.path().join("data"), root.path().join("backup"));
    furnished(&dir);
    let all = segments(&dir);
    let broken = |what: &str| {
        let refused = backup(&dir, &to, String::new()).unwrap_err();
        assert!(matches!(refused, StorageError::Corrupt { .. }), "{what}: {refused}");
        assert!(!to.exists(), "{what}");
        refused.to_string()
    };
    let kept = fs::read(&all[0]).unwrap();
    change(&all[0], |bytes| bytes[200] ^= 1);
    broken("a broken record");
    fs::remove_file(&all[0]).unwrap();
    let told = broken("no beginning");
    assert!(told.contains("copy the whole data directory"), "{told}");
    fs::write(&all[0], kept).unwrap();
    fs::remove_file(&all[2]).unwrap();
    broken("a hole");
}

#[test]
fn the_doctor_finds_a_sound_directory_sound_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    furnished(dir.path());
    let before: Vec<_> = segments(dir.path()).iter().map(|path| fs::read(path).unwrap()).collect();
    let found = look(dir.path());
    assert_eq!(worst(&found), Severity::Note, "{found:#?}");
    assert!(found.iter().any(|finding| finding.what.contains("20 records, 1 to 20")), "{found:#?}");
    let after: Vec<_> = segments(dir.path()).iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(before == after);
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(Doctor::open(empty.path(), settings()), Err(StorageError::NoData { .. })));
    let storage = open(dir.path());
    assert!(matches!(Doctor::open(dir.path(), settings()), Err(StorageError::Locked { .. })));
    drop(storage);
}

#[test]
fn the_doctor_mends_what_can_be_mended_without_a_loss() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    furnished(dir);
    let last = segments(dir).pop().unwrap();
    change(&last, |bytes| {
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        bytes[end..end + 9].copy_from_slice(b"half made");
    });
    mends(dir, "was never whole");
    fs::write(dir.join("journal/checkpoint"), "12 nonsense").unwrap();
    mends(dir, "the checkpoint cannot be read");
    fs::remove_file(dir.join("format")).unwrap();
    mends(dir, "it is missing");
    fs::write(dir.join("generation"), "1").unwrap();
    assert!(
        matches!(Storage::open(dir, &settings()), Err(StorageError::Corrupt { .. })),
        "said, not guessed"
    );
    mends(dir, "generation");
    assert_ne!(open(dir).generation, 0);
    fs::write(dir.join("journal/segment.new"), "half").unwrap();
    mends(dir, "was never finished");
    for entry in fs::read_dir(dir.join("sled")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            change(&path, |bytes| bytes.iter_mut().for_each(|byte| *byte ^= 0x5a));
        }
    }
    mends(dir, "sled");
    assert!(dir.join("sled.corrupt.1").is_dir(), "kept");
}

#[test]
fn the_doctor_names_what_only_a_backup_brings_back_and_leaves_it_alone() {
    let root = tempfile::tempdir().unwrap();
    let broken = |name: &str, harm: &dyn Fn(&Path), words: &str| {
        let dir = root.path().join(name);
        furnished(&dir);
        harm(&dir);
        let before: Vec<_> = segments(&dir).iter().map(|path| fs::read(path).unwrap()).collect();
        let found = look(&dir);
        assert_eq!(worst(&found), Severity::Broken, "{name}: {found:#?}");
        let hit = found.iter().find(|finding| finding.what.contains(words));
        let hit = hit.unwrap_or_else(|| unreachable!("{name}: {found:#?}"));
        assert!(hit.repair.is_none() && hit.advice.contains("switchboard restore"), "{hit:#?}");
        let after: Vec<_> = segments(&dir).iter().map(|path| fs::read(path).unwrap()).collect();
        assert!(before == after && !dir.join("sled.suspect").exists(), "{name}");
    };
    let record = |n: usize| 32 + n * (16 + 700) + 100;
    broken("flipped", &|dir| change(&segments(dir)[1], |bytes| bytes[record(1)] ^= 1), "at byte 748");
    broken("hole", &|dir| fs::remove_file(&segments(dir)[2]).unwrap(), "are in no segment");
    broken("beginning", &|dir| fs::remove_file(&segments(dir)[0]).unwrap(), "earlier segments are gone");
    broken("end", &|dir| fs::remove_file(segments(dir).pop().unwrap()).unwrap(), "its end is lost");
    let both = |dir: &Path| {
        fs::remove_file(&segments(dir)[0]).unwrap();
        for entry in fs::read_dir(dir.join("sled")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                change(&path, |bytes| bytes.iter_mut().for_each(|byte| *byte ^= 0x5a));
            }
        }
    };
    broken("both", &both, "does not reach back far enough");
    // A start does not give up broken records that it could not build anew.
    let dir = root.path().join("both");
    assert!(matches!(Storage::open(&dir, &settings()), Err(StorageError::Corrupt { .. })));
    assert!(dir.join("sled").is_dir() && !dir.join("sled.corrupt.1").exists());
}
