//! Clients that stop reading: many connections hear one chat, which goes on. What the server keeps for
//! them is bounded, whoever reads hears as fast as when all read, and the silent ones are told why they
//! are closed.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::args::SilentOptions;
use crate::bench::server;
use crate::machine::{self, GENERATOR_CORE, Machine};
use crate::process::{Process, free_address};
use crate::report::{say, write_figures};
use crate::rtm::{self, Rtm};
use crate::systems::counters;
use crate::ws::{End, Opening, Socket};

const LICENSE: u64 = 100_000_001;
const ADMIN_TOKEN: &str = "bench-administration-token-0123456789";
/// Connections of one agent: as many as the server allows.
const PER_AGENT: usize = 10;
/// Logins at the same time.
const TOGETHER: usize = 50;
/// Bytes of text in each message: a few hundred fill an outbox, and each is a latency.
const TEXT_BYTES: usize = 4_000;
/// Messages that all hear, for comparison.
const ALL_READ: usize = 100;
/// Messages when the silent ones are gone.
const AFTERWARDS: usize = 200;
/// What the system keeps for a narrow connection on both sides together, at most.
const KERNEL_BYTES: usize = 1024 * 1024;
/// How long everybody may take to hear a message, or the silent ones to be gone: the server waits some
/// seconds for a client that it has closed.
const PATIENCE: Duration = Duration::from_secs(30);
/// What all silent ones cost may be so many times their bounds: what the allocator rounds up, and the
/// frames that tell the end.
const MEMORY_BOUND: f64 = 1.25;
/// The median of a message's way may take so many times as long as when all read.
const LATENCY_BOUND: f64 = 1.5;
/// Code of the close frame: come again later.
const TRY_AGAIN: u16 = 1013;
/// Files that the server may open meanwhile.
const FEW_FILES: usize = 4;
/// Open files beside the connections.
const OTHER_FILES: u64 = 512;

/// What was seen.
struct Seen {
    /// Resident memory when all have logged in, at its peak, and when the silent ones are gone; bytes.
    before: u64,
    peak: u64,
    after: u64,
    /// Ways of the messages: while all read, while most are silent, and afterwards.
    read: Vec<Duration>,
    silent: Vec<Duration>,
    gone: Vec<Duration>,
    /// Of those that read again, how many were told why.
    told: (usize, usize),
    /// Of those that never did, how many are closed.
    closed: (usize, usize),
}

/// Runs it once, prints the table, writes the figures; fails when a promise does not hold.
pub(crate) fn run(options: &SilentOptions) -> Result<()> {
    let binary = server(options.server.as_deref())?;
    ensure!(binary.exists(), "{} is missing: cargo build --release", binary.display());
    let machine = Machine::look();
    machine::raise_open_files(u64::from(options.sessions) + OTHER_FILES)?;
    machine::pin(GENERATOR_CORE)?;
    let dir = tempfile::tempdir()?;
    let mut stage = Stage::set(&binary, options, dir.path())?;
    let seen = stage.play(options)?;
    let each =
        (seen.peak - seen.before) as f64 / f64::from(options.sessions) / f64::from(options.outbox_bytes);
    let ratio = middle(&seen.silent).as_secs_f64() / middle(&seen.read).as_secs_f64();
    table(&machine, options, &seen, (each, ratio))?;
    let micros = |times: &[Duration]| json!({ "p50_us": middle(times).as_micros() as u64, "p99_us": slow(times).as_micros() as u64 });
    let figures = json!({
        "machine": machine, "sessions": options.sessions, "outbox_bytes": options.outbox_bytes,
        "resident": { "before": seen.before, "peak": seen.peak, "after": seen.after },
        "outboxes_of_memory_each": each, "latency_ratio": ratio,
        "all_read": micros(&seen.read), "silent": micros(&seen.silent), "gone": micros(&seen.gone),
        "told": seen.told.0, "closed": seen.closed.0,
    });
    write_figures(&options.out, &figures)?;
    ensure!(seen.told.0 == seen.told.1, "not all were told why they are closed");
    ensure!(seen.closed.0 == seen.closed.1, "not all that never read are closed");
    ensure!(each <= MEMORY_BOUND, "a silent connection costs {each:.2} outboxes, more than {MEMORY_BOUND}");
    ensure!(ratio <= LATENCY_BOUND, "who reads feels who does not: {ratio:.2} > {LATENCY_BOUND}");
    Ok(())
}

