#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::task::Poll;

use tokio::task::{LocalSet, yield_now};

use super::{CLOSE_REASON_BYTES, DirtyList, Outbox, TurnTask, Wire, frame_text};

/// A wire that takes `room` bytes in all and remembers each write.
struct FakeWire {
    outbox: Rc<Outbox>,
    room: RefCell<usize>,
    writes: RefCell<Vec<Vec<u8>>>,
}

impl FakeWire {
    fn attach(outbox: &Rc<Outbox>, room: usize) -> Rc<Self> {
        let wire =
            Rc::new(Self { outbox: Rc::clone(outbox), room: RefCell::new(room), writes: RefCell::default() });
        let weak: Weak<Self> = Rc::downgrade(&wire);
        outbox.attach(weak);
        wire
    }

    fn bytes(&self) -> Vec<u8> {
        self.writes.borrow().concat()
    }
}

impl Wire for FakeWire {
    fn flush(&self) {
        let written = self.outbox.write_with(|bytes| {
            let mut room = self.room.borrow_mut();
            if *room == 0 {
                return Poll::Pending;
            }
            let size = bytes.len().min(*room);
            *room -= size;
            self.writes.borrow_mut().push(bytes[..size].to_vec());
            Poll::Ready(Ok(size))
        });
        self.outbox.set_blocked(written.is_pending());
    }
}

/// Lets the turn task of `dirty` run while `test` does.
fn with_turns(dirty: &DirtyList, test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let local = LocalSet::new();
    local.spawn_local(TurnTask::new(dirty.clone()).run());
    local.block_on(&runtime, test);
}

/// Enough for a wake to reach the turn task and for the turn to run.
async fn next_turn() {
    for _ in 0..4 {
        yield_now().await;
    }
}

#[test]
fn a_turn_may_have_more_than_the_bound_for_a_peer_that_reads() {
    let dirty = DirtyList::new();
    let outbox = Outbox::with_bound(dirty, 100);
    let wire = FakeWire::attach(&outbox, usize::MAX);
    // One message over the bound, then several that are over it together.
    let great = vec![b'x'; 1_000];
    outbox.push_text(&great);
    for _ in 0..5 {
        outbox.push_text(&great[..60]);
    }
    assert!(!outbox.is_closing() && !outbox.overflowed());
    wire.flush();
    assert_eq!(wire.bytes().len(), 1_000 + 4 + 5 * (60 + 2));
}

#[test]
fn a_peer_that_does_not_read_is_closed_at_the_bound() {
    let outbox = Outbox::with_bound(DirtyList::new(), 100);
    let wire = FakeWire::attach(&outbox, 10);
    outbox.push_text(&[b'x'; 60]);
    wire.flush();
    assert!(outbox.is_blocked());
    outbox.push_text(&[b'x'; 30]);
    assert!(!outbox.overflowed(), "52 bytes wait, and 32 more");
    outbox.push_text(&[b'x'; 30]);
    assert!(outbox.overflowed() && outbox.is_closing());
}

#[test]
fn what_is_pushed_in_one_turn_goes_out_in_one_write() {
    let dirty = DirtyList::new();
    let outbox = Outbox::new(dirty.clone());
    let wire = FakeWire::attach(&outbox, usize::MAX);
    with_turns(&dirty, async {
        outbox.push_text(b"one");
        outbox.push_framed(&Rc::new(frame_text(b"two")));
        outbox.push_control(b"\x8a\x00");
        next_turn().await;
        assert_eq!(*wire.writes.borrow(), [b"\x81\x03one\x81\x03two\x8a\x00".to_vec()]);
        outbox.push_text(b"3");
        next_turn().await;
        assert_eq!(wire.writes.borrow().len(), 2);
        assert_eq!(outbox.pending_bytes(), 0);
    });
}

