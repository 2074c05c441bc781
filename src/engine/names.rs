//! Names of customers: whatever else than its id a customer is found by, as a digest. The newest stand
//! in memory; the others in the index, where a customer's snapshot enters them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// Does a customer have this name? An entry of the index counts only then: a crash may have come
/// between the fact that a name was given up and the snapshot that takes it out of the index.
pub(crate) fn has(customer: &Customer, name: &Name<'_>) -> bool {
    let digest = name.digest();
    names_of(customer).iter().any(|own| own.digest() == digest)
}

/// What the index does not say yet of a name: whose it was last, and whether it is still.
type Newest = (CustomerId, bool);

/// The names that the index may not have yet.
#[derive(Default)]
pub(crate) struct Names(Mutex<Overlay>);

#[derive(Default)]
struct Overlay {
    names: HashMap<NameDigest, Newest>,
    /// Which of them may be each customer's: a snapshot looks at its own only.
    of: HashMap<CustomerId, Vec<NameDigest>>,
}

impl Overlay {
    fn put(&mut self, name: NameDigest, customer: CustomerId, held: bool) {
        if self.names.insert(name, (customer, held)).is_none_or(|(before, _)| before != customer) {
            self.of.entry(customer).or_default().push(name);
        }
    }

    /// A customer's names, with whether it still has each.
    fn of(&self, customer: CustomerId) -> impl Iterator<Item = (NameDigest, bool)> {
        let all = self.of.get(&customer).into_iter().flatten();
        all.filter_map(move |name| {
            let (_, held) = self.names.get(name).filter(|(whose, _)| *whose == customer)?;
            Some((*name, *held))
        })
    }

    fn forget(&mut self, name: NameDigest, customer: CustomerId) {
        if self.names.get(&name).is_some_and(|(whose, _)| *whose == customer) {
            self.names.remove(&name);
        }
        if let Some(own) = self.of.get_mut(&customer) {
            own.retain(|other| *other != name);
            if own.is_empty() {
                self.of.remove(&customer);
            }
        }
    }
}

