//! The log: lines for people on standard error. Standard output belongs to the commands.

use std::env::{self, VarError};
use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// The environment variable with the filter, in `tracing`'s directive syntax:
/// `debug`, or `info,switchboard::storage=trace`.
pub const FILTER_VARIABLE: &str = "SWITCHBOARD_LOG";

/// What is logged when the variable is missing or empty. sled tells its inner life at `info`.
const DEFAULT_FILTER: &str = "info,sled=warn";

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is no directive list.
    #[error("{FILTER_VARIABLE}={text}: {reason}; write for example {FILTER_VARIABLE}=debug, or leave it out")]
    Filter {
        /// The filter as it was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The process has a log already.
    #[error("the log is set up already")]
    AlreadySetUp,
}

/// Sends the log of the whole process to standard error, filtered by [`FILTER_VARIABLE`].
///
/// # Errors
/// The filter is malformed, or a log was set up before.
pub fn init() -> Result<(), LogError> {
    let text = match env::var(FILTER_VARIABLE) {
        Ok(text) => text,
        Err(VarError::NotPresent) => String::new(),
        Err(VarError::NotUnicode(text)) => text.to_string_lossy().into_owned(),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter(&text)?)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .try_init()
        .map_err(|_| LogError::AlreadySetUp)
}

fn filter(text: &str) -> Result<EnvFilter, LogError> {
    let text = if text.trim().is_empty() { DEFAULT_FILTER } else { text };
    EnvFilter::try_new(text)
        .map_err(|error| LogError::Filter { text: text.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_filter_means_the_default_one() {
        assert!(filter("").is_ok_and(|filter| filter.to_string().contains("info")));
        assert!(filter("switchboard=trace").is_ok_and(|filter| !filter.to_string().contains("info")));
    }

    #[test]
    fn a_bad_filter_is_named() {
        let message = filter("switchboard=loud").err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message.starts_with("SWITCHBOARD_LOG=switchboard=loud: "), "{message}");
    }
}
