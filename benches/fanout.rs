//! One push for many sessions: framed once, then appended to each outbox.

use std::hint::black_box;
use std::rc::Rc;

use criterion::{BatchSize, Criterion, Throughput};
use switchboard::engine::outbox::{DirtyList, Outbox, frame_text};

/// About what a message of 200 bytes is as a push.
const PUSH_BYTES: usize = 460;

pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fan-out");
    let payload = vec![b'x'; PUSH_BYTES];
    for sessions in [1_u64, 100, 10_000] {
        group.throughput(Throughput::Elements(sessions));
        group.bench_function(format!("one push to {sessions} outboxes"), |b| {
            b.iter_batched_ref(
                || (0..sessions).map(|_| Outbox::new(DirtyList::new())).collect::<Vec<Rc<Outbox>>>(),
                |outboxes| {
                    let frame = Rc::new(frame_text(black_box(&payload)));
                    outboxes.iter().for_each(|outbox| outbox.push_framed(&frame));
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}
