//! A human agent's actor: status, connections, grace time. The rules are the domain's.

mod staff;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message};
use switchboard_domain::conversation::push::Told;
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::participant::RoutingStatus;
use switchboard_domain::participant::agent::{Agent, AgentFact, Coming};
use tokio::sync::oneshot;

use crate::engine::conversation::SaveSnapshot;
use crate::engine::entry::Entry;
use crate::engine::limits::FULL_DISK_PAUSE;
use crate::engine::link;
use crate::engine::order::{Done, Outcome};
use crate::engine::participants::{GroupsGone, announce, store};
use crate::engine::profiles::AgentProfile;
use crate::engine::push::capture;
use crate::engine::release::{Answer, Release, SessionKey};
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::storage::{ActorKey, Lsn};

pub(crate) use staff::{Administer, Counts};

/// A human agent's actor.
pub struct AgentActor {
    shard: Rc<Shard>,
    table: Arc<LicenseTable>,
    state: Agent,
    lsn: Lsn,
    /// Whether each is away.
    connections: HashMap<SessionKey, bool>,
}

/// A connection logs in.
pub struct Connect {
    /// The connection.
    pub session: SessionKey,
    /// How it comes.
    pub coming: Coming,
    /// Told when the status that follows is durable and known to all, or why not.
    pub told: oneshot::Sender<Result<(), Rejected>>,
}

/// A connection is gone.
pub struct Disconnected {
    /// The connection.
    pub session: SessionKey,
    /// Who hears how the `logout` went; `None`: the connection was lost.
    pub logout: Option<Answer>,
}

/// The status is to change.
pub struct SetStatus {
    /// To this.
    pub status: RoutingStatus,
    /// Who hears how it went.
    pub answer: Answer,
}

/// A connection is away, or back.
pub struct SetAway {
    /// The connection.
    pub session: SessionKey,
    /// Away?
    pub away: bool,
    /// Who hears how it went.
    pub answer: Answer,
}

impl Message for SetAway {
    type Result = ();
}
impl Message for Connect {
    type Result = ();
}
impl Message for Disconnected {
    type Result = ();
}
impl Message for SetStatus {
    type Result = ();
}

impl Actor for AgentActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.watch_deadline(ctx);
    }
}

impl AgentActor {
    /// An agent as stored; nobody is connected.
    #[must_use]
    pub fn new(shard: Rc<Shard>, table: Arc<LicenseTable>, state: Agent, lsn: Lsn) -> Self {
        Self { shard, table, state, lsn, connections: HashMap::new() }
    }

    /// After a restart nobody is connected, and whoever was online has its grace time from now
    /// (design D15).
    pub(crate) fn after_restart(&mut self, ctx: &mut Context<Self>) {
        let facts = self.state.restarted(self.shard.now());
        if !facts.is_empty() {
            self.commit(facts, Answer::Nobody, ctx);
        }
    }

    fn commit(&mut self, facts: Vec<AgentFact>, answer: Answer, ctx: &mut Context<Self>) {
        if facts.is_empty() {
            return self.nothing_changes(answer);
        }
        self.commit_with(facts, Release::reply(answer, Ok(Done::Nothing)), ctx);
    }

    fn commit_with(&mut self, facts: Vec<AgentFact>, release: Release, ctx: &mut Context<Self>) {
        let (license, before) = (self.table.id, AgentProfile::from(&self.state));
        facts.iter().for_each(|fact| self.state.apply(fact));
        let mut entries: Vec<_> =
            facts.into_iter().map(|fact| Entry::Agent(license, before.id.clone(), fact)).collect();
        let profile = AgentProfile::from(&self.state);
        let release = announce(&self.shard, &self.table, &before, profile, &mut entries, release);
        self.lsn = self.shard.commit(&entries, release, || link::reminder(ctx.address(), SaveSnapshot));
        self.watch_deadline(ctx);
    }

    /// Clients wait for a push even when nothing changes (spec v3.0, 5.4).
    fn nothing_changes(&self, answer: Answer) {
        let mut release = Release::reply(answer, Ok(Done::Nothing));
        let told = Told::agent_status(self.state.id.clone(), self.state.duty.status);
        release.echo = Some(capture(&self.table, told));
        self.shard.after(self.lsn, release);
    }

    /// A connection went, perhaps the last; on a full disk that is written when there is room again.
    /// A logout is answered when everybody knows of it.
    fn connection_gone(&mut self, logged_out: bool, answer: Answer, ctx: &mut Context<Self>) {
        if !self.connections.is_empty() {
            return self.reply(answer, Ok(Done::Nothing));
        }
        if let Err(full) = self.shard.ready() {
            self.reply(answer, Err(full.into()));
            let again = move |agent: &mut Self, ctx: &mut Context<Self>| {
                agent.connection_gone(logged_out, Answer::Nobody, ctx);
            };
            ctx.run_later(FULL_DISK_PAUSE, again);
            return;
        }
        let facts = self.state.last_connection_gone(logged_out, self.shard.now());
        if facts.is_empty() { self.reply(answer, Ok(Done::Nothing)) } else { self.commit(facts, answer, ctx) }
    }

