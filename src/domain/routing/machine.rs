//! The router itself: what it can be told.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::{Entry, Heard, Offer, Reservation, Wish};
use super::explanation::History;
use super::placement::{Alert, Answer, Assign, PlaceRequest, Placement, Refusal, RouterSettings};
use super::plan::Changed;
use super::queue::Queues;
use super::roster::Roster;
use super::seat::{AgentSeat, ConversationSeat};
use super::tombstones::Tombstones;
use crate::id::{AgentId, ConversationId, GroupId};
use crate::time::Timestamp;

/// Gives the conversations of one license to its agents.
///
/// Calls that may give a waiting conversation away return the [`Assign`]s to send; they are
/// remembered until answered. After every call, [`take_alerts`](Self::take_alerts) has what else
/// conversations should hear.
#[derive(Debug, Default)]
pub struct Router {
    pub(super) settings: RouterSettings,
    pub(super) roster: Roster,
    pub(super) entries: BTreeMap<ConversationId, Entry>,
    pub(super) queues: Queues,
    pub(super) deadlines: BTreeSet<(Timestamp, ConversationId)>,
    pub(super) closed: Tombstones,
    pub(super) history: History,
    pub(super) alerts: BTreeSet<Alert>,
    pub(super) last_ticket: u64,
}

impl Router {
    /// A router that knows nobody yet. Feed it agents before conversations: else those that wait
    /// find their groups offline.
    #[must_use]
    pub fn new(settings: RouterSettings) -> Self {
        let mut router = Self { settings, ..Self::default() };
        router.share_out_anew();
        router
    }

    /// Takes changed settings. Whoever waits goes on waiting, and may be given away where routing
    /// has become automatic; reservations keep their time. Looks at everybody who waits: settings change
    /// by hand.
    #[must_use]
    pub fn settings_changed(&mut self, settings: RouterSettings, now: Timestamp) -> Vec<Assign> {
        self.settings = settings;
        self.share_out_anew();
        self.line_up_anew();
        let conversations = self.entries.keys().copied().collect();
        self.drain(Changed { conversations, ..Changed::default() }, now)
    }

    /// Finds an agent or a place in the queue and reserves it until the conversation's notice
    /// takes over, [`cancel`](Self::cancel) gives it back or it lapses.
    ///
    /// Asking again answers the same as long as it still fits; asking for something else replaces
    /// the reservation, and the slot that becomes free may go to others: hence the assignments. A
    /// refusal changes nothing. Excluded agents still make a group online: their conversation
    /// waits for somebody else. Under manual routing nobody is chosen and nothing reserved.
    #[must_use]
    pub fn place(&mut self, request: PlaceRequest) -> (Placement, Vec<Assign>) {
        let PlaceRequest { conversation, groups, continuous, exclude, team, at, among, at_once } = request;
        let at_once = at_once || !among.is_empty();
        let wish = Wish::new(groups, exclude, at).of_team(team);
        let offline = self.is_offline(&wish.groups);
        if among.is_empty() && !self.settings.is_automatic(&wish.groups) {
            return (self.leave_to_agents(&wish, continuous, at_once), Vec::new());
        }
        if among.is_empty()
            && let Some((placement, agents)) =
                self.standing(conversation, &wish, (offline && continuous, !at_once))
        {
            return (placement, self.drain(Changed { agents, ..Changed::default() }, at));
        }
        let none = BTreeSet::new();
        let declined = self.entries.get(&conversation).map_or(&none, |entry| &entry.declined);
        let agent = if among.is_empty() {
            self.roster.choose(&wish, declined)
        } else {
            among.into_iter().find(|agent| self.roster.can_take(agent, conversation))
        };
        let placement = match &agent {
            Some(agent) => Placement::Assigned(agent.clone()),
            None if at_once => Placement::Refused(self.refusal(&wish)),
            None if offline && continuous => Placement::Unassigned,
            None if offline => Placement::Refused(Refusal::GroupOffline),
            None if !self.has_queue_room(&wish.groups) => Placement::Refused(Refusal::GroupUnavailable),
            None => Placement::Queued { position: self.queues.position(&wish.groups, (at, conversation)) },
        };
        self.record(conversation, &wish, placement.clone(), at);
        if matches!(placement, Placement::Refused(_)) {
            return (placement, Vec::new());
        }
        if let Some(agent) = &agent {
            self.roster.assigned(agent, at);
        }
        let deadline = at.plus(self.settings.lapse);
        let agents = self.edit(conversation, |entry| {
            entry.reservation = Some(Reservation { wish, told: agent.is_some(), agent, deadline });
        });
        (placement, self.drain(Changed { agents, ..Changed::default() }, at))
    }

    /// The word about a conversation that no agent is chosen for.
    fn leave_to_agents(&self, wish: &Wish, continuous: bool, at_once: bool) -> Placement {
        let nobody = if at_once {
            self.roster.choose(wish, &BTreeSet::new()).is_none()
        } else {
            !continuous && self.is_offline(&wish.groups)
        };
        if nobody { Placement::Refused(self.refusal(wish)) } else { Placement::Unassigned }
    }

