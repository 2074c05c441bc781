//! Access of chats that changes: who finds the chat, who is told, and where it waits.

use serde_json::{Value, json};

use crate::support::rtm::Rtm;
use crate::support::server::Server;
use crate::support::shape::{id, list, waits};
use crate::support::sink::Sink;
use crate::support::web::{Api, Web};

fn of(chat: &str, group: u32) -> Value {
    json!({ "resource": "chat", "id": chat, "access": { "type": "group", "id": group } })
}

fn told(chat: &str, group: u32) -> Value {
    json!({ "resource": "chat", "id": chat, "access": { "group_ids": [group] } })
}

async fn push(who: &Rtm, name: &str, chat: &str) -> crate::support::rtm::Push {
    who.push(name, |payload| payload["id"] == chat).await
}

#[tokio::test]
async fn access_is_granted_revoked_and_set_and_told() {
    let server = Server::start().await;
    let sink = Sink::start().await;
    let hooks = sink.webhooks("/access", json!(["access_granted", "access_revoked", "access_set"]));
    server.bot(json!({ "status": "not accepting chats", "webhooks": hooks })).await;
    let (ann, bob) = (server.agent(0).await, server.watcher(1).await);
    let mia = server.customer().await;
    let chat = id(&mia.ok("start_chat", json!({})).await["chat"]);
    mia.push_in(&chat, "incoming_chat_thread").await;
    for (action, name, group, after) in [
        ("grant_access", "access_granted", 1, json!([0, 1])),
        ("revoke_access", "access_revoked", 0, json!([1])),
        ("set_access", "access_set", 2, json!([2])),
    ] {
        let request = ann.begin(json!({ "action": action, "payload": of(&chat, group) })).await;
        assert_eq!(ann.response(&request).await["payload"], json!({}));
        let own = push(&ann, name, &chat).await;
        assert_eq!((own.payload, own.request_id), (told(&chat, group), Some(request)));
        assert_eq!(server.look(&chat).await["access"]["group_ids"], after);
        assert_eq!(sink.hit(name, |hit| hit.action() == name).await.json["data"], told(&chat, group));
        // Again: the asking connection alone.
        let request = ann.begin(json!({ "action": action, "payload": of(&chat, group) })).await;
        assert_eq!(ann.response(&request).await["success"], true);
        assert_eq!(push(&ann, name, &chat).await.request_id, Some(request));
    }
    assert_eq!(push(&mia, "access_set", &chat).await.payload, told(&chat, 2));
    let names = mia.since(0).into_iter().map(|push| push.name);
    assert_eq!(names.filter(|name| name.starts_with("access")).collect::<Vec<_>>(), ["access_set"]);
    let names = bob.since(0).into_iter().map(|push| push.name);
    let heard: Vec<_> = names.filter(|name| name.starts_with("access")).collect();
    assert!(heard.len() <= 3 && heard.first().is_some_and(|name| name == "access_granted"), "{heard:?}");
    assert_eq!(sink.at("/access").len(), 3);
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let _ann = server.agent(0).await;
    let (_, chat) = server.chat(json!({ "access": { "group_ids": [1] } })).await;
    let chat = id(&chat);
    let web = server.agent_web(0);
    for (action, args, says) in [
        ("revoke_access", of(&chat, 1), "access.group_ids:"),
        ("grant_access", of(&chat, 77), "Group 77 not found"),
        ("set_access", of(&chat, 77), "Group 77 not found"),
        ("set_access", of("NOSUCHCHAT", 1), "Chat not found"),
        ("set_access", json!({ "resource": "chat", "id": chat }), "access: missing"),
        ("grant_access", json!({ "id": chat }), "resource: missing"),
    ] {
        let (status, error) = web.err(action, args).await;
        assert_eq!((status, error.kind.as_str()), (400, "validation"));
        assert!(error.message.starts_with(says), "{says}: {error:?}");
    }
    let limited = Web::new(&server, Api::Agent, &server.scoped(&["chats.conversation--all:rw"]).await);
    for args in [of(&chat, 2), json!({})] {
        let (status, error) = limited.err("grant_access", args).await;
        assert_eq!((status, error.kind.as_str()), (403, "authorization"));
    }
    assert_eq!(server.look(&chat).await["access"]["group_ids"], json!([1]));
}

