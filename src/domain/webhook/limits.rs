//! Every bound of webhook delivery, with its unit, its reason and what happens at it.

use std::time::Duration;

/// How long one attempt may take in all (spec v3.0, 9.4); after it the attempt counts as trouble.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Waits between the attempts of one delivery (spec v3.0, 9.4), before jitter. When all are used
/// up the delivery is given up, unless its receiver is in trouble: see [`BACKLOG_AGE`].
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

/// Outstanding deliveries of one URL from which on nothing is taken that means nothing later, such as who types:
/// it would be told too late, and in the room of what has to be told.
pub const BACKLOG_PASSED: usize = 1_000;

/// Outstanding deliveries of a license, over all its URLs. Beyond it only those are taken whose URL is owed less
/// than its part, so that a few dead receivers do not turn others' calls away; at most twice as many.
pub const BACKLOG_PER_LICENSE: usize = 250_000;

/// Bytes of the bodies of a license's outstanding deliveries; beyond it as [`BACKLOG_PER_LICENSE`].
pub const BACKLOG_BYTES_PER_LICENSE: usize = 512 * 1024 * 1024;

/// Failures in a row after which a receiver is in trouble: fewer may be an accident, or one bad body.
pub const BREAKER_FAILURES: u32 = 5;

/// How long a receiver in trouble is left alone before the next probe; the last one repeats. So a dead
/// receiver costs one attempt a minute, and one that comes back is found within one.
pub const PROBE_WAITS: [Duration; 5] = [
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(40),
    Duration::from_secs(60),
];

/// The longest pause that a receiver may ask for (`Retry-After`): the longest wait of the schedule; a
/// longer one counts as this.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(10 * 3600);

/// How old what waits for a receiver in trouble may become; then it is a dead letter
/// ([`Expired`](super::Settlement::Expired)). Until then none is given up for failed attempts, which say
/// nothing of it but of its receiver: so an outage over a weekend loses nothing.
pub const BACKLOG_AGE: Duration = Duration::from_secs(3 * 24 * 3600);

/// How long every attempt at a receiver may fail before it is disabled: nobody is coming back there.
pub const DISABLE_AFTER: Duration = Duration::from_secs(5 * 24 * 3600);

/// How long nothing may have been tried at a receiver that fails, and the time counts on: nobody knows how one
/// was that was not called. Longer than the longest pause that it may ask for.
pub const QUIET_TIME: Duration = Duration::from_secs(12 * 3600);

/// How long this process must have seen a receiver fail before it disables it: an earlier one may have
/// seen only the beginning.
pub const WITNESS_TIME: Duration = Duration::from_secs(3600);

/// How long a dead letter can be replayed, unless set; then it is forgotten.
pub const DEAD_LETTER_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Dead letters of a license, unless set; beyond it the oldest is forgotten of the endpoint that has most. A
/// line of each is in memory, so this bounds some ten megabytes.
pub const DEAD_LETTERS: usize = 50_000;

/// How long an operator may have dead letters kept: a year. Longer, and nobody replays them any more.
pub const MAX_DEAD_LETTER_LIFE: Duration = Duration::from_secs(366 * 24 * 3600);

/// How many dead letters of a license an operator may have kept: lines of some hundred megabytes, as much
/// as a server with one noisy tenant should spend on them.
pub const MAX_DEAD_LETTERS: usize = 500_000;

/// Bytes of the bodies of a license's dead letters, on the disk; beyond it as [`DEAD_LETTERS`].
pub const DEAD_LETTER_BYTES: usize = 256 * 1024 * 1024;

/// How long the former secret of a webhook still signs beside the new one: long enough to change every
/// receiver without haste.
pub const SECRET_OVERLAP: Duration = Duration::from_secs(24 * 3600);

/// Waits between the attempts of a call to a help desk's bot or hook: three attempts in all, so that a
/// customer whose bot fails is with a person soon.
pub const DESK_RETRY_DELAYS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];
/// How long one such attempt may take: what the receivers of the field are used to.
pub const DESK_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a customer waits for a call to its bot that cannot be made because the receiver is in trouble or
/// has asked for a pause; then it is given up, and a person takes over. About as long as the attempts of
/// one call take whose receiver is silent.
pub const AWAITED_PATIENCE: Duration = Duration::from_secs(15);
/// How long until a call that is awaited longer, by a receiver that is well, is looked at again.
pub const AWAITED_LOOK: Duration = Duration::from_secs(1);
