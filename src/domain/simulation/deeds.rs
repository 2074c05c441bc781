//! What the people do, by chance.

use std::time::Duration;

use crate::conversation::Conversation;
use crate::conversation::access::Access;
use crate::conversation::command::{Command, OpenThread, TransferTarget, WhenInactive};
use crate::conversation::event::{EventBody, NewEvent, Visibility};
use crate::conversation::properties::Properties;
use crate::error::PlacementNeed;
use crate::id::{AgentId, ConversationId, GroupId, ThreadId, UserId};
use crate::participant::RoutingStatus;
use crate::participant::agent::Coming;
use crate::participant::bot::BotChange;
use crate::simulation::cast::{self, GROUPS, Worker};
use crate::simulation::world::{Execute, Node, Operation, ToRouter, World};

/// A status to choose: mostly that of somebody who works.
const STATUS: [RoutingStatus; 5] = [
    RoutingStatus::Accepting,
    RoutingStatus::Accepting,
    RoutingStatus::Accepting,
    RoutingStatus::NotAccepting,
    RoutingStatus::Offline,
];

impl World {
    /// Somebody does something.
    pub(super) fn deed(&mut self) {
        if self.chance.one_in(3) {
            let workers: Vec<_> = self.workers.iter().map(|(id, w)| (id.clone(), w.clone())).collect();
            match self.chance.pick(&workers) {
                Some((id, Worker::Human(_))) => self.human(&id),
                Some((id, Worker::Bot(_))) => self.bot(&id),
                None => {}
            }
        } else {
            let visitors: Vec<_> = self.visitors.keys().copied().collect();
            if let Some(visitor) = self.chance.pick(&visitors) {
                self.visitor(visitor);
            }
        }
    }

    /// Long enough for timers to run out.
    pub(super) fn pass_some_time(&mut self) {
        let minutes = self.chance.below(40);
        self.pass(Duration::from_secs(60 * minutes));
    }

    /// An operator changes how the license routes; running chats obey.
    pub(super) fn change_settings(&mut self) {
        self.settings = cast::settings(&mut self.chance);
        let settings = ToRouter::Settings(self.settings.clone());
        self.tell_router(Node::Operation(0), settings);
        for id in self.chats.keys().copied().collect::<Vec<_>>() {
            self.watch_the_clock(id);
        }
    }

    fn human(&mut self, id: &AgentId) {
        let Some(Worker::Human(agent)) = self.workers.get(id).cloned() else { return };
        if !self.connected.contains(id) {
            self.connected.insert(id.clone());
            let facts =
                agent.log_in(if self.chance.one_in(2) { Coming::Back } else { Coming::Anew }, self.now);
            return self.agent_facts(id, facts);
        }
        match self.chance.below(11) {
            10 => {
                let facts = agent.set_away(!agent.away, self.now);
                self.agent_facts(id, facts);
            }
            n @ (0 | 1) => {
                self.connected.remove(id);
                let facts = agent.last_connection_gone(n == 0, self.now);
                self.agent_facts(id, facts);
            }
            2 | 3 => {
                let status = self.chance.pick(&STATUS[..4]).unwrap_or(RoutingStatus::Accepting);
                let facts = agent.set_status(status, self.now);
                self.agent_facts(id, facts);
            }
            _ => self.in_a_chat(id),
        }
    }

    fn bot(&mut self, id: &AgentId) {
        let Some(Worker::Bot(bot)) = self.workers.get(id).cloned() else { return };
        if self.chance.one_in(2) && bot.duty.status != RoutingStatus::Offline {
            return self.in_a_chat(id);
        }
        let change = if self.chance.one_in(2) {
            BotChange { status: self.chance.pick(&STATUS), ..BotChange::default() }
        } else {
            let limit = u32::try_from(self.chance.below(4)).unwrap_or(0);
            BotChange { max_chats: Some(limit), ..BotChange::default() }
        };
        let changed = bot.change(change, |group| group.0 < GROUPS, self.now);
        self.bot_fact(id, changed.expect("a change within the bounds"));
    }

