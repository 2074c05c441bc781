//! What a bot hears by webhook, and when.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::rtm::Rtm;
use crate::support::server::Server;
use crate::support::shape::{Is, assert_shape, id, list, text};
use crate::support::sink::{Hit, Sink};

const ALL: [&str; 5] =
    ["incoming_chat_thread", "incoming_event", "thread_closed", "chat_user_added", "chat_user_removed"];

/// The push with the same content as the delivery.
async fn same_push(agent: &Rtm, hit: &Hit) -> Value {
    let data = &hit.json["data"];
    let fits = |payload: &Value| match hit.action() {
        "incoming_event" => payload["event"]["id"] == data["event"]["id"],
        "incoming_chat_thread" => payload["chat"]["thread"]["id"] == data["chat"]["thread"]["id"],
        "chat_user_added" => payload["user"]["id"] == data["user"]["id"],
        "chat_user_removed" => payload["user_id"] == data["user_id"],
        _ => payload["thread_id"] == data["thread_id"],
    };
    agent.push(hit.action(), fits).await.payload
}

#[tokio::test]
async fn the_five_actions_come_in_order_with_the_data_of_the_push() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let sink = Sink::start().await;
    let actions = json!(["thread_closed", "chat_user_removed",
        { "name": "incoming_chat_thread", "additional_data": ["chat_properties"] },
        { "name": "incoming_event", "additional_data": ["chat_properties", "access"] },
        { "name": "chat_user_added", "additional_data": ["access", "thread_id", "chat_properties"] }]);
    let bot = server
        .bot(json!({ "status": "not accepting chats", "webhooks": sink.webhooks("/bot", actions) }))
        .await;
    let properties = json!({ "properties": { "test": { "string_property": "sms" } } });
    let (person, chat) = server.chat(properties).await;
    let member = json!({ "chat_id": chat["id"], "user_id": bot, "user_type": "agent" });
    let note = json!({ "type": "message", "text": "a note", "recipients": "agents" });
    let bot_web = server.agent_web(0).acting_as(&bot);
    bot_web.ok("add_user_to_chat", member.clone()).await;
    bot_web.ok("send_event", json!({ "chat_id": chat["id"], "event": note })).await;
    bot_web.ok("remove_user_from_chat", member).await;
    let event = json!({ "type": "message", "text": "bye" });
    let payload = json!({ "chat_id": chat["id"], "event": event });
    server.customer_web(&person).ok("send_event", payload).await;
    server.close(&person, &chat).await;
    sink.hit("the end", |hit| hit.action() == "thread_closed").await;

    // One chat, one endpoint: strictly in order, and the end is the last, so all of them are here.
    let hits = sink.at("/bot");
    for hit in &hits {
        let keys: Vec<_> =
            hit.json.as_object().unwrap().keys().filter(|key| *key != "additional_data").collect();
        let mut keys: Vec<_> = keys.into_iter().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["action", "data", "secret_key", "webhook_id"]);
        assert_eq!(hit.json["secret_key"], "s3cr3t");
        let mut push = same_push(&ann, hit).await;
        let mut data = hit.json["data"].clone();
        // Whether somebody follows is a matter of the one who asks; a bot that only listens does not.
        for chat in [&mut push, &mut data] {
            if let Some(chat) = chat.get_mut("chat").and_then(Value::as_object_mut) {
                chat.remove("is_followed");
            }
        }
        assert_eq!(data, push, "`data` is the payload of the push {}", hit.action());
    }
    let story: Vec<_> = hits
        .iter()
        .map(|hit| match hit.action() {
            "incoming_event" => {
                let event = &hit.json["data"]["event"];
                event["system_message_type"].as_str().unwrap_or_else(|| event["text"].as_str().unwrap())
            }
            action => action,
        })
        .filter(|told| !["agent_joined", "agent_added", "agent_left", "agent_removed"].contains(told))
        .collect();
    let expected = [
        "incoming_chat_thread",
        "routing.assigned",
        "chat_user_added",
        "a note",
        "chat_user_removed",
        "bye",
        "manual_archived_customer",
        "thread_closed",
    ];
    assert_eq!(story, expected);

    check_additional_data(&hits, &chat);
    // One id per bot and action, also in the next chat.
    let (_, second) = server.chat(json!({})).await;
    let again = sink
        .hit("the second chat", |hit| hit.action() == "incoming_chat_thread" && hit.is_about(&id(&second)));
    let again = again.await.json["webhook_id"].clone();
    assert_eq!(again, hits[0].json["webhook_id"]);
    assert_eq!(id_of(&hits, "incoming_chat_thread"), text(&again));
    let mut ids: Vec<_> = ALL.iter().map(|action| id_of(&hits, action)).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), ALL.len(), "each action has its own id");
}

/// The one `webhook_id` of an action.
fn id_of(hits: &[Hit], action: &str) -> String {
    let of_action = hits.iter().filter(|hit| hit.action() == action);
    let mut ids: Vec<_> = of_action.map(|hit| text(&hit.json["webhook_id"])).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{action}: {ids:?}");
    ids.remove(0)
}

