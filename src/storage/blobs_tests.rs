//! Tests of the blobs.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::path::{Path, PathBuf};

use super::blobs::{INFO, names};
use super::{BlobId, BlobInfo, Blobs, Keeping, StorageError};

const ID: BlobId = BlobId(0xab << 120 | 7);

fn store(blobs: &Blobs, id: BlobId, bytes: &[u8], stored_at: u64) {
    let unfinished = blobs.begin(id).unwrap();
    fs::write(unfinished.path(), bytes).unwrap();
    let mut info = BlobInfo::new(1, "a.txt".into(), "text/plain".into(), stored_at);
    (info.size, info.crc32) = (bytes.len() as u64, crc32fast::hash(bytes));
    blobs.finish(unfinished, &info).unwrap();
}

fn found_mark(dir: &Path) -> PathBuf {
    let name = ID.to_string();
    dir.join("kept").join(&name[..2]).join(name).join("shared")
}

#[test]
fn a_blob_is_found_when_it_is_finished_and_stays_when_it_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path(), 0).unwrap();
    drop(blobs.begin(BlobId(1)).unwrap());
    assert_eq!(blobs.find(BlobId(1)).unwrap(), None);
    assert!(names(&dir.path().join("new")).unwrap().is_empty());
    for (id, at) in [(ID, 10), (BlobId(2), 20)] {
        store(&blobs, id, b"hello", at);
    }
    let found = blobs.find(ID).unwrap().unwrap();
    assert_eq!((fs::read(&found.path).unwrap().as_slice(), found.kept), (b"hello".as_slice(), false));
    assert_eq!(blobs.keep(ID).unwrap(), Keeping::Kept);
    assert_eq!(blobs.keep(ID).unwrap(), Keeping::WasKept);
    assert_eq!(blobs.keep(BlobId(3)).unwrap(), Keeping::Gone);
    // What nothing refers to goes, each in its time; what was kept stays, over an opening, too.
    assert_eq!(blobs.waiting().unwrap().len(), 1);
    assert_eq!(blobs.sweep(20).unwrap(), 0);
    assert_eq!(blobs.sweep(21).unwrap(), 1);
    assert_eq!(blobs.find(BlobId(2)).unwrap(), None);
    assert_eq!(blobs.keep(BlobId(2)).unwrap(), Keeping::Gone);
    let again = Blobs::open(dir.path(), 0).unwrap();
    let kept = again.find(ID).unwrap().unwrap();
    assert_eq!((&kept.info, kept.kept), (&found.info, true));
    let copy = tempfile::tempdir().unwrap();
    store(&blobs, BlobId(4), b"fresh", 5);
    drop(blobs.begin(BlobId(5)).unwrap());
    Blobs::copy(dir.path(), copy.path()).unwrap();
    assert_eq!(Blobs::examine(copy.path()).unwrap(), (2, vec![]));
    blobs.sweep(u64::MAX).unwrap();
    fs::write(&kept.path, b"hallo").unwrap();
    let (all, broken) = Blobs::examine(dir.path()).unwrap();
    assert_eq!((all, broken.len()), (1, 1), "{broken:?}");
    assert!(found_mark(copy.path()).exists(), "that two things refer to it goes with the copy");
    again.forget(ID).unwrap();
    assert!(again.find(ID).unwrap().is_some(), "something else refers to it");
    fs::remove_file(found_mark(dir.path())).unwrap();
    again.discard(ID).unwrap();
    assert!(again.find(ID).unwrap().is_some(), "it is kept");
    again.forget(ID).unwrap();
    again.forget(ID).unwrap();
    assert_eq!(again.find(ID).unwrap(), None);
}

