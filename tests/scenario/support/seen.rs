//! A growing record that several readers can wait on.

use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Everything that arrived, in order. Waiting is by notice, never by polling.
pub(crate) struct Seen<T> {
    items: Mutex<Vec<T>>,
    version: watch::Sender<usize>,
}

impl<T: Debug> Seen<T> {
    pub(crate) fn new() -> Self {
        Self { items: Mutex::new(Vec::new()), version: watch::Sender::new(0) }
    }

    pub(crate) fn add(&self, item: T) {
        self.lock().push(item);
        self.version.send_modify(|version| *version += 1);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Waits until `pick` finds something among all items; fails the test after `deadline`.
    pub(crate) async fn wait<R>(
        &self,
        what: &str,
        deadline: Duration,
        pick: impl FnMut(&mut Vec<T>) -> Option<R>,
    ) -> R {
        match self.wait_or_none(deadline, pick).await {
            Some(found) => found,
            None => {
                let items = self.lock();
                panic!("waited {deadline:?} for {what}; seen until now ({}): {items:#?}", items.len())
            }
        }
    }

    /// Waits until `pick` finds something among all items; none after `deadline`.
    pub(crate) async fn wait_or_none<R>(
        &self,
        deadline: Duration,
        mut pick: impl FnMut(&mut Vec<T>) -> Option<R>,
    ) -> Option<R> {
        let mut changes = self.version.subscribe();
        let search = async {
            loop {
                let found = pick(&mut self.lock());
                if let Some(found) = found {
                    return found;
                }
                // The sender lives in `self`, so this cannot end before a change.
                let _ = changes.changed().await;
            }
        };
        timeout(deadline, search).await.ok()
    }
}
