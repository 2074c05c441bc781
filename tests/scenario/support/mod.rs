//! What every story stands on: the server as a child process, clients of both transports, a webhook receiver.
//!
//! Nothing here sleeps to wait. Whatever is awaited has a deadline, and what was seen until then is shown.

pub(crate) mod admin;
pub(crate) mod deeds;
pub(crate) mod people;
pub(crate) mod rtm;
pub(crate) mod seen;
pub(crate) mod server;
pub(crate) mod shape;
pub(crate) mod sink;
pub(crate) mod small;
pub(crate) mod web;

use std::time::Duration;

use serde_json::Value;

/// How long anything may take that should happen at once; generous, because test machines are busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// How long a first webhook retry may take: its delay is 5 s, plus jitter, plus [`DEADLINE`].
pub(crate) const RETRY_DEADLINE: Duration = Duration::from_secs(25);

/// A number that the environment may set, for longer runs and other games.
pub(crate) fn number_from_env(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} should be a number: {text}")),
        Err(_) => default,
    }
}

/// Says what a failed test should be read with, such as its seed.
#[expect(clippy::print_stderr, reason = "it belongs to the report of a failed test")]
pub(crate) fn announce(what: &str) {
    eprintln!("{what}");
}

/// An error as the wire tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WireError {
    pub(crate) kind: String,
    pub(crate) message: String,
}

impl WireError {
    /// Reads `{"error": {"type", "message"}}`; every error must have both as non-empty strings.
    pub(crate) fn read(body: &Value) -> Self {
        let text = |key: &str| body["error"][key].as_str().unwrap_or_default().to_owned();
        let error = Self { kind: text("type"), message: text("message") };
        assert!(!error.kind.is_empty() && !error.message.is_empty(), "not an error of the wire: {body}");
        error
    }
}

/// One way to call the API, so that a story can be told on both transports.
pub(crate) enum Caller {
    Rtm(rtm::Rtm),
    Web(web::Web),
}

impl Caller {
    pub(crate) async fn call(&self, action: &str, payload: Value) -> Result<Value, WireError> {
        match self {
            Self::Rtm(rtm) => rtm.call(action, payload).await,
            Self::Web(web) => web.call(action, payload).await.map_err(|(_, error)| error),
        }
    }

    pub(crate) async fn ok(&self, action: &str, payload: Value) -> Value {
        match self.call(action, payload).await {
            Ok(value) => value,
            Err(error) => panic!("{action} on {} failed: {error:?}", self.name()),
        }
    }

    pub(crate) async fn err(&self, action: &str, payload: Value) -> WireError {
        match self.call(action, payload).await {
            Ok(value) => panic!("{action} on {} should have failed, but answered {value}", self.name()),
            Err(error) => error,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Rtm(_) => "RTM",
            Self::Web(_) => "Web",
        }
    }
}

/// Asks again until it is so, with a deadline.
pub(crate) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let asking = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, asking).await.is_ok(), "in vain: {what}");
}
