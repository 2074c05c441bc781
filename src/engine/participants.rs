//! What the actors of agents, bots and customers share: storing snapshots, telling others.

use std::rc::Rc;
use std::sync::Arc;

use serde::Serialize;
use switchboard_domain::id::UserId;

use crate::engine::dialect::Disconnect;
use crate::engine::hub::Parcel;
use crate::engine::link;
use crate::engine::profiles::AgentProfile;
use crate::engine::release::Release;
use crate::engine::router::AgentChanged;
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::storage::{ActorKey, Lsn, Save};

/// Stores a snapshot once everything in it is durable.
pub(crate) fn store<T: Serialize>(shard: &Rc<Shard>, key: ActorKey, lsn: Lsn, state: &T) {
    let bytes = match rmp_serde::to_vec(state) {
        Ok(bytes) => bytes,
        Err(error) => return tracing::error!(%error, ?key, "a snapshot cannot be made"),
    };
    let mut save = Save::new();
    save.snapshot(&key, lsn, &bytes);
    let own = Rc::clone(shard);
    let action = move || match own.engine.records().save(save) {
        Ok(()) => own.saved(&key, lsn),
        Err(error) => tracing::error!(%error, ?key, "a snapshot cannot be stored"),
    };
    shard.after(lsn, Release::default().first(action));
}

/// Adds to a release that tables, sessions and the router learn of an agent's or bot's new state.
pub(crate) fn announce(
    shard: &Rc<Shard>,
    table: &Arc<LicenseTable>,
    profile: Arc<AgentProfile>,
    release: Release,
) -> Release {
    let (shard, table) = (Rc::clone(shard), Arc::clone(table));
    release.first(move || {
        table.agents.insert(profile.id.clone(), Arc::clone(&profile));
        let user = UserId::Agent(profile.id.clone());
        if profile.removed {
            shard.broadcast(|| Parcel::UserGone(table.id, user.clone(), Disconnect::AgentDeleted));
        }
        shard.broadcast(|| Parcel::UserChanged(table.id, user.clone()));
        if let Some(actors) = shard.engine.directory().license(table.id) {
            link::tell(&actors.router, AgentChanged(profile));
        }
    })
}
