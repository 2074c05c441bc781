//! A person of the installation, who may be an agent of several licenses. Source: spec, section 3.
//!
//! What it is in a license (role, status, groups) is the business of the agent there, which has the person's
//! address and creation number; here is what is the same in all of them.

use serde::{Deserialize, Serialize};

use crate::conversation::event::within;
use crate::error::{Rejected, Resource};
use crate::id::AgentId;
use crate::limits::{
    ATTRIBUTES_BYTES, LINKS_PER_PERSON, NAME_CHARS, PEOPLE_PER_INSTALLATION, SIGN_IN_LINK_LIFE,
    SIGN_INS_PER_PERSON, TOKENS_PER_PERSON,
};
use crate::participant::staff::check_address;
use crate::time::Timestamp;

/// SHA-256 of a token's text.
pub type TokenDigest = [u8; 32];

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Process-wide creation number (design D14): that of its agents, too.
    pub number: u64,
    /// E-mail address: the id of its agents, and of no other person.
    pub email: AgentId,
    /// Its name: not blank, at most [`NAME_CHARS`] characters.
    pub name: Box<str>,
    /// What it is shown as, instead of its name.
    pub display_name: Option<Box<str>>,
    /// What its maker keeps of it: an object as JSON, at most [`ATTRIBUTES_BYTES`].
    pub attributes: Box<str>,
    /// Tokens in force, oldest first; at most [`TOKENS_PER_PERSON`].
    pub tokens: Vec<TokenDigest>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Removed: its tokens are void, and its agents go.
    pub removed: bool,
    /// Sign-in links that were not used yet, oldest first; at most [`LINKS_PER_PERSON`].
    #[serde(default)]
    pub links: Vec<SignInLink>,
    /// Those of the tokens that sign-ins gave, oldest first; at most [`SIGN_INS_PER_PERSON`].
    #[serde(default)]
    pub sign_ins: Vec<TokenDigest>,
}

/// Signs a person in once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInLink {
    /// Of the text that it carries.
    pub digest: TokenDigest,
    /// In force until then.
    pub until: Timestamp,
}

/// One change of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PersonFact {
    /// Made or changed.
    Put(Box<Person>),
    /// Removed; its number and address stay known.
    Removed,
}

/// New values for some fields of a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersonChange {
    /// See [`Person::name`].
    pub name: Option<Box<str>>,
    /// See [`Person::display_name`]; `Some(None)` takes it away.
    pub display_name: Option<Option<Box<str>>>,
    /// See [`Person::attributes`]; replaces the former ones.
    pub attributes: Option<Box<str>>,
    /// A token of its own that is in force from now on.
    pub token: Option<TokenDigest>,
    /// A sign-in link, given out at this moment.
    pub link: Option<(TokenDigest, Timestamp)>,
    /// This sign-in link is used up, at this moment: nothing changes unless it is in force.
    pub used: Option<(TokenDigest, Timestamp)>,
}

