//! Checks of the shape of what came over the wire.

use serde_json::Value;

/// The kind of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Is {
    Str,
    /// A whole number that is not negative.
    Int,
    Bool,
    List,
    Map,
    /// The key must not be there.
    Missing,
}

/// Checks the kinds of many values at once. Paths are dotted, numbers in them index lists.
pub(crate) fn assert_shape(value: &Value, shape: &[(&str, Is)]) {
    for (path, kind) in shape {
        let found = at(value, path);
        let fits = match kind {
            Is::Str => found.is_some_and(Value::is_string),
            Is::Int => found.is_some_and(Value::is_u64),
            Is::Bool => found.is_some_and(Value::is_boolean),
            Is::List => found.is_some_and(Value::is_array),
            Is::Map => found.is_some_and(Value::is_object),
            Is::Missing => found.is_none(),
        };
        assert!(fits, "`{path}` should be {kind:?}, but is {found:?} in {value:#}");
    }
}

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, step| match value {
        Value::Array(list) => list.get(step.parse::<usize>().ok()?),
        _ => value.get(step),
    })
}

/// The id of a chat, thread, event or user object.
pub(crate) fn id(value: &Value) -> String {
    text(&value["id"])
}

pub(crate) fn text(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => panic!("should be a string: {value}"),
    }
}

pub(crate) fn list(value: &Value) -> &[Value] {
    match value.as_array() {
        Some(list) => list,
        None => panic!("should be a list: {value}"),
    }
}

/// The one user of a chat with that id.
pub(crate) fn user<'a>(chat: &'a Value, id: &str) -> &'a Value {
    let found: Vec<_> = list(&chat["users"]).iter().filter(|user| user["id"] == id).collect();
    assert_eq!(found.len(), 1, "{id} should be once in the users of {chat:#}");
    found[0]
}

/// The agents (human or bot) that are present in a chat.
pub(crate) fn present_agents(chat: &Value) -> Vec<String> {
    let agents = list(&chat["users"]).iter().filter(|user| user["type"] == "agent");
    agents.filter(|user| user["present"] == true).map(id).collect()
}

/// Whether the chat waits for an agent: none present, and `routing.unassigned` says so.
pub(crate) fn waits(chat: &Value) -> bool {
    let unassigned = chat["properties"]["routing"]["unassigned"]["value"] == true;
    let nobody = present_agents(chat).is_empty();
    assert_eq!(unassigned, nobody, "`routing.unassigned` should agree with the users: {chat:#}");
    nobody
}

/// The texts of the messages in a list of events, in the order of their `order`, which must be unique.
pub(crate) fn texts(events: &Value) -> Vec<String> {
    let mut events: Vec<_> = list(events).iter().collect();
    events.sort_by_key(|event| event["order"].as_u64());
    assert!(
        events.windows(2).all(|pair| pair[0]["order"] != pair[1]["order"]),
        "two events with one order: {events:#?}"
    );
    events.iter().filter(|event| event["type"] == "message").map(|event| text(&event["text"])).collect()
}

/// The `order` of each event, sorted.
pub(crate) fn orders(events: &Value) -> Vec<u64> {
    let mut orders: Vec<_> = list(events).iter().map(|event| event["order"].as_u64().unwrap()).collect();
    orders.sort_unstable();
    orders
}

/// What no customer may ever see, wherever it stands: internal notes, e-mail addresses of agents, agents' tags.
pub(crate) fn assert_fit_for_customer(value: &Value) {
    match value {
        Value::Object(map) => {
            assert_ne!(
                map.get("recipients"),
                Some(&Value::from("agents")),
                "an internal note leaked: {value}"
            );
            let agent = map.get("type").is_some_and(|kind| kind == "agent");
            assert!(!(agent && map.contains_key("email")), "an agent's e-mail address leaked: {value}");
            let thread = map.contains_key("user_ids") && map.contains_key("active");
            assert!(!(thread && map.contains_key("tags")), "an agents' tag leaked: {value}");
            assert!(!map.contains_key("is_followed"), "`is_followed` is for agents: {value}");
            map.values().for_each(assert_fit_for_customer);
        }
        Value::Array(list) => list.iter().for_each(assert_fit_for_customer),
        _ => {}
    }
}
