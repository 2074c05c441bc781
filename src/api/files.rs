//! Serves the files that users sent. Whoever has the address may read one. What a browser would run in
//! this server's name (pages, scripts, drawings with scripts) is only ever downloaded.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use tower::ServiceExt as _;
use tower_http::services::ServeFile;

use crate::engine::EngineHandle;
use crate::engine::files::FILES;

/// What a page may show by itself; everything else is downloaded.
const SHOWN: [&str; 11] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "video/mp4",
    "video/webm",
    "text/plain",
];

/// The addresses of files.
pub fn router(engine: EngineHandle) -> Router {
    Router::new()
        .route(&format!("{FILES}{{id}}"), get(one))
        .route(&format!("{FILES}{{id}}/{{name}}"), get(named))
        .with_state(engine)
}

async fn named(
    State(engine): State<EngineHandle>,
    Path((id, _)): Path<(String, String)>,
    request: Request,
) -> Response {
    serve(&engine, &id, request).await
}

async fn one(State(engine): State<EngineHandle>, Path(id): Path<String>, request: Request) -> Response {
    serve(&engine, &id, request).await
}

async fn serve(engine: &EngineHandle, id: &str, request: Request) -> Response {
    let Some(file) = engine.file_served(id).await else {
        let body = r#"{"error":{"type":"validation","message":"File not found"}}"#;
        return (StatusCode::NOT_FOUND, [(http::header::CONTENT_TYPE, "application/json")], body)
            .into_response();
    };
    let mime = file.content_type.parse().unwrap_or(mime::APPLICATION_OCTET_STREAM);
    let served = ServeFile::new_with_mime(&file.path, &mime).oneshot(request).await;
    let mut response = served.map_or_else(|never| match never {}, |response| response.map(Body::new));
    // What is gone tomorrow may not be had from elsewhere then; what is not there may be a moment later.
    let found = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let kept_elsewhere = if found { "private, max-age=3600" } else { "no-store" };
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 4] = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (CACHE_CONTROL, kept_elsewhere),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !SHOWN.contains(&file.content_type.as_str()) {
        // The browser takes the name from the address.
        headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    response
}
