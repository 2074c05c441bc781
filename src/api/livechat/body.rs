//! Bodies of HTTP calls: bounded, and refused from their head when that says enough.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::error::WireError;

/// Bytes of a JSON or form body (spec v3.0, 12 #6); more is `entity_too_large`.
pub(super) const BODY_BYTES: usize = 1024 * 1024;

/// How long a body may take to arrive: as long as a request may (spec v3.0, 1.4). It is held in
/// memory, before anybody is known to be behind it; what is slower is `request_timeout`.
pub(super) const BODY_TIME: Duration = Duration::from_secs(15);

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
    Ok((written, collect(request.into_body(), BODY_TIME).await?))
}

async fn collect(body: Body, time: Duration) -> Result<Bytes, WireError> {
    match tokio::time::timeout(time, Limited::new(body, BODY_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(WireError::validation("The request ended before its body")),
        Err(_) => Err(WireError::new("request_timeout", "Request timed out")),
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
        let mut response = respond(status, self.body());
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

pub(super) fn respond(status: StatusCode, json: String) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], Body::from(json)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_that_does_not_come_to_its_end_is_given_up() {
        let stuck = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let refused = collect(stuck, Duration::from_millis(1)).await;
        assert_eq!(refused.map_err(|error| (error.kind, error.status())), Err(("request_timeout", 408)));
        let whole = collect(Body::from("{}"), Duration::from_secs(5)).await;
        assert_eq!(whole, Ok(Bytes::from_static(b"{}")));
    }
}
