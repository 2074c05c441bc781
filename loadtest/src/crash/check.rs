//! Compares what is there with what was acknowledged.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::child::Child;
use super::files;
use super::ledger::{Chat, Fate, Ledger, Message, Shared, lock};
use super::load::SLOTS;
use super::wire::Web;
use crate::machine;

/// How long the webhook calls that are owed may take to come.
const DELIVERED: Duration = Duration::from_secs(60);

/// Looks at everything of the present generation; at the end at everything, and waits for what is owed.
pub(super) fn check(child: &Child, ledger: &Shared, the_end: bool) -> Result<()> {
    let web = Web::new(child.address());
    let chats: Vec<_> = lock(ledger).chats.iter().filter(|chat| chat.current || the_end).cloned().collect();
    repeat(&web, ledger)?;
    let (mut held, mut waiting) = (0, 0);
    let keeper = lock(ledger).keeper.clone();
    let mut histories = HashMap::new();
    for chat in &chats {
        let seen = web.ask("get_chat_threads", &json!({ "chat_id": chat.id }))?["chat"].clone();
        let said = history(&seen).with_context(|| format!("chat {}", chat.id))?;
        compare(&lock(ledger), chat, &seen, &said).with_context(|| format!("chat {}", chat.id))?;
        files::in_chat(&lock(ledger), &chat.id, &seen).with_context(|| format!("chat {}", chat.id))?;
        let users = list(&seen["users"]);
        let present = users.iter().any(|user| user["id"] == keeper.as_str() && user["present"] == true);
        let open = list(&seen["threads"]).last().is_some_and(|thread| thread["active"] == true);
        held += usize::from(open && present);
        waiting += usize::from(open && !present);
        histories.insert(chat.id.clone(), said);
    }
    ensure!(held <= SLOTS, "the bot holds {held} chats and takes {SLOTS}");
    ensure!(waiting == 0 || held == SLOTS, "{waiting} chats wait though the bot holds {held} of {SLOTS}");
    bots(&web, ledger)?;
    tokens(&web, ledger)?;
    agents(&web, ledger)?;
    files::readable(&web, ledger)?;
    if the_end {
        delivered(ledger, &histories)?;
    }
    Ok(())
}

/// A chat's messages in order: text and event. Its numbers have no gap, and only its last thread may be
/// active.
fn history(chat: &Value) -> Result<Vec<(String, Value)>> {
    let mut said = Vec::new();
    let mut ids = HashSet::new();
    let threads = list(&chat["threads"]);
    for (n, thread) in threads.iter().enumerate() {
        ensure!(thread["active"] != true || n + 1 == threads.len(), "a thread before the last one is active");
        let mut events: Vec<_> = list(&thread["events"]).iter().collect();
        events.sort_by_key(|event| event["order"].as_u64());
        for (order, event) in (1..).zip(&events) {
            ensure!(
                event["order"] == order,
                "event {order} is missing or doubled: there is {}",
                event["order"]
            );
            ensure!(ids.insert(event["id"].to_string()), "event {} is there twice", event["id"]);
            if event["type"] == "message" {
                let text = event["text"].as_str().context("a message without a text")?;
                said.push((text.to_owned(), (*event).clone()));
            }
        }
    }
    Ok(said)
}

fn compare(ledger: &Ledger, chat: &Chat, seen: &Value, said: &[(String, Value)]) -> Result<()> {
    messages(&ledger.messages, &chat.id, said)?;
    let last = list(&seen["threads"]).last().map(|thread| thread["active"] == true);
    if let Some(open) = chat.thread.must_be_there() {
        ensure!(last == Some(open), "its thread should be {}", if open { "open" } else { "closed" });
    }
    let (least, most) = chat.property;
    let number = seen["properties"]["test"]["int_property"]["value"].as_u64().unwrap_or(0);
    ensure!(
        (least..=most).contains(&number),
        "its property is {number}, acknowledged was {least}, asked {most}"
    );
    Ok(())
}

