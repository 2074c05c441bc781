//! Visits: a customer's time on the site, from the first connection to the end of the last one.
//! Source: spec v3.0, 8.2 and 10.6.

use serde::{Deserialize, Serialize};

use crate::conversation::event::within;
use crate::error::Rejected;
use crate::limits::{URL_CHARS, VISIT_PAGES};
use crate::time::Timestamp;

/// A visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// Process-wide creation number: names the visit.
    pub number: u64,
    /// When the first connection logged in.
    pub started_at: Timestamp,
    /// From where the customer came; empty when not known.
    pub referrer: Box<str>,
    /// Address of the first connection; empty when not known.
    pub ip: Box<str>,
    /// Its client; empty when not known.
    pub user_agent: Box<str>,
    /// The pages opened last, oldest first, at most [`VISIT_PAGES`].
    pub pages: Vec<Page>,
}

/// One page of the site, as the customer's client names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Its address.
    pub url: Box<str>,
    /// Its title; empty when not given.
    pub title: Box<str>,
}

impl Visit {
    /// A page was opened; the oldest makes room for it.
    pub fn opened(&mut self, page: Page) {
        let over = (self.pages.len() + 1).saturating_sub(VISIT_PAGES);
        self.pages.drain(..over);
        self.pages.push(page);
    }
}

impl Page {
    /// Checks its bounds; `place` is where it stands in the request, with a dot, or empty.
    ///
    /// # Errors
    /// `Invalid` for a text over its bound.
    pub fn check(&self, place: &str) -> Result<(), Rejected> {
        for (name, text) in [("url", &self.url), ("title", &self.title)] {
            within(&format!("{place}{name}"), text.chars().count(), URL_CHARS, "characters")?;
        }
        Ok(())
    }
}
