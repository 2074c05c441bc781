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
use crate::outbound::{self, Call, Callers, Signer, Target, WebhookClient};

/// A worker.
pub(crate) struct WorkerActor(Callers<Post>);

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

impl Call for Post {
    async fn make(self, client: &WebhookClient) {
        let Self { attempt, to, signer, reply } = self;
        let delivery = &attempt.delivery;
        let post = outbound::Post {
            to: &to,
            delivery: delivery.id.as_str(),
            // The same bytes, not a copy.
            body: Bytes::from_owner(Arc::clone(&delivery.body)),
            timeout: attempt.timeout,
        };
        let shard = Shard::here();
        let attempted = shard.engine.tables().webhooks.call(client.post(post, &signer)).await;
        if attempted.answer.is_err() {
            tracing::debug!(delivery = %delivery.id, ?attempted, "a webhook call failed");
        }
        link::tell(&reply, Attempted { attempt, attempted });
    }
}

impl WorkerActor {
    /// A worker that posts with this client.
    pub(crate) fn new(client: WebhookClient) -> Self {
        Self(Callers::new(client))
    }
}

impl Actor for WorkerActor {
    type Context = Context<Self>;
}

impl Handler<Post> for WorkerActor {
    type Result = ();

    /// Not a future of the actor: it would poll all of its own whenever one of them is woken.
    fn handle(&mut self, post: Post, _: &mut Context<Self>) {
        self.0.give(post);
    }
}
