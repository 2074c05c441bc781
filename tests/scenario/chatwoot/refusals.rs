//! Every refusal of the specification's section 1, and the shapes that requests come in.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Desk, token};
use crate::support::sink::Sink;
use crate::support::web::send;

#[tokio::test]
async fn who_may_not_is_told_why_in_the_products_own_words() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = token(&desk.bot(&sink, "/bot", json!({})).await);
    let (admin, agent, platform) = (desk.admin.clone(), desk.agent.clone(), desk.platform.clone());
    let account = |rest: &str| format!("/api/v1/accounts/1/{rest}");
    let sign_in = json!({ "errors": ["You need to sign in or sign up before continuing."] });
    let because = |text: &str| json!({ "error": text });
    let not_for_bots = because("Access to this endpoint is not authorized for bots");
    let not_found = because("Resource could not be found");
    for (token, method, path, status, body) in [
        (None, Method::GET, account("agent_bots"), 401, sign_in.clone()),
        (None, Method::GET, "/api/v1/profile".to_owned(), 401, sign_in),
        (Some("nobody"), Method::GET, account("agent_bots"), 401, because("Invalid Access Token")),
        (Some(&bot), Method::GET, account("conversations"), 401, not_for_bots.clone()),
        (Some(&bot), Method::GET, account("contacts"), 401, not_for_bots.clone()),
        (Some(&bot), Method::GET, account("conversations/1/messages"), 401, not_for_bots.clone()),
        (Some(&platform), Method::GET, account("conversations"), 401, not_for_bots),
        (
            Some(&agent),
            Method::POST,
            account("agent_bots"),
            401,
            because("You are not authorized to do this action"),
        ),
        (
            Some(&agent),
            Method::GET,
            account("webhooks"),
            401,
            because("You are not authorized to do this action"),
        ),
        (Some(&admin), Method::GET, "/api/v1/accounts/2/agent_bots".to_owned(), 404, not_found.clone()),
        (Some(&admin), Method::GET, account("conversations/77"), 404, not_found.clone()),
        (Some(&admin), Method::GET, account("conversations/x"), 404, not_found.clone()),
        (Some(&admin), Method::GET, account("agent_bots/77"), 404, not_found.clone()),
        (Some(&admin), Method::GET, account("inboxes/77"), 404, not_found.clone()),
        (Some(&admin), Method::GET, account("contacts/77"), 404, not_found.clone()),
        (Some(&admin), Method::GET, account("nothing"), 404, not_found.clone()),
        (None, Method::GET, "/public/api/v1/inboxes/nothing".to_owned(), 404, not_found.clone()),
        (
            Some("x"),
            Method::GET,
            "/platform/api/v1/agent_bots".to_owned(),
            401,
            because("Invalid access_token"),
        ),
        (None, Method::GET, "/platform/api/v1/agent_bots".to_owned(), 401, because("Invalid access_token")),
    ] {
        let answer = desk.call(token, method.clone(), &path, json!({})).await;
        assert_eq!(answer, (status, body), "{method} {path}");
    }
}

#[tokio::test]
async fn what_cannot_be_names_its_field_and_changes_nothing() {
    let desk = Desk::start().await;
    let ana = desk.contact("Ana").await;
    let id = ana.conversation;
    let field = |name: &str, text: &str| json!({ "message": text, "attributes": [name] });
    for (path, body, refusal) in [
        ("agent_bots".to_owned(), json!({}), field("name", "Name can't be blank")),
        (
            "agent_bots".to_owned(),
            json!({ "name": "x", "outgoing_url": "ftp://x.example" }),
            field("outgoing_url", "Outgoing url must be an absolute http or https URL"),
        ),
        (
            "contacts".to_owned(),
            json!({ "phone_number": "123" }),
            field("phone_number", "Phone number should be in e164 format"),
        ),
        (
            "inboxes".to_owned(),
            json!({ "name": "x", "channel": { "type": "fax" } }),
            json!({ "error": "'fax' is not a supported channel type" }),
        ),
        (
            format!("conversations/{id}/toggle_status"),
            json!({ "status": "foo" }),
            json!({ "error": "'foo' is not a valid status" }),
        ),
        (
            format!("conversations/{id}/toggle_priority"),
            json!({ "priority": "foo" }),
            json!({ "error": "'foo' is not a valid priority" }),
        ),
        (
            format!("conversations/{id}/messages"),
            json!({ "content": " " }),
            field("content", "Content can't be blank"),
        ),
        (
            "conversations/filter".to_owned(),
            json!({ "payload": [{ "attribute_key": "moon", "filter_operator": "equal_to", "values": [] }] }),
            Value::Null,
        ),
        ("teams".to_owned(), json!({}), field("name", "Name can't be blank")),
        (
            "webhooks".to_owned(),
            json!({ "url": "nowhere" }),
            field("url", "Url must be an absolute http or https URL"),
        ),
        ("webhooks".to_owned(), json!({ "url": "http://x.example", "subscriptions": ["x"] }), Value::Null),
    ] {
        let path = format!("/api/v1/accounts/1/{path}");
        let (status, answer) = desk.call(Some(&desk.admin), Method::POST, &path, body).await;
        assert_eq!(status, 422, "{path}: {answer}");
        if !refusal.is_null() {
            assert_eq!(answer, refusal, "{path}");
        }
    }
    assert_eq!(desk.get(&desk.admin, "agent_bots").await, json!([]));
    assert_eq!(desk.read(&ana).await, Vec::<String>::new());
    let body =
        desk.server.raw(Method::POST, "/api/v1/accounts/1/contacts").header("api_access_token", &desk.admin);
    assert_eq!(send(body.body("{")).await, (400, json!({ "status": 400, "error": "Bad Request" })));
}

