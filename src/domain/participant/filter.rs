//! Which customers a list wants. Source: spec v3.0, 5.5.

use crate::participant::customer::Customer;
use crate::participant::statistics::Statistics;
use crate::time::Timestamp;

/// Rules that must all hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomerFilter {
    /// By the country of the newest visit. Where somebody is is not known here, so one of some
    /// countries is nobody, and none of some is everybody.
    pub country: Option<TextRule>,
    /// By e-mail address.
    pub email: Option<TextRule>,
    /// By shown name.
    pub name: Option<TextRule>,
    /// By id.
    pub id: Option<TextRule>,
    /// By number of conversations.
    pub chats: Option<Range<u64>>,
    /// By number of threads.
    pub threads: Option<Range<u64>>,
    /// By number of visits.
    pub visits: Option<Range<u64>>,
    /// By creation.
    pub created_at: Option<Range<Timestamp>>,
    /// By the last event of an agent; whoever has none is in no range.
    pub agent_spoke_at: Option<Range<Timestamp>>,
    /// By its own last event; whoever has none is in no range.
    pub customer_spoke_at: Option<Range<Timestamp>>,
}

/// A rule about a text. A customer without it is none of any texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextRule {
    /// One of these.
    Values(Vec<Box<str>>),
    /// None of these.
    ExcludeValues(Vec<Box<str>>),
}

/// Bounds that must all hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range<T> {
    /// Less than this.
    pub lt: Option<T>,
    /// At most this.
    pub lte: Option<T>,
    /// More than this.
    pub gt: Option<T>,
    /// At least this.
    pub gte: Option<T>,
    /// Just this.
    pub eq: Option<T>,
}

impl<T: Ord> Range<T> {
    /// Is the value within every bound?
    #[must_use]
    pub fn holds(&self, value: &T) -> bool {
        self.lt.as_ref().is_none_or(|bound| value < bound)
            && self.lte.as_ref().is_none_or(|bound| value <= bound)
            && self.gt.as_ref().is_none_or(|bound| value > bound)
            && self.gte.as_ref().is_none_or(|bound| value >= bound)
            && self.eq.as_ref().is_none_or(|bound| value == bound)
    }
}

impl TextRule {
    /// Does it hold of a text, or of none?
    #[must_use]
    pub fn holds(&self, text: Option<&str>) -> bool {
        let among =
            |values: &[Box<str>]| text.is_some_and(|text| values.iter().any(|value| **value == *text));
        match self {
            Self::Values(values) => among(values),
            Self::ExcludeValues(values) => !among(values),
        }
    }
}

impl CustomerFilter {
    /// Does the customer pass what needs no statistics?
    #[must_use]
    pub fn pass_profile(&self, customer: &Customer) -> bool {
        let text =
            |rule: &Option<TextRule>, text: Option<&str>| rule.as_ref().is_none_or(|rule| rule.holds(text));
        text(&self.country, None)
            && text(&self.email, customer.email.as_deref())
            && text(&self.name, customer.name.as_deref())
            && (self.id.is_none() || text(&self.id, Some(&customer.id.to_string())))
            && self.visits.is_none_or(|range| range.holds(&customer.visits))
            && self.created_at.is_none_or(|range| range.holds(&customer.created_at))
    }

    /// Do the rules look at statistics, which cost a look at the customer's conversations?
    #[must_use]
    pub const fn needs_statistics(&self) -> bool {
        self.chats.is_some()
            || self.threads.is_some()
            || self.agent_spoke_at.is_some()
            || self.customer_spoke_at.is_some()
    }

