//! How often a token may call over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::server::Server;

const AGENT: &str = "the-token-of-ann-which-is-long-enough";

fn configuration() -> (String, Value) {
    let configuration = format!(
        r#"
        [admin]
        token = "the-token-of-the-administrator-of-all"
        [limits]
        calls_per_minute = 3
        [[license]]
        id = 100000001
        organization_id = "390e44e6-f1e6-4b7e-8d7c-0a1b2c3d4e5f"
        client_id = "app-of-the-rates"
        client_secret = "a-secret-of-the-application"
        [[license.agent]]
        id = "ann@example.org"
        name = "Ann"
        token = "{AGENT}"
        [[license.agent]]
        id = "bob@example.org"
        name = "Bob"
        token = "the-token-of-bob-which-is-long-enough"
        "#
    );
    let known = json!({
        "license_id": 100_000_001, "client_id": "app-of-the-rates",
        "agents": [{ "id": "ann@example.org", "token": AGENT }],
    });
    (configuration, known)
}

#[tokio::test]
async fn who_calls_too_often_is_told_when_to_come_back_and_nobody_else_is() {
    let (configuration, known) = configuration();
    let server = Server::serve(&configuration, known).await;
    let asks = async |path: &str, token: &str| {
        let request = server.raw(if path.contains("profile") { Method::GET } else { Method::POST }, path);
        let answer = request.bearer_auth(token).json(&json!({})).send().await.unwrap();
        let wait =
            answer.headers().get("retry-after").map(|wait| wait.to_str().unwrap().parse::<u64>().unwrap());
        (answer.status().as_u16(), wait, answer.json::<Value>().await.unwrap_or_default())
    };
    let (chats, profile) = ("/v3.0/agent/action/get_chats_summary", "/api/v1/profile");
    for path in [chats, profile, chats] {
        assert_eq!(asks(path, AGENT).await.0, 200, "{path}");
    }
    let (status, wait, body) = asks(chats, AGENT).await;
    assert_eq!((status, &body["error"]["type"]), (429, &json!("too_many_requests")));
    assert!(wait.is_some_and(|wait| (1..=21).contains(&wait)), "{wait:?}");
    let (status, wait, body) = asks(profile, AGENT).await;
    assert_eq!((status, &body["error"]), (429, &json!("Too many requests")));
    assert!(wait.is_some(), "{body}");
    assert_eq!(asks(chats, "the-token-of-bob-which-is-long-enough").await.0, 200);
    // Who has no token to count by is refused for that.
    for _ in 0..5 {
        assert_eq!(asks(chats, "nobody's").await.0, 401);
    }
}
