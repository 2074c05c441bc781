//! Properties: typed key-value pairs of a chat, a thread or an event, and their definitions.
//! Source: spec v3.0, 4.7 and 7.3.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::conversation::event::within;
use crate::conversation::property_change::PropertyNames;
use crate::error::Rejected;
use crate::limits::{PROPERTY_DOMAIN_VALUES, PROPERTY_NAME_CHARS, PROPERTY_TEXT_BYTES, SHORT_TEXT_BYTES};

/// The value of one property.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PropertyValue {
    /// A 32-bit integer.
    Int(i32),
    /// A text of at most [`PROPERTY_TEXT_BYTES`].
    Text(Box<str>),
    /// Yes or no.
    Bool(bool),
}

/// Namespace -> name -> value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Properties(pub BTreeMap<Box<str>, BTreeMap<Box<str>, PropertyValue>>);

impl Properties {
    /// The value of one property.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<&PropertyValue> {
        self.0.get(namespace)?.get(name)
    }

    /// Sets one property.
    pub fn set(&mut self, namespace: &str, name: &str, value: PropertyValue) {
        self.0.entry(namespace.into()).or_default().insert(name.into(), value);
    }

    /// Takes over every value of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (namespace, name, value) in other.iter() {
            self.set(namespace, name, value.clone());
        }
    }

    /// Every property, in the order of namespace and name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &PropertyValue)> {
        self.0.iter().flat_map(|(ns, names)| names.iter().map(move |(name, v)| (&**ns, &**name, v)))
    }

    /// True when no property is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values().all(BTreeMap::is_empty)
    }
}

/// Where a property can stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Location {
    /// On the chat.
    Chat,
    /// On a thread.
    Thread,
    /// On an event.
    Event,
}

/// Who reads or writes a property. The engine itself writes what it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Human agents and bots.
    Agent,
    /// The customer.
    Customer,
}

/// The type of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PropertyType {
    /// 32-bit integer.
    Int,
    /// Text.
    Text,
    /// Text that is split into words for search.
    TokenizedText,
    /// Yes or no.
    Bool,
}

/// Read and write rights of one user kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rights {
    /// May see the property.
    pub read: bool,
    /// May set and delete it.
    pub write: bool,
}

/// Rights at one location; a kind that is not named has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LocationRights {
    /// Of human agents and bots.
    pub agent: Rights,
    /// Of customers.
    pub customer: Rights,
}

/// What values a property takes beyond its type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Domain {
    /// Anything of the type.
    Any,
    /// One of these.
    Values(Vec<PropertyValue>),
    /// An integer between these, inclusive.
    Range {
        /// Smallest value.
        from: Option<i32>,
        /// Largest value.
        to: Option<i32>,
    },
}

/// Bytes that any part of a definition weighs beyond its texts.
const DEFINITION_PART_BYTES: usize = 40;

/// The definition of one property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Type of its values.
    pub kind: PropertyType,
    /// Where it may stand, and who may do what there.
    pub locations: BTreeMap<Location, LocationRights>,
    /// Which values it takes.
    pub domain: Domain,
    /// For people.
    pub description: Option<Box<str>>,
}

impl Definition {
    /// The rights of a reader at a location, when the property may stand there at all.
    #[must_use]
    pub fn rights(&self, location: Location, reader: Reader) -> Option<Rights> {
        let rights = self.locations.get(&location)?;
        Some(match reader {
            Reader::Agent => rights.agent,
            Reader::Customer => rights.customer,
        })
    }

