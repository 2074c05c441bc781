//! Two people talk: who hears what, once, and in which order.

use serde_json::json;

use crate::support::rtm::Rtm;
use crate::support::server::Server;
use crate::support::shape::{id, list, orders, texts};
use crate::support::{Caller, web};

async fn say(who: &Rtm, chat: &str, text: &str) -> String {
    let request = json!({ "action": "send_event", "payload": {
        "chat_id": chat, "event": { "type": "message", "text": text, "custom_id": format!("custom {text}") } } });
    who.begin(request).await
}

#[tokio::test]
async fn an_event_reaches_every_connection_of_both_sides_once() {
    let server = Server::start().await;
    let (ann, ann_too) = (server.agent(0).await, server.agent(0).await);
    let bob = server.watcher(1).await;
    let person = server.person().await;
    let (mia, mia_too) = (server.customer_rtm(&person).await, server.customer_rtm(&person).await);
    let chat = id(&mia.ok("start_chat", json!({ "chat": {} })).await["chat"]);
    for everyone in [&ann, &ann_too, &bob, &mia, &mia_too] {
        everyone.push_in(&chat, "incoming_chat_thread").await;
    }
    for member in [&ann, &ann_too, &mia, &mia_too] {
        member.system_message(&chat, "routing.assigned").await;
    }
    let all = [&ann, &ann_too, &bob, &mia, &mia_too];
    let marks = all.map(Rtm::mark);

    // Each of the four speaks in turn; all four hear it, and only the asking connection hears its request_id.
    let members = [&mia, &ann, &ann_too, &mia_too];
    for (n, speaker) in members.iter().enumerate() {
        let said = format!("line {n}");
        let asked = say(speaker, &chat, &said).await;
        let response = speaker.response(&asked).await;
        let event = &response["payload"]["event"];
        assert_eq!(event["author_id"], speaker.id, "{response}");
        assert_eq!(event["custom_id"], format!("custom {said}"));
        for (m, listener) in members.iter().enumerate() {
            let push = listener.message(&said).await;
            assert_eq!(push.request_id, (n == m).then(|| asked.clone()), "{m} hears {n}");
            assert_eq!(push.payload["chat_id"], chat);
            assert_eq!(push.payload["thread_id"], response["payload"]["thread_id"]);
            assert_eq!(&push.payload["event"], event, "push and response tell the same event");
        }
    }

    // The end is heard by everyone who may see the chat, and is the fence for what was not to be heard before.
    let asked = ann.begin(json!({ "action": "close_thread", "payload": { "chat_id": chat } })).await;
    assert_eq!(ann.response(&asked).await["payload"], json!({}));
    for everyone in all {
        let closed = everyone.push_in(&chat, "thread_closed").await;
        assert_eq!(closed.payload["user_id"], ann.id);
        let own = std::ptr::eq(everyone, &raw const ann);
        assert_eq!(closed.request_id, own.then(|| asked.clone()), "`thread_closed` is the main push");
    }
    let heard = ["incoming_event"; 5].into_iter().chain(["thread_closed"]).collect::<Vec<_>>();
    for (everyone, mark) in all.into_iter().zip(marks) {
        let expected = if everyone.id == bob.id { &heard[5..] } else { &heard[..] };
        assert_eq!(everyone.names_since(mark, &chat), expected, "{} hears no more and no less", everyone.id);
    }
}

#[tokio::test]
async fn orders_have_no_gap_and_everyone_reads_the_same_talk() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let mia = server.customer().await;
    let chat = id(&mia.ok("start_chat", json!({ "chat": {} })).await["chat"]);
    ann.push_in(&chat, "incoming_chat_thread").await;

    // Both speak at once, without waiting for answers.
    let mut asked = Vec::new();
    for n in 0..8 {
        asked.push((&mia, say(&mia, &chat, &format!("mia {n}")).await));
        asked.push((&ann, say(&ann, &chat, &format!("ann {n}")).await));
    }
    let mut told = Vec::new();
    for (speaker, request) in asked {
        let response = speaker.response(&request).await;
        let event = &response["payload"]["event"];
        told.push((event["order"].as_u64().unwrap(), event["text"].as_str().unwrap().to_owned()));
    }
    told.sort();
    let told: Vec<_> = told.into_iter().map(|(_, text)| text).collect();

    let agents_view = server.look(&chat).await["threads"][0]["events"].clone();
    let numbers: Vec<u64> = (1..=list(&agents_view).len() as u64).collect();
    assert_eq!(orders(&agents_view), numbers, "from 1, without a gap");
    assert_eq!(texts(&agents_view), told);
    let history = mia.ok("get_chat_threads", json!({ "chat_id": chat })).await;
    assert_eq!(texts(&history["chat"]["threads"][0]["events"]), told);

    // The pushes of one chat arrive in that order as well.
    for listener in [&mia, &ann] {
        listener.message(told.last().unwrap()).await;
        let pushes = listener.since(0).into_iter().filter(|push| push.name == "incoming_event");
        let heard: Vec<_> = pushes.filter_map(|push| push.payload["event"]["order"].as_u64()).collect();
        assert!(heard.is_sorted(), "{heard:?}");
    }
}

