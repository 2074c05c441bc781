//! Every endpoint that is not an account's own: those of the platform, of a customer's program and of a
//! web page, asked by everybody who has something to show. `SWITCHBOARD_WRITE_GOLDEN=1` writes it anew.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::matrix::{Endpoint, Table, filled};
use super::{Contact, Desk, token};
use crate::support::sink::Sink;
use crate::support::web::send;

/// Every endpoint of the platform (spec 3), below `/platform/api/v1`. Account 1 is none of its making.
const PLATFORM: &[Endpoint] = &[
    Endpoint("GET", "agent_bots", ""),
    Endpoint("POST", "agent_bots", r#"{"name":"new"}"#),
    Endpoint("GET", "agent_bots/{bot}", ""),
    Endpoint("PATCH", "agent_bots/{bot}", r#"{"description":"x"}"#),
    Endpoint("DELETE", "agent_bots/{bot}/avatar", ""),
    Endpoint("DELETE", "agent_bots/{bot}", ""),
    Endpoint("GET", "agent_bots/{accounts_bot}", ""),
    Endpoint("PATCH", "agent_bots/{accounts_bot}", r#"{"description":"x"}"#),
    Endpoint("DELETE", "agent_bots/{accounts_bot}", ""),
    Endpoint("GET", "accounts/1", ""),
    Endpoint("PATCH", "accounts/1", r#"{"name":"Demo"}"#),
    Endpoint("DELETE", "accounts/1", ""),
    Endpoint("POST", "accounts/1/account_users", r#"{"user_id":{user},"role":"agent"}"#),
    Endpoint("GET", "accounts", ""),
    Endpoint("POST", "accounts", r#"{"name":"new"}"#),
    Endpoint("GET", "accounts/{account}", ""),
    Endpoint("PATCH", "accounts/{account}", r#"{"name":"other"}"#),
    Endpoint("GET", "accounts/{account}/account_users", ""),
    Endpoint("POST", "accounts/{account}/account_users", r#"{"user_id":{user},"role":"agent"}"#),
    Endpoint("DELETE", "accounts/{account}/account_users", r#"{"user_id":{member}}"#),
    Endpoint("DELETE", "accounts/{account}", ""),
    Endpoint("POST", "users", r#"{"name":"new","email":"new-{unique}@x.example"}"#),
    Endpoint("GET", "users/{user}", ""),
    Endpoint("PATCH", "users/{user}", r#"{"name":"other"}"#),
    Endpoint("POST", "users/{user}/token", "{}"),
    Endpoint("GET", "users/{user}/login", ""),
    Endpoint("DELETE", "users/{user}", ""),
    Endpoint("GET", "nothing", ""),
];

/// Every endpoint of a customer's program (spec 4.1), below `/public/api/v1/inboxes`.
const PUBLIC: &[Endpoint] = &[
    Endpoint("GET", "{inbox}", ""),
    Endpoint("POST", "{inbox}/contacts", r#"{"name":"new"}"#),
    Endpoint("GET", "{inbox}/contacts/{source}", ""),
    Endpoint("PATCH", "{inbox}/contacts/{source}", r#"{"name":"other"}"#),
    Endpoint("POST", "{inbox}/contacts/{source}/conversations", "{}"),
    Endpoint("GET", "{inbox}/contacts/{source}/conversations", ""),
    Endpoint("GET", "{inbox}/contacts/{source}/conversations/{conversation}", ""),
    Endpoint("POST", "{inbox}/contacts/{source}/conversations/{conversation}/toggle_status", "{}"),
    Endpoint(
        "POST",
        "{inbox}/contacts/{source}/conversations/{conversation}/toggle_typing",
        r#"{"typing_status":"on"}"#,
    ),
    Endpoint("POST", "{inbox}/contacts/{source}/conversations/{conversation}/update_last_seen", "{}"),
    Endpoint("GET", "{inbox}/contacts/{source}/conversations/{conversation}/messages", ""),
    Endpoint(
        "POST",
        "{inbox}/contacts/{source}/conversations/{conversation}/messages",
        r#"{"content":"hello"}"#,
    ),
    Endpoint(
        "PATCH",
        "{inbox}/contacts/{source}/conversations/{conversation}/messages/{message}",
        r#"{"submitted_values":[{"title":"Yes","value":"y"}]}"#,
    ),
];

/// Every endpoint of a web page (spec 4.2), below `/api/v1/widget`.
const WIDGET: &[Endpoint] = &[
    Endpoint("POST", "config", "{}"),
    Endpoint("GET", "contact", ""),
    Endpoint("PATCH", "contact", r#"{"name":"other"}"#),
    Endpoint("PATCH", "contact/set_user", r#"{"identifier":"user {unique}"}"#),
    Endpoint("GET", "conversations", ""),
    Endpoint("POST", "conversations", r#"{"message":{"content":"hello"}}"#),
    Endpoint("POST", "conversations/toggle_typing", r#"{"typing_status":"on"}"#),
    Endpoint("POST", "conversations/update_last_seen", "{}"),
    Endpoint("GET", "conversations/toggle_status", ""),
    Endpoint("GET", "messages", ""),
    Endpoint("POST", "messages", r#"{"message":{"content":"hello"}}"#),
    Endpoint(
        "PATCH",
        "messages/{message}",
        r#"{"message":{"submitted_values":[{"title":"Yes","value":"y"}]}}"#,
    ),
    Endpoint("POST", "events", r#"{"name":"webwidget.triggered","event_info":{}}"#),
];

/// Something that a customer may answer.
async fn asked(desk: &Desk, conversation: u64) -> Value {
    let items = json!({ "items": [{ "title": "Yes", "value": "y" }] });
    let select = json!({ "content": "Sure?", "content_type": "input_select", "content_attributes": items });
    desk.answer(&desk.admin, conversation, select).await["id"].clone()
}

async fn status(request: RequestBuilder) -> u16 {
    let (status, answer) = send(request).await;
    // Whoever is turned away is told so.
    let said = answer["error"].as_str().or(answer["errors"][0].as_str()).or(answer["message"].as_str());
    assert!(status < 400 || said.is_some_and(|said| !said.is_empty()), "{status}: {answer}");
    status
}

fn request(desk: &Desk, method: &str, path: &str, body: &str) -> RequestBuilder {
    let request = desk.server.raw(Method::from_bytes(method.as_bytes()).unwrap(), path);
    if body.is_empty() { request } else { request.json(&serde_json::from_str::<Value>(body).unwrap()) }
}

async fn platform(desk: &Desk, table: &mut Table) {
    let sink = Sink::start().await;
    let bot = token(&desk.bot(&sink, "/bot", json!({ "events": ["message_created"] })).await);
    let askers: [(&str, Option<&str>); 6] = [
        ("admin", Some(&desk.admin)),
        ("agent", Some(&desk.agent)),
        ("bot", Some(&bot)),
        ("platform", Some(&desk.platform)),
        ("wrong token", Some("nobody's")),
        ("no token", None),
    ];
    table.head("/platform/api/v1/", &askers.map(|(who, _)| who));
    let mut unique = 0;
    for Endpoint(method, path, body) in PLATFORM {
        let mut row = Vec::new();
        for (_, asker) in askers {
            unique += 1;
            let path = format!("/platform/api/v1/{path}");
            let all = format!("{path}{body}");
            let mut props = Vec::new();
            if all.contains("{bot}") {
                let made = json!({ "name": "spare" });
                let (_, bot) =
                    desk.call(Some(&desk.platform), Method::POST, "/platform/api/v1/agent_bots", made).await;
                props.push(("bot", bot["id"].to_string()));
            }
            if all.contains("{accounts_bot}") {
                let bot = desk.post(&desk.admin, "agent_bots", json!({ "name": "own" })).await;
                props.push(("accounts_bot", bot["id"].to_string()));
            }
            props.push(("unique", unique.to_string()));
            let made = async |path: &str, body: Value| {
                let path = format!("/platform/api/v1/{path}");
                desk.call(Some(&desk.platform), Method::POST, &path, body).await.1["id"].to_string()
            };
            if all.contains("{account}") {
                props.push(("account", made("accounts", json!({ "name": "Made" })).await));
            }
            for name in ["user", "member"].into_iter().filter(|name| all.contains(&format!("{{{name}}}"))) {
                let user =
                    made("users", json!({ "name": "User", "email": format!("user-{unique}@x.example") }))
                        .await;
                if name == "member" {
                    let role = json!({ "user_id": user.parse::<u64>().unwrap(), "role": "agent" });
                    made(&filled("accounts/{account}/account_users", &props), role).await;
                }
                props.push((name, user));
            }
            let mut request = request(desk, method, &filled(&path, &props), &filled(body, &props));
            if let Some(token) = asker {
                request = request.header("api_access_token", token);
            }
            row.push(status(request).await);
        }
        table.row(method, path, &row);
    }
}

async fn public(desk: &Desk, table: &mut Table) {
    let side = json!({ "name": "Side", "channel": { "type": "api" } });
    let side = desk.post(&desk.admin, "inboxes", side).await["inbox_identifier"].as_str().unwrap().to_owned();
    let askers = ["own source", "another's", "no source", "other inbox", "no inbox"];
    table.head("/public/api/v1/inboxes/", &askers);
    for Endpoint(method, path, body) in PUBLIC {
        let mut row = Vec::new();
        for asker in askers {
            let (ana, tom): (Contact, Contact) = (desk.contact("Ana").await, desk.contact("Tom").await);
            let message = asked(desk, ana.conversation).await;
            let source = match asker {
                "another's" => tom.source,
                "no source" => "nobody".to_owned(),
                _ => ana.source,
            };
            let inbox = match asker {
                "other inbox" => &side,
                "no inbox" => "nowhere",
                _ => desk.inbox(),
            };
            let props = [
                ("inbox", inbox.to_owned()),
                ("source", source),
                ("conversation", ana.conversation.to_string()),
                ("message", message.to_string()),
            ];
            let path = filled(&format!("/public/api/v1/inboxes/{path}"), &props);
            row.push(status(request(desk, method, &path, body)).await);
        }
        table.row(method, path, &row);
    }
}

async fn widget(desk: &Desk, table: &mut Table) {
    let channel = json!({ "type": "web_widget", "website_url": "shop.example" });
    let page = desk.post(&desk.admin, "inboxes", json!({ "name": "Site", "channel": channel })).await;
    let page = page["website_token"].as_str().unwrap();
    let call = |page: &str, visitor: &str, method: &str, path: &str, body: &str| {
        let request = request(desk, method, &format!("/api/v1/widget/{path}?website_token={page}"), body);
        if visitor.is_empty() { request } else { request.header("X-Auth-Token", visitor) }
    };
    let visitor = async || {
        let (_, config) = send(call(page, "", "POST", "config", "{}")).await;
        config["website_channel_config"]["auth_token"].as_str().unwrap().to_owned()
    };
    let askers = ["own visitor", "another", "no visitor", "forged", "no page"];
    table.head("/api/v1/widget/", &askers);
    let mut unique = 0;
    for Endpoint(method, path, body) in WIDGET {
        let mut row = Vec::new();
        for asker in askers {
            unique += 1;
            let (own, other) = (visitor().await, visitor().await);
            let begin = r#"{"message":{"content":"hello"}}"#;
            let (_, begun) = send(call(page, &own, "POST", "conversations", begin)).await;
            let message = asked(desk, begun["id"].as_u64().unwrap()).await;
            let props = [("unique", format!("{unique}")), ("message", message.to_string())];
            let shown = match asker {
                "another" => other,
                "no visitor" => String::new(),
                "forged" => format!("{}x", own.rsplit_once('.').unwrap().0),
                _ => own,
            };
            let page = if asker == "no page" { "nowhere" } else { page };
            row.push(status(call(page, &shown, method, &filled(path, &props), &filled(body, &props))).await);
        }
        table.row(method, path, &row);
    }
}

#[tokio::test]
async fn every_other_door_opens_to_whom_it_should_and_is_closed_alike_to_the_others() {
    let desk = Desk::start().await;
    let mut table = Table::new(82);
    platform(&desk, &mut table).await;
    public(&desk, &mut table).await;
    widget(&desk, &mut table).await;
    table.assert_is("doors.txt");
}
