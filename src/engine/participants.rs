//! What the actors of agents, bots and customers share: storing snapshots, telling others.

use std::rc::Rc;
use std::sync::Arc;

use actix::Message;
use serde::Serialize;
use switchboard_domain::auth::TokenKind;
use switchboard_domain::conversation::push::Told;
use switchboard_domain::id::{AgentId, UserId};

use crate::engine::bot::TokenRevoked;
use crate::engine::dialect::Disconnect;
use crate::engine::entry::{Entry, TokenHash};
use crate::engine::hub::Parcel;
use crate::engine::link;
use crate::engine::profiles::AgentProfile;
use crate::engine::push::{capture, deliveries};
use crate::engine::release::{Answer, Release};
use crate::engine::router::AgentChanged;
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::storage::{ActorKey, Lsn, Save};

/// A group that an agent or bot was put into was deleted.
pub(crate) struct GroupsGone;

impl Message for GroupsGone {
    type Result = ();
}

/// Stores a snapshot once everything in it is durable.
pub(crate) fn store<T: Serialize>(shard: &Rc<Shard>, key: ActorKey, lsn: Lsn, state: &T) {
    store_with(shard, (key, lsn), state, Save::new(), || ());
}

/// The same with more in the same go, and with what happens when it is stored.
pub(crate) fn store_with<T: Serialize>(
    shard: &Rc<Shard>,
    (key, lsn): (ActorKey, Lsn),
    state: &T,
    mut save: Save,
    stored: impl FnOnce() + 'static,
) {
    let bytes = match rmp_serde::to_vec(state) {
        Ok(bytes) => bytes,
        Err(error) => return tracing::error!(%error, ?key, "a snapshot cannot be made"),
    };
    save.snapshot(&key, lsn, &bytes);
    let own = Rc::clone(shard);
    let action = move || match own.engine.records().save(save) {
        Ok(()) => {
            own.saved(&key, lsn);
            stored();
        }
        Err(error) => tracing::error!(%error, ?key, "a snapshot cannot be stored"),
    };
    shard.after(lsn, Release::default().first(action));
}

/// Adds to a change of an agent or bot what others learn of it: webhooks and agents hear of its
/// status, webhooks that it is gone; tables, sessions and the router get its new profile.
pub(crate) fn announce(
    shard: &Rc<Shard>,
    table: &Arc<LicenseTable>,
    before: &AgentProfile,
    profile: AgentProfile,
    batch: &mut Vec<Entry>,
    mut release: Release,
) -> Release {
    let status = profile.duty.status;
    if status != before.duty.status {
        let capture = capture(table, Told::agent_status(profile.id.clone(), status));
        deliveries(&shard.engine, table, None, &capture, batch);
        release.pushes.push((table.id, capture));
    }
    if profile.removed && !before.removed {
        let capture = capture(table, Told::agent_deleted(profile.id.clone()));
        deliveries(&shard.engine, table, None, &capture, batch);
    }
    release.take_due(batch);
    let voids_tokens = (profile.removed, profile.since) != (before.removed, before.since);
    let (shard, table, profile) = (Rc::clone(shard), Arc::clone(table), Arc::new(profile));
    release.first(move || {
        table.agents.insert(profile.id.clone(), Arc::clone(&profile));
        if voids_tokens {
            shard.engine.tables().tokens_voided();
        }
        let user = UserId::Agent(profile.id.clone());
        if profile.removed {
            shard.broadcast(|| Parcel::UserGone(table.id, user.clone(), Disconnect::AgentDeleted));
            tokens_of(&shard, &table, &profile.id)
                .into_iter()
                .for_each(|hash| token_gone(&shard, &table, hash));
        }
        shard.broadcast(|| Parcel::UserChanged(table.id, user.clone()));
        if let Some(actors) = shard.engine.directory().license(table.id) {
            link::tell(&actors.router, AgentChanged(profile));
        }
    })
}

/// The tokens that were given out to an agent.
fn tokens_of(shard: &Shard, table: &LicenseTable, id: &AgentId) -> Vec<TokenHash> {
    let tokens = &shard.engine.tables().tokens;
    let own = tokens.iter().filter(|token| {
        token.license == table.id && matches!(&token.kind, TokenKind::Agent(agent, _) if agent == id)
    });
    own.map(|token| *token.key()).collect()
}

/// A token is in force no more: its connections end, and the bots whose login hangs on it hear of it.
/// A restart looks again.
fn token_gone(shard: &Shard, table: &LicenseTable, hash: TokenHash) {
    shard.broadcast(|| Parcel::TokenGone(hash, Disconnect::TokenRevoked));
    for bot in table.bots.iter().filter(|bot| bot.token == Some(hash)) {
        if let Some(actor) = shard.engine.directory().bot(table.id, &bot.id) {
            link::tell(&actor, TokenRevoked { token: hash, answer: Answer::Nobody });
        }
    }
}