#[tokio::test]
async fn the_same_talk_on_rtm_and_web() {
    let server = Server::start().await;
    let _online = server.agent(0).await;
    for web in [false, true] {
        let person = server.person().await;
        let (customer, agent) = if web {
            (Caller::Web(server.customer_web(&person)), Caller::Web(server.agent_web(0)))
        } else {
            (Caller::Rtm(server.customer_rtm(&person).await), Caller::Rtm(server.agent(0).await))
        };
        let chat = customer.ok("start_chat", json!({})).await["chat"].clone();
        let message =
            |text: &str| json!({ "chat_id": chat["id"], "event": { "type": "message", "text": text } });
        let sent = customer.ok("send_event", message("from the customer")).await;
        assert_eq!(sent["thread_id"], chat["thread"]["id"]);
        assert_eq!(sent["event"]["author_id"], person.id);
        let sent = agent.ok("send_event", message("from the agent")).await;
        assert_eq!(sent["event"]["author_id"], server.agent_id(0));

        for side in [&customer, &agent] {
            let read = side.ok("get_chat_threads", json!({ "chat_id": chat["id"] })).await;
            let thread = &read["chat"]["threads"][0];
            assert_eq!(texts(&thread["events"]), ["from the customer", "from the agent"], "{}", side.name());
            let read = side.ok("get_chats_summary", json!({})).await;
            let summary =
                list(&read["chats_summary"]).iter().find(|found| found["id"] == chat["id"]).unwrap();
            let last = &summary["last_event_per_type"]["message"];
            assert_eq!(last["event"]["text"], "from the agent");
            assert_eq!(last["thread_id"], chat["thread"]["id"]);
        }
        assert_eq!(agent.ok("close_thread", json!({ "chat_id": chat["id"] })).await, json!({}));
        let again = customer.err("close_thread", json!({ "chat_id": chat["id"] })).await;
        assert_eq!(again.kind, "validation", "no thread is active any more");
        assert!(customer.err("start_chat", json!({})).await.kind == "validation", "one chat per customer");
    }

    // Arguments also come without the wrapper, `payload` may be missing or null, unknown fields do no harm.
    let agent = web::Web::new(&server, web::Api::Agent, &server.agent_token(0));
    for body in [json!({ "limit": 1 }), json!({ "payload": { "limit": 1, "unknown": { "field": [] } } })] {
        let (status, answer) = agent.post("get_chats_summary", &body).await;
        assert_eq!((status, list(&answer["chats_summary"]).len()), (200, 1), "{body}");
    }
    for body in [json!({}), json!({ "payload": null }), json!({ "payload": {} })] {
        let (status, answer) = agent.post("get_chats_summary", &body).await;
        assert_eq!((status, list(&answer["chats_summary"]).len()), (200, 2), "{body}");
    }
    let raw = Caller::Rtm(server.agent(0).await);
    let Caller::Rtm(rtm) = &raw else { unreachable!() };
    for frame in
        [json!({ "action": "get_chats_summary" }), json!({ "action": "get_chats_summary", "payload": null })]
    {
        let asked = rtm.begin(frame).await;
        let answer = rtm.response(&asked).await;
        assert_eq!(list(&answer["payload"]["chats_summary"]).len(), 2);
    }
}

#[tokio::test]
async fn many_requests_at_once_keep_their_ids_and_none_runs_after_the_logout() {
    let server = Server::start().await;
    let (ann, watcher) = (server.agent(0).await, server.watcher(1).await);
    let person = server.person().await;
    let mia = server.customer_rtm(&person).await;
    // It goes on without anybody online: at the end its agent logs out.
    let chat = id(&mia.ok("start_chat", json!({ "continuous": true })).await["chat"]);
    ann.push_in(&chat, "incoming_chat_thread").await;

    // More than run at the same time, with others in between.
    let mut asked = Vec::new();
    for n in 0..25 {
        asked.push((n, say(&mia, &chat, &format!("line {n}")).await));
        mia.begin(json!({ "action": "ping" })).await;
    }
    for (n, request) in asked {
        assert_eq!(mia.response(&request).await["success"], true);
        let push = mia.message(&format!("line {n}")).await;
        assert_eq!(push.request_id.as_deref(), Some(request.as_str()), "line {n}");
    }

    // Everything before the logout runs, nothing behind it.
    for n in 0..12 {
        say(&ann, &chat, &format!("before {n}")).await;
    }
    ann.begin(json!({ "action": "logout" })).await;
    say(&ann, &chat, "behind").await;
    ann.closed().await;
    mia.ok("send_event", json!({ "chat_id": chat, "event": { "type": "message", "text": "still there?" } }))
        .await;
    let threads = watcher.ok("get_chat_threads", json!({ "chat_id": chat })).await;
    let said = texts(&threads["chat"]["threads"][0]["events"]);
    assert!(said.contains(&"still there?".to_owned()) && !said.contains(&"behind".to_owned()), "{said:?}");
}
