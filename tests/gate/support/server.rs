//! The server inside this process: the real engine, faces and sockets on a storage in memory.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, Once};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use switchboard::api;
use switchboard::cli::run::router;
use switchboard::engine::provision::{Plan, PlannedAgent, PlannedGroup, PlannedInbox};
use switchboard::engine::{Engine, Parts, Settings};
use switchboard::net::accept::{Acceptor, Patience};
use switchboard::net::conn::Connections;
use switchboard::net::drain::Drain;
use switchboard::net::listen::Listeners;
use switchboard::outbound::{AddressPolicy, Options, WebhookClient};
use switchboard::storage::{
    Disk, FatalHook, Faults, MIN_SEGMENT_BYTES, Records, Settings as OnDisk, Storage, StorageError,
};
use switchboard::telemetry::clock;
use switchboard::telemetry::metrics::Metrics;
use switchboard_domain::desk::{Channel, Inbox};
use switchboard_domain::id::{AgentId, ClientId, GroupId, LicenseId};
use switchboard_domain::participant::agent::Role;
use switchboard_domain::participant::license::License;
use switchboard_domain::participant::settings::Settings as Routing;
use switchboard_domain::participant::settings::{OwnSettings, SettingsChange};
use switchboard_domain::participant::staff::AgentChange;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::DEADLINE;
use super::watched::Watched;

/// Two, so that every test also crosses from one shard to another.
const SHARDS: NonZeroUsize = NonZeroUsize::new(2).unwrap();
/// Connections a shard serves: more than any test opens.
const CONNECTIONS: u32 = 64;
const LICENSE: u64 = 100_000_001;
const CLIENT: &str = "0123456789abcdef";
/// Names the inbox of the help desk to customers.
pub(crate) const INBOX: &str = "the-name-of-the-inbox";
const ADMIN_TOKEN: &str = "the-token-of-the-administration";
const AGENTS: [(&str, &str); 3] = [
    ("agent1@example.com", "the-token-of-agent-1"),
    ("agent2@example.com", "the-token-of-agent-2"),
    ("agent3@example.com", "the-token-of-agent-3"),
];

/// A running server. Dropping it stops it, and fails the test if it broke its word.
pub(crate) struct Server {
    running: Running,
    pub(crate) faults: Faults,
    pub(crate) journal: Arc<Watched>,
    pub(crate) records: Records,
    /// What was told to the fatal hook.
    broken: Broken,
    settings: Settings,
    /// What a story may know of it, in the shape of the demo's one line.
    pub(crate) ready: Value,
    pub(crate) client: reqwest::Client,
}

type Broken = Arc<Mutex<Vec<String>>>;

/// The thread that everything runs under.
struct Running {
    system: actix::System,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts on an empty storage.
    pub(crate) async fn start() -> Self {
        Self::start_with(Routing::default()).await
    }

    /// The same, with these settings of routing.
    pub(crate) async fn start_with(settings: Routing) -> Self {
        let (storage, faults) = Storage::in_memory();
        Self::start_on(storage, faults, plan(settings), Settings::default()).await
    }

    /// The same, with a help desk that has one inbox.
    pub(crate) async fn start_with_desk() -> Self {
        let (storage, faults) = Storage::in_memory();
        let secrets = [INBOX, "the-token-of-visitors", "the-secret-of-the-inbox"].map(Into::into);
        let inbox = Inbox { group: GroupId::EVERYBODY, ..Inbox::new(1, Channel::Api, secrets) };
        let inbox = Some(PlannedInbox { account: "Demo".into(), inbox });
        let plan = Plan { inbox, ..plan(Routing::default()) };
        Self::start_on(storage, faults, plan, Settings::default()).await
    }

    /// The same, with these settings of the operator.
    pub(crate) async fn start_bounded(settings: Settings) -> Self {
        let (storage, faults) = Storage::in_memory();
        Self::start_on(storage, faults, plan(Routing::default()), settings).await
    }

