//! The way out: the guarded HTTP client that posts webhooks.
//!
//! Here lives how a body leaves this machine and which addresses it may reach. What to send, when
//! and how often is decided in `domain::webhook`; nothing here retries.

mod address;
mod client;
mod roots;
#[cfg(test)]
mod tests;

pub use address::{AddressPolicy, Forbidden};
pub use client::{Attempted, BuildError, Fault, Options, RESPONSE_BYTES, WebhookClient};
