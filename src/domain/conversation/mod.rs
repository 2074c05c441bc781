//! A conversation: threads, events, members, assignment, access, properties, seen markers.
//!
//! [`Conversation::decide`] answers a command with facts and changes nothing; `apply` is the only
//! mutation. Storage, sessions and wire formats may not appear here.

pub mod access;
mod amended;
mod apply;
pub mod archive;
mod change_access;
mod change_properties;
pub mod command;
mod customer;
mod decide;
pub mod details;
pub mod event;
pub mod fact;
mod file;
pub mod idempotency;
mod marks;
mod membership;
mod open;
pub mod properties;
pub mod property_change;
pub mod push;
pub mod recent;
mod signals;
mod state;
mod system;
#[cfg(test)]
mod tests;
pub mod ticket;
mod timers;
mod transfer;
pub mod view;
mod views;
pub mod watching;
mod weight;

pub use amended::{Amended, amend};
pub use decide::{Context, Decision, Lookup};
pub use state::{Assignment, Chunk, Conversation, ThreadHead};
pub use timers::{Deadline, Surroundings};
