//! Tags, seen markers, followers, and what is told in passing: who hears what, on both transports.

use serde_json::{Value, json};

use crate::support::rtm::Rtm;
use crate::support::server::Server;
use crate::support::shape::{id, list, user};
use crate::support::sink::Sink;
use crate::support::web::{Api, Web};
use crate::support::{Caller, WireError};

/// Ann holds Mia's chat; Bob sees what every agent sees.
struct Scene {
    server: Server,
    ann: Rtm,
    bob: Rtm,
    mia: Rtm,
    chat: String,
    thread: String,
}

impl Scene {
    async fn start() -> Self {
        let server = Server::start().await;
        let (ann, bob) = (server.agent(0).await, server.watcher(1).await);
        let mia = server.customer().await;
        let chat = mia.ok("start_chat", json!({ "continuous": true })).await["chat"].clone();
        for everyone in [&ann, &bob, &mia] {
            everyone.push_in(&id(&chat), "incoming_chat_thread").await;
        }
        let thread = id(&chat["thread"]);
        Self { server, ann, bob, mia, chat: id(&chat), thread }
    }

    /// A message of Ann: what was to be heard before has been heard when it is.
    async fn fence(&self, text: &str) {
        let event = json!({ "type": "message", "text": text });
        self.ann.ok("send_event", json!({ "chat_id": self.chat, "event": event })).await;
    }

    async fn asked(&self, who: &Rtm, action: &str, payload: Value) -> String {
        let request = who.begin(json!({ "action": action, "payload": payload })).await;
        let response = who.response(&request).await;
        assert_eq!(response["success"], true, "{response}");
        request
    }
}

#[tokio::test]
async fn tags_are_told_to_every_agent_with_access_and_to_no_customer() {
    let scene = Scene::start().await;
    let Scene { server, ann, bob, mia, chat, thread } = &scene;
    let sink = Sink::start().await;
    let hooks = sink.webhooks("/tags", json!(["chat_thread_tagged", "chat_thread_untagged"]));
    server.bot(json!({ "status": "not accepting chats", "webhooks": hooks })).await;
    let tag = json!({ "chat_id": chat, "thread_id": thread, "tag": "refund" });
    for (action, name) in
        [("tag_chat_thread", "chat_thread_tagged"), ("untag_chat_thread", "chat_thread_untagged")]
    {
        let request = scene.asked(ann, action, tag.clone()).await;
        let own = ann.push_in(chat, name).await;
        assert_eq!((own.payload, own.request_id), (tag.clone(), Some(request)));
        assert_eq!(bob.push_in(chat, name).await.payload, tag);
        assert_eq!(sink.hit(name, |hit| hit.action() == name).await.json["data"], tag);
        let tags = server.look(chat).await["threads"][0]["tags"].clone();
        assert_eq!(tags, if action == "tag_chat_thread" { json!(["refund"]) } else { json!([]) });

        // Again: nothing changes, and only the asking connection is answered by a push.
        let mark = bob.mark();
        let request = scene.asked(ann, action, tag.clone()).await;
        assert_eq!(ann.push_in(chat, name).await.request_id, Some(request));
        scene.fence(action).await;
        mia.message(action).await;
        assert!(!bob.names_since(mark, chat).contains(&name.to_owned()), "{action}");
    }
    assert!(!mia.names_since(0, chat).iter().any(|name| name.contains("tagged")));
    assert_eq!(sink.at("/tags").len(), 2);

    // Over the Web, on a closed thread.
    let web = server.agent_web(1);
    web.ok("close_thread", json!({ "chat_id": chat })).await;
    assert_eq!(web.ok("tag_chat_thread", tag.clone()).await, json!({}));
    assert_eq!(ann.push_in(chat, "chat_thread_tagged").await.payload, tag);
    for (args, says) in [
        (json!({ "chat_id": chat, "thread_id": thread, "tag": "x".repeat(65) }), "tag:"),
        (json!({ "chat_id": chat, "thread_id": thread, "tag": "" }), "tag:"),
        (json!({ "chat_id": chat, "thread_id": "THR0000001", "tag": "x" }), "Thread not found"),
        (json!({ "chat_id": "NOSUCHCHAT", "thread_id": thread, "tag": "x" }), "Chat not found"),
    ] {
        let (status, error) = web.err("tag_chat_thread", args).await;
        assert_eq!((status, error.kind.as_str()), (400, "validation"));
        assert!(error.message.contains(says), "{error:?}");
    }
}