    /// Crashes: what is not durable is gone. Then starts again on what is left; the address changes.
    pub(crate) async fn crash(self) -> Self {
        // From here on nothing can become durable, whatever the threads still do.
        let (storage, faults) = self.faults.crash().unwrap();
        self.broken.lock().unwrap().clear();
        let broken = Arc::clone(&self.broken);
        drop(self.running);
        // Whoever met the dead journal said so; that is the crash itself.
        broken.lock().unwrap().clear();
        // What the license was set to is stored.
        Self::start_on(storage, faults, plan(Routing::default()), self.settings).await
    }

    async fn start_on(storage: Storage, faults: Faults, plan: Plan, settings: Settings) -> Self {
        Self::start_hearing(storage, faults, plan, settings, Arc::default()).await
    }

    /// On a data directory, with a journal on this disk. The gate and the other faults stay unused.
    pub(crate) async fn start_on_disk(dir: &Path, disk: Disk) -> Self {
        let broken: Broken = Arc::default();
        let heard = Arc::clone(&broken);
        let fatal: FatalHook = Arc::new(move |why| heard.lock().unwrap().push(why.to_owned()));
        let settings =
            OnDisk { disk, segment_bytes: MIN_SEGMENT_BYTES, reserve_bytes: 0, ..OnDisk::new(fatal) };
        let began = clock::monotonic();
        // The threads of a server that was here before let go of the directory one after the other.
        let storage = loop {
            match Storage::open(dir, &settings) {
                Err(StorageError::Locked { .. }) if clock::monotonic() - began < DEADLINE => {
                    tokio::task::yield_now().await;
                }
                opened => break opened.unwrap(),
            }
        };
        let (_, unused) = Storage::in_memory();
        Self::start_hearing(storage, unused, plan(Routing::default()), Settings::default(), broken).await
    }

    async fn start_hearing(
        mut storage: Storage,
        faults: Faults,
        plan: Plan,
        settings: Settings,
        broken: Broken,
    ) -> Self {
        let (client, records) = (http_client(), storage.records.clone());
        let journal = Arc::new(Watched::new(Arc::clone(&storage.journal)));
        storage.journal = Arc::<Watched>::clone(&journal);
        let heard = Arc::clone(&broken);
        let fatal: FatalHook = Arc::new(move |why| heard.lock().unwrap().push(why.to_owned()));
        let (tell, told) = oneshot::channel();
        let own = settings.clone();
        let thread = std::thread::spawn(move || run(parts(storage, fatal, own), plan, tell));
        let started = timeout(DEADLINE, told).await.expect("it should start at once");
        let (system, address) = started.expect("it should start");
        let agents: Vec<_> = AGENTS.iter().map(|(id, token)| json!({ "id": id, "token": token })).collect();
        let ready = json!({
            "http": format!("http://{address}"),
            "license_id": LICENSE,
            "client_id": CLIENT,
            "admin_token": ADMIN_TOKEN,
            "agents": agents,
        });
        let running = Running { system, thread: Some(thread) };
        Self { running, faults, journal, records, broken, settings, ready, client }
    }

    /// The plain address, `http://host:port`.
    pub(crate) fn http(&self) -> &str {
        self.ready["http"].as_str().unwrap()
    }

    pub(crate) fn license(&self) -> u64 {
        LICENSE
    }

    /// The id of an agent (0 or 1).
    pub(crate) fn agent_id(&self, n: usize) -> String {
        AGENTS[n].0.to_owned()
    }

    /// The token of an agent (0 or 1): every scope.
    pub(crate) fn agent_token(&self, n: usize) -> String {
        AGENTS[n].1.to_owned()
    }

    /// From now on nothing becomes durable.
    pub(crate) fn shut_gate(&self) {
        self.journal.shut(&self.faults);
    }

