//! Scopes: `family--reach:right`. Source: spec v3.0, 3.4.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a scope is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// `chats`: conversation and meta data.
    Chats,
    /// `chats.conversation`: conversation data only.
    Conversation,
    /// `agents`: profile and status.
    Agents,
    /// `agents-bot`: bots.
    Bots,
    /// `customers`: customers.
    Customers,
    /// `customers.ban`.
    Ban,
    /// `customers:own` and its other spelling: customer identities.
    Identities,
    /// `multicast`.
    Multicast,
    /// `access_rules`.
    AccessRules,
    /// `properties`: definitions.
    Properties,
    /// `webhooks`.
    Webhooks,
}

/// Which things of the family; `All` includes `Access` includes `My`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// One's own.
    My,
    /// Those one has access to.
    Access,
    /// All of the license.
    All,
}

/// Reading, or reading and writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// `ro`
    Read,
    /// `rw`
    Write,
}

/// One scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    /// About what.
    pub family: Family,
    /// Which of them.
    pub reach: Reach,
    /// To do what.
    pub right: Right,
}

/// A text that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope {0}")]
pub struct UnknownScope(pub String);

/// Every scope and its text, in the order of spec 3.4.
const SCOPES: &[(&str, Scope)] = {
    use Family as F;
    use Reach as R;
    use Right as T;
    const fn s(family: Family, reach: Reach, right: Right) -> Scope {
        Scope { family, reach, right }
    }
    &[
        ("chats--all:ro", s(F::Chats, R::All, T::Read)),
        ("chats--access:ro", s(F::Chats, R::Access, T::Read)),
        ("chats--my:ro", s(F::Chats, R::My, T::Read)),
        ("chats.conversation--all:rw", s(F::Conversation, R::All, T::Write)),
        ("chats.conversation--access:rw", s(F::Conversation, R::Access, T::Write)),
        ("chats.conversation--my:rw", s(F::Conversation, R::My, T::Write)),
        ("chats--all:rw", s(F::Chats, R::All, T::Write)),
        ("chats--access:rw", s(F::Chats, R::Access, T::Write)),
        ("chats--my:rw", s(F::Chats, R::My, T::Write)),
        ("multicast:rw", s(F::Multicast, R::All, T::Write)),
        ("customers.ban:rw", s(F::Ban, R::All, T::Write)),
        ("customers:own", s(F::Identities, R::All, T::Write)),
        ("customers.identity--manage", s(F::Identities, R::All, T::Write)),
        ("customers:ro", s(F::Customers, R::All, T::Read)),
        ("customers:rw", s(F::Customers, R::All, T::Write)),
        ("agents--my:rw", s(F::Agents, R::My, T::Write)),
        ("agents--all:rw", s(F::Agents, R::All, T::Write)),
        ("access_rules:ro", s(F::AccessRules, R::All, T::Read)),
        ("access_rules:rw", s(F::AccessRules, R::All, T::Write)),
        ("properties--my:ro", s(F::Properties, R::My, T::Read)),
        ("properties--my:rw", s(F::Properties, R::My, T::Write)),
        ("properties--all:ro", s(F::Properties, R::All, T::Read)),
        ("webhooks--my:ro", s(F::Webhooks, R::My, T::Read)),
        ("webhooks--my:rw", s(F::Webhooks, R::My, T::Write)),
        ("webhooks--all:ro", s(F::Webhooks, R::All, T::Read)),
        ("webhooks--all:rw", s(F::Webhooks, R::All, T::Write)),
        ("agents-bot--my:ro", s(F::Bots, R::My, T::Read)),
        ("agents-bot--my:rw", s(F::Bots, R::My, T::Write)),
        ("agents-bot--all:ro", s(F::Bots, R::All, T::Read)),
        ("agents-bot--all:rw", s(F::Bots, R::All, T::Write)),
    ]
};

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let found = SCOPES.iter().find(|(name, _)| *name == text);
        found.map(|(_, scope)| *scope).ok_or_else(|| UnknownScope(text.into()))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = SCOPES.iter().find(|(_, scope)| scope == self);
        f.write_str(found.map_or("", |(name, _)| name))
    }
}

/// Bits of a [`ScopeSet`] for each reach, widest first.
type ByReach = [(Reach, u64); 3];

/// Which scopes give a right in one of these families.
const fn by_reach(families: &[Family], right: Right) -> ByReach {
    [
        (Reach::All, bits(families, Reach::All, right)),
        (Reach::Access, bits(families, Reach::Access, right)),
        (Reach::My, bits(families, Reach::My, right)),
    ]
}

const fn bits(families: &[Family], reach: Reach, right: Right) -> u64 {
    let (mut bits, mut at) = (0, 0);
    while at < SCOPES.len() {
        let scope = SCOPES[at].1;
        let mut n = 0;
        while n < families.len() {
            let fits = scope.family as u8 == families[n] as u8 && scope.reach as u8 == reach as u8;
            if fits && scope.right as u8 >= right as u8 {
                bits |= 1 << at;
            }
            n += 1;
        }
        at += 1;
    }
    bits
}

