//! From an address to what is asked there. Slashes that are doubled or trail do not count.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE,
};
use http::{HeaderValue, Method, Request, StatusCode};
use serde_json::json;

use super::auth::{self, Asker, Who};
use super::call::{Answered, Call, number};
use super::fields::{Fields, NOBODYS};
use super::refusal::Refused;
use super::{application, platform, public, show, widget};
use crate::engine::handle::EngineHandle;
use crate::forms;
use crate::telemetry::clock;

/// The version of the product whose wire this is.
const VERSION: &str = "4.13.0";

/// The parts of a path.
fn parts(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty()).collect()
}

/// Does this face have the address?
pub(super) fn is_ours(path: &str) -> bool {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    match parts.next() {
        Some("api") => matches!(parts.next(), None | Some("v1")),
        Some("platform" | "public") => parts.next() == Some("api"),
        Some("app") => (parts.next(), parts.next()) == (Some("login"), None),
        Some("auth") => (parts.next(), parts.next()) == (Some("sign_in"), None),
        _ => false,
    }
}

/// Answers a request; anybody's page may read it.
pub(super) async fn answer(engine: &EngineHandle, request: Request<Body>) -> Response {
    let asked_before = request.method() == Method::OPTIONS;
    let mut response = if asked_before {
        StatusCode::NO_CONTENT.into_response()
    } else {
        answer_one(engine, request).await.unwrap_or_else(IntoResponse::into_response)
    };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if asked_before {
        let methods = HeaderValue::from_static("GET, POST, PATCH, PUT, DELETE, OPTIONS");
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
    response
}

async fn answer_one(engine: &EngineHandle, request: Request<Body>) -> Answered {
    let path = request.uri().path().to_owned();
    match parts(&path).as_slice() {
        ["api"] if request.method() == Method::GET => {
            let timestamp = show::iso_seconds(clock::now());
            let alive = json!({
                "version": VERSION, "timestamp": timestamp, "queue_services": "ok", "data_services": "ok",
            });
            super::call::json(alive)
        }
        ["api", "v1", "profile", rest @ ..] => {
            let (who, _running) = auth::who(engine, request.headers())?;
            let method = request.method().clone();
            let token = auth::token(request.headers()).unwrap_or_default();
            let fields = Fields::of(engine, Some(NOBODYS), request).await?;
            application::profile::answer(engine, (&who, &token), &method, rest, fields).await
        }
        ["api", "v1", "widget", rest @ ..] => widget::answer(engine, rest, request).await,
        ["api", "v1", "accounts", account, rest @ ..] => {
            let (who, _running) = auth::who(engine, request.headers())?;
            about_account(engine, &who, account, rest, request).await
        }
        ["public", "api", "v1", "inboxes", identifier, rest @ ..] => {
            public::answer(engine, identifier, rest, request).await
        }
        ["platform", "api", "v1", rest @ ..] => {
            let token = auth::token(request.headers());
            if !token.is_some_and(|token| engine.platform_token_matches(&token)) {
                return Err(Refused::because(StatusCode::UNAUTHORIZED, "Invalid access_token"));
            }
            let method = request.method().clone();
            let base = forms::base(engine, &request);
            let fields = Fields::of(engine, Some(NOBODYS), request).await?.with_avatar()?;
            let answer = platform::answer(engine, &method, rest, (&fields, &base)).await?;
            fields.keep_avatar(engine).await?;
            Ok(answer)
        }
        ["app", "login"] if request.method() == Method::GET => {
            platform::sign_in(engine, &Fields::of(engine, None, request).await?).await
        }
        ["auth", "sign_in"] if request.method() == Method::POST => {
            platform::sign_in(engine, &Fields::of(engine, None, request).await?).await
        }
        _ => Err(Refused::not_found()),
    }
}

async fn about_account(
    engine: &EngineHandle,
    who: &Who,
    account: &str,
    rest: &[&str],
    request: Request<Body>,
) -> Answered {
    let method = request.method().clone();
    // What no bot may call is refused before it is looked whose account it is.
    if !who.is_human() && !application::is_for_bots(&method, rest) {
        return Err(Refused::not_for_bots());
    }
    let license = engine.account(number(account)?).ok_or_else(Refused::not_found)?;
    let asker = Asker::of(engine, &license, who)?;
    if license.desk.about.suspended {
        return Err(Refused::suspended());
    }
    let fields = Fields::of(engine, Some(license.id), request).await?.with_avatar()?;
    let call = Call { engine, license, asker, method, fields };
    let answer = application::answer(&call, rest).await?;
    call.fields.keep_avatar(engine).await?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_do_not_matter_and_other_faces_keep_their_addresses() {
        assert_eq!(parts("//api/v1//accounts/1/"), ["api", "v1", "accounts", "1"]);
        for own in [
            "/api",
            "/api/",
            "//api/v1/accounts/1",
            "/platform/api/v1/x",
            "/public//api/v1/inboxes/x",
            "/app/login",
            "/auth/sign_in/",
        ] {
            assert!(is_ours(own), "{own}");
        }
        for other in [
            "/",
            "/v3.0/agent/action/x",
            "/admin/v1/agents",
            "/healthz",
            "/api/v2/x",
            "/customer/",
            "/app",
            "/app/login/x",
            "/auth/x",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
