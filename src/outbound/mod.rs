//! The way out: the guarded HTTP client that posts webhooks, and looks at web pages
//! that customers name.
//!
//! Here lives how a body leaves this machine and which addresses it may reach. What to send, when
//! and how often is decided in `domain::webhook`; nothing here retries.

mod address;
mod client;
mod preview;
mod roots;
mod signature;
mod target;
#[cfg(test)]
mod tests;

pub use address::{AddressPolicy, Forbidden, Found, Names};
pub use client::{Answer, Attempted, BuildError, Fault, Options, Post, RESPONSE_BYTES, WebhookClient};
pub use preview::Preview;
pub use signature::{Form, Signer, TOLERANCE_SECONDS, Unverified, verify};
pub use target::Target;
