//! Properties of chats, threads and events, and buttons of rich messages: on both transports and both sides,
//! in old threads, and after kill -9.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::Caller;
use crate::support::people::Person;
use crate::support::rtm::Rtm;
use crate::support::server::Server;
use crate::support::shape::{id, list};
use crate::support::sink::Sink;

/// Ann holds Mia's chat, and Mia has said something; Bob sees what every agent sees.
struct Scene {
    server: Server,
    ann: Rtm,
    bob: Rtm,
    person: Person,
    mia: Rtm,
    chat: String,
    thread: String,
    event: String,
}

impl Scene {
    async fn start() -> Self {
        let server = Server::start().await;
        let (ann, bob) = (server.agent(0).await, server.watcher(1).await);
        let person = server.person().await;
        let mia = server.customer_rtm(&person).await;
        let chat = mia.ok("start_chat", json!({ "continuous": true })).await["chat"].clone();
        for everyone in [&ann, &bob, &mia] {
            everyone.push_in(&id(&chat), "incoming_chat_thread").await;
        }
        let thread = id(&chat["thread"]);
        let event = json!({ "type": "message", "text": "hello" });
        let sent = mia.ok("send_event", json!({ "chat_id": id(&chat), "event": event })).await;
        let event = id(&sent["event"]);
        Self { server, ann, bob, person, mia, chat: id(&chat), thread, event }
    }

