//! A worker of the pool: posts what a dispatcher gives it, any number side by side; how many is
//! the outbox's bound.

use std::sync::Arc;

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, WrapFuture};
use bytes::Bytes;
use http::HeaderMap;
use switchboard_domain::webhook::Delivery;

use crate::engine::link;
use crate::engine::webhook::DispatcherActor;
use crate::engine::webhook::dispatcher::Attempted;
use crate::outbound::WebhookClient;

/// A worker.
pub(crate) struct WorkerActor(pub(crate) WebhookClient);

/// One attempt.
pub(crate) struct Post {
    /// What to post.
    pub delivery: Arc<Delivery>,
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

    fn handle(&mut self, Post { delivery, reply }: Post, ctx: &mut Context<Self>) {
        let client = self.0.clone();
        let attempt = async move {
            let body = Bytes::copy_from_slice(&delivery.body);
            let attempted = client.post(&delivery.url, delivery.id.as_str(), body, HeaderMap::new()).await;
            if attempted.answer.is_err() {
                tracing::debug!(delivery = %delivery.id, ?attempted, "a webhook call failed");
            }
            link::tell(&reply, Attempted { id: delivery.id.clone(), outcome: attempted.outcome() });
        };
        ctx.spawn(attempt.into_actor(self).map(|(), _, _| ()));
    }
}
