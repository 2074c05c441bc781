//! Every send between actors. actix would let a message be lost in many ways (a closed mailbox,
//! a full one, a dropped reply); here stands what we do about it, once.

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, Message};
use switchboard_domain::error::Rejected;

/// Tells an actor something. Mailboxes are not bounded here: what can fill them is bounded at
/// its source (design D6). A stopped actor hears nothing more, and needs nothing more.
#[expect(clippy::disallowed_methods, reason = "the one place that sends")]
pub(crate) fn tell<A, M>(to: &Addr<A>, message: M)
where
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    to.do_send(message);
}

/// Asks an actor and waits for its word. Only operations may wait, never an actor (design D7).
///
/// # Errors
/// `Internal` when the actor is gone.
#[expect(clippy::disallowed_methods, reason = "the one place that sends")]
pub(crate) async fn ask<A, M>(to: &Addr<A>, message: M) -> Result<M::Result, Rejected>
where
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    to.send(message).await.map_err(|_| Rejected::Internal)
}

/// Something that tells an actor the same thing each time it is called.
pub(crate) fn reminder<A, M>(to: Addr<A>, message: M) -> Box<dyn Fn()>
where
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
    M: Message + Clone + Send + 'static,
    M::Result: Send,
{
    Box::new(move || tell(&to, message.clone()))
}
