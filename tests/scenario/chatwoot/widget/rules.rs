//! Who is who on a page, what an inbox makes of what is over, and who finds nothing.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::Desk;
use super::super::cable::Cable;
use super::{NOT_FOUND, Page};

#[tokio::test]
async fn nobody_becomes_somebody_else_without_proving_it() {
    let desk = Desk::start().await;
    let page = Page::make(&desk, json!({})).await;
    let user =
        async |page: &Page, body: Value| page.call(&desk, Method::PATCH, "contact/set_user", body).await;
    // Ana, proven, on her phone; with a conversation.
    let phone = page.visited(&desk).await;
    let ana = json!({ "identifier": "u-1", "identifier_hash": page.hash("u-1"), "email": "ana@x.example", "name": "Ana" });
    let (status, known) = user(&phone, ana.clone()).await;
    assert_eq!(
        (status, &known["name"], known.get("widget_auth_token")),
        (200, &json!("Ana"), None),
        "{known}"
    );
    phone.write(&desk, "from my phone").await;

    // Somebody who knows her address, or what the shop calls her.
    let stranger = page.visited(&desk).await;
    stranger.write(&desk, "I am new here").await;
    for body in [
        json!({ "identifier": "u-1", "name": "Eve", "phone_number": "+4930" }),
        json!({ "email": "ANA@x.example", "name": "Eve" }),
        json!({ "identifier": "u-9", "identifier_hash": page.hash("u-9"), "email": "ana@x.example" }),
    ] {
        let (status, eve) = user(&stranger, body).await;
        assert_eq!((status, &eve["email"]), (200, &Value::Null), "{eve}");
        assert_ne!(eve["id"], known["id"]);
    }
    let (_, eve) = stranger.call(&desk, Method::PATCH, "contact", json!({ "email": "ana@x.example" })).await;
    assert_ne!(eve["id"], known["id"]);
    assert_eq!(stranger.read(&desk).await, ["I am new here"]);
    let seen = desk.get(&desk.admin, &format!("contacts/{}", known["id"])).await["payload"].clone();
    assert_eq!(
        (&seen["name"], &seen["email"], &seen["phone_number"]),
        (&json!("Ana"), &json!("ana@x.example"), &Value::Null)
    );
    let wrong = json!({ "identifier": "u-1", "identifier_hash": page.hash("u-2") });
    let refusal = json!({ "error": "HMAC failed: Invalid Identifier Hash Provided" });
    assert_eq!(user(&stranger, wrong).await, (401, refusal.clone()));
    let bad = json!({ "phone_number": "123" });
    let named = json!({ "message": "Phone number should be in e164 format", "attributes": ["phone_number"] });
    assert_eq!(user(&stranger, bad).await, (422, named));

    // Ana on her laptop, before she has done anything there, and after.
    let laptop = page.visited(&desk).await;
    let (_, same) = user(&laptop, ana.clone()).await;
    assert_eq!((&same["id"], same.get("widget_auth_token")), (&known["id"], None));
    assert_eq!(laptop.read(&desk).await, ["from my phone"], "who has proven it has all of it");
    let mut tablet = page.visited(&desk).await;
    tablet.write(&desk, "who am I?").await;
    let (_, same) = user(&tablet, ana).await;
    assert_eq!(same["id"], known["id"]);
    assert_eq!(tablet.read(&desk).await, ["who am I?"], "the former token is the former visitor's");
    tablet.token = same["widget_auth_token"].as_str().unwrap().to_owned();
    assert_eq!(tablet.read(&desk).await, ["from my phone"]);
    // Somebody else logs in on her phone.
    let (_, tom) = user(&phone, json!({ "identifier": "u-2", "name": "Tom" })).await;
    assert_ne!(tom["id"], known["id"]);
    let shared = Page { token: tom["widget_auth_token"].as_str().unwrap().to_owned(), ..phone.clone() };
    assert_eq!(shared.read(&desk).await, Vec::<String>::new());

    let mandatory = json!({ "channel": { "hmac_mandatory": true } });
    desk.ok(&desk.admin, Method::PATCH, &format!("inboxes/{}", page.inbox["id"]), mandatory).await;
    assert_eq!(user(&stranger, json!({ "identifier": "u-3" })).await, (401, refusal));
    let (status, named) = stranger.call(&desk, Method::PATCH, "contact", json!({ "name": "Eve B." })).await;
    assert_eq!((status, &named["name"]), (200, &json!("Eve B.")), "a name alone needs no proof");
}

