//! The measurement: in each round every system is started, filled and measured once. Only what was
//! measured in one run is compared, round by round.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::args::Options;
use crate::machine::{self, GENERATOR_CORE, Machine};
use crate::report::{Report, Row, say};
use crate::swarm::Swarm;
use crate::systems::{Floor, Mosquitto, Nats, Node, Running, SocketCalls, Switchboard, System, socket_calls};
use crate::work::{Sizes, Work};

/// Traffic before each measurement, so that what is measured is warm.
const WARM_UP: Duration = Duration::from_millis(700);
/// After so long at rest a server has counted its socket calls.
const COUNTED: Duration = Duration::from_millis(700);
/// Open files beside the connections: epoll, journals, logs.
const OTHER_FILES: u64 = 512;

/// One measurement of one system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Microseconds of processor time for each delivered frame.
    pub(crate) frame: f64,
    /// Of that, outside the kernel.
    pub(crate) user: f64,
    /// Microseconds of processor time for each message.
    pub(crate) message: f64,
    /// Frames in a second.
    pub(crate) rate: f64,
    /// Bytes of resident memory.
    pub(crate) resident: u64,
    /// Writes and reads of sockets for each message, where the system tells.
    pub(crate) calls: Option<(f64, f64)>,
}

/// Measures, prints the table, writes the figures.
pub(crate) fn run(options: &Options) -> Result<()> {
    // Before this process is bound to one core, and sees no other.
    let machine = Machine::look();
    let work = Work::named(options.work, options.shrink);
    let systems = systems(options)?;
    machine::raise_open_files(work.connections() as u64 + OTHER_FILES)?;
    machine::pin(GENERATOR_CORE)?;
    let (mut rows, mut skipped): (Vec<Row>, Vec<_>) = (Vec::new(), Vec::new());
    let mut sizes = Sizes::default();
    for round in 1..=options.rounds {
        say(&format!("round {round} of {}", options.rounds));
        for system in &systems {
            let name = system.name();
            if skipped.iter().any(|(skipped, _)| *skipped == name) {
                continue;
            }
            if let Some(why) = system.missing() {
                skipped.push((name, why));
                continue;
            }
            let dir = tempfile::tempdir()?;
            let running = match system.start(&work, sizes, dir.path()) {
                Ok(running) => running,
                // A peer that does not run here is none; the server itself has to.
                Err(error) if system.is_peer() && round == 1 => {
                    skipped.push((name, format!("does not start: {error:#}")));
                    continue;
                }
                Err(error) => return Err(error.context(format!("{name} cannot be measured"))),
            };
            sizes = running.sizes.unwrap_or(sizes);
            let version = running.version.clone();
            let sample = measure(running, &work, Duration::from_secs(options.seconds.into()))
                .with_context(|| format!("while measuring {name}"))?;
            match rows.iter_mut().find(|row| row.name == name) {
                Some(row) => row.samples.push(sample),
                None => rows.push(Row { name, version, samples: vec![sample] }),
            }
        }
    }
    let report = Report { machine, work, sizes, rows, skipped };
    report.print();
    report.write(&options.out)
}

/// One system has the machine to itself, from its start to its end: its connections take their
/// share of the files that may be open, and would fall silent while others are measured.
fn measure(running: Running, work: &Work, time: Duration) -> Result<Sample> {
    let Running { process, clients, metrics, .. } = running;
    let mut swarm = Swarm::new(clients)?;
    let calls_before = metrics.map(settled_calls).transpose()?;
    let warm = swarm.run(WARM_UP, work.outstanding)?;
    let (before, began) = (process.usage()?, machine::now());
    let tally = swarm.run(time, work.outstanding)?;
    let (used, took) = (process.usage()?.since(before), machine::now() - began);
    let last = swarm.settle()?;
    let calls = match (metrics, calls_before) {
        (Some(metrics), Some(before)) => {
            let (now, messages) = (settled_calls(metrics)?, warm.messages + tally.messages + last);
            let each = |calls: u64| calls as f64 / messages as f64;
            Some((each(now.writes - before.writes), each(now.reads - before.reads)))
        }
        _ => None,
    };
    if tally.messages == 0 {
        bail!("nothing was delivered");
    }
    let micros = used.cpu.as_secs_f64() * 1e6;
    let frame = micros / tally.frames as f64;
    Ok(Sample {
        frame,
        user: frame * used.user_share(),
        message: micros / tally.messages as f64,
        rate: tally.frames as f64 / took.as_secs_f64(),
        resident: used.resident,
        calls,
    })
}

/// The server counts its socket calls up every half second: asked when nothing has moved for longer.
fn settled_calls(metrics: SocketAddr) -> Result<SocketCalls> {
    machine::rest(COUNTED);
    socket_calls(metrics)
}

/// The server first: its frames set the sizes of all others.
fn systems(options: &Options) -> Result<Vec<Box<dyn System>>> {
    let binary = options.binary()?;
    let all: Vec<Box<dyn System>> = vec![
        Box::new(Switchboard::new(binary.clone(), "os")),
        Box::new(Switchboard::new(binary.clone(), "commit")),
        Box::new(Switchboard { shards: 2, ..Switchboard::new(binary, "os") }),
        Box::new(Floor),
        Box::new(Nats),
        Box::new(Mosquitto),
        Box::new(Node::Ws),
        Box::new(Node::SocketIo),
    ];
    let wanted =
        |name: &str| options.only.is_empty() || options.only.iter().any(|part| name.contains(part.as_str()));
    Ok(all.into_iter().filter(|system| wanted(&system.name())).collect())
}

/// The server at a path, or the one that was built next to this program.
pub(crate) fn server(at: Option<&Path>) -> Result<PathBuf> {
    match at {
        Some(path) => Ok(path.to_owned()),
        None => Ok(std::env::current_exe()?.with_file_name("switchboard")),
    }
}
