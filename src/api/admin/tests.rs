//! The admin face against an engine that records what it is asked.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::future::{Future, ready};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use switchboard_domain::auth::ScopeSet;
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::id::{AgentId, ClientId};
use tower::ServiceExt;

use super::engine::Engine;
use super::routes;
use crate::engine::order::Failure;

type Issued = (AgentId, Option<ClientId>, Option<ScopeSet>, Option<Duration>);

#[derive(Clone, Default)]
struct FakeEngine {
    is_ready: bool,
    issued: Arc<Mutex<Vec<Issued>>>,
}

impl Engine for FakeEngine {
    fn admin_token_matches(&self, token: &str) -> bool {
        token == "admin"
    }

    fn issue_agent_token(
        &self,
        agent: &AgentId,
        client: Option<ClientId>,
        scopes: Option<ScopeSet>,
        life: Option<Duration>,
    ) -> impl Future<Output = Result<String, Failure>> + Send {
        let known = agent.as_str() == "ann@example.org";
        self.issued.lock().unwrap().push((agent.clone(), client, scopes, life));
        let unknown = Failure::Rejected(Rejected::NotFound(Resource::User));
        ready(if known { Ok("fresh".into()) } else { Err(unknown) })
    }

    fn is_ready(&self) -> bool {
        self.is_ready
    }

    fn metrics(&self) -> String {
        "# TYPE sessions gauge\nsessions 0\n".into()
    }
}

async fn send(engine: &FakeEngine, request: Request<Body>) -> (u16, String, String) {
    let response = routes(engine.clone()).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, kind, String::from_utf8(bytes.to_vec()).unwrap())
}

async fn issue(engine: &FakeEngine, token: &str, body: String) -> (u16, Value) {
    let request = Request::post("/admin/v1/tokens")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap();
    let (status, _, body) = send(engine, request).await;
    (status, serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn a_token_is_given_out_as_asked() {
    let engine = FakeEngine::default();
    let ann = AgentId::new("ann@example.org");
    let least = json!({ "agent_id": "ann@example.org", "scopes": null });
    assert_eq!(issue(&engine, "admin", least.to_string()).await, (200, json!({ "token": "fresh" })));
    let all = json!({ "agent_id": "ann@example.org", "client_id": "app", "scopes": ["chats--all:ro"], "expires_in": 60 });
    assert_eq!(issue(&engine, "admin", all.to_string()).await.0, 200);
    let scopes = ["chats--all:ro".parse().unwrap()].into_iter().collect::<ScopeSet>();
    let expected = [
        (ann.clone(), None, None, None),
        (ann, Some(ClientId::new("app")), Some(scopes), Some(Duration::from_secs(60))),
    ];
    assert_eq!(*engine.issued.lock().unwrap(), expected);
}

#[tokio::test]
async fn only_the_administrator_is_served_and_every_refusal_names_its_field() {
    let engine = FakeEngine::default();
    assert_eq!(issue(&engine, "somebody", "not even JSON".into()).await.0, 401);
    let silent = Request::post("/admin/v1/tokens").body(Body::empty()).unwrap();
    assert_eq!(send(&engine, silent).await.0, 401);
    for (body, field) in [
        ("{", "request"),
        ("[]", "request"),
        ("{}", "agent_id"),
        (r#"{"agent_id":5}"#, "agent_id"),
        (r#"{"agent_id":"a","client_id":5}"#, "client_id"),
        (r#"{"agent_id":"a","scopes":"chats--all:ro"}"#, "scopes"),
        (r#"{"agent_id":"a","scopes":[1]}"#, "scopes"),
        (r#"{"agent_id":"a","scopes":["chats--all:rx"]}"#, "scopes"),
        (r#"{"agent_id":"a","expires_in":0}"#, "expires_in"),
        (r#"{"agent_id":"a","expires_in":-1}"#, "expires_in"),
        (r#"{"agent_id":"a","expires_in":"1"}"#, "expires_in"),
    ] {
        let (status, answer) = issue(&engine, "admin", body.into()).await;
        assert_eq!(status, 400, "{body}");
        assert!(answer["error"]["message"].as_str().unwrap().starts_with(&format!("{field}: ")), "{answer}");
    }
    assert!(engine.issued.lock().unwrap().is_empty());
    let (status, answer) = issue(&engine, "admin", r#"{"agent_id":"nobody"}"#.into()).await;
    assert_eq!((status, answer), (400, json!({ "error": { "message": "agent_id: no such agent" } })));
}

#[tokio::test]
async fn probes_tell_life_readiness_and_metrics() {
    for is_ready in [true, false] {
        let engine = FakeEngine { is_ready, ..FakeEngine::default() };
        let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(send(&engine, get("/healthz")).await.0, 200);
        assert_eq!(send(&engine, get("/readyz")).await.0, if is_ready { 200 } else { 503 });
        let (status, kind, text) = send(&engine, get("/metrics")).await;
        assert_eq!((status, kind.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
        assert!(text.starts_with("# TYPE "));
    }
}
