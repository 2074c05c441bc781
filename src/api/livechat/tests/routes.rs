//! Calls over HTTP against an engine that records what it is asked.

use std::convert::Infallible;
use std::task::Poll;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request};
use serde_json::{Value, json};
use switchboard_domain::id::AgentId;

use super::{AGENT, BARE, BOT, CUSTOMER, FakeEngine, bare, post, refusal, send};
use crate::api::livechat::body::BODY_BYTES;
use crate::api::livechat::routes::{is_version, names_other_version};
use crate::engine::order::Order;

const CLOSE: &str = "/v3.0/agent/action/close_thread";
const CUSTOMERS_LIST: &str = "/v3.0/customer/action/get_chats_summary";

fn close() -> Value {
    json!({ "payload": { "chat_id": "CHA0000001" } })
}

async fn refused(request: Request<Body>) -> (u16, String) {
    let engine = FakeEngine::default();
    let answer = refusal(engine.router(), request).await;
    assert!(engine.is_untouched(), "a refused call must not reach the engine");
    answer
}

fn is(status: u16, kind: &str) -> (u16, String) {
    (status, kind.to_owned())
}

#[tokio::test]
async fn every_spelling_of_an_address_leads_to_its_api() {
    let bot = json!({ "name": "x", "status": "offline" });
    for (path, token, body) in [
        (CLOSE, AGENT, close()),
        ("/agent/action/close_thread", AGENT, close()),
        ("/v3.0/customer/action/close_thread?license_id=1", CUSTOMER, close()),
        ("/customer/action/close_thread?a=b&license_id=1", CUSTOMER, close()),
        ("/v3.0/configuration/action/create_bot_agent", AGENT, json!({ "payload": bot })),
        ("/v3.0/configuration/agents/create_bot_agent", AGENT, bot.clone()),
        ("/v3.0/configuration/agents/create_bot_agent", AGENT, json!({ "payload": bot })),
        ("/configuration/action/create_bot_agent", AGENT, bot.clone()),
    ] {
        let engine = FakeEngine::default();
        let (status, answer) = send(engine.router(), post(path, token, &body)).await;
        let expected = if path.contains("bot") { json!({ "bot_agent_id": BOT }) } else { json!({}) };
        assert_eq!((status, answer), (200, expected), "{path}");
    }
}

#[tokio::test]
async fn a_bot_acts_when_it_is_the_clients_own() {
    let engine = FakeEngine::default();
    let mut body = close();
    body["author_id"] = json!(BOT);
    assert_eq!(send(engine.router(), post(CLOSE, AGENT, &body)).await.0, 200);
    let (by, order) = engine.last();
    assert_eq!(by.agent(), Some(&AgentId::new(BOT)));
    assert!(matches!(order, Order::Chat(..)));
    body["author_id"] = json!("somebody");
    assert_eq!(refused(post(CLOSE, AGENT, &body)).await, is(403, "authorization"));
}

#[tokio::test]
async fn tokens_are_good_for_their_own_side_and_license() {
    let list = json!({});
    for (path, token) in [
        (CLOSE, "no such token"),
        (CLOSE, CUSTOMER),
        ("/v3.0/customer/action/get_chats_summary?license_id=1", AGENT),
        ("/v3.0/customer/action/get_chats_summary?license_id=2", CUSTOMER),
        ("/v3.0/configuration/action/get_bot_agents", CUSTOMER),
    ] {
        assert_eq!(refused(post(path, token, &list)).await, is(401, "authentication"), "{path}");
    }
    let silent =
        Request::post(CLOSE).header("content-type", "application/json").body(Body::from("{}")).unwrap();
    assert_eq!(refused(silent).await, is(401, "authentication"));
}

#[tokio::test]
async fn a_customers_call_names_a_license_that_exists() {
    for (query, expected) in [
        ("", is(400, "validation")),
        ("?license_id=x", is(400, "validation")),
        ("?license_id=3", is(404, "license_not_found")),
    ] {
        let request = post(&format!("{CUSTOMERS_LIST}{query}"), CUSTOMER, &json!({}));
        assert_eq!(refused(request).await, expected, "{query}");
    }
}