    /// Checks a definition that an application gives (spec v3.0, 7.3).
    ///
    /// # Errors
    /// `Invalid`, naming `name` and what of it is wrong.
    pub fn check(&self, name: &str) -> Result<(), Rejected> {
        if name.trim().is_empty() {
            return Err(Rejected::invalid(name, "a property needs a name"));
        }
        within(name, name.chars().count(), PROPERTY_NAME_CHARS, "characters")?;
        let description = self.description.as_ref().map_or(0, |text| text.len());
        within(&format!("{name}.description"), description, SHORT_TEXT_BYTES, "bytes")?;
        if self.locations.is_empty() {
            return Err(Rejected::invalid(format!("{name}.locations"), "must name a location"));
        }
        match &self.domain {
            Domain::Any => Ok(()),
            Domain::Values(values) => {
                let field = format!("{name}.domain");
                if values.is_empty() {
                    return Err(Rejected::invalid(field, "must have a value"));
                }
                within(&field, values.len(), PROPERTY_DOMAIN_VALUES, "values")?;
                let plain = Self { domain: Domain::Any, ..self.clone() };
                values
                    .iter()
                    .try_for_each(|value| plain.admits(value).map_err(|e| Rejected::invalid(&*field, e)))
            }
            Domain::Range { from, to } => {
                let field = format!("{name}.range");
                if self.kind != PropertyType::Int {
                    return Err(Rejected::invalid(field, "is for properties of type int"));
                }
                if from.zip(*to).is_some_and(|(from, to)| from > to) {
                    return Err(Rejected::invalid(field, "from must not be greater than to"));
                }
                Ok(())
            }
        }
    }

    /// Bytes that it weighs when stored, roughly but never too few.
    fn weight(&self, name: &str) -> usize {
        let values: &[PropertyValue] = if let Domain::Values(values) = &self.domain { values } else { &[] };
        let texts = values.iter().map(|value| match value {
            PropertyValue::Text(text) => text.len() + DEFINITION_PART_BYTES,
            _ => DEFINITION_PART_BYTES,
        });
        let description = self.description.as_ref().map_or(0, |text| text.len());
        let places = self.locations.len() * DEFINITION_PART_BYTES;
        DEFINITION_PART_BYTES + name.len() + description + places + texts.sum::<usize>()
    }

    fn admits(&self, value: &PropertyValue) -> Result<(), String> {
        match (self.kind, value) {
            (PropertyType::Int, PropertyValue::Int(_)) | (PropertyType::Bool, PropertyValue::Bool(_)) => {}
            (PropertyType::Text | PropertyType::TokenizedText, PropertyValue::Text(text)) => {
                if text.len() > PROPERTY_TEXT_BYTES {
                    return Err(format!("longer than {PROPERTY_TEXT_BYTES} bytes"));
                }
            }
            (PropertyType::Int, _) => return Err("must be an int".into()),
            (PropertyType::Bool, _) => return Err("must be a bool".into()),
            (PropertyType::Text | PropertyType::TokenizedText, _) => return Err("must be a string".into()),
        }
        match (&self.domain, value) {
            (Domain::Values(values), _) if !values.contains(value) => Err("is not in the domain".into()),
            (Domain::Range { from, to }, PropertyValue::Int(n))
                if from.is_some_and(|from| *n < from) || to.is_some_and(|to| *n > to) =>
            {
                Err("is out of range".into())
            }
            _ => Ok(()),
        }
    }
}

/// All definitions of a license: namespace -> name -> definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyTable(pub BTreeMap<Box<str>, BTreeMap<Box<str>, Definition>>);

impl PropertyTable {
    /// The namespaces that every license has (spec v3.0, 4.7 and 7.3).
    #[must_use]
    pub fn built_in() -> Self {
        let all = Rights { read: true, write: true };
        let read = Rights { read: true, write: false };
        let everywhere = [Location::Chat, Location::Thread, Location::Event];
        let on_chats = [Location::Chat, Location::Thread];
        let mut table = Self(BTreeMap::new());
        let mut add = |ns: &str, name: &str, kind, domain, places: &[Location], agent, customer| {
            let rights = LocationRights { agent, customer };
            let locations = places.iter().map(|&place| (place, rights)).collect();
            let definition = Definition { kind, locations, domain, description: None };
            table.0.entry(ns.into()).or_default().insert(name.into(), definition);
        };
        for (name, kind) in [
            ("bool_property", PropertyType::Bool),
            ("int_property", PropertyType::Int),
            ("string_property", PropertyType::Text),
            ("tokenized_string_property", PropertyType::TokenizedText),
        ] {
            add("test", name, kind, Domain::Any, &everywhere, all, all);
        }
        // Routing states are ours to set; agents may pin.
        for name in ["idle", "unassigned", "continuous"] {
            add("routing", name, PropertyType::Bool, Domain::Any, &on_chats, read, read);
        }
        add("routing", "pinned", PropertyType::Bool, Domain::Any, &on_chats, all, read);
        add("routing", "count", PropertyType::Int, Domain::Any, &on_chats, read, read);
        let score = Domain::Range { from: Some(0), to: Some(1) };
        add("rating", "score", PropertyType::Int, score, &everywhere, all, all);
        add("rating", "comment", PropertyType::Text, Domain::Any, &everywhere, all, all);
        for name in ["type", "client_id"] {
            add("source", name, PropertyType::Text, Domain::Any, &on_chats, all, all);
        }
        table
    }

