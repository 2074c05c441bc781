//! The agents with their loads, and who of them is best for a wish.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::Wish;
use super::explanation::{Skipped, Verdict};
use super::index::{Rank, SeatIndex};
use super::seat::AgentSeat;
use super::shares::Shares;
use crate::id::{AgentId, ConversationId, GroupId};
use crate::time::Timestamp;

/// A known agent.
#[derive(Debug)]
struct Member {
    seat: AgentSeat,
    last_assigned: Option<Timestamp>,
}

/// Every known agent. Loads are kept apart from seats: a conversation may name an agent that was
/// not told yet, or is no more.
#[derive(Debug, Default)]
pub(super) struct Roster {
    members: BTreeMap<AgentId, Member>,
    loads: BTreeMap<AgentId, BTreeSet<ConversationId>>,
    shares: Shares,
    teams: BTreeMap<u64, BTreeSet<AgentId>>,
    index: SeatIndex,
}

impl Roster {
    pub(super) fn seat(&self, agent: &AgentId) -> Option<&AgentSeat> {
        self.members.get(agent).map(|member| &member.seat)
    }

    /// Takes a newer seat; `false` when it is not newer.
    pub(super) fn update(&mut self, seat: AgentSeat) -> bool {
        if self.seat(&seat.agent).is_some_and(|known| seat.version <= known.version) {
            return false;
        }
        let agent = seat.agent.clone();
        let last_assigned = self.remove(&agent).and_then(|member| member.last_assigned);
        self.index.enrol(&seat);
        self.members.insert(agent.clone(), Member { seat, last_assigned });
        self.list(&agent);
        true
    }

    /// Forgets an agent; its load stays as long as conversations name it. `false` when it was unknown.
    pub(super) fn forget(&mut self, agent: &AgentId) -> bool {
        self.remove(agent).is_some()
    }

    fn remove(&mut self, agent: &AgentId) -> Option<Member> {
        self.unlist(agent);
        let member = self.members.remove(agent)?;
        self.index.dismiss(&member.seat);
        Some(member)
    }

    pub(super) fn occupy(&mut self, agent: &AgentId, conversation: ConversationId) {
        self.unlist(agent);
        self.loads.entry(agent.clone()).or_default().insert(conversation);
        self.list(agent);
    }

    pub(super) fn vacate(&mut self, agent: &AgentId, conversation: ConversationId) {
        self.unlist(agent);
        if let Some(load) = self.loads.get_mut(agent) {
            load.remove(&conversation);
            if load.is_empty() {
                self.loads.remove(agent);
            }
        }
        self.list(agent);
    }

    /// Who holds how much of the bounded groups.
    pub(super) const fn shares(&self) -> &Shares {
        &self.shares
    }

    /// Takes other bounds, with what is held of them, and other teams.
    pub(super) fn bound(&mut self, shares: Shares, teams: BTreeMap<u64, BTreeSet<AgentId>>) {
        let agents: Vec<_> = self.members.keys().cloned().collect();
        agents.iter().for_each(|agent| self.unlist(agent));
        (self.shares, self.teams) = (shares, teams);
        agents.iter().for_each(|agent| self.list(agent));
    }

    /// A conversation of a bounded group counts for the agent from now on.
    pub(super) fn hold(&mut self, group: GroupId, agent: &AgentId, conversation: ConversationId) {
        self.unlist(agent);
        self.shares.hold(group, agent, conversation);
        self.list(agent);
    }

    /// Undoes [`hold`](Self::hold).
    pub(super) fn release(&mut self, group: GroupId, agent: &AgentId, conversation: ConversationId) {
        self.unlist(agent);
        self.shares.release(group, agent, conversation);
        self.list(agent);
    }

    /// Routing gave (or offered) the agent a conversation.
    pub(super) fn assigned(&mut self, agent: &AgentId, at: Timestamp) {
        self.unlist(agent);
        if let Some(member) = self.members.get_mut(agent) {
            member.last_assigned = Some(at);
        }
        self.list(agent);
    }

    /// Its place in the index; `None` without a free slot.
    fn rank(&self, agent: &AgentId) -> Option<Rank> {
        let member = self.members.get(agent)?;
        let load = self.load(agent);
        (member.seat.takes_new() && member.seat.has_room(load)).then(|| Rank {
            load,
            last_assigned: member.last_assigned,
            agent: agent.clone(),
        })
    }

    fn list(&mut self, agent: &AgentId) {
        if let (Some(rank), Some(member)) = (self.rank(agent), self.members.get(agent)) {
            self.index.list(&member.seat, &rank, &self.shares);
        }
    }

    /// Called before whatever its rank is made of changes, with [`list`](Self::list) after.
    fn unlist(&mut self, agent: &AgentId) {
        if let (Some(rank), Some(member)) = (self.rank(agent), self.members.get(agent)) {
            self.index.unlist(&member.seat, &rank);
        }
    }

    pub(super) fn load(&self, agent: &AgentId) -> usize {
        self.loads.get(agent).map_or(0, BTreeSet::len)
    }

