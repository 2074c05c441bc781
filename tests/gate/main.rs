//! Nothing is shown that a crash can forget (design D4): the engine in this process, over real
//! sockets, on a storage in memory whose durability is a gate in the hand of the test.
//!
//! The clients are those of the scenario suite. Nothing here sleeps: that something did *not*
//! leave is concluded from what was answered after it on the same connections.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail loudly, and a failure should say what was seen"
)]

mod bans;
mod changes;
mod connections;
mod consequences;
mod crash;
mod dead_letters;
mod desk;
mod disk;
mod full_disk;
mod golden;
mod held_back;
mod logins;
mod merging;
mod order;
mod support;
mod timers;
mod webhook_start;