fn check_additional_data(hits: &[Hit], chat: &Value) {
    for hit in hits {
        let extra = &hit.json["additional_data"];
        match hit.action() {
            "thread_closed" | "chat_user_removed" => {
                assert_shape(&hit.json, &[("additional_data", Is::Missing)]);
                continue;
            }
            "incoming_chat_thread" => assert_eq!(extra.as_object().unwrap().len(), 1),
            "incoming_event" => assert_eq!(extra["access"], json!({ "group_ids": [0] })),
            _ => {
                assert_eq!(extra["access"], json!({ "group_ids": [0] }));
                assert_eq!(extra["thread_id"], chat["thread"]["id"]);
            }
        }
        assert_eq!(extra["chat_properties"]["test"]["string_property"]["value"], "sms");
    }
}

#[tokio::test]
async fn filters_let_through_what_they_say() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let sink = Sink::start().await;
    let property = |filter: Value| json!({ "chat_properties": { "test": { "string_property": filter } } });
    let filters = [
        ("/all", json!({})),
        ("/customer", json!({ "author_type": "customer" })),
        ("/agent", json!({ "author_type": "agent" })),
        ("/any", json!({ "chat_member_ids": { "agents_any": [ann.id, "nobody"] } })),
        ("/exclude", json!({ "chat_member_ids": { "agents_exclude": [ann.id] } })),
        ("/nobody", json!({ "chat_member_ids": { "agents_any": ["nobody"] } })),
        ("/values", property(json!({ "values": ["sms", "mail"] }))),
        ("/not", property(json!({ "exclude_values": ["sms"] }))),
        ("/exists", property(json!({ "exists": true }))),
        ("/absent", property(json!({ "exists": false }))),
        ("/mine", json!({ "only_my_chats": true })),
        (
            "/both",
            json!({ "author_type": "customer",
            "chat_properties": { "test": { "string_property": { "values": ["sms"] } } } }),
        ),
    ];
    for (path, filters) in &filters {
        let actions = json!([{ "name": "incoming_event", "filters": filters }]);
        server
            .bot(json!({ "status": "not accepting chats", "webhooks": sink.webhooks(path, actions) }))
            .await;
    }

    // Chat by chat; each is named by what is in it. The last one has an event for every filter.
    let test = |value: &str| json!({ "test": { "string_property": value } });
    let own = json!({ "source": { "client_id": server.ready["client_id"] } });
    let foreign = json!({ "source": { "client_id": "another-app" } });
    for (name, properties) in
        [("plain", json!({})), ("sms", test("sms")), ("web", test("web")), ("own", own), ("foreign", foreign)]
    {
        let (person, chat) = server.chat(json!({ "properties": properties })).await;
        let say = |who: &str| {
            let event = json!({ "type": "message", "text": format!("{name} {who}") });
            json!({ "chat_id": chat["id"], "event": event })
        };
        server.customer_web(&person).ok("send_event", say("customer")).await;
        ann.ok("send_event", say("agent")).await;
    }
    let customer = |name: &str| format!("{name} customer");
    let agent = |name: &str| format!("{name} agent");
    let every = ["plain", "sms", "web", "own", "foreign"];
    let of = |names: &[&str]| names.iter().flat_map(|name| [customer(name), agent(name)]).collect::<Vec<_>>();
    let expected = [
        ("/all", of(&every)),
        ("/customer", every.map(customer).to_vec()),
        ("/agent", every.map(agent).to_vec()),
        ("/any", of(&every)),
        ("/exclude", vec![]),
        ("/nobody", vec![]),
        ("/values", of(&["sms"])),
        ("/not", of(&["plain", "web", "own", "foreign"])),
        ("/exists", of(&["sms", "web"])),
        ("/absent", of(&["plain", "own", "foreign"])),
        ("/mine", of(&["own"])),
        ("/both", vec![customer("sms")]),
    ];
    for (path, texts) in &expected {
        for text in texts {
            sink.message(path, text).await;
        }
    }

    // The fence: every filter is opened, and after the next event nothing else than that has come.
    let bots = server.configuration().ok("get_bot_agents", json!({})).await;
    for bot in list(&bots["bot_agents"]) {
        let mut webhooks = server.bot_details(&id(bot)).await["webhooks"].clone();
        webhooks["actions"] = json!([{ "name": "incoming_event" }]);
        server.update_bot(&id(bot), json!({ "webhooks": webhooks })).await;
    }
    let fence = json!({ "thread": { "events": [] } });
    let (person, chat) = server.chat(fence).await;
    let event = json!({ "type": "message", "text": "fence" });
    server.customer_web(&person).ok("send_event", json!({ "chat_id": chat["id"], "event": event })).await;
    for (path, texts) in expected {
        sink.message(path, "fence").await;
        let mut heard = sink.texts(path);
        let mut texts = texts;
        texts.push("fence".to_owned());
        // Order is promised per chat only.
        heard.sort();
        texts.sort();
        assert_eq!(heard, texts, "{path}");
    }
}

