//! Who writes: customers over WebSockets with many requests under way, agents over the Web, one of them
//! with files, an administrator; and who hears by webhook.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};

use super::chance::Chance;
use super::child::Child;
use super::files;
use super::ledger::{Chat, Fate, Shared, lock};
use super::wire::{Refused, Session, Web, text};
use crate::sink;

/// Chats of a generation; the last ones wait, for the bot takes fewer.
const CHATS: usize = 6;
/// Chats that the bot takes.
pub(super) const SLOTS: usize = 4;
/// Chats whose customers write over WebSockets.
const SPEAKING: usize = 4;
/// Requests of a session under way; the server runs ten at a time.
const UNDER_WAY: usize = 12;
/// Writers over the Web.
const WEB_WRITERS: usize = 2;

/// Opens the receiver of webhooks. It outlives every server.
pub(super) fn listen(ledger: &Shared) -> Result<SocketAddr> {
    let ledger = Shared::clone(ledger);
    sink::open(move |body| {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let data = if body["payload"].is_object() { &body["payload"] } else { &body["data"] };
        if let Some(chat) = data["chat_id"].as_str() {
            lock(&ledger).heard.push((chat.to_owned(), data["event"].clone()));
        }
    })
}

/// Makes the bot that holds chats and hears every message of a customer.
pub(super) fn furnish(child: &Child, ledger: &Shared, hook: SocketAddr) -> Result<()> {
    let action = json!({ "name": "incoming_event", "filters": { "author_type": "customer" } });
    let webhooks = json!({ "url": format!("http://{hook}/"), "secret_key": "crash", "actions": [action] });
    let bot = json!({ "name": "Keeper", "status": "accepting chats", "max_chats_count": SLOTS,
        "webhooks": webhooks });
    let made = Web::new(child.address()).configure("create_bot_agent", &bot)?;
    lock(ledger).keeper = text(&made["bot_agent_id"])?;
    Ok(())
}

/// Closes the chats of the last generation and starts the next one.
pub(super) fn next_generation(child: &Child, ledger: &Shared) -> Result<()> {
    let web = Web::new(child.address());
    let old: Vec<_> = lock(ledger).chats.iter().filter(|chat| chat.current).cloned().collect();
    for Chat { id, thread, .. } in old {
        if thread != Fate::Gone {
            web.ask("close_thread", &json!({ "chat_id": id }))?;
        }
        if let Some(chat) = lock(ledger).chat(&id) {
            (chat.thread, chat.current) = (Fate::Gone, false);
        }
    }
    for _ in 0..CHATS {
        let customer = web.new_customer()?;
        let started = web.customer(&customer, "start_chat", &json!({ "chat": {} }))?;
        let id = text(&started["chat"]["id"])?;
        lock(ledger).chats.push(Chat { id, customer, thread: Fate::There, property: (0, 0), current: true });
        lock(ledger).others += 2;
    }
    Ok(())
}

/// The writers of one round; each ends when its connection does.
pub(super) struct Load(Vec<JoinHandle<Result<()>>>);

impl Load {
    /// Waits for all; fails when one was refused something.
    pub(super) fn end(self) -> Result<()> {
        for writer in self.0 {
            let ended = writer.join().map_err(|_| anyhow!("a writer panicked"))?;
            match ended {
                Err(error) if error.is::<Refused>() => return Err(error),
                // The kill.
                _ => {}
            }
        }
        Ok(())
    }
}

/// Lets everybody write until the server is killed.
pub(super) fn begin(child: &Child, ledger: &Shared, round: u32, seed: u64) -> Load {
    let address = child.address();
    let mut chance = Chance::new(seed);
    let chats: Vec<_> = lock(ledger).chats.iter().filter(|chat| chat.current).cloned().collect();
    let mut writers = Vec::new();
    for (n, chat) in chats.iter().take(SPEAKING).cloned().enumerate() {
        let ledger = Shared::clone(ledger);
        writers.push(std::thread::spawn(move || speak(address, &ledger, &chat, &format!("rtm{n}.{round}"))));
    }
    for n in 0..WEB_WRITERS {
        let (ledger, chats, seed) = (Shared::clone(ledger), chats.clone(), chance.bits());
        let write = move || write(address, &ledger, &chats, &format!("web{n}.{round}"), seed);
        writers.push(std::thread::spawn(write));
    }
    let (own, to, seed) = (Shared::clone(ledger), chats.clone(), chance.bits());
    writers.push(std::thread::spawn(move || files::upload(address, &own, &to, seed)));
    let (ledger, seed) = (Shared::clone(ledger), chance.bits());
    writers.push(std::thread::spawn(move || administer(address, &ledger, &chats, seed)));
    Load(writers)
}

