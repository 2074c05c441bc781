//! What an operator may set of the engine.

use std::sync::Arc;
use std::time::Duration;

use switchboard_domain::participant::knocks::Patience;
use switchboard_domain::webhook::{Keeping, Schedules};

use crate::engine::limits::{
    ACTOR_IDLE_TIME, CALLS_AT_ONCE, CALLS_PER_MINUTE, CHECKPOINT_TIME, CONNECTIONS_PER_USER,
    CUSTOMER_INACTIVITY, IDLE_TIME, LOGIN_TIME, LOOKS_PER_TIMER, PATIENCE, REQUEST_TIME,
    STRANGERS_PER_ADDRESS, TICK,
};
use crate::engine::outbox::OUTBOX_BYTES;

/// What an operator may set of the engine.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a connection may take to log in.
    pub login_time: Duration,
    /// How long a logged-in connection may be silent.
    pub idle_time: Duration,
    /// How long a request may take.
    pub request_time: Duration,
    /// Bytes that may wait for a slow session.
    pub outbox_bytes: usize,
    /// Calls of one token over HTTP in a minute; 0: as many as it likes.
    pub calls_per_minute: u32,
    /// Calls of one token over HTTP at a time; 0: as many as it likes.
    pub calls_at_once: usize,
    /// Connections of one agent or customer.
    pub connections_per_user: usize,
    /// Connections from one address that have not logged in.
    pub strangers_per_address: usize,
    /// Under which address the world reaches the server, without a slash at its end; missing: as requests
    /// name it.
    pub public_url: Option<Arc<str>>,
    /// Pages of these origins may open streams; empty: of any.
    pub stream_origins: Arc<[String]>,
    /// How long a customer's connection may be without a word or a new page.
    pub customer_inactivity: Duration,
    /// Patience with customers who keep knocking.
    pub patience: Patience,
    /// How patient webhook calls are.
    pub schedules: Schedules,
    /// How many dead letters a license keeps, and how long.
    pub dead_letters: Keeping,
    /// Time between two checkpoints, at least a tick.
    pub checkpoint_time: Duration,
    /// After so long a conversation that is over, or a customer who is away, leaves memory when nobody has
    /// asked for it; at least a tick, and twice as long at most.
    pub actor_idle_time: Duration,
}

impl Settings {
    /// Ticks between two checkpoints.
    pub(crate) fn ticks_per_checkpoint(&self) -> u32 {
        ticks(self.checkpoint_time)
    }

    /// Ticks after which actors that nobody asks for leave memory.
    pub(crate) fn ticks_until_rest(&self) -> u32 {
        ticks(self.actor_idle_time)
    }

    /// How often the timers of a session are looked at.
    pub(crate) fn look_again(&self) -> Duration {
        let shortest = self.login_time.min(self.idle_time).min(self.request_time);
        shortest.min(self.customer_inactivity) / LOOKS_PER_TIMER
    }
}

fn ticks(time: Duration) -> u32 {
    u32::try_from(time.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX / 4).max(1)
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            login_time: LOGIN_TIME,
            idle_time: IDLE_TIME,
            request_time: REQUEST_TIME,
            outbox_bytes: OUTBOX_BYTES,
            calls_per_minute: CALLS_PER_MINUTE,
            calls_at_once: CALLS_AT_ONCE,
            connections_per_user: CONNECTIONS_PER_USER,
            strangers_per_address: STRANGERS_PER_ADDRESS,
            public_url: None,
            stream_origins: Arc::default(),
            customer_inactivity: CUSTOMER_INACTIVITY,
            patience: PATIENCE,
            schedules: Schedules::default(),
            dead_letters: Keeping::default(),
            checkpoint_time: CHECKPOINT_TIME,
            actor_idle_time: ACTOR_IDLE_TIME,
        }
    }
}
