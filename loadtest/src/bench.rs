//! The measurement: every system is started and filled, then they take turns. Only what was
//! measured in one run is compared.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::args::Options;
use crate::machine::{self, GENERATOR_CORE, Machine};
use crate::process::Process;
use crate::report::{Report, Row, say};
use crate::swarm::Swarm;
use crate::systems::{Floor, Mosquitto, Nats, Node, Switchboard, System};
use crate::work::{Sizes, Work};

/// Traffic before each measurement, so that what is measured is warm.
const WARM_UP: Duration = Duration::from_millis(700);
/// Open files beside the connections: epoll, journals, logs.
const OTHER_FILES: u64 = 512;

struct Bench {
    name: String,
    version: String,
    process: Process,
    swarm: Swarm,
    samples: Vec<Sample>,
}

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
}

/// Measures, prints the table, writes the figures.
pub(crate) fn run(options: &Options) -> Result<()> {
    // Before this process is bound to one core, and sees no other.
    let machine = Machine::look();
    let work = Work::named(options.work, options.shrink);
    let systems = systems(options)?;
    machine::raise_open_files((work.connections() * systems.len()) as u64 + OTHER_FILES)?;
    machine::pin(GENERATOR_CORE)?;
    let dir = tempfile::tempdir()?;
    let (mut benches, mut skipped, mut sizes) = (Vec::new(), Vec::new(), Sizes::default());
    for system in systems {
        if let Some(why) = system.missing() {
            skipped.push((system.name(), why));
            continue;
        }
        say(&format!("filling {} rooms of {} on {}", work.rooms, work.members(), system.name()));
        let running = match system.start(&work, sizes, dir.path()) {
            Ok(running) => running,
            // A peer that does not run here is none; the server itself has to.
            Err(error) if system.is_peer() => {
                skipped.push((system.name(), format!("does not start: {error:#}")));
                continue;
            }
            Err(error) => return Err(error.context(format!("{} cannot be measured", system.name()))),
        };
        sizes = running.sizes.unwrap_or(sizes);
        let swarm = Swarm::new(running.clients)?;
        let (name, version) = (system.name(), running.version);
        benches.push(Bench { name, version, process: running.process, swarm, samples: Vec::new() });
    }
    for round in 1..=options.rounds {
        say(&format!("round {round} of {}", options.rounds));
        for bench in &mut benches {
            let sample = measure(bench, &work, Duration::from_secs(options.seconds.into()))
                .with_context(|| format!("while measuring {}", bench.name))?;
            bench.samples.push(sample);
        }
    }
    let rows =
        benches.into_iter().map(|b| Row { name: b.name, version: b.version, samples: b.samples }).collect();
    let report = Report { machine, work, sizes, rows, skipped };
    report.print();
    report.write(&options.out)
}

fn measure(bench: &mut Bench, work: &Work, time: Duration) -> Result<Sample> {
    bench.swarm.run(WARM_UP, work.outstanding)?;
    let (before, began) = (bench.process.usage()?, machine::now());
    let tally = bench.swarm.run(time, work.outstanding)?;
    let (used, took) = (bench.process.usage()?.since(before), machine::now() - began);
    bench.swarm.settle()?;
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
    })
}

/// The server first: its frames set the sizes of all others.
fn systems(options: &Options) -> Result<Vec<Box<dyn System>>> {
    let binary = match &options.server {
        Some(path) => path.clone(),
        None => beside("switchboard")?,
    };
    let all: Vec<Box<dyn System>> = vec![
        Box::new(Switchboard { binary: binary.clone(), durability: "os" }),
        Box::new(Switchboard { binary, durability: "commit" }),
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

/// A program that was built next to this one.
fn beside(name: &str) -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}