fn table(machine: &Machine, options: &SilentOptions, seen: &Seen, (each, ratio): (f64, f64)) -> Result<()> {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let way = |times: &[Duration]| {
        format!("{} us; {} us ({})", middle(times).as_micros(), slow(times).as_micros(), times.len())
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{machine}")?;
    writeln!(
        out,
        "{} connections stop reading; {} bytes may wait for each\n",
        options.sessions, options.outbox_bytes
    )?;
    writeln!(out, "| Figure | Switchboard |\n|---|---|")?;
    writeln!(out, "| resident memory when all are logged in | {:.1} MiB |", mib(seen.before))?;
    writeln!(out, "| the same at its peak | {:.1} MiB |", mib(seen.peak))?;
    writeln!(out, "| the same when the silent ones are gone | {:.1} MiB |", mib(seen.after))?;
    writeln!(out, "| peak for each silent one / its bound (at most {MEMORY_BOUND}) | {each:.2} |")?;
    writeln!(out, "| way of a message while all read, p50; p99 (messages) | {} |", way(&seen.read))?;
    writeln!(out, "| the same while they are silent | {} |", way(&seen.silent))?;
    writeln!(out, "| the same when they are closed | {} |", way(&seen.gone))?;
    writeln!(out, "| p50 while they are silent / while all read (at most {LATENCY_BOUND}) | {ratio:.2} |")?;
    writeln!(
        out,
        "| told `connection_timeout` and closed with {TRY_AGAIN}, of those that read again | {} of {} |",
        seen.told.0, seen.told.1
    )?;
    writeln!(out, "| closed, of those that never did | {} of {} |", seen.closed.0, seen.closed.1)?;
    Ok(())
}

fn sorted(times: &[Duration]) -> Vec<Duration> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted
}

fn middle(times: &[Duration]) -> Duration {
    sorted(times).get(times.len() / 2).copied().unwrap_or_default()
}

/// What one of a hundred takes at least.
fn slow(times: &[Duration]) -> Duration {
    sorted(times).get(times.len() * 99 / 100).copied().unwrap_or_default()
}

/// A server, a customer who talks, an agent who reads, and connections of others that hear the same.
struct Stage {
    process: Process,
    address: SocketAddr,
    talker: Rtm,
    listener: Rtm,
    others: Vec<Socket>,
    chat: String,
    said: usize,
}

impl Stage {
    fn set(binary: &Path, options: &SilentOptions, dir: &Path) -> Result<Self> {
        let agents = (options.sessions as usize).div_ceil(PER_AGENT);
        let address = free_address()?;
        let config = dir.join("switchboard.toml");
        std::fs::write(&config, configuration(address, dir, agents, options.outbox_bytes))?;
        let mut command = Command::new(binary);
        command.arg("serve").arg("--config").arg(&config).env("RUST_LOG", "error");
        let process = Process::start(command, address)?;
        let wish =
            json!({ "client_id": "bench", "response_type": "token", "redirect_uri": "http://localhost/" });
        let customer = call(address, "/customer/", &token(0), &wish)?;
        let mut talker = Rtm::open(address, &format!("/v3.0/customer/rtm/ws?license_id={LICENSE}"))?;
        talker.ask("login", &json!({ "token": customer["access_token"] }))?;
        let mut listener = Rtm::open(address, "/v3.0/agent/rtm/ws")?;
        listener.ask("login", &json!({ "token": token(0) }))?;
        let started = talker.ask("start_chat", &json!({ "continuous": true }))?;
        let chat = started["chat"]["id"].as_str().context("a chat without an id")?.to_owned();
        for agent in 1..=agents {
            let payload = json!({ "payload": { "chat_id": chat } });
            call(address, "/v3.0/agent/action/follow_chat", &token(agent), &payload)?;
        }
        Ok(Self { process, address, talker, listener, others: Vec::new(), chat, said: 0 })
    }

    /// Brings the others in. Fresh connections: for those that were read fast the system keeps more.
    fn gather(&mut self, sessions: usize) -> Result<()> {
        let agents = sessions.div_ceil(PER_AGENT);
        // Everybody once, then again: whoever comes first is told to the others, who are few by then.
        let all: Vec<_> = (0..sessions).map(|n| token(1 + n % agents)).collect();
        for together in all.chunks(TOGETHER) {
            let opening: Result<Vec<_>> =
                together.iter().map(|_| Opening::begin_narrow(self.address, "/v3.0/agent/rtm/ws")).collect();
            self.others.extend(rtm::log_in(opening?, together)?);
        }
        Ok(())
    }

    /// Waits until the server has let go of all others; gives the ways of what is said meanwhile.
    fn all_gone(&mut self, alone: usize) -> Result<Vec<Duration>> {
        let (mut ways, until) = (Vec::new(), machine::now() + PATIENCE);
        while self.process.open_files()? > alone + FEW_FILES {
            ensure!(machine::now() < until, "connections are not let go");
            ways.push(self.message()?);
        }
        Ok(ways)
    }

    fn play(&mut self, options: &SilentOptions) -> Result<Seen> {
        let sessions = options.sessions as usize;
        let alone = self.process.open_files()?;
        say("all read");
        self.gather(sessions)?;
        let (mut heard, mut read) = (vec![0; sessions], Vec::with_capacity(ALL_READ));
        for said in 1..=ALL_READ {
            read.push(self.message()?);
            self.all_hear(&mut heard, said)?;
        }
        self.others.clear();
        self.all_gone(alone)?;
        say("most do not read");
        self.gather(sessions)?;
        let before = self.process.usage()?.resident;
        let most = (options.outbox_bytes as usize + KERNEL_BYTES) / TEXT_BYTES;
        let mut silent = Vec::new();
        loop {
            let closed = self.closed()?;
            if closed >= u64::from(options.sessions) {
                break;
            }
            ensure!(silent.len() < most, "after {most} messages only {closed} of them are closed");
            silent.push(self.message()?);
        }
        let peak = self.process.peak()?;
        say("half of them read again");
        let never = self.others.split_off(self.others.len() / 2);
        let told = self.told()?;
        // The chat goes on while the server waits for the rest, in vain.
        let mut gone = self.all_gone(alone)?;
        // The allocator gives back what is free with what it does later.
        for _ in 0..AFTERWARDS {
            gone.push(self.message()?);
        }
        let after = self.process.usage()?.resident;
        let count = never.len();
        let closed = never.into_iter().map(ended).filter(Result::is_ok).count();
        Ok(Seen { before, peak, after, read, silent, gone, told, closed: (closed, count) })
    }

