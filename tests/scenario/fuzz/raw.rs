//! A stranger who speaks no protocol: broken frames behind a good handshake, and bytes that are no HTTP.
//!
//! The server has to end such a connection by itself, soon, whatever is still owed to it.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::chance::Chance;
use crate::support::DEADLINE;
use crate::support::server::Server;

/// So many connections, one after the other.
pub(super) async fn send(server: &Server, mut chance: Chance, connections: u64) {
    for n in 0..connections {
        let mut bytes = Vec::new();
        if chance.one_in(3) {
            no_http(&mut bytes, &mut chance);
        } else {
            bytes.extend(handshake(server));
            for _ in 0..1 + chance.below(6) {
                frame(&mut bytes, &mut chance);
            }
        }
        if chance.one_in(6) {
            bytes.truncate(usize::try_from(chance.below(bytes.len().max(1) as u64)).unwrap());
        }
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        // In pieces, so that frames arrive torn. It may be closed in the middle: that is an answer, too.
        for piece in bytes.chunks(usize::try_from(1 + chance.below(3_000)).unwrap()) {
            if socket.write_all(piece).await.is_err() {
                break;
            }
        }
        if chance.one_in(8) {
            // Gone without a word.
            continue;
        }
        let _ = socket.shutdown().await;
        let mut rest = Vec::new();
        let end = timeout(DEADLINE, socket.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "connection {n} was not ended by the server after {:?}", lossy(&bytes));
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(2_000).collect()
}

fn handshake(server: &Server) -> Vec<u8> {
    format!(
        "GET /v3.0/agent/rtm/ws HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.address()
    )
    .into_bytes()
}

/// A frame of any opcode, length and mask, right or wrong (RFC 6455, 5.2).
fn frame(out: &mut Vec<u8>, chance: &mut Chance) {
    if chance.one_in(10) {
        return noise(out, chance, 300);
    }
    let opcode = chance.pick(&[0, 0, 1, 1, 1, 1, 2, 3, 7, 8, 8, 9, 10, 11, 15]).unwrap_or(1);
    let fin = if chance.one_in(4) { 0 } else { 0x80 };
    let reserved = if chance.one_in(10) { chance.pick(&[0x40, 0x20, 0x10]).unwrap_or(0) } else { 0 };
    let payload = payload(opcode, chance);
    let masked = !chance.one_in(10);
    out.push(fin | reserved | opcode);
    let mask_bit = if masked { 0x80 } else { 0 };
    let length = match chance.below(20) {
        // A length that has nothing to do with what follows.
        0 => chance.bits(),
        1 => u64::MAX,
        2 => 1 << 63,
        _ => payload.len() as u64,
    };
    match u16::try_from(length) {
        Ok(short) if short < 126 && !chance.one_in(10) => {
            out.push(mask_bit | u8::try_from(short).unwrap());
        }
        Ok(short) if !chance.one_in(10) => {
            out.push(mask_bit | 126);
            out.extend(short.to_be_bytes());
        }
        _ => {
            out.push(mask_bit | 127);
            out.extend(length.to_be_bytes());
        }
    }
    let mask = if masked { u32::try_from(chance.bits() >> 32).unwrap().to_be_bytes() } else { [0; 4] };
    if masked {
        out.extend(mask);
    }
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

fn payload(opcode: u8, chance: &mut Chance) -> Vec<u8> {
    let mut bytes = Vec::new();
    match (opcode, chance.below(6)) {
        (8, 0) => {}
        (8, 1) => bytes.push(3),
        (8, _) => {
            let code = chance.pick(&[0_u16, 999, 1000, 1001, 1005, 1006, 1015, 2999, 3000, 4999, 65535]);
            bytes.extend(code.unwrap_or(1000).to_be_bytes());
            noise(&mut bytes, chance, 130);
        }
        (_, 0) => noise(&mut bytes, chance, 70_000),
        (_, 1) => noise(&mut bytes, chance, 130),
        // Cut inside of a character, so that fragments end in the middle.
        (_, 2) => bytes.extend_from_slice(&"\u{1f600}".as_bytes()[..3]),
        (_, 3) => bytes.extend_from_slice(br#"{"action":"login","payload":{"token":"none"}}"#),
        _ => bytes.extend_from_slice(br#"{"action":"ping","request_id":"1"}"#),
    }
    bytes
}

fn noise(out: &mut Vec<u8>, chance: &mut Chance, longest: u64) {
    let most = 1 + chance.below(longest);
    let length = chance.below(most);
    out.extend((0..length).map(|_| u8::try_from(chance.below(256)).unwrap()));
}

/// Heads and bodies that HTTP does not allow, and some that it does.
fn no_http(out: &mut Vec<u8>, chance: &mut Chance) {
    let lines: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\n",
        b"POST /v3.0/agent/action/send_event HTTP/1.1\r\n",
        b"POST /v3.0/customer/action/start_chat?license_id=18446744073709551616 HTTP/1.1\r\n",
        b"GET /v3.0/agent/rtm/ws HTTP/1.1\r\n",
        b"GET /v3.0/customer/rtm/ws?license_id=%00 HTTP/1.0\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\xff\xfe HTTP/9.9\r\n",
        b"\r\n\r\n",
    ];
    let fields: &[&[u8]] = &[
        b"Host: a\r\n",
        b"Host: a\r\nHost: b\r\n",
        b"Content-Type: application/json\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 3\r\nContent-Length: 4\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Expect: 100-continue\r\n",
        b"Connection: Upgrade, close\r\n",
        b"Upgrade: websocket\r\n",
        b"Sec-WebSocket-Version: 99\r\n",
        b"Sec-WebSocket-Key: short\r\n",
        b"Authorization: Bearer \xff\x00\r\n",
        b" folded: line\r\n",
        b"no colon\r\n",
        b"\x00: \x00\r\n",
    ];
    out.extend_from_slice(chance.pick(lines).unwrap_or_default());
    for _ in 0..chance.below(8) {
        out.extend_from_slice(chance.pick(fields).unwrap_or_default());
    }
    if chance.one_in(6) {
        out.extend_from_slice(b"X: ");
        out.extend(std::iter::repeat_n(b'x', usize::try_from(chance.below(100_000)).unwrap()));
    }
    out.extend_from_slice(b"\r\n");
    match chance.below(4) {
        0 => out.extend_from_slice(b"5\r\n{\"a\":\r\n0\r\n\r\n"),
        1 => out.extend_from_slice(b"ffffffffffffffff1\r\n{}"),
        2 => noise(out, chance, 2_000),
        _ => out.extend_from_slice(b"{\"payload\":{}}"),
    }
}
