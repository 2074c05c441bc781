//! Customers as such: made, changed, shown; what is told of them, and to whom.

use serde_json::{Value, json};

use crate::support::Caller;
use crate::support::people::Person;
use crate::support::rtm::{Rtm, Side};
use crate::support::server::Server;
use crate::support::shape::{Is, assert_shape, id};
use crate::support::web::{Api, Web};

const NOBODY: &str = "3f2a6c1e-5b7d-4e8f-9a01-b2c3d4e5f607";

/// An agent's connection by a token with these scopes only.
async fn with_scopes(server: &Server, scopes: &[&str]) -> Rtm {
    server.login_agent(&server.scoped(scopes).await).await
}

#[tokio::test]
async fn agents_make_and_change_customers_on_both_transports() {
    let server = Server::start().await;
    let bob = server.agent(1).await;
    let deaf = with_scopes(&server, &["chats--all:rw"]).await;
    let mark = deaf.mark();
    let ann = server.agent(0).await;
    let profile = json!({ "name": "Mia", "email": "mia@example.com", "fields": { "plan": "free" } });
    for caller in [Caller::Web(server.agent_web(0)), Caller::Rtm(server.agent(0).await)] {
        let made = caller.ok("create_customer", profile.clone()).await;
        assert_shape(&made, &[("id", Is::Str), ("created_at", Is::Str), ("last_visit", Is::Missing)]);
        assert_eq!(made["statistics"], json!({ "chats_count": 0, "threads_count": 0, "visits_count": 0 }));
        assert_eq!((&made["name"], &made["type"]), (&json!("Mia"), &json!("customer")));
        let is_it = |payload: &Value| payload["customer"]["id"] == made["id"];
        for agent in [&ann, &bob] {
            let push = agent.push("customer_created", is_it).await;
            assert_eq!(push.payload["customer"]["fields"], json!({ "plan": "free" }));
        }

        // Fields are merged, the rest is replaced.
        let change = json!({ "customer_id": made["id"], "name": "Mia M.", "fields": { "age": "7" } });
        let changed = caller.ok("update_customer", change.clone()).await;
        assert_eq!(changed["fields"], json!({ "plan": "free", "age": "7" }));
        assert_eq!((&changed["name"], &changed["email"]), (&json!("Mia M."), &json!("mia@example.com")));
        let push = bob.push("customer_updated", |payload| payload["id"] == made["id"]).await;
        assert_eq!(
            push.payload,
            json!({ "id": made["id"], "type": "customer", "name": "Mia M.", "email": "mia@example.com", "avatar": "",
                    "present": false, "banned": false, "fields": { "plan": "free", "age": "7" } })
        );

        // The same again changes nothing: only the asker is told, and the answer is the same.
        let before = bob.mark();
        assert_eq!(caller.ok("update_customer", change).await, changed);
        bob.ok("ping", json!({})).await;
        assert_eq!(of_customers(&bob, before), 0);
    }
    deaf.ok("ping", json!({})).await;
    assert_eq!(of_customers(&deaf, mark), 0, "without customers:ro nobody hears of customers");
}

/// Pushes about customers since then; others may come late.
fn of_customers(session: &Rtm, since: usize) -> usize {
    session.since(since).iter().filter(|push| push.name.starts_with("customer_")).count()
}

#[tokio::test]
async fn the_asker_hears_its_own_push_by_request_id_also_when_nothing_changes() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let mia = server.customer().await;
    let change = json!({ "customer_id": mia.id, "name": "Mia" });
    for _ in 0..2 {
        let frame = json!({ "action": "update_customer", "payload": change });
        let asked = ann.begin(frame).await;
        assert_eq!(ann.response(&asked).await["success"], true);
        let push = ann.push("customer_updated", |payload| payload["id"] == mia.id).await;
        assert_eq!(push.request_id, Some(asked));
        assert_eq!(push.payload["present"], true);
    }
    mia.push("customer_updated", |payload| payload["customer"]["name"] == "Mia").await;
    for _ in 0..2 {
        let frame = json!({ "action": "set_customer_fields", "payload": { "fields": { "plan": "free" } } });
        let asked = mia.begin(frame).await;
        assert_eq!(mia.response(&asked).await["payload"], json!({}));
        let push = mia.push("customer_updated", |payload| payload["customer"]["id"] == mia.id).await;
        assert_eq!(push.request_id, Some(asked));
        assert_eq!(push.payload["customer"]["fields"], json!({ "plan": "free" }));
    }
    let push = ann.push("customer_updated", |payload| payload["fields"]["plan"] == "free").await;
    assert_eq!(push.request_id, None);
}

