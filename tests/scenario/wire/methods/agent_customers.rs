//! Customers as agents see them (5.5).

use crate::wire::table::Cause::{Push, Quiet, To};
use crate::wire::table::Kind::{Int, List, Map, Text, Word};
use crate::wire::table::{CASE, Case, Method, Over, Role, Scene, agent, opt, req};

use super::{A_CUSTOMER, NAME, PAGE_100, URL};

pub(super) const ROWS: &[Method] = &[
    Method {
        scopes: &["customers:ro"],
        cases: &[Case {
            payload: r#"{"limit":100,"order":"desc","filters":{"country":{"values":["Poland"]},
                "email":{"exclude_values":["x@example.com"]},"chats_count":{"gte":0},
                "created_at":{"gt":"2019-01-01T00:00:00.000000Z"}}}"#,
            fields: &[
                opt("limit", Int).over(PAGE_100),
                opt("order", Word),
                opt("page_id", Text),
                opt("filters", Map),
                opt("filters.country", Map),
                opt("filters.country.values", List),
                opt("filters.country.values.0", Text),
                opt("filters.email.exclude_values", List),
                opt("filters.chats_count", Map),
                opt("filters.chats_count.gte", Int),
                opt("filters.created_at", Map),
                opt("filters.created_at.gt", Word),
            ],
            ..CASE
        }],
        ..agent("get_customers")
    },
    Method {
        scopes: &["customers:rw"],
        cases: &[Case {
            scene: Scene::Nothing,
            payload: r#"{"name":"Mia","email":"mia@example.com","avatar":"https://example.com/a.png",
                "fields":{"plan":"free"}}"#,
            fields: &[
                opt("name", Text).over(NAME),
                opt("email", Text).over(NAME),
                opt("avatar", Text).over(URL),
                opt("fields", Map),
                opt("fields.plan", Text),
            ],
            causes: &[Push("customer_created")],
            ..CASE
        }],
        ..agent("create_customer")
    },
    Method {
        scopes: &["customers:rw"],
        cases: &[Case {
            scene: Scene::Customer,
            payload: r#"{"customer_id":"$customer","name":"Mia","email":"mia@example.com",
                "avatar":"https://example.com/a.png","fields":{"plan":"free"}}"#,
            fields: &[
                req("customer_id", A_CUSTOMER),
                opt("name", Text).over(NAME),
                opt("email", Text).over(NAME),
                opt("avatar", Text).over(URL),
                opt("fields", Map),
                opt("fields.plan", Text),
            ],
            causes: &[Push("customer_updated")],
            ..CASE
        }],
        ..agent("update_customer")
    },
    Method {
        scopes: &["customers.ban:rw"],
        cases: &[Case {
            scene: Scene::Customer,
            payload: r#"{"customer_id":"$customer","ban":{"days":3}}"#,
            fields: &[
                req("customer_id", A_CUSTOMER),
                req("ban", Map),
                req("ban.days", Int).over(&[Over::Number(-1)]),
            ],
            causes: &[
                Push("customer_banned"),
                // It shows `banned` (4.4); the customer hears of it by the end of its connections.
                To("customer_updated", &[Role::Holder, Role::Follower, Role::Colleague, Role::Outsider]),
                Quiet("customer_disconnected", &[Role::Customer]),
            ],
            ..CASE
        }],
        ..agent("ban_customer")
    },
];
