//! Kills the real server with `kill -9` at any moment under load, starts it again, and compares what is
//! there with everything that it ever acknowledged.
//!
//! `wire` speaks to the server, `child` starts and kills it, `load` writes, `ledger` remembers what was
//! asked and what was acknowledged, `check` compares; `files` does all of that for files.

mod chance;
mod check;
mod child;
mod files;
mod ledger;
mod load;
mod wire;

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use self::chance::Chance;
use self::check::check;
use self::child::Child;
use self::ledger::Ledger;
use crate::args::CrashOptions;
use crate::bench::server;
use crate::machine;
use crate::report::say;

/// Rounds after which the chats are closed and others take their place: what a round reads again stays
/// small, and threads, slots and queue move.
const GENERATION: u32 = 5;
/// The longest load before a kill, in milliseconds.
const LOAD_MS: u64 = 600;
/// The longest life of a server that is killed while it starts, in milliseconds.
const START_MS: u64 = 80;
/// How long the next roll or checkpoint is waited for; then it is killed anyway.
const MOMENT: Duration = Duration::from_secs(3);
/// Acknowledged changes below which a run of this harness proves nothing, for each round.
const LEAST_ACKNOWLEDGED: usize = 20;

/// When the server is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// So many milliseconds after the load began.
    Load(u64),
    /// The same, and then again so many milliseconds into the next start.
    Start(u64, u64),
    /// When the journal goes on in its next file.
    Roll,
    /// When the checkpoint is being moved.
    Checkpoint,
}

impl Moment {
    fn draw(chance: &mut Chance) -> Self {
        let load = chance.below(LOAD_MS);
        match chance.below(6) {
            0 | 1 => Self::Load(load),
            2 | 3 => Self::Start(load, chance.below(START_MS)),
            4 => Self::Roll,
            _ => Self::Checkpoint,
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(ms) => write!(f, "{ms} ms under load"),
            Self::Start(ms, start) => write!(f, "{ms} ms under load, and {start} ms into the start"),
            Self::Roll => f.write_str("at a roll of the journal"),
            Self::Checkpoint => f.write_str("at a checkpoint"),
        }
    }
}

/// Plays the rounds; fails at the first thing that is lost, doubled, out of order or made up.
pub(crate) fn run(options: &CrashOptions) -> Result<()> {
    let binary = server(options.server.as_deref())?;
    ensure!(binary.exists(), "{} is missing: cargo build --release", binary.display());
    let dir = tempfile::tempdir()?;
    let began = machine::now();
    let mut chance = Chance::new(options.seed);
    let ledger = Ledger::shared();
    let hook = load::listen(&ledger)?;
    let mut child = Child::new(binary, dir.path().to_owned());
    let mut kills = 0;
    for round in 1..=options.rounds {
        let moment = Moment::draw(&mut chance);
        let told = || format!("seed {}, round {round}, killed {moment}", options.seed);
        child.start().with_context(told)?;
        if round == 1 {
            load::furnish(&child, &ledger, hook).with_context(told)?;
        }
        check(&child, &ledger, false).with_context(told)?;
        if (round - 1) % GENERATION == 0 {
            load::next_generation(&child, &ledger).with_context(told)?;
        }
        let load = load::begin(&child, &ledger, round, chance.bits());
        match moment {
            Moment::Load(ms) | Moment::Start(ms, _) => machine::rest(Duration::from_millis(ms)),
            Moment::Roll => child.wait_for_roll(MOMENT),
            Moment::Checkpoint => child.wait_for_checkpoint(MOMENT),
        }
        child.kill()?;
        kills += 1;
        load.end().with_context(told)?;
        if let Moment::Start(_, ms) = moment {
            child.spawn()?;
            machine::rest(Duration::from_millis(ms));
            child.kill()?;
            kills += 1;
        }
        if round % 20 == 0 {
            say(&format!("round {round} of {}: {}", options.rounds, ledger::lock(&ledger)));
        }
    }
    let told = || format!("seed {}, after round {}", options.seed, options.rounds);
    child.start().with_context(told)?;
    check(&child, &ledger, true).with_context(told)?;
    let seconds = machine::now().saturating_duration_since(began).as_secs();
    let ledger = ledger::lock(&ledger);
    say(&format!("{} rounds, {kills} kills in {seconds} s, seed {}: {ledger}", options.rounds, options.seed));
    let least = LEAST_ACKNOWLEDGED * options.rounds as usize;
    ensure!(
        ledger.acknowledged() >= least,
        "the load was no load: fewer than {least} changes were acknowledged"
    );
    Ok(())
}
