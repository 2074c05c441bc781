//! The socket under a WebSocket session.
//!
//! Reads go through one buffer per thread, so that an idle session holds none and a wake costs one
//! `recv`. Writes of tungstenite (pongs, replies to a close) only append to the session's outbox; the
//! one real write is `Link`'s.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::conn::Conn;
use super::limits::{DISCARDS_PER_TURN, READ_BUFFER_BYTES};
use crate::engine::outbox::{Outbox, Wire};
use crate::telemetry::traffic::{count_read, count_write};

thread_local! {
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BUFFER_BYTES]);
}

/// The connection, shared by the session's task and the shard's turn.
pub(crate) struct Link {
    conn: RefCell<Conn>,
    outbox: Rc<Outbox>,
    broken: Cell<bool>,
}

impl Link {
    /// Whether a write failed: the socket is of no use any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.get()
    }

    /// Writes until the outbox is empty and all of it is with the kernel.
    pub(crate) fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut conn = self.conn.borrow_mut();
        let mut conn = Pin::new(&mut *conn);
        let mut drained = self.outbox.write_with(|bytes| {
            count_write();
            conn.as_mut().poll_write(cx, bytes)
        });
        if matches!(drained, Poll::Ready(Ok(()))) {
            // Under TLS what was taken may still wait for the socket.
            drained = conn.poll_flush(cx);
        }
        self.outbox.set_blocked(drained.is_pending());
        if matches!(drained, Poll::Ready(Err(_))) {
            self.broken.set(true);
        }
        drained
    }

    /// Writes what the socket takes at once: nearly always all. To ask to be woken needs the task's
    /// waker, whose memory is far away.
    fn write_now(&self) -> Poll<io::Result<()>> {
        let conn = self.conn.borrow();
        self.outbox.write_with(|bytes| match conn.write_now(bytes) {
            Some(written) => {
                count_write();
                Poll::Ready(written)
            }
            None => Poll::Pending,
        })
    }

    /// Says that nothing more will be written.
    pub(crate) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.conn.borrow_mut()).poll_shutdown(cx)
    }

    /// Reads and forgets until the peer ends or the connection fails.
    pub(crate) fn poll_discard(&self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..DISCARDS_PER_TURN {
            match ready!(self.poll_fill(cx)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads into the thread's buffer, from its start.
    fn poll_fill(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut *self.conn.borrow_mut()).poll_read(cx, &mut buffer))?;
            count_read();
            Poll::Ready(Ok(buffer.filled().len()))
        })
    }
}

impl Wire for Link {
    fn flush(&self) {
        if self.outbox.is_blocked() || self.broken.get() {
            return;
        }
        let mut written = self.write_now();
        if written.is_pending() {
            // With the session's own waker: what the socket does not take, its task continues.
            written = self.poll_drain(&mut Context::from_waker(&self.outbox.waker()));
        }
        if matches!(written, Poll::Ready(Err(_))) {
            self.broken.set(true);
            self.outbox.wake();
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.outbox.end();
    }
}

/// The socket as tungstenite sees it.
pub(crate) struct Sock {
    link: Rc<Link>,
    /// What of the thread's buffer is ours and unread. Empty between turns.
    unread: Range<usize>,
    /// What was unread when a turn ended early.
    kept: Bytes,
    /// Bytes read from the socket in this turn.
    turn_bytes: usize,
}

impl Sock {
    /// Puts `conn` under `outbox`.
    pub(crate) fn new(conn: Conn, outbox: Rc<Outbox>) -> Self {
        let link = Rc::new(Link { conn: RefCell::new(conn), outbox, broken: Cell::new(false) });
        let wire: Weak<Link> = Rc::downgrade(&link);
        link.outbox.attach(wire);
        Self { link, unread: 0..0, kept: Bytes::new(), turn_bytes: 0 }
    }

    /// The connection below.
    pub(crate) fn link(&self) -> Rc<Link> {
        Rc::clone(&self.link)
    }

    /// Begins a turn of reading. It must end with [`Sock::end_turn`] before any other socket reads.
    pub(crate) fn begin_turn(&mut self) {
        self.turn_bytes = 0;
    }

    /// Whether the peer sent anything in this turn.
    pub(crate) fn has_read(&self) -> bool {
        self.turn_bytes > 0
    }

    /// Leaves the thread's buffer to the next socket.
    pub(crate) fn end_turn(&mut self) {
        let unread = std::mem::take(&mut self.unread);
        if !unread.is_empty() {
            self.kept = READ_BUFFER.with_borrow(|buffer| Bytes::copy_from_slice(&buffer[unread]));
        }
    }
}

impl AsyncRead for Sock {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let sock = self.get_mut();
        if !sock.kept.is_empty() {
            let size = sock.kept.len().min(buf.remaining());
            buf.put_slice(&sock.kept[..size]);
            sock.kept.advance(size);
            if sock.kept.is_empty() {
                sock.kept = Bytes::new();
            }
            return Poll::Ready(Ok(()));
        }
        if sock.unread.is_empty() {
            if sock.turn_bytes >= READ_BUFFER_BYTES {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let size = ready!(sock.link.poll_fill(cx))?;
            sock.turn_bytes += size;
            sock.unread = 0..size;
        }
        let size = sock.unread.len().min(buf.remaining());
        let from = sock.unread.start;
        READ_BUFFER.with_borrow(|buffer| buf.put_slice(&buffer[from..from + size]));
        sock.unread.start += size;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Sock {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.link.outbox.push_control(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
