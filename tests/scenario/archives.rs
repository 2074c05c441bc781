//! The archives: every thread that ever was, found by what is known of it.

use serde_json::{Value, json};

use crate::support::Caller;
use crate::support::people::Person;
use crate::support::server::Server;
use crate::support::shape::{id, list, present_agents, texts};
use crate::support::web::{Api, Web};

/// The threads on a page, by the text of their first message, and how many there are.
async fn search(by: &Caller, payload: Value) -> (Vec<String>, u64) {
    let page = by.ok("get_archives", payload).await;
    let entry =
        |entry: &Value| texts(&entry["chat"]["thread"]["events"]).first().cloned().unwrap_or_default();
    let total = page["pagination"]["total"].as_u64().unwrap();
    (list(&page["chats"]).iter().map(entry).collect(), total)
}

/// An agent on both transports, who gets no chat: to be made before there is one.
async fn both(server: &Server) -> [Caller; 2] {
    [Caller::Rtm(server.watcher(0).await), Caller::Web(server.agent_web(0))]
}

fn begin(text: &str, more: Value) -> Value {
    let mut chat = json!({ "thread": { "events": [{ "type": "message", "text": text }] } });
    if let (Value::Object(chat), Value::Object(more)) = (&mut chat, more) {
        chat.extend(more);
    }
    json!({ "chat": chat, "continuous": true })
}

/// A new customer's chat with a thread that begins with this text.
async fn chat(server: &Server, text: &str, more: Value) -> (Person, String) {
    let person = server.person().await;
    let chat = server.customer_web(&person).ok("start_chat", begin(text, more)).await;
    (person, id(&chat["chat"]))
}

/// Closes the chat's thread and opens another one that begins with this text.
async fn next_thread(server: &Server, (person, chat): &(Person, String), text: &str) {
    let web = server.customer_web(person);
    web.ok("close_thread", json!({ "chat_id": chat })).await;
    web.ok("activate_chat", begin(text, json!({ "id": chat }))).await;
}

#[tokio::test]
async fn every_thread_is_one_entry_newest_first_page_by_page_and_after_a_restart() {
    let mut server = Server::start().await;
    let callers = both(&server).await;
    let one = chat(&server, "one", json!({})).await;
    let two = chat(&server, "two", json!({})).await;
    next_thread(&server, &one, "three").await;
    next_thread(&server, &two, "four").await;
    next_thread(&server, &one, "five").await;
    server.customer_web(&two.0).ok("close_thread", json!({ "chat_id": two.1 })).await;

    let all = ["five", "four", "three", "two", "one"];
    let check = async |callers: &[Caller]| {
        for by in callers {
            let of = |page: u64, limit: u64| json!({ "pagination": { "page": page, "limit": limit } });
            assert_eq!(search(by, json!({})).await, (all.map(str::to_owned).to_vec(), 5), "{}", by.name());
            for (page, limit, expected) in [
                (1, 2, &all[..2]),
                (2, 2, &all[2..4]),
                (3, 2, &all[4..]),
                (4, 2, &[]),
                (1, 0, &[]),
                (1, 100, &all),
            ] {
                let found = search(by, of(page, limit)).await;
                assert_eq!(
                    (&*found.0, found.1),
                    (&*expected.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>(), 5)
                );
                assert_eq!(by.ok("get_archives", of(page, limit)).await["pagination"]["page"], page);
            }
        }
    };
    check(&callers).await;

    // An entry is the chat as everywhere else, with that one thread.
    let page = server.agent_web(0).ok("get_archives", json!({})).await;
    let (newest, closed) = (&page["chats"][0]["chat"], &page["chats"][1]["chat"]);
    assert_eq!((newest["id"].as_str(), closed["id"].as_str()), (Some(&*one.1), Some(&*two.1)));
    assert_eq!((&newest["thread"]["active"], &closed["thread"]["active"]), (&json!(true), &json!(false)));
    for (entry, chat) in [(newest, &one.1), (closed, &two.1)] {
        let look = server.look(chat).await;
        for field in ["id", "users", "properties", "access", "is_followed"] {
            assert_eq!(entry[field], look[field], "{field}");
        }
        assert_eq!(&entry["thread"], list(&look["threads"]).last().unwrap());
        assert!(entry.get("threads").is_none() && entry.get("threads_summary").is_none());
    }

    // Closed chats sleep after a restart, and are read from storage with their customers.
    let before = server.agent_web(0).ok("get_archives", json!({})).await;
    drop(callers);
    assert_eq!(server.stop().await, Some(0));
    server.restart().await;
    let after = server.agent_web(0).ok("get_archives", json!({})).await;
    assert_eq!(after, before);
    check(&[Caller::Web(server.agent_web(0))]).await;
    server.kill_9().await;
    server.restart().await;
    check(&[Caller::Web(server.agent_web(0))]).await;
}

