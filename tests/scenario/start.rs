//! `switchboard demo --json`: what it prints, how it ends, what it refuses.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use crate::support::server::{Server, failed_start, http_client};
use crate::support::shape::{Is, assert_shape, list, text, texts};

#[tokio::test]
async fn the_json_line_tells_all_and_a_second_start_tells_the_same() {
    let mut server = Server::start().await;
    let first = server.ready.clone();
    assert_shape(
        &first,
        &[
            ("http", Is::Str),
            ("https", Is::Str),
            ("ca_cert", Is::Str),
            ("pid", Is::Int),
            ("license_id", Is::Int),
            ("organization_id", Is::Str),
            ("client_id", Is::Str),
            ("client_secret", Is::Str),
            ("admin_token", Is::Str),
            ("agents.0.id", Is::Str),
            ("agents.0.token", Is::Str),
            ("agents.1.id", Is::Str),
            ("agents.1.token", Is::Str),
        ],
    );
    assert_eq!(first["pid"], server.process_id());
    assert_eq!(first["groups"], json!([0, 1, 2]));
    assert_eq!(list(&first["agents"]).len(), 2);

    assert_private(&server.data_dir(), &server.agent_token(0));
    assert_private(&server.data_dir(), &text(&first["admin_token"]));

    // A bot made now is there after the second start, too.
    let bot = server.bot(json!({ "name": "Keeper" })).await;
    assert_eq!(server.stop().await, Some(0));
    server.restart().await;
    for key in
        ["license_id", "organization_id", "client_id", "client_secret", "admin_token", "agents", "groups"]
    {
        assert_eq!(server.ready[key], first[key], "`{key}` changed with the second start");
    }
    assert_eq!(server.bot_details(&bot).await["name"], "Keeper");
}

/// Whatever file holds the secret in clear is for its owner only.
fn assert_private(dir: &Path, secret: &str) {
    let mut keepers = 0;
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            if bytes.windows(secret.len()).any(|window| window == secret.as_bytes()) {
                keepers += 1;
                let mode = std::fs::metadata(&path).unwrap().permissions().mode();
                assert_eq!(mode & 0o077, 0, "{} holds a secret with mode {mode:o}", path.display());
            }
        }
    }
    assert!(keepers > 0, "the tokens are kept in a file of the data directory");
}

#[tokio::test]
async fn health_metrics_and_tls_are_served() {
    let server = Server::start().await;
    assert_eq!(server.get("/healthz").await.0, 200);
    assert_eq!(server.get("/readyz").await.0, 200);
    let (status, metrics) = server.get("/metrics").await;
    assert_eq!(status, 200);
    assert!(metrics.lines().any(|line| line.starts_with("# TYPE ")), "not Prometheus text: {metrics}");
    for unknown in ["/v3.0", "/v3.0/agent", "/v3.0/nobody/action/ping", "/nothing/here"] {
        assert_eq!(server.get(unknown).await.0, 404, "{unknown}");
    }

    // The same API over TLS, trusted by the development certificate alone.
    let root = std::fs::read(text(&server.ready["ca_cert"])).unwrap();
    let tls = http_client(Some(&root));
    let url = format!("{}/v3.0/agent/action/get_chats_summary", text(&server.ready["https"]));
    let request = tls.post(url).bearer_auth(server.agent_token(0)).json(&json!({ "payload": {} }));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let health = tls.get(format!("{}/healthz", text(&server.ready["https"]))).send().await.unwrap();
    assert_eq!(health.status(), 200);
}

#[tokio::test]
async fn a_start_that_cannot_work_ends_with_a_readable_error() {
    let fresh = tempfile::tempdir().unwrap();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    let (code, stdout, stderr) = failed_start(&fresh.path().join("data"), &taken).await;
    assert!(code.is_some_and(|code| code != 0), "exit code {code:?}");
    assert_eq!(stdout, "");
    assert!(stderr.contains(&taken), "the error names the address: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");

    // A directory that is in use is refused as well, and its holder does not notice.
    let server = Server::start().await;
    let (code, stdout, stderr) = failed_start(&server.data_dir(), "127.0.0.1:0").await;
    assert!(code.is_some_and(|code| code != 0), "exit code {code:?}");
    assert_eq!(stdout, "");
    let dir = server.data_dir();
    assert!(stderr.contains(dir.to_str().unwrap()), "the error names the directory: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert!(stderr.contains("stop that process first"), "the error says what to do: {stderr}");
    assert_eq!(code, Some(73));
    server.agent(0).await;
}

#[tokio::test]
async fn a_directory_of_a_later_version_is_refused_and_left_alone() {
    let mut server = Server::start().await;
    let dir = server.data_dir();
    assert_eq!(server.stop().await, Some(0));
    let format = dir.join("format");
    std::fs::write(&format, "switchboard-data 2\n").unwrap();
    let (code, _, stderr) = failed_start(&dir, "127.0.0.1:0").await;
    assert_eq!(code, Some(73), "{stderr}");
    assert!(stderr.contains("start the version that wrote it"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&format).unwrap(), "switchboard-data 2\n");
    std::fs::write(&format, "switchboard-data 1\n").unwrap();
    server.restart().await;
}

#[tokio::test]
async fn sigterm_tells_the_sessions_exits_0_and_loses_nothing() {
    let mut server = Server::start().await;
    let ann = server.agent(0).await;
    let person = server.person().await;
    let mia = server.customer_rtm(&person).await;
    let chat = server.chat_of(&person, json!({})).await;
    mia.ok(
        "send_event",
        json!({ "chat_id": chat["id"], "event": { "type": "message", "text": "before the drain" } }),
    )
    .await;

    server.signal_term();
    ann.push("agent_disconnected", |payload| payload["reason"].is_string()).await;
    mia.push("customer_disconnected", |payload| payload["reason"].is_string()).await;
    ann.closed().await;
    mia.closed().await;
    assert_eq!(server.ended().await, Some(0));

    server.restart().await;
    let chat = server.look(chat["id"].as_str().unwrap()).await;
    assert_eq!(chat["threads"][0]["active"], true);
    assert_eq!(texts(&chat["threads"][0]["events"]), ["hello", "before the drain"]);
}
