//! The newest pushes of a conversation, so that who lost its connection can be told what it missed
//! (design D12). Numbers go up by one with each stored push; not everybody hears each.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::conversation::event::Event;
use crate::conversation::push::{Address, Push, Told};
use crate::conversation::state::Conversation;
use crate::id::{ConversationId, EventId, UserId};
use crate::limits::{RECENT_PUSHES, RECENT_PUSHES_WHOLE};

/// The place of a push among those of its conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seq {
    /// The life of the conversation that it belongs to.
    pub epoch: u64,
    /// From 1.
    pub number: u64,
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.epoch, self.number)
    }
}

impl Seq {
    /// The place as it is shown where the stored data leads this life, and the other way round; life 0
    /// shows it as it is. Data that were restored from an earlier moment number other pushes alike, so a
    /// place of one life names none in another.
    #[must_use]
    pub const fn of_generation(self, generation: u64) -> Self {
        Self { epoch: self.epoch ^ generation, ..self }
    }
}

/// A text that names no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place among pushes")]
pub struct NotASeq;

impl FromStr for Seq {
    type Err = NotASeq;

    fn from_str(text: &str) -> Result<Self, NotASeq> {
        let (epoch, number) = text.split_once('-').ok_or(NotASeq)?;
        let seq = Self {
            epoch: u64::from_str_radix(epoch, 16).map_err(|_| NotASeq)?,
            number: number.parse().map_err(|_| NotASeq)?,
        };
        // One place has one name.
        if seq.to_string() == text { Ok(seq) } else { Err(NotASeq) }
    }
}

/// What is kept of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    /// It told of this event, which stands in its thread.
    Event(EventId),
    /// The push itself.
    Whole(Box<Told>),
    /// Only that there was one.
    Trace,
}

/// The newest pushes. Stored without those that tell of no event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub(super) struct Recent {
    /// The number of the newest; 0 before the first.
    last: u64,
    /// The newest last, without a gap.
    kept: VecDeque<Kept>,
}

/// The newest number, and runs of pushes: of events that follow each other in a thread from the one
/// named on, or of others.
type Stored = (u64, Vec<(Option<EventId>, u32)>);

impl From<Recent> for Stored {
    fn from(recent: Recent) -> Self {
        let mut runs: Vec<(Option<EventId>, u32)> = Vec::new();
        for kept in recent.kept {
            let event = if let Kept::Event(id) = kept { Some(id) } else { None };
            let goes_on = |(first, count): &(Option<EventId>, u32)| match (first, event) {
                (Some(first), Some(id)) => first.thread == id.thread && first.order + count == id.order,
                (first, event) => first.is_none() && event.is_none(),
            };
            match runs.last_mut().filter(|run| goes_on(run)) {
                Some((_, count)) => *count += 1,
                None => runs.push((event, 1)),
            }
        }
        (recent.last, runs)
    }
}

impl From<Stored> for Recent {
    fn from((last, runs): Stored) -> Self {
        let mut recent = Self { last, kept: VecDeque::new() };
        let pushes = runs.into_iter().flat_map(|(first, count)| {
            (0..count).map(move |nth| match first {
                Some(first) => Kept::Event(EventId { order: first.order.saturating_add(nth), ..first }),
                None => Kept::Trace,
            })
        });
        // No more than we store ourselves, whatever the bytes say.
        recent.kept.extend(pushes.take(RECENT_PUSHES));
        recent
    }
}

impl Recent {
    /// Keeps one more push and gives its number.
    fn keep(&mut self, told: &Told) -> u64 {
        let kept = match &told.push {
            Push::EventPosted { event, .. } => Kept::Event(event.id),
            _ => {
                self.make_room_for_whole();
                Kept::Whole(Box::new(Told { main: false, ..told.clone() }))
            }
        };
        if self.kept.len() == RECENT_PUSHES {
            self.kept.pop_front();
        }
        self.kept.push_back(kept);
        self.last += 1;
        self.last
    }

    /// Of pushes that are kept whole there are few: they may be great.
    fn make_room_for_whole(&mut self) {
        let whole = |kept: &&mut Kept| matches!(kept, Kept::Whole(_));
        if self.kept.iter_mut().filter(whole).count() == RECENT_PUSHES_WHOLE
            && let Some(oldest) = self.kept.iter_mut().find(whole)
        {
            *oldest = Kept::Trace;
        }
    }

    /// What snapshots keep of them.
    pub(super) fn stored(&self) -> Self {
        Self::from(Stored::from(self.clone()))
    }