#[tokio::test]
async fn an_inbox_says_what_becomes_of_a_resolved_conversation() {
    let desk = Desk::start().await;
    let mut page = Page::make(&desk, json!({ "allow_messages_after_resolved": false })).await;
    let config = page.load(&desk).await;
    assert_eq!(config["website_channel_config"]["allow_messages_after_resolved"], false);
    let first = page.write(&desk, "one").await["conversation_id"].clone();
    assert_eq!(page.write(&desk, "two").await["conversation_id"], first);
    page.get(&desk, "conversations/toggle_status").await;
    let second = page.write(&desk, "three").await["conversation_id"].clone();
    assert_ne!(second, first);

    // One for each, until that one is over.
    let path = format!("inboxes/{}", page.inbox["id"]);
    desk.ok(&desk.admin, Method::PATCH, &path, json!({ "lock_to_single_conversation": true })).await;
    let begin = json!({ "message": { "content": "four" } });
    assert_eq!(page.ok(&desk, Method::POST, "conversations", begin.clone()).await["id"], second);
    page.get(&desk, "conversations/toggle_status").await;
    let third = page.ok(&desk, Method::POST, "conversations", begin.clone()).await["id"].clone();
    assert_ne!(third, second);
    page.get(&desk, "conversations/toggle_status").await;
    let both = json!({ "allow_messages_after_resolved": true });
    assert_eq!(desk.ok(&desk.admin, Method::PATCH, &path, both).await["allow_messages_after_resolved"], true);
    assert_eq!(page.ok(&desk, Method::POST, "conversations", begin.clone()).await["id"], third);
    assert_eq!(page.status(&desk).await, "open");

    // Who is blocked opens nothing; who may not end it is told so.
    let contact = desk.conversation(third.as_u64().unwrap()).await["meta"]["sender"]["id"].clone();
    let blocked = json!({ "blocked": true });
    desk.ok(&desk.admin, Method::PATCH, &format!("contacts/{contact}"), blocked).await;
    page.get(&desk, "conversations/toggle_status").await;
    page.write(&desk, "please").await;
    assert_eq!(page.status(&desk).await, "resolved");
    let flags = json!({ "channel": { "selected_feature_flags": ["attachments"] } });
    desk.ok(&desk.admin, Method::PATCH, &path, flags).await;
    assert_eq!(page.call(&desk, Method::GET, "conversations/toggle_status", Value::Null).await.0, 403);
}

#[tokio::test]
async fn the_public_api_goes_by_the_same_rules() {
    let desk = Desk::start().await;
    let strict = json!({ "allow_messages_after_resolved": false });
    desk.ok(&desk.admin, Method::PATCH, "inboxes/1", strict).await;
    let ana = desk.contact("Ana").await;
    desk.write(&ana, "one").await;
    desk.toggle(&desk.admin, ana.conversation, "resolved").await;
    let identifier =
        desk.get(&desk.admin, "inboxes/1").await["inbox_identifier"].as_str().unwrap().to_owned();
    let path = format!(
        "/public/api/v1/inboxes/{identifier}/contacts/{}/conversations/{}/messages",
        ana.source, ana.conversation
    );
    let refused = desk.call(None, Method::POST, &path, json!({ "content": "two" })).await;
    let because = json!({ "error": "Conversation is resolved and does not accept new messages" });
    assert_eq!(refused, (403, because));
    assert_eq!(desk.read(&ana).await, ["one"]);
}

