//! Sockets: listeners per shard, TLS, HTTP connections, the upgrade, and WebSockets under the engine's
//! outboxes.
//!
//! A connection lives on the shard that accepted it. What is said on it is not this room's business: HTTP
//! goes to a [`axum::Router`], WebSocket messages go to the engine's
//! [`SocketEvents`](crate::engine::outbox::SocketEvents). No wire type of a face, and no rule, lives here.

pub mod accept;
mod body;
mod closing;
pub mod conn;
pub mod dev_certificate;
pub mod doors;
pub mod drain;
mod http_conn;
pub mod limits;
pub mod listen;
mod refusal;
pub mod sock;
pub mod socket;
pub mod tls;
pub mod upgrade;

#[cfg(test)]
mod tests;
