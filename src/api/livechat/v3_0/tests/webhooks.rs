//! Bodies of webhook calls.

use serde_json::{Value, json};
use switchboard_domain::conversation::push::Push;
use switchboard_domain::id::{AgentId, ClientId};
use switchboard_domain::participant::RoutingStatus;
use switchboard_domain::time::Timestamp;
use switchboard_domain::webhook::{
    Action, Additional, Endpoint, EndpointId, Filters, Owner, Registration, Subscription,
};

use super::answers::answer;
use super::pushes::{capture, posted};
use super::{ann, hello, note, routing, started};
use crate::api::livechat::v3_0::show::testing as world;
use crate::api::livechat::v3_0::{NUMBER, V3_0};
use crate::engine::dialect::{Dialect, Side};
use crate::engine::order::Done;

fn endpoint(action: Action, additional: &[Additional]) -> Endpoint {
    Endpoint {
        desk: None,
        id: EndpointId::new("wh7k2"),
        url: "https://bots.example.org/hook".into(),
        secret_key: "s3cr3t".into(),
        action,
        filters: Filters::default(),
        additional: additional.to_vec(),
        dialect: NUMBER,
        owner: Owner::Bot(AgentId::new(world::BOT)),
        client: ClientId::new("app-7"),
    }
}

fn body(action: Action, additional: &[Additional], push: Push) -> Value {
    let chat = world::chat();
    let about = push.chat().map(|_| &chat);
    let body = V3_0.webhook(&endpoint(action, additional), &capture(push), about).unwrap();
    serde_json::from_slice(&body).unwrap()
}

pub(super) fn expect(action: Action, push: Push, name: &str, data: &Value) {
    let expected = json!({ "webhook_id": "wh7k2", "secret_key": "s3cr3t", "action": name, "data": data });
    assert_eq!(body(action, &[], push), expected);
}

#[test]
fn data_is_the_push_as_agents_see_it() {
    let (chat, thread) = (world::chat().id, world::thread_id());
    let push = Push::ChatStarted { chat: world::chat().into(), thread: world::thread().into() };
    expect(Action::ChatStarted, push, "incoming_chat_thread", &started(true, false));
    for (event, shown) in [(world::event(1, "hello"), hello()), (world::note(2), note())] {
        let data = json!({ "chat_id": "CHA0000001", "thread_id": "THR0000001", "event": shown });
        expect(Action::EventPosted, posted(event), "incoming_event", &data);
    }
    let push = Push::ThreadClosed { chat, thread, by: Some(world::user(world::ANN)) };
    let data = json!({ "chat_id": "CHA0000001", "thread_id": "THR0000001", "user_id": world::ANN });
    expect(Action::ThreadClosed, push, "thread_closed", &data);
    let push = Push::MemberAdded { chat, thread, member: world::member(world::ANN) };
    let data = json!({ "chat_id": "CHA0000001", "thread_id": "THR0000001", "user": ann(true), "user_type": "agent" });
    expect(Action::MemberAdded, push, "chat_user_added", &data);
    let push = Push::MemberRemoved { chat, thread, user: world::user(world::BOT) };
    let data = json!({ "chat_id": "CHA0000001", "thread_id": "THR0000001", "user_id": world::BOT, "user_type": "agent" });
    expect(Action::MemberRemoved, push, "chat_user_removed", &data);
}

#[test]
fn marks_are_told_as_agents_see_them() {
    let (chat, thread) = (world::chat().id, world::thread_id());
    for (on, action, name) in [
        (true, Action::ThreadTagged, "chat_thread_tagged"),
        (false, Action::ThreadUntagged, "chat_thread_untagged"),
    ] {
        let push = Push::TagChanged { chat, thread, tag: "refund".into(), on };
        let data = json!({ "chat_id": "CHA0000001", "thread_id": "THR0000001", "tag": "refund" });
        expect(action, push, name, &data);
    }
    let (user, up_to) = (world::user(world::MIA), Timestamp::from_secs(1_561_900_100));
    let push = Push::SeenUpTo { chat, thread, user, up_to };
    let data = json!({ "user_id": world::MIA, "chat_id": "CHA0000001", "timestamp": 1_561_900_100 });
    expect(Action::SeenUpTo, push, "last_seen_timestamp_updated", &data);
    // To begin to follow opens no thread.
    let push = Push::ChatFollowed { chat: world::chat().into(), thread: world::thread().into() };
    assert!(V3_0.webhook(&endpoint(Action::ChatStarted, &[]), &capture(push), None).is_none());
}