#[tokio::test]
async fn a_waiting_chat_waits_where_it_may_be_seen() {
    let mut server = Server::start().await;
    // The first bot works for group 1 and is busy; the second one works for group 2 and waits.
    let busy = server
        .bot(json!({ "max_chats_count": 1, "default_group_priority": "supervisor",
        "groups": [{ "id": 0, "priority": "supervisor" }, { "id": 1, "priority": "normal" }] }))
        .await;
    let free = server
        .bot(json!({ "default_group_priority": "supervisor",
        "groups": [{ "id": 0, "priority": "supervisor" }, { "id": 2, "priority": "normal" }] }))
        .await;
    let sales = json!({ "access": { "group_ids": [1] } });
    let (_, first) = server.chat(sales.clone()).await;
    assert!(list(&first["users"]).iter().any(|user| user["id"] == busy.as_str()));
    let (person, second) = server.chat(sales).await;
    assert!(waits(&second));
    let mia = server.customer_rtm(&person).await;
    let chat = id(&second);
    server.agent_web(0).ok("grant_access", of(&chat, 2)).await;
    let added = mia.push_in(&chat, "chat_user_added").await;
    assert_eq!(added.payload["user"]["id"], free.as_str());
    server.kill_9().await;
    server.restart().await;
    assert_eq!(server.look(&chat).await["access"]["group_ids"], json!([1, 2]));
}

#[tokio::test]
async fn an_agent_is_let_in_by_name() {
    let mut server = Server::start().await;
    let (ann, bob) = (server.agent(0).await, server.agent_id(1));
    let (person, chat) = server.chat(json!({ "access": { "group_ids": [1] } })).await;
    let chat = id(&chat);
    let admitted = |type_: &str, who: Value| json!({ "resource": "chat", "id": chat, "access": { "type": type_, "id": who } });
    server.agent_web(0).ok("grant_access", admitted("agent", json!(bob))).await;
    // Of an agent the groups are told that result.
    assert_eq!(push(&ann, "access_granted", &chat).await.payload, told(&chat, 1));
    server.kill_9().await;
    server.restart().await;
    let bobs = server.login_agent(&server.agent_token(1)).await;
    server.close(&person, &json!({ "id": chat })).await;
    bobs.push_in(&chat, "thread_closed").await;
    let (_, error) = server.agent_web(0).err("set_access", admitted("agent", json!(bob))).await;
    assert!(error.message.starts_with("access.group_ids:"), "{error:?}");
    let (_, error) =
        server.agent_web(0).err("grant_access", admitted("agent", json!("nobody@example.org"))).await;
    assert_eq!(error.message, "User not found");
    server.agent_web(0).ok("revoke_access", admitted("agent", json!(bob))).await;
    push(&bobs, "access_revoked", &chat).await;
}

#[tokio::test]
async fn a_customer_has_an_access_that_is_kept_and_told() {
    let mut server = Server::start().await;
    let sink = Sink::start().await;
    let hooks = sink.webhooks("/access", json!(["access_set", "access_granted"]));
    server.bot(json!({ "status": "not accepting chats", "webhooks": hooks })).await;
    let (ann, mia) = (server.agent(0).await, server.customer().await);
    let of = |customer: &str, group: u32| json!({ "resource": "customer", "id": customer, "access": { "type": "group", "id": group } });
    let told = json!({ "resource": "customer", "id": mia.id, "access": { "group_ids": [2] } });
    let request = ann.begin(json!({ "action": "set_access", "payload": of(&mia.id, 2) })).await;
    assert_eq!(ann.response(&request).await["payload"], json!({}));
    let own = push(&ann, "access_set", &mia.id).await;
    assert_eq!((own.payload, own.request_id), (told.clone(), Some(request)));
    assert_eq!(push(&mia, "access_set", &mia.id).await.payload, told);
    assert_eq!(sink.hit("access_set", |hit| hit.action() == "access_set").await.json["data"], told);
    // It has no effect on routing.
    assert!(!waits(&server.look(&id(&mia.ok("start_chat", json!({})).await["chat"])).await));

    server.kill_9().await;
    server.restart().await;
    let web = server.agent_web(0);
    let without = json!({ "resource": "customer", "id": mia.id, "access": { "type": "group", "id": 2 } });
    let (status, error) = web.err("revoke_access", without).await;
    assert_eq!((status, error.message.starts_with("access.group_ids")), (400, true), "kept: {error:?}");
    let nobody = "00000000-0000-4000-8000-000000000001";
    assert_eq!(web.err("grant_access", of(nobody, 1)).await.0, 400);
    assert_eq!(web.err("grant_access", of("no id", 1)).await.0, 400);
    web.ok("grant_access", of(&mia.id, 1)).await;
    sink.hit("access_granted", |hit| hit.action() == "access_granted").await;
}
