//! The naive plan: the same rules over the whole state, without any index. Slow and obvious.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Alert, GroupStatus, Refusal};
use super::*;

/// Who asks whom, since when.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ask {
    groups: BTreeSet<GroupId>,
    exclude: BTreeSet<AgentId>,
    team: Option<u64>,
    since: Timestamp,
}

impl Ask {
    fn new(groups: &[GroupId], exclude: &[AgentId], team: Option<u64>, since: Timestamp) -> Self {
        let (groups, exclude) = (groups.iter().copied().collect(), exclude.iter().cloned().collect());
        Self { groups, exclude, team, since }
    }
}

#[derive(Debug, Clone)]
struct Reserved {
    ask: Ask,
    agent: Option<AgentId>,
    told: bool,
    deadline: Timestamp,
}

#[derive(Debug, Clone)]
struct Offered {
    agent: AgentId,
    ticket: Option<u64>,
    placed: bool,
    deadline: Timestamp,
}

#[derive(Debug, Clone, Default)]
struct Talk {
    version: Option<u64>,
    groups: BTreeSet<GroupId>,
    present: BTreeSet<AgentId>,
    waiting: Option<Ask>,
    reserved: Option<Reserved>,
    offered: Option<Offered>,
    declined: BTreeSet<AgentId>,
}

impl Talk {
    fn in_load_of(&self, agent: &AgentId) -> bool {
        self.present.contains(agent)
            || self.reserved.as_ref().is_some_and(|reserved| reserved.agent.as_ref() == Some(agent))
            || self.offered.as_ref().is_some_and(|offered| offered.agent == *agent)
    }

    fn counts_for(&self, agent: &AgentId, group: GroupId) -> bool {
        let offered = self.offered.as_ref().is_some_and(|offered| offered.agent == *agent);
        let reserved = self.reserved.as_ref().is_some_and(|reserved| {
            reserved.agent.as_ref() == Some(agent) && reserved.ask.groups.contains(&group)
        });
        reserved || (self.groups.contains(&group) && (offered || self.present.contains(agent)))
    }

    fn is_over(&self) -> bool {
        self.present.is_empty() && self.waiting.is_none() && self.reserved.is_none() && self.offered.is_none()
    }

    fn queued(&self) -> Option<&Ask> {
        match &self.reserved {
            _ if self.offered.is_some() => None,
            Some(reserved) if reserved.agent.is_some() => None,
            Some(reserved) => Some(&reserved.ask),
            None => self.waiting.as_ref(),
        }
    }
}

/// Assignments in order, as (conversation, agent).
pub(super) type Given = Vec<(ConversationId, AgentId)>;

#[derive(Debug)]
pub(super) struct Oracle {
    settings: RouterSettings,
    seats: BTreeMap<AgentId, AgentSeat>,
    last_assigned: BTreeMap<AgentId, Timestamp>,
    talks: BTreeMap<ConversationId, Talk>,
    pub(super) gone: BTreeSet<Alert>,
}

impl Oracle {
    pub(super) fn new(settings: RouterSettings) -> Self {
        Self {
            settings,
            seats: BTreeMap::new(),
            last_assigned: BTreeMap::new(),
            talks: BTreeMap::new(),
            gone: BTreeSet::new(),
        }
    }

    pub(super) fn load(&self, agent: &AgentId) -> usize {
        self.talks.values().filter(|talk| talk.in_load_of(agent)).count()
    }

    /// Has the agent room in each bounded group, or counts conversation `id` there already?
    fn has_share(&self, agent: &AgentId, groups: &BTreeSet<GroupId>, id: Option<ConversationId>) -> bool {
        groups.iter().all(|group| {
            let counts = |talk: &Talk| talk.counts_for(agent, *group);
            self.settings.per_agent.get(group).is_none_or(|&limit| {
                id.and_then(|id| self.talks.get(&id)).is_some_and(counts)
                    || self.talks.values().filter(|talk| counts(talk)).count() < limit as usize
            })
        })
    }

