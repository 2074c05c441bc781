//! The bytes that wait for one socket.

use std::cell::RefCell;

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

/// Bytes in the order in which they will be written. Has no memory while it is empty, as most are.
#[derive(Default)]
pub(super) struct Queue {
    bytes: Vec<u8>,
    /// So many of them are written.
    written: usize,
}

impl Queue {
    /// How many bytes wait.
    pub(super) const fn len(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// What waits.
    pub(super) fn waiting(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// Where to append; `more` bytes are about to come.
    pub(super) fn end(&mut self, more: usize) -> &mut Vec<u8> {
        if self.bytes.capacity() == 0 {
            self.bytes = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
        }
        self.bytes.reserve(more);
        &mut self.bytes
    }

    /// The first `size` bytes that waited are written.
    pub(super) fn advance(&mut self, size: usize) {
        self.written += size;
        if self.len() == 0 {
            self.clear();
        } else if self.written >= WRITTEN_BYTES && self.written >= self.len() {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
    }

    /// Drops everything and gives the memory away.
    pub(super) fn clear(&mut self) {
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
