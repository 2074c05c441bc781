//! Was the body of a request read to its end? If not, the connection ends with the answer, and the client has to be
//! told: it would send its next request into nothing.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// The body of a request, watched.
pub(crate) struct Watched {
    body: Incoming,
    whole: Arc<AtomicBool>,
}

/// Tells afterwards how far a body was read.
pub(crate) struct Reading(Arc<AtomicBool>);

impl Watched {
    /// Watches a body.
    pub(crate) fn new(body: Incoming) -> (Self, Reading) {
        let whole = Arc::new(AtomicBool::new(body.is_end_stream()));
        (Self { body, whole: Arc::clone(&whole) }, Reading(whole))
    }
}

impl Reading {
    /// Nothing of the body is left.
    pub(crate) fn is_whole(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.whole.store(true, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
