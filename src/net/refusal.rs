//! Answers that this room gives itself, before a face sees the request.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

/// The error body that all faces share: `{"error":{"type":..,"message":..}}`.
pub(crate) fn refusal(status: StatusCode, kind: &'static str, message: &str) -> Response<Body> {
    let body = serde_json::json!({ "error": { "type": kind, "message": message } });
    (status, axum::Json(body)).into_response()
}
