//! Switchboard: an actor-based realtime messaging engine for live chat.
//!
//! ARCHITECTURE.md shows the house; every room's own page says what lives there and what may not.

pub mod api;
pub mod cli;
pub mod config;
pub mod engine;
pub mod forms;
pub mod net;
pub mod outbound;
pub mod storage;
pub mod telemetry;
