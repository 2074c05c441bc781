//! Who caused what streams are told (spec 4.3): people and bots are named, customers and the engine are not.

use reqwest::Method;
use serde_json::{Value, json};

use super::cable::Cable;
use super::{Desk, token};
use crate::support::sink::Sink;

async fn id(desk: &Desk, token: &str) -> Value {
    desk.call(Some(token), Method::GET, "/api/v1/profile", Value::Null).await.1["id"].clone()
}

#[tokio::test]
async fn whoever_changes_a_conversation_is_named() {
    let desk = Desk::start().await;
    let (cable, agent) = Cable::agent(&desk, &desk.agent).await;
    let admin = id(&desk, &desk.admin).await;
    let ana = desk.contact("Ana").await;
    let (customer, _) = Cable::contact(&desk, &ana.source).await;
    let of = format!("conversations/{}", ana.conversation);
    let made = cable.told("conversation.created", |data| data["id"] == ana.conversation).await;
    assert!(made.get("performer").is_none(), "a customer began it: {made}");
    let by_admin = |data: &Value| data["performer"]["id"] == admin;
    let assigned = desk.post(&desk.admin, &format!("{of}/assignments"), json!({ "assignee_id": null })).await;
    assert_eq!(assigned, Value::Null);
    let told = cable.told("assignee.changed", by_admin).await;
    assert_eq!((&told["performer"]["type"], &told["account_id"]), (&json!("user"), &json!(1)));
    assert!(told["performer"]["email"].is_string() && told["performer"]["name"].is_string(), "{told}");
    let team = desk.post(&desk.admin, "teams", json!({ "name": "tier two" })).await;
    desk.post(&desk.admin, &format!("{of}/assignments"), json!({ "team_id": team["id"] })).await;
    cable.told("team.changed", by_admin).await;
    desk.post(&desk.admin, &format!("{of}/labels"), json!({ "labels": ["vip"] })).await;
    cable.told("conversation.updated", |data| by_admin(data) && data["labels"] == json!(["vip"])).await;

    let by_agent = |data: &Value| data["performer"]["id"] == agent;
    desk.post(&desk.admin, &format!("{of}/assignments"), json!({ "assignee_id": agent })).await;
    desk.write(&ana, "hello").await;
    desk.post(&desk.agent, &format!("{of}/update_last_seen"), json!({})).await;
    cable.told("conversation.read", by_agent).await;
    desk.toggle(&desk.agent, ana.conversation, "resolved").await;
    cable.told("conversation.status_changed", |data| by_agent(data) && data["status"] == "resolved").await;
    // Customers are told of people what messages show, and no address.
    let told = customer.told("conversation.status_changed", by_agent).await;
    assert!(told["performer"].get("email").is_none() && told["performer"]["type"] == "user", "{told}");
    // The customer opens it again, and nobody of the staff did.
    desk.write(&ana, "one more thing").await;
    let again = cable.told("conversation.status_changed", |data| data["status"] == "open").await;
    assert!(again.get("performer").is_none(), "{again}");
}

#[tokio::test]
async fn whoever_changes_a_message_is_named_rather_than_its_author() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let (cable, _) = Cable::agent(&desk, &desk.agent).await;
    let admin = id(&desk, &desk.admin).await;
    let bot = desk.bot(&sink, "/bot", json!({ "events": ["message_created"] })).await;
    let ana = desk.contact("Ana").await;
    let of = format!("conversations/{}", ana.conversation);
    let menu = json!({
        "content": "What about?",
        "content_type": "input_select",
        "content_attributes": { "items": [{ "title": "Billing", "value": "b" }] },
    });
    let menu = desk.answer(&token(&bot), ana.conversation, menu).await;
    let told = cable.told("message.created", |data| data["id"] == menu["id"]).await;
    assert_eq!((&told["performer"]["id"], &told["performer"]["type"]), (&bot["id"], &json!("agent_bot")));
    let path = format!("contacts/{}/{of}/messages/{}", ana.source, menu["id"]);
    let answer = json!({ "submitted_values": [{ "title": "Billing", "value": "b" }] });
    desk.public(Method::PATCH, &path, answer).await;
    let told = cable.told("message.updated", |data| data["id"] == menu["id"]).await;
    assert!(told.get("performer").is_none(), "the customer answered: {told}");
    desk.ok(&desk.admin, Method::DELETE, &format!("{of}/messages/{}", menu["id"]), Value::Null).await;
    let told = cable.told("message.updated", |data| data["content_attributes"]["deleted"] == true).await;
    assert_eq!((&told["performer"]["id"], &told["sender_id"]), (&admin, &bot["id"]));
    // The bot hands over; whom routing gives it to is nobody's doing but the bot's.
    desk.toggle(&token(&bot), ana.conversation, "open").await;
    let told = cable.told("conversation.status_changed", |data| data["status"] == "open").await;
    assert_eq!(told["performer"]["type"], "agent_bot");
}

#[tokio::test]
async fn what_routing_does_by_itself_is_nobodys() {
    let desk = Desk::start().await;
    let ana = desk.contact("Ana").await;
    let (other, _) = Cable::agent(&desk, &desk.admin).await;
    let offline = json!({ "profile": { "availability": "offline" } });
    desk.call(Some(&desk.admin), Method::POST, "/api/v1/profile/availability", offline).await;
    let (_cable, agent) = Cable::agent(&desk, &desk.agent).await;
    let fits = |data: &Value| data["id"] == ana.conversation && data["meta"]["assignee"]["id"] == agent;
    let told = other.told("assignee.changed", fits).await;
    assert!(told.get("performer").is_none(), "{told}");
}