/// Everything acknowledged is there once, as it was told; nothing that nobody asked for; and of what one
/// writer asked for a beginning, in its order.
fn messages(asked: &BTreeMap<String, Message>, chat: &str, said: &[(String, Value)]) -> Result<()> {
    let mut found = HashSet::new();
    let mut last: HashMap<&str, &str> = HashMap::new();
    for (text, event) in said {
        let message = asked.get(text).with_context(|| format!("nobody said {text:?}"))?;
        ensure!(message.chat == chat, "{text:?} was said in chat {}", message.chat);
        ensure!(found.insert(text.as_str()), "{text:?} is there twice");
        let before = last.insert(&message.writer, text);
        ensure!(before.is_none_or(|before| before < text.as_str()), "{text:?} stands behind {before:?}");
        if let Some(told) = &message.event {
            ensure!(event["id"] == told["id"], "{text:?} is {}, told was {}", event["id"], told["id"]);
        }
    }
    let mut missing: HashMap<&str, &str> = HashMap::new();
    for (text, message) in asked.iter().filter(|(_, message)| message.chat == chat) {
        if !found.contains(text.as_str()) {
            ensure!(message.event.is_none(), "{text:?} was acknowledged and is lost");
            missing.entry(&message.writer).or_insert(text);
        } else if let Some(hole) = missing.get(message.writer.as_str()) {
            anyhow::bail!("{text:?} is there, but {hole:?}, asked for before on the same connection, is not");
        }
    }
    Ok(())
}

/// Whoever does not know whether its last message arrived asks again: it is said once, and what was told
/// of it is told again.
fn repeat(web: &Web, ledger: &Shared) -> Result<()> {
    let unsure: Vec<_> = lock(ledger).unsure.drain().collect();
    for (_, said) in unsure {
        let asked = lock(ledger).messages.get(&said).cloned().context("a message that nobody asked for")?;
        let answer = web.say_once(&asked.chat, &said)?["event"].clone();
        if let Some(told) = &asked.event {
            ensure!(answer["id"] == told["id"], "{said:?} was {} and is {}", told["id"], answer["id"]);
        }
        lock(ledger).acknowledge(&said, answer);
    }
    Ok(())
}

/// Those of the present, as with tokens; once settled they are looked at no more.
fn agents(web: &Web, ledger: &Shared) -> Result<()> {
    let known: Vec<_> = lock(ledger).agents.drain().collect();
    for (id, fate) in known {
        let there = web.knows(&format!("/agents/{id}"))?;
        if let Some(must) = fate.must_be_there() {
            ensure!(there == must, "agent {id} is {fate:?} and there: {there}");
        }
        if fate == Fate::There {
            web.administer(&format!("/agents/{id}"), None)?;
            lock(ledger).agents.insert(id, Fate::Gone);
        }
    }
    Ok(())
}

fn bots(web: &Web, ledger: &Shared) -> Result<()> {
    let all = web.configure("get_bot_agents", &json!({ "all": true }))?;
    let names: Vec<_> = list(&all["bot_agents"]).iter().filter_map(|bot| bot["name"].as_str()).collect();
    for (name, (_, fate)) in &lock(ledger).bots {
        let count = names.iter().filter(|there| *there == name).count();
        ensure!(count <= 1, "{name} is there {count} times");
        if let Some(there) = fate.must_be_there() {
            ensure!((count == 1) == there, "{name} should{} be there", if there { "" } else { " not" });
        }
    }
    Ok(())
}

/// Those of the present; once settled they stay so, and are forgotten here.
fn tokens(web: &Web, ledger: &Shared) -> Result<()> {
    let known: Vec<_> = lock(ledger).tokens.drain().collect();
    for (token, fate) in known {
        let admits = web.admits(&token)?;
        if let Some(there) = fate.must_be_there() {
            ensure!(admits == there, "a token is {fate:?} and admits: {admits}");
        }
        // One that is there is looked at again after the next crash, too; then once more it may go.
        if fate == Fate::There {
            web.revoke(&token)?;
            lock(ledger).tokens.insert(token, Fate::Gone);
        }
    }
    Ok(())
}

