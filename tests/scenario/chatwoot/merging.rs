//! Two contacts that turn out to be one.

use reqwest::Method;
use serde_json::{Value, json};

use super::cable::Cable;
use super::{Contact, Desk, contents, token};
use crate::support::sink::Sink;

const MERGE: &str = "/api/v1/accounts/1/actions/contact_merge";

/// The number of whoever has a conversation.
async fn sender(desk: &Desk, conversation: u64) -> u64 {
    desk.conversation(conversation).await["meta"]["sender"]["id"].as_u64().unwrap()
}

async fn merge(desk: &Desk, token: &str, base: u64, mergee: u64) -> (u16, Value) {
    let body = json!({ "base_contact_id": base, "mergee_contact_id": mergee });
    desk.call(Some(token), Method::POST, MERGE, body).await
}

/// Everything of Tom's is Ana's, on every side.
async fn is_one(desk: &Desk, ana: u64, tom: u64, toms: &Contact) {
    let gone = format!("/api/v1/accounts/1/contacts/{tom}");
    assert_eq!(desk.call(Some(&desk.admin), Method::GET, &gone, Value::Null).await.0, 404);
    let listed = desk.get(&desk.admin, "contacts").await;
    let ids: Vec<_> = listed["payload"].as_array().unwrap().iter().map(|contact| &contact["id"]).collect();
    assert_eq!(ids, [&json!(ana)]);
    let own = desk.get(&desk.admin, &format!("contacts/{ana}/conversations")).await;
    assert_eq!(own["payload"].as_array().unwrap().len(), 2, "{own}");
    let path = format!("conversations/{}/messages", toms.conversation);
    let said = desk.get(&desk.admin, &path).await;
    assert_eq!(said["payload"][0]["sender"]["id"], ana, "what he said she said: {said}");
    // By his way in it is she who reads and writes.
    let shown = desk.public(Method::GET, &format!("contacts/{}", toms.source), Value::Null).await;
    assert_eq!((&shown["id"], &shown["name"]), (&json!(ana), &json!("Ana")));
    assert_eq!(desk.read(toms).await[0], "I am Tom");
    // Neither does the other face know two.
    let chats = desk.server.agent_web(0).ok("get_chats_summary", json!({})).await;
    let chats = chats["chats_summary"].as_array().unwrap();
    let mut customers: Vec<String> = Vec::new();
    for chat in chats {
        let chat = desk.server.look(chat["id"].as_str().unwrap()).await;
        let users = chat["users"].as_array().unwrap();
        let known = users.iter().filter(|user| user["type"] == "customer");
        customers.extend(known.map(|user| user["id"].as_str().unwrap().to_owned()));
        for event in chat["threads"][0]["events"].as_array().unwrap() {
            let author = event["author_id"].as_str().unwrap_or_default();
            assert!(users.iter().any(|user| user["id"] == author) || event["type"] == "system_message");
        }
    }
    customers.dedup();
    assert_eq!((chats.len(), customers.len()), (2, 1), "{customers:?}");
}

#[tokio::test]
async fn one_contact_becomes_part_of_another_with_all_that_it_had() {
    let (mut desk, sink) = (Desk::start().await, Sink::start().await);
    let (anas, toms) = (desk.contact("Ana").await, desk.contact("Tom").await);
    let (ana, tom) = (sender(&desk, anas.conversation).await, sender(&desk, toms.conversation).await);
    let attributes = |values: Value| json!({ "custom_attributes": values });
    let of = |id: u64| format!("contacts/{id}");
    desk.ok(&desk.admin, Method::PATCH, &of(ana), attributes(json!({ "plan": "gold" }))).await;
    let more =
        json!({ "email": "tom@x.example", "custom_attributes": { "plan": "free", "seats": { "n": 3 } } });
    desk.ok(&desk.admin, Method::PATCH, &of(tom), more).await;
    desk.write(&anas, "I am Ana").await;
    desk.write(&toms, "I am Tom").await;
    desk.hook(&sink, "/hook", &["contact_updated", "conversation_updated"], json!({})).await;
    let (staff, _) = Cable::agent(&desk, &desk.admin).await;
    let (hers, _) = Cable::contact(&desk, &anas.source).await;
    let (his, _) = Cable::contact(&desk, &toms.source).await;

    let (status, answer) = merge(&desk, &desk.agent, ana, tom).await;
    assert_eq!((status, &answer["id"], &answer["name"]), (200, &json!(ana), &json!("Ana")), "{answer}");
    assert_eq!(answer["email"], "tom@x.example");
    assert_eq!(answer["custom_attributes"], json!({ "plan": "gold", "seats": { "n": 3 } }));
    is_one(&desk, ana, tom, &toms).await;
    let moved = staff.told("conversation.contact_changed", |data| data["id"] == toms.conversation).await;
    assert_eq!(moved["meta"]["sender"]["id"], ana);
    staff.told("contact.deleted", |data| data["id"] == tom).await;
    staff.told("contact.updated", |data| data["email"] == "tom@x.example").await;
    for stream in [&staff, &hers, &his] {
        let merged = stream.told("contact.merged", |data| data["id"] == ana).await;
        assert_eq!((&merged["email"], &merged["account_id"]), (&json!("tom@x.example"), &json!(1)));
    }
    let hit = sink.hit("the hook", |hit| hit.json["event"] == "contact_updated").await;
    assert_eq!(hit.json["id"], ana);
    let names: Vec<_> = hit.json["changed_attributes"].as_array().unwrap().iter().collect();
    assert!(names.iter().any(|change| change.get("email").is_some()), "{names:?}");

    // His stream goes on as hers, and its name is given away for good.
    desk.answer(&desk.admin, toms.conversation, json!({ "content": "welcome" })).await;
    his.told("message.created", |data| data["content"] == "welcome").await;
    let taken = json!({ "name": "Eve", "email": "tom@x.example" });
    let refused = desk.call(Some(&desk.admin), Method::POST, "/api/v1/accounts/1/contacts", taken).await;
    assert_eq!(refused.0, 422, "{refused:?}");

    desk.server.kill_9().await;
    desk.server.restart().await;
    is_one(&desk, ana, tom, &toms).await;
    assert_eq!(desk.read(&toms).await, ["I am Tom", "welcome"]);
    desk.write(&toms, "still me").await;
    let path = format!("conversations/{}/messages", toms.conversation);
    assert!(contents(&desk.get(&desk.admin, &path).await["payload"]).contains(&"still me".to_owned()));
    // What became of him is found by his names also when hers are given up.
    desk.ok(&desk.admin, Method::PATCH, &of(ana), json!({ "email": "ana@x.example" })).await;
    let free = json!({ "name": "Eve", "email": "tom@x.example" });
    desk.post(&desk.admin, "contacts", free).await;
}

