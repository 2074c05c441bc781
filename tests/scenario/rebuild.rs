//! What the journal was boiled down to is lost or broken: a start builds it anew from the journal, and
//! everything is as it was.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::shape::{id, list};

/// Bots, customers, chats that are held, waiting and closed, tokens, properties, a long thread.
async fn furnish(server: &Server) -> Vec<String> {
    let bot = json!({ "name": "Keeper", "max_chats_count": 1, "groups": [{ "id": 0, "priority": "first" }] });
    server.bot(bot).await;
    let mut chats = Vec::new();
    for n in 0..4 {
        let (person, chat) = server.chat(json!({ "properties": { "test": { "int_property": n } } })).await;
        let mia = server.customer_rtm(&person).await;
        for said in 0..40 {
            let event = json!({ "type": "message", "text": format!("{said} {}", "x".repeat(900)) });
            mia.ok("send_event", json!({ "chat_id": chat["id"], "event": event })).await;
        }
        chats.push(id(&chat));
    }
    let closed = json!({ "chat_id": chats[3] });
    server.agent_web(0).ok("close_thread", closed).await;
    chats
}

/// All that can be read.
async fn everything(server: &Server, chats: &[String]) -> Value {
    let mut looks = Vec::new();
    for chat in chats {
        looks.push(server.look(chat).await);
    }
    let customers = server.agent_web(0).ok("get_customers", json!({})).await;
    let customers: Vec<_> = list(&customers["customers"]).iter().map(|one| one["id"].clone()).collect();
    json!({
        "looks": looks,
        "archives": server.agent_web(0).ok("get_archives", json!({})).await,
        "bots": server.configuration().ok("get_bot_agents", json!({ "all": true })).await,
        "customers": customers,
    })
}

/// The files of sled, wherever they lie.
fn break_every_file(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            break_every_file(&path);
        } else {
            let mut bytes = fs::read(&path).unwrap();
            bytes.iter_mut().step_by(97).for_each(|byte| *byte ^= 0x5a);
            fs::write(&path, bytes).unwrap();
        }
    }
}

#[tokio::test]
async fn lost_or_broken_records_are_built_anew_from_the_journal() {
    let mut server = Server::start().await;
    let chats = furnish(&server).await;
    // Stored, with a checkpoint that speaks of what is about to be lost.
    assert_eq!(server.stop().await, Some(0));
    server.restart().await;
    let before = everything(&server, &chats).await;
    assert_eq!(server.stop().await, Some(0));
    let sled = server.data_dir().join("sled");

    fs::remove_dir_all(&sled).unwrap();
    server.restart().await;
    let log = server.may_log_errors();
    assert!(log.contains("rebuilding them from the whole journal"), "{log}");
    assert_eq!(everything(&server, &chats).await, before, "after it was deleted");
    assert_eq!(server.stop().await, Some(0));

    break_every_file(&sled);
    server.restart().await;
    let log = server.may_log_errors();
    assert!(log.contains("moved the broken records aside"), "{log}");
    assert!(server.data_dir().join("sled.corrupt.1").is_dir(), "kept, for whoever wants to look");
    assert_eq!(everything(&server, &chats).await, before, "after it was broken");

    // The talk goes on, and a crash finds the new records.
    let (_, late) = server.chat(json!({})).await;
    server.kill_9().await;
    server.restart().await;
    assert_eq!(server.look(&id(&late)).await["threads"][0]["active"], true);
    assert!(!server.data_dir().join("sled.corrupt.2").exists(), "only once");
}
