//! The secrets of a demo: drawn at its first start, kept beside its data, the same at every later
//! start.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use switchboard_domain::desk::{Channel, Inbox};
use switchboard_domain::id::{CustomerId, GroupId};

use super::args::DemoArgs;
use crate::config::{Demo, Secret};
use crate::engine::provision::PlannedInbox;
use crate::engine::secret;
use crate::telemetry::clock;

/// Their file in the data directory, readable by its owner alone.
pub const FILE: &str = "credentials.json";

/// Everything a client of the demo needs to know, but for the addresses.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The demo's license.
    pub license_id: u64,
    /// Its name in newer API versions.
    pub organization_id: String,
    /// The application that owns the agents' tokens.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// The token of the administration.
    pub admin_token: String,
    /// The agents with their tokens, in the order of [`Demo::AGENTS`].
    pub agents: [AgentCredentials; 2],
    /// The groups that exist.
    pub groups: Vec<u32>,
    /// The help desk's secrets.
    #[serde(default = "DeskCredentials::draw")]
    pub desk: DeskCredentials,
}

/// What opens the demo's help desk beside the agents' tokens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskCredentials {
    /// Opens the platform API.
    pub platform_token: String,
    /// Names the demo's inbox to customers.
    pub inbox_identifier: String,
    /// Key of the proof of a customer's identity there.
    pub inbox_hmac_token: String,
    /// Signs the calls of the inbox.
    pub inbox_secret: String,
    /// Drawn just now, and kept nowhere yet.
    #[serde(skip)]
    pub is_new: bool,
}

impl DeskCredentials {
    /// The number of the demo's account.
    pub const ACCOUNT: u64 = 1;
    /// The number of the demo's inbox.
    pub const INBOX: u64 = 1;

    fn draw() -> Self {
        let drawn = secret::draw_short;
        Self {
            platform_token: drawn(),
            inbox_identifier: drawn(),
            inbox_hmac_token: drawn(),
            inbox_secret: drawn(),
            is_new: true,
        }
    }
}

/// An agent's way in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentCredentials {
    /// E-mail address.
    pub id: String,
    /// A token with every scope that never expires.
    pub token: String,
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The file or its directory cannot be read or written.
    #[error("{}: {source}; give a directory of your own with --data-dir", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is damaged.
    #[error("{}: {source}; move the file away to get new tokens (the old ones then end)", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Credentials {
    /// Reads those of a data directory; on its first start draws and keeps new ones. Makes the
    /// directory when it is missing.
    ///
    /// # Errors
    /// The directory cannot be made or written, or the file in it is damaged.
    pub fn load_or_create(dir: &Path) -> Result<Self, CredentialsError> {
        // One from before there was a help desk gets its secrets now.
        let mut fresh = match Self::load(dir)? {
            Some(kept) if !kept.desk.is_new => return Ok(kept),
            Some(kept) => kept,
            None => Self::draw(),
        };
        fresh.desk.is_new = false;
        fresh.store(dir).map_err(|source| CredentialsError::Io { file: dir.join(FILE), source })?;
        Ok(fresh)
    }

    /// Reads those of a data directory, when it has some.
    ///
    /// # Errors
    /// The file is there, but cannot be read or is damaged.
    pub fn load(dir: &Path) -> Result<Option<Self>, CredentialsError> {
        let file = dir.join(FILE);
        match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|source| CredentialsError::Damaged { file, source }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(CredentialsError::Io { file, source }),
        }
    }

    /// What the demo's configuration is made of.
    #[must_use]
    pub fn demo(&self, args: &DemoArgs) -> Demo {
        Demo {
            listen: args.listen,
            tls_listen: args.tls().0,
            data_dir: args.data_dir.clone(),
            organization_id: self.organization_id.clone(),
            client_id: self.client_id.clone(),
            client_secret: Secret::new(&self.client_secret),
            admin_token: Secret::new(&self.admin_token),
            platform_token: Secret::new(&self.desk.platform_token),
            agent_tokens: self.agents.each_ref().map(|agent| Secret::new(&agent.token)),
        }
    }

    /// The demo's inbox: everybody serves it.
    #[must_use]
    pub fn inbox(&self) -> PlannedInbox {
        let desk = &self.desk;
        let secrets = [&desk.inbox_identifier, &desk.inbox_hmac_token, &desk.inbox_secret];
        let [identifier, hmac_token, secret] = secrets.map(|text| text.as_str().into());
        let inbox = Inbox {
            group: GroupId::EVERYBODY,
            ..Inbox::new(DeskCredentials::INBOX, Channel::Api, [identifier, hmac_token, secret])
        };
        PlannedInbox { account: "Demo".into(), inbox }
    }

    fn draw() -> Self {
        Self {
            license_id: Demo::LICENSE,
            // Any version 4 UUID will do, and a customer's id is one.
            organization_id: CustomerId::from_random(clock::random_u128()).to_string(),
            client_id: format!("{:032x}", clock::random_u128()),
            client_secret: secret::draw(),
            admin_token: secret::draw(),
            agents: Demo::AGENTS.map(|id| AgentCredentials { id: id.to_owned(), token: secret::draw() }),
            groups: Demo::GROUPS.to_vec(),
            desk: DeskCredentials::draw(),
        }
    }

    /// Writes the file whole or not at all: a crash leaves no half secrets behind.
    fn store(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)?;
        let unfinished = dir.join(format!("{FILE}.new"));
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&unfinished, dir.join(FILE))?;
        File::open(dir)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use std::os::unix::fs::PermissionsExt as _;

    use clap::Parser as _;

    use super::*;
    use crate::cli::args::{Cli, Command};
    use crate::config::Config;

    #[test]
    fn the_second_start_finds_the_first_ones_tokens() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("made/on/the/way");
        let first = Credentials::load_or_create(&dir).unwrap();
        assert_eq!(first.agents.each_ref().map(|agent| agent.token.len()), [43, 43]);
        assert_ne!(first.agents[0].token, first.agents[1].token);

        let mode = fs::metadata(dir.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        assert!(Credentials::load_or_create(&dir).unwrap() == first);
    }

    #[test]
    fn a_half_written_file_of_a_crash_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("credentials.json.new"), "{").unwrap();
        assert!(Credentials::load(dir.path()).unwrap().is_none());
        let kept = Credentials::load_or_create(dir.path()).unwrap();
        assert!(Credentials::load(dir.path()).unwrap() == Some(kept));
    }

    #[test]
    fn a_damaged_file_is_named_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "{}").unwrap();
        let error = Credentials::load_or_create(dir.path()).err().unwrap().to_string();
        assert!(error.contains(FILE) && error.contains("move the file away"), "{error}");
        assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), b"{}");
    }

    #[test]
    fn they_make_a_configuration_that_passes_its_check() {
        let cli = Cli::try_parse_from(["switchboard", "demo", "--listen", "127.0.0.1:0"]).unwrap();
        let Command::Demo(args) = cli.command else { unreachable!("demo was asked for") };
        let mut config = Config::demo(Credentials::draw().demo(&args));
        config.server.tls = None;
        assert_eq!(config.check(), []);
    }
}
