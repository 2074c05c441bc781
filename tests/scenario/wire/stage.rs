//! The stage: a configured server of two licenses with everybody who can stand around a chat.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::later;
use super::pushes;
use super::table::{Api, Role};
use crate::support::DEADLINE;
use crate::support::people::Person;
use crate::support::rtm::{Rtm, Side};
use crate::support::server::Server;
use crate::support::shape::{id, text};
use crate::support::sink::Sink;
use crate::support::web::{Web, send};

/// The license in which everything happens.
const LICENSE: u64 = 100_000_001;
/// The other one.
pub(crate) const FOREIGN_LICENSE: u64 = 100_000_002;
/// Where the webhooks of the listening bot arrive.
pub(crate) const BOT_HOOK: &str = "/bot";
/// Where the webhooks of the license arrive.
pub(crate) const GLOBAL_HOOK: &str = "/global";

/// The token of a configured agent.
fn token_of(name: &str) -> String {
    format!("{name}-token-of-the-stage-that-is-long-enough")
}

fn address_of(name: &str) -> String {
    format!("{name}@example.org")
}

fn configuration() -> String {
    let agent = |name: &str| {
        let (id, token) = (address_of(name), token_of(name));
        format!(
            "[[license.agent]]\nid = \"{id}\"\nname = \"{name}\"\ntoken = \"{token}\"\nmax_chats = 100000\n"
        )
    };
    let people: String =
        ["holder", "follower", "colleague", "outsider", "newcomer"].into_iter().map(agent).collect();
    let foreigner = agent("foreigner");
    format!(
        r#"
[webhooks]
allow_loopback = true
[admin]
token = "{admin}"
[[license]]
id = {LICENSE}
organization_id = "390e44e6-f1e6-4b7e-8d7c-0a1b2c3d4e5f"
client_id = "stage-app"
client_secret = "the-secret-of-the-stage"
{people}
[[license.group]]
id = 1
name = "Around the chat"
agents = {{ "holder@example.org" = "first", "follower@example.org" = "supervisor",
  "colleague@example.org" = "supervisor", "newcomer@example.org" = "supervisor" }}
[[license.group]]
id = 2
name = "Elsewhere"
agents = {{ "outsider@example.org" = "normal" }}
[[license]]
id = {FOREIGN_LICENSE}
organization_id = "390e44e6-f1e6-4b7e-8d7c-0a1b2c3d4e60"
client_id = "foreign-app"
client_secret = "the-secret-of-the-foreigner"
{foreigner}
[[license.group]]
id = 1
name = "Abroad"
agents = {{ "foreigner@example.org" = "first" }}
"#,
        admin = token_of("admin"),
    )
    .replace(",\n  \"", ", \"")
}

