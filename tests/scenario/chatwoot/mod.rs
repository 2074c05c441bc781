//! Chatwoot's face: bots and customers written for that product, and LiveChat's agents beside them.

mod across;
mod bots;
mod cable;
mod contacts;
mod conversations;
mod doors;
mod events;
mod hooks;
mod matrix;
mod merging;
mod messages;
mod participants;
mod people;
mod performers;
mod platform;
mod refusals;
mod restart;
mod sign_in;
mod widget;

use reqwest::Method;
use ring::hmac;
use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::sink::{Hit, Sink};
use crate::support::web::send;

/// A server with its help desk.
pub(crate) struct Desk {
    pub(crate) server: Server,
    pub(crate) admin: String,
    pub(crate) agent: String,
    pub(crate) platform: String,
    inbox: String,
}

/// A contact of the demo's inbox, with a conversation.
pub(crate) struct Contact {
    pub(crate) source: String,
    pub(crate) conversation: u64,
}

impl Desk {
    pub(crate) async fn start() -> Self {
        Self::of(Server::start().await)
    }

    fn of(server: Server) -> Self {
        let told = &server.ready["chatwoot"];
        assert_eq!((&told["account_id"], &told["inbox_id"]), (&json!(1), &json!(1)));
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        let (admin, agent, platform) = (text("admin_token"), text("agent_token"), text("platform_token"));
        Self { inbox: text("inbox_identifier"), server, admin, agent, platform }
    }

    /// The name of the demo's inbox on the customers' side.
    pub(crate) fn inbox(&self) -> &str {
        &self.inbox
    }

    /// Any call with a token, if any.
    pub(crate) async fn call(
        &self,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        let mut request = self.server.raw(method.clone(), path);
        if let Some(token) = token {
            request = request.header("api_access_token", token);
        }
        if method != Method::GET {
            request = request.json(&body);
        }
        send(request).await
    }

    /// A call about the account, which must go well.
    pub(crate) async fn ok(&self, token: &str, method: Method, path: &str, body: Value) -> Value {
        let path = format!("/api/v1/accounts/1/{path}");
        let (status, answer) = self.call(Some(token), method.clone(), &path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    /// A call of the platform.
    pub(crate) async fn platform(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        self.call(Some(&self.platform), method, &format!("/platform/api/v1/{path}"), body).await
    }

    /// The same, which must go well.
    pub(crate) async fn platform_ok(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.platform(method.clone(), path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Value {
        self.ok(token, Method::GET, path, Value::Null).await
    }

    pub(crate) async fn post(&self, token: &str, path: &str, body: Value) -> Value {
        self.ok(token, Method::POST, path, body).await
    }

    /// A customer's call to the demo's inbox, which must go well.
    pub(crate) async fn public(&self, method: Method, path: &str, body: Value) -> Value {
        let path = format!("/public/api/v1/inboxes/{}/{path}", self.inbox);
        let (status, answer) = self.call(None, method.clone(), &path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    /// A contact with a conversation in which nothing is said yet.
    pub(crate) async fn contact(&self, name: &str) -> Contact {
        let made = self.public(Method::POST, "contacts", json!({ "name": name })).await;
        let source = made["source_id"].as_str().unwrap().to_owned();
        let begun = self.public(Method::POST, &format!("contacts/{source}/conversations"), json!({})).await;
        Contact { source, conversation: begun["id"].as_u64().unwrap() }
    }

    /// The customer writes.
    pub(crate) async fn write(&self, contact: &Contact, text: &str) -> Value {
        let path = format!("contacts/{}/conversations/{}/messages", contact.source, contact.conversation);
        self.public(Method::POST, &path, json!({ "content": text })).await
    }

    /// What the customer reads.
    pub(crate) async fn read(&self, contact: &Contact) -> Vec<String> {
        let path = format!("contacts/{}/conversations/{}/messages", contact.source, contact.conversation);
        contents(&self.public(Method::GET, &path, Value::Null).await)
    }

    /// Somebody of the account writes.
    pub(crate) async fn answer(&self, token: &str, conversation: u64, body: Value) -> Value {
        self.post(token, &format!("conversations/{conversation}/messages"), body).await
    }

    pub(crate) async fn conversation(&self, id: u64) -> Value {
        self.get(&self.admin, &format!("conversations/{id}")).await
    }

    pub(crate) async fn status(&self, id: u64) -> String {
        self.conversation(id).await["status"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn toggle(&self, token: &str, id: u64, status: &str) -> Value {
        self.post(token, &format!("conversations/{id}/toggle_status"), json!({ "status": status })).await
    }

    /// A hook of the account that hears of these events at `path`.
    pub(crate) async fn hook(&self, sink: &Sink, path: &str, events: &[&str], more: Value) -> Value {
        let mut body = json!({ "url": sink.url(path), "subscriptions": events });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post(&self.admin, "webhooks", body).await["payload"]["webhook"].clone()
    }

    /// A bot that hears at `path`, connected to the demo's inbox as seed 004 does it.
    pub(crate) async fn bot(&self, sink: &Sink, path: &str, config: Value) -> Value {
        let body = json!({ "name": "Triage", "outgoing_url": sink.url(path), "bot_config": config });
        let bot = self.post(&self.admin, "agent_bots", body).await;
        let path = format!("agent_bots/{}/agent_bot_inboxes", bot["id"]);
        let connected = self.post(&self.admin, &path, json!({ "inbox_id": 1 })).await;
        assert_eq!(connected["agent_bot_id"], bot["id"]);
        bot
    }
}

/// A call is signed with this secret (spec 5.1).
pub(crate) fn assert_signed(hit: &Hit, secret: &str) {
    let (at, signature) = (hit.header("x-chatwoot-timestamp"), hit.header("x-chatwoot-signature"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, &[at.as_bytes(), b".", &hit.body].concat());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(signature, format!("sha256={hex}"));
    assert_eq!(hit.header("x-chatwoot-delivery").len(), 36);
}

/// What messages say.
pub(crate) fn contents(messages: &Value) -> Vec<String> {
    let messages = messages.as_array().unwrap();
    messages.iter().map(|message| message["content"].as_str().unwrap_or_default().to_owned()).collect()
}

pub(crate) fn token(bot: &Value) -> String {
    bot["access_token"].as_str().unwrap().to_owned()
}
