//! Threads end and begin; summaries and histories are read in pages.

use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::shape::{Is, assert_shape, id, list, orders, text, texts, user};
use crate::support::web::Web;

#[tokio::test]
async fn a_closed_chat_opens_again_with_the_next_event() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let mia = server.customer().await;
    let first = mia.ok("start_chat", json!({ "chat": {} })).await["chat"].clone();
    let chat = id(&first);
    for side in [&ann, &mia] {
        side.push_in(&chat, "incoming_chat_thread").await;
        side.system_message(&chat, "routing.assigned").await;
    }

    // The customer closes: first the system message, then the end; the main push carries the request_id.
    let (at_ann, at_mia) = (ann.mark(), mia.mark());
    let asked = mia.begin(json!({ "action": "close_thread", "payload": { "chat_id": chat } })).await;
    assert_eq!(mia.response(&asked).await["payload"], json!({}));
    for side in [&ann, &mia] {
        let archived = side.system_message(&chat, "manual_archived_customer").await;
        assert_shape(&archived.payload["event"], &[("text_vars.customer", Is::Str)]);
        let closed = side.push_in(&chat, "thread_closed").await;
        assert_eq!(closed.payload["thread_id"], first["thread"]["id"]);
        assert_eq!(closed.payload["user_id"], mia.id);
        assert_eq!(closed.request_id.is_some(), side.id == mia.id);
    }
    assert_eq!(ann.names_since(at_ann, &chat), ["incoming_event", "thread_closed"]);
    assert_eq!(mia.names_since(at_mia, &chat), ["incoming_event", "thread_closed"]);

    // The next event opens a thread: one push tells both.
    let (at_ann, at_mia) = (ann.mark(), mia.mark());
    let event = json!({ "type": "message", "text": "me again" });
    let request = json!({ "action": "send_event", "payload": { "chat_id": chat, "event": event } });
    let asked = mia.begin(request).await;
    let answer = mia.response(&asked).await["payload"].clone();
    let second = text(&answer["thread_id"]);
    assert_ne!(first["thread"]["id"], second);
    for (side, mark) in [(&ann, at_ann), (&mia, at_mia)] {
        let push = side.push_in(&chat, "incoming_chat_thread").await;
        assert_eq!(push.request_id, (side.id == mia.id).then(|| asked.clone()));
        let thread = &push.payload["chat"]["thread"];
        assert_eq!(thread["id"], second);
        assert_eq!(texts(&thread["events"]), ["me again"]);
        assert!(thread["order"].as_u64() > first["thread"]["order"].as_u64(), "{thread}");
        assert_eq!(user(&push.payload["chat"], &ann.id)["present"], true, "it is routed afresh");
        side.system_message(&chat, "routing.assigned").await;
        assert_eq!(side.names_since(mark, &chat), ["incoming_chat_thread", "incoming_event"]);
    }
    assert_eq!(answer["event"]["order"], 1, "events count from 1 in every thread");

    // The agent closes this one.
    ann.ok("close_thread", json!({ "chat_id": chat, "require_requester_presence": true })).await;
    let archived = mia.system_message(&chat, "manual_archived_agent").await;
    assert_shape(&archived.payload["event"], &[("text_vars.agent", Is::Str)]);
    assert_eq!(mia.push_in(&chat, "thread_closed").await.payload["user_id"], ann.id);
}