    /// Makes the next `count` changes that wait durable; the gate stays shut.
    pub(crate) fn let_through(&self, count: usize) {
        self.journal.let_through(&self.faults, count);
    }

    /// Makes all that waited durable, and lets later changes through.
    pub(crate) fn open_gate(&self) {
        self.faults.open_gate();
    }

    /// Waits until the engine has given up; gives what it said.
    pub(crate) async fn gave_up(&self) -> String {
        let began = clock::monotonic();
        loop {
            if let Some(why) = self.broken.lock().unwrap().first() {
                return why.clone();
            }
            assert!(clock::monotonic() - began < DEADLINE, "it should have given up");
            tokio::task::yield_now().await;
        }
    }

    /// Fails when the engine has given up; for the end of a story.
    pub(crate) fn assert_whole(&self) {
        let broken = self.broken.lock().unwrap();
        assert!(broken.is_empty(), "the engine gave up: {broken:?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.system.stop();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server's thread panicked");
        }
    }
}

type Started = (actix::System, SocketAddr);

fn run(parts: Parts, plan: Plan, tell: oneshot::Sender<Started>) {
    let system = actix::System::new();
    let engine = system.block_on(async {
        let engine = Engine::start(parts, vec![plan]).unwrap();
        let address = listen(&engine);
        drop(tell.send((actix::System::current(), address)));
        engine
    });
    system.run().unwrap();
    drop(engine);
}

fn parts(storage: Storage, fatal: FatalHook, settings: Settings) -> Parts {
    let options = Options {
        addresses: AddressPolicy { allow_loopback: true, ..AddressPolicy::default() },
        ..Options::default()
    };
    Parts {
        platform_token: None,
        storage,
        client: WebhookClient::new(options).unwrap(),
        dialects: api::livechat::dialects().into_iter().chain(api::chatwoot::dialects()).collect(),
        metrics: Arc::new(Metrics::new()),
        admin_token: ADMIN_TOKEN.to_owned(),
        shards: SHARDS,
        settings,
        fatal,
    }
}

/// One license, two groups, two agents who take a chat each by routing.
fn plan(settings: Routing) -> Plan {
    let organization = "390e44e6-f1e6-4b7e-8d7c-0a1b2c3d4e5f";
    let mut license = License::new(LicenseId(LICENSE), organization, ClientId::new(CLIENT), clock::now());
    license.settings = settings;
    license.max_customer_chats = 2;
    let agents = AGENTS.iter().map(|(id, token)| PlannedAgent {
        id: AgentId::new(id),
        profile: AgentChange {
            name: Some((*id).into()),
            role: Some(Role::Administrator),
            max_chats: Some(1),
            ..AgentChange::default()
        },
        groups: Vec::new(),
        token: Some((*token).to_owned()),
    });
    let sales = PlannedGroup {
        id: GroupId(1),
        name: "Sales".into(),
        settings: OwnSettings::Keep,
        forms: BTreeMap::new(),
    };
    Plan {
        inbox: None,
        license,
        only_new: false,
        settings: SettingsChange::default(),
        max_customer_chats: None,
        groups: vec![sales],
        agents: agents.collect(),
    }
}

fn listen(engine: &Engine) -> SocketAddr {
    let listeners = Listeners::bind(([127, 0, 0, 1], 0).into(), SHARDS).unwrap();
    let (router, drain) = (router(engine.handle()), Drain::new());
    for (shard, listener) in listeners.sockets.into_iter().enumerate() {
        let (router, drain) = (router.clone(), drain.clone());
        engine.on_shard(shard, move || {
            let connections = Connections::new(CONNECTIONS);
            let acceptor =
                Acceptor { listener, tls: None, router, connections, patience: Patience::default() };
            actix::spawn(async move { acceptor.run(drain).await.unwrap() });
        });
    }
    listeners.address
}

fn http_client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::builder().no_proxy().timeout(DEADLINE).tls_certs_only([]).build().unwrap()
}
