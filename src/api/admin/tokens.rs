//! `POST /admin/v1/tokens`: gives out a token of an agent.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde_json::{Value, json};
use switchboard_domain::auth::{Scope, ScopeSet, UnknownScope};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, ClientId};

use super::engine::Engine;
use super::fields::{Fields, body};
use super::refusal::Refused;
use super::tenant::Admin;
use crate::engine::order::Failure;

/// Seconds that a token may live at most when it is to end at all: a hundred years.
const LONGEST_LIFE: u64 = 100 * 365 * 24 * 3600;

/// Gives out a token.
pub(super) async fn issue<E: Engine>(
    _: Admin,
    State(engine): State<E>,
    bytes: Bytes,
) -> Result<Json<Value>, Refused> {
    let Wish { agent, client, scopes, life } = Wish::read(&body(&bytes)?)?;
    match engine.issue_agent_token(&agent, client, scopes, life).await {
        Ok(token) => Ok(Json(json!({ "token": token }))),
        Err(Failure::Rejected(Rejected::NotFound(_))) => Err(Refused::field("agent_id", "no such agent")),
        Err(failure) => Err(failure.into()),
    }
}

/// What is asked for.
struct Wish {
    agent: AgentId,
    client: Option<ClientId>,
    scopes: Option<ScopeSet>,
    life: Option<Duration>,
}

impl Wish {
    fn read(body: &Value) -> Result<Self, Rejected> {
        let fields = Fields::of(body)?;
        Ok(Self {
            agent: AgentId::new(fields.required_text("agent_id")?),
            client: fields.text("client_id")?.map(ClientId::new),
            scopes: fields.given("scopes").map(scopes).transpose()?,
            life: fields.given("expires_in").map(life).transpose()?,
        })
    }
}

fn scopes(value: &Value) -> Result<ScopeSet, Rejected> {
    let names = value.as_array().ok_or_else(|| Rejected::invalid("scopes", "must be a list"))?;
    let scope = |name: &Value| {
        let name = name.as_str().ok_or_else(|| Rejected::invalid("scopes", "must be a list of strings"))?;
        name.parse::<Scope>()
            .map_err(|unknown: UnknownScope| Rejected::invalid("scopes", unknown.to_string()))
    };
    names.iter().map(scope).collect()
}

fn life(value: &Value) -> Result<Duration, Rejected> {
    match value.as_u64() {
        Some(seconds) if (1..=LONGEST_LIFE).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(Rejected::invalid(
            "expires_in",
            format!("must be a whole number of seconds from 1 to {LONGEST_LIFE}"),
        )),
    }
}
