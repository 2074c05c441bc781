//! Who one is. Source: spec 2.6.

use http::Method;
use serde_json::json;
use switchboard_domain::participant::RoutingStatus;
use switchboard_domain::participant::agent::Role;

use super::super::auth::{Asker, Who};
use super::super::call::{Answered, json, run};
use super::super::fields::Fields;
use super::super::refusal::Refused;
use super::super::show;
use crate::engine::handle::EngineHandle;
use crate::engine::order::Order;

/// Answers a call about oneself.
pub(in super::super) async fn answer(
    engine: &EngineHandle,
    (who, token): (&Who, &str),
    method: &Method,
    path: &[&str],
    fields: Fields,
) -> Answered {
    let Who::User(license, ..) = who else { return Err(Refused::not_for_bots()) };
    let license = engine.license(*license).ok_or_else(Refused::invalid_token)?;
    let asker = Asker::of(engine, &license, who)?;
    match (method, path) {
        (&Method::GET, []) => {}
        (&Method::POST, ["availability"]) => {
            let inside = fields.inside("profile")?.unwrap_or(fields);
            let status = match inside.text("availability")?.as_deref() {
                Some("online") => RoutingStatus::Accepting,
                Some("busy") => RoutingStatus::NotAccepting,
                Some("offline") => RoutingStatus::Offline,
                Some(other) => {
                    return Err(Refused::unprocessable(format!("'{other}' is not a valid availability")));
                }
                None => return Err(Refused::missing("availability")),
            };
            let me = asker.principal.agent().cloned();
            let all =
                engine.desk_agent(license.id, &asker.profile.id, switchboard_domain::auth::ScopeSet::all());
            let all = all.ok_or_else(Refused::invalid_token)?;
            run(engine, &all, Order::SetStatus(me, status)).await?;
        }
        _ => return Err(Refused::not_found()),
    }
    let profile = engine.agent(license.id, &asker.profile.id).ok_or_else(Refused::invalid_token)?;
    let shown = show::agent(&license, &profile);
    let role = if profile.role == Role::Normal { "agent" } else { "administrator" };
    let account = json!({
        "id": license.desk.account,
        "name": license.desk.name,
        "status": "active",
        "role": role,
        "availability_status": shown["availability_status"],
        "auto_offline": true,
    });
    json(show::extend(
        shown,
        json!({
            "access_token": token,
            "pubsub_token": engine.stream_token(token),
            "display_name": profile.name,
            "ui_settings": {},
            "uid": profile.id.as_str(),
            "avatar_url": profile.avatar,
            "accounts": [account],
        }),
    ))
}
