//! `get_customers`: pages, filters, and what is true of them after a crash.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::Caller;
use crate::support::server::Server;
use crate::support::shape::{Is, assert_shape, id, list, text};
use crate::support::web::{Api, Web};

async fn make(server: &Server, profile: Value) -> String {
    id(&server.agent_web(0).ok("create_customer", profile).await)
}

fn names(page: &Value) -> Vec<String> {
    list(&page["customers"]).iter().map(|customer| text(&customer["name"])).collect()
}

/// The names of all pages, each of at most two, by following `step`.
async fn walk(caller: &Caller, mut args: Value, step: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    loop {
        let page = caller.ok("get_customers", args.clone()).await;
        assert_eq!(page["total_customers"], 5, "{page}");
        pages.push(names(&page));
        match &page[step] {
            Value::Null => return pages,
            place => args["page_id"] = place.clone(),
        }
    }
}

#[tokio::test]
async fn pages_follow_each_other_there_and_back_before_and_after_a_crash() {
    let mut server = Server::start().await;
    for name in ["a", "b", "c", "d", "e"] {
        make(&server, json!({ "name": name })).await;
    }
    for round in ["alive", "after kill -9", "after a stop"] {
        for caller in [Caller::Web(server.agent_web(0)), Caller::Rtm(server.agent(0).await)] {
            let newest = walk(&caller, json!({ "limit": 2 }), "next_page_id").await;
            assert_eq!(newest, [vec!["e", "d"], vec!["c", "b"], vec!["a"]], "{round} on {}", caller.name());
            let oldest = walk(&caller, json!({ "limit": 2, "order": "asc" }), "next_page_id").await;
            assert_eq!(oldest, [vec!["a", "b"], vec!["c", "d"], vec!["e"]], "{round}");

            let first = caller.ok("get_customers", json!({ "limit": 2 })).await;
            assert_shape(&first, &[("previous_page_id", Is::Missing), ("next_page_id", Is::Str)]);
            let second = json!({ "limit": 2, "page_id": first["next_page_id"] });
            let second = caller.ok("get_customers", second).await;
            let back = json!({ "limit": 2, "page_id": second["previous_page_id"] });
            let back = caller.ok("get_customers", back).await;
            assert_eq!(back["customers"], first["customers"]);
            let all = caller.ok("get_customers", json!({})).await;
            assert_eq!(names(&all), ["e", "d", "c", "b", "a"]);
            assert_shape(&all, &[("next_page_id", Is::Missing), ("previous_page_id", Is::Missing)]);
            assert_shape(
                &all["customers"][0],
                &[("id", Is::Str), ("created_at", Is::Str), ("statistics.visits_count", Is::Int)],
            );
        }
        match round {
            "alive" => server.kill_9().await,
            _ => assert_eq!(server.stop().await, Some(0)),
        }
        server.restart().await;
    }
}

#[tokio::test]
async fn more_walks_than_go_at_once_wait_and_are_all_answered() {
    let server = Server::start().await;
    make(&server, json!({ "name": "a" })).await;
    let ask = |n: usize| {
        let web = server.agent_web(0);
        let (method, total) =
            [("get_customers", "/total_customers"), ("get_archives", "/pagination/total")][n % 2];
        async move { web.ok(method, json!({})).await.pointer(total).cloned() }
    };
    let totals = join_all((0..40).map(ask)).await;
    for both in totals.chunks(2) {
        assert_eq!(both, [Some(json!(1)), Some(json!(0))]);
    }
}

