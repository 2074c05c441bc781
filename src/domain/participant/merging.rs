//! Two contacts that turn out to be one: what the one that stays takes over, and what is left of the other.
//! Both may be done again and come to the same, so that a crash in between does no harm.

use crate::desk::Desk;
use crate::error::{Rejected, Resource};
use crate::id::CustomerId;
use crate::participant::contact::Contact;
use crate::participant::customer::{Customer, CustomerChange, CustomerFact};
use crate::time::Timestamp;

/// Joins two JSON objects' texts: what the first one says counts. The domain reads no JSON.
pub type Join = fn(&str, &str) -> Box<str>;

impl Customer {
    /// What a help desk knows of it, unless it was deleted.
    #[must_use]
    pub fn known_contact(&self) -> Option<&Contact> {
        self.contact.as_deref().filter(|contact| !contact.deleted)
    }

    /// Whose it became.
    #[must_use]
    pub fn merged_into(&self) -> Option<CustomerId> {
        self.contact.as_deref()?.merged_into
    }

    /// Is it another's, or on its way to be? Then nothing that the other would miss may begin here.
    ///
    /// # Errors
    /// `NotFound`, as for a contact that was deleted.
    pub fn stays_its_own(&self, desk: &Desk) -> Result<(), Rejected> {
        let given_away = desk.gives_away(self.id) || self.merged_into().is_some();
        if given_away { Err(Rejected::NotFound(Resource::User)) } else { Ok(()) }
    }

    /// May it be changed so, as far as merges go?
    ///
    /// # Errors
    /// `NotFound` when it is another's; `Invalid` when it is to be deleted while it takes over another, which
    /// would be gone with it.
    pub fn may_change(&self, change: &CustomerChange, desk: &Desk) -> Result<(), Rejected> {
        self.stays_its_own(desk)?;
        let deletes = change.contact.as_ref().is_some_and(|contact| contact.deleted);
        if deletes && desk.is_merging(self.id) {
            return Err(Rejected::invalid("contact", "takes over another one at the moment"));
        }
        Ok(())
    }

    /// Would a contact that becomes part of another take the same along as this one, read earlier?
    #[must_use]
    pub fn brings_the_same(&self, read: &Self) -> bool {
        let of = |customer: &Self| (customer.ban.clone(), customer.banned_until);
        (&self.name, &self.email, &self.contact) == (&read.name, &read.email, &read.contact)
            && of(self) == of(read)
    }

    /// Takes over another contact: its ways in, and whatever of it this one does not say itself. Whoever was
    /// kept out by either stays out, or the other's ways in would be open again. `None` when it has all of that.
    ///
    /// # Errors
    /// `NotFound` when one of them is no contact; `Invalid` when both together are over a bound.
    pub fn absorb(&self, other: &Self, join: Join, now: Timestamp) -> Result<Option<CustomerFact>, Rejected> {
        let unknown = Rejected::NotFound(Resource::User);
        let (Some(own), Some(others)) = (self.known_contact(), other.known_contact()) else {
            return Err(unknown);
        };
        let mut contact = own.clone();
        contact.phone = said(&own.phone, &others.phone);
        contact.identifier = said(&own.identifier, &others.identifier);
        contact.custom_attributes = join(&own.custom_attributes, &others.custom_attributes);
        contact.additional_attributes = join(&own.additional_attributes, &others.additional_attributes);
        contact.blocked |= others.blocked;
        contact.take_entries(others);
        contact.check()?;
        let mut after = self.clone();
        after.name = said(&self.name, &other.name);
        after.email = said(&self.email, &other.email);
        after.contact = Some(Box::new(contact));
        if other.banned_until > self.banned_until {
            (after.ban, after.banned_until) = (other.ban.clone(), other.banned_until);
        }
        if after == *self {
            return Ok(None);
        }
        after.changed_at = now.after(self.changed_at);
        Ok(Some(CustomerFact::Put(Box::new(after))))
    }

