//! Bots, webhooks and property definitions (7).

use crate::wire::table::Cause::{Hook, Push};
use crate::wire::table::Kind::{Any, Bool, Int, List, Map, Text, Word};
use crate::wire::table::{CASE, Case, Field, Method, Over, Scene, configuration, opt, req};

use super::{A_BOT, A_WEBHOOK, NAME, NOT_NEGATIVE, URL};

/// A count that an int32 holds.
const COUNT: &[Over] = &[Over::Number(-1), Over::Number(i32::MAX as i64 + 1)];

const OWN_BOTS: &[&str] = &["agents-bot--my:rw"];
const READ_BOTS: &[&str] = &["agents-bot--my:ro", "agents-bot--all:ro"];

const DEFINITION: &str = r#"{"$name":{"type":"int","description":"d","range":{"from":1,"to":5},
    "locations":{"chat":{"access":{"agent":{"read":true,"write":true},
        "customer":{"read":true,"write":false}}}}}}"#;

const DEFINITION_FIELDS: &[Field] = &[
    opt("$name", Map),
    req("$name.type", Word),
    opt("$name.description", Text),
    opt("$name.range", Map),
    opt("$name.range.from", Int),
    opt("$name.range.to", Int),
    req("$name.locations", Map),
    opt("$name.locations.chat", Map),
    req("$name.locations.chat.access", Map),
    opt("$name.locations.chat.access.agent", Map),
    req("$name.locations.chat.access.agent.read", Bool),
    req("$name.locations.chat.access.agent.write", Bool),
];

pub(super) const ROWS: &[Method] = &[
    Method {
        scopes: OWN_BOTS,
        cases: &[Case {
            scene: Scene::Nothing,
            payload: r#"{"name":"Parcel bot","avatar":"cdn.example.org/p.png","status":"not accepting chats",
                "max_chats_count":4,"default_group_priority":"normal","groups":[{"id":2,"priority":"last"}],
                "webhooks":{"url":"http://127.0.0.1:9/hook","secret_key":"s3cr3t","actions":[
                    {"name":"incoming_event","additional_data":["chat_properties"],
                        "filters":{"chat_properties":{"source":{"type":{"values":["sms"]}}}}}]}}"#,
            fields: &[
                req("name", Text).over(&[Over::Chars(256), Over::Empty]),
                opt("avatar", Text).over(URL),
                req("status", Word),
                opt("max_chats_count", Int).over(COUNT),
                opt("default_group_priority", Word),
                opt("groups", List),
                req("groups.0.id", Int).over(NOT_NEGATIVE),
                req("groups.0.priority", Word),
                opt("webhooks", Map),
                req("webhooks.url", Word),
                req("webhooks.secret_key", Text),
                req("webhooks.actions", List),
                req("webhooks.actions.0.name", Word),
                opt("webhooks.actions.0.additional_data", List),
                opt("webhooks.actions.0.additional_data.0", Word),
                opt("webhooks.actions.0.filters", Map),
                opt("webhooks.actions.0.filters.chat_properties", Map),
                opt("webhooks.actions.0.filters.chat_properties.source.type.values", List),
            ],
            ..CASE
        }],
        ..configuration("create_bot_agent")
    },
    Method {
        scopes: OWN_BOTS,
        cases: &[Case {
            scene: Scene::Bot,
            payload: r#"{"id":"$bot","name":"Parcel bot","avatar":"cdn.example.org/p.png",
                "status":"accepting chats","max_chats_count":4,"default_group_priority":"last",
                "groups":[{"id":2,"priority":"supervisor"}]}"#,
            fields: &[
                req("id", A_BOT),
                opt("name", Text).over(NAME),
                opt("avatar", Text).over(URL),
                opt("status", Word),
                opt("max_chats_count", Int).over(COUNT),
                opt("default_group_priority", Word),
                opt("groups", List),
                req("groups.0.id", Int).over(NOT_NEGATIVE),
                req("groups.0.priority", Word),
                opt("webhooks", Map),
            ],
            causes: &[Push("agent_updated")],
            ..CASE
        }],
        ..configuration("update_bot_agent")
    },
    Method {
        scopes: OWN_BOTS,
        cases: &[Case {
            scene: Scene::Bot,
            payload: r#"{"bot_agent_id":"$bot"}"#,
            fields: &[req("bot_agent_id", A_BOT)],
            causes: &[Hook("agent_deleted")],
            ..CASE
        }],
        ..configuration("remove_bot_agent")
    },
    Method {
        scopes: READ_BOTS,
        cases: &[
            Case { scene: Scene::Bot, ..CASE },
            Case { scene: Scene::Bot, payload: r#"{"all":true}"#, fields: &[opt("all", Bool)], ..CASE },
        ],
        ..configuration("get_bot_agents")
    },
    Method {
        scopes: READ_BOTS,
        cases: &[Case {
            scene: Scene::Bot,
            payload: r#"{"bot_agent_id":"$bot"}"#,
            fields: &[req("bot_agent_id", A_BOT)],
            ..CASE
        }],
        ..configuration("get_bot_agent_details")
    },
    Method {
        scopes: &["webhooks--my:rw"],
        cases: &[Case {
            scene: Scene::Nothing,
            payload: r#"{"url":"http://127.0.0.1:9/hook","action":"incoming_event","secret_key":"s3cr3t",
                "description":"d","additional_data":["access"],
                "filters":{"author_type":"customer","only_my_chats":true,
                    "chat_member_ids":{"agents_any":["$holder"]}}}"#,
            fields: &[
                req("url", Word),
                req("action", Word),
                req("secret_key", Text),
                opt("description", Text),
                opt("additional_data", List),
                opt("additional_data.0", Word),
                opt("filters", Map),
                opt("filters.author_type", Word),
                opt("filters.only_my_chats", Bool),
                opt("filters.chat_member_ids", Map),
                opt("filters.chat_member_ids.agents_any", List),
                opt("filters.chat_member_ids.agents_any.0", Text),
            ],
            ..CASE
        }],
        ..configuration("register_webhook")
    },
    Method {
        scopes: &["webhooks--my:ro", "webhooks--all:ro"],
        cases: &[Case { scene: Scene::Webhook, ..CASE }],
        ..configuration("get_webhooks_config")
    },
    Method {
        scopes: &["webhooks--my:rw"],
        cases: &[Case {
            scene: Scene::Webhook,
            payload: r#"{"webhook_id":"$webhook"}"#,
            fields: &[req("webhook_id", A_WEBHOOK)],
            ..CASE
        }],
        ..configuration("unregister_webhook")
    },
    Method {
        scopes: &["properties--my:rw"],
        cases: &[
            Case { scene: Scene::Nothing, payload: DEFINITION, fields: DEFINITION_FIELDS, ..CASE },
            Case {
                scene: Scene::Nothing,
                payload: r#"{"$name":{"type":"string","domain":["a","b"],
                    "locations":{"event":{"access":{"customer":{"read":true,"write":true}}}}}}"#,
                fields: &[opt("$name.domain", List), opt("$name.domain.0", Any)],
                ..CASE
            },
        ],
        ..configuration("create_properties")
    },
    Method {
        scopes: &["properties--my:ro", "properties--all:ro"],
        cases: &[
            Case { scene: Scene::Nothing, ..CASE },
            Case { scene: Scene::Nothing, payload: r#"{"all":true}"#, fields: &[opt("all", Bool)], ..CASE },
        ],
        ..configuration("get_property_configs")
    },
];
