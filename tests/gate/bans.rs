//! A ban with the gate shut, and crashes on its way: it is there whole with all that follows, or
//! not at all.

use serde_json::{Value, json};

use crate::support::rtm::{Rtm, Side};
use crate::support::server::Server;
use crate::support::shape::{id, list};
use crate::support::stage::Stage;

/// The changes of a ban: its own fact, then the end of the thread.
const CHANGES: usize = 2;

fn ban(customer: &str) -> Value {
    json!({ "customer_id": customer, "ban": { "days": 3 } })
}

#[tokio::test]
async fn nobody_hears_of_a_ban_before_it_is_durable() {
    let stage = Stage::set().await;
    let ban = ban(&stage.customer.id);
    stage.held_back("a ban", stage.ann.ok("ban_customer", ban)).await;
    let push = stage.mia.push("customer_disconnected", |_| true).await;
    assert_eq!(push.payload["reason"], "customer_banned");
    stage.ann.push_in(&stage.chat, "thread_closed").await;
    stage.server.assert_whole();
}

/// Crashes after each number of records that still became durable.
#[tokio::test]
async fn what_follows_from_a_ban_follows_also_after_a_crash() {
    for durable in 0..=CHANGES {
        let stage = Stage::set().await;
        let accepted = stage.server.journal.changes();
        stage.server.shut_gate();
        let request = json!({ "action": "ban_customer", "payload": ban(&stage.customer.id) });
        let asked = stage.ann.begin(request).await;
        stage.server.journal.wait_for(accepted + 1).await;
        if durable > 0 {
            stage.server.let_through(1);
            // That threads end follows when the ban is durable.
            stage.server.journal.wait_for(accepted + 2).await;
        }
        if durable > 1 {
            stage.server.let_through(1);
        }
        for _ in 0..3 {
            stage.ann.ok("ping", json!({})).await;
        }
        let acknowledged = stage.ann.response_until_now(&asked).is_some();
        assert_eq!(acknowledged, durable > 0, "answered when the ban itself is durable");

        let Stage { ann, bob, mia, customer, chat, server, .. } = stage;
        drop((ann, bob, mia));
        let mut server = server.crash().await;
        for round in ["first", "second"] {
            check(&server, &customer.token, &chat, durable > 0, round).await;
            server = server.crash().await;
        }
        server.assert_whole();
    }
}

async fn check(server: &Server, token: &str, chat: &str, banned: bool, round: &str) {
    let fresh = Rtm::connect(server, Side::Customer).await;
    let login = fresh.call("login", json!({ "token": token })).await;
    let kind = login.as_ref().err().map(|error| error.kind.as_str());
    assert_eq!(kind, banned.then_some("customer_banned"), "{round}: {login:?}");
    // The end of the thread is a consequence that may come a moment after the start.
    let ann = server.agent(0).await;
    let active = |chats: &Value| list(chats).iter().any(|summary| id(summary) == chat);
    if banned && active(&ann.welcome["chats_summary"]) {
        ann.push_in(chat, "thread_closed").await;
    }
    let seen = server.look(chat).await;
    assert_eq!(seen["threads"][0]["active"], !banned, "{round}: {seen:#}");
    let said = list(&seen["threads"][0]["events"]).iter();
    let said = said.filter(|event| event["system_message_type"] == "customer_banned").count();
    assert_eq!(said, usize::from(banned), "{round}");
}