#[tokio::test]
async fn seen_markers_move_forward_and_are_told_in_the_words_of_each_side() {
    let scene = Scene::start().await;
    let Scene { server, ann, bob, mia, chat, thread } = &scene;
    scene.fence("read me").await;
    let name = "last_seen_timestamp_updated";
    let request = scene.asked(mia, "update_last_seen_timestamp", json!({ "chat_id": chat })).await;
    let own = mia.push_in(chat, name).await;
    let at = own.payload["timestamp"].as_u64().unwrap();
    let mut told = json!({ "user_id": mia.id, "chat_id": chat, "timestamp": at });
    assert_eq!(ann.push_in(chat, name).await.payload, told);
    told["thread_id"] = json!(thread);
    assert_eq!((own.payload, own.request_id), (told, Some(request)));

    // Never back: the answer tells the marker as it stands.
    let back = json!({ "chat_id": chat, "timestamp": 5 });
    let answer = server.agent_web(0).ok("update_last_seen_timestamp", back).await;
    let marker = user(&server.look(chat).await, &ann.id)["last_seen_timestamp"].clone();
    assert!(marker.as_u64() > Some(5));
    assert_eq!(answer, json!({ "timestamp": marker }));
    let answer = mia.ok("update_last_seen_timestamp", json!({ "chat_id": chat, "timestamp": at })).await;
    assert_eq!(answer["timestamp"].as_u64(), Some(at));
    let summary = mia.ok("get_chats_summary", json!({})).await;
    assert_eq!(user(&summary["chats_summary"][0], &mia.id)["last_seen_timestamp"], at);
    assert!(!bob.names_since(0, chat).contains(&name.to_owned()), "an outsider hears nothing of it");
    let error = mia.err("update_last_seen_timestamp", json!({ "chat_id": chat, "timestamp": "now" })).await;
    assert!(error.message.contains("timestamp"), "{error:?}");
}

#[tokio::test]
async fn a_follower_hears_the_talk_until_the_chat_is_activated_again() {
    let scene = Scene::start().await;
    let Scene { server, ann, bob, mia, chat, thread } = &scene;
    scene.fence("before").await;
    for member in [ann, mia] {
        member.message("before").await;
    }
    let from = [ann.mark(), mia.mark()];
    let bobs_web = server.agent_web(1);
    let request = scene.asked(bob, "follow_chat", json!({ "chat_id": chat })).await;
    let told = bob.push_in(chat, "incoming_chat_thread").await;
    assert_eq!(told.request_id, Some(request));
    assert_eq!(told.payload["chat"]["is_followed"], true);
    let shown = &told.payload["chat"]["thread"];
    assert_eq!((&shown["id"], list(&shown["events"]).len()), (&json!(thread), 2), "{shown:#}");
    assert_eq!(bobs_web.ok("follow_chat", json!({ "chat_id": chat })).await, json!({}), "twice is once");
    scene.fence("now you hear me").await;
    bob.message("now you hear me").await;
    for (other, from) in [ann, mia].into_iter().zip(from) {
        other.message("now you hear me").await;
        assert_eq!(other.names_since(from, chat), ["incoming_event"], "nobody else is told of a follower");
    }
    assert!(!list(&server.look(chat).await["users"]).iter().any(|user| user["id"] == bob.id.as_str()));

    // Members cannot end it; whoever is none can, and hears nothing more but key changes.
    let error = ann.err("unfollow_chat", json!({ "chat_id": chat })).await;
    assert_eq!(error.kind, "validation");
    bob.ok("unfollow_chat", json!({ "chat_id": chat })).await;
    let from = bob.mark();
    scene.fence("not for you").await;
    mia.message("not for you").await;
    bobs_web.ok("follow_chat", json!({ "chat_id": chat })).await;
    bob.push_in(chat, "incoming_chat_thread").await;
    ann.ok("close_thread", json!({ "chat_id": chat })).await;
    bob.push_in(chat, "thread_closed").await;
    let heard = bob.names_since(from, chat);
    assert_eq!(heard, ["incoming_chat_thread", "incoming_event", "thread_closed"]);
    let again = ann.ok("activate_chat", json!({ "chat": { "id": chat } })).await;
    assert_eq!(again["chat"]["is_followed"], false);
    assert_eq!(list(&again["chat"]["threads"]).len(), 1);
    assert_eq!(bob.push_in(chat, "incoming_chat_thread").await.payload["chat"]["is_followed"], false);
    let from = bob.mark();
    scene.fence("alone again").await;
    mia.message("alone again").await;
    bob.ok("get_chats_summary", json!({})).await;
    assert!(bob.names_since(from, chat).is_empty());
}

