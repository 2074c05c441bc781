//! A connection under hyper, which it closes politely.
//!
//! An answer may come before the request was read to its end (413, 431). Closing a socket with unread bytes
//! resets it, and the client loses the answer; so what still comes is taken for a moment.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::conn::Conn;
use super::limits::{DISCARDS_PER_TURN, HTTP_LINGER};

/// Bytes thrown away at a time.
const DISCARD_BYTES: usize = 4096;

pub(crate) struct HttpConn {
    conn: Conn,
    /// Runs once our side is shut.
    linger: Option<Pin<Box<Sleep>>>,
}

impl HttpConn {
    pub(crate) fn new(conn: Conn) -> Self {
        Self { conn, linger: None }
    }

    pub(crate) fn into_conn(self) -> Conn {
        self.conn
    }

    fn conn(self: Pin<&mut Self>) -> Pin<&mut Conn> {
        Pin::new(&mut self.get_mut().conn)
    }

    /// Ready when the peer has ended, or failed.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut memory = [MaybeUninit::uninit(); DISCARD_BYTES];
        for _ in 0..DISCARDS_PER_TURN {
            let mut buf = ReadBuf::uninit(&mut memory);
            let read = ready!(Pin::new(&mut self.conn).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                return Poll::Ready(());
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl AsyncRead for HttpConn {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.conn().poll_read(cx, buf)
    }
}

impl AsyncWrite for HttpConn {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.conn().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.conn().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.conn).poll_shutdown(cx))?;
        }
        let over = this.linger.get_or_insert_with(|| Box::pin(sleep(HTTP_LINGER))).as_mut().poll(cx);
        if over.is_ready() || this.poll_discard(cx).is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.conn().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.conn.is_write_vectored()
    }
}