#[test]
fn a_status_is_written_with_blanks() {
    for (status, word) in [
        (RoutingStatus::Accepting, "accepting chats"),
        (RoutingStatus::NotAccepting, "not accepting chats"),
        (RoutingStatus::Offline, "offline"),
    ] {
        let push = Push::AgentStatusChanged { agent: AgentId::new(world::BOT), status };
        let data = json!({ "agent_id": world::BOT, "status": word });
        expect(Action::AgentStatusChanged, push, "agent_status_changed", &data);
    }
}

#[test]
fn additional_data_holds_what_was_asked_for() {
    let all = [Additional::ThreadId, Additional::ChatProperties, Additional::Access];
    let push = || Push::MemberAdded {
        chat: world::chat().id,
        thread: world::thread_id(),
        member: world::member(world::ANN),
    };
    assert_eq!(
        body(Action::MemberAdded, &all, push())["additional_data"],
        json!({ "chat_properties": routing(), "access": { "group_ids": [0] }, "thread_id": "THR0000001" })
    );
    let some = body(Action::MemberAdded, &[Additional::Access], push());
    assert_eq!(some["additional_data"], json!({ "access": { "group_ids": [0] } }));
}

#[test]
fn the_end_of_an_agent_is_told_to_webhooks_only() {
    let push = || Push::AgentDeleted { agent: AgentId::new(world::BOT) };
    expect(Action::AgentDeleted, push(), "agent_deleted", &json!({ "agent_id": world::BOT }));
    for side in [Side::Agent, Side::Customer] {
        assert!(V3_0.push(side, &capture(push()), false).is_none());
    }
}

#[test]
fn registrations_are_shown_as_they_were_given() {
    let webhook = Registration {
        id: EndpointId::new("k3v9q0x7c2m5b8n1z4l6j0h2d"),
        client: ClientId::new("app-7"),
        url: "https://bots.example.org/closed".into(),
        secret_key: "s3cr3t".into(),
        description: Some("closed threads".into()),
        subscription: Subscription {
            action: Action::ThreadClosed,
            filters: Some(Filters { agents_any: Some(vec![AgentId::new(world::ANN)]), ..Filters::default() }),
            additional: None,
        },
        dialect: NUMBER,
        former: None,
    };
    let registered = Done::WebhookRegistered(webhook.id.clone());
    assert_eq!(
        answer(Side::Agent, "register_webhook", registered),
        json!({ "webhook_id": "k3v9q0x7c2m5b8n1z4l6j0h2d" })
    );
    let plain = Registration {
        description: None,
        subscription: Subscription {
            action: Action::EventPosted,
            filters: None,
            additional: Some(vec![Additional::Access, Additional::ChatProperties]),
        },
        ..webhook.clone()
    };
    assert_eq!(
        answer(Side::Agent, "get_webhooks_config", Done::Webhooks(vec![webhook, plain])),
        json!({ "webhooks_config": [
            { "webhook_id": "k3v9q0x7c2m5b8n1z4l6j0h2d", "url": "https://bots.example.org/closed",
              "description": "closed threads", "action": "thread_closed", "secret_key": "s3cr3t",
              "filters": { "chat_member_ids": { "agents_any": ["ann@example.org"] } }, "owner_client_id": "app-7" },
            { "webhook_id": "k3v9q0x7c2m5b8n1z4l6j0h2d", "url": "https://bots.example.org/closed",
              "action": "incoming_event", "secret_key": "s3cr3t", "additional_data": ["access", "chat_properties"],
              "owner_client_id": "app-7" }] })
    );
    assert_eq!(answer(Side::Agent, "unregister_webhook", Done::Nothing), json!({}));
}
