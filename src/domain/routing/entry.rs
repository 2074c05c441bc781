//! What the router knows of one conversation: its last notice, and what was promised to it since.

use std::collections::BTreeSet;

use super::queue::Lane;
use super::seat::{ConversationSeat, Waiting};
use super::shares::Shares;
use crate::id::{AgentId, GroupId};
use crate::time::Timestamp;

/// What a conversation asks of routing: from whom, not from whom, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    /// Sorted, each once.
    pub(super) groups: Vec<GroupId>,
    /// Sorted, each once.
    exclude: Vec<AgentId>,
    pub(super) team: Option<u64>,
    pub(super) since: Timestamp,
}

impl Wish {
    pub(super) fn new(mut groups: Vec<GroupId>, mut exclude: Vec<AgentId>, since: Timestamp) -> Self {
        groups.sort_unstable();
        groups.dedup();
        exclude.sort_unstable();
        exclude.dedup();
        Self { groups, exclude, team: None, since }
    }

    /// From a team only.
    pub(super) fn of_team(self, team: Option<u64>) -> Self {
        Self { team, ..self }
    }

    pub(super) fn excludes(&self, agent: &AgentId) -> bool {
        self.exclude.binary_search(agent).is_ok()
    }

    /// Whether both ask for the same, whenever they began to.
    pub(super) fn asks_like(&self, other: &Self) -> bool {
        self.groups == other.groups && self.exclude == other.exclude && self.team == other.team
    }
}

/// Made by `place`: a slot or a queue place, until the conversation's notice takes over.
#[derive(Debug, Clone)]
pub(super) struct Reservation {
    pub(super) wish: Wish,
    /// The reserved slot; `None` is a place in the queue.
    pub(super) agent: Option<AgentId>,
    /// Whether the caller of `place` was told of the slot. If not, it stands for an assignment that
    /// is announced as soon as the conversation is known to wait.
    pub(super) told: bool,
    pub(super) deadline: Timestamp,
}

/// An announced assignment that waits for its answer.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) agent: AgentId,
    pub(super) ticket: u64,
    /// The conversation said `Placed`; the next notice has the last word.
    pub(super) placed: bool,
    pub(super) deadline: Timestamp,
}

/// One conversation in the router's eyes.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    /// `None` until the first notice.
    pub(super) version: Option<u64>,
    /// Its groups, as the last notice told.
    groups: Vec<GroupId>,
    pub(super) present: BTreeSet<AgentId>,
    pub(super) waiting: Option<Wish>,
    pub(super) reservation: Option<Reservation>,
    pub(super) offer: Option<Offer>,
    /// Agents whose offer it refused since its last notice.
    pub(super) declined: BTreeSet<AgentId>,
}

/// What an entry leaves in the router's indexes.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) agents: BTreeSet<AgentId>,
    /// Of which bounded group it counts for whom.
    pub(super) shares: BTreeSet<(GroupId, AgentId)>,
    pub(super) queued: Option<Wish>,
    /// Where it stands in the queues; without meaning while it is not queued.
    pub(super) lane: Lane,
    /// The conversation itself said so: nothing is reserved any more.
    pub(super) confirmed: bool,
    pub(super) deadlines: [Option<Timestamp>; 2],
}

/// What a notice settled.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Agents whose promised slot became a true one.
    pub(super) confirmed: Vec<AgentId>,
    /// The slot kept silently for it is now an offer to be announced.
    pub(super) announce: Option<AgentId>,
}

impl Entry {
    /// The wish it stands in the queue with: it wants an agent and none is on the way.
    pub(super) fn queued(&self) -> Option<&Wish> {
        match (&self.offer, &self.reservation) {
            (Some(_), _) => None,
            (None, Some(reservation)) => reservation.agent.is_none().then_some(&reservation.wish),
            (None, None) => self.waiting.as_ref(),
        }
    }

    /// Whom it is not given to while it stands in the queue: those that its wish excludes, and those
    /// whose offer it refused. Sorted, each once.
    fn barred(&self) -> Vec<AgentId> {
        let Some(wish) = self.queued() else { return Vec::new() };
        let mut barred: Vec<_> = wish.exclude.iter().chain(&self.declined).cloned().collect();
        barred.sort_unstable();
        barred.dedup();
        barred
    }

