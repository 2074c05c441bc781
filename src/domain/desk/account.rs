//! What the installation's owner sets of a license: how its desk is called and reached, whether it is
//! open, and how much it may have. Source: spec, section 3.

use serde::{Deserialize, Serialize};

use crate::conversation::event::within;
use crate::error::Rejected;
use crate::id::AgentId;
use crate::limits::{ATTRIBUTES_BYTES, DOMAIN_CHARS, NAME_CHARS};
use crate::participant::license::License;
use crate::participant::staff::check_address;

/// The language of an account that says none.
const DEFAULT_LOCALE: &str = "en";

/// What is known of a license as an account, beside its number and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its language: a tag such as `en` or `pt_BR`.
    pub locale: Box<str>,
    /// Where its mail comes from: at most [`DOMAIN_CHARS`] characters.
    pub domain: Option<Box<str>>,
    /// Where people write for help: an address.
    pub support_email: Option<Box<str>>,
    /// Its people and customers are turned away by its help desk, streams included, until it is open again;
    /// whoever reaches the license otherwise goes on.
    pub suspended: bool,
    /// How much it may have.
    pub allowance: Allowance,
    /// What the owner keeps of it: an object as JSON, at most [`ATTRIBUTES_BYTES`].
    pub attributes: Box<str>,
    /// Made over the platform's interface, and so the platform's to change and to end.
    pub by_platform: bool,
}

/// How much an account may have. What it has already stays when less is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Allowance {
    /// People; missing: as many as any license.
    pub agents: Option<u32>,
    /// Inboxes; missing: as many as any license.
    pub inboxes: Option<u32>,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            locale: DEFAULT_LOCALE.into(),
            domain: None,
            support_email: None,
            suspended: false,
            allowance: Allowance::default(),
            attributes: "{}".into(),
            by_platform: false,
        }
    }
}

/// New values for some of what is known of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountChange {
    /// Shown name: not blank, at most [`NAME_CHARS`] characters.
    pub name: Option<Box<str>>,
    /// See [`Account::locale`].
    pub locale: Option<Box<str>>,
    /// See [`Account::domain`]; `Some(None)` takes it away.
    pub domain: Option<Option<Box<str>>>,
    /// See [`Account::support_email`]; `Some(None)` takes it away.
    pub support_email: Option<Option<Box<str>>>,
    /// See [`Account::suspended`].
    pub suspended: Option<bool>,
    /// See [`Account::allowance`]; replaces the former one.
    pub allowance: Option<Allowance>,
    /// See [`Account::attributes`]; replaces the former ones.
    pub attributes: Option<Box<str>>,
}

impl Account {
    /// May it have one more inbox beside so many?
    ///
    /// # Errors
    /// `AllowanceReached`.
    pub(crate) fn room_for_inbox(&self, has: usize) -> Result<(), Rejected> {
        room(self.allowance.inboxes, has)
    }

    /// May it have one more human agent beside so many?
    ///
    /// # Errors
    /// `AllowanceReached`.
    pub fn room_for_agent(&self, has: usize) -> Result<(), Rejected> {
        room(self.allowance.agents, has)
    }

    fn changed(mut self, change: AccountChange) -> Result<Self, Rejected> {
        self.locale = change.locale.unwrap_or(self.locale);
        self.domain = change.domain.unwrap_or(self.domain);
        self.support_email = change.support_email.unwrap_or(self.support_email);
        self.suspended = change.suspended.unwrap_or(self.suspended);
        self.allowance = change.allowance.unwrap_or(self.allowance);
        self.attributes = change.attributes.unwrap_or(self.attributes);
        if !is_locale(&self.locale) {
            return Err(Rejected::invalid("locale", "is not a language tag such as en or pt_BR"));
        }
        let domain = self.domain.as_deref().unwrap_or_default();
        within("domain", domain.chars().count(), DOMAIN_CHARS, "characters")?;
        if let Some(email) = self.support_email.as_deref()
            && check_address(&AgentId::new(email)).is_err()
        {
            return Err(Rejected::invalid("support_email", "is not an e-mail address"));
        }
        within("custom_attributes", self.attributes.len(), ATTRIBUTES_BYTES, "bytes")?;
        Ok(self)
    }
}

fn room(allowed: Option<u32>, has: usize) -> Result<(), Rejected> {
    let full = allowed.is_some_and(|allowed| has >= usize::try_from(allowed).unwrap_or(usize::MAX));
    if full { Err(Rejected::AllowanceReached) } else { Ok(()) }
}

