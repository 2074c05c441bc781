//! Every bound of webhook delivery, with its unit, its reason and what happens at it.

use std::time::Duration;

/// How long one attempt may take in all (spec v3.0, 9.4); after it the attempt counts as trouble.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Waits between the attempts of one delivery (spec v3.0, 9.4), before jitter. When all are used
/// up the delivery is given up.
pub const RETRY_DELAYS: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
];

/// Part of a wait that jitter adds at most, so that deliveries which failed together do not come
/// back together.
pub const JITTER: f64 = 0.2;

/// Retries left to a delivery that became due longer ago than the whole schedule lasts (it waited
/// behind others, or we were down): enough to survive a hiccup, few enough that a backlog for a
/// dead endpoint drains.
pub const OVERDUE_RETRIES: usize = 3;

/// Attempts under way at one URL: what a slow receiver can hold. All endpoints of a bot share its
/// URL, so this bounds each of them too; further lanes wait.
pub const ATTEMPTS_PER_URL: usize = 8;

/// Attempts under way in all of a license; further lanes wait for their turn.
pub const ATTEMPTS_IN_ALL: usize = 64;

/// Outstanding deliveries of one URL: what a dead receiver, or a burst that a receiver is slower
/// than, can pile up. A further one is given up at once ([`Overflowed`](super::Settlement::Overflowed)),
/// so the bound is what memory bears rather than what is likely.
pub const BACKLOG_PER_URL: usize = 100_000;

/// Bytes of the bodies of one URL's outstanding deliveries; beyond it as [`BACKLOG_PER_URL`]. One
/// delivery is always taken, however large.
pub const BACKLOG_BYTES_PER_URL: usize = 256 * 1024 * 1024;