    fn is_in(&self, agent: &AgentId, ask: &Ask) -> bool {
        ask.team.is_none_or(|team| self.settings.teams.get(&team).is_none_or(|team| team.contains(agent)))
    }

    fn class(seat: &AgentSeat, groups: &BTreeSet<GroupId>) -> Option<Priority> {
        let class = |group: &GroupId| match seat.groups.get(group) {
            None if *group == GroupId(0) => Some(seat.default_priority),
            own => own.copied(),
        };
        groups.iter().filter_map(class).filter(|class| *class != Priority::Supervisor).min()
    }

    fn choose(&self, ask: &Ask, declined: &BTreeSet<AgentId>) -> Option<AgentId> {
        self.seats
            .values()
            .filter(|seat| seat.online && seat.accepting && !seat.in_grace)
            .filter(|seat| self.load(&seat.agent) < seat.limit as usize)
            .filter(|seat| !ask.exclude.contains(&seat.agent) && !declined.contains(&seat.agent))
            .filter(|seat| self.has_share(&seat.agent, &ask.groups, None) && self.is_in(&seat.agent, ask))
            .filter_map(|seat| {
                let last = self.last_assigned.get(&seat.agent);
                Some((Self::class(seat, &ask.groups)?, self.load(&seat.agent), last, &seat.agent))
            })
            .min()
            .map(|(.., agent)| agent.clone())
    }

    fn accepting(&self, groups: &BTreeSet<GroupId>) -> bool {
        self.seats.values().any(|seat| {
            (seat.online || seat.in_grace)
                && seat.accepting
                && seat.limit > 0
                && Self::class(seat, groups).is_some()
        })
    }

    pub(super) fn status(&self, group: GroupId) -> GroupStatus {
        let ask = Ask::new(&[group], &[], None, Timestamp::default());
        match (self.choose(&ask, &BTreeSet::new()), self.accepting(&ask.groups)) {
            (Some(_), _) => GroupStatus::Online,
            (None, true) => GroupStatus::OnlineForQueue,
            (None, false) => GroupStatus::Offline,
        }
    }

    pub(super) fn predict(&self, groups: &[GroupId]) -> Result<AgentId, Refusal> {
        let ask = Ask::new(groups, &[], None, Timestamp::default());
        let refusal =
            if self.accepting(&ask.groups) { Refusal::GroupUnavailable } else { Refusal::GroupOffline };
        self.routed(&ask, &BTreeSet::new()).ok_or(refusal)
    }

    fn queue(&self, group: GroupId) -> BTreeSet<(Timestamp, ConversationId)> {
        let turn = |(&id, talk): (&ConversationId, &Talk)| {
            talk.queued().filter(|ask| ask.groups.contains(&group)).map(|ask| (ask.since, id))
        };
        self.talks.iter().filter_map(turn).collect()
    }

    fn place_of(&self, ask: &Ask, id: ConversationId) -> u32 {
        let ahead =
            |&group: &GroupId| self.queue(group).iter().filter(|turn| **turn < (ask.since, id)).count();
        ask.groups.iter().map(ahead).min().unwrap_or(0) as u32 + 1
    }

    pub(super) fn position(&self, id: ConversationId) -> Option<u32> {
        Some(self.place_of(self.talks.get(&id)?.queued()?, id))
    }

    /// Whoever said that it waits, while nobody accepts.
    pub(super) fn stranded(&self) -> BTreeSet<ConversationId> {
        let waits = |talk: &Talk| {
            talk.reserved.is_none() && talk.queued().is_some_and(|ask| !self.accepting(&ask.groups))
        };
        self.talks.iter().filter(|(_, talk)| waits(talk)).map(|(&id, _)| id).collect()
    }

    /// Waiting conversations that could be given to somebody: after every event there are none.
    pub(super) fn forgotten(&self) -> Vec<ConversationId> {
        let can = |talk: &Talk| talk.queued().is_some_and(|ask| self.routed(ask, &talk.declined).is_some());
        self.talks.iter().filter(|(_, talk)| can(talk)).map(|(&id, _)| id).collect()
    }

