//! Reading bodies field by field, so that every refusal names its field.

use serde_json::{Map, Value};
use switchboard_domain::error::Rejected;

/// An object, and where it stands in the body. `null` counts as "not given" unless said otherwise.
pub(super) struct Fields<'a> {
    path: String,
    map: &'a Map<String, Value>,
}

/// A body that is one object. One that is empty is an object without fields.
pub(super) fn body(bytes: &[u8]) -> Result<Value, Rejected> {
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let value: Result<Value, _> = serde_json::from_slice(bytes);
    value.ok().filter(Value::is_object).ok_or_else(|| Rejected::invalid("request", "must be one JSON object"))
}

/// The word for one of these.
pub(super) fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> Option<&'static str> {
    words.iter().find(|(_, known)| known == value).map(|(word, _)| *word)
}

impl<'a> Fields<'a> {
    /// The whole of a body.
    pub(super) fn of(value: &'a Value) -> Result<Self, Rejected> {
        Self::at(value, String::new())
    }

    fn at(value: &'a Value, path: String) -> Result<Self, Rejected> {
        match value {
            Value::Object(map) => Ok(Self { path, map }),
            _ if path.is_empty() => Err(Rejected::invalid("request", "must be one JSON object")),
            _ => Err(Rejected::invalid(path, "must be an object")),
        }
    }

    /// Refuses whatever has none of these names: it would be a mistake that nobody sees.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), Rejected> {
        match self.map.keys().find(|key| !names.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(self.invalid(key, format!("is not known; known are: {}", names.join(", ")))),
        }
    }

    fn place(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The refusal of a field.
    pub(super) fn invalid(&self, name: &str, reason: impl Into<String>) -> Rejected {
        Rejected::invalid(self.place(name), reason)
    }

    /// The refusal of a field that must be given.
    pub(super) fn missing(&self, name: &str) -> Rejected {
        self.invalid(name, "missing")
    }

    /// A field that is given and not `null`.
    pub(super) fn given(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// Is it given as `null`?
    pub(super) fn is_null(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(Value::is_null)
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, Rejected> {
        let read = |value: &'a Value| value.as_str().ok_or_else(|| self.invalid(name, "must be a string"));
        self.given(name).map(read).transpose()
    }

    /// A text that must be given.
    pub(super) fn required_text(&self, name: &str) -> Result<&'a str, Rejected> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u32>, Rejected> {
        let read = |value: &Value| {
            let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
            number.ok_or_else(|| self.invalid(name, format!("must be a whole number from 0 to {}", u32::MAX)))
        };
        self.given(name).map(read).transpose()
    }

    /// A yes or no.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Rejected> {
        let read = |value: &Value| value.as_bool().ok_or_else(|| self.invalid(name, "must be true or false"));
        self.given(name).map(read).transpose()
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Rejected> {
        let Some(given) = self.text(name)? else { return Ok(None) };
        let found = words.iter().find(|(word, _)| *word == given);
        found.map(|(_, value)| Some(*value)).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.invalid(name, format!("must be one of: {}", words.join(", ")))
        })
    }

    /// An object.
    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, Rejected> {
        self.given(name).map(|value| Self::at(value, self.place(name))).transpose()
    }

    /// A list of objects.
    pub(super) fn objects(&self, name: &str) -> Result<Option<Vec<Self>>, Rejected> {
        let Some(value) = self.given(name) else { return Ok(None) };
        let items = value.as_array().ok_or_else(|| self.invalid(name, "must be a list"))?;
        let place = self.place(name);
        items
            .iter()
            .enumerate()
            .map(|(n, item)| Self::at(item, format!("{place}[{n}]")))
            .collect::<Result<_, _>>()
            .map(Some)
    }
}
