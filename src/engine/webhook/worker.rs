//! A worker of the pool: posts what a dispatcher gives it, any number side by side; how many is
//! the outbox's bound for a license, and what all of them share for the process.

use std::sync::Arc;

use actix::{Actor, Addr, Context, Handler, Message};
use bytes::Bytes;
use switchboard_domain::webhook::Attempt;

use crate::engine::link;
use crate::engine::shard::Shard;
use crate::engine::webhook::DispatcherActor;
use crate::engine::webhook::dispatcher::Attempted;
use crate::outbound::{self, Signer, Target, WebhookClient};

/// A worker.
pub(crate) struct WorkerActor(pub(crate) WebhookClient);

/// One attempt.
pub(crate) struct Post {
    /// What to post.
    pub attempt: Attempt,
    /// Where, read once for all calls there.
    pub to: Arc<Target>,
    /// Signs it.
    pub signer: Arc<Signer>,
    /// Who hears how it went.
    pub reply: Addr<DispatcherActor>,
}

impl Message for Post {
    type Result = ();
}

impl Actor for WorkerActor {
    type Context = Context<Self>;
}

impl Handler<Post> for WorkerActor {
    type Result = ();

    fn handle(&mut self, Post { attempt, to, signer, reply }: Post, _: &mut Context<Self>) {
        let (client, engine) = (self.0.clone(), Shard::here().engine.clone());
        let work = async move {
            let delivery = &attempt.delivery;
            let post = outbound::Post {
                to: &to,
                delivery: delivery.id.as_str(),
                // The same bytes, not a copy.
                body: Bytes::from_owner(Arc::clone(&delivery.body)),
                timeout: attempt.timeout,
            };
            let attempted = engine.tables().webhooks.call(client.post(post, &signer)).await;
            if attempted.answer.is_err() {
                tracing::debug!(delivery = %delivery.id, ?attempted, "a webhook call failed");
            }
            link::tell(&reply, Attempted { attempt, attempted });
        };
        // Not a future of the actor: it would poll all of its own whenever one of them is woken.
        tokio::spawn(work);
    }
}