#[tokio::test]
async fn an_offline_or_removed_bot_hears_nothing_and_nothing_is_replayed() {
    let server = Server::start().await;
    let _ann = server.agent(0).await;
    let sink = Sink::start().await;
    let hook = |path: &str| sink.webhooks(path, json!(["incoming_event"]));
    let listener =
        server.bot(json!({ "webhooks": hook("/listener"), "status": "not accepting chats" })).await;
    let sleeper = server.bot(json!({ "webhooks": hook("/sleeper"), "status": "offline" })).await;
    let leaver = server.bot(json!({ "webhooks": hook("/leaver"), "status": "not accepting chats" })).await;
    let (person, chat) = server.chat(json!({})).await;
    let customer = server.customer_web(&person);
    let say = async |text: &str| {
        let event = json!({ "type": "message", "text": text });
        customer.ok("send_event", json!({ "chat_id": chat["id"], "event": event })).await
    };

    say("one").await;
    sink.message("/listener", "one").await;
    sink.message("/leaver", "one").await;
    server.update_bot(&sleeper, json!({ "status": "not accepting chats" })).await;
    server.configuration().ok("remove_bot_agent", json!({ "bot_agent_id": leaver })).await;
    say("two").await;
    sink.message("/sleeper", "two").await;
    sink.message("/listener", "two").await;
    // A new `webhooks` object ends the old one; accepting chats delivers as well.
    let update = json!({ "webhooks": hook("/moved"), "status": "accepting chats" });
    server.update_bot(&listener, update).await;
    say("three").await;
    sink.message("/moved", "three").await;
    sink.message("/sleeper", "three").await;
    server.update_bot(&sleeper, json!({ "status": "offline" })).await;
    say("four").await;
    sink.message("/moved", "four").await;
    server.update_bot(&sleeper, json!({ "status": "accepting chats" })).await;
    say("five").await;
    sink.message("/sleeper", "five").await;
    sink.message("/moved", "five").await;

    assert_eq!(sink.texts("/sleeper"), ["two", "three", "five"]);
    assert_eq!(sink.texts("/listener"), ["one", "two"]);
    assert_eq!(sink.texts("/moved"), ["three", "four", "five"]);
    assert_eq!(sink.texts("/leaver"), ["one"]);
}

#[tokio::test]
async fn what_a_bot_is_owed_follows_it_to_its_new_address() {
    let server = Server::start().await;
    let _ann = server.agent(0).await;
    let sink = Sink::start().await;
    let hook = |path: &str| {
        sink.webhooks(path, json!([{ "name": "incoming_event", "filters": { "author_type": "customer" } }]))
    };
    let bot = server.bot(json!({ "webhooks": hook("/dead"), "status": "not accepting chats" })).await;
    sink.answer(|_| 503);
    let (person, chat) = server.chat(json!({})).await;
    let customer = server.customer_web(&person);
    for n in 0..3 {
        let event = json!({ "type": "message", "text": n.to_string() });
        customer.ok("send_event", json!({ "chat_id": chat["id"], "event": event })).await;
    }
    sink.hit("the first of them", |hit| hit.path == "/dead").await;
    // A new `webhooks` object ends the old one, also for what it has not got.
    sink.answer(|_| 200);
    server.update_bot(&bot, json!({ "webhooks": hook("/alive") })).await;
    let old = sink.at("/dead").len();
    sink.message("/alive", "2").await;
    let heard: Vec<_> = sink.texts("/alive").into_iter().filter(|text| text.len() == 1).collect();
    assert_eq!(heard, ["0", "1", "2"]);
    assert!(sink.at("/dead").len() <= old + 1, "but for one that was under way");
    let seen = server.admin_ok("GET", &format!("/webhooks/{bot}"), json!(null)).await;
    assert_eq!((&seen["url"], &seen["state"]), (&json!(sink.url("/alive")), &json!("active")));
}

#[tokio::test]
async fn calls_of_many_chats_go_over_a_few_connections() {
    let server = Server::start().await;
    let sink = Sink::start().await;
    let hook = sink.webhooks("/bot", json!(["incoming_event"]));
    server.bot(json!({ "webhooks": hook, "status": "accepting chats", "max_chats_count": 100 })).await;
    let mut talks = Vec::new();
    for _ in 0..20 {
        let mia = server.customer().await;
        let chat = id(&mia.ok("start_chat", json!({ "chat": {} })).await["chat"]);
        talks.push((mia, chat));
    }
    for n in 0..20 {
        for (mia, chat) in &talks {
            let event = json!({ "type": "message", "text": n.to_string() });
            let payload = json!({ "chat_id": chat, "event": event });
            mia.begin(json!({ "action": "send_event", "payload": payload })).await;
        }
    }
    for (_, chat) in &talks {
        sink.hit("a chat's last message", |hit| hit.is_about(chat) && hit.says("19")).await;
    }
    // 8 calls run at once; while one ends and the next begins, a connection more may be made and kept.
    let peers: BTreeSet<_> = sink.at("/bot").iter().map(|hit| hit.peer).collect();
    assert!(peers.len() <= 64, "{} connections for {} calls", peers.len(), sink.at("/bot").len());
}