    pub(super) fn conversations_of(&self, agent: &AgentId) -> impl Iterator<Item = ConversationId> {
        self.loads.get(agent).into_iter().flatten().copied()
    }

    pub(super) fn has_free_slot(&self, agent: &AgentId) -> bool {
        self.rank(agent).is_some()
    }

    /// Can it take this conversation now, by name? One that it has already takes no further slot.
    pub(super) fn can_take(&self, agent: &AgentId, conversation: ConversationId) -> bool {
        let has_it = || self.loads.get(agent).is_some_and(|load| load.contains(&conversation));
        self.seat(agent).is_some_and(|seat| seat.takes_new() && (seat.has_room(self.load(agent)) || has_it()))
    }

    pub(super) fn is_present(&self, agent: &AgentId) -> bool {
        self.seat(agent).is_some_and(AgentSeat::is_present)
    }

    pub(super) fn is_accepting(&self, group: GroupId) -> bool {
        self.index.is_accepting(group)
    }

    pub(super) fn is_free(&self, group: GroupId) -> bool {
        self.index.has_free_slot(group)
    }

    /// The best agent for a wish, if any has a free slot.
    pub(super) fn choose(&self, wish: &Wish, declined: &BTreeSet<AgentId>) -> Option<AgentId> {
        let allowed = |agent: &AgentId| {
            !wish.excludes(agent)
                && !declined.contains(agent)
                && self.may_have(agent, &wish.groups, wish.team)
        };
        let chosen = self.index.best(&wish.groups, allowed).cloned();
        debug_assert!(
            chosen
                .as_ref()
                .is_none_or(|agent| matches!(self.verdict(agent, wish, declined), Verdict::Eligible { .. })),
            "the index chose {chosen:?} against the rules"
        );
        chosen
    }

    /// Is the agent one of the team, if it is known?
    fn is_in(&self, agent: &AgentId, team: Option<u64>) -> bool {
        team.and_then(|team| self.teams.get(&team)).is_none_or(|members| members.contains(agent))
    }

    /// May it have one more of these groups' conversations, and of the team's?
    pub(super) fn may_have(&self, agent: &AgentId, groups: &[GroupId], team: Option<u64>) -> bool {
        self.is_in(agent, team) && self.shares.has_room(agent, groups)
    }

    /// Whether an agent that has a slot reserved for a conversation may still get it under this wish.
    pub(super) fn suits(&self, agent: &AgentId, wish: &Wish, conversation: ConversationId) -> bool {
        let suits = |seat: &AgentSeat| {
            seat.takes_new() && seat.best_priority(&wish.groups).is_some_and(|class| class.is_routed())
        };
        !wish.excludes(agent)
            && self.seat(agent).is_some_and(suits)
            && self.is_in(agent, wish.team)
            && self.shares.suits(agent, &wish.groups, conversation)
    }

    /// The candidate test, rule by rule.
    pub(super) fn verdict(&self, agent: &AgentId, wish: &Wish, declined: &BTreeSet<AgentId>) -> Verdict {
        let Some(Member { seat, last_assigned }) = self.members.get(agent) else {
            return Verdict::Skipped(Skipped::Offline);
        };
        let Some(class) = seat.best_priority(&wish.groups) else {
            return Verdict::Skipped(Skipped::NotInGroup);
        };
        let load = self.load(agent);
        let reasons = [
            (!class.is_routed(), Skipped::Supervisor),
            (!self.is_in(agent, wish.team), Skipped::NotInTeam),
            (wish.excludes(agent), Skipped::Excluded),
            (declined.contains(agent), Skipped::Declined),
            (!seat.is_present(), Skipped::Offline),
            (!seat.accepting, Skipped::NotAccepting),
            (seat.in_grace, Skipped::InGrace),
            (!seat.has_room(load), Skipped::Full { load, limit: seat.limit }),
        ];
        let of_group = || {
            let (group, load, limit) = self.shares.full(agent, &wish.groups)?;
            Some(Skipped::FullInGroup { group, load, limit })
        };
        match reasons.into_iter().find_map(|(applies, reason)| applies.then_some(reason)).or_else(of_group) {
            Some(reason) => Verdict::Skipped(reason),
            None => Verdict::Eligible { class, load, last_assigned: *last_assigned },
        }
    }

    /// Agents to explain a decision with: members of `groups` first, then the others; not all of
    /// them need be asked for.
    pub(super) fn by_relevance<'a>(&'a self, groups: &'a [GroupId]) -> impl Iterator<Item = &'a AgentId> {
        let members = groups.iter().enumerate().flat_map(move |(nth, &group)| {
            let earlier = &groups[..nth];
            self.index.members(group).filter(move |agent| {
                self.seat(agent).is_some_and(|seat| seat.best_priority(earlier).is_none())
            })
        });
        let others = self
            .members
            .iter()
            .filter(|(_, member)| member.seat.best_priority(groups).is_none())
            .map(|(agent, _)| agent);
        members.chain(others)
    }

    pub(super) fn count(&self) -> usize {
        self.members.len()
    }
}
