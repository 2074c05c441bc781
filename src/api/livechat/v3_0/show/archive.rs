//! Pages of the archives: one entry for each thread, with its whole chat (spec v3.0, 5.1).

use serde::Serialize;
use switchboard_domain::id::AgentId;

use super::Lens;
use super::chat::{ChatOut, follows};
use crate::engine::dialect::Side;
use crate::engine::order::{ArchivePage, ArchivedThread, Shown};

/// A page. Mind that each chat is wrapped once more.
#[derive(Serialize)]
pub(super) struct ArchivesOut<'a> {
    chats: Vec<EntryOut<'a>>,
    pagination: PaginationOut,
}

#[derive(Serialize)]
struct EntryOut<'a> {
    chat: ChatOut<'a>,
}

#[derive(Serialize)]
struct PaginationOut {
    page: u64,
    /// Of threads, not of pages.
    total: usize,
}

impl<'a> ArchivesOut<'a> {
    pub(super) fn new(shown: &'a Shown<ArchivePage>, viewer: Option<&AgentId>) -> Self {
        let lens = Lens::of(Side::Agent, shown);
        let ArchivePage { entries, page, total } = &shown.what;
        let entry = |ArchivedThread { chat, thread }: &'a ArchivedThread| EntryOut {
            chat: lens.started(chat, thread, follows(chat, viewer)),
        };
        let pagination = PaginationOut { page: *page, total: *total };
        Self { chats: entries.iter().map(entry).collect(), pagination }
    }
}
