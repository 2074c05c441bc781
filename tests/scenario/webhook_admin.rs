//! What an administrator sees of webhooks, and what becomes of those that were given up: dead letters
//! that outlive a crash, replay, receivers that are disabled and come back.

use serde_json::{Value, json};
use switchboard::outbound::verify;
use switchboard::telemetry::clock;

use crate::support::people::Person;
use crate::support::server::Server;
use crate::support::sink::{Hit, Sink};
use crate::support::{DEADLINE, RETRY_DEADLINE};

async fn say(server: &Server, (person, chat): &(Person, Value), text: &str) {
    let event = json!({ "type": "message", "text": text });
    server.customer_web(person).ok("send_event", json!({ "chat_id": chat["id"], "event": event })).await;
}

async fn listener(server: &Server, sink: &Sink, path: &str) -> String {
    let action = json!({ "name": "incoming_event", "filters": { "author_type": "customer" } });
    let webhooks = sink.webhooks(path, json!([action]));
    server.bot(json!({ "status": "not accepting chats", "webhooks": webhooks })).await
}

async fn endpoint(server: &Server, id: &str) -> Value {
    server.admin_ok("GET", &format!("/webhooks/{id}"), json!(null)).await
}

/// Waits until an endpoint is as asked.
async fn endpoint_when(server: &Server, id: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let looking = async {
        loop {
            let seen = endpoint(server, id).await;
            if fits(&seen) {
                return seen;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, looking).await.unwrap_or_else(|_| panic!("{what}"))
}

async fn dead(server: &Server, id: &str) -> Vec<Value> {
    let answer = server.admin_ok("GET", &format!("/webhooks/{id}/dead_letters"), json!(null)).await;
    answer["dead_letters"].as_array().unwrap().clone()
}

async fn replay(server: &Server, id: &str, which: Value) -> Value {
    server.admin_ok("POST", &format!("/webhooks/{id}/replay"), which).await
}

#[tokio::test]
async fn what_was_refused_is_a_dead_letter_that_outlives_a_crash_and_can_be_replayed() {
    let mut server = Server::start().await;
    let _ann = server.agent(0).await;
    let sink = Sink::start().await;
    let bot = listener(&server, &sink, "/bot").await;
    let chat = server.chat(json!({})).await;
    sink.answer(|body| if body["data"]["event"]["text"] == "fine" { 200 } else { 422 });
    let mut refused = Vec::new();
    for text in ["one", "two", "three", "fine"] {
        say(&server, &chat, text).await;
        refused.push(sink.message("/bot", text).await);
    }
    let seen = endpoint_when(&server, &bot, "all are over", |seen| seen["outstanding"] == 0).await;
    assert_eq!((&seen["state"], &seen["dead_letters"]), (&json!("active"), &json!(3)));
    let log = seen["log"].as_array().unwrap();
    let statuses: Vec<_> = log.iter().map(|line| line["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 422, 422, 422], "the newest first");
    assert!(log.iter().all(|line| line["answer_bytes"].as_u64() > Some(0)));
    assert!(!seen.to_string().contains("nobody's business"), "what was answered is told nobody");
    let letters = dead(&server, &bot).await;
    assert!(letters.iter().all(|letter| letter["why"] == "refused"), "{letters:?}");
    let ids: Vec<_> =
        letters.iter().map(|letter| letter["delivery_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, [0, 1, 2].map(|n| refused[n].header("webhook-id").to_owned()));

    server.kill_9().await;
    server.restart().await;
    assert_eq!(dead(&server, &bot).await, letters, "nothing is forgotten");
    sink.answer(|_| 200);
    // One, then a range, then all; each under its old id, with its old bytes.
    for (which, chosen) in [
        (json!({ "delivery_id": ids[1] }), vec!["two"]),
        (json!({ "from": letters[0]["due_since"], "to": letters[0]["due_since"] }), vec!["one"]),
        (json!({ "all": true }), vec!["three"]),
    ] {
        assert_eq!(replay(&server, &bot, which).await, json!({ "replayed": chosen.len(), "left": 0 }));
        for text in chosen {
            let again = sink.message("/bot", text).await;
            let first = refused.iter().find(|hit| hit.says(text)).unwrap();
            assert_eq!((&again.body, again.header("webhook-id")), (&first.body, first.header("webhook-id")));
        }
    }
    assert_eq!(dead(&server, &bot).await, [] as [Value; 0]);
    let (status, error) =
        server.admin_err("POST", &format!("/webhooks/{bot}/replay"), json!({ "delivery_id": ids[0] })).await;
    assert_eq!((status, error.as_str()), (400, "delivery_id: the endpoint has no such dead letter"));
    // And a crash does not bring them back.
    endpoint_when(&server, &bot, "all are over", |seen| seen["outstanding"] == 0).await;
    server.kill_9().await;
    server.restart().await;
    assert_eq!(dead(&server, &bot).await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_disabled_until_somebody_says_otherwise() {
    let mut server = Server::start().await;
    let _ann = server.agent(0).await;
    let sink = Sink::start().await;
    let bot = listener(&server, &sink, "/bot").await;
    let other = listener(&server, &sink, "/other").await;
    let chat = server.chat(json!({})).await;
    sink.answer(|body| if body["data"]["event"]["text"] == "gone" { 410 } else { 200 });
    say(&server, &chat, "gone").await;
    let first = sink.message("/bot", "gone").await;
    let seen = endpoint_when(&server, &bot, "it is disabled", |seen| seen["state"] == "disabled").await;
    assert_eq!((&seen["disabled_why"], &seen["dead_letters"]), (&json!("gone"), &json!(1)));

    // Also over a crash nothing is sent there; what happens meanwhile is not owed.
    server.kill_9().await;
    server.restart().await;
    let _ann = server.agent(0).await;
    assert_eq!(endpoint(&server, &bot).await["state"], "disabled");
    say(&server, &chat, "unheard").await;
    let (status, error) =
        server.admin_err("POST", &format!("/webhooks/{bot}/replay"), json!({ "all": true })).await;
    assert_eq!((status, error.as_str()), (400, "webhook_id: its receiver is disabled: enable it first"));
    sink.answer(|_| 200);
    let enabled = server.admin_ok("POST", &format!("/webhooks/{bot}/enable"), json!(null)).await;
    assert_eq!(enabled["state"], "active");
    say(&server, &chat, "heard").await;
    sink.message("/bot", "heard").await;
    replay(&server, &bot, json!({ "all": true })).await;
    assert_eq!(sink.message("/bot", "gone").await.body, first.body);
    assert_eq!(sink.texts("/bot"), ["gone", "heard", "gone"]);

    // By hand, and a bot that comes online again does not undo that; one that was merely gone is back.
    let web = server.configuration();
    let status = |bot: &str, status: &str| web.ok("update_bot_agent", json!({ "id": bot, "status": status }));
    server.admin_ok("POST", &format!("/webhooks/{bot}/disable"), json!(null)).await;
    sink.answer(|_| 410);
    say(&server, &chat, "gone, too").await;
    endpoint_when(&server, &other, "it is disabled", |seen| seen["state"] == "disabled").await;
    for id in [&bot, &other] {
        status(id, "offline").await;
        status(id, "not accepting chats").await;
    }
    endpoint_when(&server, &other, "it is back", |seen| seen["state"] == "active").await;
    assert_eq!(endpoint(&server, &bot).await["disabled_why"], "by_hand");
    let listed = server.admin_ok("GET", "/webhooks", json!(null)).await;
    let mut known: Vec<_> =
        listed["webhooks"].as_array().unwrap().iter().map(|seen| seen["id"].as_str().unwrap()).collect();
    known.sort_unstable();
    let mut expected = [bot.as_str(), other.as_str()];
    expected.sort_unstable();
    assert_eq!(known, expected);
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_respected() {
    let server = Server::start().await;
    let _ann = server.agent(0).await;
    let sink = Sink::start().await;
    let bot = listener(&server, &sink, "/bot").await;
    let (busy, other) = (server.chat(json!({})).await, server.chat(json!({})).await);
    let mut first = true;
    sink.answer(move |_| if std::mem::take(&mut first) { 429 } else { 200 });
    let began = clock::monotonic();
    say(&server, &busy, "one").await;
    sink.message("/bot", "one").await;
    let seen = endpoint_when(&server, &bot, "it pauses", |seen| seen["paused_until"].is_string()).await;
    assert_eq!((&seen["state"], &seen["outstanding"]), (&json!("active"), &json!(1)));
    // The pause holds for the receiver, so for every chat.
    say(&server, &other, "two").await;
    for text in ["one", "two"] {
        sink.hit_within(RETRY_DEADLINE, text, |hit| hit.path == "/bot" && hit.says(text)).await;
    }
    let took = clock::monotonic() - began;
    assert!(took.as_secs() >= 7, "{took:?}");
}

/// Would a receiver that knows this secret believe the call?
fn believed(hit: &Hit, secret: &str) -> bool {
    let at: u64 = hit.header("webhook-timestamp").parse().unwrap();
    let now = clock::now().as_secs();
    let signatures = hit.header("webhook-signature");
    verify(secret, (hit.header("webhook-id"), at), &hit.body, signatures, (now, 60)).is_ok()
}

#[tokio::test]
async fn calls_are_signed_and_both_secrets_count_while_one_is_replaced() {
    let server = Server::start().await;
    let _ann = server.agent(0).await;
    let sink = Sink::start().await;
    let bot = listener(&server, &sink, "/bot").await;
    let chat = server.chat(json!({})).await;
    say(&server, &chat, "one").await;
    let hit = sink.message("/bot", "one").await;
    assert!(believed(&hit, "s3cr3t") && !believed(&hit, "other"));
    assert_eq!(hit.json["secret_key"], "s3cr3t");

    let mut webhooks = sink.webhooks("/bot", json!(["incoming_event"]));
    webhooks["secret_key"] = json!("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    server.update_bot(&bot, json!({ "webhooks": webhooks })).await;
    say(&server, &chat, "two").await;
    let hit = sink.message("/bot", "two").await;
    assert!(believed(&hit, "s3cr3t") && believed(&hit, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    assert_eq!(hit.json["secret_key"], "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    // The wire shows one secret, as it was given.
    let shown = server.bot_details(&bot).await;
    assert_eq!(shown["webhooks"]["secret_key"], "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
}

#[tokio::test]
async fn an_administrator_changes_the_secret_of_a_registered_webhook_and_both_count() {
    let mut server = Server::start().await;
    let _ann = server.agent(0).await;
    let sink = Sink::start().await;
    let registration = json!({ "url": sink.url("/app"), "secret_key": "s3cr3t", "action": "incoming_event" });
    let answer = server.configuration().ok("register_webhook", registration).await;
    let id = answer["webhook_id"].as_str().unwrap().to_owned();
    let bot = listener(&server, &sink, "/bot").await;
    let chat = server.chat(json!({})).await;
    say(&server, &chat, "one").await;
    let hit = sink.message("/app", "one").await;
    assert!(believed(&hit, "s3cr3t") && !believed(&hit, "new"));
    assert_eq!(endpoint(&server, &id).await["former_secret_until"], json!(null));

    let path = format!("/webhooks/{id}/rotate_secret");
    let rotated = server.admin_ok("POST", &path, json!({ "secret_key": "new" })).await;
    let until = rotated["former_secret_until"].as_str().unwrap().to_owned();
    for round in 0..2 {
        let text = format!("two {round}");
        say(&server, &chat, &text).await;
        let hit = sink.message("/app", &text).await;
        assert!(believed(&hit, "s3cr3t") && believed(&hit, "new") && !believed(&hit, "other"));
        assert_eq!(hit.json["secret_key"], "new");
        assert_eq!(hit.header("webhook-signature").split(' ').count(), 2);
        assert_eq!(endpoint(&server, &id).await["former_secret_until"], json!(until));
        // A crash changes nothing, neither does asking again.
        server.kill_9().await;
        server.restart().await;
        server.admin_ok("POST", &path, json!({ "secret_key": "new" })).await;
    }
    // Its application sees the one that it is to know.
    let config = server.configuration().ok("get_webhooks_config", json!({})).await;
    assert_eq!(config["webhooks_config"][0]["secret_key"], "new", "{config}");
    // The next change forgets the first one at once: there are two at most.
    server.admin_ok("POST", &path, json!({ "secret_key": "third" })).await;
    say(&server, &chat, "three").await;
    let hit = sink.message("/app", "three").await;
    assert!(believed(&hit, "third") && believed(&hit, "new") && !believed(&hit, "s3cr3t"));

    for (id, body, code, words) in [
        (id.as_str(), json!({}), 400, "secret_key: missing"),
        (id.as_str(), json!({ "secret_key": "" }), 400, "secret_key: must not be empty"),
        (bot.as_str(), json!({ "secret_key": "new" }), 400, "webhook_id: is a bot's"),
        ("none", json!({ "secret_key": "new" }), 404, "webhook_id: no such webhook"),
    ] {
        let (status, error) = server.admin_err("POST", &format!("/webhooks/{id}/rotate_secret"), body).await;
        assert!(status == code && error.starts_with(words), "{status} {error}");
    }
}

/// A configuration under which a license keeps so many dead letters.
fn keeping(letters: usize) -> (String, Value) {
    let token = |name: &str| format!("{name}-{}", "x".repeat(32));
    let (admin, agent) = (token("admin"), token("agent"));
    let configuration = format!(
        r#"
        [admin]
        token = "{admin}"
        [webhooks]
        allow_loopback = true
        dead_letter_hours = 1
        dead_letters = {letters}
        [[license]]
        id = 100000001
        organization_id = "390e44e6-f1e6-4b7e-8d7c-0a1b2c3d4e5f"
        client_id = "app-of-the-letters"
        client_secret = "a-secret-of-the-application"
        [[license.agent]]
        id = "ann@example.org"
        name = "Ann"
        token = "{agent}"
        "#
    );
    let known = json!({
        "license_id": 100_000_001, "client_id": "app-of-the-letters", "admin_token": admin,
        "agents": [{ "id": "ann@example.org", "token": agent }],
    });
    (configuration, known)
}

#[tokio::test]
async fn as_many_dead_letters_are_kept_as_the_operator_says() {
    let (configuration, known) = keeping(3);
    let mut server = Server::serve(&configuration, known).await;
    let _ann = server.agent(0).await;
    let sink = Sink::start().await;
    let bot = listener(&server, &sink, "/bot").await;
    let chat = server.chat(json!({})).await;
    sink.answer(|_| 422);
    let mut refused = Vec::new();
    for text in ["one", "two", "three", "four", "five"] {
        say(&server, &chat, text).await;
        refused.push(sink.message("/bot", text).await.header("webhook-id").to_owned());
    }
    endpoint_when(&server, &bot, "all are over", |seen| seen["outstanding"] == 0).await;
    let ids = async |server: &Server| -> Vec<String> {
        let letters = dead(server, &bot).await;
        letters.iter().map(|letter| letter["delivery_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&server).await, refused[2..], "the newest");
    // With another number in the file the next start obeys that one. What is forgotten stays so, when all
    // is stored as after a stop: a replay would find it in the journal.
    let file = server.data_dir().with_file_name("switchboard.toml");
    let written = std::fs::read_to_string(&file).unwrap();
    for letters in [1, 3] {
        assert_eq!(server.stop().await, Some(0));
        let said = written.replace("dead_letters = 3", &format!("dead_letters = {letters}"));
        std::fs::write(&file, said).unwrap();
        server.restart().await;
        assert_eq!(ids(&server).await, refused[4..], "{letters}");
    }
}
