//! Actors that leave memory when nobody has asked for them for a while (design D3), and how nobody's word
//! gets lost when they do.
//!
//! Whoever wants an actor gets a [`Held`] from its [`Resident`], or tells it something while the directory's
//! entry is held. An actor is asked now and then whether it can go ([`Rest`]); it is out when nobody holds it
//! and nobody has had it since it was asked: what was told before has been heard by then, since a mailbox
//! keeps the order. What comes later finds no entry, and starts it from its snapshot.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix::{Actor, Addr, Message};

/// An actor in the directory.
pub(crate) struct Resident<A: Actor> {
    addr: Addr<A>,
    used: Arc<AtomicBool>,
}

/// The address of an actor that stays as long as this is held.
pub struct Held<A: Actor> {
    addr: Addr<A>,
    used: Arc<AtomicBool>,
}

/// Asks an actor that nobody had for a while to leave, if it can.
#[derive(Clone, Copy)]
pub(crate) struct Rest;

impl Message for Rest {
    type Result = ();
}

impl<A: Actor> Resident<A> {
    /// An actor that was just started.
    pub(crate) fn new(addr: Addr<A>) -> Self {
        Self { addr, used: Arc::new(AtomicBool::new(true)) }
    }

    /// Takes hold of it.
    pub(crate) fn hold(&self) -> Held<A> {
        Held { addr: self.addr.clone(), used: Arc::clone(&self.used) }
    }

    /// Its address, to tell it something while the entry is held. Not to be kept.
    pub(crate) fn address(&self) -> &Addr<A> {
        // Written only when it changes: the line is read by all shards.
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
        &self.addr
    }

    /// Its address, to tell it something that it may as well not hear.
    pub(crate) fn in_passing(&self) -> &Addr<A> {
        &self.addr
    }

    /// Its address, when nobody has had it since this was called last.
    pub(crate) fn unused(&self) -> Option<&Addr<A>> {
        (!self.used.swap(false, Ordering::Relaxed) && Arc::strong_count(&self.used) == 1)
            .then_some(&self.addr)
    }

    /// Can it go? Asked by itself, when it has heard [`Rest`], with the entry to itself.
    pub(crate) fn may_go(&mut self) -> bool {
        // Who holds it uses it at the latest when letting go, and is seen to have let go only after that.
        Arc::get_mut(&mut self.used).is_some_and(|used| !*used.get_mut())
    }
}

impl<A: Actor> Deref for Held<A> {
    type Target = Addr<A>;

    fn deref(&self) -> &Addr<A> {
        &self.addr
    }
}

impl<A: Actor> Drop for Held<A> {
    fn drop(&mut self) {
        self.used.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use actix::Context;

    use super::*;

    struct Anybody;

    impl Actor for Anybody {
        type Context = Context<Self>;
    }

    #[actix::test]
    async fn who_was_had_since_stays() {
        let mut resident = Resident::new(Anybody.start());
        assert!(resident.unused().is_none(), "it was just started");
        assert!(resident.unused().is_some() && resident.may_go());
        // Told something in passing.
        resident.address();
        assert!(!resident.may_go() && resident.unused().is_none());
        assert!(resident.unused().is_some() && resident.may_go());
    }

    #[actix::test]
    async fn who_is_held_stays_and_so_does_who_was_let_go_since() {
        let mut resident = Resident::new(Anybody.start());
        let held = resident.hold();
        for _ in 0..3 {
            assert!(resident.unused().is_none() && !resident.may_go());
        }
        drop(held);
        assert!(!resident.may_go(), "it may have been told something behind the question");
        assert!(resident.unused().is_none());
        assert!(resident.unused().is_some() && resident.may_go());
    }
}
