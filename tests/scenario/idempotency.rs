//! Writes with a key are done once, over both wires and over a crash (design D13).

use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::shape::{id, list, texts};
use crate::support::web::Web;

fn message(chat: &str, text: &str) -> Value {
    json!({ "chat_id": chat, "event": { "type": "message", "text": text } })
}

/// The same caller, with a key for its writes.
fn once(web: &Web, key: &str) -> Web {
    let mut web = web.clone();
    web.key = Some(key.to_owned());
    web
}

#[tokio::test]
async fn an_event_asked_for_again_is_answered_again_and_posted_once() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let (person, chat) = server.chat(json!({})).await;
    let (mia, chat) = (server.customer_rtm(&person).await, id(&chat));
    let first = mia.call_once("k-1", "send_event", message(&chat, "once")).await.unwrap();
    ann.message("once").await;
    let mark = (ann.mark(), mia.mark());
    // Over the other wire, in another order, after the thread went on.
    ann.ok("send_event", message(&chat, "meanwhile")).await;
    let other_order = json!({ "event": { "text": "once", "type": "message" }, "chat_id": chat });
    let web = server.customer_web(&person);
    assert_eq!(once(&web, "k-1").ok("send_event", other_order).await, first);
    assert_eq!(mia.call_once("k-1", "send_event", message(&chat, "once")).await, Ok(first));
    for refused in [
        mia.call_once("k-1", "send_event", message(&chat, "else")).await.unwrap_err(),
        once(&web, "k-1").err("send_event", message(&chat, "else")).await.1,
    ] {
        assert_eq!((&*refused.kind, refused.message.contains("request_key")), ("validation", true));
    }
    // Everybody has keys of their own, and another key is another event.
    ann.call_once("k-1", "send_event", message(&chat, "hers")).await.unwrap();
    mia.call_once("k-2", "send_event", message(&chat, "once")).await.unwrap();
    mia.ok("send_event", message(&chat, "end")).await;
    ann.message("end").await;
    let said = texts(&server.look(&chat).await["threads"][0]["events"]);
    assert_eq!(said[1..], ["once", "meanwhile", "hers", "once", "end"]);
    for (who, mark) in [(&ann, mark.0), (&mia, mark.1)] {
        let heard = who.since(mark).into_iter().filter(|push| push.payload["event"]["text"] == "once");
        assert_eq!(heard.count(), 1, "the second key's");
    }
}

#[tokio::test]
async fn a_chat_asked_for_again_is_the_same_chat() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let (mia, tom) = (server.person().await, server.person().await);
    let hello = json!({ "chat": { "thread": { "events": [{ "type": "message", "text": "hello" }] } } });
    let started = once(&server.customer_web(&mia), "start").ok("start_chat", hello.clone()).await;
    let rtm = server.customer_rtm(&mia).await;
    let again = rtm.call_once("start", "start_chat", hello.clone()).await.unwrap();
    assert_eq!(id(&again["chat"]), id(&started["chat"]));
    assert_eq!(texts(&again["chat"]["thread"]["events"])[0], "hello");
    let refused = rtm.call_once("start", "start_chat", json!({ "chat": {} })).await.unwrap_err();
    assert_eq!(refused.kind, "validation", "{refused:?}");
    let (_, second) = once(&server.customer_web(&mia), "another").err("start_chat", hello.clone()).await;
    assert!(second.message.contains("chats"), "a new key asks for a new chat: {second:?}");
    let other = once(&server.customer_web(&tom), "start").ok("start_chat", hello.clone()).await;
    assert_ne!(id(&other["chat"]), id(&started["chat"]), "somebody else's key");

    // Asked for many times at once: one chat, and whoever is too early is told so.
    let eve = server.person().await;
    let web = server.customer_web(&eve);
    let tries = (0..8).map(|_| {
        let (web, hello) = (once(&web, "at once"), hello.clone());
        tokio::spawn(async move { web.call("start_chat", hello).await })
    });
    let mut chats = Vec::new();
    for started in tries.collect::<Vec<_>>() {
        match started.await.unwrap() {
            Ok(started) => chats.push(id(&started["chat"])),
            Err((status, error)) => {
                assert_eq!((status, &*error.kind), (400, "validation"), "{error:?}");
                assert!(error.message.contains("still runs"), "{error:?}");
            }
        }
    }
    chats.dedup();
    assert_eq!(chats.len(), 1, "{chats:?}");
    // The same of an agent, whose chats nothing else bounds.
    let bare = json!({ "chat": {} });
    let hers = id(&ann.call_once("s", "start_chat", bare.clone()).await.unwrap()["chat"]);
    assert_eq!(id(&ann.call_once("s", "start_chat", bare).await.unwrap()["chat"]), hers);
}

#[tokio::test]
async fn keys_survive_kill_9() {
    let mut server = Server::start().await;
    server.agent(0).await;
    let (mia, tom) = (server.person().await, server.person().await);
    let hello = json!({ "chat": {} });
    let start = once(&server.customer_web(&mia), "s").ok("start_chat", hello.clone()).await;
    let chat = id(&start["chat"]);
    let sent = once(&server.customer_web(&mia), "k").ok("send_event", message(&chat, "kept")).await;
    let close = json!({ "chat_id": chat });
    once(&server.agent_web(0), "c").ok("close_thread", close.clone()).await;
    for _ in 0..2 {
        server.kill_9().await;
        server.restart().await;
        let web = server.customer_web(&mia);
        assert_eq!(id(&once(&web, "s").ok("start_chat", hello.clone()).await["chat"]), chat);
        assert_eq!(once(&web, "k").ok("send_event", message(&chat, "kept")).await, sent);
        assert_eq!(once(&server.agent_web(0), "c").ok("close_thread", close.clone()).await, json!({}));
    }
    let look = server.look(&chat).await;
    assert_eq!(
        (list(&look["threads"]).len(), texts(&look["threads"][0]["events"])),
        (1, vec!["kept".into()])
    );
    let (_, foreign) = once(&server.customer_web(&tom), "k").err("send_event", message(&chat, "kept")).await;
    assert_eq!(foreign.message, "Chat not found", "a foreign key opens nothing: {foreign:?}");
}

#[tokio::test]
async fn a_key_has_bounds_and_fits_every_method() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let (_, chat) = server.chat(json!({})).await;
    let chat = id(&chat);
    for key in [json!(""), json!("x".repeat(256)), json!(7), json!({})] {
        let frame = json!({ "action": "send_event", "request_key": key, "payload": message(&chat, "never") });
        let request = ann.begin(frame).await;
        let answer = ann.response(&request).await;
        assert_eq!(answer["payload"]["error"]["type"], "validation", "{answer}");
        assert!(answer["payload"]["error"]["message"].to_string().contains("request_key"), "{answer}");
    }
    let long = "x".repeat(256);
    let (_, refused) = once(&server.agent_web(0), &long).err("send_event", message(&chat, "never")).await;
    assert!(refused.message.contains("Idempotency-Key"), "{refused:?}");
    let longest = "x".repeat(255);
    // Also where nothing has to be remembered, and for what is not kept.
    let typing = json!({ "chat_id": chat, "is_typing": true });
    for _ in 0..2 {
        ann.call_once(&longest, "send_typing_indicator", typing.clone()).await.unwrap();
        ann.call_once("list", "get_chats_summary", json!({})).await.unwrap();
    }
    assert!(!texts(&server.look(&chat).await["threads"][0]["events"]).contains(&"never".to_owned()));
}