    /// The lane of its queues, while it stands there.
    pub(super) fn lane(&self, shares: &Shares) -> Lane {
        let Some(wish) = self.queued() else { return Lane::default() };
        Lane { barred: self.barred(), bounded: shares.bounded(&wish.groups).collect(), team: wish.team }
    }

    /// The bounded groups it counts in, with the agent it counts for: those present and the offered
    /// one in the groups it told of, the one with a slot in those that were asked for.
    pub(super) fn shares<'a>(&'a self, shares: &'a Shares) -> impl Iterator<Item = (GroupId, AgentId)> + 'a {
        let told = self.present.iter().chain(self.offer.as_ref().map(|offer| &offer.agent));
        let told = told.map(|agent| (agent, &self.groups));
        let asked = self.reservation.as_ref();
        let asked = asked.and_then(|asked| Some((asked.agent.as_ref()?, &asked.wish.groups)));
        told.chain(asked)
            .flat_map(|(agent, groups)| shares.bounded(groups).map(|group| (group, agent.clone())))
    }

    pub(super) fn trace(&self, shares: &Shares) -> Trace {
        let reserved = self.reservation.as_ref().and_then(|reservation| reservation.agent.as_ref());
        let offered = self.offer.as_ref().map(|offer| &offer.agent);
        Trace {
            agents: self.present.iter().chain(reserved).chain(offered).cloned().collect(),
            shares: self.shares(shares).collect(),
            queued: self.queued().cloned(),
            lane: self.lane(shares),
            confirmed: self.reservation.is_none(),
            deadlines: [
                self.reservation.as_ref().map(|reservation| reservation.deadline),
                self.offer.as_ref().map(|offer| offer.deadline),
            ],
        }
    }

    /// Nothing is left to know but the version; what it refused is forgotten with it.
    pub(super) fn is_idle(&self) -> bool {
        self.present.is_empty()
            && self.waiting.is_none()
            && self.reservation.is_none()
            && self.offer.is_none()
    }

    /// A slot kept for it that nobody was told of yet.
    pub(super) fn silent_slot(&self) -> Option<&AgentId> {
        self.reservation.as_ref().filter(|reservation| !reservation.told)?.agent.as_ref()
    }

    /// Takes a newer notice. A promise that the notice does not mention stands: the notice may have
    /// been sent before the promise arrived. `next` is the offer to make of a silently kept slot, if
    /// that slot still fits.
    pub(super) fn hear(&mut self, seat: ConversationSeat, next: Option<Offer>) -> Heard {
        let mut heard = Heard::default();
        self.version = Some(seat.version);
        let asking = seat.asking;
        self.present = seat.present.into_iter().collect();
        self.groups = seat.groups;
        self.groups.sort_unstable();
        self.groups.dedup();
        let wish = |waiting: Waiting| {
            Wish::new(self.groups.clone(), waiting.exclude, waiting.since).of_team(waiting.team)
        };
        self.waiting = seat.waiting.map(wish);
        self.declined.clear();

        if let Some(offer) = self.offer.take() {
            if !offer.placed {
                // Its answer comes before the notice of what it did: whoever is there came otherwise.
                self.offer = Some(offer);
            } else if self.present.contains(&offer.agent) {
                heard.confirmed.push(offer.agent);
            }
        }
        if let Some(reservation) = self.reservation.take() {
            match &reservation.agent {
                Some(_) if asking && reservation.told => self.reservation = Some(reservation),
                Some(agent) if self.present.contains(agent) => heard.confirmed.push(agent.clone()),
                None if self.waiting.is_some() => {}
                Some(_) if self.waiting.is_some() && !reservation.told => {
                    if self.offer.is_none()
                        && let Some(next) = next
                    {
                        heard.announce = Some(next.agent.clone());
                        self.offer = Some(next);
                    }
                }
                _ => self.reservation = Some(reservation),
            }
        }
        heard
    }

    /// Drops what is overdue at `now`.
    pub(super) fn expire(&mut self, now: Timestamp) {
        self.reservation.take_if(|reservation| reservation.deadline <= now);
        self.offer.take_if(|offer| offer.deadline <= now);
    }
}
