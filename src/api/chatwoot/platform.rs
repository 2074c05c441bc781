//! The platform API: what the installation's owner asks. Source: spec, section 3.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_domain::desk::DeskChange;
use switchboard_domain::id::{AgentId, LicenseId};
use switchboard_domain::participant::agent::Role;
use switchboard_domain::participant::bot::Bot;
use switchboard_domain::participant::license::{License, LicenseChange};
use switchboard_domain::participant::staff::AgentChange;

use super::application::agent_bots::{changed_bot, remove};
use super::application::agents::role;
use super::application::{BotFields, made_bot};
use super::call::{Answered, empty, json, number};
use super::fields::Fields;
use super::refusal::Refused;
use super::show;
use crate::engine::handle::EngineHandle;
use crate::engine::order::AgentOrder;
use crate::engine::profiles::AgentProfile;

/// Answers a call of the platform.
pub(super) async fn answer(
    engine: &EngineHandle,
    method: &Method,
    path: &[&str],
    fields: &Fields,
) -> Answered {
    match path {
        ["agent_bots", rest @ ..] => bots(engine, method, rest, fields).await,
        ["accounts", rest @ ..] => accounts(engine, method, rest, fields).await,
        ["users", rest @ ..] => users(engine, method, rest, fields).await,
        _ => Err(Refused::not_found()),
    }
}

/// Every bot once: one of the installation is in each license.
fn all_bots(engine: &EngineHandle) -> Vec<(Arc<License>, Arc<Bot>)> {
    let mut all: Vec<(Arc<License>, Arc<Bot>)> = Vec::new();
    for license in engine.licenses() {
        for bot in engine.desk_bots(license.id) {
            if !all.iter().any(|(_, known)| known.number == bot.number) {
                all.push((Arc::clone(&license), bot));
            }
        }
    }
    all.sort_by_key(|(_, bot)| bot.number);
    all
}

/// Did the platform make it?
fn is_its_own(bot: &Bot) -> bool {
    bot.desk.as_ref().is_some_and(|desk| desk.by_platform)
}

fn not_permissible() -> Refused {
    Refused::because(StatusCode::UNAUTHORIZED, "Non permissible resource")
}

/// The same bot wherever it is.
fn everywhere(engine: &EngineHandle, id: u64) -> Vec<(LicenseId, Arc<Bot>)> {
    let of = |license: &Arc<License>| {
        let bots = engine.desk_bots(license.id);
        bots.into_iter().find(|bot| bot.number == id).map(|bot| (license.id, bot))
    };
    engine.licenses().iter().filter_map(of).collect()
}

async fn bots(engine: &EngineHandle, method: &Method, path: &[&str], fields: &Fields) -> Answered {
    let one = |id: &str| -> Result<(Arc<License>, Arc<Bot>), Refused> {
        let id = number(id)?;
        let found =
            all_bots(engine).into_iter().find(|(_, bot)| bot.number == id).ok_or_else(Refused::not_found)?;
        if is_its_own(&found.1) { Ok(found) } else { Err(not_permissible()) }
    };
    match (method, path) {
        (&Method::GET, []) => {
            let mut all = all_bots(engine);
            all.retain(|(_, bot)| is_its_own(bot));
            json(all.iter().map(|(license, bot)| show::bot(license, bot)).collect::<Vec<Value>>().into())
        }
        (&Method::POST, []) => {
            if let Some(account) = fields.number("account_id")? {
                let license = engine.account(account).ok_or_else(Refused::not_found)?;
                let bot = made_bot(engine, license.id, BotFields::read(fields)?, (false, true, None)).await?;
                return json(show::bot(&license, &bot));
            }
            let mut first: Option<(Arc<License>, Arc<Bot>)> = None;
            for license in engine.licenses() {
                let shared = first.as_ref().map(|(_, bot)| &**bot);
                let bot =
                    made_bot(engine, license.id, BotFields::read(fields)?, (true, true, shared)).await?;
                first.get_or_insert((license, bot));
            }
            let (license, bot) = first.ok_or_else(Refused::not_found)?;
            json(show::bot(&license, &bot))
        }
        (&Method::GET, [id]) => {
            let (license, bot) = one(id)?;
            json(show::bot(&license, &bot))
        }
        (&Method::PATCH | &Method::PUT, [id]) => {
            one(id)?;
            for (license, bot) in everywhere(engine, number(id)?) {
                changed_bot(engine, license, &bot, BotFields::read(fields)?).await?;
            }
            let (license, bot) = one(id)?;
            json(show::bot(&license, &bot))
        }
        (&Method::DELETE, [id, "avatar"]) => {
            one(id)?;
            for (license, bot) in everywhere(engine, number(id)?) {
                changed_bot(engine, license, &bot, BotFields::without_avatar()).await?;
            }
            let (license, bot) = one(id)?;
            json(show::bot(&license, &bot))
        }
        (&Method::DELETE, [id]) => {
            one(id)?;
            for (license, bot) in everywhere(engine, number(id)?) {
                remove(engine, license, &bot).await?;
            }
            empty()
        }
        _ => Err(Refused::not_found()),
    }
}

fn account(license: &License) -> Value {
    json!({
        "id": license.desk.account, "name": license.desk.name, "locale": "en", "status": "active",
        "domain": null, "support_email": null, "limits": {}, "custom_attributes": {}, "features": {},
    })
}