impl Names {
    fn newest(&self) -> MutexGuard<'_, Overlay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who may have a name: [`has`] says whether that is so.
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
        let newest = self.newest().names.get(&digest).copied();
        match newest {
            Some((whose, held)) => Ok(held.then_some(whose)),
            None => records.customer_named(license, digest),
        }
    }

    /// Gives a customer the names that it has after a change, and takes those from it that it has no
    /// more: all of that or nothing. `other` gives a customer as it is.
    ///
    /// # Errors
    /// `Invalid`, naming the field, when somebody else has one of them.
    pub(crate) fn change(
        &self,
        within: (&Records, LicenseId),
        before: Option<&Customer>,
        after: &Customer,
        other: impl Fn(CustomerId) -> Option<Arc<Customer>>,
    ) -> Result<(), Rejected> {
        self.change_from(within, (before, None), after, other)
    }

    /// The same of one that takes over another's names: what `from` has is not somebody else's.
    ///
    /// # Errors
    /// As [`Names::change`].
    pub(crate) fn change_from(
        &self,
        (records, license): (&Records, LicenseId),
        (before, from): (Option<&Customer>, Option<CustomerId>),
        after: &Customer,
        other: impl Fn(CustomerId) -> Option<Arc<Customer>>,
    ) -> Result<(), Rejected> {
        let others = |whose: CustomerId| whose != after.id && Some(whose) != from;
        let new = names_of(after);
        let old = before.map(names_of).unwrap_or_default();
        let mut newest = self.newest();
        for name in new.iter().filter(|name| !old.contains(name)) {
            let digest = name.digest();
            let taken = match newest.names.get(&digest) {
                Some((whose, held)) => *held && others(*whose),
                None => {
                    let stored = records.customer_named(license, digest).map_err(|error| {
                        tracing::error!(%error, "a name cannot be looked up");
                        Rejected::Internal
                    })?;
                    let stored = stored.filter(|whose| others(*whose)).and_then(&other);
                    stored.is_some_and(|whose| whose.id != after.id && has(&whose, name))
                }
            };
            if taken {
                return Err(Rejected::taken(name.field()));
            }
        }
        for name in old.iter().filter(|name| !new.contains(name)) {
            newest.put(name.digest(), after.id, false);
        }
        for name in new.iter().filter(|name| !old.contains(name)) {
            newest.put(name.digest(), after.id, true);
        }
        Ok(())
    }

    /// Takes its names from a customer that became part of another, but for those that the other has now: the
    /// index may go on saying that they are this one's, who says whose they are.
    pub(crate) fn give_up(&self, gone: &Customer, heir: &Customer) {
        let mut newest = self.newest();
        for name in names_of(gone).iter().filter(|name| !has(heir, name)) {
            newest.put(name.digest(), gone.id, false);
        }
    }

    /// Adds to what is stored with a customer's snapshot its names, and that it gave some up. What is
    /// answered is for [`Names::stored`].
    pub(crate) fn save(&self, license: LicenseId, customer: &Customer, save: &mut Save) -> Vec<NameDigest> {
        enter(license, customer, save);
        let own: Vec<_> = self.newest().of(customer.id).collect();
        for (name, _) in own.iter().filter(|(_, held)| !held) {
            save.index_remove(&IndexKey::Name { license, name: *name });
        }
        own.into_iter().map(|(name, _)| name).collect()
    }

    /// The index has them as they were saved, unless they changed since.
    pub(crate) fn stored(&self, customer: &Customer, names: &[NameDigest]) {
        let held: Vec<NameDigest> = names_of(customer).iter().map(Name::digest).collect();
        let mut newest = self.newest();
        for name in names {
            // What another one has by now, or what changed since, is not stored yet.
            let now = newest.names.get(name).copied();
            if now.is_none_or(|(whose, still)| whose != customer.id || still == held.contains(name)) {
                newest.forget(*name, customer.id);
            }
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use switchboard_domain::participant::contact::{Contact, ContactChange};
    use switchboard_domain::participant::customer::CustomerChange;
    use switchboard_domain::time::Timestamp;

    use crate::storage::Storage;

    const LICENSE: LicenseId = LicenseId(1);

    fn named(n: u128, email: Option<&str>) -> Customer {
        let mut customer = Customer::new(CustomerId::from_random(n), n as u64, Timestamp::from_secs(1));
        let change = CustomerChange {
            email: email.map(Into::into),
            contact: Some(Box::new(ContactChange::default())),
            ..CustomerChange::default()
        };
        let fact = customer.change(change, Timestamp::from_secs(2)).unwrap().unwrap();
        customer.apply(&fact);
        customer
    }

    fn storage() -> Storage {
        Storage::in_memory().0
    }

    #[test]
    fn a_name_is_given_once_until_it_is_given_up_whatever_the_index_says() {
        let storage = storage();
        let records = (&storage.records, LICENSE);
        let (names, ana, tom) =
            (Names::default(), named(1, Some("a@x.example")), named(2, Some("A@X.example")));
        let nobody = |_: CustomerId| None;
        names.change(records, None, &ana, nobody).unwrap();
        let taken = names.change(records, None, &tom, nobody);
        assert!(matches!(taken, Err(Rejected::Invalid { field, .. }) if field == "email"));
        // Stored, and out of memory.
        let mut save = Save::new();
        let told = names.save(LICENSE, &ana, &mut save);
        storage.records.save(save).unwrap();
        names.stored(&ana, &told);
        assert!(names.newest().names.is_empty() && names.newest().of.is_empty());
        let find = |names: &Names| names.find(&storage.records, LICENSE, Name::Email("a@x.example")).unwrap();
        assert_eq!(find(&names), Some(ana.id));
        let is = |customer: &Customer| {
            let customer = Arc::new(customer.clone());
            move |_: CustomerId| Some(Arc::clone(&customer))
        };
        assert!(names.change(records, None, &tom, is(&ana)).is_err());
        // Given up, and a crash came before that was stored: the index does not count.
        let without = Customer { email: None, contact: Some(Box::<Contact>::default()), ..ana.clone() };
        Names::default().change(records, None, &tom, is(&without)).unwrap();
        // Given up without a crash.
        names.change(records, Some(&ana), &without, nobody).unwrap();
        assert_eq!(find(&names), None);
        let mut save = Save::new();
        let told = names.save(LICENSE, &without, &mut save);
        storage.records.save(save).unwrap();
        names.stored(&without, &told);
        assert_eq!((find(&names), names.newest().names.len()), (None, 0));
    }
}
