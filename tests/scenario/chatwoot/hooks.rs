//! Hooks of an account: what they hear of contacts, inboxes and who types (spec 2.6 and 5.4).

use reqwest::Method;
use serde_json::{Value, json};

use super::{Desk, assert_signed};
use crate::support::sink::{Hit, Sink};

const CONTACTS: [&str; 2] = ["contact_created", "contact_updated"];
const TYPING: [&str; 2] = ["conversation_typing_on", "conversation_typing_off"];

/// The names of the events that a path heard of so far.
fn events(sink: &Sink, path: &str) -> Vec<String> {
    sink.at(path).iter().map(|hit| hit.json["event"].as_str().unwrap().to_owned()).collect()
}

async fn heard(sink: &Sink, path: &str, event: &str) -> Hit {
    sink.hit(event, |hit| hit.path == path && hit.json["event"] == event).await
}

/// Something that is heard behind whatever came before it, in the same order.
async fn nothing_more(desk: &Desk, sink: &Sink, path: &str) {
    desk.post(&desk.admin, "contacts", json!({ "name": "The last" })).await;
    sink.hit("the last", |hit| hit.path == path && hit.json["name"] == "The last").await;
}

fn change(name: &str, values: [Value; 2]) -> Value {
    let [then, now] = values;
    json!({ name: { "previous_value": then, "current_value": now } })
}

async fn type_in(desk: &Desk, token: &str, conversation: u64, status: &str, private: bool) {
    let body = json!({ "typing_status": status, "is_private": private });
    desk.post(token, &format!("conversations/{conversation}/toggle_typing_status"), body).await;
}

#[tokio::test]
async fn hooks_hear_of_contacts_and_of_what_changed_of_them() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let hook = desk.hook(&sink, "/hook", &CONTACTS, json!({})).await;
    let body = json!({ "name": "Ana", "email": "ana@x.example", "custom_attributes": { "plan": "gold" } });
    let made = desk.post(&desk.admin, "contacts", body).await["payload"]["contact"].clone();
    let hit = heard(&sink, "/hook", "contact_created").await;
    assert_signed(&hit, hook["secret"].as_str().unwrap());
    for field in ["id", "name", "email", "phone_number", "identifier", "custom_attributes", "blocked"] {
        assert_eq!(hit.json[field], made[field], "{field}");
    }
    assert_eq!(hit.json["account"], json!({ "id": 1, "name": "Demo" }));
    assert!(hit.json.get("changed_attributes").is_none());

    let path = format!("contacts/{}", made["id"]);
    let patch =
        json!({ "name": "Ana B.", "phone_number": "+491701", "custom_attributes": { "plan": "iron" } });
    desk.ok(&desk.admin, Method::PATCH, &path, patch.clone()).await;
    let hit = heard(&sink, "/hook", "contact_updated").await;
    assert_eq!((&hit.json["id"], &hit.json["name"]), (&made["id"], &json!("Ana B.")));
    let changes = json!([
        change("custom_attributes", [json!({ "plan": "gold" }), json!({ "plan": "iron" })]),
        change("name", [json!("Ana"), json!("Ana B.")]),
        change("phone_number", [Value::Null, json!("+491701")]),
    ]);
    assert_eq!(hit.json["changed_attributes"], changes);
    desk.post(&desk.admin, &format!("{path}/labels"), json!({ "labels": ["vip"] })).await;
    let hit = heard(&sink, "/hook", "contact_updated").await;
    assert_eq!(hit.json["changed_attributes"], json!([change("labels", [json!([]), json!(["vip"])])]));

    // Neither what changes nothing, nor a new way in, nor what is refused, nor the end.
    desk.ok(&desk.admin, Method::PATCH, &path, patch).await;
    desk.post(&desk.admin, &format!("{path}/contact_inboxes"), json!({ "inbox_id": 1 })).await;
    let (account, wrong) = (format!("/api/v1/accounts/1/{path}"), json!({ "phone_number": "no" }));
    assert_eq!(desk.call(Some(&desk.admin), Method::PATCH, &account, wrong).await.0, 422);
    desk.ok(&desk.admin, Method::DELETE, &path, Value::Null).await;
    nothing_more(&desk, &sink, "/hook").await;
    let expected = ["contact_created", "contact_updated", "contact_updated", "contact_created"];
    assert_eq!(events(&sink, "/hook"), expected);

    // Customers make and change contacts, too.
    let tom = desk.contact("Tom").await;
    assert_eq!(heard(&sink, "/hook", "contact_created").await.json["name"], "Tom");
    desk.public(Method::PATCH, &format!("contacts/{}", tom.source), json!({ "name": "Thomas" })).await;
    let hit = heard(&sink, "/hook", "contact_updated").await;
    assert_eq!(hit.json["changed_attributes"], json!([change("name", [json!("Tom"), json!("Thomas")])]));
}

