//! Switchboard itself, by the wire of LiveChat v3.0: rooms are chats, members are logged in over
//! RTM. Each chat has a group of its own, so that its pushes reach its members and not the license.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{Running, System};
use crate::process::{Process, free_address};
use crate::rtm::{self, Rtm, request};
use crate::swarm::{Client, Ear, Heard};
use crate::work::{Sizes, TEXT_BYTES, Work};
use crate::ws::{Opening, Socket, text_frame};

const FIRST_LICENSE: u64 = 100_000_001;
/// Rooms that share a license. What all agents of a license hear (who came, who is new) would be
/// most of the work of filling it otherwise.
const ROOMS_PER_LICENSE: usize = 25;
const ADMIN_TOKEN: &str = "bench-administration-token-0123456789";
/// How far into a frame the words stand that say what it is.
const HEAD: usize = 160;

/// The server, with one setting of its durability.
#[derive(Clone)]
pub(crate) struct Switchboard {
    pub(crate) binary: PathBuf,
    pub(crate) durability: &'static str,
    pub(crate) shards: usize,
    /// Where bots hear of every message of a customer, one bot in each license.
    pub(crate) hooks: Option<SocketAddr>,
}

/// Connections of agents, named by room and number, that log in side by side.
pub(crate) fn log_in(address: SocketAddr, agents: &[(usize, usize)]) -> Result<Vec<Socket>> {
    let opening: Result<Vec<_>> =
        agents.iter().map(|_| Opening::begin(address, "/v3.0/agent/rtm/ws", None)).collect();
    let tokens: Vec<_> = agents.iter().map(|(room, agent)| agent_token(*room, *agent)).collect();
    rtm::log_in(opening?, &tokens)
}

/// A sign of life, framed.
pub(crate) fn ping() -> Vec<u8> {
    text_frame(json!({ "request_id": "p", "action": "ping", "payload": {} }).to_string().as_bytes())
}

/// How often something happened so far, by the server's own counters.
pub(crate) fn counters<const N: usize>(address: SocketAddr, names: [&str; N]) -> Result<[u64; N]> {
    let mut answer = ureq::get(format!("http://{address}/metrics")).call().context("no metrics")?;
    let page = answer.body_mut().read_to_string()?;
    let mut found = [0; N];
    for (number, name) in found.iter_mut().zip(names) {
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("_total "));
        let read = line.and_then(|number| number.trim().parse().ok());
        *number = read.with_context(|| format!("no metric {name}"))?;
    }
    Ok(found)
}

/// How often the server has read and written its WebSockets so far.
pub(crate) fn socket_calls(address: SocketAddr) -> Result<SocketCalls> {
    let [reads, writes] = counters(address, ["switchboard_socket_reads", "switchboard_socket_writes"])?;
    Ok(SocketCalls { reads, writes })
}

/// Reads and writes of WebSockets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SocketCalls {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
}

struct RtmEar;

impl Ear for RtmEar {
    fn hear(&mut self, payload: &[u8]) -> Result<Heard> {
        let head = &payload[..payload.len().min(HEAD)];
        let is = |words: &[u8]| head.windows(words.len()).any(|window| window == words);
        if !is(b"\"type\":\"response\"") {
            return Ok(Heard { frames: 1, own: 0 });
        }
        ensure!(is(b"\"success\":true"), "refused: {}", String::from_utf8_lossy(payload));
        Ok(Heard { frames: 1, own: 1 })
    }
}

impl System for Switchboard {
    fn name(&self) -> String {
        match self.shards {
            1 => format!("switchboard {}", self.durability),
            shards => format!("switchboard {}, {shards} shards", self.durability),
        }
    }

    fn missing(&self) -> Option<String> {
        (!self.binary.exists())
            .then(|| format!("{} is missing: cargo build --release", self.binary.display()))
    }

    fn is_peer(&self) -> bool {
        false
    }

