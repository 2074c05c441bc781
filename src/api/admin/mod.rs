//! The admin face: tokens for agents, and what a supervisor of processes asks (health, readiness,
//! metrics). No API of a product and no rule of chats may appear here.

mod engine;
mod probes;
#[cfg(test)]
mod tests;
mod tokens;

use axum::Router;
use axum::routing::{get, post};

use crate::engine::handle::EngineHandle;

use self::engine::Engine;

/// Every route of the face; it has no fallback.
pub fn router(engine: EngineHandle) -> Router {
    routes(engine)
}

fn routes<E: Engine>(engine: E) -> Router {
    Router::new()
        .route("/admin/v1/tokens", post(tokens::issue::<E>))
        .route("/healthz", get(probes::healthy))
        .route("/readyz", get(probes::ready::<E>))
        .route("/metrics", get(probes::metrics::<E>))
        .with_state(engine)
}
