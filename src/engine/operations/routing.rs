//! What can be asked about routing, and who takes part in it.

use std::rc::Rc;
use std::sync::Arc;

use switchboard_domain::auth::Principal;
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::id::GroupId;
use switchboard_domain::routing::Refusal;

use crate::engine::agent::SetAway;
use crate::engine::link;
use crate::engine::operations::read::table;
use crate::engine::order::{Done, Outcome};
use crate::engine::release::Answer;
use crate::engine::router::{GroupStatuses, Predict};
use crate::engine::shard::Shard;

/// Whether groups can serve; those that do not exist are left out (spec v3.0, 6).
pub(super) async fn group_statuses(shard: &Shard, by: &Principal, groups: Option<Vec<GroupId>>) -> Outcome {
    let license = table(shard, by.license)?.license.load_full();
    let groups = match groups {
        None => license.groups.keys().copied().collect(),
        Some(groups) => groups.into_iter().filter(|group| license.groups.contains_key(group)).collect(),
    };
    let router = shard.engine.directory().license(by.license).ok_or(Rejected::Internal)?.router;
    Ok(Done::GroupStatuses(link::ask(&router, GroupStatuses(groups)).await?))
}

/// Who would get a chat now: of the group named at login, else of everybody.
pub(super) async fn predict(shard: &Shard, by: &Principal, group: Option<GroupId>) -> Outcome {
    let table = table(shard, by.license)?;
    let router = shard.engine.directory().license(by.license).ok_or(Rejected::Internal)?.router;
    let agent = match link::ask(&router, Predict(group.unwrap_or(GroupId::EVERYBODY))).await? {
        Ok(agent) => agent,
        Err(Refusal::GroupOffline) => return Err(Rejected::GroupOffline.into()),
        Err(Refusal::GroupUnavailable) => return Err(Rejected::GroupUnavailable.into()),
    };
    Ok(Done::Agent(table.agent(&agent).ok_or(Rejected::NotFound(Resource::User))?))
}

/// The asking connection is away, or back.
pub(super) fn set_away(shard: &Rc<Shard>, by: &Arc<Principal>, away: bool, answer: Answer) {
    let session = answer.cause().map(|cause| cause.session);
    let actor = by.agent().and_then(|agent| shard.engine.directory().agent(by.license, agent));
    match (actor, session) {
        (Some(actor), Some(session)) => link::tell(&actor, SetAway { session, away, answer }),
        _ => shard.answer(answer, Err(Rejected::RequesterOffline.into())),
    }
}
