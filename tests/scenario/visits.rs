//! Visits: who is on the site, on which page; and what a customer's client keeps on the server.

use serde_json::{Value, json};

use crate::customers::login_with;
use crate::support::rtm::Rtm;
use crate::support::server::Server;
use crate::support::shape::{Is, assert_shape, id};

#[tokio::test]
async fn a_visit_lasts_from_the_first_connection_to_the_last() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let deaf = server.login_agent(&server.scoped(&["chats--all:rw"]).await).await;
    let (from, mark) = (ann.mark(), deaf.mark());
    let person = server.person().await;
    let extra = json!({ "referrer": "https://example.com/", "is_mobile": true,
                        "customer_page": { "url": "https://shop.example/", "title": "Shop" } });
    let tab = login_with(&server, &person, extra).await;
    let own = tab.push("customer_page_updated", |_| true).await;
    assert_eq!((own.request_id, &own.payload["url"]), (None, &json!("https://shop.example/")));
    assert_shape(&own.payload, &[("timestamp", Is::Int), ("title", Is::Str), ("visit_id", Is::Missing)]);

    let started = ann.push("customer_visit_started", |_| true).await.payload;
    assert_eq!((&started["customer_id"], &started["ip"]), (&json!(person.id), &json!("127.0.0.1")));
    assert_shape(
        &started,
        &[("visit_id", Is::Int), ("started_at", Is::Str), ("user_agent", Is::Str), ("geolocation", Is::Map)],
    );
    let visit = &started["visit_id"];
    let opened = ann.push("customer_page_updated", |_| true).await.payload;
    assert_eq!((&opened["visit_id"], &opened["referrer"]), (visit, &json!("https://example.com/")));
    assert_eq!(opened["title"], "Shop");

    // Another tab is the same visit; its page is told, and each page once, however many chats.
    let other = login_with(&server, &person, json!({})).await;
    tab.ok("start_chat", json!({ "chat": {} })).await;
    let page = json!({ "url": "https://shop.example/cart", "title": "Cart" });
    let asked = other.begin(json!({ "action": "update_customer_page", "payload": page })).await;
    assert_eq!(other.response(&asked).await["payload"], json!({}));
    let is_cart = |payload: &Value| payload["url"] == "https://shop.example/cart";
    assert_eq!(other.push("customer_page_updated", is_cart).await.request_id, Some(asked));
    assert_eq!(tab.push("customer_page_updated", is_cart).await.request_id, None);
    let opened = ann.push("customer_page_updated", is_cart).await.payload;
    assert_eq!((&opened["visit_id"], &opened["customer_id"]), (visit, &json!(person.id)));

    tab.cut().await;
    other.cut().await;
    let ended = ann.push("customer_visit_ended", |_| true).await.payload;
    assert_eq!((&ended["visit_id"], &ended["customer_id"]), (visit, &json!(person.id)));
    assert_shape(&ended, &[("ended_at", Is::Str)]);
    let names: Vec<_> = ann.since(from).into_iter().map(|push| push.name).collect();
    let of_visits: Vec<_> = names.iter().filter(|name| name.starts_with("customer_")).collect();
    let expected = [
        "customer_created",
        "customer_visit_started",
        "customer_page_updated",
        "customer_page_updated",
        "customer_visit_ended",
    ];
    assert_eq!(of_visits, expected);

    // The next visit is another one; its pages are remembered.
    let _back =
        login_with(&server, &person, json!({ "customer_page": { "url": "https://back.example/" } })).await;
    let next = ann.push("customer_visit_started", |_| true).await.payload;
    assert!(next["visit_id"].as_u64() > visit.as_u64());
    ann.push("customer_page_updated", |payload| payload["url"] == "https://back.example/").await;
    let card = json!({ "customer_id": person.id, "fields": { "seen": "1" } });
    let card = server.agent_web(0).ok("update_customer", card).await;
    assert_eq!(card["statistics"]["visits_count"], 2);
    assert_eq!(card["last_visit"]["last_pages"][0]["url"], "https://back.example/");
    deaf.ok("ping", json!({})).await;
    assert!(deaf.since(mark).iter().all(|push| !push.name.starts_with("customer_")));
}

#[tokio::test]
async fn only_what_came_over_a_socket_is_a_visit() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let person = server.person().await;
    let mark = ann.mark();
    let web = server.customer_web(&person);
    web.ok("get_chats_summary", json!({})).await;
    web.ok("update_customer", json!({ "name": "Mia" })).await;
    ann.push("customer_updated", |payload| payload["name"] == "Mia").await;
    assert!(ann.since(mark).iter().all(|push| push.name != "customer_visit_started"));
}