#[tokio::test]
async fn hooks_hear_of_inboxes_that_are_made_and_changed() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let hook = desk.hook(&sink, "/hook", &["inbox_created", "inbox_updated"], json!({})).await;
    let body = json!({ "name": "Side", "channel": { "type": "api" } });
    let made = desk.post(&desk.admin, "inboxes", body).await;
    let hit = heard(&sink, "/hook", "inbox_created").await;
    assert_signed(&hit, hook["secret"].as_str().unwrap());
    for field in ["id", "name", "channel_type", "inbox_identifier", "enable_auto_assignment"] {
        assert_eq!(hit.json[field], made[field], "{field}");
    }
    assert!(hit.json.get("secret").is_none() && hit.json.get("hmac_token").is_none(), "{}", hit.json);
    assert_eq!(hit.json["account"]["id"], 1);

    let path = format!("inboxes/{}", made["id"]);
    let patch = json!({ "name": "Other side", "enable_auto_assignment": false });
    desk.ok(&desk.admin, Method::PATCH, &path, patch.clone()).await;
    let hit = heard(&sink, "/hook", "inbox_updated").await;
    let changes = json!([
        change("enable_auto_assignment", [json!(true), json!(false)]),
        change("name", [json!("Side"), json!("Other side")]),
    ]);
    assert_eq!((&hit.json["id"], &hit.json["changed_attributes"]), (&made["id"], &changes));

    // Neither what changes nothing, nor who answers first, nor what is refused, nor the end.
    desk.ok(&desk.admin, Method::PATCH, &path, patch).await;
    let bot = desk.post(&desk.admin, "agent_bots", json!({ "name": "Triage" })).await;
    desk.post(&desk.admin, &format!("{path}/set_agent_bot"), json!({ "agent_bot": bot["id"] })).await;
    let (account, wrong) = (format!("/api/v1/accounts/1/{path}"), json!({ "webhook_url": "nowhere" }));
    assert_eq!(desk.call(Some(&desk.admin), Method::PATCH, &account, wrong).await.0, 422);
    desk.ok(&desk.admin, Method::DELETE, &path, Value::Null).await;
    let body = json!({ "name": "The last", "channel": { "type": "api" } });
    desk.post(&desk.admin, "inboxes", body).await;
    sink.hit("the last", |hit| hit.json["name"] == "The last").await;
    assert_eq!(events(&sink, "/hook"), ["inbox_created", "inbox_updated", "inbox_created"]);
}

