//! Files: uploaded, sent into chats, and read again after every crash.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::chance::Chance;
use super::ledger::{Chat, Fate, Ledger, Shared, lock};
use super::load::pick;
use super::wire::{Web, text};

/// The greatest file of the load, in bytes: some are a page, some are more than one.
const FILE_BYTES: u64 = 32 * 1024;

/// A file whose address was answered.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) url: String,
    bytes: Vec<u8>,
    /// The chat it was sent into, and what became of that.
    sent: Option<(String, Fate)>,
}

/// Uploads files, and sends most of them.
pub(super) fn upload(address: SocketAddr, ledger: &Shared, chats: &[Chat], seed: u64) -> Result<()> {
    let (web, mut chance) = (Web::new(address), Chance::new(seed));
    loop {
        let bytes: Vec<u8> = (0..chance.below(FILE_BYTES)).map(|_| chance.below(256) as u8).collect();
        let url = web.upload(&bytes)?;
        let at = {
            let mut ledger = lock(ledger);
            ledger.others += 1;
            ledger.files.push(File { url: url.clone(), bytes, sent: None });
            ledger.files.len() - 1
        };
        if chance.below(4) == 0 {
            continue;
        }
        let chat = pick(chats, &mut chance)?.id.clone();
        lock(ledger).files[at].sent = Some((chat.clone(), Fate::Asked));
        web.ask("send_event", &json!({ "chat_id": chat, "event": { "type": "file", "url": url } }))?;
        let mut ledger = lock(ledger);
        ledger.files[at].sent = Some((chat, Fate::There));
        ledger.others += 1;
    }
}

/// Every file whose address was answered can be read, whether something refers to it or not.
pub(super) fn readable(web: &Web, ledger: &Shared) -> Result<()> {
    let files = lock(ledger).files.clone();
    for File { url, bytes, .. } in files {
        let (status, found) = web.read(&url).with_context(|| url.clone())?;
        ensure!(status == 200, "{url} was answered and is not there ({status})");
        ensure!(found == bytes, "{url} is another file than the one that was sent");
    }
    Ok(())
}

/// What was sent into a chat stands there once, and nothing that nobody sent.
pub(super) fn in_chat(ledger: &Ledger, chat: &str, seen: &Value) -> Result<()> {
    let threads = seen["threads"].as_array().map(Vec::as_slice).unwrap_or_default();
    let events = threads.iter().filter_map(|thread| thread["events"].as_array()).flatten();
    let mut found: Vec<String> = events
        .filter(|event| event["type"] == "file")
        .map(|event| text(&event["url"]))
        .collect::<Result<_>>()?;
    for file in &ledger.files {
        let Some((_, fate)) = file.sent.as_ref().filter(|(sent, _)| sent == chat) else { continue };
        let there = found.iter().filter(|url| **url == file.url).count();
        ensure!(there <= 1, "{} was sent once and is there {there} times", file.url);
        ensure!(there == 1 || fate.must_be_there() != Some(true), "{} was sent and is not there", file.url);
        found.retain(|url| *url != file.url);
    }
    ensure!(found.is_empty(), "nobody sent {found:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(fate: Fate, urls: &[&str]) -> Result<()> {
        let mut ledger = Ledger::default();
        let sent = Some(("chat".to_owned(), fate));
        ledger.files.push(File { url: "a".into(), bytes: Vec::new(), sent });
        let events: Vec<_> = urls.iter().map(|url| json!({ "type": "file", "url": url })).collect();
        in_chat(&ledger, "chat", &json!({ "threads": [{ "events": events }] }))
    }

    #[test]
    fn a_file_that_is_lost_doubled_or_nobodys_is_found() {
        assert!(judged(Fate::There, &["a"]).is_ok());
        assert!(judged(Fate::Asked, &["a"]).is_ok() && judged(Fate::Asked, &[]).is_ok());
        for (fate, urls) in [(Fate::There, &[][..]), (Fate::There, &["a", "a"]), (Fate::Asked, &["a", "b"])] {
            assert!(judged(fate, urls).is_err(), "{fate:?} {urls:?}");
        }
    }
}
