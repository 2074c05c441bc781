//! A start finds calls that are owed and receivers that are off before it knows whose they are: nothing leaves, and
//! nothing is decided about them, until it does.

use reqwest::Method;
use serde_json::{Value, json};
use switchboard::outbound::verify;
use switchboard::telemetry::clock;

use crate::support::DEADLINE;
use crate::support::server::Server;
use crate::support::shape::text;
use crate::support::sink::{Hit, Sink};
use crate::support::web::send;

/// Enough bots that a start is still busy with them when the first calls could leave.
const BOTS: usize = 60;
/// So many of them are owed a call; all others are switched off by hand.
const OWED: usize = 40;

async fn admin(server: &Server, method: Method, path: &str) -> Value {
    let token = server.ready["admin_token"].as_str().unwrap();
    let request = server.raw(method, &format!("/admin/v1{path}")).bearer_auth(token).json(&json!(null));
    let (status, answer) = send(request).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

fn path(n: usize) -> String {
    format!("/bot{n}")
}

/// Would a receiver believe the call?
fn believed(hit: &Hit) -> bool {
    let header = |name: &str| hit.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default();
    let at: u64 = header("webhook-timestamp").parse().unwrap_or_default();
    let (id, signatures) = (header("webhook-id"), header("webhook-signature"));
    verify("s3cr3t", (id, at), &hit.body, signatures, (clock::now().as_secs(), 60)).is_ok()
}

#[tokio::test]
async fn calls_wait_until_their_owners_are_known() {
    let (server, sink) = (Server::start().await, Sink::start().await);
    let _ann = server.agent(0).await;
    let mut bots = Vec::new();
    for n in 0..BOTS {
        let action = json!({ "name": "incoming_event", "filters": { "author_type": "customer" } });
        let webhooks = sink.webhooks(&path(n), json!([action]));
        bots.push(server.bot(json!({ "status": "not accepting chats", "webhooks": webhooks })).await);
    }
    for bot in &bots[OWED..] {
        let off = admin(&server, Method::POST, &format!("/webhooks/{bot}/disable")).await;
        assert_eq!(off["state"], "disabled");
    }
    let (person, chat) = server.chat(json!({})).await;
    sink.hold();
    let event = json!({ "type": "message", "text": "owed" });
    let asked = json!({ "chat_id": text(&chat["id"]), "event": event });
    server.customer_web(&person).ok("send_event", asked).await;
    let mut before = Vec::new();
    for n in 0..OWED {
        sink.message(&path(n), "owed").await;
        before.push(sink.at(&path(n)).len());
    }

    // One goes offline, and the crash comes before it is journaled that its call is dropped.
    let sleeper = OWED - 1;
    let journaled = server.journal.changes();
    server.shut_gate();
    let sleeps = server.update_bot(&bots[sleeper], json!({ "status": "offline" }));
    let durable = async {
        server.journal.wait_for(journaled + 1).await;
        server.let_through(1);
    };
    tokio::join!(sleeps, durable);
    let server = server.crash().await;

    sink.release();
    for (n, old) in before.iter().enumerate().take(sleeper) {
        let again = sink.hit_since(&path(n), *old, DEADLINE, |hit| hit.says("owed")).await;
        assert!(believed(&again.expect("what is owed comes again")), "bot {n}: not signed");
    }
    for bot in &bots[OWED..] {
        let seen = admin(&server, Method::GET, &format!("/webhooks/{bot}")).await;
        assert_eq!((&seen["state"], &seen["disabled_why"]), (&json!("disabled"), &json!("by_hand")));
    }
    assert_eq!(sink.at(&path(sleeper)).len(), before[sleeper], "it is offline, and hears nothing");
    server.assert_whole();
}
