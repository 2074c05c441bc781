//! Receivers that fail, refuse or dawdle: they harm no chat, no other endpoint, and no order.

use serde_json::{Value, json};

use crate::support::people::Person;
use crate::support::server::Server;
use crate::support::sink::Sink;
use crate::support::{DEADLINE, RETRY_DEADLINE};

async fn say(server: &Server, (person, chat): &(Person, Value), text: &str) {
    let event = json!({ "type": "message", "text": text });
    let payload = json!({ "chat_id": chat["id"], "event": event });
    server.customer_web(person).ok("send_event", payload).await;
}

async fn listener(server: &Server, sink: &Sink, path: &str) -> String {
    let webhooks = sink.webhooks(
        path,
        json!([{ "name": "incoming_event", "filters":
        { "author_type": "customer" } }]),
    );
    server.bot(json!({ "status": "not accepting chats", "webhooks": webhooks })).await
}

/// A rule that answers `status` to the first delivery of the event with this text, else 200.
fn once(status: u16, text: &'static str) -> impl FnMut(&Value) -> u16 + Send {
    let mut done = false;
    move |body| {
        let hit = !done && body["data"]["event"]["text"] == text;
        done |= hit;
        if hit { status } else { 200 }
    }
}

#[tokio::test]
async fn a_failed_delivery_is_repeated_byte_by_byte_and_keeps_its_place() {
    let server = Server::start().await;
    let _ann = server.agent(0).await;
    let sink = Sink::start().await;
    listener(&server, &sink, "/bot").await;
    let (troubled, other) = (server.chat(json!({})).await, server.chat(json!({})).await);
    sink.answer(once(500, "one"));
    say(&server, &troubled, "one").await;
    let first = sink.message("/bot", "one").await;
    assert_eq!(first.status, 500);

    // Meanwhile the chat goes on, and another chat's deliveries are not held up.
    say(&server, &troubled, "two").await;
    say(&server, &other, "elsewhere").await;
    sink.message("/bot", "elsewhere").await;
    assert_eq!(sink.texts("/bot"), ["one", "elsewhere"], "what comes later in the chat waits");

    let again = sink.hit_within(RETRY_DEADLINE, "the retry", |hit| hit.says("one")).await;
    assert_eq!(again.body, first.body, "the same bytes");
    sink.hit_within(DEADLINE, "what waited", |hit| hit.says("two")).await;
    assert_eq!(sink.texts("/bot"), ["one", "elsewhere", "one", "two"]);
}

#[tokio::test]
async fn a_refusal_is_final_and_a_slow_receiver_holds_up_nobody() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let (refusing, slow) = (Sink::start().await, Sink::start().await);
    listener(&server, &refusing, "/refusing").await;
    listener(&server, &slow, "/slow").await;
    let chat = server.chat(json!({})).await;

    // Told "gone for good", it goes on with the next; the one refused never comes again.
    refusing.answer(once(400, "one"));
    slow.hold();
    for text in ["one", "two", "three"] {
        say(&server, &chat, text).await;
        refusing.message("/refusing", text).await;
    }
    // The other one got only the first, and has not answered; agent and customer do not notice.
    slow.message("/slow", "one").await;
    ann.message("three").await;
    assert_eq!(slow.texts("/slow"), ["one"], "the next one waits for the answer");
    slow.release();
    for text in ["two", "three"] {
        slow.message("/slow", text).await;
    }
    assert_eq!(refusing.texts("/refusing"), ["one", "two", "three"]);
    assert_eq!(slow.texts("/slow"), ["one", "two", "three"]);
}

#[tokio::test]
async fn what_is_owed_at_a_crash_is_delivered_after_it() {
    let mut server = Server::start().await;
    let ann = server.agent(0).await;
    let sink = Sink::start().await;
    let bot = listener(&server, &sink, "/bot").await;
    let chat = server.chat(json!({})).await;
    sink.hold();
    for text in ["one", "two", "three"] {
        say(&server, &chat, text).await;
    }
    let first = sink.message("/bot", "one").await;
    drop(ann);
    server.kill_9().await;
    sink.release();
    server.restart().await;

    // At least once, in order, with the same bytes.
    let again = sink.hit_within(RETRY_DEADLINE, "the first again", |hit| hit.says("one")).await;
    assert_eq!(again.body, first.body);
    for text in ["two", "three"] {
        sink.hit_within(RETRY_DEADLINE, text, |hit| hit.says(text)).await;
    }
    assert_eq!(server.bot_details(&bot).await["status"], "not accepting chats");
    say(&server, &chat, "four").await;
    sink.message("/bot", "four").await;
    assert_eq!(sink.texts("/bot"), ["one", "one", "two", "three", "four"]);
}
