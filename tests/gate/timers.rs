//! What time alone changes, and other settings of routing, over the wire: with timers of a second.

use serde_json::{Value, json};
use switchboard_domain::participant::settings::{RoutingMode, Settings, Timers};

use crate::support::DEADLINE;
use crate::support::people::Person;
use crate::support::rtm::Rtm;
use crate::support::server::Server;
use crate::support::shape::{id, present_agents, waits};

const OFF: Timers = Timers { unseen: 0, idle: 0, silent: 0, customer_left: 0 };

async fn server_with(timers: Timers) -> Server {
    Server::start_with(Settings { timers, ..Settings::default() }).await
}

/// A new customer with a chat that begins with a message.
async fn speak(server: &Server) -> (Rtm, Person, String) {
    let person = server.person().await;
    let mia = server.customer_rtm(&person).await;
    let hello = json!({ "chat": { "thread": { "events": [{ "type": "message", "text": "hello" }] } } });
    let chat = id(&mia.ok("start_chat", hello).await["chat"]);
    (mia, person, chat)
}

fn message(chat: &str, text: &str) -> Value {
    json!({ "chat_id": chat, "event": { "type": "message", "text": text } })
}

#[tokio::test]
async fn who_does_not_look_loses_the_chat_to_somebody_else() {
    let server = server_with(Timers { unseen: 1, ..OFF }).await;
    let ann = server.agent(0).await;
    let (_mia, _, chat) = speak(&server).await;
    ann.push_in(&chat, "incoming_chat_thread").await;
    let bob = server.agent(1).await;
    let added = bob.push_in(&chat, "chat_user_added").await.payload;
    assert_eq!(added["user"]["id"], bob.id);
    let said = bob.system_message(&chat, "routing.assigned_inactive").await.payload["event"].clone();
    let vars = json!({ "agent_added": bob.id, "agent_removed": ann.id, "duration": "1" });
    assert_eq!((&said["text_vars"], &said["recipients"]), (&vars, &json!("agents")));
    ann.push("chat_user_removed", |payload| payload["user_id"] == json!(ann.id)).await;
    bob.ok("update_last_seen_timestamp", json!({ "chat_id": chat })).await;
    server.assert_whole();
}

#[tokio::test]
async fn with_nobody_else_it_waits_until_somebody_comes() {
    let server = server_with(Timers { unseen: 1, ..OFF }).await;
    let ann = server.agent(0).await;
    let (mia, _, chat) = speak(&server).await;
    let said = mia.system_message(&chat, "routing.unassigned").await.payload["event"].clone();
    assert_eq!(said["text_vars"], json!({ "agent": ann.id, "duration": "1" }));
    assert!(waits(&server.look(&chat).await), "it does not go back to who did not look");
    let bob = server.agent(1).await;
    bob.push_in(&chat, "chat_user_added").await;
    bob.ok("send_event", message(&chat, "here I am")).await;
    mia.message("here I am").await;
}

#[tokio::test]
async fn a_quiet_chat_turns_idle_and_ends() {
    let server = server_with(Timers { idle: 1, silent: 2, ..OFF }).await;
    let ann = server.agent(0).await;
    let person = server.person().await;
    let mia = server.customer_rtm(&person).await;
    let chat = id(&mia.ok("start_chat", json!({ "chat": {} })).await["chat"]);
    for hears in [&mia, &ann] {
        let said = hears.system_message(&chat, "routing.idle").await.payload["event"].clone();
        assert_eq!((&said["text_vars"], &said["recipients"]), (&json!({ "duration": "1" }), &json!("all")));
    }
    for hears in [&mia, &ann] {
        hears.system_message(&chat, "routing.archived_inactive").await;
        let closed = hears.push_in(&chat, "thread_closed").await.payload;
        assert!(closed.get("user_id").is_none(), "nobody did it: {closed}");
    }
    // A message opens a thread, which is idle no more.
    mia.ok("send_event", message(&chat, "again")).await;
    let opened = ann.push("incoming_chat_thread", |p| p["chat"]["thread"]["order"] == 2).await.payload;
    assert_eq!(opened["chat"]["properties"]["routing"]["idle"]["value"], false);
}

