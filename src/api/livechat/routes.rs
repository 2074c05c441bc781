//! Which URL is which call. Beside the addresses of the reference stand those that the same
//! documents print elsewhere (spec v3.0, 1.1).

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post};
use http::StatusCode;

use super::body::respond;
use super::engine::Engine;
use super::error::WireError;
use super::{accounts, call};

/// Every route of the face.
pub(super) fn routes<E: Engine>(engine: E) -> Router {
    let agent: MethodRouter<E> = post(call::agent::<E>);
    let customer: MethodRouter<E> = post(call::customer::<E>);
    let configuration: MethodRouter<E> = post(call::configuration::<E>);
    Router::new()
        .route("/v3.0/agent/action/{action}", agent.clone())
        .route("/v3.0/customer/action/{action}", customer.clone())
        .route("/v3.0/configuration/action/{action}", configuration.clone())
        // Early 2019.
        .route("/v3.0/configuration/agents/{action}", configuration.clone())
        .route("/v3.0/configuration/webhooks/{action}", configuration.clone())
        .route("/v3.0/configuration/properties/{action}", configuration.clone())
        // Without a version: the newest.
        .route("/agent/action/{action}", agent)
        .route("/customer/action/{action}", customer)
        .route("/configuration/action/{action}", configuration)
        .route("/customer", post(accounts::customer_token::<E>))
        .route("/customer/", post(accounts::customer_token::<E>))
        .route("/info", get(accounts::info::<E>))
        .route("/token", delete(accounts::revoke::<E>))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(engine)
}

/// A URL that nothing answers: perhaps one of a version that is not served.
async fn unknown(request: Request) -> Result<Response, WireError> {
    if names_other_version(request.uri().path()) {
        return Err(WireError::unsupported_version());
    }
    Ok(respond(StatusCode::NOT_FOUND, WireError::validation("Unknown URL").body()))
}

async fn wrong_method() -> Response {
    respond(StatusCode::METHOD_NOT_ALLOWED, WireError::validation("Method not allowed").body())
}

/// Is it a call or a socket of an API, but of a version that is not served? A served version gets
/// here too, when the rest of the URL is none of its own.
pub(super) fn names_other_version(path: &str) -> bool {
    let steps: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let is_api = |step: &str| matches!(step, "agent" | "customer" | "configuration");
    let (version, rest) = match steps.as_slice() {
        [version, api, rest @ ..] if is_api(api) => (version, rest),
        [api, version, rest @ ..] if is_api(api) => (version, rest),
        _ => return false,
    };
    let leads_on = matches!(rest, ["action", action] if !action.is_empty()) || matches!(rest, ["rtm", "ws"]);
    is_version(version) && *version != "v3.0" && leads_on
}

/// `v`, a number, a dot, a number.
pub(super) fn is_version(step: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    step.strip_prefix('v')
        .and_then(|numbers| numbers.split_once('.'))
        .is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}
