//! The engine and the only door to it.

use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use actix::Addr;
use actix_rt::ArbiterHandle;
use switchboard_domain::auth::{Principal, ScopeSet, Token, TokenKind};
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::id::{AgentId, ClientId, CustomerId, LicenseId, UserId};
use switchboard_domain::participant::customer::Customer;
use switchboard_domain::time::Timestamp;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use crate::engine::dialect::Dialect;
use crate::engine::directory::Directory;
use crate::engine::entry::TokenHash;
use crate::engine::files::Unused;
use crate::engine::hub::HubActor;
use crate::engine::limits::WALKS;
use crate::engine::meters::Meters;
use crate::engine::operations::{self, AgentToken};
use crate::engine::order::{Failure, Outcome, Request, TokenInfo};
use crate::engine::origin::Strangers;
use crate::engine::previews::Previews;
use crate::engine::rates::{Rates, RunningCall};
use crate::engine::recovery::numbers;
use crate::engine::release::Answer;
use crate::engine::secret::{self, StreamSeal};
use crate::engine::settings::Settings;
use crate::engine::shard::Shard;
use crate::engine::tables::{LicenseTable, Tables};
use crate::engine::webhook::{DispatcherActor, WorkerActor};
use crate::outbound::{Preview, WebhookClient};
use crate::storage::{Blobs, FatalHook, Journal, Lsn, Records, Storage};
use crate::telemetry::clock;
use crate::telemetry::metrics::Metrics;

/// What an engine is made of.
pub struct Parts {
    /// Where everything is kept.
    pub storage: Storage,
    /// Calls webhooks.
    pub client: WebhookClient,
    /// Every face version, by its number; stored endpoints name one.
    pub dialects: Vec<(u16, &'static dyn Dialect)>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Opens the administration.
    pub admin_token: String,
    /// Opens the installation to a help desk's platform; nothing does, when missing.
    pub platform_token: Option<String>,
    /// How many shards.
    pub shards: NonZeroUsize,
    /// What an operator may set.
    pub settings: Settings,
    /// Told when the engine cannot go on without breaking its word.
    pub fatal: FatalHook,
}

/// A shard as the others reach it.
pub(crate) struct ShardLink {
    pub(crate) arbiter: ArbiterHandle,
    pub(crate) hub: Addr<HubActor>,
    pub(crate) turn: Arc<Notify>,
    pub(crate) workers: Vec<Addr<WorkerActor>>,
}

struct Engine {
    meters: Meters,
    parts: Parts,
    tables: Tables,
    directory: Directory,
    strangers: Strangers,
    shards: OnceLock<Vec<ShardLink>>,
    /// Up to where each shard has stored what it journaled.
    floors: Mutex<Vec<Lsn>>,
    /// The checkpoint; one at a time is made.
    checkpoint: Mutex<Lsn>,
    ready: AtomicBool,
    running_since: Timestamp,
    /// Whose turn it is to walk all the chats or customers of a license.
    walks: Arc<Semaphore>,
    /// Whose turn it is to look that every license has the installation's bots.
    sharing: Arc<Semaphore>,
    previews: Previews,
    unused_files: Unused,
    rates: Rates,
    /// Missing only when the system's cryptography refuses.
    stream_seal: Option<StreamSeal>,
}

/// The door to the engine. Cheap to clone.
#[derive(Clone)]
pub struct EngineHandle(Arc<Engine>);

/// A token that was found to be good.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// What it stands for.
    pub token: Arc<Token>,
    /// Under which it is kept.
    pub hash: TokenHash,
}

