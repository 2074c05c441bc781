//! W3: sessions that are logged in and do nothing but say that they live. What one costs in memory,
//! what its login costs, and what all of them cost while they idle, next to the bare relay that
//! answers the same heartbeats.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use mio::{Events, Interest, Poll, Token};
use serde_json::json;

use crate::args::Options;
use crate::machine::{self, GENERATOR_CORE, Machine};
use crate::process::{Process, free_address};
use crate::report::{median, say, write_figures};
use crate::systems::{Switchboard, log_in, ping};
use crate::work::Work;
use crate::ws::Socket;

/// Connections of one agent: as many as the server allows.
const PER_AGENT: usize = 10;
/// Logins at the same time: one after the other would measure how a server falls asleep and wakes.
const TOGETHER: usize = 64;
/// How often each client says that it lives, as the published client does (spec v3.0, 1.3).
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After so long what was needed for the logins only is given back.
const REST: Duration = Duration::from_secs(2);
/// Open files beside the connections.
const OTHER_FILES: u64 = 512;

/// One round.
struct Idle {
    /// Bytes of resident memory for each session.
    memory: f64,
    /// Microseconds of processor time to connect and log in.
    login: f64,
    /// Processor time while all idle, as a ratio to the relay's.
    idle: f64,
    /// The same in milliseconds of each second.
    idle_ms: f64,
}

/// Measures, prints the table, writes the figures.
pub(crate) fn run(options: &Options) -> Result<()> {
    let machine = Machine::look();
    let work = Work::named(options.work, options.shrink);
    let sessions = work.connections() * PER_AGENT;
    machine::raise_open_files(sessions as u64 + OTHER_FILES)?;
    machine::pin(GENERATOR_CORE)?;
    let server = Switchboard::new(options.binary()?, "os");
    let time = Duration::from_secs(options.seconds.into());
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        say(&format!("round {round} of {}", options.rounds));
        let dir = tempfile::tempdir()?;
        rounds.push(measure(&server, &work, time, dir.path())?);
    }
    let middle = |figure: fn(&Idle) -> f64| median(rounds.iter().map(figure));
    let (memory, login) = (middle(|r| r.memory), middle(|r| r.login));
    let (idle, idle_ms) = (middle(|r| r.idle), middle(|r| r.idle_ms));
    let mut out = std::io::stdout().lock();
    writeln!(out, "{machine}")?;
    writeln!(out, "{sessions} sessions, a heartbeat every {} s\n", HEARTBEAT.as_secs())?;
    writeln!(out, "| Figure | Switchboard |\n|---|---|")?;
    writeln!(out, "| resident memory of a session | {:.2} KiB |", memory / 1024.0)?;
    writeln!(out, "| processor time of connect and login | {login:.1} us |")?;
    writeln!(out, "| processor time of all, idle | {idle_ms:.2} ms/s |")?;
    writeln!(out, "| the same / the bare relay | {idle:.2} |")?;
    let whole = json!({
        "machine": machine, "sessions": sessions, "bytes_per_session": memory, "login_us": login,
        "idle_ms_per_second": idle_ms, "idle_ratio": idle,
    });
    write_figures(&options.out, &whole)
}

fn measure(server: &Switchboard, work: &Work, time: Duration, dir: &Path) -> Result<Idle> {
    let (process, address) = server.launch(work, dir)?;
    let before = process.usage()?;
    let mut sockets = Vec::with_capacity(work.connections() * PER_AGENT);
    let agents: Vec<_> =
        (0..work.rooms).flat_map(|room| (0..work.agents).map(move |agent| (room, agent))).collect();
    // Everybody once, then again: whoever comes first is told to the others, who are few by then.
    for _ in 0..PER_AGENT {
        for together in agents.chunks(TOGETHER) {
            sockets.extend(log_in(address, together)?);
        }
    }
    let used = process.usage()?.since(before);
    let sessions = sockets.len() as f64;
    let login = used.cpu.as_secs_f64() * 1e6 / sessions;
    machine::rest(REST);
    let resident = process.usage()?.resident.saturating_sub(before.resident);
    let mut ours = Heartbeats::new(sockets, ping())?;
    let idle = ours.cost(&process, time)?;
    let answer = ours.answer;
    drop((ours, process));
    let (relay, address) = relay(answer)?;
    let sockets: Result<Vec<_>> =
        (0..sessions as usize).map(|room| Socket::open(address, &format!("/{room}"), None)).collect();
    let bare = Heartbeats::new(sockets?, ping())?.cost(&relay, time)?;
    Ok(Idle { memory: resident as f64 / sessions, login, idle: idle / bare, idle_ms: idle * 1e3 })
}

/// The floor, answering each heartbeat with so many bytes.
fn relay(answer: usize) -> Result<(Process, SocketAddr)> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["floor", "--listen", &address.to_string(), "--response", "0"]);
    command.args(["--push", &answer.to_string()]);
    Ok((Process::start(command, address)?, address))
}

/// Connections that say in turn that they live.
struct Heartbeats {
    poll: Poll,
    sockets: Vec<Socket>,
    ping: Vec<u8>,
    /// Bytes of an answer.
    answer: usize,
}

impl Heartbeats {
    fn new(mut sockets: Vec<Socket>, ping: Vec<u8>) -> Result<Self> {
        let poll = Poll::new()?;
        for (n, socket) in sockets.iter_mut().enumerate() {
            poll.registry().register(&mut socket.stream, Token(n), Interest::READABLE)?;
            // What was told while the others logged in.
            socket.read(|_| ())?;
        }
        Ok(Self { poll, sockets, ping, answer: 0 })
    }

    /// Seconds of processor time for each second of idling.
    fn cost(&mut self, process: &Process, time: Duration) -> Result<f64> {
        let mut events = Events::with_capacity(1024);
        let (began, before) = (machine::now(), process.usage()?);
        let (mut sent, mut answered) = (0_usize, 0_usize);
        let until = time + REST;
        loop {
            let passed = machine::now() - began;
            let share = passed.min(time).as_secs_f64() / HEARTBEAT.as_secs_f64();
            let due = (share * self.sockets.len() as f64) as usize;
            while sent < due {
                let at = sent % self.sockets.len();
                let socket = &mut self.sockets[at];
                socket.queue(&self.ping);
                socket.flush()?;
                sent += 1;
            }
            self.poll.poll(&mut events, Some(Duration::ZERO))?;
            for event in &events {
                let answer = &mut self.answer;
                self.sockets[event.token().0].read(|payload| {
                    *answer = payload.len();
                    answered += 1;
                })?;
            }
            if passed >= time && (answered >= sent || passed >= until) {
                break;
            }
        }
        ensure!(answered >= sent, "{} of {sent} heartbeats were never answered", sent - answered);
        let used = process.usage()?.since(before);
        Ok(used.cpu.as_secs_f64() / (machine::now() - began).as_secs_f64())
    }
}
