//! People, who may be in several accounts.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use switchboard_domain::id::AgentId;
use switchboard_domain::participant::license::License;
use switchboard_domain::participant::person::{Person, PersonChange};

use super::super::call::{Answered, empty, json, number};
use super::super::fields::Fields;
use super::super::refusal::Refused;
use super::super::show;
use crate::engine::handle::EngineHandle;

/// Answers a call about people.
pub(super) async fn answer(
    engine: &EngineHandle,
    method: &Method,
    path: &[&str],
    fields: &Fields,
) -> Answered {
    match (method, path) {
        (&Method::POST, []) => {
            let description =
                PersonChange { name: Some(fields.required_text("name")?), ..described(fields)? };
            let email = AgentId::new(&fields.required_text("email")?.to_lowercase());
            let (person, token) = engine.make_person(email, description).await?;
            json(show::extend(shown(engine, &person), tokens(engine, &token)))
        }
        (&Method::GET, [id]) => json(shown(engine, &*own(engine, id)?)),
        (&Method::PATCH | &Method::PUT, [id]) => {
            let person = own(engine, id)?;
            let email = fields.text("email")?.map(|email| email.to_lowercase());
            if email.is_some_and(|email| email != person.email.as_str()) {
                return Err(Refused::field("email", "cannot be changed"));
            }
            let person = engine.change_person(person.number, described(fields)?).await?;
            json(shown(engine, &person))
        }
        (&Method::DELETE, [id]) => {
            engine.remove_person(own(engine, id)?.number).await?;
            empty()
        }
        (&Method::POST, [id, "token"]) => {
            let person = own(engine, id)?;
            let token = engine.issue_person_token(person.number).await?;
            json(json!({ "access_token": token, "expiry": null, "user": shown(engine, &person) }))
        }
        _ => Err(Refused::not_found()),
    }
}

/// A person that the platform made. People whom an account or the configuration has are agents there only.
fn own(engine: &EngineHandle, id: &str) -> Result<Arc<Person>, Refused> {
    let id = number(id)?;
    if let Some(person) = engine.person(id) {
        return Ok(person);
    }
    let is_somebody = |license: &Arc<License>| {
        engine.agent_numbered(license.id, id).is_some_and(|agent| agent.bot_of.is_none())
    };
    let known = engine.licenses().iter().any(is_somebody);
    Err(if known { Refused::not_permissible() } else { Refused::not_found() })
}

fn described(fields: &Fields) -> Result<PersonChange, Refused> {
    Ok(PersonChange {
        name: if fields.has("name") { Some(fields.required_text("name")?) } else { None },
        display_name: fields.clearable("display_name")?,
        attributes: fields.object_text("custom_attributes")?,
        token: None,
    })
}

fn shown(engine: &EngineHandle, person: &Person) -> Value {
    show::person(person, &engine.memberships(person))
}

/// What a person proves itself with: told once, since only hashes are kept.
fn tokens(engine: &EngineHandle, token: &str) -> Value {
    json!({ "access_token": token, "pubsub_token": engine.stream_token(token) })
}
