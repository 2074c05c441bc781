//! Licenses that begin and end while the server runs. What begins is one fact; what ends, too: from it
//! follows that its tokens are void, its connections end, its actors stop, and what is stored of it goes.
//! A start does again what a crash kept from following.

use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, ActorContext as _, AsyncContext as _, Context, Handler, Message};
use switchboard_domain::id::LicenseId;
use switchboard_domain::participant::license::LicenseFact;

use crate::engine::agent::AgentActor;
use crate::engine::bot::BotActor;
use crate::engine::conversation::ConversationActor;
use crate::engine::customer::CustomerActor;
use crate::engine::directory::LicenseActors;
use crate::engine::entry::Entry;
use crate::engine::handle::EngineHandle;
use crate::engine::hub::Parcel;
use crate::engine::license::{LicenseActor, StoredToken};
use crate::engine::limits::ERASE_AFTER;
use crate::engine::link;
use crate::engine::order::Done;
use crate::engine::participants::store_with;
use crate::engine::release::{Answer, Release};
use crate::engine::router::RouterActor;
use crate::engine::webhook::{self, DispatcherActor, DispatcherStart, Graves, Webhooks};
use crate::storage::{ActorKey, ActorKind, Save, StorageError};

/// The license of an actor that was just started is to be.
pub(crate) struct Begin {
    /// The dead letters that its dispatcher begins with: none.
    pub(crate) dead: Graves,
    /// Who hears how it went.
    pub(crate) answer: Answer,
}

/// The license is to end.
pub(crate) struct End {
    /// Who hears how it went.
    pub(crate) answer: Answer,
}

/// The license of an actor ended.
#[derive(Clone, Copy)]
pub(crate) struct Stop;

impl Message for Begin {
    type Result = ();
}
impl Message for End {
    type Result = ();
}
impl Message for Stop {
    type Result = ();
}

macro_rules! stops {
    ($($actor:ty),*) => {$(
        impl Handler<Stop> for $actor {
            type Result = ();

            fn handle(&mut self, _: Stop, ctx: &mut Context<Self>) {
                ctx.stop();
            }
        }
    )*};
}

stops!(LicenseActor, RouterActor, DispatcherActor, AgentActor, BotActor, CustomerActor, ConversationActor);

impl Handler<Begin> for LicenseActor {
    type Result = ();

    fn handle(&mut self, Begin { dead, answer }: Begin, ctx: &mut Context<Self>) {
        if let Err(full) = self.shard.ready() {
            self.refuse(answer, full);
            return ctx.stop();
        }
        let (shard, table, state) = (Rc::clone(&self.shard), Arc::clone(&self.table), self.state.clone());
        let license = ctx.address();
        let release = Release::reply(answer, Ok(Done::LicenseMade(state.id))).first(move || {
            let dispatcher = DispatcherStart {
                table: Arc::clone(&table),
                schedules: shard.engine.settings().schedules.clone(),
                owed: Vec::new(),
                receivers: Vec::new(),
                dead,
                webhooks: Webhooks::of(&state),
            };
            let router = RouterActor::new(Rc::clone(&shard), &state).start();
            let dispatcher = DispatcherActor::new(Rc::clone(&shard), dispatcher).start();
            // It is owed nothing yet, and waits for nobody.
            link::tell(&dispatcher, webhook::Begin);
            let actors = LicenseActors { license, router, dispatcher };
            // Whoever finds the license finds who serves it.
            shard.engine.directory().licenses.insert(table.id, actors);
            shard.engine.tables().add_license(table);
        });
        let fact = LicenseFact::Put(Box::new(self.state.clone()));
        self.lsn = self.commit(Entry::License(self.state.id, fact), release, ctx);
    }
}

impl Handler<End> for LicenseActor {
    type Result = ();

    fn handle(&mut self, End { answer }: End, ctx: &mut Context<Self>) {
        let number = self.shard.engine.tables().last_number();
        let ended = self.shard.ready().and_then(|()| self.state.end(self.shard.now(), number));
        let fact = match ended {
            Ok(fact) => fact,
            Err(rejected) => return self.refuse(answer, rejected),
        };
        self.state.apply(&fact);
        let (shard, id) = (Rc::clone(&self.shard), self.state.id);
        let release = Release::reply(answer, Ok(Done::Nothing)).first(move || {
            shard.engine.tables().end_license(id);
            shard.engine.directory().stop_license(id);
            shard.broadcast(|| Parcel::LicenseGone(id));
        });
        self.lsn = self.commit(Entry::License(id, fact), release, ctx);
        self.store_end(ctx);
    }
}

impl LicenseActor {
    /// Stores that it ended; then what it had may go: a start that finds the one without the other knows
    /// why. Asked for again until it is done.
    pub(super) fn store_end(&self, ctx: &Context<Self>) {
        let (shard, id, me) = (Rc::clone(&self.shard), self.state.id, ctx.address());
        let tokens: Vec<_> = self.unsaved.iter().map(|(hash, (lsn, _))| (*hash, *lsn)).collect();
        let stored = move || {
            tokens.iter().for_each(|(hash, lsn)| shard.saved(&ActorKey::Token(*hash), *lsn));
            shard.engine.erase_later(id);
            link::tell(&me, Stop);
        };
        let key = ActorKey::License(id);
        store_with(&self.shard, (key, self.lsn), &self.state, Save::new(), stored);
    }
}

impl EngineHandle {
    /// Removes what is stored of a license that ended, when what was on its way there has arrived. Whatever
    /// comes later goes at the next start.
    pub(crate) fn erase_later(&self, license: LicenseId) {
        let engine = self.clone();
        actix::spawn(async move {
            tokio::time::sleep(ERASE_AFTER).await;
            let erased = tokio::task::spawn_blocking(move || engine.erase(license)).await;
            if let Ok(Err(error)) = erased {
                tracing::error!(%error, %license, "what an ended license had is removed by the next start");
            }
        });
    }

    /// Files first: as long as anything else is there, some of them may be left.
    fn erase(&self, license: LicenseId) -> Result<(), StorageError> {
        self.blobs().erase(license.0)?;
        let mut tokens = Save::new();
        self.records().each_snapshot(ActorKind::Token, None, &mut |found| {
            if let Ok(StoredToken::Issued(token)) = rmp_serde::from_slice(&found.bytes)
                && token.license == license
            {
                tokens.forget(&found.key);
            }
            Ok(())
        })?;
        self.records().save(tokens)?;
        self.records().erase(license)
    }

    /// Is anything of a license that ended still stored?
    ///
    /// # Errors
    /// When that cannot be read.
    pub(crate) fn is_left_of(&self, license: LicenseId) -> Result<bool, StorageError> {
        self.records().holds_any_of(license)
    }
}
