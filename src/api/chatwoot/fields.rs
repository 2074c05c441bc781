//! Reading bodies: JSON, forms and multipart forms all become one object, and what came as text is
//! read as what it stands for.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Map, Value};
use switchboard_domain::conversation::event::File;
use switchboard_domain::id::LicenseId;
use switchboard_domain::limits::MAX_CHATS_COUNT;

use super::refusal::Refused;
use crate::engine::handle::EngineHandle;
use crate::forms::{self, Form, FormRefused};

/// Bytes of a body: the greatest message with all that may come beside it; more is 413.
const BODY_BYTES: usize = 1024 * 1024;

/// How long a body may take to arrive: as long as a request may.
const BODY_TIME: Duration = Duration::from_secs(15);

/// Parts of a name such as `a[b][c]`: deeper ones are cut off.
const NAME_DEPTH: usize = 8;

/// The fields of a request: those of its body over those of its query; and its files.
#[derive(Debug, Default)]
pub(super) struct Fields {
    map: Map<String, Value>,
    form: Form,
}

/// Whose files are that no license can have: where they are not meant they go.
pub(super) const NOBODYS: LicenseId = LicenseId(0);

impl Fields {
    /// Reads a request's query and body; files are a license's, and not even read where there is none.
    ///
    /// # Errors
    /// 400 for what is no such body, and for a multipart one without a license; 408 for one that takes too long; 413 for one that is too great; 422 for
    /// files that cannot be taken.
    pub(super) async fn of(
        engine: &EngineHandle,
        license: Option<LicenseId>,
        request: Request<Body>,
    ) -> Result<Self, Refused> {
        let mut map = Map::new();
        let query = request.uri().query().unwrap_or_default().to_owned();
        put_form(&mut map, query.as_bytes())?;
        let kind =
            request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.to_ascii_lowercase();
        if forms::is_form(request.headers()) {
            let license = license.ok_or_else(Refused::bad_request)?;
            let mut form = forms::read(engine, license, request).await?;
            let texts = std::mem::take(&mut form.texts);
            texts.into_iter().for_each(|(name, text)| put(&mut map, &name, Value::String(text)));
            return Ok(Self { map, form });
        }
        let body = Limited::new(request.into_body(), BODY_BYTES).collect();
        let body = tokio::time::timeout(BODY_TIME, body).await.map_err(|_| FormRefused::TooSlow)?;
        let bytes = body.map_err(|_| FormRefused::TooLarge)?.to_bytes();
        if kind.starts_with("application/x-www-form-urlencoded") {
            put_form(&mut map, &bytes)?;
        } else if !bytes.trim_ascii().is_empty() {
            let value: Value = serde_json::from_slice(&bytes).map_err(|_| Refused::bad_request())?;
            match value {
                Value::Object(object) => map.extend(object),
                // Some clients send `null` for nothing.
                Value::Null => {}
                _ => return Err(Refused::bad_request()),
            }
        }
        Ok(Self { map, form: Form::default() })
    }

    /// The files of a name, also when it is that of a list.
    pub(super) fn files(&self, name: &str) -> Vec<File> {
        let is_it = |given: &str| given.split('[').next() == Some(name);
        self.form.files.iter().filter(|(own, _)| is_it(own)).map(|(_, file)| self.form.shown(file)).collect()
    }

