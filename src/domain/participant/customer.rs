//! Customers: profile, visits, ban. Source: spec v3.0, 4.4 and 10.6.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::conversation::access::{Access, AccessChange};
use crate::conversation::event::within;
use crate::error::Rejected;
use crate::id::{AgentId, CustomerId};
use crate::limits::{
    BAN_DAYS, CUSTOMER_FIELDS, NAME_CHARS, SHORT_TEXT_BYTES, SIDE_STORAGE_BYTES, SIDE_STORAGE_ENTRIES,
    URL_CHARS,
};
use crate::participant::contact::{Contact, ContactChange};
use crate::participant::visit::{Page, Visit};
use crate::time::Timestamp;

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Identity.
    pub id: CustomerId,
    /// Process-wide creation number (design D14).
    pub number: u64,
    /// Shown name.
    pub name: Option<Box<str>>,
    /// Not verified.
    pub email: Option<Box<str>>,
    /// URL.
    pub avatar: Option<Box<str>>,
    /// Session fields.
    pub fields: Texts,
    /// First seen.
    pub created_at: Timestamp,
    /// Banned until then.
    pub banned_until: Option<Timestamp>,
    /// Time of the last change.
    pub changed_at: Timestamp,
    /// The newest ban, in force or not.
    #[serde(default)]
    pub ban: Option<Ban>,
    /// The newest visit.
    #[serde(default)]
    pub visit: Option<Visit>,
    /// Visits so far.
    #[serde(default)]
    pub visits: u64,
    /// What the customer's client keeps here instead of in cookies: opaque.
    #[serde(default)]
    pub side_storage: Texts,
    /// Who may see the customer: kept and told, nothing more (spec v3.0, 12 #28).
    #[serde(default)]
    pub access: Access,
    /// What a help desk knows of it.
    #[serde(default)]
    pub contact: Option<Box<Contact>>,
}

/// Texts by name.
pub type Texts = BTreeMap<Box<str>, Box<str>>;

/// A ban.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// When it was imposed.
    pub at: Timestamp,
    /// For how many days.
    pub days: u32,
    /// By whom.
    pub by: Option<AgentId>,
}

impl Ban {
    /// When it ends.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.at.plus(std::time::Duration::from_secs(u64::from(self.days) * 24 * 3600))
    }
}

/// New values for some fields of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomerChange {
    /// Shown name.
    pub name: Option<Box<str>>,
    /// Not verified.
    pub email: Option<Box<str>>,
    /// URL.
    pub avatar: Option<Box<str>>,
    /// Merged into the stored ones.
    pub fields: Texts,
    /// For a help desk.
    pub contact: Option<Box<ContactChange>>,
}

impl CustomerChange {
    /// Checks every bound; `place` is where the values stand in the request, with a dot, or empty.
    ///
    /// # Errors
    /// `Invalid` for a value over its bound.
    pub fn check(&self, place: &str) -> Result<(), Rejected> {
        let short = [("name", &self.name, NAME_CHARS), ("email", &self.email, NAME_CHARS)];
        for (name, text, limit) in short.into_iter().chain([("avatar", &self.avatar, URL_CHARS)]) {
            let chars = text.as_ref().map_or(0, |text| text.chars().count());
            within(&format!("{place}{name}"), chars, limit, "characters")?;
        }
        let fields = format!("{place}fields");
        within(&fields, self.fields.len(), CUSTOMER_FIELDS, "fields")?;
        for (name, value) in &self.fields {
            within(&fields, name.len().max(value.len()), SHORT_TEXT_BYTES, "bytes")?;
        }
        Ok(())
    }
}

/// One change of a customer; keeps the state after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CustomerFact {
    /// Made or changed.
    Put(Box<Customer>),
    /// Came to the site, with the first connection.
    Visited(Visit),
    /// Banned, from then on.
    Banned(Ban),
    /// What the client keeps here was replaced.
    SideStored {
        /// When.
        at: Timestamp,
        /// All of it.
        storage: Texts,
    },
    /// Others may see the customer now.
    AccessChanged {
        /// When.
        at: Timestamp,
        /// Who may, after that.
        access: Access,
        /// What was asked for.
        change: AccessChange,
        /// By whom.
        by: Option<AgentId>,
    },
}

impl Customer {
    /// A customer of whom only the id is known.
    #[must_use]
    pub fn new(id: CustomerId, number: u64, now: Timestamp) -> Self {
        Self {
            id,
            number,
            name: None,
            email: None,
            avatar: None,
            fields: BTreeMap::new(),
            created_at: now,
            banned_until: None,
            changed_at: now,
            ban: None,
            visit: None,
            visits: 0,
            side_storage: BTreeMap::new(),
            access: Access::default(),
            contact: None,
        }
    }