impl EngineHandle {
    pub(crate) fn new(parts: Parts) -> Self {
        let floors = Mutex::new(vec![Lsn::ZERO; parts.shards.get()]);
        let rates = Rates::new(parts.settings.calls_per_minute, parts.settings.calls_at_once);
        let stream_seal = StreamSeal::new(&parts.admin_token);
        let handle = Self(Arc::new(Engine {
            meters: Meters::new(Arc::clone(&parts.metrics)),
            parts,
            tables: Tables::default(),
            directory: Directory::default(),
            strangers: Strangers::default(),
            shards: OnceLock::new(),
            floors,
            checkpoint: Mutex::new(Lsn::ZERO),
            ready: AtomicBool::new(false),
            running_since: clock::now(),
            walks: Arc::new(Semaphore::new(WALKS)),
            sharing: Arc::new(Semaphore::new(1)),
            previews: Previews::default(),
            unused_files: Unused::default(),
            rates,
            stream_seal,
        }));
        let weak = Arc::downgrade(&handle.0);
        handle.journal().on_durable(Arc::new(move |_| {
            if let Some(engine) = weak.upgrade() {
                for shard in engine.shards.get().into_iter().flatten() {
                    shard.turn.notify_one();
                }
            }
        }));
        handle
    }

    pub(crate) fn set_shards(&self, shards: Vec<ShardLink>) {
        drop(self.0.shards.set(shards));
    }

    pub(crate) fn set_ready(&self) {
        self.0.ready.store(true, Ordering::Release);
    }

