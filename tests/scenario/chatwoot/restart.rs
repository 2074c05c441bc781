//! What was acknowledged is there after a crash: tokens, names, conversations by their numbers.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Desk, token};
use crate::support::sink::Sink;

#[tokio::test]
async fn everything_is_there_after_a_crash() {
    let (mut desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = desk.bot(&sink, "/bot", json!({ "events": ["message_created"] })).await;
    let ana = desk.contact("Ana").await;
    desk.write(&ana, "before").await;
    let hook = json!({ "url": sink.url("/hook"), "subscriptions": ["message_created", "conversation_status_changed"] });
    let hook = desk.post(&desk.admin, "webhooks", hook).await["payload"]["webhook"].clone();
    let path = format!("conversations/{}/labels", ana.conversation);
    desk.post(&desk.admin, &path, json!({ "labels": ["vip"] })).await;
    let before = desk.conversation(ana.conversation).await;

    desk.server.kill_9().await;
    desk.server.restart().await;
    let after = desk.conversation(ana.conversation).await;
    for field in [
        "id",
        "uuid",
        "status",
        "labels",
        "inbox_id",
        "created_at",
        "waiting_since",
        "last_non_activity_message",
    ] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(after["meta"]["sender"]["name"], "Ana");
    assert_eq!(desk.read(&ana).await, ["before"]);
    desk.answer(&token(&bot), ana.conversation, json!({ "content": "still here" })).await;
    let written = desk.write(&ana, "after").await;
    assert!(written["id"].as_u64() > before["messages"][0]["id"].as_u64(), "numbers go on");
    sink.hit("the bot hears", |hit| hit.path == "/bot" && hit.json["content"] == "after").await;
    sink.hit("the hook hears", |hit| hit.path == "/hook" && hit.json["content"] == "after").await;
    let next = desk.contact("Tom").await;
    assert_eq!(next.conversation, ana.conversation + 1);

    desk.ok(&desk.admin, Method::DELETE, &format!("webhooks/{}", hook["id"]), Value::Null).await;
    assert_eq!(desk.get(&desk.admin, "webhooks").await, json!({ "payload": { "webhooks": [] } }));
}

#[tokio::test]
async fn a_bot_of_the_installation_works_in_every_account_and_only_the_platform_changes_it() {
    let desk = Desk::start().await;
    let body = json!({ "name": "Everywhere", "outgoing_url": "" });
    let (status, bot) =
        desk.call(Some(&desk.platform), Method::POST, "/platform/api/v1/agent_bots", body).await;
    assert_eq!((status, &bot["account_id"]), (200, &Value::Null));
    let listed = desk.get(&desk.admin, "agent_bots").await;
    assert_eq!((&listed[0]["id"], &listed[0]["system_bot"]), (&bot["id"], &json!(true)));
    assert!(listed[0].get("outgoing_url").is_none() && listed[0].get("access_token").is_none());
    let own = format!("/api/v1/accounts/1/agent_bots/{}", bot["id"]);
    assert_eq!(desk.call(Some(&desk.admin), Method::PATCH, &own, json!({ "name": "x" })).await.0, 404);
    let path = format!("/platform/api/v1/agent_bots/{}", bot["id"]);
    let pictured = json!({ "avatar_url": "https://x.example/robo.png" });
    let (_, shown) = desk.call(Some(&desk.platform), Method::PATCH, &path, pictured).await;
    assert_eq!(shown["thumbnail"], "https://x.example/robo.png");
    let avatar = format!("{path}/avatar");
    let (status, shown) = desk.call(Some(&desk.platform), Method::DELETE, &avatar, Value::Null).await;
    assert_eq!((status, &shown["thumbnail"], &shown["name"]), (200, &json!(""), &json!("Everywhere")));
    desk.post(&desk.admin, "inboxes/1/set_agent_bot", json!({ "agent_bot": bot["id"] })).await;
    let ana = desk.contact("Ana").await;
    assert_eq!(desk.status(ana.conversation).await, "pending");
    desk.answer(&token(&bot), ana.conversation, json!({ "content": "hi" })).await;
    assert_eq!(desk.read(&ana).await, ["hi"]);
    assert_eq!(desk.call(Some(&desk.platform), Method::DELETE, &path, Value::Null).await.0, 200);
    assert_eq!(desk.get(&desk.admin, "agent_bots").await, json!([]));
}
