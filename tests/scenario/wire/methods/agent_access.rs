//! Access, transfer and users of a chat (5.2).

use crate::wire::table::Cause::{Push, To};
use crate::wire::table::Kind::{Bool, Int, List, Map, Word};
use crate::wire::table::{By, CASE, Case, Closed, Field, Method, Role, Scene, agent, opt, req};

use super::{A_BOT, A_CUSTOMER, AN_AGENT, C_RW, CHAT};

/// Everybody who has access before or after groups 1 and 2 may see the chat.
const BOTH_GROUPS: &[Role] = &[Role::Holder, Role::Follower, Role::Colleague, Role::Outsider];

/// The same, and the customer.
const BOTH_GROUPS_AND_CUSTOMER: &[Role] =
    &[Role::Holder, Role::Follower, Role::Colleague, Role::Outsider, Role::Customer];

const ACCESS: &[Field] = &[
    req("resource", Word),
    req("id", CHAT),
    req("access", Map),
    req("access.type", Word),
    req("access.id", Int),
];

pub(super) const ROWS: &[Method] = &[
    Method {
        scopes: C_RW,
        closed: Closed::Same,
        cases: &[
            Case {
                payload: r#"{"resource":"chat","id":"$chat","access":{"type":"group","id":2}}"#,
                fields: ACCESS,
                causes: &[To("access_granted", BOTH_GROUPS)],
                ..CASE
            },
            Case {
                payload: r#"{"resource":"customer","id":"$customer","access":{"type":"group","id":2}}"#,
                fields: &[req("id", A_CUSTOMER)],
                causes: &[To("access_granted", BOTH_GROUPS)],
                ..CASE
            },
        ],
        ..agent("grant_access")
    },
    Method {
        scopes: C_RW,
        closed: Closed::Same,
        cases: &[Case {
            scene: Scene::OpenToBoth,
            payload: r#"{"resource":"chat","id":"$chat","access":{"type":"group","id":2}}"#,
            fields: ACCESS,
            causes: &[To("access_revoked", BOTH_GROUPS)],
            ..CASE
        }],
        ..agent("revoke_access")
    },
    Method {
        scopes: C_RW,
        closed: Closed::Same,
        cases: &[
            Case {
                scene: Scene::OpenToBoth,
                payload: r#"{"resource":"chat","id":"$chat","access":{"type":"group","id":1}}"#,
                fields: ACCESS,
                causes: &[To("access_set", BOTH_GROUPS_AND_CUSTOMER)],
                ..CASE
            },
            Case {
                payload: r#"{"resource":"customer","id":"$customer","access":{"type":"group","id":1}}"#,
                fields: &[req("id", A_CUSTOMER)],
                causes: &[To("access_set", BOTH_GROUPS_AND_CUSTOMER)],
                ..CASE
            },
        ],
        ..agent("set_access")
    },
    Method {
        scopes: C_RW,
        closed: Closed::Refused,
        cases: &[
            Case {
                payload: r#"{"chat_id":"$chat","target":{"type":"agent","ids":["$colleague"]},"force":true}"#,
                fields: &[
                    req("chat_id", CHAT),
                    opt("target", Map),
                    req("target.type", Word),
                    req("target.ids", List),
                    req("target.ids.0", AN_AGENT),
                    opt("force", Bool),
                ],
                causes: &[
                    Push("chat_transferred"),
                    Push("chat_user_added"),
                    Push("chat_user_removed"),
                    // Members are those who are in the chat now.
                    To("incoming_event", &[Role::Follower, Role::Colleague, Role::Customer]),
                ],
                ..CASE
            },
            // Who takes over could not see it before; who held it is out of reach. A follower with every scope is not.
            Case {
                payload: r#"{"chat_id":"$chat","target":{"type":"group","ids":[2]}}"#,
                fields: &[req("target.ids", List), req("target.ids.0", Int)],
                causes: &[
                    To("chat_transferred", BOTH_GROUPS_AND_CUSTOMER),
                    To("access_set", BOTH_GROUPS_AND_CUSTOMER),
                    To("chat_user_removed", &[Role::Holder, Role::Follower, Role::Outsider, Role::Customer]),
                    To("chat_user_added", &[Role::Follower, Role::Outsider, Role::Customer]),
                    To("incoming_event", &[Role::Follower, Role::Outsider, Role::Customer]),
                ],
                ..CASE
            },
        ],
        ..agent("transfer_chat")
    },
    Method {
        // To add oneself less is enough: the matrix knows.
        scopes: C_RW,
        closed: Closed::Refused,
        cases: &[
            Case {
                payload: r#"{"chat_id":"$chat","user_id":"$colleague","user_type":"agent"}"#,
                fields: &[req("chat_id", CHAT), req("user_id", AN_AGENT), req("user_type", Word)],
                causes: &[
                    Push("chat_user_added"),
                    To("incoming_event", &[Role::Holder, Role::Follower, Role::Colleague, Role::Customer]),
                ],
                ..CASE
            },
            Case {
                scene: Scene::OpenBesideBot,
                payload: r#"{"chat_id":"$chat","user_id":"$bot","user_type":"agent"}"#,
                fields: &[req("user_id", A_BOT)],
                causes: &[Push("chat_user_added"), Push("incoming_event")],
                ..CASE
            },
        ],
        ..agent("add_user_to_chat")
    },
    Method {
        // Leaving is always allowed, so no scope is needed to ask.
        by: By::Holder,
        closed: Closed::Refused,
        cases: &[Case {
            scene: Scene::OpenWithBot,
            payload: r#"{"chat_id":"$chat","user_id":"$bot","user_type":"agent"}"#,
            fields: &[req("chat_id", CHAT), req("user_id", A_BOT), req("user_type", Word)],
            causes: &[Push("chat_user_removed"), Push("incoming_event")],
            ..CASE
        }],
        ..agent("remove_user_from_chat")
    },
];
