//! The five methods that make, change, show and remove bots.

use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::shape::{Is, assert_shape, id, list, text};

fn full() -> Value {
    json!({
        "name": "Parcel bot",
        "avatar": "cdn.example.org/p.png",
        "status": "not accepting chats",
        "max_chats_count": 4,
        "default_group_priority": "last",
        "groups": [{ "id": 0, "priority": "last" }, { "id": 2, "priority": "first" }],
        "webhooks": {
            "url": "http://127.0.0.1:9/hook",
            "secret_key": "s3cr3t",
            "actions": [
                { "name": "incoming_chat_thread",
                  "filters": { "chat_properties": { "source": { "type": { "values": ["sms", "mail"] } } } } },
                { "name": "incoming_event", "filters": { "author_type": "customer", "only_my_chats": true },
                  "additional_data": ["chat_properties", "access"] },
                { "name": "chat_user_added", "additional_data": ["thread_id"],
                  "filters": { "chat_member_ids": { "agents_any": ["agent1@example.com"] } } },
                { "name": "chat_user_removed", "filters": {
                    "chat_member_ids": { "agents_exclude": ["agent1@example.com"] },
                    "chat_properties": { "test": { "int_property": { "exclude_values": [1, 2] },
                                                   "bool_property": { "exists": true } } } } },
                { "name": "thread_closed" },
            ],
        },
    })
}

/// What `get_bot_agent_details` shows of a bot made with these fields by the demo's application.
fn shown(server: &Server, bot: &str, fields: &Value) -> Value {
    let mut shown = fields.clone();
    let map = shown.as_object_mut().unwrap();
    map.remove("default_group_priority");
    map.insert("id".into(), json!(bot));
    map.insert("application".into(), json!({ "client_id": server.ready["client_id"] }));
    shown
}

#[tokio::test]
async fn every_field_comes_back_changes_alone_and_goes_with_the_bot() {
    let server = Server::start().await;
    let configuration = server.configuration();
    let created = configuration.ok("create_bot_agent", full()).await;
    assert_shape(&created, &[("bot_agent_id", Is::Str)]);
    let bot = text(&created["bot_agent_id"]);
    assert!(!bot.contains('@'), "its id is no address");
    let mut fields = full();
    assert_eq!(server.bot_details(&bot).await, shown(&server, &bot, &fields));

    // One field at a time: that one changes, the others stay. Lists and objects are replaced as a whole.
    let webhooks = json!({ "url": "https://bots.example.org/other", "secret_key": "new",
                           "actions": [{ "name": "incoming_event" }] });
    let changes = [
        json!({ "name": "Renamed" }),
        json!({ "avatar": "https://cdn.example.org/q.png" }),
        json!({ "status": "accepting chats" }),
        json!({ "max_chats_count": 0 }),
        json!({ "groups": [{ "id": 1, "priority": "normal" }] }),
        json!({ "groups": [{ "id": 1, "priority": "supervisor" }, { "id": 0, "priority": "first" }] }),
        json!({ "webhooks": webhooks }),
        json!({ "status": "offline" }),
        json!({ "default_group_priority": "supervisor" }),
        json!({ "name": "Twice", "max_chats_count": 500 }),
        json!({}),
    ];
    for change in changes {
        let mut request = change.clone();
        request["id"] = json!(bot);
        assert_eq!(configuration.ok("update_bot_agent", request).await, json!({}));
        fields.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(server.bot_details(&bot).await, shown(&server, &bot, &fields), "after {change}");
    }

    // The smallest bot: defaults, and what was never set is left out. Names need not be unique.
    let small = server.bot(json!({ "name": "Twice", "status": "offline" })).await;
    let details = server.bot_details(&small).await;
    assert_eq!(details["max_chats_count"], 6);
    let missing = [("avatar", Is::Missing), ("webhooks", Is::Missing), ("groups", Is::List)];
    assert_shape(&details, &missing);

    // The list shows four fields.
    let listed = configuration.ok("get_bot_agents", json!({ "all": false })).await;
    assert_eq!(list(&listed["bot_agents"]).len(), 2);
    let entry = list(&listed["bot_agents"]).iter().find(|entry| entry["id"] == bot.as_str()).unwrap();
    let expected = json!({ "id": bot, "name": "Twice", "avatar": fields["avatar"], "status": "offline" });
    assert_eq!(entry, &expected);

    // Removed, it is as if it had never been.
    let which = json!({ "bot_agent_id": bot });
    assert_eq!(configuration.ok("remove_bot_agent", which.clone()).await, json!({}));
    for action in ["get_bot_agent_details", "remove_bot_agent"] {
        let (status, error) = configuration.err(action, which.clone()).await;
        assert_eq!((status, error.kind.as_str()), (400, "validation"), "{action}");
    }
    assert_eq!(configuration.err("update_bot_agent", json!({ "id": bot })).await.1.kind, "validation");
    let listed = configuration.ok("get_bot_agents", json!({})).await;
    let left: Vec<_> = list(&listed["bot_agents"]).iter().map(id).collect();
    assert_eq!(left, [small]);
}

