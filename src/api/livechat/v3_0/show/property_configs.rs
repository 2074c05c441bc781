//! Definitions of properties as they go out: `<namespace> -> <name> -> config` (spec v3.0, 7.3).

use std::collections::BTreeMap;

use serde::Serialize;
use switchboard_domain::conversation::properties::{Definition, Domain, Location, PropertyTable, Rights};

use super::properties::ValueOut;
use crate::api::livechat::v3_0::read::{LOCATIONS, TYPES};

/// Every definition of a table.
pub(super) fn configs(table: &PropertyTable) -> BTreeMap<&str, BTreeMap<&str, ConfigOut<'_>>> {
    table.0.iter().map(|(namespace, names)| (&**namespace, of_namespace(names))).collect()
}

fn of_namespace(names: &BTreeMap<Box<str>, Definition>) -> BTreeMap<&str, ConfigOut<'_>> {
    names.iter().map(|(name, definition)| (&**name, ConfigOut::from(definition))).collect()
}

/// One definition. What was not given is left out.
#[derive(Serialize)]
pub(super) struct ConfigOut<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<Vec<ValueOut<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<RangeOut>,
    locations: BTreeMap<&'static str, PlaceOut>,
}

#[derive(Serialize)]
struct RangeOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<i32>,
}

#[derive(Serialize)]
struct PlaceOut {
    access: AccessOut,
}

#[derive(Serialize)]
struct AccessOut {
    agent: RightsOut,
    customer: RightsOut,
}

#[derive(Serialize)]
struct RightsOut {
    read: bool,
    write: bool,
}

impl From<Rights> for RightsOut {
    fn from(Rights { read, write }: Rights) -> Self {
        Self { read, write }
    }
}

impl<'a> From<&'a Definition> for ConfigOut<'a> {
    fn from(definition: &'a Definition) -> Self {
        let name = |location: Location| {
            LOCATIONS.iter().find(|(_, known)| *known == location).map(|(name, _)| *name)
        };
        let places = definition.locations.iter().filter_map(|(location, rights)| {
            let access = AccessOut { agent: rights.agent.into(), customer: rights.customer.into() };
            Some((name(*location)?, PlaceOut { access }))
        });
        let (domain, range) = match &definition.domain {
            Domain::Any => (None, None),
            Domain::Values(values) => (Some(values.iter().map(ValueOut).collect()), None),
            Domain::Range { from, to } => (None, Some(RangeOut { from: *from, to: *to })),
        };
        Self {
            kind: TYPES.iter().find(|(_, kind)| *kind == definition.kind).map_or("string", |(name, _)| name),
            description: definition.description.as_deref(),
            domain,
            range,
            locations: places.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::livechat::v3_0::show::testing::as_json;
    use serde_json::json;

    #[test]
    fn a_definition_goes_out_as_it_came_in() {
        let all =
            json!({ "agent": { "read": true, "write": true }, "customer": { "read": true, "write": true } });
        let shown = as_json(&configs(&PropertyTable::built_in()));
        assert_eq!(
            shown["test"]["tokenized_string_property"],
            json!({ "type": "tokenized_string",
                    "locations": { "chat": { "access": all }, "thread": { "access": all }, "event": { "access": all } } })
        );
        assert_eq!(shown["rating"]["score"]["range"], json!({ "from": 0, "to": 1 }));
        let mut table = PropertyTable::built_in();
        let text = r#"{"type":"string","description":"parcel state","domain":["new","sent"],"locations":{"chat":{"access":{"agent":{"read":true,"write":true},"customer":{"read":true,"write":false}}}}}"#;
        let raw = serde_json::value::RawValue::from_string(text.into()).unwrap_or_default();
        let root = crate::api::livechat::object::Object::default();
        if let Ok(definition) = crate::api::livechat::object::Field::read(&raw, root.at("order_state")) {
            table.0.entry("app-7".into()).or_default().insert("order_state".into(), definition);
        }
        let expected: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        assert_eq!(as_json(&configs(&table))["app-7"]["order_state"], expected);
    }
}