    /// Why nobody can take a conversation now.
    pub(super) fn refusal(&self, wish: &Wish) -> Refusal {
        if self.is_offline(&wish.groups) { Refusal::GroupOffline } else { Refusal::GroupUnavailable }
    }

    /// What was promised to the conversation before and still answers `wish`; a place in the queue
    /// only where it may wait, and without a number where nobody accepts.
    fn standing(
        &mut self,
        id: ConversationId,
        wish: &Wish,
        (unassigned, may_wait): (bool, bool),
    ) -> Option<(Placement, BTreeSet<AgentId>)> {
        let entry = self.entries.get(&id)?;
        let reserved = entry.reservation.as_ref().and_then(|reservation| reservation.agent.as_ref());
        let offered = entry.offer.as_ref().map(|offer| &offer.agent);
        let agent =
            reserved.into_iter().chain(offered).find(|agent| self.roster.suits(agent, wish, id)).cloned();
        let placement = match agent {
            Some(agent) => Placement::Assigned(agent),
            None => {
                let queued = entry.queued().filter(|queued| may_wait && queued.asks_like(wish))?;
                let position = self.queues.position(&queued.groups, (queued.since, id));
                if unassigned { Placement::Unassigned } else { Placement::Queued { position } }
            }
        };
        let deadline = wish.since.plus(self.settings.lapse);
        let agents = self.edit(id, |entry| match (&placement, &mut entry.reservation) {
            // Also when it comes from an offer: the answer to that may still be a refusal.
            (Placement::Assigned(agent), reservation) => {
                let agent = Some(agent.clone());
                *reservation = Some(Reservation { wish: wish.clone(), told: true, agent, deadline });
            }
            (_, Some(reservation)) => reservation.deadline = deadline,
            (_, None) => {}
        });
        Some((placement, agents))
    }

    /// Gives back what [`place`](Self::place) reserved: the caller did not use it. An assignment on
    /// its way stays, the conversation answers it.
    #[must_use]
    pub fn cancel(&mut self, conversation: ConversationId, now: Timestamp) -> Vec<Assign> {
        let agents = self.edit(conversation, |entry| entry.reservation = None);
        self.drain(Changed { agents, conversations: [conversation].into() }, now)
    }

    /// Takes a newer state of an agent.
    #[must_use]
    pub fn agent_changed(&mut self, seat: AgentSeat, now: Timestamp) -> Vec<Assign> {
        self.agents_changed([seat], now)
    }

    /// Takes newer states of several agents as one change: nobody is missed who is there after it.
    #[must_use]
    pub fn agents_changed(
        &mut self,
        seats: impl IntoIterator<Item = AgentSeat>,
        now: Timestamp,
    ) -> Vec<Assign> {
        let mut before = Vec::new();
        for seat in seats {
            let (agent, old) = (seat.agent.clone(), self.roster.seat(&seat.agent).cloned());
            if self.roster.update(seat) {
                before.push((agent, old));
            }
        }
        if before.is_empty() {
            return Vec::new();
        }
        let mut changed = Changed::default();
        for (agent, old) in before {
            changed.conversations.extend(self.agent_lost_something(&agent, old.as_ref()));
            changed.agents.insert(agent);
        }
        self.drain(changed, now)
    }

    /// The agent is no more. Its conversations keep it in their load until they say otherwise. Send
    /// it in one order with the agent's seats: a seat that comes later is a new agent.
    #[must_use]
    pub fn agent_removed(&mut self, agent: &AgentId, now: Timestamp) -> Vec<Assign> {
        let before = self.roster.seat(agent).cloned();
        if !self.roster.forget(agent) {
            return Vec::new();
        }
        let conversations = self.agent_lost_something(agent, before.as_ref());
        self.drain(Changed { conversations, ..Changed::default() }, now)
    }

    /// Raises the alerts of a changed agent, and takes back the slots kept silently with it, for they
    /// may suit no more. Returns whose they were.
    fn agent_lost_something(
        &mut self,
        agent: &AgentId,
        before: Option<&AgentSeat>,
    ) -> BTreeSet<ConversationId> {
        if before.is_some_and(AgentSeat::is_present) && !self.roster.is_present(agent) {
            let present =
                |id: &ConversationId| self.entries.get(id).is_some_and(|e| e.present.contains(agent));
            let left: Vec<_> = self.roster.conversations_of(agent).filter(present).collect();
            self.alerts.extend(left.into_iter().map(|id| Alert::AgentGone(id, agent.clone())));
        }
        if let Some(before) = before.filter(|before| before.counts_as_accepting()) {
            for (group, _) in before.memberships().filter(|(_, class)| class.is_routed()) {
                self.alert_offline(group);
            }
        }
        let silent =
            |id: &ConversationId| self.entries.get(id).is_some_and(|e| e.silent_slot() == Some(agent));
        let kept: BTreeSet<_> = self.roster.conversations_of(agent).filter(silent).collect();
        for &id in &kept {
            self.edit(id, |entry| {
                if let Some(reservation) = &mut entry.reservation {
                    reservation.agent = None;
                }
            });
        }
        kept
    }

