//! The arguments of `switchboard`.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};
use http::StatusCode;

use super::exit;
use crate::config::DEFAULT_LISTEN;
use crate::outbound::TOLERANCE_SECONDS;

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
    /// Copy the data of a server, which may go on running, into a new directory
    Backup(BackupArgs),
    /// Check a backup and make a new data directory of it
    Restore(RestoreArgs),
    /// Look whether a data directory that no server runs on is sound, and mend what can be mended
    Doctor(DoctorArgs),
    /// Look at a configuration file
    Config(ConfigArgs),
    /// Tools for whoever writes a receiver of webhooks
    Webhook(WebhookArgs),
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

/// `switchboard backup`
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The directory to make; what is there already is left alone
    #[arg(value_name = "TO")]
    pub to: PathBuf,
    /// The data directory
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DEMO_DIR, conflicts_with = "config")]
    pub data_dir: PathBuf,
    /// The configuration file that names it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `switchboard restore`
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The directory that `backup` has made
    #[arg(value_name = "FROM")]
    pub from: PathBuf,
    /// The data directory to make; what is there already is left alone
    #[arg(value_name = "DATA_DIR")]
    pub data_dir: PathBuf,
}

/// `switchboard doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The data directory
    #[arg(value_name = "DATA_DIR")]
    pub data_dir: PathBuf,
    /// Mend what can be mended without losing anything that was acknowledged
    #[arg(long)]
    pub repair: bool,
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

/// `switchboard webhook`
#[derive(Debug, Args)]
pub struct WebhookArgs {
    /// Which tool.
    #[command(subcommand)]
    pub action: WebhookAction,
}

/// `switchboard webhook listen|send-test|verify`
#[derive(Debug, Subcommand)]
pub enum WebhookAction {
    /// Show calls as they arrive, and answer them well or badly
    Listen(ListenArgs),
    /// Post one call as a server would, and tell what was answered
    SendTest(SendTestArgs),
    /// Check the signature of a call that was recorded
    Verify(VerifyArgs),
}

/// `switchboard webhook listen`
#[derive(Debug, Clone, Args)]
pub struct ListenArgs {
    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9000")]
    pub listen: SocketAddr,
    /// The webhook's secret_key, to check signatures
    #[arg(long, value_name = "SECRET")]
    pub secret: Option<String>,
    /// Answers to the first calls, the last one to all that follow: statuses, or late (200 after the
    /// time is up), hang, reset, slow (200 with a body in drops); such as 500,hang,200
    #[arg(long, value_name = "ANSWERS", value_delimiter = ',', default_value = "200")]
    pub answer: Vec<Answer>,
    /// Print one line of JSON for each call
    #[arg(long)]
    pub json: bool,
}

/// How a call is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// With a status.
    Status(StatusCode),
    /// With 200, when the time is up.
    Late,
    /// Never.
    Hang,
    /// The connection is reset.
    Reset,
    /// With 200, and a body that comes in drops.
    Slow,
}

const ANSWERS: [(&str, Answer); 4] =
    [("late", Answer::Late), ("hang", Answer::Hang), ("reset", Answer::Reset), ("slow", Answer::Slow)];

impl FromStr for Answer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = ANSWERS.iter().find(|(word, _)| *word == text).map(|(_, answer)| *answer);
        let status = || {
            let status =
                text.parse::<StatusCode>().ok().filter(|status| (200..600).contains(&status.as_u16()));
            status.map(Self::Status)
        };
        let words = "give a status from 200 to 599, or one of: late, hang, reset, slow";
        named.or_else(status).ok_or_else(|| words.to_owned())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{}", status.as_u16()),
            other => {
                f.write_str(ANSWERS.iter().find(|(_, known)| known == other).map_or("", |(word, _)| word))
            }
        }
    }
}

/// `switchboard webhook send-test`
#[derive(Debug, Args)]
pub struct SendTestArgs {
    /// Where to post
    #[arg(value_name = "URL")]
    pub url: String,
    /// The webhook's secret_key: stands in the sample's body and signs it
    #[arg(long, value_name = "SECRET", default_value = "")]
    pub secret: String,
    /// The delivery's id [default: a new one]
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// A file with the body, - for standard input [default: a message of a customer]
    #[arg(long, value_name = "FILE")]
    pub body: Option<PathBuf>,
}

/// `switchboard webhook verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The webhook's secret_key
    #[arg(long, value_name = "SECRET")]
    pub secret: String,
    /// The header webhook-id
    #[arg(long, value_name = "ID")]
    pub id: String,
    /// The header webhook-timestamp
    #[arg(long, value_name = "SECONDS")]
    pub timestamp: u64,
    /// The header webhook-signature
    #[arg(long, value_name = "SIGNATURES")]
    pub signature: String,
    /// A file with the body, byte for byte
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub body: PathBuf,
    /// How old the call may be, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = TOLERANCE_SECONDS)]
    pub tolerance: u64,
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
        assert!(matches!(parse("switchboard backup to --config a.toml"), Ok(Command::Backup(_))));
        assert!(matches!(parse("switchboard restore from dir"), Ok(Command::Restore(_))));
        assert!(matches!(parse("switchboard doctor dir --repair"), Ok(Command::Doctor(_))));
        let Ok(Command::Token(args)) = parse("switchboard token a@b.c --scopes x,y --expires-in 60") else {
            unreachable!("token parses");
        };
        assert_eq!(args.scopes.unwrap(), ["x", "y"]);
        assert_eq!(args.expires_in, Some(60));
    }

    #[test]
    fn a_listener_answers_as_it_is_told() {
        let Ok(Command::Webhook(WebhookArgs { action: WebhookAction::Listen(args) })) =
            parse("switchboard webhook listen --answer 500,hang,late,reset,slow,200 --listen 127.0.0.1:0")
        else {
            unreachable!("it parses");
        };
        let told: Vec<_> = args.answer.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["500", "hang", "late", "reset", "slow", "200"]);
        for odd in ["0", "199", "600", "later", ""] {
            assert!(parse(&format!("switchboard webhook listen --answer={odd}")).is_err(), "{odd}");
        }
    }

    #[test]
    fn what_does_not_exist_is_refused() {
        for line in [
            "switchboard backup",
            "switchboard backup to --config f --data-dir d",
            "switchboard restore from",
            "switchboard doctor",
            "switchboard serve",
            "switchboard demo --listen nowhere",
            "switchboard token a@b.c --expires-in 0",
            "switchboard token a@b.c --config f --data-dir d",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
