//! How often a token may call over HTTP, and how many calls at a time. A socket has its own bound.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use governor::clock::{Clock as _, MonotonicClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::engine::entry::TokenHash;

/// How soon to try again where too many calls run: most are over in less.
const SOON: Duration = Duration::from_millis(100);

type PerMinute = RateLimiter<TokenHash, DashMapStateStore<TokenHash>, MonotonicClock>;

/// How often each token may call.
pub(crate) struct Rates {
    per_minute: Option<PerMinute>,
    at_once: usize,
    running: Arc<DashMap<TokenHash, usize>>,
}

/// A call that runs. It counts until this is dropped.
#[derive(Debug)]
#[must_use = "a call counts as long as this is kept"]
pub struct RunningCall(Option<(Arc<DashMap<TokenHash, usize>>, TokenHash)>);

impl Drop for RunningCall {
    fn drop(&mut self) {
        let Some((running, token)) = self.0.take() else { return };
        let dashmap::Entry::Occupied(mut calls) = running.entry(token) else { return };
        *calls.get_mut() = calls.get().saturating_sub(1);
        if *calls.get() == 0 {
            calls.remove();
        }
    }
}

impl Rates {
    /// So many calls in a minute, and so many at a time; 0: as many as one likes.
    pub(crate) fn new(per_minute: u32, at_once: usize) -> Self {
        let quota = NonZeroU32::new(per_minute).map(Quota::per_minute);
        let limiter = |quota| RateLimiter::new(quota, DashMapStateStore::default(), MonotonicClock);
        Self { per_minute: quota.map(limiter), at_once, running: Arc::default() }
    }

    /// Counts a call with a token, which runs as long as what is returned is kept.
    ///
    /// # Errors
    /// How long to wait before the next one.
    pub(crate) fn admit(&self, token: &TokenHash) -> Result<RunningCall, Duration> {
        let running = self.begin(token)?;
        if let Some(limiter) = &self.per_minute {
            limiter.check_key(token).map_err(|early| early.wait_time_from(MonotonicClock.now()))?;
        }
        Ok(running)
    }

    fn begin(&self, token: &TokenHash) -> Result<RunningCall, Duration> {
        if self.at_once == 0 {
            return Ok(RunningCall(None));
        }
        let mut calls = self.running.entry(*token).or_default();
        if *calls >= self.at_once {
            return Err(SOON);
        }
        *calls += 1;
        Ok(RunningCall(Some((Arc::clone(&self.running), *token))))
    }

    /// Forgets tokens that have not called lately.
    pub(crate) fn forget_idle(&self) {
        if let Some(limiter) = &self.per_minute {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_has_its_own_minute() {
        let rates = Rates::new(2, 0);
        let [one, other] = [[1; 32], [2; 32]];
        assert!(rates.admit(&one).is_ok() && rates.admit(&one).is_ok());
        let wait = rates.admit(&one).err();
        assert!(
            wait.is_some_and(|wait| wait > Duration::ZERO && wait <= Duration::from_secs(30)),
            "{wait:?}"
        );
        assert!(rates.admit(&other).is_ok());
        rates.forget_idle();
        assert!(rates.admit(&one).is_err(), "who has called lately is not forgotten");
        let free = Rates::new(0, 0);
        let all: Vec<_> = (0..1000).map(|_| free.admit(&one)).collect();
        assert!(all.iter().all(Result::is_ok));
    }

    #[test]
    fn a_token_has_so_many_calls_at_a_time_and_what_ended_leaves_nothing() {
        let rates = Rates::new(0, 2);
        let [one, other] = [[1; 32], [2; 32]];
        let (first, second) = (rates.admit(&one), rates.admit(&one));
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(rates.admit(&one).err(), Some(SOON));
        assert!(rates.admit(&other).is_ok(), "nobody else waits for it");
        drop(first);
        let third = rates.admit(&one);
        assert!(third.is_ok() && rates.admit(&one).is_err());
        drop((second, third));
        assert!(rates.running.is_empty());
    }
}
