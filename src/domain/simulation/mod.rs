//! The machines of the domain together, in virtual time: agents and bots come and go, customers
//! talk, one router gives chats away, and now and then everything crashes and starts again from
//! its facts (design D1).
//!
//! A seed decides everything. A failing one is printed, and can be run alone:
//! `SIMULATION_SEED=17 cargo test -p switchboard-domain simulation`. With `SIMULATION_SEEDS=10000`
//! that many are run. A seed that ever failed stays in [`REMEMBERED`].
//!
//! Only tests live here; nothing of it ships.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

mod cast;
mod chance;
mod checks;
mod deeds;
mod exchange;
mod journal;
mod world;

use std::panic::{AssertUnwindSafe, resume_unwind};

use world::World;

/// Seeds of a usual run.
const SEEDS: u64 = 100;
/// Seeds that failed once.
const REMEMBERED: [u64; 0] = [];
/// Turns between two rests.
const TURNS: u64 = 250;
/// Rests in a game.
const RESTS: u64 = 3;
/// Steps after which a world that does not come to rest is stuck.
const ENDLESS: usize = 100_000;

/// Plays one game.
fn play(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..RESTS {
        for _ in 0..TURNS {
            match world.chance.below(150) {
                0 => world.crash(),
                1 => rest(&mut world),
                2 => world.pass_some_time(),
                3 => world.change_settings(),
                4..50 => world.deed(),
                _ => drop(world.step()),
            }
            world.check_always();
        }
        rest(&mut world);
        world.check_at_rest();
        if world.chance.one_in(2) {
            world.crash();
            rest(&mut world);
            world.check_at_rest();
        }
    }
}

/// Lets everything happen that is under way.
fn rest(world: &mut World) {
    let mut steps = 0;
    while world.step() {
        world.check_always();
        steps += 1;
        assert!(steps < ENDLESS, "the world does not come to rest");
    }
}

/// A number in the environment of the test run.
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "which seeds to play is no rule of the domain")]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a failing seed has to be named")]
fn whatever_happens_the_rules_hold() {
    let seeds: Vec<u64> = match setting("SIMULATION_SEED") {
        Some(seed) => vec![seed],
        None => REMEMBERED.into_iter().chain(0..setting("SIMULATION_SEEDS").unwrap_or(SEEDS)).collect(),
    };
    for seed in seeds {
        if let Err(panic) = std::panic::catch_unwind(AssertUnwindSafe(|| play(seed))) {
            tell(seed);
            resume_unwind(panic);
        }
    }
}

#[expect(clippy::print_stderr, reason = "the one word that makes a failure repeatable")]
fn tell(seed: u64) {
    eprintln!("the rules broke with SIMULATION_SEED={seed}");
}