    /// An agent or bot joins, speaks, leaves or ends.
    fn in_a_chat(&mut self, id: &AgentId) {
        let user = UserId::Agent(id.clone());
        let active: Vec<_> = self.chats.values().filter(|c| c.active_thread().is_some()).collect();
        let mine: Vec<_> = active.iter().filter(|c| c.is_present(&user)).map(|c| c.id()).collect();
        let others: Vec<_> = active.iter().filter(|c| !c.is_present(&user)).map(|c| c.id()).collect();
        let (chat, command) = match (self.chance.below(9), self.chance.pick(&mine), self.chance.pick(&others))
        {
            (0, _, Some(chat)) => (chat, Command::AddUser(user.clone())),
            (1, Some(chat), _) => (chat, Command::RemoveUser { user: user.clone(), placement: None }),
            (2, Some(chat), _) => (chat, Command::Close { require_presence: true }),
            (3, _, Some(chat)) => return self.say(&user, chat),
            (5, Some(chat), _) => (chat, Command::See(None)),
            (4, Some(chat), _) => {
                let to = self.target();
                (chat, Command::Transfer { to, force: self.chance.one_in(2), placement: None })
            }
            (_, Some(chat), _) => return self.say(&user, chat),
            _ => return,
        };
        self.ask(&user, chat, command);
    }

    fn target(&mut self) -> TransferTarget {
        let workers: Vec<_> = self.workers.keys().cloned().collect();
        match self.chance.below(3) {
            0 => TransferTarget::Agents(self.chance.pick(&workers).into_iter().collect()),
            1 => TransferTarget::Groups(vec![GroupId(
                u32::try_from(self.chance.below(u64::from(GROUPS))).unwrap_or(0),
            )]),
            _ => TransferTarget::Within,
        }
    }

    fn visitor(&mut self, n: u64) {
        let Some(visitor) = self.visitors.get(&n).cloned() else { return };
        let user = cast::customer(n);
        match visitor
            .chat
            .and_then(|chat| self.chats.get(&chat))
            .map(|c| (c.id(), c.active_thread().is_some()))
        {
            None if visitor.starting => {}
            None => self.start(n),
            Some((chat, true)) if self.chance.one_in(4) => {
                self.ask(&user, chat, Command::Close { require_presence: false });
            }
            Some((chat, false)) if self.chance.one_in(2) => {
                let open = self.open(None);
                self.ask(&user, chat, Command::Activate(open));
            }
            Some((chat, _)) => self.say(&user, chat),
        }
    }

    fn start(&mut self, visitor: u64) {
        let chat = ConversationId::from_random(self.chance.bits());
        let group = GroupId(u32::try_from(self.chance.below(u64::from(GROUPS))).unwrap_or(0));
        let open = self.open(Some(Access::of(group)));
        let need =
            PlacementNeed { may_wait_offline: open.continuous == Some(true), ..PlacementNeed::of([group]) };
        self.visitors.entry(visitor).or_default().starting = true;
        let placed_at = self.now;
        self.place(
            Node::User(cast::customer(visitor)),
            chat,
            need,
            Operation::Start { visitor, chat, open, placed_at },
        );
    }

    fn open(&mut self, access: Option<Access>) -> OpenThread {
        OpenThread {
            ticket: None,
            thread: ThreadId::from_random(self.chance.bits()),
            properties: Properties::default(),
            thread_properties: Properties::default(),
            access,
            events: Vec::new(),
            tags: Vec::new(),
            continuous: Some(self.chance.one_in(3)),
            customer: None,
            placement: None,
            follow: false,
        }
    }

    /// Posts a message with a number of its own.
    fn say(&mut self, by: &UserId, chat: ConversationId) {
        let number = self.witness.said(chat, self.now);
        let event = NewEvent {
            details: None,
            custom_id: None,
            visibility: Visibility::All,
            properties: Properties::default(),
            body: EventBody::Message { text: number.to_string(), postback: None },
        };
        let when_inactive = WhenInactive::OpenThread(ThreadId::from_random(self.chance.bits()), None);
        let command = Command::Post { event, when_inactive };
        let execute = Execute { command, by: Some(by.clone()), message: Some(number), placed_at: None };
        self.command(Node::User(by.clone()), chat, execute);
    }

    fn ask(&mut self, by: &UserId, chat: ConversationId, command: Command) {
        let execute = Execute { command, by: Some(by.clone()), message: None, placed_at: None };
        self.command(Node::User(by.clone()), chat, execute);
    }

    /// The chats with an active thread.
    pub(super) fn active(&self) -> impl Iterator<Item = &Conversation> {
        self.chats.values().filter(|chat| chat.active_thread().is_some())
    }
}
