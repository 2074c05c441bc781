//! The server under test: started on one data directory again and again, ended by `kill -9`.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::wire::Web;
use crate::machine;
use crate::process::free_address;

pub(super) const LICENSE: u64 = 100_000_001;
pub(super) const CLIENT: &str = "crash";
pub(super) const ADMIN_TOKEN: &str = "crash-administration-token-0123456789";
pub(super) const AGENT: &str = "agent@example.org";
pub(super) const AGENT_TOKEN: &str = "crash-token-of-the-agent-0123456789";
/// From spawn to ready.
const START: Duration = Duration::from_secs(30);
/// Small, so that the journal rolls several times in a round.
const SEGMENT_BYTES: u64 = 64 << 10;
/// How often is looked whether something has happened.
const LOOK: Duration = Duration::from_micros(200);

pub(super) struct Child {
    binary: PathBuf,
    dir: PathBuf,
    process: Option<std::process::Child>,
    address: SocketAddr,
    starts: u32,
}

impl Child {
    pub(super) fn new(binary: PathBuf, dir: PathBuf) -> Self {
        Self { binary, dir, process: None, address: SocketAddr::from(([127, 0, 0, 1], 0)), starts: 0 }
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it and does not wait.
    pub(super) fn spawn(&mut self) -> Result<()> {
        self.starts += 1;
        self.address = free_address()?;
        let config = self.dir.join("switchboard.toml");
        fs::write(&config, self.configuration())?;
        let log = File::create(self.log())?;
        let mut command = Command::new(&self.binary);
        command.arg("serve").arg("--config").arg(&config).env("RUST_LOG", "warn").env("NO_COLOR", "1");
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        self.process = Some(spawned.with_context(|| format!("cannot start {}", self.binary.display()))?);
        Ok(())
    }

    /// Starts it and waits until it serves.
    pub(super) fn start(&mut self) -> Result<()> {
        self.spawn()?;
        let until = machine::now() + START;
        while Web::new(self.address).get("/readyz").ok() != Some(200) {
            if let Some(process) = &mut self.process
                && let Some(status) = process.try_wait()?
            {
                bail!("the server ended at start: {status}\n{}", self.said());
            }
            ensure!(machine::now() < until, "the server is not ready\n{}", self.said());
            machine::rest(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Ends it without a word; fails when it had ended by itself, or complained.
    pub(super) fn kill(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let ended = process.try_wait()?;
        process.kill().ok();
        process.wait()?;
        let said = self.said();
        ensure!(ended.is_none(), "the server ended by itself: {ended:?}\n{said}");
        let bad = |line: &&str| line.contains("ERROR") || line.contains("panicked at");
        ensure!(!said.lines().any(|line| bad(&line)), "the server complained:\n{said}");
        Ok(())
    }

    /// Waits until the journal has one file more.
    pub(super) fn wait_for_roll(&self, patience: Duration) {
        let count = || {
            let entries = fs::read_dir(self.data().join("journal")).into_iter().flatten().flatten();
            entries.filter(|entry| entry.path().extension().is_some_and(|end| end == "journal")).count()
        };
        let before = count();
        wait(patience, || count() > before);
    }

    /// Waits until the checkpoint is about to be replaced.
    pub(super) fn wait_for_checkpoint(&self, patience: Duration) {
        let journal = self.data().join("journal");
        let stamp = || fs::metadata(journal.join("checkpoint")).and_then(|data| data.modified()).ok();
        let before = stamp();
        wait(patience, || journal.join("checkpoint.new").exists() || stamp() != before);
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn log(&self) -> PathBuf {
        self.dir.join(format!("stderr-{}.log", self.starts))
    }

    fn said(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// No timer may move a chat by itself. The durability changes from start to start: `kill -9` takes
    /// nothing from either.
    fn configuration(&self) -> String {
        let durability = if self.starts.is_multiple_of(2) { "os" } else { "commit" };
        format!(
            "[server]\nlisten = \"{}\"\nshards = 2\n[data]\ndir = {:?}\nsegment_bytes = {SEGMENT_BYTES}\n\
             checkpoint_seconds = 1\nactor_idle_seconds = 1\ndurability = \"{durability}\"\n[admin]\ntoken = \"{ADMIN_TOKEN}\"\n[webhooks]\nallow_loopback = true\n\
             retry_seconds = [1, 1, 1, 1, 1, 1, 1, 1]\n\
             [[license]]\nid = {LICENSE}\norganization_id = \"390e44e6-f1e6-4b7e-8d7c-0a1b2c3d4e5f\"\n\
             client_id = \"{CLIENT}\"\nclient_secret = \"crash-client-secret\"\n\
             [license.timers]\nunseen = 0\nidle = 0\nsilent = 0\ncustomer_left = 0\n\
             [[license.agent]]\nid = \"{AGENT}\"\nname = \"Agent\"\ntoken = \"{AGENT_TOKEN}\"\n",
            self.address,
            self.data().display().to_string(),
        )
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().ok();
            process.wait().ok();
        }
    }
}

fn wait(patience: Duration, mut happened: impl FnMut() -> bool) {
    let until = machine::now() + patience;
    while !happened() && machine::now() < until {
        machine::rest(LOOK);
    }
}
