//! Every push, on both sides.

use std::sync::Arc;

use serde_json::{Value, json};
use switchboard_domain::conversation::command::TransferTarget;
use switchboard_domain::conversation::event::Visibility;
use switchboard_domain::conversation::properties::PropertyValue;
use switchboard_domain::conversation::push::{Address, Push, Told};
use switchboard_domain::id::{AgentId, GroupId};
use switchboard_domain::participant::RoutingStatus;
use switchboard_domain::time::Timestamp;

use super::{ann, hello, note, started};
use crate::api::livechat::v3_0::V3_0;
use crate::api::livechat::v3_0::show::testing as world;
use crate::engine::dialect::{Capture, Dialect, Disconnect, Side};

pub(super) fn capture(push: Push) -> Capture {
    let to = Address { license: true, ..Address::nobody() };
    world::shown(Arc::new(Told { push, to, main: true, seq: None }))
}

pub(super) fn posted(event: switchboard_domain::conversation::event::Event) -> Push {
    Push::EventPosted { chat: world::chat().id, thread: world::thread_id(), event: Arc::new(event) }
}

/// The payload of a push and its name, checked to be a whole frame that takes a `request_id`.
pub(super) fn told(side: Side, push: Push, follows: bool) -> Option<(String, Value)> {
    let capture = capture(push);
    let encoded = V3_0.push(side, &capture, follows)?;
    if V3_0.same_for_both_sides(&capture.what) {
        let of = |side| V3_0.push(side, &capture, follows).map(|encoded| encoded.text);
        assert_eq!(of(Side::Agent), of(Side::Customer), "encoded once for both");
    }
    let (head, tail) = encoded.text.split_at(encoded.splice_at);
    let spliced: Value = serde_json::from_str(&format!("{head}\"request_id\":\"7\",{tail}")).unwrap();
    assert_eq!(spliced["request_id"], "7");
    let frame: Value = serde_json::from_str(&encoded.text).unwrap();
    let (name, payload) = (frame["action"].as_str().unwrap().to_owned(), frame["payload"].clone());
    assert_eq!(frame, json!({ "action": name, "type": "push", "payload": payload }));
    Some((name, payload))
}

pub(super) fn expect(side: Side, push: Push, name: &str, payload: Value) {
    assert_eq!(told(side, push, false), Some((name.to_owned(), payload)));
}

#[test]
fn incoming_chat_thread() {
    let push = || Push::ChatStarted { chat: world::chat().into(), thread: world::thread().into() };
    for follows in [true, false] {
        let (name, payload) = told(Side::Agent, push(), follows).unwrap();
        assert_eq!((name.as_str(), payload), ("incoming_chat_thread", started(true, follows)));
    }
    expect(Side::Customer, push(), "incoming_chat_thread", started(false, false));
    assert!(V3_0.depends_on_follower(&capture(push()).what));
}

#[test]
fn incoming_event() {
    for side in [Side::Agent, Side::Customer] {
        let payload = json!({ "chat_id": "CHA0000001", "thread_id": "THR0000001", "event": hello() });
        expect(side, posted(world::event(1, "hello")), "incoming_event", payload);
        let system = json!({ "id": "THR0000001_2", "order": 2, "timestamp": 1_561_899_990, "type": "system_message",
            "recipients": "all", "system_message_type": "routing.assigned", "text": "Ann takes the chat",
            "text_vars": { "agent": "Ann" } });
        let payload = json!({ "chat_id": "CHA0000001", "thread_id": "THR0000001", "event": system });
        expect(side, posted(world::assigned(2)), "incoming_event", payload);
    }
    let payload = json!({ "chat_id": "CHA0000001", "thread_id": "THR0000001", "event": note() });
    expect(Side::Agent, posted(world::note(2)), "incoming_event", payload);
    assert_eq!(told(Side::Customer, posted(world::note(2)), false), None, "a note never reaches a customer");
    assert!(!V3_0.depends_on_follower(&capture(posted(world::note(2))).what));
    assert!(!V3_0.same_for_both_sides(&capture(posted(world::note(2))).what), "customers hear no note");
    let mut rated = world::event(3, "rated");
    rated.properties.set("rating", "score", PropertyValue::Int(1));
    assert!(!V3_0.same_for_both_sides(&capture(posted(rated)).what), "a side may not read every property");
    assert!(V3_0.same_for_both_sides(&capture(posted(world::event(1, "hello"))).what));
}

