//! The accounts calls against an engine that records what it is asked.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};
use switchboard_domain::id::CustomerId;

use super::{AGENT, BARE, CUSTOMER, FakeEngine, bare, post, refusal, send};
use crate::engine::order::Order;

const MIA: &str = "3f2a6c1e-5b7d-4e8f-9a01-b2c3d4e5f607";

fn form(body: &'static str) -> Request<Body> {
    let (mut head, _) = post("/customer", AGENT, &json!({})).into_parts();
    head.headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    Request::from_parts(head, Body::from(body))
}

fn get(path: &str, token: &str) -> Request<Body> {
    Request::get(path).header("authorization", format!("bearer {token}")).body(Body::empty()).unwrap()
}

async fn asked(request: Request<Body>) -> (Option<CustomerId>, Option<Duration>) {
    let engine = FakeEngine::default();
    let (status, answer) = send(engine.router(), request).await;
    assert_eq!(status, 200, "{answer}");
    match engine.last().1 {
        Order::IssueCustomerToken { customer, life } => (customer, life),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_customers_token_is_given_out_for_json_and_forms() {
    let body = json!({ "client_id": "app-7", "response_type": "token", "redirect_uri": "https://example.com/",
                       "customer_id": MIA, "valid_for": 60 });
    let engine = FakeEngine::default();
    let (status, answer) = send(engine.router(), post("/customer/", AGENT, &body)).await;
    assert_eq!(status, 200);
    assert_eq!(
        answer,
        json!({ "access_token": "issued", "client_id": "app-7", "entity_id": MIA, "expires_in": 60, "token_type": "Bearer" })
    );
    let whole = (MIA.parse().ok(), Some(Duration::from_secs(60)));
    assert_eq!(asked(post("/customer", AGENT, &body)).await, whole);
    let encoded = "client_id=app-7&response_type=token&redirect_uri=https%3A%2F%2Fexample.com%2F&\
                   customer_id=3f2a6c1e-5b7d-4e8f-9a01-b2c3d4e5f607&valid_for=60";
    assert_eq!(asked(form(encoded)).await, whole);
    assert_eq!(asked(form("customer_id=&other=1")).await, (None, None));
    assert_eq!(asked(post("/customer/", AGENT, &json!({}))).await, (None, None));
}

#[tokio::test]
async fn giving_out_tokens_takes_the_scope_and_sound_fields() {
    let router = || FakeEngine::default().router();
    for (token, expected) in [
        ("nobody", (401, "authentication")),
        (BARE, (403, "authorization")),
        (CUSTOMER, (403, "authorization")),
    ] {
        let refused = refusal(router(), post("/customer/", token, &json!({ "valid_for": "x" }))).await;
        assert_eq!((refused.0, refused.1.as_str()), expected, "{token}");
    }
    for (body, field) in [
        (json!([]), "request"),
        (json!({ "client_id": "other" }), "client_id"),
        (json!({ "client_id": 5 }), "client_id"),
        (json!({ "response_type": "code" }), "response_type"),
        (json!({ "customer_id": "mia" }), "customer_id"),
        (json!({ "valid_for": 0 }), "valid_for"),
        (json!({ "valid_for": -5 }), "valid_for"),
        (json!({ "valid_for": u64::MAX }), "valid_for"),
    ] {
        let (status, answer) = send(router(), post("/customer/", AGENT, &body)).await;
        assert_eq!((status, &answer["error"]["type"]), (400, &Value::from("validation")), "{body}");
        assert!(answer["error"]["message"].as_str().unwrap().starts_with(field), "{answer}");
    }
    assert_eq!(refusal(router(), form("valid_for=soon")).await.0, 400);
}

#[tokio::test]
async fn info_tells_what_a_token_is() {
    let router = || FakeEngine::default().router();
    let (status, answer) = send(router(), get("/info", AGENT)).await;
    assert_eq!(
        (status, answer),
        (
            200,
            json!({ "access_token": AGENT, "expires_in": 60, "client_id": "app-7",
                      "scope": "chats--all:ro,chats--all:rw", "token_type": "Bearer",
                      "entity_id": "ann@example.org", "license_id": 1 })
        )
    );
    let (_, answer) = send(router(), get("/info", BARE)).await;
    assert_eq!(answer.get("expires_in"), None, "it never ends");
    assert_eq!(refusal(router(), get("/info", "nobody")).await.0, 401);
    assert_eq!(refusal(router(), bare(Method::GET, "/info")).await.0, 401);
}

#[tokio::test]
async fn who_holds_a_token_may_end_it() {
    for text in [AGENT, "Bearer%20agent-token"] {
        let engine = FakeEngine::default();
        let request = bare(Method::DELETE, &format!("/token?token={text}"));
        assert_eq!(send(engine.router(), request).await, (200, json!({})));
        assert_eq!(engine.revoked(), [AGENT]);
    }
    for path in ["/token", "/token?token=nobody", "/token?other=1"] {
        let engine = FakeEngine::default();
        let refused = refusal(engine.router(), bare(Method::DELETE, path)).await;
        assert_eq!((refused.0, refused.1.as_str()), (400, "validation"), "{path}");
        assert!(engine.revoked().is_empty());
    }
}
