//! Load harness for Switchboard: a black box that knows only the wire.
//!
//! `bench` measures what the server's processor spends for each frame that it delivers, next to
//! peers that do the same work in the same run; `beside` measures whether a dead webhook receiver
//! is felt by its neighbour; `silent` lets clients stop reading; `crash` kills the server again and again and compares what is there with what
//! it acknowledged. Everything talks to loopback only, is bounded in
//! time, and ends the processes that it started.

mod args;
mod bench;
mod beside;
mod crash;
mod floor;
mod hooks;
mod idle;
mod machine;
mod process;
mod report;
mod rtm;
mod silent;
mod sink;
mod swarm;
mod systems;
mod work;
mod ws;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command, WorkName};

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Bench(options) if options.work == WorkName::W3 => idle::run(&options),
        Command::Bench(options) if options.work == WorkName::W4 => hooks::run(&options),
        Command::Post(options) => hooks::post(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Beside(options) => beside::run(&options),
        Command::Silent(options) => silent::run(&options),
        Command::Crash(options) => crash::run(&options),
        Command::Floor(options) => floor::serve(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::complain(&error);
            ExitCode::FAILURE
        }
    }
}
