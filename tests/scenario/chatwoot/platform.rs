//! The platform API: accounts that come and go, people who are in several of them, and what belongs to
//! somebody else.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use super::cable::Cable;
use super::{Desk, contents, token};
use crate::support::server::{Server, cli};
use crate::support::sink::Sink;
use crate::support::until;
use crate::support::web::send;

const NOBODY: &str = "987654321";

/// An account with an administrator.
pub(super) struct Shop {
    pub(super) id: u64,
    boss: Value,
    token: String,
}

impl Shop {
    pub(super) async fn open(desk: &Desk, name: &str) -> Self {
        let id = made(desk, name).await;
        let boss = person(desk, &format!("boss@{}.example", name.to_lowercase())).await;
        let role = json!({ "user_id": boss["id"], "role": "administrator" });
        let joined = desk.platform_ok(Method::POST, &format!("accounts/{id}/account_users"), role).await;
        assert_eq!(joined, json!({ "account_id": id, "user_id": boss["id"], "role": "administrator" }));
        Self { id, token: token(&boss), boss }
    }

    async fn call(&self, desk: &Desk, method: Method, path: &str, body: Value) -> (u16, Value) {
        let path = format!("/api/v1/accounts/{}/{path}", self.id);
        desk.call(Some(&self.token), method, &path, body).await
    }

