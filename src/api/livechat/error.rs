//! What a failed call says: `{"error":{"type","message"}}`. Which failure is which type is a
//! matter of the version; which HTTP status goes with a type is not (spec v3.0, section 2).

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;

/// An error as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct WireError {
    /// What clients branch on.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// For people.
    pub(super) message: Cow<'static, str>,
    /// Seconds to wait before asking again, where that helps.
    #[serde(skip)]
    pub(super) retry_after: Option<u64>,
}

impl WireError {
    /// An error of a type.
    pub(super) fn new(kind: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// A request that cannot be.
    pub(super) fn validation(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("validation", message)
    }

    /// The token calls too often (later versions' type; v3.0 names none).
    pub(super) fn too_many_requests(wait: Duration) -> Self {
        let retry_after = Some(wait.as_secs() + 1);
        Self { retry_after, ..Self::new("too_many_requests", "Too many requests") }
    }

    /// The URL names a version that is not served.
    pub(super) fn unsupported_version() -> Self {
        Self::new("unsupported_version", "Unsupported version")
    }

    /// The query names a license that does not exist.
    pub(super) fn license_not_found() -> Self {
        Self::new("license_not_found", "License not found")
    }

    /// The HTTP status that goes with the type.
    pub(super) fn status(&self) -> u16 {
        match self.kind {
            "authentication" => 401,
            "authorization" | "customer_banned" => 403,
            "license_not_found" | "group_not_found" => 404,
            "request_timeout" => 408,
            "entity_too_large" => 413,
            "too_many_requests" => 429,
            "internal" => 500,
            "group_offline" | "group_unavailable" => 503,
            _ => 400,
        }
    }

    /// The body of a failed HTTP call.
    pub(super) fn body(&self) -> String {
        super::json_text(&Wrapped { error: self })
    }
}

/// The shape around every error, in HTTP bodies and in answers over a socket.
#[derive(Serialize)]
pub(super) struct Wrapped<'a> {
    /// The error.
    pub(super) error: &'a WireError,
}
