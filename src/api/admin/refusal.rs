//! What this face refuses, and how it says so.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use switchboard_domain::error::{Rejected, Resource};

use crate::engine::order::Failure;

/// A refusal: status and words.
#[derive(Debug)]
pub(super) struct Refused(StatusCode, String);

impl Refused {
    /// A field that cannot be.
    pub(super) fn field(name: &str, reason: impl std::fmt::Display) -> Self {
        Self(StatusCode::BAD_REQUEST, format!("{name}: {reason}"))
    }

    /// Something that the address names is not there; what is foreign is like what is unknown.
    pub(super) fn unknown(name: &str, what: &str) -> Self {
        Self(StatusCode::NOT_FOUND, format!("{name}: no such {what}"))
    }

    /// No, or not the administrator's token.
    pub(super) fn stranger() -> Self {
        Self(StatusCode::UNAUTHORIZED, "the administrator's token is needed".into())
    }
}

/// A method that an address does not know.
pub(super) async fn method_not_allowed() -> Response {
    Refused(StatusCode::METHOD_NOT_ALLOWED, "this address does not know the method".into()).into_response()
}

impl From<Rejected> for Refused {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Invalid { field, reason } => Self::field(&field, reason),
            Rejected::GroupNotFound(_) => Self::unknown("group_id", "group"),
            Rejected::NotFound(Resource::User | Resource::Bot) => Self::unknown("agent_id", "agent"),
            Rejected::NotFound(Resource::License) => Self::unknown("license_id", "license"),
            Rejected::NotFound(Resource::Webhook) => Self::unknown("webhook_id", "webhook"),
            Rejected::AllowanceReached => {
                Self(StatusCode::BAD_REQUEST, "the license has as many as its owner allows".into())
            }
            Rejected::StorageFull => {
                Self(StatusCode::INTERNAL_SERVER_ERROR, "the disk is full: nothing was changed".into())
            }
            other => {
                tracing::error!(?other, "an order of the administration failed");
                Self(StatusCode::INTERNAL_SERVER_ERROR, "internal error: nothing was changed".into())
            }
        }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Rejected(rejected) => rejected.into(),
            other => {
                tracing::error!(?other, "an order of the administration failed");
                Self(StatusCode::INTERNAL_SERVER_ERROR, "it is not known whether it was carried out".into())
            }
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": { "message": self.1 } }))).into_response()
    }
}