#[tokio::test]
async fn all_that_one_login_tells_outlives_a_crash() {
    let mut server = Server::start().await;
    let person = server.person().await;
    let kept = json!({ "visits": "1" });
    let extra = json!({ "customer": { "name": "Mia" }, "customer_side_storage": kept });
    let tab = login_with(&server, &person, extra).await;
    tab.push("customer_side_storage_updated", |_| true).await;
    server.kill_9().await;
    drop(tab);
    server.restart().await;

    let card = json!({ "customer_id": person.id, "fields": { "seen": "1" } });
    let card = server.agent_web(0).ok("update_customer", card).await;
    assert_eq!((&card["name"], &card["statistics"]["visits_count"]), (&json!("Mia"), &json!(1)));
    let back = login_with(&server, &person, json!({})).await;
    let told = back.push("customer_side_storage_updated", |_| true).await;
    assert_eq!(told.payload["customer_side_storage"], kept);
}

#[tokio::test]
async fn side_storage_is_kept_and_comes_back() {
    let mut server = Server::start().await;
    let person = server.person().await;
    let tab = login_with(&server, &person, json!({ "customer_side_storage": { "visits": "1" } })).await;
    let kept = |payload: &Value| payload["customer_side_storage"] == json!({ "visits": "1" });
    tab.push("customer_side_storage_updated", kept).await;

    // Whoever comes without it is told; whoever brings the same is not; another one replaces it.
    let bare = login_with(&server, &person, json!({})).await;
    bare.push("customer_side_storage_updated", kept).await;
    tab.push("customer_side_storage_updated", kept).await;
    let same = login_with(&server, &person, json!({ "customer_side_storage": { "visits": "1" } })).await;
    let other = login_with(&server, &person, json!({ "customer_side_storage": { "cart": "7" } })).await;
    let replaced = |payload: &Value| payload["customer_side_storage"] == json!({ "cart": "7" });
    for connection in [&tab, &bare, &same, &other] {
        connection.push("customer_side_storage_updated", replaced).await;
    }
    assert!(!same.ever_saw("\"visits\""), "it knew that already");
    drop((tab, bare, same, other));
    server.kill_9().await;
    server.restart().await;
    let back = login_with(&server, &person, json!({})).await;
    back.push("customer_side_storage_updated", replaced).await;

    let fresh = Rtm::connect(&server, crate::support::rtm::Side::Customer).await;
    for (storage, message) in [
        (json!({ "a": 1 }), "customer_side_storage.a: must be a string"),
        (json!("a"), "customer_side_storage: must be an object"),
        (
            json!({ "a": "x".repeat(16 * 1024) }),
            "customer_side_storage: must have at most 16384 bytes in all, has 16385",
        ),
    ] {
        let login = json!({ "token": person.token, "customer_side_storage": storage });
        assert_eq!(fresh.err("login", login).await.message, message);
    }
}

#[tokio::test]
async fn a_chat_whose_customer_left_the_site_ends_when_the_license_wants_that() {
    let mut server = Server::start().await;
    let license = format!("/licenses/{}", server.license());
    let ann = server.agent(0).await;
    let (gone, stays) = (server.customer().await, server.customer().await);
    let start = async |who: &Rtm| id(&who.ok("start_chat", json!({ "chat": {} })).await["chat"]);
    let (left, kept) = (start(&gone).await, start(&stays).await);
    // Whoever left before the operator wanted it counts from when it left.
    gone.cut().await;
    ann.push("customer_visit_ended", |_| true).await;
    let timers = json!({ "settings": { "timers": { "customer_left": 1 } } });
    server.admin_ok("PATCH", &license, timers).await;
    let said = ann.system_message(&left, "archived_customer_disconnected").await.payload;
    assert_eq!(said["event"]["recipients"], "agents");
    assert!(said["event"]["text_vars"]["customer"].is_string());
    assert_eq!(ann.push_in(&left, "thread_closed").await.payload["user_id"], json!(null));
    let look = server.look(&kept).await;
    assert_eq!(look["threads"][0]["active"], true, "{look}");

    // Nobody can come back while the server is down: their time begins with the process.
    server.kill_9().await;
    server.restart().await;
    let ann = server.agent(0).await;
    assert_eq!(ann.push_in(&kept, "thread_closed").await.payload["user_id"], json!(null));
}
