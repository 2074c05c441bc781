//! A license's actor: its settings, and the tokens given out in its name (design D14).

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler, Message};
use serde::{Deserialize, Serialize};
use switchboard_domain::auth::Token;
use switchboard_domain::conversation::push::{Address, Push, Told};
use switchboard_domain::desk::told_of_inbox;
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::participant::license::{License, LicenseChange};

use crate::engine::conversation::SaveSnapshot;
use crate::engine::dialect::Disconnect;
use crate::engine::entry::{Entry, TokenHash};
use crate::engine::hub::Parcel;
use crate::engine::limits::TOKEN_SWEEP;
use crate::engine::link;
use crate::engine::order::{Done, Failure, Outcome};
use crate::engine::participants::store;
use crate::engine::push::{capture, deliveries};
use crate::engine::release::{Answer, Release};
use crate::engine::router::{GroupsChanged, SettingsChanged};
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::engine::webhook::Webhooks;
use crate::storage::{ActorKey, Lsn, Save};

/// A token as its snapshot holds it: a revoked one is remembered, so that nothing brings it back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum StoredToken {
    /// In force, or run out.
    Issued(Token),
    /// Revoked.
    Revoked,
}

/// A license's actor.
pub struct LicenseActor {
    pub(super) shard: Rc<Shard>,
    pub(super) table: Arc<LicenseTable>,
    pub(super) state: License,
    pub(super) lsn: Lsn,
    /// Tokens whose newest state no snapshot holds.
    pub(super) unsaved: HashMap<TokenHash, (Lsn, StoredToken)>,
    /// A snapshot of tokens is on its way; every token of it asks for one.
    saving: bool,
}

/// The license is to change.
pub struct Change {
    /// How.
    pub change: LicenseChange,
    /// Who hears how it went, and what.
    pub answer: Answer,
    /// Told when it is in force.
    pub done: Done,
}

/// Gives out a token, of which only the hash is known here.
pub struct Issue {
    /// Hash of its text.
    pub hash: TokenHash,
    /// What it stands for.
    pub token: Token,
    /// Who hears how it went, and what.
    pub answer: Answer,
    /// Told when it is in force.
    pub done: Done,
}

/// Takes a token back. What hangs on it is taken back by the operation that asks, and looked for
/// again at a start.
pub struct Revoke {
    /// Hash of its text.
    pub hash: TokenHash,
    /// Who hears how it went.
    pub answer: Answer,
}

/// Tokens whose state up to these positions is stored.
struct TokensSaved(Vec<(TokenHash, Lsn)>);

impl Message for TokensSaved {
    type Result = ();
}
impl Message for Change {
    type Result = ();
}
impl Message for Issue {
    type Result = ();
}
impl Message for Revoke {
    type Result = ();
}

impl Actor for LicenseActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.run_interval(TOKEN_SWEEP, |license, _| license.sweep());
    }
}

impl LicenseActor {
    /// A license as stored.
    #[must_use]
    pub fn new(shard: Rc<Shard>, table: Arc<LicenseTable>, state: License, lsn: Lsn) -> Self {
        Self { shard, table, state, lsn, unsaved: HashMap::new(), saving: false }
    }

    pub(super) fn commit(&self, entry: Entry, release: Release, ctx: &mut Context<Self>) -> Lsn {
        self.commit_all(&[entry], release, ctx)
    }

    fn commit_all(&self, entries: &[Entry], release: Release, ctx: &mut Context<Self>) -> Lsn {
        self.shard.commit(entries, release, || link::reminder(ctx.address(), SaveSnapshot))
    }

    /// Is there room, and is the license still there?
    fn may_change(&self) -> Result<(), Rejected> {
        if self.state.ended.is_some() {
            return Err(Rejected::NotFound(Resource::License));
        }
        self.shard.ready()
    }

