//! The one place that reads a clock or draws randomness. `clippy.toml` bans both elsewhere, so that
//! a test or a simulator that hands in time and ids has handed in all of it.
#![expect(clippy::disallowed_methods, reason = "this is the place that the bans point to")]

use std::cell::RefCell;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use switchboard_domain::time::Timestamp;
use tokio::time::Instant;

/// The wall clock. It may step back; an actor orders its own facts with [`Timestamp::after`].
/// A clock set before 1970 reads as the epoch.
#[must_use]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX))
}

/// Time since the first reading in this process; never steps back. For ages, deadlines and
/// latencies. It is tokio's clock, so a test that pauses tokio's time pauses this one too.
#[must_use]
pub fn monotonic() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    let now = Instant::now();
    now.saturating_duration_since(*START.get_or_init(|| now))
}

/// `N` random bytes from the operating system, fit for secrets.
///
/// A system that cannot give them cannot keep a secret either: the process then logs and aborts.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "the operating system gives no random bytes; no token or id made here would be safe");
        std::process::abort();
    }
    bytes
}

/// Bytes that a thread draws at once for ids. One is asked for with nearly every message, and a draw
/// is a system call.
const DRAWN_AT_ONCE: usize = 256;

struct Drawn {
    bytes: [u8; DRAWN_AT_ONCE],
    used: usize,
}

thread_local! {
    static DRAWN: RefCell<Drawn> =
        const { RefCell::new(Drawn { bytes: [0; DRAWN_AT_ONCE], used: DRAWN_AT_ONCE }) };
}

/// `N` random bytes, each given out once and forgotten then.
fn drawn<const N: usize>() -> [u8; N] {
    const { assert!(N <= DRAWN_AT_ONCE) };
    DRAWN.with_borrow_mut(|drawn| {
        if drawn.used + N > DRAWN_AT_ONCE {
            *drawn = Drawn { bytes: random_bytes(), used: 0 };
        }
        let mut taken = [0; N];
        taken.swap_with_slice(&mut drawn.bytes[drawn.used..drawn.used + N]);
        drawn.used += N;
        taken
    })
}

/// 64 random bits, for ids and jitter. See [`random_bytes`].
#[must_use]
pub fn random_u64() -> u64 {
    u64::from_ne_bytes(drawn())
}

/// 128 random bits, for ids. See [`random_bytes`].
#[must_use]
pub fn random_u128() -> u128 {
    u128::from_ne_bytes(drawn())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_counts_microseconds_since_1970() {
        let year_2025 = Timestamp::from_secs(1_735_689_600);
        let year_2200 = Timestamp::from_secs(7_258_118_400);
        assert!((year_2025..year_2200).contains(&now()));
    }

    #[test]
    fn the_monotonic_clock_moves_on_and_never_back() {
        let mut last = monotonic();
        let start = last;
        while last == start {
            let next = monotonic();
            assert!(next >= last);
            last = next;
        }
    }

    #[test]
    fn random_draws_fill_all_bytes_and_differ() {
        let ids: std::collections::BTreeSet<_> = (0..1_000).map(|_| random_u64()).collect();
        assert_eq!((ids.len(), ids.contains(&0)), (1_000, false), "over many draws none comes twice");
        let ids: std::collections::BTreeSet<_> = (0..1_000).map(|_| random_u128()).collect();
        assert_eq!((ids.len(), ids.contains(&0)), (1_000, false));
        // A byte that stays zero in 64 draws was not filled (chance of a false alarm: 32 * 2^-512).
        let seen = (0..64).map(|_| random_bytes::<32>()).fold([0; 32], |mut all: [u8; 32], draw| {
            all.iter_mut().zip(draw).for_each(|(a, d)| *a |= d);
            all
        });
        assert!(seen.iter().all(|&byte| byte != 0));
    }
}
