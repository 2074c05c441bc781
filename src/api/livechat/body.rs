//! Bodies of HTTP calls: bounded, and refused from their head when that says enough.

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::error::WireError;

/// Bytes of a JSON or form body (spec v3.0, 12 #6); more is `entity_too_large`.
pub(super) const BODY_BYTES: usize = 1024 * 1024;

/// What a body is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// `application/json`
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
}

/// Reads a whole body written in one of the given ways. A length beyond the bound is refused
/// without reading anything.
pub(super) async fn read(request: Request, ways: &[Written]) -> Result<(Written, Bytes), WireError> {
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if declared.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > BODY_BYTES as u64)
    {
        return Err(too_large());
    }
    let written = written(request.headers())
        .filter(|written| ways.contains(written))
        .ok_or_else(|| WireError::validation("Content-Type: must be application/json"))?;
    match Limited::new(request.into_body(), BODY_BYTES).collect().await {
        Ok(body) => Ok((written, body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(WireError::validation("The request ended before its body")),
    }
}

/// The text of a JSON body.
pub(super) async fn read_json(request: Request) -> Result<Bytes, WireError> {
    read(request, &[Written::Json]).await.map(|(_, bytes)| bytes)
}

/// JSON is text.
pub(super) fn text(bytes: &Bytes) -> Result<&str, WireError> {
    std::str::from_utf8(bytes).map_err(|_| WireError::validation("request: must be UTF-8"))
}

fn written(headers: &HeaderMap) -> Option<Written> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let kind = value.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        Some(Written::Json)
    } else if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Some(Written::Form)
    } else {
        None
    }
}

fn too_large() -> WireError {
    WireError::new("entity_too_large", "Upload limit exceeded (1MB)")
}

/// The bearer token of a call.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A call that went well: the bare payload.
pub(super) fn success(json: String) -> Response {
    respond(StatusCode::OK, json)
}

impl IntoResponse for WireError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        respond(status, self.body())
    }
}

pub(super) fn respond(status: StatusCode, json: String) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], Body::from(json)).into_response()
}
