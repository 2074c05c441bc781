//! Webhook calls: a dispatcher for each license drives the domain's outbox, a pool of workers
//! posts (design D10). What to send when is decided in the domain; how to post, in `outbound`.

mod books;
mod crowd;
mod dispatcher;
mod graves;
mod inspect;
mod log;
mod owed;
mod pages;
mod worker;

use switchboard_domain::id::LicenseId;
use switchboard_domain::webhook::Standing;

use crate::engine::entry::unreadable;
use crate::storage::{Save, StorageError};

pub(crate) use crowd::Crowd;
pub(crate) use dispatcher::DispatcherStart;
pub use dispatcher::{Begin, BotStatus, DispatcherActor, Due, Webhooks};
pub(crate) use graves::Graves;
pub use inspect::{EndpointView, Replayed};
pub use log::LogLine;
pub(crate) use owed::Owed;
pub(crate) use worker::{Post, WorkerActor};

/// The stored form of an outstanding delivery, or of a dead letter.
///
/// # Errors
/// For values that cannot be encoded.
fn encode<T: serde::Serialize>(what: &T) -> Result<Vec<u8>, StorageError> {
    rmp_serde::to_vec(what).map_err(|error| unreadable("a delivery", &error))
}

/// Keeps how a receiver stands; of a healthy one there is nothing to keep.
///
/// # Errors
/// For values that cannot be encoded.
fn save_receiver(
    save: &mut Save,
    license: LicenseId,
    url: &str,
    standing: &Standing,
) -> Result<(), StorageError> {
    if *standing == Standing::default() {
        save.receiver_remove(license, url);
    } else {
        save.receiver_put(license, url, &encode(standing)?);
    }
    Ok(())
}
