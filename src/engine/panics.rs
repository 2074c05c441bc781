//! What a panic means on a shard. In a rule it refuses one command, for `decide` changed nothing
//! (design D1). Anywhere else an actor or a shard's turn would be gone without a word while the
//! rest goes on: then the process stops, and the next start recovers everything acknowledged.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use switchboard_domain::error::Rejected;

use crate::engine::shard::Shard;
use crate::storage::{FatalHook, in_store};

thread_local! {
    static IN_A_RULE: Cell<bool> = const { Cell::new(false) };
}

/// Runs a rule; a panic in it answers `Internal`.
pub(crate) fn guarded<T>(rule: impl FnOnce() -> Result<T, Rejected>) -> Result<T, Rejected> {
    IN_A_RULE.set(true);
    let done = catch_unwind(AssertUnwindSafe(rule));
    IN_A_RULE.set(false);
    done.unwrap_or_else(|_| {
        tracing::error!("a rule panicked; the command was refused");
        Err(Rejected::Internal)
    })
}

/// From now on a panic on a shard, but in a rule or in the store, which knows what it means, stops the
/// process. For the whole process: called
/// once, by whoever runs it.
pub fn stop_on_panic(fatal: FatalHook) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        before(panic);
        if Shard::current().is_some() && !IN_A_RULE.get() && !in_store() {
            fatal("a shard panicked");
        }
    }));
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "that is what is tested")]

    use super::*;

    #[test]
    fn a_panic_in_a_rule_is_a_refusal_and_the_next_rule_runs() {
        assert_eq!(guarded::<()>(|| panic!("on purpose")), Err(Rejected::Internal));
        assert!(!IN_A_RULE.get());
        assert_eq!(guarded(|| Ok(1)), Ok(1));
    }
}
