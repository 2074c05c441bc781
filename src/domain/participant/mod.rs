//! Who takes part: agents, bots and customers, with status, capacity and membership.
//!
//! Here lives what is true of a person or bot. Who gets a chat is the business of `routing`.

pub mod agent;
pub mod bot;
pub mod chats;
pub mod contact;
pub mod customer;
mod customer_access;
mod duty;
pub mod ending;
pub mod filter;
pub mod form;
#[cfg(test)]
mod golden;
mod groups;
pub mod knocks;
pub mod license;
pub mod merging;
pub mod news;
pub mod person;
pub mod settings;
pub mod staff;
pub mod statistics;
pub mod visit;
pub mod window;

pub use duty::{Departure, Duty, RoutingStatus};