    /// What names each place, and the stem of its methods.
    fn places(&self) -> [(&'static str, Value); 3] {
        let Self { chat, thread, event, .. } = self;
        [
            ("chat_properties", json!({ "chat_id": chat })),
            ("chat_thread_properties", json!({ "chat_id": chat, "thread_id": thread })),
            ("event_properties", json!({ "chat_id": chat, "thread_id": thread, "event_id": event })),
        ]
    }

    /// A message of Ann: what was to be heard before has been heard when it is.
    async fn fence(&self, text: &str) {
        let event = json!({ "type": "message", "text": text });
        self.ann.ok("send_event", json!({ "chat_id": self.chat, "event": event })).await;
        for member in [&self.ann, &self.mia] {
            member.message(text).await;
        }
    }
}

fn with(place: &Value, properties: Value) -> Value {
    let mut args = place.clone();
    args["properties"] = properties;
    args
}

/// The properties of a place as an agent reads them.
async fn read(scene: &Scene, stem: &str) -> Value {
    let chat = scene.server.look(&scene.chat).await;
    let thread = &list(&chat["threads"])[0];
    match stem {
        "chat_properties" => chat["properties"].clone(),
        "chat_thread_properties" => thread["properties"].clone(),
        _ => {
            let event = list(&thread["events"]).iter().find(|event| event["id"] == scene.event.as_str());
            event.unwrap().get("properties").cloned().unwrap_or_else(|| json!({}))
        }
    }
}

#[tokio::test]
async fn every_place_is_written_by_every_side_and_told_to_who_is_in_the_chat() {
    let scene = Scene::start().await;
    let Scene { server, ann, bob, mia, chat, .. } = &scene;
    let sink = Sink::start().await;
    let actions: Vec<_> = scene
        .places()
        .iter()
        .flat_map(|(stem, _)| ["updated", "deleted"].map(|what| format!("{stem}_{what}")))
        .map(|name| json!({ "name": name, "additional_data": ["chat_properties"] }))
        .collect();
    let webhooks = sink.webhooks("/changes", json!(actions));
    server.bot(json!({ "status": "not accepting chats", "webhooks": webhooks })).await;
    let from = bob.mark();
    for (stem, place) in scene.places() {
        for (n, side) in [ann, mia].into_iter().enumerate() {
            let other = if n == 0 { mia } else { ann };
            let value = format!("by {n}");
            let given = json!({ "test": { "string_property": value, "int_property": { "value": 7 } } });
            let mut told = with(
                &place,
                json!({ "test": { "string_property": { "value": value },
                                                          "int_property": { "value": 7 } } }),
            );
            if n == 1 {
                // The number is the same: only what is different is told.
                told["properties"]["test"].as_object_mut().unwrap().remove("int_property");
            }
            let (action, name) = (format!("update_{stem}"), format!("{stem}_updated"));
            let frame = json!({ "action": action, "payload": with(&place, given.clone()) });
            let request = side.begin(frame.clone()).await;
            assert_eq!(side.response(&request).await["payload"], json!({}));
            let own = side.push_in(chat, &name).await;
            assert_eq!((&own.payload, own.request_id), (&told, Some(request)));
            assert_eq!(other.push_in(chat, &name).await.payload, told);
            let hit = sink.hit(&name, |hit| hit.action() == name).await;
            assert_eq!(hit.json["data"], told);
            assert!(hit.json["additional_data"]["chat_properties"].is_object());
            assert_eq!(read(&scene, stem).await["test"]["string_property"]["value"], value);

            // Once more: nothing is different, and only the asking connection hears of it.
            let mark = other.mark();
            let request = side.begin(frame).await;
            side.response(&request).await;
            let own = side.push_in(chat, &name).await;
            assert_eq!(own.request_id, Some(request));
            assert_eq!(own.payload["properties"]["test"]["int_property"]["value"], 7, "as given");
            scene.fence(&format!("{stem} {n}")).await;
            assert_eq!(other.names_since(mark, chat), ["incoming_event"]);
        }
        // Both sides over the Web: one name is gone, and then nothing is left.
        let (customer, agent) = (server.customer_web(&scene.person), server.agent_web(0));
        let (action, name) = (format!("delete_{stem}"), format!("{stem}_deleted"));
        customer.ok(&action, with(&place, json!({ "test": ["int_property"] }))).await;
        let told = with(&place, json!({ "test": ["int_property"] }));
        assert_eq!(ann.push_in(chat, &name).await.payload, told);
        assert_eq!(mia.push_in(chat, &name).await.payload, told);
        agent.ok(&action, with(&place, json!({ "test": ["string_property", "bool_property"] }))).await;
        let told = with(&place, json!({ "test": ["string_property"] }));
        assert_eq!(mia.push_in(chat, &name).await.payload, told);
        assert!(read(&scene, stem).await.get("test").is_none());
    }
    ann.ok("close_thread", json!({ "chat_id": chat })).await;
    bob.push_in(chat, "thread_closed").await;
    assert_eq!(bob.names_since(from, chat), ["thread_closed"], "an outsider hears nothing of it");
    assert_eq!(sink.at("/changes").len(), 3 * 4);
}

#[tokio::test]
async fn each_refusal_says_what_is_wrong_and_changes_nothing() {
    let scene = Scene::start().await;
    let Scene { server, ann, mia, .. } = &scene;
    let stranger = Caller::Rtm(server.customer().await);
    for (stem, place) in scene.places() {
        let update = format!("update_{stem}");
        for caller in [Caller::Web(server.agent_web(0)), Caller::Web(server.customer_web(&scene.person))] {
            for (properties, says) in [
                (json!({ "nowhere": { "x": 1 } }), "properties.nowhere.x"),
                (json!({ "test": { "int_property": "one" } }), "properties.test.int_property"),
                (json!({ "test": { "int_property": 3_000_000_000_u64 } }), "properties.test.int_property"),
                (json!({ "rating": { "score": 2 } }), "properties.rating.score"),
                (
                    json!({ "test": { "string_property": "x".repeat(4097) } }),
                    "properties.test.string_property",
                ),
                (json!({ "test": [] }), "properties.test"),
                (json!(null), "properties"),
            ] {
                let error = caller.err(&update, with(&place, properties)).await;
                assert_eq!(error.kind, "validation");
                assert!(error.message.starts_with(says), "{says}: {error:?}");
            }
            let error =
                caller.err(&format!("delete_{stem}"), with(&place, json!({ "nowhere": ["x"] }))).await;
            assert!(error.message.starts_with("properties.nowhere.x"), "{error:?}");
        }
        if stem != "event_properties" {
            let engines = with(&place, json!({ "routing": { "idle": true } }));
            assert_eq!(ann.err(&update, engines).await.kind, "authorization");
        }
        // A foreign chat is like none.
        let good = json!({ "test": { "bool_property": true } });
        let foreign = stranger.err(&update, with(&place, good.clone())).await;
        let mut unknown = with(&place, good.clone());
        unknown["chat_id"] = json!("NOSUCHCHAT");
        assert_eq!(foreign, stranger.err(&update, unknown).await);
        for (field, value, message) in [
            (
                "thread_id",
                json!("THR0000001"),
                if stem == "event_properties" { "Event not found" } else { "Thread not found" },
            ),
            ("event_id", json!(format!("{}_99", scene.thread)), "Event not found"),
        ] {
            if place.get(field).is_some() {
                let mut wrong = with(&place, good.clone());
                wrong[field] = value;
                assert_eq!(mia.err(&update, wrong).await.message, message);
            }
        }
        assert!(read(&scene, stem).await.get("test").is_none());
    }
    let hidden = json!({ "type": "message", "text": "secret", "recipients": "agents" });
    let sent = ann.ok("send_event", json!({ "chat_id": scene.chat, "event": hidden })).await;
    let place = json!({ "chat_id": scene.chat, "thread_id": scene.thread, "event_id": sent["event"]["id"] });
    let good = with(&place, json!({ "test": { "bool_property": true } }));
    assert_eq!(mia.err("update_event_properties", good.clone()).await.message, "Event not found");
    ann.ok("update_event_properties", good).await;
    scene.fence("nothing of the note").await;
    assert!(!mia.names_since(0, &scene.chat).contains(&"event_properties_updated".to_owned()));
}

#[tokio::test]
async fn a_rating_is_told_to_agents_after_the_end_as_well() {
    let scene = Scene::start().await;
    let Scene { server, ann, mia, chat, thread, .. } = &scene;
    ann.ok("close_thread", json!({ "chat_id": chat })).await;
    mia.push_in(chat, "thread_closed").await;
    let from = mia.mark();
    let rate = json!({ "chat_id": chat, "thread_id": thread, "properties": { "rating": { "score": 1, "comment": "fine" } } });
    mia.ok("update_chat_thread_properties", rate).await;
    let rated = ann.system_message(chat, "rating.chat_rated").await.payload["event"].clone();
    assert_eq!(rated["text_vars"]["score"], "1");
    assert_eq!(rated["recipients"], "agents");
    let commented = ann.system_message(chat, "rating.chat_commented").await;
    assert_eq!(commented.payload["event"]["text_vars"]["comment"], "fine");
    let cancel = json!({ "chat_id": chat, "thread_id": thread, "properties": { "rating": ["score"] } });
    mia.ok("delete_chat_thread_properties", cancel).await;
    ann.system_message(chat, "rating.chat_rating_canceled").await;
    assert_eq!(
        mia.names_since(from, chat),
        ["chat_thread_properties_updated", "chat_thread_properties_deleted"],
        "what is said about it is for agents"
    );
    let look = server.look(chat).await;
    assert_eq!(list(&look["threads"]).len(), 1, "no thread was opened");
    assert_eq!(look["threads"][0]["active"], false);
}

fn card() -> Value {
    let button = |id: &str| json!({ "text": id, "postback_id": id, "user_ids": [] });
    json!({ "type": "rich_message", "template_id": "cards", "elements": [
        { "title": "One", "buttons": [button("buy"), button("no")] },
        { "title": "Two", "buttons": [button("buy")] } ] })
}

fn presses(event: &Value) -> Vec<Vec<String>> {
    let users =
        |button: &Value| list(&button["user_ids"]).iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    list(&event["elements"]).iter().flat_map(|element| list(&element["buttons"])).map(users).collect()
}

#[tokio::test]
async fn a_postback_toggles_all_its_buttons_and_is_told_while_the_thread_is_active() {
    let scene = Scene::start().await;
    let Scene { server, ann, mia, chat, thread, .. } = &scene;
    let event = ann.ok("send_event", json!({ "chat_id": chat, "event": card() })).await["event"].clone();
    let press = |toggled: bool| {
        json!({ "chat_id": chat, "thread_id": thread, "event_id": event["id"],
                "postback": { "id": "buy", "toggled": toggled } })
    };
    let name = "incoming_rich_message_postback";
    let frame = json!({ "action": "send_rich_message_postback", "payload": press(true) });
    let request = mia.begin(frame).await;
    assert_eq!(mia.response(&request).await["payload"], json!({}));
    let own = mia.push_in(chat, name).await;
    assert_eq!(own.request_id, Some(request));
    let mut told = press(true);
    told["user_id"] = json!(mia.id);
    assert_eq!((&own.payload, &ann.push_in(chat, name).await.payload), (&told, &told));
    let one = vec![mia.id.clone()];
    for side in [ann, mia] {
        let updated = side.push_in(chat, "event_updated").await;
        assert_eq!(presses(&updated.payload["event"]), [one.clone(), vec![], one.clone()]);
        assert_eq!(updated.request_id, None);
    }
    let agent = server.agent_web(0);
    agent.ok("send_rich_message_postback", press(true)).await;
    let both = vec![mia.id.clone(), ann.id.clone()];
    for side in [ann, mia] {
        assert_eq!(presses(&side.push_in(chat, "event_updated").await.payload["event"])[0], both);
    }

    ann.ok("close_thread", json!({ "chat_id": chat })).await;
    ann.push_in(chat, "thread_closed").await;
    let from = ann.mark();
    server.customer_web(&scene.person).ok("send_rich_message_postback", press(false)).await;
    let updated = ann.push_in(chat, "event_updated").await;
    assert_eq!(presses(&updated.payload["event"])[0], [ann.id.as_str()]);
    assert_eq!(ann.names_since(from, chat), ["event_updated"], "the thread is closed");
    let mut wrong = press(true);
    wrong["postback"]["id"] = json!("sell");
    for caller in [Caller::Web(server.agent_web(0)), Caller::Web(server.customer_web(&scene.person))] {
        let error = caller.err("send_rich_message_postback", wrong.clone()).await;
        assert!(error.message.starts_with("postback.id"), "{error:?}");
        let error = caller.err("send_rich_message_postback", json!({ "chat_id": chat })).await;
        assert_eq!(error.message, "thread_id: missing");
    }
}

#[tokio::test]
async fn events_of_long_and_old_threads_change_and_stay_changed_after_kill_9() {
    let mut scene = Scene::start().await;
    let (chat, thread) = (scene.chat.clone(), scene.thread.clone());
    let big = "x".repeat(6 * 1024);
    let mut events = vec![scene.event.clone()];
    let say = |text: String| json!({ "chat_id": chat, "event": { "type": "message", "text": text } });
    for n in 0..20 {
        let sent = scene.mia.ok("send_event", say(format!("{n} {big}"))).await;
        events.push(id(&sent["event"]));
    }
    // The first thread is closed and another one begun: nothing of it is in the head any more.
    scene.ann.ok("close_thread", json!({ "chat_id": chat })).await;
    scene.ann.ok("activate_chat", json!({ "chat": { "id": chat } })).await;
    let mut wanted: Vec<Option<i64>> = vec![None; events.len()];
    let mut value = 0;
    for round in 0..3 {
        // Round 1 begins with everything in stored chunks, as after any start.
        let (customer, agent) = (scene.server.customer_web(&scene.person), scene.server.agent_web(0));
        let touched: BTreeSet<usize> = [0, 1, 7, 8 + round, 13, 20].into();
        for at in touched {
            value += 1;
            let args = json!({ "chat_id": chat, "thread_id": thread, "event_id": events[at],
                               "properties": { "test": { "int_property": value } } });
            if at % 2 == 0 {
                customer.ok("update_event_properties", args).await;
            } else {
                agent.ok("update_event_properties", args).await;
            }
            wanted[at] = Some(value);
        }
        let gone = json!({ "chat_id": chat, "thread_id": thread, "event_id": events[13],
                           "properties": { "test": ["int_property"] } });
        agent.ok("delete_event_properties", gone).await;
        wanted[13] = None;
        check(&scene.server, &chat, &events, &wanted).await;
        scene.server.kill_9().await;
        scene.server.restart().await;
        check(&scene.server, &chat, &events, &wanted).await;
    }
}

/// The properties of the first thread's events are these.
async fn check(server: &Server, chat: &str, events: &[String], wanted: &[Option<i64>]) {
    let look = server.look(chat).await;
    let found = list(&look["threads"][0]["events"]);
    for (event, wanted) in events.iter().zip(wanted) {
        let shown = found.iter().find(|shown| shown["id"] == event.as_str()).unwrap();
        let value = shown["properties"]["test"]["int_property"]["value"].as_i64();
        assert_eq!(value, *wanted, "{event}");
    }
    assert!(found.len() > events.len(), "all else is there, too");
}

#[tokio::test]
async fn commands_behind_a_look_up_keep_their_order() {
    let mut scene = Scene::start().await;
    let big = "x".repeat(9 * 1024);
    for n in 0..4 {
        let event = json!({ "type": "message", "text": format!("{n} {big}") });
        scene.mia.ok("send_event", json!({ "chat_id": scene.chat, "event": event })).await;
    }
    scene.server.kill_9().await;
    scene.server.restart().await;
    let mia = scene.server.customer_rtm(&scene.person).await;
    let mut asked = Vec::new();
    for n in 0..6 {
        let set = json!({ "chat_id": scene.chat, "thread_id": scene.thread, "event_id": scene.event,
                          "properties": { "test": { "int_property": n } } });
        asked.push(mia.begin(json!({ "action": "update_event_properties", "payload": set })).await);
        let event = json!({ "type": "message", "text": format!("after {n}") });
        let say = json!({ "chat_id": scene.chat, "event": event });
        asked.push(mia.begin(json!({ "action": "send_event", "payload": say })).await);
    }
    for request in &asked {
        assert_eq!(mia.response(request).await["success"], true);
    }
    mia.message("after 5").await;
    let heard: Vec<_> = mia.since(0).into_iter().filter_map(|push| push.request_id).collect();
    let heard: Vec<_> = heard.into_iter().filter(|request| asked.contains(request)).collect();
    assert_eq!(heard, asked, "in the order of asking");
}
