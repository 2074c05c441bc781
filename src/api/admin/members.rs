//! `/admin/v1/groups/{id}/members`: who is in a group, with which priority. Bots may be, too.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Value, json};
use switchboard_domain::id::GroupId;
use switchboard_domain::routing::Priority;

use super::agents::{PRIORITIES, known, priority};
use super::engine::Engine;
use super::fields::{Fields, body, word};
use super::groups;
use super::refusal::Refused;
use super::tenant::Tenant;
use crate::engine::order::AgentOrder;
use crate::engine::profiles::AgentProfile;

/// The priority of an agent in a group; everybody has one in group 0.
fn place(agent: &AgentProfile, group: GroupId) -> Option<Priority> {
    if group == GroupId::EVERYBODY {
        return Some(agent.duty.priority_in_everybody());
    }
    agent.duty.groups.iter().find(|(id, _)| *id == group).map(|(_, priority)| *priority)
}

fn show(agent: &AgentProfile, priority: Priority) -> Value {
    json!({
        "agent_id": agent.id.as_str(),
        "priority": word(&PRIORITIES, &priority),
        "bot": agent.bot_of.is_some(),
    })
}

/// `GET /admin/v1/groups/{id}/members`
pub(super) async fn list<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    Path(group): Path<String>,
) -> Result<Json<Value>, Refused> {
    let group = groups::known(&license, &group)?;
    let agents = engine.agents(license.id);
    let members = agents.iter().filter_map(|agent| Some(show(agent, place(agent, group)?)));
    Ok(Json(json!({ "members": members.collect::<Vec<_>>() })))
}

/// `PUT /admin/v1/groups/{id}/members/{agent_id}`
pub(super) async fn put<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    Path((group, agent)): Path<(String, String)>,
    bytes: Bytes,
) -> Result<Json<Value>, Refused> {
    let (group, agent) = (groups::known(&license, &group)?, known(&engine, &license, &agent)?);
    let value = body(&bytes)?;
    let fields = Fields::of(&value)?;
    fields.only(&["priority"])?;
    let priority = priority(&fields)?;
    engine.administer(license.id, &agent.id, AgentOrder::Place(group, Some(priority))).await?;
    Ok(Json(show(&agent, priority)))
}

/// `DELETE /admin/v1/groups/{id}/members/{agent_id}`
pub(super) async fn delete<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    Path((group, agent)): Path<(String, String)>,
) -> Result<StatusCode, Refused> {
    let (group, agent) = (groups::known(&license, &group)?, known(&engine, &license, &agent)?);
    if group == GroupId::EVERYBODY {
        return Err(Refused::field("group_id", "group 0 holds everybody; set a priority instead"));
    }
    if place(&agent, group).is_none() {
        return Err(Refused::unknown("agent_id", "member of this group"));
    }
    engine.administer(license.id, &agent.id, AgentOrder::Place(group, None)).await?;
    Ok(StatusCode::NO_CONTENT)
}
