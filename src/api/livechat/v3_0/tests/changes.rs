//! Pushes and webhooks of what changes inside a chat: properties, events, access (8.4 and 9.2).

use std::sync::Arc;

use serde_json::{Value, json};
use switchboard_domain::conversation::access::{Access, AccessChange, AccessOwner};
use switchboard_domain::conversation::properties::{Properties, PropertyValue};
use switchboard_domain::conversation::property_change::{Place, PropertyChange};
use switchboard_domain::conversation::push::Push;
use switchboard_domain::id::{AgentId, EventId, GroupId};
use switchboard_domain::webhook::Action;

use super::pushes::{expect, told};
use super::{hello, note, webhooks};
use crate::api::livechat::v3_0::show::testing as world;
use crate::engine::dialect::Side;

const BOTH: [Side; 2] = [Side::Agent, Side::Customer];

fn event_id() -> EventId {
    EventId { thread: world::thread_id(), order: 1 }
}

fn rating() -> Properties {
    let mut rating = Properties::default();
    rating.set("rating", "score", PropertyValue::Int(1));
    rating.set("rating", "comment", PropertyValue::Text("fine".into()));
    rating
}

#[test]
fn properties_go_out_wrapped_and_names_as_they_were_given() {
    let set = || PropertyChange::Set(rating());
    let gone = || PropertyChange::Delete([("rating", "score"), ("rating", "comment")].into_iter().collect());
    let (chat, thread) = (json!({ "chat_id": "CHA0000001" }), json!({ "thread_id": "THR0000001" }));
    let event = json!({ "thread_id": "THR0000001", "event_id": "THR0000001_1" });
    for (place, more, names, actions) in [
        (
            Place::Chat,
            json!({}),
            ["chat_properties_updated", "chat_properties_deleted"],
            [Action::ChatPropertiesUpdated, Action::ChatPropertiesDeleted],
        ),
        (
            Place::Thread(world::thread_id()),
            thread,
            ["chat_thread_properties_updated", "chat_thread_properties_deleted"],
            [Action::ThreadPropertiesUpdated, Action::ThreadPropertiesDeleted],
        ),
        (
            Place::Event(event_id()),
            event,
            ["event_properties_updated", "event_properties_deleted"],
            [Action::EventPropertiesUpdated, Action::EventPropertiesDeleted],
        ),
    ] {
        let changes = [
            (set(), json!({ "rating": { "score": { "value": 1 }, "comment": { "value": "fine" } } })),
            (gone(), json!({ "rating": ["score", "comment"] })),
        ];
        for ((change, shown), (name, action)) in changes.into_iter().zip(names.into_iter().zip(actions)) {
            let mut payload = chat.clone();
            payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            payload["properties"] = shown;
            let push = || Push::PropertiesChanged { chat: world::chat().id, place, change: change.clone() };
            for side in BOTH {
                expect(side, push(), name, payload.clone());
            }
            webhooks::expect(action, push(), name, &payload);
        }
    }
}

#[test]
fn what_a_side_may_not_read_is_left_out() {
    let mut secret = rating();
    secret.set("nobodys", "secret", PropertyValue::Int(1));
    for change in [
        PropertyChange::Set(secret),
        PropertyChange::Delete([("nobodys", "secret"), ("rating", "score")].into_iter().collect()),
    ] {
        for side in BOTH {
            let push = Push::PropertiesChanged {
                chat: world::chat().id,
                place: Place::Chat,
                change: change.clone(),
            };
            let (_, payload) = told(side, push, false).unwrap();
            let namespaces: Vec<_> = payload["properties"].as_object().unwrap().keys().collect();
            assert_eq!(namespaces, ["rating"]);
        }
    }
}

#[test]
fn event_updated_tells_the_whole_event() {
    let push = |event| Push::EventChanged { chat: world::chat().id, event: Arc::new(event) };
    let mut event = world::event(1, "hello");
    event.properties.set("rating", "score", PropertyValue::Int(1));
    let mut shown = hello();
    shown["properties"] = json!({ "rating": { "score": { "value": 1 } } });
    let payload =
        |event: &Value| json!({ "chat_id": "CHA0000001", "thread_id": "THR0000001", "event": event });
    for side in BOTH {
        expect(side, push(event.clone()), "event_updated", payload(&shown));
    }
    webhooks::expect(Action::EventUpdated, push(event), "event_updated", &payload(&shown));
    expect(Side::Agent, push(world::note(2)), "event_updated", payload(&note()));
    assert_eq!(told(Side::Customer, push(world::note(2)), false), None, "a note never reaches a customer");
}

#[test]
fn incoming_rich_message_postback() {
    let push = || Push::PostbackSent {
        chat: world::chat().id,
        event: event_id(),
        user: world::user(world::MIA),
        postback: "buy".into(),
        toggled: true,
    };
    let payload = json!({ "user_id": world::MIA, "chat_id": "CHA0000001", "thread_id": "THR0000001",
                          "event_id": "THR0000001_1", "postback": { "id": "buy", "toggled": true } });
    let name = "incoming_rich_message_postback";
    for side in BOTH {
        expect(side, push(), name, payload.clone());
    }
    webhooks::expect(Action::PostbackSent, push(), name, &payload);
}

#[test]
fn access_is_told_as_a_difference_or_as_a_whole_and_to_customers_only_so() {
    let one = || Access::of(GroupId(1));
    for (change, name, action) in [
        (AccessChange::Granted(one()), "access_granted", Action::AccessGranted),
        (AccessChange::Revoked(one()), "access_revoked", Action::AccessRevoked),
        (AccessChange::Set(one()), "access_set", Action::AccessSet),
    ] {
        let after = Access::from_iter([GroupId(1), GroupId(2)]);
        let push = || Push::AccessChanged {
            of: AccessOwner::Chat(world::chat().id),
            change: change.clone(),
            access: after.clone(),
        };
        let payload = json!({ "resource": "chat", "id": "CHA0000001", "access": { "group_ids": [1] } });
        expect(Side::Agent, push(), name, payload.clone());
        webhooks::expect(action, push(), name, &payload);
        let to_customer = told(Side::Customer, push(), false);
        assert_eq!(to_customer, (name == "access_set").then(|| (name.to_owned(), payload)));
    }
    // Of an agent the groups are told that result.
    let change = AccessChange::Granted(Access::of_agent(AgentId::new(world::ANN)));
    let push = Push::AccessChanged { of: AccessOwner::Chat(world::chat().id), change, access: one() };
    let payload = json!({ "resource": "chat", "id": "CHA0000001", "access": { "group_ids": [1] } });
    expect(Side::Agent, push, "access_granted", payload);
}
