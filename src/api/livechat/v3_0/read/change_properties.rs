//! Setting and deleting properties, and the buttons of rich messages (spec v3.0, 5.3, 5.4 and 6).

use switchboard_domain::conversation::command::Command;
use switchboard_domain::conversation::property_change::{Place, PropertyChange};
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::id::{EventId, ThreadId};

use super::Call;
use crate::api::livechat::object::Object;
use crate::engine::dialect::Ask;
use crate::engine::order::{Failure, Order};

const CHAT: &[&str] = &["chat_id"];
const THREAD: &[&str] = &["chat_id", "thread_id"];
const EVENT: &[&str] = &["chat_id", "thread_id", "event_id"];

/// `update_chat_properties`
pub(in super::super) fn update_chat_properties(call: &Call<'_>) -> Result<Ask, Failure> {
    change(call, CHAT, set(call), |_| Ok(Place::Chat))
}

/// `delete_chat_properties`
pub(in super::super) fn delete_chat_properties(call: &Call<'_>) -> Result<Ask, Failure> {
    change(call, CHAT, delete(call), |_| Ok(Place::Chat))
}

/// `update_chat_thread_properties`
pub(in super::super) fn update_thread_properties(call: &Call<'_>) -> Result<Ask, Failure> {
    change(call, THREAD, set(call), thread)
}

/// `delete_chat_thread_properties`
pub(in super::super) fn delete_thread_properties(call: &Call<'_>) -> Result<Ask, Failure> {
    change(call, THREAD, delete(call), thread)
}

/// `update_event_properties`
pub(in super::super) fn update_event_properties(call: &Call<'_>) -> Result<Ask, Failure> {
    change(call, EVENT, set(call), |args| event(args).map(Place::Event))
}

/// `delete_event_properties`
pub(in super::super) fn delete_event_properties(call: &Call<'_>) -> Result<Ask, Failure> {
    change(call, EVENT, delete(call), |args| event(args).map(Place::Event))
}

fn set(call: &Call<'_>) -> Result<PropertyChange, Failure> {
    call.args.required("properties").map(PropertyChange::Set)
}

fn delete(call: &Call<'_>) -> Result<PropertyChange, Failure> {
    call.args.required("properties").map(PropertyChange::Delete)
}

