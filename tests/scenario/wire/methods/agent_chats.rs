//! Chats, threads and archives as agents ask for them (5.1).

use crate::wire::table::Cause::{Push, Quiet, To};
use crate::wire::table::Kind::{Bool, Int, List, Map, Text, Word};
use crate::wire::table::{By, CASE, Case, Closed, Method, Over, Role, Scene, agent, opt, req};

use super::{A_CUSTOMER, C_RO, C_RW, C2_RO, CHAT, INITIAL_EVENTS, INT32, MESSAGE, PAGE_100, PROPERTY, V_RW};

pub(super) const ROWS: &[Method] = &[
    Method {
        scopes: C_RO,
        closed: Closed::Same,
        cases: &[Case {
            payload: r#"{"filters":{"include_active":true,"properties":{"routing":{"idle":{"exists":true}}}},
                "order":"desc","limit":10}"#,
            fields: &[
                opt("filters", Map),
                opt("filters.include_active", Bool),
                opt("filters.properties", Map),
                opt("filters.properties.routing", Map),
                opt("filters.properties.routing.idle.exists", Bool),
                opt("order", Word),
                opt("limit", Int).over(PAGE_100),
                opt("page_id", Text),
            ],
            ..CASE
        }],
        ..agent("get_chats_summary")
    },
    Method {
        scopes: C_RO,
        closed: Closed::Same,
        cases: &[Case {
            payload: r#"{"chat_id":"$chat","order":"asc","limit":100}"#,
            fields: &[
                req("chat_id", CHAT),
                opt("order", Word),
                opt("limit", Int).over(PAGE_100),
                opt("page_id", Text),
            ],
            ..CASE
        }],
        ..agent("get_chat_threads_summary")
    },
    Method {
        scopes: C2_RO,
        closed: Closed::Same,
        cases: &[
            Case {
                payload: r#"{"chat_id":"$chat"}"#,
                fields: &[req("chat_id", CHAT), opt("thread_ids", List)],
                ..CASE
            },
            Case {
                payload: r#"{"chat_id":"$chat","thread_ids":["$thread"]}"#,
                fields: &[opt("thread_ids", List), opt("thread_ids.0", Text)],
                ..CASE
            },
        ],
        ..agent("get_chat_threads")
    },
    Method {
        scopes: C_RO,
        closed: Closed::Same,
        cases: &[Case {
            payload: r#"{"filters":{"date_from":"2019-01-01","date_to":"2099-01-01",
                "agent_ids":["$holder"],"group_ids":[1],
                "properties":{"routing":{"idle":{"exists":true}}}},"pagination":{"page":1,"limit":25}}"#,
            fields: &[
                opt("filters", Map),
                opt("filters.date_from", Word),
                opt("filters.date_to", Word),
                opt("filters.agent_ids", List),
                opt("filters.agent_ids.0", Text),
                opt("filters.group_ids", List),
                opt("filters.group_ids.0", Int),
                opt("filters.properties", Map),
                opt("filters.properties.routing.idle.exists", Bool),
                opt("pagination", Map),
                opt("pagination.page", Int).over(&[Over::Number(0), Over::Number(1001)]),
                opt("pagination.limit", Int).over(PAGE_100),
            ],
            ..CASE
        }],
        ..agent("get_archives")
    },
    Method {
        scopes: V_RW,
        cases: &[
            Case {
                scene: Scene::Customer,
                payload: r#"{"chat":{"users":[{"id":"$customer","type":"customer"}],
                    "properties":{"test":{"int_property":1,"string_property":"s"}},"access":{"group_ids":[1]},
                    "is_followed":false,
                    "thread":{"events":[{"type":"message","text":"hello"}],
                        "properties":{"test":{"bool_property":true}},"tags":["refund"]}},
                    "continuous":true}"#,
                fields: &[
                    opt("chat", Map),
                    opt("chat.users", List).over(&[Over::Items(1)]),
                    req("chat.users.0.id", A_CUSTOMER),
                    req("chat.users.0.type", Word),
                    opt("chat.properties", Map),
                    opt("chat.properties.test", Map),
                    opt("chat.properties.test.int_property", Int).over(INT32),
                    opt("chat.properties.test.string_property", Text).over(PROPERTY),
                    opt("chat.access", Map),
                    req("chat.access.group_ids", List),
                    opt("chat.access.group_ids.0", Int),
                    opt("chat.is_followed", Bool),
                    opt("chat.thread", Map),
                    opt("chat.thread.events", List).over(INITIAL_EVENTS),
                    opt("chat.thread.events.0", Map),
                    req("chat.thread.events.0.type", Word),
                    req("chat.thread.events.0.text", Text).over(MESSAGE),
                    opt("chat.thread.properties", Map),
                    opt("chat.thread.properties.test.bool_property", Bool),
                    opt("chat.thread.tags", List),
                    opt("chat.thread.tags.0", Text).over(&[Over::Chars(64)]),
                    opt("continuous", Bool),
                ],
                causes: &[Push("incoming_chat_thread")],
                ..CASE
            },
            // Without access given, every agent has it.
            Case {
                scene: Scene::Nothing,
                payload: r#"{"continuous":true}"#,
                causes: &[To(
                    "incoming_chat_thread",
                    &[Role::Holder, Role::Follower, Role::Colleague, Role::Outsider],
                )],
                ..CASE
            },
        ],
        ..agent("start_chat")
    },
    Method {
        scopes: V_RW,
        cases: &[Case {
            scene: Scene::Closed,
            payload: r#"{"chat":{"id":"$chat","access":{"group_ids":[1]},
                "properties":{"test":{"int_property":1}},
                "thread":{"events":[{"type":"message","text":"hello"}],
                    "properties":{"test":{"bool_property":true}},"tags":["refund"]}},"continuous":true}"#,
            fields: &[
                req("chat", Map),
                req("chat.id", CHAT),
                opt("chat.access", Map),
                opt("chat.properties", Map),
                opt("chat.properties.test.int_property", Int).over(INT32),
                opt("chat.users", List),
                opt("chat.thread", Map),
                opt("chat.thread.events", List).over(INITIAL_EVENTS),
                req("chat.thread.events.0.text", Text).over(MESSAGE),
                opt("chat.thread.properties.test.bool_property", Bool),
                opt("chat.thread.tags", List),
                opt("chat.thread.tags.0", Text).over(&[Over::Chars(64)]),
                opt("continuous", Bool),
            ],
            causes: &[Push("incoming_chat_thread")],
            ..CASE
        }],
        ..agent("activate_chat")
    },
    Method {
        scopes: C_RW,
        closed: Closed::Refused,
        cases: &[
            Case {
                payload: r#"{"chat_id":"$chat"}"#,
                fields: &[req("chat_id", CHAT)],
                causes: &[Push("thread_closed"), Push("incoming_event")],
                ..CASE
            },
            Case {
                payload: r#"{"chat_id":"$chat","require_requester_presence":true}"#,
                fields: &[opt("require_requester_presence", Bool)],
                causes: &[Push("thread_closed"), Push("incoming_event")],
                ..CASE
            },
        ],
        ..agent("close_thread")
    },
    Method {
        // Three texts of the specification, two sets of scopes: either will do.
        scopes: &["chats--all:ro", "chats--access:ro", "chats--my:rw"],
        by: By::Colleague,
        closed: Closed::Same,
        cases: &[Case {
            payload: r#"{"chat_id":"$chat"}"#,
            fields: &[req("chat_id", CHAT)],
            causes: &[Quiet("incoming_chat_thread", &[Role::Colleague])],
            ..CASE
        }],
        ..agent("follow_chat")
    },
    Method {
        by: By::Colleague,
        closed: Closed::Same,
        cases: &[Case { payload: r#"{"chat_id":"$chat"}"#, fields: &[req("chat_id", CHAT)], ..CASE }],
        ..agent("unfollow_chat")
    },
    Method {
        scopes: C2_RO,
        cases: &[Case {
            payload: r#"{"filters":{"include_active":true}}"#,
            fields: &[opt("filters", Map), opt("filters.include_active", Bool)],
            ..CASE
        }],
        ..agent("get_filtered_chats")
    },
];
