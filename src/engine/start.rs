//! Starts and stops the engine, in the order of design D15.

use std::sync::Arc;

use actix::Actor;
use actix_rt::{Arbiter, ArbiterHandle};
use switchboard_domain::auth::TokenKind;
use switchboard_domain::conversation::Conversation;
use switchboard_domain::conversation::command::Command;
use switchboard_domain::id::LicenseId;
use switchboard_domain::participant::RoutingStatus;
use tokio::sync::{Notify, oneshot};

use crate::engine::aftermath::consequences;
use crate::engine::agent::AgentActor;
use crate::engine::bot::{BotActor, TokenRevoked};
use crate::engine::conversation::{ConversationActor, Execute};
use crate::engine::directory::LicenseActors;
use crate::engine::handle::{EngineHandle, Parts, ShardLink};
use crate::engine::hub::HubActor;
use crate::engine::license::{LicenseActor, StoredToken};
use crate::engine::limits::WORKERS_PER_SHARD;
use crate::engine::link;
use crate::engine::operations;
use crate::engine::profiles::AgentProfile;
use crate::engine::provision::Plan;
use crate::engine::recovery::Recovered;
use crate::engine::release::Answer;
use crate::engine::router::{AgentChanged, RouterActor, SeatChanged};
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::engine::webhook::{
    Begin, BotStatus, DispatcherActor, DispatcherStart, Graves, Webhooks, WorkerActor,
};
use crate::storage::StorageError;
use crate::telemetry::clock;

/// A running engine: its handle, and the threads it runs on.
pub struct Engine {
    handle: EngineHandle,
    arbiters: Vec<Arbiter>,
}

impl Engine {
    /// Recovers what is stored, brings about what is planned, and starts every actor.
    ///
    /// # Errors
    /// When the storage cannot be read or written.
    pub fn start(mut parts: Parts, plans: Vec<Plan>) -> Result<Self, StorageError> {
        let mut known = Recovered::read(&mut parts.storage)?;
        for plan in plans {
            let facts = plan.facts(&mut known, clock::now());
            known.add(&parts.storage, facts)?;
        }
        // On a full disk a later start does it.
        if parts.storage.journal.ready().is_ok() {
            let facts = consequences(&known, clock::now());
            known.add(&parts.storage, facts)?;
        }
        known.store(&parts.storage)?;
        let handle = EngineHandle::new(parts);
        let (arbiters, links) = start_shards(&handle);
        handle.set_shards(links);
        handle.tables().saw_number(known.number);
        for (hash, (_, token)) in &known.tokens {
            if let StoredToken::Issued(token) = token {
                handle.tables().tokens.insert(*hash, Arc::new(token.clone()));
            }
        }
        for person in known.people.values() {
            handle.tables().people.put(&Arc::new(person.state.clone()));
        }
        let mut left = Vec::new();
        for (id, license) in &known.licenses {
            handle.tables().saw_license(&license.state);
            if license.state.ended.is_none() {
                start_license(&handle, &known, *id)?;
            } else if handle.is_left_of(*id)? {
                left.push(*id);
            }
        }
        handle.set_ready();
        go_on_merging(&handle);
        if let Some(arbiter) = handle.arbiter(0) {
            let engine = handle.clone();
            arbiter.spawn_fn(move || left.into_iter().for_each(|license| engine.erase_later(license)));
        }
        if let Some(arbiter) = handle.arbiter(0) {
            let engine = handle.clone();
            arbiter.spawn_fn(move || engine.look_after_files());
        }
        Ok(Self { handle, arbiters })
    }

    /// The door to it.
    #[must_use]
    pub const fn handle(&self) -> &EngineHandle {
        &self.handle
    }

    /// Runs something on the thread of a shard.
    pub fn on_shard(&self, shard: usize, work: impl FnOnce() + Send + 'static) {
        if let Some(arbiter) = self.handle.arbiter(shard) {
            arbiter.spawn_fn(work);
        }
    }

    /// Tells every session that the server stops.
    pub fn tell_sessions(&self) {
        for shard in 0..self.handle.shard_count() {
            self.on_shard(shard, || Shard::here().hub.shut_down());
        }
    }

    /// Waits until every session is gone.
    pub async fn sessions_gone(&self) {
        while self.ask_shards(|shard| shard.hub.is_empty()).await.contains(&false) {
            tokio::time::sleep(SETTLE_POLL).await;
        }
    }

