//! Reading JSON objects field by field, so that every refusal names its field.
//!
//! An [`Object`] borrows from the request's text and reads a field only when it is asked for:
//! unknown fields cost nothing but being skipped. `null` counts as "not given".

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use switchboard_domain::error::Rejected;

use crate::engine::order::Failure;

/// Where a value stands: dotted, from the arguments of the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path<'p> {
    parent: &'p str,
    name: &'p str,
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.parent, self.name) {
            ("", name) => f.write_str(name),
            (parent, name) => write!(f, "{parent}.{name}"),
        }
    }
}

impl Path<'_> {
    /// The refusal of what stands here.
    pub(super) fn invalid(self, reason: impl Into<String>) -> Failure {
        Rejected::invalid(self.to_string(), reason).into()
    }
}

/// What can be read from a field.
pub(super) trait Field<'a>: Sized {
    /// Reads the value; a wrong one is refused under its path.
    fn read(raw: &'a RawValue, path: Path<'_>) -> Result<Self, Failure>;
}

/// A JSON object whose values are still text. Of a name given twice the last one counts.
#[derive(Debug, Default)]
pub(super) struct Object<'a> {
    path: String,
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// A whole text that must be one object.
    pub(super) fn parse(text: &'a str) -> Result<Self, Failure> {
        let fields: Fields<'a> = serde_json::from_str(text)
            .map_err(|_| Failure::from(Rejected::invalid("request", "must be one JSON object")))?;
        Ok(Self { path: String::new(), fields: fields.0 })
    }

    /// The same object as the root of paths.
    pub(super) fn into_root(self) -> Self {
        Self { path: String::new(), ..self }
    }

    /// Where the object stands; empty for the root.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// A field that must be given.
    pub(super) fn required<T: Field<'a>>(&self, name: &str) -> Result<T, Failure> {
        self.optional(name)?.ok_or_else(|| self.invalid(name, "missing"))
    }

    /// Ids that must be given, as strings: whether they name something is asked after the fields.
    pub(super) fn name_ids(&self, names: &[&str]) -> Result<(), Failure> {
        names.iter().try_for_each(|name| self.required::<Cow<'a, str>>(name).map(drop))
    }

    /// A field that may be missing or `null`.
    pub(super) fn optional<T: Field<'a>>(&self, name: &str) -> Result<Option<T>, Failure> {
        self.raw(name).map(|raw| T::read(raw, self.at(name))).transpose()
    }

    /// A yes or no that is no unless given.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Failure> {
        Ok(self.optional(name)?.unwrap_or(false))
    }

    /// One of some words that must be given.
    pub(super) fn required_choice<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<T, Failure> {
        self.choice(name, words)?.ok_or_else(|| self.invalid(name, "missing"))
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Failure> {
        let Some(given) = self.optional::<Cow<'a, str>>(name)? else { return Ok(None) };
        match words.iter().find(|(word, _)| *word == given) {
            Some((_, value)) => Ok(Some(*value)),
            None => {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                Err(self.invalid(name, format!("must be one of: {}", words.join(", "))))
            }
        }
    }

    /// A whole number between two bounds, both included, with a default.
    pub(super) fn number(&self, name: &str, from: u64, to: u64, default: u64) -> Result<u64, Failure> {
        let number = self.optional(name)?.unwrap_or(default);
        if (from..=to).contains(&number) {
            Ok(number)
        } else {
            Err(self.invalid(name, format!("must be from {from} to {to}")))
        }
    }

    /// The text of a field that is given and not `null`.
    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.fields.iter().rfind(|(key, _)| key == name);
        found.map(|(_, raw)| *raw).filter(|raw| raw.get() != "null")
    }

    /// Every field that is given and not `null`, for objects whose names are free.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.fields.iter().map(|(name, raw)| (&**name, *raw)).filter(|(_, raw)| raw.get() != "null")
    }

    /// Are these all the names it has?
    pub(super) fn has_only(&self, names: &[&str]) -> bool {
        self.fields.iter().all(|(name, _)| names.contains(&&**name))
    }

    /// The path of a field.
    pub(super) fn at<'p>(&'p self, name: &'p str) -> Path<'p> {
        Path { parent: &self.path, name }
    }

    /// The refusal of a field.
    pub(super) fn invalid(&self, name: &str, reason: impl Into<String>) -> Failure {
        self.at(name).invalid(reason)
    }
}

impl<'a> Field<'a> for Object<'a> {
    fn read(raw: &'a RawValue, path: Path<'_>) -> Result<Self, Failure> {
        let fields: Fields<'a> =
            serde_json::from_str(raw.get()).map_err(|_| path.invalid("must be an object"))?;
        Ok(Self { path: path.to_string(), fields: fields.0 })
    }
}

impl<'a> Field<'a> for &'a RawValue {
    fn read(raw: &'a RawValue, _: Path<'_>) -> Result<Self, Failure> {
        Ok(raw)
    }
}

