//! `switchboard token`: asks the running server for an agent's token.
//!
//! Tokens are live state, so the server makes them; its lock file says where it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::args::TokenArgs;
use super::credentials::{Credentials, CredentialsError};
use super::exit::Exit;
use crate::config::{Config, ConfigError};

/// The file in a data directory with which a running server says where it is.
const LOCK_FILE: &str = "lock";
/// How long the server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The configuration file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The demo's credentials are damaged.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The directory holds no demo.
    #[error("{} holds no demo; name its directory with --data-dir, or a configuration with --config", dir.display())]
    NoDemo {
        /// The directory.
        dir: PathBuf,
    },
    /// No server runs on the data directory.
    #[error("no server runs on {}; start it, then ask again", dir.display())]
    NotRunning {
        /// The directory.
        dir: PathBuf,
    },
    /// The server could not be asked.
    #[error("the server at {address} does not answer ({reason}); see whether it still runs")]
    NoAnswer {
        /// Where it was asked.
        address: String,
        /// What went wrong.
        reason: String,
    },
    /// The server said no.
    #[error("the server refused ({status}): {body}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        body: String,
    },
}

impl TokenError {
    /// How the process should end.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(_) => Exit::Config,
            Self::Credentials(_) => Exit::DataDir,
            Self::NoDemo { .. } | Self::Refused { .. } => Exit::Usage,
            Self::NotRunning { .. } | Self::NoAnswer { .. } => Exit::Unavailable,
        }
    }
}

#[derive(Serialize)]
struct Request<'a> {
    agent_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct Answer {
    token: String,
}

/// Gets a token.
///
/// # Errors
/// The server cannot be found or asked, or refuses.
pub async fn run(args: &TokenArgs) -> Result<String, TokenError> {
    let (dir, admin_token) = match &args.config {
        Some(file) => {
            let config = Config::load(file)?;
            (config.data.dir, config.admin.token.expose().to_owned())
        }
        None => match Credentials::load(&args.data_dir)? {
            Some(credentials) => (args.data_dir.clone(), credentials.admin_token),
            None => return Err(TokenError::NoDemo { dir: args.data_dir.clone() }),
        },
    };
    let address = admin_address(&dir).ok_or(TokenError::NotRunning { dir })?;
    ask(args, &address, &admin_token).await
}

/// Where the server on a data directory can be asked, by its lock file: lines of a word and a value.
fn admin_address(dir: &Path) -> Option<String> {
    let text = fs::read_to_string(dir.join(LOCK_FILE)).ok()?;
    let value = |word| text.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix([' ', '=']));
    value("address").map(str::to_owned)
}

async fn ask(args: &TokenArgs, address: &str, admin_token: &str) -> Result<String, TokenError> {
    let no_answer = |error: &dyn std::error::Error| TokenError::NoAnswer {
        address: address.to_owned(),
        reason: innermost(error),
    };
    let request = Request {
        agent_id: &args.agent_id,
        client_id: args.client_id.as_deref(),
        scopes: args.scopes.as_deref(),
        expires_in: args.expires_in,
    };
    let body = serde_json::to_vec(&request).map_err(|error| no_answer(&error))?;

    // Nothing is encrypted here, but the client wants a provider; one set before is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build();
    let response = client
        .map_err(|error| no_answer(&error))?
        .post(format!("http://{address}/admin/v1/tokens"))
        .bearer_auth(admin_token)
        .header("Content-Type", "application/json")
        .body(body)
        .send()
        .await
        .map_err(|error| no_answer(&error))?;
    let status = response.status();
    let body = response.bytes().await.map_err(|error| no_answer(&error))?;
    if !status.is_success() {
        let body = String::from_utf8_lossy(&body).into_owned();
        return Err(TokenError::Refused { status: status.as_u16(), body });
    }
    serde_json::from_slice(&body).map(|answer: Answer| answer.token).map_err(|error| no_answer(&error))
}

/// The cause at the bottom: "connection refused" rather than "error sending request".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use clap::Parser as _;
    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::cli::args::{Cli, Command};

    fn args(dir: &Path, more: &[&str]) -> TokenArgs {
        let line = ["switchboard", "token", "ann@example.org", "--data-dir", dir.to_str().unwrap()];
        let cli = Cli::try_parse_from(line.iter().chain(more)).unwrap();
        let Command::Token(args) = cli.command else { unreachable!("token was asked for") };
        args
    }

    /// Answers one request; gives its head and body.
    async fn answer_once(listener: TcpListener, answer: &str) -> (String, Value) {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut read = Vec::new();
        loop {
            assert_ne!(socket.read_buf(&mut read).await.unwrap(), 0, "the request is cut short");
            let text = String::from_utf8_lossy(&read).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let Ok(body) = serde_json::from_str(body) else { continue };
            socket.write_all(answer.as_bytes()).await.unwrap();
            return (head.to_lowercase(), body);
        }
    }

    async fn run_against(answer: &str, more: &[&str]) -> (Result<String, TokenError>, String, Value) {
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let lock = format!("pid 1\naddress {}\n", listener.local_addr().unwrap());
        fs::write(dir.path().join(LOCK_FILE), lock).unwrap();
        let credentials = Credentials::load_or_create(dir.path()).unwrap();
        let args = args(dir.path(), more);
        let (result, (head, body)) = tokio::join!(run(&args), answer_once(listener, answer));
        assert!(head.contains(&format!("authorization: bearer {}", credentials.admin_token.to_lowercase())));
        (result, head, body)
    }

    #[tokio::test]
    async fn the_server_is_found_and_asked() {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"token\":\"t\"}";
        let (result, head, body) =
            run_against(answer, &["--scopes", "chats--all:ro", "--expires-in", "60"]).await;
        assert_eq!(result.unwrap(), "t");
        assert!(head.starts_with("post /admin/v1/tokens http/1.1"), "{head}");
        let expected = json!({"agent_id": "ann@example.org", "scopes": ["chats--all:ro"], "expires_in": 60});
        assert_eq!(body, expected);
    }

    #[tokio::test]
    async fn a_refusal_is_told() {
        let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nwho?";
        let error = run_against(answer, &[]).await.0.unwrap_err();
        assert_eq!(error.to_string(), "the server refused (404): who?");
        assert_eq!(error.exit(), Exit::Usage);
    }

    #[tokio::test]
    async fn no_server_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let args = args(dir.path(), &[]);
        assert!(matches!(run(&args).await, Err(TokenError::NoDemo { .. })));

        Credentials::load_or_create(dir.path()).unwrap();
        assert!(matches!(run(&args).await, Err(TokenError::NotRunning { .. })));

        // A port that was free a moment ago: the lock file of a server that was killed.
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        fs::write(dir.path().join(LOCK_FILE), format!("pid 1\naddress {gone}\n")).unwrap();
        let error = run(&args).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Unavailable);
        assert!(error.to_string().contains("refused"), "{error}");
    }
}