#[tokio::test]
async fn requests_come_in_every_shape_that_clients_send() {
    let desk = Desk::start().await;
    let ana = desk.contact("Ana").await;
    let path = format!("//api/v1/accounts/1//conversations/{}/messages/", ana.conversation);
    let post = || desk.server.raw(Method::POST, &path);
    let form =
        post().header("api-access-token", &desk.agent).form(&[("content", "a form"), ("private", "false")]);
    assert_eq!(send(form).await.1["content"], "a form");
    let items = r#"{"items":[{"title":"A","value":"a"}]}"#;
    let boundary = "----b";
    let mut body = String::new();
    for (name, value) in
        [("content", "parts"), ("content_type", "input_select"), ("content_attributes", items)]
    {
        body +=
            &format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body += &format!("--{boundary}--\r\n");
    let parts = post()
        .header("authorization", format!("Bearer {}", desk.agent))
        .header("content-type", format!("multipart/form-data; boundary={boundary}"))
        .body(body);
    let (status, answer) = send(parts).await;
    assert_eq!((status, &answer["content_attributes"]["items"][0]["value"]), (200, &json!("a")), "{answer}");
    let empty = post().header("authorization", "Bearer ").header("api_access_token", &desk.agent);
    assert_eq!(send(empty.json(&json!({ "content": "x" }))).await.0, 401, "an empty Bearer counts");

    let (status, alive) = desk.call(None, Method::GET, "/api", Value::Null).await;
    assert_eq!((status, &alive["queue_services"]), (200, &json!("ok")));
    let asked = desk.server.raw(Method::OPTIONS, "/public/api/v1/inboxes/x/contacts").send().await.unwrap();
    assert_eq!(asked.status(), 204);
    assert_eq!(asked.headers()["access-control-allow-origin"], "*");
}

#[tokio::test]
async fn a_token_with_fewer_rights_than_its_owner_opens_nothing_here() {
    let desk = Desk::start().await;
    let scoped = desk.server.scoped(&["chats--my:ro"]).await;
    let refused = (401, json!({ "error": "Invalid Access Token" }));
    for path in ["/api/v1/profile", "/api/v1/accounts/1/agent_bots"] {
        assert_eq!(desk.call(Some(&scoped), Method::GET, path, Value::Null).await, refused, "{path}");
    }
}

#[tokio::test]
async fn a_body_may_have_a_mebibyte() {
    let desk = Desk::start().await;
    let path = "/api/v1/accounts/1/contacts";
    let (status, _) =
        desk.call(Some(&desk.admin), Method::POST, path, json!({ "x": "y".repeat(1 << 20) })).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn a_reset_token_is_dead_at_once() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = desk.bot(&sink, "/bot", json!({})).await;
    let ana = desk.contact("Ana").await;
    desk.answer(&token(&bot), ana.conversation, json!({ "content": "one" })).await;
    let reset =
        desk.post(&desk.admin, &format!("agent_bots/{}/reset_access_token", bot["id"]), json!({})).await;
    assert_ne!(token(&reset), token(&bot));
    let path = format!("/api/v1/accounts/1/conversations/{}/messages", ana.conversation);
    let refused = desk.call(Some(&token(&bot)), Method::POST, &path, json!({ "content": "two" })).await;
    assert_eq!(refused, (401, json!({ "error": "Invalid Access Token" })));
    desk.answer(&token(&reset), ana.conversation, json!({ "content": "two" })).await;
    assert_eq!(desk.read(&ana).await, ["one", "two"]);
    // Only administrators see secrets.
    let seen = desk.get(&desk.agent, &format!("agent_bots/{}", bot["id"])).await;
    assert!(seen.get("access_token").is_none() && seen.get("secret").is_none(), "{seen}");
}