    /// Oldest first: the first that has a candidate gets it, and again from the start.
    fn plan(&mut self, now: Timestamp) -> Given {
        // A conversation that is over takes its refusals with it: resumed, it starts afresh.
        for talk in self.talks.values_mut().filter(|talk| talk.is_over()) {
            talk.declined.clear();
        }
        let mut given = Given::new();
        loop {
            let mut turns: Vec<_> =
                self.talks.iter().filter_map(|(&id, talk)| Some((talk.queued()?.since, id))).collect();
            turns.sort_unstable();
            let next = turns.into_iter().find_map(|(_, id)| {
                let talk = &self.talks[&id];
                Some((id, self.routed(talk.queued()?, &talk.declined)?))
            });
            let Some((id, agent)) = next else { return given };
            assert!(self.load(&agent) < self.seats[&agent].limit as usize, "over the limit");
            self.last_assigned.insert(agent.clone(), now);
            let deadline = now.plus(self.settings.lapse);
            let talk = self.talks.get_mut(&id).unwrap();
            if let Some(reserved) = &mut talk.reserved {
                (reserved.agent, reserved.told) = (Some(agent), false);
            } else {
                talk.offered = Some(Offered { agent: agent.clone(), ticket: None, placed: false, deadline });
                given.push((id, agent));
            }
        }
    }

    /// The router's ticket of an assignment that both made.
    pub(super) fn ticket(&mut self, id: ConversationId, ticket: u64) {
        self.talks.get_mut(&id).unwrap().offered.as_mut().unwrap().ticket = Some(ticket);
    }

    pub(super) fn outstanding(&self, id: ConversationId) -> Option<(AgentId, u64)> {
        self.talks.get(&id)?.offered.as_ref().map(|offered| (offered.agent.clone(), offered.ticket.unwrap()))
    }

    pub(super) fn promised(&self, id: ConversationId) -> Option<AgentId> {
        let talk = self.talks.get(&id)?;
        let reserved = talk.reserved.as_ref().and_then(|reserved| reserved.agent.clone());
        talk.offered.as_ref().map(|offered| offered.agent.clone()).or(reserved)
    }

    fn suits(&self, agent: &AgentId, ask: &Ask, id: ConversationId) -> bool {
        self.seats.get(agent).is_some_and(|seat| {
            seat.online && seat.accepting && !seat.in_grace && Self::class(seat, &ask.groups).is_some()
        }) && !ask.exclude.contains(agent)
            && self.has_share(agent, &ask.groups, Some(id))
            && self.is_in(agent, ask)
    }

    pub(super) fn place(&mut self, request: &PlaceRequest) -> (Placement, Given) {
        let id = request.conversation;
        let ask = Ask::new(&request.groups, &request.exclude, request.team, request.at);
        let online = self.accepting(&ask.groups);
        let deadline = request.at.plus(self.settings.lapse);
        let refusal = if online { Refusal::GroupUnavailable } else { Refusal::GroupOffline };
        if !request.among.is_empty() {
            return self.place_by_name(request, ask, refusal);
        }
        if self.is_manual(&ask) {
            let able = self.choose(&ask, &BTreeSet::new()).is_some();
            let may = if request.at_once { able } else { online || request.continuous };
            let placement = if may { Placement::Unassigned } else { Placement::Refused(refusal) };
            return (placement, Given::new());
        }
        let talk = self.talks.entry(id).or_default().clone();
        let reserved = talk.reserved.as_ref().and_then(|reserved| reserved.agent.clone());
        let offered = talk.offered.as_ref().map(|offered| offered.agent.clone());
        let kept = reserved.into_iter().chain(offered).find(|agent| self.suits(agent, &ask, id));
        let same = talk
            .queued()
            .filter(|queued| !request.at_once && Ask { since: ask.since, ..(*queued).clone() } == ask);
        if kept.is_some() || same.is_some() {
            let placement = match (kept, same) {
                (Some(agent), _) => Placement::Assigned(agent),
                (None, Some(queued)) if online || !request.continuous => {
                    Placement::Queued { position: self.place_of(queued, id) }
                }
                (None, _) => Placement::Unassigned,
            };
            let reserved = &mut self.talks.get_mut(&id).unwrap().reserved;
            if let Placement::Assigned(agent) = &placement {
                *reserved = Some(Reserved { ask, agent: Some(agent.clone()), told: true, deadline });
            } else if let Some(reserved) = reserved {
                reserved.deadline = deadline;
            }
            return (placement, self.plan(request.at));
        }
        let room = ask.groups.iter().all(|&g| self.queue(g).len() < self.own(g).queue_limit as usize);
        let agent = self.choose(&ask, &talk.declined);
        let placement = match (&agent, online, request.continuous) {
            (Some(agent), ..) => Placement::Assigned(agent.clone()),
            (None, ..) if request.at_once => return (Placement::Refused(refusal), Given::new()),
            (None, true, _) if self.rules(&ask).queues && room => {
                Placement::Queued { position: self.place_of(&ask, id) }
            }
            (None, true, _) => return (Placement::Refused(Refusal::GroupUnavailable), Given::new()),
            (None, false, true) => Placement::Unassigned,
            (None, false, false) => return (Placement::Refused(Refusal::GroupOffline), Given::new()),
        };
        if let Some(agent) = &agent {
            self.last_assigned.insert(agent.clone(), request.at);
        }
        let told = agent.is_some();
        self.talks.get_mut(&id).unwrap().reserved = Some(Reserved { ask, agent, told, deadline });
        (placement, self.plan(request.at))
    }

