//! A start: what the journal's replay costs for each fact, and whether a start follows the open
//! conversations, not the stored ones.
//!
//! Directories are made by the engine's own storage: facts that the domain decided, encoded and journaled as
//! a shard does, then boiled down by the start that replays them.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use switchboard::api;
use switchboard::engine::entry::{self, Entry};
use switchboard::engine::provision::{Plan, PlannedAgent};
use switchboard::engine::{Engine, Parts, Settings};
use switchboard::outbound::{Options, WebhookClient};
use switchboard::storage::{self, DirLock, FatalHook, Storage, StorageError};
use switchboard::telemetry::clock;
use switchboard::telemetry::metrics::Metrics;
use switchboard_domain::id::{AgentId, ClientId, CustomerId, LicenseId};
use switchboard_domain::participant::customer::{Customer, CustomerFact};
use switchboard_domain::participant::license::License;
use switchboard_domain::participant::settings::SettingsChange;
use switchboard_domain::participant::staff::AgentChange;
use switchboard_domain::time::Timestamp;
use tempfile::TempDir;

use crate::conversation::{AGENT, LICENSE, talk};

/// Open conversations of every directory.
const OPEN: u64 = 1_000;
/// Messages of each conversation.
const MESSAGES: u64 = 4;
const SHARDS: NonZeroUsize = NonZeroUsize::new(2).unwrap();
/// How long the threads of an engine that stopped may take to let go of its directory.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("recovery");
    group.sample_size(10);
    let system = actix::System::new();
    for stored in [OPEN, 100 * OPEN] {
        let name = format!("start, {stored} stored, {OPEN} open");
        let mut dir = None;
        group.bench_function(&name, |b| {
            let (dir, _) = dir.get_or_insert_with(|| directory(&system, stored));
            b.iter_custom(|times| (0..times).map(|_| start(&system, dir.path())).sum());
        });
    }
    let mut dir = None;
    let facts = directory_facts(10 * OPEN);
    group.throughput(Throughput::Elements(facts));
    group.bench_function(format!("replay of all {facts} facts of {} conversations", 10 * OPEN), |b| {
        let (dir, told) = dir.get_or_insert_with(|| directory(&system, 10 * OPEN));
        assert_eq!(*told, facts);
        let replay = || {
            let lost = std::fs::remove_dir_all(dir.path().join("sled"));
            assert!(lost.is_ok(), "{lost:?}");
            start(&system, dir.path())
        };
        b.iter_custom(|times| (0..times).map(|_| replay()).sum());
    });
    group.finish();
}

/// How long it takes from the closed directory to a running engine.
fn start(system: &actix::SystemRunner, dir: &Path) -> Duration {
    wait_until_free(dir);
    let began = clock::monotonic();
    let storage = open(dir);
    system.block_on(async {
        let engine = match Engine::start(parts(storage), vec![plan()]) {
            Ok(engine) => engine,
            Err(error) => unreachable!("no engine: {error}"),
        };
        let took = clock::monotonic() - began;
        assert!(engine.handle().is_ready());
        engine.stop().await;
        took
    })
}

/// Waits until the threads of an earlier engine, and of sled, have let go of a directory.
fn wait_until_free(dir: &Path) {
    let began = clock::monotonic();
    while let Err(error) = DirLock::acquire(&dir.join("lock")) {
        let held = matches!(error, StorageError::Locked { .. }) && clock::monotonic() - began < PATIENCE;
        assert!(held, "{error}");
        std::thread::yield_now();
    }
}

fn open(dir: &Path) -> Storage {
    match Storage::open(dir, &storage::Settings::new(fatal())) {
        Ok(storage) => storage,
        Err(error) => unreachable!("no storage: {error}"),
    }
}

fn fatal() -> FatalHook {
    Arc::new(|reason: &str| unreachable!("{reason}"))
}

fn directory_facts(stored: u64) -> u64 {
    (1..=stored).map(|n| history(n).len() as u64).sum()
}

/// A directory with so many conversations, of which [`OPEN`] are open, and the number of their facts.
fn directory(system: &actix::SystemRunner, stored: u64) -> (TempDir, u64) {
    let dir = match tempfile::tempdir() {
        Ok(dir) => dir,
        Err(error) => unreachable!("no directory: {error}"),
    };
    // The license and its agent.
    start(system, dir.path());
    wait_until_free(dir.path());
    let storage = open(dir.path());
    let mut facts = 0;
    for n in 1..=stored {
        let entries = history(n);
        facts += entries.len() as u64;
        let appended = entry::encode(&entries).and_then(|record| storage.journal.append(&record));
        assert!(appended.is_ok(), "{appended:?}");
        storage.journal.hand_over();
    }
    storage.journal.close();
    drop(storage);
    // Replays it all, and stores it.
    start(system, dir.path());
    (dir, facts)
}

/// The facts of the n-th conversation and its customer.
fn history(n: u64) -> Vec<Entry> {
    let customer = CustomerId::from_random(u128::from(n));
    let person = Customer::new(customer, n, Timestamp::from_secs(900));
    let mut entries = vec![Entry::Customer(LICENSE, customer, CustomerFact::Put(Box::new(person)))];
    let (chat, facts) = talk(n, MESSAGES, n > OPEN);
    entries.extend(facts.into_iter().map(|fact| Entry::Conversation(LICENSE, chat, fact)));
    entries
}

fn parts(storage: Storage) -> Parts {
    let client = match WebhookClient::new(Options::default()) {
        Ok(client) => client,
        Err(error) => unreachable!("no client: {error}"),
    };
    Parts {
        platform_token: None,
        storage,
        client,
        dialects: api::livechat::dialects().to_vec(),
        metrics: Arc::new(Metrics::new()),
        admin_token: "the-token-of-the-administration".to_owned(),
        shards: SHARDS,
        settings: Settings::default(),
        fatal: fatal(),
    }
}

fn plan() -> Plan {
    let license = LicenseId(LICENSE.0);
    let organization = "390e44e6-f1e6-4b7e-8d7c-0a1b2c3d4e5f";
    Plan {
        inbox: None,
        license: License::new(license, organization, ClientId::new("app"), Timestamp::from_secs(1)),
        only_new: false,
        settings: SettingsChange::default(),
        max_customer_chats: None,
        groups: Vec::new(),
        agents: vec![PlannedAgent {
            id: AgentId::new(AGENT),
            profile: AgentChange { name: Some("Agent".into()), ..AgentChange::default() },
            groups: Vec::new(),
            token: None,
        }],
    }
}
