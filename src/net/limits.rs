//! Every bound of this room, with its unit, its reason and what happens at it.

use std::time::Duration;

/// Bytes of one WebSocket message and of one frame from a client; more closes with 1009.
pub const MESSAGE_BYTES: usize = 64 * 1024;
/// Bytes of the buffer that all sockets of a thread read through, and that one socket may read in one
/// turn before the others have theirs.
pub const READ_BUFFER_BYTES: usize = 64 * 1024;
/// Bytes that tungstenite allocates for every session to collect a frame in: what an idle session
/// costs is mostly this.
pub const SESSION_READ_BYTES: usize = 512;
/// Bytes that tungstenite may hold back of what it writes. It writes control frames only and our end
/// takes them at once, so one frame of 127 bytes is the most it ever holds.
pub const CONTROL_WRITE_BYTES: usize = 1024;
/// From the close frame to the end of the socket: time for the client to read what is queued and to
/// answer. Shorter than the grace time of a drain.
pub const CLOSE_WAIT: Duration = Duration::from_secs(5);
/// Reads that a closing socket may throw away in one turn before the others have theirs.
pub const DISCARDS_PER_TURN: usize = 4;

/// Time for the head of a request, from the end of the one before: a slow head and an idle kept-alive
/// connection are both closed after it.
pub const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for a TLS handshake, after which the connection is dropped.
pub const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request's head, and of what is read ahead of a body; a longer head is answered with 431.
pub const HEAD_BYTES: usize = 64 * 1024;
/// Fields of a request's head; more are answered with 431.
pub const HEAD_FIELDS: usize = 100;
/// Bytes of path and query; more are answered with 414.
pub const URL_BYTES: usize = 8 * 1024;
/// Characters kept of what a handshake says of the client and of where it came from; the rest is cut.
pub const ORIGIN_CHARS: usize = 2048;
/// Open connections per shard, WebSockets among them: above what one core can serve, below what would
/// exhaust memory. At it the shard accepts no more until one ends; the kernel's queue holds the rest.
pub const CONNECTIONS_PER_SHARD: u32 = 128 * 1024;
/// Time that a finished HTTP connection goes on taking what its client still sends, so that the client
/// reads the answer instead of a reset. Most clients close at once.
pub const HTTP_LINGER: Duration = Duration::from_secs(1);
/// Time that a drain leaves to a connection that has not sent its first request.
pub const FIRST_REQUEST_WAIT: Duration = Duration::from_secs(1);
/// Connections that wait in the kernel for `accept`, per shard (the kernel may lower it to `somaxconn`).
pub const LISTEN_BACKLOG: i32 = 4096;
/// Pause after `accept` found no file descriptor or memory: trying at once would only spin.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
