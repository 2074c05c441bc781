//! Agents who come and go without pause: nothing is lost, nothing is doubled, nobody is forgotten.
//!
//! `FLAP_ROUNDS=n` plays n rounds of about a second; `FLAP_SEED=n` another game.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{interval, sleep, timeout};

use crate::chance::Chance;
use crate::support::people::Person;
use crate::support::rtm::{Rtm, Side};
use crate::support::server::Server;
use crate::support::shape::{id, list, orders, present_agents, text, texts, waits};
use crate::support::{DEADLINE, announce, number_from_env};

/// Rounds when nothing is said.
const ROUNDS: u64 = 5;
/// How long everybody flaps in a round, before it is looked at.
const FLAPPING: Duration = Duration::from_millis(700);
/// The longest pause between two deeds of one party.
const PAUSE: Duration = Duration::from_millis(60);

const CUSTOMERS: usize = 24;
const BOTS: usize = 5;
/// Chats that routing may give a bot; two humans have six each. So some wait, also when all are there.
const BOT_SLOTS: usize = 2;
const HUMAN_SLOTS: usize = 6;

/// Does somebody take chats?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Accepting,
    NotAccepting,
    Offline,
}

/// A human who logs in, logs out, loses the connection and changes its mind.
struct Human {
    n: usize,
    line: Option<Rtm>,
    status: Status,
}

impl Human {
    async fn flap(&mut self, server: &Server, chance: &mut Chance) {
        match (chance.below(4), self.line.take()) {
            (0, Some(line)) => {
                line.ok("logout", json!({})).await;
                self.status = Status::Offline;
            }
            // Lost, and back before the grace time ends: as it was.
            (1, Some(line)) => {
                line.cut().await;
                if chance.one_in(2) {
                    sleep(chance.wait(PAUSE)).await;
                }
                self.back(server).await;
            }
            (_, Some(line)) => {
                let (status, word) = match self.status {
                    Status::Accepting => (Status::NotAccepting, "not_accepting_chats"),
                    _ => (Status::Accepting, "accepting_chats"),
                };
                line.ok("update_agent", json!({ "routing_status": word })).await;
                self.status = status;
                self.line = Some(line);
            }
            (_, None) => {
                self.line = Some(server.agent(self.n).await);
                self.status = Status::Accepting;
            }
        }
    }

    async fn back(&mut self, server: &Server) {
        let login = json!({ "token": server.agent_token(self.n), "reconnect": true });
        self.line = Some(Rtm::login(server, Side::Agent, login).await);
    }
}

/// A bot whose application changes its status.
struct Bot {
    id: String,
    status: Status,
}

impl Bot {
    async fn flap(&mut self, server: &Server, chance: &mut Chance) {
        let (status, word) = match chance.below(4) {
            0 => (Status::Offline, "offline"),
            1 => (Status::NotAccepting, "not accepting chats"),
            _ => (Status::Accepting, "accepting chats"),
        };
        server.update_bot(&self.id, json!({ "status": word })).await;
        self.status = status;
    }
}

/// A customer who talks all the time, and at times ends the talk and begins anew.
struct Customer {
    person: Person,
    line: Rtm,
    chat: String,
    said: u64,
    acknowledged: Vec<String>,
}

impl Customer {
    async fn act(&mut self, chance: &mut Chance) {
        if chance.one_in(12) {
            self.line.ok("close_thread", json!({ "chat_id": self.chat })).await;
        }
        let word = format!("{} {}", self.chat, self.said);
        self.said += 1;
        let event = json!({ "type": "message", "text": word });
        self.line.ok("send_event", json!({ "chat_id": self.chat, "event": event })).await;
        self.acknowledged.push(word);
    }
}

struct Game {
    server: Server,
    humans: Vec<Human>,
    bots: Vec<Bot>,
    customers: Vec<Customer>,
}

impl Game {
    async fn set() -> Self {
        let server = Server::start().await;
        // Always there, with a slot that is always taken: so no group is ever offline, which would end what waits.
        server.bot(json!({ "name": "Anchor", "max_chats_count": 1 })).await;
        let (_, taken) = server.chat(json!({})).await;
        assert!(!waits(&taken));
        let mut bots = Vec::new();
        for _ in 0..BOTS {
            let id = server.bot(json!({ "max_chats_count": BOT_SLOTS })).await;
            bots.push(Bot { id, status: Status::Accepting });
        }
        let humans = (0..2).map(|n| Human { n, line: None, status: Status::Offline }).collect();
        let mut customers = Vec::new();
        for _ in 0..CUSTOMERS {
            let person = server.person().await;
            let line = server.customer_rtm(&person).await;
            let chat = id(&line.ok("start_chat", json!({ "chat": {} })).await["chat"]);
            customers.push(Customer { person, line, chat, said: 0, acknowledged: Vec::new() });
        }
        Self { server, humans, bots, customers }
    }

    /// Everybody at once, for a while.
    async fn flap(&mut self, chance: &mut Chance) {
        let server = &self.server;
        let mut own = || Chance::new(chance.bits());
        let humans = self.humans.iter_mut().map(|human| (human, own())).collect::<Vec<_>>();
        let bots = self.bots.iter_mut().map(|bot| (bot, own())).collect::<Vec<_>>();
        let customers = self.customers.iter_mut().map(|customer| (customer, own())).collect::<Vec<_>>();
        let over = sleep(FLAPPING);
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let again = || !*stopped.borrow();
        let humans = humans.into_iter().map(|(human, mut chance)| async move {
            while again() {
                human.flap(server, &mut chance).await;
                sleep(chance.wait(PAUSE)).await;
            }
        });
        let bots = bots.into_iter().map(|(bot, mut chance)| async move {
            while again() {
                bot.flap(server, &mut chance).await;
                sleep(chance.wait(PAUSE)).await;
            }
        });
        let customers = customers.into_iter().map(|(customer, mut chance)| async move {
            while again() {
                customer.act(&mut chance).await;
                sleep(chance.wait(PAUSE)).await;
            }
        });
        let end = async {
            over.await;
            stop.send_replace(true);
        };
        tokio::join!(join_all(humans), join_all(bots), join_all(customers), end);
    }

