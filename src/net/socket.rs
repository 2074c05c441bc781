//! One WebSocket session from the upgrade to the end of its socket: one task that owns the unsplit stream.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::closing::Closing;
use super::conn::Conn;
use super::limits::{CLOSE_WAIT, CONTROL_WRITE_BYTES, MESSAGE_BYTES, SESSION_READ_BYTES};
use super::sock::{Link, Sock};
use crate::engine::outbox::{Outbox, SocketEvents};

/// Serves a WebSocket whose handshake is done, until its socket has ended.
///
/// `read_buf` is what was read behind the handshake, `outbox` what the session is told through; `make` gets
/// it and answers who hears the events.
pub async fn serve(
    conn: Conn,
    read_buf: Bytes,
    outbox: Rc<Outbox>,
    make: impl FnOnce(Rc<Outbox>) -> Rc<dyn SocketEvents>,
) {
    // Boxed, because every open session would carry what is needed for this only.
    let mut socket = Box::pin(Socket::open(conn, read_buf, Rc::clone(&outbox))).await;
    let listener = Listener { events: make(Rc::clone(&outbox)), outbox };
    let end = poll_fn(|cx| socket.poll_events(cx, &*listener.events)).await;
    drop(listener);
    if let Some(hearing) = end.hearing() {
        // Boxed, because every open session would carry its timer otherwise.
        let closing = Box::pin(Closing::new(socket.stream, socket.link, socket.outbox, hearing).finish());
        if timeout(CLOSE_WAIT, closing).await.is_err() {
            tracing::debug!("a closed WebSocket did not end in time; dropped");
        }
    }
}

/// Settings of tungstenite: no buffer of its own for writing, a small one for reading, and our limits.
fn websocket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(SESSION_READ_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(CONTROL_WRITE_BYTES)
        .max_message_size(Some(MESSAGE_BYTES))
        .max_frame_size(Some(MESSAGE_BYTES))
}

/// Who hears the events. Tells the end when dropped: exactly once, also when a handler panics.
struct Listener {
    events: Rc<dyn SocketEvents>,
    outbox: Rc<Outbox>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        if !self.outbox.is_closing() {
            self.outbox.end();
        }
        self.events.on_gone();
    }
}

/// Why there will be no more events.
#[derive(Clone, Copy)]
enum End {
    /// The connection broke or ended without a close frame: there is nobody to talk to.
    Lost,
    /// The peer closed, and the reply is queued.
    ClosedByPeer,
    /// A close frame of ours is queued, and the peer will answer it.
    ClosedByUs,
    /// The peer broke the protocol: a close frame is queued, but no answer can be understood.
    Violation,
}

impl End {
    /// What to listen for until the socket ends; `None` when it has ended.
    fn hearing(self) -> Option<Hearing> {
        match self {
            Self::Lost => None,
            Self::ClosedByUs => Some(Hearing::CloseFrame),
            Self::ClosedByPeer => Some(Hearing::Nothing),
            Self::Violation => Some(Hearing::End),
        }
    }
}

/// What a closing socket still has to hear from its peer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hearing {
    /// The peer's close frame, before which it may have something to say.
    CloseFrame,
    /// The end of the connection: what comes before it makes no sense any more.
    End,
    /// Nothing.
    Nothing,
}

struct Socket {
    stream: WebSocketStream<Sock>,
    link: Rc<Link>,
    outbox: Rc<Outbox>,
}

impl Socket {
    async fn open(conn: Conn, read_buf: Bytes, outbox: Rc<Outbox>) -> Self {
        let sock = Sock::new(conn, Rc::clone(&outbox));
        let link = sock.link();
        // A copy: the bytes themselves stand in hyper's buffer of 8 KiB, which tungstenite would keep.
        let part = read_buf.to_vec();
        drop(read_buf);
        let config = Some(websocket_config());
        let stream = WebSocketStream::from_partially_read(sock, part, Role::Server, config).await;
        Self { stream, link, outbox }
    }

    /// One turn: hands over what arrived and continues a write that the socket did not take at once.
    fn poll_events(&mut self, cx: &mut Context<'_>, events: &dyn SocketEvents) -> Poll<End> {
        self.outbox.register(cx.waker());
        if self.outbox.is_blocked() {
            // A failure shows as a broken link below.
            let _ = self.link.poll_drain(cx);
        }
        self.stream.get_mut().begin_turn();
        let end = self.poll_messages(cx, events);
        self.stream.get_mut().end_turn();
        end
    }

    fn poll_messages(&mut self, cx: &mut Context<'_>, events: &dyn SocketEvents) -> Poll<End> {
        let mut alive = false;
        loop {
            if self.link.is_broken() {
                return Poll::Ready(End::Lost);
            }
            if self.outbox.closed_by_us() {
                return Poll::Ready(End::ClosedByUs);
            }
            if self.outbox.is_reading_paused() {
                return Poll::Pending;
            }
            let next = self.stream.poll_next_unpin(cx);
            if !alive && (self.stream.get_ref().has_read() || matches!(next, Poll::Ready(Some(Ok(_))))) {
                alive = true;
                events.on_life();
            }
            match next {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(Message::Text(text)))) => events.on_text(&text),
                Poll::Ready(Some(Ok(Message::Binary(_)))) => events.on_binary(),
                // The next poll queues the reply and ends the stream.
                Poll::Ready(Some(Ok(Message::Close(_)))) => self.outbox.peer_closed(),
                // Tungstenite queues the pongs.
                Poll::Ready(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => {}
                Poll::Ready(Some(Err(error))) => return Poll::Ready(self.on_error(&error)),
                Poll::Ready(None) => return Poll::Ready(End::ClosedByPeer),
            }
        }
    }

    fn on_error(&self, error: &Error) -> End {
        let (code, reason) = match error {
            Error::Capacity(_) => (CloseCode::Size, "message too long"),
            Error::Utf8(_) => (CloseCode::Invalid, "text is not UTF-8"),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return End::Lost,
            Error::Protocol(_) | Error::AttackAttempt => (CloseCode::Protocol, "protocol error"),
            _ => return End::Lost,
        };
        tracing::debug!(%error, "a WebSocket client broke the protocol");
        self.outbox.close(code.into(), reason);
        End::Violation
    }
}
