//! Participants of a conversation (spec 2.3): kept by name, whoever has it, over resolving and a crash.

use reqwest::Method;
use serde_json::{Value, json};

use super::cable::Cable;
use super::{Desk, token};
use crate::support::sink::Sink;

fn ids(agents: &Value) -> Vec<&Value> {
    agents.as_array().unwrap().iter().map(|agent| &agent["id"]).collect()
}

#[tokio::test]
async fn participants_come_stay_and_go_and_have_nothing_to_do() {
    let mut desk = Desk::start().await;
    let (cable, two) = Cable::agent(&desk, &desk.agent).await;
    let one = desk.get(&desk.admin, "agents").await[0]["id"].clone();
    let two = json!(two);
    let ana = desk.contact("Ana").await;
    let path = format!("conversations/{}/participants", ana.conversation);
    let holder = desk.conversation(ana.conversation).await["meta"]["assignee"]["id"].clone();
    assert_eq!(desk.get(&desk.agent, &path).await, json!([]));
    let added = desk.post(&desk.agent, &path, json!({ "user_ids": [one] })).await;
    assert_eq!(ids(&added), [&one]);
    assert!(added[0]["email"].is_string() && added[0]["role"] == "administrator", "{added}");
    cable.told("conversation.updated", |data| data["performer"]["id"] == two).await;
    let added = desk.post(&desk.agent, &path, json!({ "user_ids": [two, one] })).await;
    assert_eq!(ids(&added), [&one, &two]);
    let replaced = desk.ok(&desk.agent, Method::PATCH, &path, json!({ "user_ids": [two] })).await;
    assert_eq!(ids(&replaced), [&two]);
    desk.post(&desk.agent, &path, json!({ "user_ids": [one] })).await;
    let left = desk.ok(&desk.agent, Method::DELETE, &path, json!({ "user_ids": [two, two] })).await;
    assert_eq!(ids(&left), [&one]);
    assert_eq!(desk.conversation(ana.conversation).await["meta"]["assignee"]["id"], holder);

    desk.toggle(&desk.agent, ana.conversation, "resolved").await;
    desk.write(&ana, "one more thing").await;
    drop(cable);
    desk.server.kill_9().await;
    desk.server.restart().await;
    assert_eq!(ids(&desk.get(&desk.agent, &path).await), [&one]);
    let none = desk.ok(&desk.agent, Method::PATCH, &path, json!({ "user_ids": [] })).await;
    assert_eq!(none, json!([]));
}

#[tokio::test]
async fn whom_a_note_mentions_is_told_alone_and_takes_part() {
    let mut desk = Desk::start().await;
    let (admins, one) = Cable::agent(&desk, &desk.admin).await;
    let (agents, two) = Cable::agent(&desk, &desk.agent).await;
    let ana = desk.contact("Ana").await;
    let path = format!("conversations/{}/participants", ana.conversation);
    let names = |people: &[u64]| {
        let names = people.iter().map(|id| format!("[@Somebody](mention://user/{id}/Somebody)"));
        names.collect::<Vec<_>>().join(" and ")
    };
    let says = |text: String, private: bool| json!({ "content": text, "private": private });
    // What the customer reads mentions nobody, nor does a note somebody who is not there.
    desk.answer(&desk.admin, ana.conversation, says(names(&[two]), false)).await;
    desk.answer(&desk.admin, ana.conversation, says(names(&[999_999]), true)).await;
    assert_eq!(desk.get(&desk.admin, &path).await, json!([]));
    let note = desk.answer(&desk.admin, ana.conversation, says(names(&[two, 999_999]), true)).await;
    assert_eq!((&note["private"], &note["content"]), (&json!(true), &json!(names(&[two, 999_999]))));
    let told = agents.told("conversation.mentioned", |data| data["id"] == ana.conversation).await;
    assert_eq!((&told["account_id"], &told["performer"]["id"]), (&json!(1), &json!(one)));
    assert_eq!(ids(&desk.get(&desk.admin, &path).await), [&json!(two)]);
    desk.answer(&desk.agent, ana.conversation, says(names(&[one]), true)).await;
    admins.told("conversation.mentioned", |data| data["performer"]["id"] == two).await;
    for cable in [&admins, &agents] {
        let heard = cable.events().into_iter().filter(|(name, _)| name == "conversation.mentioned").count();
        assert_eq!(heard, 1, "each of what concerns it");
    }
    drop((admins, agents));
    desk.server.kill_9().await;
    desk.server.restart().await;
    assert_eq!(ids(&desk.get(&desk.admin, &path).await), [&json!(one), &json!(two)]);
}

#[tokio::test]
async fn who_cannot_take_part_is_refused_and_nothing_changes() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = desk.bot(&sink, "/bot", json!({})).await;
    let side =
        desk.post(&desk.admin, "inboxes", json!({ "name": "Side", "channel": { "type": "api" } })).await;
    let tom = desk.post(&desk.admin, "contacts", json!({ "name": "Tom" })).await;
    let begin = json!({ "inbox_id": side["id"], "contact_id": tom["payload"]["contact"]["id"] });
    let begun = desk.post(&desk.admin, "conversations", begin).await;
    let path = format!("/api/v1/accounts/1/conversations/{}/participants", begun["id"]);
    let agents = desk.get(&desk.admin, "agents").await;
    let (one, two) = (&agents[0]["id"], &agents[1]["id"]);
    let ask =
        async |token: &str, method: Method, body: Value| desk.call(Some(token), method, &path, body).await;
    let no_access = json!({ "message": "User ids must have inbox access", "attributes": ["user_ids"] });
    let both = json!({ "user_ids": [one, two] });
    for method in [Method::POST, Method::PATCH] {
        assert_eq!(ask(&desk.admin, method.clone(), both.clone()).await, (422, no_access.clone()));
        let missing = ask(&desk.admin, method.clone(), json!({})).await;
        assert_eq!((missing.0, missing.1["error"].is_string()), (422, true), "{}", missing.1);
        for nobody in [json!(999_999), bot["id"].clone()] {
            assert_eq!(ask(&desk.admin, method.clone(), json!({ "user_ids": [nobody] })).await.0, 404);
        }
        assert_eq!(ask(&desk.agent, method.clone(), both.clone()).await.0, 401, "no conversation of its own");
        assert_eq!(ask(&token(&bot), method, both.clone()).await.0, 401);
    }
    assert_eq!(ask(&desk.admin, Method::DELETE, json!({})).await.0, 422);
    assert_eq!(ask(&desk.admin, Method::GET, Value::Null).await, (200, json!([])));
    let unknown = "/api/v1/accounts/1/conversations/999999/participants";
    assert_eq!(desk.call(Some(&desk.admin), Method::POST, unknown, both.clone()).await.0, 404);
    // Who serves the inbox may; who leaves the account is none any more.
    let members = json!({ "inbox_id": side["id"], "user_ids": [two] });
    desk.post(&desk.admin, "inbox_members", members).await;
    assert_eq!(ids(&ask(&desk.admin, Method::POST, both).await.1), [one, two]);
    desk.ok(&desk.admin, Method::DELETE, &format!("agents/{two}"), Value::Null).await;
    assert_eq!(ids(&ask(&desk.admin, Method::GET, Value::Null).await.1), [one]);
}
