//! Changes of properties: what was set or taken away, and where. Source: spec v3.0, 4.7 and 5.4.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::conversation::event::within;
use crate::conversation::properties::{Location, Properties};
use crate::error::Rejected;
use crate::id::{EventId, ThreadId};
use crate::limits::{PROPERTIES_BYTES, PROPERTIES_PER_PLACE};

/// What has properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// The chat.
    Chat,
    /// One of its threads.
    Thread(ThreadId),
    /// One event.
    Event(EventId),
}

impl Place {
    /// Which rights count there.
    #[must_use]
    pub const fn location(self) -> Location {
        match self {
            Self::Chat => Location::Chat,
            Self::Thread(_) => Location::Thread,
            Self::Event(_) => Location::Event,
        }
    }

    /// The thread it is, or is in.
    #[must_use]
    pub const fn thread(self) -> Option<ThreadId> {
        match self {
            Self::Chat => None,
            Self::Thread(thread) | Self::Event(EventId { thread, .. }) => Some(thread),
        }
    }
}

/// Names of properties: namespace -> names, in the order given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PropertyNames(pub BTreeMap<Box<str>, Vec<Box<str>>>);

impl PropertyNames {
    /// Adds one name, unless it is there already.
    pub fn add(&mut self, namespace: &str, name: &str) {
        let names = self.0.entry(namespace.into()).or_default();
        if names.iter().all(|other| **other != *name) {
            names.push(name.into());
        }
    }

    /// Every name with its namespace.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(ns, names)| names.iter().map(move |name| (&**ns, &**name)))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for PropertyNames {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(names: I) -> Self {
        let mut all = Self::default();
        names.into_iter().for_each(|(namespace, name)| all.add(namespace, name));
        all
    }
}

/// One change of the properties of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PropertyChange {
    /// These have these values now.
    Set(Properties),
    /// These are gone.
    Delete(PropertyNames),
}

impl PropertyChange {
    /// What of it is a change of these; `None` when nothing is.
    #[must_use]
    pub fn effect_on(&self, before: &Properties) -> Option<Self> {
        match self {
            Self::Set(given) => {
                let mut changed = Properties::default();
                for (ns, name, value) in given.iter().filter(|(ns, name, v)| before.get(ns, name) != Some(v))
                {
                    changed.set(ns, name, value.clone());
                }
                (!changed.is_empty()).then_some(Self::Set(changed))
            }
            Self::Delete(given) => {
                let there = given.iter().filter(|(ns, name)| before.get(ns, name).is_some());
                let gone: PropertyNames = there.collect();
                (!gone.0.is_empty()).then_some(Self::Delete(gone))
            }
        }
    }

    /// Carries it out.
    pub fn carry_out(&self, properties: &mut Properties) {
        match self {
            Self::Set(given) => properties.merge(given),
            Self::Delete(given) => given.iter().for_each(|(ns, name)| properties.remove(ns, name)),
        }
    }
}

impl Properties {
    /// Takes one property away.
    pub fn remove(&mut self, namespace: &str, name: &str) {
        if let Some(names) = self.0.get_mut(namespace) {
            names.remove(name);
            if names.is_empty() {
                self.0.remove(namespace);
            }
        }
    }

    /// Checks the bounds of all properties of one chat, thread or event together.
    ///
    /// # Errors
    /// `Invalid` naming `field`.
    pub fn check_size(&self, field: &str) -> Result<(), Rejected> {
        within(field, self.iter().count(), PROPERTIES_PER_PLACE, "properties in all")?;
        within(field, self.weight(), PROPERTIES_BYTES, "bytes in all")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::properties::PropertyValue;

    fn ints(pairs: &[(&str, i32)]) -> Properties {
        let mut properties = Properties::default();
        pairs.iter().for_each(|(name, value)| properties.set("test", name, PropertyValue::Int(*value)));
        properties
    }

    fn names(names: &[&str]) -> PropertyNames {
        names.iter().map(|name| ("test", *name)).collect()
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let before = ints(&[("a", 1), ("b", 2)]);
        let set = |given| PropertyChange::Set(ints(given)).effect_on(&before);
        assert_eq!(set(&[("a", 1)]), None);
        assert_eq!(
            set(&[("a", 1), ("b", 3), ("c", 1)]),
            Some(PropertyChange::Set(ints(&[("b", 3), ("c", 1)])))
        );
        let delete = |given| PropertyChange::Delete(names(given)).effect_on(&before);
        assert_eq!(delete(&["c"]), None);
        assert_eq!(delete(&["c", "b", "a"]), Some(PropertyChange::Delete(names(&["b", "a"]))), "as given");
    }

    #[test]
    fn a_change_is_carried_out_and_leaves_no_empty_namespace() {
        let mut properties = ints(&[("a", 1)]);
        PropertyChange::Set(ints(&[("a", 2), ("b", 3)])).carry_out(&mut properties);
        assert_eq!(properties, ints(&[("a", 2), ("b", 3)]));
        PropertyChange::Delete(names(&["a", "b", "c"])).carry_out(&mut properties);
        assert_eq!(properties, Properties::default());
    }

    #[test]
    fn properties_of_one_place_are_bounded_in_number_and_weight() {
        let many = |n: usize| {
            let mut properties = Properties::default();
            (0..n).for_each(|n| properties.set("test", &n.to_string(), PropertyValue::Bool(true)));
            properties.check_size("properties")
        };
        assert_eq!(many(PROPERTIES_PER_PLACE), Ok(()));
        assert!(
            matches!(many(PROPERTIES_PER_PLACE + 1), Err(Rejected::Invalid { field, .. }) if field == "properties")
        );
        let heavy = |bytes: usize| {
            let mut properties = Properties::default();
            properties.set("", "", PropertyValue::Text("".into()));
            let rest = bytes - properties.weight();
            properties.set("", "", PropertyValue::Text("x".repeat(rest).into()));
            properties.check_size("properties")
        };
        assert_eq!(heavy(PROPERTIES_BYTES), Ok(()));
        assert!(heavy(PROPERTIES_BYTES + 1).is_err());
    }
}
