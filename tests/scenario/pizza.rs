//! The story that a newcomer sees first, played by the example bot.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::support::server::Server;
use crate::support::shape::{id, texts};

const BOT_START: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_pizza_bot_tells_the_agents_and_the_customer_never_knows() {
    if !python_is_there().await {
        return skip("the_pizza_bot_tells_the_agents_and_the_customer_never_knows: no python3 here");
    }
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let bob = server.watcher(1).await;
    let mut script = start_bot(&server);
    let bot = created_bot(&mut script).await;
    assert_eq!(server.bot_details(&bot).await["status"], "not accepting chats");

    let mia = server.customer().await;
    let hello = json!({ "chat": { "thread": { "events": [{ "type": "message", "text": "Hi there" }] } } });
    let chat = id(&mia.ok("start_chat", hello).await["chat"]);
    let wish = json!({ "chat_id": chat, "event": { "type": "message", "text": "I want a pizza" } });
    mia.ok("send_event", wish).await;

    // The agent of the chat hears the whole story in its order; one who only may see the chat hears the frame of it.
    for agent in [&ann, &bob] {
        let added = agent.push("chat_user_added", |payload| payload["user"]["id"] == bot.as_str()).await;
        assert!(added.is_about(&chat));
        assert_eq!(added.payload["user_type"], "agent");
        assert_eq!(added.payload["user"].get("email"), None, "a bot has no e-mail address");
    }
    let note = ann.message("Pizza is on the way!").await;
    assert_eq!(note.payload["event"]["author_id"], bot.as_str());
    assert_eq!(note.payload["event"]["recipients"], "agents");
    for agent in [&ann, &bob] {
        let removed = agent.push("chat_user_removed", |payload| payload["user_id"] == bot.as_str()).await;
        assert!(removed.is_about(&chat));
    }
    let mut names = ann.names_since(0, &chat);
    names.retain(|name| name.starts_with("chat_user_"));
    assert_eq!(names, ["chat_user_added", "chat_user_removed"], "it joins and leaves once");

    // The customer hears what comes next, and nothing of the note.
    let thanks = json!({ "chat_id": chat, "event": { "type": "message", "text": "Which one?" } });
    ann.ok("send_event", thanks).await;
    mia.message("Which one?").await;
    let summary = mia.ok("get_chats_summary", json!({})).await;
    let history = mia.ok("get_chat_threads", json!({ "chat_id": chat })).await;
    let seen = texts(&history["chat"]["threads"][0]["events"]);
    assert_eq!(seen, ["Hi there", "I want a pizza", "Which one?"]);
    assert!(!summary.to_string().contains("on the way"), "{summary}");
    assert!(!mia.ever_saw("Pizza is on the way!"));

    // To the agents it is part of the history.
    let thread = server.look(&chat).await["threads"][0].clone();
    assert!(texts(&thread["events"]).contains(&"Pizza is on the way!".to_owned()), "{thread:#}");
    script.kill().await.unwrap();
}

async fn python_is_there() -> bool {
    let mut python = Command::new("python3");
    python.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    python.status().await.is_ok_and(|status| status.success())
}

#[expect(clippy::print_stderr, reason = "a skipped story says so, with the reason")]
fn skip(what: &str) {
    eprintln!("skipped {what}");
}

fn start_bot(server: &Server) -> Child {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pizzabot.py");
    Command::new("python3")
        .arg(script)
        .args(["--server", server.http(), "--token", &server.agent_token(0), "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Waits until the script says who its bot is, and gives the id.
async fn created_bot(script: &mut Child) -> String {
    let mut said = BufReader::new(script.stdout.take().unwrap());
    let mut line = String::new();
    let read = timeout(BOT_START, said.read_line(&mut line)).await;
    read.expect("the script should create its bot").unwrap();
    match line.strip_prefix("bot ").and_then(|rest| rest.split_once(' ')) {
        Some((id, _)) => id.to_owned(),
        None => panic!("the script should say `bot <id> ...` first, not {line:?}"),
    }
}
