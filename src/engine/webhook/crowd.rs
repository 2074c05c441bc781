//! What the licenses of the process share: memory for what is owed, and calls at a time.

use std::sync::atomic::{AtomicUsize, Ordering};

use switchboard_domain::webhook::limits::BACKLOG_BYTES_PER_LICENSE;
use tokio::sync::Semaphore;

use crate::engine::limits::{ATTEMPTS_IN_PROCESS, BACKLOG_BYTES_IN_PROCESS};

/// What is shared.
pub(crate) struct Crowd {
    /// Bytes that all licenses are owed.
    bytes: AtomicUsize,
    /// Licenses that are owed something.
    licenses: AtomicUsize,
    calls: Semaphore,
}

impl Default for Crowd {
    fn default() -> Self {
        let calls = Semaphore::new(ATTEMPTS_IN_PROCESS);
        Self { bytes: AtomicUsize::new(0), licenses: AtomicUsize::new(0), calls }
    }
}

impl Crowd {
    /// A license is owed so many bytes, and no more as many as before.
    pub(super) fn owes(&self, before: usize, now: usize) {
        if now > before {
            self.bytes.fetch_add(now - before, Ordering::Relaxed);
        } else {
            self.bytes.fetch_sub(before - now, Ordering::Relaxed);
        }
        match (before, now) {
            (0, 1..) => drop(self.licenses.fetch_add(1, Ordering::Relaxed)),
            (1.., 0) => drop(self.licenses.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
    }

    /// Bytes that one license may be owed: its own bound, or its part when all together are owed too much.
    pub(super) fn room(&self) -> usize {
        if self.bytes.load(Ordering::Relaxed) < BACKLOG_BYTES_IN_PROCESS {
            return BACKLOG_BYTES_PER_LICENSE;
        }
        let licenses = self.licenses.load(Ordering::Relaxed).max(1);
        BACKLOG_BYTES_PER_LICENSE.min(BACKLOG_BYTES_IN_PROCESS / licenses)
    }

    /// Makes a call when there is room for one more.
    pub(super) async fn call<T>(&self, call: impl Future<Output = T>) -> T {
        // It is never closed; if it were, there would be no bound to keep.
        let _permit = self.calls.acquire().await;
        call.await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn when_all_are_owed_too_much_each_gets_its_part() {
        let crowd = Crowd::default();
        crowd.owes(0, BACKLOG_BYTES_IN_PROCESS - 1);
        assert_eq!(crowd.room(), BACKLOG_BYTES_PER_LICENSE);
        for _ in 0..7 {
            crowd.owes(0, 1);
        }
        assert_eq!(crowd.room(), BACKLOG_BYTES_IN_PROCESS / 8);
        for _ in 0..7 {
            crowd.owes(1, 0);
        }
        assert_eq!(crowd.room(), BACKLOG_BYTES_PER_LICENSE);
        crowd.owes(BACKLOG_BYTES_IN_PROCESS - 1, 0);
        let left = (crowd.bytes.load(Ordering::Relaxed), crowd.licenses.load(Ordering::Relaxed));
        assert_eq!(left, (0, 0));
    }

    #[tokio::test]
    async fn so_many_calls_are_made_at_a_time() {
        let crowd = Arc::new(Crowd::default());
        let (end, _) = tokio::sync::watch::channel(false);
        let (began, mut begun) = tokio::sync::mpsc::channel(ATTEMPTS_IN_PROCESS + 1);
        for _ in 0..=ATTEMPTS_IN_PROCESS {
            let (crowd, began, mut end) = (Arc::clone(&crowd), began.clone(), end.subscribe());
            tokio::spawn(async move {
                crowd
                    .call(async {
                        let _ = began.send(()).await;
                        drop(end.wait_for(|end| *end).await);
                    })
                    .await;
            });
        }
        for _ in 0..ATTEMPTS_IN_PROCESS {
            assert_eq!(begun.recv().await, Some(()));
        }
        tokio::task::yield_now().await;
        assert!(begun.try_recv().is_err(), "one too many");
        end.send_replace(true);
        assert_eq!(begun.recv().await, Some(()));
    }
}
