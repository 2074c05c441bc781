//! Who one is. Source: spec 2.6.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use switchboard_domain::auth::ScopeSet;
use switchboard_domain::id::AgentId;
use switchboard_domain::participant::RoutingStatus;
use switchboard_domain::participant::license::License;

use super::super::auth::Who;
use super::super::call::{Answered, json, run};
use super::super::fields::Fields;
use super::super::refusal::Refused;
use super::super::show;
use crate::engine::handle::EngineHandle;
use crate::engine::order::Order;
use crate::engine::profiles::AgentProfile;

/// Somebody in an account.
type Membership = (Arc<License>, Arc<AgentProfile>);

/// Answers a call about oneself.
pub(in super::super) async fn answer(
    engine: &EngineHandle,
    (who, token): (&Who, &str),
    method: &Method,
    path: &[&str],
    fields: Fields,
) -> Answered {
    let before = memberships(engine, who)?;
    match (method, path) {
        (&Method::GET, []) => {}
        (&Method::POST, ["availability"]) => {
            let inside = fields.inside("profile")?.unwrap_or(fields);
            let status = status(&inside)?;
            // In one account when it is named, else wherever one is.
            let account = inside.number("account_id")?;
            let meant =
                |(license, _): &&Membership| account.is_none_or(|account| license.desk.account == account);
            for (license, agent) in before.iter().filter(meant) {
                set_status(engine, license, &agent.id, status).await?;
            }
        }
        _ => return Err(Refused::not_found()),
    }
    json(profile(engine, who, token)?)
}

/// The accounts of somebody who is no program; of an agent of one license it is that one.
fn memberships(engine: &EngineHandle, who: &Who) -> Result<Vec<Membership>, Refused> {
    match who {
        Who::Person(person) => Ok(engine.memberships(person)),
        Who::User(license, agent) => {
            let license = engine.license(*license).ok_or_else(Refused::invalid_token)?;
            let agent = engine.agent(license.id, agent).filter(|agent| !agent.removed);
            Ok(vec![(license, agent.ok_or_else(Refused::foreign_user)?)])
        }
        Who::Bot(_) | Who::Platform => Err(Refused::not_for_bots()),
    }
}

fn status(fields: &Fields) -> Result<RoutingStatus, Refused> {
    match fields.text("availability")?.as_deref() {
        Some("online") => Ok(RoutingStatus::Accepting),
        Some("busy") => Ok(RoutingStatus::NotAccepting),
        Some("offline") => Ok(RoutingStatus::Offline),
        Some(other) => Err(Refused::unprocessable(format!("'{other}' is not a valid availability"))),
        None => Err(Refused::missing("availability")),
    }
}

async fn set_status(
    engine: &EngineHandle,
    license: &License,
    agent: &AgentId,
    status: RoutingStatus,
) -> Result<(), Refused> {
    let by = engine.desk_agent(license.id, agent, ScopeSet::all()).ok_or_else(Refused::invalid_token)?;
    run(engine, &by, Order::SetStatus(Some(agent.clone()), status)).await.map(drop)
}

fn profile(engine: &EngineHandle, who: &Who, token: &str) -> Result<Value, Refused> {
    let all = memberships(engine, who)?;
    // The first account stands for the one that one works in.
    let mut shown = match (all.first(), who) {
        (Some((license, agent)), _) => show::extend(
            show::agent(license, agent),
            json!({ "display_name": agent.name, "uid": agent.id.as_str(), "avatar_url": agent.avatar }),
        ),
        (None, Who::Person(person)) => show::person(person, &[]),
        (None, _) => return Err(Refused::invalid_token()),
    };
    if let Who::Person(person) = who {
        shown = show::extend(shown, json!({ "name": person.name, "display_name": person.display_name }));
    }
    let accounts: Vec<Value> = all.iter().map(|(license, agent)| show::membership(license, agent)).collect();
    Ok(show::extend(
        shown,
        json!({
            "access_token": token,
            "pubsub_token": engine.stream_token(token),
            "ui_settings": {},
            "accounts": accounts,
        }),
    ))
}
