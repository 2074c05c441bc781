//! The Chatwoot face: the application, platform and public APIs over HTTP, the bodies of bot webhooks,
//! and the streams of `/cable`.
//!
//! A pure translator: what is read here becomes an order for the engine, what the engine answers
//! becomes JSON. A license is an account, a group with an inbox is that inbox, a chat with a ticket is
//! a conversation. No rule of chats, no storage, no socket and no other face may appear here.

mod application;
mod auth;
mod cable;
mod call;
mod customer;
mod fields;
mod hooks;
mod platform;
mod public;
mod refusal;
mod routes;
mod show;
mod widget;

use axum::Router;
use axum::body::Body;
use http::Request;
use tower::ServiceExt as _;

use crate::engine::dialect::Dialect;
use crate::engine::handle::EngineHandle;
use crate::engine::stream::StreamDialect;

/// What stored webhooks call this face.
const NUMBER: u16 = 400;

/// Every dialect of this face with the number by which stored webhooks name it.
#[must_use]
pub fn dialects() -> [(u16, &'static dyn Dialect); 1] {
    [(NUMBER, &hooks::Hooks)]
}

/// An address at which streams are opened.
#[derive(Clone, Copy)]
pub struct StreamDoor {
    /// The path of the URL.
    pub path: &'static str,
    /// The WebSocket's sub-protocols that are spoken there; to offer none is fine too.
    pub protocols: &'static [&'static str],
    /// What is spoken there.
    pub dialect: &'static dyn StreamDialect,
}

/// Every such address of this face.
#[must_use]
pub fn stream_doors() -> Vec<StreamDoor> {
    let door = |path| StreamDoor { path, protocols: &cable::PROTOCOLS, dialect: &cable::Cable };
    vec![door("/cable"), door("/cable/")]
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
