//! How the process sees itself and the world: the clocks and the source of randomness, the log,
//! the metrics, the traffic of a thread.
//!
//! Every room but `domain` may use this one; it uses none but `domain`. No rule of chat belongs here.

pub mod clock;
pub mod log;
pub mod metrics;
pub mod traffic;
