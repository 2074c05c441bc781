//! One WebSocket of the generator: as little as RFC 6455 allows, because only the server counts.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;
use socket2::{Domain, Type};

/// Bytes read at once.
const READ: usize = 64 * 1024;
/// Bytes of a segment of a narrow connection: those of an ethernet frame.
const NARROW_SEGMENT: u32 = 1_400;
/// Bytes that the system keeps for a narrow connection until they are read.
const NARROW_BYTES: usize = 32 * 1024;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// A connection.
pub(crate) struct Socket {
    pub(crate) stream: TcpStream,
    /// Received and not yet taken apart.
    arrived: Vec<u8>,
    /// To be written.
    leaving: Vec<u8>,
}

impl Socket {
    /// Connects and upgrades; the protocol is named where a server wants one.
    pub(crate) fn open(address: SocketAddr, path: &str, protocol: Option<&str>) -> Result<Self> {
        Opening::begin(address, path, protocol)?.finish()
    }

    /// Queues bytes that are frames already, see [`text_frame`] and [`binary_frame`].
    pub(crate) fn queue(&mut self, frames: &[u8]) {
        self.leaving.extend_from_slice(frames);
    }

    /// Writes what is queued, as far as the socket takes it.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let mut written = 0;
        while written < self.leaving.len() {
            match self.stream.write(&self.leaving[written..]) {
                Ok(0) => bail!("a connection takes nothing more"),
                Ok(n) => written += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.leaving.drain(..written);
        Ok(())
    }

    /// Reads what is there and hands over the payload of each complete data frame; an end is an error.
    pub(crate) fn read(&mut self, take: impl FnMut(&[u8])) -> Result<()> {
        match self.hear(take)? {
            None => Ok(()),
            Some(End::Lost) => bail!("the server closed a connection"),
            Some(End::Closed(code)) => bail!("the server closed a connection with {code}"),
        }
    }

    /// The same, with the word that it has ended, once all before the end was handed over.
    pub(crate) fn hear(&mut self, mut take: impl FnMut(&[u8])) -> Result<Option<End>> {
        let mut end = None;
        loop {
            let before = self.arrived.len();
            self.arrived.resize(before + READ, 0);
            let read = self.stream.read(&mut self.arrived[before..]);
            self.arrived.truncate(before + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(n) if n == READ => {}
                Ok(n) if n > 0 => break,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Ok(_) | Err(_) => {
                    end = Some(End::Lost);
                    break;
                }
            }
        }
        let mut at = 0;
        let mut pongs = Vec::new();
        while let Some((opcode, start, whole)) = frame(&self.arrived[at..]) {
            let payload = &self.arrived[at + start..at + whole];
            match opcode {
                PING => pongs.extend(client_frame(PONG, payload)),
                PONG => {}
                CLOSE => {
                    let code = payload.first_chunk().map_or(0, |code| u16::from_be_bytes(*code));
                    end = Some(End::Closed(code));
                    break;
                }
                _ => take(payload),
            }
            at += whole;
        }
        self.arrived.drain(..at);
        if !pongs.is_empty() {
            self.queue(&pongs);
            self.flush()?;
        }
        Ok(end)
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With this code.
    Closed(u16),
    /// Without a word.
    Lost,
}

/// A connection that has asked to be a WebSocket and has not read the answer.
pub(crate) struct Opening {
    address: SocketAddr,
    stream: std::net::TcpStream,
}

impl Opening {
    /// Connects and asks.
    pub(crate) fn begin(address: SocketAddr, path: &str, protocol: Option<&str>) -> Result<Self> {
        let stream =
            std::net::TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        Self::ask(stream, address, path, protocol)
    }

    /// The same over a connection for which the system keeps little, as over the networks that people
    /// have: over loopback it would keep megabytes for each, and what the server does would come late.
    pub(crate) fn begin_narrow(address: SocketAddr, path: &str) -> Result<Self> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_tcp_mss(NARROW_SEGMENT)?;
        socket.set_recv_buffer_size(NARROW_BYTES)?;
        socket.connect(&address.into()).with_context(|| format!("cannot connect to {address}"))?;
        Self::ask(socket.into(), address, path, None)
    }

    fn ask(
        mut stream: std::net::TcpStream,
        address: SocketAddr,
        path: &str,
        protocol: Option<&str>,
    ) -> Result<Self> {
        stream.set_nodelay(true)?;
        let protocol = protocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n")).unwrap_or_default();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{protocol}\r\n"
        )?;
        Ok(Self { address, stream })
    }

    /// Waits for the answer.
    pub(crate) fn finish(self) -> Result<Socket> {
        let Self { address, mut stream } = self;
        let mut arrived = Vec::new();
        let end = loop {
            if let Some(at) = arrived.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            let mut buffer = [0; 2048];
            let n = stream.read(&mut buffer)?;
            ensure!(n > 0, "{address} closed the connection before it was a WebSocket");
            arrived.extend_from_slice(&buffer[..n]);
        };
        ensure!(
            arrived.starts_with(b"HTTP/1.1 101"),
            "{address} refused the WebSocket: {}",
            String::from_utf8_lossy(&arrived[..end.min(200)])
        );
        arrived.drain(..end);
        stream.set_nonblocking(true)?;
        Ok(Socket { stream: TcpStream::from_std(stream), arrived, leaving: Vec::new() })
    }
}

/// Opcode, start and end of the payload of the first frame, when it is whole.
fn frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    let (start, length) = match second & 0x7F {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    (bytes.len() >= start + length).then_some((first & 0x0F, start, start + length))
}

/// A text message of a client. The mask is zero: the server has the same work with any.
pub(crate) fn text_frame(payload: &[u8]) -> Vec<u8> {
    client_frame(TEXT, payload)
}

/// A binary message of a client.
pub(crate) fn binary_frame(payload: &[u8]) -> Vec<u8> {
    client_frame(BINARY, payload)
}

fn client_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(opcode, payload.len(), 0x80);
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

/// A text message of a server.
pub(crate) fn server_frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = header(TEXT, payload.len(), 0);
    frame.extend_from_slice(payload);
    frame
}

fn header(opcode: u8, length: usize, mask: u8) -> Vec<u8> {
    let mut header = vec![0x80 | opcode];
    match u16::try_from(length) {
        Ok(short @ 0..=125) => header.push(mask | short.to_le_bytes()[0]),
        Ok(medium) => {
            header.push(mask | 126);
            header.extend_from_slice(&medium.to_be_bytes());
        }
        Err(_) => {
            header.push(mask | 127);
            header.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    header
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test may fail loudly")]

    use super::*;

    #[test]
    fn frames_of_every_length_are_found_again() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let framed = server_frame(&payload);
            let Some((opcode, start, end)) = frame(&framed) else { panic!("{length}: not found") };
            assert_eq!((opcode, &framed[start..end]), (TEXT, &payload[..]), "{length}");
            assert_eq!(end, framed.len());
            assert_eq!(frame(&framed[..framed.len() - 1]), None, "{length}: not whole");
        }
    }
}
