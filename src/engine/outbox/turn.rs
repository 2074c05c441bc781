//! The turn of a shard: every dirty socket is written once.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::sync::Notify;

/// Writes an outbox to its socket. Implemented by the room that owns the socket.
pub trait Wire {
    /// Writes what the outbox holds as far as the socket takes it, and never blocks. What is left
    /// is the session task's to continue.
    fn flush(&self);
}

/// The sockets of one shard that have something to write, in the order in which they got it.
#[derive(Clone, Default)]
pub struct DirtyList(Rc<Dirty>);

#[derive(Default)]
struct Dirty {
    sockets: RefCell<Vec<Rc<dyn Wire>>>,
    wake: Notify,
}

impl DirtyList {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn push(&self, wire: Rc<dyn Wire>) {
        let mut sockets = self.0.sockets.borrow_mut();
        // One wake per turn: whoever comes later finds the turn already called.
        if sockets.is_empty() {
            self.0.wake.notify_one();
        }
        sockets.push(wire);
    }
}

/// Sockets whose places in the turn's list are kept between turns; a longer list is given back.
const TURN_SOCKETS_KEPT: usize = 4096;

/// The turn of a shard: writes every dirty socket once.
pub struct TurnTask {
    dirty: DirtyList,
}

impl TurnTask {
    /// The turns of `dirty`.
    #[must_use]
    pub fn new(dirty: DirtyList) -> Self {
        Self { dirty }
    }

    /// Turn by turn, for ever. Spawn it once per shard, on its thread.
    pub async fn run(self) {
        // With a budget, tokio would call writable sockets blocked in the middle of a long turn.
        tokio::task::unconstrained(self.turns()).await;
    }

    async fn turns(self) {
        let mut turn = Vec::new();
        loop {
            self.dirty.0.wake.notified().await;
            std::mem::swap(&mut turn, &mut *self.dirty.0.sockets.borrow_mut());
            for wire in turn.drain(..) {
                wire.flush();
            }
            turn.shrink_to(TURN_SOCKETS_KEPT);
        }
    }
}
