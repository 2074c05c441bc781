//! Rules of connections that take time or numbers: with settings that make both small.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::engine::Settings;
use switchboard_domain::participant::knocks::Patience;

use crate::support::people::Person;
use crate::support::rtm::{Rtm, Side};
use crate::support::server::Server;
use crate::support::shape::{id, list};

/// Long enough for what should not happen before, short enough to be waited for.
const SHORT: Duration = Duration::from_secs(2);

async fn ended(connection: &Rtm, reason: &str) -> Value {
    let payload = connection.push("customer_disconnected", |_| true).await.payload;
    assert_eq!(payload["reason"], reason, "{}", connection.id);
    connection.closed().await;
    payload
}

async fn refused(server: &Server, person: &Person) -> Value {
    let connection = Rtm::connect(server, Side::Customer).await;
    let error = connection.err("login", json!({ "token": person.token })).await;
    assert_eq!(error.kind, "validation");
    let payload = connection.push("customer_disconnected", |_| true).await.payload;
    assert_eq!(connection.closed().await, Some(1008));
    payload
}

#[tokio::test]
async fn a_customer_without_a_word_or_a_new_page_is_let_go() {
    let server = Server::start_bounded(Settings { customer_inactivity: SHORT, ..Settings::default() }).await;
    let ann = server.agent(0).await;
    let (silent, talker) = (server.customer().await, server.customer().await);
    let chat = id(&talker.ok("start_chat", json!({ "chat": {} })).await["chat"]);
    let listener = server.customer().await;
    let pinging = async {
        // Signs of life are no words.
        while silent.try_send(ping()).await && silent.mark() < 2_000 {
            let ended = tokio::time::timeout(Duration::from_millis(100), silent.closed()).await;
            if ended.is_ok() {
                break;
            }
        }
    };
    let talking = async {
        while tokio::time::timeout(Duration::from_millis(200), silent.closed()).await.is_err() {
            let event = json!({ "type": "message", "text": "still here" });
            talker.ok("send_event", json!({ "chat_id": chat, "event": event })).await;
            listener.ok("update_customer_page", json!({ "url": "https://shop.example/" })).await;
        }
    };
    tokio::join!(pinging, talking);
    ended(&silent, "inactivity_timeout").await;
    talker.ok("ping", json!({})).await;
    listener.ok("ping", json!({})).await;
    // Agents are not customers.
    ended(&talker, "inactivity_timeout").await;
    ended(&listener, "inactivity_timeout").await;
    ann.ok("ping", json!({})).await;
    server.assert_whole();
}

fn ping() -> tokio_tungstenite::tungstenite::Message {
    tokio_tungstenite::tungstenite::Message::text(json!({ "action": "ping" }).to_string())
}

#[tokio::test]
async fn who_hammers_with_too_many_connections_is_blocked_for_a_while() {
    let patience = Patience { refusals: 3, within: Duration::from_secs(60), block: SHORT };
    let settings = Settings { connections_per_user: 2, patience, ..Settings::default() };
    let server = Server::start_bounded(settings).await;
    let person = server.person().await;
    let (first, second) = (server.customer_rtm(&person).await, server.customer_rtm(&person).await);
    for _ in 0..2 {
        assert_eq!(refused(&server, &person).await, json!({ "reason": "too_many_connections" }));
    }
    let blocked = json!({ "reason": "customer_temporarily_blocked", "data": { "timeout": 2 } });
    assert_eq!(refused(&server, &person).await, blocked);
    // Blocked is blocked, also when there is room again; whoever is in stays in, and others come in.
    first.cut().await;
    assert_eq!(refused(&server, &person).await["reason"], "customer_temporarily_blocked");
    second.ok("ping", json!({})).await;
    server.customer().await;
    let back = async {
        loop {
            let connection = Rtm::connect(&server, Side::Customer).await;
            match connection.call("login", json!({ "token": person.token })).await {
                Ok(welcome) => break welcome,
                Err(error) => assert_eq!(error.kind, "validation"),
            }
        }
    };
    let welcome = tokio::time::timeout(SHORT * 4, back).await.expect("a block should end");
    assert_eq!(welcome["customer_id"], person.id);
    server.assert_whole();
}

