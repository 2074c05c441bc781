//! Contacts that are becoming parts of others. That takes several owners, so the license keeps which it
//! is until all is done, and whoever is on the way to another changes no more.

use serde::{Deserialize, Serialize};

use crate::conversation::event::within;
use crate::desk::Desk;
use crate::error::Rejected;
use crate::id::CustomerId;
use crate::limits::MERGES_AT_ONCE;

/// One contact becomes part of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merge {
    /// Who stays.
    pub base: CustomerId,
    /// Who becomes part of it, and is then no contact any more.
    pub mergee: CustomerId,
}

impl Merge {
    /// Has it to do with this customer?
    fn concerns(&self, customer: CustomerId) -> bool {
        self.base == customer || self.mergee == customer
    }
}

impl Desk {
    /// Is the customer becoming part of another? Then nothing of it may change that the other would miss.
    #[must_use]
    pub fn gives_away(&self, customer: CustomerId) -> bool {
        self.merges.iter().any(|merge| merge.mergee == customer)
    }

    /// Has a merge that is under way to do with the customer?
    #[must_use]
    pub fn is_merging(&self, customer: CustomerId) -> bool {
        self.merges.iter().any(|merge| merge.concerns(customer))
    }

    /// One contact is to become part of another, neither of which has to do with another merge.
    pub(super) fn begin_merge(&mut self, merge: Merge) -> Result<(), Rejected> {
        if merge.base == merge.mergee {
            return Err(Rejected::invalid("mergee_contact_id", "is the contact itself"));
        }
        for (field, customer) in [("base_contact_id", merge.base), ("mergee_contact_id", merge.mergee)] {
            if self.is_merging(customer) {
                return Err(Rejected::invalid(field, "is being merged already"));
            }
        }
        self.merges.push(merge);
        within("merges", self.merges.len(), MERGES_AT_ONCE, "at a time")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(base: u128, mergee: u128) -> Merge {
        Merge { base: CustomerId::from_random(base), mergee: CustomerId::from_random(mergee) }
    }

    #[test]
    fn a_contact_has_to_do_with_one_merge_at_a_time() {
        let mut desk = Desk::default();
        assert_eq!(desk.begin_merge(merge(1, 2)), Ok(()));
        assert!(desk.gives_away(CustomerId::from_random(2)) && !desk.gives_away(CustomerId::from_random(1)));
        for again in
            [merge(1, 2), merge(2, 1), merge(1, 3), merge(3, 1), merge(2, 3), merge(3, 2), merge(4, 4)]
        {
            assert!(matches!(desk.begin_merge(again), Err(Rejected::Invalid { .. })), "{again:?}");
        }
        assert_eq!(desk.begin_merge(merge(3, 4)), Ok(()));
        assert_eq!(desk.merges, [merge(1, 2), merge(3, 4)]);
    }

    #[test]
    fn so_many_are_on_their_way_at_a_time_and_no_more() {
        let mut desk = Desk::default();
        for n in 0..MERGES_AT_ONCE as u128 {
            assert_eq!(desk.begin_merge(merge(2 * n, 2 * n + 1)), Ok(()));
        }
        let more = desk.begin_merge(merge(9_000, 9_001));
        assert!(matches!(more, Err(Rejected::Invalid { field, .. }) if field == "merges"));
    }
}
