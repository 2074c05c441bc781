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
use switchboard_domain::id::{AgentId, ClientId, LicenseId};
use switchboard_domain::participant::agent::{Agent, AgentFact};
use switchboard_domain::participant::license::{License, LicenseChange};
use switchboard_domain::participant::staff::AgentChange;
use switchboard_domain::time::Timestamp;
use switchboard_domain::webhook::{DeadLine, EndpointId, Which};
use tower::ServiceExt;

use super::engine::Engine;
use super::routes;
use crate::engine::order::{AgentOrder, Done, Failure, Outcome};
use crate::engine::profiles::AgentProfile;
use crate::engine::webhook::{EndpointView, LogLine, Replayed};

mod agents;
mod licenses;
mod webhooks;

type Issued = (AgentId, Option<ClientId>, Option<ScopeSet>, Option<Duration>);

#[derive(Clone, Default)]
struct FakeEngine {
    is_ready: bool,
    issued: Arc<Mutex<Vec<Issued>>>,
    licenses: Arc<Mutex<Vec<License>>>,
    agents: Arc<Mutex<Vec<(LicenseId, Agent)>>>,
    /// Which dead letters were asked for.
    asked: Arc<Mutex<Vec<Which>>>,
    /// How many of them at most.
    most: Arc<Mutex<Vec<usize>>>,
}

impl Engine for FakeEngine {
    fn admin_token_matches(&self, token: &str) -> bool {
        token == "admin"
    }

    fn licenses(&self) -> Vec<Arc<License>> {
        self.licenses.lock().unwrap().iter().cloned().map(Arc::new).collect()
    }

    fn change_license(
        &self,
        license: LicenseId,
        change: LicenseChange,
    ) -> impl Future<Output = Outcome> + Send {
        let mut licenses = self.licenses.lock().unwrap();
        let license = licenses.iter_mut().find(|known| known.id == license).unwrap();
        let before = license.groups.len();
        let outcome = license.change(change).map(|fact| {
            fact.iter().for_each(|fact| license.apply(fact));
            let made = license.groups.keys().last().filter(|_| license.groups.len() > before);
            made.map_or(Done::Nothing, |group| Done::GroupCreated(*group))
        });
        ready(outcome.map_err(Failure::from))
    }

    fn agents(&self, license: LicenseId) -> Vec<Arc<AgentProfile>> {
        let agents = self.agents.lock().unwrap();
        let here = agents.iter().filter(|(of, agent)| *of == license && !agent.removed);
        here.map(|(_, agent)| Arc::new(AgentProfile::from(agent))).collect()
    }

    fn administer(
        &self,
        license: LicenseId,
        agent: &AgentId,
        order: AgentOrder,
    ) -> impl Future<Output = Outcome> + Send {
        let groups = self.licenses().into_iter().find(|known| known.id == license).unwrap();
        let mut agents = self.agents.lock().unwrap();
        if !agents.iter().any(|(of, known)| (*of, &known.id) == (license, agent)) {
            agents.push((license, Agent::unborn(agent.clone(), 1)));
        }
        let (_, state) = agents.iter_mut().find(|(of, known)| (*of, &known.id) == (license, agent)).unwrap();
        let (exists, now) = (|group| groups.has_group(group), Timestamp::from_secs(1));
        let fact = match order {
            AgentOrder::Enroll(profile) => state.enroll(profile, exists, now).map(Some),
            AgentOrder::Change(change) => state.change(change, exists),
            AgentOrder::Place(group, priority) => {
                let change = AgentChange { place: Some((group, priority)), ..AgentChange::default() };
                state.change(change, exists)
            }
            AgentOrder::SendOff => state.send_off(now),
            AgentOrder::Remove => state.remove(now).map(Some),
        };
        let done = |fact: Option<AgentFact>| {
            fact.iter().for_each(|fact| state.apply(fact));
            Done::Nothing
        };
        ready(fact.map(done).map_err(Failure::from))
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

    async fn webhook_endpoints(&self, _: LicenseId) -> Result<Vec<EndpointView>, Failure> {
        Ok(vec![webhooks::endpoint()])
    }

    async fn webhook_endpoint(
        &self,
        _: LicenseId,
        id: &EndpointId,
    ) -> Result<(EndpointView, Vec<LogLine>), Failure> {
        let licenses = self.licenses.lock().unwrap();
        let registered = licenses.iter().flat_map(|license| &license.webhooks).find(|known| known.id == *id);
        let view = registered.map_or_else(|| webhooks::known(id), |known| Ok(webhooks::registered(known)));
        view.map(|view| (view, webhooks::log()))
    }

    async fn dead_letters(
        &self,
        _: LicenseId,
        id: &EndpointId,
        which: Which,
    ) -> Result<(Vec<DeadLine>, usize), Failure> {
        webhooks::known(id)?;
        self.asked.lock().unwrap().push(which);
        Ok((vec![webhooks::dead()], 7))
    }

    async fn replay(
        &self,
        _: LicenseId,
        id: &EndpointId,
        which: Which,
        most: usize,
    ) -> Result<Replayed, Failure> {
        webhooks::known(id)?;
        self.most.lock().unwrap().push(most);
        let mut asked = self.asked.lock().unwrap();
        asked.push(which);
        // A page; another, while some of the first die again; and what is left of the third does not fit.
        let (count, left) = [(500, 600), (500, 400), (0, 400)][(asked.len() - 1).min(2)];
        Ok(Replayed { count, left })
    }

    async fn switch_webhooks(
        &self,
        _: LicenseId,
        id: &EndpointId,
        on: bool,
    ) -> Result<EndpointView, Failure> {
        let mut view = webhooks::known(id)?;
        view.receiver.standing.disabled = view.receiver.standing.disabled.filter(|_| !on);
        Ok(view)
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

/// A call of the administration: its path and query, and a body unless it is null.
async fn call(engine: &FakeEngine, method: &str, path: &str, body: Value) -> (u16, Value) {
    let request = Request::builder().method(method).uri(format!("/admin/v1{path}"));
    let request = request.header("authorization", "Bearer admin");
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let response = routes(engine.clone()).oneshot(request.body(body).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

fn installation(ids: &[u64]) -> FakeEngine {
    let engine = FakeEngine::default();
    let license =
        |id: &u64| License::new(LicenseId(*id), "org", ClientId::new("app"), Timestamp::from_secs(1));
    *engine.licenses.lock().unwrap() = ids.iter().map(license).collect();
    engine
}

async fn ok(engine: &FakeEngine, method: &str, path: &str, body: Value) -> Value {
    let (status, answer) = call(engine, method, path, body).await;
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    answer
}

/// The status and the words of a refusal.
async fn refused(engine: &FakeEngine, method: &str, path: &str, body: Value) -> (u16, String) {
    let (status, answer) = call(engine, method, path, body).await;
    assert!(status >= 400, "{method} {path}: {answer}");
    (status, answer["error"]["message"].as_str().unwrap().to_owned())
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
