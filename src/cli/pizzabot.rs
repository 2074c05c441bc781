//! The demo's own pizza bot: the story of `examples/pizzabot.py`, told over the same public API,
//! so that a newcomer sees a bot at work without starting one. It hears by webhook and answers
//! over the Agent API.

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::net::tls::install_ring;
use crate::telemetry::clock;

/// What customers call it by.
const NAME: &str = "Pizza Bot";
/// What it listens for.
const KEYWORD: &str = "pizza";
/// Webhooks that wait while it is busy; beyond it we let the sender try again later.
const BACKLOG: usize = 100;

/// Why the bot does not run.
#[derive(Debug, thiserror::Error)]
pub(super) enum BotError {
    /// No socket for its webhooks.
    #[error("its webhook address: {0}")]
    Listen(#[from] std::io::Error),
    /// The server cannot be reached.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// The server refused something.
    #[error("{action} was refused: {answer}")]
    Refused {
        /// What was asked.
        action: &'static str,
        /// The server's word.
        answer: Value,
    },
}

struct Bot {
    http: reqwest::Client,
    url: String,
    token: String,
    id: String,
}

struct Hook {
    secret: String,
    heard: mpsc::Sender<Value>,
}

/// Runs the bot against a server, as an agent's application, until the process ends.
///
/// # Errors
/// When it cannot begin: no address for its webhooks, or the server refuses it.
pub(super) async fn run(url: String, token: String) -> Result<(), BotError> {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let secret = format!("{:032x}", u128::from_ne_bytes(clock::random_bytes()));
    // Nothing is encrypted on this way, but the client wants a provider.
    install_ring();
    let http = reqwest::Client::builder().no_proxy().build()?;
    let mut bot = Bot { http, url, token, id: String::new() };
    bot.introduce(&format!("http://{address}/"), &secret).await?;
    let (heard, mut inbox) = mpsc::channel(BACKLOG);
    let app = axum::Router::new().route("/", post(hear)).with_state(Arc::new(Hook { secret, heard }));
    actix::spawn(async move { axum::serve(listener, app).await });
    while let Some(call) = inbox.recv().await {
        if let Some(chat) = wants_pizza(&call)
            && let Err(error) = bot.serve(chat).await
        {
            tracing::warn!(%error, chat, "the pizza bot could not help");
        }
    }
    Ok(())
}

/// Takes a webhook and answers at once; the work is done in order behind it.
async fn hear(State(hook): State<Arc<Hook>>, Json(call): Json<Value>) -> http::StatusCode {
    if call["secret_key"].as_str() != Some(&hook.secret) {
        return http::StatusCode::FORBIDDEN;
    }
    match hook.heard.try_send(call) {
        Ok(()) => http::StatusCode::OK,
        Err(_) => http::StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The chat in which a customer said the word, when one did.
fn wants_pizza(call: &Value) -> Option<&str> {
    let data = &call["data"];
    match call["action"].as_str()? {
        "incoming_event" => says_pizza(&data["event"]).then(|| data["chat_id"].as_str())?,
        "incoming_chat_thread" => {
            let chat = &data["chat"];
            let events = chat["thread"]["events"].as_array()?;
            events.iter().any(says_pizza).then(|| chat["id"].as_str())?
        }
        _ => None,
    }
}

fn says_pizza(event: &Value) -> bool {
    let text = event["text"].as_str().unwrap_or_default().to_lowercase();
    // An agent's note about pizza is no order; customers have no e-mail for an id.
    let author = event["author_id"].as_str().unwrap_or_default();
    event["type"] == "message"
        && event["recipients"] != "agents"
        && author.contains('-')
        && text.contains(KEYWORD)
}

impl Bot {
    /// Takes over the bot of an earlier start, or makes one.
    async fn introduce(&mut self, hook: &str, secret: &str) -> Result<(), BotError> {
        let webhooks = json!({
            "url": hook,
            "secret_key": secret,
            "actions": [
                {"name": "incoming_event", "filters": {"author_type": "customer"}},
                {"name": "incoming_chat_thread"},
            ],
        });
        let known = self.configure("get_bot_agents", json!({"all": false})).await?;
        let old = known["bot_agents"].as_array().and_then(|bots| bots.iter().find(|bot| bot["name"] == NAME));
        let (action, mut bot) = match old.and_then(|bot| bot["id"].as_str()) {
            Some(id) => {
                id.clone_into(&mut self.id);
                ("update_bot_agent", json!({"id": id}))
            }
            None => ("create_bot_agent", json!({"name": NAME})),
        };
        bot["status"] = json!("not accepting chats");
        bot["webhooks"] = webhooks;
        let answer = self.configure(action, bot).await?;
        if let Some(id) = answer["bot_agent_id"].as_str() {
            id.clone_into(&mut self.id);
        }
        Ok(())
    }

    /// Joins, tells the agents, leaves.
    async fn serve(&self, chat: &str) -> Result<(), BotError> {
        let me = json!({"chat_id": chat, "user_id": self.id, "user_type": "agent"});
        let note = json!({
            "chat_id": chat,
            "event": {"type": "message", "text": "Pizza is on the way!", "recipients": "agents"},
        });
        self.act("add_user_to_chat", me.clone()).await?;
        self.act("send_event", note).await?;
        self.act("remove_user_from_chat", me).await
    }

    async fn act(&self, action: &'static str, payload: Value) -> Result<(), BotError> {
        let body = json!({"author_id": self.id, "payload": payload});
        self.post("agent", action, &body).await.map(drop)
    }

    async fn configure(&self, action: &'static str, payload: Value) -> Result<Value, BotError> {
        self.post("configuration", action, &json!({"payload": payload})).await
    }

    async fn post(&self, api: &str, action: &'static str, body: &Value) -> Result<Value, BotError> {
        let request = self
            .http
            .post(format!("{}/v3.0/{api}/action/{action}", self.url))
            .bearer_auth(&self.token)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body.to_string());
        let response = request.send().await?;
        let ok = response.status().is_success();
        let answer = serde_json::from_slice(&response.bytes().await?).unwrap_or(Value::Null);
        if ok { Ok(answer) } else { Err(BotError::Refused { action, answer }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(author: &str, text: &str, recipients: &str) -> Value {
        json!({"type": "message", "author_id": author, "text": text, "recipients": recipients})
    }

    const CUSTOMER: &str = "3f2a6c1e-5b7d-4e8f-9a01-b2c3d4e5f607";

    #[test]
    fn it_hears_a_customers_pizza_in_an_event_or_a_new_thread() {
        let event = json!({"action": "incoming_event",
            "data": {"chat_id": "A", "event": message(CUSTOMER, "One PIZZA, please", "all")}});
        assert_eq!(wants_pizza(&event), Some("A"));
        let thread = json!({"action": "incoming_chat_thread",
            "data": {"chat": {"id": "B", "thread": {"events": [message(CUSTOMER, "pizza!", "all")]}}}});
        assert_eq!(wants_pizza(&thread), Some("B"));
    }

    #[test]
    fn it_does_not_hear_itself_agents_or_other_words() {
        for event in [
            message("0f3b6f5e9c1d4a7b8e2f60718293a4b5", "Pizza is on the way!", "agents"),
            message("ann@example.org", "he wants pizza", "all"),
            message(CUSTOMER, "a salad, please", "all"),
            json!({"type": "system_message", "text": "pizza"}),
        ] {
            let call = json!({"action": "incoming_event", "data": {"chat_id": "A", "event": event}});
            assert_eq!(wants_pizza(&call), None, "{call}");
        }
    }
}
