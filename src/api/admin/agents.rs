//! `/admin/v1/agents`: the people who talk with customers. Bots belong to applications.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Value, json};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, GroupId};
use switchboard_domain::participant::RoutingStatus;
use switchboard_domain::participant::agent::Role;
use switchboard_domain::participant::license::License;
use switchboard_domain::participant::staff::AgentChange;
use switchboard_domain::routing::Priority;

use super::engine::Engine;
use super::fields::{Fields, body, word};
use super::refusal::Refused;
use super::tenant::Tenant;
use crate::engine::order::{AgentOrder, Failure};
use crate::engine::profiles::AgentProfile;

const ROLES: [(&str, Role); 3] =
    [("owner", Role::Owner), ("administrator", Role::Administrator), ("normal", Role::Normal)];

const STATUSES: [(&str, RoutingStatus); 3] = [
    ("accepting_chats", RoutingStatus::Accepting),
    ("not_accepting_chats", RoutingStatus::NotAccepting),
    ("offline", RoutingStatus::Offline),
];

/// Priorities, as written.
pub(super) const PRIORITIES: [(&str, Priority); 4] = [
    ("first", Priority::First),
    ("normal", Priority::Normal),
    ("last", Priority::Last),
    ("supervisor", Priority::Supervisor),
];

fn show(agent: &AgentProfile) -> Value {
    let place = |(group, priority): &(GroupId, Priority)| json!({ "id": group.0, "priority": word(&PRIORITIES, priority) });
    json!({
        "id": agent.id.as_str(),
        "name": agent.name,
        "avatar": agent.avatar,
        "role": word(&ROLES, &agent.role),
        "max_chats_count": agent.duty.max_chats,
        "groups": agent.duty.groups.iter().map(place).collect::<Vec<_>>(),
        "routing_status": word(&STATUSES, &agent.duty.status),
    })
}

/// An agent or bot of the license by its id as written in an address.
pub(super) fn known<E: Engine>(
    engine: &E,
    license: &License,
    id: &str,
) -> Result<Arc<AgentProfile>, Refused> {
    let found = engine.agents(license.id).into_iter().find(|agent| agent.id.as_str() == id);
    found.ok_or_else(|| Refused::unknown("agent_id", "agent"))
}

fn human<E: Engine>(engine: &E, license: &License, id: &str) -> Result<Arc<AgentProfile>, Refused> {
    let agent = known(engine, license, id)?;
    if agent.bot_of.is_none() { Ok(agent) } else { Err(Refused::unknown("agent_id", "agent")) }
}

fn read(fields: &Fields<'_>) -> Result<AgentChange, Rejected> {
    Ok(AgentChange {
        name: fields.text("name")?.map(Into::into),
        avatar: fields.text("avatar")?.map(Into::into),
        role: fields.choice("role", &ROLES)?,
        max_chats: fields.number("max_chats_count")?,
        groups: fields.objects("groups")?.map(|places| places.iter().map(place).collect()).transpose()?,
        place: None,
        number: None,
    })
}

fn place(given: &Fields<'_>) -> Result<(GroupId, Priority), Rejected> {
    given.only(&["id", "priority"])?;
    let group = given.number("id")?.ok_or_else(|| given.missing("id"))?;
    Ok((GroupId(group), priority(given)?))
}

/// A priority that must be given.
pub(super) fn priority(given: &Fields<'_>) -> Result<Priority, Rejected> {
    given.choice("priority", &PRIORITIES)?.ok_or_else(|| given.missing("priority"))
}

/// Here a group stands in the body, not in the address.
fn about_body(failure: Failure) -> Refused {
    match failure {
        Failure::Rejected(Rejected::GroupNotFound(group)) => {
            Refused::field("groups", format!("there is no group {group}"))
        }
        other => other.into(),
    }
}

/// `GET /admin/v1/agents`
pub(super) async fn list<E: Engine>(Tenant(license): Tenant, State(engine): State<E>) -> Json<Value> {
    let agents = engine.agents(license.id);
    let humans = agents.iter().filter(|agent| agent.bot_of.is_none());
    Json(json!({ "agents": humans.map(|agent| show(agent)).collect::<Vec<_>>() }))
}

/// `GET /admin/v1/agents/{id}`
pub(super) async fn get<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refused> {
    Ok(Json(show(&*human(&engine, &license, &id)?)))
}

/// `POST /admin/v1/agents`
pub(super) async fn create<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Value>), Refused> {
    let value = body(&bytes)?;
    let fields = Fields::of(&value)?;
    fields.only(&["id", "name", "avatar", "role", "max_chats_count", "groups"])?;
    let id = fields.required_text("id")?;
    fields.required_text("name")?;
    let order = AgentOrder::Enroll(read(&fields)?);
    engine.administer(license.id, &AgentId::new(id), order).await.map_err(about_body)?;
    Ok((StatusCode::CREATED, Json(show(&*human(&engine, &license, id)?))))
}

/// `PATCH /admin/v1/agents/{id}`
pub(super) async fn change<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, Refused> {
    let agent = human(&engine, &license, &id)?;
    let value = body(&bytes)?;
    let fields = Fields::of(&value)?;
    fields.only(&["name", "avatar", "role", "max_chats_count", "groups"])?;
    let order = AgentOrder::Change(read(&fields)?);
    engine.administer(license.id, &agent.id, order).await.map_err(about_body)?;
    Ok(Json(show(&*human(&engine, &license, &id)?)))
}

/// `DELETE /admin/v1/agents/{id}`
pub(super) async fn delete<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refused> {
    let agent = human(&engine, &license, &id)?;
    engine.administer(license.id, &agent.id, AgentOrder::Remove).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /admin/v1/agents/{id}/logout`: also of one that is offline.
pub(super) async fn log_out<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refused> {
    let agent = human(&engine, &license, &id)?;
    engine.administer(license.id, &agent.id, AgentOrder::SendOff).await?;
    Ok(StatusCode::NO_CONTENT)
}
