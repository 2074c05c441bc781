//! A conversation's head: encoded and stored, read and decoded. It must not grow with the history.

use std::hint::black_box;

use criterion::Criterion;
use switchboard::storage::{ActorKey, Lsn, Save, Settings, Storage};
use switchboard_domain::conversation::Conversation;

use crate::conversation::conversation;

pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("snapshot");
    let dir = match tempfile::tempdir() {
        Ok(dir) => dir,
        Err(error) => unreachable!("no directory: {error}"),
    };
    let settings = Settings::new(std::sync::Arc::new(|reason: &str| unreachable!("{reason}")));
    let storage = match Storage::open(dir.path(), &settings) {
        Ok(storage) => storage,
        Err(error) => unreachable!("no storage: {error}"),
    };
    for messages in [10, 1_000, 20_000] {
        let state = conversation(messages);
        let key = ActorKey::Conversation(state.license(), state.id());
        group.bench_function(format!("save, {messages} messages"), |b| {
            b.iter(|| {
                let bytes = rmp_serde::to_vec(&state.head()).unwrap_or_default();
                let mut save = Save::new();
                save.snapshot(&key, Lsn::ZERO, black_box(&bytes));
                let saved = storage.records.save(save);
                assert!(saved.is_ok(), "{saved:?}");
            });
        });
        group.bench_function(format!("load, {messages} messages"), |b| {
            b.iter(|| {
                let found = storage.records.snapshot(&key);
                let Ok(Some((_, bytes))) = found else { unreachable!("a saved snapshot is found") };
                black_box(rmp_serde::from_slice::<Conversation>(&bytes).is_ok())
            });
        });
    }
    storage.journal.close();
    group.finish();
}
