//! What must hold, whatever chance does.

use std::collections::{BTreeMap, BTreeSet};

use crate::conversation::event::{Event, EventBody};
use crate::conversation::fact::Change;
use crate::conversation::{Assignment, Conversation};
use crate::id::{AgentId, ConversationId, UserId};
use crate::participant::settings::{self, RoutingMode};
use crate::routing::{Answer, Assign, ConversationSeat, Router};
use crate::simulation::cast::Worker;
use crate::simulation::journal::Entry;
use crate::simulation::world::World;
use crate::time::Timestamp;

/// A message that somebody sent.
#[derive(Debug)]
struct Said {
    chat: ConversationId,
    at: Timestamp,
    acknowledged: Option<Timestamp>,
}

/// Remembers what the world itself may forget.
#[derive(Debug, Default)]
pub(super) struct Witness {
    messages: BTreeMap<u64, Said>,
    /// Chats whose start was acknowledged.
    pub(super) started: BTreeSet<ConversationId>,
    /// Who is in a chat without routing.
    by_hand: BTreeSet<(AgentId, ConversationId)>,
    /// The highest limit that an agent ever had.
    limits: BTreeMap<AgentId, u32>,
    /// The limits that the router knows.
    pub(super) router_limits: BTreeMap<AgentId, u32>,
    /// The chats as the router knows them.
    seats: BTreeMap<ConversationId, ConversationSeat>,
    offers: BTreeMap<u64, AgentId>,
    /// Offers that were refused since the chat's last notice.
    declined: BTreeSet<(ConversationId, AgentId)>,
}

impl Witness {
    /// A message is sent; gives its number.
    pub(super) fn said(&mut self, chat: ConversationId, at: Timestamp) -> u64 {
        let number = self.messages.len() as u64;
        self.messages.insert(number, Said { chat, at, acknowledged: None });
        number
    }

    pub(super) fn acknowledged(&mut self, message: u64, at: Timestamp) {
        self.messages.entry(message).and_modify(|said| said.acknowledged = Some(at));
    }

    pub(super) fn limit(&mut self, agent: &AgentId, limit: u32) {
        let highest = self.limits.entry(agent.clone()).or_default();
        *highest = limit.max(*highest);
    }

    /// The router is a new one.
    pub(super) fn crashed(&mut self) {
        self.by_hand.clear();
        self.router_limits.clear();
        self.seats.clear();
        self.offers.clear();
        self.declined.clear();
    }

    /// Follows who came into a chat by hand.
    pub(super) fn happened(&mut self, chat: ConversationId, change: &Change) {
        match change {
            Change::MemberAdded { user: UserId::Agent(agent), by: Some(_) } => {
                self.by_hand.insert((agent.clone(), chat));
            }
            Change::MemberRemoved { user: UserId::Agent(agent), .. } => {
                self.by_hand.remove(&(agent.clone(), chat));
            }
            // An agent who opens a thread holds it.
            Change::ThreadOpened { by: Some(UserId::Agent(agent)), .. } => {
                self.by_hand.insert((agent.clone(), chat));
            }
            Change::ThreadClosed { .. } => self.by_hand.retain(|(_, other)| *other != chat),
            _ => {}
        }
    }

    pub(super) fn told(&mut self, seat: &ConversationSeat) {
        let id = seat.conversation;
        if self.seats.get(&id).is_none_or(|known| known.version < seat.version) {
            self.seats.insert(id, seat.clone());
            self.declined.retain(|(chat, _)| *chat != id);
        }
    }

    pub(super) fn offered(&mut self, ticket: u64, agent: &AgentId) {
        self.offers.insert(ticket, agent.clone());
    }

    pub(super) fn answered(&mut self, chat: ConversationId, ticket: u64, answer: Answer) {
        if answer == Answer::Refused
            && let Some(agent) = self.offers.get(&ticket)
        {
            self.declined.insert((chat, agent.clone()));
        }
    }

    /// Whoever is given a chat was first among those who wait with the same groups.
    pub(super) fn check_fifo(&self, router: &Router, assigns: &[Assign]) {
        for Assign { conversation, agent, .. } in assigns {
            let Some(given) = self.seats.get(conversation) else { continue };
            let Some(since) = given.waiting.as_ref().map(|waiting| waiting.since) else { continue };
            for (id, seat) in &self.seats {
                let earlier = seat.waiting.as_ref().is_some_and(|waiting| waiting.since < since);
                let queues = earlier && seat.groups == given.groups && router.position(*id).is_some();
                let excluded = seat.waiting.as_ref().is_some_and(|waiting| waiting.exclude.contains(agent));
                let passed = queues && !excluded && !self.declined.contains(&(*id, agent.clone()));
                assert!(!passed, "{agent} was given {conversation}, and {id} has waited longer");
            }
        }
    }

    /// Whoever has more than before has not more than its limit; `joined` came by hand.
    pub(super) fn check_limits(
        &self,
        router: &Router,
        before: &BTreeMap<AgentId, usize>,
        joined: &[AgentId],
    ) {
        for (agent, before) in before {
            let load = router.load(agent);
            let limit = self.router_limits.get(agent).copied().unwrap_or(0) as usize;
            let given = load > *before && !joined.contains(agent);
            assert!(!given || load <= limit, "routing gives {agent} {load} chats of at most {limit}");
        }
    }
}

