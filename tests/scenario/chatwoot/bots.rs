//! Bots: what they hear, that it is signed, what becomes of a conversation whose bot fails.

use serde_json::{Value, json};

use super::{Desk, assert_signed, contents, token};
use crate::support::RETRY_DEADLINE;
use crate::support::sink::{Hit, Sink};

fn event(hit: &Hit) -> &str {
    hit.json["event"].as_str().unwrap()
}

async fn heard(sink: &Sink, name: &str) -> Hit {
    sink.hit(name, |hit| event(hit) == name).await
}

#[tokio::test]
async fn a_bot_hears_flat_and_nested_and_every_call_is_signed() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = desk.bot(&sink, "/bot", json!({})).await;
    let ana = desk.contact("Ana").await;
    let made = heard(&sink, "conversation_created").await.json;
    assert_eq!((&made["status"], &made["conversation"]["status"]), (&json!("pending"), &json!("pending")));
    assert_eq!((&made["messages"], &made["message"]), (&json!([]), &Value::Null));
    assert_eq!(made["account"], json!({ "id": 1, "name": "Demo" }));

    let written = desk.write(&ana, "Hello, I need help").await;
    let hit = heard(&sink, "message_created").await;
    let (flat, nested) = (&hit.json, &hit.json["message"]);
    for message in [flat, nested] {
        assert_eq!(message["id"], written["id"]);
        assert_eq!(message["content"], "Hello, I need help");
        assert_eq!(
            (&message["sender"]["name"], &message["sender"]["type"]),
            (&json!("Ana"), &json!("contact"))
        );
    }
    assert_eq!((&flat["message_type"], &nested["message_type"]), (&json!("incoming"), &json!(0)));
    let conversation = &flat["conversation"];
    assert_eq!(conversation["id"], ana.conversation);
    assert_eq!((&conversation["inbox_id"], &conversation["assignee_id"]), (&json!(1), &Value::Null));
    assert_eq!(conversation["meta"]["assignee_type"], "AgentBot");
    assert_eq!(conversation["messages"][0]["id"], written["id"]);
    assert!(conversation["contact_inbox"].get("pubsub_token").is_none(), "whoever has it reads along");
    assert!(flat.get("attachments").is_none());

    assert_signed(&hit, bot["secret"].as_str().unwrap());
}

#[tokio::test]
async fn a_bot_does_not_hear_itself_unless_it_wants_to_and_only_what_it_asks_for() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let config = json!({ "events": ["message_created"], "own": 1 });
    let bot = desk.bot(&sink, "/bot", config.clone()).await;
    assert_eq!(bot["bot_config"], config, "what is not known is kept");
    let ana = desk.contact("Ana").await;
    desk.answer(&token(&bot), ana.conversation, json!({ "content": "mine" })).await;
    desk.write(&ana, "hers").await;
    sink.hit("hers", |hit| hit.json["content"] == "hers").await;
    assert_eq!(sink.at("/bot").len(), 1, "no event of the conversation, and no word of its own");

    let path = format!("agent_bots/{}", bot["id"]);
    let config = json!({ "bot_config": { "receive_own_messages": true, "events": ["message_created"] } });
    desk.ok(&desk.admin, reqwest::Method::PATCH, &path, config).await;
    desk.answer(&token(&bot), ana.conversation, json!({ "content": "mine again" })).await;
    let own = sink.hit("mine again", |hit| hit.json["content"] == "mine again").await;
    assert_eq!(
        (&own.json["message_type"], &own.json["sender"]["type"]),
        (&json!("outgoing"), &json!("agent_bot"))
    );
}

#[tokio::test]
async fn notes_reach_the_bot_and_never_the_customer() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    desk.bot(&sink, "/bot", json!({})).await;
    let ana = desk.contact("Ana").await;
    desk.write(&ana, "hello").await;
    let note = json!({ "content": "she is a regular", "private": true });
    let note = desk.answer(&desk.agent, ana.conversation, note).await;
    assert_eq!(note["private"], true);
    assert_eq!(desk.status(ana.conversation).await, "pending", "a note takes nothing from the bot");
    sink.hit("the note", |hit| hit.json["content"] == "she is a regular" && hit.json["private"] == true)
        .await;
    assert_eq!(desk.read(&ana).await, ["hello"]);
}