/// Every message of a customer was brought to the bot, first calls in the order of the chat, and nothing
/// was brought that is not there.
fn delivered(ledger: &Shared, histories: &HashMap<String, Vec<(String, Value)>>) -> Result<()> {
    let expected: HashMap<&str, Vec<&str>> = histories
        .iter()
        .map(|(chat, said)| {
            let of_customers = said.iter().filter(|(text, _)| text.starts_with("rtm"));
            (chat.as_str(), of_customers.map(|(text, _)| text.as_str()).collect())
        })
        .collect();
    let until = machine::now() + DELIVERED;
    loop {
        let mut first: HashMap<String, Vec<String>> = HashMap::new();
        let mut seen = HashSet::new();
        for (chat, event) in &lock(ledger).heard {
            if let Some(text) = event["text"].as_str()
                && seen.insert(text.to_owned())
            {
                first.entry(chat.clone()).or_default().push(text.to_owned());
            }
        }
        let some_are_owed =
            expected.iter().any(|(chat, said)| first.get(*chat).map_or(0, Vec::len) < said.len());
        if some_are_owed && machine::now() < until {
            machine::rest(Duration::from_millis(50));
            continue;
        }
        for (chat, said) in &expected {
            let heard = first.remove(*chat).unwrap_or_default();
            ensure!(
                heard == *said,
                "the bot heard {} of {} messages of chat {chat}, or in another order",
                heard.len(),
                said.len()
            );
        }
        ensure!(first.is_empty(), "the bot heard of chats that are not there: {:?}", first.keys());
        return Ok(());
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One writer said three things, of which the second was acknowledged.
    fn ledger() -> (Ledger, Vec<(String, Value)>) {
        let mut ledger = Ledger::default();
        let said: Vec<_> =
            (0..3).map(|n| (ledger.ask("chat", "writer"), json!({ "id": format!("T_{n}") }))).collect();
        ledger.acknowledge(&said[1].0, said[1].1.clone());
        (ledger, said)
    }

    fn judged(change: impl FnOnce(&mut Vec<(String, Value)>)) -> Result<()> {
        let (ledger, mut said) = ledger();
        change(&mut said);
        messages(&ledger.messages, "chat", &said)
    }

    #[test]
    fn a_beginning_that_holds_what_was_acknowledged_is_right() {
        assert!(judged(|_| {}).is_ok());
        assert!(judged(|said| said.truncate(2)).is_ok());
    }

    #[test]
    fn whatever_is_wrong_is_found() {
        let wrong = |change: fn(&mut Vec<(String, Value)>), words: &str| {
            let told = judged(change).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(told.contains(words), "{words}: {told:?}");
        };
        wrong(|said| said.truncate(1), "was acknowledged and is lost");
        wrong(|said| drop(said.remove(0)), "asked for before on the same connection, is not");
        wrong(|said| said.push(said[1].clone()), "is there twice");
        wrong(|said| said.swap(0, 1), "stands behind");
        wrong(|said| said[2].0.push('x'), "nobody said");
        wrong(|said| said[1].1 = json!({ "id": "T_9" }), "told was");
        let (ledger, said) = ledger();
        assert!(messages(&ledger.messages, "another", &said).is_err());
    }

    #[test]
    fn gaps_and_doubles_of_numbers_are_found() {
        let thread = |orders: &[u64], active: bool| {
            let events: Vec<_> =
                orders.iter().map(|n| json!({ "id": n, "order": n, "type": "system_message" })).collect();
            json!({ "active": active, "events": events })
        };
        assert!(history(&json!({ "threads": [thread(&[2, 1, 3], true)] })).is_ok());
        for orders in [&[2][..], &[1, 3], &[1, 1]] {
            assert!(history(&json!({ "threads": [thread(orders, true)] })).is_err(), "{orders:?}");
        }
        assert!(history(&json!({ "threads": [thread(&[1], true), thread(&[1], false)] })).is_err());
    }
}
