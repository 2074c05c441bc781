//! Every event of this face, and who hears it: what the specification names is heard by whom it should
//! be, and by nobody else. One that nothing here causes fails, and so does one that is not in the table.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::cable::Cable;
use super::{Desk, token};
use crate::support::sink::Sink;
use crate::support::web::send;

/// Who may hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ear {
    /// An inbox's bot.
    Bot,
    /// The address of an inbox.
    Inbox,
    /// A hook of the account.
    Hook,
    /// The stream of somebody who works there.
    Staff,
    /// The stream of a contact.
    Contact,
}

use Ear::{Bot, Contact, Hook, Inbox, Staff};

/// Every event (spec 5.2 and 5.4 of webhooks, 4.3 of streams) and all who hear it.
const EVENTS: &[(&str, &[Ear])] = &[
    ("message_created", &[Bot, Inbox, Hook]),
    ("message_updated", &[Bot, Inbox, Hook]),
    ("webwidget_triggered", &[Bot, Inbox, Hook]),
    ("widget_triggered", &[Bot, Inbox]),
    ("conversation_opened", &[Bot, Inbox]),
    ("conversation_resolved", &[Bot, Inbox]),
    ("conversation_created", &[Bot, Inbox, Hook]),
    ("conversation_status_changed", &[Bot, Inbox, Hook]),
    ("conversation_updated", &[Inbox, Hook]),
    ("conversation_typing_on", &[Inbox, Hook]),
    ("conversation_typing_off", &[Inbox, Hook]),
    ("contact_created", &[Hook]),
    ("contact_updated", &[Hook]),
    ("inbox_created", &[Hook]),
    ("inbox_updated", &[Hook]),
    ("message.created", &[Staff, Contact]),
    ("message.updated", &[Staff, Contact]),
    ("first.reply.created", &[Staff]),
    ("conversation.created", &[Staff, Contact]),
    ("conversation.status_changed", &[Staff, Contact]),
    ("conversation.updated", &[Staff]),
    ("conversation.read", &[Staff]),
    ("assignee.changed", &[Staff]),
    ("team.changed", &[Staff]),
    ("conversation.typing_on", &[Staff, Contact]),
    ("conversation.typing_off", &[Staff, Contact]),
    ("contact.created", &[Staff]),
    ("contact.updated", &[Staff]),
    ("contact.deleted", &[Staff]),
    ("contact.merged", &[Staff, Contact]),
    ("conversation.contact_changed", &[Staff]),
    ("conversation.mentioned", &[Staff]),
    ("presence.update", &[Staff, Contact]),
];

/// What the specification names and nobody hears, with the reason. One that is heard fails as well.
const LATER: &[(&str, &str)] = &[
    ("notification.created", "there are no notifications"),
    ("notification.updated", "there are no notifications"),
    ("notification.deleted", "there are no notifications"),
];

/// All that a hook may ask for (spec 2.6).
const SUBSCRIPTIONS: [&str; 12] = [
    "conversation_created",
    "conversation_updated",
    "conversation_status_changed",
    "message_created",
    "message_updated",
    "webwidget_triggered",
    "contact_created",
    "contact_updated",
    "inbox_created",
    "inbox_updated",
    "conversation_typing_on",
    "conversation_typing_off",
];

/// A desk at which everything happens once, and all who hear of it.
struct Stage {
    desk: Desk,
    sink: Sink,
    staff: Cable,
    contact: Cable,
}

impl Stage {
    /// What somebody heard so far: each event with what it says.
    fn heard(&self, ear: Ear) -> Vec<(String, Value)> {
        let webhook = |path: &str| {
            let all = self.sink.at(path).into_iter();
            all.map(|hit| (hit.json["event"].as_str().unwrap().to_owned(), hit.json)).collect()
        };
        match ear {
            Bot => webhook("/bot"),
            Inbox => webhook("/inbox"),
            Hook => webhook("/hook"),
            Staff => self.staff.events(),
            Contact => self.contact.events(),
        }
    }

    /// Waits until somebody has heard it.
    async fn hears(&self, ear: Ear, event: &str) {
        let what = format!("{ear:?} to hear {event}");
        crate::support::until(&what, async || self.heard(ear).iter().any(|(name, _)| name == event)).await;
    }
}

/// Makes a visitor of a new page open the window.
async fn visit(desk: &Desk, sink: &Sink, bot: &Value) {
    let channel = json!({
        "type": "web_widget",
        "website_url": "shop.example",
        "webhook_url": sink.url("/inbox"),
    });
    let page = desk.post(&desk.admin, "inboxes", json!({ "name": "Site", "channel": channel })).await;
    let path = format!("inboxes/{}", page["id"]);
    desk.ok(&desk.admin, Method::PATCH, &path, json!({ "name": "Shop" })).await;
    desk.post(&desk.admin, &format!("{path}/set_agent_bot"), json!({ "agent_bot": bot["id"] })).await;
    let call = async |path: &str, token: &str, body: Value| {
        let path = format!("/api/v1/widget/{path}?website_token={}", page["website_token"].as_str().unwrap());
        send(desk.server.raw(Method::POST, &path).header("X-Auth-Token", token).json(&body)).await
    };
    let (_, config) = call("config", "", json!({})).await;
    let visitor = config["website_channel_config"]["auth_token"].as_str().unwrap();
    let opened = json!({ "name": "webwidget.triggered", "event_info": {} });
    assert_eq!(call("events", visitor, opened).await.0, 204);
}