    /// Applies a fact. Cannot fail.
    pub fn apply(&mut self, fact: &CustomerFact) {
        match fact {
            CustomerFact::Put(customer) => self.clone_from(customer),
            CustomerFact::Visited(visit) => {
                self.changed_at = visit.started_at;
                self.visits += 1;
                self.visit = Some(visit.clone());
            }
            CustomerFact::Banned(ban) => {
                self.changed_at = ban.at;
                self.banned_until = Some(ban.until());
                self.ban = Some(ban.clone());
            }
            CustomerFact::SideStored { at, storage } => {
                self.changed_at = *at;
                self.side_storage = storage.clone();
            }
            CustomerFact::AccessChanged { at, access, .. } => {
                self.changed_at = *at;
                self.access = access.clone();
            }
        }
    }

    /// Bans the customer for some days, from now on; a newer ban replaces an older one.
    ///
    /// # Errors
    /// `Invalid` for days that are none or too many.
    pub fn ban(&self, days: u32, by: Option<AgentId>, now: Timestamp) -> Result<CustomerFact, Rejected> {
        if !(1..=BAN_DAYS).contains(&days) {
            return Err(Rejected::invalid("ban.days", format!("must be from 1 to {BAN_DAYS}")));
        }
        Ok(CustomerFact::Banned(Ban { at: now.after(self.changed_at), days, by }))
    }

    /// Replaces what the client keeps here; `None` when it is the same.
    ///
    /// # Errors
    /// `Invalid` when it is too much.
    pub fn keep_aside(&self, storage: Texts, now: Timestamp) -> Result<Option<CustomerFact>, Rejected> {
        check_side_storage(&storage)?;
        if storage == self.side_storage {
            return Ok(None);
        }
        Ok(Some(CustomerFact::SideStored { at: now.after(self.changed_at), storage }))
    }

    /// A page was opened in the newest visit. Views are no facts: they are told, and kept as long
    /// as the process lives and with whatever is stored of the customer meanwhile.
    pub fn opened(&mut self, page: Page) {
        if let Some(visit) = &mut self.visit {
            visit.opened(page);
        }
    }

    /// The ban that ends a thread opened at that time: one in force, or one that a crash kept from
    /// being carried out.
    #[must_use]
    pub fn ban_on_thread(&self, opened_at: Timestamp, now: Timestamp) -> Option<&Ban> {
        self.ban.as_ref().filter(|ban| self.banned(now) || opened_at <= ban.at)
    }

    /// The customer with some fields changed; `None` when nothing changes.
    ///
    /// # Errors
    /// `Invalid` for a value over its bound.
    pub fn change(&self, change: CustomerChange, now: Timestamp) -> Result<Option<CustomerFact>, Rejected> {
        change.check("")?;
        let CustomerChange { name, email, avatar, fields, contact } = change;
        let mut customer = self.clone();
        customer.name = name.or(customer.name);
        customer.email = email.or(customer.email);
        customer.avatar = avatar.or(customer.avatar);
        customer.fields.extend(fields);
        within("fields", customer.fields.len(), CUSTOMER_FIELDS, "fields")?;
        if let Some(change) = contact {
            let before = customer.contact.take().map(|contact| *contact).unwrap_or_default();
            let after = before.changed(*change)?;
            if after.deleted {
                (customer.name, customer.email, customer.avatar) = (None, None, None);
            }
            customer.contact = Some(Box::new(after));
        }
        if customer == *self {
            return Ok(None);
        }
        customer.changed_at = now.after(self.changed_at);
        Ok(Some(CustomerFact::Put(Box::new(customer))))
    }

    /// Is the customer banned now?
    #[must_use]
    pub fn banned(&self, now: Timestamp) -> bool {
        self.banned_until.is_some_and(|until| now < until)
    }
}

