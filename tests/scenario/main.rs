//! Stories told to the real binary over its wire, and nothing else: no test here knows the inside.
//!
//! Every story starts its own server on free ports and a fresh directory. What must hold for every frame (one push
//! per `request_id`, nothing internal for customers, no error in the server's log) is checked by the clients
//! themselves when they are dropped.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail loudly, and a failure should say what was seen"
)]

mod access;
mod administration;
mod archives;
mod availability;
mod backup;
mod bans;
mod bot_owners;
mod bots;
#[path = "../../src/domain/simulation/chance.rs"]
mod chance;
mod chat_access;
pub(crate) mod chatwoot;
mod crash;
mod customer_lists;
mod customers;
mod cut;
mod definitions;
mod errors_rtm;
mod errors_web;
mod files;
mod flapping;
mod fuzz;
mod idempotency;
mod idle;
mod license_webhooks;
mod load;
mod marks;
mod multicast;
mod notes;
mod pizza;
mod previews;
mod properties;
mod queue;
mod races;
mod rates;
mod rebuild;
mod resume;
mod routing;
mod shapes;
mod slow_clients;
mod staff;
mod start;
mod support;
mod talk;
mod threads;
mod transfer;
mod visits;
mod webhook_admin;
mod webhook_faults;
mod webhook_retry;
mod webhooks;
mod wire;
