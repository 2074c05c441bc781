//! Secrets that are replaced: for a while the former one signs beside the new one, so that receivers can
//! be changed without haste.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::webhook::limits::SECRET_OVERLAP;

/// A secret that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerSecret {
    /// What it was.
    pub secret_key: Box<str>,
    /// Until when it signs beside the new one.
    pub until: Timestamp,
}

impl FormerSecret {
    /// What becomes of a secret, and of one before it, when another takes its place. There are two at
    /// most: one that still signs beside the secret that is replaced now is forgotten.
    pub(super) fn after(secret: &str, former: Option<&Self>, new: &str, now: Timestamp) -> Option<Self> {
        if secret == new {
            former.cloned()
        } else {
            Some(Self { secret_key: secret.into(), until: now.plus(SECRET_OVERLAP) })
        }
    }

    /// Is it still to be believed?
    #[must_use]
    pub fn signs(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// The secrets that sign now, the newest first.
    pub(super) fn in_force<'a>(
        secret: &'a str,
        former: Option<&'a Self>,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a str> + use<'a> {
        let former = former.filter(|former| former.signs(now));
        std::iter::once(secret).chain(former.map(|former| &*former.secret_key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn after(secret: &str, former: Option<&FormerSecret>, new: &str) -> Option<FormerSecret> {
        FormerSecret::after(secret, former, new, NOW)
    }

    #[test]
    fn a_secret_that_was_replaced_signs_on_for_a_while() {
        let former = after("one", None, "two");
        let signing = |at| FormerSecret::in_force("two", former.as_ref(), at).collect::<Vec<_>>();
        let end = NOW.plus(SECRET_OVERLAP);
        assert_eq!(signing(NOW), ["two", "one"]);
        assert_eq!(signing(Timestamp::from_micros(end.as_micros() - 1)), ["two", "one"]);
        assert_eq!(signing(end), ["two"]);
    }

    #[test]
    fn the_same_secret_again_ends_nothing_earlier_or_later_and_there_are_two_at_most() {
        let former = after("one", None, "two");
        assert_eq!(FormerSecret::after("two", former.as_ref(), "two", NOW.plus(SECRET_OVERLAP)), former);
        assert_eq!(after("one", None, "one"), None);
        let third = after("two", former.as_ref(), "three");
        assert_eq!(third.map(|former| former.secret_key), Some("two".into()));
    }
}