#[tokio::test]
async fn each_filter_finds_what_it_says() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let sms = json!({ "properties": { "test": { "string_property": "sms", "int_property": 1 } } });
    let anns = chat(&server, "anns", sms).await;
    ann.ok("update_agent", json!({ "routing_status": "not_accepting_chats" })).await;
    let group = json!({ "access": { "group_ids": [1] } });
    let nobodys = chat(&server, "nobodys", group).await;
    let own = json!({ "thread": { "events": [{ "type": "message", "text": "rated" }],
        "properties": { "test": { "int_property": 2 } } } });
    chat(&server, "rated", own).await;
    next_thread(&server, &anns, "later").await;
    assert_eq!(present_agents(&server.look(&nobodys.1).await), Vec::<String>::new());

    let page = server.agent_web(0).ok("get_archives", json!({})).await;
    let (last_day, first_day) = (day(&page["chats"][0]), day(list(&page["chats"]).last().unwrap()));
    let property = |name: &str, test: Value| json!({ "properties": { "test": { name: test } } });
    let all = &["later", "rated", "nobodys", "anns"][..];
    let both = [Caller::Rtm(ann), Caller::Web(server.agent_web(1))];
    for (filters, expected) in [
        (json!({}), all),
        (json!({ "agent_ids": [server.agent_id(0)] }), &["anns"]),
        (json!({ "agent_ids": [server.agent_id(1), server.agent_id(0)] }), &["anns"]),
        (json!({ "agent_ids": ["nobody@example.com"] }), &[]),
        (json!({ "agent_ids": [] }), all),
        (json!({ "group_ids": [1, 2] }), &["nobodys"]),
        (json!({ "group_ids": [0] }), &["later", "rated", "anns"]),
        (json!({ "date_from": first_day, "date_to": last_day }), all),
        (json!({ "date_from": "2019-01-01" }), all),
        (json!({ "date_to": "2019-01-01" }), &[]),
        (json!({ "date_from": "2999-01-01" }), &[]),
        // A thread's own property counts, else its chat's.
        (property("int_property", json!({ "values": [1] })), &["later", "anns"]),
        (property("int_property", json!({ "values": [2, 3] })), &["rated"]),
        (property("int_property", json!({ "exists": false })), &["nobodys"]),
        (property("int_property", json!({ "exclude_values": [1] })), &["rated", "nobodys"]),
        (property("string_property", json!({ "values": ["sms"] })), &["later", "anns"]),
        (
            json!({ "agent_ids": [server.agent_id(0)], "properties": { "test": { "string_property": { "exists": true } } } }),
            &["anns"],
        ),
        (json!({ "group_ids": [1], "agent_ids": [server.agent_id(0)] }), &[]),
    ] {
        for by in &both {
            let found = search(by, json!({ "filters": filters })).await;
            assert_eq!(
                found,
                (expected.iter().map(|t| (*t).to_owned()).collect(), expected.len() as u64),
                "{filters}"
            );
        }
    }
}

/// The day of a thread in UTC, as the filter spells it.
fn day(entry: &Value) -> String {
    let secs = entry["chat"]["thread"]["timestamp"].as_i64().unwrap();
    let days = secs / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    format!("{:04}-{month:02}-{day:02}", year + era * 400 + i64::from(month <= 2))
}

