//! The accounts calls: customer tokens, and what a token is (spec v3.0, 3.1 and 3.2).

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::{Form, FromRequest, Query, Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Uri, header};
use serde::Serialize;
use switchboard_domain::auth::{Family, Right, Scope};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::CustomerId;

use super::body::{Written, bearer, read, success, text};
use super::engine::Engine;
use super::error::WireError;
use super::json_text;
use super::object::Object;
use super::v3_0::word;
use crate::engine::dialect::Side;
use crate::engine::order::{Done, Failure, IssuedToken, Order, Request as EngineRequest};

/// Seconds that a customer's token may live at most: ten years, beyond any session.
const LONGEST_LIFE: u64 = 10 * 365 * 24 * 3600;

fn refuse(failure: impl Into<Failure>) -> WireError {
    word(Side::Agent, &failure.into())
}

fn token(headers: &HeaderMap) -> Result<&str, WireError> {
    bearer(headers).ok_or(Failure::Unauthenticated).map_err(refuse)
}

/// `POST /customer/`: gives out a customer's token to the application of an agent's token.
pub(super) async fn customer_token<E: Engine>(
    State(engine): State<E>,
    request: Request,
) -> Result<Response, WireError> {
    let headers = request.headers().clone();
    let (written, bytes) = read(request, &[Written::Json, Written::Form]).await?;
    let by = engine.principal(token(&headers)?, None).map_err(refuse)?;
    if by.agent().is_none() || by.scopes.reach(Family::Identities, Right::Write).is_none() {
        return Err(refuse(Rejected::NoAccess));
    }
    let wish = match written {
        Written::Json => Wish::from_json(text(&bytes)?),
        Written::Form => Wish::from_form(bytes).await,
    };
    let order = wish.and_then(|wish| wish.order(by.client.as_str())).map_err(refuse)?;
    match engine.run(EngineRequest { by, order, group: None, key: None }).await.map_err(refuse)? {
        Done::CustomerToken(issued) => Ok(success(json_text(&TokenOut::from(&issued)))),
        _ => Err(refuse(Rejected::Internal)),
    }
}

/// What a request for a customer's token says, from JSON or a form.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    client_id: Option<String>,
    response_type: Option<String>,
    customer_id: Option<String>,
    valid_for: Option<u64>,
}

impl Wish {
    fn from_json(text: &str) -> Result<Self, Failure> {
        let body = Object::parse(text)?;
        body.optional::<Cow<'_, str>>("redirect_uri")?;
        Ok(Self {
            client_id: body.optional("client_id")?,
            response_type: body.optional("response_type")?,
            customer_id: body.optional("customer_id")?,
            valid_for: body.optional("valid_for")?,
        })
    }

    async fn from_form(bytes: Bytes) -> Result<Self, Failure> {
        let malformed = || Failure::from(Rejected::invalid("request", "must be a form"));
        let request = Request::post("/")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(bytes.into())
            .map_err(|_| malformed())?;
        let form =
            Form::<Vec<(String, String)>>::from_request(request, &()).await.map_err(|_| malformed())?;
        let mut wish = Self::default();
        for (name, value) in form.0.into_iter().filter(|(_, value)| !value.is_empty()) {
            match &*name {
                "client_id" => wish.client_id = Some(value),
                "response_type" => wish.response_type = Some(value),
                "customer_id" => wish.customer_id = Some(value),
                "valid_for" => {
                    let life = value.parse();
                    wish.valid_for =
                        Some(life.map_err(|_| Rejected::invalid("valid_for", "must be a whole number"))?);
                }
                _ => {}
            }
        }
        Ok(wish)
    }

    /// No redirect is made, so `redirect_uri` is not looked at.
    fn order(self, client: &str) -> Result<Order, Failure> {
        if self.client_id.is_some_and(|asked| asked != client) {
            return Err(Rejected::invalid("client_id", "is not the application of the token").into());
        }
        if self.response_type.is_some_and(|asked| asked != "token") {
            return Err(Rejected::invalid("response_type", "must be token").into());
        }
        if self.valid_for.is_some_and(|life| !(1..=LONGEST_LIFE).contains(&life)) {
            let reason = format!("must be from 1 to {LONGEST_LIFE} seconds");
            return Err(Rejected::invalid("valid_for", reason).into());
        }
        let customer: Option<Result<CustomerId, _>> = self.customer_id.map(|id| id.parse());
        let customer = customer
            .transpose()
            .map_err(|_| Rejected::invalid("customer_id", "must be a UUID of version 4"))?;
        Ok(Order::IssueCustomerToken { customer, life: self.valid_for.map(Duration::from_secs) })
    }
}

#[derive(Serialize)]
struct TokenOut<'a> {
    access_token: &'a str,
    client_id: &'a str,
    entity_id: String,
    expires_in: u64,
    token_type: &'static str,
}

impl<'a> From<&'a IssuedToken> for TokenOut<'a> {
    fn from(issued: &'a IssuedToken) -> Self {
        Self {
            access_token: &issued.token,
            client_id: issued.client.as_str(),
            entity_id: issued.customer.to_string(),
            expires_in: issued.life.as_secs(),
            token_type: "Bearer",
        }
    }
}

/// `GET /info`: what the bearer's token is.
pub(super) async fn info<E: Engine>(
    State(engine): State<E>,
    headers: HeaderMap,
) -> Result<Response, WireError> {
    let token = token(&headers)?;
    let info = engine.token_info(token).map_err(refuse)?;
    let scopes: Vec<String> = info.scopes.iter().map(Scope::to_string).collect();
    Ok(success(json_text(&InfoOut {
        access_token: token,
        expires_in: info.expires_in,
        client_id: info.client.as_str(),
        scope: scopes.join(","),
        token_type: "Bearer",
        entity_id: &info.entity,
        license_id: info.license.0,
    })))
}

#[derive(Serialize)]
struct InfoOut<'a> {
    access_token: &'a str,
    /// Left out for a token that never ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
    client_id: &'a str,
    scope: String,
    token_type: &'static str,
    entity_id: &'a str,
    license_id: u64,
}

/// `DELETE /token?token=..`: who holds a token may end it.
pub(super) async fn revoke<E: Engine>(State(engine): State<E>, uri: Uri) -> Result<Response, WireError> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(&uri).map(|query| query.0).unwrap_or_default();
    let token = pairs
        .iter()
        .find(|(name, _)| name == "token")
        .map(|(_, token)| token.strip_prefix("Bearer ").unwrap_or(token))
        .ok_or_else(|| WireError::validation("token: missing in the query"))?;
    match engine.revoke_token(token).await {
        Ok(()) => Ok(success("{}".into())),
        // Nobody is asked to authenticate here: a token that is none is just not found.
        Err(Failure::Unauthenticated) => Err(WireError::validation("token: not found")),
        Err(failure) => Err(refuse(failure)),
    }
}