#[tokio::test]
async fn hooks_and_the_inboxs_address_hear_who_types_in_order_and_bots_do_not() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let all = ["conversation_typing_on", "conversation_typing_off", "message_created"];
    let hook = desk.hook(&sink, "/hook", &all, json!({})).await;
    let told = json!({ "channel": { "webhook_url": sink.url("/inbox") } });
    desk.ok(&desk.admin, Method::PATCH, "inboxes/1", told).await;
    desk.bot(&sink, "/bot", json!({})).await;
    let ana = desk.contact("Ana").await;
    let path = format!("contacts/{}/conversations/{}/toggle_typing", ana.source, ana.conversation);
    desk.public(Method::POST, &path, json!({ "typing_status": "on" })).await;
    let hit = heard(&sink, "/hook", TYPING[0]).await;
    assert_signed(&hit, hook["secret"].as_str().unwrap());
    assert_eq!((&hit.json["user"]["name"], &hit.json["user"]["type"]), (&json!("Ana"), &json!("contact")));
    assert_eq!(hit.json["conversation"]["id"], ana.conversation);
    assert_eq!((&hit.json["is_private"], &hit.json["account"]["id"]), (&json!(false), &json!(1)));
    desk.public(Method::POST, &path, json!({ "typing_status": "off" })).await;
    desk.write(&ana, "hello").await;
    for receiver in ["/hook", "/inbox"] {
        heard(&sink, receiver, "message_created").await;
        let told = events(&sink, receiver);
        let expected: &[&str] = &[TYPING[0], TYPING[1], "message_created"];
        assert_eq!(told[told.len() - 3..], *expected, "{receiver}");
    }
    // A person of whom the conversation knew nothing, for colleagues only.
    type_in(&desk, &desk.admin, ana.conversation, "on", true).await;
    let hit = heard(&sink, "/hook", TYPING[0]).await;
    assert_eq!((&hit.json["is_private"], &hit.json["user"]["type"]), (&json!(true), &json!("user")));
    heard(&sink, "/bot", "message_created").await;
    desk.write(&ana, "are you there?").await;
    sink.hit("the bot hears", |hit| hit.path == "/bot" && hit.json["content"] == "are you there?").await;
    assert!(!events(&sink, "/bot").iter().any(|event| TYPING.contains(&event.as_str())));
    assert!(!events(&sink, "/inbox").iter().any(|event| event.starts_with("contact")));

    let path = format!("/api/v1/accounts/1/conversations/{}/toggle_typing_status", ana.conversation);
    for (body, status) in [(json!({ "typing_status": "maybe" }), 422), (json!({}), 422)] {
        assert_eq!(desk.call(Some(&desk.agent), Method::POST, &path, body).await.0, status);
    }
}

#[tokio::test]
async fn who_types_without_end_is_told_hooks_so_often_and_no_more() {
    const BOUND: usize = 60;
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let all = ["conversation_typing_on", "conversation_typing_off", "message_created"];
    desk.hook(&sink, "/hook", &all, json!({})).await;
    let ana = desk.contact("Ana").await;
    for _ in 0..BOUND + 10 {
        // Said again it is nothing new.
        for status in ["on", "on", "off"] {
            type_in(&desk, &desk.agent, ana.conversation, status, false).await;
        }
    }
    desk.write(&ana, "hello").await;
    heard(&sink, "/hook", "message_created").await;
    // Each that was told to begin was told to end.
    let ends = events(&sink, "/hook").iter().filter(|event| *event == TYPING[1]).count();
    assert_eq!((sink.at("/hook").len(), ends), (2 * BOUND + 1, BOUND));
}

#[tokio::test]
async fn a_hook_of_one_inbox_hears_of_that_one_and_of_contacts_that_came_in_by_it() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let side =
        desk.post(&desk.admin, "inboxes", json!({ "name": "Side", "channel": { "type": "api" } })).await;
    let events_of_all = ["contact_created", "contact_updated", "inbox_updated", "conversation_typing_on"];
    desk.hook(&sink, "/side", &events_of_all, json!({ "inbox_id": side["id"] })).await;
    let ana = desk.contact("Ana").await;
    type_in(&desk, &desk.agent, ana.conversation, "on", false).await;
    desk.post(&desk.admin, "contacts", json!({ "name": "Nowhere" })).await;
    desk.ok(&desk.admin, Method::PATCH, "inboxes/1", json!({ "name": "Main" })).await;
    let tom = desk.post(&desk.admin, "contacts", json!({ "name": "Tom", "inbox_id": side["id"] })).await;
    assert_eq!(heard(&sink, "/side", "contact_created").await.json["name"], "Tom");
    let tom = tom["payload"]["contact"]["id"].clone();
    desk.ok(&desk.admin, Method::PATCH, &format!("contacts/{tom}"), json!({ "name": "Thomas" })).await;
    heard(&sink, "/side", "contact_updated").await;
    desk.ok(&desk.admin, Method::PATCH, &format!("inboxes/{}", side["id"]), json!({ "name": "S" })).await;
    heard(&sink, "/side", "inbox_updated").await;
    let begun =
        desk.post(&desk.admin, "conversations", json!({ "inbox_id": side["id"], "contact_id": tom })).await;
    type_in(&desk, &desk.admin, begun["id"].as_u64().unwrap(), "on", false).await;
    heard(&sink, "/side", "conversation_typing_on").await;
    let expected = ["contact_created", "contact_updated", "inbox_updated", "conversation_typing_on"];
    assert_eq!(events(&sink, "/side"), expected);
}

