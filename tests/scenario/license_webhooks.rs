//! Webhooks that applications register for the whole license: they hear whatever anybody's status is, until they
//! are taken back.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::people::Person;
use crate::support::server::Server;
use crate::support::shape::{id, list, text};
use crate::support::sink::{Hit, Sink};
use crate::support::web::{Api, Web, send};
use crate::support::{DEADLINE, RETRY_DEADLINE, WireError};

/// The body of a registration; `extra` is merged in.
fn webhook(sink: &Sink, path: &str, action: &str, extra: Value) -> Value {
    let mut body = json!({ "url": sink.url(path), "secret_key": "s3cr3t", "action": action });
    if let (Value::Object(body), Value::Object(extra)) = (&mut body, extra) {
        body.extend(extra);
    }
    body
}

async fn register(server: &Server, body: Value) -> String {
    text(&server.configuration().ok("register_webhook", body).await["webhook_id"])
}

async fn say(server: &Server, (person, chat): &(Person, Value), text: &str) {
    let event = json!({ "type": "message", "text": text });
    server.customer_web(person).ok("send_event", json!({ "chat_id": chat["id"], "event": event })).await;
}

/// The error, with the id that was asked for taken out.
fn without(error: (u16, WireError), id: &str) -> (u16, String, String) {
    (error.0, error.1.kind, error.1.message.replace(id, "<id>"))
}

#[tokio::test]
async fn a_registration_hears_at_once_is_shown_as_given_and_outlives_a_crash() {
    let mut server = Server::start().await;
    let sink = Sink::start().await;
    let web = server.configuration();
    assert_eq!(web.ok("get_webhooks_config", json!({})).await, json!({ "webhooks_config": [] }));
    let given = json!({ "description": "closed threads", "additional_data": ["chat_properties"],
        "filters": { "chat_member_ids": { "agents_exclude": ["nobody@example.com"] }, "only_my_chats": false,
                     "chat_properties": { "test": { "int_property": { "exclude_values": [7] } } } } });
    let mut whole = webhook(&sink, "/closed", "thread_closed", given);
    let plain = webhook(&sink, "/events", "incoming_event", json!({}));
    let closed = register(&server, whole.clone()).await;
    let events = register(&server, plain.clone()).await;
    assert_eq!(closed.len(), 25);
    assert!(closed.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{closed}");

    // Nobody is logged in and no bot exists: it hears all the same.
    let person = server.person().await;
    let continuous = json!({ "continuous": true, "chat": {} });
    let chat = server.customer_web(&person).ok("start_chat", continuous).await["chat"].clone();
    let chat = (person, chat);
    say(&server, &chat, "one").await;
    let hit = sink.message("/events", "one").await;
    let mut keys: Vec<_> = hit.json.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["action", "data", "secret_key", "webhook_id"]);
    assert_eq!((&hit.json["webhook_id"], &hit.json["secret_key"]), (&json!(events), &json!("s3cr3t")));

    let client = server.ready["client_id"].clone();
    let shown = |mut given: Value, id: &str| {
        given["webhook_id"] = json!(id);
        given["owner_client_id"] = client.clone();
        given
    };
    whole = shown(whole, &closed);
    let config = json!({ "webhooks_config": [whole, shown(plain, &events)] });
    assert_eq!(web.ok("get_webhooks_config", json!({})).await, config);

    server.kill_9().await;
    server.restart().await;
    assert_eq!(server.configuration().ok("get_webhooks_config", json!({})).await, config);
    say(&server, &chat, "two").await;
    sink.message("/events", "two").await;

    // Taken back, it hears no more, and a second time there is nothing to take back.
    let which = json!({ "webhook_id": events });
    assert_eq!(server.configuration().ok("unregister_webhook", which.clone()).await, json!({}));
    let (status, error) = server.configuration().err("unregister_webhook", which).await;
    assert_eq!((status, error.kind.as_str()), (400, "validation"));
    let fence = register(&server, webhook(&sink, "/fence", "incoming_event", json!({}))).await;
    say(&server, &chat, "three").await;
    assert_eq!(sink.message("/fence", "three").await.json["webhook_id"], fence);
    // What was not yet known to be delivered at the crash may come again.
    let mut heard = sink.texts("/events");
    heard.dedup();
    assert_eq!(heard, ["one", "two"]);
    server.close(&chat.0, &chat.1).await;
    let hit = sink.hit("the end", |hit| hit.action() == "thread_closed").await;
    assert_eq!(hit.json["webhook_id"], closed);
    assert!(hit.json["additional_data"]["chat_properties"]["routing"].is_object(), "{}", hit.json);
}

