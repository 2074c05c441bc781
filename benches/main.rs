//! What the parts of a message's road cost by themselves: `cargo bench`.
//!
//! Figures of one run compare with each other only; the whole road, next to peers, is measured by
//! `loadtest bench`.

mod conversation;
mod fanout;
mod journal;
mod recovery;
mod router;
mod snapshot;
mod webhooks;
mod wire;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    wire::benches(&mut criterion);
    conversation::benches(&mut criterion);
    router::benches(&mut criterion);
    fanout::benches(&mut criterion);
    journal::benches(&mut criterion);
    snapshot::benches(&mut criterion);
    recovery::benches(&mut criterion);
    webhooks::benches(&mut criterion);
    criterion.final_summary();
}