#[tokio::test]
async fn customers_change_themselves_and_all_their_connections_hear_it() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let person = server.person().await;
    let (tab, other) = (server.customer_rtm(&person).await, server.customer_rtm(&person).await);
    let stranger = server.customer().await;
    let mark = stranger.mark();
    let callers =
        [Caller::Web(server.customer_web(&person)), Caller::Rtm(server.customer_rtm(&person).await)];
    for (n, caller) in callers.iter().enumerate() {
        let name = format!("Mia {n}");
        let change = json!({ "name": name, "email": "mia@example.com", "fields": { "n": "" } });
        let answer = caller.ok("update_customer", change).await;
        assert_eq!(
            answer,
            json!({ "id": person.id, "type": "customer", "name": name, "email": "mia@example.com",
                    "fields": { "n": "" }, "present": true, "last_seen_timestamp": answer["last_seen_timestamp"] })
        );
        for connection in [&tab, &other] {
            let push =
                connection.push("customer_updated", |payload| payload["customer"]["name"] == *name).await;
            assert_eq!(push.payload["customer"]["id"], person.id);
        }
        let push = ann.push("customer_updated", |payload| payload["name"] == *name).await;
        assert_eq!(push.payload["id"], person.id);
        assert_eq!(caller.ok("set_customer_fields", json!({ "fields": { "n": name } })).await, json!({}));
        ann.push("customer_updated", |payload| payload["fields"]["n"] == *name).await;
    }
    stranger.ok("ping", json!({})).await;
    assert!(stranger.since(mark).is_empty());
    // What was told at the login counts as a change, too.
    let login = json!({ "token": person.token, "customer": { "name": "Mia at login" } });
    Rtm::login(&server, Side::Customer, login).await;
    ann.push("customer_updated", |payload| payload["name"] == "Mia at login").await;
    tab.push("customer_updated", |payload| payload["customer"]["name"] == "Mia at login").await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let person = server.person().await;
    let callers = [Caller::Web(server.agent_web(0)), Caller::Rtm(server.agent(0).await)];
    let mark = ann.mark();
    for caller in &callers {
        for (action, payload, message) in [
            ("create_customer", json!({ "name": 1 }), "name: must be a string"),
            ("update_customer", json!({ "name": "x" }), "customer_id: missing"),
            (
                "update_customer",
                json!({ "customer_id": person.id }),
                "name: at least one of name, email, avatar, fields must be given",
            ),
            ("update_customer", json!({ "customer_id": NOBODY, "name": "x" }), "User not found"),
            ("update_customer", json!({ "customer_id": "nobody", "name": "x" }), "User not found"),
            ("ban_customer", json!({ "customer_id": person.id }), "ban: missing"),
            (
                "ban_customer",
                json!({ "customer_id": person.id, "ban": { "days": 0 } }),
                "ban.days: must be from 1 to 36500",
            ),
            ("ban_customer", json!({ "customer_id": NOBODY, "ban": { "days": 1 } }), "User not found"),
            ("multicast", json!({ "content": 1, "scopes": {} }), "scopes: must name somebody"),
        ] {
            let error = caller.err(action, payload).await;
            assert_eq!((error.kind.as_str(), error.message.as_str()), ("validation", message), "{action}");
        }
    }
    let own = [Caller::Web(server.customer_web(&person)), Caller::Rtm(server.customer_rtm(&person).await)];
    for caller in &own {
        for (action, payload, message) in [
            ("update_customer", json!({}), "name: at least one of name, email, avatar, fields must be given"),
            ("update_customer", json!({ "fields": { "a": 1 } }), "fields.a: must be a string"),
            ("set_customer_fields", json!({}), "fields: missing"),
        ] {
            let error = caller.err(action, payload).await;
            assert_eq!((error.kind.as_str(), error.message.as_str()), ("validation", message), "{action}");
        }
        // Methods of the other side do not exist here.
        for action in ["ban_customer", "create_customer", "multicast", "get_customers"] {
            assert_eq!(caller.err(action, json!({})).await.message, "Unknown action");
        }
    }
    let page = own[0].err("update_customer_page", json!({ "url": "https://shop.example/" })).await;
    assert_eq!(page.message, "Unknown action", "pages are opened over RTM");
    let error = own[1].err("update_customer_page", json!({ "title": "Shop" })).await;
    assert_eq!(error.message, "url: missing");
    ann.ok("ping", json!({})).await;
    let told: Vec<_> = ann.since(mark).into_iter().map(|push| push.name).collect();
    assert_eq!(told, ["customer_visit_started"], "nothing but the login");
    let changed = callers[0].ok("update_customer", json!({ "customer_id": person.id, "name": "Mia" })).await;
    assert_eq!(changed["fields"], Value::Null, "nothing of what was refused is there");
}