    /// What is left of a contact that became part of another: only whose.
    #[must_use]
    pub fn given_to(&self, heir: CustomerId, now: Timestamp) -> CustomerFact {
        let contact = Contact { deleted: true, merged_into: Some(heir), ..Contact::default() };
        let contact = Some(Box::new(contact));
        let changed_at = now.after(self.changed_at);
        let left = Self { name: None, email: None, avatar: None, contact, changed_at, ..self.clone() };
        CustomerFact::Put(Box::new(left))
    }
}

/// What the first one says, if anything.
fn said(own: &Option<Box<str>>, other: &Option<Box<str>>) -> Option<Box<str>> {
    let says_nothing = |text: &Option<Box<str>>| text.as_deref().is_none_or(|text| text.trim().is_empty());
    if says_nothing(own) && !says_nothing(other) { other.clone() } else { own.clone() }
}

impl Contact {
    /// Takes over another one's ways in. Where only one of the two has proven who it is, whoever came in
    /// without a proof by the other's may be anybody.
    fn take_entries(&mut self, other: &Self) {
        let proven = |contact: &Self| contact.entries.iter().any(|entry| entry.verified);
        let (own, others) = (proven(self), proven(other));
        if others && !own {
            self.entries.iter_mut().for_each(|entry| entry.guest = true);
        }
        for entry in &other.entries {
            if self.entry(entry.number).is_none() {
                let mut entry = entry.clone();
                entry.guest |= own && !others && !entry.verified;
                self.entries.push(entry);
            }
        }
        self.entries.sort_by_key(|entry| entry.number);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use proptest::prelude::*;

    use super::*;
    use crate::desk::Merge;
    use crate::limits::{ATTRIBUTES_BYTES, ENTRIES_PER_CONTACT};
    use crate::participant::contact::{ContactChange, ContactEntry};
    use crate::participant::customer::Ban;

    const NOW: Timestamp = Timestamp::from_secs(10);

    /// Stands for JSON: letters are fields.
    fn join(own: &str, other: &str) -> Box<str> {
        let more = other.chars().filter(|field| !own.contains(*field));
        own.chars().chain(more).collect::<String>().into()
    }

    fn entry(number: u64, verified: bool, guest: bool) -> ContactEntry {
        ContactEntry {
            number,
            inbox: 1,
            source_id: number.to_string().into(),
            stream_token: "t".into(),
            verified,
            created_at: NOW,
            guest,
        }
    }

    fn contact(n: u128, contact: Contact) -> Customer {
        let mut customer = Customer::new(CustomerId::from_random(n), 1, NOW);
        customer.contact = Some(Box::new(contact));
        customer
    }

    fn absorbed(base: &Customer, other: &Customer) -> Customer {
        let mut after = base.clone();
        base.absorb(other, join, NOW).unwrap().iter().for_each(|fact| after.apply(fact));
        after
    }

    #[test]
    fn what_stays_says_counts_and_what_it_does_not_say_is_taken_over() {
        let mut base = contact(1, Contact { custom_attributes: "ab".into(), ..Contact::default() });
        let mut other = contact(2, Contact { custom_attributes: "bc".into(), ..Contact::default() });
        (base.name, base.email) = (Some("Ana".into()), Some(" ".into()));
        (other.name, other.email) = (Some("Anna".into()), Some("ana@x.example".into()));
        let of = |customer: &mut Customer, phone: &str| {
            let contact = customer.contact.as_mut().unwrap();
            contact.phone = Some(phone.into());
            contact.labels = vec![phone.into()];
        };
        of(&mut other, "+49");
        let after = absorbed(&base, &other);
        assert_eq!((after.name.as_deref(), after.email.as_deref()), (Some("Ana"), Some("ana@x.example")));
        let known = after.known_contact().unwrap();
        assert_eq!((known.phone.as_deref(), &*known.custom_attributes), (Some("+49"), "abc"));
        assert!(known.labels.is_empty(), "labels are said of one, not of both");
        of(&mut base, "+30");
        assert_eq!(absorbed(&base, &other).known_contact().unwrap().phone.as_deref(), Some("+30"));
    }

    #[test]
    fn with_one_sides_proof_the_other_sides_ways_in_are_guests() {
        let with = |n, entries| contact(n, Contact { entries, ..Contact::default() });
        let speaks = |base: Vec<_>, other: Vec<_>| {
            let after = absorbed(&with(1, base), &with(2, other));
            let known = after.known_contact().unwrap().clone();
            known.entries.iter().map(|entry| (entry.number, entry.speaks())).collect::<Vec<_>>()
        };
        let (plain, proven) = (|n| entry(n, false, false), |n| entry(n, true, false));
        assert_eq!(speaks(vec![plain(1)], vec![plain(2)]), [(1, true), (2, true)]);
        assert_eq!(speaks(vec![plain(2), proven(3)], vec![plain(1)]), [(1, false), (2, true), (3, true)]);
        assert_eq!(speaks(vec![plain(1)], vec![plain(2), proven(3)]), [(1, false), (2, true), (3, true)]);
        assert_eq!(
            speaks(vec![proven(1), plain(2)], vec![proven(3), plain(4)])
                .iter()
                .filter(|(_, speaks)| *speaks)
                .count(),
            4
        );
    }

    #[test]
    fn what_is_no_contact_merges_with_nothing_and_bounds_hold_for_both_together() {
        let plain = Customer::new(CustomerId::from_random(3), 1, NOW);
        let gone = contact(4, Contact { deleted: true, ..Contact::default() });
        let ana = contact(1, Contact::default());
        for (base, other) in [(&ana, &plain), (&plain, &ana), (&ana, &gone), (&gone, &ana)] {
            assert_eq!(base.absorb(other, join, NOW), Err(Rejected::NotFound(Resource::User)));
        }
        let many = |n: u128, from: u64, count: usize| {
            let entries = (from..).take(count).map(|number| entry(number, false, false)).collect();
            contact(n, Contact { entries, ..Contact::default() })
        };
        let half = ENTRIES_PER_CONTACT / 2;
        assert!(many(1, 0, half).absorb(&many(2, 500, half), join, NOW).is_ok());
        let over = many(1, 0, half).absorb(&many(2, 500, half + 1), join, NOW);
        assert!(matches!(over, Err(Rejected::Invalid { field, .. }) if field == "contact_inboxes"));
        let wordy = |n: u128, letter: &str| {
            contact(
                n,
                Contact {
                    custom_attributes: letter.repeat(ATTRIBUTES_BYTES / 2 + 1).into(),
                    ..Contact::default()
                },
            )
        };
        let over = wordy(1, "a").absorb(&wordy(2, "b"), join, NOW);
        assert!(matches!(over, Err(Rejected::Invalid { field, .. }) if field == "custom_attributes"));
    }

    #[test]
    fn whoever_was_kept_out_by_either_stays_out() {
        let (ana, mut tom) = (contact(1, Contact::default()), contact(2, Contact::default()));
        let calm = tom.clone();
        tom.contact.as_mut().unwrap().blocked = true;
        let ban = |at| Ban { at: Timestamp::from_secs(at), days: 1, by: None };
        let banned = |customer: &Customer, at| {
            let ban = ban(at);
            Customer { banned_until: Some(ban.until()), ban: Some(ban), ..customer.clone() }
        };
        let after = absorbed(&ana, &banned(&tom, 10));
        assert!(after.banned(NOW) && after.known_contact().unwrap().blocked);
        assert_eq!(absorbed(&banned(&ana, 20), &banned(&tom, 10)).ban, Some(ban(20)), "the longer one");
        assert!(!banned(&calm, 10).brings_the_same(&calm), "it came in between");
    }

    #[test]
    fn who_is_given_away_changes_no_more_and_who_takes_over_is_not_deleted() {
        let (ana, tom) = (contact(1, Contact::default()), contact(2, Contact::default()));
        let mut desk = Desk::default();
        let delete = CustomerChange {
            contact: Some(Box::new(ContactChange { deleted: true, ..ContactChange::default() })),
            ..CustomerChange::default()
        };
        let rename = CustomerChange { name: Some("Ann".into()), ..CustomerChange::default() };
        for customer in [&ana, &tom] {
            assert_eq!(
                (customer.may_change(&rename, &desk), customer.may_change(&delete, &desk)),
                (Ok(()), Ok(()))
            );
        }
        desk.merges.push(Merge { base: ana.id, mergee: tom.id });
        let gone = Err(Rejected::NotFound(Resource::User));
        assert_eq!((tom.may_change(&rename, &desk), tom.stays_its_own(&desk)), (gone.clone(), gone.clone()));
        assert_eq!((ana.may_change(&rename, &desk), ana.stays_its_own(&desk)), (Ok(()), Ok(())));
        assert!(matches!(ana.may_change(&delete, &desk), Err(Rejected::Invalid { .. })));
        // When all is done, what is left of it is nobody's to begin with.
        let mut left = tom.clone();
        left.apply(&tom.given_to(ana.id, NOW));
        assert_eq!(
            (left.may_change(&rename, &Desk::default()), left.stays_its_own(&Desk::default())),
            (gone.clone(), gone)
        );
    }

    #[test]
    fn what_is_left_says_only_whose_it_is() {
        let mut ana = contact(1, Contact { phone: Some("+49".into()), ..Contact::default() });
        ana.name = Some("Ana".into());
        let heir = CustomerId::from_random(2);
        let mut left = ana.clone();
        left.apply(&ana.given_to(heir, NOW));
        assert_eq!((left.merged_into(), left.known_contact(), &left.name), (Some(heir), None, &None));
        let stored = rmp_serde::to_vec(&left).unwrap();
        assert_eq!(rmp_serde::from_slice::<Customer>(&stored).unwrap(), left);
        assert!(!left.brings_the_same(&ana) && ana.brings_the_same(&ana.clone()));
    }

    fn any_contact(n: u128) -> impl Strategy<Value = Customer> {
        let text = || prop::option::of("[a-c ]{0,2}".prop_map(Box::<str>::from));
        let entries =
            prop::collection::btree_map(n as u64 * 100..n as u64 * 100 + 9, any::<(bool, bool)>(), 0..5);
        (text(), text(), text(), "[a-e]{0,3}", entries).prop_map(
            move |(name, email, identifier, custom, entries)| {
                let entries = entries.into_iter().map(|(number, (v, g))| entry(number, v, g && !v)).collect();
                let custom_attributes = join(&custom, "");
                let known = Contact { identifier, custom_attributes, entries, ..Contact::default() };
                Customer { name, email, ..contact(n, known) }
            },
        )
    }

    proptest! {
        #[test]
        fn doing_it_again_changes_nothing_and_no_way_in_is_lost(base in any_contact(1), other in any_contact(2)) {
            let once = absorbed(&base, &other);
            prop_assert_eq!(once.absorb(&other, join, NOW), Ok(None));
            let numbers = |customer: &Customer| -> Vec<u64> {
                customer.known_contact().into_iter().flat_map(|known| &known.entries).map(|entry| entry.number).collect()
            };
            prop_assert_eq!(numbers(&once), [numbers(&base), numbers(&other)].concat());
            let proven = |customer: &Customer| {
                let known = customer.known_contact().unwrap().clone();
                known.entries.into_iter().filter(|entry| entry.verified).count()
            };
            prop_assert_eq!(proven(&once), proven(&base) + proven(&other), "a merge proves nothing");
        }
    }
}
