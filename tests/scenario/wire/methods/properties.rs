//! Properties and tags, which both sides write alike (5.4 and 6).

use crate::wire::table::Cause::Push;
use crate::wire::table::Kind::{Int, List, Map, Text};
use crate::wire::table::{CASE, Case, Closed, Field, Method, Over, Scene, agent, customer, opt, req};

use super::{C_RW, CHAT, EVENT, INT32, PROPERTY, THREAD, V_RW};

const CHAT_UPDATE: Case = Case {
    payload: r#"{"chat_id":"$chat","properties":{"test":{"int_property":1,"string_property":"s"}}}"#,
    fields: &[
        req("chat_id", CHAT),
        req("properties", Map),
        opt("properties.test", Map),
        opt("properties.test.int_property", Int).over(INT32),
        opt("properties.test.string_property", Text).over(PROPERTY),
    ],
    causes: &[Push("chat_properties_updated")],
    ..CASE
};

const CHAT_DELETE: Case = Case {
    scene: Scene::Propertied,
    payload: r#"{"chat_id":"$chat","properties":{"test":["int_property"]}}"#,
    fields: &[
        req("chat_id", CHAT),
        req("properties", Map),
        opt("properties.test", List),
        opt("properties.test.0", Text),
    ],
    causes: &[Push("chat_properties_deleted")],
    ..CASE
};

const THREAD_UPDATE: Case = Case {
    payload: r#"{"chat_id":"$chat","thread_id":"$thread",
        "properties":{"test":{"int_property":1,"string_property":"s"}}}"#,
    fields: &[
        req("chat_id", CHAT),
        req("thread_id", THREAD),
        req("properties", Map),
        opt("properties.test", Map),
        opt("properties.test.int_property", Int).over(INT32),
        opt("properties.test.string_property", Text).over(PROPERTY),
    ],
    causes: &[Push("chat_thread_properties_updated")],
    ..CASE
};

const THREAD_DELETE: Case = Case {
    scene: Scene::Propertied,
    payload: r#"{"chat_id":"$chat","thread_id":"$thread","properties":{"test":["int_property"]}}"#,
    fields: &[
        req("chat_id", CHAT),
        req("thread_id", THREAD),
        req("properties", Map),
        opt("properties.test", List),
        opt("properties.test.0", Text),
    ],
    causes: &[Push("chat_thread_properties_deleted")],
    ..CASE
};

const EVENT_UPDATE: Case = Case {
    payload: r#"{"chat_id":"$chat","thread_id":"$thread","event_id":"$event",
        "properties":{"test":{"int_property":1,"string_property":"s"}}}"#,
    fields: &[
        req("chat_id", CHAT),
        req("thread_id", THREAD),
        req("event_id", EVENT),
        req("properties", Map),
        opt("properties.test", Map),
        opt("properties.test.int_property", Int).over(INT32),
        opt("properties.test.string_property", Text).over(PROPERTY),
    ],
    causes: &[Push("event_properties_updated")],
    ..CASE
};

const EVENT_DELETE: Case = Case {
    scene: Scene::Propertied,
    payload: r#"{"chat_id":"$chat","thread_id":"$thread","event_id":"$event",
        "properties":{"test":["int_property"]}}"#,
    fields: &[
        req("chat_id", CHAT),
        req("thread_id", THREAD),
        req("event_id", EVENT),
        req("properties", Map),
        opt("properties.test", List),
        opt("properties.test.0", Text),
    ],
    causes: &[Push("event_properties_deleted")],
    ..CASE
};

const TAG_FIELDS: &[Field] =
    &[req("chat_id", CHAT), req("thread_id", THREAD), req("tag", Text).over(&[Over::Chars(64), Over::Empty])];

const fn of_agents(name: &'static str, cases: &'static [Case]) -> Method {
    Method { scopes: V_RW, closed: Closed::Same, cases, ..agent(name) }
}

const fn of_customers(name: &'static str, cases: &'static [Case]) -> Method {
    Method { closed: Closed::Same, cases, ..customer(name) }
}

pub(super) const ROWS: &[Method] = &[
    of_agents("update_chat_properties", &[CHAT_UPDATE]),
    of_agents("delete_chat_properties", &[CHAT_DELETE]),
    of_agents("update_chat_thread_properties", &[THREAD_UPDATE]),
    of_agents("delete_chat_thread_properties", &[THREAD_DELETE]),
    of_agents("update_event_properties", &[EVENT_UPDATE]),
    of_agents("delete_event_properties", &[EVENT_DELETE]),
    Method {
        scopes: C_RW,
        closed: Closed::Same,
        cases: &[Case {
            payload: r#"{"chat_id":"$chat","thread_id":"$thread","tag":"refund"}"#,
            fields: TAG_FIELDS,
            causes: &[Push("chat_thread_tagged")],
            ..CASE
        }],
        ..agent("tag_chat_thread")
    },
    Method {
        scopes: C_RW,
        closed: Closed::Same,
        cases: &[Case {
            scene: Scene::Propertied,
            payload: r#"{"chat_id":"$chat","thread_id":"$thread","tag":"tagged"}"#,
            fields: TAG_FIELDS,
            causes: &[Push("chat_thread_untagged")],
            ..CASE
        }],
        ..agent("untag_chat_thread")
    },
    of_customers("update_chat_properties", &[CHAT_UPDATE]),
    of_customers("delete_chat_properties", &[CHAT_DELETE]),
    of_customers("update_chat_thread_properties", &[THREAD_UPDATE]),
    of_customers("delete_chat_thread_properties", &[THREAD_DELETE]),
    of_customers("update_event_properties", &[EVENT_UPDATE]),
    of_customers("delete_event_properties", &[EVENT_DELETE]),
];
