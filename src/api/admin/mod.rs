//! The admin face: what an operator needs (licenses, groups, forms, agents, tokens,
//! webhooks), and what a
//! supervisor of processes asks (health, readiness, metrics). No API of a product and no rule of
//! chats may appear here.

mod agents;
mod engine;
mod fields;
mod forms;
mod groups;
mod licenses;
mod members;
mod probes;
mod refusal;
mod settings;
mod tenant;
#[cfg(test)]
mod tests;
mod tokens;
mod webhooks;

use axum::Router;
use axum::routing::{get, post, put};

pub use forms::{form, form_word};

use crate::engine::handle::EngineHandle;

use self::engine::Engine;

/// Every route of the face; it has no fallback.
pub fn router(engine: EngineHandle) -> Router {
    routes(engine)
}

fn routes<E: Engine>(engine: E) -> Router {
    let administration = Router::new()
        .route("/tokens", post(tokens::issue::<E>))
        .route("/licenses", get(licenses::list::<E>))
        .route("/licenses/{license}", get(licenses::get::<E>).patch(licenses::change::<E>))
        .route("/agents", get(agents::list::<E>).post(agents::create::<E>))
        .route(
            "/agents/{agent}",
            get(agents::get::<E>).patch(agents::change::<E>).delete(agents::delete::<E>),
        )
        .route("/agents/{agent}/logout", post(agents::log_out::<E>))
        .route("/groups", get(groups::list).post(groups::create::<E>))
        .route("/groups/{group}", get(groups::get).patch(groups::change::<E>).delete(groups::delete::<E>))
        .route("/groups/{group}/members", get(members::list::<E>))
        .route("/groups/{group}/members/{agent}", put(members::put::<E>).delete(members::delete::<E>))
        .route(
            "/groups/{group}/forms/{form}",
            get(forms::get).put(forms::put::<E>).delete(forms::delete::<E>),
        )
        .route("/webhooks", get(webhooks::list::<E>))
        .route("/webhooks/{webhook}", get(webhooks::get::<E>))
        .route("/webhooks/{webhook}/dead_letters", get(webhooks::dead_letters::<E>))
        .route("/webhooks/{webhook}/replay", post(webhooks::replay::<E>))
        .route("/webhooks/{webhook}/enable", post(webhooks::enable::<E>))
        .route("/webhooks/{webhook}/disable", post(webhooks::disable::<E>))
        .route("/webhooks/{webhook}/rotate_secret", post(webhooks::rotate_secret::<E>))
        .method_not_allowed_fallback(refusal::method_not_allowed);
    Router::new()
        .nest("/admin/v1", administration)
        .route("/healthz", get(probes::healthy))
        .route("/readyz", get(probes::ready::<E>))
        .route("/metrics", get(probes::metrics::<E>))
        .with_state(engine)
}
