//! What becomes a WebSocket and what does not.

use futures_util::StreamExt;
use http::StatusCode;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{Server, on_shard};

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";
const UPGRADE: &str = "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n";

/// Sends a request and answers all that comes back until the server closes.
async fn ask(server: &Server, method: &str, fields: &[&str]) -> String {
    let mut raw = server.tcp().await;
    let fields = fields.concat();
    // Closing asks for the answer's end; it stands beside an `Upgrade` because a header may have many lines.
    let request = format!("{method} /ws HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n");
    raw.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    raw.read_to_string(&mut answer).await.unwrap();
    answer
}

fn refuses(answer: &str, status: StatusCode, message: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {}", status.as_u16())), "{answer}");
    assert!(answer.contains(r#"{"error":{"type":"validation","message":""#), "{answer}");
    assert!(answer.contains(message), "{answer}");
}

#[test]
fn broken_handshakes_are_refused_and_told_why() {
    on_shard(async {
        let server = Server::start();
        let answer = ask(&server, "GET", &[UPGRADE, VERSION]).await;
        refuses(&answer, StatusCode::BAD_REQUEST, "Sec-WebSocket-Key");
        let answer = ask(&server, "GET", &[UPGRADE, VERSION, "Sec-WebSocket-Key: c2hvcnQ=\r\n"]).await;
        refuses(&answer, StatusCode::BAD_REQUEST, "Sec-WebSocket-Key");
        let answer = ask(&server, "GET", &[UPGRADE, KEY, "Sec-WebSocket-Version: 8\r\n"]).await;
        refuses(&answer, StatusCode::UPGRADE_REQUIRED, "must be 13");
        assert!(answer.contains("sec-websocket-version: 13\r\n"), "{answer}");
        let answer = ask(&server, "GET", &[VERSION, KEY]).await;
        refuses(&answer, StatusCode::UPGRADE_REQUIRED, "WebSocket only");
        assert!(answer.contains("upgrade: websocket\r\n"), "{answer}");
        let answer = ask(&server, "GET", &["Upgrade: websocket\r\n", VERSION, KEY]).await;
        refuses(&answer, StatusCode::BAD_REQUEST, "Connection header");
        let answer = ask(&server, "POST", &[UPGRADE, VERSION, KEY]).await;
        refuses(&answer, StatusCode::METHOD_NOT_ALLOWED, "GET");
        assert!(server.shard.sessions.borrow().is_empty());
    });
}

#[test]
fn frames_sent_with_the_handshake_are_served() {
    on_shard(async {
        let server = Server::start();
        let mut raw = server.tcp().await;
        let head = format!("GET /ws HTTP/1.1\r\nHost: x\r\n{UPGRADE}{VERSION}{KEY}\r\n");
        let early = b"\x81\x85\x00\x00\x00\x00early";
        raw.write_all(&[head.as_bytes(), early].concat()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(raw.read_u8().await.unwrap());
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        assert!(answer.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
        let mut client = tokio_tungstenite::WebSocketStream::from_raw_socket(raw, Role::Client, None).await;
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text("early"));
    });
}

#[test]
fn the_first_offered_protocol_that_we_speak_is_chosen() {
    on_shard(async {
        let server = Server::start();
        let mut request = "ws://localhost/ws".into_client_request().unwrap();
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, "theirs, ours-v2, ours-v1".parse().unwrap());
        let (_, response) = client_async(request, server.tcp().await).await.unwrap();
        assert_eq!(response.headers()[SEC_WEBSOCKET_PROTOCOL], "ours-v2");

        let (_, response) = client_async("ws://localhost/ws", server.tcp().await).await.unwrap();
        assert!(!response.headers().contains_key(SEC_WEBSOCKET_PROTOCOL));
    });
}
