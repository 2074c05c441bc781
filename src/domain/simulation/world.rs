//! The world in virtual time: who sends what to whom, when it arrives, and what becomes of it.
//! It behaves as the engine's actors do, with chance in place of threads.
//!
//! What is guaranteed here is what the engine has to guarantee, and no more: messages of one sender
//! to one receiver keep their order; notices leave when their change is durable; durability keeps
//! the order of the journal; a conversation asks the router one question at a time, and not before
//! the router was told what the conversation decided earlier.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::conversation::command::{Command, OpenThread};
use crate::conversation::fact::Change;
use crate::conversation::properties::PropertyTable;
use crate::conversation::{Context, Conversation, Decision};
use crate::error::Rejected;
use crate::id::{AgentId, ConversationId, UserId};
use crate::participant::agent::AgentFact;
use crate::participant::bot::BotFact;
use crate::routing::{AgentSeat, Answer, ConversationSeat, PlaceRequest, Placement, Router, RouterSettings};
use crate::simulation::cast::{self, Names, Visitor, Worker};
use crate::simulation::chance::Chance;
use crate::simulation::checks::Witness;
use crate::simulation::journal::{Entry, Journal, Release};
use crate::time::Timestamp;

/// The longest that a message is under way.
const HOP: Duration = Duration::from_millis(20);
/// The longest that a group of records takes to the disk.
const SYNC: Duration = Duration::from_millis(60);

/// Whoever sends or receives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Node {
    Router,
    User(UserId),
    Chat(ConversationId),
    Operation(u64),
}

/// A message to the router.
#[derive(Debug, Clone)]
pub(super) enum ToRouter {
    Place(PlaceRequest, Box<Operation>),
    Cancel(ConversationId),
    Agent(AgentSeat),
    Chat(ConversationSeat),
    Answered(ConversationId, u64, Answer),
    Settings(RouterSettings),
}

/// A command to a conversation.
#[derive(Debug, Clone)]
pub(super) struct Execute {
    pub(super) command: Command,
    pub(super) by: Option<UserId>,
    /// The message in it, by its number.
    pub(super) message: Option<u64>,
    /// When the router was asked for it, if it was.
    pub(super) placed_at: Option<Timestamp>,
}

/// What needs the router's word, and goes on with it.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    /// A customer starts a chat.
    Start { visitor: u64, chat: ConversationId, open: OpenThread, placed_at: Timestamp },
    /// A command is given again, with the word in it.
    Again { chat: ConversationId, execute: Execute },
}

/// What comes at its time.
#[derive(Debug)]
pub(super) enum Happening {
    Synced(usize),
    Router(ToRouter),
    Chat(ConversationId, Box<Execute>),
    Answered(u64, Box<Operation>, Placement),
    AgentDue(AgentId),
    Lapse,
    /// Time passes, and no more.
    Nothing,
}

pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) chance: Chance,
    agenda: BTreeMap<(Timestamp, u64), Happening>,
    scheduled: u64,
    /// When time alone changes a chat.
    timers: BTreeMap<ConversationId, Timestamp>,
    /// Since when the process runs.
    running_since: Timestamp,
    /// When the last message of a sender reaches a receiver.
    channels: BTreeMap<(Node, Node), Timestamp>,
    pub(super) operations: u64,
    pub(super) journal: Journal,
    pub(super) router: Router,
    /// How the license routes.
    pub(super) settings: RouterSettings,
    pub(super) workers: BTreeMap<AgentId, Worker>,
    /// The humans with a connection.
    pub(super) connected: BTreeSet<AgentId>,
    pub(super) visitors: BTreeMap<u64, Visitor>,
    pub(super) chats: BTreeMap<ConversationId, Conversation>,
    pub(super) seats: BTreeMap<ConversationId, ConversationSeat>,
    /// Conversations that asked the router, with the commands that wait for the same.
    asking: BTreeMap<ConversationId, VecDeque<Execute>>,
    pub(super) witness: Witness,
    properties: PropertyTable,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let workers = cast::workers(&mut chance);
        let settings = cast::settings(&mut chance);
        let mut world = Self {
            now: Timestamp::from_secs(1_000_000),
            chance,
            agenda: BTreeMap::new(),
            scheduled: 0,
            timers: BTreeMap::new(),
            running_since: Timestamp::default(),
            channels: BTreeMap::new(),
            operations: 0,
            journal: Journal::default(),
            router: Router::new(settings.clone()),
            settings,
            workers,
            connected: BTreeSet::new(),
            visitors: cast::visitors(),
            chats: BTreeMap::new(),
            seats: BTreeMap::new(),
            asking: BTreeMap::new(),
            witness: Witness::default(),
            properties: PropertyTable::built_in(),
        };
        let first = world.workers.iter().map(|(id, worker)| match worker {
            Worker::Human(agent) => Entry::Agent(id.clone(), AgentFact::Put(agent.clone())),
            Worker::Bot(bot) => Entry::Bot(id.clone(), BotFact::Put(Box::new(bot.clone()))),
        });
        let first: Vec<_> = first.collect();
        let position = world.journal.append(first, Vec::new());
        world.journal.synced(position);
        world.restart();
        world
    }

    /// Loses everything that is not durable, and starts again: agents first, then the chats that
    /// are held, then those that wait (design D15). The router has heard of all before anybody asks.
    pub(super) fn crash(&mut self) {
        self.journal.crash();
        self.witness.crashed();
        self.restart();
    }

    pub(super) fn restart(&mut self) {
        self.agenda.clear();
        self.timers.clear();
        self.running_since = self.now;
        self.channels.clear();
        self.asking.clear();
        self.connected.clear();
        self.router = Router::new(self.settings.clone());
        (self.workers, self.chats) = self.replayed();
        for entry in self.journal.entries() {
            if let Entry::Chat(id, fact) = entry {
                self.witness.happened(*id, &fact.change);
            }
        }
        self.seats = self.chats.iter().map(|(id, chat)| (*id, chat.seat())).collect();
        for (n, visitor) in &mut self.visitors {
            let own =
                |chat: &&Conversation| chat.customer().map(UserId::Customer) == Some(cast::customer(*n));
            let chat = self.chats.values().find(own).map(Conversation::id);
            *visitor = Visitor { chat, starting: false };
        }
        for (id, worker) in self.workers.clone() {
            self.witness.limit(&id, worker.duty().max_chats);
            // Whoever was online has its grace time from now on, and gets no new chat.
            let in_grace = matches!(worker, Worker::Human(_)) && !worker.is_offline();
            let seat = worker.seat();
            let seat = AgentSeat { in_grace: in_grace || seat.in_grace, ..seat };
            self.router_hears(ToRouter::Agent(seat));
        }
        let mut seats: Vec<_> =
            self.chats.values().filter(|c| c.active_thread().is_some()).map(Conversation::seat).collect();
        seats.sort_by_key(|seat| seat.waiting.as_ref().map(|waiting| waiting.since));
        for seat in seats {
            self.router_hears(ToRouter::Chat(seat));
        }
        for id in self.chats.keys().copied().collect::<Vec<_>>() {
            self.watch_the_clock(id);
        }
        for id in self.workers.keys().cloned().collect::<Vec<_>>() {
            if let Some(Worker::Human(agent)) = self.workers.get(&id) {
                let facts = agent.last_connection_gone(false, self.now);
                self.agent_facts(&id, facts);
                self.watch(&id);
            }
        }
    }

    /// The state that the facts of the journal make.
    pub(super) fn replayed(&self) -> (BTreeMap<AgentId, Worker>, BTreeMap<ConversationId, Conversation>) {
        let mut workers: BTreeMap<AgentId, Worker> = BTreeMap::new();
        let mut chats: BTreeMap<ConversationId, Conversation> = BTreeMap::new();
        for entry in self.journal.entries() {
            match entry {
                Entry::Agent(id, fact) => match (workers.get_mut(id), fact) {
                    (Some(Worker::Human(agent)), fact) => agent.apply(fact),
                    (_, AgentFact::Put(agent)) => {
                        workers.insert(id.clone(), Worker::Human(agent.clone()));
                    }
                    (_, fact) => unreachable!("{fact:?} of nobody"),
                },
                Entry::Bot(id, fact) => match (workers.get_mut(id), fact) {
                    (Some(Worker::Bot(bot)), fact) => bot.apply(fact),
                    (_, BotFact::Put(bot)) => {
                        workers.insert(id.clone(), Worker::Bot((**bot).clone()));
                    }
                    (_, fact) => unreachable!("{fact:?} of nobody"),
                },
                Entry::Chat(id, fact) => {
                    if let Some(born) = Conversation::born(fact) {
                        chats.insert(*id, born);
                    }
                    chats.get_mut(id).expect("a chat begins with its creation").apply(fact, &mut Vec::new());
                }
            }
        }
        (workers, chats)
    }

    /// Does what comes next; false when nothing is left to come.
    pub(super) fn step(&mut self) -> bool {
        if self.time_is_up() {
            return true;
        }
        let Some(((at, _), happening)) = self.agenda.pop_first() else { return false };
        self.now = self.now.max(at);
        match happening {
            Happening::Nothing => {}
            Happening::Synced(position) => self.synced(position),
            Happening::Router(message) => self.router_hears(message),
            Happening::Chat(id, execute) => self.execute(id, *execute),
            Happening::Answered(number, operation, placement) => self.go_on(number, *operation, placement),
            Happening::AgentDue(id) => self.agent_due(&id),
            Happening::Lapse => {
                let assigns = self.router.lapse(self.now);
                self.give(assigns);
            }
        }
        true
    }

    /// Lets time pass, with all that it brings about.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now.plus(time);
        self.at(until, Happening::Nothing);
        while self.now < until && self.step() {
            self.check_always();
        }
    }

    /// A chat's next deadline; while it asks the router it is looked at later.
    pub(super) fn watch_the_clock(&mut self, id: ConversationId) {
        let deadline = self.chats.get(&id).and_then(|chat| self.deadline(chat));
        match deadline.filter(|_| !self.asking.contains_key(&id)) {
            Some(at) => self.timers.insert(id, at),
            None => self.timers.remove(&id),
        };
    }

    pub(super) fn deadline(&self, chat: &Conversation) -> Option<Timestamp> {
        let around = chat.surroundings(&Names(&self.workers, &self.settings), self.running_since);
        chat.next_deadline(around).map(|(at, _)| at)
    }

    /// The chat whose time is up before anything else happens does what is due.
    fn time_is_up(&mut self) -> bool {
        let next = self.agenda.first_key_value().map_or(self.now, |((at, _), _)| self.now.max(*at));
        let first = self.timers.iter().map(|(id, at)| (*at, *id)).min().filter(|(at, _)| *at <= next);
        let Some((at, id)) = first else { return false };
        self.now = self.now.max(at);
        self.timers.remove(&id);
        let command = Command::Due { running_since: self.running_since, placement: None };
        self.execute(id, Execute { command, by: None, message: None, placed_at: None });
        true
    }

    pub(super) fn at(&mut self, when: Timestamp, happening: Happening) {
        self.scheduled += 1;
        self.agenda.insert((when, self.scheduled), happening);
    }

    /// A message arrives some time later, but not before an earlier one on the same way.
    pub(super) fn send(&mut self, from: Node, to: Node, what: Happening) {
        let arrives = self.now.plus(self.chance.wait(HOP));
        let last = self.channels.entry((from, to)).or_default();
        *last = arrives.max(*last);
        let when = *last;
        self.at(when, what);
    }

    pub(super) fn command(&mut self, from: Node, chat: ConversationId, execute: Execute) {
        self.send(from, Node::Chat(chat), Happening::Chat(chat, Box::new(execute)));
    }

    pub(super) fn tell_router(&mut self, from: Node, message: ToRouter) {
        self.send(from, Node::Router, Happening::Router(message));
    }

    pub(super) fn append(&mut self, record: Vec<Entry>, shows: Vec<Release>) {
        let position = self.journal.append(record, shows);
        let when = self.now.plus(self.chance.wait(SYNC));
        self.at(when, Happening::Synced(position));
    }

    pub(super) fn synced(&mut self, position: usize) {
        for release in self.journal.synced(position) {
            match release {
                Release::Notice(from, message) => self.tell_router(from, message),
                Release::Acknowledged(message) => self.witness.acknowledged(message, self.now),
                Release::Ask(chat, need, operation) => self.place(Node::Chat(chat), chat, need, *operation),
                Release::Started(visitor, chat) => {
                    self.witness.started.insert(chat);
                    self.visitors.insert(visitor, Visitor { chat: Some(chat), starting: false });
                }
            }
        }
    }

    /// Journals and applies what changed a human agent.
    pub(super) fn agent_facts(&mut self, id: &AgentId, facts: Vec<AgentFact>) {
        let Some(Worker::Human(agent)) = self.workers.get_mut(id) else { return };
        if facts.is_empty() {
            return;
        }
        facts.iter().for_each(|fact| agent.apply(fact));
        let record = facts.into_iter().map(|fact| Entry::Agent(id.clone(), fact)).collect();
        self.worker_changed(id, record);
        self.watch(id);
    }

    /// Journals and applies what changed a bot.
    pub(super) fn bot_fact(&mut self, id: &AgentId, fact: BotFact) {
        let Some(Worker::Bot(bot)) = self.workers.get_mut(id) else { return };
        bot.apply(&fact);
        self.worker_changed(id, vec![Entry::Bot(id.clone(), fact)]);
    }

    pub(super) fn worker_changed(&mut self, id: &AgentId, record: Vec<Entry>) {
        let seat = self.workers[id].seat();
        self.witness.limit(id, seat.limit);
        let from = Node::User(UserId::Agent(id.clone()));
        self.append(record, vec![Release::Notice(from, ToRouter::Agent(seat))]);
    }

    pub(super) fn watch(&mut self, id: &AgentId) {
        if let Some(Worker::Human(agent)) = self.workers.get(id)
            && let Some(due) = agent.next_deadline()
        {
            self.at(due.max(self.now), Happening::AgentDue(id.clone()));
        }
    }

    pub(super) fn agent_due(&mut self, id: &AgentId) {
        if let Some(Worker::Human(agent)) = self.workers.get(id)
            && !self.connected.contains(id)
        {
            let facts = agent.due(self.now);
            self.agent_facts(id, facts);
        }
    }

    pub(super) fn decided<T>(
        &self,
        by: Option<&UserId>,
        placed_at: Option<Timestamp>,
        epoch: u64,
        decide: impl FnOnce(&Context<'_>) -> T,
    ) -> T {
        let by = by.map(|user| cast::principal(user, &self.workers));
        decide(&Context {
            by: by.as_ref(),
            now: self.now,
            license: &Names(&self.workers, &self.settings),
            properties: &self.properties,
            placed_at: placed_at.unwrap_or(self.now),
            epoch,
            key: None,
        })
    }

    /// Executes a command. One that comes with the router's word lets those go on that would have
    /// asked meanwhile: of one conversation one question is under way, or two would share a promise.
    pub(super) fn execute(&mut self, id: ConversationId, execute: Execute) {
        let answered = execute.placed_at.is_some();
        let waiting = if answered { self.asking.remove(&id) } else { None };
        self.execute_one(id, execute);
        for execute in waiting.into_iter().flatten() {
            self.execute(id, execute);
        }
        self.watch_the_clock(id);
    }

    pub(super) fn execute_one(&mut self, id: ConversationId, execute: Execute) {
        let Execute { command, by, message, placed_at } = execute.clone();
        let word = command.placement().cloned();
        let chat = &self.chats[&id];
        let ticket = if let Command::Assign { ticket, .. } = command { Some(ticket) } else { None };
        let decision = self.decided(by.as_ref(), placed_at, 0, |cx| chat.decide(command, cx));
        let answer = |taken| if taken { Answer::Placed } else { Answer::Refused };
        match decision {
            Ok(decision) => {
                if let Some(ticket) = ticket {
                    self.tell_router(Node::Chat(id), ToRouter::Answered(id, ticket, answer(true)));
                }
                let shows = message.map(Release::Acknowledged).into_iter().collect();
                self.commit(id, decision, shows);
                self.give_back_unused(id, word.as_ref());
            }
            Err(Rejected::NeedsPlacement(need)) if placed_at.is_none() => {
                if let Some(waiting) = self.asking.get_mut(&id) {
                    return waiting.push_back(execute);
                }
                self.asking.insert(id, VecDeque::new());
                let execute = Execute { placed_at: Some(self.now), ..execute };
                let operation = Box::new(Operation::Again { chat: id, execute });
                self.journal.after_all(Release::Ask(id, *need, operation));
                self.synced(self.journal.durable);
            }
            Err(_) => {
                self.give_back_unused(id, word.as_ref());
                if let Some(ticket) = ticket {
                    self.tell_router(Node::Chat(id), ToRouter::Answered(id, ticket, answer(false)));
                }
            }
        }
    }

    /// A place that the router reserved and the command did not need is given back. It is told at
    /// once, before the notice of what was decided, which is the harder case.
    fn give_back_unused(&mut self, id: ConversationId, word: Option<&Placement>) {
        let Some(word) = word else { return };
        let chat = &self.chats[&id];
        let held = matches!(word, Placement::Assigned(agent) if chat.is_held_by(agent));
        if !held && chat.waiting_since().is_none() {
            self.tell_router(Node::Chat(id), ToRouter::Cancel(id));
        }
    }

    /// Applies and journals facts; the router hears of them when they are durable.
    pub(super) fn commit(&mut self, id: ConversationId, decision: Decision, mut shows: Vec<Release>) {
        if decision.facts.is_empty() {
            return;
        }
        let chat = self.chats.get_mut(&id).expect("only known chats decide");
        for fact in &decision.facts {
            chat.apply(fact, &mut Vec::new());
            self.witness.happened(id, &fact.change);
        }
        let only_talk = decision.facts.iter().all(|fact| matches!(fact.change, Change::EventPosted(_)));
        let seat = ConversationSeat { asking: self.asking.contains_key(&id), ..chat.seat() };
        let known = self.seats.insert(id, seat.clone());
        let changed = known.is_none_or(|known| {
            (&known.present, &known.waiting, &known.groups) != (&seat.present, &seat.waiting, &seat.groups)
        });
        let created = decision.facts.iter().any(|fact| matches!(fact.change, Change::Created { .. }));
        if !only_talk && (changed || created) {
            shows.insert(0, Release::Notice(Node::Chat(id), ToRouter::Chat(seat)));
        }
        let record = decision.facts.into_iter().map(|fact| Entry::Chat(id, fact)).collect();
        self.append(record, shows);
    }
}
