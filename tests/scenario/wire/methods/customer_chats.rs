//! Chats, threads and events of customers (6).

use crate::wire::table::Cause::{Push, Quiet, To};
use crate::wire::table::Kind::{Bool, Int, List, Map, Text, Word};
use crate::wire::table::{By, CASE, Case, Closed, Method, Over, Role, Scene, customer, opt, req};

use super::agent_events::{
    A_CUSTOM, A_FILE, A_FORM, A_MESSAGE, A_RICH, CUSTOM_FIELDS, FILE_FIELDS, FORM_FIELDS, MESSAGE_FIELDS,
    POSTBACK_FIELDS, RICH_FIELDS,
};
use super::{CHAT, INITIAL_EVENTS, INT32, MESSAGE, NAME, NOT_NEGATIVE, PAGE_25, PAGE_100, PROPERTY, URL};

pub(super) const ROWS: &[Method] = &[
    Method {
        web: false,
        by: By::NewConnection,
        cases: &[Case {
            payload: r#"{"token":"$customer_token","group_id":1,
                "customer":{"name":"Mia","email":"mia@example.com","avatar":"https://example.com/a.png",
                    "fields":{"plan":"free"}},
                "customer_page":{"url":"https://shop.example/","title":"Shop"},"referrer":"https://example.com/",
                "customer_side_storage":{"visits":"5"},"is_mobile":false}"#,
            fields: &[
                req("token", Text),
                opt("group_id", Int),
                opt("customer", Map),
                opt("customer.name", Text).over(NAME),
                opt("customer.email", Text).over(NAME),
                opt("customer.avatar", Text).over(URL),
                opt("customer.fields", Map),
                opt("customer.fields.plan", Text),
                opt("customer_page", Map),
                opt("customer_page.url", Text).over(URL),
                opt("customer_page.title", Text),
                opt("referrer", Text).over(URL),
                opt("customer_side_storage", Map),
                opt("customer_side_storage.visits", Text),
                opt("is_mobile", Bool),
            ],
            causes: &[
                Push("customer_updated"),
                Push("customer_page_updated"),
                Quiet("customer_side_storage_updated", &[Role::Customer]),
            ],
            ..CASE
        }],
        ..customer("login")
    },
    Method { web: false, cases: &[Case { scene: Scene::Customer, ..CASE }], ..customer("ping") },
    Method {
        closed: Closed::Same,
        cases: &[Case {
            payload: r#"{"offset":0,"limit":25}"#,
            fields: &[opt("offset", Int).over(PAGE_100), opt("limit", Int).over(PAGE_25)],
            ..CASE
        }],
        ..customer("get_chats_summary")
    },
    Method {
        closed: Closed::Same,
        cases: &[Case {
            payload: r#"{"chat_id":"$chat","thread_ids":["$thread"]}"#,
            fields: &[req("chat_id", CHAT), opt("thread_ids", List), opt("thread_ids.0", Text)],
            ..CASE
        }],
        ..customer("get_chat_threads")
    },
    Method {
        closed: Closed::Same,
        cases: &[Case {
            payload: r#"{"chat_id":"$chat","offset":0,"limit":100}"#,
            fields: &[
                req("chat_id", CHAT),
                opt("offset", Int).over(NOT_NEGATIVE),
                opt("limit", Int).over(PAGE_100),
            ],
            ..CASE
        }],
        ..customer("get_chat_threads_summary")
    },
    Method {
        cases: &[Case {
            scene: Scene::Customer,
            payload: r#"{"chat":{"access":{"group_ids":[1]},
                "properties":{"test":{"int_property":1,"string_property":"s"}},
                "thread":{"events":[{"type":"message","text":"hello"}],
                    "properties":{"test":{"bool_property":true}}}},"continuous":false}"#,
            fields: &[
                opt("chat", Map),
                opt("chat.access", Map),
                req("chat.access.group_ids", List),
                opt("chat.access.group_ids.0", Int),
                opt("chat.properties", Map),
                opt("chat.properties.test", Map),
                opt("chat.properties.test.int_property", Int).over(INT32),
                opt("chat.properties.test.string_property", Text).over(PROPERTY),
                opt("chat.thread", Map),
                opt("chat.thread.events", List).over(INITIAL_EVENTS),
                opt("chat.thread.events.0", Map),
                req("chat.thread.events.0.type", Word),
                req("chat.thread.events.0.text", Text).over(MESSAGE),
                opt("chat.thread.properties", Map),
                opt("chat.thread.properties.test.bool_property", Bool),
                opt("continuous", Bool),
            ],
            causes: &[
                Push("incoming_chat_thread"),
                // Whoever followed an earlier thread no longer does.
                To("incoming_event", &[Role::Holder, Role::Customer]),
            ],
            ..CASE
        }],
        ..customer("start_chat")
    },
    Method {
        cases: &[Case {
            scene: Scene::Closed,
            payload: r#"{"chat":{"id":"$chat","access":{"group_ids":[1]},
                "properties":{"test":{"int_property":1}},
                "thread":{"events":[{"type":"message","text":"hello"}],
                    "properties":{"test":{"bool_property":true}}}},"continuous":false}"#,
            fields: &[
                req("chat", Map),
                req("chat.id", CHAT),
                opt("chat.access", Map),
                opt("chat.properties", Map),
                opt("chat.properties.test.int_property", Int).over(INT32),
                opt("chat.thread", Map),
                opt("chat.thread.events", List).over(INITIAL_EVENTS),
                req("chat.thread.events.0.text", Text).over(MESSAGE),
                opt("chat.thread.properties.test.bool_property", Bool),
                opt("continuous", Bool),
            ],
            causes: &[
                Push("incoming_chat_thread"),
                // Whoever followed an earlier thread no longer does.
                To("incoming_event", &[Role::Holder, Role::Customer]),
            ],
            ..CASE
        }],
        ..customer("activate_chat")
    },
    Method {
        closed: Closed::Refused,
        cases: &[Case {
            payload: r#"{"chat_id":"$chat"}"#,
            fields: &[req("chat_id", CHAT)],
            causes: &[Push("thread_closed"), Push("incoming_event")],
            ..CASE
        }],
        ..customer("close_thread")
    },
    Method {
        closed: Closed::Opens,
        cases: &[
            Case { payload: A_MESSAGE, fields: MESSAGE_FIELDS, causes: &[Push("incoming_event")], ..CASE },
            Case { payload: A_FILE, fields: FILE_FIELDS, causes: &[Push("incoming_event")], ..CASE },
            Case { payload: A_FORM, fields: FORM_FIELDS, causes: &[Push("incoming_event")], ..CASE },
            Case { payload: A_CUSTOM, fields: CUSTOM_FIELDS, causes: &[Push("incoming_event")], ..CASE },
            Case { payload: A_RICH, fields: RICH_FIELDS, causes: &[Push("incoming_event")], ..CASE },
        ],
        ..customer("send_event")
    },
    Method { rtm: false, cases: &[CASE], ..customer("send_file") },
    Method { rtm: false, cases: &[CASE], ..customer("upload_file") },
    Method {
        closed: Closed::Tells("event_updated"),
        cases: &[Case {
            payload: r#"{"chat_id":"$chat","thread_id":"$thread","event_id":"$rich",
                "postback":{"id":"buy","toggled":true}}"#,
            fields: POSTBACK_FIELDS,
            causes: &[Push("incoming_rich_message_postback"), Push("event_updated")],
            ..CASE
        }],
        ..customer("send_rich_message_postback")
    },
    Method {
        closed: Closed::Refused,
        cases: &[Case {
            payload: r#"{"chat_id":"$chat","sneak_peek_text":"I wan"}"#,
            fields: &[req("chat_id", CHAT), req("sneak_peek_text", Text).over(&[Over::Chars(16 * 1024)])],
            causes: &[Push("incoming_sneak_peek")],
            ..CASE
        }],
        ..customer("send_sneak_peek")
    },
    Method {
        closed: Closed::Same,
        cases: &[Case {
            payload: r#"{"chat_id":"$chat"}"#,
            fields: &[req("chat_id", CHAT), opt("timestamp", Int)],
            causes: &[Push("last_seen_timestamp_updated")],
            ..CASE
        }],
        ..customer("update_last_seen_timestamp")
    },
];
