//! What a help desk knows of a customer beyond the chat's needs: how it is reached and named, and by
//! which entries it came into inboxes.

use serde::{Deserialize, Serialize};

use crate::conversation::event::within;
use crate::error::Rejected;
use crate::id::CustomerId;
use crate::limits::{ATTRIBUTES_BYTES, ENTRIES_PER_CONTACT, LABELS_PER_CONVERSATION, NAME_CHARS, TAG_CHARS};
use crate::time::Timestamp;

/// A customer's way into one inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactEntry {
    /// Creation number.
    pub number: u64,
    /// Into which inbox.
    pub inbox: u64,
    /// Names the customer there: whoever has it speaks for the customer.
    pub source_id: Box<str>,
    /// Opens the customer's stream.
    pub stream_token: Box<str>,
    /// The customer has proven who it is.
    pub verified: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// It was found by an address or a name that anybody may know: whoever has it is not shown the
    /// customer's profile, and changes nothing of it, until it has proven who it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guest: bool,
}

impl ContactEntry {
    /// Does whoever has it reach a conversation that came in by this one? Its own; all of the
    /// customer's when it has proven who it is.
    #[must_use]
    pub const fn reaches(&self, came_in_by: u64) -> bool {
        self.verified || self.number == came_in_by
    }

    /// The entry after a call in the name of a contact. A contact that has no name of the tenant's yet takes
    /// the one that is proven, unless the entry is a guest's.
    #[must_use]
    pub fn proven(self, contact: Option<&Contact>, proof: Proof<'_>) -> Self {
        let named = contact.is_some_and(|contact| contact.identifier.is_some());
        let takes = proof.identifier.is_some() && !named && !self.guest;
        let verified = self.verified || takes || proof.shows(contact);
        Self { verified, guest: self.guest && !verified, ..self }
    }

    /// May whoever has it see and change the customer's profile?
    #[must_use]
    pub const fn speaks(&self) -> bool {
        self.verified || !self.guest
    }
}

/// What whoever calls in a contact's name has shown of being it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof<'a> {
    /// The tenant's own name of somebody, whose signature was shown.
    pub identifier: Option<&'a str>,
}

impl Proof<'_> {
    /// Does it show that somebody is this customer? Only of the one that has that name; and a name shows
    /// nothing of whom else the same call speaks.
    #[must_use]
    pub fn shows(&self, contact: Option<&Contact>) -> bool {
        let own = contact.and_then(|contact| contact.identifier.as_deref());
        self.identifier.is_some() && own == self.identifier
    }
}

/// What a help desk knows of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Contact {
    /// `+` and digits.
    pub phone: Option<Box<str>>,
    /// The tenant's own name of the customer.
    pub identifier: Option<Box<str>>,
    /// One JSON object's text, of the desk's own making.
    pub custom_attributes: Box<str>,
    /// One JSON object's text: where the customer came from.
    pub additional_attributes: Box<str>,
    /// Labels, in the order given.
    pub labels: Vec<Box<str>>,
    /// Ways into inboxes, oldest first.
    pub entries: Vec<ContactEntry>,
    /// Its conversations are resolved at once.
    pub blocked: bool,
    /// It was deleted: nothing names it any more.
    pub deleted: bool,
    /// Whose it became when it was deleted: what names it in an index names that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<CustomerId>,
}

/// New values for some fields of a contact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContactChange {
    /// `+` and digits; `Some(None)` takes it away.
    pub phone: Option<Option<Box<str>>>,
    /// The tenant's own name.
    pub identifier: Option<Option<Box<str>>>,
    /// One JSON object's text; replaces the stored one.
    pub custom_attributes: Option<Box<str>>,
    /// One JSON object's text; replaces the stored one.
    pub additional_attributes: Option<Box<str>>,
    /// All labels.
    pub labels: Option<Vec<Box<str>>>,
    /// One more way in; one into the same inbox by the same name is replaced.
    pub entry: Option<ContactEntry>,
    /// Are its conversations resolved at once?
    pub blocked: Option<bool>,
    /// Deletes it.
    pub deleted: bool,
}