/// Checks what a client wants to keep here.
///
/// # Errors
/// `Invalid` when it is too much.
pub fn check_side_storage(storage: &Texts) -> Result<(), Rejected> {
    let field = "customer_side_storage";
    within(field, storage.len(), SIDE_STORAGE_ENTRIES, "entries")?;
    let bytes = storage.iter().map(|(name, value)| name.len() + value.len()).sum();
    within(field, bytes, SIDE_STORAGE_BYTES, "bytes in all")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(10);

    #[test]
    fn a_change_is_bounded_and_a_non_change_is_none() {
        let mia = mia();
        let named =
            |n: usize| CustomerChange { name: Some("x".repeat(n).into()), ..CustomerChange::default() };
        assert!(matches!(mia.change(named(NAME_CHARS), NOW), Ok(Some(_))));
        assert!(mia.change(named(NAME_CHARS + 1), NOW).is_err());
        assert_eq!(mia.change(CustomerChange::default(), NOW), Ok(None));
        let fields = |n: usize| CustomerChange {
            fields: (0..n).map(|i| (i.to_string().into(), "v".into())).collect(),
            ..CustomerChange::default()
        };
        assert!(mia.change(fields(CUSTOMER_FIELDS), NOW).is_ok());
        assert!(mia.change(fields(CUSTOMER_FIELDS + 1), NOW).is_err());
        // Together with those that are stored, too.
        let Ok(Some(full)) = mia.change(fields(CUSTOMER_FIELDS), NOW) else { unreachable!() };
        let full = mia.after(&full);
        let more =
            CustomerChange { fields: [("new".into(), "v".into())].into(), ..CustomerChange::default() };
        assert!(full.change(more, NOW).is_err());
    }

    impl Customer {
        fn after(&self, fact: &CustomerFact) -> Self {
            let mut after = self.clone();
            after.apply(fact);
            after
        }
    }

    fn mia() -> Customer {
        Customer::new(CustomerId::from_random(1), 1, NOW)
    }

    #[test]
    fn a_ban_holds_for_its_days_and_a_newer_one_replaces_it() {
        let day = std::time::Duration::from_secs(24 * 3600);
        let by = || Some(AgentId::new("ann"));
        for days in [0, BAN_DAYS + 1] {
            assert!(mia().ban(days, by(), NOW).is_err());
        }
        let Ok(fact) = mia().ban(2, by(), NOW) else { unreachable!() };
        let banned = mia().after(&fact);
        let at = banned.changed_at;
        assert!(banned.banned(at) && banned.banned(at.plus(day)) && !banned.banned(at.plus(day * 2)));
        let Ok(fact) = banned.ban(1, by(), at) else { unreachable!() };
        let shorter = banned.after(&fact);
        assert!(shorter.banned(at.plus(day)) && !shorter.banned(at.plus(day * 2)));
        let most = mia().ban(BAN_DAYS, None, NOW).map(|fact| mia().after(&fact));
        assert!(most.is_ok_and(|mia| mia.banned(NOW.plus(day * (BAN_DAYS - 1)))), "far ends do not wrap");
    }

    #[test]
    fn a_ban_ends_what_was_open_also_when_it_is_over_itself() {
        let Ok(fact) = mia().ban(1, None, Timestamp::from_secs(100)) else { unreachable!() };
        let banned = mia().after(&fact);
        let over = Timestamp::from_secs(100 + 24 * 3600 + 1);
        assert!(banned.ban_on_thread(Timestamp::from_secs(50), over).is_some());
        assert!(banned.ban_on_thread(Timestamp::from_secs(150), over).is_none(), "opened after the ban");
        assert!(banned.ban_on_thread(Timestamp::from_secs(150), Timestamp::from_secs(160)).is_some());
        assert!(mia().ban_on_thread(NOW, NOW).is_none());
    }

    #[test]
    fn side_storage_is_replaced_and_bounded() {
        let of = |pairs: &[(&str, &str)]| -> Texts {
            pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
        };
        let Ok(Some(fact)) = mia().keep_aside(of(&[("a", "1")]), NOW) else { unreachable!() };
        let kept = mia().after(&fact);
        assert_eq!(kept.keep_aside(of(&[("a", "1")]), NOW), Ok(None));
        let Ok(Some(fact)) = kept.keep_aside(of(&[("b", "2")]), NOW) else { unreachable!() };
        assert_eq!(kept.after(&fact).side_storage, of(&[("b", "2")]));
        let entries = |n: usize| -> Texts { (0..n).map(|i| (i.to_string().into(), "".into())).collect() };
        assert!(mia().keep_aside(entries(SIDE_STORAGE_ENTRIES), NOW).is_ok());
        assert!(mia().keep_aside(entries(SIDE_STORAGE_ENTRIES + 1), NOW).is_err());
        assert!(mia().keep_aside(of(&[("", &"x".repeat(SIDE_STORAGE_BYTES))]), NOW).is_ok());
        assert!(mia().keep_aside(of(&[("a", &"x".repeat(SIDE_STORAGE_BYTES))]), NOW).is_err());
    }

    #[test]
    fn visits_are_counted_and_keep_their_last_pages() {
        let visit = Visit {
            number: 9,
            started_at: Timestamp::from_secs(20),
            referrer: "".into(),
            ip: "203.0.113.9".into(),
            user_agent: "".into(),
            pages: Vec::new(),
        };
        let mut visiting =
            mia().after(&CustomerFact::Visited(visit.clone())).after(&CustomerFact::Visited(visit));
        assert_eq!(visiting.visits, 2);
        for n in 0..=crate::limits::VISIT_PAGES {
            let url = n.to_string().into();
            visiting.opened(Page { opened_at: NOW, url, title: "".into() });
        }
        let pages = visiting.visit.map(|visit| visit.pages).unwrap_or_default();
        assert_eq!(pages.len(), crate::limits::VISIT_PAGES);
        assert_eq!(pages.first().map(|page| &*page.url), Some("1"), "the oldest one made room");
    }
}