#[tokio::test]
async fn a_follower_without_access_hears_nothing() {
    let scene = Scene::start().await;
    let Scene { server, chat, .. } = &scene;
    let mine = server.scoped(&["chats--my:rw"]).await;
    let web = Web::new(server, Api::Agent, &mine);
    // It is hers, so it is followed by being a member.
    assert_eq!(web.ok("follow_chat", json!({ "chat_id": chat })).await, json!({}));
    let reader = server.scoped(&["chats--my:ro"]).await;
    let (status, error) =
        Web::new(server, Api::Agent, &reader).err("follow_chat", json!({ "chat_id": chat })).await;
    assert_eq!((status, error.kind.as_str()), (403, "authorization"));
    for action in ["follow_chat", "unfollow_chat"] {
        let (_, error) = server.agent_web(1).err(action, json!({ "chat_id": "NOSUCHCHAT" })).await;
        assert_eq!(error.message, "Chat not found");
    }
}

#[tokio::test]
async fn typing_and_drafts_pass_by_those_who_may_know() {
    let scene = Scene::start().await;
    let Scene { server, ann, bob, mia, chat, thread } = &scene;
    bob.ok("add_user_to_chat", json!({ "chat_id": chat, "user_id": bob.id, "user_type": "agent" })).await;
    for who in [ann, bob, mia] {
        who.push_in(chat, "chat_user_added").await;
        who.system_message(chat, "agent_joined").await;
    }
    let from = [ann, bob, mia].map(Rtm::mark);
    let name = "incoming_typing_indicator";
    ann.ok("send_typing_indicator", json!({ "chat_id": chat, "is_typing": true })).await;
    let told = bob.push_in(chat, name).await.payload;
    let at = told["typing_indicator"]["timestamp"].clone();
    let indicator = json!({ "author_id": ann.id, "recipients": "all", "timestamp": at, "is_typing": true });
    assert_eq!(told, json!({ "chat_id": chat, "thread_id": thread, "typing_indicator": indicator }));
    let indicator = json!({ "author_id": ann.id, "timestamp": at, "is_typing": true });
    let told = json!({ "chat_id": chat, "thread_id": thread, "typing_indicator": indicator });
    assert_eq!(mia.push_in(chat, name).await.payload, told);
    let hidden = json!({ "chat_id": chat, "is_typing": false, "recipients": "agents" });
    server.agent_web(0).ok("send_typing_indicator", hidden).await;
    assert_eq!(bob.push_in(chat, name).await.payload["typing_indicator"]["recipients"], "agents");

    let request =
        scene.asked(mia, "send_sneak_peek", json!({ "chat_id": chat, "sneak_peek_text": "I wan" })).await;
    for agent in [ann, bob] {
        let told = agent.push_in(chat, "incoming_sneak_peek").await;
        assert_eq!(
            (&told.payload["sneak_peek"]["text"], told.request_id),
            (&json!("I wan"), None),
            "{request}"
        );
        assert_eq!(told.payload["sneak_peek"]["recipients"], "agents");
    }
    scene.fence("that was all").await;
    for (who, (from, heard)) in [ann, bob, mia].into_iter().zip(from.into_iter().zip([
        vec!["incoming_sneak_peek", "incoming_event"],
        vec![name, name, "incoming_sneak_peek", "incoming_event"],
        vec![name, "incoming_event"],
    ])) {
        who.message("that was all").await;
        assert_eq!(who.names_since(from, chat), heard, "{}", who.id);
    }
    // Whoever has just logged in, and saw in the answer all that there is, hears it like the others.
    let late = server.agent(0).await;
    mia.ok("send_sneak_peek", json!({ "chat_id": chat, "sneak_peek_text": "I want" })).await;
    late.push_in(chat, "incoming_sneak_peek").await;

    // Nothing of it is kept, and a closed chat takes no draft.
    assert_eq!(list(&server.look(chat).await["threads"][0]["events"]).len(), 3);
    ann.ok("close_thread", json!({ "chat_id": chat })).await;
    let error = mia.err("send_sneak_peek", json!({ "chat_id": chat, "sneak_peek_text": "x" })).await;
    assert_eq!(error.kind, "validation");
    for (who, action) in [(mia, "send_typing_indicator"), (ann, "send_sneak_peek")] {
        let WireError { kind, message } = who.err(action, json!({ "chat_id": chat })).await;
        assert_eq!((kind.as_str(), message.as_str()), ("validation", "Unknown action"));
    }
}

