//! `switchboard webhook`: tools for whoever writes a receiver of webhooks. They need no server.

mod listen;
mod send_test;
mod verify;

use std::io;
use std::path::PathBuf;

use super::args::WebhookAction;
use super::exit::Exit;
use crate::outbound::{BuildError, Unverified};

/// Why a tool did not do, or did not find, what it should.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The body cannot be read.
    #[error("{}: {error}; name a readable file, or - for standard input", file.display())]
    Body {
        /// The file.
        file: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// The signature does not hold.
    #[error("not verified: {0}")]
    Unverified(#[from] Unverified),
    /// It cannot be listened there.
    #[error("cannot listen at {address} ({error}); --listen names another address")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// What went wrong.
        error: io::Error,
    },
    /// The client cannot be made.
    #[error(transparent)]
    Client(#[from] BuildError),
    /// The receiver did not take the call.
    #[error("not delivered: {0}")]
    NotDelivered(String),
}

impl WebhookError {
    /// How the process should end.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Body { .. } => Exit::Usage,
            Self::Unverified(_) | Self::NotDelivered(_) => Exit::No,
            Self::Listen { .. } => Exit::Unavailable,
            Self::Client(_) => Exit::Internal,
        }
    }
}

/// Runs a tool.
///
/// # Errors
/// What the tool found wrong.
pub async fn run(action: &WebhookAction) -> Result<(), WebhookError> {
    match action {
        WebhookAction::Verify(args) => verify::run(args),
        WebhookAction::Listen(args) => listen::run(args).await,
        WebhookAction::SendTest(args) => send_test::run(args).await,
    }
}

/// The bytes of a file, or of standard input for `-`.
fn read(file: &PathBuf) -> Result<Vec<u8>, WebhookError> {
    let read = || -> io::Result<Vec<u8>> {
        if file.as_os_str() != "-" {
            return std::fs::read(file);
        }
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::stdin().lock(), &mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|error| WebhookError::Body { file: file.clone(), error })
}

/// A line for whoever looks; when nobody does any more, nothing is left to do.
fn say(text: &str) {
    drop(io::Write::write_fmt(&mut io::stdout(), format_args!("{text}\n")));
}
