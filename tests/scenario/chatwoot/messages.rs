//! Messages by their number alone (spec 2.4): whoever wrote one may say it otherwise, and it may be taken back.

use reqwest::Method;
use serde_json::{Value, json};

use super::cable::Cable;
use super::{Desk, token};
use crate::support::sink::Sink;

fn at(message: &Value) -> String {
    format!("/api/v1/accounts/1/messages/{}", message["id"])
}

#[tokio::test]
async fn whoever_wrote_a_message_says_it_otherwise_and_everybody_hears() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    desk.hook(&sink, "/hook", &["message_updated"], json!({})).await;
    let (cable, _) = Cable::agent(&desk, &desk.admin).await;
    let ana = desk.contact("Ana").await;
    let (customer, _) = Cable::contact(&desk, &ana.source).await;
    let said = desk.answer(&desk.agent, ana.conversation, json!({ "content": "helo" })).await;
    let path = format!("messages/{}", said["id"]);
    let now = desk.ok(&desk.agent, Method::PATCH, &path, json!({ "content": "hello" })).await;
    assert_eq!(
        (&now["id"], &now["content"], &now["message_type"]),
        (&said["id"], &json!("hello"), &json!(1))
    );
    assert_eq!(desk.read(&ana).await, ["hello"]);
    let hit = sink.hit("the hook", |hit| hit.json["event"] == "message_updated").await;
    assert_eq!((&hit.json["id"], &hit.json["content"]), (&said["id"], &json!("hello")));
    for stream in [&cable, &customer] {
        stream.told("message.updated", |data| data["id"] == said["id"] && data["content"] == "hello").await;
    }
    // How its delivery went, as by the other address.
    let read = desk.ok(&desk.agent, Method::PATCH, &path, json!({ "status": "read" })).await;
    assert_eq!((&read["status"], &read["content"]), (&json!("read"), &json!("hello")));
    let gone = desk.ok(&desk.admin, Method::DELETE, &path, Value::Null).await;
    assert_eq!(gone["content_attributes"]["deleted"], true);
    sink.hit("the hook", |hit| hit.json["content_attributes"]["deleted"] == true).await;
}