    /// What each agent may hold by routing, and whether it takes more.
    fn parties(&self) -> HashMap<String, (Status, usize)> {
        let humans =
            self.humans.iter().map(|human| (self.server.agent_id(human.n), (human.status, HUMAN_SLOTS)));
        let bots = self.bots.iter().map(|bot| (bot.id.clone(), (bot.status, BOT_SLOTS)));
        humans.chain(bots).collect()
    }

    /// Waits until everything is where it belongs: what is held is held by one who is there, within the limit, and
    /// nothing waits while somebody has a free hand.
    async fn settle(&self, round: u64) -> HashMap<String, Vec<String>> {
        let parties = self.parties();
        let mut again = interval(Duration::from_millis(20));
        let mut last = String::new();
        let settled = async {
            loop {
                again.tick().await;
                match self.look(&parties).await {
                    Ok(held) => return held,
                    Err(why) => last = why,
                }
            }
        };
        match timeout(DEADLINE, settled).await {
            Ok(held) => held,
            Err(_) => panic!("round {round}: {last}; {parties:?}"),
        }
    }

    async fn look(
        &self,
        parties: &HashMap<String, (Status, usize)>,
    ) -> Result<HashMap<String, Vec<String>>, String> {
        let mut held: HashMap<String, Vec<String>> = HashMap::new();
        let mut waiting = Vec::new();
        for look in join_all(self.customers.iter().map(|customer| self.server.look(&customer.chat))).await {
            let agents = present_agents(&look);
            assert!(agents.len() <= 1, "held by several: {look:#}");
            assert_eq!(list(&look["threads"]).last().unwrap()["active"], true, "it goes on: {look:#}");
            match agents.into_iter().next() {
                Some(agent) => held.entry(agent).or_default().push(id(&look)),
                None => {
                    assert!(waits(&look));
                    waiting.push(id(&look));
                }
            }
        }
        for (agent, chats) in &held {
            let Some((status, slots)) = parties.get(agent) else { continue };
            if *status == Status::Offline {
                return Err(format!("{agent} is gone and holds {chats:?}"));
            }
            if chats.len() > *slots {
                return Err(format!("{agent} holds more than {slots}: {chats:?}"));
            }
        }
        let free = parties.iter().find(|(agent, (status, slots))| {
            *status == Status::Accepting && held.get(*agent).map_or(0, Vec::len) < *slots
        });
        match (free, waiting.first()) {
            (Some((agent, _)), Some(chat)) => Err(format!("{chat} waits, and {agent} has a free hand")),
            _ => Ok(held),
        }
    }

    /// Every acknowledged message is in its chat once, in order, and nothing else is.
    async fn check_history(&self) {
        for customer in &self.customers {
            let look = self.server.look(&customer.chat).await;
            let mut said = Vec::new();
            for thread in list(&look["threads"]) {
                let events = &thread["events"];
                assert_eq!(orders(events), (1..=list(events).len() as u64).collect::<Vec<_>>(), "{thread:#}");
                said.extend(texts(events));
            }
            assert_eq!(said, customer.acknowledged);
            let users: Vec<_> = list(&look["users"]).iter().map(|user| text(&user["id"])).collect();
            assert_eq!(users.iter().filter(|user| **user == customer.person.id).count(), 1, "{users:?}");
        }
    }

    /// Everybody comes with open hands: nothing waits any more.
    async fn reunion(&mut self) {
        for human in &mut self.humans {
            if human.line.is_none() {
                human.line = Some(self.server.agent(human.n).await);
            }
            let accept = json!({ "routing_status": "accepting_chats" });
            human.line.as_ref().unwrap().ok("update_agent", accept).await;
            human.status = Status::Accepting;
        }
        for bot in &mut self.bots {
            let fields: Value = json!({ "status": "accepting chats", "max_chats_count": CUSTOMERS });
            self.server.update_bot(&bot.id, fields).await;
            bot.status = Status::Accepting;
        }
        let mut again = interval(Duration::from_millis(20));
        let nobody_waits = async {
            loop {
                again.tick().await;
                let looks = self.customers.iter().map(|customer| self.server.look(&customer.chat));
                if join_all(looks).await.iter().all(|look| present_agents(look).len() == 1) {
                    return;
                }
            }
        };
        timeout(DEADLINE, nobody_waits).await.expect("a chat was forgotten");
    }
}

#[tokio::test]
async fn agents_who_come_and_go_lose_and_double_nothing() {
    let seed = number_from_env("FLAP_SEED", 1);
    let rounds = number_from_env("FLAP_ROUNDS", ROUNDS);
    announce(&format!("flapping: FLAP_SEED={seed} FLAP_ROUNDS={rounds}"));
    let mut chance = Chance::new(seed);
    let mut game = Game::set().await;
    for round in 0..rounds {
        game.flap(&mut chance).await;
        game.settle(round).await;
    }
    game.check_history().await;
    game.reunion().await;
    game.check_history().await;
    let said: usize = game.customers.iter().map(|customer| customer.acknowledged.len()).sum();
    assert!(said as u64 > rounds * 50, "it was no test: {said} messages");
}
