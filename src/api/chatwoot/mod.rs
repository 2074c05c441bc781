//! The Chatwoot face: the application, platform, public and widget APIs over HTTP, and the bodies of
//! bot webhooks.
//!
//! A pure translator: what is read here becomes an order for the engine, what the engine answers
//! becomes JSON. A license is an account, a group with an inbox is that inbox, a chat with a ticket is
//! a conversation. No rule of chats, no storage, no socket and no other face may appear here.

mod application;
mod auth;
mod call;
mod fields;
mod hooks;
mod platform;
mod public;
mod refusal;
mod routes;
mod show;

use axum::Router;
use axum::body::Body;
use http::Request;
use tower::ServiceExt as _;

use crate::engine::dialect::Dialect;
use crate::engine::handle::EngineHandle;

/// What stored webhooks call this face.
const NUMBER: u16 = 400;

/// Every dialect of this face with the number by which stored webhooks name it.
#[must_use]
pub fn dialects() -> [(u16, &'static dyn Dialect); 1] {
    [(NUMBER, &hooks::Hooks)]
}

/// This face beside others: it takes the requests whose address is its own, with whatever slashes.
pub fn beside(engine: EngineHandle, others: Router) -> Router {
    Router::new().fallback(move |request: Request<Body>| {
        let (engine, others) = (engine.clone(), others.clone());
        async move {
            if routes::is_ours(request.uri().path()) {
                return routes::answer(&engine, request).await;
            }
            others.oneshot(request).await.unwrap_or_else(|never| match never {})
        }
    })
}
