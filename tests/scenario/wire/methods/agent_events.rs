//! Events, signals and multicast of agents (5.3).

use crate::wire::table::Cause::{Push, To};
use crate::wire::table::Kind::{Any, Bool, Int, List, Map, Text, Word};
use crate::wire::table::{CASE, Case, Closed, Field, Method, Over, Role, Scene, agent, opt, req};

use super::{C2_RO, CHAT, EVENT, INT32, MESSAGE, NAME, PROPERTY, THREAD, V_RW};

/// The fields of `send_event` with a message.
pub(super) const MESSAGE_FIELDS: &[Field] = &[
    req("chat_id", CHAT),
    req("event", Map),
    req("event.type", Word),
    req("event.text", Text).over(MESSAGE),
    opt("event.custom_id", Text).over(NAME),
    opt("event.recipients", Word),
    opt("event.properties", Map),
    opt("event.properties.test", Map),
    opt("event.properties.test.int_property", Int).over(INT32),
    opt("event.properties.test.string_property", Text).over(PROPERTY),
    opt("attach_to_last_thread", Bool),
    opt("require_active_thread", Bool),
];

/// A message with everything.
pub(super) const A_MESSAGE: &str = r#"{"chat_id":"$chat","event":{"type":"message","text":"hello",
    "custom_id":"c1","recipients":"all","properties":{"test":{"int_property":1,"string_property":"s"}}}}"#;

/// A file.
pub(super) const A_FILE: &str = r#"{"chat_id":"$chat","event":{"type":"file","name":"a.png",
    "url":"https://cdn.example.org/a.png","content_type":"image/png","size":1}}"#;

/// The fields of an event of `file`.
pub(super) const FILE_FIELDS: &[Field] = &[
    req("event.url", Text).over(&[Over::Chars(2048)]),
    opt("event.name", Text).over(&[Over::Chars(4 * 1024)]),
    opt("event.content_type", Text),
    opt("event.size", Int).over(&[Over::Number(10 * 1024 * 1024 + 1), Over::Number(-1)]),
];

/// A filled form.
pub(super) const A_FORM: &str = r#"{"chat_id":"$chat","event":{"type":"filled_form","form_id":"f1","fields":[
    {"type":"name","id":"q1","label":"Name","answer":"Mia"},
    {"type":"radio","id":"q2","label":"Topic","answer":{"id":"0","label":"Orders"}},
    {"type":"checkbox","id":"q3","label":"More","answers":[{"id":"0","label":"Orders"}]},
    {"type":"group_chooser","id":"q4","label":"Team","answer":{"group_id":1,"label":"Sales"}}]}}"#;

/// The fields of an event of `filled_form`.
pub(super) const FORM_FIELDS: &[Field] = &[
    req("event.form_id", Text),
    req("event.fields", List).over(&[Over::Items(64)]),
    req("event.fields.0.type", Word),
    req("event.fields.0.id", Text),
    req("event.fields.0.label", Text),
    opt("event.fields.0.answer", Text),
    req("event.fields.1.answer.id", Text),
    opt("event.fields.2.answers", List),
    req("event.fields.3.answer.group_id", Int),
];

/// A custom event.
pub(super) const A_CUSTOM: &str =
    r#"{"chat_id":"$chat","event":{"type":"custom","content":{"any":["thing",1,null]}}}"#;

/// The fields of an event of `custom`.
pub(super) const CUSTOM_FIELDS: &[Field] = &[req("event.content", Map).over(&[Over::Wide(16 * 1024)])];

/// A rich message.
pub(super) const A_RICH: &str = r#"{"chat_id":"$chat","event":{"type":"rich_message","template_id":"cards",
    "elements":[{"title":"Card","subtitle":"Sub","image":{"url":"https://example.com/a.png","name":"a.png"},
    "buttons":[{"text":"Buy","postback_id":"buy","user_ids":[],"type":"phone","value":"1",
        "webview_height":"tall"}]}]}}"#;

/// The fields of an event of `rich_message`.
pub(super) const RICH_FIELDS: &[Field] = &[
    req("event.template_id", Text),
    opt("event.elements", List).over(&[Over::Items(10), Over::Empty]),
    opt("event.elements.0.title", Text),
    opt("event.elements.0.subtitle", Text),
    opt("event.elements.0.image", Map),
    req("event.elements.0.image.url", Text).over(&[Over::Chars(2048)]),
    opt("event.elements.0.buttons", List).over(&[Over::Items(11), Over::Empty]),
    req("event.elements.0.buttons.0.text", Text),
    req("event.elements.0.buttons.0.postback_id", Text),
    opt("event.elements.0.buttons.0.type", Text),
    opt("event.elements.0.buttons.0.webview_height", Word),
];

