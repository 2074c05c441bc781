//! Files that stay for one order, until it is known what became of the order.

use std::fmt;

use switchboard_domain::conversation::command::Command;
use switchboard_domain::conversation::event::{Event, EventBody, File, NewEvent};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::LicenseId;

use crate::engine::files::{described, named};
use crate::engine::handle::EngineHandle;
use crate::engine::order::{Done, Failure, Order, Outcome};
use crate::engine::release::Answer;
use crate::storage::{BlobId, BlobInfo};

/// Files that were kept for an order, and that nothing else refers to.
pub struct KeptFiles {
    engine: EngineHandle,
    files: Vec<(BlobId, BlobInfo)>,
}

impl fmt::Debug for KeptFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeptFiles").field(&self.files).finish()
    }
}

impl KeptFiles {
    pub(super) const fn new(engine: EngineHandle) -> Self {
        Self { engine, files: Vec::new() }
    }

    pub(super) fn add(&mut self, id: BlobId, info: BlobInfo) {
        self.files.push((id, info));
    }

    /// The answer, with the files to be settled by it.
    pub(crate) fn watch(self, answer: Answer) -> Answer {
        if self.files.is_empty() { answer } else { Answer::WithFiles(Box::new((self, answer))) }
    }

    /// What an order with this outcome came not to refer to; `None` when that is nothing.
    pub(crate) fn unused_after(mut self, outcome: &Outcome) -> Option<Self> {
        self.files.retain(|(id, _)| !may_refer(outcome, *id));
        (!self.files.is_empty()).then_some(self)
    }

    /// Each waits again for something that refers to it.
    pub(crate) async fn give_back(self) {
        let Self { engine, files } = self;
        let given = tokio::task::spawn_blocking(move || {
            for (id, info) in files {
                match engine.blobs().give_back(id) {
                    Ok(true) => engine.is_unused_again(&info),
                    Ok(false) => {}
                    Err(error) => tracing::error!(%error, "a file of a refused order stays for good"),
                }
            }
        });
        // It ends early only with the process.
        drop(given.await);
    }
}

impl EngineHandle {
    /// What is stored of the files that an order speaks of is filled in, and stays from now on: before
    /// the order is carried out, so that nothing journaled speaks of what may go. Another's files are
    /// like none, and addresses elsewhere are left as they are. Says which stay only for this order.
    pub(crate) async fn keep_files(
        &self,
        license: LicenseId,
        order: &mut Order,
    ) -> (KeptFiles, Result<(), Rejected>) {
        let mut kept = KeptFiles::new(self.clone());
        let done = self.keep_files_of(license, order, &mut kept).await;
        (kept, done)
    }

    async fn keep_files_of(
        &self,
        license: LicenseId,
        order: &mut Order,
        kept: &mut KeptFiles,
    ) -> Result<(), Rejected> {
        for file in events_of(order).iter_mut().flat_map(files_of) {
            let Some(id) = named(&file.url) else { continue };
            if let Some((info, new)) = self.keep_named(license, id).await? {
                *file = described(&info, file.url.clone());
                if new {
                    kept.add(id, info);
                }
            }
        }
        Ok(())
    }

    /// Keeps a file of a license, if it is one; true when it was not kept before.
    async fn keep_named(&self, license: LicenseId, id: BlobId) -> Result<Option<(BlobInfo, bool)>, Rejected> {
        let found = self.blocking(move |blobs| blobs.find(id)).await.map_err(|_| Rejected::Internal)?;
        let Some(blob) = found.filter(|blob| blob.info.owner == license.0) else { return Ok(None) };
        let new = self.keep(id, &blob.info).await?;
        Ok(Some((blob.info, new)))
    }
}

/// May something refer to the file after this outcome? Where that is not known, it may.
fn may_refer(outcome: &Outcome, id: BlobId) -> bool {
    match outcome {
        // One that was said before is not said again: the files are those of then.
        Ok(Done::Posted { event, .. }) => files_in(event).any(|file| named(&file.url) == Some(id)),
        Ok(_) | Err(Failure::Timeout | Failure::Rejected(Rejected::Internal)) => true,
        Err(_) => false,
    }
}

fn files_in(event: &Event) -> impl Iterator<Item = &File> {
    let own = if let EventBody::File(file) = &event.body { Some(file) } else { None };
    let attached = event.details.as_ref().map(|details| &details.attachments);
    own.into_iter().chain(attached.into_iter().flatten())
}

fn events_of(order: &mut Order) -> &mut [NewEvent] {
    match order {
        Order::Chat(_, Command::Post { event, .. }) => std::slice::from_mut(event),
        Order::Chat(_, Command::Activate(open)) | Order::StartChat(open) => &mut open.events,
        _ => &mut [],
    }
}

fn files_of(event: &mut NewEvent) -> impl Iterator<Item = &mut File> {
    let own = if let EventBody::File(file) = &mut event.body { Some(file) } else { None };
    let attached = event.details.as_mut().map(|details| &mut details.attachments);
    own.into_iter().chain(attached.into_iter().flatten())
}
