//! Previews of web pages for whoever types an address: fetched by the guarded client, a few at a
//! time, and remembered for a while, so that nobody can use us to knock at a door all day.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use switchboard_domain::error::Rejected;
use tokio::sync::Semaphore;

use crate::engine::limits::{PREVIEW_LIFE, PREVIEWS_AT_ONCE, PREVIEWS_KNOWN};
use crate::outbound::{Preview, WebhookClient};
use crate::telemetry::clock;

/// What is known of web pages.
pub(crate) struct Previews {
    known: Mutex<Known>,
    turns: Semaphore,
}

#[derive(Default)]
struct Known {
    pages: HashMap<Arc<str>, Option<Arc<Preview>>>,
    /// When each became known, the oldest first.
    ages: VecDeque<(Duration, Arc<str>)>,
}

impl Default for Previews {
    fn default() -> Self {
        Self { known: Mutex::default(), turns: Semaphore::new(PREVIEWS_AT_ONCE) }
    }
}

impl Previews {
    /// What a page says of itself; `None` when it cannot be had, which is remembered, too.
    ///
    /// # Errors
    /// None that is known: nobody closes the queue.
    pub(crate) async fn of(
        &self,
        client: &WebhookClient,
        url: &str,
    ) -> Result<Option<Arc<Preview>>, Rejected> {
        let _turn = self.turns.acquire().await.map_err(|_| Rejected::Internal)?;
        if let Some(known) = self.look(url, clock::monotonic()) {
            return Ok(known);
        }
        let found = client.preview(url).await.ok().map(Arc::new);
        self.keep(url, found.clone(), clock::monotonic());
        Ok(found)
    }

    fn look(&self, url: &str, now: Duration) -> Option<Option<Arc<Preview>>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        while known.ages.front().is_some_and(|(at, _)| now.saturating_sub(*at) > PREVIEW_LIFE) {
            known.forget_oldest();
        }
        known.pages.get(url).cloned()
    }

    fn keep(&self, url: &str, found: Option<Arc<Preview>>, now: Duration) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let url: Arc<str> = url.into();
        if known.pages.insert(Arc::clone(&url), found).is_none() {
            known.ages.push_back((now, url));
        }
        while known.pages.len() > PREVIEWS_KNOWN {
            known.forget_oldest();
        }
    }
}

impl Known {
    fn forget_oldest(&mut self) {
        if let Some((_, url)) = self.ages.pop_front() {
            self.pages.remove(&url);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_known_for_a_while_and_not_too_many() {
        let previews = Previews::default();
        let start = Duration::from_secs(100);
        let page = Some(Arc::new(Preview::default()));
        previews.keep("a", page.clone(), start);
        previews.keep("b", None, start);
        previews.keep("b", None, start + PREVIEW_LIFE);
        assert_eq!(previews.look("a", start + PREVIEW_LIFE), Some(page));
        assert_eq!(previews.look("b", start + PREVIEW_LIFE), Some(None), "what cannot be had is known, too");
        assert_eq!(previews.look("c", start), None);
        let late = start + PREVIEW_LIFE + Duration::from_millis(1);
        assert_eq!((previews.look("a", late), previews.look("b", late)), (None, None));

        for n in 0..=PREVIEWS_KNOWN {
            previews.keep(&n.to_string(), None, late);
        }
        assert_eq!((previews.look("0", late), previews.look("1", late)), (None, Some(None)));
        let known = previews.known.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!((known.pages.len(), known.ages.len()), (PREVIEWS_KNOWN, PREVIEWS_KNOWN));
    }
}
