//! Accounts, and who is in them. An account is a license.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use switchboard_domain::desk::{AccountChange, Allowance, DeskChange};
use switchboard_domain::error::Rejected;
use switchboard_domain::participant::license::{License, LicenseChange};
use switchboard_domain::participant::staff::AgentChange;

use super::super::application::agents::role;
use super::super::call::{Answered, empty, json, number};
use super::super::fields::Fields;
use super::super::refusal::Refused;
use super::super::show;
use crate::engine::handle::EngineHandle;
use crate::engine::order::{AgentOrder, Failure};
use crate::engine::profiles::AgentProfile;

/// Answers a call about accounts.
pub(super) async fn answer(
    engine: &EngineHandle,
    method: &Method,
    path: &[&str],
    fields: &Fields,
) -> Answered {
    match (method, path) {
        (&Method::GET, []) => {
            let all = engine.licenses().into_iter().filter(|license| license.desk.about.by_platform);
            json(all.map(|license| show::whole_account(&license)).collect::<Vec<Value>>().into())
        }
        (&Method::POST, []) => {
            let name = fields.required_text("name")?;
            let made = engine.make_license(AccountChange { name: Some(name), ..described(fields)? }).await?;
            json(show::whole_account(&made))
        }
        (&Method::GET, [id]) => json(show::whole_account(&*own(engine, id)?)),
        (&Method::PATCH | &Method::PUT, [id]) => {
            let license = own(engine, id)?;
            let change = DeskChange::Describe(Box::new(described(fields)?));
            engine.change_license(license.id, LicenseChange::Desk(change)).await?;
            json(show::whole_account(&*own(engine, id)?))
        }
        (&Method::DELETE, [id]) => {
            engine.end_license(own(engine, id)?.id).await?;
            empty()
        }
        (_, [id, "account_users"]) => members(engine, method, &*own(engine, id)?, fields).await,
        _ => Err(Refused::not_found()),
    }
}

/// An account that the platform made.
fn own(engine: &EngineHandle, id: &str) -> Result<Arc<License>, Refused> {
    let license = engine.account(number(id)?).ok_or_else(Refused::not_found)?;
    if license.desk.about.by_platform { Ok(license) } else { Err(Refused::not_permissible()) }
}

fn described(fields: &Fields) -> Result<AccountChange, Refused> {
    let suspended = match fields.text("status")?.as_deref() {
        None => None,
        Some("active" | "0") => Some(false),
        Some("suspended" | "1") => Some(true),
        Some(other) => return Err(Refused::unprocessable(format!("'{other}' is not a valid status"))),
    };
    Ok(AccountChange {
        name: if fields.has("name") { Some(fields.required_text("name")?) } else { None },
        locale: fields.text("locale")?,
        domain: fields.clearable("domain")?,
        support_email: fields.clearable("support_email")?,
        suspended,
        allowance: allowance(fields)?,
        attributes: fields.object_text("custom_attributes")?,
    })
}

/// How much it may have; what this server does not count is left out.
fn allowance(fields: &Fields) -> Result<Option<Allowance>, Refused> {
    let Some(limits) = fields.inside("limits")? else { return Ok(None) };
    let count = |name: &str| -> Result<Option<u32>, Refused> {
        let wrong = || Refused::field("limits", "must be whole numbers");
        let given = limits.number(name).map_err(|_| wrong())?;
        given.map(|count| u32::try_from(count).map_err(|_| wrong())).transpose()
    };
    Ok(Some(Allowance { agents: count("agents")?, inboxes: count("inboxes")? }))
}

async fn members(engine: &EngineHandle, method: &Method, license: &License, fields: &Fields) -> Answered {
    let shown = |agent: &AgentProfile| {
        json!({
            "account_id": license.desk.account, "user_id": agent.number, "role": show::role(agent.role),
        })
    };
    let people = || -> Vec<Arc<AgentProfile>> {
        let mut people = engine.agents(license.id);
        people.retain(|agent| agent.bot_of.is_none());
        people.sort_by_key(|agent| agent.number);
        people
    };
    if method == Method::GET {
        return json(people().iter().map(|agent| shown(agent)).collect::<Vec<Value>>().into());
    }
    let id = fields.number("user_id")?.ok_or_else(|| Refused::missing("user_id"))?;
    let known = people().into_iter().find(|agent| agent.number == id);
    match *method {
        Method::POST => {
            let role = role(fields)?;
            let id = match known {
                Some(agent) => {
                    let change = AgentChange { role, ..AgentChange::default() };
                    engine.administer(license.id, &agent.id, AgentOrder::Change(change)).await?;
                    agent.id.clone()
                }
                None => {
                    let person = engine.person(id).ok_or_else(Refused::not_found)?;
                    let (name, number) = (Some(person.shown_name().into()), Some(person.number));
                    let profile = AgentChange { name, role, number, ..AgentChange::default() };
                    let joined =
                        engine.administer(license.id, &person.email, AgentOrder::Enroll(profile)).await;
                    joined.map_err(in_the_way)?;
                    person.email.clone()
                }
            };
            json(shown(&*engine.agent(license.id, &id).ok_or_else(Refused::not_found)?))
        }
        Method::DELETE => {
            let agent = known.ok_or_else(Refused::not_found)?;
            engine.administer(license.id, &agent.id, AgentOrder::Remove).await?;
            empty()
        }
        _ => Err(Refused::not_found()),
    }
}

/// An agent of the account that is nobody's person may have the address.
fn in_the_way(failure: Failure) -> Refused {
    match failure {
        Failure::Rejected(Rejected::Invalid { field, .. }) if field == "id" => {
            Rejected::taken("email").into()
        }
        other => other.into(),
    }
}
