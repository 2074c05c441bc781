//! What answers and pushes look like.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::rtm::{Rtm, Side};
use crate::support::server::Server;
use crate::support::shape::{Is, assert_shape, id, list, text, user};
use crate::support::web::send;

const EVENT: [(&str, Is); 8] = [
    ("id", Is::Str),
    ("order", Is::Int),
    ("timestamp", Is::Int),
    ("type", Is::Str),
    ("author_id", Is::Str),
    ("recipients", Is::Str),
    ("text", Is::Str),
    ("custom_id", Is::Str),
];

const THREAD: [(&str, Is); 7] = [
    ("id", Is::Str),
    ("timestamp", Is::Int),
    ("active", Is::Bool),
    ("order", Is::Int),
    ("user_ids", Is::List),
    ("events", Is::List),
    ("properties.routing.unassigned.value", Is::Bool),
];

const CHAT: [(&str, Is); 5] = [
    ("id", Is::Str),
    ("users", Is::List),
    ("access.group_ids", Is::List),
    ("properties.routing.unassigned.value", Is::Bool),
    ("properties.routing.idle.value", Is::Bool),
];

#[tokio::test]
async fn login_and_info_answers() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    assert_shape(
        &ann.welcome,
        &[
            ("license.id", Is::Str),
            ("license.plan", Is::Str),
            ("license.expiration_timestamp", Is::Int),
            ("license.creation_timestamp", Is::Int),
            ("license.in_trial", Is::Bool),
            ("my_profile.id", Is::Str),
            ("my_profile.name", Is::Str),
            ("my_profile.email", Is::Str),
            ("my_profile.avatar", Is::Str),
            ("my_profile.permission", Is::Str),
            ("chats_summary", Is::List),
        ],
    );
    assert_eq!(ann.welcome["license"]["id"], server.license().to_string());
    assert_eq!(ann.welcome["my_profile"]["type"], "agent");
    assert_eq!(ann.welcome["my_profile"]["id"], server.agent_id(0));
    assert_eq!(ann.welcome["my_profile"]["routing_status"], "accepting_chats");
    assert_eq!(ann.welcome["chats_summary"], json!([]));

    // With and without `Bearer`, and with everything that sample clients send beside it.
    let extras = json!({ "token": server.agent_token(1), "timezone": "Europe/Warsaw", "reconnect": false,
        "push_notifications": { "platform": "ios" }, "application": { "name": "App", "version": "1" },
        "routing_scope": null });
    assert_eq!(Rtm::login(&server, Side::Agent, extras).await.id, server.agent_id(1));

    // A customer: the token says who it is; asked again with the id, it is the same one.
    let token = server.customer_token(json!({})).await;
    assert_shape(&token, &[("access_token", Is::Str), ("entity_id", Is::Str), ("expires_in", Is::Int)]);
    assert_eq!(token["client_id"], server.ready["client_id"]);
    let again = server.customer_token(json!({ "customer_id": token["entity_id"] })).await;
    assert_eq!(again["entity_id"], token["entity_id"]);
    let login = json!({ "token": again["access_token"], "customer": { "name": "Mia", "email": "mia@example.com" },
        "customer_page": { "url": "https://shop.example/", "title": "Shop" }, "is_mobile": false });
    let mia = Rtm::login(&server, Side::Customer, login).await;
    assert_eq!(mia.welcome["customer_id"], token["entity_id"]);
    assert_eq!(mia.welcome["has_active_thread"], false);
    assert_eq!(mia.welcome["chats"], json!([]));
    assert_shape(&mia.welcome, &[("__priv_dynamic_config", Is::Map)]);
    let chat = mia.ok("start_chat", json!({ "chat": {} })).await["chat"].clone();
    assert_eq!(user(&chat, &mia.id)["name"], "Mia");
    assert_eq!(user(&chat, &mia.id)["email"], "mia@example.com");

    // With a chat, logins tell of it.
    let person = json!({ "token": token["access_token"] });
    let tab = Rtm::login(&server, Side::Customer, person).await;
    assert_eq!(tab.welcome["has_active_thread"], true);
    assert_eq!(tab.welcome["chats"][0]["chat_id"], chat["id"]);
    assert_shape(&tab.welcome, &[("chats.0.has_unread_events", Is::Bool)]);
    let login = server.agent(0).await.welcome.clone();
    let other = server.agent(1).await.welcome.clone();
    let in_logins = list(&login["chats_summary"]).iter().chain(list(&other["chats_summary"]));
    assert!(in_logins.map(id).any(|found| found == id(&chat)), "no login told of the chat");

    let (status, info) = send(server.raw(Method::GET, "/info").bearer_auth(server.agent_token(0))).await;
    assert_eq!(status, 200);
    assert_eq!(info["entity_id"], server.agent_id(0));
    assert_eq!(info["client_id"], server.ready["client_id"]);
    assert_eq!(info["license_id"], server.license());
    assert!(text(&info["scope"]).split(',').any(|scope| scope.trim() == "chats--all:rw"), "{info}");
    assert_shape(&info, &[("access_token", Is::Str), ("token_type", Is::Str)]);
}

