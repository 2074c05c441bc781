//! Every endpoint of the application API, asked by everybody: who is let in, and how the others are
//! refused, in one table. `SWITCHBOARD_WRITE_GOLDEN=1` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Desk, token};
use crate::support::sink::Sink;

/// One endpoint: its verb, its path below the account and what is sent there. `{name}` stands for the
/// number of something that is there.
pub(super) struct Endpoint(pub(super) &'static str, pub(super) &'static str, pub(super) &'static str);

/// Every endpoint (spec 2.1 to 2.6), in the order of the specification.
const ENDPOINTS: &[Endpoint] = &[
    Endpoint("GET", "", ""),
    Endpoint("GET", "agent_bots", ""),
    Endpoint("POST", "agent_bots", r#"{"name":"new"}"#),
    Endpoint("GET", "agent_bots/{spare}", ""),
    Endpoint("PATCH", "agent_bots/{spare}", r#"{"description":"x"}"#),
    Endpoint("PUT", "agent_bots/{spare}", r#"{"description":"y"}"#),
    Endpoint("DELETE", "agent_bots/{spare}", ""),
    Endpoint("DELETE", "agent_bots/{spare}/avatar", ""),
    Endpoint("POST", "agent_bots/{spare}/reset_access_token", ""),
    Endpoint("POST", "agent_bots/{spare}/reset_secret", ""),
    Endpoint("POST", "agent_bots/{spare}/agent_bot_inboxes", r#"{"inbox_id":{side}}"#),
    Endpoint("GET", "agent_bots/{spare}/agent_bot_inboxes", ""),
    Endpoint("DELETE", "agent_bots/{spare}/agent_bot_inboxes/{side}", ""),
    Endpoint("GET", "inboxes", ""),
    Endpoint("POST", "inboxes", r#"{"name":"new","channel":{"type":"api"}}"#),
    Endpoint("GET", "inboxes/1", ""),
    Endpoint("PATCH", "inboxes/{side}", r#"{"name":"other"}"#),
    Endpoint("DELETE", "inboxes/{side}", ""),
    Endpoint("GET", "inboxes/1/agent_bot", ""),
    Endpoint("POST", "inboxes/{side}/set_agent_bot", r#"{"agent_bot":{spare}}"#),
    Endpoint("GET", "inboxes/1/assignable_agents", ""),
    Endpoint("GET", "inbox_members/1", ""),
    Endpoint("POST", "inbox_members", r#"{"inbox_id":{side},"user_ids":[{agent}]}"#),
    Endpoint("PATCH", "inbox_members", r#"{"inbox_id":{side},"user_ids":[{agent}]}"#),
    Endpoint("DELETE", "inbox_members", r#"{"inbox_id":{side},"user_ids":[{agent}]}"#),
    Endpoint("GET", "conversations", ""),
    Endpoint("GET", "conversations/meta", ""),
    Endpoint("POST", "conversations/filter", r#"{"payload":[]}"#),
    Endpoint("POST", "conversations", r#"{"inbox_id":1,"contact_id":{contact}}"#),
    Endpoint("GET", "conversations/{conversation}", ""),
    Endpoint("PATCH", "conversations/{conversation}", r#"{"priority":"high"}"#),
    Endpoint("POST", "conversations/{conversation}/toggle_status", r#"{"status":"open"}"#),
    Endpoint("POST", "conversations/{conversation}/toggle_priority", r#"{"priority":"low"}"#),
    Endpoint("POST", "conversations/{conversation}/toggle_typing_status", r#"{"typing_status":"on"}"#),
    Endpoint("POST", "conversations/{conversation}/assignments", r#"{"assignee_id":{agent}}"#),
    Endpoint("POST", "conversations/{conversation}/custom_attributes", r#"{"custom_attributes":{"a":"b"}}"#),
    Endpoint("GET", "conversations/{conversation}/labels", ""),
    Endpoint("POST", "conversations/{conversation}/labels", r#"{"labels":["vip"]}"#),
    Endpoint("POST", "conversations/{conversation}/update_last_seen", ""),
    Endpoint("POST", "conversations/{conversation}/mute", ""),
    Endpoint("POST", "conversations/{conversation}/unmute", ""),
    Endpoint("GET", "conversations/{conversation}/messages", ""),
    Endpoint("POST", "conversations/{conversation}/messages", r#"{"content":"hello"}"#),
    Endpoint("PATCH", "conversations/{conversation}/messages/{message}", r#"{"status":"delivered"}"#),
    Endpoint("DELETE", "conversations/{conversation}/messages/{message}", ""),
    Endpoint("PATCH", "messages/{own}", r#"{"content":"better"}"#),
    Endpoint("DELETE", "messages/{message}", ""),
    Endpoint("GET", "conversations/{conversation}/participants", ""),
    Endpoint("POST", "conversations/{conversation}/participants", r#"{"user_ids":[{agent}]}"#),
    Endpoint("PATCH", "conversations/{conversation}/participants", r#"{"user_ids":[{agent}]}"#),
    Endpoint("DELETE", "conversations/{conversation}/participants", r#"{"user_ids":[{agent}]}"#),
    Endpoint("GET", "contacts", ""),
    Endpoint("GET", "contacts/search?q=ana", ""),
    Endpoint("POST", "contacts", r#"{"name":"new"}"#),
    Endpoint("GET", "contacts/{contact}", ""),
    Endpoint("PATCH", "contacts/{contact}", r#"{"name":"other"}"#),
    Endpoint("PUT", "contacts/{contact}", r#"{"name":"other"}"#),
    Endpoint("DELETE", "contacts/{contact}", ""),
    Endpoint("GET", "contacts/{contact}/conversations", ""),
    Endpoint("POST", "contacts/{contact}/contact_inboxes", r#"{"inbox_id":1}"#),
    Endpoint("GET", "contacts/{contact}/contactable_inboxes", ""),
    Endpoint("GET", "contacts/{contact}/labels", ""),
    Endpoint("POST", "contacts/{contact}/labels", r#"{"labels":["vip"]}"#),
    Endpoint(
        "POST",
        "actions/contact_merge",
        r#"{"base_contact_id":{contact},"mergee_contact_id":{second}}"#,
    ),
    Endpoint("GET", "teams", ""),
    Endpoint("POST", "teams", r#"{"name":"new {unique}"}"#),
    Endpoint("GET", "teams/{team}", ""),
    Endpoint("PATCH", "teams/{team}", r#"{"description":"x"}"#),
    Endpoint("DELETE", "teams/{team}", ""),
    Endpoint("GET", "teams/{team}/team_members", ""),
    Endpoint("POST", "teams/{team}/team_members", r#"{"user_ids":[{agent}]}"#),
    Endpoint("PATCH", "teams/{team}/team_members", r#"{"user_ids":[{agent}]}"#),
    Endpoint("DELETE", "teams/{team}/team_members", r#"{"user_ids":[{agent}]}"#),
    Endpoint("GET", "agents", ""),
    Endpoint("POST", "agents", r#"{"name":"New","email":"new-{unique}@x.example","role":"agent"}"#),
    Endpoint("PATCH", "agents/{extra}", r#"{"name":"Other"}"#),
    Endpoint("DELETE", "agents/{extra}", ""),
    Endpoint("GET", "webhooks", ""),
    Endpoint(
        "POST",
        "webhooks",
        r#"{"url":"https://x.example/{unique}","subscriptions":["message_created"]}"#,
    ),
    Endpoint("PATCH", "webhooks/{hook}", r#"{"name":"other"}"#),
    Endpoint("DELETE", "webhooks/{hook}", ""),
];

/// Who is answered how, a line for each endpoint.
pub(super) struct Table {
    text: String,
    /// Characters of the longest title.
    width: usize,
}

impl Table {
    pub(super) fn new(width: usize) -> Self {
        Self { text: String::new(), width }
    }

    /// Begins with the endpoints below an address, and with those who ask.
    pub(super) fn head(&mut self, below: &str, askers: &[&str]) {
        if !self.text.is_empty() {
            self.text += "\n";
        }
        self.line(below, askers.iter().map(ToString::to_string));
    }

    pub(super) fn row(&mut self, method: &str, path: &str, answers: &[u16]) {
        self.line(&format!("{method} {path}"), answers.iter().map(ToString::to_string));
    }

    fn line(&mut self, title: &str, cells: impl Iterator<Item = String>) {
        let mut line = format!("{title:<width$}", width = self.width);
        cells.for_each(|cell| write!(line, " {cell:<11}").unwrap());
        self.text += &format!("{}\n", line.trim_end());
    }

    /// Compares with what it was, in a file beside this one.
    pub(super) fn assert_is(&self, golden: &str) {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenario/chatwoot").join(golden);
        if std::env::var_os("SWITCHBOARD_WRITE_GOLDEN").is_some() {
            std::fs::write(&golden, &self.text).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert!(
            self.text == expected,
            "somebody is let in, or refused, otherwise than before:\n{}",
            self.text
        );
    }
}

/// A text with what is there in the place of its names.
pub(super) fn filled(text: &str, props: &[(&str, String)]) -> String {
    let fill = |text: String, (name, value): &(&str, String)| text.replace(&format!("{{{name}}}"), value);
    props.iter().fold(text.to_owned(), fill)
}

/// What is there anew for each call, so that none is in another's way.
async fn props(desk: &Desk, path_and_body: &str, unique: usize) -> Vec<(&'static str, String)> {
    let needs = |name: &str| path_and_body.contains(&format!("{{{name}}}"));
    let mut props = vec![("unique", unique.to_string())];
    let made = async |path: &str, body: Value| desk.post(&desk.admin, path, body).await["id"].to_string();
    if needs("spare") {
        props.push(("spare", made("agent_bots", json!({ "name": "spare" })).await));
    }
    if needs("side") {
        let body = json!({ "name": "side", "channel": { "type": "api" } });
        props.push(("side", made("inboxes", body).await));
    }
    if needs("team") {
        props.push(("team", made("teams", json!({ "name": format!("team {unique}") })).await));
    }
    if needs("extra") {
        let email = format!("extra-{unique}@x.example");
        props.push((
            "extra",
            made("agents", json!({ "name": "Extra", "email": email, "role": "agent" })).await,
        ));
    }
    if needs("hook") {
        let url = format!("https://hooks.example/{unique}");
        let body = json!({ "url": url, "subscriptions": ["message_created"] });
        let hook = desk.post(&desk.admin, "webhooks", body).await;
        props.push(("hook", hook["payload"]["webhook"]["id"].to_string()));
    }
    if needs("second") {
        let made = desk.post(&desk.admin, "contacts", json!({ "name": "Tom" })).await;
        props.push(("second", made["payload"]["contact"]["id"].to_string()));
    }
    if needs("conversation") || needs("contact") || needs("message") || needs("own") {
        let ana = desk.contact("Ana").await;
        let said = desk.write(&ana, "hello").await;
        let conversation = desk.conversation(ana.conversation).await;
        props.push(("message", said["id"].to_string()));
        if needs("own") {
            let own = desk.answer(&desk.agent, ana.conversation, json!({ "content": "an agent's" })).await;
            props.push(("own", own["id"].to_string()));
        }
        props.push(("conversation", ana.conversation.to_string()));
        props.push(("contact", conversation["meta"]["sender"]["id"].to_string()));
    }
    props
}

#[tokio::test]
async fn every_endpoint_lets_in_whom_it_should_and_refuses_the_others_alike() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = token(&desk.bot(&sink, "/bot", json!({ "events": ["message_created"] })).await);
    let (_, profile) = desk.call(Some(&desk.agent), Method::GET, "/api/v1/profile", Value::Null).await;
    let agent = profile["id"].to_string();
    let askers: [(&str, Option<&str>); 6] = [
        ("admin", Some(&desk.admin)),
        ("agent", Some(&desk.agent)),
        ("bot", Some(&bot)),
        ("platform", Some(&desk.platform)),
        ("wrong token", Some("nobody's")),
        ("no token", None),
    ];
    let mut table = Table::new(64);
    table.head("/api/v1/accounts/1/", &askers.map(|(who, _)| who));
    let mut unique = 0;
    for Endpoint(method, path, body) in ENDPOINTS {
        let mut row = Vec::new();
        for (_, asker) in askers {
            unique += 1;
            let mut all = props(&desk, &format!("{path}{body}"), unique).await;
            all.push(("agent", agent.clone()));
            let (at, body) = (filled(path, &all), filled(body, &all));
            let body = if body.is_empty() { json!({}) } else { serde_json::from_str(&body).unwrap() };
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let (status, answer) = desk.call(asker, method, &format!("/api/v1/accounts/1/{at}"), body).await;
            if status == 401 {
                let said = answer["error"].as_str().or(answer["errors"][0].as_str());
                assert!(said.is_some_and(|said| !said.is_empty()), "{at}: {answer}");
            }
            row.push(status);
        }
        table.row(method, path, &row);
    }
    table.assert_is("matrix.txt");
}
