//! Giving waiting conversations to agents, and keeping every index true.

use std::collections::BTreeSet;

use super::entry::{Entry, Offer, Trace, Wish};
use super::explanation::{AGENTS_EXPLAINED, Explanation};
use super::machine::Router;
use super::placement::{Alert, Assign, Placement};
use super::queue::{Lane, Queues, Turn};
use super::shares::Shares;
use crate::id::{AgentId, ConversationId, GroupId};
use crate::time::Timestamp;

/// What an event may have made possible: only pairs with one of these can be new, since no other
/// waiting conversation had a candidate before.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// Agents that may have got a free slot, or may newly take something.
    pub(super) agents: BTreeSet<AgentId>,
    /// Conversations that may have begun to wait, or wait for somebody else.
    pub(super) conversations: BTreeSet<ConversationId>,
}

impl Router {
    /// The only way an entry changes: loads, queues and deadlines follow here. Returns the agents
    /// that no longer have the conversation, or have it no longer in a bounded group.
    pub(super) fn edit(&mut self, id: ConversationId, change: impl FnOnce(&mut Entry)) -> BTreeSet<AgentId> {
        let mut entry = self.entries.remove(&id).unwrap_or_default();
        let before = entry.trace(self.roster.shares());
        change(&mut entry);
        let after = entry.trace(self.roster.shares());
        self.follow(id, &before, &after);
        if let Some(wish) = &after.queued
            && after.confirmed
            && (!before.confirmed || before.queued != after.queued)
            && self.is_offline(&wish.groups)
        {
            self.alerts.insert(Alert::GroupOffline(id));
        }
        if !entry.is_idle() {
            self.entries.insert(id, entry);
        } else if let Some(version) = entry.version {
            self.closed.remember(id, version);
        }
        let shares = before.shares.difference(&after.shares).map(|(_, agent)| agent);
        before.agents.difference(&after.agents).chain(shares).cloned().collect()
    }

    fn follow(&mut self, id: ConversationId, before: &Trace, after: &Trace) {
        for agent in before.agents.difference(&after.agents) {
            self.roster.vacate(agent, id);
        }
        for agent in after.agents.difference(&before.agents) {
            self.roster.occupy(agent, id);
        }
        for (group, agent) in before.shares.difference(&after.shares) {
            self.roster.release(*group, agent, id);
        }
        for (group, agent) in after.shares.difference(&before.shares) {
            self.roster.hold(*group, agent, id);
        }
        if (&before.queued, &before.lane) != (&after.queued, &after.lane) {
            if let Some(wish) = &before.queued {
                let lane = self.settings.is_automatic(&wish.groups).then_some(&before.lane);
                self.queues.leave(&wish.groups, (wish.since, id), lane);
            }
            if let Some(wish) = &after.queued {
                let lane = self.settings.is_automatic(&wish.groups).then_some(&after.lane);
                self.queues.enter(&wish.groups, (wish.since, id), lane);
            }
        }
        for &due in before.deadlines.iter().flatten() {
            self.deadlines.remove(&(due, id));
        }
        for &due in after.deadlines.iter().flatten() {
            self.deadlines.insert((due, id));
        }
    }

    /// Counts again what agents hold of the bounded groups: which those are hangs on the settings.
    pub(super) fn share_out_anew(&mut self) {
        let mut shares = Shares::new(&self.settings.per_agent);
        for (&id, entry) in &self.entries {
            let held: Vec<_> = entry.shares(&shares).collect();
            held.iter().for_each(|(group, agent)| shares.hold(*group, agent, id));
        }
        self.roster.bound(shares, self.settings.teams.clone());
    }

    /// Forms the queues again: which conversations routing gives hangs on the settings.
    pub(super) fn line_up_anew(&mut self) {
        self.queues = Queues::default();
        for (&id, entry) in &self.entries {
            if let Some(wish) = entry.queued() {
                let lane = self.settings.is_automatic(&wish.groups).then(|| entry.lane(self.roster.shares()));
                self.queues.enter(&wish.groups, (wish.since, id), lane.as_ref());
            }
        }
    }

    /// Gives waiting conversations away, the oldest first, until none has a candidate.
    pub(super) fn drain(&mut self, changed: Changed, now: Timestamp) -> Vec<Assign> {
        let mut agents = changed.agents;
        let mut turns: BTreeSet<Turn> =
            changed.conversations.into_iter().filter_map(|id| Some((self.queued(id)?.since, id))).collect();
        let mut assigns = Vec::new();
        while let Some((conversation, agent)) = self.next_pair(&mut agents, &mut turns) {
            assigns.extend(self.give(conversation, &agent, now));
        }
        assigns
    }

