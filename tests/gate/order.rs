//! What waited leaves in the order in which it was decided: on each side, and per chat by webhook.

use serde_json::json;

use crate::support::rtm::Push;
use crate::support::shape::{id, texts};
use crate::support::stage::{HOOK, Stage};

/// Messages in a row of each author: fewer than a session may have under way at once, so that its
/// pings pass.
const IN_A_ROW: usize = 8;

#[tokio::test]
async fn many_messages_leave_one_by_one_and_in_order() {
    let stage = Stage::set().await;
    let Stage { ann, mia, server, .. } = &stage;
    let (moment, accepted) = (stage.now().await, server.journal.changes());
    server.shut_gate();
    let mut requests = Vec::new();
    for n in 1..=IN_A_ROW {
        for (author, name) in [(mia, "mia"), (ann, "ann")] {
            let event = stage.message(&format!("{name} {n}"));
            requests.push((author, author.begin(json!({ "action": "send_event", "payload": event })).await));
        }
    }
    let total = 2 * IN_A_ROW;
    server.journal.wait_for(accepted + total as u64).await;
    stage.fence().await;
    stage.assert_silent(&moment, "many messages");

    // As much as is durable leaves, and not one more.
    let mut told = 0;
    for step in [1, 3, total - 4] {
        server.let_through(step);
        told += step;
        for session in stage.sessions() {
            for _ in 0..step {
                session.push("incoming_event", |payload| payload["event"]["type"] == "message").await;
            }
        }
        stage.fence().await;
        for (session, pushes) in stage.sessions().iter().zip(stage.since(&moment)) {
            assert_eq!(said(&pushes).len(), told, "{} after {told} records: {pushes:#?}", session.id);
        }
    }
    for (author, request) in requests {
        assert_eq!(author.response(&request).await["success"], true);
    }

    server.open_gate();
    let [first, second, third] = stage.since(&moment).map(|pushes| said(&pushes));
    assert_eq!(first, second, "everyone hears the same order");
    assert_eq!(first, third, "everyone hears the same order");
    for name in ["mia", "ann"] {
        let of_author: Vec<_> = first.iter().filter(|text| text.starts_with(name)).cloned().collect();
        let expected: Vec<_> = (1..=IN_A_ROW).map(|n| format!("{name} {n}")).collect();
        assert_eq!(of_author, expected, "the order of the author");
    }
    let hello = vec!["hello".to_owned()];
    let history = [hello.clone(), first.clone()].concat();
    assert_eq!(texts(&server.look(&stage.chat).await["threads"][0]["events"]), history);
    stage.sink.message(HOOK, &first[total - 1]).await;
    assert_eq!(stage.bot_heard(), history, "one chat, one endpoint: strictly in order");
    server.assert_whole();
}

/// The texts of the messages among some pushes.
fn said(pushes: &[Push]) -> Vec<String> {
    let texts = pushes.iter().filter(|push| push.name == "incoming_event");
    texts.filter_map(|push| push.payload["event"]["text"].as_str().map(str::to_owned)).collect()
}

/// The gate lets records through in the order of the journal, whichever chat and endpoint they are of.
#[tokio::test]
async fn two_chats_and_a_new_one_keep_their_order() {
    let stage = Stage::set().await;
    let Stage { bob, mia, server, sink, .. } = &stage;
    let (person, other) = server.chat(json!({})).await;
    let zoe = server.customer_rtm(&person).await;
    let other = id(&other);
    let event = json!({ "type": "message", "text": "anyone?" });
    zoe.ok("send_event", json!({ "chat_id": other, "event": event })).await;
    sink.message(HOOK, "anyone?").await;
    let (moment, accepted) = (stage.now().await, server.journal.changes());
    server.shut_gate();
    for n in 1..=IN_A_ROW {
        let event = json!({ "type": "message", "text": format!("zoe {n}") });
        let payload = json!({ "chat_id": other, "event": event });
        zoe.begin(json!({ "action": "send_event", "payload": payload })).await;
        let payload = stage.message(&format!("mia {n}"));
        mia.begin(json!({ "action": "send_event", "payload": payload })).await;
    }
    server.journal.wait_for(accepted + 2 * IN_A_ROW as u64).await;
    let close = zoe.begin(json!({ "action": "close_thread", "payload": { "chat_id": other } })).await;
    server.journal.wait_for(accepted + 2 * IN_A_ROW as u64 + 1).await;
    stage.fence().await;
    stage.assert_silent(&moment, "two chats");
    server.open_gate();

    assert_eq!(zoe.response(&close).await["success"], true);
    bob.push_in(&other, "thread_closed").await;
    sink.hit("the end", |hit| hit.action() == "thread_closed" && hit.is_about(&other)).await;
    stage.heard(&format!("mia {IN_A_ROW}")).await;
    for (name, session) in [("mia", bob), ("zoe", &zoe)] {
        let expected: Vec<_> = (1..=IN_A_ROW).map(|n| format!("{name} {n}")).collect();
        let heard: Vec<_> = stage.bot_heard().into_iter().filter(|text| text.starts_with(name)).collect();
        assert_eq!(heard, expected, "the order of the chat, by webhook");
        let told: Vec<_> =
            said(&session.since(0)).into_iter().filter(|text| text.starts_with(name)).collect();
        assert_eq!(told, expected, "the order of the chat, by push");
    }
    let ends = sink.at(HOOK).into_iter().rfind(|hit| hit.is_about(&other));
    assert_eq!(ends.unwrap().action(), "thread_closed", "the end comes last");
    server.assert_whole();
}