#[tokio::test]
async fn each_filter_finds_its_own() {
    let mut server = Server::start().await;
    let ann = server.agent(0).await;
    let mia = server.person().await;
    let tab = server.customer_rtm(&mia).await;
    let profile = json!({ "name": "Mia", "email": "mia@example.com", "fields": { "plan": "free" } });
    tab.ok("update_customer", profile).await;
    let chat = id(&tab.ok("start_chat", json!({ "chat": {} })).await["chat"]);
    let say = |text: &str| json!({ "chat_id": chat, "event": { "type": "message", "text": text } });
    tab.ok("send_event", say("hello")).await;
    ann.ok("send_event", say("hi")).await;
    tab.ok("close_thread", json!({ "chat_id": chat })).await;
    tab.ok("send_event", say("again")).await;
    let tom = make(&server, json!({ "name": "Tom", "email": "tom@example.com" })).await;
    make(&server, json!({ "name": "Zoe" })).await;
    let card = server
        .agent_web(0)
        .ok("get_customers", json!({ "filters": { "name": { "values": ["Mia"] } } }))
        .await;
    let card = card["customers"][0].clone();
    assert_eq!(card["statistics"], json!({ "chats_count": 1, "threads_count": 2, "visits_count": 1 }));
    let (agent_at, customer_at) =
        (&card["agent_last_event_created_at"], &card["customer_last_event_created_at"]);
    let everybody = vec!["Zoe", "Tom", "Mia"];
    let table = [
        (json!({}), everybody.clone()),
        (json!({ "name": { "values": ["Mia", "Zoe", "Nobody"] } }), vec!["Zoe", "Mia"]),
        (json!({ "name": { "exclude_values": ["Mia"] } }), vec!["Zoe", "Tom"]),
        (json!({ "email": { "values": ["tom@example.com"] } }), vec!["Tom"]),
        (json!({ "email": { "exclude_values": ["tom@example.com"] } }), vec!["Zoe", "Mia"]),
        (json!({ "customer_id": { "values": [tom, mia.id, "nobody"] } }), vec!["Tom", "Mia"]),
        (json!({ "country": { "values": ["Poland"] } }), vec![]),
        (json!({ "country": { "exclude_values": ["Poland"] } }), everybody.clone()),
        (json!({ "chats_count": { "gt": 0 } }), vec!["Mia"]),
        (json!({ "chats_count": { "eq": 0 } }), vec!["Zoe", "Tom"]),
        (json!({ "threads_count": { "gte": 2, "lte": 2 } }), vec!["Mia"]),
        (json!({ "threads_count": { "lt": 2 } }), vec!["Zoe", "Tom"]),
        (json!({ "visits_count": { "eq": 1 } }), vec!["Mia"]),
        (json!({ "created_at": { "gte": card["created_at"] } }), everybody),
        (json!({ "created_at": { "gt": card["created_at"] } }), vec!["Zoe", "Tom"]),
        (json!({ "created_at": { "lt": "2019-06-30" } }), vec![]),
        (json!({ "agent_last_event_created_at": { "eq": agent_at } }), vec!["Mia"]),
        (json!({ "agent_last_event_created_at": { "gt": agent_at } }), vec![]),
        (json!({ "customer_last_event_created_at": { "lte": customer_at } }), vec!["Mia"]),
        (json!({ "customer_last_event_created_at": { "lt": customer_at } }), vec![]),
        (json!({ "name": { "values": ["Mia", "Tom"] }, "visits_count": { "lt": 1 } }), vec!["Tom"]),
    ];
    drop((ann, tab));
    for round in ["alive", "after a crash"] {
        for (filters, expected) in &table {
            let page = server.agent_web(0).ok("get_customers", json!({ "filters": filters })).await;
            assert_eq!(names(&page), *expected, "{round}: {filters}");
            assert_eq!(page["total_customers"], expected.len(), "{round}: {filters}");
        }
        if round == "alive" {
            server.kill_9().await;
            server.restart().await;
        }
    }
}

#[tokio::test]
async fn a_list_takes_its_scope_and_sound_arguments() {
    let server = Server::start().await;
    make(&server, json!({ "name": "Mia" })).await;
    for (scope, allowed) in [
        ("customers:ro", true),
        ("customers:rw", true),
        ("customers.ban:rw", false),
        ("chats--all:rw", false),
    ] {
        let token = server.scoped(&[scope]).await;
        let callers = [
            Caller::Web(Web::new(&server, Api::Agent, &token)),
            Caller::Rtm(server.login_agent(&token).await),
        ];
        for caller in callers {
            match caller.call("get_customers", json!({ "limit": 1 })).await {
                Ok(page) => assert!(allowed && names(&page) == ["Mia"], "{scope} on {}", caller.name()),
                Err(error) => assert!(!allowed && error.kind == "authorization", "{scope}: {error:?}"),
            }
        }
    }
    for caller in [Caller::Web(server.agent_web(0)), Caller::Rtm(server.agent(0).await)] {
        for (args, message) in [
            (json!({ "limit": 101 }), "limit: must be from 1 to 100"),
            (json!({ "page_id": "nowhere" }), "page_id: is no page"),
            (
                json!({ "filters": { "created_at": { "lt": "soon" } } }),
                "filters.created_at.lt: must be a time in ISO 8601",
            ),
        ] {
            let error = caller.err("get_customers", args).await;
            assert_eq!((error.kind.as_str(), error.message.as_str()), ("validation", message));
        }
    }
}