impl Person {
    /// The person made with this description.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub fn new(
        (number, email): (u64, AgentId),
        description: PersonChange,
        now: Timestamp,
    ) -> Result<Self, Rejected> {
        check_address(&email).map_err(|_| Rejected::invalid("email", "is not an e-mail address"))?;
        let bare = Self {
            number,
            email,
            name: "".into(),
            display_name: None,
            attributes: "{}".into(),
            tokens: Vec::new(),
            created_at: now,
            removed: false,
            links: Vec::new(),
            sign_ins: Vec::new(),
        };
        bare.changed(description)
    }

    /// May there be one more person beside so many?
    ///
    /// # Errors
    /// `AllowanceReached` from [`PEOPLE_PER_INSTALLATION`] on.
    pub fn room_beside(people: usize) -> Result<(), Rejected> {
        if people < PEOPLE_PER_INSTALLATION { Ok(()) } else { Err(Rejected::AllowanceReached) }
    }

    /// Applies a fact. Cannot fail.
    pub fn apply(&mut self, fact: &PersonFact) {
        match fact {
            PersonFact::Put(person) => *self = Self::clone(person),
            PersonFact::Removed => {
                self.removed = true;
                self.tokens.clear();
                self.links.clear();
                self.sign_ins.clear();
                (self.name, self.display_name, self.attributes) = ("".into(), None, "{}".into());
            }
        }
    }

    /// Decides a change; `None` when nothing changes.
    ///
    /// # Errors
    /// `NotFound` when removed; `Invalid`, naming the field.
    pub fn change(&self, change: PersonChange) -> Result<Option<PersonFact>, Rejected> {
        self.must_be_there()?;
        let person = self.clone().changed(change)?;
        Ok((person != *self).then(|| PersonFact::Put(Box::new(person))))
    }

    /// Decides its removal.
    ///
    /// # Errors
    /// `NotFound` when removed already.
    pub fn remove(&self) -> Result<PersonFact, Rejected> {
        self.must_be_there().map(|()| PersonFact::Removed)
    }

    /// The name that others see.
    #[must_use]
    pub fn shown_name(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.name)
    }

    /// Is an agent with this address and number this person?
    #[must_use]
    pub fn is(&self, agent: &AgentId, number: u64) -> bool {
        self.email == *agent && self.number == number
    }

    fn changed(mut self, change: PersonChange) -> Result<Self, Rejected> {
        if let Some((digest, now)) = change.used {
            let before = self.links.len();
            self.links.retain(|link| link.digest != digest || link.until <= now);
            if self.links.len() == before {
                return Err(Rejected::NoAccess);
            }
        }
        if let Some((digest, now)) = change.link {
            self.links.retain(|link| link.until > now);
            self.links.push(SignInLink { digest, until: now.plus(SIGN_IN_LINK_LIFE) });
            let beyond = self.links.len().saturating_sub(LINKS_PER_PERSON);
            self.links.drain(..beyond);
        }
        self.name = change.name.unwrap_or(self.name);
        self.display_name = change.display_name.unwrap_or(self.display_name);
        self.attributes = change.attributes.unwrap_or(self.attributes);
        if self.name.trim().is_empty() {
            return Err(Rejected::blank("name"));
        }
        within("name", self.name.chars().count(), NAME_CHARS, "characters")?;
        if let Some(shown) = self.display_name.as_deref() {
            if shown.trim().is_empty() {
                return Err(Rejected::blank("display_name"));
            }
            within("display_name", shown.chars().count(), NAME_CHARS, "characters")?;
        }
        within("custom_attributes", self.attributes.len(), ATTRIBUTES_BYTES, "bytes")?;
        if let Some(token) = change.token {
            self.issue(token, change.used.is_some());
        }
        Ok(self)
    }

    /// A further token. Those that sign-ins gave make room for one another and for others, which somebody keeps.
    fn issue(&mut self, token: TokenDigest, signs_in: bool) {
        self.tokens.push(token);
        if signs_in {
            self.sign_ins.push(token);
        }
        let too_many = self.tokens.len() > TOKENS_PER_PERSON && !self.sign_ins.is_empty();
        if self.sign_ins.len() > SIGN_INS_PER_PERSON || too_many {
            let oldest = self.sign_ins.remove(0);
            self.tokens.retain(|token| *token != oldest);
        }
        let beyond = self.tokens.len().saturating_sub(TOKENS_PER_PERSON);
        self.tokens.drain(..beyond);
    }

    fn must_be_there(&self) -> Result<(), Rejected> {
        if self.removed { Err(Rejected::NotFound(Resource::User)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(5);

    fn named(name: &str) -> PersonChange {
        PersonChange { name: Some(name.into()), ..PersonChange::default() }
    }

    fn ann() -> Person {
        Person::new((7, AgentId::new("ann@example.org")), named("Ann"), NOW).unwrap()
    }

    fn field<T: std::fmt::Debug>(refused: Result<T, Rejected>) -> String {
        match refused {
            Err(Rejected::Invalid { field, .. }) => field,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_person_has_an_address_and_a_name() {
        assert_eq!(field(Person::new((1, AgentId::new("nobody")), named("Ann"), NOW)), "email");
        assert_eq!(field(Person::new((1, AgentId::new("a@b.c")), named(" "), NOW)), "name");
        let long = "x".repeat(NAME_CHARS + 1);
        assert_eq!(field(ann().change(named(&long))), "name");
        let shown = |text: &str| PersonChange { display_name: Some(Some(text.into())), ..named("Ann") };
        assert_eq!(field(ann().change(shown(" "))), "display_name");
        assert_eq!(field(ann().change(shown(&long))), "display_name");
        let much = "x".repeat(ATTRIBUTES_BYTES + 1).into_boxed_str();
        let much = PersonChange { attributes: Some(much), ..PersonChange::default() };
        assert_eq!(field(ann().change(much)), "custom_attributes");
        assert_eq!(ann().change(named("Ann")), Ok(None), "nothing changes");
        let mut ann = ann();
        let fact = ann.change(shown("Annie")).unwrap().unwrap();
        ann.apply(&fact);
        assert_eq!((ann.shown_name(), &*ann.name), ("Annie", "Ann"));
        assert!(ann.is(&AgentId::new("ann@example.org"), 7) && !ann.is(&AgentId::new("ann@example.org"), 8));
    }

    #[test]
    fn an_installation_has_so_many_people() {
        assert_eq!(Person::room_beside(PEOPLE_PER_INSTALLATION - 1), Ok(()));
        assert_eq!(Person::room_beside(PEOPLE_PER_INSTALLATION), Err(Rejected::AllowanceReached));
    }

    #[test]
    fn sign_ins_end_one_another_and_no_token_that_somebody_keeps() {
        let mut ann = ann();
        let kept = |n: u8| PersonChange { token: Some([n; 32]), ..PersonChange::default() };
        let take =
            |ann: &mut Person, change| ann.change(change).unwrap().iter().for_each(|fact| ann.apply(fact));
        take(&mut ann, kept(200));
        for n in 0..2 * u8::try_from(TOKENS_PER_PERSON).unwrap() {
            linked(&mut ann, n, NOW);
            take(&mut ann, PersonChange { token: Some([n; 32]), ..used(n, NOW) });
        }
        assert_eq!((ann.tokens.len(), ann.tokens[0]), (1 + SIGN_INS_PER_PERSON, [200; 32]));
        assert_eq!(ann.tokens[1..], ann.sign_ins);
        // Those that are kept push them out, before one another.
        (0..u8::try_from(TOKENS_PER_PERSON).unwrap()).for_each(|n| take(&mut ann, kept(201 + n)));
        assert!(ann.sign_ins.is_empty());
        assert_eq!((ann.tokens.len(), ann.tokens[0]), (TOKENS_PER_PERSON, [201; 32]));
    }

    #[test]
    fn a_token_too_many_ends_the_oldest() {
        let mut ann = ann();
        for n in 0..=TOKENS_PER_PERSON {
            let token = Some([u8::try_from(n).unwrap(); 32]);
            let fact = ann.change(PersonChange { token, ..PersonChange::default() }).unwrap().unwrap();
            ann.apply(&fact);
        }
        assert_eq!((ann.tokens.len(), ann.tokens[0]), (TOKENS_PER_PERSON, [1; 32]));
    }

    fn used(digest: u8, at: Timestamp) -> PersonChange {
        PersonChange { used: Some(([digest; 32], at)), token: Some([digest; 32]), ..PersonChange::default() }
    }

    fn linked(ann: &mut Person, digest: u8, at: Timestamp) {
        let link = PersonChange { link: Some(([digest; 32], at)), ..PersonChange::default() };
        ann.change(link).unwrap().iter().for_each(|fact| ann.apply(fact));
    }

    #[test]
    fn a_sign_in_link_works_once_and_only_for_its_time() {
        let mut ann = ann();
        linked(&mut ann, 1, NOW);
        let last = NOW.plus(SIGN_IN_LINK_LIFE);
        assert_eq!(ann.change(used(2, NOW)), Err(Rejected::NoAccess), "nobody's");
        assert_eq!(ann.change(used(1, last)), Err(Rejected::NoAccess), "too late");
        let fact = ann.change(used(1, NOW)).unwrap().unwrap();
        ann.apply(&fact);
        assert_eq!((ann.tokens.as_slice(), ann.links.len()), (&[[1; 32]][..], 0), "with one fact");
        assert_eq!(ann.change(used(1, NOW)), Err(Rejected::NoAccess), "used up");
        linked(&mut ann, 3, NOW);
        let fact = ann.remove().unwrap();
        ann.apply(&fact);
        assert!(ann.links.is_empty());
    }

    #[test]
    fn a_link_too_many_ends_the_oldest_and_those_that_ended_take_no_room() {
        let mut ann = ann();
        let digests = |ann: &Person| ann.links.iter().map(|link| link.digest[0]).collect::<Vec<_>>();
        let count = u8::try_from(LINKS_PER_PERSON).unwrap();
        (0..=count).for_each(|n| linked(&mut ann, n, NOW));
        assert_eq!(digests(&ann), (1..=count).collect::<Vec<_>>());
        linked(&mut ann, 99, NOW.plus(SIGN_IN_LINK_LIFE));
        assert_eq!(digests(&ann), [99]);
    }

    #[test]
    fn of_whoever_was_removed_number_and_address_are_left() {
        let mut ann = ann();
        let token = PersonChange { token: Some([1; 32]), ..PersonChange::default() };
        let fact = ann.change(token).unwrap().unwrap();
        ann.apply(&fact);
        let fact = ann.remove().unwrap();
        ann.apply(&fact);
        assert!(ann.removed && ann.tokens.is_empty() && ann.name.is_empty() && ann.number == 7);
        assert_eq!(ann.remove(), Err(Rejected::NotFound(Resource::User)));
        assert_eq!(ann.change(named("Ann")), Err(Rejected::NotFound(Resource::User)));
    }

    #[test]
    fn the_stored_bytes_are_pinned() {
        let stored = rmp_serde::to_vec(&PersonFact::Put(Box::new(ann()))).unwrap();
        let golden =
            b"\x81\xa3Put\x9a\x07\xafann@example.org\xa3Ann\xc0\xa2{}\x90\xce\x00\x4c\x4b\x40\xc2\x90\x90";
        assert_eq!(stored, golden);
        // From before there were sign-ins, and before there were links.
        let old = b"\x81\xa3Put\x99\x07\xafann@example.org\xa3Ann\xc0\xa2{}\x90\xce\x00\x4c\x4b\x40\xc2\x90";
        assert_eq!(rmp_serde::from_slice::<PersonFact>(old).unwrap(), PersonFact::Put(Box::new(ann())));
        let older = b"\x81\xa3Put\x98\x07\xafann@example.org\xa3Ann\xc0\xa2{}\x90\xce\x00\x4c\x4b\x40\xc2";
        assert_eq!(rmp_serde::from_slice::<PersonFact>(older).unwrap(), PersonFact::Put(Box::new(ann())));
        let link = PersonChange { link: Some(([3; 32], NOW)), ..PersonChange::default() };
        let fact = ann().change(link).unwrap().unwrap();
        assert_eq!(rmp_serde::from_slice::<PersonFact>(&rmp_serde::to_vec(&fact).unwrap()).unwrap(), fact);
        assert_eq!(rmp_serde::to_vec(&PersonFact::Removed).unwrap(), b"\xa7Removed");
    }
}
