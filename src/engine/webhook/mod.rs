//! Webhook calls: a dispatcher for each license drives the domain's outbox, a pool of workers
//! posts (design D10). What to send when is decided in the domain; how to post, in `outbound`.

mod dispatcher;
mod worker;

pub(crate) use dispatcher::encode;
pub use dispatcher::{BotStatus, DispatcherActor, Due, Webhooks};
pub(crate) use worker::{Post, WorkerActor};