#[test]
fn frames_of_all_sizes_have_their_header() {
    assert_eq!(frame_text(b"hi"), b"\x81\x02hi");
    assert_eq!(frame_text(&[b'a'; 126])[..4], [0x81, 126, 0, 126]);
    assert_eq!(frame_text(&[b'a'; 65_536])[..10], [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
}

#[test]
fn what_is_queued_before_the_wire_goes_out_with_it() {
    let dirty = DirtyList::new();
    let outbox = Outbox::new(dirty.clone());
    outbox.push_text(b"early");
    let wire = FakeWire::attach(&outbox, usize::MAX);
    with_turns(&dirty, async {
        next_turn().await;
        assert_eq!(wire.bytes(), b"\x81\x05early");
    });
}

#[test]
fn a_blocked_outbox_is_left_to_its_task() {
    let dirty = DirtyList::new();
    let outbox = Outbox::new(dirty.clone());
    let wire = FakeWire::attach(&outbox, 3);
    with_turns(&dirty, async {
        outbox.push_text(b"abc");
        next_turn().await;
        assert!(outbox.is_blocked());
        *wire.room.borrow_mut() = 100;
        outbox.push_text(b"d");
        next_turn().await;
        assert_eq!(wire.bytes(), b"\x81\x03a");
        wire.flush();
        assert_eq!(wire.bytes(), b"\x81\x03abc\x81\x01d");
        assert!(!outbox.is_blocked());
    });
}

#[test]
fn nothing_follows_a_close_frame() {
    let outbox = Outbox::new(DirtyList::new());
    let wire = FakeWire::attach(&outbox, usize::MAX);
    outbox.push_text(b"a");
    outbox.close(1001, "bye");
    assert!(outbox.is_closing());
    outbox.push_text(b"b");
    outbox.push_control(b"\x8a\x00");
    outbox.close(1000, "again");
    wire.flush();
    assert_eq!(wire.bytes(), b"\x81\x01a\x88\x05\x03\xe9bye");
}

#[test]
fn a_long_reason_is_cut_between_characters() {
    let outbox = Outbox::new(DirtyList::new());
    let wire = FakeWire::attach(&outbox, usize::MAX);
    outbox.close(1000, &"\u{e9}".repeat(100));
    wire.flush();
    let frame = wire.bytes();
    assert_eq!(usize::from(frame[1]), 2 + CLOSE_REASON_BYTES - 1);
    assert_eq!(std::str::from_utf8(&frame[4..]).unwrap(), "\u{e9}".repeat(61));
}

#[test]
fn after_the_peers_close_only_the_reply_goes_out() {
    let outbox = Outbox::new(DirtyList::new());
    let wire = FakeWire::attach(&outbox, usize::MAX);
    outbox.peer_closed();
    outbox.push_text(b"late");
    outbox.close(1000, "");
    outbox.push_control(b"\x88\x00");
    wire.flush();
    assert_eq!(wire.bytes(), b"\x88\x00");
}

#[test]
fn over_the_bound_the_session_is_closed_behind_what_it_holds() {
    let outbox = Outbox::with_bound(DirtyList::new(), 32);
    let wire = FakeWire::attach(&outbox, 0);
    outbox.push_framed(&Rc::new(frame_text(&[b'a'; 30])));
    assert!(!outbox.overflowed());
    outbox.push_text(b"one more");
    assert!(outbox.overflowed() && outbox.is_closing());
    *wire.room.borrow_mut() = usize::MAX;
    wire.flush();
    let bytes = wire.bytes();
    assert_eq!(bytes[32..36], [0x88, 17, 0x03, 0xf5]);
    assert_eq!(&bytes[36..], b"too much unread");
}

#[test]
fn pongs_count_towards_the_bound() {
    let outbox = Outbox::with_bound(DirtyList::new(), 32);
    for _ in 0..100 {
        outbox.push_control(b"\x8a\x00");
    }
    assert!(outbox.overflowed());
    assert!(outbox.pending_bytes() <= 32 + 2 + 2 + CLOSE_REASON_BYTES);
}

#[test]
fn an_ended_outbox_holds_nothing() {
    let outbox = Outbox::new(DirtyList::new());
    outbox.push_text(b"a");
    outbox.end();
    outbox.push_text(b"b");
    outbox.close(1000, "");
    assert!(outbox.is_closing());
    assert_eq!(outbox.pending_bytes(), 0);
}
