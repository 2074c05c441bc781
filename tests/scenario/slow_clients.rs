//! Clients that do not read: closed with a word, and nobody else notices (design D6).

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::support::DEADLINE;
use crate::support::server::Server;
use crate::support::shape::id;

/// Messages of 16 KB that surely fill an outbox of 1 MiB and whatever the system keeps for a socket.
const MESSAGES: usize = 1_500;

#[tokio::test]
async fn who_does_not_read_is_told_why_it_is_closed() {
    let server = Server::start().await;
    let url = format!("{}/v3.0/agent/rtm/ws", server.http().replacen("http", "ws", 1));
    let (mut sleeper, _) = timeout(DEADLINE, connect_async(url)).await.unwrap().unwrap();
    let login = json!({ "action": "login", "payload": { "token": server.agent_token(0) } });
    sleeper.send(Message::text(login.to_string())).await.unwrap();
    let welcome = timeout(DEADLINE, sleeper.next()).await.unwrap().unwrap().unwrap();
    assert!(welcome.to_text().unwrap().contains("my_profile"), "{welcome}");
    let person = server.person().await;
    let mia = server.customer_rtm(&person).await;
    let chat = id(&mia.ok("start_chat", json!({ "chat": {} })).await["chat"]);
    let text = "x".repeat(16_000);
    let mut sent = 0;
    while server.get("/metrics").await.1.contains("switchboard_sessions_too_slow_total 0\n") {
        assert!(sent < MESSAGES, "it never is too slow");
        let event = json!({ "type": "message", "text": text });
        mia.ok("send_event", json!({ "chat_id": chat, "event": event })).await;
        sent += 1;
    }
    let (mut last, mut code) = (String::new(), None);
    while let Ok(Some(Ok(message))) = timeout(DEADLINE, sleeper.next()).await {
        match message {
            Message::Text(text) => last = text.to_string(),
            Message::Close(close) => code = close.map(|close| u16::from(close.code)),
            _ => {}
        }
    }
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!((&last["action"], code), (&json!("agent_disconnected"), Some(1013)));
    assert_eq!(last["payload"]["reason"], "connection_timeout", "it may come back at once");
}