    /// Those behind a number, with their numbers; `None` when they are not all kept any more.
    fn after(&self, number: u64) -> Option<Vec<(u64, &Kept)>> {
        let behind = usize::try_from(self.last.checked_sub(number)?).ok()?;
        let skipped = self.kept.len().checked_sub(behind)?;
        Some((number + 1..).zip(self.kept.iter().skip(skipped)).collect())
    }
}

/// A push that somebody missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    /// As it is told.
    Told(Box<Told>),
    /// It told of this event, which is in a stored chunk.
    Stored(Seq, EventId),
}

impl Conversation {
    /// The place of the newest push.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        Seq { epoch: self.epoch, number: self.recent.last }
    }

    /// Takes over the pushes that the same conversation has in memory: a snapshot of it has less.
    pub fn recall(&mut self, replayed: &Self) {
        if replayed.seq() == self.seq() {
            self.recent = replayed.recent.clone();
        }
    }

    /// Numbers what a fact tells, and keeps it.
    pub(super) fn number_pushes(&mut self, told: &mut [Told]) {
        for told in told {
            let number = self.recent.keep(told);
            told.seq = Some(Seq { epoch: self.epoch, number });
        }
    }

    /// What a user that heard everything up to `seq` missed since, oldest first; of what is addressed
    /// to others the caller drops what the user does not hear. `None` when that cannot be told exactly:
    /// it is too long ago, or `seq` is of another life.
    #[must_use]
    pub fn missed(&self, seq: Seq, user: &UserId) -> Option<Vec<Missed>> {
        let missed = self.recent.after(seq.number).filter(|_| seq.epoch == self.epoch)?;
        let mut hears = self.heard_at_first(&missed, user);
        let mut told = Vec::new();
        for (number, kept) in missed {
            let seq = Seq { epoch: self.epoch, number };
            match kept {
                Kept::Trace => return None,
                Kept::Whole(whole) => {
                    hears = self.hears_after(&whole.push, user).or(hears);
                    told.push(Missed::Told(Box::new(Told { seq: Some(seq), ..Told::clone(whole) })));
                }
                Kept::Event(_) if hears == Some(false) => {}
                Kept::Event(_) if hears.is_none() => return None,
                Kept::Event(id) => told.extend(self.missed_event(seq, *id, user)),
            }
        }
        Some(told)
    }

    fn missed_event(&self, seq: Seq, id: EventId, user: &UserId) -> Option<Missed> {
        let Some(event) = self.event_in_memory(id) else { return Some(Missed::Stored(seq, id)) };
        let told = Told::of_missed_event(self.id, seq, event, user)?;
        Some(Missed::Told(Box::new(told)))
    }

    /// Did the user hear the talk before these pushes? The first that brought or took it tells; `None`
    /// when none does and the chat was opened anew meanwhile.
    fn heard_at_first(&self, missed: &[(u64, &Kept)], user: &UserId) -> Option<bool> {
        let pushes = missed.iter().filter_map(|(_, kept)| match kept {
            Kept::Whole(told) => Some(&told.push),
            _ => None,
        });
        for push in pushes {
            match push {
                Push::MemberAdded { member, .. } if member.user == *user => return Some(false),
                Push::MemberRemoved { user: gone, .. } if gone == user => return Some(true),
                Push::ChatStarted { .. } => return None,
                _ => {}
            }
        }
        let follows = user.agent().is_some_and(|agent| self.followers.contains(agent));
        Some(follows || self.is_present(user))
    }

    /// Whether the user hears the talk from this push on, when the push changes that.
    fn hears_after(&self, push: &Push, user: &UserId) -> Option<bool> {
        match push {
            Push::MemberAdded { member, .. } => (member.user == *user).then_some(true),
            Push::MemberRemoved { user: gone, .. } => (gone == user).then_some(false),
            Push::ChatStarted { chat, .. } => {
                let here = chat.members.iter().any(|member| member.present && member.user == *user);
                Some(here || user.agent().is_some_and(|agent| chat.followers.contains(agent)))
            }
            _ => None,
        }
    }
}

impl Told {
    /// The push of an event once more, for one user who missed it; `None` when that one may not see it.
    #[must_use]
    pub fn of_missed_event(chat: ConversationId, seq: Seq, event: Arc<Event>, user: &UserId) -> Option<Self> {
        let to = match user {
            UserId::Agent(agent) => Address { agents: vec![agent.clone()], ..Address::nobody() },
            UserId::Customer(_) if !event.visible_to_customer() => return None,
            UserId::Customer(customer) => Address { customer: Some(*customer), ..Address::nobody() },
        };
        let push = Push::EventPosted { chat, thread: event.id.thread, event };
        Some(Self { push, to, main: false, seq: Some(seq) })
    }
}
