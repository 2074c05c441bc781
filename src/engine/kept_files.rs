//! Files that stay for one order, until it is known what became of the order.

use std::fmt;

use switchboard_domain::conversation::event::{Event, EventBody, File};
use switchboard_domain::error::Rejected;

use crate::engine::files::named;
use crate::engine::handle::EngineHandle;
use crate::engine::order::{Done, Failure, Outcome};
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

/// May something refer to the file after this outcome? Where that is not known, it may.
fn may_refer(outcome: &Outcome, id: BlobId) -> bool {
    match outcome {
        // One that was said before is not said again: the files are those of then.
        Ok(Done::Posted { event, .. }) => files_of(event).any(|file| named(&file.url) == Some(id)),
        Ok(_) | Err(Failure::Timeout | Failure::Rejected(Rejected::Internal)) => true,
        Err(_) => false,
    }
}

fn files_of(event: &Event) -> impl Iterator<Item = &File> {
    let own = if let EventBody::File(file) = &event.body { Some(file) } else { None };
    let attached = event.details.as_ref().map(|details| &details.attachments);
    own.into_iter().chain(attached.into_iter().flatten())
}
