//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::bench::server;

/// Load harness for Switchboard.
#[derive(Parser)]
#[command(version, about)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Measures processor time per delivered frame, next to peers in the same run.
    Bench(Options),
    /// Measures how fast a webhook receiver hears beside a dead one, next to how fast it hears alone.
    Beside(BesideOptions),
    /// Lets many clients stop reading while a chat goes on: what that costs in memory, and whether the
    /// others feel it.
    Silent(SilentOptions),
    /// Kills the server with kill -9 under load and compares what is there with what it acknowledged.
    Crash(CrashOptions),
    /// The bare loop that webhook calls are compared with. `bench` starts it.
    #[command(hide = true)]
    Post(PostOptions),
    /// The floor: relays ready-made frames with bare epoll. `bench` starts it.
    #[command(hide = true)]
    Floor(FloorOptions),
}

/// Which traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WorkName {
    /// 1,000 chats of a customer and two agents; customers write, 128 messages outstanding.
    W1,
    /// 30 chats with 32 agents each, every agent writes.
    Hot,
    /// One chat that 1,000 agents hear, one writes.
    W2,
    /// One chat that 1,000 agents hear, sixteen write.
    W2Many,
    /// 10,000 idle sessions with heartbeats: memory, logins, idle processor time.
    W3,
    /// 100 chats of which a bot hears every message over a webhook.
    W4,
}

#[derive(ClapArgs)]
pub(crate) struct Options {
    /// The traffic.
    #[arg(long, value_enum, default_value = "w1")]
    pub(crate) work: WorkName,
    /// Rounds; in each one every system is measured once. The median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Seconds of each measurement, after a warm-up.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=120))]
    pub(crate) seconds: u32,
    /// Only systems whose name contains one of these.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// The server to measure; missing: the one next to this program.
    #[arg(long)]
    pub(crate) server: Option<PathBuf>,
    /// Where to write the figures as JSON.
    #[arg(long, default_value = "target/bench.json")]
    pub(crate) out: PathBuf,
    /// Divides the number of rooms and members, for a quick look.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) shrink: u32,
}

impl Options {
    /// The server to measure.
    pub(crate) fn binary(&self) -> Result<PathBuf> {
        server(self.server.as_deref())
    }
}

#[derive(ClapArgs)]
pub(crate) struct BesideOptions {
    /// Rounds; in each one both are measured once. The median of the ratios counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Messages of each measurement.
    #[arg(long, default_value_t = 400)]
    pub(crate) messages: usize,
    /// The server to measure; missing: the one next to this program.
    #[arg(long)]
    pub(crate) server: Option<PathBuf>,
}

#[derive(ClapArgs)]
pub(crate) struct SilentOptions {
    /// Connections that stop reading: ten of each agent.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(20..=10_000))]
    pub(crate) sessions: u32,
    /// Bytes that may wait for one of them (`limits.outbox_bytes`): as many of memory does each take.
    #[arg(long, default_value_t = 1024 * 1024, value_parser = clap::value_parser!(u32).range(128 * 1024..=4 * 1024 * 1024))]
    pub(crate) outbox_bytes: u32,
    /// The server; missing: the one next to this program.
    #[arg(long)]
    pub(crate) server: Option<PathBuf>,
    /// Where to write the figures as JSON.
    #[arg(long, default_value = "target/silent.json")]
    pub(crate) out: PathBuf,
}

#[derive(ClapArgs)]
pub(crate) struct CrashOptions {
    /// Rounds; in each one the server is killed once or twice.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rounds: u32,
    /// Draws the moments of the kills.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// The server; missing: the one next to this program.
    #[arg(long)]
    pub(crate) server: Option<PathBuf>,
}

#[derive(ClapArgs)]
pub(crate) struct PostOptions {
    /// Whom to post to.
    #[arg(long)]
    pub(crate) to: SocketAddr,
    /// Bytes of each body.
    #[arg(long)]
    pub(crate) bytes: usize,
    /// Where to wait for the word to begin.
    #[arg(long)]
    pub(crate) gate: SocketAddr,
}

#[derive(ClapArgs)]
pub(crate) struct FloorOptions {
    /// Where to listen.
    #[arg(long)]
    pub(crate) listen: SocketAddr,
    /// Bytes of the answer to the sender's message; 0: none.
    #[arg(long)]
    pub(crate) response: usize,
    /// Bytes of the push that every member of the room gets.
    #[arg(long)]
    pub(crate) push: usize,
}
