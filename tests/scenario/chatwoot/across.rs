//! One conversation through both faces: neither knows the other, and both see the same.

use serde_json::json;

use super::{Desk, token};
use crate::support::sink::Sink;

#[tokio::test]
async fn a_bots_conversation_goes_to_an_agent_of_the_other_face_by_free_slot() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = desk.bot(&sink, "/bot", json!({ "events": ["message_created"] })).await;
    let ann = desk.server.agent(0).await;
    let ana = desk.contact("Ana").await;
    desk.write(&ana, "I want a human").await;
    sink.hit("the question", |hit| hit.json["content"] == "I want a human").await;
    desk.answer(&token(&bot), ana.conversation, json!({ "content": "One moment" })).await;
    assert_eq!(desk.status(ana.conversation).await, "pending");
    desk.toggle(&token(&bot), ana.conversation, "open").await;

    // Ann is logged in over RTM, accepts chats and has a free slot.
    let conversation = desk.conversation(ana.conversation).await;
    assert_eq!(conversation["status"], "open");
    assert_eq!(conversation["meta"]["assignee"]["email"], desk.server.agent_id(0).as_str());
    let summary = desk.server.agent_web(0).ok("get_chats_summary", json!({})).await;
    let chat = summary["chats_summary"][0]["id"].as_str().unwrap().to_owned();
    let says = |text: &str| json!({ "chat_id": chat, "event": { "type": "message", "text": text } });
    ann.ok("send_event", says("Here I am")).await;
    let mut note = says("a regular");
    note["event"]["recipients"] = json!("agents");
    ann.ok("send_event", note).await;
    desk.write(&ana, "Thank you").await;
    ann.push("incoming_event", |payload| payload["event"]["text"] == "Thank you").await;
    assert_eq!(desk.read(&ana).await, ["I want a human", "One moment", "Here I am", "Thank you"]);

    ann.ok("close_thread", json!({ "chat_id": chat })).await;
    assert_eq!(desk.status(ana.conversation).await, "resolved");
    assert_eq!(desk.read(&ana).await, ["I want a human", "One moment", "Here I am", "Thank you"]);

    // Whoever comes back begins with the bot again.
    desk.write(&ana, "One more thing").await;
    assert_eq!(desk.status(ana.conversation).await, "pending");
}

#[tokio::test]
async fn no_agent_gets_more_than_its_slots_and_who_waits_is_served_in_order() {
    let desk = Desk::start().await;
    let ann = desk.server.agent(0).await;
    // Six slots, and two more.
    let mut contacts = Vec::new();
    for n in 0..8 {
        let contact = desk.contact(&format!("c{n}")).await;
        desk.write(&contact, "hello").await;
        contacts.push(contact);
    }
    let held = desk.get(&desk.admin, "conversations?assignee_type=assigned").await;
    assert_eq!(held["data"]["meta"]["assigned_count"], 6);
    assert_eq!(held["data"]["meta"]["unassigned_count"], 2);
    assert_eq!(held["data"]["payload"].as_array().unwrap().len(), 6);
    desk.toggle(&desk.admin, contacts[0].conversation, "resolved").await;
    let first = contacts[6].conversation;
    crate::support::until("the first who waited is served", async || {
        desk.conversation(first).await["meta"].get("assignee").is_some()
    })
    .await;
    let last = desk.conversation(contacts[7].conversation).await;
    assert!(last["meta"].get("assignee").is_none(), "{last}");
    drop(ann);
}

#[tokio::test]
async fn a_person_who_answers_takes_the_conversation_from_the_bot() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = desk.bot(&sink, "/bot", json!({ "events": ["message_created"] })).await;
    let ana = desk.contact("Ana").await;
    desk.write(&ana, "hello").await;
    desk.answer(&desk.agent, ana.conversation, json!({ "content": "I take this" })).await;
    let conversation = desk.conversation(ana.conversation).await;
    assert_eq!(conversation["status"], "open");
    assert_eq!(conversation["meta"]["assignee"]["name"], "Agent Two");
    assert_eq!(conversation["waiting_since"], 0);
    assert_ne!(conversation["first_reply_created_at"], 0);
    // The bot goes on hearing, and may go on helping.
    sink.hit("the person's answer", |hit| hit.json["content"] == "I take this").await;
    desk.answer(&token(&bot), ana.conversation, json!({ "content": "by the way" })).await;
    assert_eq!(desk.status(ana.conversation).await, "open");

    // Back to the bot: nobody holds it, so that the person's slot is free.
    desk.toggle(&desk.agent, ana.conversation, "pending").await;
    let conversation = desk.conversation(ana.conversation).await;
    assert_eq!(conversation["status"], "pending");
    assert!(conversation["meta"].get("assignee").is_none());
}