#[test]
fn what_is_given_back_is_new_again_unless_something_else_refers_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path(), 0).unwrap();
    store(&blobs, ID, b"hello", 10);
    assert!(!blobs.give_back(ID).unwrap(), "nobody had it");
    blobs.keep(ID).unwrap();
    assert!(blobs.give_back(ID).unwrap());
    assert!(!blobs.find(ID).unwrap().unwrap().kept);
    // Two take it at once, and one of them comes to nothing.
    assert_eq!(blobs.keep(ID).unwrap(), Keeping::Kept);
    assert_eq!(blobs.keep(ID).unwrap(), Keeping::WasKept);
    assert!(!blobs.give_back(ID).unwrap());
    assert!(blobs.find(ID).unwrap().unwrap().kept);
    assert!(!blobs.give_back(BlobId(3)).unwrap());
}

#[test]
fn all_of_an_owner_goes_and_nothing_of_another() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path(), 0).unwrap();
    let all = [ID, BlobId(2), BlobId(3)];
    all.into_iter().for_each(|id| store(&blobs, id, b"x", 1));
    blobs.keep(ID).unwrap();
    blobs.keep(ID).unwrap();
    // One is another's.
    let info = |id: BlobId| dir.path().join(format!("new/{id}")).join(INFO);
    let others = fs::read_to_string(info(BlobId(2))).unwrap().replace("\"owner\": 1", "\"owner\": 2");
    fs::write(info(BlobId(2)), others).unwrap();
    blobs.erase(1).unwrap();
    let left = all.map(|id| blobs.find(id).unwrap().is_some());
    assert_eq!(left, [false, true, false]);
    store(&blobs, ID, b"x", 1);
    fs::write(info(ID), "{").unwrap();
    blobs.erase(2).unwrap();
    assert_eq!(blobs.find(BlobId(2)).unwrap(), None);
    assert!(blobs.find(ID).is_err(), "left where it is");
}

#[test]
fn what_a_crash_left_half_made_is_gone_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path(), 0).unwrap();
    for half in ["new/part-1", "new/gone-1"] {
        fs::create_dir(dir.path().join(half)).unwrap();
    }
    assert_eq!(blobs.find(ID).unwrap(), None);
    Blobs::open(dir.path(), 0).unwrap();
    assert!(names(&dir.path().join("new")).unwrap().is_empty());
}

#[test]
fn a_full_disk_takes_none_and_a_later_form_is_not_guessed() {
    let dir = tempfile::tempdir().unwrap();
    let full = Blobs::open(dir.path(), u64::MAX).unwrap();
    assert!(matches!(full.begin(ID), Err(StorageError::DiskFull)));
    assert!(matches!(Blobs::nowhere().begin(ID), Err(StorageError::DiskFull)));
    let blobs = Blobs::open(dir.path(), 0).unwrap();
    store(&blobs, ID, b"x", 1);
    let info = dir.path().join(format!("new/{ID}")).join(INFO);
    let later = fs::read_to_string(&info).unwrap().replace("\"format\": 1", "\"format\": 2");
    fs::write(&info, later).unwrap();
    assert!(matches!(blobs.find(ID), Err(StorageError::NewerFormat { found: 2, .. })));
    fs::write(&info, "{").unwrap();
    assert!(matches!(blobs.find(ID), Err(StorageError::Corrupt { .. })));
}

#[test]
fn what_is_known_of_a_blob_is_written_so() {
    let mut info = BlobInfo::new(100, "a.png".into(), "image/png".into(), 5);
    (info.size, info.crc32, info.pixels) = (3, 9, Some((1, 2)));
    let text = r#"{"format":1,"owner":100,"name":"a.png","content_type":"image/png","size":3,"crc32":9,"pixels":[1,2],"stored_at":5}"#;
    assert_eq!(serde_json::to_string(&info).unwrap(), text);
    assert_eq!(serde_json::from_str::<BlobInfo>(text).unwrap(), info);
    assert_eq!(ID.to_string().parse(), Ok(ID));
    for wrong in ["", "ab", "AB000000000000000000000000000007", "../00000000000000000000000000007"] {
        assert_eq!(wrong.parse::<BlobId>(), Err(()), "{wrong}");
    }
}