impl<'a> Field<'a> for Cow<'a, str> {
    fn read(raw: &'a RawValue, path: Path<'_>) -> Result<Self, Failure> {
        let text = raw.get();
        let read = if text.contains('\\') {
            serde_json::from_str(text).map(Cow::Owned)
        } else {
            serde_json::from_str(text).map(Cow::Borrowed)
        };
        read.map_err(|_| path.invalid("must be a string"))
    }
}

impl<'a, T: Field<'a>> Field<'a> for Vec<T> {
    fn read(raw: &'a RawValue, path: Path<'_>) -> Result<Self, Failure> {
        let items: Vec<&'a RawValue> =
            serde_json::from_str(raw.get()).map_err(|_| path.invalid("must be a list"))?;
        let path = path.to_string();
        let item =
            |(n, raw): (usize, &'a RawValue)| T::read(raw, Path { parent: &path, name: &n.to_string() });
        items.into_iter().enumerate().map(item).collect()
    }
}

macro_rules! scalar_field {
    ($($kind:ty: $wanted:literal),* $(,)?) => {$(
        impl<'a> Field<'a> for $kind {
            fn read(raw: &'a RawValue, path: Path<'_>) -> Result<Self, Failure> {
                serde_json::from_str(raw.get()).map_err(|_| path.invalid(concat!("must be ", $wanted)))
            }
        }
    )*};
}

scalar_field! {
    bool: "a bool",
    i32: "a 32-bit whole number",
    u32: "a whole number that is not negative",
    u64: "a whole number that is not negative",
    String: "a string",
    Box<str>: "a string",
}

/// The fields of an object in the order given, keys borrowed where they have no escapes.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields = Vec::new();
                while let Some(Key(name)) = map.next_key()? {
                    fields.push((name, map.next_value()?));
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    fn refusal<T>(read: Result<T, Failure>) -> String {
        match read {
            Err(Failure::Rejected(Rejected::Invalid { field, reason })) => format!("{field}: {reason}"),
            Err(other) => format!("{other:?}"),
            Ok(_) => "read".into(),
        }
    }

    #[test]
    fn every_refusal_names_its_field() {
        let text = r#"{"chat":{"id":5,"list":[{"a":"b"},{"a":1}],"n":-1,"f":1.5,"w":"x","null":null}}"#;
        let chat: Object<'_> = Object::parse(text).unwrap().required("chat").unwrap();
        assert_eq!(refusal(chat.required::<String>("id")), "chat.id: must be a string");
        assert_eq!(refusal(chat.required::<String>("gone")), "chat.gone: missing");
        assert_eq!(refusal(chat.required::<String>("null")), "chat.null: missing");
        assert_eq!(refusal(chat.required::<Object<'_>>("list")), "chat.list: must be an object");
        assert_eq!(refusal(chat.required::<Vec<bool>>("id")), "chat.id: must be a list");
        assert_eq!(refusal(chat.required::<u64>("n")), "chat.n: must be a whole number that is not negative");
        assert_eq!(refusal(chat.required::<u32>("f")), "chat.f: must be a whole number that is not negative");
        assert_eq!(refusal(chat.flag("w")), "chat.w: must be a bool");
        assert_eq!(refusal(chat.choice("w", &[("y", 1), ("z", 2)])), "chat.w: must be one of: y, z");
        assert_eq!(refusal(chat.number("id", 0, 4, 0)), "chat.id: must be from 0 to 4");
        let list: Vec<Object<'_>> = chat.required("list").unwrap();
        assert_eq!(refusal(list[1].required::<String>("a")), "chat.list.1.a: must be a string");
    }

    #[test]
    fn strings_are_borrowed_unless_escaped_and_the_last_of_a_name_counts() {
        let object = Object::parse(r#"{"a":"x","a":"plain","b":"two\nlines","c\u0064":true}"#).unwrap();
        assert!(matches!(object.required("a"), Ok(Cow::Borrowed("plain"))));
        assert_eq!(object.required::<Cow<'_, str>>("b").unwrap(), "two\nlines");
        assert!(object.flag("cd").unwrap());
        assert_eq!(object.optional::<bool>("none").unwrap(), None);
    }

    #[test]
    fn what_is_no_object_is_refused_however_deep() {
        for text in ["", "[]", "null", "{", "{}{}", "\"x\"", "{\"a\":}", "{\"a\":1,}"] {
            assert_eq!(refusal(Object::parse(text)), "request: must be one JSON object", "{text}");
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let object = Object::parse(&deep).unwrap();
        assert_eq!(refusal(object.required::<bool>("a")), "a: must be a bool");
        let lone = Object::parse(r#"{"a":"\ud800"}"#).unwrap();
        assert_eq!(refusal(lone.required::<String>("a")), "a: must be a string");
    }
}