#[tokio::test]
async fn each_method_takes_its_scope_before_anything_else() {
    let server = Server::start().await;
    let table = [
        ("customers:ro", vec!["create_customer", "update_customer", "ban_customer", "multicast"]),
        ("customers:rw", vec!["ban_customer", "multicast"]),
        ("customers.ban:rw", vec!["create_customer", "update_customer", "multicast"]),
        ("multicast:rw", vec!["create_customer", "update_customer", "ban_customer"]),
        ("chats--all:rw", vec!["create_customer", "update_customer", "ban_customer", "multicast"]),
    ];
    for (scope, refused) in table {
        let token = server.scoped(&[scope]).await;
        let callers = [
            Caller::Web(Web::new(&server, Api::Agent, &token)),
            Caller::Rtm(server.login_agent(&token).await),
        ];
        for caller in callers {
            for action in &refused {
                let error = caller.err(action, json!({ "customer_id": NOBODY })).await;
                assert_eq!(error.kind, "authorization", "{scope} {action} on {}", caller.name());
            }
        }
    }
    let writer = Web::new(&server, Api::Agent, &server.scoped(&["customers:rw"]).await);
    let made = writer.ok("create_customer", json!({})).await;
    writer.ok("update_customer", json!({ "customer_id": made["id"], "name": "Mia" })).await;
    let ban = json!({ "customer_id": made["id"], "ban": { "days": 1 } });
    let warden = Web::new(&server, Api::Agent, &server.scoped(&["customers.ban:rw"]).await);
    assert_eq!(warden.ok("ban_customer", ban).await, json!({}));
}

#[tokio::test]
async fn a_customer_survives_kill_9_with_its_statistics() {
    let mut server = Server::start().await;
    let ann = server.agent(0).await;
    let person = server.person().await;
    let mia = server.customer_rtm(&person).await;
    let chat = id(&mia.ok("start_chat", json!({ "chat": {} })).await["chat"]);
    let say = |text: &str| json!({ "chat_id": chat, "event": { "type": "message", "text": text } });
    mia.ok("send_event", say("hello")).await;
    ann.ok("send_event", say("hi")).await;
    mia.ok("close_thread", json!({ "chat_id": chat })).await;
    mia.ok("send_event", say("one more thing")).await;
    mia.ok("set_customer_fields", json!({ "fields": { "plan": "free" } })).await;
    let look = json!({ "customer_id": person.id, "name": "Mia" });
    let before = server.agent_web(0).ok("update_customer", look.clone()).await;
    assert_eq!(before["statistics"], json!({ "chats_count": 1, "threads_count": 2, "visits_count": 1 }));
    assert_shape(
        &before,
        &[
            ("agent_last_event_created_at", Is::Str),
            ("customer_last_event_created_at", Is::Str),
            ("last_visit.started_at", Is::Str),
            ("last_visit.ip", Is::Str),
            ("last_visit.geolocation", Is::Map),
            ("last_visit.last_pages", Is::List),
        ],
    );
    assert!(
        before["customer_last_event_created_at"].as_str() > before["agent_last_event_created_at"].as_str(),
        "{before}"
    );
    drop((ann, mia));
    for _ in 0..2 {
        server.kill_9().await;
        server.restart().await;
        assert_eq!(server.agent_web(0).ok("update_customer", look.clone()).await, before);
    }
    let again = server.customer_rtm(&person).await;
    let after = server.agent_web(0).ok("update_customer", look).await;
    assert_eq!(after["statistics"]["visits_count"], 2, "{}", again.id);
}

/// A login of a person that tells more than the token.
pub(crate) async fn login_with(server: &Server, person: &Person, extra: Value) -> Rtm {
    let mut login = json!({ "token": person.token });
    if let (Value::Object(login), Value::Object(extra)) = (&mut login, extra) {
        login.extend(extra);
    }
    Rtm::login(server, Side::Customer, login).await
}
