//! Connections and status of agents (5.6).

use crate::wire::table::Cause::Push;
use crate::wire::table::Kind::{Bool, Map, Text, Word};
use crate::wire::table::{By, CASE, Case, Method, Scene, agent, opt, req};

use super::AN_AGENT;

pub(super) const ROWS: &[Method] = &[
    Method {
        web: false,
        by: By::NewConnection,
        cases: &[Case {
            scene: Scene::Nothing,
            payload: r#"{"token":"$newcomer_token","timezone":"Europe/Warsaw","reconnect":false,
                "push_notifications":{"firebase_token":"f","platform":"ios"},
                "application":{"name":"App","version":"1"}}"#,
            fields: &[
                req("token", Text),
                opt("timezone", Text),
                opt("reconnect", Bool),
                opt("push_notifications", Map),
                opt("push_notifications.firebase_token", Text),
                req("push_notifications.platform", Word),
                opt("application", Map),
                opt("application.name", Text),
                opt("application.version", Text),
            ],
            causes: &[Push("agent_updated")],
            ..CASE
        }],
        ..agent("login")
    },
    Method {
        web: false,
        by: By::OwnConnection,
        cases: &[Case { scene: Scene::Nothing, causes: &[Push("agent_updated")], ..CASE }],
        ..agent("logout")
    },
    Method { web: false, cases: &[Case { scene: Scene::Nothing, ..CASE }], ..agent("ping") },
    Method {
        scopes: &["agents--my:rw", "agents--all:rw"],
        by: By::Colleague,
        cases: &[
            Case {
                scene: Scene::Nothing,
                payload: r#"{"routing_status":"not_accepting_chats"}"#,
                fields: &[opt("routing_status", Word)],
                causes: &[Push("agent_updated")],
                ..CASE
            },
            Case {
                scene: Scene::Nothing,
                payload: r#"{"agent_id":"$colleague","routing_status":"accepting_chats"}"#,
                fields: &[opt("agent_id", AN_AGENT), opt("routing_status", Word)],
                causes: &[Push("agent_updated")],
                ..CASE
            },
        ],
        ..agent("update_agent")
    },
    Method {
        web: false,
        scopes: &["agents--my:rw"],
        by: By::OwnConnection,
        cases: &[Case {
            scene: Scene::Nothing,
            payload: r#"{"away":true}"#,
            fields: &[req("away", Bool)],
            ..CASE
        }],
        ..agent("set_away_status")
    },
    Method {
        web: false,
        cases: &[Case {
            scene: Scene::Nothing,
            payload: r#"{"firebase_token":"f","platform":"ios","enabled":true}"#,
            fields: &[req("firebase_token", Text), req("platform", Word), req("enabled", Bool)],
            ..CASE
        }],
        ..agent("change_push_notifications")
    },
];