    /// Says something; the time until the listener hears it. When it is over, so is the server's work.
    fn message(&mut self) -> Result<Duration> {
        self.said += 1;
        let text = format!("{} {}", self.said, "x".repeat(TEXT_BYTES));
        let needle = format!("\"text\":\"{} x", self.said);
        let payload = json!({ "chat_id": self.chat, "event": { "type": "message", "text": text } });
        let began = machine::now();
        self.talker.begin("send_event", &payload)?;
        while !contains(&self.listener.next()?, needle.as_bytes()) {}
        let way = machine::now() - began;
        self.talker.answer("send_event")?;
        self.talker.ask("ping", &json!({}))?;
        Ok(way)
    }

    /// Waits until all others have heard so many messages.
    fn all_hear(&mut self, heard: &mut [usize], said: usize) -> Result<()> {
        let until = machine::now() + PATIENCE;
        for (socket, heard) in self.others.iter_mut().zip(heard) {
            while *heard < said {
                socket.read(|payload| *heard += usize::from(contains(payload, b"\"incoming_event\"")))?;
                ensure!(machine::now() < until, "somebody who reads does not hear");
            }
        }
        Ok(())
    }

    /// How many the server has closed for reading too slowly.
    fn closed(&self) -> Result<u64> {
        counters(self.address, ["switchboard_sessions_too_slow"]).map(|[closed]| closed)
    }

    /// Reads what was left for the others; how many of them end with the word why, and how many there are.
    fn told(&mut self) -> Result<(usize, usize)> {
        let mut told = 0;
        let count = self.others.len();
        for mut socket in std::mem::take(&mut self.others) {
            let (mut last, until) = (Vec::new(), machine::now() + PATIENCE);
            let end = loop {
                if let Some(end) = socket.hear(|payload| last = payload.to_vec())? {
                    break end;
                }
                ensure!(machine::now() < until, "somebody who reads again is not closed");
            };
            let last: Value = serde_json::from_slice(&last).unwrap_or_default();
            let why =
                last["action"] == "agent_disconnected" && last["payload"]["reason"] == "connection_timeout";
            told += usize::from(why && end == End::Closed(TRY_AGAIN));
        }
        Ok((told, count))
    }
}

/// Reads a connection to its end, which has to be there.
fn ended(mut socket: Socket) -> Result<()> {
    let until = machine::now() + PATIENCE;
    while socket.hear(|_| ())?.is_none() {
        if machine::now() > until {
            bail!("it is open");
        }
    }
    Ok(())
}

fn contains(payload: &[u8], needle: &[u8]) -> bool {
    payload.windows(needle.len()).any(|window| window == needle)
}

fn token(agent: usize) -> String {
    format!("bench-token-of-agent-{agent:08}-0123456789")
}

fn configuration(address: SocketAddr, dir: &Path, agents: usize, outbox_bytes: u32) -> String {
    let data = dir.join("data").display().to_string();
    // Nobody is closed for its silence, or for being one of many of this address.
    let mut text = format!(
        "[server]\nlisten = \"{address}\"\nshards = 1\n[data]\ndir = {data:?}\ndurability = \"os\"\n\
         [admin]\ntoken = \"{ADMIN_TOKEN}\"\n\
         [limits]\nidle_seconds = 3600\noutbox_bytes = {outbox_bytes}\n\
         [[license]]\nid = {LICENSE}\norganization_id = \"390e44e6-f1e6-4b7e-8d7c-0a1b2c3d4e5f\"\n\
         client_id = \"bench\"\nclient_secret = \"bench-client-secret\"\n\
         [license.timers]\nunseen = 0\nidle = 0\nsilent = 0\ncustomer_left = 0\n"
    );
    for agent in 0..=agents {
        let token = token(agent);
        // Writing into a text cannot fail.
        write!(
            text,
            "[[license.agent]]\nid = \"agent{agent}@example.org\"\nname = \"Agent\"\ntoken = \"{token}\"\n"
        )
        .ok();
    }
    text
}

fn call(address: SocketAddr, path: &str, token: &str, body: &Value) -> Result<Value> {
    let mut answer = ureq::post(format!("http://{address}{path}"))
        .header("Authorization", format!("Bearer {token}"))
        .send_json(body)
        .with_context(|| format!("{path} was refused"))?;
    Ok(answer.body_mut().read_json()?)
}