#[tokio::test]
async fn the_checks_stand_in_order_envelope_token_scope_fields() {
    let broken = |token: &str| {
        let request = post(CLOSE, token, &json!({}));
        let (head, _) = request.into_parts();
        Request::from_parts(head, Body::from("{"))
    };
    assert_eq!(refused(broken("no such token")).await, is(400, "validation"));
    let unknown = post("/v3.0/agent/action/dance", "no such token", &json!({}));
    assert_eq!(refused(unknown).await, is(400, "validation"));
    assert_eq!(refused(post(CLOSE, BARE, &json!({}))).await, is(403, "authorization"));
    assert_eq!(refused(post(CLOSE, AGENT, &json!({}))).await, is(400, "validation"));
}

#[tokio::test]
async fn other_versions_urls_and_methods_are_told_apart() {
    for path in [
        "/v9.9/agent/action/x",
        "/v3.1/customer/action/y",
        "/agent/v2.0/rtm/ws",
        "/v3.6/configuration/action/z",
    ] {
        assert_eq!(refused(bare(Method::POST, path)).await, is(400, "unsupported_version"), "{path}");
        assert_eq!(refused(bare(Method::GET, path)).await, is(400, "unsupported_version"), "{path}");
    }
    for path in [
        "/",
        "/v3.0",
        "/v3.0/agent",
        "/v9.9",
        "/v3.0/nobody/action/ping",
        "/nothing/here",
        "/v3.0/agent/action/",
    ] {
        assert_eq!(refused(bare(Method::POST, path)).await.0, 404, "{path}");
    }
    for (method, path) in
        [(Method::GET, CLOSE), (Method::DELETE, CLOSE), (Method::POST, "/info"), (Method::GET, "/token")]
    {
        assert_eq!(refused(bare(method, path)).await.0, 405, "{path}");
    }
    assert!(
        is_version("v10.25")
            && !is_version("v3")
            && !is_version("3.0")
            && !is_version("v3.x")
            && !is_version("v.")
    );
    assert!(!names_other_version("/v3.0/agent/rtm/ws"));
}

#[tokio::test]
async fn bodies_are_json_and_bounded() {
    for content_type in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("multipart/form-data")]
    {
        let mut request = post(CLOSE, AGENT, &close());
        match content_type {
            None => {
                request.headers_mut().remove("content-type");
            }
            Some(kind) => {
                request.headers_mut().insert("content-type", kind.parse().unwrap());
            }
        }
        assert_eq!(refused(request).await, is(400, "validation"), "{content_type:?}");
    }
    for text in ["", "[]", "null", "{\"a\":", "\u{0}"] {
        let (head, _) = post(CLOSE, AGENT, &json!({})).into_parts();
        let request = Request::from_parts(head, Body::from(text));
        assert_eq!(refused(request).await, is(400, "validation"), "{text:?}");
    }
    let (head, _) = post(CLOSE, AGENT, &json!({})).into_parts();
    let latin = Request::from_parts(head, Body::from(&b"{\"a\":\"\xe9\"}"[..]));
    assert_eq!(refused(latin).await, is(400, "validation"));
}

/// A body that never ends.
fn endless() -> Body {
    Body::from_stream(stream::repeat(Ok::<_, Infallible>(Bytes::from_static(&[b' '; 4096]))))
}

/// A body that must not be read at all.
fn untouchable() -> Body {
    Body::from_stream(stream::poll_fn(|_| -> Poll<Option<Result<Bytes, Infallible>>> {
        panic!("the head said enough")
    }))
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_refused_from_its_head_or_where_it_goes_over() {
    let (head, _) = post(CLOSE, AGENT, &json!({})).into_parts();
    let endless = Request::from_parts(head, endless());
    assert_eq!(refused(endless).await, is(413, "entity_too_large"));
    let (mut head, _) = post(CLOSE, AGENT, &json!({})).into_parts();
    head.headers.insert("content-length", (BODY_BYTES + 1).into());
    let announced = Request::from_parts(head, untouchable());
    assert_eq!(refused(announced).await, is(413, "entity_too_large"));
    let mut full = close().to_string();
    full.push_str(&" ".repeat(BODY_BYTES - full.len()));
    let (head, _) = post(CLOSE, AGENT, &json!({})).into_parts();
    let (status, _) = send(FakeEngine::default().router(), Request::from_parts(head, Body::from(full))).await;
    assert_eq!(status, 200, "exactly the bound is taken");
}
