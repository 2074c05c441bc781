//! Definitions of properties as the Configuration API takes them (spec v3.0, 7.3).

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use switchboard_domain::auth::{Family, Reach, Right};
use switchboard_domain::conversation::properties::{
    Definition, Domain, Location, LocationRights, PropertyType, Rights,
};
use switchboard_domain::participant::license::LicenseChange;

use super::Call;
use crate::api::livechat::object::{Field, Object, Path};
use crate::engine::dialect::Ask;
use crate::engine::order::{Failure, Order};

/// The types by the names they have on the wire.
pub(in super::super) const TYPES: [(&str, PropertyType); 4] = [
    ("int", PropertyType::Int),
    ("string", PropertyType::Text),
    ("bool", PropertyType::Bool),
    ("tokenized_string", PropertyType::TokenizedText),
];
/// The locations by the names they have on the wire.
pub(in super::super) const LOCATIONS: [(&str, Location); 3] =
    [("chat", Location::Chat), ("thread", Location::Thread), ("event", Location::Event)];

/// `create_properties`: a map of names, made in the namespace of the caller's application.
pub(in super::super) fn create_properties(call: &Call<'_>) -> Result<Ask, Failure> {
    let client = call.by.map(|by| by.client.clone()).ok_or(Failure::Unauthenticated)?;
    let read = |(name, raw): (&str, _)| Ok((name.into(), Definition::read(raw, call.args.at(name))?));
    let definitions: BTreeMap<_, _> = call.args.entries().map(read).collect::<Result<_, Failure>>()?;
    call.order(Order::ChangeLicense(LicenseChange::DefineProperties { client, definitions }))
}

/// `get_property_configs`
pub(in super::super) fn list_properties(call: &Call<'_>) -> Result<Ask, Failure> {
    let reach = call.scopes().reach(Family::Properties, Right::Read);
    let all = call.args.flag("all")?;
    call.demand(!all || reach == Some(Reach::All))?;
    call.order(Order::ListProperties { all })
}

impl<'a> Field<'a> for Definition {
    fn read(raw: &'a RawValue, path: Path<'_>) -> Result<Self, Failure> {
        let config = Object::read(raw, path)?;
        let kind = config.required_choice("type", &TYPES)?;
        let places: Object<'_> = config.required("locations")?;
        let mut locations = BTreeMap::new();
        for (name, location) in LOCATIONS {
            if let Some(place) = places.optional::<Object<'_>>(name)? {
                locations.insert(location, location_rights(&place)?);
            }
        }
        if locations.is_empty() {
            return Err(config.invalid("locations", "must name at least one of: chat, thread, event"));
        }
        let domain = match (config.optional("domain")?, config.optional::<Object<'_>>("range")?) {
            (None, None) => Domain::Any,
            (Some(values), None) => Domain::Values(values),
            (None, Some(range)) => Domain::Range { from: range.optional("from")?, to: range.optional("to")? },
            (Some(_), Some(_)) => return Err(config.invalid("range", "cannot stand beside domain")),
        };
        Ok(Self { kind, locations, domain, description: config.optional("description")? })
    }
}