    /// Only away connections: routing passes the agent over. On a full disk that is written when
    /// there is room again.
    fn look_who_is_away(&mut self, answer: Answer, ctx: &mut Context<Self>) {
        let away = self.connections.values().all(|away| *away);
        let facts = self.state.set_away(away, self.shard.now());
        // Whoever has no connection is on the way out, and not back.
        if facts.is_empty() || self.connections.is_empty() {
            return self.reply(answer, Ok(Done::Nothing));
        }
        if let Err(full) = self.shard.ready() {
            self.reply(answer, Err(full.into()));
            ctx.run_later(FULL_DISK_PAUSE, |agent, ctx| agent.look_who_is_away(Answer::Nobody, ctx));
            return;
        }
        self.commit(facts, answer, ctx);
    }

    /// Answers when all that the answer rests on is durable.
    fn reply(&self, answer: Answer, outcome: Outcome) {
        self.shard.after(self.lsn, Release::reply(answer, outcome));
    }

    fn watch_deadline(&self, ctx: &mut Context<Self>) {
        let Some(deadline) = self.state.next_deadline() else { return };
        let wait = deadline.since(self.shard.now()) + Duration::from_millis(1);
        ctx.run_later(wait, Self::time_is_up);
    }

    fn time_is_up(&mut self, ctx: &mut Context<Self>) {
        if self.shard.ready().is_err() {
            ctx.run_later(FULL_DISK_PAUSE, Self::time_is_up);
            return;
        }
        let facts = self.state.due(self.shard.now());
        if !facts.is_empty() && self.connections.is_empty() {
            self.commit(facts, Answer::Nobody, ctx);
        }
    }
}

/// What a removed agent answers: like one that never was.
const fn gone() -> Rejected {
    Rejected::NotFound(Resource::User)
}

impl Handler<Connect> for AgentActor {
    type Result = ();

    fn handle(&mut self, connect: Connect, ctx: &mut Context<Self>) {
        let Connect { session, coming, told } = connect;
        let full = self.connections.len() >= self.shard.engine.settings().connections_per_user;
        let refused = match (self.state.removed, full) {
            (true, _) => Some(gone()),
            (_, true) => Some(Rejected::TooManyConnections),
            _ => self.shard.ready().err(),
        };
        if let Some(rejected) = refused {
            drop(told.send(Err(rejected)));
            return;
        }
        self.connections.insert(session, false);
        let facts = self.state.log_in(coming, self.shard.now());
        if !facts.is_empty() {
            self.commit(facts, Answer::Nobody, ctx);
        }
        self.look_who_is_away(Answer::Nobody, ctx);
        self.shard.after(self.lsn, Release::default().first(move || drop(told.send(Ok(())))));
    }
}

impl Handler<Disconnected> for AgentActor {
    type Result = ();

    fn handle(&mut self, gone: Disconnected, ctx: &mut Context<Self>) {
        let logged_out = gone.logout.is_some();
        let answer = gone.logout.unwrap_or(Answer::Nobody);
        if self.connections.remove(&gone.session).is_some() {
            self.look_who_is_away(Answer::Nobody, ctx);
            self.connection_gone(logged_out, answer, ctx);
        } else {
            self.reply(answer, Ok(Done::Nothing));
        }
    }
}

impl Handler<SetAway> for AgentActor {
    type Result = ();

    fn handle(&mut self, SetAway { session, away, answer }: SetAway, ctx: &mut Context<Self>) {
        match self.connections.get_mut(&session) {
            Some(known) => {
                *known = away;
                self.look_who_is_away(answer, ctx);
            }
            None => self.reply(answer, Err(Rejected::RequesterOffline.into())),
        }
    }
}

impl Handler<SetStatus> for AgentActor {
    type Result = ();

    fn handle(&mut self, message: SetStatus, ctx: &mut Context<Self>) {
        let refused = if self.state.removed {
            Some(gone())
        } else if self.connections.is_empty() {
            Some(Rejected::RequesterOffline)
        } else {
            self.shard.ready().err()
        };
        if let Some(rejected) = refused {
            return self.reply(message.answer, Err(rejected.into()));
        }
        let facts = self.state.set_status(message.status, self.shard.now());
        self.commit(facts, message.answer, ctx);
    }
}

impl Handler<GroupsGone> for AgentActor {
    type Result = ();

    fn handle(&mut self, _: GroupsGone, ctx: &mut Context<Self>) {
        if self.shard.ready().is_err() {
            ctx.notify_later(GroupsGone, FULL_DISK_PAUSE);
            return;
        }
        let license = self.table.license.load_full();
        if let Some(fact) = self.state.leave_groups(|group| license.has_group(group)) {
            self.commit(vec![fact], Answer::Nobody, ctx);
        }
    }
}

impl Handler<SaveSnapshot> for AgentActor {
    type Result = ();

    fn handle(&mut self, _: SaveSnapshot, _: &mut Context<Self>) {
        let key = ActorKey::Agent(self.table.id, self.state.id.clone());
        store(&self.shard, key, self.lsn, &self.state);
    }
}