/// What BotIn refuses, each with the name of the field at fault.
fn refusals() -> Vec<(&'static str, Value)> {
    let action = |action: Value| {
        json!({ "webhooks":
        { "url": "https://bots.example.org/", "secret_key": "s", "actions": [action] } })
    };
    let hook = |hook: Value| json!({ "webhooks": hook });
    let actions = json!([{ "name": "incoming_event" }]);
    vec![
        ("name", json!({ "name": "" })),
        ("name", json!({ "name": "   " })),
        ("name", json!({ "name": 7 })),
        ("name", json!({ "name": "n".repeat(257) })),
        ("status", json!({ "status": "accepting_chats" })),
        ("status", json!({ "status": "Offline" })),
        ("status", json!({ "status": true })),
        ("max_chats_count", json!({ "max_chats_count": -1 })),
        ("max_chats_count", json!({ "max_chats_count": 1.5 })),
        ("max_chats_count", json!({ "max_chats_count": 2_147_483_648_u64 })),
        ("max_chats_count", json!({ "max_chats_count": "6" })),
        ("avatar", json!({ "avatar": ["no text"] })),
        ("default_group_priority", json!({ "default_group_priority": "highest" })),
        ("groups", json!({ "groups": { "id": 0 } })),
        ("priority", json!({ "groups": [{ "id": 0 }] })),
        ("id", json!({ "groups": [{ "priority": "first" }] })),
        ("id", json!({ "groups": [{ "id": -1, "priority": "first" }] })),
        ("priority", json!({ "groups": [{ "id": 0, "priority": "best" }] })),
        ("webhooks", json!({ "webhooks": "https://bots.example.org/" })),
        ("url", hook(json!({ "secret_key": "s", "actions": actions }))),
        ("url", hook(json!({ "url": "bots.example.org/hook", "secret_key": "s", "actions": actions }))),
        ("url", hook(json!({ "url": "/hook", "secret_key": "s", "actions": actions }))),
        ("url", hook(json!({ "url": "ftp://bots.example.org/", "secret_key": "s", "actions": actions }))),
        ("secret_key", hook(json!({ "url": "https://bots.example.org/", "actions": actions }))),
        ("actions", hook(json!({ "url": "https://bots.example.org/", "secret_key": "s" }))),
        ("name", action(json!({ "name": "incoming_typing_indicator" }))),
        ("name", action(json!({}))),
        ("author_type", action(json!({ "name": "thread_closed", "filters": { "author_type": "agent" } }))),
        ("author_type", action(json!({ "name": "incoming_event", "filters": { "author_type": "bot" } }))),
        (
            "chat_member_ids",
            action(json!({ "name": "incoming_event", "filters": { "chat_member_ids":
            { "agents_any": ["a"], "agents_exclude": ["b"] } } })),
        ),
        ("additional_data", action(json!({ "name": "thread_closed", "additional_data": ["thread_id"] }))),
        ("additional_data", action(json!({ "name": "incoming_event", "additional_data": ["weather"] }))),
    ]
}

#[tokio::test]
async fn what_is_refused_names_its_field_and_changes_nothing() {
    let server = Server::start().await;
    let configuration = server.configuration();
    let bot = server.bot(full()).await;
    let before = server.bot_details(&bot).await;
    for (field, bad) in refusals() {
        let mut create = json!({ "name": "New", "status": "offline" });
        // A good field beside the bad one must not be kept either.
        let mut update = json!({ "id": bot, "avatar": "changed" });
        create.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        update.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        for (action, body) in [("create_bot_agent", create), ("update_bot_agent", update)] {
            let (status, error) = configuration.err(action, body).await;
            assert_eq!((status, error.kind.as_str()), (400, "validation"), "{action} {bad}");
            assert!(error.message.contains(field), "`{field}` is not named: {error:?} for {bad}");
        }
    }
    // A group that does not exist may be told by its own type.
    let nowhere = json!({ "id": bot, "groups": [{ "id": 99, "priority": "first" }] });
    let (_, error) = configuration.err("update_bot_agent", nowhere).await;
    assert!(["validation", "group_not_found"].contains(&error.kind.as_str()), "{error:?}");

    for (field, missing) in [("name", json!({ "status": "offline" })), ("status", json!({ "name": "New" }))] {
        let (_, error) = configuration.err("create_bot_agent", missing).await;
        assert!(error.kind == "validation" && error.message.contains(field), "{error:?}");
    }
    let nobody = "0f3b6f5e9c1d4a7b8e2f60718293a4b5";
    for (action, body, field) in [
        ("update_bot_agent", json!({ "name": "No id" }), "id"),
        ("update_bot_agent", json!({ "id": nobody }), nobody),
        ("remove_bot_agent", json!({}), "bot_agent_id"),
        ("remove_bot_agent", json!({ "bot_agent_id": nobody }), nobody),
        ("remove_bot_agent", json!({ "bot_agent_id": server.agent_id(1) }), ""),
        ("get_bot_agent_details", json!({}), "bot_agent_id"),
        ("get_bot_agent_details", json!({ "bot_agent_id": 5 }), "bot_agent_id"),
        ("get_bot_agents", json!({ "all": "yes" }), "all"),
    ] {
        let (status, error) = configuration.err(action, body.clone()).await;
        assert_eq!((status, error.kind.as_str()), (400, "validation"), "{action} {body}");
        let named = field == nobody || error.message.contains(field);
        assert!(named, "`{field}` is not named: {error:?} for {action}");
    }

    assert_eq!(server.bot_details(&bot).await, before, "a refused update changes nothing");
    let listed = configuration.ok("get_bot_agents", json!({})).await;
    assert_eq!(list(&listed["bot_agents"]).len(), 1, "a refused creation makes nothing");
}