/// Two or three small letters, perhaps with a region of two large ones.
fn is_locale(text: &str) -> bool {
    let (language, region) = text.split_once(['_', '-']).unwrap_or((text, "XX"));
    let small = language.bytes().all(|byte| byte.is_ascii_lowercase());
    let large = region.bytes().all(|byte| byte.is_ascii_uppercase());
    (2..=3).contains(&language.len()) && small && region.len() == 2 && large
}

impl License {
    /// Describes the account anew, on a copy.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub(super) fn describe(&mut self, mut change: AccountChange) -> Result<(), Rejected> {
        if let Some(name) = change.name.take() {
            if name.trim().is_empty() {
                return Err(Rejected::blank("name"));
            }
            within("name", name.chars().count(), NAME_CHARS, "characters")?;
            self.desk.name = name;
        }
        self.desk.about = self.desk.about.clone().changed(change)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::desk::DeskChange;
    use crate::id::{ClientId, LicenseId};
    use crate::participant::license::LicenseChange;
    use crate::time::Timestamp;

    fn license() -> License {
        License::new(LicenseId(1), "org", ClientId::new("app"), Timestamp::from_secs(1))
    }

    fn described(license: &mut License, change: AccountChange) -> Result<(), Rejected> {
        let fact = license.change(LicenseChange::Desk(DeskChange::Describe(Box::new(change))))?;
        fact.iter().for_each(|fact| license.apply(fact));
        Ok(())
    }

    fn field(refused: Result<(), Rejected>) -> String {
        match refused {
            Err(Rejected::Invalid { field, .. }) => field,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn an_account_is_described_field_by_field() {
        let mut license = license();
        let all = AccountChange {
            name: Some("Acme".into()),
            locale: Some("pt_BR".into()),
            domain: Some(Some("acme.example".into())),
            support_email: Some(Some("help@acme.example".into())),
            suspended: Some(true),
            allowance: Some(Allowance { agents: Some(2), inboxes: None }),
            attributes: Some(r#"{"plan":"gold"}"#.into()),
        };
        described(&mut license, all).unwrap();
        let before = license.desk.clone();
        assert_eq!((&*before.name, &*before.about.locale, before.about.suspended), ("Acme", "pt_BR", true));
        described(&mut license, AccountChange { domain: Some(None), ..AccountChange::default() }).unwrap();
        assert_eq!(license.desk.about, Account { domain: None, ..before.about });
    }

    #[test]
    fn what_cannot_be_is_refused_by_the_name_of_its_field_and_changes_nothing() {
        let mut license = license();
        let before = license.clone();
        let long = |n: usize| "x".repeat(n).into_boxed_str();
        let none = AccountChange::default;
        for (change, named) in [
            (AccountChange { name: Some(" ".into()), ..none() }, "name"),
            (AccountChange { name: Some(long(NAME_CHARS + 1)), ..none() }, "name"),
            (AccountChange { locale: Some("klingon".into()), ..none() }, "locale"),
            (AccountChange { domain: Some(Some(long(DOMAIN_CHARS + 1))), ..none() }, "domain"),
            (AccountChange { support_email: Some(Some("nobody".into())), ..none() }, "support_email"),
            (AccountChange { attributes: Some(long(ATTRIBUTES_BYTES + 1)), ..none() }, "custom_attributes"),
        ] {
            assert_eq!(field(described(&mut license, change)), named);
            assert_eq!(license, before);
        }
        let full = AccountChange { name: Some(long(NAME_CHARS)), ..none() };
        described(&mut license, AccountChange { domain: Some(Some(long(DOMAIN_CHARS))), ..full }).unwrap();
    }

    #[test]
    fn a_language_is_a_tag() {
        for good in ["en", "fil", "pt_BR", "zh-TW"] {
            assert!(is_locale(good), "{good}");
        }
        for bad in ["", "e", "EN", "english", "en_us", "en_USA", "en_", "_US"] {
            assert!(!is_locale(bad), "{bad}");
        }
    }

    #[test]
    fn there_is_room_up_to_what_is_allowed() {
        let account = |n| Account { allowance: Allowance { agents: n, inboxes: n }, ..Account::default() };
        assert_eq!(account(None).room_for_agent(1_000_000), Ok(()));
        assert_eq!(account(Some(2)).room_for_inbox(1), Ok(()));
        assert_eq!(account(Some(2)).room_for_inbox(2), Err(Rejected::AllowanceReached));
        assert_eq!(account(Some(0)).room_for_agent(0), Err(Rejected::AllowanceReached));
    }
}
