//! How often a token may call over HTTP. A socket has its own bound: so many requests at a time.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, MonotonicClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::engine::entry::TokenHash;

/// How often each token may call.
pub(crate) struct Rates(Option<RateLimiter<TokenHash, DashMapStateStore<TokenHash>, MonotonicClock>>);

impl Rates {
    /// So many calls in a minute, all at once or one after the other; 0: as many as one likes.
    pub(crate) fn new(per_minute: u32) -> Self {
        let quota = NonZeroU32::new(per_minute).map(Quota::per_minute);
        Self(quota.map(|quota| RateLimiter::new(quota, DashMapStateStore::default(), MonotonicClock)))
    }

    /// Counts a call with a token.
    ///
    /// # Errors
    /// How long to wait before the next one.
    pub(crate) fn admit(&self, token: &TokenHash) -> Result<(), Duration> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        limiter.check_key(token).map_err(|early| early.wait_time_from(MonotonicClock.now()))
    }

    /// Forgets tokens that have not called lately.
    pub(crate) fn forget_idle(&self) {
        if let Some(limiter) = &self.0 {
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
        let rates = Rates::new(2);
        let [one, other] = [[1; 32], [2; 32]];
        assert_eq!((rates.admit(&one), rates.admit(&one)), (Ok(()), Ok(())));
        let wait = rates.admit(&one).err();
        assert!(
            wait.is_some_and(|wait| wait > Duration::ZERO && wait <= Duration::from_secs(30)),
            "{wait:?}"
        );
        assert_eq!(rates.admit(&other), Ok(()));
        rates.forget_idle();
        assert!(rates.admit(&one).is_err(), "who has called lately is not forgotten");
        let free = Rates::new(0);
        assert!((0..1000).all(|_| free.admit(&one).is_ok()));
    }
}