    /// Takes out what stands inside a field, with the files there; `None` when nothing does.
    pub(super) fn take_inside(&mut self, name: &str) -> Result<Option<Self>, Refused> {
        let within = |given: &str| {
            let (first, rest) = given.strip_prefix(name)?.strip_prefix('[')?.split_once(']')?;
            Some(format!("{first}{rest}"))
        };
        let mut form = std::mem::take(&mut self.form);
        let files = std::mem::take(&mut form.files).into_iter();
        form.files = files.filter_map(|(given, file)| Some((within(&given)?, file))).collect();
        let map = self.object(name)?;
        if map.is_none() && form.files.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { map: map.unwrap_or_default(), form }))
    }

    /// Only these fields, and the files.
    pub(super) fn only(mut self, names: &[&str]) -> Self {
        self.map.retain(|name, _| names.contains(&name.as_str()));
        self
    }

    /// The address of a picture that came as the file `avatar` is the `avatar_url`; it stays when the call
    /// went well ([`Fields::keep_avatar`]).
    ///
    /// # Errors
    /// 422 for what is no picture.
    pub(super) fn with_avatar(mut self) -> Result<Self, Refused> {
        if let Some((_, received)) = self.form.files.iter().find(|(name, _)| name == "avatar") {
            if received.info.pixels.is_none() {
                return Err(Refused::field("avatar", "is not a picture"));
            }
            let url = String::from(self.form.shown(received).url);
            self.map.insert("avatar_url".to_owned(), Value::String(url));
        }
        Ok(self)
    }

    /// Keeps the picture of a call that went well.
    ///
    /// # Errors
    /// 503 without room for it.
    pub(super) async fn keep_avatar(&self, engine: &EngineHandle) -> Result<(), Refused> {
        if let Some((_, received)) = self.form.files.iter().find(|(name, _)| name == "avatar") {
            engine.keep_file(received).await?;
        }
        Ok(())
    }

    /// Fields that were read before.
    pub(super) fn from_map(map: Map<String, Value>) -> Self {
        Self { map, form: Form::default() }
    }

    /// The same with another field.
    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.map.insert(name.to_owned(), value);
        self
    }

    /// A field, when it is given; also as `null`.
    pub(super) fn raw(&self, name: &str) -> Option<&Value> {
        self.map.get(name)
    }

    /// Is it given, also as `null`?
    pub(super) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// A field that is given and not `null`.
    pub(super) fn given(&self, name: &str) -> Option<&Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// A text; numbers count as their digits.
    pub(super) fn text(&self, name: &str) -> Result<Option<Box<str>>, Refused> {
        match self.given(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str().into())),
            Some(Value::Number(number)) => Ok(Some(number.to_string().into())),
            Some(_) => Err(Refused::field(name, "must be a string")),
        }
    }

    /// A text that must say something.
    pub(super) fn required_text(&self, name: &str) -> Result<Box<str>, Refused> {
        let text = self.text(name)?.filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| Refused::field(name, "can't be blank"))
    }

    /// A text that may be taken away: `Some(None)` when it is `null` or empty.
    pub(super) fn clearable(&self, name: &str) -> Result<Option<Option<Box<str>>>, Refused> {
        if !self.has(name) {
            return Ok(None);
        }
        Ok(Some(self.text(name)?.filter(|text| !text.is_empty())))
    }

    /// A whole number, also as text; an empty text is none.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refused> {
        let number = match self.given(name) {
            None => return Ok(None),
            Some(Value::String(text)) if text.is_empty() => return Ok(None),
            Some(Value::String(text)) => text.parse().ok(),
            Some(value) => value.as_u64(),
        };
        number.map(Some).ok_or_else(|| Refused::field(name, "is not a number"))
    }

    /// A number above zero that bounds something.
    pub(super) fn limit(&self, name: &str) -> Result<Option<u32>, Refused> {
        let below = self.given(name).is_some_and(|value| value.as_i64().is_some_and(|number| number <= 0));
        match self.number(name) {
            _ if below => Err(Refused::field(name, "must be greater than 0")),
            Ok(Some(limit)) if limit > u64::from(MAX_CHATS_COUNT) => {
                Err(Refused::field(name, &format!("must be less than or equal to {MAX_CHATS_COUNT}")))
            }
            number => Ok(number?.and_then(|limit| u32::try_from(limit).ok())),
        }
    }

    /// A yes or no, also as text or digit.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refused> {
        let word = match self.given(name) {
            None => return Ok(None),
            Some(Value::Bool(flag)) => return Ok(Some(*flag)),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) => text.to_ascii_lowercase(),
            Some(_) => String::new(),
        };
        match word.as_str() {
            "true" | "1" => Ok(Some(true)),
            "false" | "0" => Ok(Some(false)),
            _ => Err(Refused::field(name, "must be true or false")),
        }
    }

    /// An object, also as the text of one.
    pub(super) fn object(&self, name: &str) -> Result<Option<Map<String, Value>>, Refused> {
        match self.given(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object.clone())),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::String(text)) => match serde_json::from_str(text) {
                Ok(Value::Object(object)) => Ok(Some(object)),
                Ok(Value::Null) => Ok(None),
                _ => Err(Refused::field(name, "must be an object")),
            },
            Some(_) => Err(Refused::field(name, "must be an object")),
        }
    }

    /// The text of an object.
    pub(super) fn object_text(&self, name: &str) -> Result<Option<Box<str>>, Refused> {
        Ok(self.object(name)?.map(|object| Value::Object(object).to_string().into()))
    }

    /// Texts, also as the text of a list, or one by itself.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<Box<str>>>, Refused> {
        let Some(values) = self.list(name)? else { return Ok(None) };
        let text = |value: &Value| match value {
            Value::String(text) => Ok(text.as_str().into()),
            Value::Number(number) => Ok(number.to_string().into()),
            _ => Err(Refused::field(name, "must be a list of strings")),
        };
        values.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// Whole numbers.
    pub(super) fn numbers(&self, name: &str) -> Result<Option<Vec<u64>>, Refused> {
        let wrong = || Refused::field(name, "must be a list of numbers");
        let texts = self.texts(name)?;
        texts.map(|texts| texts.iter().map(|text| text.parse().map_err(|_| wrong())).collect()).transpose()
    }

    /// A list.
    pub(super) fn list(&self, name: &str) -> Result<Option<Vec<Value>>, Refused> {
        match self.given(name) {
            None => Ok(None),
            Some(Value::Array(values)) => Ok(Some(values.clone())),
            Some(Value::String(text)) => match serde_json::from_str(text) {
                Ok(Value::Array(values)) => Ok(Some(values)),
                _ if text.is_empty() => Ok(Some(Vec::new())),
                _ => Ok(Some(vec![Value::String(text.clone())])),
            },
            Some(_) => Err(Refused::field(name, "must be a list")),
        }
    }

    /// What stands inside a field, as fields of their own.
    pub(super) fn inside(&self, name: &str) -> Result<Option<Self>, Refused> {
        Ok(self.object(name)?.map(Self::from_map))
    }
}

