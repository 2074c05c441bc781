//! Backup under load, restore, and the doctor, as an operator uses them.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::server::{Server, cli};
use crate::support::shape::{id, list, orders, present_agents, texts, waits};

/// Messages that each session has under way at once.
const UNDER_WAY: usize = 8;

#[tokio::test]
async fn a_backup_under_load_holds_what_was_acknowledged_before_it() {
    let server = Server::start().await;
    let bot = server.bot(json!({ "name": "Keeper", "max_chats_count": 2 })).await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let (person, chat) = server.chat(json!({ "properties": { "test": { "int_property": 5 } } })).await;
        sessions.push((server.customer_rtm(&person).await, chat));
    }
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicUsize::new(0));
    let load = async {
        let mut n = 0;
        while !stop.load(Ordering::Acquire) {
            for (session, chat) in &sessions {
                let mut requests = Vec::new();
                for _ in 0..UNDER_WAY {
                    let event = json!({ "type": "message", "text": n.to_string() });
                    let payload = json!({ "chat_id": chat["id"], "event": event });
                    requests.push(session.begin(json!({ "action": "send_event", "payload": payload })).await);
                    n += 1;
                }
                for request in requests {
                    assert_eq!(session.response(&request).await["success"], true);
                    acknowledged.fetch_add(1, Ordering::AcqRel);
                }
            }
        }
        n
    };
    let backups = async {
        let mut made: Vec<(TempDir, usize)> = Vec::new();
        for _ in 0..3 {
            let enough = acknowledged.load(Ordering::Acquire) + 200;
            while acknowledged.load(Ordering::Acquire) < enough {
                tokio::task::yield_now().await;
            }
            let dir = TempDir::with_prefix("switchboard-backup-").unwrap();
            let before = acknowledged.load(Ordering::Acquire);
            let (to, data) = (dir.path().join("backup"), server.data_dir());
            let args = ["backup", to.to_str().unwrap(), "--data-dir", data.to_str().unwrap()];
            let (code, stdout, stderr) = cli(&args).await;
            assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
            assert!(stdout.contains("everything up to record"), "{stdout}");
            made.push((dir, before));
        }
        stop.store(true, Ordering::Release);
        made
    };
    let (sent, backups) = tokio::join!(load, backups);
    assert!(sent > 600, "no load, no test: {sent}");

    for (dir, before) in backups {
        let (from, to) = (dir.path().join("backup"), dir.path().join("data"));
        let (code, stdout, stderr) = cli(&["restore", from.to_str().unwrap(), to.to_str().unwrap()]).await;
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
        let restored = Server::start_in(dir).await;
        assert_eq!(restored.ready["agents"], server.ready["agents"], "the same tokens");
        let mut found = 0;
        for (n, (_, chat)) in sessions.iter().enumerate() {
            let look = restored.look(chat["id"].as_str().unwrap()).await;
            assert_eq!(look["properties"]["test"]["int_property"]["value"], 5);
            let (holders, waiting) = (present_agents(&look), waits(&look));
            assert_eq!(
                (holders.contains(&bot), waiting),
                (n < 2, n == 2),
                "slots and queue are as they were"
            );
            let events = &look["threads"][0]["events"];
            assert_eq!(orders(events), (1..=list(events).len() as u64).collect::<Vec<_>>());
            let said: Vec<_> = texts(events).iter().filter_map(|text| text.parse::<usize>().ok()).collect();
            assert!(said.is_sorted(), "in order");
            found += said.len();
            // It is the beginning of what is there now.
            let now = server.look(chat["id"].as_str().unwrap()).await;
            assert_eq!(list(events)[..], list(&now["threads"][0]["events"])[..list(events).len()]);
        }
        assert!(found >= before, "{found} of {before} that were acknowledged");
        // The talk goes on there, too.
        let (person, chat) = restored.chat(json!({})).await;
        let mia = restored.customer_rtm(&person).await;
        let event = json!({ "type": "message", "text": "goes on" });
        mia.ok("send_event", json!({ "chat_id": chat["id"], "event": event })).await;
    }
}

async fn doctor(dir: &Path, more: &[&str]) -> (Option<i32>, String) {
    let (code, stdout, stderr) = cli(&[&["doctor", dir.to_str().unwrap()], more].concat()).await;
    (code, stdout + &stderr)
}

#[tokio::test]
async fn the_doctor_tells_mends_and_ends_with_the_code_that_it_promises() {
    let mut server = Server::start().await;
    let ann = server.agent(0).await;
    let (_, chat) = server.chat(json!({})).await;
    let chat = id(&chat);
    drop(ann);
    let dir = server.data_dir();
    let (code, told) = doctor(&dir, &[]).await;
    assert_eq!(code, Some(73), "{told}");
    assert!(told.contains("stop that process first"), "{told}");
    let (code, told) = doctor(&dir.join("nothing"), &[]).await;
    assert_eq!(code, Some(73), "{told}");

    assert_eq!(server.stop().await, Some(0));
    let (code, told) = doctor(&dir, &[]).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("1 conversations") && told.trim_end().ends_with("sound"), "{told}");

    // Broken records are mended, and nothing is lost.
    break_every_file(&dir.join("sled"));
    let (code, told) = doctor(&dir, &[]).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("--repair") && told.trim_end().ends_with("nothing is lost; something is to be mended")
    );
    let (code, told) = doctor(&dir, &["--repair"]).await;
    assert_eq!(code, Some(0), "{told}");
    server.restart().await;
    server.may_log_errors();
    let seen: Value = server.look(&chat).await;
    assert_eq!(texts(&seen["threads"][0]["events"]), ["hello"]);
    assert_eq!(server.stop().await, Some(0));

    // A broken record is not.
    let segment = dir.join("journal/00000000000000000001.journal");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[100] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    let (code, told) = doctor(&dir, &["--repair"]).await;
    assert_eq!(code, Some(65), "{told}");
    assert!(told.contains("journal is broken at byte 32") && told.contains("switchboard restore"), "{told}");
    let to = dir.join("../backup");
    let (code, _, told) = cli(&["backup", to.to_str().unwrap(), "--data-dir", dir.to_str().unwrap()]).await;
    assert_eq!(code, Some(65), "{told}");
    let (code, _, told) = cli(&["restore", dir.to_str().unwrap(), to.to_str().unwrap()]).await;
    assert_eq!(code, Some(73), "{told}");
    assert!(told.contains("no finished backup") && !to.exists(), "{told}");
}

fn break_every_file(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let mut bytes = fs::read(&path).unwrap();
            bytes.iter_mut().for_each(|byte| *byte ^= 0x5a);
            fs::write(&path, bytes).unwrap();
        }
    }
}
