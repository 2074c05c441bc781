//! The real engine on a journal in files, whose disk fails: it gives up, tells nobody of what it could not
//! keep, and the next start has all that was acknowledged.

use serde_json::json;
use switchboard::storage::{Fault, FaultyDisk};

use crate::support::server::Server;
use crate::support::shape::{id, texts};

#[tokio::test]
async fn a_disk_that_fails_takes_nothing_that_was_acknowledged() {
    for fault in [Fault::Write, Fault::ShortWrite, Fault::Sync] {
        let dir = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::new();
        let server = Server::start_on_disk(dir.path(), disk.disk()).await;
        let ann = server.agent(0).await;
        let (person, chat) = server.chat(json!({})).await;
        let chat = id(&chat);
        let mia = server.customer_rtm(&person).await;
        let message = |text: &str| json!({ "chat_id": chat, "event": { "type": "message", "text": text } });
        for n in 0..20 {
            mia.ok("send_event", message(&format!("kept {n}"))).await;
        }
        ann.message("kept 19").await;
        let heard = ann.mark();

        disk.fail_next(fault);
        let request = mia.begin(json!({ "action": "send_event", "payload": message("lost") })).await;
        let why = server.gave_up().await;
        assert!(why.contains("cannot be made durable") && why.contains("healthy"), "{fault:?}: {why}");
        for _ in 0..3 {
            mia.ok("ping", json!({})).await;
            ann.ok("ping", json!({})).await;
        }
        assert!(mia.response_until_now(&request).is_none(), "{fault:?}: acknowledged all the same");
        assert!(ann.since(heard).is_empty(), "{fault:?}: told all the same");
        drop((ann, mia, server));

        let server = Server::start_on_disk(dir.path(), FaultyDisk::new().disk()).await;
        let seen = server.look(&chat).await;
        let said = texts(&seen["threads"][0]["events"]);
        let kept: Vec<_> = (0..20).map(|n| format!("kept {n}")).collect();
        assert_eq!(said[1..=20], kept, "{fault:?}");
        assert!(said.len() == 21 || (fault == Fault::Sync && said[21..] == ["lost"]), "{fault:?}: {said:?}");
        let mia = server.customer_rtm(&person).await;
        mia.ok("send_event", message("goes on")).await;
        server.assert_whole();
    }
}