    /// Forgets tokens that have ended. One that a bot's login hangs on stays: it has ended, but
    /// nobody revoked it.
    fn sweep(&self) {
        let (engine, now) = (&self.shard.engine, self.shard.now());
        let in_use: HashSet<_> = self.table.bots.iter().filter_map(|bot| bot.token).collect();
        let mut save = Save::new();
        engine.tables().tokens.retain(|hash, token| {
            let ended = token.license == self.state.id && token.expired(now) && !in_use.contains(hash);
            if ended && !self.unsaved.contains_key(hash) {
                save.forget(&ActorKey::Token(*hash));
            }
            !ended
        });
        engine.tables().tokens_voided();
        if let Err(error) = engine.records().save(save) {
            tracing::error!(%error, "ended tokens cannot be removed");
        }
    }

    /// Adds to a release that whoever goes by groups learns that some were made or deleted. Their
    /// members' own lists follow from this one fact; a restart looks again.
    fn tell_of_groups(&self, before: &License, release: Release) -> Release {
        let (shard, table) = (Rc::clone(&self.shard), Arc::clone(&self.table));
        let deleted = before.groups.keys().any(|group| !self.state.has_group(*group));
        release.first(move || {
            shard.broadcast(|| Parcel::GroupsChanged(table.id));
            let directory = shard.engine.directory();
            if let Some(actors) = directory.license(table.id) {
                link::tell(&actors.router, GroupsChanged);
            }
            if deleted {
                directory.tell_members(&table);
            }
        })
    }

    /// Adds the webhook calls that tell of inboxes which were made or changed.
    fn tell_of_inboxes(&self, before: &License, entries: &mut Vec<Entry>) {
        for news in told_of_inbox(before, &self.state) {
            let push = Push::InboxPut(Box::new(news));
            let told = Told { push, to: Address::nobody(), main: false, seq: None };
            deliveries(&self.shard.engine, &self.table, None, &capture(&self.table, told), entries);
        }
    }

    pub(super) fn refuse(&self, answer: Answer, rejected: Rejected) {
        self.shard.answer(answer, Err(Failure::Rejected(rejected)));
    }
}

impl Handler<Change> for LicenseActor {
    type Result = ();

    fn handle(&mut self, Change { change, answer, done }: Change, ctx: &mut Context<Self>) {
        if let Err(full) = self.shard.ready() {
            return self.refuse(answer, full);
        }
        let fact = match self.state.change(change) {
            Ok(Some(fact)) => fact,
            Ok(None) => return self.shard.after(self.lsn, Release::reply(answer, Ok(done))),
            Err(rejected) => return self.shard.after(self.lsn, Release::reply(answer, Err(rejected.into()))),
        };
        let before = self.state.clone();
        self.state.apply(&fact);
        let hooks_differ = self.state.webhooks != before.webhooks || self.state.desk != before.desk;
        let webhooks = hooks_differ.then(|| Webhooks::of(&self.state));
        let made = self.state.groups.keys().find(|group| !before.has_group(**group));
        let done = made.map_or(done, |group| Done::GroupCreated(*group));
        let (shard, table, license) = (Rc::clone(&self.shard), Arc::clone(&self.table), self.state.clone());
        let mut release = Release::reply(answer, Ok(done)).first(move || {
            let engine = &shard.engine;
            // The dispatcher hears of an endpoint before anybody can owe it something.
            if let (Some(webhooks), Some(dispatcher)) = (webhooks, engine.dispatcher(table.id)) {
                link::tell(&dispatcher, webhooks);
            }
            if let Some(actors) = engine.directory().license(license.id) {
                link::tell(&actors.router, SettingsChanged(license.router_settings()));
            }
            table.set_license(license);
            // Timers may run out earlier now.
            engine.directory().tell_conversations(table.id);
        });
        let inboxes = |license: &License| license.desk.inboxes.keys().copied().collect::<Vec<_>>();
        let suspended = |license: &License| license.desk.about.suspended;
        if self.state.group_changes != before.group_changes
            || inboxes(&self.state) != inboxes(&before)
            || suspended(&self.state) != suspended(&before)
        {
            release = self.tell_of_groups(&before, release);
        }
        let mut entries = vec![Entry::License(self.state.id, fact)];
        self.tell_of_inboxes(&before, &mut entries);
        release.take_due(&entries);
        self.lsn = self.commit_all(&entries, release, ctx);
    }
}