fn change(
    call: &Call<'_>,
    ids: &[&str],
    change: Result<PropertyChange, Failure>,
    place: fn(&Object<'_>) -> Result<Place, Failure>,
) -> Result<Ask, Failure> {
    call.args.name_ids(ids)?;
    let change = change?;
    let chat = call.args.required("chat_id")?;
    let place = place(&call.args)?;
    call.order(Order::Chat(chat, Command::ChangeProperties { place, change, stored: None }))
}

fn thread(args: &Object<'_>) -> Result<Place, Failure> {
    args.required("thread_id").map(Place::Thread)
}

/// An event is known by its thread and its own id together.
fn event(args: &Object<'_>) -> Result<EventId, Failure> {
    let (thread, event): (ThreadId, EventId) = (args.required("thread_id")?, args.required("event_id")?);
    if event.thread == thread { Ok(event) } else { Err(Rejected::NotFound(Resource::Event).into()) }
}

/// `send_rich_message_postback`
pub(in super::super) fn send_postback(call: &Call<'_>) -> Result<Ask, Failure> {
    let args = &call.args;
    args.name_ids(EVENT)?;
    let postback: Object<'_> = args.required("postback")?;
    let (id, toggled) = (postback.required("id")?, postback.required("toggled")?);
    let chat = args.required("chat_id")?;
    let event = event(args)?;
    call.order(Order::Chat(chat, Command::SendPostback { event, postback: id, toggled, stored: None }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::livechat::v3_0::read::testing::{Reader, principal, read, refusal};
    use crate::engine::dialect::Side;
    use serde_json::{Value, json};
    use switchboard_domain::conversation::properties::{Properties, PropertyValue};

    fn args(place: &[&str], properties: &Value) -> Value {
        let mut args = json!({ "properties": properties });
        for name in place {
            args[*name] = match *name {
                "chat_id" => json!("CHA0000001"),
                "thread_id" => json!("THR0000001"),
                _ => json!("THR0000001_4"),
            };
        }
        args
    }

    const METHODS: [(&[&str], Reader, Reader); 3] = [
        (CHAT, update_chat_properties, delete_chat_properties),
        (THREAD, update_thread_properties, delete_thread_properties),
        (EVENT, update_event_properties, delete_event_properties),
    ];

    #[test]
    fn properties_are_set_plain_or_wrapped_and_deleted_by_name() {
        let thread = ThreadId::from_random("THR0000001".parse::<ThreadId>().map_or(0, ThreadId::to_bits));
        let places = [Place::Chat, Place::Thread(thread), Place::Event(EventId { thread, order: 4 })];
        let mut given = Properties::default();
        given.set("rating", "score", PropertyValue::Int(1));
        given.set("rating", "comment", PropertyValue::Text("fine".into()));
        let names = [("rating", "score"), ("rating", "comment")].into_iter().collect();
        for side in [Side::Agent, Side::Customer] {
            let by = principal(side, &["*"]);
            for ((ids, set, delete), place) in METHODS.into_iter().zip(places) {
                let properties = json!({ "rating": { "score": { "value": 1 }, "comment": "fine" } });
                let expected = Command::ChangeProperties {
                    place,
                    change: PropertyChange::Set(given.clone()),
                    stored: None,
                };
                let order = read(set, &by, &args(ids, &properties));
                assert!(matches!(order, Ok(Order::Chat(_, command)) if command == expected));
                let change = PropertyChange::Delete(Clone::clone(&names));
                let expected = Command::ChangeProperties { place, change, stored: None };
                let order =
                    read(delete, &by, &args(ids, &json!({ "rating": ["score", "comment", "score"] })));
                assert!(matches!(order, Ok(Order::Chat(_, command)) if command == expected));
            }
        }
    }

    #[test]
    fn each_refusal_names_its_field() {
        let by = principal(Side::Agent, &["*"]);
        for (ids, set, delete) in METHODS {
            for method in [set, delete] {
                for missing in ids {
                    let mut args = args(ids, &json!({}));
                    args[*missing] = json!(null);
                    assert_eq!(refusal(read(method, &by, &args)), format!("{missing}: missing"));
                    args[*missing] = json!(7);
                    assert_eq!(refusal(read(method, &by, &args)), format!("{missing}: must be a string"));
                }
                assert_eq!(refusal(read(method, &by, &args(ids, &json!(null)))), "properties: missing");
                assert_eq!(
                    refusal(read(method, &by, &args(ids, &json!([])))),
                    "properties: must be an object"
                );
            }
            let wrong = args(ids, &json!({ "test": { "a": 1.5 } }));
            let expected = "properties.test.a: must be a string, a bool or a 32-bit whole number";
            assert_eq!(refusal(read(set, &by, &wrong)), expected);
            let wrong = args(ids, &json!({ "test": { "a": ["b"] } }));
            assert_eq!(refusal(read(delete, &by, &wrong)), "properties.test: must be a list");
            let wrong = args(ids, &json!({ "test": [1] }));
            assert_eq!(refusal(read(delete, &by, &wrong)), "properties.test.0: must be a string");
        }
    }

    #[test]
    fn an_event_of_another_thread_is_no_event() {
        let by = principal(Side::Customer, &[]);
        let mut args = args(EVENT, &json!({}));
        args["thread_id"] = json!("THR0000002");
        let unknown = Some(Rejected::NotFound(Resource::Event).into());
        assert_eq!(read(update_event_properties, &by, &args).err(), unknown);
        args["event_id"] = json!("no id");
        assert_eq!(read(delete_event_properties, &by, &args).err(), unknown);
    }

    #[test]
    fn a_postback_has_an_id_and_a_state() {
        let by = principal(Side::Customer, &[]);
        let with = |postback: Value| {
            let mut args = args(EVENT, &json!({}));
            args["postback"] = postback;
            args
        };
        let order = read(send_postback, &by, &with(json!({ "id": "buy", "toggled": true })));
        assert!(matches!(order, Ok(Order::Chat(_, Command::SendPostback { postback, toggled: true, .. }))
            if *postback == *"buy"));
        for (postback, expected) in [
            (json!(null), "postback: missing"),
            (json!("buy"), "postback: must be an object"),
            (json!({ "toggled": true }), "postback.id: missing"),
            (json!({ "id": "buy" }), "postback.toggled: missing"),
            (json!({ "id": "buy", "toggled": "yes" }), "postback.toggled: must be a bool"),
        ] {
            assert_eq!(refusal(read(send_postback, &by, &with(postback))), expected);
        }
        for missing in EVENT {
            let mut args = with(json!({ "id": "buy", "toggled": true }));
            args[*missing] = json!(null);
            assert_eq!(refusal(read(send_postback, &by, &args)), format!("{missing}: missing"));
        }
    }
}
