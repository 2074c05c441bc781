//! What waits to be written to the WebSockets of one shard.
//!
//! Engine sessions and hubs put finished frames into an [`Outbox`]; the room that owns the socket
//! gives it a [`Wire`] and hears what arrives through [`SocketEvents`]. Nothing here knows a socket,
//! and nothing here leaves its shard's thread (all types are `!Send`).
//!
//! Pushing only appends and marks the outbox dirty. [`TurnTask`] then writes every dirty outbox once
//! per turn, so that whatever one turn has for a socket goes out in one write.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker, ready};

use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

mod queue;
mod turn;

use queue::Queue;
pub use turn::{DirtyList, TurnTask, Wire};

/// Bytes that one session may leave unread with us. Enough for a burst of about two thousand
/// pushes; a client that falls further behind is closed and resumes by sequence.
pub const OUTBOX_BYTES: usize = 1024 * 1024;

/// Bytes of a close frame's reason: a control frame carries 125, two of which are the code (RFC 6455, 5.5).
pub const CLOSE_REASON_BYTES: usize = 123;

/// Bytes of the longest header of a frame that a server sends (without mask).
const FRAME_HEADER_BYTES: usize = 10;

/// What a WebSocket tells its session. Called on the session's own task, one call at a time; answers
/// go into the outbox.
pub trait SocketEvents {
    /// A complete text message arrived: one request.
    fn on_text(&self, text: &str);
    /// A complete binary message arrived.
    fn on_binary(&self);
    /// The peer lives: bytes of any kind arrived. At most once per turn, before the messages of that turn.
    fn on_life(&self);
    /// The conversation with the peer is over, whatever ended it, also when [`Outbox::close`] did. Called
    /// exactly once and last. Pushes are ignored from now on.
    fn on_gone(&self);
}

/// Where an outbox stands between its first push and the end of its socket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// The peer sent a close frame: only the reply to it may still be queued.
    ClosedByPeer,
    /// Our close frame is queued: nothing may follow it (RFC 6455, 5.5.1).
    ClosedByUs,
    /// No socket any more.
    Ended,
}

/// Makes the text that a client is told when it is closed for reading too slowly.
type LastWord = Box<dyn Fn() -> String>;

/// Framed bytes for one WebSocket session, ready for the wire.
pub struct Outbox {
    /// Gives its memory back when all is written: most sockets are idle most of the time.
    queue: RefCell<Queue>,
    phase: Cell<Phase>,
    bound: usize,
    overflowed: Cell<bool>,
    /// Says why, before it is closed for being too full.
    last_word: OnceCell<LastWord>,
    reading_paused: Cell<bool>,
    /// In the dirty list, to be written in this turn.
    dirty: Cell<bool>,
    /// The socket took no more: its task goes on when it is writable again.
    blocked: Cell<bool>,
    list: DirtyList,
    wire: OnceCell<Weak<dyn Wire>>,
    /// Wakes the session's task.
    waker: RefCell<Waker>,
}

impl Outbox {
    /// An empty outbox with the default bound [`OUTBOX_BYTES`], written by the turns of `list`.
    #[must_use]
    pub fn new(list: DirtyList) -> Rc<Self> {
        Self::with_bound(list, OUTBOX_BYTES)
    }

    /// An empty outbox that may hold `bound` bytes.
    #[must_use]
    pub fn with_bound(list: DirtyList, bound: usize) -> Rc<Self> {
        Rc::new(Self {
            queue: RefCell::default(),
            phase: Cell::new(Phase::Open),
            bound,
            overflowed: Cell::new(false),
            last_word: OnceCell::new(),
            reading_paused: Cell::new(false),
            dirty: Cell::new(false),
            blocked: Cell::new(false),
            list,
            wire: OnceCell::new(),
            waker: RefCell::new(Waker::noop().clone()),
        })
    }

    /// Sets what is said when the client has left too much unread. It stands beyond the bound: a frame
    /// that the client reads when it comes to it. The first call counts.
    pub fn set_last_word(&self, word: impl Fn() -> String + 'static) {
        self.last_word.get_or_init(|| Box::new(word));
    }

    /// Queues `payload`, which must be UTF-8, as one text message. Ignored once the socket is closing.
    pub fn push_text(&self, payload: &[u8]) {
        self.push_text_of(&[payload]);
    }

    /// Queues parts that together are UTF-8 as one text message. Ignored once the socket is closing.
    pub fn push_text_of(&self, parts: &[&[u8]]) {
        let size: usize = parts.iter().map(|part| part.len()).sum();
        if self.phase.get() == Phase::Open && self.has_room(FRAME_HEADER_BYTES + size) {
            self.append_frame(OpCode::Data(Data::Text), parts);
        }
    }

