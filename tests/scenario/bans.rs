//! Bans: true at once, everywhere, until they end.

use serde_json::{Value, json};

use crate::support::rtm::{Rtm, Side};
use crate::support::server::Server;
use crate::support::shape::{id, list};
use crate::support::web::Web;

fn message(chat: &str, text: &str) -> Value {
    json!({ "chat_id": chat, "event": { "type": "message", "text": text } })
}

/// Every door is shut to a banned customer.
async fn assert_shut_out(server: &Server, token: &str, web: &Web, chat: &str) {
    let fresh = Rtm::connect(server, Side::Customer).await;
    assert_eq!(fresh.err("login", json!({ "token": token })).await.kind, "customer_banned");
    for (action, payload) in [
        ("send_event", message(chat, "let me in")),
        ("start_chat", json!({ "chat": {} })),
        ("activate_chat", json!({ "chat": { "id": chat } })),
        ("get_chats_summary", json!({})),
        ("get_chat_threads", json!({ "chat_id": chat })),
        ("update_customer", json!({ "name": "Somebody else" })),
    ] {
        let (status, error) = web.err(action, payload).await;
        assert_eq!((status, error.kind.as_str()), (403, "customer_banned"), "{action}");
    }
}

#[tokio::test]
async fn a_ban_ends_connections_and_threads_and_shuts_every_door() {
    let mut server = Server::start().await;
    let ann = server.agent(0).await;
    let bob = server
        .login_agent(
            &server.issue(json!({ "agent_id": server.agent_id(1), "scopes": ["chats--all:ro"] })).await,
        )
        .await;
    let person = server.person().await;
    let (tab, other) = (server.customer_rtm(&person).await, server.customer_rtm(&person).await);
    let chat = id(&tab.ok("start_chat", json!({ "chat": {} })).await["chat"]);
    tab.ok("send_event", message(&chat, "you are all stupid")).await;
    let stranger = server.customer().await;
    let strangers = id(&stranger.ok("start_chat", json!({ "chat": {} })).await["chat"]);

    let ban = json!({ "customer_id": person.id, "ban": { "days": 3 } });
    let asked = ann.begin(json!({ "action": "ban_customer", "payload": ban })).await;
    assert_eq!(ann.response(&asked).await["payload"], json!({}));
    let push = ann.push("customer_banned", |_| true).await;
    assert_eq!(push.request_id, Some(asked));
    assert_eq!(push.payload, json!({ "customer_id": person.id, "ban": { "days": 3 } }));
    let updated = ann.push("customer_updated", |payload| payload["id"] == person.id).await;
    assert_eq!(updated.payload["banned"], true);
    // Every agent hears of the ban, whatever its scopes; of the customer only who may read customers.
    bob.push("customer_banned", |payload| payload["customer_id"] == person.id).await;
    for connection in [&tab, &other] {
        let push = connection.push("customer_disconnected", |_| true).await;
        assert_eq!(push.payload, json!({ "reason": "customer_banned" }));
        assert_eq!(connection.closed().await, Some(1008));
    }
    let said = ann.system_message(&chat, "customer_banned").await.payload;
    assert_eq!(said["event"]["recipients"], "all");
    assert_eq!(said["event"]["text_vars"], json!({ "agent": "Agent One", "duration": "3" }));
    let closed = ann.push_in(&chat, "thread_closed").await.payload;
    assert_eq!(closed["user_id"], ann.id);
    ann.push("customer_visit_ended", |payload| payload["customer_id"] == person.id).await;
    assert!(!bob.ever_saw("customer_updated"));

    let web = server.customer_web(&person);
    assert_shut_out(&server, &person.token, &web, &chat).await;
    // A new token is no way round, and agents do not open anything with it either.
    let again = server.customer_token(json!({ "customer_id": person.id })).await;
    let fresh = Rtm::connect(&server, Side::Customer).await;
    assert_eq!(fresh.err("login", json!({ "token": again["access_token"] })).await.kind, "customer_banned");
    let with_it = json!({ "chat": { "users": [{ "id": person.id, "type": "customer" }] } });
    for (action, payload) in [("start_chat", with_it), ("send_event", message(&chat, "come back"))] {
        let error = ann.err(action, payload).await;
        assert_eq!((error.kind.as_str(), error.message.as_str()), ("validation", "Customer is banned"));
    }
    assert_eq!(server.look(&chat).await["threads"][0]["active"], false);

    // Nobody else is touched, and a crash does not lift it.
    stranger.ok("send_event", message(&strangers, "still here")).await;
    drop((ann, bob, stranger, tab, other, fresh));
    server.kill_9().await;
    server.restart().await;
    let web = server.customer_web(&person);
    assert_shut_out(&server, &person.token, &web, &chat).await;
    let seen = server.look(&chat).await;
    let systems = list(&seen["threads"][0]["events"]).iter();
    assert_eq!(systems.filter(|event| event["system_message_type"] == "customer_banned").count(), 1);
    assert_eq!(server.look(&strangers).await["threads"][0]["active"], true);
}

#[tokio::test]
async fn a_ban_over_the_web_ends_all_chats_of_the_customer_and_frees_their_agents() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let person = server.person().await;
    let chat = id(&server.chat_of(&person, json!({})).await);
    ann.push_in(&chat, "incoming_chat_thread").await;
    let ban = |days: u32| json!({ "customer_id": person.id, "ban": { "days": days } });
    assert_eq!(server.agent_web(0).ok("ban_customer", ban(1)).await, json!({}));
    ann.push_in(&chat, "thread_closed").await;
    // Banned again it stays banned, and the newer ban counts; nothing is closed twice.
    server.agent_web(0).ok("ban_customer", ban(30)).await;
    ann.push("customer_banned", |payload| payload["ban"]["days"] == 30).await;
    let seen = server.look(&chat).await;
    assert_eq!(list(&seen["threads"]).len(), 1);
    let bans = list(&seen["threads"][0]["events"]).iter();
    assert_eq!(bans.filter(|event| event["system_message_type"] == "customer_banned").count(), 1);
    // A customer that never came here can be banned, too.
    let made = server.agent_web(0).ok("create_customer", json!({})).await;
    let token = server.customer_token(json!({ "customer_id": made["id"] })).await;
    let unseen = json!({ "customer_id": made["id"], "ban": { "days": 1 } });
    server.agent_web(0).ok("ban_customer", unseen).await;
    let fresh = Rtm::connect(&server, Side::Customer).await;
    assert_eq!(fresh.err("login", json!({ "token": token["access_token"] })).await.kind, "customer_banned");
}