#[tokio::test]
async fn closed_threads_can_be_demanded_avoided_or_activated() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let bob = server.watcher(1).await;
    let mia = server.customer().await;
    let first = mia.ok("start_chat", json!({ "chat": {} })).await["chat"].clone();
    let chat = id(&first);
    let active = mia.err("activate_chat", json!({ "chat": { "id": chat } })).await;
    assert_eq!(active.kind, "validation", "it is active already");
    let absent = json!({ "chat_id": chat, "require_requester_presence": true });
    bob.err("close_thread", absent).await;
    // With an active thread both flags have no effect.
    let with = |flag: &str, text: &str| {
        let mut payload = json!({ "chat_id": chat, "event": { "type": "message", "text": text } });
        payload[flag] = json!(true);
        payload
    };
    mia.ok("send_event", with("attach_to_last_thread", "while active")).await;
    mia.ok("send_event", with("require_active_thread", "still active")).await;
    mia.ok("close_thread", json!({ "chat_id": chat })).await;
    assert_eq!(mia.err("close_thread", json!({ "chat_id": chat })).await.kind, "validation");

    for side in [&mia, &ann] {
        let refused = side.err("send_event", with("require_active_thread", "too late")).await;
        assert_eq!(refused.kind, "validation");
        let said = format!("late note of {}", side.id);
        let late = side.ok("send_event", with("attach_to_last_thread", &said)).await;
        assert_eq!(late["thread_id"], first["thread"]["id"], "it went to the closed thread");
        let heard = mia.message(&said).await;
        assert_eq!(heard.payload["thread_id"], first["thread"]["id"]);
    }
    let annotation = json!({ "chat_id": chat, "event": { "type": "annotation", "annotation_type": "x" } });
    let late = ann.ok("send_event", annotation).await;
    assert_eq!(late["thread_id"], first["thread"]["id"], "an annotation never opens a thread");
    let look = server.look(&chat).await;
    assert_eq!(list(&look["threads"]).len(), 1);
    assert_eq!(look["threads"][0]["active"], false);
    let count = list(&look["threads"][0]["events"]).len() as u64;
    assert_eq!(orders(&look["threads"][0]["events"]), (1..=count).collect::<Vec<_>>());

    // Activated: the answer shows only the new thread, in a list; the push shows it as `thread`.
    let again = json!({ "id": chat, "thread": { "events": [{ "type": "message", "text": "again" }] } });
    let answer = mia.ok("activate_chat", json!({ "chat": again })).await["chat"].clone();
    assert_eq!(answer["id"], chat);
    assert_shape(&answer, &[("users", Is::List), ("access.group_ids", Is::List), ("properties", Is::Map)]);
    assert_eq!(list(&answer["threads"]).len(), 1);
    assert_eq!(answer["threads"][0]["active"], true);
    assert_eq!(texts(&answer["threads"][0]["events"]), ["again"]);
    let fits = |payload: &Value| payload["chat"]["thread"]["id"] == answer["threads"][0]["id"];
    assert!(mia.push("incoming_chat_thread", fits).await.request_id.is_some());
    assert_eq!(ann.push("incoming_chat_thread", fits).await.request_id, None);
    let look = server.look(&chat).await;
    let actives: Vec<_> = list(&look["threads"]).iter().map(|thread| thread["active"].clone()).collect();
    assert_eq!(actives, [json!(false), json!(true)], "only the last thread is active");
    assert_eq!(list(&look["threads_summary"]).len(), 2);
}

#[tokio::test]
async fn agents_read_summaries_in_pages() {
    let server = Server::start().await;
    let _ann = server.agent(0).await;
    let agent = server.agent_web(0);
    let mut chats = Vec::new();
    for _ in 0..5 {
        chats.push(server.chat(json!({})).await);
    }
    let newest_first: Vec<_> = chats.iter().rev().map(|(_, chat)| id(chat)).collect();
    assert_eq!(pages(&agent, json!({ "limit": 2 })).await, newest_first);
    assert_eq!(pages(&agent, json!({ "limit": 5 })).await, newest_first);
    let oldest_first: Vec<_> = newest_first.iter().rev().cloned().collect();
    assert_eq!(pages(&agent, json!({ "limit": 2, "order": "asc" })).await, oldest_first);

    let read = agent.ok("get_chats_summary", json!({})).await;
    assert_eq!(read["found_chats"], 5);
    assert_shape(
        &read["chats_summary"][0],
        &[
            ("id", Is::Str),
            ("users", Is::List),
            ("is_followed", Is::Bool),
            ("access.group_ids", Is::List),
            ("properties.routing.unassigned.value", Is::Bool),
            ("last_event_per_type.message.thread_id", Is::Str),
            ("last_event_per_type.message.thread_order", Is::Int),
            ("last_event_per_type.message.event.id", Is::Str),
            ("last_event_per_type.system_message.event.system_message_type", Is::Str),
            ("last_thread_summary.id", Is::Str),
            ("last_thread_summary.timestamp", Is::Int),
            ("last_thread_summary.user_ids", Is::List),
            ("last_thread_summary.order", Is::Int),
            ("last_thread_summary.properties", Is::Map),
            ("last_thread_summary.tags", Is::List),
        ],
    );

    server.close(&chats[1].0, &chats[1].1).await;
    let closed = json!({ "filters": { "include_active": false } });
    assert_eq!(pages(&agent, closed).await, [id(&chats[1].1)]);
    for bad in [
        json!({ "limit": 101 }),
        json!({ "limit": -1 }),
        json!({ "limit": "ten" }),
        json!({ "order": "sideways" }),
        json!({ "page_id": "no such page" }),
        json!({ "filters": [] }),
    ] {
        let (status, error) = agent.err("get_chats_summary", bad.clone()).await;
        assert_eq!((status, error.kind.as_str()), (400, "validation"), "{bad}");
    }
}