#[tokio::test]
async fn only_chats_within_reach_are_found_and_refusals_name_their_field() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    chat(&server, "anns", json!({})).await;
    ann.ok("update_agent", json!({ "routing_status": "not_accepting_chats" })).await;
    chat(&server, "hers", json!({ "access": { "group_ids": [2] } })).await;
    chat(&server, "everybodys", json!({})).await;
    let with = async |n: usize, scope: &str| {
        let token = json!({ "agent_id": server.agent_id(n), "scopes": [scope] });
        Caller::Web(Web::new(&server, Api::Agent, &server.issue(token).await))
    };
    let found = async |n: usize, scope: &str| search(&with(n, scope).await, json!({})).await.0;
    assert_eq!(found(0, "chats--all:ro").await, ["everybodys", "hers", "anns"]);
    assert_eq!(found(0, "chats--my:ro").await, ["anns"]);
    assert_eq!(found(1, "chats--my:rw").await, Vec::<String>::new());
    // What counts is the access that `get_chats_summary` goes by.
    for n in [0, 1] {
        let by = with(n, "chats--access:ro").await;
        let known = by.ok("get_chats_summary", json!({})).await;
        let mut known: Vec<_> = list(&known["chats_summary"]).iter().map(id).collect();
        let page = by.ok("get_archives", json!({})).await;
        let mut archived: Vec<_> = list(&page["chats"]).iter().map(|entry| id(&entry["chat"])).collect();
        known.sort();
        archived.sort();
        assert_eq!(archived, known);
        assert_eq!(page["pagination"]["total"], known.len());
    }

    let error = with(0, "agents--all:rw").await.err("get_archives", json!({ "pagination": 5 })).await;
    assert_eq!(error.kind, "authorization", "the scope is looked at before the fields");
    for by in [Caller::Rtm(ann), Caller::Web(server.agent_web(0))] {
        for (payload, field) in [
            (json!({ "filters": 5 }), "filters"),
            (json!({ "filters": { "query": "refund" } }), "filters.query"),
            (json!({ "filters": { "date_from": "yesterday" } }), "filters.date_from"),
            (json!({ "filters": { "date_from": "2019-02-02", "date_to": "2019-02-01" } }), "filters.date_to"),
            (json!({ "filters": { "agent_ids": {} } }), "filters.agent_ids"),
            (json!({ "filters": { "agent_ids": vec!["a"; 101] } }), "filters.agent_ids"),
            (json!({ "filters": { "group_ids": ["x"] } }), "filters.group_ids.0"),
            (json!({ "filters": { "group_ids": vec![1; 101] } }), "filters.group_ids"),
            (json!({ "filters": { "properties": { "a": { "b": {} } } } }), "filters.properties.a.b"),
            (json!({ "pagination": [] }), "pagination"),
            (json!({ "pagination": { "page": 0 } }), "pagination.page"),
            (json!({ "pagination": { "page": 1001 } }), "pagination.page"),
            (json!({ "pagination": { "limit": 101 } }), "pagination.limit"),
            (json!({ "pagination": { "limit": -1 } }), "pagination.limit"),
        ] {
            let error = by.err("get_archives", payload).await;
            assert_eq!(error.kind, "validation", "{field}");
            assert!(error.message.starts_with(&format!("{field}: ")), "{field}: {error:?}");
        }
    }
    let person = server.person().await;
    let refused = server.customer_web(&person).err("get_archives", json!({})).await;
    assert_eq!(refused.1.kind, "validation", "customers have no archives");
}

#[tokio::test]
async fn a_page_too_large_for_a_socket_is_refused_and_one_thread_is_always_shown() {
    let server = Server::start().await;
    let [rtm, web] = both(&server).await;
    let long = "x".repeat(16 * 1024);
    for _ in 0..2 {
        let (person, chat) = chat(&server, "long", json!({})).await;
        for _ in 0..20 {
            let event = json!({ "type": "message", "text": long });
            server.customer_web(&person).ok("send_event", json!({ "chat_id": chat, "event": event })).await;
        }
    }
    let error = rtm.err("get_archives", json!({})).await;
    assert_eq!(error.kind, "validation");
    assert!(error.message.starts_with("pagination.limit: "), "{error:?}");
    assert_eq!(search(&web, json!({})).await.1, 2, "over HTTP there is room");
    let one = rtm.ok("get_archives", json!({ "pagination": { "limit": 1 } })).await;
    assert_eq!(texts(&one["chats"][0]["chat"]["thread"]["events"]).len(), 21);
}
