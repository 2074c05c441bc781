//! What answers and events look like. Source: spec, sections 2 to 5.

mod bot;
mod contact;
mod conversation;
mod inbox;
mod message;
mod people;
mod widget;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use switchboard_domain::participant::license::License;
use switchboard_domain::time::Timestamp;

pub(super) use bot::{bot, bot_of};
pub(super) use contact::{
    contact, contact_changes, contact_in_event, contact_inbox, contact_told_itself, contact_with_inboxes,
};
pub(super) use conversation::{
    conversation, conversation_in_event, conversation_to_contact, public_conversation, status_of,
    typing_in_event, user_in_event,
};
pub(super) use inbox::{inbox, inbox_line, inbox_news};
pub(super) use message::{
    attributes_of, content_type_of, message, message_in_event, message_on_socket, message_to_contact,
    public_message,
};
pub(super) use people::{
    agent, membership, person, person_in_event, role, sender, slim_bot, team, whole_account,
};
pub(super) use widget::{
    begun_conversation, known_visitor, may_end, opening_in_event, visitor, widget_config,
    widget_conversation, widget_messages,
};

/// An account, as events name it.
pub(super) fn account(license: &License) -> Value {
    json!({ "id": license.desk.account, "name": license.desk.name })
}

/// Unix seconds; 0 for what has not happened.
pub(super) fn seconds(at: Option<Timestamp>) -> u64 {
    at.map_or(0, Timestamp::as_secs)
}

/// Unix seconds with their fraction.
pub(super) fn fraction(at: Timestamp) -> f64 {
    at.as_micros() as f64 / 1e6
}

/// ISO 8601 in UTC with milliseconds.
pub(super) fn iso(at: Timestamp) -> String {
    let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_microsecond(micros).map(|at| format!("{at:.3}")).unwrap_or_default()
}

/// ISO 8601 in UTC without fraction.
pub(super) fn iso_seconds(at: Timestamp) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map(|at| at.to_string()).unwrap_or_default()
}

/// The object that a text is; an empty one for a text that is none.
pub(super) fn object(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Value::Object(object),
        _ => Value::Object(Map::new()),
    }
}

/// Adds fields to an object.
pub(super) fn extend(mut value: Value, more: Value) -> Value {
    if let (Value::Object(fields), Value::Object(more)) = (&mut value, more) {
        fields.extend(more);
    }
    value
}

/// What is shown otherwise than before, in the order of the names: each with its value then and now. A
/// name that is on one side only counts as null on the other.
pub(super) fn changes(before: &Value, after: &Value) -> Value {
    let names = |value: &Value| -> BTreeSet<String> {
        value.as_object().into_iter().flat_map(|fields| fields.keys().cloned()).collect()
    };
    let all = &names(before) | &names(after);
    let differs = all.into_iter().filter(|name| before.get(name) != after.get(name));
    let line = |name: String| {
        let (then, now) = (&before[&name], &after[&name]);
        json!({ name: { "previous_value": then, "current_value": now } })
    };
    differs.map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_name_what_differs_and_nothing_else() {
        let (before, after) = (json!({ "a": 1, "b": [], "c": "x" }), json!({ "a": 1, "b": [2], "d": null }));
        let told = json!([
            { "b": { "previous_value": [], "current_value": [2] } },
            { "c": { "previous_value": "x", "current_value": null } },
            { "d": { "previous_value": null, "current_value": null } },
        ]);
        assert_eq!(changes(&before, &after), told);
        assert_eq!(changes(&after, &after), json!([]));
    }

    #[test]
    fn times_have_three_forms() {
        let at = Timestamp::from_micros(1_709_553_600_250_000);
        assert_eq!(iso(at), "2024-03-04T12:00:00.250Z");
        assert_eq!(iso_seconds(at), "2024-03-04T12:00:00Z");
        assert_eq!((seconds(Some(at)), seconds(None)), (1_709_553_600, 0));
        assert!((fraction(at) - 1_709_553_600.25).abs() < 1e-3);
    }
}
