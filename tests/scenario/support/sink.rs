//! A webhook receiver: records what arrives, answers as told, can hold its answers back.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::DEADLINE;
use super::seen::Seen;

/// One request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The body, parsed.
    pub(crate) json: Value,
    /// What it was (or will be) answered with.
    pub(crate) status: u16,
    /// The other end of the connection that brought it.
    pub(crate) peer: SocketAddr,
    taken: bool,
}

impl Hit {
    pub(crate) fn action(&self) -> &str {
        self.json["action"].as_str().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn is_about(&self, chat: &str) -> bool {
        self.json["data"]["chat_id"] == chat || self.json["data"]["chat"]["id"] == chat
    }

    pub(crate) fn says(&self, text: &str) -> bool {
        self.json["data"]["event"]["text"] == text
    }
}

type Rule = Box<dyn FnMut(&Value) -> u16 + Send>;

struct Shared {
    hits: Seen<Hit>,
    rule: Mutex<Rule>,
    open: watch::Sender<bool>,
}

/// A receiver on a free port of the loopback. Every path is an endpoint of its own.
pub(crate) struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Sink {
    /// Starts to listen; answers 200 until told otherwise.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            hits: Seen::new(),
            rule: Mutex::new(Box::new(|_| 200)),
            open: watch::Sender::new(true),
        });
        let router = Router::new().fallback(receive).with_state(Arc::clone(&shared));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { address, shared, task }
    }

    /// The URL of a path here.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The `webhooks` object of a bot that hears these actions at `path`.
    pub(crate) fn webhooks(&self, path: &str, actions: Value) -> Value {
        let actions = match actions {
            Value::Array(actions) => actions.into_iter().map(|action| match action {
                Value::String(name) => json!({ "name": name }),
                other => other,
            }),
            other => panic!("a list of actions: {other}"),
        };
        json!({
            "url": self.url(path),
            "secret_key": "s3cr3t",
            "actions": actions.collect::<Vec<_>>(),
        })
    }

    /// From now on answers with the status that `rule` gives for a body.
    pub(crate) fn answer(&self, rule: impl FnMut(&Value) -> u16 + Send + 'static) {
        *self.shared.rule.lock().unwrap() = Box::new(rule);
    }

    /// Requests still arrive and are recorded, but no answer leaves until [`Sink::release`].
    pub(crate) fn hold(&self) {
        self.shared.open.send_replace(false);
    }

    pub(crate) fn release(&self) {
        self.shared.open.send_replace(true);
    }

    /// Waits for a request that nobody took yet, and takes it.
    pub(crate) async fn hit(&self, what: &str, fits: impl Fn(&Hit) -> bool) -> Hit {
        self.hit_within(DEADLINE, what, fits).await
    }

    pub(crate) async fn hit_within(
        &self,
        deadline: Duration,
        what: &str,
        fits: impl Fn(&Hit) -> bool,
    ) -> Hit {
        let pick = |hits: &mut Vec<Hit>| {
            let hit = hits.iter_mut().find(|hit| !hit.taken && fits(hit))?;
            hit.taken = true;
            Some(hit.clone())
        };
        self.shared.hits.wait(what, deadline, pick).await
    }

    /// Waits for a request at `path` after the first `old` ones, taken or not, and leaves it there; none when it
    /// does not come.
    pub(crate) async fn hit_since(
        &self,
        path: &str,
        old: usize,
        patience: Duration,
        fits: impl Fn(&Hit) -> bool,
    ) -> Option<Hit> {
        let pick = |hits: &mut Vec<Hit>| {
            hits.iter().filter(|hit| hit.path == path).skip(old).find(|hit| fits(hit)).cloned()
        };
        self.shared.hits.wait_or_none(patience, pick).await
    }

    /// Waits for `incoming_event` with this text at `path`.
    pub(crate) async fn message(&self, path: &str, text: &str) -> Hit {
        self.hit(&format!("{text:?} at {path}"), |hit| hit.path == path && hit.says(text)).await
    }

    /// Everything that arrived at `path` until now, in order.
    pub(crate) fn at(&self, path: &str) -> Vec<Hit> {
        self.shared.hits.lock().iter().filter(|hit| hit.path == path).cloned().collect()
    }

    /// The texts of the messages that arrived at `path` until now.
    pub(crate) fn texts(&self, path: &str) -> Vec<String> {
        let messages = self.at(path).into_iter().filter(|hit| hit.json["data"]["event"]["type"] == "message");
        messages.map(|hit| hit.json["data"]["event"]["text"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let json_type = parts
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.to_str().is_ok_and(|kind| kind.starts_with("application/json")));
    // A request that is no webhook shows up as an odd hit, and fails whoever reads it.
    let json = match serde_json::from_slice(&body) {
        Ok(json) if json_type && parts.method == Method::POST => json,
        _ => json!({ "not_a_webhook": format!("{parts:?}") }),
    };
    let status = (shared.rule.lock().unwrap())(&json);
    let (path, headers) = (parts.uri.path().to_owned(), parts.headers);
    shared.hits.add(Hit { path, headers, body, json, status, peer, taken: false });
    let mut open = shared.open.subscribe();
    let _ = open.wait_for(|open| *open).await;
    let status = StatusCode::from_u16(status).unwrap();
    let location = [(header::LOCATION, "http://127.0.0.1:9/")];
    match status {
        StatusCode::TEMPORARY_REDIRECT => (status, location).into_response(),
        StatusCode::TOO_MANY_REQUESTS => (status, [(header::RETRY_AFTER, "7")], "slowly").into_response(),
        _ => (status, "what a receiver says is nobody's business").into_response(),
    }
}
