//! What a supervisor of processes asks.

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::engine::Engine;

/// The text format of Prometheus.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /healthz`: whoever answers, lives.
pub(super) async fn healthy() -> &'static str {
    "ok\n"
}

/// `GET /readyz`
pub(super) async fn ready<E: Engine>(State(engine): State<E>) -> impl IntoResponse {
    if engine.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

/// `GET /metrics`
pub(super) async fn metrics<E: Engine>(State(engine): State<E>) -> impl IntoResponse {
    ([(CONTENT_TYPE, PROMETHEUS_TEXT)], engine.metrics())
}
