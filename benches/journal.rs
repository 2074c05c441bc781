//! The journal against what it stands on: groups appended and made durable, next to a bare append and
//! `fdatasync` of the same bytes to a file of the same kind.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use criterion::{Criterion, Throughput};
use switchboard::storage::{Durability, Lsn, Settings, Storage};

/// Bytes of a record: a message of 200 bytes with what belongs to it.
const RECORD_BYTES: usize = 420;
/// Bytes of zeros that the bare file begins with, as a segment does.
const FILE_BYTES: usize = 8 << 20;

/// Wakes whoever waits for the durable position.
#[derive(Default)]
struct Durable {
    reached: Mutex<Lsn>,
    moved: Condvar,
}

impl Durable {
    fn reach(&self, lsn: Lsn) {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        *reached = lsn.max(*reached);
        self.moved.notify_all();
    }

    fn wait(&self, lsn: Lsn) {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        while *reached < lsn {
            reached = self.moved.wait(reached).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("journal");
    for writers in [1, 64, 256] {
        group.throughput(Throughput::Elements(writers));
        let dir = match tempfile::tempdir() {
            Ok(dir) => dir,
            Err(error) => unreachable!("no directory: {error}"),
        };
        let settings = Settings {
            durability: Durability::Commit,
            ..Settings::new(Arc::new(|reason: &str| unreachable!("{reason}")))
        };
        let storage = match Storage::open(dir.path(), &settings) {
            Ok(storage) => storage,
            Err(error) => unreachable!("no storage: {error}"),
        };
        let durable = Arc::new(Durable::default());
        let listener = Arc::clone(&durable);
        storage.journal.on_durable(Arc::new(move |lsn| listener.reach(lsn)));
        let record = vec![7; RECORD_BYTES];
        group.bench_function(format!("append and commit, {writers} writers"), |b| {
            b.iter(|| {
                let mut last = Lsn::ZERO;
                for _ in 0..writers {
                    last = storage.journal.append(&record).unwrap_or(last);
                }
                storage.journal.hand_over();
                durable.wait(last);
            });
        });
        storage.journal.close();
        let mut file = bare(&dir.path().join("bare"));
        group.bench_function(format!("bare append and fdatasync, {writers} records"), |b| {
            b.iter(|| {
                if file.stream_position().unwrap_or_default() as usize + RECORD_BYTES * writers as usize
                    > FILE_BYTES
                {
                    file.seek(SeekFrom::Start(0)).ok();
                }
                let bytes = record.repeat(writers as usize);
                let written = file.write_all(&bytes).and_then(|()| file.sync_data());
                assert!(written.is_ok(), "{written:?}");
            });
        });
    }
    group.finish();
}

/// A file of zeros, synced.
fn bare(path: &std::path::Path) -> File {
    let made = OpenOptions::new().create(true).truncate(true).write(true).open(path).and_then(|mut file| {
        file.write_all(&vec![0; FILE_BYTES])?;
        file.sync_all()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    });
    match made {
        Ok(file) => file,
        Err(error) => unreachable!("no file: {error}"),
    }
}
