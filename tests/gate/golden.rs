//! A data directory as an earlier version left it opens, and shows what was said in it.
//!
//! `golden/data-1` was written by the first version that had a journal; it is never written again. A later
//! format gets a directory of its own beside it: `SWITCHBOARD_WRITE_GOLDEN=golden/data-N cargo test --test
//! gate golden::` makes one where there is none.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use switchboard::storage::FaultyDisk;

use crate::support::server::Server;
use crate::support::shape::{id, list};

/// Every directory that must open, with what it holds.
const KNOWN: [&str; 1] = ["golden/data-1"];

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gate").join(name)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What is there of what was told then. The chats are old by now: timers that ran out meanwhile take
/// them from their agents and close them at the start, and add to what was said.
fn as_told(now: Value, told: &Value) -> Value {
    match (now, told) {
        (Value::Object(mut now), Value::Object(told)) => {
            let kept = told.iter().map(|(name, told)| {
                let by_timers = matches!(name.as_str(), "active" | "routing");
                let value = if by_timers {
                    told.clone()
                } else {
                    as_told(now.remove(name).unwrap_or_default(), told)
                };
                (name.clone(), value)
            });
            Value::Object(kept.collect())
        }
        (Value::Array(now), Value::Array(told)) => {
            Value::Array(now.into_iter().zip(told).map(|(now, told)| as_told(now, told)).collect())
        }
        (now, _) => now,
    }
}

async fn contents(server: &Server, chats: &[String]) -> Value {
    let mut looks = Vec::new();
    for chat in chats {
        let seen = server.look(chat).await;
        looks.push(json!({
            "id": seen["id"], "threads": seen["threads"], "properties": seen["properties"],
            "access": seen["access"],
        }));
    }
    json!({
        "chats": looks,
        "bots": server.configuration().ok("get_bot_agents", json!({ "all": true })).await,
        "properties": server.configuration().ok("get_property_configs", json!({})).await,
    })
}

#[tokio::test]
async fn directories_of_earlier_versions_open() {
    if let Ok(name) = std::env::var("SWITCHBOARD_WRITE_GOLDEN") {
        write(&place(&name)).await;
    }
    for name in KNOWN {
        let dir = tempfile::tempdir().unwrap();
        copy(&place(name), dir.path());
        let told: Value =
            serde_json::from_slice(&fs::read(dir.path().join("contents.json")).unwrap()).unwrap();
        let chats: Vec<_> = list(&told["chats"]).iter().map(id).collect();
        let server = Server::start_on_disk(dir.path(), FaultyDisk::new().disk()).await;
        assert_eq!(as_told(contents(&server, &chats).await, &told), told, "{name}");
        // And it goes on in it.
        let (_, late) = server.chat(json!({})).await;
        assert_eq!(list(&server.look(&id(&late)).await["threads"]).len(), 1);
        server.assert_whole();
    }
}

async fn write(to: &Path) {
    assert!(!to.exists(), "what was released is never written again");
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_on_disk(dir.path(), FaultyDisk::new().disk()).await;
    server.bot(json!({ "name": "Keeper", "max_chats_count": 1 })).await;
    let properties = json!({ "test": { "int_property": 7 } });
    let (person, chat) = server.chat(json!({ "properties": properties })).await;
    let chat = id(&chat);
    let (mia, ann) = (server.customer_rtm(&person).await, server.agent(0).await);
    for n in 0..30 {
        let (from, text) = if n % 3 == 0 { (&ann, "of the agent") } else { (&mia, "of the customer") };
        let event = json!({ "type": "message", "text": format!("{n} {text}"), "custom_id": n.to_string() });
        from.ok("send_event", json!({ "chat_id": chat, "event": event })).await;
    }
    let tag =
        json!({ "chat_id": chat, "thread_id": server.look(&chat).await["threads"][0]["id"], "tag": "vip" });
    ann.ok("tag_chat_thread", tag).await;
    ann.ok("close_thread", json!({ "chat_id": chat })).await;
    let again = json!({ "chat_id": chat, "event": { "type": "message", "text": "again" } });
    mia.ok("send_event", again).await;
    let (_, waiting) = server.chat(json!({})).await;
    let contents = contents(&server, &[chat, id(&waiting)]).await;
    drop((mia, ann));
    server.assert_whole();
    drop(server);
    fs::create_dir_all(to.join("journal")).unwrap();
    fs::copy(dir.path().join("format"), to.join("format")).unwrap();
    for entry in fs::read_dir(dir.path().join("journal")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "journal") {
            fs::copy(&path, to.join("journal").join(path.file_name().unwrap())).unwrap();
        }
    }
    fs::write(to.join("contents.json"), serde_json::to_vec_pretty(&contents).unwrap()).unwrap();
}
