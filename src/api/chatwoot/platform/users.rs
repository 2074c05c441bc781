//! People, who may be in several accounts.

use std::sync::Arc;

use http::header::CACHE_CONTROL;
use http::{HeaderValue, Method};
use serde_json::{Value, json};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::AgentId;
use switchboard_domain::participant::license::License;
use switchboard_domain::participant::person::{Person, PersonChange};

use super::super::call::{Answered, empty, json, number};
use super::super::fields::Fields;
use super::super::refusal::Refused;
use super::super::show;
use crate::engine::handle::EngineHandle;
use crate::engine::order::Failure;

/// Answers a call about people.
pub(super) async fn answer(
    engine: &EngineHandle,
    method: &Method,
    path: &[&str],
    (fields, base): (&Fields, &str),
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
        (&Method::GET, [id, "login"]) => {
            let person = own(engine, id)?;
            let token = engine.issue_sign_in(person.number).await?;
            let query = [("email", person.email.as_str()), ("sso_auth_token", &token)];
            let query = serde_urlencoded::to_string(query).map_err(|_| Rejected::Internal)?;
            json(json!({ "url": format!("{base}/app/login?{query}") }))
        }
        _ => Err(Refused::not_found()),
    }
}

/// Signs a person in by a link of the platform's, once: by opening it, or as the page behind the product's link
/// does it. What is answered is the person with a token, which nobody keeps.
pub(in super::super) async fn sign_in(engine: &EngineHandle, fields: &Fields) -> Answered {
    let stranger = || Refused::wrong_sign_in();
    let given = |name: &str| Ok::<_, Refused>(fields.text(name)?.filter(|text| !text.is_empty()));
    let (Some(email), Some(token)) = (given("email")?, given("sso_auth_token")?) else {
        return Err(stranger());
    };
    let (person, access) = engine.sign_in(&AgentId::new(&email.to_lowercase()), &token).await.map_err(
        |failure| match failure {
            Failure::Rejected(Rejected::NoAccess) => stranger(),
            other => other.into(),
        },
    )?;
    let data = show::extend(shown(engine, &person), tokens(engine, &access));
    let mut response = json(json!({ "data": data }))?;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
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
        ..PersonChange::default()
    })
}

fn shown(engine: &EngineHandle, person: &Person) -> Value {
    show::person(person, &engine.memberships(person))
}

/// What a person proves itself with: told once, since only hashes are kept.
fn tokens(engine: &EngineHandle, token: &str) -> Value {
    json!({ "access_token": token, "pubsub_token": engine.stream_token(token) })
}
