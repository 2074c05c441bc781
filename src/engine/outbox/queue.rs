//! The bytes that wait for one socket.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// Greatest buffer that is kept for the next socket, bytes: some messages.
const SPARE_BYTES: usize = 4 * 1024;
/// Buffers kept on a thread: the sockets of a busy turn, a megabyte at most.
const SPARES: usize = 256;
/// Written bytes that stay in front of the others before these are moved up.
const WRITTEN_BYTES: usize = 64 * 1024;

thread_local! {
    /// Used last is taken first: it is still in the processor's cache.
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A frame that several queues may have.
pub(super) type Shared = Rc<dyn AsRef<[u8]>>;

/// Bytes in the order in which they will be written. Has no memory while it is empty, as most are.
#[derive(Default)]
pub(super) struct Queue {
    bytes: Vec<u8>,
    /// So many of them are written.
    written: usize,
    /// What comes behind them, for a socket that takes no more.
    behind: Option<Box<Behind>>,
}

/// Frames that other queues have, too, each with bytes of this one behind it; never empty. A thousand
/// clients that stop reading the same chat cost one copy of it, and no copying.
struct Behind {
    parts: VecDeque<(Shared, Vec<u8>)>,
    /// Bytes of all parts, but for the own ones of the last, which may still grow.
    counted: usize,
    /// Bytes of the first part that are written.
    written: usize,
}

impl Behind {
    fn of(frame: Shared) -> Self {
        let counted = (*frame).as_ref().len();
        Self { parts: VecDeque::from([(frame, Vec::new())]), counted, written: 0 }
    }

    fn push(&mut self, frame: Shared) {
        self.counted += self.growing() + (*frame).as_ref().len();
        self.parts.push_back((frame, Vec::new()));
    }

    fn growing(&self) -> usize {
        self.parts.back().map_or(0, |(_, own)| own.len())
    }

    fn len(&self) -> usize {
        self.counted + self.growing() - self.written
    }

    fn waiting(&self) -> &[u8] {
        let Some((shared, own)) = self.parts.front() else { return &[] };
        let shared = (**shared).as_ref();
        match self.written.checked_sub(shared.len()) {
            None => &shared[self.written..],
            Some(of_own) => &own[of_own..],
        }
    }

    /// The first `size` bytes of [`Behind::waiting`] are written; is nothing left?
    fn advance(&mut self, size: usize) -> bool {
        self.written += size;
        let first = self.parts.front().map_or(0, |(shared, own)| (**shared).as_ref().len() + own.len());
        if self.written < first {
            return false;
        }
        if self.parts.len() == 1 {
            return true;
        }
        self.parts.pop_front();
        self.counted -= first;
        self.written = 0;
        false
    }
}

impl Queue {
    /// How many bytes wait.
    pub(super) fn len(&self) -> usize {
        self.own_len() + self.behind.as_ref().map_or(0, |behind| behind.len())
    }

    const fn own_len(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// The first of what waits, to be written at once.
    pub(super) fn waiting(&self) -> &[u8] {
        match &self.behind {
            Some(behind) if self.own_len() == 0 => behind.waiting(),
            _ => &self.bytes[self.written..],
        }
    }

    /// Where to append; `more` bytes are about to come.
    pub(super) fn end(&mut self, more: usize) -> &mut Vec<u8> {
        if let Some((_, own)) = self.behind.as_mut().and_then(|behind| behind.parts.back_mut()) {
            own.reserve(more);
            return own;
        }
        if self.bytes.capacity() == 0 {
            self.bytes = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
        }
        self.bytes.reserve(more);
        &mut self.bytes
    }

    /// Appends a frame without a copy.
    pub(super) fn share(&mut self, frame: Shared) {
        match &mut self.behind {
            Some(behind) => behind.push(frame),
            None => self.behind = Some(Box::new(Behind::of(frame))),
        }
    }

    /// The first `size` bytes of [`Queue::waiting`] are written.
    pub(super) fn advance(&mut self, size: usize) {
        if self.own_len() == 0 {
            let done = self.behind.as_mut().is_none_or(|behind| behind.advance(size));
            if done {
                self.clear();
            }
            return;
        }
        self.written += size;
        if self.own_len() == 0 {
            self.clear_own();
        } else if self.written >= WRITTEN_BYTES && self.written >= self.own_len() {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
    }

    /// Drops everything and gives the memory away.
    pub(super) fn clear(&mut self) {
        self.behind = None;
        self.clear_own();
    }

    fn clear_own(&mut self) {
        self.written = 0;
        let mut bytes = std::mem::take(&mut self.bytes);
        if (1..=SPARE_BYTES).contains(&bytes.capacity()) {
            bytes.clear();
            SPARE.with_borrow_mut(|spare| {
                if spare.len() < SPARES {
                    spare.push(bytes);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_what_was_appended_and_not_written() {
        let mut queue = Queue::default();
        queue.end(5).extend_from_slice(b"hello");
        queue.advance(2);
        assert_eq!((queue.len(), queue.waiting()), (3, &b"llo"[..]));
        queue.end(1).push(b'!');
        assert_eq!(queue.waiting(), b"llo!");
        queue.advance(4);
        assert_eq!((queue.len(), queue.bytes.capacity()), (0, 0));
    }

    #[test]
    fn a_small_buffer_goes_to_the_next_and_a_great_one_back() {
        SPARE.with_borrow_mut(Vec::clear);
        let mut queue = Queue::default();
        queue.end(SPARE_BYTES + 1).push(b'x');
        queue.advance(1);
        assert_eq!(SPARE.with_borrow(Vec::len), 0);
        let mut queues: Vec<_> = (0..=SPARES).map(|_| Queue::default()).collect();
        queues.iter_mut().for_each(|queue| queue.end(1).push(b'x'));
        queues.iter_mut().for_each(Queue::clear);
        assert_eq!(SPARE.with_borrow(Vec::len), SPARES);
        queue.end(1);
        assert_eq!(SPARE.with_borrow(Vec::len), SPARES - 1);
    }

    #[test]
    fn shared_frames_keep_their_place_among_own_bytes_and_are_no_copies() {
        let frame: Rc<Vec<u8>> = Rc::new(b"<shared>".to_vec());
        let mut queue = Queue::default();
        queue.end(4).extend_from_slice(b"own1");
        for _ in 0..2 {
            queue.share(Rc::clone(&frame) as Shared);
        }
        queue.end(4).extend_from_slice(b"own2");
        queue.share(Rc::clone(&frame) as Shared);
        assert_eq!((queue.len(), Rc::strong_count(&frame)), (32, 4));
        let (mut all, mut left) = (Vec::new(), queue.len());
        while queue.len() > 0 {
            // Three bytes at a time, as a socket may take them.
            let some = queue.waiting().len().min(3);
            all.extend_from_slice(&queue.waiting()[..some]);
            queue.advance(some);
            left -= some;
            assert_eq!(queue.len(), left);
        }
        assert_eq!(all, b"own1<shared><shared>own2<shared>");
        assert_eq!((Rc::strong_count(&frame), queue.behind.is_none()), (1, true));
        queue.end(1).push(b'!');
        assert_eq!(queue.waiting(), b"!");
        queue.share(Rc::clone(&frame) as Shared);
        queue.clear();
        assert_eq!((queue.len(), Rc::strong_count(&frame)), (0, 1));
    }

    #[test]
    fn written_bytes_do_not_pile_up() {
        let mut queue = Queue::default();
        queue.end(WRITTEN_BYTES).resize(WRITTEN_BYTES, b'x');
        for _ in 0..10 {
            queue.end(WRITTEN_BYTES).extend_from_slice(&[b'y'; WRITTEN_BYTES]);
            queue.advance(WRITTEN_BYTES);
            assert!(queue.bytes.len() <= 2 * WRITTEN_BYTES);
        }
        assert_eq!(queue.waiting(), [b'y'; WRITTEN_BYTES]);
    }
}