#[tokio::test]
async fn what_cannot_be_merged_is_refused_and_nothing_changes() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = token(&desk.bot(&sink, "/bot", json!({})).await);
    let (anas, toms) = (desk.contact("Ana").await, desk.contact("Tom").await);
    let (ana, tom) = (sender(&desk, anas.conversation).await, sender(&desk, toms.conversation).await);
    let elsewhere = desk.platform_ok(Method::POST, "accounts", json!({ "name": "Other" })).await;
    let person = json!({ "name": "Zoe", "email": "zoe@x.example", "password": "Secret-1!" });
    let zoe = desk.platform_ok(Method::POST, "users", person).await;
    let role = json!({ "user_id": zoe["id"], "role": "administrator" });
    desk.platform_ok(Method::POST, &format!("accounts/{}/account_users", elsewhere["id"]), role).await;
    let made = format!("/api/v1/accounts/{}/contacts", elsewhere["id"]);
    let zoes = zoe["access_token"].as_str().unwrap();
    let (_, foreign) = desk.call(Some(zoes), Method::POST, &made, json!({ "name": "Mia" })).await;
    let foreign = foreign["payload"]["contact"]["id"].as_u64().unwrap();
    let missing =
        |field: &str| json!({ "error": format!("param is missing or the value is empty: {field}") });
    let not_found = json!({ "error": "Resource could not be found" });
    for (body, status, refusal) in [
        (json!({}), 422, missing("base_contact_id")),
        (json!({ "base_contact_id": ana }), 422, missing("mergee_contact_id")),
        (json!({ "base_contact_id": ana, "mergee_contact_id": "x" }), 422, Value::Null),
        (json!({ "base_contact_id": ana, "mergee_contact_id": 99_999 }), 404, not_found.clone()),
        (json!({ "base_contact_id": 99_999, "mergee_contact_id": ana }), 404, not_found.clone()),
        (json!({ "base_contact_id": ana, "mergee_contact_id": foreign }), 404, not_found.clone()),
        (json!({ "base_contact_id": foreign, "mergee_contact_id": ana }), 404, not_found.clone()),
    ] {
        let answer = desk.call(Some(&desk.admin), Method::POST, MERGE, body.clone()).await;
        assert_eq!(answer.0, status, "{body}: {}", answer.1);
        assert!(refusal.is_null() || refusal == answer.1, "{body}: {}", answer.1);
    }
    assert_eq!(merge(&desk, &bot, ana, tom).await.0, 401);
    // Oneself is one already.
    let (status, same) = merge(&desk, &desk.admin, ana, ana).await;
    assert_eq!((status, &same["id"]), (200, &json!(ana)));
    // Together they weigh too much.
    let heavy = |name: &str| json!({ "custom_attributes": { name: "x".repeat(9_000) } });
    for (id, name) in [(ana, "a"), (tom, "b")] {
        desk.ok(&desk.admin, Method::PATCH, &format!("contacts/{id}"), heavy(name)).await;
    }
    let (status, refused) = merge(&desk, &desk.admin, ana, tom).await;
    assert_eq!((status, &refused["attributes"]), (422, &json!(["custom_attributes"])), "{refused}");
    for (id, conversation, name) in [(ana, anas.conversation, "Ana"), (tom, toms.conversation, "Tom")] {
        let shown = desk.get(&desk.admin, &format!("contacts/{id}")).await;
        assert_eq!(shown["payload"]["name"], name);
        assert_eq!(sender(&desk, conversation).await, id);
    }
    // It came to nothing, so that each of them changes as before and may become part of the other.
    desk.ok(&desk.admin, Method::PATCH, &format!("contacts/{tom}"), json!({ "custom_attributes": {} })).await;
    desk.ok(&desk.admin, Method::PATCH, &format!("contacts/{tom}"), json!({ "blocked": true })).await;
    let (status, both) = merge(&desk, &desk.admin, ana, tom).await;
    assert_eq!((status, &both["blocked"]), (200, &json!(true)), "who is kept out stays out: {both}");
    assert_eq!(merge(&desk, &desk.admin, ana, tom).await.0, 404, "he is gone");
}
