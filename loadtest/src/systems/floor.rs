//! The floor as a system: see [`crate::floor`].

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::{Running, System};
use crate::process::{Process, free_address};
use crate::swarm::{Client, Ear, Heard};
use crate::work::{Sizes, Work};
use crate::ws::{Socket, text_frame};

/// Bare epoll, the same frames.
pub(crate) struct Floor;

struct FloorEar;

impl Ear for FloorEar {
    fn hear(&mut self, payload: &[u8]) -> Result<Heard> {
        match payload.first() {
            Some(b'R') => Ok(Heard { frames: 1, own: 1 }),
            Some(b'P') => Ok(Heard { frames: 1, own: 0 }),
            _ => bail!("the floor sent something else"),
        }
    }
}

impl System for Floor {
    fn name(&self) -> String {
        "floor".into()
    }

    fn missing(&self) -> Option<String> {
        None
    }

    fn start(&self, work: &Work, sizes: Sizes, _: &Path) -> Result<Running> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["floor", "--listen", &address.to_string()]);
        command.args(["--response", &sizes.response.to_string(), "--push", &sizes.push.to_string()]);
        let process = Process::start(command, address)?;
        let message = text_frame(&vec![b'm'; sizes.request]);
        let mut clients = Vec::with_capacity(work.connections());
        for member in 0..work.connections() {
            let room = format!("/{}", member / work.members());
            let socket = Socket::open(address, &room, None)?;
            let message = if work.speaks(member) { message.clone() } else { Vec::new() };
            clients.push(Client { socket, message, ear: Box::new(FloorEar) });
        }
        Ok(Running { process, clients, sizes: None, version: "bundled".into(), metrics: None })
    }
}