    fn place_by_name(&mut self, request: &PlaceRequest, ask: Ask, refusal: Refusal) -> (Placement, Given) {
        let id = request.conversation;
        let talk = self.talks.entry(id).or_default().clone();
        let can = |agent: &&AgentId| {
            self.seats.get(*agent).is_some_and(|seat| {
                let free = self.load(agent) < seat.limit as usize || talk.in_load_of(agent);
                seat.online && seat.accepting && !seat.in_grace && free
            })
        };
        let Some(agent) = request.among.iter().find(can).cloned() else {
            return (Placement::Refused(refusal), Given::new());
        };
        self.last_assigned.insert(agent.clone(), request.at);
        let deadline = request.at.plus(self.settings.lapse);
        self.talks.get_mut(&id).unwrap().reserved =
            Some(Reserved { ask, agent: Some(agent.clone()), told: true, deadline });
        (Placement::Assigned(agent), self.plan(request.at))
    }

    pub(super) fn settings(&mut self, settings: RouterSettings, now: Timestamp) -> Given {
        self.settings = settings;
        self.plan(now)
    }

    fn own(&self, group: GroupId) -> Settings {
        self.settings.groups.get(&group).copied().unwrap_or(self.settings.usual)
    }

    /// The first of its groups with settings of its own decides.
    fn rules(&self, ask: &Ask) -> Settings {
        let own = ask.groups.iter().find_map(|group| self.settings.groups.get(group));
        own.copied().unwrap_or(self.settings.usual)
    }

    fn is_manual(&self, ask: &Ask) -> bool {
        self.rules(ask).mode == RoutingMode::Manual
    }

    /// Who would get it by routing.
    fn routed(&self, ask: &Ask, declined: &BTreeSet<AgentId>) -> Option<AgentId> {
        if self.is_manual(ask) { None } else { self.choose(ask, declined) }
    }

    pub(super) fn cancel(&mut self, id: ConversationId, now: Timestamp) -> Given {
        self.talks.entry(id).or_default().reserved = None;
        self.plan(now)
    }

    fn is_here(&self, agent: &AgentId) -> bool {
        self.seats.get(agent).is_some_and(|seat| seat.online || seat.in_grace)
    }

