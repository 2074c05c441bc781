//! The store's twin in memory, for tests: it fails and forgets when told so.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::store::{Batch, Direction, KeyRange, Pair, Store};
use crate::storage::{StorageError, files};

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// A store that loses at a crash all that was not synced.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Shared with `synced` until the next write.
    live: Arc<Map>,
    synced: Arc<Map>,
    full: bool,
    stopped: bool,
    /// Reads find nonsense.
    broken: bool,
    suspect: bool,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// While full, writes and syncs answer `DiskFull`.
    pub fn set_disk_full(&self, full: bool) {
        files::lock(&self.state).full = full;
    }

    /// From now on reads find broken bytes, also after a crash, until [`renew`](Self::renew).
    pub fn break_bytes(&self) {
        files::lock(&self.state).broken = true;
    }

    /// Forgets everything, as a store does that is moved aside and made anew.
    pub fn renew(&self) {
        *files::lock(&self.state) = State::default();
    }

    /// Stops this store as a crash does, and returns the one that the next start finds: what was synced.
    #[must_use]
    pub fn crash(&self) -> Self {
        let mut state = files::lock(&self.state);
        state.stopped = true;
        let synced = Arc::clone(&state.synced);
        let found = State { live: Arc::clone(&synced), synced, broken: state.broken, ..State::default() };
        Self { state: Mutex::new(found) }
    }
}

impl MemoryStore {
    fn check_readable(&self) -> Result<(), StorageError> {
        let broken = files::lock(&self.state).broken;
        if broken { Err(self.broken("a test broke it")) } else { Ok(()) }
    }
}

impl State {
    fn check_writable(&self) -> Result<(), StorageError> {
        if self.stopped {
            Err(StorageError::Stopped)
        } else if self.full {
            Err(StorageError::DiskFull)
        } else {
            Ok(())
        }
    }
}

impl Store for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.check_readable()?;
        Ok(files::lock(&self.state).live.get(key).cloned())
    }

    fn write(&self, batch: Batch) -> Result<(), StorageError> {
        let mut state = files::lock(&self.state);
        state.check_writable()?;
        let live = Arc::make_mut(&mut state.live);
        for (key, value) in batch.changes {
            match value {
                Some(value) => live.insert(key, value),
                None => live.remove(&key),
            };
        }
        Ok(())
    }

    fn scan(&self, range: &KeyRange, direction: Direction, limit: usize) -> Result<Vec<Pair>, StorageError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        self.check_readable()?;
        let live = Arc::clone(&files::lock(&self.state).live);
        let pairs = live.range(range.clone()).map(|(key, value)| (key.clone(), value.clone()));
        Ok(match direction {
            Direction::Forward => pairs.take(limit).collect(),
            Direction::Backward => pairs.rev().take(limit).collect(),
        })
    }

    fn sync(&self) -> Result<(), StorageError> {
        let mut state = files::lock(&self.state);
        state.check_writable()?;
        state.synced = Arc::clone(&state.live);
        Ok(())
    }

    fn place(&self) -> PathBuf {
        PathBuf::from("memory")
    }

    fn broken(&self, reason: &str) -> StorageError {
        files::lock(&self.state).suspect = true;
        StorageError::corrupt(self.place(), 0, reason)
    }

    fn is_suspect(&self) -> bool {
        files::lock(&self.state).suspect
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::super::conformance;
    use super::*;

    #[test]
    fn conforms() {
        conformance::run(&mut || {
            let mut store = Arc::new(MemoryStore::new());
            Box::new(move || {
                store = Arc::new(store.crash());
                Arc::clone(&store) as Arc<dyn Store>
            })
        });
    }

    #[test]
    fn a_crash_forgets_what_was_not_synced() {
        let store = MemoryStore::new();
        let put = |key: u8| {
            let mut batch = Batch::default();
            batch.put(vec![key], vec![key]);
            batch
        };
        store.write(put(1)).unwrap();
        store.sync().unwrap();
        store.write(put(2)).unwrap();
        let found = store.crash();
        assert_eq!(found.get(&[1]).unwrap(), Some(vec![1]));
        assert_eq!(found.get(&[2]).unwrap(), None);
        assert!(matches!(store.write(put(3)), Err(StorageError::Stopped)));
    }

    #[test]
    fn a_full_disk_refuses_writes_and_serves_reads() {
        let store = MemoryStore::new();
        store.set_disk_full(true);
        let mut batch = Batch::default();
        batch.put(vec![1], vec![1]);
        assert!(matches!(store.write(batch), Err(StorageError::DiskFull)));
        assert_eq!(store.get(&[1]).unwrap(), None);
        store.set_disk_full(false);
        store.sync().unwrap();
    }
}
