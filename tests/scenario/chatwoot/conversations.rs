//! Conversations: what is kept of them, how they are listed, how they stand.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Desk, contents};

fn ids(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|conversation| conversation["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn labels_attributes_priority_and_team_are_kept_and_chosen_by() {
    let desk = Desk::start().await;
    let (ana, tom) = (desk.contact("Ana").await, desk.contact("Tom").await);
    let at = |rest: &str| format!("conversations/{}/{rest}", ana.conversation);
    let labels = desk.post(&desk.agent, &at("labels"), json!({ "labels": ["vip", "billing"] })).await;
    assert_eq!(labels, json!({ "payload": ["vip", "billing"] }));
    let attributes = json!({ "custom_attributes": { "plan": "gold" } });
    assert_eq!(desk.post(&desk.agent, &at("custom_attributes"), attributes.clone()).await, attributes);
    desk.post(&desk.agent, &at("toggle_priority"), json!({ "priority": "high" })).await;
    let team = desk.post(&desk.admin, "teams", json!({ "name": "Sales", "description": "sell" })).await;
    assert_eq!((&team["name"], &team["allow_auto_assign"]), (&json!("sales"), &json!(true)));
    let given = desk.post(&desk.agent, &at("assignments"), json!({ "team_id": team["id"] })).await;
    assert_eq!(given["id"], team["id"]);
    let shown = desk.conversation(ana.conversation).await;
    assert_eq!((&shown["labels"], &shown["priority"]), (&json!(["vip", "billing"]), &json!("high")));
    assert_eq!(
        (&shown["custom_attributes"]["plan"], &shown["meta"]["team"]["name"]),
        (&json!("gold"), &json!("sales"))
    );

    let chosen = async |key: &str, operator: &str, values: Value| {
        let condition = json!({ "attribute_key": key, "filter_operator": operator, "values": values, "query_operator": null });
        let found = desk.post(&desk.admin, "conversations/filter", json!({ "payload": [condition] })).await;
        ids(&found["payload"])
    };
    assert_eq!(chosen("labels", "equal_to", json!(["vip"])).await, [ana.conversation]);
    assert_eq!(chosen("labels", "is_not_present", json!([])).await, [tom.conversation]);
    assert_eq!(chosen("priority", "not_equal_to", json!(["high"])).await, [tom.conversation]);
    assert_eq!(chosen("team_id", "equal_to", json!([team["id"]])).await, [ana.conversation]);
    assert_eq!(chosen("status", "equal_to", json!(["all"])).await.len(), 2);
    assert_eq!(chosen("status", "equal_to", json!(["pending"])).await, Vec::<u64>::new());
    let list = desk.get(&desk.admin, "conversations?labels[]=vip").await;
    assert_eq!(ids(&list["data"]["payload"]), [ana.conversation]);
    let meta = desk.get(&desk.admin, "conversations/meta").await["meta"].clone();
    assert_eq!((&meta["all_count"], &meta["unassigned_count"]), (&json!(2), &json!(2)));
}

#[tokio::test]
async fn a_conversation_that_was_put_aside_comes_back_when_the_customer_writes() {
    let desk = Desk::start().await;
    let ana = desk.contact("Ana").await;
    let path = format!("conversations/{}/toggle_status", ana.conversation);
    let until = json!({ "status": "snoozed", "snoozed_until": 4_000_000_000_u64 });
    let aside = desk.post(&desk.agent, &path, until).await["payload"].clone();
    assert_eq!(
        (&aside["current_status"], &aside["snoozed_until"]),
        (&json!("snoozed"), &json!(4_000_000_000_u64))
    );
    desk.write(&ana, "hello again").await;
    assert_eq!(desk.status(ana.conversation).await, "open");
    // One whose time comes goes on by itself.
    let now = desk.conversation(ana.conversation).await["last_activity_at"].as_u64().unwrap();
    desk.post(&desk.agent, &path, json!({ "status": "snoozed", "snoozed_until": now + 1 })).await;
    crate::support::until("it is open", async || desk.status(ana.conversation).await == "open").await;
}

#[tokio::test]
async fn a_status_flips_both_ways_and_a_customer_may_end_it() {
    let desk = Desk::start().await;
    let ana = desk.contact("Ana").await;
    let path = format!("conversations/{}/toggle_status", ana.conversation);
    for expected in ["resolved", "open", "resolved"] {
        let answer = desk.post(&desk.agent, &path, json!({})).await;
        let payload = json!({ "success": true, "conversation_id": ana.conversation, "current_status": expected, "snoozed_until": null });
        assert_eq!(answer["payload"], payload);
    }
    desk.toggle(&desk.agent, ana.conversation, "bot").await;
    assert_eq!(desk.status(ana.conversation).await, "pending", "what the first bots called it");
    desk.toggle(&desk.agent, ana.conversation, "open").await;
    let path = format!("contacts/{}/conversations/{}/toggle_status", ana.source, ana.conversation);
    for _ in 0..2 {
        assert_eq!(desk.public(Method::POST, &path, json!({})).await["status"], "resolved");
    }
}

#[tokio::test]
async fn messages_come_in_pages_with_growing_ids_and_can_be_taken_back() {
    let desk = Desk::start().await;
    let ana = desk.contact("Ana").await;
    let mut written = Vec::new();
    for n in 0..25 {
        written.push(desk.write(&ana, &format!("m{n}")).await["id"].as_u64().unwrap());
    }
    assert!(written.is_sorted_by(|a, b| a < b));
    let path = format!("conversations/{}/messages", ana.conversation);
    let last = desk.get(&desk.admin, &path).await;
    assert_eq!(contents(&last["payload"]), (5..25).map(|n| format!("m{n}")).collect::<Vec<_>>());
    let before = desk.get(&desk.admin, &format!("{path}?before={}", written[5])).await;
    assert_eq!(contents(&before["payload"]), (0..5).map(|n| format!("m{n}")).collect::<Vec<_>>());
    let after = desk.get(&desk.admin, &format!("{path}?after={}", written[22])).await;
    assert_eq!(contents(&after["payload"]), ["m23", "m24"]);

    let same = json!({ "content": "once", "source_id": "s-1" });
    let first = desk.answer(&desk.agent, ana.conversation, same.clone()).await;
    assert_eq!(
        desk.answer(&desk.agent, ana.conversation, same).await["id"],
        first["id"],
        "asked again, done once"
    );
    let mid = format!("{path}/{}", first["id"]);
    let read = desk.ok(&desk.agent, Method::PATCH, &mid, json!({ "status": "read" })).await;
    assert_eq!(read["status"], "read");
    let gone = desk.ok(&desk.agent, Method::DELETE, &mid, Value::Null).await;
    assert_eq!(gone["content_attributes"]["deleted"], true);
    assert!(!desk.read(&ana).await.contains(&"once".to_owned()));
}

#[tokio::test]
async fn an_agent_sees_what_comes_to_its_inboxes_and_an_administrator_all() {
    let desk = Desk::start().await;
    let body = json!({ "name": "Site", "channel": { "type": "api" }, "enable_auto_assignment": false });
    let inbox = desk.post(&desk.admin, "inboxes", body).await;
    assert_eq!(
        (&inbox["channel_type"], &inbox["enable_auto_assignment"]),
        (&json!("Channel::Api"), &json!(false))
    );
    let contact = json!({ "name": "Eve", "email": "eve@x.example", "inbox_id": inbox["id"] });
    let contact = desk.post(&desk.admin, "contacts", contact).await["payload"].clone();
    let begin = json!({ "inbox_id": inbox["id"], "contact_id": contact["contact"]["id"], "message": { "content": "hi" } });
    let made = desk.post(&desk.admin, "conversations", begin).await;
    assert_eq!((&made["inbox_id"], &made["status"]), (&inbox["id"], &json!("open")));
    let path = format!("/api/v1/accounts/1/conversations/{}", made["id"]);
    assert_eq!(desk.call(Some(&desk.agent), Method::GET, &path, Value::Null).await.0, 401);
    let two = desk.get(&desk.admin, "agents").await[1].clone();
    assert_eq!(two["email"], desk.server.agent_id(1).as_str());
    let members = json!({ "inbox_id": inbox["id"], "user_ids": [two["id"]] });
    let members = desk.post(&desk.admin, "inbox_members", members).await;
    assert_eq!(members["payload"][0]["id"], two["id"]);
    assert_eq!(desk.call(Some(&desk.agent), Method::GET, &path, Value::Null).await.0, 200);
    let assigned = json!({ "assignee_id": two["id"] });
    let given = desk.post(&desk.admin, &format!("conversations/{}/assignments", made["id"]), assigned).await;
    assert_eq!(given["id"], two["id"]);
    let mine = desk.get(&desk.agent, "conversations?assignee_type=me").await;
    assert_eq!(mine["data"]["meta"]["mine_count"], 1);
    let none = desk
        .post(&desk.admin, &format!("conversations/{}/assignments", made["id"]), json!({ "assignee_id": 0 }))
        .await;
    assert_eq!(none, Value::Null);
    desk.ok(&desk.admin, Method::DELETE, &format!("inboxes/{}", inbox["id"]), Value::Null).await;
    assert_eq!(
        desk.call(
            Some(&desk.admin),
            Method::GET,
            &format!("/api/v1/accounts/1/inboxes/{}", inbox["id"]),
            Value::Null
        )
        .await
        .0,
        404
    );
}