#[tokio::test]
async fn who_shows_no_page_or_no_token_of_it_finds_nothing() {
    let desk = Desk::start().await;
    let (mut page, mut other) =
        (Page::make(&desk, json!({})).await, Page::make(&desk, json!({ "name": "Other" })).await);
    page.load(&desk).await;
    other.load(&desk).await;
    page.write(&desk, "Hello").await;
    let not_found = (404, json!({ "error": NOT_FOUND }));
    let api = desk.get(&desk.admin, "inboxes/1").await["inbox_identifier"].as_str().unwrap().to_owned();
    for website in ["", "nothing", &api, &other.website] {
        let lost = Page { website: website.to_owned(), ..page.clone() };
        assert_eq!(lost.call(&desk, Method::GET, "messages", Value::Null).await, not_found, "{website}");
    }
    let none = Page { website: String::new(), token: String::new(), ..page.clone() };
    assert_eq!(none.call(&desk, Method::POST, "config", json!({})).await, not_found);
    let forged = format!("{}x", page.token);
    for token in ["", "x", "a.b.c", &forged, &other.token] {
        let lost = Page { token: token.to_owned(), ..page.clone() };
        for (method, path) in [
            (Method::GET, "contact"),
            (Method::PATCH, "contact"),
            (Method::PATCH, "contact/set_user"),
            (Method::GET, "conversations"),
            (Method::POST, "conversations"),
            (Method::POST, "conversations/toggle_typing"),
            (Method::POST, "conversations/update_last_seen"),
            (Method::GET, "conversations/toggle_status"),
            (Method::GET, "messages"),
            (Method::POST, "messages"),
            (Method::PATCH, "messages/1"),
            (Method::POST, "events"),
        ] {
            assert_eq!(lost.call(&desk, method.clone(), path, json!({})).await, not_found, "{method} {path}");
        }
        // A page that is loaded with such a token is one that nobody was on.
        let mut fresh = lost.clone();
        fresh.load(&desk).await;
        assert_eq!(fresh.read(&desk).await, Vec::<String>::new());
    }
    for (method, path) in [(Method::GET, "config"), (Method::GET, "nothing"), (Method::PATCH, "messages/x")] {
        assert_eq!(page.call(&desk, method.clone(), path, json!({})).await, not_found, "{method} {path}");
    }
    // Without a conversation there is none to type in, and none to end.
    let idle = page.visited(&desk).await;
    let typing = json!({ "typing_status": "on" });
    assert_eq!(idle.call(&desk, Method::POST, "conversations/toggle_typing", typing).await, not_found);
    assert_eq!(idle.call(&desk, Method::GET, "conversations/toggle_status", Value::Null).await, not_found);
    idle.ok(&desk, Method::POST, "conversations/update_last_seen", json!({})).await;
    let asked = desk.server.raw(Method::OPTIONS, "/api/v1/widget/config").send().await.unwrap();
    assert_eq!(
        (asked.status().as_u16(), &asked.headers()["access-control-allow-headers"]),
        (204, &"*".parse().unwrap())
    );
    let mut cable = Cable::connect(&desk).await;
    let stream =
        json!({ "channel": "RoomChannel", "pubsub_token": format!("{}.x", page.website) }).to_string();
    cable.send(json!({ "command": "subscribe", "identifier": stream })).await;
    cable.frame("the refusal", |frame| frame["type"] == "reject_subscription").await;
}

#[tokio::test]
async fn who_took_a_name_first_is_a_guest_once_it_is_proven() {
    let desk = Desk::start().await;
    let page = Page::make(&desk, json!({})).await;
    let user =
        async |page: &Page, body: Value| page.call(&desk, Method::PATCH, "contact/set_user", body).await;
    let stranger = page.visited(&desk).await;
    let (status, _) = user(&stranger, json!({ "identifier": "u-1", "name": "Eve" })).await;
    assert_eq!(status, 200);
    let phone = page.visited(&desk).await;
    let ana = json!({ "identifier": "u-1", "identifier_hash": page.hash("u-1"), "email": "ana@x.example", "name": "Ana" });
    assert_eq!(user(&phone, ana).await.1["name"], "Ana");
    let (_, config) = stranger.call(&desk, Method::POST, "config", json!({})).await;
    assert_eq!(
        (&config["contact"]["email"], &config["contact"]["name"]),
        (&Value::Null, &Value::Null),
        "{config}"
    );
    let (status, refused) =
        stranger.call(&desk, Method::PATCH, "contact", json!({ "email": "eve@x.example" })).await;
    assert_eq!(status, 403, "{refused}");
}
