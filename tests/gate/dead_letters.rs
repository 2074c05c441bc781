//! Webhooks over crashes with the gate shut: what was given up, replayed or disabled is as it was told,
//! and nothing that is owed is lost, whatever of it had become durable.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};
use switchboard::storage::Save;
use switchboard_domain::id::LicenseId;

use crate::support::server::Server;
use crate::support::stage::{HOOK, Stage};
use crate::support::web::send;

async fn admin(server: &Server, method: Method, path: &str, body: Value) -> Value {
    let token = server.ready["admin_token"].as_str().unwrap();
    let request = server.raw(method, &format!("/admin/v1{path}")).bearer_auth(token).json(&body);
    let (status, answer) = send(request).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

async fn endpoint(server: &Server, bot: &str) -> Value {
    admin(server, Method::GET, &format!("/webhooks/{bot}"), json!(null)).await
}

async fn dead(server: &Server, bot: &str) -> Vec<String> {
    let answer = admin(server, Method::GET, &format!("/webhooks/{bot}/dead_letters"), json!(null)).await;
    let letters = answer["dead_letters"].as_array().unwrap();
    letters.iter().map(|letter| letter["delivery_id"].as_str().unwrap().to_owned()).collect()
}

/// Waits until nothing is owed to an endpoint.
async fn all_over(server: &Server, bot: &str) {
    let looking = async {
        while endpoint(server, bot).await["outstanding"] != 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::support::DEADLINE, looking).await.expect("all should be over");
}

async fn say(stage: &Stage, text: &str) {
    stage.mia.ok("send_event", stage.message(text)).await;
}

#[tokio::test]
async fn what_was_told_of_dead_letters_is_true_after_a_crash() {
    let stage = Stage::set().await;
    stage.sink.answer(|body| if body["data"]["event"]["type"] == "message" { 400 } else { 200 });
    for text in ["one", "two"] {
        say(&stage, text).await;
        stage.sink.message(HOOK, text).await;
    }
    all_over(&stage.server, &stage.bot).await;
    let letters = dead(&stage.server, &stage.bot).await;
    assert_eq!(letters.len(), 2);
    let Stage { ann, bob, mia, bot, sink, server, chat, customer } = stage;
    drop((ann, bob, mia));
    let mut server = server.crash().await;
    assert_eq!(dead(&server, &bot).await, letters);

    // A replay that was answered is one, also when the crash comes before its call.
    sink.hold();
    sink.answer(|_| 200);
    let replay = |which: Value| (format!("/webhooks/{bot}/replay"), which);
    let (path, which) = replay(json!({ "delivery_id": letters[0] }));
    assert_eq!(admin(&server, Method::POST, &path, which).await, json!({ "replayed": 1, "left": 0 }));
    server = server.crash().await;
    sink.release();
    assert_eq!(dead(&server, &bot).await, letters[1..]);
    sink.hit("the replay after the crash", |hit| hit.header("webhook-id") == letters[0] && hit.says("one"))
        .await;
    all_over(&server, &bot).await;

    // Nothing comes back, and what stayed can still be replayed.
    server = server.crash().await;
    assert_eq!(dead(&server, &bot).await, letters[1..]);
    let (path, which) = replay(json!({ "all": true }));
    admin(&server, Method::POST, &path, which).await;
    sink.hit("the other one", |hit| hit.header("webhook-id") == letters[1] && hit.status == 200).await;
    let web = server.customer_web(&customer);
    let event = json!({ "type": "message", "text": "after" });
    web.ok("send_event", json!({ "chat_id": chat, "event": event })).await;
    sink.message(HOOK, "after").await;
    server.assert_whole();
}

#[tokio::test]
async fn a_switch_that_was_told_outlives_a_crash() {
    let stage = Stage::set().await;
    let path = |word: &str, bot: &str| format!("/webhooks/{bot}/{word}");
    let off = admin(&stage.server, Method::POST, &path("disable", &stage.bot), json!(null)).await;
    assert_eq!(off["state"], "disabled");
    let Stage { ann, bob, mia, bot, server, .. } = stage;
    drop((ann, bob, mia));
    let mut server = server.crash().await;
    assert_eq!(endpoint(&server, &bot).await["disabled_why"], "by_hand");
    let on = admin(&server, Method::POST, &path("enable", &bot), json!(null)).await;
    assert_eq!(on["state"], "active");
    server = server.crash().await;
    assert_eq!(endpoint(&server, &bot).await["state"], "active");
    server.assert_whole();
}

#[tokio::test]
async fn what_a_disabled_receiver_was_owed_is_dead_and_no_more_is_owed() {
    let stage = Stage::set().await;
    stage.sink.hold();
    for n in 0..3 {
        say(&stage, &format!("waits {n}")).await;
    }
    stage.sink.message(HOOK, "waits 0").await;
    let path = format!("/webhooks/{}/disable", stage.bot);
    let off = admin(&stage.server, Method::POST, &path, json!(null)).await;
    assert_eq!((&off["outstanding"], &off["dead_letters"]), (&json!(0), &json!(3)));
    say(&stage, "unheard").await;
    let Stage { ann, bob, mia, bot, sink, server, .. } = stage;
    drop((ann, bob, mia));
    let server = server.crash().await;
    let seen = endpoint(&server, &bot).await;
    assert_eq!((&seen["outstanding"], &seen["dead_letters"]), (&json!(0), &json!(3)));
    sink.release();
    for (word, body) in [("enable", json!(null)), ("replay", json!({ "all": true }))] {
        admin(&server, Method::POST, &format!("/webhooks/{bot}/{word}"), body).await;
    }
    for n in 0..3 {
        sink.message(HOOK, &format!("waits {n}")).await;
    }
    all_over(&server, &bot).await;
    assert!(!sink.texts(HOOK).contains(&"unheard".to_owned()));
    server.assert_whole();
}

#[tokio::test]
async fn a_dead_letter_that_cannot_be_read_leaves_the_others_as_they_are() {
    let stage = Stage::set().await;
    let Stage { server, sink, bot, .. } = &stage;
    sink.answer(|body| if body["data"]["event"]["type"] == "message" { 400 } else { 200 });
    for text in ["one", "two"] {
        say(&stage, text).await;
        sink.message(HOOK, text).await;
    }
    all_over(server, bot).await;
    let letters = dead(server, bot).await;
    let mut save = Save::new();
    save.dead_letter_put(LicenseId(server.license()), &letters[1], b"nonsense");
    server.records.save(save).unwrap();
    sink.answer(|_| 200);
    let token = server.ready["admin_token"].as_str().unwrap();
    let request = server.raw(Method::POST, &format!("/admin/v1/webhooks/{bot}/replay")).bearer_auth(token);
    assert_eq!(send(request.json(&json!({ "all": true }))).await.0, 500);
    stage.settle("fence").await;
    assert_eq!(stage.bot_heard(), ["hello", "one", "two", "fence"], "what is listed as dead is not sent");
    assert_eq!(dead(server, bot).await, letters);
    server.assert_whole();
}

/// Rounds of crashes while a receiver takes some calls, refuses some and is in trouble with others: each
/// message that was acknowledged arrives, or is a dead letter.
#[tokio::test]
async fn rounds_of_crashes_lose_no_call() {
    let Stage { ann, bob, mia, bot, sink, mut server, chat, customer } = Stage::set().await;
    drop((ann, bob, mia));
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        let mut calls = 0;
        sink.answer(move |_| {
            calls += 1;
            [200, 400, 200][calls % 3]
        });
        for n in 0..6 {
            let text = format!("{round} {n}");
            let event = json!({ "type": "message", "text": text });
            server.customer_web(&customer).ok("send_event", json!({ "chat_id": chat, "event": event })).await;
            acknowledged.push(text);
        }
        server = server.crash().await;
    }
    sink.answer(|_| 200);
    all_over(&server, &bot).await;
    while !dead(&server, &bot).await.is_empty() {
        let all = json!({ "all": true });
        admin(&server, Method::POST, &format!("/webhooks/{bot}/replay"), all).await;
        all_over(&server, &bot).await;
    }
    let taken = sink.at(HOOK).into_iter().filter(|hit| hit.status == 200);
    let taken: HashSet<_> =
        taken.filter_map(|hit| hit.json["data"]["event"]["text"].as_str().map(str::to_owned)).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|text| !taken.contains(*text)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    server.assert_whole();
}
