//! NATS over WebSocket: one subject for each room.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::{Running, System, numbered, version};
use crate::process::{Process, free_address};
use crate::swarm::{Client, Ear, Heard};
use crate::work::{Sizes, Work};
use crate::ws::{Socket, binary_frame};

/// `nats-server`, its WebSocket listener.
pub(crate) struct Nats;

/// The protocol is a stream: a frame may hold several messages, or a part of one.
struct NatsEar {
    number: Vec<u8>,
    arrived: Vec<u8>,
}

impl Ear for NatsEar {
    fn hear(&mut self, payload: &[u8]) -> Result<Heard> {
        self.arrived.extend_from_slice(payload);
        let (mut heard, mut at) = (Heard::default(), 0);
        while let Some(end) = self.arrived[at..].windows(2).position(|two| two == b"\r\n") {
            let line = &self.arrived[at..at + end];
            let body = at + end + 2;
            if line.starts_with(b"MSG ") {
                let length = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
                let length: usize = String::from_utf8_lossy(length).parse()?;
                let Some(told) = self.arrived.get(body..body + length + 2) else { break };
                heard.frames += 1;
                heard.own += u64::from(told.starts_with(&self.number));
                at = body + length + 2;
            } else if line.starts_with(b"-ERR") {
                bail!("NATS refused something: {}", String::from_utf8_lossy(line));
            } else {
                at = body;
            }
        }
        self.arrived.drain(..at);
        Ok(heard)
    }
}

impl System for Nats {
    fn name(&self) -> String {
        "nats".into()
    }

    fn missing(&self) -> Option<String> {
        version("nats-server", "--version").is_none().then(|| "apt-get install nats-server".into())
    }

    fn start(&self, work: &Work, sizes: Sizes, dir: &Path) -> Result<Running> {
        let (address, plain) = (free_address()?, free_address()?);
        let config = dir.join("nats.conf");
        std::fs::write(
            &config,
            format!(
                "listen: \"{plain}\"\nping_interval: \"1h\"\nwebsocket {{ listen: \"{address}\", no_tls: true, compression: false }}\n"
            ),
        )?;
        let mut command = Command::new("nats-server");
        // Go would start threads for both cores otherwise.
        command.arg("-c").arg(&config).env("GOMAXPROCS", "1").stderr(std::process::Stdio::null());
        let process = Process::start(command, address)?;
        let mut clients = Vec::with_capacity(work.connections());
        for member in 0..work.connections() {
            let mut socket = Socket::open(address, "/", None)?;
            let subject = format!("room{}", member / work.members());
            let hello = format!("CONNECT {{\"verbose\":false,\"pedantic\":false}}\r\nSUB {subject} 1\r\n");
            socket.queue(&binary_frame(hello.as_bytes()));
            socket.flush()?;
            let told = numbered(member, sizes.push);
            let said = [format!("PUB {subject} {}\r\n", told.len()).as_bytes(), &told, b"\r\n"].concat();
            let message = if work.speaks(member) { binary_frame(&said) } else { Vec::new() };
            let ear = NatsEar { number: numbered(member, 8), arrived: Vec::new() };
            clients.push(Client { socket, message, ear: Box::new(ear) });
        }
        let version = version("nats-server", "--version").unwrap_or_default();
        Ok(Running { process, clients, sizes: None, version, metrics: None })
    }
}