#[tokio::test]
async fn another_application_sees_and_takes_back_only_what_its_scopes_say() {
    let server = Server::start().await;
    let sink = Sink::start().await;
    let other = server.other_application().await;
    let theirs = Web::new(&server, Api::Configuration, &other);
    let body = |path: &str| webhook(&sink, path, "incoming_event", json!({}));
    let ours = register(&server, body("/ours")).await;
    let foreign = text(&theirs.ok("register_webhook", body("/theirs")).await["webhook_id"]);
    let seen = async |web: &Web| {
        let config = web.ok("get_webhooks_config", json!({})).await;
        list(&config["webhooks_config"]).iter().map(|w| text(&w["webhook_id"])).collect::<Vec<_>>()
    };
    let scoped = async |client: &Value, scopes: &[&str]| {
        let token = json!({ "agent_id": server.agent_id(0), "client_id": client, "scopes": scopes });
        Web::new(&server, Api::Configuration, &server.issue(token).await)
    };
    let client = &server.ready["client_id"];
    let reads = scoped(client, &["webhooks--my:ro"]).await;
    let writes = scoped(client, &["webhooks--my:rw"]).await;
    let reads_all = scoped(&json!("third"), &["webhooks--all:ro"]).await;
    let removes_all = scoped(&json!("third"), &["webhooks--all:rw"]).await;
    assert_eq!(seen(&reads).await, [ours.as_str()]);
    assert_eq!(seen(&writes).await, [ours.as_str()]);
    assert_eq!(seen(&reads_all).await, [ours.as_str(), foreign.as_str()]);

    // A foreign one is like none at all.
    let which = |id: &str| json!({ "webhook_id": id });
    let nobody = "k3v9q0x7c2m5b8n1z4l6j0h2d";
    let refused = without(writes.err("unregister_webhook", which(&foreign)).await, &foreign);
    assert_eq!((refused.0, refused.1.as_str()), (400, "validation"));
    assert_eq!(refused, without(writes.err("unregister_webhook", which(nobody)).await, nobody));

    let none = scoped(client, &["agents-bot--all:rw", "chats--all:rw"]).await;
    for (web, action, body) in [
        (&reads, "register_webhook", json!({})),
        (&reads, "unregister_webhook", which(&ours)),
        (&reads_all, "unregister_webhook", which(nobody)),
        (&none, "get_webhooks_config", json!({})),
        (&none, "register_webhook", body("/none")),
        (&none, "unregister_webhook", which(&ours)),
    ] {
        let (status, error) = web.err(action, body).await;
        assert_eq!((status, error.kind.as_str()), (403, "authorization"), "{action}");
    }
    removes_all.ok("unregister_webhook", which(&foreign)).await;
    writes.ok("unregister_webhook", which(&ours)).await;
    assert_eq!(seen(&reads_all).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_cannot_be_registered_is_refused_by_its_field_and_changes_nothing() {
    let server = Server::start().await;
    let sink = Sink::start().await;
    let web = server.configuration();
    let good = webhook(&sink, "/x", "thread_closed", json!({}));
    let long = |n: usize| json!("x".repeat(n));
    for (field, value, named) in [
        ("url", Value::Null, "url"),
        ("url", json!(5), "url"),
        ("url", json!("bots.example.org/hook"), "url"),
        ("url", json!("ftp://bots.example.org"), "url"),
        ("url", json!(format!("http://h/{}", "x".repeat(2048))), "url"),
        ("action", Value::Null, "action"),
        ("action", json!(["thread_closed"]), "action"),
        ("action", json!("chat_transferred"), "action"),
        ("secret_key", Value::Null, "secret_key"),
        ("secret_key", json!({}), "secret_key"),
        ("secret_key", long(257), "secret_key"),
        ("description", json!(1), "description"),
        ("description", long(1025), "description"),
        ("filters", json!("none"), "filters"),
        ("filters", json!({ "author_type": "agent" }), "filters.author_type"),
        ("filters", json!({ "who": 1 }), "filters.who"),
        (
            "filters",
            json!({ "chat_member_ids": { "agents_any": [], "agents_exclude": [] } }),
            "filters.chat_member_ids",
        ),
        ("filters", json!({ "chat_member_ids": { "agents_any": vec!["a"; 101] } }), "filters"),
        ("filters", json!({ "chat_properties": { "a": { "b": {} } } }), "filters.chat_properties.a.b"),
        ("additional_data", json!("access"), "additional_data"),
        ("additional_data", json!(["access"]), "additional_data"),
        ("additional_data", json!(["everything"]), "additional_data"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let (status, error) = web.err("register_webhook", body).await;
        assert_eq!((status, error.kind.as_str()), (400, "validation"), "{field}");
        assert!(error.message.starts_with(&format!("{named}: ")), "{named}: {error:?}");
    }
    for (filters, additional) in
        [(json!({ "only_my_chats": true }), json!([])), (json!({}), json!(["chat_properties"]))]
    {
        let extra = json!({ "filters": filters, "additional_data": additional });
        let body = webhook(&sink, "/x", "agent_status_changed", extra);
        assert_eq!(web.err("register_webhook", body).await.1.kind, "validation");
    }
    for id in [Value::Null, json!(5)] {
        let (status, error) = web.err("unregister_webhook", json!({ "webhook_id": id })).await;
        assert_eq!((status, error.kind.as_str()), (400, "validation"));
        assert!(error.message.starts_with("webhook_id: "), "{error:?}");
    }
    assert_eq!(web.ok("get_webhooks_config", json!({})).await, json!({ "webhooks_config": [] }));

    // One application has a bounded number of them.
    let mut last = String::new();
    for _ in 0..100 {
        last = register(&server, good.clone()).await;
    }
    let (status, error) = web.err("register_webhook", good.clone()).await;
    assert_eq!((status, error.kind.as_str()), (400, "validation"));
    assert!(error.message.contains("at most 100 webhooks"), "{error:?}");
    web.ok("unregister_webhook", json!({ "webhook_id": last })).await;

    // The addresses of early 2019, with and without the wrapper.
    for body in [good.clone(), json!({ "payload": good })] {
        let call = |method: &str, body: &Value| {
            let path = format!("/v3.0/configuration/webhooks/{method}");
            send(server.raw(Method::POST, &path).bearer_auth(server.agent_token(0)).json(body))
        };
        let (status, answer) = call("register_webhook", &body).await;
        assert_eq!(status, 200, "{answer}");
        let (status, shown) = call("get_webhooks_config", &json!({})).await;
        assert_eq!((status, list(&shown["webhooks_config"]).len()), (200, 100));
        assert_eq!(call("unregister_webhook", &answer).await, (200, json!({})));
    }
}

#[tokio::test]
async fn filters_let_through_what_they_say() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let sink = Sink::start().await;
    let filters = [
        ("/all", json!({})),
        ("/customer", json!({ "author_type": "customer" })),
        ("/agent", json!({ "author_type": "agent" })),
        ("/any", json!({ "chat_member_ids": { "agents_any": [ann.id] } })),
        ("/exclude", json!({ "chat_member_ids": { "agents_exclude": [ann.id] } })),
        ("/sms", json!({ "chat_properties": { "source": { "type": { "values": ["sms"] } } } })),
        ("/mine", json!({ "only_my_chats": true })),
    ];
    for (path, filters) in &filters {
        register(&server, webhook(&sink, path, "incoming_event", json!({ "filters": filters }))).await;
    }
    // Whose chat it is goes by the application that registered, not by who asks.
    let theirs = Web::new(&server, Api::Configuration, &server.other_application().await);
    let body = webhook(&sink, "/theirs", "incoming_event", json!({ "filters": { "only_my_chats": true } }));
    theirs.ok("register_webhook", body).await;

    let own = json!({ "source": { "client_id": server.ready["client_id"], "type": "sms" } });
    let foreign = json!({ "source": { "client_id": "another-app", "type": "mail" } });
    for (name, properties) in [("own", own), ("foreign", foreign)] {
        let chat = server.chat(json!({ "properties": properties })).await;
        say(&server, &chat, &format!("{name} customer")).await;
        let event = json!({ "type": "message", "text": format!("{name} agent") });
        ann.ok("send_event", json!({ "chat_id": chat.1["id"], "event": event })).await;
    }
    // The fence: what is due later is sent later, to every place.
    for path in filters.iter().map(|(path, _)| *path).chain(["/theirs"]) {
        register(&server, webhook(&sink, path, "incoming_event", json!({}))).await;
    }
    say(&server, &server.chat(json!({})).await, "fence").await;
    let (own, foreign) = (["own customer", "own agent"], ["foreign customer", "foreign agent"]);
    let all = [own, foreign].concat();
    for (path, texts) in [
        ("/all", all.clone()),
        ("/customer", vec![own[0], foreign[0]]),
        ("/agent", vec![own[1], foreign[1]]),
        ("/any", all),
        ("/exclude", vec![]),
        ("/sms", own.to_vec()),
        ("/mine", own.to_vec()),
        ("/theirs", foreign.to_vec()),
    ] {
        for text in &texts {
            sink.message(path, text).await;
        }
        sink.message(path, "fence").await;
        let mut heard = sink.texts(path);
        heard.retain(|text| text != "fence");
        heard.sort();
        let mut texts = texts;
        texts.sort_unstable();
        assert_eq!(heard, texts, "{path}");
    }
}

#[tokio::test]
async fn the_license_and_a_bot_hear_side_by_side_in_order_across_a_crash() {
    let mut server = Server::start().await;
    let _ann = server.agent(0).await;
    let (sink, troubled) = (Sink::start().await, Sink::start().await);
    let filters = json!({ "author_type": "customer" });
    let actions = json!([{ "name": "incoming_event", "filters": filters }]);
    server.bot(json!({ "status": "not accepting chats", "webhooks": sink.webhooks("/bot", actions) })).await;
    let extra = json!({ "filters": filters });
    register(&server, webhook(&sink, "/license", "incoming_event", extra.clone())).await;
    let doomed = register(&server, webhook(&troubled, "/doomed", "incoming_event", extra.clone())).await;
    register(&server, webhook(&troubled, "/troubled", "incoming_event", extra)).await;
    let chats = [server.chat(json!({})).await, server.chat(json!({})).await];
    let texts = |n: usize, from: usize| (from..from + 3).map(move |i| format!("{n}/{i}"));

    // One receiver is in trouble, the others go on.
    troubled.answer(|_| 503);
    for (n, chat) in chats.iter().enumerate() {
        for text in texts(n, 0) {
            say(&server, chat, &text).await;
        }
        for path in ["/bot", "/license"] {
            for text in texts(n, 0) {
                sink.message(path, &text).await;
            }
        }
        troubled.message("/troubled", &format!("{n}/0")).await;
        troubled.message("/doomed", &format!("{n}/0")).await;
    }
    // What is owed to the one that is taken back ends here; the other is owed it across the crash.
    server.configuration().ok("unregister_webhook", json!({ "webhook_id": doomed })).await;
    drop(_ann);
    server.kill_9().await;
    troubled.answer(|_| 200);
    server.restart().await;
    for (n, chat) in chats.iter().enumerate() {
        for text in texts(n, 3) {
            say(&server, chat, &text).await;
        }
    }
    for n in 0..chats.len() {
        for text in texts(n, 0).chain(texts(n, 3)) {
            let fits = |hit: &Hit| hit.path == "/troubled" && hit.status == 200 && hit.says(&text);
            troubled.hit_within(RETRY_DEADLINE, &text, fits).await;
        }
        for path in ["/bot", "/license"] {
            for text in texts(n, 3) {
                sink.hit_within(DEADLINE, &text, |hit| hit.path == path && hit.says(&text)).await;
            }
        }
    }
    let of_chat = |hits: Vec<Hit>, n: usize| {
        let chat = id(&chats[n].1);
        let taken = hits.into_iter().filter(|hit| hit.status == 200 && hit.is_about(&chat));
        let mut texts: Vec<_> = taken.map(|hit| text(&hit.json["data"]["event"]["text"])).collect();
        texts.dedup();
        texts
    };
    for n in 0..chats.len() {
        let told: Vec<_> = texts(n, 0).chain(texts(n, 3)).collect();
        for hits in [sink.at("/bot"), sink.at("/license"), troubled.at("/troubled")] {
            assert_eq!(of_chat(hits, n), told, "each hears each chat in order");
        }
        assert_eq!(of_chat(troubled.at("/doomed"), n), Vec::<String>::new());
    }
}

#[tokio::test]
async fn changes_of_agents_and_bots_are_told() {
    let server = Server::start().await;
    let sink = Sink::start().await;
    for action in ["agent_status_changed", "agent_deleted"] {
        register(&server, webhook(&sink, "/license", action, json!({}))).await;
    }
    let listener = sink.webhooks("/bot", json!(["agent_status_changed", "agent_deleted"]));
    server.bot(json!({ "name": "L", "status": "not accepting chats", "webhooks": listener })).await;
    let bot = server.bot(json!({ "name": "B", "status": "offline" })).await;
    let only = json!({ "filters": { "chat_member_ids": { "agents_any": [bot] } } });
    register(&server, webhook(&sink, "/only", "agent_status_changed", only)).await;

    let told = async |path: &str, action: &str, data: Value| {
        let what = format!("{action} {data} at {path}");
        sink.hit(&what, |hit| hit.path == path && hit.action() == action && hit.json["data"] == data).await
    };
    let both = async |action: &str, data: Value| {
        for path in ["/license", "/bot"] {
            let hit = told(path, action, data.clone()).await;
            assert!(hit.json.get("additional_data").is_none(), "{}", hit.json);
        }
    };
    // A human: comes, is busy, and leaves.
    let ann = server.agent(0).await;
    let status = |agent: &str, status: &str| json!({ "agent_id": agent, "status": status });
    both("agent_status_changed", status(&ann.id, "accepting chats")).await;
    ann.ok("update_agent", json!({ "routing_status": "not_accepting_chats" })).await;
    both("agent_status_changed", status(&ann.id, "not accepting chats")).await;
    ann.ok("logout", json!({})).await;
    both("agent_status_changed", status(&server.agent_id(0), "offline")).await;
    // A bot: the same, and then it is removed.
    for word in ["accepting chats", "not accepting chats", "offline", "accepting chats"] {
        server.update_bot(&bot, json!({ "status": word })).await;
        both("agent_status_changed", status(&bot, word)).await;
        told("/only", "agent_status_changed", status(&bot, word)).await;
    }
    let bob = server.agent(1).await;
    both("agent_status_changed", status(&bob.id, "accepting chats")).await;
    server.configuration().ok("remove_bot_agent", json!({ "bot_agent_id": bot })).await;
    both("agent_status_changed", status(&bot, "offline")).await;
    both("agent_deleted", json!({ "agent_id": bot })).await;
    told("/only", "agent_status_changed", status(&bot, "offline")).await;
    assert_eq!(sink.at("/only").len(), 5, "of nobody else");
    assert!(!bob.ever_saw("agent_deleted"), "only webhooks tell of it");
}
