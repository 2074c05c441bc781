//! mosquitto over WebSocket: MQTT 3.1.1, quality of service 0, one topic for each room.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::{Running, System, numbered, version};
use crate::process::{Process, free_address};
use crate::swarm::{Client, Ear, Heard};
use crate::work::{Sizes, Work};
use crate::ws::{Socket, binary_frame};

/// `mosquitto`, its WebSocket listener.
pub(crate) struct Mosquitto;

const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const SUBACK: u8 = 9;

struct MqttEar {
    number: Vec<u8>,
    arrived: Vec<u8>,
}

impl Ear for MqttEar {
    fn hear(&mut self, payload: &[u8]) -> Result<Heard> {
        self.arrived.extend_from_slice(payload);
        let (mut heard, mut at) = (Heard::default(), 0);
        while let Some((kind, start, end)) = packet(&self.arrived[at..]) {
            let body = &self.arrived[at + start..at + end];
            match kind {
                PUBLISH => {
                    let topic =
                        body.get(..2).map_or(0, |two| usize::from(u16::from_be_bytes([two[0], two[1]])));
                    heard.frames += 1;
                    heard.own +=
                        u64::from(body.get(2 + topic..).is_some_and(|told| told.starts_with(&self.number)));
                }
                CONNACK if body.get(1) == Some(&0) => {}
                SUBACK => {}
                _ => bail!("mosquitto sent packet {kind}: {body:?}"),
            }
            at += end;
        }
        self.arrived.drain(..at);
        Ok(heard)
    }
}

/// Kind, start and end of the body of the first packet, when it is whole.
fn packet(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let kind = bytes.first()? >> 4;
    let (mut length, mut start) = (0_usize, 1);
    loop {
        let byte = *bytes.get(start)?;
        length |= usize::from(byte & 0x7F) << (7 * (start - 1));
        start += 1;
        if byte & 0x80 == 0 || start > 4 {
            break;
        }
    }
    (bytes.len() >= start + length).then_some((kind, start, start + length))
}

fn encode(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let mut length = body.len();
    loop {
        let low = (length & 0x7F).to_le_bytes()[0];
        length >>= 7;
        packet.push(if length == 0 { low } else { low | 0x80 });
        if length == 0 {
            break;
        }
    }
    packet.extend_from_slice(body);
    packet
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

impl System for Mosquitto {
    fn name(&self) -> String {
        "mosquitto".into()
    }

    fn missing(&self) -> Option<String> {
        version("mosquitto", "-h").is_none().then(|| "apt-get install mosquitto".into())
    }

    fn start(&self, work: &Work, sizes: Sizes, dir: &Path) -> Result<Running> {
        let address = free_address()?;
        let config = dir.join("mosquitto.conf");
        std::fs::write(
            &config,
            format!(
                "listener {} 127.0.0.1\nprotocol websockets\nallow_anonymous true\nmax_inflight_messages 0\nset_tcp_nodelay true\n",
                address.port()
            ),
        )?;
        let mut command = Command::new("mosquitto");
        command.arg("-c").arg(&config).stderr(std::process::Stdio::null());
        let process = Process::start(command, address)?;
        let mut clients = Vec::with_capacity(work.connections());
        for member in 0..work.connections() {
            let mut socket = Socket::open(address, "/mqtt", Some("mqtt"))?;
            let topic = text(&format!("room{}", member / work.members()));
            // Protocol name and level 4, a clean session, no keep-alive.
            let connect = [&text("MQTT")[..], &[4, 2, 0, 0], &text(&format!("m{member}"))].concat();
            let subscribe = [&[0, 1][..], &topic, &[0]].concat();
            socket.queue(&binary_frame(&[encode(0x10, &connect), encode(0x82, &subscribe)].concat()));
            socket.flush()?;
            let publish = encode(0x30, &[topic, numbered(member, sizes.push)].concat());
            let message = if work.speaks(member) { binary_frame(&publish) } else { Vec::new() };
            let ear = MqttEar { number: numbered(member, 8), arrived: Vec::new() };
            clients.push(Client { socket, message, ear: Box::new(ear) });
        }
        Ok(Running {
            process,
            clients,
            sizes: None,
            version: version("mosquitto", "-h").unwrap_or_default(),
            metrics: None,
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test may fail loudly")]

    use super::*;

    #[test]
    fn packets_of_every_length_are_found_again() {
        for length in [0, 127, 128, 20_000] {
            let encoded = encode(0x30, &vec![7; length]);
            let Some((kind, start, end)) = packet(&encoded) else { panic!("{length}: not found") };
            assert_eq!((kind, end - start, end), (PUBLISH, length, encoded.len()));
            assert_eq!(packet(&encoded[..encoded.len() - 1]), None, "{length}: not whole");
        }
    }
}