    fn alert_offline(&mut self, group: GroupId) {
        if self.roster.is_accepting(group) {
            return;
        }
        let stranded = |id: &ConversationId| {
            self.entries.get(id).is_some_and(|entry| {
                entry.reservation.is_none()
                    && entry.queued().is_some_and(|wish| self.is_offline(&wish.groups))
            })
        };
        let ids: Vec<_> = self.queues.iter(group).map(|(_, id)| id).filter(stranded).collect();
        self.alerts.extend(ids.into_iter().map(Alert::GroupOffline));
    }

    /// Takes a newer state of a conversation: confirms what was promised, frees slots, enters or
    /// leaves the queue. Waiting by notice is the conversation's own truth and knows no queue limit.
    #[must_use]
    pub fn conversation_changed(&mut self, seat: ConversationSeat, now: Timestamp) -> Vec<Assign> {
        let id = seat.conversation;
        if self.version(id).is_some_and(|known| seat.version <= known) {
            return Vec::new();
        }
        let next = self.next_offer(&seat, now);
        let known = self.entries.get(&id).map(|entry| entry.present.clone()).unwrap_or_default();
        let came: Vec<_> = seat.present.iter().filter(|agent| !known.contains(*agent)).cloned().collect();
        let ticket = next.as_ref().map(|offer| offer.ticket);
        let mut heard = Heard::default();
        let agents = self.edit(id, |entry| heard = entry.hear(seat, next));
        for agent in came.into_iter().filter(|agent| !heard.confirmed.contains(agent)) {
            if !self.roster.is_present(&agent) {
                self.alerts.insert(Alert::CameGone(id, agent));
            }
        }
        for agent in heard.confirmed {
            // It went while the slot was promised: nobody else would tell the conversation.
            if !self.roster.is_present(&agent) {
                self.alerts.insert(Alert::AgentGone(id, agent));
            }
        }
        let announced =
            heard.announce.zip(ticket).map(|(agent, ticket)| Assign { conversation: id, agent, ticket });
        let mut assigns = Vec::from_iter(announced);
        assigns.extend(self.drain(Changed { agents, conversations: [id].into() }, now));
        assigns
    }

    /// The offer to make of a silently kept slot, when the conversation's own wish allows it.
    fn next_offer(&mut self, seat: &ConversationSeat, now: Timestamp) -> Option<Offer> {
        let waiting = seat.waiting.as_ref()?;
        let agent = self.entries.get(&seat.conversation)?.silent_slot()?.clone();
        let wish = Wish::new(seat.groups.clone(), waiting.exclude.clone(), waiting.since);
        let wish = wish.of_team(waiting.team);
        self.roster.suits(&agent, &wish, seat.conversation).then(|| self.offer(agent, now))
    }

    /// The newest version heard of a conversation, also of a closed one.
    fn version(&self, id: ConversationId) -> Option<u64> {
        self.entries.get(&id).and_then(|entry| entry.version).max(self.closed.version(id))
    }

    /// Takes a conversation's answer to an [`Assign`]. An answer to another ticket than the
    /// outstanding one is late and changes nothing.
    #[must_use]
    pub fn answered(
        &mut self,
        conversation: ConversationId,
        ticket: u64,
        answer: Answer,
        now: Timestamp,
    ) -> Vec<Assign> {
        let offer = self.entries.get(&conversation).and_then(|entry| entry.offer.as_ref());
        if offer.is_none_or(|offer| offer.ticket != ticket) {
            return Vec::new();
        }
        let deadline = now.plus(self.settings.lapse);
        let agents = self.edit(conversation, |entry| match answer {
            Answer::Placed => {
                if let Some(offer) = &mut entry.offer {
                    offer.placed = true;
                    offer.deadline = deadline;
                }
            }
            Answer::Refused => entry.declined.extend(entry.offer.take().map(|offer| offer.agent)),
        });
        self.drain(Changed { agents, conversations: [conversation].into() }, now)
    }

    /// Gives up reservations and assignments that nobody confirmed in time. A conversation that
    /// still waits is offered again.
    #[must_use]
    pub fn lapse(&mut self, now: Timestamp) -> Vec<Assign> {
        let mut changed = Changed::default();
        let overdue: Vec<_> =
            self.deadlines.iter().take_while(|(due, _)| *due <= now).map(|&(_, id)| id).collect();
        for id in overdue {
            changed.agents.extend(self.edit(id, |entry| entry.expire(now)));
            changed.conversations.insert(id);
        }
        self.drain(changed, now)
    }

    /// When to call [`lapse`](Self::lapse) next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|&(due, _)| due)
    }

    /// What conversations should hear besides assignments, each since the last call once.
    #[must_use]
    pub fn take_alerts(&mut self) -> Vec<Alert> {
        std::mem::take(&mut self.alerts).into_iter().collect()
    }

    /// One more may wait: there is room in the queue of each group.
    fn has_queue_room(&self, groups: &[GroupId]) -> bool {
        let room = |&group: &GroupId| self.queues.len(group) < self.settings.queue_limit(group);
        self.settings.of(groups).queues && groups.iter().all(room)
    }
}
