//! A server under measurement: started on its own core, ended by its id.

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Pid;

use crate::machine::{self, GENERATOR_CORE, SERVER_CORE, Usage};

/// From spawn to the first accepted connection.
const START: Duration = Duration::from_secs(30);

/// A running server. Dropping it ends it.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts a program on the server's core and waits until it accepts connections.
    pub(crate) fn start(mut command: Command, listens: SocketAddr) -> Result<Self> {
        machine::pin(SERVER_CORE)?;
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        machine::pin(GENERATOR_CORE)?;
        let child = spawned.with_context(|| format!("cannot start {:?}", command.get_program()))?;
        let mut process = Self { child };
        let until = machine::now() + START;
        while TcpStream::connect_timeout(&listens, Duration::from_millis(200)).is_err() {
            if let Some(status) = process.child.try_wait()? {
                bail!("{:?} ended at start: {status}", command.get_program());
            }
            if machine::now() >= until {
                bail!("{:?} does not accept connections at {listens}", command.get_program());
            }
            std::thread::yield_now();
        }
        Ok(process)
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of(self.id()?)
    }

    /// The most resident memory that it ever had, in bytes.
    pub(crate) fn peak(&self) -> Result<u64> {
        Usage::peak(self.id()?)
    }

    /// Files and connections that it has open.
    pub(crate) fn open_files(&self) -> Result<usize> {
        Usage::open_files(self.id()?)
    }

    fn id(&self) -> Result<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("no process id")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A free port on loopback.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