#[tokio::test]
async fn nobody_else_says_a_message_otherwise_and_nonsense_changes_nothing() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = token(&desk.bot(&sink, "/bot", json!({ "events": ["message_created"] })).await);
    let ana = desk.contact("Ana").await;
    let hers = desk.write(&ana, "hers").await;
    let mine = desk.answer(&desk.agent, ana.conversation, json!({ "content": "mine" })).await;
    let its = desk.answer(&bot, ana.conversation, json!({ "content": "its" })).await;
    let patch = async |token: &str, message: &Value, body: Value| {
        desk.call(Some(token), Method::PATCH, &at(message), body).await
    };
    let other = json!({ "content": "other" });
    let unauthorized = json!({ "error": "You are not authorized to do this action" });
    for (message, whose) in [(&hers, "a customer's"), (&its, "a bot's")] {
        assert_eq!(patch(&desk.agent, message, other.clone()).await, (401, unauthorized.clone()), "{whose}");
    }
    assert_eq!(patch(&desk.admin, &mine, other.clone()).await, (401, unauthorized), "a colleague's");
    let not_for_bots = json!({ "error": "Access to this endpoint is not authorized for bots" });
    assert_eq!(patch(&bot, &its, other.clone()).await, (401, not_for_bots.clone()));
    assert_eq!(desk.call(Some(&bot), Method::DELETE, &at(&its), Value::Null).await, (401, not_for_bots));
    let blank = json!({ "message": "Content can't be blank", "attributes": ["content"] });
    for content in [json!(""), json!("  "), Value::Null] {
        assert_eq!(patch(&desk.agent, &mine, json!({ "content": content })).await, (422, blank.clone()));
    }
    let long = json!({ "content": "x".repeat(150_001) });
    assert_eq!(patch(&desk.agent, &mine, long).await.1["attributes"], json!(["content"]));
    assert_eq!(patch(&desk.agent, &mine, json!({})).await.0, 422);
    assert_eq!(patch(&desk.agent, &mine, json!({ "status": "lost" })).await.0, 422);
    let nowhere = json!({ "error": "Resource could not be found" });
    for id in [json!(0), json!(999_999_999), json!(u64::MAX), json!("x"), json!(-1)] {
        let id = json!({ "id": id.as_str().map_or(id.to_string(), ToOwned::to_owned) });
        let path = format!("/api/v1/accounts/1/messages/{}", id["id"].as_str().unwrap());
        assert_eq!(
            desk.call(Some(&desk.admin), Method::PATCH, &path, other.clone()).await,
            (404, nowhere.clone())
        );
        assert_eq!(
            desk.call(Some(&desk.admin), Method::DELETE, &path, json!({})).await,
            (404, nowhere.clone())
        );
    }
    assert_eq!(desk.call(Some(&desk.agent), Method::GET, &at(&mine), Value::Null).await.0, 404);
    let foreign = at(&mine).replace("accounts/1", "accounts/2");
    assert_eq!(desk.call(Some(&desk.agent), Method::PATCH, &foreign, other.clone()).await.0, 404);
    assert_eq!(desk.read(&ana).await, ["hers", "mine", "its"]);

    // What is taken back says nothing more; nor does one say anything where one may not look.
    desk.call(Some(&desk.agent), Method::DELETE, &at(&mine), Value::Null).await;
    assert_eq!(patch(&desk.agent, &mine, other.clone()).await.0, 422);
    let side =
        desk.post(&desk.admin, "inboxes", json!({ "name": "Side", "channel": { "type": "api" } })).await;
    let tom = desk.post(&desk.admin, "contacts", json!({ "name": "Tom" })).await;
    let begin = json!({ "inbox_id": side["id"], "contact_id": tom["payload"]["contact"]["id"] });
    let begun = desk.post(&desk.admin, "conversations", begin).await;
    let theirs =
        desk.answer(&desk.admin, begun["id"].as_u64().unwrap(), json!({ "content": "theirs" })).await;
    assert_eq!(desk.call(Some(&desk.agent), Method::DELETE, &at(&theirs), Value::Null).await.0, 401);
    assert_eq!(patch(&desk.admin, &theirs, other).await.0, 200);
}

#[tokio::test]
async fn a_message_is_found_by_its_number_also_after_a_crash_and_a_stop() {
    let mut desk = Desk::start().await;
    let ana = desk.contact("Ana").await;
    let text = "x".repeat(4 * 1024);
    let mut said = Vec::new();
    // More than a head holds, so that the first ones lie in chunks.
    for _ in 0..12 {
        said.push(desk.answer(&desk.agent, ana.conversation, json!({ "content": text })).await);
    }
    desk.server.kill_9().await;
    desk.server.restart().await;
    let edit = async |desk: &Desk, message: &Value, content: &str| {
        let path = format!("messages/{}", message["id"]);
        desk.ok(&desk.agent, Method::PATCH, &path, json!({ "content": content })).await["content"].clone()
    };
    assert_eq!(edit(&desk, &said[0], "after the crash").await, "after the crash");
    said.push(desk.answer(&desk.agent, ana.conversation, json!({ "content": "newest" })).await);
    assert_eq!(edit(&desk, &said[12], "the newest").await, "the newest");
    assert_eq!(desk.server.stop().await, Some(0));
    desk.server.restart().await;
    assert_eq!(edit(&desk, &said[6], "after the stop").await, "after the stop");
    assert_eq!(edit(&desk, &said[12], "the very newest").await, "the very newest");
    let read = desk.read(&ana).await;
    assert_eq!((&*read[0], &*read[6], &*read[12]), ("after the crash", "after the stop", "the very newest"));
}
