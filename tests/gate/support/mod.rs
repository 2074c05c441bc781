//! What the tests stand on: the server in this process, and the clients of the scenario suite.

#[path = "../../scenario/support/deeds.rs"]
pub(crate) mod deeds;
pub(crate) mod desk;
#[path = "../../scenario/support/people.rs"]
#[expect(dead_code, reason = "shared with the scenario suite, which needs more of it")]
pub(crate) mod people;
#[path = "../../scenario/support/rtm.rs"]
#[expect(dead_code, reason = "shared with the scenario suite, which needs more of it")]
pub(crate) mod rtm;
#[path = "../../scenario/support/seen.rs"]
pub(crate) mod seen;
pub(crate) mod server;
#[path = "../../scenario/support/shape.rs"]
#[expect(dead_code, reason = "shared with the scenario suite, which needs more of it")]
pub(crate) mod shape;
#[path = "../../scenario/support/sink.rs"]
#[expect(dead_code, reason = "shared with the scenario suite, which needs more of it")]
pub(crate) mod sink;
pub(crate) mod stage;
pub(crate) mod watched;
#[path = "../../scenario/support/web.rs"]
pub(crate) mod web;

use std::time::Duration;

use serde_json::Value;

/// How long anything may take that should happen at once; generous, because test machines are busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

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