#[tokio::test]
async fn a_conversation_whose_bot_fails_goes_to_people() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    desk.bot(&sink, "/bot", json!({ "events": ["message_created"] })).await;
    let ana = desk.contact("Ana").await;
    sink.answer(|_| 500);
    desk.write(&ana, "is anybody there?").await;
    for attempt in 1..=3 {
        let fits = |hit: &Hit| hit.json["content"] == "is anybody there?";
        sink.hit_within(RETRY_DEADLINE, &format!("attempt {attempt}"), fits).await;
    }
    let calls = sink.at("/bot");
    assert!(
        calls.iter().all(|hit| hit.header("x-chatwoot-delivery") == calls[0].header("x-chatwoot-delivery"))
    );
    crate::support::until("it is open", async || desk.status(ana.conversation).await == "open").await;
    let messages = desk.get(&desk.admin, &format!("conversations/{}/messages", ana.conversation)).await;
    let activity =
        messages["payload"].as_array().unwrap().iter().find(|message| message["message_type"] == 2);
    assert!(activity.unwrap()["content"].as_str().unwrap().contains("error with the agent bot"));
}

#[tokio::test]
async fn many_who_wait_for_a_bot_that_fails_are_with_people_soon() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    desk.bot(&sink, "/bot", json!({ "events": ["message_created"] })).await;
    sink.answer(|_| 500);
    let mut waiting = Vec::new();
    for n in 0..12 {
        let contact = desk.contact(&format!("Ana {n}")).await;
        desk.write(&contact, "is anybody there?").await;
        waiting.push(contact.conversation);
    }
    // One probe a minute would find the end of it for one after the other.
    let looking = async {
        for conversation in waiting {
            while desk.status(conversation).await != "open" {
                tokio::task::yield_now().await;
            }
        }
    };
    assert!(tokio::time::timeout(RETRY_DEADLINE, looking).await.is_ok(), "somebody still waits");
}

#[tokio::test]
async fn nobody_waits_for_a_bot_that_is_called_no_more() {
    let (mut desk, sink) = (Desk::start().await, Sink::start().await);
    desk.bot(&sink, "/bot", json!({ "events": ["message_created"] })).await;
    let (ana, tom) = (desk.contact("Ana").await, desk.contact("Tom").await);
    desk.write(&ana, "hello").await;
    sink.hit("hello", |hit| hit.json["content"] == "hello").await;
    for contact in [&ana, &tom] {
        assert_eq!(desk.status(contact.conversation).await, "pending");
    }
    sink.answer(|_| 410);
    desk.write(&ana, "are you there?").await;
    for contact in [&ana, &tom] {
        crate::support::until("it is open", async || desk.status(contact.conversation).await == "open").await;
    }
    for _ in 0..2 {
        let eve = desk.contact("Eve").await;
        assert_eq!(desk.status(eve.conversation).await, "open", "nobody would answer");
        desk.server.kill_9().await;
        desk.server.restart().await;
    }
}

#[tokio::test]
async fn a_bot_whose_address_is_taken_away_is_called_no_more() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = desk.bot(&sink, "/bot", json!({ "events": ["message_created"] })).await;
    let ana = desk.contact("Ana").await;
    sink.answer(|_| 500);
    desk.write(&ana, "one").await;
    sink.hit("the first attempt", |hit| hit.json["content"] == "one").await;
    let path = format!("agent_bots/{}", bot["id"]);
    desk.ok(&desk.admin, reqwest::Method::PATCH, &path, json!({ "outgoing_url": "" })).await;
    let before = sink.at("/bot").len();
    crate::support::until("it is open", async || desk.status(ana.conversation).await == "open").await;
    // It hears again; what it was owed meanwhile is not made up for.
    sink.answer(|_| 200);
    let back = json!({ "outgoing_url": sink.url("/bot") });
    desk.ok(&desk.admin, reqwest::Method::PATCH, &path, back).await;
    desk.write(&ana, "two").await;
    let next = sink.hit_since("/bot", before, crate::support::DEADLINE, |_| true).await.unwrap();
    assert_eq!(next.json["content"], "two");
    assert!(next.headers.contains_key("x-chatwoot-signature"));
}

