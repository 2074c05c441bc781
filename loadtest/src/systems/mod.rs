//! What is measured: the server itself and those who do the same work. Each says how it is started,
//! how a room is joined and how its frames are understood.

mod floor;
mod mosquitto;
mod nats;
mod node;
mod switchboard;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::process::Process;
use crate::swarm::Client;
use crate::work::{Sizes, Work};

pub(crate) use floor::Floor;
pub(crate) use mosquitto::Mosquitto;
pub(crate) use nats::Nats;
pub(crate) use node::Node;
pub(crate) use switchboard::{SocketCalls, Switchboard, counters, log_in, ping, socket_calls};

/// A running system with every member of the work connected and in its room.
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) clients: Vec<Client>,
    /// Bytes of its frames, where they set the measure.
    pub(crate) sizes: Option<Sizes>,
    /// What it says of its version.
    pub(crate) version: String,
    /// Where it counts its socket calls, when it does.
    pub(crate) metrics: Option<SocketAddr>,
}

/// Something that can be measured.
pub(crate) trait System {
    /// Its name in the table.
    fn name(&self) -> String;

    /// Why it cannot be measured here, and what would change that.
    fn missing(&self) -> Option<String>;

    /// Is it measured only for comparison?
    fn is_peer(&self) -> bool {
        true
    }

    /// Starts it and fills its rooms.
    ///
    /// # Errors
    /// When it does not start or refuses something.
    fn start(&self, work: &Work, sizes: Sizes, dir: &Path) -> Result<Running>;
}

/// The first line that a program says of its version; `None` when there is no such program.
fn version(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned())
}

/// A relayed message: the sender's number, so that it knows its own again, then filling.
fn numbered(sender: usize, bytes: usize) -> Vec<u8> {
    let mut message = format!("{sender:08}").into_bytes();
    message.resize(bytes.max(8), b'x');
    message
}