/// Every page, from the first to the one without a next; the ids in order.
async fn pages(agent: &Web, first: Value) -> Vec<String> {
    let mut ids = Vec::new();
    let mut query = first.clone();
    loop {
        let page = agent.ok("get_chats_summary", query.clone()).await;
        let found = list(&page["chats_summary"]);
        assert!(found.len() as u64 <= first["limit"].as_u64().unwrap_or(10));
        ids.extend(found.iter().map(id));
        assert!(ids.len() < 100, "pages without end: {page}");
        let Some(next) = page.get("next_page_id") else { return ids };
        query["page_id"] = next.clone();
    }
}

#[tokio::test]
async fn both_sides_read_threads_and_customers_read_by_offset() {
    let server = Server::start().await;
    let _ann = server.agent(0).await;
    let person = server.person().await;
    let (agent, mia) = (server.agent_web(0), server.customer_web(&person));
    let nothing = mia.ok("get_chats_summary", json!({})).await;
    assert_eq!(nothing, json!({ "chats_summary": [], "total_chats": 0 }));
    let chat = id(&server.chat_of(&person, json!({})).await);
    for n in 2..=3 {
        mia.ok("close_thread", json!({ "chat_id": chat })).await;
        let event = json!({ "type": "message", "text": format!("thread {n}") });
        mia.ok("send_event", json!({ "chat_id": chat, "event": event })).await;
    }

    let all = agent.ok("get_chat_threads", json!({ "chat_id": chat })).await["chat"].clone();
    assert_shape(
        &all,
        &[("users", Is::List), ("is_followed", Is::Bool), ("threads_summary.2.order", Is::Int)],
    );
    let threads: Vec<_> = list(&all["threads"]).iter().map(id).collect();
    assert_eq!(threads.len(), 3);
    let summary: Vec<_> = list(&all["threads_summary"]).iter().map(|one| text(&one["thread_id"])).collect();
    assert_eq!(summary, threads);
    let some = json!({ "chat_id": chat, "thread_ids": [threads[0], threads[2]] });
    for (side, shows_order) in [(&agent, false), (&mia, true)] {
        let read = side.ok("get_chat_threads", some.clone()).await["chat"].clone();
        let found: Vec<_> = list(&read["threads"]).iter().map(id).collect();
        assert_eq!(found.len(), 2);
        assert!(found.contains(&threads[0]) && found.contains(&threads[2]), "{read:#}");
        let talk: Vec<_> =
            list(&read["threads"]).iter().flat_map(|thread| texts(&thread["events"])).collect();
        assert!(talk.contains(&"hello".into()) && talk.contains(&"thread 3".into()) && talk.len() == 2);
        if shows_order {
            assert_shape(&read, &[("order", Is::Int), ("access.group_ids", Is::List)]);
        }
    }
    let read = mia.ok("get_chat_threads", json!({ "chat_id": chat })).await;
    assert_eq!(list(&read["chat"]["threads"]).len(), 3, "without thread_ids: all");

    let page = mia.ok("get_chats_summary", json!({ "offset": 0, "limit": 25 })).await;
    assert_eq!(page["total_chats"], 1);
    let one = &page["chats_summary"][0];
    assert_shape(
        one,
        &[("order", Is::Int), ("users", Is::List), ("access", Is::Map), ("properties", Is::Map)],
    );
    assert_eq!((&one["id"], &one["last_thread_id"]), (&json!(chat), &json!(threads[2])));
    assert_eq!(one["active"], true);
    assert_eq!(one["last_event_per_type"]["message"]["event"]["text"], "thread 3");
    assert_eq!(one["last_event_per_type"]["message"]["thread_id"], threads[2]);
    let beyond = mia.ok("get_chats_summary", json!({ "offset": 1 })).await;
    assert_eq!((list(&beyond["chats_summary"]).len(), &beyond["total_chats"]), (0, &json!(1)));
    for bad in [json!({ "limit": 26 }), json!({ "offset": 101 }), json!({ "offset": -1 })] {
        let (status, error) = mia.err("get_chats_summary", bad.clone()).await;
        assert_eq!((status, error.kind.as_str()), (400, "validation"), "{bad}");
    }
}
