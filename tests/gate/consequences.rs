//! A change that others follow from, cut after each record: a crash leaves it whole or undone, and what follows is
//! completed by the next start (design D7).

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{interval, timeout};

use crate::support::DEADLINE;
use crate::support::people::Person;
use crate::support::server::Server;
use crate::support::shape::{id, list, present_agents, text, waits};
use crate::support::web::{Api, Web, send};

/// A bot with two chats, another one with room for one, and nobody else who could take any: what happens to the first
/// gives one chat to the second and lets the other wait.
struct Scene {
    server: Server,
    /// The token that the first bot's login hangs on.
    token: String,
    bot: String,
    other: String,
    held: Vec<(Person, String)>,
}

/// What becomes of the bot.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Removed,
    Revoked,
    TakenOffline,
}

impl Scene {
    async fn set() -> Self {
        let server = Server::start().await;
        let token = server.issue(json!({ "agent_id": server.agent_id(0) })).await;
        let fields = json!({ "name": "First", "status": "accepting chats", "max_chats_count": 2,
            "groups": [{ "id": 0, "priority": "first" }] });
        let web = Web::new(&server, Api::Configuration, &token);
        let bot = text(&web.ok("create_bot_agent", fields).await["bot_agent_id"]);
        let other = server.bot(json!({ "name": "Other", "max_chats_count": 1 })).await;
        let mut held = Vec::new();
        for _ in 0..2 {
            let (person, chat) = server.chat(json!({})).await;
            assert_eq!(present_agents(&chat), [bot.as_str()]);
            held.push((person, id(&chat)));
        }
        Self { server, token, bot, other, held }
    }

    /// Asks for the deed; the answer may never come.
    fn ask(&self, deed: Deed) -> tokio::task::JoinHandle<Option<u16>> {
        let configuration = |action: &str, payload: Value| {
            let path = format!("/v3.0/configuration/action/{action}");
            let request = self.server.raw(Method::POST, &path).bearer_auth(self.server.agent_token(0));
            request.json(&json!({ "payload": payload }))
        };
        let request = match deed {
            Deed::Removed => configuration("remove_bot_agent", json!({ "bot_agent_id": self.bot })),
            Deed::Revoked => self.server.raw(Method::DELETE, &format!("/token?token={}", self.token)),
            Deed::TakenOffline => {
                configuration("update_bot_agent", json!({ "id": self.bot, "status": "offline" }))
            }
        };
        tokio::spawn(async move { request.send().await.ok().map(|answer| answer.status().as_u16()) })
    }

    /// Carries it out without a crash, and gives the number of records.
    async fn records(&self, deed: Deed) -> u64 {
        let before = self.server.journal.changes();
        assert_eq!(self.ask(deed).await.unwrap(), Some(200));
        self.settled(deed, true).await;
        self.server.journal.changes() - before
    }

    /// Waits until the chats stand as they must when the deed is done, or as they stood before.
    async fn settled(&self, deed: Deed, done: bool) {
        let mut again = interval(Duration::from_millis(10));
        let mut last = Vec::new();
        let wait = async {
            loop {
                again.tick().await;
                last = self.holders().await;
                let count = |who: Option<&str>| last.iter().filter(|holder| holder.as_deref() == who).count();
                let as_it_must = if done {
                    count(Some(&self.other)) == 1 && count(None) == 1
                } else {
                    count(Some(&self.bot)) == 2
                };
                if as_it_must {
                    return;
                }
            }
        };
        if timeout(DEADLINE, wait).await.is_err() {
            panic!("{deed:?}, done: {done}: {} and {} hold {last:?}", self.bot, self.other);
        }
    }

    /// Who holds each chat; nobody holds two, no chat is held twice.
    async fn holders(&self) -> Vec<Option<String>> {
        let mut holders = Vec::new();
        for (_, chat) in &self.held {
            let look = self.server.look(chat).await;
            let present = present_agents(&look);
            assert!(present.len() <= 1, "held twice: {look:#}");
            assert_eq!(waits(&look), present.is_empty());
            holders.push(present.into_iter().next());
        }
        holders
    }