    /// Does the customer pass what needs them?
    #[must_use]
    pub fn pass_statistics(&self, statistics: &Statistics) -> bool {
        let time = |range: Option<Range<Timestamp>>, at: Option<Timestamp>| {
            range.is_none_or(|range| at.is_some_and(|at| range.holds(&at)))
        };
        self.chats.is_none_or(|range| range.holds(&statistics.chats))
            && self.threads.is_none_or(|range| range.holds(&statistics.threads))
            && time(self.agent_spoke_at, statistics.agent_spoke_at)
            && time(self.customer_spoke_at, statistics.customer_spoke_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::CustomerId;

    const NONE: Range<u64> = Range { lt: None, lte: None, gt: None, gte: None, eq: None };

    #[test]
    fn every_bound_of_a_range_must_hold() {
        let table = [
            (Range { lt: Some(5), ..NONE }, [4].as_slice(), [5, 6].as_slice()),
            (Range { lte: Some(5), ..NONE }, &[4, 5], &[6]),
            (Range { gt: Some(5), ..NONE }, &[6], &[4, 5]),
            (Range { gte: Some(5), ..NONE }, &[5, 6], &[4]),
            (Range { eq: Some(5), ..NONE }, &[5], &[4, 6]),
            (Range { gt: Some(3), lt: Some(6), ..NONE }, &[4, 5], &[3, 6]),
            (Range { gt: Some(6), lt: Some(3), ..NONE }, &[], &[3, 4, 5, 6]),
            (NONE, &[0, u64::MAX], &[]),
        ];
        for (range, within, without) in table {
            assert!(within.iter().all(|value| range.holds(value)), "{range:?}");
            assert!(without.iter().all(|value| !range.holds(value)), "{range:?}");
        }
    }

    #[test]
    fn a_text_rule_of_nothing_is_none_of_anything() {
        let of = |values: &[&str]| values.iter().map(|value| (*value).into()).collect();
        let (values, excluded) =
            (TextRule::Values(of(&["a", "b"])), TextRule::ExcludeValues(of(&["a", "b"])));
        for (text, is_value) in [(Some("a"), true), (Some("b"), true), (Some("c"), false), (None, false)] {
            assert_eq!(values.holds(text), is_value, "{text:?}");
            assert_eq!(excluded.holds(text), !is_value, "{text:?}");
        }
        assert!(!TextRule::Values(Vec::new()).holds(Some("a")));
        assert!(TextRule::ExcludeValues(Vec::new()).holds(None));
    }

    #[test]
    fn each_rule_looks_at_its_own_field() {
        let mut mia = Customer::new(CustomerId::from_random(1), 1, Timestamp::from_secs(100));
        mia.name = Some("Mia".into());
        mia.email = Some("mia@example.com".into());
        mia.visits = 3;
        let id = mia.id.to_string();
        let values = |text: &str| Some(TextRule::Values(vec![text.into()]));
        let eq = |number| Some(Range { eq: Some(number), ..NONE });
        let at = |secs| {
            let bound = Some(Timestamp::from_secs(secs));
            Some(Range { lt: None, lte: None, gt: None, gte: None, eq: bound })
        };
        let plain = CustomerFilter::default;
        assert!(plain().pass_profile(&mia) && !plain().needs_statistics());
        for (passes, fails) in [
            (
                CustomerFilter { name: values("Mia"), ..plain() },
                CustomerFilter { name: values("Tom"), ..plain() },
            ),
            (
                CustomerFilter { email: values("mia@example.com"), ..plain() },
                CustomerFilter { email: values("Mia"), ..plain() },
            ),
            (CustomerFilter { id: values(&id), ..plain() }, CustomerFilter { id: values("Mia"), ..plain() }),
            (CustomerFilter { visits: eq(3), ..plain() }, CustomerFilter { visits: eq(4), ..plain() }),
            (
                CustomerFilter { created_at: at(100), ..plain() },
                CustomerFilter { created_at: at(99), ..plain() },
            ),
            (plain(), CustomerFilter { country: values("Poland"), ..plain() }),
        ] {
            assert!(passes.pass_profile(&mia), "{passes:?}");
            assert!(!fails.pass_profile(&mia), "{fails:?}");
        }
        let talked = Statistics {
            chats: 1,
            threads: 2,
            agent_spoke_at: Some(Timestamp::from_secs(5)),
            customer_spoke_at: None,
        };
        for (passes, fails) in [
            (CustomerFilter { chats: eq(1), ..plain() }, CustomerFilter { chats: eq(2), ..plain() }),
            (CustomerFilter { threads: eq(2), ..plain() }, CustomerFilter { threads: eq(1), ..plain() }),
            (
                CustomerFilter { agent_spoke_at: at(5), ..plain() },
                CustomerFilter { customer_spoke_at: at(5), ..plain() },
            ),
        ] {
            assert!(passes.needs_statistics() && passes.pass_statistics(&talked), "{passes:?}");
            assert!(!fails.pass_statistics(&talked), "{fails:?}");
        }
    }
}