    pub(super) async fn ok(&self, desk: &Desk, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(desk, method.clone(), path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    /// An inbox whose customers write over the public API.
    async fn inbox(&self, desk: &Desk) -> Value {
        let body = json!({ "name": "Site", "channel": { "type": "api" } });
        let inbox = self.ok(desk, Method::POST, "inboxes", body).await;
        let body = json!({ "inbox_id": inbox["id"], "user_ids": [self.boss["id"]] });
        self.ok(desk, Method::POST, "inbox_members", body).await;
        inbox
    }
}

pub(super) async fn made(desk: &Desk, name: &str) -> u64 {
    let account = desk.platform_ok(Method::POST, "accounts", json!({ "name": name })).await;
    account["id"].as_u64().unwrap()
}

pub(super) async fn person(desk: &Desk, email: &str) -> Value {
    let body = json!({ "name": "Pat", "email": email, "password": "Pa55word!long" });
    desk.platform_ok(Method::POST, "users", body).await
}

/// A customer who writes into an inbox; gives the path of its messages.
async fn says(desk: &Desk, inbox: &Value, text: &str) -> String {
    let base = format!("/public/api/v1/inboxes/{}/contacts", inbox["inbox_identifier"].as_str().unwrap());
    let (_, contact) = desk.call(None, Method::POST, &base, json!({ "name": "Ana" })).await;
    let base = format!("{base}/{}/conversations", contact["source_id"].as_str().unwrap());
    let (_, conversation) = desk.call(None, Method::POST, &base, json!({})).await;
    let path = format!("{base}/{}/messages", conversation["id"]);
    let (status, answer) = desk.call(None, Method::POST, &path, json!({ "content": text })).await;
    assert_eq!(status, 200, "{answer}");
    path
}

#[tokio::test]
async fn an_account_is_made_shown_and_changed() {
    let desk = Desk::start().await;
    let body = json!({
        "name": "Acme", "locale": "pt_BR", "domain": "acme.example", "support_email": "help@acme.example",
        "status": "active", "limits": { "agents": 2, "inboxes": 1 }, "custom_attributes": { "plan": "gold" },
    });
    let acme = desk.platform_ok(Method::POST, "accounts", body).await;
    let mut expected = json!({
        "id": 2, "name": "Acme", "locale": "pt_BR", "domain": "acme.example", "features": {},
        "support_email": "help@acme.example", "status": "active", "limits": { "agents": 2, "inboxes": 1 },
        "custom_attributes": { "plan": "gold" },
    });
    assert_eq!(acme, expected);
    assert_eq!(desk.platform_ok(Method::GET, "accounts/2", Value::Null).await, expected);
    let change =
        json!({ "name": "Acme Ltd", "domain": null, "limits": {}, "custom_attributes": { "vip": true } });
    for (field, value) in change.as_object().unwrap() {
        expected[field] = value.clone();
    }
    assert_eq!(desk.platform_ok(Method::PATCH, "accounts/2", change).await, expected);
    let bare = desk.platform_ok(Method::POST, "accounts", json!({ "name": "Bare" })).await;
    assert_eq!(
        (&bare["id"], &bare["locale"], &bare["status"], &bare["custom_attributes"]),
        (&json!(3), &json!("en"), &json!("active"), &json!({}))
    );
    let listed = desk.platform_ok(Method::GET, "accounts", Value::Null).await;
    assert_eq!(listed, json!([expected, bare]), "the configuration's is not the platform's");
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_makes_nothing() {
    let desk = Desk::start().await;
    let blank = json!({ "message": "Name can't be blank", "attributes": ["name"] });
    for body in [json!({}), json!({ "name": " " }), json!({ "name": null })] {
        assert_eq!(desk.platform(Method::POST, "accounts", body).await, (422, blank.clone()));
    }
    for (field, value) in [
        ("name", json!("x".repeat(257))),
        ("locale", json!("klingon")),
        ("domain", json!("x".repeat(101))),
        ("support_email", json!("nobody")),
        ("status", json!("asleep")),
        ("limits", json!({ "agents": "many" })),
        ("limits", json!({ "inboxes": -1 })),
        ("custom_attributes", json!("x")),
        ("custom_attributes", json!({ "x": "y".repeat(17_000) })),
    ] {
        let mut body = json!({ "name": "Acme" });
        body[field] = value;
        let (status, answer) = desk.platform(Method::POST, "accounts", body).await;
        assert_eq!(status, 422, "{field}: {answer}");
        assert!(answer["attributes"] == json!([field]) || answer["error"].is_string(), "{answer}");
    }
    assert_eq!(desk.platform_ok(Method::GET, "accounts", Value::Null).await, json!([]));
    assert_eq!(made(&desk, "Acme").await, 2, "what was refused took no number");
    assert_eq!(desk.platform(Method::PATCH, "accounts/2", json!({ "name": "" })).await, (422, blank));

    let unknown = (404, json!({ "error": "Resource could not be found" }));
    let foreign = (401, json!({ "error": "Non permissible resource" }));
    for (id, refused) in [(NOBODY, &unknown), ("word", &unknown), ("1", &foreign)] {
        for (method, path, body) in [
            (Method::GET, format!("accounts/{id}"), json!({})),
            (Method::PATCH, format!("accounts/{id}"), json!({ "name": "Mine" })),
            (Method::DELETE, format!("accounts/{id}"), json!({})),
            (Method::GET, format!("accounts/{id}/account_users"), json!({})),
            (Method::POST, format!("accounts/{id}/account_users"), json!({ "user_id": 1 })),
            (Method::DELETE, format!("accounts/{id}/account_users"), json!({ "user_id": 1 })),
        ] {
            assert_eq!(desk.platform(method.clone(), &path, body).await, *refused, "{method} {path}");
        }
    }
    let (_, profile) = desk.call(Some(&desk.admin), Method::GET, "/api/v1/profile", Value::Null).await;
    let theirs = format!("users/{}", profile["id"]);
    for (method, path) in [
        (Method::GET, theirs.clone()),
        (Method::PATCH, theirs.clone()),
        (Method::DELETE, theirs.clone()),
        (Method::POST, format!("{theirs}/token")),
    ] {
        assert_eq!(desk.platform(method, &path, json!({ "name": "Mine" })).await, foreign, "{path}");
    }
    assert_eq!(desk.platform(Method::GET, &format!("users/{NOBODY}"), Value::Null).await, unknown);
}

#[tokio::test]
async fn only_its_own_token_opens_the_platform() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = token(&desk.bot(&sink, "/bot", json!({})).await);
    let shop = Shop::open(&desk, "Shop").await;
    let (account, boss) = (format!("accounts/{}", shop.id), format!("users/{}", shop.boss["id"]));
    let refused = (401, json!({ "error": "Invalid access_token" }));
    for asker in [None, Some("nobody's"), Some(&desk.admin), Some(&desk.agent), Some(&bot), Some(&shop.token)]
    {
        for (method, path) in [
            (Method::GET, "accounts"),
            (Method::POST, "accounts"),
            (Method::GET, &account),
            (Method::PATCH, &account),
            (Method::DELETE, &account),
            (Method::GET, &format!("{account}/account_users")),
            (Method::POST, &format!("{account}/account_users")),
            (Method::DELETE, &format!("{account}/account_users")),
            (Method::POST, "users"),
            (Method::GET, &boss),
            (Method::PATCH, &boss),
            (Method::DELETE, &boss),
            (Method::POST, &format!("{boss}/token")),
            (Method::POST, "agent_bots"),
        ] {
            let body = json!({ "name": "Mine", "user_id": shop.boss["id"] });
            let path = format!("/platform/api/v1/{path}");
            assert_eq!(desk.call(asker, method.clone(), &path, body).await, refused, "{method} {path}");
        }
    }
    let further = desk.platform_ok(Method::POST, &format!("{boss}/token"), json!({})).await;
    for token in [&shop.token, further["access_token"].as_str().unwrap()] {
        let (status, profile) = desk.call(Some(token), Method::GET, "/api/v1/profile", Value::Null).await;
        assert_eq!((status, &profile["id"]), (200, &shop.boss["id"]));
    }
}

#[tokio::test]
async fn a_person_is_in_several_accounts_with_a_role_in_each() {
    let desk = Desk::start().await;
    let (first, second) = (Shop::open(&desk, "First").await, made(&desk, "Second").await);
    let users = format!("accounts/{second}/account_users");
    let member = json!({ "account_id": second, "user_id": first.boss["id"], "role": "agent" });
    let joined = desk.platform_ok(Method::POST, &users, json!({ "user_id": first.boss["id"] })).await;
    assert_eq!(joined, member);
    assert_eq!(desk.platform_ok(Method::GET, &users, Value::Null).await, json!([member]));
    let shown = desk.platform_ok(Method::GET, &format!("users/{}", first.boss["id"]), Value::Null).await;
    let accounts = |shown: &Value| {
        let accounts = shown["accounts"].as_array().unwrap().iter();
        accounts.map(|one| (one["id"].as_u64().unwrap(), one["role"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(accounts(&shown), [(first.id, json!("administrator")), (second, json!("agent"))]);
    let (_, profile) = desk.call(Some(&first.token), Method::GET, "/api/v1/profile", Value::Null).await;
    assert_eq!((accounts(&profile), &profile["id"]), (accounts(&shown), &first.boss["id"]));

    // One token, two roles.
    let bots = |account: u64| format!("/api/v1/accounts/{account}/agent_bots");
    let make = async |account: u64| {
        desk.call(Some(&first.token), Method::POST, &bots(account), json!({ "name": "B" })).await
    };
    let not_allowed = json!({ "error": "You are not authorized to do this action" });
    assert_eq!(make(first.id).await.0, 200);
    assert_eq!(make(second).await, (401, not_allowed));
    let role = json!({ "user_id": first.boss["id"], "role": "administrator" });
    desk.platform_ok(Method::POST, &users, role).await;
    assert_eq!(make(second).await.0, 200);
    let no_member = json!({ "error": "You are not authorized to access this account" });
    assert_eq!(make(1).await, (401, no_member.clone()));

    // An administrator invites somebody who is known by the address; it is the same person.
    let pat = person(&desk, "pat@people.example").await;
    let invited = json!({ "name": "Whoever", "email": "Pat@People.example", "role": "agent" });
    let invited = first.ok(&desk, Method::POST, "agents", invited).await;
    assert_eq!((&invited["id"], &invited["name"]), (&pat["id"], &json!("Pat")));
    let renamed = json!({ "name": "Patricia", "display_name": "Trish", "custom_attributes": { "a": 1 } });
    let renamed = desk.platform_ok(Method::PATCH, &format!("users/{}", pat["id"]), renamed).await;
    assert_eq!((&renamed["name"], &renamed["custom_attributes"]), (&json!("Patricia"), &json!({ "a": 1 })));
    let agents = first.ok(&desk, Method::GET, "agents", Value::Null).await;
    assert!(agents.as_array().unwrap().iter().any(|agent| agent["name"] == "Trish"), "{agents}");

    // Whoever leaves an account is in the others still; whoever is removed is in none.
    desk.platform_ok(Method::DELETE, &users, json!({ "user_id": first.boss["id"] })).await;
    assert_eq!(make(second).await, (401, no_member));
    assert_eq!(make(first.id).await.0, 200);
    let gone = (404, json!({ "error": "Resource could not be found" }));
    assert_eq!(desk.platform(Method::DELETE, &users, json!({ "user_id": first.boss["id"] })).await, gone);
    desk.platform_ok(Method::DELETE, &format!("users/{}", first.boss["id"]), Value::Null).await;
    assert_eq!(make(first.id).await, (401, json!({ "error": "Invalid Access Token" })));
    let of_first = format!("accounts/{}/account_users", first.id);
    let left = desk.platform_ok(Method::GET, &of_first, Value::Null).await;
    assert_eq!(left, json!([{ "account_id": first.id, "user_id": pat["id"], "role": "agent" }]));
    assert_eq!(desk.platform(Method::GET, &format!("users/{}", first.boss["id"]), Value::Null).await, gone);
    // The address is free again, for another person.
    assert_ne!(person(&desk, "boss@first.example").await["id"], first.boss["id"]);
}

#[tokio::test]
async fn people_who_cannot_be_are_refused() {
    let desk = Desk::start().await;
    let id = made(&desk, "Acme").await;
    let taken = json!({ "message": "Email has already been taken", "attributes": ["email"] });
    let body = |email: &str| json!({ "name": "Pat", "email": email });
    let pat = person(&desk, "pat@people.example").await;
    assert_eq!(desk.platform(Method::POST, "users", body("PAT@people.example")).await, (422, taken.clone()));
    let agents = desk.server.agent_id(0);
    assert_eq!(desk.platform(Method::POST, "users", body(&agents)).await, (422, taken));
    for (body, named) in [
        (json!({ "email": "x@y.example" }), "name"),
        (json!({ "name": "Pat" }), "email"),
        (body("nobody"), "email"),
        (json!({ "name": "x".repeat(257), "email": "x@y.example" }), "name"),
        (json!({ "name": "Pat", "email": "x@y.example", "custom_attributes": "x" }), "custom_attributes"),
    ] {
        let (status, answer) = desk.platform(Method::POST, "users", body).await;
        assert_eq!((status, &answer["attributes"]), (422, &json!([named])), "{answer}");
    }
    let own = format!("users/{}", pat["id"]);
    assert_eq!(desk.platform(Method::PATCH, &own, json!({ "email": "else@people.example" })).await.0, 422);
    let users = format!("accounts/{id}/account_users");
    assert_eq!(desk.platform(Method::POST, &users, json!({})).await.0, 422);
    assert_eq!(desk.platform(Method::POST, &users, json!({ "user_id": NOBODY })).await.0, 404);
    let king = json!({ "user_id": pat["id"], "role": "king" });
    let refused = json!({ "error": "'king' is not a valid role" });
    assert_eq!(desk.platform(Method::POST, &users, king).await, (422, refused));
    assert_eq!(desk.platform_ok(Method::GET, &users, Value::Null).await, json!([]));
    // A person of no account is somebody all the same.
    let (status, profile) = desk.call(Some(&token(&pat)), Method::GET, "/api/v1/profile", Value::Null).await;
    assert_eq!((status, &profile["id"], &profile["accounts"]), (200, &pat["id"], &json!([])));
}

#[tokio::test]
async fn an_account_has_as_much_as_it_is_allowed_and_nobody_while_it_is_suspended() {
    let desk = Desk::start().await;
    let shop = Shop::open(&desk, "Shop").await;
    let account = format!("accounts/{}", shop.id);
    desk.platform_ok(Method::PATCH, &account, json!({ "limits": { "agents": 2, "inboxes": 1 } })).await;
    let inbox = shop.inbox(&desk).await;
    let full = (402, json!({ "error": "Account limit exceeded. Upgrade to a higher plan" }));
    let second = json!({ "name": "Other", "channel": { "type": "api" } });
    assert_eq!(shop.call(&desk, Method::POST, "inboxes", second).await, full);
    let agent =
        |name: &str| json!({ "name": name, "email": format!("{name}@shop.example"), "role": "agent" });
    shop.ok(&desk, Method::POST, "agents", agent("one")).await;
    assert_eq!(shop.call(&desk, Method::POST, "agents", agent("two")).await, full);
    let renamed = format!("inboxes/{}", inbox["id"]);
    shop.ok(&desk, Method::PATCH, &renamed, json!({ "name": "Renamed" })).await;

    let path = says(&desk, &inbox, "hello").await;
    let (_, profile) = desk.call(Some(&shop.token), Method::GET, "/api/v1/profile", Value::Null).await;
    let stream = json!({ "channel": "RoomChannel", "pubsub_token": profile["pubsub_token"],
        "account_id": shop.id, "user_id": profile["id"] });
    let mut line = Cable::connect(&desk).await;
    line.subscribe(stream.clone()).await;
    desk.platform_ok(Method::PATCH, &account, json!({ "status": "suspended" })).await;
    line.frame("the end", |frame| frame["type"] == "disconnect").await;
    let mut late = Cable::connect(&desk).await;
    let subscribe = json!({ "command": "subscribe", "identifier": stream.to_string() });
    late.send(subscribe).await;
    late.frame("the refusal", |frame| frame["type"] == "reject_subscription").await;
    let closed = (401, json!({ "error": "Account is suspended" }));
    assert_eq!(shop.call(&desk, Method::GET, "agents", Value::Null).await, closed);
    assert_eq!(desk.call(None, Method::GET, &path, Value::Null).await, closed);
    desk.platform_ok(Method::PATCH, &account, json!({ "status": "active" })).await;
    assert_eq!(contents(&desk.call(None, Method::GET, &path, Value::Null).await.1), ["hello"]);
}

#[tokio::test]
async fn bots_of_the_installation_are_in_accounts_that_come_later() {
    let (mut desk, sink) = (Desk::start().await, Sink::start().await);
    let body = json!({ "name": "Everywhere", "outgoing_url": sink.url("/bot") });
    let bot = desk.platform_ok(Method::POST, "agent_bots", body).await;
    let shop = Shop::open(&desk, "Shop").await;
    let inbox = shop.inbox(&desk).await;
    let listed = shop.ok(&desk, Method::GET, "agent_bots", Value::Null).await;
    assert_eq!((&listed[0]["id"], listed.as_array().unwrap().len()), (&bot["id"], 1));
    let connect = format!("inboxes/{}/set_agent_bot", inbox["id"]);
    shop.ok(&desk, Method::POST, &connect, json!({ "agent_bot": bot["id"] })).await;
    let path = says(&desk, &inbox, "hello").await;
    sink.hit("the bot hears", |hit| hit.path == "/bot" && hit.json["content"] == "hello").await;
    let answer = format!("/api/v1/accounts/{}/conversations/1/messages", shop.id);
    let (status, _) = desk.call(Some(&token(&bot)), Method::POST, &answer, json!({ "content": "hi" })).await;
    assert_eq!((status, contents(&desk.call(None, Method::GET, &path, Value::Null).await.1).len()), (200, 2));
    desk.server.kill_9().await;
    desk.server.restart().await;
    assert_eq!(shop.ok(&desk, Method::GET, "agent_bots", Value::Null).await, listed, "once, as before");
    desk.platform_ok(Method::DELETE, &format!("agent_bots/{}", bot["id"]), Value::Null).await;
    assert_eq!(shop.ok(&desk, Method::GET, "agent_bots", Value::Null).await, json!([]));
    assert_eq!(desk.get(&desk.admin, "agent_bots").await, json!([]));
}

#[tokio::test]
async fn whoever_is_in_an_account_hears_its_stream_and_its_end() {
    let desk = Desk::start().await;
    let shop = Shop::open(&desk, "Shop").await;
    let inbox = shop.inbox(&desk).await;
    let (_, profile) = desk.call(Some(&shop.token), Method::GET, "/api/v1/profile", Value::Null).await;
    assert_eq!(profile["pubsub_token"], shop.boss["pubsub_token"]);
    let mut cable = Cable::connect(&desk).await;
    let stream = &shop.boss["pubsub_token"];
    let me = json!({
        "channel": "RoomChannel", "pubsub_token": stream, "account_id": shop.id, "user_id": shop.boss["id"],
    });
    cable.subscribe(me).await;
    // An agent on LiveChat's side of the same account.
    let body = json!({ "name": "Carl", "email": "carl@shop.example", "role": "agent" });
    shop.ok(&desk, Method::POST, "agents", body).await;
    let carls = desk.server.issue(json!({ "agent_id": "carl@shop.example" })).await;
    let carl = desk.server.login_agent(&carls).await;
    let path = says(&desk, &inbox, "hello").await;
    cable.told("message.created", |message| message["content"] == "hello").await;

    desk.platform_ok(Method::DELETE, &format!("accounts/{}", shop.id), Value::Null).await;
    carl.push("agent_disconnected", |payload| payload["reason"] == "license_not_found").await;
    assert_eq!(carl.closed().await, Some(1008));
    cable.frame("why it ends", |frame| frame["type"] == "disconnect" && frame["reconnect"] == false).await;
    cable.frame("its end", |frame| frame["closed"] == 1008).await;

    let unknown = (404, json!({ "error": "Resource could not be found" }));
    assert_eq!(shop.call(&desk, Method::GET, "agents", Value::Null).await, unknown);
    assert_eq!(desk.call(Some(&desk.admin), Method::GET, &path, Value::Null).await, unknown);
    let (status, answer) = desk.call(Some(&carls), Method::GET, "/api/v1/profile", Value::Null).await;
    assert_eq!((status, answer), (401, json!({ "error": "Invalid Access Token" })));
    // The person is still somebody, and the other account goes on.
    let (_, profile) = desk.call(Some(&shop.token), Method::GET, "/api/v1/profile", Value::Null).await;
    assert_eq!(profile["accounts"], json!([]));
    let ana = desk.contact("Ana").await;
    desk.write(&ana, "still here").await;
    assert_eq!(desk.read(&ana).await, ["still here"]);
}

/// Is this text anywhere in the files below a directory?
fn holds(dir: &Path, text: &str) -> bool {
    let entries = std::fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return holds(&path, text);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[tokio::test]
async fn accounts_and_people_outlive_a_crash_and_ended_ones_stay_ended() {
    let mut desk = Desk::start().await;
    let (kept, gone) = (Shop::open(&desk, "Kept").await, Shop::open(&desk, "Gone").await);
    let users = format!("accounts/{}/account_users", gone.id);
    desk.platform_ok(Method::POST, &users, json!({ "user_id": kept.boss["id"], "role": "agent" })).await;
    let (kept_inbox, gone_inbox) = (kept.inbox(&desk).await, gone.inbox(&desk).await);
    let kept_path = says(&desk, &kept_inbox, "keep me").await;
    let gone_path = says(&desk, &gone_inbox, "forget me").await;
    desk.server.kill_9().await;
    desk.server.restart().await;
    let read = async |path: &str| desk.call(None, Method::GET, path, Value::Null).await;
    assert_eq!(contents(&read(&kept_path).await.1), ["keep me"]);
    assert_eq!(contents(&read(&gone_path).await.1), ["forget me"]);
    let shown = desk.platform_ok(Method::GET, &format!("users/{}", kept.boss["id"]), Value::Null).await;
    assert_eq!(shown["accounts"].as_array().unwrap().len(), 2);
    kept.ok(&desk, Method::GET, "agents", Value::Null).await;

    // Killed the moment that its end was acknowledged.
    desk.platform_ok(Method::DELETE, &format!("accounts/{}", gone.id), Value::Null).await;
    desk.server.kill_9().await;
    desk.server.restart().await;
    let unknown = (404, json!({ "error": "Resource could not be found" }));
    assert_eq!(desk.call(None, Method::GET, &gone_path, Value::Null).await, unknown);
    assert_eq!(gone.call(&desk, Method::GET, "agents", Value::Null).await, unknown);
    assert_eq!(desk.platform(Method::GET, &format!("accounts/{}", gone.id), Value::Null).await, unknown);
    let shown = desk.platform_ok(Method::GET, &format!("users/{}", kept.boss["id"]), Value::Null).await;
    assert_eq!(shown["accounts"].as_array().unwrap().len(), 1);
    assert_eq!(contents(&desk.call(None, Method::GET, &kept_path, Value::Null).await.1), ["keep me"]);
    // Nobody gets its numbers again: of the account, of its inbox, of its people.
    let next = Shop::open(&desk, "Next").await;
    assert!(next.id > gone.id, "{} after {}", next.id, gone.id);
    assert!(next.boss["id"].as_u64() > gone_inbox["id"].as_u64());
    kept.ok(&desk, Method::GET, "conversations", Value::Null).await;

    let blobs = desk.server.data_dir().join("blobs");
    assert_eq!(desk.server.stop().await, Some(0));
    let data = desk.server.data_dir();
    let (code, stdout, _) = cli(&["doctor", data.to_str().unwrap()]).await;
    assert!(code == Some(0) && stdout.contains("sound"), "{stdout}");
    assert!(!blobs.exists() || !holds(&blobs, "forget me"));
    desk.server.restart().await;
    assert_eq!(contents(&desk.call(None, Method::GET, &kept_path, Value::Null).await.1), ["keep me"]);
    assert_eq!(next.ok(&desk, Method::GET, "agents", Value::Null).await[0]["id"], next.boss["id"]);
}

#[tokio::test]
async fn what_an_ended_account_had_is_removed_and_a_backup_knows_that() {
    let mut desk = Desk::start().await;
    let shop = Shop::open(&desk, "Shop").await;
    let inbox = shop.inbox(&desk).await;
    let path = says(&desk, &inbox, "hello").await;
    let head = "Content-Disposition: form-data; name=\"attachments[]\"; filename=\"a.txt\"";
    let form = format!("--b\r\n{head}\r\nContent-Type: text/plain\r\n\r\ntop secret\r\n--b--\r\n");
    let request =
        desk.server.raw(Method::POST, &path).header("content-type", "multipart/form-data; boundary=b");
    let (_, sent) = send(request.body(form)).await;
    let file = sent["attachments"][0]["data_url"].as_str().unwrap().to_owned();
    let fetch = async || desk.server.client.get(&file).send().await.unwrap().status().as_u16();
    assert_eq!(fetch().await, 200);
    let blobs = desk.server.data_dir().join("blobs");
    assert!(holds(&blobs, "top secret"));
    desk.platform_ok(Method::DELETE, &format!("accounts/{}", shop.id), Value::Null).await;
    assert_eq!(fetch().await, 404, "at once");
    until("the file is removed", async || !holds(&blobs, "top secret")).await;

    let dir = tempfile::TempDir::with_prefix("switchboard-backup-").unwrap();
    let (backup, data) = (dir.path().join("backup"), desk.server.data_dir());
    let args = ["backup", backup.to_str().unwrap(), "--data-dir", data.to_str().unwrap()];
    let (code, stdout, stderr) = cli(&args).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    let to = dir.path().join("data");
    let (code, stdout, _) = cli(&["restore", backup.to_str().unwrap(), to.to_str().unwrap()]).await;
    assert_eq!(code, Some(0), "{stdout}");
    let restored = Desk::of(Server::start_in(dir).await);
    let (status, _) = restored.call(None, Method::GET, &path, Value::Null).await;
    assert_eq!(status, 404);
    let pat = restored.platform_ok(Method::GET, &format!("users/{}", shop.boss["id"]), Value::Null).await;
    assert_eq!(pat["accounts"], json!([]));
    assert!(made(&restored, "Next").await > shop.id);
    assert_eq!(desk.server.stop().await, Some(0));
    let (code, stdout, _) = cli(&["doctor", data.to_str().unwrap()]).await;
    assert_eq!(code, Some(0), "{stdout}");
}
