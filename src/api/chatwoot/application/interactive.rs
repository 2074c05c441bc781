//! What a message of a kind must have. Source: spec, section 6.

use serde_json::{Map, Value};

use super::super::refusal::Refused;

/// Kinds of content, in the order of their numbers.
const KINDS: [&str; 13] = [
    "text",
    "input_text",
    "input_textarea",
    "input_email",
    "input_select",
    "cards",
    "form",
    "article",
    "incoming_email",
    "input_csat",
    "integrations",
    "sticker",
    "voice_call",
];

/// The kind that a word or number names, and its attributes checked.
///
/// # Errors
/// 422 for another kind, and for items that are not what the kind has.
pub(in super::super) fn check(
    kind: Option<&str>,
    attributes: &Map<String, Value>,
) -> Result<&'static str, Refused> {
    let named = kind.filter(|kind| !kind.is_empty()).unwrap_or("text");
    let by_number = || named.parse::<usize>().ok().and_then(|number| KINDS.get(number));
    let known = KINDS.iter().find(|known| **known == named).or_else(by_number);
    let known =
        *known.ok_or_else(|| Refused::unprocessable(format!("'{named}' is not a valid content_type")))?;
    match known {
        "input_select" => each_item(attributes, &["title", "value"], &["description"])?,
        "cards" => cards(attributes)?,
        "form" => form(attributes)?,
        "article" => each_item(attributes, &["title", "description", "link"], &[])?,
        _ => {}
    }
    Ok(known)
}

fn wrong(reason: &str) -> Refused {
    Refused::unprocessable(format!("Validation failed: Content attributes {reason}"))
}

fn items(attributes: &Map<String, Value>) -> Result<Vec<&Map<String, Value>>, Refused> {
    let items = attributes.get("items").and_then(Value::as_array).filter(|items| !items.is_empty());
    let items = items.ok_or_else(|| wrong("At least one item is required."))?;
    let object = |item: &'_ Value| item.as_object().is_some();
    if !items.iter().all(object) {
        return Err(wrong("Items should be objects."));
    }
    Ok(items.iter().filter_map(Value::as_object).collect())
}

/// Every item has all of these keys, perhaps some of those, and no others.
fn each_item(attributes: &Map<String, Value>, must: &[&str], may: &[&str]) -> Result<(), Refused> {
    for item in items(attributes)? {
        only(item, must, may)?;
    }
    Ok(())
}

fn only(item: &Map<String, Value>, must: &[&str], may: &[&str]) -> Result<(), Refused> {
    if let Some(other) = item.keys().find(|key| !must.contains(&key.as_str()) && !may.contains(&key.as_str()))
    {
        return Err(wrong(&format!("contains invalid keys for items: {other}.")));
    }
    match must.iter().find(|key| item.get(**key).is_none_or(Value::is_null)) {
        Some(missing) => Err(wrong(&format!("items need {missing}."))),
        None => Ok(()),
    }
}

fn cards(attributes: &Map<String, Value>) -> Result<(), Refused> {
    for item in items(attributes)? {
        only(item, &["title", "actions"], &["description", "media_url"])?;
        let actions = item.get("actions").and_then(Value::as_array).filter(|actions| !actions.is_empty());
        for action in actions.ok_or_else(|| wrong("contains items without actions."))? {
            let action = action.as_object().ok_or_else(|| wrong("contains actions that are no objects."))?;
            match action.get("type").and_then(Value::as_str) {
                Some("link") => only(action, &["type", "text", "uri"], &["payload"])?,
                Some("postback") => only(action, &["type", "text", "payload"], &["uri"])?,
                _ => return Err(wrong("contains actions that are neither link nor postback.")),
            }
        }
    }
    Ok(())
}

fn form(attributes: &Map<String, Value>) -> Result<(), Refused> {
    let may = ["label", "placeholder", "default", "options", "required", "pattern", "title", "pattern_error"];
    for item in items(attributes)? {
        only(item, &["name", "type"], &may)?;
        let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
        if !["text", "email", "text_area", "select"].contains(&kind) {
            return Err(wrong("contains fields of a type that is not known."));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use serde_json::json;

    fn attributes(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_kind_is_known_by_its_word_and_its_number() {
        let none = Map::new();
        assert_eq!(check(None, &none), Ok("text"));
        assert_eq!(check(Some("0"), &none), Ok("text"));
        assert_eq!(check(Some("3"), &none), Ok("input_email"));
        assert_eq!(check(Some("input_csat"), &none), Ok("input_csat"));
        assert!(check(Some("13"), &none).is_err() && check(Some("poem"), &none).is_err());
    }

    #[test]
    fn items_are_what_their_kind_has() {
        let good = [
            ("input_select", json!({"items": [{"title": "A", "value": "a", "description": "d"}]})),
            (
                "cards",
                json!({"items": [{"title": "A", "actions": [{"type": "link", "text": "t", "uri": "u"}]}]}),
            ),
            ("form", json!({"items": [{"name": "n", "type": "email", "label": "L"}], "button_label": "Go"})),
            ("article", json!({"items": [{"title": "A", "description": "d", "link": "l"}]})),
        ];
        for (kind, value) in good {
            assert_eq!(check(Some(kind), &attributes(&value)), Ok(kind));
        }
        let bad = [
            ("input_select", json!({})),
            ("input_select", json!({"items": []})),
            ("input_select", json!({"items": [{"title": "A", "value": "a", "more": 1}]})),
            ("input_select", json!({"items": ["a"]})),
            ("cards", json!({"items": [{"title": "A", "actions": []}]})),
            ("cards", json!({"items": [{"title": "A", "actions": [{"type": "call", "text": "t"}]}]})),
            ("form", json!({"items": [{"name": "n", "type": "file"}]})),
            ("article", json!({"items": [{"title": "A"}]})),
        ];
        for (kind, value) in bad {
            assert!(check(Some(kind), &attributes(&value)).is_err(), "{kind} {value}");
        }
    }
}