    /// The oldest conversation that can be given, and to whom. Agents and conversations that have
    /// no match drop out: giving never makes a new match.
    fn next_pair(
        &self,
        agents: &mut BTreeSet<AgentId>,
        turns: &mut BTreeSet<Turn>,
    ) -> Option<(ConversationId, AgentId)> {
        let mut oldest: Option<Turn> = None;
        agents.retain(|agent| {
            let turn = self.oldest_for(agent);
            oldest = turn.into_iter().chain(oldest).min();
            turn.is_some()
        });
        while let Some(&turn) = turns.first() {
            if self.candidate(turn.1).is_some() {
                oldest = Some(oldest.map_or(turn, |other| other.min(turn)));
                break;
            }
            turns.pop_first();
        }
        let (_, conversation) = oldest?;
        Some((conversation, self.candidate(conversation)?))
    }

    /// The first in the queues of an agent's groups that the agent may take now.
    fn oldest_for(&self, agent: &AgentId) -> Option<Turn> {
        let seat = self.roster.seat(agent).filter(|_| self.roster.has_free_slot(agent))?;
        let groups = seat.memberships().filter(|(_, class)| class.is_routed());
        let may_have = |lane: &Lane| self.roster.may_have(agent, &lane.bounded, lane.team);
        groups.filter_map(|(group, _)| self.queues.first_for(group, agent, may_have)).min()
    }

    /// Who would get a waiting conversation now; under manual routing nobody.
    fn candidate(&self, id: ConversationId) -> Option<AgentId> {
        let entry = self.entries.get(&id)?;
        let wish = entry.queued().filter(|wish| self.settings.is_automatic(&wish.groups))?;
        self.roster.choose(wish, &entry.declined)
    }

    /// Takes a slot for a waiting conversation. One whose first notice is still to come cannot
    /// hear of it yet: its slot is kept silently, so that nobody overtakes it meanwhile.
    fn give(&mut self, id: ConversationId, agent: &AgentId, now: Timestamp) -> Option<Assign> {
        debug_assert!(self.roster.has_free_slot(agent), "{agent} has no slot for {id:?}");
        if let Some(wish) = self.queued(id).cloned() {
            self.record(id, &wish, Placement::Assigned(agent.clone()), now);
        }
        self.roster.assigned(agent, now);
        let offer = self.offer(agent.clone(), now);
        let ticket = offer.ticket;
        let mut announced = false;
        self.edit(id, |entry| match &mut entry.reservation {
            Some(reservation) => {
                reservation.agent = Some(agent.clone());
                reservation.told = false;
            }
            None => {
                entry.offer = Some(offer);
                announced = true;
            }
        });
        announced.then(|| Assign { conversation: id, agent: agent.clone(), ticket })
    }

    /// A fresh offer to one agent.
    pub(super) fn offer(&mut self, agent: AgentId, now: Timestamp) -> Offer {
        self.last_ticket += 1;
        Offer { agent, ticket: self.last_ticket, placed: false, deadline: now.plus(self.settings.lapse) }
    }

    /// The wish a conversation stands in the queue with.
    pub(super) fn queued(&self, id: ConversationId) -> Option<&Wish> {
        self.entries.get(&id)?.queued()
    }

    pub(super) fn is_offline(&self, groups: &[GroupId]) -> bool {
        !groups.iter().any(|&group| self.roster.is_accepting(group))
    }

    /// Writes down how the agents stand, before the decision takes effect.
    pub(super) fn record(&mut self, id: ConversationId, wish: &Wish, placement: Placement, at: Timestamp) {
        let none = BTreeSet::new();
        let declined = self.entries.get(&id).map_or(&none, |entry| &entry.declined);
        let chosen = if let Placement::Assigned(agent) = &placement { Some(agent) } else { None };
        let others = self.roster.by_relevance(&wish.groups).filter(|&agent| Some(agent) != chosen);
        let agents: Vec<_> = chosen
            .into_iter()
            .chain(others)
            .take(AGENTS_EXPLAINED)
            .map(|agent| (agent.clone(), self.roster.verdict(agent, wish, declined)))
            .collect();
        let unlisted = self.roster.count().saturating_sub(agents.len());
        let groups = wish.groups.clone();
        self.history.record(id, Explanation { at, groups, placement, agents, unlisted });
    }
}
