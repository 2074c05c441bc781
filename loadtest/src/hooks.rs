//! W4: what a webhook call costs. The same talk is measured with a bot that hears every message and
//! without one; what is more, for each call, stands next to a bare `reqwest` loop that posts as much
//! to the same receiver.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::args::{Options, PostOptions};
use crate::machine::{self, GENERATOR_CORE, Machine};
use crate::process::{Process, free_address};
use crate::report::{median, say, write_figures};
use crate::sink;
use crate::swarm::Swarm;
use crate::systems::{Running, Switchboard, System};
use crate::work::{Sizes, Work};

/// Calls that the bare loop has on their way: as many as the server makes at once to one URL.
const POSTS_AT_ONCE: usize = 8;
/// Calls of the bare loop.
const POSTS: u64 = 20_000;
/// When nothing arrives for so long, everything has.
const QUIET: Duration = Duration::from_millis(500);
/// How long what is owed may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);
/// Open files beside the connections.
const OTHER_FILES: u64 = 512;

/// Measures, prints the table, writes the figures.
pub(crate) fn run(options: &Options) -> Result<()> {
    let machine = Machine::look();
    let work = Work::named(options.work, options.shrink);
    machine::raise_open_files(work.connections() as u64 + OTHER_FILES)?;
    machine::pin(GENERATOR_CORE)?;
    let plain = Switchboard::new(options.binary()?, "os");
    let time = Duration::from_secs(options.seconds.into());
    let (mut ours, mut bares) = (Vec::new(), Vec::new());
    for round in 1..=options.rounds {
        let sink = Sink::open()?;
        let (without, _) = talk(&plain, &work, time, None)?;
        let heard = Switchboard { hooks: Some(sink.address), ..plain.clone() };
        let (with, messages) = talk(&heard, &work, time, Some(&sink))?;
        let posts = sink.posts.load(Ordering::Acquire);
        ensure!(posts > 0, "nothing was posted");
        let bytes = sink.bytes.load(Ordering::Acquire) / posts;
        let each = (with - without * messages as f64) / posts as f64;
        let bare = bare(&sink, bytes)?;
        say(&format!(
            "round {round} of {}: {each:.1} us for each of {posts} calls of {bytes} B, bare {bare:.1} us",
            options.rounds
        ));
        ours.push(each);
        bares.push(bare);
    }
    let ratio = median(ours.iter().zip(&bares).map(|(ours, bare)| ours / bare));
    let mut out = std::io::stdout().lock();
    writeln!(out, "{machine}")?;
    writeln!(out, "processor time of a webhook call / bare reqwest loop: {ratio:.2}")?;
    let whole = json!({
        "machine": machine, "call_us": median(ours.into_iter()), "bare_us": median(bares.into_iter()),
        "ratio": ratio,
    });
    write_figures(&options.out, &whole)
}

/// Microseconds of processor time: for each message, or with a receiver in all, and how many messages.
fn talk(server: &Switchboard, work: &Work, time: Duration, sink: Option<&Sink>) -> Result<(f64, u64)> {
    let dir = tempfile::tempdir()?;
    let Running { process, clients, .. } = server.start(work, Sizes::default(), dir.path())?;
    let mut swarm = Swarm::new(clients)?;
    if let Some(sink) = sink {
        // What was told while the rooms were made.
        sink.drain()?;
        sink.forget();
    }
    let before = process.usage()?;
    let tally = swarm.run(time, work.outstanding)?;
    let messages = tally.messages + swarm.settle()?;
    if let Some(sink) = sink {
        sink.drain()?;
    }
    let micros = process.usage()?.since(before).cpu.as_secs_f64() * 1e6;
    Ok((if sink.is_some() { micros } else { micros / messages as f64 }, messages))
}

/// Microseconds of processor time that a bare loop takes for each call.
fn bare(sink: &Sink, bytes: u64) -> Result<f64> {
    let gate = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["post", "--to", &sink.address.to_string(), "--bytes", &bytes.to_string()]);
    command.args(["--gate", &gate.to_string()]);
    sink.forget();
    let process = Process::start(command, gate)?;
    let before = process.usage()?;
    // It begins when somebody says so, and stays until it is ended.
    TcpStream::connect(gate)?.write_all(b"go")?;
    let until = machine::now() + PATIENCE;
    while sink.posts.load(Ordering::Acquire) < POSTS {
        ensure!(machine::now() < until, "the bare loop does not come to its end");
        std::thread::yield_now();
    }
    sink.drain()?;
    let used = process.usage()?.since(before);
    Ok(used.cpu.as_secs_f64() * 1e6 / POSTS as f64)
}

/// The bare loop: posts when it is told to, with one client and kept connections.
pub(crate) fn post(options: &PostOptions) -> Result<()> {
    let gate = TcpListener::bind(options.gate)?;
    // The first connection only asks whether somebody is here.
    loop {
        let (mut stream, _) = gate.accept()?;
        let mut go = [0; 2];
        if stream.read(&mut go)? == go.len() {
            break;
        }
    }
    // The server's own features make the client ask for one, though nothing here is encrypted.
    rustls::crypto::ring::default_provider().install_default().ok();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let body = bytes::Bytes::from(vec![b'x'; options.bytes]);
        let url = format!("http://{}/", options.to);
        let left = Arc::new(AtomicU64::new(POSTS));
        let one = |client: reqwest::Client, body: bytes::Bytes, url: String, left: Arc<AtomicU64>| async move {
            while left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_ok() {
                let post = client.post(&url).header("content-type", "application/json").body(body.clone());
                post.send().await?.bytes().await?;
            }
            Ok::<_, reqwest::Error>(())
        };
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..POSTS_AT_ONCE {
            tasks.spawn(one(client.clone(), body.clone(), url.clone(), Arc::clone(&left)));
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    // The one who measures looks, then ends us.
    let (mut stream, _) = gate.accept()?;
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}

/// A receiver that counts.
struct Sink {
    address: SocketAddr,
    posts: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
}

impl Sink {
    fn open() -> Result<Self> {
        let (posts, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let counters = (Arc::clone(&posts), Arc::clone(&bytes));
        let address = sink::open(move |body| {
            counters.1.fetch_add(body.len() as u64, Ordering::AcqRel);
            counters.0.fetch_add(1, Ordering::AcqRel);
        })?;
        Ok(Self { address, posts, bytes })
    }

    fn forget(&self) {
        self.posts.store(0, Ordering::Release);
        self.bytes.store(0, Ordering::Release);
    }

    /// Waits until nothing arrives any more.
    fn drain(&self) -> Result<()> {
        let until = machine::now() + PATIENCE;
        loop {
            let before = self.posts.load(Ordering::Acquire);
            machine::rest(QUIET);
            if self.posts.load(Ordering::Acquire) == before {
                return Ok(());
            }
            ensure!(machine::now() < until, "what is owed does not come to its end");
        }
    }
}
