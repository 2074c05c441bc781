//! `/cable`: who is there, who is routed to, and how it ends. What is told while somebody talks is tried
//! by Rails' own client, in `tests/clients`.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Desk;
use crate::support::DEADLINE;
use crate::support::seen::Seen;

/// Longer than somebody silent is taken to be there, and than an agent has to come back.
const LAPSE: Duration = Duration::from_secs(40);

/// A socket with at most one subscription.
pub(super) struct Cable {
    out: SplitSink<WebSocketStream<MaybeTlsStream<TcpStream>>, Message>,
    seen: Arc<Seen<Value>>,
    reader: JoinHandle<()>,
    identifier: String,
}

impl Cable {
    pub(super) async fn connect(desk: &Desk) -> Self {
        let url = format!("{}/cable", desk.server.http().replacen("http", "ws", 1));
        let (socket, _) = timeout(DEADLINE, connect_async(url)).await.unwrap().unwrap();
        let (out, mut stream) = socket.split();
        let seen = Arc::new(Seen::new());
        let into = Arc::clone(&seen);
        let reader = tokio::spawn(async move {
            while let Some(Ok(message)) = stream.next().await {
                match message {
                    Message::Text(text) => into.add(serde_json::from_str(&text).unwrap()),
                    Message::Close(close) => {
                        into.add(json!({ "closed": close.map(|close| u16::from(close.code)) }));
                    }
                    _ => {}
                }
            }
        });
        Self { out, seen, reader, identifier: String::new() }
    }

    pub(super) async fn send(&mut self, frame: Value) {
        self.out.send(Message::text(frame.to_string())).await.unwrap();
    }

    pub(super) async fn subscribe(&mut self, params: Value) {
        self.identifier = params.to_string();
        let identifier = self.identifier.clone();
        self.send(json!({ "command": "subscribe", "identifier": identifier })).await;
        self.frame("the confirmation", |frame| frame["type"] == "confirm_subscription").await;
    }

    /// The agent that a token belongs to.
    pub(super) async fn agent(desk: &Desk, token: &str) -> (Self, u64) {
        let (_, profile) = desk.call(Some(token), Method::GET, "/api/v1/profile", Value::Null).await;
        let (id, stream) = (profile["id"].as_u64().unwrap(), &profile["pubsub_token"]);
        let mut cable = Self::connect(desk).await;
        let person =
            json!({ "channel": "RoomChannel", "pubsub_token": stream, "account_id": 1, "user_id": id });
        cable.subscribe(person).await;
        (cable, id)
    }

    /// The contact whose source id this is.
    pub(super) async fn contact(desk: &Desk, source: &str) -> (Self, u64) {
        let contact = desk.public(Method::GET, &format!("contacts/{source}"), Value::Null).await;
        let mut cable = Self::connect(desk).await;
        cable.subscribe(json!({ "channel": "RoomChannel", "pubsub_token": contact["pubsub_token"] })).await;
        (cable, contact["id"].as_u64().unwrap())
    }

    async fn is_here(&mut self) {
        let identifier = self.identifier.clone();
        let data = json!({ "action": "update_presence" }).to_string();
        self.send(json!({ "command": "message", "identifier": identifier, "data": data })).await;
    }

    /// Says that it is here until who is there is as it should be; each sign of life of the server is a
    /// moment to ask again.
    async fn presence_until(&mut self, what: &str, fits: impl Fn(&Value) -> bool) {
        let asking = async {
            loop {
                let before = self.seen.len();
                self.is_here().await;
                let told = |all: &mut Vec<Value>| {
                    let told =
                        all[before..].iter().find(|frame| frame["message"]["event"] == "presence.update");
                    told.map(|frame| frame["message"]["data"].clone())
                };
                if fits(&self.seen.wait("who is there", DEADLINE, told).await) {
                    return;
                }
                let before = self.seen.len();
                let beat = |all: &mut Vec<Value>| {
                    all[before..].iter().any(|frame| frame["type"] == "ping").then_some(())
                };
                self.seen.wait("a sign of life", DEADLINE, beat).await;
            }
        };
        assert!(timeout(LAPSE, asking).await.is_ok(), "in vain: {what}");
    }

    pub(super) async fn frame(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.seen.wait(what, DEADLINE, |all| all.iter().find(|frame| fits(frame)).cloned()).await
    }

    /// The data of an event.
    pub(super) async fn told(&self, event: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let is_it = |frame: &Value| frame["message"]["event"] == event && fits(&frame["message"]["data"]);
        self.frame(event, is_it).await["message"]["data"].clone()
    }