    /// Queues a frame made by [`frame_text`] for all its recipients. Ignored once the socket is closing.
    ///
    /// While the socket takes what it is given, the bytes are copied, so that a turn is one write. One
    /// that takes no more may have much waiting: then the frame is shared with all the others.
    pub fn push_framed<T: AsRef<[u8]> + 'static>(&self, frame: &Rc<T>) {
        let bytes = (**frame).as_ref();
        if self.phase.get() == Phase::Open && self.has_room(bytes.len()) {
            if self.blocked.get() {
                self.queue.borrow_mut().share(Rc::<T>::clone(frame));
            } else {
                self.append(bytes);
            }
        }
    }

    /// Queues a close frame behind what is queued, after which the socket ends. The first call wins. A
    /// `reason` over [`CLOSE_REASON_BYTES`] is cut.
    pub fn close(&self, code: u16, reason: &str) {
        if self.phase.get() != Phase::Open {
            return;
        }
        self.phase.set(Phase::ClosedByUs);
        let mut end = reason.len().min(CLOSE_REASON_BYTES);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let payload = [&code.to_be_bytes(), &reason.as_bytes()[..end]].concat();
        self.append_frame(OpCode::Control(Control::Close), &[&payload]);
        self.wake();
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.queue.borrow().len()
    }

    /// Whether pushes are ignored because either side closed or the socket is gone.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.phase.get() != Phase::Open
    }

    /// Whether the session is closed because it left more than the bound unread.
    #[must_use]
    pub fn overflowed(&self) -> bool {
        self.overflowed.get()
    }

    /// Stops reading from the socket after the message in hand. What was read already is kept.
    pub fn pause_reading(&self) {
        self.reading_paused.set(true);
    }

    /// Reads on, first what was kept.
    pub fn resume_reading(&self) {
        if self.reading_paused.replace(false) {
            self.wake();
        }
    }

    /// Whether a close frame of ours is queued or written.
    pub(crate) fn closed_by_us(&self) -> bool {
        self.phase.get() == Phase::ClosedByUs
    }

    /// Whether reading is paused.
    #[must_use]
    pub(crate) fn is_reading_paused(&self) -> bool {
        self.reading_paused.get()
    }

    /// Connects the outbox to its socket and schedules what is queued already. A second wire is ignored.
    pub(crate) fn attach(&self, wire: Weak<dyn Wire>) {
        if self.wire.set(wire).is_ok() && self.pending_bytes() > 0 {
            self.mark_dirty();
        }
    }

    /// Remembers whom to wake when the session's task must act.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.borrow_mut().clone_from(waker);
    }

    /// The waker of the session's task.
    #[must_use]
    pub(crate) fn waker(&self) -> Waker {
        self.waker.borrow().clone()
    }

    /// Wakes the session's task.
    pub(crate) fn wake(&self) {
        self.waker.borrow().wake_by_ref();
    }

    /// Queues a control frame that the protocol itself asks for (a pong, the reply to a close frame).
    /// Ignored behind our own close frame.
    pub(crate) fn push_control(&self, frame: &[u8]) {
        let open = matches!(self.phase.get(), Phase::Open | Phase::ClosedByPeer);
        if open && self.has_room(frame.len()) {
            self.append(frame);
        }
    }

    /// The peer sent a close frame: from now on only the reply to it is taken.
    pub(crate) fn peer_closed(&self) {
        if self.phase.get() == Phase::Open {
            self.phase.set(Phase::ClosedByPeer);
        }
    }

    /// The socket is gone: drops what waits and ignores all that comes.
    pub(crate) fn end(&self) {
        self.phase.set(Phase::Ended);
        self.queue.borrow_mut().clear();
    }

    /// Hands what waits to `write` until all is written or the socket takes no more.
    ///
    /// # Errors
    /// What `write` answers, and `WriteZero` when it takes nothing of something.
    pub(crate) fn write_with(
        &self,
        mut write: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        self.dirty.set(false);
        let mut queue = self.queue.borrow_mut();
        while queue.len() > 0 {
            match ready!(write(queue.waiting()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => queue.advance(written),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Says whether the socket took all it was offered. While it did not, turns leave it to its task.
    pub(crate) fn set_blocked(&self, blocked: bool) {
        self.blocked.set(blocked);
    }

    /// Whether the session's task has to go on writing when the socket is writable.
    #[must_use]
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.get()
    }

    /// Whether `more` bytes may be queued. Over the bound the session is closed.
    ///
    /// The bound is on what the peer leaves unread, not on what one turn has for it: before it is
    /// judged, the socket is offered what waits, and one message of any size always finds room when
    /// nothing does.
    fn has_room(&self, more: usize) -> bool {
        if self.pending_bytes() + more <= self.bound {
            return true;
        }
        if !self.blocked.get()
            && let Some(wire) = self.wire.get().and_then(Weak::upgrade)
        {
            wire.flush();
        }
        let waiting = self.pending_bytes();
        if waiting == 0 || waiting + more <= self.bound {
            return true;
        }
        self.overflowed.set(true);
        if let Some(word) = self.last_word.get() {
            self.append_frame(OpCode::Data(Data::Text), &[word().as_bytes()]);
        }
        self.close(CloseCode::Again.into(), "too much unread");
        false
    }

    fn append(&self, frame: &[u8]) {
        self.queue.borrow_mut().end(frame.len()).extend_from_slice(frame);
        self.mark_dirty();
    }

    fn append_frame(&self, opcode: OpCode, parts: &[&[u8]]) {
        let size: usize = parts.iter().map(|part| part.len()).sum();
        write_frame(self.queue.borrow_mut().end(FRAME_HEADER_BYTES + size), opcode, parts, size);
        self.mark_dirty();
    }

    fn mark_dirty(&self) {
        if self.blocked.get() || self.dirty.get() {
            return;
        }
        if let Some(wire) = self.wire.get().and_then(Weak::upgrade) {
            self.dirty.set(true);
            self.list.push(wire);
        }
    }
}

/// Frames `payload`, which must be UTF-8, as one text message for any number of outboxes.
#[must_use]
pub fn frame_text(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(FRAME_HEADER_BYTES + payload.len());
    write_frame(&mut frame, OpCode::Data(Data::Text), &[payload], payload.len());
    frame
}

/// Writes one unmasked final frame into memory, which takes every write: there is no error to see.
fn write_frame(memory: &mut Vec<u8>, opcode: OpCode, parts: &[&[u8]], size: usize) {
    let header = FrameHeader { opcode, ..FrameHeader::default() };
    header.format(size as u64, memory).ok();
    parts.iter().for_each(|part| memory.extend_from_slice(part));
}

#[cfg(test)]
mod tests;