fn location_rights(place: &Object<'_>) -> Result<LocationRights, Failure> {
    let access: Object<'_> = place.required("access")?;
    let rights = |kind: &str| -> Result<Option<Rights>, Failure> {
        let given: Option<Object<'_>> = access.optional(kind)?;
        given
            .map(|given| Ok(Rights { read: given.required("read")?, write: given.required("write")? }))
            .transpose()
    };
    match (rights("agent")?, rights("customer")?) {
        (None, None) => Err(place.invalid("access", "must name at least one of: agent, customer")),
        (agent, customer) => {
            Ok(LocationRights { agent: agent.unwrap_or_default(), customer: customer.unwrap_or_default() })
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test may fail loudly")]

    use super::*;
    use crate::api::livechat::v3_0::read::testing::{principal, read, refusal};
    use crate::engine::dialect::Side;
    use serde_json::{Value, json};
    use switchboard_domain::conversation::properties::PropertyValue;
    use switchboard_domain::error::Rejected;

    fn chat(rights: &Value) -> Value {
        json!({ "chat": { "access": rights } })
    }

    #[test]
    fn a_definition_is_read_whole() {
        let by = principal(Side::Agent, &["properties--my:rw"]);
        let agent =
            json!({ "agent": { "read": true, "write": true }, "customer": { "read": true, "write": false } });
        let args = json!({ "order_state": { "type": "string", "description": "parcel state",
            "domain": ["new", "sent"], "locations": chat(&agent) } });
        let Ok(Order::ChangeLicense(LicenseChange::DefineProperties { client, definitions })) =
            read(create_properties, &by, &args)
        else {
            panic!()
        };
        assert_eq!(client, by.client);
        let state = &definitions["order_state"];
        assert_eq!((state.kind, state.description.as_deref()), (PropertyType::Text, Some("parcel state")));
        let text = |text: &str| PropertyValue::Text(text.into());
        assert_eq!(state.domain, Domain::Values(vec![text("new"), text("sent")]));
        let rights = state.locations[&Location::Chat];
        assert!(rights.agent.write && rights.customer.read && !rights.customer.write);
        let range = json!({ "n": { "type": "int", "range": { "to": 3 },
            "locations": chat(&json!({ "agent": { "read": true, "write": true } })) } });
        let Ok(Order::ChangeLicense(LicenseChange::DefineProperties { definitions, .. })) =
            read(create_properties, &by, &range)
        else {
            panic!()
        };
        assert_eq!(definitions["n"].domain, Domain::Range { from: None, to: Some(3) });
        assert_eq!(
            definitions["n"].locations[&Location::Chat].customer,
            Rights::default(),
            "not listed: no access"
        );
    }

    #[test]
    fn each_refusal_names_its_field() {
        let by = principal(Side::Agent, &["properties--my:rw"]);
        let agent = chat(&json!({ "agent": { "read": true, "write": true } }));
        for (config, expected) in [
            (json!({ "locations": agent }), "p.type: missing"),
            (
                json!({ "type": "float", "locations": agent }),
                "p.type: must be one of: int, string, bool, tokenized_string",
            ),
            (json!({ "type": "int" }), "p.locations: missing"),
            (
                json!({ "type": "int", "locations": {} }),
                "p.locations: must name at least one of: chat, thread, event",
            ),
            (json!({ "type": "int", "locations": { "chat": {} } }), "p.locations.chat.access: missing"),
            (
                json!({ "type": "int", "locations": chat(&json!({})) }),
                "p.locations.chat.access: must name at least one of: agent, customer",
            ),
            (
                json!({ "type": "int", "locations": chat(&json!({ "agent": { "read": true } })) }),
                "p.locations.chat.access.agent.write: missing",
            ),
            (
                json!({ "type": "int", "locations": agent, "domain": [1], "range": { "from": 1 } }),
                "p.range: cannot stand beside domain",
            ),
            (
                json!({ "type": "int", "locations": agent, "range": { "from": 4_294_967_296_u64 } }),
                "p.range.from: must be a 32-bit whole number",
            ),
        ] {
            assert_eq!(refusal(read(create_properties, &by, &json!({ "p": config }))), expected);
        }
        assert_eq!(refusal(read(create_properties, &by, &json!({ "p": 1 }))), "p: must be an object");
    }

    #[test]
    fn every_namespace_is_for_those_who_may_read_all() {
        let mine = principal(Side::Agent, &["properties--my:ro"]);
        let all = principal(Side::Agent, &["properties--all:ro"]);
        let args = |all: bool| json!({ "all": all });
        assert!(matches!(
            read(list_properties, &mine, &args(false)),
            Ok(Order::ListProperties { all: false })
        ));
        assert_eq!(read(list_properties, &mine, &args(true)).err(), Some(Rejected::NoAccess.into()));
        assert!(matches!(read(list_properties, &all, &args(true)), Ok(Order::ListProperties { all: true })));
    }
}
