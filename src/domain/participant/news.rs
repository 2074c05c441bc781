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
        /// Before it; the same when nothing changed.
        before: Arc<Customer>,
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
    /// Another contact became part of this one. Only a help desk's streams tell of it.
    Merged(Arc<Customer>),
}

/// What a help desk takes from the news of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactNews {
    /// There is one more contact.
    Created,
    /// What is known of it changed.
    Updated,
    /// It was deleted.
    Deleted,
    /// Another one became part of it.
    Merged,
}

impl CustomerNews {
    /// What this is to a help desk, with the contact after it; `None` for what is none of its business:
    /// customers of whom no desk knows, visits and bans. Source: spec of the help desk, 4.3 and 5.4.
    #[must_use]
    pub fn of_contact(&self) -> Option<(ContactNews, &Arc<Customer>)> {
        let is_one = |customer: &Customer| customer.contact.as_ref().is_some_and(|contact| !contact.deleted);
        match self {
            Self::Created(customer) => is_one(customer).then_some((ContactNews::Created, customer)),
            Self::Merged(customer) => is_one(customer).then_some((ContactNews::Merged, customer)),
            Self::Updated { customer, before, .. } => match (is_one(before), is_one(customer)) {
                (true, true) if before == customer => None,
                (true, true) => Some((ContactNews::Updated, customer)),
                (true, false) => Some((ContactNews::Deleted, customer)),
                (false, true) => Some((ContactNews::Created, customer)),
                (false, false) => None,
            },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::participant::contact::Contact;

    fn customer(contact: Option<Contact>) -> Arc<Customer> {
        let mut customer = Customer::new(CustomerId::from_random(1), 1, Timestamp::default());
        customer.contact = contact.map(Box::new);
        Arc::new(customer)
    }

    #[test]
    fn a_desk_hears_of_contacts_and_of_nobody_else() {
        let plain = || customer(None);
        let contact = || customer(Some(Contact::default()));
        let blocked = || customer(Some(Contact { blocked: true, ..Contact::default() }));
        let gone = || customer(Some(Contact { deleted: true, ..Contact::default() }));
        let created = |customer| CustomerNews::Created(customer).of_contact().map(|(news, _)| news);
        assert_eq!((created(plain()), created(contact())), (None, Some(ContactNews::Created)));
        let updated = |before, customer| {
            let news = CustomerNews::Updated { customer, before, present: false, banned: false };
            news.of_contact().map(|(news, _)| news)
        };
        let merged = |customer| CustomerNews::Merged(customer).of_contact().map(|(news, _)| news);
        assert_eq!((merged(gone()), merged(contact())), (None, Some(ContactNews::Merged)));
        assert_eq!(updated(contact(), blocked()), Some(ContactNews::Updated));
        assert_eq!(updated(contact(), contact()), None, "nothing changed");
        assert_eq!(updated(contact(), gone()), Some(ContactNews::Deleted));
        assert_eq!(updated(gone(), gone()), None);
        assert_eq!(updated(plain(), contact()), Some(ContactNews::Created), "a desk knows of it from now on");
        assert_eq!(updated(plain(), plain()), None);
        let banned = CustomerNews::Banned { customer: CustomerId::from_random(1), days: 1 };
        assert_eq!(banned.of_contact(), None);
    }
}
