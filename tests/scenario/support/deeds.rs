//! Changes that others follow from, for those who cut them by a crash: what is done, how one sees that it is done, and
//! how everything must stand then.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};

use super::DEADLINE;
use super::people::Person;
use super::server::Server;
use super::shape::{id, list, present_agents, text, waits};
use super::web::{Api, Web, send};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// The bot is removed.
    Removed,
    /// The token that its login hangs on is revoked.
    Revoked,
    /// Its status is set.
    TakenOffline,
    /// Its first chat is handed over to the other bot.
    Transferred,
    /// The customer of its first chat is banned.
    Banned,
}

/// How a chat stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stand {
    Held(String),
    Waits,
    Closed,
}

/// A bot with two chats, another one with room for one, and nobody else who could take any: without the first, one chat
/// goes to the second, and one waits.
pub(crate) struct Scene {
    pub(crate) server: Server,
    deed: Deed,
    /// The token that the first bot's login hangs on.
    token: String,
    bot: String,
    other: String,
    held: Vec<(Person, String)>,
}

impl Scene {
    pub(crate) async fn set(server: Server, deed: Deed) -> Self {
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
        Self { server, deed, token, bot, other, held }
    }

    /// Asks for the deed, and gives the status of the answer, which may never come.
    pub(crate) fn ask(&self) -> JoinHandle<Option<u16>> {
        let server = &self.server;
        let (person, chat) = &self.held[0];
        let call = |api: &str, action: &str, payload: Value| {
            let request = server.raw(Method::POST, &format!("/v3.0/{api}/action/{action}"));
            request.bearer_auth(server.agent_token(0)).json(&json!({ "payload": payload }))
        };
        let request = match self.deed {
            Deed::Removed => call("configuration", "remove_bot_agent", json!({ "bot_agent_id": self.bot })),
            Deed::Revoked => server.raw(Method::DELETE, &format!("/token?token={}", self.token)),
            Deed::TakenOffline => {
                call("configuration", "update_bot_agent", json!({ "id": self.bot, "status": "offline" }))
            }
            Deed::Transferred => {
                let target = json!({ "type": "agent", "ids": [self.other] });
                call("agent", "transfer_chat", json!({ "chat_id": chat, "target": target }))
            }
            Deed::Banned => {
                let ban = json!({ "customer_id": person.id, "ban": { "days": 1 } });
                call("agent", "ban_customer", ban)
            }
        };
        tokio::spawn(async move { request.send().await.ok().map(|answer| answer.status().as_u16()) })
    }

    /// Is the deed itself done, whatever has followed from it?
    pub(crate) async fn is_done(&self) -> bool {
        let server = &self.server;
        match self.deed {
            Deed::Removed => match self.status().await {
                Ok(_) => false,
                Err(kind) => kind == "validation",
            },
            Deed::TakenOffline => self.status().await.unwrap() == "offline",
            Deed::Revoked => {
                let (status, _) = send(server.raw(Method::GET, "/info").bearer_auth(&self.token)).await;
                status == 401
            }
            Deed::Transferred => self.told(0, "chat_transferred").await == 1,
            Deed::Banned => {
                let asked = server.customer_web(&self.held[0].0).call("get_chats_summary", json!({})).await;
                asked.is_err_and(|(_, error)| error.kind == "customer_banned")
            }
        }
    }

    /// The bot's status, or the type of the error.
    async fn status(&self) -> Result<String, String> {
        let which = json!({ "bot_agent_id": self.bot });
        let details = self.server.configuration().call("get_bot_agent_details", which).await;
        details.map(|details| text(&details["bot_agent"]["status"])).map_err(|(_, error)| error.kind)
    }

    /// How many system messages of a chat have a type that starts so.
    async fn told(&self, chat: usize, kind: &str) -> usize {
        let look = self.server.look(&self.held[chat].1).await;
        let is_it = |event: &&Value| {
            event["system_message_type"].as_str().is_some_and(|found| found.starts_with(kind))
        };
        list(&look["threads"][0]["events"]).iter().filter(is_it).count()
    }

