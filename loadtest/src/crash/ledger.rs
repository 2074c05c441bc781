//! What was asked of the server, and what it acknowledged.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::files::File;

/// All writers share one.
pub(super) type Shared = Arc<Mutex<Ledger>>;

pub(super) fn lock(ledger: &Shared) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A message that was asked for.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) chat: String,
    /// Who sent it: one connection of one round, which sends in order.
    pub(super) writer: String,
    /// The event as it was acknowledged.
    pub(super) event: Option<Value>,
}

/// Something that is made and may be taken away again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Asked for, not acknowledged.
    Asked,
    /// Acknowledged.
    There,
    /// Its end was asked for, not acknowledged.
    Going,
    /// Its end was acknowledged.
    Gone,
}

impl Fate {
    /// Whether it must be there; `None` when nobody can tell.
    pub(super) const fn must_be_there(self) -> Option<bool> {
        match self {
            Self::There => Some(true),
            Self::Gone => Some(false),
            Self::Asked | Self::Going => None,
        }
    }
}

/// A chat of the present generation, or an earlier one.
#[derive(Debug, Clone)]
pub(super) struct Chat {
    pub(super) id: String,
    pub(super) customer: String,
    /// Whether its thread is open.
    pub(super) thread: Fate,
    /// Its property: the greatest number that was acknowledged, and that was asked for.
    pub(super) property: (u64, u64),
    /// Looked at in every round.
    pub(super) current: bool,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The bot that holds chats and hears by webhook.
    pub(super) keeper: String,
    pub(super) chats: Vec<Chat>,
    /// By their text, which is never used twice.
    pub(super) messages: BTreeMap<String, Message>,
    /// By their names.
    pub(super) bots: HashMap<String, (String, Fate)>,
    pub(super) tokens: HashMap<String, Fate>,
    /// By their ids.
    pub(super) agents: HashMap<String, Fate>,
    pub(super) files: Vec<File>,
    /// The last message of each writer with keys since the last crash.
    pub(super) unsure: HashMap<String, String>,
    /// Events that the receiver of webhooks heard of: chat and event, in the order of the calls.
    pub(super) heard: Vec<(String, Value)>,
    pub(super) others: usize,
    next: u64,
}

impl Ledger {
    pub(super) fn shared() -> Shared {
        Arc::default()
    }

    /// A number that was never given before.
    pub(super) const fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A message is about to be asked for; gives its text.
    pub(super) fn ask(&mut self, chat: &str, writer: &str) -> String {
        // Texts sort in the order in which they were asked for.
        let text = format!("{writer} {:09}", self.number());
        let message = Message { chat: chat.to_owned(), writer: writer.to_owned(), event: None };
        self.messages.insert(text.clone(), message);
        text
    }

    /// A message was acknowledged.
    pub(super) fn acknowledge(&mut self, text: &str, event: Value) {
        if let Some(message) = self.messages.get_mut(text) {
            message.event = Some(event);
        }
    }

    pub(super) fn chat(&mut self, id: &str) -> Option<&mut Chat> {
        self.chats.iter_mut().find(|chat| chat.id == id)
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.messages.values().filter(|message| message.event.is_some()).count() + self.others
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages = self.messages.values().filter(|message| message.event.is_some()).count();
        write!(
            f,
            "{messages} of {} messages and {} other changes acknowledged, all of them there; {} chats, {} files, \
             {} webhook calls",
            self.messages.len(),
            self.others,
            self.chats.len(),
            self.files.len(),
            self.heard.len()
        )
    }
}