#[tokio::test]
async fn a_deadline_holds_over_a_crash() {
    let server = server_with(Timers { silent: 1, ..OFF }).await;
    let ann = server.agent(0).await;
    let person = server.person().await;
    let mia = server.customer_rtm(&person).await;
    let chat = id(&mia.ok("start_chat", json!({ "chat": {} })).await["chat"]);
    drop((ann, mia));
    let server = server.crash().await;
    let mia = server.customer_rtm(&person).await;
    if mia.welcome["has_active_thread"] == true {
        mia.push_in(&chat, "thread_closed").await;
    }
    let look = server.look(&chat).await;
    assert_eq!(look["threads"][0]["active"], false);
    server.assert_whole();
}

#[tokio::test]
async fn by_hand_agents_take_chats_and_nobody_is_chosen() {
    let timers = Timers { unseen: 1, ..OFF };
    let settings = Settings { mode: RoutingMode::Manual, timers, ..Settings::default() };
    let server = Server::start_with(settings).await;
    let (ann, bob) = (server.agent(0).await, server.agent(1).await);
    let (mia, _, chat) = speak(&server).await;
    mia.system_message(&chat, "routing.unassigned").await;
    let look = server.look(&chat).await;
    assert!(waits(&look) && present_agents(&look).is_empty(), "two are free, and nobody is chosen");

    ann.ok("send_event", message(&chat, "mine")).await;
    assert_eq!(present_agents(&server.look(&chat).await), [ann.id.as_str()]);
    mia.ok("send_event", message(&chat, "hello?")).await;
    let said = mia.system_message(&chat, "routing.unassigned").await.payload["event"].clone();
    assert_eq!(said["text_vars"], json!({ "agent": ann.id, "duration": "1" }));
    assert!(waits(&server.look(&chat).await));

    let joins = json!({ "chat_id": chat, "user_id": bob.id, "user_type": "agent" });
    bob.ok("add_user_to_chat", joins).await;
    assert_eq!(present_agents(&server.look(&chat).await), [bob.id.as_str()]);
    bob.ok("close_thread", json!({ "chat_id": chat })).await;
    mia.ok("send_event", message(&chat, "one more thing")).await;
    let look = server.look(&chat).await;
    assert!(waits(&look) && present_agents(&look).is_empty(), "the new thread is nobody's either");
}

#[tokio::test]
async fn without_a_queue_nobody_waits() {
    let settings = Settings { queues: false, timers: OFF, ..Settings::default() };
    let server = Server::start_with(settings).await;
    let ann = server.agent(0).await;
    let (mia, _, chat) = speak(&server).await;
    let other = server.person().await;
    let (status, error) = server.customer_web(&other).err("start_chat", json!({ "chat": {} })).await;
    assert_eq!((status, error.kind.as_str()), (503, "group_unavailable"));
    // Whoever else is there is busy: with nobody to take over, the chat ends.
    let bob = server.agent(1).await;
    let (_tom, _, _busy) = speak(&server).await;
    ann.ok("logout", json!({})).await;
    mia.push_in(&chat, "thread_closed").await;
    let look = server.look(&chat).await;
    let said = look["threads"][0]["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(said["system_message_type"], "routing.archived_signed_out");
    assert_eq!(said["text_vars"], json!({ "agent": ann.id }));
    drop(bob);
}

#[tokio::test]
async fn a_customer_who_leaves_before_its_new_chat_is_durable_has_left_it() {
    let server = server_with(Timers { customer_left: 1, ..OFF }).await;
    let ann = server.agent(0).await;
    let mia = server.customer().await;
    let accepted = server.journal.changes();
    server.shut_gate();
    mia.begin(json!({ "action": "start_chat", "payload": { "chat": {} } })).await;
    server.journal.wait_for(accepted + 1).await;
    mia.cut().await;
    let gone = async {
        // The customer's actor knows before the session counts as closed.
        while sessions_of_customers(&server).await > 0 {}
    };
    tokio::time::timeout(DEADLINE, gone).await.expect("the session ends");
    server.open_gate();
    let opened = ann.push("incoming_chat_thread", |_| true).await.payload;
    ann.push_in(&id(&opened["chat"]), "thread_closed").await;
    server.assert_whole();
}

async fn sessions_of_customers(server: &Server) -> u64 {
    let page = server.raw(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let line = page.lines().find(|line| line.contains("_sessions{") && line.contains("side=\"customer\""));
    line.and_then(|line| line.rsplit(' ').next()).map_or(0, |count| count.parse().unwrap())
}