async fn accounts(engine: &EngineHandle, method: &Method, path: &[&str], fields: &Fields) -> Answered {
    let one = |id: &str| engine.account(number(id)?).ok_or_else(Refused::not_found);
    match (method, path) {
        (&Method::GET, [id]) => json(account(&*one(id)?)),
        (&Method::PATCH | &Method::PUT, [id]) => {
            let license = one(id)?;
            let name = fields.required_text("name")?;
            engine.change_license(license.id, LicenseChange::Desk(DeskChange::Rename(name))).await?;
            json(account(&*one(id)?))
        }
        (&Method::POST, []) | (&Method::DELETE, [_]) => {
            // A license is made and ended by the configuration alone.
            let why = "Accounts are made and deleted by the server's configuration";
            Err(Refused::because(StatusCode::UNPROCESSABLE_ENTITY, why))
        }
        (_, [id, "account_users"]) => account_users(engine, method, &*one(id)?, fields).await,
        _ => Err(Refused::not_found()),
    }
}

async fn account_users(
    engine: &EngineHandle,
    method: &Method,
    license: &License,
    fields: &Fields,
) -> Answered {
    let shown = |agent: &AgentProfile| {
        let role = if agent.role == Role::Normal { "agent" } else { "administrator" };
        json!({ "account_id": license.desk.account, "user_id": agent.number, "role": role })
    };
    let people = || -> Vec<Arc<AgentProfile>> {
        engine.agents(license.id).into_iter().filter(|agent| agent.bot_of.is_none()).collect()
    };
    if method == Method::GET {
        return json(people().iter().map(|agent| shown(agent)).collect::<Vec<Value>>().into());
    }
    let id = fields.number("user_id")?.ok_or_else(|| Refused::missing("user_id"))?;
    let agent = people().into_iter().find(|agent| agent.number == id).ok_or_else(Refused::not_found)?;
    match *method {
        Method::POST => {
            let change = AgentChange { role: role(fields)?, ..AgentChange::default() };
            engine.administer(license.id, &agent.id, AgentOrder::Change(change)).await?;
            let agent = engine.agent(license.id, &agent.id).ok_or_else(Refused::not_found)?;
            json(shown(&agent))
        }
        Method::DELETE => {
            engine.administer(license.id, &agent.id, AgentOrder::Remove).await?;
            empty()
        }
        _ => Err(Refused::not_found()),
    }
}

/// A person of any license by its number.
fn person(engine: &EngineHandle, id: &str) -> Result<(Arc<License>, Arc<AgentProfile>), Refused> {
    let id = number(id)?;
    let of = |license: Arc<License>| {
        let agent = engine.agent_numbered(license.id, id).filter(|agent| agent.bot_of.is_none())?;
        Some((license, agent))
    };
    engine.licenses().into_iter().find_map(of).ok_or_else(Refused::not_found)
}

fn user(license: &License, agent: &AgentProfile) -> Value {
    let role = if agent.role == Role::Normal { "agent" } else { "administrator" };
    let account = json!({ "id": license.desk.account, "name": license.desk.name, "role": role });
    show::extend(show::agent(license, agent), json!({ "display_name": agent.name, "accounts": [account] }))
}

async fn users(engine: &EngineHandle, method: &Method, path: &[&str], fields: &Fields) -> Answered {
    match (method, path) {
        (&Method::POST, []) => {
            let (name, email) =
                (fields.required_text("name")?, fields.required_text("email")?.to_lowercase());
            let licenses = engine.licenses();
            let account = fields.number("account_id")?;
            let license = match (account, licenses.as_slice()) {
                (Some(account), _) => engine.account(account).ok_or_else(Refused::not_found)?,
                (None, [only]) => Arc::clone(only),
                // A person belongs to a license here, so that it has to be named where there are several.
                (None, _) => return Err(Refused::missing("account_id")),
            };
            let id = AgentId::new(&email);
            if engine.agent(license.id, &id).is_some_and(|agent| !agent.removed) {
                return Err(Refused::field("email", "has already been taken"));
            }
            let change = AgentChange { name: Some(name), role: role(fields)?, ..AgentChange::default() };
            engine.administer(license.id, &id, AgentOrder::Enroll(change)).await?;
            let agent = engine.agent(license.id, &id).ok_or_else(Refused::not_found)?;
            let token = engine.issue_agent_token(&id, None, None, None).await?;
            let more = json!({ "access_token": token, "pubsub_token": engine.stream_token(&token) });
            json(show::extend(user(&license, &agent), more))
        }
        (&Method::GET, [id]) => {
            let (license, agent) = person(engine, id)?;
            json(user(&license, &agent))
        }
        (&Method::PATCH | &Method::PUT, [id]) => {
            let (license, agent) = person(engine, id)?;
            let change = AgentChange { name: fields.text("name")?, ..AgentChange::default() };
            engine.administer(license.id, &agent.id, AgentOrder::Change(change)).await?;
            let (license, agent) = person(engine, id)?;
            json(user(&license, &agent))
        }
        (&Method::DELETE, [id]) => {
            let (license, agent) = person(engine, id)?;
            engine.administer(license.id, &agent.id, AgentOrder::Remove).await?;
            empty()
        }
        (&Method::POST, [id, "token"]) => {
            let (license, agent) = person(engine, id)?;
            let token = engine.issue_agent_token(&agent.id, None, None, None).await?;
            json(json!({ "access_token": token, "expiry": null, "user": user(&license, &agent) }))
        }
        _ => Err(Refused::not_found()),
    }
}
