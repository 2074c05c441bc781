//! The `switchboard` program: reads the command line, runs the command, ends with its exit code.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use switchboard::cli::args::{Cli, Command, ConfigAction};
use switchboard::cli::exit::Exit;
use switchboard::cli::{backup, doctor, run, token, webhook};
use switchboard::config::Config;
use switchboard::storage::FatalHook;
use switchboard::telemetry::log;

/// Most of what is allocated lives for one message: see ARCHITECTURE.md for what this gains.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = log::init() {
        return fail(&error.to_string(), Exit::Usage);
    }
    let ended = match cli.command {
        Command::Demo(args) => actix::System::new()
            .block_on(run::demo(args, fatal()))
            .map_err(|error| (error.to_string(), error.exit())),
        Command::Serve(args) => actix::System::new()
            .block_on(run::serve(args, fatal()))
            .map_err(|error| (error.to_string(), error.exit())),
        Command::Token(args) => actix::System::new()
            .block_on(token::run(&args))
            .map(|token| say(&token))
            .map_err(|error| (error.to_string(), error.exit())),
        Command::Backup(args) => {
            backup::backup(&args).map(|told| say(&told)).map_err(|error| (error.to_string(), error.exit()))
        }
        Command::Restore(args) => {
            backup::restore(&args).map(|told| say(&told)).map_err(|error| (error.to_string(), error.exit()))
        }
        Command::Doctor(args) => match doctor::run(&args) {
            Ok(report) => {
                say(report.text.trim_end());
                return report.exit.into();
            }
            Err(error) => Err((error.to_string(), Exit::from(&error))),
        },
        Command::Config(args) => config(&args.action),
        Command::Webhook(args) => actix::System::new()
            .block_on(webhook::run(&args.action))
            .map_err(|error| (error.to_string(), error.exit())),
    };
    match ended {
        Ok(()) => Exit::Ok.into(),
        Err((message, exit)) => fail(&message, exit),
    }
}

fn config(action: &ConfigAction) -> Result<(), (String, Exit)> {
    let (ConfigAction::Check(args) | ConfigAction::Print(args)) = action;
    let config = Config::load(&args.config).map_err(|error| (error.to_string(), Exit::Config))?;
    let problems = config.check();
    if !problems.is_empty() {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        return Err((lines.join("\n"), Exit::Config));
    }
    match action {
        ConfigAction::Check(_) => say(&format!("{} is good", args.config.display())),
        ConfigAction::Print(_) => say(&config.print()),
    }
    Ok(())
}

fn say(text: &str) {
    // Nobody reads any more: nothing is left to do.
    drop(writeln!(io::stdout(), "{text}"));
}

fn fail(message: &str, exit: Exit) -> ExitCode {
    drop(writeln!(io::stderr(), "switchboard: {message}"));
    exit.into()
}

/// What was acknowledged can be kept no longer unless we stop: a restart reads the journal.
fn fatal() -> FatalHook {
    #[expect(clippy::exit, reason = "going on would break a promise")]
    Arc::new(|why| {
        tracing::error!(why, "stopping: the next start recovers everything that was acknowledged");
        std::process::exit(i32::from(Exit::Internal.code()));
    })
}