fn put_form(fields: &mut Map<String, Value>, form: &[u8]) -> Result<(), Refused> {
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_bytes(form).map_err(|_| Refused::bad_request())?;
    pairs.into_iter().for_each(|(name, value)| put(fields, &name, Value::String(value)));
    Ok(())
}

/// Puts a value under a name such as `a`, `a[]`, `a[b]` or `a[b][]`.
fn put(fields: &mut Map<String, Value>, name: &str, value: Value) {
    let (first, rest) = name.split_once('[').unwrap_or((name, ""));
    let rest = rest.trim_end_matches(']');
    let mut path: Vec<&str> = vec![first];
    if name.contains('[') {
        path.extend(rest.split("][").take(NAME_DEPTH));
    }
    put_at(fields, &path, value);
}

fn put_at(fields: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => drop(fields.insert((*name).to_owned(), value)),
        [name, ""] => {
            let list = fields.entry((*name).to_owned()).or_insert_with(|| Value::Array(Vec::new()));
            match list {
                Value::Array(values) => values.push(value),
                other => *other = Value::Array(vec![value]),
            }
        }
        [name, rest @ ..] => {
            let inner = fields.entry((*name).to_owned()).or_insert_with(|| Value::Object(Map::new()));
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Value::Object(inner) = inner {
                put_at(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use serde_json::json;

    fn form(text: &str) -> Value {
        let mut fields = Map::new();
        put_form(&mut fields, text.as_bytes()).unwrap();
        Value::Object(fields)
    }

    #[test]
    fn names_of_forms_lead_into_objects_and_lists() {
        assert_eq!(
            form("a=1&b[]=x&b[]=y&c[d]=2&c[e][]=3"),
            json!({"a":"1","b":["x","y"],"c":{"d":"2","e":["3"]}})
        );
        assert_eq!(form("a[b=1"), json!({"a":{"b":"1"}}));
        assert_eq!(form(""), json!({}));
    }

    #[test]
    fn what_came_as_text_is_read_as_what_it_stands_for() {
        let fields = Fields::from_map(
            [("n", "7"), ("f", "false"), ("o", r#"{"a":1}"#), ("l", r#"["x"]"#), ("e", "")]
                .map(|(name, text)| (name.to_owned(), Value::String(text.to_owned())))
                .into_iter()
                .collect(),
        );
        assert_eq!(fields.number("n"), Ok(Some(7)));
        assert_eq!(fields.flag("f"), Ok(Some(false)));
        assert_eq!(fields.object("o").unwrap().unwrap()["a"], 1);
        assert_eq!(fields.texts("l"), Ok(Some(vec!["x".into()])));
        assert_eq!(fields.number("e"), Ok(None));
        assert!(fields.number("f").is_err() && fields.flag("n").is_err() && fields.object("l").is_err());
        assert_eq!(fields.clearable("e"), Ok(Some(None)));
    }
}
