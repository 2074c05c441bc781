//! The rules of Switchboard.
//!
//! Pure: time, ids and randomness come in as arguments; nothing here waits, locks or reads the
//! world. `decide` returns facts and changes nothing, `apply` is the only mutation and cannot
//! fail. Kept in the newest shape of the field; which API version a client speaks is unknown here.

pub mod auth;
pub mod conversation;
pub mod desk;
pub mod error;
pub mod id;
pub mod limits;
pub mod participant;
pub mod routing;
#[cfg(test)]
mod simulation;
pub mod time;
pub mod webhook;
