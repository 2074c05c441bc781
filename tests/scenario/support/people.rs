//! Those who take part: customers, human agents, bots, and the tokens that they need.

use reqwest::Method;
use serde_json::{Value, json};

use super::rtm::{Rtm, Side};
use super::server::Server;
use super::shape::{id, text};
use super::web::{Api, Web, send};

/// A customer's identity.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) token: String,
}

impl Server {
    /// A demo agent, logged in over RTM: accepting chats, at most 6 by routing.
    pub(crate) async fn agent(&self, n: usize) -> Rtm {
        self.login_agent(&self.agent_token(n)).await
    }

    pub(crate) async fn login_agent(&self, token: &str) -> Rtm {
        Rtm::login(self, Side::Agent, json!({ "token": format!("Bearer {token}") })).await
    }

    /// A demo agent who is logged in and sees what every agent sees, but gets no chat.
    pub(crate) async fn watcher(&self, n: usize) -> Rtm {
        let agent = self.agent(n).await;
        agent.ok("update_agent", json!({ "routing_status": "not_accepting_chats" })).await;
        agent
    }

    /// A connection of the bot itself (digest 10.8), by the token of its owner.
    pub(crate) async fn bot_rtm(&self, bot: &str) -> Rtm {
        let rtm = Rtm::connect(self, Side::Agent).await;
        let mut rtm = rtm;
        rtm.welcome = rtm.call_as(bot, "login", json!({ "token": self.agent_token(0) })).await.unwrap();
        rtm.id = id(&rtm.welcome["my_profile"]);
        rtm
    }

    /// A new customer identity.
    pub(crate) async fn person(&self) -> Person {
        let answer = self.customer_token(json!({})).await;
        Person { id: text(&answer["entity_id"]), token: text(&answer["access_token"]) }
    }

    /// The answer of `POST /customer/`; `extra` is merged into the request.
    pub(crate) async fn customer_token(&self, extra: Value) -> Value {
        let mut body = json!({
            "client_id": self.ready["client_id"],
            "response_type": "token",
            "redirect_uri": "https://example.com/",
        });
        merge(&mut body, extra);
        let request = self.raw(Method::POST, "/customer/").bearer_auth(self.agent_token(0)).json(&body);
        let (status, answer) = send(request).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// A new customer, logged in over RTM.
    pub(crate) async fn customer(&self) -> Rtm {
        self.customer_rtm(&self.person().await).await
    }

    /// One more connection (a tab) of a customer.
    pub(crate) async fn customer_rtm(&self, person: &Person) -> Rtm {
        Rtm::login(self, Side::Customer, json!({ "token": format!("Bearer {}", person.token) })).await
    }

    pub(crate) fn customer_web(&self, person: &Person) -> Web {
        Web::new(self, Api::Customer, &person.token)
    }

    /// A token by the admin API; `fields` is its body.
    pub(crate) async fn issue(&self, fields: Value) -> String {
        let admin = text(&self.ready["admin_token"]);
        let (status, answer) =
            send(self.raw(Method::POST, "/admin/v1/tokens").bearer_auth(admin).json(&fields)).await;
        assert!((200..300).contains(&status), "no token: {status} {answer}");
        text(&answer["token"])
    }

    /// A token of the first demo agent with these scopes only.
    pub(crate) async fn scoped(&self, scopes: &[&str]) -> String {
        self.issue(json!({ "agent_id": self.agent_id(0), "scopes": scopes })).await
    }

    /// A token of the first demo agent, every scope, for another application.
    pub(crate) async fn other_application(&self) -> String {
        self.issue(json!({ "agent_id": self.agent_id(0), "client_id": "another-app" })).await
    }

    /// Creates a bot; name and status (`accepting chats`) are set unless `fields` has them.
    pub(crate) async fn bot(&self, fields: Value) -> String {
        let mut body = json!({ "name": "Bot", "status": "accepting chats" });
        merge(&mut body, fields);
        text(&self.configuration().ok("create_bot_agent", body).await["bot_agent_id"])
    }

    pub(crate) async fn update_bot(&self, bot: &str, fields: Value) {
        let mut body = json!({ "id": bot });
        merge(&mut body, fields);
        self.configuration().ok("update_bot_agent", body).await;
    }

    pub(crate) async fn bot_details(&self, bot: &str) -> Value {
        let answer = self.configuration().ok("get_bot_agent_details", json!({ "bot_agent_id": bot })).await;
        answer["bot_agent"].clone()
    }

    /// A new customer starts a chat over the Web API and says "hello"; gives customer and chat.
    pub(crate) async fn chat(&self, chat: Value) -> (Person, Value) {
        let person = self.person().await;
        let chat = self.chat_of(&person, chat).await;
        (person, chat)
    }

    pub(crate) async fn chat_of(&self, person: &Person, chat: Value) -> Value {
        let mut body = json!({ "thread": { "events": [{ "type": "message", "text": "hello" }] } });
        merge(&mut body, chat);
        let answer = self.customer_web(person).ok("start_chat", json!({ "chat": body })).await;
        answer["chat"].clone()
    }

    /// The customer closes the chat's thread.
    pub(crate) async fn close(&self, person: &Person, chat: &Value) {
        self.customer_web(person).ok("close_thread", json!({ "chat_id": chat["id"] })).await;
    }

    /// A chat with all its threads, as the first demo agent sees it.
    pub(crate) async fn look(&self, chat: &str) -> Value {
        self.agent_web(0).ok("get_chat_threads", json!({ "chat_id": chat })).await["chat"].clone()
    }
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}
