//! A receiver that fails in every way there is, with a crash of ours in between: everything due arrives
//! at least once, in order for each chat, under one id and with the same bytes. The receiver is
//! `switchboard webhook listen`, as whoever writes one would use it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::support::DEADLINE;
use crate::support::seen::Seen;
use crate::support::server::Server;
use crate::support::shape::id;

/// How it answers, call by call; then well. Each way comes at least twice.
const FAULTS: &str = "500,200,reset,slow,hang,307,200,late,503,reset,hang,502,slow,301,200,late,500";

/// Retries come after a second, so no fault costs more; a receiver in trouble is left alone up to a minute.
const PATIENCE: Duration = Duration::from_secs(150);

const CHATS: usize = 4;
const MESSAGES: usize = 6;

/// A running `switchboard webhook listen`, and every call that it showed.
struct Listener {
    _child: Child,
    url: String,
    calls: std::sync::Arc<Seen<Value>>,
}

impl Listener {
    async fn start(answers: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .args([
                "webhook",
                "listen",
                "--listen",
                "127.0.0.1:0",
                "--json",
                "--secret",
                "s3cr3t",
                "--answer",
            ])
            .arg(answers)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
        let calls = std::sync::Arc::new(Seen::new());
        let seen = std::sync::Arc::clone(&calls);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                seen.add(serde_json::from_str(&line).unwrap());
            }
        });
        Self { _child: child, url: first["listening"].as_str().unwrap().to_owned(), calls }
    }
}

fn said(call: &Value) -> &str {
    call["body"]["data"]["event"]["text"].as_str().unwrap()
}

/// Did the receiver take it, as far as the sender can know?
fn taken(call: &Value) -> bool {
    ["200", "slow"].contains(&call["answer"].as_str().unwrap())
}

async fn server() -> Server {
    let token = |name: &str| format!("{name}-{}", "x".repeat(32));
    let (admin, agent) = (token("admin"), token("agent"));
    let configuration = format!(
        r#"
        [admin]
        token = "{admin}"
        [webhooks]
        allow_loopback = true
        timeout_seconds = 1
        retry_seconds = {:?}
        [[license]]
        id = 100000001
        organization_id = "390e44e6-f1e6-4b7e-8d7c-0a1b2c3d4e5f"
        client_id = "app-of-the-faults"
        client_secret = "a-secret-of-the-application"
        [[license.agent]]
        id = "ann@example.org"
        name = "Ann"
        token = "{agent}"
        max_chats = 100
        "#,
        [1; 30]
    );
    let known = json!({
        "license_id": 100_000_001, "client_id": "app-of-the-faults", "admin_token": admin,
        "agents": [{ "id": "ann@example.org", "token": agent }],
    });
    Server::serve(&configuration, known).await
}

#[tokio::test]
async fn whatever_the_receiver_does_everything_arrives_in_order_and_unchanged() {
    let faults: Vec<_> = FAULTS.split(',').collect();
    let listener = Listener::start(&format!("{FAULTS},200")).await;
    let mut server = server().await;
    let ann = server.agent(0).await;
    let action = json!({ "name": "incoming_event", "filters": { "author_type": "customer" } });
    let webhooks = json!({ "url": listener.url, "secret_key": "s3cr3t", "actions": [action] });
    server.bot(json!({ "status": "not accepting chats", "webhooks": webhooks })).await;
    let mut chats = Vec::new();
    for _ in 0..CHATS {
        chats.push(server.chat(json!({})).await);
    }
    drop(ann);
    for n in 0..MESSAGES {
        if n == MESSAGES / 2 {
            server.kill_9().await;
            server.restart().await;
        }
        for (person, chat) in &chats {
            let event = json!({ "type": "message", "text": format!("{} {n}", id(chat)) });
            let payload = json!({ "chat_id": chat["id"], "event": event });
            server.customer_web(person).ok("send_event", payload).await;
        }
    }
    let all = |calls: &mut Vec<Value>| {
        let arrived: HashSet<_> = calls.iter().filter(|call| taken(call)).map(said).collect();
        (arrived.len() == CHATS * MESSAGES && calls.len() > faults.len()).then(|| calls.clone())
    };
    let calls = listener.calls.wait("everything", PATIENCE, all).await;

    let (mut bodies, mut ids) = (HashMap::new(), HashMap::new());
    let mut orders: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for call in &calls {
        assert_eq!(call["signature"], "good", "{call}");
        let (delivery, text) = (call["webhook_id"].as_str().unwrap(), said(call));
        let body = (&call["body"], &call["bytes"]);
        assert_eq!(*bodies.entry(delivery).or_insert(body), body, "the same bytes");
        assert_eq!(*ids.entry(text).or_insert(delivery), delivery, "the same id");
        let (chat, n) = text.split_once(' ').unwrap();
        let (order, n) = (orders.entry(chat).or_default(), n.parse().unwrap());
        // A repetition is no step back: whoever looks at ids has it already.
        if call["attempt"] == 1 {
            order.push(n);
        }
    }
    assert_eq!(orders.len(), CHATS);
    for (chat, order) in orders {
        assert_eq!(order, (0..MESSAGES).collect::<Vec<_>>(), "{chat}");
    }
    let repeated = calls.iter().filter(|call| call["attempt"].as_u64() > Some(1)).count();
    assert!(repeated >= faults.len() / 2, "the faults were met: {repeated}");
}

/// Runs a tool; gives its exit code and what it said.
async fn tool(args: &[&str], stdin: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.arg("webhook").args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).await.unwrap();
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output()).await.unwrap().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn a_test_call_arrives_and_can_be_verified() {
    let listener = Listener::start("200,429,410,reset,400").await;
    let send = ["send-test", &listener.url, "--secret", "s3cr3t", "--id", "my-test"];
    let (code, said) = tool(&send, "").await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("my-test: 200 OK, after "), "{said}");
    let call = listener.calls.wait("the call", DEADLINE, |calls| calls.first().cloned()).await;
    assert_eq!((&call["signature"], &call["webhook_id"]), (&json!("good"), &json!("my-test")));
    let secret = &call["body"]["secret_key"];
    assert_eq!((secret, &call["body"]["action"]), (&json!("s3cr3t"), &json!("incoming_event")));

    let header = |name: &str| call[name].as_str().unwrap().to_owned();
    let (at, signature) = (header("webhook_timestamp"), header("webhook_signature"));
    let body = call["body"].to_string();
    let verify = |secret: &'static str, body: String| {
        let (at, signature) = (at.clone(), signature.clone());
        async move {
            let headers = ["--id", "my-test", "--timestamp", &at, "--signature", &signature];
            tool(&[&["verify", "--secret", secret], &headers[..]].concat(), &body).await
        }
    };
    let (code, said) = verify("s3cr3t", body.clone()).await;
    assert_eq!((code, said.starts_with("verified: ")), (Some(0), true), "{said}");
    for (secret, body) in [("other", body.clone()), ("s3cr3t", body.replace("Hello", "hello"))] {
        let (code, said) = verify(secret, body).await;
        assert_eq!((code, said.contains("no signature matches")), (Some(1), true), "{said}");
    }

    // What a server would do is told, and the exit code says that it was not taken.
    for words in ["not before 30 s", "would never call again", "try again later", "not try again"] {
        let (code, said) = tool(&send, "").await;
        assert_eq!((code, said.contains(words)), (Some(1), true), "{words}: {said}");
    }
    let (code, said) = tool(&["send-test", &listener.url, "--body", "no/such.json"], "").await;
    assert_eq!((code, said.contains("no/such.json")), (Some(2), true), "{said}");
}