/// The scopes of a token: one bit for each line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScopeSet(u64);

impl ScopeSet {
    /// May whoever has these use an API that knows no scopes? Only with every one of them: others would
    /// gain by it.
    #[must_use]
    pub fn opens_unscoped(self) -> bool {
        self == Self::all()
    }

    /// Every scope.
    #[must_use]
    pub const fn all() -> Self {
        Self((1 << SCOPES.len()) - 1)
    }

    /// With one scope more.
    #[must_use]
    pub fn with(self, scope: Scope) -> Self {
        let bit = SCOPES.iter().position(|(_, s)| *s == scope);
        Self(self.0 | bit.map_or(0, |bit| 1 << bit))
    }

    /// The scopes in it; one with two spellings is one scope.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        let again = |at: usize| SCOPES[..at].iter().any(|(_, scope)| *scope == SCOPES[at].1);
        let held = move |bit: usize| self.0 & (1 << bit) != 0 && !again(bit);
        SCOPES.iter().enumerate().filter(move |(bit, _)| held(*bit)).map(|(_, (_, scope))| *scope)
    }

    /// The widest reach of a right in a family; `rw` includes `ro`.
    #[must_use]
    pub fn reach(self, family: Family, right: Right) -> Option<Reach> {
        self.widest(&by_reach(&[family], right))
    }

    /// The first reach, widest first, of which it has a scope.
    fn widest(self, bits: &ByReach) -> Option<Reach> {
        bits.iter().find(|(_, bits)| self.0 & bits != 0).map(|(reach, _)| *reach)
    }

    /// Reach for reading chats: `chats--X:*` and `chats.conversation--X:rw` both grant it.
    #[must_use]
    pub fn read_chats(self) -> Option<Reach> {
        // Asked for every agent who hears a push, so it is worked out when this is compiled.
        const BITS: ByReach = by_reach(&[Family::Chats, Family::Conversation], Right::Read);
        self.widest(&BITS)
    }

    /// Reach for writing conversation data: events and properties.
    #[must_use]
    pub fn write_conversation(self) -> Option<Reach> {
        const BITS: ByReach = by_reach(&[Family::Chats, Family::Conversation], Right::Write);
        self.widest(&BITS)
    }

    /// Reach for writing meta data: users, access, closing.
    #[must_use]
    pub fn write_meta(self) -> Option<Reach> {
        self.reach(Family::Chats, Right::Write)
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes.into_iter().fold(Self::default(), Self::with)
    }
}

impl Reach {
    /// Does it cover a chat? The table of spec v3.0, 3.4.
    #[must_use]
    pub const fn covers(self, access: bool, present: bool) -> bool {
        match self {
            Self::All => true,
            Self::Access => access || present,
            Self::My => present,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> ScopeSet {
        names.iter().filter_map(|name| name.parse::<Scope>().ok()).collect()
    }

    #[test]
    fn every_scope_parses_and_is_in_the_full_set() {
        assert_eq!(ScopeSet::all().iter().count(), SCOPES.len() - 1, "one of them has two spellings");
        assert_eq!(set(&SCOPES.iter().map(|(n, _)| *n).collect::<Vec<_>>()).read_chats(), Some(Reach::All));
        assert!("chats--all:rx".parse::<Scope>().is_err());
    }

    #[test]
    fn rw_includes_ro_and_conversation_rights_include_reading() {
        assert_eq!(set(&["chats--access:rw"]).read_chats(), Some(Reach::Access));
        assert_eq!(set(&["chats.conversation--my:rw"]).read_chats(), Some(Reach::My));
        assert_eq!(set(&["chats.conversation--my:rw"]).write_meta(), None);
        assert_eq!(set(&["chats--all:ro"]).write_conversation(), None);
        assert_eq!(
            set(&["chats--my:rw", "chats.conversation--all:rw"]).write_conversation(),
            Some(Reach::All)
        );
    }

    #[test]
    fn the_reach_of_a_set_is_the_widest_of_its_scopes_in_the_family() {
        for (name, _) in SCOPES {
            for (other, _) in SCOPES {
                let set = set(&[name, other]);
                for (_, Scope { family, right, .. }) in SCOPES {
                    let fits = |scope: &Scope| scope.family == *family && scope.right >= *right;
                    let widest = set.iter().filter(fits).map(|scope| scope.reach).max();
                    assert_eq!(set.reach(*family, *right), widest, "{name} {other}");
                }
            }
        }
    }

    #[test]
    fn the_table_of_what_a_reach_covers() {
        // (reach, [neither, access only, present only, both])
        for (reach, covered) in [
            (Reach::All, [true, true, true, true]),
            (Reach::Access, [false, true, true, true]),
            (Reach::My, [false, false, true, true]),
        ] {
            let cells = [(false, false), (true, false), (false, true), (true, true)];
            assert_eq!(cells.map(|(access, present)| reach.covers(access, present)), covered, "{reach:?}");
        }
    }
}
