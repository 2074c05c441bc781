//! Properties and access as they go out: `{"<ns>":{"<name>":{"value": v}}}` (spec v3.0, 4.7).

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use switchboard_domain::conversation::access::Access;
use switchboard_domain::conversation::properties::{Location, Properties, PropertyValue};
use switchboard_domain::conversation::property_change::{PropertyChange, PropertyNames};

use super::Lens;

/// The properties that a reader may see.
pub(super) struct PropertiesOut(Properties);

impl PropertiesOut {
    /// For what shows them only when there are any.
    pub(super) fn unless_empty(self) -> Option<Self> {
        (!self.0.is_empty()).then_some(self)
    }
}

impl Lens<'_> {
    pub(super) fn properties(self, properties: &Properties, location: Location) -> PropertiesOut {
        PropertiesOut(match self.properties {
            Some(table) => table.readable(properties, location, self.reader()),
            None => properties.clone(),
        })
    }
}

/// What was set or taken away, as far as a reader may see it.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum PropertyChangeOut {
    Set(PropertiesOut),
    Delete(BTreeMap<Box<str>, Vec<Box<str>>>),
}

impl Lens<'_> {
    pub(super) fn property_change(self, change: &PropertyChange, location: Location) -> PropertyChangeOut {
        match change {
            PropertyChange::Set(set) => PropertyChangeOut::Set(self.properties(set, location)),
            PropertyChange::Delete(gone) => {
                let readable = |(namespace, name): &(&str, &str)| {
                    self.properties
                        .is_none_or(|table| table.is_readable(namespace, name, location, self.reader()))
                };
                PropertyChangeOut::Delete(gone.iter().filter(readable).collect::<PropertyNames>().0)
            }
        }
    }
}

impl Serialize for PropertiesOut {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut namespaces = serializer.serialize_map(Some(self.0.0.len()))?;
        for (namespace, names) in &self.0.0 {
            // A state that only newer versions show.
            let shown =
                names.iter().filter(|(name, _)| (&**namespace, &***name) != ("routing", "continuous"));
            let values: NamesOut<'_> = shown.map(|(name, value)| (&**name, Wrapped::of(value))).collect();
            namespaces.serialize_entry(namespace, &values)?;
        }
        namespaces.end()
    }
}

type NamesOut<'a> = BTreeMap<&'a str, Wrapped<'a>>;

#[derive(Serialize)]
struct Wrapped<'a> {
    value: ValueOut<'a>,
}

impl<'a> Wrapped<'a> {
    const fn of(value: &'a PropertyValue) -> Self {
        Self { value: ValueOut(value) }
    }
}

/// The bare value.
pub(super) struct ValueOut<'a>(pub(super) &'a PropertyValue);

impl Serialize for ValueOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            PropertyValue::Int(number) => serializer.serialize_i32(*number),
            PropertyValue::Text(text) => serializer.serialize_str(text),
            PropertyValue::Bool(yes) => serializer.serialize_bool(*yes),
        }
    }
}

/// Which groups may see a chat.
#[derive(Serialize)]
pub(super) struct AccessOut {
    group_ids: Vec<u32>,
}

impl From<&Access> for AccessOut {
    fn from(access: &Access) -> Self {
        Self { group_ids: access.groups.iter().map(|group| group.0).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::livechat::v3_0::show::testing::{as_json, lens};
    use crate::engine::dialect::Side;
    use serde_json::json;

    #[test]
    fn values_are_wrapped_and_what_may_not_be_read_is_left_out() {
        let mut properties = Properties::default();
        properties.set("rating", "score", PropertyValue::Int(1));
        properties.set("rating", "comment", PropertyValue::Text("fine".into()));
        properties.set("routing", "idle", PropertyValue::Bool(false));
        properties.set("nobodys", "secret", PropertyValue::Int(1));
        let world = lens();
        for side in [Side::Agent, Side::Customer] {
            assert_eq!(
                as_json(&world.side(side).properties(&properties, Location::Chat)),
                json!({ "rating": { "score": { "value": 1 }, "comment": { "value": "fine" } },
                        "routing": { "idle": { "value": false } } })
            );
        }
        let gone =
            PropertyNames::from_iter([("rating", "score"), ("rating", "comment"), ("nobodys", "secret")]);
        assert_eq!(
            as_json(
                &world.side(Side::Customer).property_change(&PropertyChange::Delete(gone), Location::Chat)
            ),
            json!({ "rating": ["score", "comment"] })
        );
        let on_event = world.side(Side::Agent).properties(&properties, Location::Event);
        assert_eq!(as_json(&on_event).as_object().map(serde_json::Map::len), Some(1), "routing is of chats");
        assert!(
            world
                .side(Side::Agent)
                .properties(&Properties::default(), Location::Event)
                .unless_empty()
                .is_none()
        );
    }
}
