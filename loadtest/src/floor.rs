//! The floor: what the kernel asks for the same traffic. Every message of a member makes the same
//! frames as the measured server's, ready made, in the same number of writes; nothing is parsed
//! but the frame's length, nothing is stored. Rooms are numbers in the path.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};

use anyhow::{Context, Result};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use tungstenite::handshake::derive_accept_key;

use crate::args::FloorOptions;
use crate::ws::server_frame;

const LISTENER: Token = Token(usize::MAX);
const READ: usize = 64 * 1024;

struct Member {
    stream: TcpStream,
    /// Set when the connection is a WebSocket.
    room: Option<usize>,
    arrived: Vec<u8>,
}

/// Serves until the process is ended.
pub(crate) fn serve(options: &FloorOptions) -> Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(options.listen)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let push = server_frame(&vec![b'P'; options.push.max(1)]);
    let response =
        if options.response == 0 { Vec::new() } else { server_frame(&vec![b'R'; options.response]) };
    let own = [response, push.clone()].concat();
    let mut floor =
        Floor { members: HashMap::new(), rooms: HashMap::new(), next: 0, push, own, buffer: vec![0; READ] };
    let mut events = Events::with_capacity(1024);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            if event.token() == LISTENER {
                floor.accept(&listener, &poll)?;
            } else {
                floor.read(event.token().0);
            }
        }
    }
}

struct Floor {
    members: HashMap<usize, Member>,
    rooms: HashMap<usize, Vec<usize>>,
    next: usize,
    push: Vec<u8>,
    /// What the sender gets, in one write.
    own: Vec<u8>,
    buffer: Vec<u8>,
}

impl Floor {
    fn accept(&mut self, listener: &TcpListener, poll: &Poll) -> Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("cannot accept"),
            };
            stream.set_nodelay(true)?;
            poll.registry().register(&mut stream, Token(self.next), Interest::READABLE)?;
            self.members.insert(self.next, Member { stream, room: None, arrived: Vec::new() });
            self.next += 1;
        }
    }

    fn read(&mut self, n: usize) {
        let Some(member) = self.members.get_mut(&n) else { return };
        loop {
            match member.stream.read(&mut self.buffer) {
                Ok(0) => return self.gone(n),
                Ok(read) => {
                    member.arrived.extend_from_slice(&self.buffer[..read]);
                    if read < READ {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return self.gone(n),
            }
        }
        match member.room {
            None => self.upgrade(n),
            Some(room) => {
                let messages = whole_frames(&mut member.arrived);
                for _ in 0..messages {
                    self.relay(n, room);
                }
            }
        }
    }

    fn upgrade(&mut self, n: usize) {
        let Some(member) = self.members.get_mut(&n) else { return };
        let text = String::from_utf8_lossy(&member.arrived).into_owned();
        if !text.ends_with("\r\n\r\n") {
            return;
        }
        let header = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let room =
            text.split(' ').nth(1).and_then(|path| path.strip_prefix('/')).and_then(|room| room.parse().ok());
        let (Some(room), Some(key)) = (room, header("Sec-WebSocket-Key:")) else { return self.gone(n) };
        let accept = derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        member.arrived.clear();
        member.room = Some(room);
        if member.stream.write_all(answer.as_bytes()).is_err() {
            return self.gone(n);
        }
        self.rooms.entry(room).or_default().push(n);
    }

    /// One write for each member. A socket that takes no more is one that the generator does not
    /// read: it is given up, and the generator says so.
    fn relay(&mut self, from: usize, room: usize) {
        let mut lost = Vec::new();
        for n in self.rooms.get(&room).into_iter().flatten() {
            let frames = if *n == from { &self.own } else { &self.push };
            if let Some(member) = self.members.get_mut(n)
                && member.stream.write_all(frames).is_err()
            {
                lost.push(*n);
            }
        }
        lost.into_iter().for_each(|n| self.gone(n));
    }

    fn gone(&mut self, n: usize) {
        if let Some(room) = self.members.remove(&n).and_then(|member| member.room)
            && let Some(members) = self.rooms.get_mut(&room)
        {
            members.retain(|other| *other != n);
        }
    }
}

/// Takes whole frames of a client out of what arrived, and counts them.
fn whole_frames(arrived: &mut Vec<u8>) -> usize {
    let (mut at, mut count) = (0, 0);
    while let Some(&second) = arrived.get(at + 1) {
        let length = match second & 0x7F {
            126 => match arrived.get(at + 2..at + 4) {
                Some(two) => 4 + usize::from(u16::from_be_bytes([two[0], two[1]])),
                None => break,
            },
            // Nothing that the generator sends is longer.
            127 => break,
            short => 2 + usize::from(short),
        };
        if arrived.len() < at + length + 4 {
            break;
        }
        at += length + 4;
        count += 1;
    }
    arrived.drain(..at);
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::text_frame;

    #[test]
    fn frames_of_clients_are_counted_when_they_are_whole() {
        let mut arrived = [text_frame(b"x"), text_frame(&[b'y'; 300]), text_frame(b"z")].concat();
        let rest = arrived.split_off(arrived.len() - 1);
        assert_eq!(whole_frames(&mut arrived), 2);
        arrived.extend(rest);
        assert_eq!(whole_frames(&mut arrived), 1);
        assert!(arrived.is_empty());
    }
}