/// The server and the people who are there in every scene.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) sink: Sink,
    agents: BTreeMap<Role, Rtm>,
    stranger: Rtm,
    /// Ids in the other license, by the names that scenes have for their own.
    pub(crate) foreign: BTreeMap<&'static str, Value>,
    tokens: Mutex<BTreeMap<String, String>>,
    /// What did not hold; told together at the end, because one fault seldom comes alone.
    faults: std::sync::Mutex<Vec<String>>,
    serial: AtomicU32,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let known = json!({
            "license_id": LICENSE, "client_id": "stage-app", "admin_token": token_of("admin"),
            "agents": [{ "id": address_of("holder"), "token": token_of("holder") }],
        });
        let server = Server::serve(&configuration(), known).await;
        let sink = Sink::start().await;
        let mut agents = BTreeMap::new();
        for role in [Role::Holder, Role::Follower, Role::Colleague, Role::Outsider, Role::Foreigner] {
            agents.insert(role, server.login_agent(&token_of(name_of(role))).await);
        }
        let stranger = server.customer().await;
        let mut stage = Self {
            server,
            sink,
            agents,
            stranger,
            foreign: BTreeMap::new(),
            tokens: Mutex::new(BTreeMap::new()),
            faults: std::sync::Mutex::new(Vec::new()),
            serial: AtomicU32::new(0),
        };
        stage.settle_abroad().await;
        stage.listen().await;
        stage
    }

    /// A chat, a bot and a webhook of the other license.
    async fn settle_abroad(&mut self) {
        let (customer, token) = self.customer_abroad().await;
        let path = format!("/v3.0/customer/action/start_chat?license_id={FOREIGN_LICENSE}");
        let start = json!({ "chat": { "thread": { "events": [{ "type": "message", "text": "abroad" }] } } });
        let request = self.server.raw(Method::POST, &path).bearer_auth(token).json(&start);
        let (status, started) = send(request).await;
        assert_eq!(status, 200, "{started}");
        let chat = &started["chat"];
        let configuration = Web::new(&self.server, Api::Configuration, &token_of("foreigner"));
        let bot = json!({ "name": "Foreign bot", "status": "accepting chats", "max_chats_count": 0 });
        let bot = configuration.ok("create_bot_agent", bot).await["bot_agent_id"].clone();
        self.foreign = [
            ("chat", chat["id"].clone()),
            ("thread", chat["thread"]["id"].clone()),
            ("event", chat["thread"]["events"][0]["id"].clone()),
            ("customer", json!(customer)),
            ("agent", json!(address_of("foreigner"))),
            ("bot", bot),
        ]
        .into();
        if later::served(Api::Configuration, "register_webhook") {
            let hook = json!({ "url": "http://127.0.0.1:9/", "action": "thread_closed", "secret_key": "s" });
            let hook = configuration.ok("register_webhook", hook).await["webhook_id"].clone();
            self.foreign.insert("webhook", hook);
        }
    }

    /// Id and token of a new customer of the other license.
    pub(crate) async fn customer_abroad(&self) -> (String, String) {
        let body = json!({ "client_id": "foreign-app", "response_type": "token", "redirect_uri": "https://x.example/" });
        let request =
            self.server.raw(Method::POST, "/customer/").bearer_auth(token_of("foreigner")).json(&body);
        let (status, answer) = send(request).await;
        assert_eq!(status, 200, "{answer}");
        (text(&answer["entity_id"]), text(&answer["access_token"]))
    }

    /// A bot and the license hear everything that there is to hear.
    async fn listen(&self) {
        let actions = pushes::ACTIONS;
        let hooks = self.sink.webhooks(BOT_HOOK, json!(actions));
        let status = "not accepting chats";
        self.server.bot(json!({ "name": "Listener", "status": status, "webhooks": hooks })).await;
        if later::served(Api::Configuration, "register_webhook") {
            let url = self.sink.webhooks(GLOBAL_HOOK, json!([]))["url"].clone();
            for action in actions {
                let hook = json!({ "url": url, "action": action, "secret_key": "s3cr3t" });
                self.server.configuration().ok("register_webhook", hook).await;
            }
        }
    }

    /// Shows the server that everybody still lives.
    pub(crate) async fn stay(&self) {
        for rtm in Role::ALL.into_iter().filter_map(|role| self.rtm(role)) {
            rtm.ok("ping", json!({})).await;
        }
    }

    /// Notes what did not hold.
    pub(crate) fn fault(&self, method: &str, check: &str, expected: &str, seen: &str) {
        let fault =
            format!("method:   {method}\ncheck:    {check}\nexpected: {expected}\nseen:     {seen}\n");
        self.faults.lock().unwrap().push(fault);
    }

    /// How long to wait for what should come; less once something did not, or connections would fall silent.
    pub(crate) fn patience(&self) -> Duration {
        if self.faults.lock().unwrap().is_empty() { DEADLINE } else { DEADLINE / 10 }
    }

    /// Fails with everything that did not hold.
    pub(crate) fn end(&self) {
        let faults = std::mem::take(&mut *self.faults.lock().unwrap());
        assert!(faults.is_empty(), "{} faults\n\n{}", faults.len(), faults.join("\n"));
    }

    /// Where webhooks arrive.
    pub(crate) fn hooks(&self) -> &'static [&'static str] {
        if later::served(Api::Configuration, "register_webhook") {
            &[BOT_HOOK, GLOBAL_HOOK]
        } else {
            &[BOT_HOOK]
        }
    }

    /// The connection of someone who is there in every scene; nobody follows while that is not served.
    pub(crate) fn rtm(&self, role: Role) -> Option<&Rtm> {
        match role {
            Role::Follower if !later::served(Api::Agent, "follow_chat") => None,
            Role::Stranger => Some(&self.stranger),
            role => self.agents.get(&role),
        }
    }

    /// An agent on a Web API, with every scope.
    pub(crate) fn web(&self, api: Api, role: Role) -> Web {
        Web::new(&self.server, api, &self.token(role))
    }

    /// The configured token of an agent.
    pub(crate) fn token(&self, role: Role) -> String {
        token_of(name_of(role))
    }

    /// The token of the agent who is not logged in.
    pub(crate) fn newcomer_token(&self) -> String {
        token_of("newcomer")
    }

    /// The id of an agent.
    pub(crate) fn agent_id(&self, role: Role) -> String {
        address_of(name_of(role))
    }

    /// The id of the agent who is not logged in.
    pub(crate) fn newcomer_id(&self) -> String {
        address_of("newcomer")
    }

    /// A token of an agent with these scopes only.
    pub(crate) async fn scoped(&self, role: Role, scopes: &[&str]) -> String {
        let key = format!("{role:?} {scopes:?}");
        let mut tokens = self.tokens.lock().await;
        if let Some(token) = tokens.get(&key) {
            return token.clone();
        }
        let token = self.server.issue(json!({ "agent_id": self.agent_id(role), "scopes": scopes })).await;
        tokens.insert(key, token.clone());
        token
    }

    /// A number that nobody else got.
    pub(crate) fn serial(&self) -> u32 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// Everything that can be seen of a chat.
    pub(crate) async fn look(&self, chat: &Value) -> Value {
        self.web(Api::Agent, Role::Holder).ok("get_chat_threads", json!({ "chat_id": chat })).await
    }

    /// The bots of the license, whole.
    pub(crate) async fn bots(&self) -> Value {
        let web = self.web(Api::Configuration, Role::Holder);
        let list = web.ok("get_bot_agents", json!({ "all": true })).await;
        let mut details = Vec::new();
        for bot in list["bot_agents"].as_array().unwrap() {
            details.push(web.ok("get_bot_agent_details", json!({ "bot_agent_id": id(bot) })).await);
        }
        Value::from(details)
    }

    /// One more connection of a customer.
    pub(crate) async fn tab(&self, person: &Person) -> Rtm {
        let login = json!({ "token": person.token, "group_id": 1 });
        Rtm::login(&self.server, Side::Customer, login).await
    }
}

impl Drop for Stage {
    #[expect(
        clippy::print_stderr,
        reason = "what did not hold belongs to the report of a test that broke off"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("until then:\n\n{}", self.faults.get_mut().unwrap().join("\n"));
        }
    }
}

fn name_of(role: Role) -> &'static str {
    match role {
        Role::Holder => "holder",
        Role::Follower => "follower",
        Role::Colleague => "colleague",
        Role::Outsider => "outsider",
        Role::Foreigner => "foreigner",
        Role::Customer | Role::Stranger | Role::Asker => panic!("{role:?} is no certain agent"),
    }
}
