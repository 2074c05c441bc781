//! Writes that are carried out once, however often they are asked for (design D13): a conversation
//! remembers the keys of what it did, and what each came to.

use serde::{Deserialize, Serialize};

use crate::conversation::command::Command;
use crate::conversation::decide::{Context, Decision, Need};
use crate::conversation::fact::{Change, Fact};
use crate::conversation::push::Push;
use crate::conversation::state::Conversation;
use crate::error::Rejected;
use crate::id::{EventId, ThreadId};
use crate::limits::{KEY_LIFE, KEYS_PER_CHAT};
use crate::time::Timestamp;

/// The key of a write. Both numbers are cut from cryptographic digests, so that different things have
/// different ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteKey {
    /// Whose key it is, and which.
    pub name: u128,
    /// What was asked for.
    pub asked: u128,
}

/// What a write came to: as much as it takes to answer it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Done; its answer says no more.
    Done,
    /// This event was posted.
    Posted(EventId),
    /// This thread was opened.
    Opened(ThreadId),
    /// The chat was seen up to then.
    Seen(Timestamp),
}

/// A key that a conversation remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptKey {
    key: WriteKey,
    at: Timestamp,
    outcome: Outcome,
}

impl Conversation {
    /// What the write with this key came to, when it was done before. Whoever may not read the chat any
    /// more learns nothing.
    ///
    /// # Errors
    /// `Invalid` when the key came with another request, `NoAccess` or `NotFound` for who may not read.
    pub fn done_before(&self, cx: &Context<'_>) -> Result<Option<Outcome>, Rejected> {
        let Some(key) = cx.key else { return Ok(None) };
        let kept = self.keys.iter().rev().find(|kept| kept.key.name == key.name);
        let Some(kept) = kept.filter(|kept| kept.at.plus(KEY_LIFE) > cx.now) else { return Ok(None) };
        self.may(cx, Need::Read)?;
        if kept.key.asked == key.asked {
            Ok(Some(kept.outcome))
        } else {
            Err(Rejected::invalid("request_key", "was used for another request"))
        }
    }

    /// Adds to a decision that its key is used up. What is told without being kept needs no key.
    pub(super) fn use_key(&self, decision: &mut Decision, shows: Shows, cx: &Context<'_>) {
        if let Some(&key) = cx.key
            && decision.passing.is_none()
        {
            let last = decision.facts.last().map_or(self.last_at, |fact| fact.at);
            let change = Change::KeyUsed { key, outcome: shows.of(decision) };
            decision.facts.push(Fact { at: cx.now.after(last), change });
        }
    }

    pub(super) fn key_used(&mut self, key: WriteKey, outcome: Outcome, at: Timestamp) {
        self.keys.retain(|kept| kept.key.name != key.name && kept.at.plus(KEY_LIFE) > at);
        if self.keys.len() == KEYS_PER_CHAT {
            self.keys.pop_front();
        }
        self.keys.push_back(KeptKey { key, at, outcome });
    }
}

/// What the answer to a command shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Nothing.
    Nothing,
    /// The event posted.
    Event,
    /// The chat with its new thread.
    Chat,
    /// The asker's seen marker.
    Seen,
}

impl Shows {
    /// What the answer to this command shows.
    #[must_use]
    pub const fn by(command: &Command) -> Self {
        match command {
            Command::Post { .. } => Self::Event,
            Command::Activate(_) => Self::Chat,
            Command::See(_) => Self::Seen,
            _ => Self::Nothing,
        }
    }

    fn of(self, decision: &Decision) -> Outcome {
        let facts = || decision.facts.iter().rev().map(|fact| &fact.change);
        let opened = facts().find_map(|change| match change {
            Change::ThreadOpened { thread, events, .. } => Some((*thread, events.first())),
            _ => None,
        });
        let posted = || {
            facts().find_map(|change| match change {
                Change::EventPosted(event) => Some(event),
                _ => None,
            })
        };
        let seen = || {
            let moved = facts().find_map(|change| match change {
                Change::SeenUpTo { up_to, .. } => Some(*up_to),
                _ => None,
            });
            moved.or_else(|| match decision.echo.as_ref()?.push {
                Push::SeenUpTo { up_to, .. } => Some(up_to),
                _ => None,
            })
        };
        let shown = match (self, opened) {
            (Self::Nothing, _) => None,
            (Self::Seen, _) => seen().map(Outcome::Seen),
            (Self::Chat, opened) => opened.map(|(thread, _)| Outcome::Opened(thread)),
            // The event that opened the thread is its first; what follows is the engine's.
            (Self::Event, Some((_, first))) => first.map(|event| Outcome::Posted(event.id)),
            (Self::Event, None) => posted().map(|event| Outcome::Posted(event.id)),
        };
        shown.unwrap_or(Outcome::Done)
    }
}
