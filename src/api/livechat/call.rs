//! One call of a method over HTTP. The order of the checks is the spec's (v3.0, section 2):
//! envelope, token, scope, fields; then the engine looks at existence, access and state.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::Uri;
use switchboard_domain::auth::Principal;
use switchboard_domain::id::{LicenseId, UserId};

use super::Api;
use super::body::{bearer, read_json, success, text};
use super::doors::license_of;
use super::engine::Engine;
use super::error::WireError;
use super::files;
use super::v3_0::{V3_0, word};
use crate::engine::order::{Failure, Request as EngineRequest};

/// Names a write that is to be done once, however often it is asked for.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A method of the Agent API.
pub(super) async fn agent<E: Engine>(
    State(engine): State<E>,
    Path(action): Path<String>,
    request: Request,
) -> Result<Response, WireError> {
    call(engine, Api::Agent, action, request).await
}

/// A method of the Customer API.
pub(super) async fn customer<E: Engine>(
    State(engine): State<E>,
    Path(action): Path<String>,
    request: Request,
) -> Result<Response, WireError> {
    call(engine, Api::Customer, action, request).await
}

/// A method of the Configuration API.
pub(super) async fn configuration<E: Engine>(
    State(engine): State<E>,
    Path(action): Path<String>,
    request: Request,
) -> Result<Response, WireError> {
    call(engine, Api::Configuration, action, request).await
}

async fn call<E: Engine>(
    engine: E,
    api: Api,
    action: String,
    request: Request,
) -> Result<Response, WireError> {
    if V3_0.takes_form(api, &action) {
        return files::answer(engine, api, &action, request).await;
    }
    let refuse = |failure: Failure| word(api.side(), &failure);
    let token = bearer(request.headers()).map(str::to_owned);
    let uri = request.uri().clone();
    let key = request.headers().get(IDEMPOTENCY_KEY).cloned();
    let bytes = read_json(request).await?;
    let (by, order, key, _running) = {
        let call = V3_0.open(api, &action, text(&bytes)?).map_err(refuse)?;
        let license = license(&engine, api, &uri)?;
        let token = token.ok_or(Failure::Unauthenticated).map_err(refuse)?;
        let by = engine.principal(&token, call.author.as_ref()).map_err(refuse)?;
        let running = engine.admit_call(&token).map_err(WireError::too_many_requests)?;
        if !belongs(&by, api, license) {
            return Err(refuse(Failure::Unauthenticated));
        }
        let key = key.map(|key| V3_0::key(&call, &action, &String::from_utf8_lossy(key.as_bytes())));
        let key = key.transpose().map_err(refuse)?;
        let order = V3_0.order(call, &by).map_err(refuse)?;
        (by, order, key, running)
    };
    let asked = EngineRequest { by: by.clone(), order, group: None, key };
    let done = engine.run(asked).await.map_err(refuse)?;
    Ok(success(V3_0.body(api, &action, &done, &by)))
}

/// The license that a customer's call names; it has to exist.
pub(super) fn license<E: Engine>(engine: &E, api: Api, uri: &Uri) -> Result<Option<LicenseId>, WireError> {
    if api != Api::Customer {
        return Ok(None);
    }
    let license = license_of(uri.query())?;
    if engine.license_exists(license) { Ok(Some(license)) } else { Err(WireError::license_not_found()) }
}

/// A token is good for the API of its kind of user only, and for its own license.
pub(super) fn belongs(by: &Principal, api: Api, license: Option<LicenseId>) -> bool {
    match (&by.user, api) {
        (UserId::Agent(_), Api::Agent | Api::Configuration) => true,
        (UserId::Customer(_), Api::Customer) => license == Some(by.license),
        _ => false,
    }
}
