//! Names of customers: whatever else than its id a customer is found by, as a digest. The newest stand
//! in memory; the others in the index, where a customer's snapshot enters them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ring::digest::{SHA256, digest};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{CustomerId, LicenseId};
use switchboard_domain::participant::contact::ContactEntry;
use switchboard_domain::participant::customer::Customer;

use crate::storage::{IndexKey, NameDigest, Records, Save, StorageError};

/// What a customer may be found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name<'a> {
    /// Its creation number.
    Number(u64),
    /// Its e-mail address as a contact, whatever its case.
    Email(&'a str),
    /// Its phone number.
    Phone(&'a str),
    /// The tenant's own name of it.
    Identifier(&'a str),
    /// Its way into an inbox.
    Entry(u64, &'a str),
    /// What opens its stream.
    Stream(&'a str),
}

impl Name<'_> {
    /// The field that has it, for refusals.
    const fn field(&self) -> &'static str {
        match self {
            Self::Number(_) => "id",
            Self::Email(_) => "email",
            Self::Phone(_) => "phone_number",
            Self::Identifier(_) => "identifier",
            Self::Entry(..) => "source_id",
            Self::Stream(_) => "pubsub_token",
        }
    }

    /// The digest that is kept of it.
    fn digest(&self) -> NameDigest {
        let text = match self {
            Self::Number(number) => format!("number\0{number}"),
            Self::Email(email) => format!("email\0{}", email.to_lowercase()),
            Self::Phone(phone) => format!("phone\0{phone}"),
            Self::Identifier(identifier) => format!("identifier\0{identifier}"),
            Self::Entry(inbox, source) => format!("entry\0{inbox}\0{source}"),
            Self::Stream(token) => format!("stream\0{token}"),
        };
        let mut short = [0; size_of::<NameDigest>()];
        short.copy_from_slice(&digest(&SHA256, text.as_bytes()).as_ref()[..size_of::<NameDigest>()]);
        short
    }
}

/// The names of a customer as it is; none when no help desk knows it.
fn names_of(customer: &Customer) -> Vec<Name<'_>> {
    let Some(contact) = customer.contact.as_deref().filter(|contact| !contact.deleted) else {
        return Vec::new();
    };
    let own = [
        Some(Name::Number(customer.number)),
        customer.email.as_deref().filter(|email| !email.is_empty()).map(Name::Email),
        contact.phone.as_deref().map(Name::Phone),
        contact.identifier.as_deref().map(Name::Identifier),
    ];
    own.into_iter().flatten().chain(contact.entries.iter().flat_map(names_of_entry)).collect()
}

fn names_of_entry(entry: &ContactEntry) -> [Name<'_>; 2] {
    [Name::Entry(entry.inbox, &entry.source_id), Name::Stream(&entry.stream_token)]
}

/// The names that the index may not have yet.
#[derive(Default)]
pub(crate) struct Names(Mutex<HashMap<NameDigest, Option<CustomerId>>>);

impl Names {
    /// Whose name it is.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub(crate) fn find(
        &self,
        records: &Records,
        license: LicenseId,
        name: Name<'_>,
    ) -> Result<Option<CustomerId>, StorageError> {
        let digest = name.digest();
        let newest = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).copied();
        newest.map_or_else(|| records.customer_named(license, digest), Ok)
    }

    /// Gives a customer the names that it has after a change, and takes those from it that it has no
    /// more: all of that or nothing.
    ///
    /// # Errors
    /// `Invalid`, naming the field, when somebody else has one of them.
    pub(crate) fn change(
        &self,
        records: &Records,
        license: LicenseId,
        before: Option<&Customer>,
        after: &Customer,
    ) -> Result<(), Rejected> {
        let new = names_of(after);
        let old = before.map(names_of).unwrap_or_default();
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in new.iter().filter(|name| !old.contains(name)) {
            let digest = name.digest();
            let whose = match newest.get(&digest) {
                Some(known) => *known,
                None => records.customer_named(license, digest).map_err(|error| {
                    tracing::error!(%error, "a name cannot be looked up");
                    Rejected::Internal
                })?,
            };
            if whose.is_some_and(|whose| whose != after.id) {
                return Err(Rejected::taken(name.field()));
            }
        }
        for name in old.iter().filter(|name| !new.contains(name)) {
            newest.insert(name.digest(), None);
        }
        for name in new.iter().filter(|name| !old.contains(name)) {
            newest.insert(name.digest(), Some(after.id));
        }
        Ok(())
    }

    /// Adds to what is stored with a customer's snapshot its names, and that some are no more.
    pub(crate) fn save(&self, license: LicenseId, customer: &Customer, save: &mut Save) {
        enter(license, customer, save);
        let newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in newest.iter().filter(|(_, whose)| whose.is_none()).map(|(name, _)| *name) {
            save.index_remove(&IndexKey::Name { license, name });
        }
    }
}

/// Adds to what is stored with a customer's snapshot the names that it has.
pub(crate) fn enter(license: LicenseId, customer: &Customer, save: &mut Save) {
    for name in names_of(customer) {
        let key = IndexKey::Name { license, name: name.digest() };
        save.index_put(&key, &customer.id.to_bits().to_be_bytes());
    }
}
