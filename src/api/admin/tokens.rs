//! `POST /admin/v1/tokens`: gives out a token of an agent.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use switchboard_domain::auth::{Scope, ScopeSet, UnknownScope};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, ClientId};

use super::engine::Engine;
use crate::engine::order::Failure;

/// Seconds that a token may live at most when it is to end at all: a hundred years.
const LONGEST_LIFE: u64 = 100 * 365 * 24 * 3600;

/// A refusal: status and words.
pub(super) struct Refused(StatusCode, String);

impl Refused {
    fn field(name: &str, reason: impl std::fmt::Display) -> Self {
        Self(StatusCode::BAD_REQUEST, format!("{name}: {reason}"))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": { "message": self.1 } }))).into_response()
    }
}

/// Gives out a token. The administrator's own token is asked for first.
pub(super) async fn issue<E: Engine>(
    State(engine): State<E>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Refused> {
    if !bearer(&headers).is_some_and(|token| engine.admin_token_matches(token)) {
        return Err(Refused(StatusCode::UNAUTHORIZED, "the administrator's token is needed".into()));
    }
    let Wish { agent, client, scopes, life } = Wish::read(&body)?;
    match engine.issue_agent_token(&agent, client, scopes, life).await {
        Ok(token) => Ok(Json(json!({ "token": token }))),
        Err(Failure::Rejected(Rejected::NotFound(_))) => Err(Refused::field("agent_id", "no such agent")),
        Err(Failure::Rejected(Rejected::Invalid { field, reason })) => Err(Refused::field(&field, reason)),
        Err(failure) => {
            tracing::error!(?failure, "a token could not be given out");
            Err(Refused(StatusCode::INTERNAL_SERVER_ERROR, "the token could not be given out".into()))
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// What is asked for.
struct Wish {
    agent: AgentId,
    client: Option<ClientId>,
    scopes: Option<ScopeSet>,
    life: Option<Duration>,
}

impl Wish {
    fn read(body: &[u8]) -> Result<Self, Refused> {
        let fields: Map<String, Value> =
            serde_json::from_slice(body).map_err(|_| Refused::field("request", "must be one JSON object"))?;
        let given = |name: &str| fields.get(name).filter(|value| !value.is_null());
        let text = |name: &str| match given(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(Refused::field(name, "must be a string")),
        };
        Ok(Self {
            agent: text("agent_id")?
                .map(AgentId::new)
                .ok_or_else(|| Refused::field("agent_id", "missing"))?,
            client: text("client_id")?.map(ClientId::new),
            scopes: given("scopes").map(scopes).transpose()?,
            life: given("expires_in").map(life).transpose()?,
        })
    }
}

fn scopes(value: &Value) -> Result<ScopeSet, Refused> {
    let names = value.as_array().ok_or_else(|| Refused::field("scopes", "must be a list"))?;
    let scope = |name: &Value| {
        let name = name.as_str().ok_or_else(|| Refused::field("scopes", "must be a list of strings"))?;
        name.parse::<Scope>().map_err(|unknown: UnknownScope| Refused::field("scopes", unknown))
    };
    names.iter().map(scope).collect()
}

fn life(value: &Value) -> Result<Duration, Refused> {
    match value.as_u64() {
        Some(seconds) if (1..=LONGEST_LIFE).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(Refused::field(
            "expires_in",
            format!("must be a whole number of seconds from 1 to {LONGEST_LIFE}"),
        )),
    }
}