impl Contact {
    /// May its customer itself name it so? A name that it has stays: all of a contact's conversations are
    /// reached by proving its name.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub fn may_take_identifier(&self, given: Option<&str>) -> Result<(), Rejected> {
        match (self.identifier.as_deref(), given) {
            (Some(own), Some(given)) if own != given => {
                Err(Rejected::invalid("identifier", "is another one than that of this contact"))
            }
            _ => Ok(()),
        }
    }

    /// The contact with some fields changed, checked.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub fn changed(mut self, change: ContactChange) -> Result<Self, Rejected> {
        self.phone = change.phone.unwrap_or(self.phone);
        self.identifier = change.identifier.unwrap_or(self.identifier);
        self.custom_attributes = change.custom_attributes.unwrap_or(self.custom_attributes);
        self.additional_attributes = change.additional_attributes.unwrap_or(self.additional_attributes);
        for text in [&mut self.custom_attributes, &mut self.additional_attributes] {
            if text.is_empty() {
                *text = "{}".into();
            }
        }
        self.labels = change.labels.unwrap_or(self.labels);
        self.blocked = change.blocked.unwrap_or(self.blocked);
        if let Some(entry) = change.entry {
            let first_proof = entry.verified && !self.entries.iter().any(|other| other.verified);
            if first_proof {
                // Whoever called itself so before, without a proof, may be anybody.
                let others = self.entries.iter_mut().filter(|other| other.number != entry.number);
                others.for_each(|other| other.guest = true);
            }
            self.entries.retain(|old| (old.inbox, &old.source_id) != (entry.inbox, &entry.source_id));
            self.entries.push(entry);
        }
        if change.deleted {
            self = Self { deleted: true, ..Self::default() };
        }
        self.check()?;
        Ok(self)
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub(super) fn check(&self) -> Result<(), Rejected> {
        if self.phone.as_deref().is_some_and(|phone| !is_phone(phone)) {
            return Err(Rejected::invalid("phone_number", "should be in e164 format"));
        }
        within(
            "identifier",
            self.identifier.as_ref().map_or(0, |id| id.chars().count()),
            NAME_CHARS,
            "characters",
        )?;
        within("custom_attributes", self.custom_attributes.len(), ATTRIBUTES_BYTES, "bytes")?;
        within("additional_attributes", self.additional_attributes.len(), ATTRIBUTES_BYTES, "bytes")?;
        within("labels", self.labels.len(), LABELS_PER_CONVERSATION, "labels")?;
        within("contact_inboxes", self.entries.len(), ENTRIES_PER_CONTACT, "entries")?;
        let long = self.entries.iter().map(|entry| entry.source_id.chars().count()).max().unwrap_or(0);
        within("source_id", long, NAME_CHARS, "characters")?;
        let long = self.labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
        within("labels", long, TAG_CHARS, "characters")
    }

    /// Its newest way into an inbox.
    #[must_use]
    pub fn entry_into(&self, inbox: u64) -> Option<&ContactEntry> {
        self.entries.iter().rev().find(|entry| entry.inbox == inbox)
    }

    /// A way in by its number.
    #[must_use]
    pub fn entry(&self, number: u64) -> Option<&ContactEntry> {
        self.entries.iter().find(|entry| entry.number == number)
    }
}