#[tokio::test]
async fn an_address_has_only_so_many_connections_that_nobody_knows() {
    let server = Server::start_bounded(Settings { strangers_per_address: 3, ..Settings::default() }).await;
    let person = server.person().await;
    let mut strangers = Vec::new();
    for side in [Side::Agent, Side::Customer, Side::Agent] {
        strangers.push(Rtm::connect(&server, side).await);
    }
    let turned_away = [(Side::Agent, "agent_disconnected"), (Side::Customer, "customer_disconnected")];
    for (side, name) in turned_away {
        let connection = Rtm::connect(&server, side).await;
        let push = connection.push(name, |_| true).await;
        assert_eq!(push.payload, json!({ "reason": "too_many_unauthorized_connections" }));
        assert_eq!(connection.closed().await, Some(1008));
    }
    // The others go on; whoever logs in or leaves makes room.
    strangers[1].ok("login", json!({ "token": person.token })).await;
    let next = server.customer().await;
    next.ok("ping", json!({})).await;
    server.agent(0).await;
    server.assert_whole();
}

#[tokio::test]
async fn silence_and_late_logins_end_a_connection() {
    let settings = Settings { login_time: SHORT, idle_time: SHORT * 2, ..Settings::default() };
    let server = Server::start_bounded(settings).await;
    let (stranger, mia) = (Rtm::connect(&server, Side::Customer).await, server.customer().await);
    ended(&stranger, "connection_timeout").await;
    ended(&mia, "connection_timeout").await;
    server.assert_whole();
}

#[tokio::test]
async fn a_token_that_ends_ends_its_connections() {
    let server = Server::start().await;
    let token = server.customer_token(json!({ "valid_for": 1 })).await;
    let agent = server.issue(json!({ "agent_id": server.agent_id(0), "expires_in": 1 })).await;
    let mia = Rtm::login(&server, Side::Customer, json!({ "token": token["access_token"] })).await;
    let ann = server.login_agent(&agent).await;
    ended(&mia, "access_token_expired").await;
    let push = ann.push("agent_disconnected", |_| true).await;
    assert_eq!(push.payload, json!({ "reason": "access_token_expired" }));
    server.assert_whole();
}

/// The license here lets a customer have two chats.
#[tokio::test]
async fn a_customer_of_a_generous_license_has_several_chats() {
    let server = Server::start().await;
    let person = server.person().await;
    let (mia, web) = (server.customer_rtm(&person).await, server.customer_web(&person));
    let start = json!({ "continuous": true, "chat": {} });
    let first = id(&mia.ok("start_chat", start.clone()).await["chat"]);
    let second = id(&web.ok("start_chat", start.clone()).await["chat"]);
    for error in [mia.err("start_chat", start.clone()).await, web.err("start_chat", start).await.1] {
        assert_eq!(error.message, "The customer has reached the number of chats");
    }
    for answer in [mia.ok("get_chats_summary", json!({})).await, web.ok("get_chats_summary", json!({})).await]
    {
        let chats: Vec<_> = list(&answer["chats_summary"]).iter().map(id).collect();
        assert_eq!((chats, &answer["total_chats"]), (vec![second.clone(), first.clone()], &json!(2)));
    }
    let tab = server.customer_rtm(&person).await;
    assert_eq!(list(&tab.welcome["chats"]).len(), 2);
    for chat in [&first, &second] {
        let event = json!({ "type": "message", "text": chat });
        web.ok("send_event", json!({ "chat_id": chat, "event": event })).await;
        mia.message(chat).await;
        tab.message(chat).await;
    }
    let card = json!({ "customer_id": person.id, "name": "Mia" });
    let card = server.agent_web(0).ok("update_customer", card).await;
    assert_eq!(card["statistics"], json!({ "chats_count": 2, "threads_count": 2, "visits_count": 1 }));
    server.assert_whole();
}
