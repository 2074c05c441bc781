//! What is told of a customer. Audiences: spec v3.0, 8.2 and 8.3.

use std::sync::Arc;

use crate::id::CustomerId;
use crate::participant::customer::{Customer, Texts};
use crate::participant::visit::{Page, Visit};
use crate::time::Timestamp;

/// One thing that happened to a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerNews {
    /// Seen for the first time.
    Created(Arc<Customer>),
    /// Profile or fields changed.
    Updated {
        /// After the change.
        customer: Arc<Customer>,
        /// Has a connection now?
        present: bool,
        /// Is banned now?
        banned: bool,
    },
    /// Banned.
    Banned {
        /// Who.
        customer: CustomerId,
        /// For how long.
        days: u32,
    },
    /// Came to the site.
    VisitStarted {
        /// Who.
        customer: CustomerId,
        /// The visit.
        visit: Arc<Visit>,
    },
    /// Opened a page.
    PageOpened {
        /// Who.
        customer: CustomerId,
        /// The visit, without its pages.
        visit: Arc<Visit>,
        /// The page.
        page: Page,
    },
    /// Left the site.
    VisitEnded {
        /// Who.
        customer: CustomerId,
        /// The visit's number.
        visit: u64,
        /// When.
        at: Timestamp,
    },
    /// What the customer's client keeps here.
    SideStorage(Texts),
}
