//! A help desk's bot that fails leaves its customers to people, wherever a crash cuts that.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::DEADLINE;
use crate::support::desk::{Conversation, ok};
use crate::support::server::Server;
use crate::support::sink::Sink;

/// A bot that answers first in the inbox, and hears of messages.
async fn bot(server: &Server, sink: &Sink) {
    let config = json!({ "events": ["message_created"] });
    let body = json!({ "name": "Triage", "outgoing_url": sink.url("/bot"), "bot_config": config });
    let bot = ok(server, Method::POST, "/api/v1/accounts/1/agent_bots", body).await;
    let path = "/api/v1/accounts/1/inboxes/1/set_agent_bot";
    ok(server, Method::POST, path, json!({ "agent_bot": bot["id"] })).await;
}

async fn status(server: &Server, conversation: &Value) -> Value {
    let path = format!("/api/v1/accounts/1/conversations/{conversation}");
    ok(server, Method::GET, &path, Value::Null).await["status"].clone()
}

async fn is_open(server: &Server, conversation: &Value, what: &str) {
    let looking = async {
        while status(server, conversation).await != "open" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, looking).await.unwrap_or_else(|_| panic!("{what}: it waits for ever"));
}

#[tokio::test]
async fn whoever_waits_for_a_bot_that_fails_gets_a_person_wherever_it_is_cut() {
    // The end of the call and the hand-over are a record each.
    for durable in 0..=2 {
        let (server, sink) = (Server::start_with_desk().await, Sink::start().await);
        bot(&server, &sink).await;
        let Conversation { messages, id: conversation } = Conversation::of("Ana", &server).await;
        assert_eq!(status(&server, &conversation).await, "pending");
        sink.answer(|_| 400);
        sink.hold();
        ok(&server, Method::POST, &messages, json!({ "content": "help" })).await;
        sink.hit("the call", |hit| hit.json["content"] == "help").await;
        let before = server.journal.changes();
        server.shut_gate();
        sink.release();
        for n in 1..=durable {
            server.journal.wait_for(before + n).await;
            server.let_through(1);
        }
        // The next step was taken, but nobody will remember it.
        if durable == 0 {
            server.journal.wait_for(before + 1).await;
        }
        let server = server.crash().await;
        is_open(&server, &conversation, &format!("cut after {durable}")).await;
        server.assert_whole();
    }
}