    fn start(&self, work: &Work, _: Sizes, dir: &Path) -> Result<Running> {
        let (process, address) = self.launch(work, dir)?;
        if let Some(to) = self.hooks {
            (0..work.rooms).step_by(ROOMS_PER_LICENSE).try_for_each(|room| make_bot(address, room, to))?;
        }
        let mut rooms = Rooms { address, work: *work, sizes: Sizes::default() };
        let mut clients = Vec::with_capacity(work.connections());
        for room in 0..work.rooms {
            clients.extend(rooms.fill(room)?);
        }
        let version = super::version(&self.binary.to_string_lossy(), "--version").unwrap_or_default();
        let metrics = Some(address);
        Ok(Running { process, clients, sizes: Some(rooms.sizes), version, metrics })
    }
}

impl Switchboard {
    /// As it is measured first: one shard.
    pub(crate) fn new(binary: PathBuf, durability: &'static str) -> Self {
        Self { binary, durability, shards: 1, hooks: None }
    }

    /// Starts it with everybody that the work needs, and nobody connected.
    pub(crate) fn launch(&self, work: &Work, dir: &Path) -> Result<(Process, SocketAddr)> {
        let address = free_address()?;
        let config = dir.join(format!("{}.toml", self.durability));
        std::fs::write(&config, self.configuration(work, address, dir))?;
        let mut command = Command::new(&self.binary);
        command.arg("serve").arg("--config").arg(&config).env("RUST_LOG", "error");
        Ok((Process::start(command, address)?, address))
    }

    /// A group and agents for each room, and no timer that would move a chat.
    fn configuration(&self, work: &Work, address: SocketAddr, dir: &Path) -> String {
        let data = dir.join(format!("data-{}", self.durability));
        let mut text = format!(
            "[server]\nlisten = \"{address}\"\nshards = {}\n[data]\ndir = {:?}\ndurability = \"{}\"\n\
             [webhooks]\nallow_loopback = true\n[admin]\ntoken = \"{ADMIN_TOKEN}\"\n",
            self.shards,
            data.display().to_string(),
            self.durability
        );
        for room in 0..work.rooms {
            if room % ROOMS_PER_LICENSE == 0 {
                let license = license(room);
                write!(
                    text,
                    "[[license]]\nid = {license}\norganization_id = \"390e44e6-f1e6-4b7e-8d7c-{license:012}\"\n\
                     client_id = \"bench{license}\"\nclient_secret = \"bench-client-secret-of-{license}\"\n\
                     [license.timers]\nunseen = 0\nidle = 0\nsilent = 0\ncustomer_left = 0\n"
                )
                .ok();
            }
            let mut members = String::new();
            for agent in 0..work.agents {
                let (id, token) = (agent_id(room, agent), agent_token(room, agent));
                // Writing into a text cannot fail.
                write!(text, "[[license.agent]]\nid = \"{id}\"\nname = \"Agent\"\ntoken = \"{token}\"\n")
                    .ok();
                write!(members, "\"{id}\" = \"normal\", ").ok();
            }
            let group = group(room);
            write!(
                text,
                "[[license.group]]\nid = {group}\nname = \"Room {room}\"\nagents = {{ {members} }}\n"
            )
            .ok();
        }
        // TOML has no comma behind the last entry of an inline table.
        text.replace(", }", " }")
    }
}

fn license(room: usize) -> u64 {
    FIRST_LICENSE + (room / ROOMS_PER_LICENSE) as u64
}

/// Group 0 is everybody's.
const fn group(room: usize) -> usize {
    room % ROOMS_PER_LICENSE + 1
}

fn agent_id(room: usize, agent: usize) -> String {
    format!("agent{agent}.room{room}@example.org")
}

fn agent_token(room: usize, agent: usize) -> String {
    format!("bench-token-of-agent-{agent:08}-in-room-{room:08}")
}

struct Rooms {
    address: SocketAddr,
    work: Work,
    sizes: Sizes,
}