    /// Every event so far, with its data.
    pub(super) fn events(&self) -> Vec<(String, Value)> {
        let of = |frame: &Value| {
            let event = frame["message"]["event"].as_str()?.to_owned();
            Some((event, frame["message"]["data"].clone()))
        };
        self.seen.lock().iter().filter_map(of).collect()
    }

    fn has_heard(&self, event: &str) -> bool {
        self.seen.lock().iter().any(|frame| frame["message"]["event"] == event)
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn availability(desk: &Desk) -> String {
    let (_, profile) = desk.call(Some(&desk.agent), Method::GET, "/api/v1/profile", Value::Null).await;
    profile["availability_status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_agent_on_the_stream_is_there_and_routed_to() {
    let desk = Desk::start().await;
    assert_eq!(availability(&desk).await, "offline");
    let (cable, id) = Cable::agent(&desk, &desk.agent).await;
    assert_eq!(availability(&desk).await, "online");
    let here = cable.told("presence.update", |_| true).await;
    assert_eq!((&here["users"][id.to_string()], &here["account_id"]), (&json!("online"), &json!(1)));

    let ana = desk.contact("Ana").await;
    cable.told("conversation.created", |data| data["id"] == ana.conversation).await;
    desk.write(&ana, "hello").await;
    cable.told("message.created", |data| data["content"] == "hello").await;
    assert_eq!(desk.conversation(ana.conversation).await["meta"]["assignee"]["id"], id);

    // The first word of a person, and only that.
    desk.answer(&desk.agent, ana.conversation, json!({ "content": "one" })).await;
    desk.answer(&desk.agent, ana.conversation, json!({ "content": "two" })).await;
    let second = cable.told("message.created", |data| data["content"] == "two").await;
    assert_eq!((&second["performer"]["id"], &second["sender_type"]), (&json!(id), &json!("User")));
    // A frame that cannot be read disturbs nobody.
    let mut cable = cable;
    cable.out.send(Message::text("{")).await.unwrap();
    cable.out.send(Message::binary(vec![0xff])).await.unwrap();
    desk.write(&ana, "still there?").await;
    cable.told("message.created", |data| data["content"] == "still there?").await;
    let all: Vec<Value> = cable.seen.lock().iter().map(|frame| frame["message"].clone()).collect();
    let first: Vec<_> = all.iter().filter(|message| message["event"] == "first.reply.created").collect();
    assert_eq!(first.len(), 1);
    assert_eq!(first[0]["data"]["content"], "one");

    // Offline by hand is offline, however many pages are opened.
    let own = json!({ "profile": { "availability": "offline" } });
    let path = "/api/v1/profile/availability";
    assert_eq!(desk.call(Some(&desk.agent), Method::POST, path, own.clone()).await.0, 200);
    let (second, _) = Cable::agent(&desk, &desk.agent).await;
    assert_eq!(availability(&desk).await, "offline");
    let online = json!({ "profile": { "availability": "online" } });
    assert_eq!(desk.call(Some(&desk.agent), Method::POST, path, online).await.0, 200);
    drop(second);

    // Whoever closes the page is gone when it had the time to come back.
    let (mut other, _) = Cable::agent(&desk, &desk.admin).await;
    drop(cable);
    other.presence_until("the agent to be gone", |data| data["users"].get(id.to_string()).is_none()).await;
    assert_eq!(availability(&desk).await, "offline");
}

#[tokio::test]
async fn assignments_teams_and_marks_are_told_to_the_staff_only() {
    let desk = Desk::start().await;
    let (cable, id) = Cable::agent(&desk, &desk.agent).await;
    let ana = desk.contact("Ana").await;
    let (customer, contact) = Cable::contact(&desk, &ana.source).await;
    let here = cable.told("conversation.created", |_| true).await;
    assert_eq!(here["meta"]["sender"]["id"], contact);
    let of = format!("conversations/{}", ana.conversation);
    let team = desk.post(&desk.admin, "teams", json!({ "name": "tier two" })).await;
    desk.post(&desk.admin, &format!("{of}/assignments"), json!({ "team_id": team["id"] })).await;
    cable.told("team.changed", |data| data["meta"]["team"]["name"] == "tier two").await;
    desk.post(&desk.admin, &format!("{of}/assignments"), json!({ "assignee_id": null })).await;
    cable.told("assignee.changed", |data| data["meta"]["assignee"].is_null()).await;
    desk.post(&desk.admin, &format!("{of}/assignments"), json!({ "assignee_id": id })).await;
    cable.told("assignee.changed", |data| data["meta"]["assignee"]["id"] == id).await;
    let patch = json!({ "name": "Ana B." });
    desk.ok(&desk.admin, Method::PATCH, &format!("contacts/{contact}"), patch).await;
    cable.told("contact.updated", |data| data["name"] == "Ana B.").await;
    let tom = desk.post(&desk.admin, "contacts", json!({ "name": "Tom" })).await;
    let tom = &tom["payload"]["contact"]["id"];
    cable.told("contact.created", |data| data["id"] == *tom && data["account_id"] == 1).await;
    desk.ok(&desk.admin, Method::DELETE, &format!("contacts/{tom}"), Value::Null).await;
    cable.told("contact.deleted", |data| data["id"] == *tom && data["name"].is_null()).await;
    desk.toggle(&desk.agent, ana.conversation, "resolved").await;
    customer.told("conversation.status_changed", |data| data["status"] == "resolved").await;
    for event in [
        "team.changed",
        "assignee.changed",
        "conversation.updated",
        "contact.updated",
        "contact.created",
        "contact.deleted",
    ] {
        assert!(!customer.has_heard(event), "{event}");
    }
}

#[tokio::test]
async fn who_falls_silent_is_there_no_more_and_hears_on() {
    let desk = Desk::start().await;
    let ana = desk.contact("Ana").await;
    let (customer, contact) = Cable::contact(&desk, &ana.source).await;
    let (mut cable, _) = Cable::agent(&desk, &desk.agent).await;
    let online = |data: &Value| data["contacts"][contact.to_string()] == "online";
    cable.told("presence.update", online).await;
    let seen = async || {
        let shown = desk.get(&desk.admin, &format!("contacts/{contact}")).await;
        let sender = &desk.conversation(ana.conversation).await["meta"]["sender"];
        assert_eq!(shown["payload"]["availability_status"], sender["availability_status"]);
        shown["payload"]["availability_status"].as_str().unwrap().to_owned()
    };
    assert_eq!(seen().await, "online");
    cable.presence_until("Ana to be gone", |data| !online(data)).await;
    assert_eq!(seen().await, "offline");
    assert_eq!(availability(&desk).await, "online", "who says so is there");
    desk.answer(&desk.agent, ana.conversation, json!({ "content": "are you there?" })).await;
    customer.told("message.created", |data| data["content"] == "are you there?").await;
}

#[tokio::test]
async fn who_is_removed_is_told_so_and_comes_in_no_more() {
    let desk = Desk::start().await;
    let (cable, id) = Cable::agent(&desk, &desk.agent).await;
    desk.ok(&desk.admin, Method::DELETE, &format!("agents/{id}"), Value::Null).await;
    let ended = cable.frame("the end", |frame| frame["type"] == "disconnect").await;
    assert_eq!(ended["reconnect"], false, "{ended}");
    cable.frame("the close", |frame| frame.get("closed").is_some()).await;
    let mut again = Cable::connect(&desk).await;
    let identifier = cable.identifier.clone();
    again.send(json!({ "command": "subscribe", "identifier": identifier })).await;
    let refused = again.frame("the refusal", |frame| frame["type"] == "reject_subscription").await;
    assert_eq!(refused["identifier"], identifier);
}

#[tokio::test]
async fn a_socket_carries_so_many_subscriptions_and_no_more() {
    let desk = Desk::start().await;
    let (ana, bo) = (desk.contact("Ana").await, desk.contact("Bo").await);
    let mut tokens = Vec::new();
    for contact in [&ana, &bo] {
        let shown = desk.public(Method::GET, &format!("contacts/{}", contact.source), Value::Null).await;
        tokens.push(shown["pubsub_token"].clone());
    }
    let identifier =
        |n: usize| json!({ "channel": "RoomChannel", "pubsub_token": tokens[n / 11], "n": n }).to_string();
    // Ana as often as one user may have connections, and once more; Bo as often as there is room.
    let mut cable = Cable::connect(&desk).await;
    for n in 0..18 {
        cable.send(json!({ "command": "subscribe", "identifier": identifier(n) })).await;
        let answered = cable.frame("an answer", |frame| frame["identifier"] == identifier(n)).await;
        let expected = if [10, 17].contains(&n) { "reject_subscription" } else { "confirm_subscription" };
        assert_eq!(answered["type"], expected, "{n}");
    }
    // Who leaves makes room; a name that is too long is none.
    cable.send(json!({ "command": "unsubscribe", "identifier": identifier(16) })).await;
    let long = format!("{}{}", identifier(16), " ".repeat(1024));
    cable.send(json!({ "command": "subscribe", "identifier": long })).await;
    let answered = cable.frame("an answer", |frame| frame["identifier"] == long.as_str()).await;
    assert_eq!(answered["type"], "reject_subscription");
    // Every one of them hears, in its own name.
    desk.answer(&desk.agent, ana.conversation, json!({ "content": "hello" })).await;
    for n in 0..10 {
        let said = |frame: &Value| frame["message"]["data"]["content"] == "hello";
        cable.frame("the message", |frame| frame["identifier"] == identifier(n) && said(frame)).await;
    }
}

#[tokio::test]
async fn a_customer_is_told_nothing_that_the_desk_keeps_for_itself() {
    let desk = Desk::start().await;
    let ana = desk.contact("Ana").await;
    let (customer, _) = Cable::contact(&desk, &ana.source).await;
    let of = format!("conversations/{}", ana.conversation);
    desk.answer(&desk.agent, ana.conversation, json!({ "content": "I am here" })).await;
    desk.answer(&desk.agent, ana.conversation, json!({ "content": "pays late", "private": true })).await;
    desk.post(&desk.agent, &format!("{of}/labels"), json!({ "labels": ["troublemaker"] })).await;
    let attributes = json!({ "custom_attributes": { "risk": "great" } });
    desk.post(&desk.agent, &format!("{of}/custom_attributes"), attributes).await;
    desk.post(&desk.agent, &format!("{of}/toggle_typing_status"), json!({ "typing_status": "on" })).await;
    let typing = customer.told("conversation.typing_on", |_| true).await;
    assert_eq!(typing["conversation"]["messages"][0]["content"], "I am here");
    assert_eq!(typing["user"]["name"], "Agent Two");
    desk.toggle(&desk.agent, ana.conversation, "resolved").await;
    let over = customer.told("conversation.status_changed", |data| data["status"] == "resolved").await;
    assert_eq!(over["messages"][0]["content"], "I am here");
    let told: String = customer.seen.lock().iter().map(Value::to_string).collect();
    for secret in ["pays late", "troublemaker", "risk", "@"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}

#[tokio::test]
async fn a_stream_ends_with_what_it_was_of() {
    let desk = Desk::start().await;
    let (ana, bo) = (desk.contact("Ana").await, desk.contact("Bo").await);
    let (deleted, id) = Cable::contact(&desk, &ana.source).await;
    let (stays, _) = Cable::contact(&desk, &bo.source).await;
    let (agent, _) = Cable::agent(&desk, &desk.agent).await;
    desk.ok(&desk.admin, Method::DELETE, &format!("contacts/{id}"), Value::Null).await;
    agent.told("contact.deleted", |data| data["id"] == id).await;
    let end = |frame: &Value| frame["type"] == "disconnect" && frame["reconnect"] == false;
    deleted.frame("the end", end).await;
    // A change of one's own ways in ends nothing.
    desk.public(Method::PATCH, &format!("contacts/{}", bo.source), json!({ "name": "Bob" })).await;
    desk.answer(&desk.agent, bo.conversation, json!({ "content": "hello Bob" })).await;
    stays.told("message.created", |data| data["content"] == "hello Bob").await;
    desk.ok(&desk.admin, Method::DELETE, "inboxes/1", Value::Null).await;
    stays.frame("the end", end).await;
    let mut again = Cable::connect(&desk).await;
    let identifier = stays.identifier.clone();
    again.send(json!({ "command": "subscribe", "identifier": identifier })).await;
    again.frame("the refusal", |frame| frame["type"] == "reject_subscription").await;
}

#[tokio::test]
async fn who_guesses_tokens_is_sent_away() {
    let desk = Desk::start().await;
    let mut cable = Cable::connect(&desk).await;
    for n in 0..20 {
        let identifier =
            json!({ "channel": "RoomChannel", "pubsub_token": format!("guess {n}") }).to_string();
        let frame = json!({ "command": "subscribe", "identifier": identifier }).to_string();
        // Sent away, it may not take the last ones.
        if cable.out.send(Message::text(frame)).await.is_err() {
            break;
        }
    }
    cable.frame("the end", |frame| frame["type"] == "disconnect" && frame["reconnect"] == false).await;
}