impl World {
    /// What holds at every moment.
    pub(super) fn check_always(&self) {
        for chat in self.chats.values() {
            let lines = chat.thread_lines();
            let closed = lines.iter().rev().skip(1).all(|line| !line.active);
            assert!(closed, "an old thread of {} is active: {lines:?}", chat.id());
        }
        for (id, worker) in &self.workers {
            let user = UserId::Agent(id.clone());
            let routed = |chat: &&Conversation| {
                chat.is_present(&user) && !self.witness.by_hand.contains(&(id.clone(), chat.id()))
            };
            let highest = self.witness.limits.get(id).copied().unwrap_or(0).max(worker.duty().max_chats);
            let given = self.active().filter(routed).count();
            assert!(given <= highest as usize, "{id} has {given} chats by routing, at most {highest} fit");
        }
    }

    /// What holds when nothing is under way.
    pub(super) fn check_at_rest(&self) {
        self.check_always();
        assert_eq!(self.journal.durable, self.journal.records.len(), "everything became durable");
        let (workers, chats) = self.replayed();
        assert_eq!(self.workers, workers, "agents are what their facts say");
        assert_eq!(self.chats, chats, "chats are what their facts say");
        self.check_events();
        self.check_routing();
        for chat in self.chats.values() {
            let overdue = self.deadline(chat).filter(|at| *at <= self.now);
            assert_eq!(overdue, None, "{} was to be looked at", chat.id());
        }
        for chat in &self.witness.started {
            assert!(self.chats.contains_key(chat), "{chat} was acknowledged and is gone");
        }
        for (n, visitor) in &self.visitors {
            assert!(!visitor.starting, "the start of customer {n} has neither been done nor refused");
        }
    }

    /// Nobody waits who could be served, nobody is forgotten, and the router knows the truth.
    fn check_routing(&self) {
        for (id, worker) in &self.workers {
            let user = UserId::Agent(id.clone());
            let present = self.active().filter(|chat| chat.is_present(&user)).count();
            assert_eq!(self.router.load(id), present, "the router's load of {id}");
            let seat = worker.seat();
            if !seat.takes_new() || !seat.has_room(present) {
                continue;
            }
            for chat in self.active().map(Conversation::seat) {
                let manual = self.is_manual(&chat);
                let wanted = !manual && chat.waiting.is_some_and(|waiting| !waiting.exclude.contains(id));
                let may = seat.best_priority(&chat.groups).is_some_and(crate::routing::Priority::is_routed);
                assert!(!(wanted && may), "{} waits, and {id} has a free slot", chat.conversation);
            }
        }
        for chat in self.active() {
            if let Assignment::Held(agent) = chat.assignment() {
                assert!(
                    chat.is_present(&UserId::Agent(agent.clone())),
                    "{agent} holds {} from outside",
                    chat.id()
                );
                // Whoever comes when it is offline works without a connection.
                let came = chat.agents_since().find(|(who, _)| *who == agent).map(|(_, came)| came);
                let gone_since = self.workers.get(agent).and_then(Worker::gone_since);
                assert!(
                    gone_since.is_none() || came > gone_since,
                    "{agent} is offline and holds {}",
                    chat.id()
                );
            }
        }
    }

    /// Do agents take the chat by themselves?
    fn is_manual(&self, chat: &ConversationSeat) -> bool {
        let own = |group| self.settings.groups.get(&group).copied();
        settings::of_groups(self.settings.usual, &chat.groups, own).mode == RoutingMode::Manual
    }

    /// Every acknowledged message is there once, and in the order in which they were acknowledged.
    fn check_events(&self) {
        let events = self.events();
        let mut places: BTreeMap<u64, Vec<(ConversationId, usize)>> = BTreeMap::new();
        for (chat, events) in &events {
            for (place, event) in events.iter().enumerate() {
                if let EventBody::Message { text, .. } = &event.body {
                    places.entry(text.parse().unwrap()).or_default().push((*chat, place));
                }
            }
            let orders: Vec<_> = events.iter().map(|event| (event.id.thread, event.id.order)).collect();
            for pair in orders.windows(2) {
                let next =
                    pair[1] == (pair[0].0, pair[0].1 + 1) || (pair[1].0 != pair[0].0 && pair[1].1 == 1);
                assert!(next, "events of {chat} are not in a row: {pair:?}");
            }
        }
        for (number, said) in &self.witness.messages {
            let found = places.get(number).map_or(&[][..], Vec::as_slice);
            assert!(found.len() <= 1, "message {number} is there {} times", found.len());
            assert!(said.acknowledged.is_none() || found.len() == 1, "message {number} is lost: {said:?}");
            assert!(found.iter().all(|(chat, _)| *chat == said.chat));
        }
        let place =
            |number: &u64| places.get(number).and_then(|found| found.first()).map(|(_, place)| *place);
        for (first, said) in &self.witness.messages {
            let Some(heard) = said.acknowledged else { continue };
            for (second, later) in self.witness.messages.range(first + 1..) {
                if later.chat == said.chat && heard < later.at {
                    let swapped = place(second).is_some_and(|second| Some(second) < place(first));
                    assert!(
                        !swapped,
                        "message {second} stands before {first}, which was acknowledged before"
                    );
                }
            }
        }
    }

    /// The events of each chat, as the journal has them.
    fn events(&self) -> BTreeMap<ConversationId, Vec<&Event>> {
        let mut events: BTreeMap<_, Vec<&Event>> = BTreeMap::new();
        for entry in self.journal.entries() {
            let Entry::Chat(id, fact) = entry else { continue };
            let of_chat = events.entry(*id).or_default();
            match &fact.change {
                Change::EventPosted(event) => of_chat.push(event),
                Change::ThreadOpened { events, .. } => of_chat.extend(events.iter().map(|event| &**event)),
                _ => {}
            }
        }
        events
    }
}