#[tokio::test]
async fn start_chat_shows_everything_at_once() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let bob = server.watcher(1).await;
    let mia = server.customer().await;
    let (from_ann, from_mia) = (ann.mark(), mia.mark());
    let request = json!({ "action": "start_chat", "payload": { "chat": {
        "properties": { "test": { "string_property": "plain", "int_property": { "value": 7 } } },
        "thread": {
            "properties": { "test": { "bool_property": true } },
            "events": [
                { "type": "message", "text": "hello", "custom_id": "c-1", "recipients": "all" },
                { "type": "message", "text": "anyone?", "custom_id": "c-2" },
            ],
        },
    }}});
    let asked = mia.begin(request).await;
    let response = mia.response(&asked).await;
    assert_eq!(response["success"], true, "{response}");
    assert_eq!(response["action"], "start_chat");
    let chat = &response["payload"]["chat"];
    check_started(&server, chat, &mia.id, &ann.id);
    assert_shape(chat, &[("order", Is::Int)]);
    assert_eq!(user(chat, &mia.id)["type"], "customer");
    assert_eq!(user(chat, &mia.id)["present"], true);

    // The customer's own push carries the request_id; the system message comes after it.
    let push = mia.push_in(&id(chat), "incoming_chat_thread").await;
    assert_eq!(push.request_id.as_deref(), Some(asked.as_str()));
    check_started(&server, &push.payload["chat"], &mia.id, &ann.id);
    assert_shape(&push.payload["chat"], &[("order", Is::Int)]);
    let assigned = mia.system_message(&id(chat), "routing.assigned").await;
    assert_shape(&assigned.payload["event"], &[("author_id", Is::Missing), ("text_vars.agent", Is::Str)]);
    assert_eq!(assigned.payload["event"]["type"], "system_message");
    assert_eq!(assigned.payload["event"]["order"], 3);
    assert_eq!(mia.names_since(from_mia, &id(chat)), ["incoming_chat_thread", "incoming_event"]);

    // Agents see more: e-mail, tags, whether they follow. Nobody is told of a request that was not theirs.
    for agent in [&ann, &bob] {
        let push = agent.push_in(&id(chat), "incoming_chat_thread").await;
        assert_eq!(push.request_id, None);
        let seen = &push.payload["chat"];
        check_started(&server, seen, &mia.id, &ann.id);
        assert_shape(seen, &[("is_followed", Is::Bool), ("thread.tags", Is::List)]);
        assert_eq!(user(seen, &ann.id)["email"], server.agent_id(0));
        assert_eq!(user(seen, &ann.id)["routing_status"], "accepting_chats");
    }
    ann.system_message(&id(chat), "routing.assigned").await;
    assert_eq!(ann.names_since(from_ann, &id(chat)), ["incoming_chat_thread", "incoming_event"]);
}