impl Handler<Issue> for LicenseActor {
    type Result = ();

    fn handle(&mut self, issue: Issue, ctx: &mut Context<Self>) {
        if let Err(rejected) = self.may_change() {
            return self.refuse(issue.answer, rejected);
        }
        let (hash, token, engine) = (issue.hash, Arc::new(issue.token.clone()), self.shard.engine.clone());
        let outcome: Outcome = Ok(issue.done);
        let release = Release::reply(issue.answer, outcome)
            .first(move || drop(engine.tables().tokens.insert(hash, token)));
        let lsn = self.commit(Entry::TokenIssued(hash, issue.token.clone()), release, ctx);
        self.unsaved.insert(hash, (lsn, StoredToken::Issued(issue.token)));
    }
}

impl Handler<Revoke> for LicenseActor {
    type Result = ();

    fn handle(&mut self, Revoke { hash, answer }: Revoke, ctx: &mut Context<Self>) {
        if let Err(rejected) = self.may_change() {
            return self.refuse(answer, rejected);
        }
        let shard = Rc::clone(&self.shard);
        let release = Release::reply(answer, Ok(Done::Nothing)).first(move || {
            shard.engine.tables().remove_token(&hash);
            shard.broadcast(|| Parcel::TokenGone(hash, Disconnect::TokenRevoked));
        });
        let lsn = self.commit(Entry::TokenRevoked(hash), release, ctx);
        self.unsaved.insert(hash, (lsn, StoredToken::Revoked));
    }
}

impl Handler<SaveSnapshot> for LicenseActor {
    type Result = ();

    fn handle(&mut self, _: SaveSnapshot, ctx: &mut Context<Self>) {
        if self.state.ended.is_some() {
            return self.store_end(ctx);
        }
        if self.saving {
            return;
        }
        store(&self.shard, ActorKey::License(self.state.id), self.lsn, &self.state);
        let Some(newest) = self.unsaved.values().map(|(lsn, _)| *lsn).max() else { return };
        let (mut save, mut tokens) = (Save::new(), Vec::new());
        for (hash, (lsn, token)) in &self.unsaved {
            match rmp_serde::to_vec(token) {
                Ok(bytes) => {
                    save.snapshot(&ActorKey::Token(*hash), *lsn, &bytes);
                    tokens.push((*hash, *lsn));
                }
                Err(error) => tracing::error!(%error, "a token cannot be stored"),
            }
        }
        self.saving = true;
        let (shard, me) = (Rc::clone(&self.shard), ctx.address());
        let store = move || match shard.engine.records().save(save) {
            Ok(()) => {
                for (hash, lsn) in &tokens {
                    shard.saved(&ActorKey::Token(*hash), *lsn);
                }
                link::tell(&me, TokensSaved(tokens));
            }
            Err(error) => {
                tracing::error!(%error, "tokens cannot be stored");
                link::tell(&me, TokensSaved(Vec::new()));
            }
        };
        self.shard.after(newest, Release::default().first(store));
    }
}

impl Handler<TokensSaved> for LicenseActor {
    type Result = ();

    fn handle(&mut self, TokensSaved(tokens): TokensSaved, _: &mut Context<Self>) {
        self.saving = false;
        for (hash, lsn) in tokens {
            if self.unsaved.get(&hash).is_some_and(|(newest, _)| *newest == lsn) {
                self.unsaved.remove(&hash);
            }
        }
    }
}
