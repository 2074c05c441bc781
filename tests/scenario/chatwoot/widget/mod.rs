//! A visit to a web page: nothing is kept of who only looks, a bot hears of who opens the window, and
//! whoever writes is answered; nobody becomes somebody else without proving it.

mod rules;

use reqwest::Method;
use ring::hmac;
use serde_json::{Value, json};

use super::cable::Cable;
use super::{Desk, contents, token};
use crate::support::sink::{Hit, Sink};
use crate::support::web::send;

const NOT_FOUND: &str = "Resource could not be found";

/// A page with a widget, on which somebody may be.
#[derive(Clone)]
struct Page {
    inbox: Value,
    website: String,
    token: String,
}

impl Page {
    /// A page of a new inbox, on which nobody is yet.
    async fn make(desk: &Desk, more: Value) -> Self {
        let mut body = json!({
            "name": "Site",
            "channel": { "type": "web_widget", "website_url": "shop.example", "welcome_title": "Hi" },
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let inbox = desk.post(&desk.admin, "inboxes", body).await;
        assert_eq!(inbox["channel_type"], "Channel::WebWidget");
        let website = inbox["website_token"].as_str().unwrap().to_owned();
        Self { inbox, website, token: String::new() }
    }

    async fn call(&self, desk: &Desk, method: Method, path: &str, body: Value) -> (u16, Value) {
        let path = format!("/api/v1/widget/{path}?website_token={}&locale=de", self.website);
        let mut request = desk.server.raw(method.clone(), &path).header("accept-language", "de-DE,en;q=0.5");
        if !self.token.is_empty() {
            request = request.header("X-Auth-Token", &self.token);
        }
        if method != Method::GET {
            request = request.json(&body);
        }
        send(request).await
    }

    async fn ok(&self, desk: &Desk, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(desk, method.clone(), path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    async fn get(&self, desk: &Desk, path: &str) -> Value {
        self.ok(desk, Method::GET, path, Value::Null).await
    }

    /// The page is loaded: by somebody else, unless the token says who.
    async fn load(&mut self, desk: &Desk) -> Value {
        let config = self.ok(desk, Method::POST, "config", json!({})).await;
        self.token = config["website_channel_config"]["auth_token"].as_str().unwrap().to_owned();
        config
    }

    /// The same page with somebody who was never there.
    async fn visited(&self, desk: &Desk) -> Self {
        let mut page = Self { token: String::new(), ..self.clone() };
        page.load(desk).await;
        page
    }

    async fn write(&self, desk: &Desk, text: &str) -> Value {
        let message = json!({ "content": text, "timestamp": "now", "referer_url": "https://shop.example/a" });
        self.ok(desk, Method::POST, "messages", json!({ "message": message })).await
    }

    async fn read(&self, desk: &Desk) -> Vec<String> {
        contents(&self.get(desk, "messages").await["payload"])
    }

    async fn status(&self, desk: &Desk) -> Value {
        self.get(desk, "conversations").await["status"].clone()
    }

    /// The proof that somebody is called so.
    fn hash(&self, identifier: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.inbox["hmac_token"].as_str().unwrap().as_bytes());
        let tag = hmac::sign(&key, identifier.as_bytes());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    async fn connect(&self, desk: &Desk, bot: &Value) {
        let path = format!("inboxes/{}/set_agent_bot", self.inbox["id"]);
        desk.post(&desk.admin, &path, json!({ "agent_bot": bot["id"] })).await;
    }
}

async fn contacts(desk: &Desk) -> u64 {
    desk.get(&desk.admin, "contacts").await["meta"]["count"].as_u64().unwrap()
}

async fn heard(sink: &Sink, path: &str, event: &str) -> Hit {
    sink.hit(event, |hit| hit.path == path && hit.json["event"] == event).await
}

#[tokio::test]
async fn a_visit_from_the_first_look_to_the_end_over_a_crash() {
    let (mut desk, sink) = (Desk::start().await, Sink::start().await);
    let mut page = Page::make(&desk, json!({})).await;
    let bot = desk.bot(&sink, "/bot", json!({})).await;
    page.connect(&desk, &bot).await;

    // Who only looks leaves nothing behind, and may listen.
    let config = page.load(&desk).await;
    let shown = &config["website_channel_config"];
    assert_eq!(
        (&shown["website_token"], &shown["website_name"], &shown["welcome_title"]),
        (&json!(page.website), &json!("Site"), &json!("Hi"))
    );
    assert!(config["global_config"].is_object());
    assert_eq!((&config["contact"]["id"], contacts(&desk).await), (&Value::Null, 0));
    assert_eq!(page.get(&desk, "conversations").await, json!({}));
    assert_eq!(page.get(&desk, "messages").await["payload"], json!([]));
    assert_eq!(page.get(&desk, "contact").await["has_email"], false);
    assert_eq!(contacts(&desk).await, 0);
    let mut cable = Cable::connect(&desk).await;
    let stream = json!({ "channel": "RoomChannel", "pubsub_token": config["contact"]["pubsub_token"] });
    cable.subscribe(stream).await;

    // The first message makes the conversation; the bot has it.
    let written = page.write(&desk, "Hello").await;
    assert_eq!((&written["content"], &written["message_type"]), (&json!("Hello"), &json!(0)));
    let hit = heard(&sink, "/bot", "message_created").await;
    assert_eq!(
        (&hit.json["content"], &hit.json["conversation"]["status"]),
        (&json!("Hello"), &json!("pending"))
    );
    let origin = &hit.json["conversation"]["additional_attributes"];
    assert_eq!(
        (&origin["referer"], &origin["browser_language"], &origin["initiated_at"]["timestamp"]),
        (&json!("https://shop.example/a"), &json!("de"), &json!("now"))
    );
    assert_eq!(hit.json["conversation"]["channel"], "Channel::WebWidget");
    cable.told("message.created", |data| data["content"] == "Hello").await;
    assert_eq!(contacts(&desk).await, 1);

    // Its answer is heard and read; a note is neither.
    let id = written["conversation_id"].as_u64().unwrap();
    desk.answer(&desk.admin, id, json!({ "content": "a note", "private": true })).await;
    desk.answer(&token(&bot), id, json!({ "content": "How can I help?" })).await;
    cable.told("message.created", |data| data["content"] == "How can I help?").await;
    assert_eq!(page.read(&desk).await, ["Hello", "How can I help?"]);
    page.ok(&desk, Method::POST, "conversations/update_last_seen", json!({})).await;
    page.ok(&desk, Method::POST, "conversations/toggle_typing", json!({ "typing_status": "on" })).await;
    assert!(page.get(&desk, "messages").await["meta"]["contact_last_seen_at"].as_u64() > Some(0));

    // The token outlives a crash, and goes on being the same visitor's.
    desk.server.kill_9().await;
    desk.server.restart().await;
    let again = page.load(&desk).await;
    assert_eq!(again["contact"]["pubsub_token"], config["contact"]["pubsub_token"]);
    assert_eq!((page.read(&desk).await.len(), contacts(&desk).await), (2, 1));

    // The customer ends it, and begins it again by writing.
    page.get(&desk, "conversations/toggle_status").await;
    assert_eq!(page.status(&desk).await, "resolved");
    heard(&sink, "/bot", "conversation_resolved").await;
    page.get(&desk, "conversations/toggle_status").await;
    assert_eq!(page.write(&desk, "One more thing").await["conversation_id"], id);
    assert_eq!(page.status(&desk).await, "pending");
}

#[tokio::test]
async fn opening_the_window_is_told_under_both_names_and_to_hooks_under_the_products_own() {
    let (mut desk, sink) = (Desk::start().await, Sink::start().await);
    let mut page = Page::make(&desk, json!({})).await;
    let bot = desk.bot(&sink, "/bot", json!({})).await;
    page.connect(&desk, &bot).await;
    let hook = json!({ "url": sink.url("/hook"), "subscriptions": ["webwidget_triggered"] });
    desk.post(&desk.admin, "webhooks", hook).await;
    page.load(&desk).await;
    let opened =
        json!({ "name": "webwidget.triggered", "event_info": { "referer": "https://shop.example/" } });
    assert_eq!(page.call(&desk, Method::POST, "events", opened.clone()).await, (204, Value::Null));
    for (path, event) in
        [("/bot", "webwidget_triggered"), ("/bot", "widget_triggered"), ("/hook", "webwidget_triggered")]
    {
        let body = heard(&sink, path, event).await.json;
        assert_eq!((&body["inbox"]["id"], &body["account"]["id"]), (&page.inbox["id"], &json!(1)), "{event}");
        assert!(body["id"].is_u64() && body["contact"]["id"].is_u64() && body["source_id"].is_string());
        assert_eq!(
            (&body["current_conversation"], &body["event_info"]["referer"]),
            (&Value::Null, &json!("https://shop.example/"))
        );
        assert_eq!(
            (&body["event_info"]["widget_language"], &body["event_info"]["browser_language"]),
            (&json!("de"), &json!("de"))
        );
        assert!(body["event_info"]["browser"]["browser_name"].is_string());
    }

    // With a conversation, that is told, too; a bot that names its events hears those.
    let id = page.write(&desk, "Hello").await["conversation_id"].clone();
    let only = json!({ "bot_config": { "events": ["widget_triggered"] } });
    desk.ok(&desk.admin, Method::PATCH, &format!("agent_bots/{}", bot["id"]), only).await;
    sink.hold();
    page.call(&desk, Method::POST, "events", opened).await;
    let body = heard(&sink, "/bot", "widget_triggered").await.json;
    assert_eq!(body["current_conversation"]["id"], id);
    heard(&sink, "/hook", "webwidget_triggered").await;
    let named = |hit: &&Hit| hit.json["event"] == "webwidget_triggered";
    assert_eq!(sink.at("/bot").iter().filter(named).count(), 1, "not of the second opening");

    // A call that nobody answered before a crash is made again.
    desk.server.kill_9().await;
    sink.release();
    desk.server.restart().await;
    for path in ["/bot", "/hook"] {
        let owed = |hit: &Hit| hit.path == path && hit.json["current_conversation"]["id"] == id;
        sink.hit("the call again", owed).await;
    }

    // What else a widget tells of itself concerns nobody.
    let (status, _) = page.call(&desk, Method::POST, "events", json!({ "name": "campaign.triggered" })).await;
    assert_eq!(status, 204);
    let refused = page.call(&desk, Method::POST, "events", json!({})).await;
    assert_eq!(refused, (422, json!({ "error": "param is missing or the value is empty: name" })));
}

#[tokio::test]
async fn a_conversation_is_begun_with_its_first_message_or_not_at_all() {
    let desk = Desk::start().await;
    let mut page = Page::make(&desk, json!({})).await;
    page.load(&desk).await;
    let begin = async |body: Value| page.call(&desk, Method::POST, "conversations", body).await;
    let missing = json!({ "error": "param is missing or the value is empty: message" });
    assert_eq!(begin(json!({})).await, (422, missing));
    let blank = json!({ "message": "Content can't be blank", "attributes": ["content"] });
    assert_eq!(begin(json!({ "message": { "content": " " } })).await, (422, blank.clone()));
    let post = page.call(&desk, Method::POST, "messages", json!({ "message": { "content": "" } })).await;
    assert_eq!(post, (422, blank));
    let long = json!({ "message": { "content": "x".repeat(150_001) } });
    assert_eq!(begin(long).await.0, 422);
    assert_eq!(page.get(&desk, "conversations").await, json!({}));

    let (status, begun) = begin(json!({
        "message": { "content": "Hi", "echo_id": "e1" },
        "contact": { "email": "ana@x.example", "custom_attributes": { "plan": "gold" } },
        "custom_attributes": { "order": "12" },
    }))
    .await;
    assert_eq!(status, 200, "{begun}");
    assert_eq!((&begun["custom_attributes"]["order"], &begun["status"]), (&json!("12"), &json!("open")));
    assert_eq!(
        (&begun["messages"][0]["content"], &begun["messages"][0]["echo_id"]),
        (&json!("Hi"), &json!("e1"))
    );
    assert_eq!(
        (
            &begun["contact"]["name"],
            &begun["contact"]["email"],
            &begun["contact"]["custom_attributes"]["plan"]
        ),
        (&json!("ana"), &json!("ana@x.example"), &json!("gold"))
    );
    let answered = begun["messages"][0]["id"].clone();
    let reply = json!({ "message": { "content": "as I said", "reply_to": answered } });
    let reply = page.ok(&desk, Method::POST, "messages", reply).await;
    assert_eq!(reply["content_attributes"]["in_reply_to"], answered);
    let (_, second) = begin(json!({ "message": { "content": "another matter" } })).await;
    assert_ne!(second["id"], begun["id"]);
    assert_eq!(page.get(&desk, "conversations").await["id"], second["id"]);
}

#[tokio::test]
async fn what_a_message_asks_for_is_filled_in_by_whom_it_asks() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let mut page = Page::make(&desk, json!({})).await;
    let bot = desk.bot(&sink, "/bot", json!({ "events": ["message_updated"] })).await;
    page.connect(&desk, &bot).await;
    page.load(&desk).await;
    let id = page.write(&desk, "Hello").await["conversation_id"].as_u64().unwrap();
    let items = json!({ "items": [{ "title": "Yes", "value": "y" }] });
    let select = json!({ "content": "Sure?", "content_type": "input_select", "content_attributes": items });
    let asked = desk.answer(&token(&bot), id, select).await;
    let email =
        desk.answer(&token(&bot), id, json!({ "content": "Who?", "content_type": "input_email" })).await;
    let path = format!("messages/{}", asked["id"]);
    let answer = json!({ "message": { "submitted_values": [{ "title": "Yes", "value": "y" }] } });
    let other = page.visited(&desk).await;
    assert_eq!(other.call(&desk, Method::PATCH, &path, answer.clone()).await.0, 404);
    other.write(&desk, "me, too").await;
    assert_eq!(
        other.call(&desk, Method::PATCH, &path, answer.clone()).await,
        (404, json!({ "error": NOT_FOUND }))
    );
    let filled = page.ok(&desk, Method::PATCH, &path, answer).await;
    assert_eq!(filled["content_attributes"]["submitted_values"][0]["value"], "y");
    let hit = heard(&sink, "/bot", "message_updated").await;
    assert_eq!(hit.json["content_attributes"]["submitted_values"][0]["value"], "y");
    let path = format!("messages/{}", email["id"]);
    let answer = json!({ "contact": { "email": "ana@x.example" } });
    let filled = page.ok(&desk, Method::PATCH, &path, answer).await;
    assert_eq!(filled["content_attributes"]["submitted_email"], "ana@x.example");
    assert_eq!(page.get(&desk, "contact").await["has_email"], true);
}