    /// Everything about it: the bot, its token, its chats, and that the slots are where they should be.
    async fn check(&self, deed: Deed, done: bool) {
        self.settled(deed, done).await;
        let server = &self.server;
        let which = json!({ "bot_agent_id": self.bot });
        let details = server.configuration().call("get_bot_agent_details", which).await;
        match (deed, done) {
            (Deed::Removed, true) => {
                assert_eq!(details.unwrap_err().1.kind, "validation", "removed is removed");
            }
            _ => {
                let status = if done { "offline" } else { "accepting chats" };
                assert_eq!(details.unwrap()["bot_agent"]["status"], status);
            }
        }
        let info = send(server.raw(Method::GET, "/info").bearer_auth(&self.token)).await;
        let gone = matches!((deed, done), (Deed::Revoked, true));
        assert_eq!(info.0, if gone { 401 } else { 200 }, "{info:?}");
        for (_, chat) in &self.held {
            let look = server.look(chat).await;
            let events = list(&look["threads"][0]["events"]);
            let moved = events.iter().filter(|event| {
                let kind = event["system_message_type"].as_str().unwrap_or_default();
                kind.starts_with("routing.assigned_") || kind.starts_with("routing.unassigned_")
            });
            assert_eq!(moved.count(), usize::from(done), "told once: {look:#}");
            assert_eq!(look["threads"][0]["active"], true, "its talk goes on");
        }
    }

    async fn crash(self) -> Self {
        Self { server: self.server.crash().await, ..self }
    }

    /// The slot that is left frees: the waiting chat gets it.
    async fn goes_on(&self) {
        let holders = self.holders().await;
        let held = holders.iter().position(Option::is_some).unwrap();
        let (person, chat) = &self.held[held];
        let payload = json!({ "chat_id": chat });
        self.server.customer_web(person).ok("close_thread", payload).await;
        let (_, waiting) = &self.held[1 - held];
        let mut again = interval(Duration::from_millis(10));
        let given = async {
            while present_agents(&self.server.look(waiting).await) != [self.other.as_str()] {
                again.tick().await;
            }
        };
        timeout(DEADLINE, given).await.expect("the free slot should go to the chat that waits");
    }
}

async fn cut_everywhere(deed: Deed) {
    let records = Scene::set().await.records(deed).await;
    assert!(records >= 3, "the deed, and both chats: {records}");
    for durable in 0..=records {
        let scene = Scene::set().await;
        let before = scene.server.journal.changes();
        scene.server.shut_gate();
        let asked = scene.ask(deed);
        for n in 1..=durable {
            scene.server.journal.wait_for(before + n).await;
            scene.server.let_through(1);
        }
        // The next step was taken, but nobody will remember it.
        if durable < records {
            scene.server.journal.wait_for(before + durable + 1).await;
        }
        let mut scene = scene.crash().await;
        let answer = asked.await.unwrap();
        assert!(answer.is_none() || durable > 0, "acknowledged before it was durable");
        for _ in 0..2 {
            scene.check(deed, durable > 0).await;
            scene = scene.crash().await;
        }
        if durable == 0 {
            scene.records(deed).await;
        }
        scene.check(deed, true).await;
        scene.goes_on().await;
        scene.server.assert_whole();
    }
}

#[tokio::test]
async fn a_removed_bot_loses_its_chats_wherever_it_is_cut() {
    cut_everywhere(Deed::Removed).await;
}

#[tokio::test]
async fn a_revoked_token_takes_its_bot_and_its_chats_along_wherever_it_is_cut() {
    cut_everywhere(Deed::Revoked).await;
}

#[tokio::test]
async fn a_bot_taken_offline_loses_its_chats_wherever_it_is_cut() {
    cut_everywhere(Deed::TakenOffline).await;
}
