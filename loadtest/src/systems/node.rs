//! Two servers of the Node world: rooms on `ws`, and socket.io.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::{Running, System, numbered, version};
use crate::process::{Process, free_address};
use crate::swarm::{Client, Ear, Heard};
use crate::work::{Sizes, Work};
use crate::ws::{Socket, text_frame};

/// Rooms on Node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Node {
    /// The package `ws`.
    Ws,
    /// The package `socket.io`, WebSocket transport only.
    SocketIo,
}

impl Node {
    const fn package(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::SocketIo => "socket.io",
        }
    }

    fn peers() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
    }
}

struct NodeEar {
    kind: Node,
    number: Vec<u8>,
}

impl Ear for NodeEar {
    fn hear(&mut self, payload: &[u8]) -> Result<Heard> {
        let told = match self.kind {
            Node::Ws => payload,
            // `42["say","..."]` is an event; `2` a ping, which is answered in the generator's stead
            // by the long interval that the peer is set to.
            Node::SocketIo => match payload.strip_prefix(b"42[\"say\",\"") {
                Some(told) => told,
                None if payload.starts_with(b"4") || payload.starts_with(b"0") => return Ok(Heard::default()),
                None => bail!("socket.io sent {}", String::from_utf8_lossy(payload)),
            },
        };
        Ok(Heard { frames: 1, own: u64::from(told.starts_with(&self.number)) })
    }
}

impl System for Node {
    fn name(&self) -> String {
        format!("node {}", self.package())
    }

    fn missing(&self) -> Option<String> {
        if version("node", "--version").is_none() {
            return Some("Node.js is not installed: apt-get install nodejs npm".into());
        }
        let package = Self::peers().join("node_modules").join(self.package());
        (!package.exists()).then(|| format!("npm ci --prefix {}", Self::peers().display()))
    }

    fn start(&self, work: &Work, sizes: Sizes, _: &Path) -> Result<Running> {
        let address = free_address()?;
        let script = if *self == Self::Ws { "ws.js" } else { "socketio.js" };
        let mut command = Command::new("node");
        command.arg(Self::peers().join(script)).arg(address.port().to_string());
        let process = Process::start(command, address)?;
        let mut clients = Vec::with_capacity(work.connections());
        for member in 0..work.connections() {
            let room = member / work.members();
            let payload = String::from_utf8_lossy(&numbered(member, sizes.push)).into_owned();
            let (path, said) = match self {
                Self::Ws => (format!("/{room}"), payload),
                Self::SocketIo => {
                    let path = format!("/socket.io/?EIO=4&transport=websocket&room={room}");
                    (path, format!("42[\"say\",\"{payload}\"]"))
                }
            };
            let mut socket = Socket::open(address, &path, None)?;
            if *self == Self::SocketIo {
                socket.queue(&text_frame(b"40"));
                socket.flush()?;
            }
            let message = if work.speaks(member) { text_frame(said.as_bytes()) } else { Vec::new() };
            let number = numbered(member, 8);
            clients.push(Client { socket, message, ear: Box::new(NodeEar { kind: *self, number }) });
        }
        let version = version("node", "--version").unwrap_or_default();
        Ok(Running { process, clients, sizes: None, version: format!("node {version}"), metrics: None })
    }
}