    /// Stores everything, so that the next start has nothing to replay, and stops.
    pub async fn stop(self) {
        while self.ask_shards(settle).await.contains(&false) {
            tokio::time::sleep(SETTLE_POLL).await;
        }
        let durable = self.handle.journal().durable();
        let floors = self.ask_shards(|shard| shard.floor()).await;
        self.handle.checkpoint(floors.into_iter().min().unwrap_or(durable));
        self.handle.journal().close();
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
    }

    async fn ask_shards<T: Send + 'static>(
        &self,
        ask: impl Fn(&Shard) -> T + Copy + Send + 'static,
    ) -> Vec<T> {
        let mut answers = Vec::new();
        for shard in 0..self.handle.shard_count() {
            let (tell, told) = oneshot::channel();
            self.on_shard(shard, move || drop(tell.send(ask(&Shard::here()))));
            answers.extend(told.await.ok());
        }
        answers
    }
}

/// How often a stopping engine looks whether everything is stored.
const SETTLE_POLL: std::time::Duration = std::time::Duration::from_millis(5);

fn settle(shard: &Shard) -> bool {
    shard.save_marked();
    shard.is_settled()
}

fn start_shards(handle: &EngineHandle) -> (Vec<Arbiter>, Vec<ShardLink>) {
    let mut arbiters = Vec::new();
    let mut links = Vec::new();
    for index in 0..handle.shard_count() {
        let arbiter = Arbiter::new();
        let turn = Arc::new(Notify::new());
        let (engine, woken) = (handle.clone(), Arc::clone(&turn));
        arbiter.spawn_fn(move || drop(Shard::start(index, &engine, woken)));
        let at = arbiter.handle();
        let hub = HubActor::start_in_arbiter(&at, |_| HubActor(Shard::here()));
        let workers = (0..WORKERS_PER_SHARD)
            .map(|_| {
                let client = handle.client().clone();
                WorkerActor::start_in_arbiter(&at, move |_| WorkerActor(client))
            })
            .collect();
        links.push(ShardLink { arbiter: at, hub, turn, workers });
        arbiters.push(arbiter);
    }
    (arbiters, links)
}

fn start_license(handle: &EngineHandle, known: &Recovered, id: LicenseId) -> Result<(), StorageError> {
    let Some(found) = known.licenses.get(&id) else { return Ok(()) };
    let (lsn, license) = (found.lsn, found.state.clone());
    let Some(at) = handle.home(id) else { return Ok(()) };
    let table = Arc::new(LicenseTable::new(license.clone()));
    handle.tables().add_license(Arc::clone(&table));
    table.saw_conversation(handle.records().highest_number(id)?);
    let owner = Arc::clone(&table);
    let dispatcher = DispatcherStart {
        table: Arc::clone(&table),
        schedules: handle.settings().schedules.clone(),
        owed: known.owed.calls(id),
        receivers: known.owed.receivers(id),
        dead: Graves::open(handle.records(), id, handle.settings().dead_letters)?,
        webhooks: Webhooks::of(&license),
    };
    let routed = license.clone();
    let actors = LicenseActors {
        license: LicenseActor::start_in_arbiter(&at, move |_| {
            LicenseActor::new(Shard::here(), owner, license, lsn)
        }),
        router: RouterActor::start_in_arbiter(&at, move |_| RouterActor::new(Shard::here(), &routed)),
        dispatcher: DispatcherActor::start_in_arbiter(&at, move |_| {
            DispatcherActor::new(Shard::here(), dispatcher)
        }),
    };
    handle.directory().licenses.insert(id, actors.clone());
    start_agents(handle, known, &table, &actors, &at);
    start_bots(handle, known, &table, &actors, &at);
    table.rebuild_endpoints();
    // The crash may have come between a group's deletion and what follows from it.
    handle.directory().tell_members(&table);
    start_conversations(handle, known, &table, &actors)?;
    link::tell(&actors.dispatcher, Begin);
    Ok(())
}