#[tokio::test]
async fn what_is_owed_to_a_hook_is_told_after_a_crash() {
    let (mut desk, sink) = (Desk::start().await, Sink::start().await);
    let all = ["contact_created", "inbox_created", "conversation_typing_on"];
    desk.hook(&sink, "/hook", &all, json!({})).await;
    let ana = desk.contact("Ana").await;
    heard(&sink, "/hook", "contact_created").await;
    // Nobody answers, so nothing counts as told.
    sink.hold();
    desk.post(&desk.admin, "contacts", json!({ "name": "Tom" })).await;
    let first = sink.hit("the first try", |hit| hit.json["name"] == "Tom").await;
    desk.post(&desk.admin, "inboxes", json!({ "name": "Side", "channel": { "type": "api" } })).await;
    type_in(&desk, &desk.agent, ana.conversation, "on", false).await;
    desk.server.kill_9().await;
    let before = sink.at("/hook").len();
    sink.release();
    desk.server.restart().await;
    let again = sink.hit("told again", |hit| hit.json["name"] == "Tom").await;
    let id = |hit: &Hit| hit.header("x-chatwoot-delivery").to_owned();
    assert_eq!(id(&again), id(&first), "the same call");
    let late = async |event: &str| {
        let fits = |hit: &Hit| hit.json["event"] == event;
        let hit = sink.hit_since("/hook", before, crate::support::DEADLINE, fits).await;
        assert!(hit.is_some(), "{event}");
    };
    late("inbox_created").await;
    late("conversation_typing_on").await;
}

#[tokio::test]
async fn what_is_said_after_somebody_typed_is_kept_and_no_call_has_the_name_of_another() {
    let (mut desk, sink) = (Desk::start().await, Sink::start().await);
    let all = ["conversation_typing_on", "conversation_typing_off", "message_created"];
    desk.hook(&sink, "/hook", &all, json!({})).await;
    let ana = desk.contact("Ana").await;
    let mut said = Vec::new();
    for text in ["one", "two", "three"] {
        // Everything of it is stored, and typing is the first that changes it again.
        assert_eq!(desk.server.stop().await, Some(0));
        desk.server.restart().await;
        let path = format!("contacts/{}/conversations/{}/toggle_typing", ana.source, ana.conversation);
        desk.public(Method::POST, &path, json!({ "typing_status": "on" })).await;
        desk.write(&ana, text).await;
        sink.hit(text, |hit| hit.json["content"] == text).await;
        said.push(text.to_owned());
        assert_eq!(desk.read(&ana).await, said);
    }
    assert_eq!(desk.server.stop().await, Some(0));
    desk.server.restart().await;
    assert_eq!(desk.read(&ana).await, said);
    // Only typing, and nothing else of the conversation changes.
    for _ in 0..2 {
        type_in(&desk, &desk.agent, ana.conversation, "on", false).await;
        type_in(&desk, &desk.agent, ana.conversation, "off", false).await;
        nothing_more_is_owed(&desk).await;
        assert_eq!(desk.server.stop().await, Some(0));
        desk.server.restart().await;
    }
    let hits = sink.at("/hook");
    let names: Vec<_> = hits.iter().map(|hit| hit.header("x-chatwoot-delivery")).collect();
    assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len(), "{names:?}");
}

/// Waits until every call was taken.
async fn nothing_more_is_owed(desk: &Desk) {
    crate::support::until("all calls are over", async || {
        desk.server
            .get("/metrics")
            .await
            .1
            .lines()
            .any(|line| line.starts_with("switchboard_webhook_outstanding{") && line.ends_with(" 0"))
    })
    .await;
}