/// A customer that never waits for its answers.
fn speak(address: SocketAddr, ledger: &Shared, chat: &Chat, writer: &str) -> Result<()> {
    let mut session = Session::open(address, &chat.customer)?;
    let mut under_way = 0;
    loop {
        while under_way < UNDER_WAY {
            let said = lock(ledger).ask(&chat.id, writer);
            let event = json!({ "type": "message", "text": said });
            session.begin(&said, "send_event", &json!({ "chat_id": chat.id, "event": event }))?;
            under_way += 1;
        }
        let (said, answer) = session.answer()?;
        lock(ledger).acknowledge(&said, answer["event"].clone());
        under_way -= 1;
    }
}

/// An agent that writes here and there, one message after the other, each with a key.
fn write(address: SocketAddr, ledger: &Shared, chats: &[Chat], writer: &str, seed: u64) -> Result<()> {
    let (web, mut chance) = (Web::new(address), Chance::new(seed));
    loop {
        let chat = pick(chats, &mut chance)?;
        let said = lock(ledger).ask(&chat.id, writer);
        lock(ledger).unsure.insert(writer.to_owned(), said.clone());
        let answer = web.say_once(&chat.id, &said)?;
        lock(ledger).acknowledge(&said, answer["event"].clone());
    }
}

/// Properties, bots, agents, tokens.
fn administer(address: SocketAddr, ledger: &Shared, chats: &[Chat], seed: u64) -> Result<()> {
    let (web, mut chance) = (Web::new(address), Chance::new(seed));
    loop {
        let chat = pick(chats, &mut chance)?;
        let number = lock(ledger).number();
        if let Some(chat) = lock(ledger).chat(&chat.id) {
            chat.property.1 = number;
        }
        let properties = json!({ "test": { "int_property": number } });
        web.ask(
            "update_chat_properties",
            &json!({ "id": chat.id, "chat_id": chat.id, "properties": properties }),
        )?;
        if let Some(chat) = lock(ledger).chat(&chat.id) {
            chat.property.0 = number;
        }
        make_bot(&web, ledger)?;
        hire(&web, ledger, &mut chance)?;
        let token = web.new_token()?;
        let mut others = 2;
        lock(ledger).tokens.insert(token.clone(), Fate::There);
        if chance.below(2) == 0 {
            lock(ledger).tokens.insert(token.clone(), Fate::Going);
            web.revoke(&token)?;
            lock(ledger).tokens.insert(token, Fate::Gone);
            others += 1;
        }
        lock(ledger).others += others;
    }
}

/// Makes a bot, and removes it when there are many.
fn make_bot(web: &Web, ledger: &Shared) -> Result<()> {
    let name = format!("Bot {}", lock(ledger).number());
    lock(ledger).bots.insert(name.clone(), (String::new(), Fate::Asked));
    let made = web.configure("create_bot_agent", &json!({ "name": name, "status": "offline" }))?;
    let id = text(&made["bot_agent_id"])?;
    lock(ledger).bots.insert(name.clone(), (id, Fate::There));
    let there = |bots: &super::ledger::Ledger| {
        let mut there = bots.bots.iter().filter(|(_, (_, fate))| *fate == Fate::There);
        let first = there.next().map(|(name, (id, _))| (name.clone(), id.clone()));
        first.filter(|_| there.count() >= 20)
    };
    let old = there(&lock(ledger));
    if let Some((name, id)) = old {
        lock(ledger).bots.insert(name.clone(), (id.clone(), Fate::Going));
        web.configure("remove_bot_agent", &json!({ "bot_agent_id": id }))?;
        lock(ledger).bots.insert(name, (id, Fate::Gone));
    }
    Ok(())
}

/// Makes an agent, and sometimes lets it go again.
fn hire(web: &Web, ledger: &Shared, chance: &mut Chance) -> Result<()> {
    let id = format!("a{}@crash.example", lock(ledger).number());
    let remember = |fate| {
        lock(ledger).agents.insert(id.clone(), fate);
    };
    remember(Fate::Asked);
    web.administer("/agents", Some(&json!({ "id": id, "name": "Hired" })))?;
    remember(Fate::There);
    if chance.below(2) == 0 {
        remember(Fate::Going);
        web.administer(&format!("/agents/{id}"), None)?;
        remember(Fate::Gone);
    }
    Ok(())
}

pub(super) fn pick<'a>(chats: &'a [Chat], chance: &mut Chance) -> Result<&'a Chat> {
    let at = usize::try_from(chance.below(chats.len().max(1) as u64))?;
    chats.get(at).context("a generation without chats")
}
