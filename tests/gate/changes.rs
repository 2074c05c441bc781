//! What is changed or marked inside a chat waits for the disk like what is said, and survives or is
//! gone as a whole; what passes by waits behind it.

use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::shape::{id, list};
use crate::support::stage::Stage;

/// Properties, tags, seen markers, access: over a connection and over the Web, from both sides.
#[tokio::test]
async fn changes_are_held_back() {
    let stage = Stage::set().await;
    let Stage { ann, bob, mia, server, chat, .. } = &stage;
    let thread = id(&server.look(chat).await["threads"][0]);
    let set =
        |value: &str| json!({ "chat_id": chat, "properties": { "test": { "string_property": value } } });
    let customer = server.customer_web(&stage.customer);
    stage.held_back("RTM, customer", mia.ok("update_chat_properties", set("one"))).await;
    stage.held_back("RTM, agent", ann.ok("update_chat_properties", set("two"))).await;
    stage.held_back("Web, customer", customer.ok("update_chat_properties", set("three"))).await;
    for value in ["one", "two", "three"] {
        for session in stage.sessions() {
            let told = session.push_in(chat, "chat_properties_updated").await.payload;
            assert_eq!(told["properties"]["test"]["string_property"]["value"], value);
        }
    }
    let tag = json!({ "chat_id": chat, "thread_id": thread, "tag": "vip" });
    stage.held_back("tag_chat_thread", server.agent_web(0).ok("tag_chat_thread", tag)).await;
    let seen =
        stage.held_back("seen", mia.ok("update_last_seen_timestamp", json!({ "chat_id": chat }))).await;
    assert!(seen["timestamp"].is_u64());
    let sales = json!({ "resource": "chat", "id": chat, "access": { "type": "group", "id": 1 } });
    stage.held_back("grant_access", ann.ok("grant_access", sales)).await;
    for (name, about) in [
        ("chat_thread_tagged", "chat_id"),
        ("last_seen_timestamp_updated", "chat_id"),
        ("access_granted", "id"),
    ] {
        bob.push(name, |payload| payload[about] == chat.as_str()).await;
    }
    server.assert_whole();
}

/// Typing never overtakes what its author has said before.
#[tokio::test]
async fn what_passes_by_waits_behind_what_was_said() {
    let stage = Stage::set().await;
    let Stage { ann, bob, mia, server, chat, .. } = &stage;
    let (moment, accepted) = (stage.now().await, server.journal.changes());
    server.shut_gate();
    let said = ann.begin(json!({ "action": "send_event", "payload": stage.message("first") })).await;
    server.journal.wait_for(accepted + 1).await;
    let typing = json!({ "chat_id": chat, "is_typing": false });
    let typed = ann.begin(json!({ "action": "send_typing_indicator", "payload": typing })).await;
    let draft = json!({ "chat_id": chat, "sneak_peek_text": "I wan" });
    let drafted = mia.begin(json!({ "action": "send_sneak_peek", "payload": draft })).await;
    stage.fence().await;
    stage.assert_silent(&moment, "typing");
    server.open_gate();
    for (session, request) in [(ann, said), (ann, typed), (mia, drafted)] {
        assert_eq!(session.response(&request).await["success"], true);
    }
    bob.push_in(chat, "incoming_sneak_peek").await;
    bob.push_in(chat, "incoming_typing_indicator").await;
    let [_, told, _] = stage.since(&moment);
    assert_eq!(told.first().map(|push| push.name.as_str()), Some("incoming_event"), "{told:#?}");
    server.assert_whole();
}

/// An event whose chunk is stored is changed twice; the crash comes after each number of records
/// that still became durable, and another one after that.
#[tokio::test]
async fn a_change_of_a_stored_event_is_there_or_not() {
    for durable in 0..=2 {
        let stage = Stage::set().await;
        let old = id(&list(&stage.server.look(&stage.chat).await["threads"][0]["events"])[0]);
        for n in 0..4 {
            stage.say(&stage.mia, &format!("{n} {}", "x".repeat(9 * 1024))).await;
        }
        let Stage { ann, bob, mia, customer, chat, server, .. } = stage;
        drop((ann, bob, mia));
        // A start stores everything: the old event lies in a chunk.
        let server = server.crash().await;
        let mia = server.customer_rtm(&customer).await;
        let thread = id(&server.look(&chat).await["threads"][0]);
        let accepted = server.journal.changes();
        server.shut_gate();
        let mut requests = Vec::new();
        for value in 1..=2_u64 {
            let args = json!({ "chat_id": chat, "thread_id": thread, "event_id": old,
                               "properties": { "test": { "int_property": value } } });
            requests.push(mia.begin(json!({ "action": "update_event_properties", "payload": args })).await);
            server.journal.wait_for(accepted + value).await;
        }
        server.let_through(durable);
        mia.ok("ping", json!({})).await;
        for (n, request) in requests.iter().enumerate() {
            assert!(mia.response_until_now(request).is_none() || n < durable, "{n} was acknowledged");
        }
        drop(mia);
        let mut server = server.crash().await;
        for _ in 0..2 {
            let wanted = (durable > 0).then_some(durable as u64);
            assert_eq!(value_of(&server, &chat, &old).await, wanted, "after {durable} records");
            server = server.crash().await;
        }
        server.assert_whole();
    }
}

async fn value_of(server: &Server, chat: &str, event: &str) -> Option<u64> {
    let look = server.look(chat).await;
    let events: &[Value] = list(&look["threads"][0]["events"]);
    let found = events.iter().find(|found| found["id"] == event).unwrap();
    found["properties"]["test"]["int_property"]["value"].as_u64()
}