async fn types(desk: &Desk, source: &str, conversation: &Value) {
    for status in ["on", "off"] {
        let body = json!({ "typing_status": status });
        let path = format!("contacts/{source}/conversations/{conversation}/toggle_typing");
        desk.public(Method::POST, &path, body.clone()).await;
        desk.post(&desk.admin, &format!("conversations/{conversation}/toggle_typing_status"), body).await;
    }
}

/// Causes every event.
async fn everything_happens() -> Stage {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    desk.hook(&sink, "/hook", &SUBSCRIPTIONS, json!({})).await;
    let bot = desk.bot(&sink, "/bot", json!({})).await;
    let address = json!({ "channel": { "webhook_url": sink.url("/inbox") } });
    desk.ok(&desk.admin, Method::PATCH, "inboxes/1", address).await;
    let (staff, me) = Cable::agent(&desk, &desk.admin).await;
    visit(&desk, &sink, &bot).await;
    let tom = desk.post(&desk.admin, "contacts", json!({ "name": "Tom" })).await;
    let tom = format!("contacts/{}", tom["payload"]["contact"]["id"]);
    desk.ok(&desk.admin, Method::DELETE, &tom, Value::Null).await;

    let ana = desk.public(Method::POST, "contacts", json!({ "name": "Ana" })).await;
    let source = ana["source_id"].as_str().unwrap();
    let (contact, id) = Cable::contact(&desk, source).await;
    desk.ok(&desk.admin, Method::PATCH, &format!("contacts/{id}"), json!({ "name": "Anna" })).await;
    let twin = desk.contact("Ann").await;
    let twin = desk.conversation(twin.conversation).await["meta"]["sender"]["id"].clone();
    let both = json!({ "base_contact_id": id, "mergee_contact_id": twin });
    desk.post(&desk.admin, "actions/contact_merge", both).await;
    let own = format!("contacts/{source}/conversations");
    let conversation = desk.public(Method::POST, &own, json!({})).await["id"].clone();
    let number = conversation.as_u64().unwrap();
    desk.public(Method::POST, &format!("{own}/{number}/messages"), json!({ "content": "hello" })).await;
    let items = json!({ "items": [{ "title": "Billing", "value": "b" }] });
    let menu = json!({ "content": "?", "content_type": "input_select", "content_attributes": items });
    let menu = desk.answer(&token(&bot), number, menu).await;
    let values = json!({ "submitted_values": [{ "title": "Billing", "value": "b" }] });
    desk.public(Method::PATCH, &format!("{own}/{number}/messages/{}", menu["id"]), values).await;
    types(&desk, source, &conversation).await;
    let of = format!("conversations/{number}");
    let team = desk.post(&desk.admin, "teams", json!({ "name": "sales" })).await;
    desk.post(&desk.admin, &format!("{of}/assignments"), json!({ "team_id": team["id"] })).await;
    desk.toggle(&desk.admin, number, "open").await;
    desk.answer(&desk.admin, number, json!({ "content": "hi" })).await;
    let note = format!("[@Me](mention://user/{me}/Me)");
    desk.answer(&desk.agent, number, json!({ "content": note, "private": true })).await;
    desk.public(Method::POST, &format!("{own}/{number}/messages"), json!({ "content": "thanks" })).await;
    desk.post(&desk.admin, &format!("{of}/update_last_seen"), json!({})).await;
    desk.toggle(&desk.admin, number, "resolved").await;
    desk.answer(&desk.admin, number, json!({ "content": "the last" })).await;
    Stage { desk, sink, staff, contact }
}

#[tokio::test]
async fn every_event_is_heard_by_whom_it_should_be_and_by_nobody_else() {
    let stage = everything_happens().await;
    for (event, ears) in EVENTS {
        for ear in *ears {
            stage.hears(*ear, event).await;
        }
    }
    for ear in [Bot, Inbox, Hook, Staff, Contact] {
        // All of a conversation is heard in order, so that nothing of it comes behind the last.
        let last = |(_, data): &(String, Value)| data["content"] == "the last";
        crate::support::until(&format!("{ear:?} to hear the last"), async || {
            stage.heard(ear).iter().any(last)
        })
        .await;
        let heard = stage.heard(ear);
        let names: BTreeSet<&str> = heard.iter().map(|(name, _)| &**name).collect();
        let meant = EVENTS.iter().filter(|(_, ears)| ears.contains(&ear)).map(|(event, _)| *event);
        assert_eq!(names, meant.collect(), "{ear:?}");
        for (name, data) in &heard {
            let account =
                if matches!(ear, Staff | Contact) { &data["account_id"] } else { &data["account"]["id"] };
            assert_eq!(*account, 1, "{ear:?}, {name}: {data}");
        }
    }
    drop(stage.desk);
}

#[test]
fn the_table_names_each_event_once() {
    let named: Vec<&str> =
        EVENTS.iter().map(|(event, _)| *event).chain(LATER.iter().map(|(event, _)| *event)).collect();
    assert_eq!(named.iter().collect::<BTreeSet<_>>().len(), named.len());
    assert!(
        SUBSCRIPTIONS
            .iter()
            .all(|event| { EVENTS.iter().any(|(name, ears)| name == event && ears.contains(&Hook)) })
    );
    assert!(EVENTS.iter().all(|(_, ears)| !ears.is_empty()) && LATER.iter().all(|(_, why)| !why.is_empty()));
}