    /// Bytes that all definitions weigh when stored, roughly but never too few.
    #[must_use]
    pub fn weight(&self) -> usize {
        let names = self.0.values().flatten().map(|(name, definition)| definition.weight(name));
        self.0.keys().map(|namespace| namespace.len()).sum::<usize>() + names.sum::<usize>()
    }

    /// The definition of one property.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<&Definition> {
        self.0.get(namespace)?.get(name)
    }

    /// Checks a write, in the spec's order: definition, location, right, type, domain.
    ///
    /// # Errors
    /// `Invalid` naming `field.<namespace>.<name>`, or `NoAccess` without the write right.
    pub fn check_write(
        &self,
        properties: &Properties,
        location: Location,
        writer: Reader,
        field: &str,
    ) -> Result<(), Rejected> {
        for (namespace, name, value) in properties.iter() {
            let definition = self.writable((namespace, name), location, writer, field)?;
            let path = || format!("{field}.{namespace}.{name}");
            definition.admits(value).map_err(|reason| Rejected::invalid(path(), reason))?;
        }
        Ok(())
    }

    /// Checks that properties may be taken away: definition, location, right.
    ///
    /// # Errors
    /// As [`PropertyTable::check_write`].
    pub fn check_delete(
        &self,
        names: &PropertyNames,
        location: Location,
        writer: Reader,
        field: &str,
    ) -> Result<(), Rejected> {
        names.iter().try_for_each(|name| self.writable(name, location, writer, field).map(drop))
    }

    fn writable(
        &self,
        (namespace, name): (&str, &str),
        location: Location,
        writer: Reader,
        field: &str,
    ) -> Result<&Definition, Rejected> {
        let path = || format!("{field}.{namespace}.{name}");
        let definition = self
            .get(namespace, name)
            .ok_or_else(|| Rejected::invalid(path(), "no such property is defined"))?;
        let rights = definition
            .rights(location, writer)
            .ok_or_else(|| Rejected::invalid(path(), "may not stand at this location"))?;
        if rights.write { Ok(definition) } else { Err(Rejected::NoAccess) }
    }

    /// May the reader see this property at a location?
    #[must_use]
    pub fn is_readable(&self, namespace: &str, name: &str, location: Location, reader: Reader) -> bool {
        self.get(namespace, name).and_then(|d| d.rights(location, reader)).is_some_and(|r| r.read)
    }

    /// What of `properties` the reader may see at a location.
    #[must_use]
    pub fn readable(&self, properties: &Properties, location: Location, reader: Reader) -> Properties {
        let mut seen = Properties::default();
        for (namespace, name, value) in properties.iter() {
            if self.is_readable(namespace, name, location, reader) {
                seen.set(namespace, name, value.clone());
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(ns: &str, name: &str, value: PropertyValue) -> Properties {
        let mut properties = Properties::default();
        properties.set(ns, name, value);
        properties
    }

    #[test]
    fn a_write_is_checked_for_definition_location_right_type_and_domain() {
        let table = PropertyTable::built_in();
        let check = |p: &Properties, location| table.check_write(p, location, Reader::Customer, "properties");
        let text = PropertyValue::Text("facebook".into());
        assert_eq!(check(&one("source", "type", text.clone()), Location::Chat), Ok(()));
        assert!(
            matches!(check(&one("source", "nope", text.clone()), Location::Chat), Err(Rejected::Invalid { field, .. }) if field == "properties.source.nope")
        );
        assert!(matches!(
            check(&one("source", "type", text), Location::Event),
            Err(Rejected::Invalid { .. })
        ));
        assert_eq!(
            check(&one("routing", "idle", PropertyValue::Bool(true)), Location::Chat),
            Err(Rejected::NoAccess)
        );
        assert!(check(&one("rating", "score", PropertyValue::Bool(true)), Location::Chat).is_err());
        assert!(check(&one("rating", "score", PropertyValue::Int(2)), Location::Chat).is_err());
        assert_eq!(check(&one("rating", "score", PropertyValue::Int(1)), Location::Chat), Ok(()));
    }

    #[test]
    fn the_test_namespace_is_open_to_everyone_everywhere() {
        let table = PropertyTable::built_in();
        for location in [Location::Chat, Location::Thread, Location::Event] {
            for writer in [Reader::Agent, Reader::Customer] {
                let p = one("test", "int_property", PropertyValue::Int(7));
                assert_eq!(table.check_write(&p, location, writer, "p"), Ok(()));
                assert_eq!(table.readable(&p, location, writer), p);
            }
        }
    }

    #[test]
    fn a_definition_must_make_sense() {
        let good = Definition {
            kind: PropertyType::Int,
            locations: BTreeMap::from([(Location::Chat, LocationRights::default())]),
            domain: Domain::Range { from: Some(1), to: Some(1) },
            description: None,
        };
        let refused = |name: &str, definition: &Definition| match definition.check(name) {
            Err(Rejected::Invalid { field, .. }) => field,
            other => format!("{other:?}"),
        };
        assert_eq!(good.check("state"), Ok(()));
        assert_eq!(good.check(&"x".repeat(PROPERTY_NAME_CHARS)), Ok(()));
        assert_eq!(refused(" ", &good), " ");
        let long = "x".repeat(PROPERTY_NAME_CHARS + 1);
        assert_eq!(refused(&long, &good), long);
        let with = |domain| Definition { domain, ..good.clone() };
        assert_eq!(refused("p", &with(Domain::Range { from: Some(2), to: Some(1) })), "p.range");
        let text = Definition { kind: PropertyType::Text, ..good.clone() };
        assert_eq!(refused("p", &text), "p.range");
        let values = |n| with(Domain::Values(vec![PropertyValue::Int(1); n]));
        assert_eq!(values(PROPERTY_DOMAIN_VALUES).check("p"), Ok(()));
        assert_eq!(refused("p", &values(PROPERTY_DOMAIN_VALUES + 1)), "p.domain");
        assert_eq!(refused("p", &values(0)), "p.domain");
        let odd = with(Domain::Values(vec![PropertyValue::Bool(true)]));
        assert_eq!(refused("p", &odd), "p.domain");
        let nowhere = Definition { locations: BTreeMap::new(), ..good.clone() };
        assert_eq!(refused("p", &nowhere), "p.locations");
        let told = |n: usize| Definition { description: Some("x".repeat(n).into()), ..good.clone() };
        assert_eq!(told(SHORT_TEXT_BYTES).check("p"), Ok(()));
        assert_eq!(refused("p", &told(SHORT_TEXT_BYTES + 1)), "p.description");
    }

    #[test]
    fn a_text_over_the_bound_is_refused() {
        let table = PropertyTable::built_in();
        let text = |n| one("test", "string_property", PropertyValue::Text("x".repeat(n).into()));
        let check = |p: &Properties| table.check_write(p, Location::Chat, Reader::Agent, "p");
        assert_eq!(check(&text(PROPERTY_TEXT_BYTES)), Ok(()));
        assert!(check(&text(PROPERTY_TEXT_BYTES + 1)).is_err());
    }
}