#[test]
fn thread_closed_names_who_closed_it_if_anybody_did() {
    let push = |by| Push::ThreadClosed { chat: world::chat().id, thread: world::thread_id(), by };
    for side in [Side::Agent, Side::Customer] {
        let payload = json!({ "chat_id": "CHA0000001", "thread_id": "THR0000001", "user_id": world::ANN });
        expect(side, push(Some(world::user(world::ANN))), "thread_closed", payload);
        let payload = json!({ "chat_id": "CHA0000001", "thread_id": "THR0000001" });
        expect(side, push(None), "thread_closed", payload);
    }
}

#[test]
fn users_come_and_go() {
    for side in [Side::Agent, Side::Customer] {
        let (chat, thread) = (world::chat().id, world::thread_id());
        let added = Push::MemberAdded { chat, thread, member: world::member(world::ANN) };
        let payload = json!({ "chat_id": "CHA0000001", "thread_id": "THR0000001",
                              "user": ann(side == Side::Agent), "user_type": "agent" });
        expect(side, added, "chat_user_added", payload);
        for (id, kind) in [(world::ANN, "agent"), (world::MIA, "customer")] {
            let removed = Push::MemberRemoved { chat, thread, user: world::user(id) };
            let payload = json!({ "chat_id": "CHA0000001", "thread_id": "THR0000001", "user_id": id, "user_type": kind });
            expect(side, removed, "chat_user_removed", payload);
        }
    }
}

#[test]
fn chat_transferred_names_agents_as_text_and_groups_as_numbers() {
    let push = |to| Push::Transferred {
        chat: world::chat().id,
        thread: world::thread_id(),
        by: Some(world::user(world::ANN)),
        to,
    };
    let to_agents = || push(TransferTarget::Agents(vec![AgentId::new("bob@example.org")]));
    let mut payload = json!({ "chat_id": "CHA0000001", "requester_id": world::ANN, "type": "agent",
                              "ids": ["bob@example.org"] });
    expect(Side::Agent, to_agents(), "chat_transferred", payload.clone());
    payload["thread_id"] = json!("THR0000001");
    expect(Side::Customer, to_agents(), "chat_transferred", payload);
    let to_groups = push(TransferTarget::Groups(vec![GroupId(3)]));
    let payload = json!({ "chat_id": "CHA0000001", "requester_id": world::ANN, "type": "group", "ids": [3] });
    expect(Side::Agent, to_groups, "chat_transferred", payload);
}

#[test]
fn agent_updated_is_for_agents() {
    for (status, word) in [
        (RoutingStatus::Accepting, "accepting_chats"),
        (RoutingStatus::NotAccepting, "not_accepting_chats"),
        (RoutingStatus::Offline, "offline"),
    ] {
        let push = || Push::AgentStatusChanged { agent: AgentId::new(world::ANN), status };
        let payload = json!({ "agent_id": world::ANN, "routing_status": word });
        expect(Side::Agent, push(), "agent_updated", payload);
        assert_eq!(told(Side::Customer, push(), false), None);
    }
}

#[test]
fn who_begins_to_follow_is_told_the_chat() {
    let push = || Push::ChatFollowed { chat: world::chat().into(), thread: world::thread().into() };
    expect(Side::Agent, push(), "incoming_chat_thread", started(true, true));
    assert_eq!(told(Side::Customer, push(), false), None);
}

#[test]
fn tags_are_for_agents() {
    for (on, name) in [(true, "chat_thread_tagged"), (false, "chat_thread_untagged")] {
        let (chat, thread) = (world::chat().id, world::thread_id());
        let push = || Push::TagChanged { chat, thread, tag: "refund".into(), on };
        let payload = json!({ "chat_id": "CHA0000001", "thread_id": "THR0000001", "tag": "refund" });
        expect(Side::Agent, push(), name, payload);
        assert_eq!(told(Side::Customer, push(), false), None);
    }
}

