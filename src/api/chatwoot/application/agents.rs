//! People of an account. Source: spec 2.6.

use http::Method;
use serde_json::Value;
use switchboard_domain::id::AgentId;
use switchboard_domain::participant::agent::Role;
use switchboard_domain::participant::staff::AgentChange;

use super::super::call::{Answered, Call, empty, json, number};
use super::super::fields::Fields;
use super::super::refusal::Refused;
use super::super::show;
use crate::engine::order::AgentOrder;

/// Answers a call about people.
pub(super) async fn answer(call: &Call<'_>, path: &[&str]) -> Answered {
    match (&call.method, path) {
        (&Method::GET, []) => {
            let agents = call.agents();
            json(agents.iter().map(|agent| show::agent(&call.license, agent)).collect::<Vec<Value>>().into())
        }
        (&Method::POST, []) => {
            call.asker.must_administer()?;
            let email = call.fields.required_text("email")?.to_lowercase();
            if call.agents().iter().any(|agent| agent.id.as_str() == email) {
                return Err(Refused::field("email", "has already been taken"));
            }
            let (name, email) = (call.fields.required_text("name")?, AgentId::new(&email));
            // Somebody who is known to the installation comes as who it is.
            let person = call.engine.person_with_email(&email);
            let name = person.as_ref().map_or(name, |person| person.shown_name().into());
            let number = person.map(|person| person.number);
            let role = role(&call.fields)?;
            let change = AgentChange { name: Some(name), role, number, ..AgentChange::default() };
            put(call, &email, AgentOrder::Enroll(change)).await
        }
        (&Method::PATCH | &Method::PUT, [id]) => {
            call.asker.must_administer()?;
            let agent = call.agent(number(id)?)?;
            let name = call.fields.text("name")?;
            let change = AgentChange { name, role: role(&call.fields)?, ..AgentChange::default() };
            put(call, &agent.id, AgentOrder::Change(change)).await
        }
        (&Method::DELETE, [id]) => {
            call.asker.must_administer()?;
            let agent = call.agent(number(id)?)?;
            call.engine.administer(call.license.id, &agent.id, AgentOrder::Remove).await?;
            empty()
        }
        _ => Err(Refused::not_found()),
    }
}

/// A role by its word.
pub(in super::super) fn role(fields: &Fields) -> Result<Option<Role>, Refused> {
    match fields.text("role")?.as_deref() {
        None => Ok(None),
        Some("agent" | "0") => Ok(Some(Role::Normal)),
        Some("administrator" | "1") => Ok(Some(Role::Administrator)),
        Some(other) => Err(Refused::unprocessable(format!("'{other}' is not a valid role"))),
    }
}

async fn put(call: &Call<'_>, id: &AgentId, order: AgentOrder) -> Answered {
    call.engine.administer(call.license.id, id, order).await?;
    let agent = call.engine.agent(call.license.id, id).ok_or_else(Refused::not_found)?;
    json(show::agent(&call.license, &agent))
}