impl Rooms {
    /// Logs the members of a room in and brings them into one chat.
    fn fill(&mut self, room: usize) -> Result<Vec<Client>> {
        let mut agents = Vec::with_capacity(self.work.agents);
        for agent in 0..self.work.agents {
            let mut rtm = Rtm::open(self.address, "/v3.0/agent/rtm/ws")?;
            rtm.ask("login", &json!({ "token": agent_token(room, agent) }))?;
            agents.push(rtm);
        }
        let first = agents.first_mut().context("a chat needs an agent")?;
        let mut chat = json!({ "access": { "group_ids": [group(room)] } });
        let mut members = Vec::new();
        if self.work.customer {
            let (id, token) = self.customer(room)?;
            let path = format!("/v3.0/customer/rtm/ws?license_id={}", license(room));
            let mut customer = Rtm::open(self.address, &path)?;
            customer.ask("login", &json!({ "token": token }))?;
            chat["users"] = json!([{ "id": id, "type": "customer" }]);
            members.push(customer);
        }
        let started = first.ask("start_chat", &json!({ "chat": chat, "continuous": true }))?;
        let chat = started["chat"]["id"].as_str().context("a chat without an id")?.to_owned();
        for (n, agent) in agents.iter_mut().enumerate().skip(1) {
            let id = agent_id(room, n);
            if n < self.work.senders || self.work.customer {
                let member = json!({ "chat_id": chat, "user_id": id, "user_type": "agent" });
                agent.ask("add_user_to_chat", &member)?;
            } else {
                agent.ask("follow_chat", &json!({ "chat_id": chat }))?;
            }
        }
        members.append(&mut agents);
        if room == 0 {
            self.measure(&mut members, &chat)?;
        }
        let event = json!({ "type": "message", "text": "x".repeat(TEXT_BYTES) });
        let said = request("say", "send_event", &json!({ "chat_id": chat, "event": event }));
        let speaks = |n: usize| n < self.work.senders;
        let client = |(n, rtm): (usize, Rtm)| Client {
            socket: rtm.socket,
            message: if speaks(n) { text_frame(said.as_bytes()) } else { Vec::new() },
            ear: Box::new(RtmEar),
        };
        Ok(members.into_iter().enumerate().map(client).collect())
    }

    /// A new customer's id and token.
    fn customer(&self, room: usize) -> Result<(String, String)> {
        let (agent, client) = (agent_token(room, 0), format!("bench{}", license(room)));
        let wish =
            json!({ "client_id": client, "response_type": "token", "redirect_uri": "http://localhost/" });
        let mut answer = ureq::post(format!("http://{}/customer/", self.address))
            .header("Authorization", format!("Bearer {agent}"))
            .send_json(&wish)
            .context("no token for a customer")?;
        let answer: Value = answer.body_mut().read_json()?;
        let field =
            |name: &str| answer[name].as_str().map(str::to_owned).context("an answer without a token");
        Ok((field("entity_id")?, field("access_token")?))
    }

    /// How great the frames of one message are.
    fn measure(&mut self, members: &mut [Rtm], chat: &str) -> Result<()> {
        let event = json!({ "type": "message", "text": "x".repeat(TEXT_BYTES) });
        let payload = json!({ "chat_id": chat, "event": event });
        self.sizes.request = request("say", "send_event", &payload).len();
        let sender = members.first_mut().context("a chat without members")?;
        sender.ask("send_event", &payload)?;
        self.sizes.response = sender.last;
        if let Some(other) = members.get_mut(1) {
            // What was pushed while the room was made comes first.
            self.sizes.push = loop {
                let frame = other.next()?;
                let push: Value = serde_json::from_slice(&frame)?;
                if push["action"] == "incoming_event" && push["payload"]["event"]["type"] == "message" {
                    break frame.len();
                }
            };
        }
        Ok(())
    }
}

/// A bot in the license of a room that hears of every message of a customer.
fn make_bot(address: SocketAddr, room: usize, to: SocketAddr) -> Result<()> {
    let action = json!({ "name": "incoming_event", "filters": { "author_type": "customer" } });
    let webhooks = json!({ "url": format!("http://{to}/"), "secret_key": "bench", "actions": [action] });
    let bot = json!({ "name": "Bot", "status": "not accepting chats", "webhooks": webhooks });
    ureq::post(format!("http://{address}/v3.0/configuration/action/create_bot_agent"))
        .header("Authorization", format!("Bearer {}", agent_token(room, 0)))
        .send_json(json!({ "payload": bot }))
        .context("a bot was refused")?;
    Ok(())
}
