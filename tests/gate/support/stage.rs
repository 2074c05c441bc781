//! Everyone who might hear of something too early: both sides of a chat, a colleague, a bot.

use std::pin::pin;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::DEADLINE;
use super::people::Person;
use super::rtm::{Push, Rtm};
use super::server::Server;
use super::shape::id;
use super::sink::Sink;

/// Rounds of the fence: each passes every connection, and with it every shard, to and fro.
const ROUNDS: usize = 3;
/// Where the bot hears.
pub(crate) const HOOK: &str = "/bot";

/// A chat of Mia with Ann, to whom routing gave it, and Bob, who joined; a bot hears by webhook.
pub(crate) struct Stage {
    pub(crate) ann: Rtm,
    pub(crate) bob: Rtm,
    pub(crate) mia: Rtm,
    pub(crate) customer: Person,
    pub(crate) chat: String,
    pub(crate) bot: String,
    pub(crate) sink: Sink,
    pub(crate) server: Server,
}

/// What had left at some moment.
pub(crate) struct Moment {
    frames: [usize; 3],
    hits: usize,
}

impl Stage {
    /// Sets it up, with everything durable and told.
    pub(crate) async fn set() -> Self {
        Self::set_on(Server::start().await).await
    }

    async fn set_on(server: Server) -> Self {
        let ann = server.agent(0).await;
        let bob = server.watcher(1).await;
        let sink = Sink::start().await;
        let actions = json!([
            "incoming_chat_thread",
            "incoming_event",
            "thread_closed",
            "chat_user_added",
            "chat_user_removed"
        ]);
        let webhooks = sink.webhooks(HOOK, actions);
        let bot = server.bot(json!({ "status": "not accepting chats", "webhooks": webhooks })).await;
        let customer = server.person().await;
        let mia = server.customer_rtm(&customer).await;
        let chat = id(&mia.ok("start_chat", json!({ "chat": {} })).await["chat"]);
        let member = json!({ "chat_id": chat, "user_id": bob.id, "user_type": "agent" });
        bob.ok("add_user_to_chat", member).await;
        let stage = Self { ann, bob, mia, customer, chat, bot, sink, server };
        stage.say(&stage.mia, "hello").await;
        stage.heard("hello").await;
        stage
    }

    /// Waits until the bot has heard everything of the chat: its deliveries come in order.
    pub(crate) async fn settle(&self, text: &str) {
        self.say(&self.mia, text).await;
        self.sink.message(HOOK, text).await;
    }

    /// Everything that is connected.
    pub(crate) fn sessions(&self) -> [&Rtm; 3] {
        [&self.ann, &self.bob, &self.mia]
    }

    /// The request of a message in the chat.
    pub(crate) fn message(&self, text: &str) -> Value {
        json!({ "chat_id": self.chat, "event": { "type": "message", "text": text } })
    }

    /// Posts a message and waits for the answer.
    pub(crate) async fn say(&self, by: &Rtm, text: &str) {
        by.ok("send_event", self.message(text)).await;
    }

    /// Waits until everyone has heard a message.
    pub(crate) async fn heard(&self, text: &str) {
        for session in self.sessions() {
            session.message(text).await;
        }
        self.sink.message(HOOK, text).await;
    }

    /// The texts that the bot has heard until now.
    pub(crate) fn bot_heard(&self) -> Vec<String> {
        self.sink.texts(HOOK)
    }

    /// Now, when what was told before has arrived.
    pub(crate) async fn now(&self) -> Moment {
        self.fence().await;
        Moment { frames: self.sessions().map(Rtm::mark), hits: self.sink.at(HOOK).len() }
    }

    /// Every connection answers, several times: whatever was on its way before has arrived.
    pub(crate) async fn fence(&self) {
        for _ in 0..ROUNDS {
            for session in self.sessions() {
                session.ok("ping", json!({})).await;
            }
        }
    }

    /// The pushes that arrived since, per session.
    pub(crate) fn since(&self, moment: &Moment) -> [Vec<Push>; 3] {
        let mut frames = moment.frames.into_iter();
        self.sessions().map(|session| session.since(frames.next().unwrap_or_default()))
    }

    /// Fails when a push or a webhook has left since.
    pub(crate) fn assert_silent(&self, moment: &Moment, what: &str) {
        for (session, pushes) in self.sessions().iter().zip(self.since(moment)) {
            assert!(pushes.is_empty(), "{what}: {} was told too early: {pushes:#?}", session.id);
        }
        let hits = self.sink.at(HOOK);
        assert_eq!(hits.len(), moment.hits, "{what}: a webhook left too early: {:#?}", hits.last());
    }

    /// Carries out a change with the gate shut: it is decided, and nothing of it leaves. Then
    /// opens the gate and gives the answer.
    pub(crate) async fn held_back<T>(&self, what: &str, change: impl Future<Output = T>) -> T {
        let (moment, accepted) = (self.now().await, self.server.journal.changes());
        self.server.shut_gate();
        let mut change = pin!(change);
        let decided = async {
            self.server.journal.wait_for(accepted + 1).await;
            self.fence().await;
        };
        tokio::select! {
            biased;
            _ = &mut change => panic!("{what} was answered before it was durable"),
            () = decided => {}
        }
        self.assert_silent(&moment, what);
        self.server.open_gate();
        match timeout(DEADLINE, change).await {
            Ok(answer) => answer,
            Err(_) => panic!("{what} was not answered when the gate opened"),
        }
    }

    /// Asks while the gate is shut; the answer has to wait although nothing is changed by it.
    pub(crate) async fn waits<T>(&self, what: &str, mut read: std::pin::Pin<&mut impl Future<Output = T>>) {
        tokio::select! {
            biased;
            _ = &mut read => panic!("{what} was answered with something that may be forgotten"),
            () = self.fence() => {}
        }
    }
}
