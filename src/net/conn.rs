//! One accepted connection, plain or under TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;

/// A connection and its place among the open ones of its shard, which it keeps until it is dropped.
pub struct Conn {
    stream: Stream,
    _slot: Option<Slot>,
}

enum Stream {
    Plain(TcpStream),
    /// Boxed: the state of TLS is over a kilobyte, and a plain connection should not carry it.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Conn {
    /// A connection without TLS.
    #[must_use]
    pub fn plain(stream: TcpStream, slot: Option<Slot>) -> Self {
        Self { stream: Stream::Plain(stream), _slot: slot }
    }

    /// A connection whose TLS handshake is done.
    #[must_use]
    pub fn tls(stream: TlsStream<TcpStream>, slot: Option<Slot>) -> Self {
        Self { stream: Stream::Tls(Box::new(stream)), _slot: slot }
    }

    /// Writes what the socket takes at once, without asking to be woken; `None` when it takes nothing
    /// now, or when it is not for us to say what it takes, as under TLS.
    pub(crate) fn write_now(&self, bytes: &[u8]) -> Option<io::Result<usize>> {
        let Stream::Plain(stream) = &self.stream else { return None };
        match stream.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            written => Some(written),
        }
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut Stream> {
        Pin::new(&mut self.get_mut().stream)
    }
}

/// Delegates a poll function to whichever stream it is.
macro_rules! either {
    ($stream:expr, $poll:ident($($argument:expr),*)) => {
        match $stream.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).$poll($($argument),*),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).$poll($($argument),*),
        }
    };
}

impl AsyncRead for Conn {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(self.stream(), poll_read(cx, buf))
    }
}

impl AsyncWrite for Conn {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        either!(self.stream(), poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.stream(), poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.stream(), poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self.stream(), poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

/// The open connections of one shard: how many there may be, and when there are none.
#[derive(Clone)]
pub struct Connections {
    open: Arc<watch::Sender<u32>>,
    bound: u32,
}

/// A place among the open connections of a shard; free again when dropped.
pub struct Slot {
    open: Arc<watch::Sender<u32>>,
}

impl Connections {
    /// Room for `bound` connections. Acceptors that share them may exceed it by one each.
    #[must_use]
    pub fn new(bound: u32) -> Self {
        Self { open: Arc::new(watch::Sender::new(0)), bound }
    }

    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> u32 {
        *self.open.borrow()
    }

    /// Waits until no connection is open. Stop accepting first, or there may soon be others.
    pub async fn idle(&self) {
        self.wait_for(|open| open == 0).await;
    }

    pub(crate) fn has_room(&self) -> bool {
        self.open() < self.bound
    }

    pub(crate) async fn room(&self) {
        self.wait_for(|open| open < self.bound).await;
    }

    pub(crate) fn slot(&self) -> Slot {
        self.open.send_modify(|open| *open += 1);
        Slot { open: Arc::clone(&self.open) }
    }

    async fn wait_for(&self, condition: impl Fn(u32) -> bool) {
        // The sender lives as long as `self`, so the wait ends only with the condition.
        self.open.subscribe().wait_for(|open| condition(*open)).await.ok();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.open.send_modify(|open| *open -= 1);
    }
}