    /// Is everything recovered?
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Acquire)
    }

    /// Which life of the stored data this is.
    pub(crate) fn generation(&self) -> u64 {
        self.0.parts.storage.generation
    }

    /// Since when the process runs.
    pub(crate) fn running_since(&self) -> Timestamp {
        self.0.running_since
    }

    /// Counters as Prometheus text.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.meters().page(&self.tables().licenses(), self.directory().population())
    }

    pub(crate) fn meters(&self) -> &Meters {
        &self.0.meters
    }

    /// Does this text open the administration?
    #[must_use]
    pub fn admin_token_matches(&self, token: &str) -> bool {
        secret::same(token, &self.0.parts.admin_token)
    }

    /// Counts a call over HTTP with a token, which runs as long as what is returned is kept.
    ///
    /// # Errors
    /// How long to wait before the next one.
    pub fn admit_call(&self, token: &str) -> Result<RunningCall, Duration> {
        self.0.rates.admit(&secret::hash(token))
    }

    pub(crate) fn rates(&self) -> &Rates {
        &self.0.rates
    }

    pub(crate) fn stream_seal(&self) -> Option<&StreamSeal> {
        self.0.stream_seal.as_ref()
    }

    pub(crate) fn blobs(&self) -> &Blobs {
        &self.0.parts.storage.blobs
    }

    pub(crate) fn unused(&self) -> &Unused {
        &self.0.unused_files
    }

    pub(crate) fn platform_token(&self) -> Option<&str> {
        self.0.parts.platform_token.as_deref()
    }

    /// Does the license exist?
    #[must_use]
    pub fn license_exists(&self, license: LicenseId) -> bool {
        self.tables().license(license).is_some()
    }

    /// Finds a token by its text.
    ///
    /// # Errors
    /// `Unauthenticated` when it is unknown, revoked or has run out.
    pub fn authenticate(&self, token: &str) -> Result<Authenticated, Failure> {
        let hash = secret::hash(token);
        let token = self.tables().token(&hash).filter(|token| !token.expired(clock::now()));
        token.map(|token| Authenticated { token, hash }).ok_or(Failure::Unauthenticated)
    }

    /// Who acts with this token: its agent, one of the application's bots, or the customer.
    ///
    /// # Errors
    /// `NoAccess` for an author that is no bot of the token's application (spec v3.0, 10.7),
    /// `CustomerBanned`.
    pub fn principal(
        &self,
        who: &Authenticated,
        author: Option<&AgentId>,
    ) -> Result<Arc<Principal>, Failure> {
        let token = &who.token;
        let table = self.tables().license(token.license).ok_or(Failure::Unauthenticated)?;
        let (user, scopes) = match &token.kind {
            TokenKind::Agent(agent, scopes) => (UserId::Agent(agent.clone()), *scopes),
            TokenKind::Customer(customer) => {
                if self.is_banned(&table, *customer) {
                    return Err(Rejected::CustomerBanned.into());
                }
                (UserId::Customer(*customer), ScopeSet::default())
            }
        };
        let (user, bot) = match author {
            None => (user, false),
            Some(author) if user.agent() == Some(author) => (user, false),
            Some(author) => {
                let bot =
                    table.bot(author).filter(|bot| user.agent().is_some() && bot.client == token.client);
                (UserId::Agent(bot.ok_or(Rejected::NoAccess)?.id.clone()), true)
            }
        };
        let groups = table.groups_of_user(&user);
        let (license, client) = (token.license, token.client.clone());
        Ok(Arc::new(Principal { license, user, client, bot, scopes, groups, token: who.hash }))
    }

    /// Is the customer banned now? Known by its actor, which may not have been needed since the start.
    fn is_banned(&self, table: &LicenseTable, customer: CustomerId) -> bool {
        self.customer_now(table, customer).is_some_and(|customer| customer.banned(clock::now()))
    }

    /// A customer as it is, read when it is not in memory.
    pub(super) fn customer_now(&self, table: &LicenseTable, customer: CustomerId) -> Option<Arc<Customer>> {
        let _held = self.directory().customer(self, table.id, customer).ok()?;
        table.customer(customer)
    }

    /// Carries out a request. Must be called on a shard's thread, as every listener runs on one.
    pub async fn run(&self, request: Request) -> Outcome {
        self.heard(|shard, answer| operations::run(shard, request, answer)).await
    }

    pub(super) async fn heard(&self, begin: impl FnOnce(&Rc<Shard>, Answer)) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        begin(&Shard::here(), Answer::Waiter(answer));
        match tokio::time::timeout(self.settings().request_time, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Failure::Rejected(Rejected::Internal)),
            Err(_) => Err(Failure::Timeout),
        }
    }

    /// What a token stands for.
    ///
    /// # Errors
    /// `Unauthenticated` when it is not in force.
    pub fn token_info(&self, token: &str) -> Result<TokenInfo, Failure> {
        let token = self.authenticate(token)?.token;
        let (entity, scopes) = match &token.kind {
            TokenKind::Agent(agent, scopes) => (agent.to_string(), scopes.iter().collect()),
            TokenKind::Customer(customer) => (customer.to_string(), Vec::new()),
        };
        let expires_in = token.expires_at.map(|end| end.since(clock::now()).as_secs());
        Ok(TokenInfo { license: token.license, client: token.client.clone(), entity, scopes, expires_in })
    }

    /// Takes a token back; its open sockets close.
    ///
    /// # Errors
    /// `Unauthenticated` when it is not in force.
    pub async fn revoke_token(&self, token: &str) -> Result<(), Failure> {
        self.heard(|shard, answer| operations::revoke(shard, token, answer)).await.map(drop)
    }

    /// Gives out an agent's token: with every scope, for the license's first application and for
    /// ever, unless said otherwise.
    ///
    /// # Errors
    /// `NotFound` when no license has such a human agent.
    pub async fn issue_agent_token(
        &self,
        agent: &AgentId,
        client: Option<ClientId>,
        scopes: Option<ScopeSet>,
        life: Option<Duration>,
    ) -> Result<String, Failure> {
        let text = secret::draw();
        let mut tables = self.tables().licenses();
        tables.retain(|table| table.agent(agent).is_some_and(|p| p.bot_of.is_none() && !p.removed));
        let table = match tables.as_slice() {
            [table] => Arc::clone(table),
            [] => return Err(Rejected::NotFound(Resource::User).into()),
            _ => return Err(Rejected::invalid("agent_id", "several licenses have this agent").into()),
        };
        let wanted = AgentToken {
            agent: agent.clone(),
            client: client.unwrap_or_else(|| table.license.load().client.clone()),
            scopes: scopes.unwrap_or_else(ScopeSet::all),
            life,
        };
        let issue =
            |shard: &Rc<Shard>, answer| operations::issue_agent_token(shard, table.id, wanted, &text, answer);
        self.heard(issue).await?;
        Ok(text)
    }

    /// What the operator has set.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    /// The engine cannot go on without breaking its word.
    pub(crate) fn fatal(&self, why: &str) {
        (self.0.parts.fatal)(why);
    }

    pub(crate) fn tables(&self) -> &Tables {
        &self.0.tables
    }

    /// Connections that have not logged in.
    pub(crate) fn strangers(&self) -> &Strangers {
        &self.0.strangers
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.0.directory
    }

    pub(crate) fn journal(&self) -> &dyn Journal {
        &*self.0.parts.storage.journal
    }

    pub(crate) fn records(&self) -> &Records {
        &self.0.parts.storage.records
    }

    pub(crate) fn client(&self) -> &WebhookClient {
        &self.0.parts.client
    }

    /// What a web page says of itself; `None` when it cannot be had.
    ///
    /// # Errors
    /// None that is known.
    pub(crate) async fn preview(&self, url: &str) -> Result<Option<Arc<Preview>>, Rejected> {
        self.0.previews.of(self.client(), url).await
    }

    /// Waits until all the chats or customers of a license may be walked; held while that is done.
    ///
    /// # Errors
    /// None that is known: nobody closes the queue.
    pub(crate) async fn walk_turn(&self) -> Result<OwnedSemaphorePermit, Rejected> {
        Arc::clone(&self.0.walks).acquire_owned().await.map_err(|_| Rejected::Internal)
    }

    /// Waits for the turn to change the installation's bots, or to look that every license has them; it
    /// lasts as long as what is returned is kept.
    ///
    /// # Errors
    /// None that is known.
    pub async fn sharing_turn(&self) -> Result<OwnedSemaphorePermit, Rejected> {
        Arc::clone(&self.0.sharing).acquire_owned().await.map_err(|_| Rejected::Internal)
    }

    pub(crate) fn dialect(&self, number: u16) -> Option<&'static dyn Dialect> {
        self.0.parts.dialects.iter().find(|(n, _)| *n == number).map(|(_, dialect)| *dialect)
    }

    pub(crate) fn dispatcher(&self, license: LicenseId) -> Option<Addr<DispatcherActor>> {
        self.directory().license(license).map(|actors| actors.dispatcher)
    }

    pub(crate) fn shard_count(&self) -> usize {
        self.0.parts.shards.get()
    }

    /// The shard that a license's own actors live on.
    pub(crate) fn home(&self, license: LicenseId) -> Option<ArbiterHandle> {
        self.arbiter(usize::try_from(license.0).unwrap_or(0) % self.shard_count())
    }

    pub(crate) fn arbiter(&self, shard: usize) -> Option<ArbiterHandle> {
        self.0.shards.get()?.get(shard).map(|shard| shard.arbiter.clone())
    }

    pub(crate) fn hub(&self, shard: usize) -> Option<Addr<HubActor>> {
        self.0.shards.get()?.get(shard).map(|shard| shard.hub.clone())
    }

    /// A worker of the pool; any number names one.
    pub(crate) fn worker(&self, number: usize) -> Option<Addr<WorkerActor>> {
        let shards = self.0.shards.get()?;
        let shard = shards.get(number % shards.len().max(1))?;
        shard.workers.get(number / shards.len() % shard.workers.len().max(1)).cloned()
    }

    /// A shard tells up to where it has stored what it journaled; when that lets the checkpoint
    /// advance, it does, off the shard's thread.
    pub(crate) fn publish_floor(&self, shard: usize, floor: Lsn) {
        let lowest = {
            let Ok(mut floors) = self.0.floors.lock() else { return };
            if let Some(own) = floors.get_mut(shard) {
                *own = floor;
            }
            floors.iter().copied().min().unwrap_or(Lsn::ZERO)
        };
        // Looked at without waiting: one that is being made now is followed by another look.
        if self.0.checkpoint.try_lock().is_ok_and(|made| lowest > *made) {
            let engine = self.clone();
            tokio::task::spawn_blocking(move || engine.checkpoint(lowest));
        }
    }

    /// Makes the records durable and lets recovery begin after `lsn`.
    pub(crate) fn checkpoint(&self, lsn: Lsn) {
        let Ok(mut made) = self.0.checkpoint.lock() else { return };
        if lsn <= *made {
            return;
        }
        let done = numbers(self.tables().last_number(), lsn)
            .and_then(|save| self.records().save(save))
            .and_then(|()| self.records().sync())
            .and_then(|()| self.journal().set_checkpoint(lsn));
        match done {
            Ok(()) => *made = lsn,
            Err(error) => tracing::error!(%error, "the checkpoint could not be advanced"),
        }
    }
}
