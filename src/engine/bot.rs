//! A bot's actor: its profile, duty and webhooks. The rules are the domain's.

use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler, Message};
use switchboard_domain::auth::Principal;
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::participant::RoutingStatus;
use switchboard_domain::participant::bot::{Bot, BotChange, BotFact};

use crate::engine::conversation::SaveSnapshot;
use crate::engine::entry::{Entry, TokenHash};
use crate::engine::limits::FULL_DISK_PAUSE;
use crate::engine::link;
use crate::engine::order::{Done, Failure};
use crate::engine::participants::{GroupsGone, announce, store};
use crate::engine::profiles::AgentProfile;
use crate::engine::release::{Answer, Release};
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::engine::webhook::BotStatus;
use crate::storage::{ActorKey, Lsn};

/// A bot's actor.
pub struct BotActor {
    shard: Rc<Shard>,
    table: Arc<LicenseTable>,
    state: Bot,
    lsn: Lsn,
}

/// Some fields are to change.
pub struct Change {
    /// Who asks; must be of the bot's application. `None`: the engine itself.
    pub by: Option<Arc<Principal>>,
    /// New values.
    pub change: BotChange,
    /// Who hears how it went.
    pub answer: Answer,
}

/// The bot is to be removed.
pub struct Remove {
    /// Who asks; `None`: the engine itself.
    pub by: Option<Arc<Principal>>,
    /// Reaches bots of other applications too.
    pub any: bool,
    /// Who hears how it went.
    pub answer: Answer,
}

/// A token was revoked: a bot whose login hangs on it goes offline (spec v3.0, 3.3).
pub struct TokenRevoked {
    /// Which.
    pub token: TokenHash,
    /// Who hears when that is true.
    pub answer: Answer,
}

impl Message for Change {
    type Result = ();
}
impl Message for Remove {
    type Result = ();
}
impl Message for TokenRevoked {
    type Result = ();
}

impl Actor for BotActor {
    type Context = Context<Self>;
}

impl BotActor {
    /// A bot as stored.
    #[must_use]
    pub fn new(shard: Rc<Shard>, table: Arc<LicenseTable>, state: Bot, lsn: Lsn) -> Self {
        Self { shard, table, state, lsn }
    }

    /// Journals a bot that was just made.
    pub(crate) fn born(&mut self, answer: Answer, ctx: &mut Context<Self>) {
        let fact = BotFact::Put(Box::new(self.state.clone()));
        let done = Done::BotCreated(self.state.id.clone());
        self.commit(fact, done, answer, ctx);
    }

    fn commit(&mut self, fact: BotFact, done: Done, answer: Answer, ctx: &mut Context<Self>) {
        let before = AgentProfile::from(&self.state);
        self.state.apply(&fact);
        let mut entries = vec![Entry::Bot(self.table.id, self.state.id.clone(), fact)];
        let (table, bot, engine) = (Arc::clone(&self.table), self.state.clone(), self.shard.engine.clone());
        let me = ctx.address();
        let release = Release::reply(answer, Ok(done)).first(move || {
            table.set_bot(&bot);
            // The token may have been revoked while this change was on its way.
            if let Some(token) = bot.token.filter(|token| engine.tables().token(token).is_none()) {
                link::tell(&me, TokenRevoked { token, answer: Answer::Nobody });
            }
            if let Some(actors) = engine.directory().license(table.id) {
                let online = bot.duty.status != RoutingStatus::Offline;
                link::tell(&actors.dispatcher, BotStatus { bot: bot.id.clone(), online });
            }
        });
        let profile = AgentProfile::from(&self.state);
        let release = announce(&self.shard, &self.table, &before, profile, &mut entries, release);
        self.lsn = self.shard.commit(&entries, release, || link::reminder(ctx.address(), SaveSnapshot));
    }

    /// A bot of another application is like one that does not exist (spec v3.0, 2).
    fn reachable(&self, by: &Principal, any: bool) -> Result<(), Rejected> {
        if self.state.removed || (!any && by.client != self.state.client) {
            return Err(Rejected::NotFound(Resource::Bot));
        }
        self.shard.ready()
    }

    fn refuse(&self, answer: Answer, rejected: Rejected) {
        self.shard.after(self.lsn, Release::reply(answer, Err(Failure::Rejected(rejected))));
    }
}

impl Handler<Change> for BotActor {
    type Result = ();

    fn handle(&mut self, Change { by, change, answer }: Change, ctx: &mut Context<Self>) {
        let allowed = by.as_ref().map_or_else(|| self.shard.ready(), |by| self.reachable(by, false));
        if let Err(rejected) = allowed {
            return self.refuse(answer, rejected);
        }
        let license = self.table.license.load();
        match self.state.change(change, |group| license.has_group(group), self.shard.now()) {
            Ok(fact) => self.commit(fact, Done::Nothing, answer, ctx),
            Err(rejected) => self.refuse(answer, rejected),
        }
    }
}

impl Handler<Remove> for BotActor {
    type Result = ();

    fn handle(&mut self, Remove { by, any, answer }: Remove, ctx: &mut Context<Self>) {
        let reachable = by.as_deref().map_or(Ok(()), |by| self.reachable(by, any));
        if let Err(rejected) = reachable {
            return self.refuse(answer, rejected);
        }
        let at = self.shard.now().after(self.state.changed_at);
        self.commit(BotFact::Removed { at }, Done::Nothing, answer, ctx);
    }
}

impl Handler<TokenRevoked> for BotActor {
    type Result = ();

    fn handle(&mut self, message: TokenRevoked, ctx: &mut Context<Self>) {
        let Some(fact) = self.state.token_revoked(&message.token, self.shard.now()) else {
            return self.shard.after(self.lsn, Release::reply(message.answer, Ok(Done::Nothing)));
        };
        // It follows from the revocation, so it has to happen: also on a full disk, later.
        if self.shard.ready().is_err() {
            ctx.notify_later(message, FULL_DISK_PAUSE);
            return;
        }
        self.commit(fact, Done::Nothing, message.answer, ctx);
    }
}

impl Handler<GroupsGone> for BotActor {
    type Result = ();

    fn handle(&mut self, _: GroupsGone, ctx: &mut Context<Self>) {
        if self.shard.ready().is_err() {
            ctx.notify_later(GroupsGone, FULL_DISK_PAUSE);
            return;
        }
        let license = self.table.license.load_full();
        if let Some(fact) = self.state.leave_groups(|group| license.has_group(group), self.shard.now()) {
            self.commit(fact, Done::Nothing, Answer::Nobody, ctx);
        }
    }
}

impl Handler<SaveSnapshot> for BotActor {
    type Result = ();

    fn handle(&mut self, _: SaveSnapshot, _: &mut Context<Self>) {
        let key = ActorKey::Bot(self.table.id, self.state.id.clone());
        store(&self.shard, key, self.lsn, &self.state);
    }
}
