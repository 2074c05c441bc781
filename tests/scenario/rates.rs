//! How often a token may call over HTTP.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::small::{AGENT, small};
use crate::support::until;

#[tokio::test]
async fn who_calls_too_often_is_told_when_to_come_back_and_nobody_else_is() {
    let server = small("[limits]\ncalls_per_minute = 3").await;
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

#[tokio::test]
async fn a_token_has_so_many_calls_at_a_time_and_others_do_not_wait_for_it() {
    let server = small("[limits]\ncalls_at_once = 1").await;
    let profile = async |token: &str| {
        let request = server.raw(Method::GET, "/api/v1/profile").bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(profile(AGENT).await, 200);
    // A call whose body does not end.
    let address = server.http().trim_start_matches("http://").to_owned();
    let mut slow = TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST /api/v1/accounts/1/teams HTTP/1.1\r\nHost: {address}\r\napi_access_token: {AGENT}\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    // Asked for once the call runs.
    let mut asked_for = [0; 12];
    slow.read_exact(&mut asked_for).await.unwrap();
    assert_eq!(&asked_for, b"HTTP/1.1 100");
    assert_eq!(profile(AGENT).await, 429);
    assert_eq!(profile("the-token-of-bob-which-is-long-enough").await, 200);
    slow.write_all(b"{}").await.unwrap();
    until("the call is over", async || profile(AGENT).await == 200).await;
}