fn start_agents(
    handle: &EngineHandle,
    known: &Recovered,
    table: &Arc<LicenseTable>,
    actors: &LicenseActors,
    at: &ArbiterHandle,
) {
    for ((license, id), found) in &known.agents {
        if *license != table.id {
            continue;
        }
        let agent = &found.state;
        table.agents.insert(id.clone(), Arc::new(AgentProfile::from(agent)));
        // Whoever was online has its grace time from now on, and gets no new chat (design D15).
        let in_grace = agent.duty.status != RoutingStatus::Offline;
        let profile = AgentProfile { in_grace, ..AgentProfile::from(agent) };
        link::tell(&actors.router, AgentChanged(Arc::new(profile)));
        let (own, agent, lsn) = (Arc::clone(table), agent.clone(), found.lsn);
        let actor = AgentActor::start_in_arbiter(at, move |ctx| {
            let mut actor = AgentActor::new(Shard::here(), own, agent, lsn);
            actor.after_restart(ctx);
            actor
        });
        handle.directory().agents.insert((*license, id.clone()), actor);
    }
}

fn start_bots(
    handle: &EngineHandle,
    known: &Recovered,
    table: &Arc<LicenseTable>,
    actors: &LicenseActors,
    at: &ArbiterHandle,
) {
    for ((license, id), found) in &known.bots {
        if *license != table.id {
            continue;
        }
        let bot = &found.state;
        let profile = Arc::new(AgentProfile::from(bot));
        table.put_bot(bot);
        let online = bot.duty.status != RoutingStatus::Offline;
        link::tell(&actors.router, AgentChanged(profile));
        link::tell(&actors.dispatcher, BotStatus { bot: id.clone(), online });
        let (own, state, lsn) = (Arc::clone(table), bot.clone(), found.lsn);
        let actor = BotActor::start_in_arbiter(at, move |_| BotActor::new(Shard::here(), own, state, lsn));
        // The crash may have come between a token's revocation and what follows from it.
        if let Some(token) = bot.token.filter(|token| !is_issued(known, token)) {
            link::tell(&actor, TokenRevoked { token, answer: Answer::Nobody });
        }
        handle.directory().bots.insert((*license, id.clone()), actor);
    }
}

fn is_issued(known: &Recovered, token: &[u8; 32]) -> bool {
    let Some((_, StoredToken::Issued(token))) = known.tokens.get(token) else { return false };
    let TokenKind::Agent(agent, _) = &token.kind else { return true };
    let whose = known.agents.get(&(token.license, agent.clone()));
    whose.is_some_and(|agent| AgentProfile::from(&agent.state).admits(token.issued_at))
}

/// Starts every open conversation. The router has heard of the agents; it hears of held chats
/// before waiting ones, or it would give a slot away that is taken.
fn start_conversations(
    handle: &EngineHandle,
    known: &Recovered,
    table: &LicenseTable,
    actors: &LicenseActors,
) -> Result<(), StorageError> {
    let (mut seats, mut owed) = (Vec::new(), Vec::new());
    for (chat, _) in handle.records().open_conversations(table.id)? {
        let Some(mut stored) = ConversationActor::load(handle, table.id, chat)? else { continue };
        known.recall(&mut stored.head);
        table.rows.insert(chat, stored.row());
        seats.push(stored.head.seat());
        let head = stored.head.clone();
        let Some(actor) = handle.directory().start_conversation(handle, stored) else { continue };
        // The customer is in the table now.
        owed.extend(banned_customer(table, &head).map(|command| (actor, command)));
    }
    seats.sort_by_key(|seat| seat.waiting.as_ref().map(|waiting| waiting.since));
    for seat in seats {
        // With it the router looks again for what a crash may have kept from following an agent's
        // going (design D7).
        link::tell(&actors.router, SeatChanged(seat));
    }
    for (actor, command) in owed {
        link::tell(&actor, Execute { command, by: None, answer: Answer::Nobody, placed_at: None, key: None });
    }
    Ok(())
}

/// Goes on with what becomes of contacts that were about to become parts of others.
fn go_on_merging(handle: &EngineHandle) {
    let Some(arbiter) = handle.arbiter(0) else { return };
    for license in handle.licenses() {
        for merge in license.desk.merges.clone() {
            let license = license.id;
            arbiter.spawn_fn(move || operations::go_on_merging(&Shard::here(), license, merge));
        }
    }
}

/// The end of a thread whose customer was banned, when a crash came before it.
fn banned_customer(table: &LicenseTable, chat: &Conversation) -> Option<Command> {
    let (customer, thread) = (chat.customer()?, chat.active_thread()?);
    let customer = table.customer(customer)?;
    customer.ban_on_thread(thread.created_at, clock::now()).cloned().map(Command::EndBanned)
}
