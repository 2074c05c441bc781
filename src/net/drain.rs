//! The word that the process is going to stop.

use std::sync::Arc;

use tokio::sync::watch;

/// Tells all shards at once to accept what waits and then no more. Clones are the same drain.
#[derive(Clone)]
pub struct Drain {
    started: Arc<watch::Sender<bool>>,
}

impl Default for Drain {
    fn default() -> Self {
        Self { started: Arc::new(watch::Sender::new(false)) }
    }
}

impl Drain {
    /// A drain that has not started.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts it; it cannot be taken back.
    pub fn start(&self) {
        self.started.send_replace(true);
    }

    /// Whether it has started.
    #[must_use]
    pub fn is_started(&self) -> bool {
        *self.started.borrow()
    }

    /// Waits until it starts.
    pub async fn started(&self) {
        // The sender lives as long as `self`, so the wait ends only with the start.
        self.started.subscribe().wait_for(|started| *started).await.ok();
    }
}
