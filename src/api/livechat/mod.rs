//! The LiveChat face: Agent Chat, Customer Chat and Configuration APIs over HTTP ([`web`]), the
//! addresses and dialects for sockets ([`doors`]), and the accounts calls.
//!
//! A pure translator: what is read here becomes an order for the engine, what the engine answers
//! becomes JSON. Each version of the wire is a room of its own (`v3_0`); beside them stands what
//! all versions share. No rule of chats, no storage, no socket and no other face may appear here.

mod accounts;
mod body;
mod call;
mod doors;
mod engine;
mod error;
mod files;
mod object;
mod routes;
#[cfg(test)]
mod tests;
mod v3_0;

use axum::Router;
use serde::Serialize;

use crate::engine::dialect::{Dialect, Side};
use crate::engine::handle::EngineHandle;

pub use doors::{Admitted, Door, doors, license_not_found};

/// One of the three APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Api {
    Agent,
    Customer,
    Configuration,
}

impl Api {
    /// Whose words and rights count there.
    const fn side(self) -> Side {
        match self {
            Self::Agent | Self::Configuration => Side::Agent,
            Self::Customer => Side::Customer,
        }
    }

    /// The API that a side's sockets speak.
    const fn of(side: Side) -> Self {
        match side {
            Side::Agent => Self::Agent,
            Side::Customer => Self::Customer,
        }
    }
}

/// Every HTTP call of this face. Its fallback answers unknown URLs, so of the routers that are
/// merged into one only this one may have a fallback.
pub fn web(engine: EngineHandle) -> Router {
    routes::routes(engine)
}

/// Every dialect of this face with the number by which stored webhooks name it.
#[must_use]
pub fn dialects() -> [(u16, &'static dyn Dialect); 1] {
    [(v3_0::NUMBER, &v3_0::V3_0)]
}

/// JSON of something that is made to be written as JSON.
fn json_text(value: &impl Serialize) -> String {
    let mut json = Vec::with_capacity(TEXT_BYTES);
    let written = serde_json::to_writer(&mut json, value).map_err(|error| error.to_string());
    let text = written.and_then(|()| String::from_utf8(json).map_err(|error| error.to_string()));
    text.unwrap_or_else(|error| {
        tracing::error!(%error, "an answer could not be written");
        r#"{"error":{"type":"internal","message":"Internal server error"}}"#.into()
    })
}

/// Room that a text has at first, bytes: a message with its frame seldom takes more.
const TEXT_BYTES: usize = 768;