#[tokio::test]
async fn the_administration_says_what_is_true_of_a_desks_secrets() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = desk.bot(&sink, "/bot", json!({})).await;
    desk.post(&desk.admin, &format!("agent_bots/{}/reset_secret", bot["id"]), json!({})).await;
    let hook = json!({ "url": sink.url("/hook"), "subscriptions": ["message_created"] });
    desk.post(&desk.admin, "webhooks", hook).await;
    let listed = desk.server.admin_ok("GET", "/webhooks", json!(null)).await;
    let of =
        |url: String| listed["webhooks"].as_array().unwrap().iter().find(|seen| seen["url"] == url).unwrap();
    let (seen, hook) = (of(sink.url("/bot")), of(sink.url("/hook")));
    assert_eq!(seen["former_secret_until"], Value::Null, "only the newest one signs");
    for seen in [seen, hook] {
        let path = format!("/webhooks/{}/rotate_secret", seen["id"].as_str().unwrap());
        let (status, error) = desk.server.admin_err("POST", &path, json!({ "secret_key": "x" })).await;
        assert!(status == 400 && error.starts_with("webhook_id: is a help desk's"), "{status} {error}");
    }
}

#[tokio::test]
async fn an_inbox_tells_its_own_address_of_everything() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let told = json!({ "channel": { "webhook_url": sink.url("/inbox") } });
    desk.ok(&desk.admin, reqwest::Method::PATCH, "inboxes/1", told).await;
    let ana = desk.contact("Ana").await;
    desk.write(&ana, "hello").await;
    heard(&sink, "conversation_created").await;
    assert_eq!(heard(&sink, "message_created").await.json["content"], "hello");
}

#[tokio::test]
async fn a_bot_that_is_taken_from_its_inbox_leaves_its_conversations_to_people() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = desk.bot(&sink, "/bot", json!({})).await;
    let ana = desk.contact("Ana").await;
    assert_eq!(desk.status(ana.conversation).await, "pending");
    desk.post(&desk.admin, "inboxes/1/set_agent_bot", json!({ "agent_bot": null })).await;
    assert_eq!(desk.get(&desk.admin, "inboxes/1/agent_bot").await, json!({ "agent_bot": {} }));
    crate::support::until("it is open", async || desk.status(ana.conversation).await == "open").await;
    let tom = desk.contact("Tom").await;
    assert_eq!(desk.status(tom.conversation).await, "open");

    desk.post(&desk.admin, "inboxes/1/set_agent_bot", json!({ "agent_bot": bot["id"] })).await;
    let eve = desk.contact("Eve").await;
    assert_eq!(desk.status(eve.conversation).await, "pending");
    desk.answer(&token(&bot), eve.conversation, json!({ "content": "hi" })).await;
    desk.ok(&desk.admin, reqwest::Method::DELETE, &format!("agent_bots/{}", bot["id"]), Value::Null).await;
    crate::support::until("it is open", async || desk.status(eve.conversation).await == "open").await;
    assert_eq!(desk.read(&eve).await, ["hi"], "what it said stays");
    assert_eq!(desk.get(&desk.admin, "agent_bots").await, json!([]));
}

#[tokio::test]
async fn what_a_customer_answers_to_a_form_is_told_the_bot() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = desk.bot(&sink, "/bot", json!({})).await;
    let ana = desk.contact("Ana").await;
    let items = json!([{ "title": "Billing", "value": "b" }, { "title": "Other", "value": "o" }]);
    let menu = json!({ "content": "What about?", "content_type": "input_select", "content_attributes": { "items": items } });
    let menu = desk.answer(&token(&bot), ana.conversation, menu).await;
    assert_eq!(
        (&menu["content_type"], &menu["content_attributes"]["items"]),
        (&json!("input_select"), &items)
    );
    assert_eq!(menu["content"], "What about?");

    let path = format!("contacts/{}/conversations/{}/messages/{}", ana.source, ana.conversation, menu["id"]);
    let values = json!([{ "title": "Billing", "value": "b" }]);
    let answer = desk.public(reqwest::Method::PATCH, &path, json!({ "submitted_values": values })).await;
    assert_eq!(answer["content_attributes"]["submitted_values"], values);
    let hit = heard(&sink, "message_updated").await;
    assert_eq!(hit.json["content_attributes"]["submitted_values"], values);
    assert_eq!((&hit.json["message_type"], &hit.json["id"]), (&json!("outgoing"), &menu["id"]));
    assert_eq!(
        contents(
            &desk.get(&desk.admin, &format!("conversations/{}/messages", ana.conversation)).await["payload"]
        ),
        ["What about?"]
    );
}
