//! How fast a healthy webhook receiver hears while a dead one stands beside it, next to how fast it
//! hears alone: the time from asking for a message to its arrival, one message after the other.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::args::BesideOptions;
use crate::bench::server;
use crate::machine;
use crate::process::{Process, free_address};
use crate::report::{median, say};
use crate::sink;

const LICENSE: u64 = 100_000_001;
const ADMIN_TOKEN: &str = "bench-administration-token-0123456789";
const AGENT_TOKEN: &str = "bench-token-of-the-agent-0123456789";
/// Chats that talk in turns: the dead receiver is owed something in each.
const CHATS: usize = 16;
/// Messages before the measured ones.
const WARM_UP: usize = 50;
/// How long one message may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// Arrivals that nobody took yet.
const ARRIVALS: usize = 1024;
/// Beside a dead receiver the median may take so many times as long as alone.
const BOUND: f64 = 1.2;

/// Measures in turns, round by round; fails when the dead one is felt.
pub(crate) fn run(options: &BesideOptions) -> Result<()> {
    let binary = server(options.server.as_deref())?;
    ensure!(binary.exists(), "{} is missing: cargo build --release", binary.display());
    let mut ratios = Vec::new();
    for round in 1..=options.rounds {
        let alone = measure(&binary, options.messages, false)?;
        let beside = measure(&binary, options.messages, true)?;
        let ratio = beside.as_secs_f64() / alone.as_secs_f64();
        say(&format!(
            "round {round} of {}: p50 alone {} us, beside a dead receiver {} us, ratio {ratio:.2}",
            options.rounds,
            alone.as_micros(),
            beside.as_micros()
        ));
        ratios.push(ratio);
    }
    let median = median(ratios.into_iter());
    say(&format!("median of the ratios: {median:.2} (at most {BOUND})"));
    ensure!(median <= BOUND, "a dead receiver slows its neighbour: {median:.2} > {BOUND}");
    Ok(())
}

/// The median time of one fresh server.
fn measure(binary: &Path, messages: usize, with_dead: bool) -> Result<Duration> {
    let dir = tempfile::tempdir()?;
    let address = free_address()?;
    let config = dir.path().join("switchboard.toml");
    std::fs::write(&config, configuration(address, dir.path()))?;
    let mut command = Command::new(binary);
    command.arg("serve").arg("--config").arg(&config).env("RUST_LOG", "error");
    let _process = Process::start(command, address)?;
    let api = Api { address, agent: ureq::Agent::new_with_defaults() };
    let (healthy, arrivals) = receiver()?;
    api.bot(&format!("http://{healthy}/"))?;
    let dead = TcpListener::bind("127.0.0.1:0")?;
    if with_dead {
        // Its connections are accepted by the kernel, and never answered.
        api.bot(&format!("http://{}/", dead.local_addr()?))?;
    }
    let (customer, chats) = api.chats()?;
    let mut times = Vec::with_capacity(messages);
    for n in 0..WARM_UP + messages {
        let text = format!("message {n}");
        let began = machine::now();
        api.say(&customer, &chats[n % CHATS], &text)?;
        let arrived = loop {
            let (arrived, body) = arrivals.recv_timeout(PATIENCE).context("a message does not arrive")?;
            if body["data"]["event"]["text"] == text {
                break arrived;
            }
        };
        if n >= WARM_UP {
            times.push(arrived.saturating_duration_since(began));
        }
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

fn configuration(address: SocketAddr, dir: &Path) -> String {
    let data = dir.join("data").display().to_string();
    format!(
        "[server]\nlisten = \"{address}\"\nshards = 1\n[data]\ndir = {data:?}\n[admin]\ntoken = \"{ADMIN_TOKEN}\"\n\
         [webhooks]\nallow_loopback = true\n\
         [[license]]\nid = {LICENSE}\norganization_id = \"390e44e6-f1e6-4b7e-8d7c-0a1b2c3d4e5f\"\n\
         client_id = \"bench\"\nclient_secret = \"bench-client-secret\"\nmax_customer_chats_count = {CHATS}\n\
         [license.timers]\nunseen = 0\nidle = 0\nsilent = 0\ncustomer_left = 0\n\
         [[license.agent]]\nid = \"agent@example.org\"\nname = \"Agent\"\ntoken = \"{AGENT_TOKEN}\"\n"
    )
}

/// The wire, as far as it is needed here.
struct Api {
    address: SocketAddr,
    agent: ureq::Agent,
}

impl Api {
    fn call(&self, path: &str, token: &str, body: &Value) -> Result<Value> {
        let request = self.agent.post(format!("http://{}{path}", self.address));
        let mut answer = request
            .header("Authorization", format!("Bearer {token}"))
            .send_json(body)
            .with_context(|| format!("{path} was refused"))?;
        Ok(answer.body_mut().read_json()?)
    }

    /// A bot that hears every message of a customer there.
    fn bot(&self, url: &str) -> Result<()> {
        let action = json!({ "name": "incoming_event", "filters": { "author_type": "customer" } });
        let webhooks = json!({ "url": url, "secret_key": "bench-secret", "actions": [action] });
        let bot = json!({ "name": "Bot", "status": "not accepting chats", "webhooks": webhooks });
        self.call("/v3.0/configuration/action/create_bot_agent", AGENT_TOKEN, &json!({ "payload": bot }))?;
        Ok(())
    }

    /// A customer's token and its chats.
    fn chats(&self) -> Result<(String, Vec<String>)> {
        let wish =
            json!({ "client_id": "bench", "response_type": "token", "redirect_uri": "http://localhost/" });
        let answer = self.call("/customer/", AGENT_TOKEN, &wish)?;
        let token = answer["access_token"].as_str().context("no token")?.to_owned();
        let start = |_| -> Result<String> {
            let payload = json!({ "payload": { "continuous": true } });
            let answer = self.customer(&token, "start_chat", &payload)?;
            Ok(answer["chat"]["id"].as_str().context("no chat")?.to_owned())
        };
        let chats = (0..CHATS).map(start).collect::<Result<_>>()?;
        Ok((token, chats))
    }

    fn say(&self, token: &str, chat: &str, text: &str) -> Result<()> {
        let event = json!({ "type": "message", "text": text });
        self.customer(token, "send_event", &json!({ "payload": { "chat_id": chat, "event": event } }))?;
        Ok(())
    }

    fn customer(&self, token: &str, action: &str, body: &Value) -> Result<Value> {
        self.call(&format!("/v3.0/customer/action/{action}?license_id={LICENSE}"), token, body)
    }
}

/// A receiver that tells what came when.
fn receiver() -> Result<(SocketAddr, Receiver<(Instant, Value)>)> {
    let (tell, told) = sync_channel(ARRIVALS);
    let address = sink::open(move |body| {
        // What is no JSON is not what is waited for, and nobody may wait any more.
        if let Ok(body) = serde_json::from_slice(body) {
            tell.send((machine::now(), body)).ok();
        }
    })?;
    Ok((address, told))
}
