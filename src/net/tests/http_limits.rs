//! Bounds of HTTP: heads, URLs, patience, open connections.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Options, Server, on_shard};
use crate::net::accept::{Patience, concerns_one_connection};
use crate::net::limits::{HEAD_BYTES, HEAD_FIELDS, URL_BYTES};

async fn get(server: &Server, url: &str, fields: &str) -> String {
    let mut raw = server.tcp().await;
    let request = format!("GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n");
    raw.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A refused head may be left unread and reset the connection, but not before the answer came.
    raw.read_to_end(&mut answer).await.ok();
    String::from_utf8(answer).unwrap()
}

#[test]
fn a_request_knows_who_sent_it() {
    on_shard(async {
        let server = Server::start();
        assert!(get(&server, "/peer", "").await.ends_with("\r\n\r\n127.0.0.1 false"));
    });
}

#[test]
fn a_long_url_is_answered_with_414() {
    on_shard(async {
        let server = Server::start();
        let longest = format!("/peer?{}", "x".repeat(URL_BYTES - "/peer?".len()));
        assert!(get(&server, &longest, "").await.starts_with("HTTP/1.1 200"));
        let answer = get(&server, &(longest + "x"), "").await;
        assert!(answer.starts_with("HTTP/1.1 414"), "{answer}");
        assert!(
            answer.contains(r#"{"error":{"type":"entity_too_large","message":"URL too long"#),
            "{answer}"
        );
    });
}

#[test]
fn a_long_head_is_answered_with_431() {
    on_shard(async {
        let server = Server::start();
        let long = format!("X-Long: {}\r\n", "x".repeat(HEAD_BYTES));
        let answer = get(&server, "/peer", &long).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        let fields = |count: usize| "X-Field: x\r\n".repeat(count);
        // Two more stand in every request of these tests.
        assert!(get(&server, "/peer", &fields(HEAD_FIELDS - 2)).await.starts_with("HTTP/1.1 200"));
        assert!(get(&server, "/peer", &fields(HEAD_FIELDS - 1)).await.starts_with("HTTP/1.1 431"));
    });
}

#[test]
fn after_an_early_answer_the_rest_of_the_body_is_taken_for_a_moment() {
    on_shard(async {
        let server = Server::start();
        let mut raw = server.tcp().await;
        let head = "GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n";
        raw.write_all(head.as_bytes()).await.unwrap();
        raw.write_all(&vec![b'x'; 300_000]).await.unwrap();
        let mut answer = String::new();
        raw.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("127.0.0.1 false"), "{answer}");
        // A closed socket would answer this with a reset.
        assert_eq!(server.connections.open(), 1);
        raw.write_all(&vec![b'x'; 300_000]).await.unwrap();
        drop(raw);
        server.connections.idle().await;
    });
}

#[test]
fn an_answer_says_when_the_connection_ends_with_it() {
    on_shard(async {
        let server = Server::start();
        // Nobody reads this body, and the rest of it comes too late.
        let mut raw = server.tcp().await;
        let head = "GET /peer HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345";
        raw.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        raw.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");

        // Without a body the connection serves one request after the other.
        let mut raw = server.tcp().await;
        for last in [false, true] {
            let more = if last { "Connection: close\r\n" } else { "" };
            raw.write_all(format!("GET /peer HTTP/1.1\r\nHost: x\r\n{more}\r\n").as_bytes()).await.unwrap();
        }
        let mut answers = String::new();
        raw.read_to_string(&mut answers).await.unwrap();
        assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
    });
}

#[test]
fn a_slow_head_closes_the_connection() {
    on_shard(async {
        let patience = Patience { head: Duration::from_millis(20), ..Patience::default() };
        let server = Server::with(Options { patience, ..Options::default() });
        let mut raw = server.tcp().await;
        raw.write_all(b"GET /peer HTT").await.unwrap();
        let mut answer = Vec::new();
        raw.read_to_end(&mut answer).await.unwrap();
        assert!(answer.is_empty());
        server.connections.idle().await;
    });
}

#[test]
fn at_the_bound_a_connection_waits_until_another_ends() {
    on_shard(async {
        let server = Server::with(Options { bound: 1, ..Options::default() });
        let (first, _) = server.session().await;
        let mut second = server.tcp().await;
        second.write_all(b"GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        assert_eq!(server.connections.open(), 1);
        let mut answer = String::new();
        {
            let mut reading = std::pin::pin!(second.read_to_string(&mut answer));
            let early = tokio::time::timeout(Duration::from_millis(30), reading.as_mut()).await;
            assert!(early.is_err(), "served over the bound");
            drop(first);
            reading.await.unwrap();
        }
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    });
}

#[test]
fn running_out_of_descriptors_is_no_matter_of_one_connection() {
    const EMFILE: i32 = 24;
    const ECONNABORTED: i32 = 103;
    assert!(!concerns_one_connection(&std::io::Error::from_raw_os_error(EMFILE)));
    assert!(concerns_one_connection(&std::io::Error::from_raw_os_error(ECONNABORTED)));
}
