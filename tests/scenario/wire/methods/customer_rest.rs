//! What customers ask besides their chats (6).

use crate::wire::table::Cause::Push;
use crate::wire::table::Kind::{Bool, Int, List, Map, Text, Word};
use crate::wire::table::{CASE, Case, Method, Over, Scene, customer, opt, req};

use super::{NAME, URL};

pub(super) const ROWS: &[Method] = &[
    Method {
        cases: &[Case {
            scene: Scene::Customer,
            payload: r#"{"name":"Mia","email":"mia@example.com","avatar":"https://example.com/a.png",
                "fields":{"plan":"free"}}"#,
            fields: &[
                opt("name", Text).over(NAME),
                opt("email", Text).over(NAME),
                opt("avatar", Text).over(URL),
                opt("fields", Map),
                opt("fields.plan", Text),
            ],
            causes: &[Push("customer_updated")],
            ..CASE
        }],
        ..customer("update_customer")
    },
    Method {
        cases: &[Case {
            scene: Scene::Customer,
            payload: r#"{"fields":{"plan":"free"}}"#,
            fields: &[req("fields", Map), opt("fields.plan", Text)],
            causes: &[Push("customer_updated")],
            ..CASE
        }],
        ..customer("set_customer_fields")
    },
    Method {
        web: false,
        cases: &[Case {
            scene: Scene::Customer,
            payload: r#"{"url":"https://shop.example/cart","title":"Cart"}"#,
            fields: &[req("url", Text).over(URL), opt("title", Text)],
            causes: &[Push("customer_page_updated")],
            ..CASE
        }],
        ..customer("update_customer_page")
    },
    Method {
        cases: &[
            Case { scene: Scene::Customer, payload: r#"{"all":true}"#, fields: &[opt("all", Bool)], ..CASE },
            Case {
                scene: Scene::Customer,
                payload: r#"{"groups":[0,1,99]}"#,
                fields: &[req("groups", List), opt("groups.0", Int)],
                ..CASE
            },
        ],
        ..customer("get_groups_status")
    },
    Method { cases: &[Case { scene: Scene::Customer, ..CASE }], ..customer("get_predicted_agent") },
    Method {
        cases: &[Case {
            scene: Scene::Customer,
            payload: r#"{"url":"http://127.0.0.1:9/"}"#,
            fields: &[req("url", Word)],
            ..CASE
        }],
        ..customer("get_url_details")
    },
    Method {
        cases: &[Case {
            scene: Scene::Customer,
            payload: r#"{"group_id":1,"type":"prechat"}"#,
            fields: &[req("group_id", Int).over(&[Over::Number(-1)]), req("type", Word)],
            ..CASE
        }],
        ..customer("get_form")
    },
    Method {
        rtm: false,
        cases: &[Case {
            scene: Scene::Customer,
            payload: r#"{"page_url":"https://shop.example/","customer_fields":{"plan":"free"},"group_id":1}"#,
            fields: &[req("page_url", Text).over(URL), req("customer_fields", Map), req("group_id", Int)],
            ..CASE
        }],
        ..customer("check_goals")
    },
];
