//! The last moments of a WebSocket: what is queued goes out, the peer gets the chance to answer, and the
//! connection ends without a reset where that is possible.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use tokio_tungstenite::WebSocketStream;

use super::sock::{Link, Sock};
use super::socket::Hearing;
use crate::engine::outbox::Outbox;

/// A socket after the last event. The caller bounds the time.
pub(crate) struct Closing {
    stream: WebSocketStream<Sock>,
    link: Rc<Link>,
    outbox: Rc<Outbox>,
    hearing: Hearing,
    /// Our end of the connection is shut.
    shut: bool,
}

impl Closing {
    pub(crate) fn new(
        stream: WebSocketStream<Sock>,
        link: Rc<Link>,
        outbox: Rc<Outbox>,
        hearing: Hearing,
    ) -> Self {
        Self { stream, link, outbox, hearing, shut: false }
    }

    /// Ends when all is said and heard, or the connection broke.
    pub(crate) async fn finish(mut self) {
        poll_fn(|cx| self.poll_finish(cx)).await;
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.outbox.register(cx.waker());
        // Reading goes on while we write: a peer that waits for us to read would never read itself, and
        // closing a socket with unread bytes would reset it and lose our last words.
        self.hear(cx);
        let drained = self.link.poll_drain(cx);
        if self.link.is_broken() {
            return Poll::Ready(());
        }
        if drained.is_ready() && !self.shut && self.hearing != Hearing::CloseFrame {
            self.shut = self.link.poll_shutdown(cx).is_ready();
        }
        if self.shut && self.hearing == Hearing::Nothing { Poll::Ready(()) } else { Poll::Pending }
    }

    fn hear(&mut self, cx: &mut Context<'_>) {
        if self.hearing == Hearing::CloseFrame {
            self.stream.get_mut().begin_turn();
            while let Poll::Ready(message) = self.stream.poll_next_unpin(cx) {
                match message {
                    Some(Ok(_)) => continue,
                    Some(Err(_)) => self.hearing = Hearing::End,
                    None => self.hearing = Hearing::Nothing,
                }
                break;
            }
            self.stream.get_mut().end_turn();
        }
        if self.hearing == Hearing::End && self.link.poll_discard(cx).is_ready() {
            self.hearing = Hearing::Nothing;
        }
    }
}