/// The chat of `start_chat_shows_everything_at_once`, as anyone sees it.
fn check_started(server: &Server, chat: &Value, customer: &str, agent: &str) {
    assert_shape(chat, &CHAT);
    assert_shape(&chat["thread"], &THREAD);
    assert_eq!(chat["access"]["group_ids"], json!([0]));
    assert_eq!(chat["properties"]["routing"]["unassigned"]["value"], false);
    assert_eq!(chat["properties"]["test"]["string_property"]["value"], "plain");
    assert_eq!(chat["properties"]["test"]["int_property"]["value"], 7);
    assert_eq!(chat["thread"]["properties"]["test"]["bool_property"]["value"], true);
    let assigned = user(chat, agent);
    assert_shape(assigned, &[("name", Is::Str), ("avatar", Is::Str), ("last_seen_timestamp", Is::Int)]);
    assert_eq!(assigned["type"], "agent");
    assert_eq!(assigned["present"], true);
    assert_eq!(agent, server.agent_id(0));

    let thread = &chat["thread"];
    assert_eq!(thread["active"], true);
    let users = list(&thread["user_ids"]);
    assert!(users.contains(&json!(customer)) && users.contains(&json!(agent)), "{thread:#}");
    for (n, said) in ["hello", "anyone?"].iter().enumerate() {
        let event = &thread["events"][n];
        assert_shape(event, &EVENT);
        assert_eq!(event["order"], n + 1);
        assert_eq!(event["text"], *said);
        assert_eq!(event["custom_id"], format!("c-{}", n + 1));
        assert_eq!(event["author_id"], customer);
        assert_eq!(event["recipients"], "all");
    }
}

#[tokio::test]
async fn every_kind_of_event_is_taken_whole_or_refused() {
    let server = Server::start().await;
    let _ann = server.agent(0).await;
    let (_, chat) = server.chat(json!({})).await;
    let agent = server.agent_web(0);
    let card = |buttons: usize| {
        let button = json!({ "text": "Buy", "postback_id": "buy", "user_ids": [] });
        json!({ "title": "Card", "subtitle": "Sub", "image": { "url": "https://example.com/a.png" },
                "buttons": vec![button; buttons] })
    };
    let rich =
        |elements: Value| json!({ "type": "rich_message", "template_id": "cards", "elements": elements });
    let whole = [
        json!({ "type": "message", "text": "x".repeat(16 * 1024) }),
        json!({ "type": "system_message", "text": "note", "system_message_type": "own.type",
                "text_vars": { "a": "b" } }),
        json!({ "type": "annotation", "annotation_type": "rating", "text": "good" }),
        json!({ "type": "custom", "content": { "any": ["thing", 1, null] } }),
        json!({ "type": "filled_form", "form_id": "f1", "fields": [
            { "type": "name", "id": "q1", "label": "Name", "answer": "Mia" },
            { "type": "checkbox", "id": "q2", "label": "Pick", "answers": [{ "id": "0", "label": "A" }] } ] }),
        rich(json!([card(11)])),
    ];
    for event in &whole {
        let sent = agent.ok("send_event", json!({ "chat_id": chat["id"], "event": event })).await;
        assert_eq!(sent["thread_id"], chat["thread"]["id"]);
        assert_shape(&sent["event"], &EVENT[..3]);
        for (key, value) in event.as_object().unwrap() {
            assert_eq!(&sent["event"][key], value, "`{key}` of {}", event["type"]);
        }
    }
    let refused = [
        json!({ "type": "message" }),
        json!({ "type": "message", "text": 5 }),
        json!({ "type": "message", "text": "ż".repeat(8 * 1024 + 1) }),
        json!({ "type": "message", "text": "x", "custom_id": "c".repeat(257) }),
        json!({ "type": "message", "text": "x", "recipients": "nobody" }),
        json!({ "type": "system_message", "text": "no type" }),
        json!({ "type": "annotation", "text": "no annotation_type" }),
        json!({ "type": "custom", "content": "no object" }),
        json!({ "type": "custom", "content": { "long": "x".repeat(16 * 1024) } }),
        json!({ "type": "rich_message", "elements": [card(1)] }),
        rich(json!([])),
        rich(json!(vec![card(1); 11])),
        rich(json!([card(12)])),
        rich(json!([{ "title": "Card", "image": { "name": "no url" } }])),
        json!({ "type": "of no kind", "text": "x" }),
        json!({ "text": "no type" }),
    ];
    for event in refused {
        let (status, error) = agent.err("send_event", json!({ "chat_id": chat["id"], "event": event })).await;
        assert_eq!((status, error.kind.as_str()), (400, "validation"), "{event}");
    }
    // Nothing of the refused ones stayed behind.
    let thread = server.look(&id(&chat)).await["threads"][0].clone();
    let own = list(&thread["events"]).iter().filter(|event| event["author_id"] == server.agent_id(0)).count();
    assert_eq!(own, whole.len() - 1, "a system message has no author: {thread:#}");
}
