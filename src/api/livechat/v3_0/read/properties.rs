//! Properties, filters on them, and access, as they come in (spec v3.0, 4.7 and 5.1).

use std::borrow::Cow;

use serde_json::value::RawValue;
use switchboard_domain::conversation::access::Access;
use switchboard_domain::conversation::properties::{Properties, PropertyValue};
use switchboard_domain::conversation::property_change::PropertyNames;
use switchboard_domain::id::GroupId;
use switchboard_domain::webhook::{PropertyFilter, PropertyRule};

use crate::api::livechat::object::{Field, Object, Path};
use crate::engine::order::Failure;

impl<'a> Field<'a> for PropertyValue {
    /// `v`, or `{"value": v}` as it goes out.
    fn read(raw: &'a RawValue, path: Path<'_>) -> Result<Self, Failure> {
        match raw.get().as_bytes().first() {
            Some(b'"') => Cow::<'a, str>::read(raw, path).map(|text| Self::Text(text.into())),
            Some(b't' | b'f') => bool::read(raw, path).map(Self::Bool),
            Some(b'{') => Object::read(raw, path)?.required("value"),
            _ => serde_json::from_str(raw.get())
                .map(Self::Int)
                .map_err(|_| path.invalid("must be a string, a bool or a 32-bit whole number")),
        }
    }
}

impl<'a> Field<'a> for Properties {
    fn read(raw: &'a RawValue, path: Path<'_>) -> Result<Self, Failure> {
        let mut properties = Self::default();
        let namespaces = Object::read(raw, path)?;
        for (namespace, raw) in namespaces.entries() {
            let names = Object::read(raw, namespaces.at(namespace))?;
            for (name, raw) in names.entries() {
                properties.set(namespace, name, PropertyValue::read(raw, names.at(name))?);
            }
        }
        Ok(properties)
    }
}

impl<'a> Field<'a> for PropertyNames {
    fn read(raw: &'a RawValue, path: Path<'_>) -> Result<Self, Failure> {
        let mut all = Self::default();
        let namespaces = Object::read(raw, path)?;
        for (namespace, raw) in namespaces.entries() {
            for name in Vec::<Cow<'a, str>>::read(raw, namespaces.at(namespace))? {
                all.add(namespace, &name);
            }
        }
        Ok(all)
    }
}

impl<'a> Field<'a> for Access {
    fn read(raw: &'a RawValue, path: Path<'_>) -> Result<Self, Failure> {
        let groups: Vec<u32> = Object::read(raw, path)?.required("group_ids")?;
        Ok(groups.into_iter().map(GroupId).collect())
    }
}

/// `<ns>.<name>.<test>`, exactly one test for each property.
pub(super) fn rules(namespaces: &Object<'_>) -> Result<Vec<PropertyFilter>, Failure> {
    let mut rules = Vec::new();
    for (namespace, raw) in namespaces.entries() {
        let names = Object::read(raw, namespaces.at(namespace))?;
        for (name, raw) in names.entries() {
            let rule = rule(&Object::read(raw, names.at(name))?, names.at(name))?;
            rules.push(PropertyFilter { namespace: namespace.into(), name: name.into(), rule });
        }
    }
    Ok(rules)
}

fn rule(tests: &Object<'_>, path: Path<'_>) -> Result<PropertyRule, Failure> {
    let given = (tests.optional("exists")?, tests.optional("values")?, tests.optional("exclude_values")?);
    match given {
        (Some(exists), None, None) => Ok(PropertyRule::Exists(exists)),
        (None, Some(values), None) => Ok(PropertyRule::Values(values)),
        (None, None, Some(values)) => Ok(PropertyRule::ExcludeValues(values)),
        _ => Err(path.invalid("must have exactly one of: exists, values, exclude_values")),
    }
}