#[tokio::test]
async fn threads_are_listed_page_by_page() {
    let scene = Scene::start().await;
    let Scene { server, ann, mia, chat, .. } = &scene;
    for n in 2..=7 {
        ann.ok("close_thread", json!({ "chat_id": chat })).await;
        let activated = ann.ok("activate_chat", json!({ "chat": { "id": chat } })).await;
        assert_eq!(activated["chat"]["threads"][0]["order"], n);
    }
    scene.fence("one").await;
    let note = json!({ "type": "message", "text": "two", "recipients": "agents" });
    ann.ok("send_event", json!({ "chat_id": chat, "event": note })).await;
    for caller in [Caller::Web(server.agent_web(0)), Caller::Rtm(server.agent(0).await)] {
        let page = |args: Value| {
            let mut all = json!({ "chat_id": chat, "limit": 3 });
            all.as_object_mut().unwrap().extend(args.as_object().unwrap().clone());
            caller.ok("get_chat_threads_summary", all)
        };
        let orders = |page: &Value| -> Vec<u64> {
            list(&page["threads_summary"]).iter().map(|line| line["order"].as_u64().unwrap()).collect()
        };
        for (order, pages) in [
            ("desc", [vec![7, 6, 5], vec![4, 3, 2], vec![1]]),
            ("asc", [vec![1, 2, 3], vec![4, 5, 6], vec![7]]),
        ] {
            let first = page(json!({ "order": order })).await;
            let second = page(json!({ "order": order, "page_id": first["next_page_id"] })).await;
            let third = page(json!({ "order": order, "page_id": second["next_page_id"] })).await;
            assert_eq!([&first, &second, &third].map(orders), pages);
            assert_eq!((first.get("previous_page_id"), third.get("next_page_id")), (None, None));
            let back = page(json!({ "order": order, "page_id": third["previous_page_id"] })).await;
            assert_eq!(back, second);
            assert_eq!(first["found_threads"], 7);
        }
        let newest = &page(json!({})).await["threads_summary"][0];
        assert_eq!(newest["events_count"], 2);
    }
    let page = mia.ok("get_chat_threads_summary", json!({ "chat_id": chat, "offset": 5, "limit": 3 })).await;
    assert_eq!(page["total_threads"], 7);
    assert_eq!(list(&page["threads_summary"]).len(), 2);
    let newest = &mia.ok("get_chat_threads_summary", json!({ "chat_id": chat })).await["threads_summary"][0];
    assert_eq!(
        (&newest["total_events"], &newest["active"]),
        (&json!(1), &json!(true)),
        "a note does not count"
    );
    let stranger = server.customer().await;
    let error = stranger.err("get_chat_threads_summary", json!({ "chat_id": chat })).await;
    assert_eq!(error.message, "Chat not found");
}

#[tokio::test]
async fn an_agent_activates_a_chat_and_brings_a_customer_who_has_none() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let (person, other) = (server.person().await, server.person().await);
    let chat = ann.ok("start_chat", json!({ "chat": { "is_followed": true } })).await["chat"].clone();
    let chat = id(&chat);
    ann.ok("close_thread", json!({ "chat_id": chat })).await;
    let with = |who: &str| {
        json!({ "chat": { "id": chat, "users": [{ "id": who, "type": "customer" }],
        "thread": { "tags": ["again"], "events": [{ "type": "message", "text": "hi" }] } } })
    };
    let limited = Web::new(&server, Api::Agent, &server.scoped(&["chats.conversation--all:rw"]).await);
    let (status, error) = limited.err("activate_chat", with(&person.id)).await;
    assert_eq!((status, error.kind.as_str()), (403, "authorization"), "bringing somebody in takes chats:rw");
    let (_, error) = server.agent_web(0).err("activate_chat", with(&server.agent_id(1))).await;
    assert_eq!(error.message, "User not found");

    let answer = ann.ok("activate_chat", with(&person.id)).await["chat"].clone();
    assert_eq!(user(&answer, &person.id)["present"], true);
    assert_eq!((&answer["threads"][0]["tags"], &answer["is_followed"]), (&json!(["again"]), &json!(false)));
    let again = server.agent_web(0).err("activate_chat", with(&person.id)).await.1;
    assert_eq!(again.message, "The chat has an active thread already");
    let mia = server.customer_rtm(&person).await;
    assert_eq!(mia.welcome["chats"][0]["chat_id"], chat);
    let error = mia.err("start_chat", json!({})).await;
    assert_eq!(error.kind, "validation", "this is her one chat");
    ann.ok("close_thread", json!({ "chat_id": chat })).await;
    let (_, error) = server.agent_web(0).err("activate_chat", with(&other.id)).await;
    assert_eq!(error.message, "The customer of a chat cannot be changed");
    // What was refused took nobody's place.
    let own = server.chat_of(&other, json!({})).await;
    assert_ne!(id(&own), chat);
    // A customer who has a chat cannot be brought into another one.
    let second = id(&ann.ok("start_chat", json!({})).await["chat"]);
    let bring = json!({ "chat_id": second, "user_id": person.id, "user_type": "customer" });
    let error = ann.err("add_user_to_chat", bring).await;
    assert_eq!(error.message, "The customer has reached the number of chats");
}