pub(super) const ROWS: &[Method] = &[
    Method {
        scopes: V_RW,
        closed: Closed::Opens,
        cases: &[
            Case { payload: A_MESSAGE, fields: MESSAGE_FIELDS, causes: &[Push("incoming_event")], ..CASE },
            Case {
                payload: r#"{"chat_id":"$chat","event":{"type":"message","text":"note","recipients":"agents"}}"#,
                causes: &[To("incoming_event", &[Role::Holder, Role::Follower])],
                ..CASE
            },
            Case {
                payload: r#"{"chat_id":"$chat","event":{"type":"system_message","text":"note",
                    "system_message_type":"own.type","text_vars":{"a":"b"},"recipients":"all"}}"#,
                fields: &[
                    req("event.text", Text).over(MESSAGE),
                    req("event.system_message_type", Text),
                    opt("event.text_vars", Map),
                    opt("event.text_vars.a", Text),
                ],
                causes: &[Push("incoming_event")],
                ..CASE
            },
            Case {
                payload: r#"{"chat_id":"$chat",
                    "event":{"type":"annotation","annotation_type":"rating","text":"good"}}"#,
                fields: &[req("event.annotation_type", Text), opt("event.text", Text).over(MESSAGE)],
                causes: &[Push("incoming_event")],
                ..CASE
            },
            Case { payload: A_FILE, fields: FILE_FIELDS, causes: &[Push("incoming_event")], ..CASE },
            Case { payload: A_FORM, fields: FORM_FIELDS, causes: &[Push("incoming_event")], ..CASE },
            Case { payload: A_CUSTOM, fields: CUSTOM_FIELDS, causes: &[Push("incoming_event")], ..CASE },
            Case { payload: A_RICH, fields: RICH_FIELDS, causes: &[Push("incoming_event")], ..CASE },
            Case {
                payload: r#"{"chat_id":"$chat","event":{"type":"message","text":"yes",
                    "postback":{"id":"buy","thread_id":"$thread","event_id":"$rich","type":"t","value":"v"}}}"#,
                fields: &[
                    opt("event.postback", Map),
                    req("event.postback.id", Text),
                    req("event.postback.thread_id", Text),
                    req("event.postback.event_id", Text),
                    req("event.postback.type", Text),
                    req("event.postback.value", Text),
                ],
                causes: &[Push("incoming_event")],
                ..CASE
            },
        ],
        ..agent("send_event")
    },
    Method { rtm: false, scopes: V_RW, cases: &[CASE], ..agent("send_file") },
    Method { rtm: false, cases: &[CASE], ..agent("upload_file") },
    Method { rtm: false, cases: &[CASE], ..agent("upload_image") },
    Method {
        scopes: &["chats.conversation--all:rw", "chats.conversation--my:rw"],
        closed: Closed::Tells("event_updated"),
        cases: &[Case {
            payload: r#"{"chat_id":"$chat","thread_id":"$thread","event_id":"$rich",
                "postback":{"id":"buy","toggled":true}}"#,
            fields: POSTBACK_FIELDS,
            causes: &[Push("incoming_rich_message_postback"), Push("event_updated")],
            ..CASE
        }],
        ..agent("send_rich_message_postback")
    },
    Method {
        scopes: V_RW,
        closed: Closed::Same,
        cases: &[
            Case {
                payload: r#"{"chat_id":"$chat","is_typing":true,"recipients":"all"}"#,
                fields: &[req("chat_id", CHAT), req("is_typing", Bool), opt("recipients", Word)],
                causes: &[To("incoming_typing_indicator", &[Role::Follower, Role::Customer])],
                ..CASE
            },
            Case {
                payload: r#"{"chat_id":"$chat","is_typing":true,"recipients":"agents"}"#,
                causes: &[To("incoming_typing_indicator", &[Role::Follower])],
                ..CASE
            },
        ],
        ..agent("send_typing_indicator")
    },
    Method {
        scopes: &["multicast:rw"],
        cases: &[
            Case {
                scene: Scene::Customer,
                payload: r#"{"scopes":{"agents":{"ids":["$colleague"],"groups":[2]},
                    "customers":{"ids":["$customer"]}},"content":{"for":"$customer"},"type":"alert"}"#,
                fields: &[
                    req("scopes", Map),
                    opt("scopes.agents", Map),
                    opt("scopes.agents.all", Bool),
                    opt("scopes.agents.ids", List),
                    opt("scopes.agents.ids.0", Text),
                    opt("scopes.agents.groups", List),
                    opt("scopes.customers", Map),
                    opt("scopes.customers.ids", List),
                    req("content", Any),
                    opt("type", Text),
                ],
                causes: &[To(
                    "incoming_multicast",
                    &[Role::Asker, Role::Colleague, Role::Outsider, Role::Customer],
                )],
                ..CASE
            },
            Case {
                scene: Scene::Customer,
                payload: r#"{"scopes":{"agents":{"all":true}},"content":{"for":"$customer"}}"#,
                fields: &[opt("scopes.agents.all", Bool)],
                causes: &[To(
                    "incoming_multicast",
                    &[Role::Holder, Role::Follower, Role::Colleague, Role::Outsider],
                )],
                ..CASE
            },
        ],
        ..agent("multicast")
    },
    Method {
        scopes: C2_RO,
        closed: Closed::Same,
        cases: &[Case {
            payload: r#"{"chat_id":"$chat"}"#,
            fields: &[req("chat_id", CHAT), opt("timestamp", Int)],
            causes: &[Push("last_seen_timestamp_updated")],
            ..CASE
        }],
        ..agent("update_last_seen_timestamp")
    },
];

/// The fields of `send_rich_message_postback`.
pub(super) const POSTBACK_FIELDS: &[Field] = &[
    req("chat_id", CHAT),
    req("thread_id", THREAD),
    req("event_id", EVENT),
    req("postback", Map),
    req("postback.id", Text),
    req("postback.toggled", Bool),
];