    pub(super) fn agent(&mut self, agent: &AgentId, seat: Option<AgentSeat>, now: Timestamp) -> Given {
        let was_here = self.is_here(agent);
        match seat {
            Some(seat) => {
                if self.seats.get(agent).is_some_and(|known| known.version >= seat.version) {
                    return Given::new();
                }
                self.seats.insert(agent.clone(), seat);
            }
            None => {
                self.seats.remove(agent);
                self.last_assigned.remove(agent);
            }
        }
        let left = was_here && !self.is_here(agent);
        for (&id, talk) in &mut self.talks {
            if left && talk.present.contains(agent) {
                self.gone.insert(Alert::AgentGone(id, agent.clone()));
            }
            if let Some(reserved) = &mut talk.reserved
                && !reserved.told
                && reserved.agent.as_ref() == Some(agent)
            {
                reserved.agent = None;
            }
        }
        self.plan(now)
    }

    pub(super) fn conversation(&mut self, seat: &ConversationSeat, now: Timestamp) -> Given {
        let id = seat.conversation;
        let mut talk = self.talks.entry(id).or_default().clone();
        if talk.version.is_some_and(|known| known >= seat.version) {
            return Given::new();
        }
        let before = talk.present.clone();
        talk.version = Some(seat.version);
        talk.groups = seat.groups.iter().copied().collect();
        talk.present = seat.present.iter().cloned().collect();
        talk.waiting = seat.waiting.as_ref().map(|w| Ask::new(&seat.groups, &w.exclude, w.team, w.since));
        talk.declined.clear();
        let mut given = Given::new();
        let mut confirmed = BTreeSet::new();
        if let Some(offered) = talk.offered.clone() {
            let is_in = talk.present.contains(&offered.agent);
            if offered.placed {
                talk.offered = None;
                confirmed.extend(is_in.then_some(offered.agent));
            }
        }
        if let Some(reserved) = talk.reserved.clone() {
            match (reserved.agent, &talk.waiting) {
                (Some(_), _) if seat.asking && reserved.told => {}
                (Some(agent), _) if talk.present.contains(&agent) => {
                    talk.reserved = None;
                    confirmed.insert(agent);
                }
                (Some(agent), Some(ask)) if !reserved.told => {
                    talk.reserved = None;
                    if talk.offered.is_none() && self.suits(&agent, ask, id) {
                        given.push((id, agent.clone()));
                        let deadline = now.plus(self.settings.lapse);
                        talk.offered = Some(Offered { agent, ticket: None, placed: false, deadline });
                    }
                }
                (None, Some(_)) => talk.reserved = None,
                _ => {}
            }
        }
        let came: BTreeSet<_> = talk.present.difference(&before).cloned().collect();
        let by_hand = came.difference(&confirmed).filter(|agent| !self.is_here(agent));
        let by_hand: Vec<_> = by_hand.map(|agent| Alert::CameGone(id, agent.clone())).collect();
        self.gone.extend(by_hand);
        confirmed.retain(|agent| !self.is_here(agent));
        self.gone.extend(confirmed.into_iter().map(|agent| Alert::AgentGone(id, agent)));
        self.talks.insert(id, talk);
        given.extend(self.plan(now));
        given
    }

    pub(super) fn answered(
        &mut self,
        id: ConversationId,
        ticket: u64,
        answer: Answer,
        now: Timestamp,
    ) -> Given {
        let deadline = now.plus(self.settings.lapse);
        let talk = self.talks.entry(id).or_default();
        match (&mut talk.offered, answer) {
            (Some(offered), Answer::Placed) if offered.ticket == Some(ticket) => {
                (offered.placed, offered.deadline) = (true, deadline);
            }
            (Some(offered), Answer::Refused) if offered.ticket == Some(ticket) => {
                talk.declined.insert(offered.agent.clone());
                talk.offered = None;
            }
            _ => return Given::new(),
        }
        self.plan(now)
    }

    pub(super) fn lapse(&mut self, now: Timestamp) -> Given {
        for talk in self.talks.values_mut() {
            talk.reserved.take_if(|reserved| reserved.deadline <= now);
            talk.offered.take_if(|offered| offered.deadline <= now);
        }
        self.plan(now)
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        let deadlines = |talk: &Talk| {
            [talk.reserved.as_ref().map(|r| r.deadline), talk.offered.as_ref().map(|o| o.deadline)]
        };
        self.talks.values().flat_map(deadlines).flatten().min()
    }
}