#[test]
fn customers_are_told_the_thread_of_a_seen_marker() {
    let push = || Push::SeenUpTo {
        chat: world::chat().id,
        thread: world::thread_id(),
        user: world::user(world::MIA),
        up_to: Timestamp::from_secs(1_561_900_100),
    };
    let mut payload = json!({ "user_id": world::MIA, "chat_id": "CHA0000001", "timestamp": 1_561_900_100 });
    expect(Side::Agent, push(), "last_seen_timestamp_updated", payload.clone());
    payload["thread_id"] = json!("THR0000001");
    expect(Side::Customer, push(), "last_seen_timestamp_updated", payload);
}

#[test]
fn typing_and_drafts() {
    let (chat, thread, at) = (world::chat().id, world::thread_id(), Timestamp::from_secs(1_561_900_101));
    let push = |visibility| Push::Typing {
        chat,
        thread,
        author: world::user(world::ANN),
        visibility,
        at,
        typing: true,
    };
    let mut indicator = json!({ "author_id": world::ANN, "timestamp": 1_561_900_101, "is_typing": true });
    let payload = |indicator: &Value| json!({ "chat_id": "CHA0000001", "thread_id": "THR0000001", "typing_indicator": indicator });
    expect(Side::Customer, push(Visibility::All), "incoming_typing_indicator", payload(&indicator));
    assert_eq!(told(Side::Customer, push(Visibility::Agents), false), None);
    for (visibility, recipients) in [(Visibility::All, "all"), (Visibility::Agents, "agents")] {
        indicator["recipients"] = json!(recipients);
        expect(Side::Agent, push(visibility), "incoming_typing_indicator", payload(&indicator));
    }

    let author = world::user(world::MIA);
    let push = || Push::DraftShown { chat, thread, author: author.clone(), at, text: "I wan".into() };
    let sneak_peek = json!({ "author_id": world::MIA, "recipients": "agents", "timestamp": 1_561_900_101, "text": "I wan" });
    let payload = json!({ "chat_id": "CHA0000001", "thread_id": "THR0000001", "sneak_peek": sneak_peek });
    expect(Side::Agent, push(), "incoming_sneak_peek", payload);
    assert_eq!(told(Side::Customer, push(), false), None);
}

#[test]
fn a_blocked_customer_hears_how_long_to_wait() {
    let frame: Value =
        serde_json::from_str(&V3_0.disconnect(Side::Customer, Disconnect::Blocked(60))).unwrap();
    let payload = json!({ "reason": "customer_temporarily_blocked", "data": { "timeout": 60 } });
    assert_eq!(frame, json!({ "action": "customer_disconnected", "type": "push", "payload": payload }));
}

#[test]
fn a_connection_that_is_ended_hears_why() {
    for (why, agent, customer) in [
        (Disconnect::Timeout, "connection_timeout", "connection_timeout"),
        (Disconnect::TooSlow, "connection_timeout", "connection_timeout"),
        (Disconnect::TokenRevoked, "access_token_revoked", "access_token_expired"),
        (Disconnect::TokenExpired, "access_token_expired", "access_token_expired"),
        (Disconnect::LicenseEnded, "license_not_found", "license_not_found"),
        (Disconnect::AgentDeleted, "agent_deleted", "internal_error"),
        (Disconnect::CustomerBanned, "internal_error", "customer_banned"),
        (Disconnect::Inactive, "connection_timeout", "inactivity_timeout"),
        (Disconnect::LoggedOutRemotely, "agent_logged_out_remotely", "internal_error"),
        (Disconnect::TooManyConnections, "too_many_connections", "too_many_connections"),
        (
            Disconnect::TooManyUnauthorized,
            "too_many_unauthorized_connections",
            "too_many_unauthorized_connections",
        ),
        (Disconnect::Shutdown, "internal_error", "internal_error"),
        (Disconnect::Internal, "internal_error", "internal_error"),
    ] {
        for (side, name, reason) in
            [(Side::Agent, "agent_disconnected", agent), (Side::Customer, "customer_disconnected", customer)]
        {
            let frame: Value = serde_json::from_str(&V3_0.disconnect(side, why)).unwrap();
            assert_eq!(
                frame,
                json!({ "action": name, "type": "push", "payload": { "reason": reason } }),
                "{why:?}"
            );
        }
    }
}
