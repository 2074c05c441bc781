//! The order in which routing fills the agents of a group.

use serde::{Deserialize, Serialize};

/// An agent's class in a group. The order is the order of choice: `First` is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub enum Priority {
    /// Gets conversations before everybody else (as a rule a bot).
    First,
    /// The usual class.
    #[default]
    Normal,
    /// Only when no better agent has a free slot.
    Last,
    /// Never chosen by routing, and does not make a group online.
    Supervisor,
}

impl Priority {
    /// The classes that routing chooses from, best first.
    pub(super) const ROUTED: [Self; 3] = [Self::First, Self::Normal, Self::Last];

    /// Whether routing ever chooses an agent of this class.
    #[must_use]
    pub const fn is_routed(self) -> bool {
        !matches!(self, Self::Supervisor)
    }

    /// The usual name: `first`, `normal`, `last` or `supervisor`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Normal => "normal",
            Self::Last => "last",
            Self::Supervisor => "supervisor",
        }
    }

    /// The class of that name; `None` for any other spelling.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::First, Self::Normal, Self::Last, Self::Supervisor]
            .into_iter()
            .find(|class| class.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_order_is_the_order_of_choice() {
        let names = ["first", "normal", "last", "supervisor"];
        let classes: Vec<_> = names.iter().filter_map(|name| Priority::parse(name)).collect();
        assert_eq!(classes.iter().map(|class| class.as_str()).collect::<Vec<_>>(), names);
        assert!(classes.is_sorted() && classes[..3] == Priority::ROUTED);
        for bad in ["", "First", "normal ", "primary"] {
            assert_eq!(Priority::parse(bad), None, "{bad:?}");
        }
    }
}