    /// How both chats must stand, in any order where both come to the same.
    fn expected(&self, done: bool) -> Vec<Stand> {
        let held = |who: &str| Stand::Held(who.to_owned());
        match self.deed {
            _ if !done => vec![held(&self.bot), held(&self.bot)],
            Deed::Removed | Deed::Revoked | Deed::TakenOffline => vec![held(&self.other), Stand::Waits],
            Deed::Transferred => vec![held(&self.other), held(&self.bot)],
            Deed::Banned => vec![Stand::Closed, held(&self.bot)],
        }
    }

    /// How they stand. No chat is held twice.
    async fn stands(&self) -> Vec<Stand> {
        let mut stands = Vec::new();
        for (_, chat) in &self.held {
            let look = self.server.look(chat).await;
            if look["threads"][0]["active"] == false {
                stands.push(Stand::Closed);
                continue;
            }
            let present = present_agents(&look);
            assert!(present.len() <= 1, "held twice: {look:#}");
            assert_eq!(waits(&look), present.is_empty());
            stands.push(present.into_iter().next().map_or(Stand::Waits, Stand::Held));
        }
        if !matches!(self.deed, Deed::Transferred | Deed::Banned) {
            // Which of the two is given away first is nobody's business.
            stands.sort();
        }
        stands
    }

    /// Waits until the chats stand as they must when the deed is done, or as they stood before.
    pub(crate) async fn settled(&self, done: bool) {
        let mut again = interval(Duration::from_millis(10));
        let mut last = Vec::new();
        let wait = async {
            loop {
                again.tick().await;
                last = self.stands().await;
                if last == self.expected(done) {
                    return;
                }
            }
        };
        if timeout(DEADLINE, wait).await.is_err() {
            panic!("{:?}, done: {done}: should be {:?}, is {last:?}", self.deed, self.expected(done));
        }
    }

    /// Everything about it: the deed, what follows, and that each chat was told of it once.
    pub(crate) async fn check(&self, done: bool) {
        self.settled(done).await;
        assert_eq!(self.is_done().await, done, "{:?}", self.deed);
        let (kinds, chats) = match self.deed {
            Deed::Removed | Deed::Revoked | Deed::TakenOffline => {
                let status = self.status().await;
                let gone = self.deed == Deed::Removed && done;
                assert_eq!(status.is_err(), gone, "{:?}: {status:?}", self.deed);
                assert!(gone || (status.as_deref() == Ok("offline")) == done, "{:?}: {status:?}", self.deed);
                (["routing.assigned_", "routing.unassigned_"].as_slice(), [1, 1])
            }
            Deed::Transferred => (["chat_transferred"].as_slice(), [1, 0]),
            Deed::Banned => (["customer_banned"].as_slice(), [1, 0]),
        };
        for (chat, times) in chats.into_iter().enumerate() {
            let mut told = 0;
            for kind in kinds {
                told += self.told(chat, kind).await;
            }
            assert_eq!(told, if done { times } else { 0 }, "{:?}: chat {chat} was told of it", self.deed);
        }
    }

    /// After the deed: the slot that frees, or is free, is given out.
    pub(crate) async fn goes_on(&self) {
        if matches!(self.deed, Deed::Transferred | Deed::Banned) {
            let (_, next) = self.server.chat(json!({})).await;
            assert_eq!(present_agents(&next), [self.bot.as_str()], "it has a free hand");
            return;
        }
        // Both are looked at before one ends: the end gives the other away.
        let (first, second) = (&self.held[0], &self.held[1]);
        let first_waits = waits(&self.server.look(&first.1).await);
        let ((person, held), (_, waiting)) = if first_waits { (second, first) } else { (first, second) };
        self.server.customer_web(person).ok("close_thread", json!({ "chat_id": held })).await;
        let mut again = interval(Duration::from_millis(10));
        let given = async {
            while present_agents(&self.server.look(waiting).await) != [self.other.as_str()] {
                again.tick().await;
            }
        };
        timeout(DEADLINE, given).await.expect("the free slot should go to the chat that waits");
    }
}
