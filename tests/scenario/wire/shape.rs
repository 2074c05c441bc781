//! Golden shapes: keys and types of what comes over the wire, written as JSON in `golden/`.
//!
//! `"key?"` may be missing, `"*"` is any further key, a string that begins with `@` names other shapes of which one
//! must fit (`@a|b`), one that begins with `=` is that very text, `null` is anything, `[x]` a list of `x`; a string
//! that looks like a time with microseconds asks for one. Otherwise only the type counts. A key that no shape names
//! is a fault, unless it is private (`__priv_`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

type Shapes = BTreeMap<String, Value>;

fn parse(text: &str) -> Shapes {
    serde_json::from_str(text).unwrap()
}

static PARTS: LazyLock<Shapes> = LazyLock::new(|| parse(include_str!("golden/parts.json")));

/// The shapes of one file: answers or pushes of one API.
pub(crate) struct Golden(LazyLock<Shapes>);

/// Answers of the Agent Chat API.
pub(crate) static AGENT_ANSWERS: Golden =
    Golden(LazyLock::new(|| parse(include_str!("golden/agent_answers.json"))));
/// Answers of the Customer Chat API.
pub(crate) static CUSTOMER_ANSWERS: Golden =
    Golden(LazyLock::new(|| parse(include_str!("golden/customer_answers.json"))));
/// Answers of the Configuration API.
pub(crate) static CONFIGURATION_ANSWERS: Golden =
    Golden(LazyLock::new(|| parse(include_str!("golden/configuration_answers.json"))));
/// Pushes to agents.
pub(crate) static AGENT_PUSHES: Golden =
    Golden(LazyLock::new(|| parse(include_str!("golden/agent_pushes.json"))));
/// Pushes to customers.
pub(crate) static CUSTOMER_PUSHES: Golden =
    Golden(LazyLock::new(|| parse(include_str!("golden/customer_pushes.json"))));
/// What webhooks have in `data` that no push has.
pub(crate) static WEBHOOKS: Golden = Golden(LazyLock::new(|| parse(include_str!("golden/webhooks.json"))));

impl Golden {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Every place where `seen` has not the shape of that name.
    pub(crate) fn faults(&self, name: &str, seen: &Value) -> Vec<String> {
        let Some(shape) = self.0.get(name) else { return vec![format!("no golden shape `{name}`")] };
        let mut faults = Vec::new();
        check(shape, seen, "", &mut faults);
        faults
    }
}

fn check(shape: &Value, seen: &Value, path: &str, faults: &mut Vec<String>) {
    let fits = match (shape, seen) {
        (Value::Null, _) | (Value::Bool(_), Value::Bool(_)) => true,
        (Value::Number(_), Value::Number(number)) => number.is_i64() || number.is_u64(),
        (Value::String(text), _) => return check_text(text, seen, path, faults),
        (Value::Array(entries), Value::Array(list)) => {
            for (at, entry) in list.iter().enumerate() {
                check_any(entries, entry, &format!("{path}.{at}"), faults);
            }
            return;
        }
        (Value::Object(keys), Value::Object(map)) => return check_keys(keys, map, path, faults),
        _ => false,
    };
    if !fits {
        faults.push(format!("`{path}` should be like {shape}, but is {seen}"));
    }
}

fn check_text(text: &str, seen: &Value, path: &str, faults: &mut Vec<String>) {
    if let Some(names) = text.strip_prefix('@') {
        let part = |name| PARTS.get(name).unwrap_or_else(|| panic!("no golden part `{name}`")).clone();
        let parts: Vec<Value> = names.split('|').map(part).collect();
        return check_any(&parts, seen, path, faults);
    }
    let fits = match (text.strip_prefix('='), seen.as_str()) {
        (_, None) => false,
        (Some(literal), Some(seen)) => seen == literal,
        (None, Some(seen)) => !is_time(text) || is_time(seen),
    };
    if !fits {
        faults.push(format!("`{path}` should be like {text:?}, but is {seen}"));
    }
}

/// One of the alternatives must fit; the complaints are those of the one that comes closest.
fn check_any(alternatives: &[Value], seen: &Value, path: &str, faults: &mut Vec<String>) {
    let tried = alternatives.iter().map(|shape| {
        let mut faults = Vec::new();
        check(shape, seen, path, &mut faults);
        faults
    });
    match tried.min_by_key(Vec::len) {
        Some(closest) => faults.extend(closest),
        None => faults.push(format!("`{path}` should be no entry at all, but is {seen}")),
    }
}

fn check_keys(keys: &Map<String, Value>, map: &Map<String, Value>, path: &str, faults: &mut Vec<String>) {
    for (key, shape) in keys {
        let name = key.trim_end_matches('?');
        match map.get(name) {
            Some(value) if key != "*" => check(shape, value, &format!("{path}.{name}"), faults),
            None if !key.ends_with('?') && key != "*" => faults.push(format!("`{path}.{name}` is missing")),
            _ => {}
        }
    }
    let named = |key: &str| keys.contains_key(key) || keys.contains_key(&format!("{key}?"));
    for (key, value) in map.iter().filter(|(key, _)| !named(key) && !key.starts_with("__priv_")) {
        match keys.get("*") {
            Some(shape) => check(shape, value, &format!("{path}.{key}"), faults),
            None => faults.push(format!("`{path}.{key}` is not in the specification: {value}")),
        }
    }
}

/// `2019-06-30T12:00:00.000000Z`
fn is_time(text: &str) -> bool {
    let pattern = "0000-00-00T00:00:00.000000Z";
    text.len() == pattern.len()
        && text.chars().zip(pattern.chars()).all(|(c, p)| if p == '0' { c.is_ascii_digit() } else { c == p })
}

#[test]
fn a_shape_finds_what_is_missing_wrong_or_too_much() {
    let shapes: Shapes = parse(
        r#"{"x":{"id":"a","n":1,"at?":"2019-06-30T12:00:00.000000Z","kind":"=k","list":[{"a":true}],"free":{"*":{"value":null}}}}"#,
    );
    let golden = Golden(LazyLock::new(Shapes::new));
    assert_eq!(golden.faults("x", &Value::Null), ["no golden shape `x`"]);
    let faults = |text: &str| {
        let mut faults = Vec::new();
        check(&shapes["x"], &serde_json::from_str(text).unwrap(), "", &mut faults);
        faults.len()
    };
    assert_eq!(
        faults(r#"{"id":"b","n":5,"kind":"k","list":[],"free":{"any":{"value":[1]}},"__priv_x":1}"#),
        0
    );
    assert_eq!(faults(r#"{"n":5,"kind":"k","list":[],"free":{}}"#), 1, "id is missing");
    assert_eq!(faults(r#"{"id":"b","n":"5","kind":"k","list":[],"free":{}}"#), 1, "n is no number");
    assert_eq!(faults(r#"{"id":"b","n":5,"kind":"j","list":[],"free":{}}"#), 1, "kind is another one");
    assert_eq!(faults(r#"{"id":"b","n":5,"kind":"k","list":[{"a":1}],"free":{}}"#), 1, "an entry is wrong");
    assert_eq!(faults(r#"{"id":"b","n":5,"kind":"k","list":[],"free":{},"more":1}"#), 1, "more is unknown");
    assert_eq!(faults(r#"{"id":"b","n":5,"kind":"k","list":[],"free":{},"at":"2019-06-30"}"#), 1, "no time");
}