/// `+`, then 1 to 15 digits, the first not 0 (ITU-T E.164).
fn is_phone(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else { return false };
    (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64, source_id: &str) -> ContactEntry {
        ContactEntry {
            number,
            inbox: 1,
            source_id: source_id.into(),
            stream_token: "t".into(),
            verified: false,
            created_at: Timestamp::default(),
            guest: false,
        }
    }

    fn named(identifier: Option<&str>) -> Contact {
        Contact { identifier: identifier.map(Into::into), ..Contact::default() }
    }

    #[test]
    fn a_proof_shows_nothing_of_anybody_but_whom_it_names() {
        let eve = Proof { identifier: Some("eve") };
        let guest = || ContactEntry { guest: true, ..entry(1, "g") };
        // Found by an address: whatever is proven, it is not that one.
        for whose in [named(None), named(Some("ana"))] {
            let after = guest().proven(Some(&whose), eve);
            assert!(!after.verified && !after.speaks(), "{whose:?}");
        }
        assert!(!entry(1, "own").proven(Some(&named(Some("ana"))), eve).verified);
        // Oneself: new, without a name until now, or by that name.
        assert!(entry(1, "own").proven(None, eve).verified);
        assert!(entry(1, "own").proven(Some(&named(None)), eve).verified);
        let known = guest().proven(Some(&named(Some("eve"))), eve);
        assert!(known.verified && known.speaks() && !known.guest);
        let nothing = Proof { identifier: None };
        assert!(!entry(1, "own").proven(Some(&named(None)), nothing).verified);
        // So a name that one has is not given up for another.
        assert!(named(Some("ana")).may_take_identifier(Some("eve")).is_err());
        for (own, given) in [(None, Some("eve")), (Some("ana"), Some("ana")), (Some("ana"), None)] {
            assert_eq!(named(own).may_take_identifier(given), Ok(()));
        }
    }

    #[test]
    fn phones_are_e164() {
        for good in ["+1", "+491701234567"] {
            assert!(is_phone(good), "{good}");
        }
        for bad in ["", "+", "491701234567", "+0170", "+12a", "+1234567890123456", "+1 2"] {
            assert!(!is_phone(bad), "{bad}");
        }
    }

    #[test]
    fn with_the_first_proof_all_others_are_guests() {
        let with = |contact: Contact, entry| {
            contact.changed(ContactChange { entry: Some(entry), ..ContactChange::default() })
        };
        let proven = ContactEntry { verified: true, ..entry(2, "b") };
        let after = with(Contact::default(), entry(1, "a")).and_then(|contact| with(contact, proven));
        let speaks = |contact: Contact| contact.entries.iter().map(ContactEntry::speaks).collect::<Vec<_>>();
        assert_eq!(after.clone().map(speaks), Ok(vec![false, true]));
        // Whoever comes later is what it is.
        let later = after.and_then(|contact| with(contact, entry(3, "c")));
        let later = later.and_then(|contact| with(contact, ContactEntry { verified: true, ..entry(4, "d") }));
        assert_eq!(later.map(speaks), Ok(vec![false, true, true, true]));
    }

    #[test]
    fn a_way_in_is_kept_once_and_their_number_is_bounded() {
        let with = |contact: Contact, entry| {
            contact.changed(ContactChange { entry: Some(entry), ..ContactChange::default() })
        };
        let once = with(Contact::default(), entry(1, "a")).and_then(|c| with(c, entry(2, "a")));
        assert_eq!(once.map(|contact| contact.entries), Ok(vec![entry(2, "a")]));
        let many = (0..ENTRIES_PER_CONTACT as u64)
            .try_fold(Contact::default(), |contact, n| with(contact, entry(n, &n.to_string())));
        let more = many.and_then(|contact| with(contact, entry(999, "x")));
        assert!(matches!(more, Err(Rejected::Invalid { field, .. }) if field == "contact_inboxes"));
    }

    #[test]
    fn a_deleted_contact_says_nothing_of_whom_it_was() {
        let contact =
            Contact { phone: Some("+49170".into()), entries: vec![entry(1, "a")], ..Contact::default() };
        let gone = contact.changed(ContactChange { deleted: true, ..ContactChange::default() });
        assert_eq!(gone, Ok(Contact { deleted: true, ..Contact::default() }));
    }
}
