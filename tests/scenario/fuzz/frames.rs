//! Strangers on sockets: batches of spoiled requests, each of which must be answered.

use serde_json::{Value, json};

use super::Known;
use super::grammar::{self, Asker};
use super::json::Node;
use super::line::{Heard, Line};
use crate::chance::Chance;
use crate::support::rtm::Side;
use crate::support::server::Server;

/// Frames that are sent before their answers are read: beyond what the server runs at once.
const BATCH: u64 = 16;

/// Bytes of a message over which the server closes (12 #6).
const MESSAGE_BYTES: usize = 64 * 1024;

/// What an error may be. `internal` and `request_timeout` would be faults of ours.
const ERRORS: [&str; 10] = [
    "validation",
    "authorization",
    "authentication",
    "customer_banned",
    "group_offline",
    "group_unavailable",
    "group_not_found",
    "requester_already_offline",
    "entity_too_large",
    "users_limit_reached",
];

/// The error of an answer is one that a request can deserve.
pub(super) fn assert_deserved(error: &Value, asked: &str) {
    let kind = error["type"].as_str().unwrap_or_default();
    let message = error["message"].as_str().unwrap_or_default();
    assert!(ERRORS.contains(&kind) && !message.is_empty(), "{error} to {}", shortened(asked));
}

fn shortened(text: &str) -> String {
    text.chars().take(400).collect()
}

/// A human agent with every right, who is nobody's neighbour.
pub(super) async fn by_agent(server: &Server, known: &Known, chance: Chance, frames: u64) {
    let token = server.agent_token(0);
    let me = server.agent_id(0);
    let stranger = Stranger { server, known, side: Side::Agent, patterns: grammar::agent(), chance };
    stranger.send(frames, &me, &token).await;
}

/// A customer; another one when that one is banned.
pub(super) async fn by_customer(server: &Server, known: &Known, mut chance: Chance, frames: u64) {
    let each = frames.div_ceil(4);
    for _ in 0..4 {
        let person = server.person().await;
        known.add("customer_id", &person.id);
        let patterns = grammar::customer();
        let own = Chance::new(chance.bits());
        let stranger = Stranger { server, known, side: Side::Customer, patterns, chance: own };
        stranger.send(each, &person.id, &person.token).await;
    }
}

struct Stranger<'a> {
    server: &'a Server,
    known: &'a Known,
    side: Side,
    patterns: Vec<(&'static str, Value)>,
    chance: Chance,
}

/// A frame, and the `request_id` that the answer must carry.
struct Asked {
    text: String,
    request_id: Option<String>,
}

impl Asked {
    /// A logout, or a message over the limit.
    fn ends_it(&self) -> bool {
        self.text.len() > MESSAGE_BYTES || self.text.contains("logout")
    }
}

impl Stranger<'_> {
    async fn send(mut self, frames: u64, me: &str, token: &str) {
        let asker = Asker { known: self.known, me, token };
        let mut sent = 0;
        while sent < frames {
            let mut line = Line::open(self.server, self.side).await;
            let login = json!({ "action": "login", "request_id": "in", "payload": { "token": token } });
            let Some(answer) = line.ask_or_be_sent_off(&login).await else {
                // Banned in the middle of its login: the next one is refused.
                sent += 1;
                continue;
            };
            if answer["success"] != true {
                // Banned, most likely. So the rest comes from somebody who is not logged in.
                assert_deserved(&answer["payload"]["error"], "login");
            }
            // May the connection end without a word? So it does after a logout, perhaps later than the answer.
            let mut may_end = false;
            while sent < frames {
                let batch: Vec<_> =
                    (0..1 + self.chance.below(BATCH)).map(|n| self.frame(&asker, n)).collect();
                sent += batch.len() as u64;
                may_end |= batch.iter().any(Asked::ends_it);
                if !self.exchange(&mut line, batch, may_end).await {
                    break;
                }
            }
        }
    }

    /// One frame. Its `request_id` is known unless the frame itself is spoiled.
    fn frame(&mut self, asker: &Asker<'_>, n: u64) -> Asked {
        let chance = &mut self.chance;
        if let Some(anything) = asker.anything(chance) {
            return Asked { text: asker.text(&anything, chance), request_id: None };
        }
        let Some((action, pattern)) = chance.pick(&self.patterns) else { unreachable!("there are patterns") };
        let id = format!("{n}-\u{e9}\"\\");
        let mut fields = vec![
            ("action".to_owned(), Node::Text(action.to_owned())),
            ("payload".to_owned(), asker.arguments(&pattern, chance)),
            ("request_id".to_owned(), Node::Text(id.clone())),
        ];
        if chance.one_in(10) {
            fields.push(("author_id".to_owned(), Node::Text(self.known.pick("bot_agent_id", chance))));
        }
        let mut frame = Node::Map(fields);
        let whole = !chance.one_in(8);
        if !whole {
            frame.spoil(chance, self.known);
        }
        let text = asker.text(&frame, chance);
        // A garbled text may still be JSON, but nobody knows what it says.
        let clean =
            whole && serde_json::from_str::<Value>(&text).is_ok_and(|value| value["request_id"] == id);
        Asked { text, request_id: clean.then_some(id) }
    }

    /// Sends a batch and reads until all of it is answered; false when the connection ended, as it may when that was
    /// asked for or a reason was told.
    async fn exchange(&self, line: &mut Line, batch: Vec<Asked>, may_end: bool) -> bool {
        for asked in &batch {
            if !line.send(&asked.text).await {
                break;
            }
        }
        let mut missing: Vec<_> = batch.iter().filter_map(|asked| asked.request_id.as_deref()).collect();
        let mut answers = 0;
        let mut told_why = false;
        while answers < batch.len() {
            let frame = match line.next().await {
                Heard::Frame(frame) => frame,
                Heard::End(code) => {
                    let texts: Vec<_> = batch.iter().map(|asked| shortened(&asked.text)).collect();
                    assert!(may_end || told_why, "ended with {code:?} for no reason after {texts:#?}");
                    return false;
                }
            };
            self.known.learn(&frame);
            if frame["type"] != "response" {
                let name = frame["action"].as_str().unwrap_or_default();
                assert!(frame["type"] == "push" && frame["payload"].is_object(), "no frame of ours: {frame}");
                told_why |= name.ends_with("_disconnected");
                continue;
            }
            answers += 1;
            assert!(
                frame["action"].is_string() && frame["payload"].is_object(),
                "no answer of ours: {frame}"
            );
            if let Some(id) = frame["request_id"].as_str() {
                missing.retain(|missing| *missing != id);
            }
            self.known.count(frame["success"] == true);
            match frame["success"].as_bool() {
                Some(true) => {}
                Some(false) => {
                    let texts: Vec<_> = batch.iter().map(|asked| asked.text.as_str()).collect();
                    assert_deserved(&frame["payload"]["error"], &texts.join("\n"));
                }
                None => panic!("an answer says whether it is a success: {frame}"),
            }
        }
        assert!(missing.is_empty(), "answered under another id: {missing:?}");
        true
    }
}
