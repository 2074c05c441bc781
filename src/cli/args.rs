//! The arguments of `switchboard`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::exit;
use crate::config::DEFAULT_LISTEN;

/// Where `demo` tries to listen with TLS when nothing is said.
pub const DEFAULT_DEMO_TLS_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8443);

/// Where `demo` keeps its data when nothing is said.
pub const DEFAULT_DEMO_DIR: &str = "./switchboard-demo";

/// A realtime messaging engine for live chat.
#[derive(Debug, Parser)]
#[command(name = "switchboard", version, after_help = exit::HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve a ready-made shop with two agents and a pizza bot; needs nothing
    Demo(DemoArgs),
    /// Serve by a configuration file
    Serve(ServeArgs),
    /// Ask the running server for an agent's token and print it
    Token(TokenArgs),
    /// Look at a configuration file
    Config(ConfigArgs),
}

/// `switchboard demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Where the API listens; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value_t = DEFAULT_LISTEN)]
    pub listen: SocketAddr,
    /// Where it listens with TLS [default: 127.0.0.1:8443, left out when that is taken]
    #[arg(long, value_name = "ADDR")]
    pub tls_listen: Option<SocketAddr>,
    /// Where the data lies; made when missing, reopened when there
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DEMO_DIR)]
    pub data_dir: PathBuf,
    /// Without the built-in pizza bot
    #[arg(long)]
    pub no_bot: bool,
    /// Print one line of JSON once connections are accepted, and nothing else (implies --no-bot)
    #[arg(long)]
    pub json: bool,
}

impl DemoArgs {
    /// Where to try TLS, and whether that must succeed: only an address that was asked for must.
    #[must_use]
    pub fn tls(&self) -> (SocketAddr, bool) {
        (self.tls_listen.unwrap_or(DEFAULT_DEMO_TLS_LISTEN), self.tls_listen.is_some())
    }

    /// Does the built-in pizza bot run?
    #[must_use]
    pub fn bot(&self) -> bool {
        !self.no_bot && !self.json
    }
}

/// `switchboard serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// `switchboard token`
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// The agent whose token it shall be
    #[arg(value_name = "AGENT")]
    pub agent_id: String,
    /// The data directory of a running demo
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DEMO_DIR, conflicts_with = "config")]
    pub data_dir: PathBuf,
    /// The configuration file of a running server
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The application that shall own the token [default: the license's own]
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// Scopes, separated by commas [default: all]
    #[arg(long, value_name = "SCOPES", value_delimiter = ',')]
    pub scopes: Option<Vec<String>>,
    /// How long it shall live, in seconds [default: for ever]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub expires_in: Option<u64>,
}

/// `switchboard config`
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// `switchboard config check|print`
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Say what is wrong with it
    Check(ServeArgs),
    /// Print what it sets, defaults filled in and secrets masked
    Print(ServeArgs),
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Command, clap::error::ErrorKind> {
        Cli::try_parse_from(line.split(' ')).map(|cli| cli.command).map_err(|error| error.kind())
    }

    fn demo(line: &str) -> DemoArgs {
        let Command::Demo(args) = parse(line).unwrap() else { unreachable!("{line} is a demo") };
        args
    }

    #[test]
    fn the_parser_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn demo_needs_nothing() {
        let args = demo("switchboard demo");
        assert_eq!(args.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(args.data_dir.to_str(), Some("./switchboard-demo"));
        assert_eq!(args.tls(), (DEFAULT_DEMO_TLS_LISTEN, false));
        assert!(args.bot());
    }

    #[test]
    fn demo_takes_its_options() {
        let args = demo("switchboard demo --listen 127.0.0.1:0 --tls-listen 127.0.0.1:1 --data-dir d --json");
        assert_eq!((args.listen.port(), args.tls().0.port(), args.tls().1), (0, 1, true));
        assert!(!args.bot());
        assert!(!demo("switchboard demo --no-bot").bot());
    }

    #[test]
    fn the_other_commands_parse() {
        assert!(matches!(parse("switchboard serve --config a.toml"), Ok(Command::Serve(_))));
        assert!(matches!(
            parse("switchboard config check --config a.toml"),
            Ok(Command::Config(ConfigArgs { action: ConfigAction::Check(_) }))
        ));
        let Ok(Command::Token(args)) = parse("switchboard token a@b.c --scopes x,y --expires-in 60") else {
            unreachable!("token parses");
        };
        assert_eq!(args.scopes.unwrap(), ["x", "y"]);
        assert_eq!(args.expires_in, Some(60));
    }

    #[test]
    fn what_does_not_exist_is_refused() {
        for line in [
            "switchboard backup",
            "switchboard serve",
            "switchboard demo --listen nowhere",
            "switchboard token a@b.c --expires-in 0",
            "switchboard token a@b.c --config f --data-dir d",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
