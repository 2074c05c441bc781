//! Frames of LiveChat v3.0: reading what is asked, writing what is answered and told.

use std::hint::black_box;
use std::sync::Arc;

use criterion::Criterion;
use serde_json::{Value, json};
use switchboard::api::livechat::dialects;
use switchboard::engine::dialect::{FrameHead, Side};
use switchboard::engine::order::{Done, Shown};
use switchboard::engine::profiles::Profiles;
use switchboard_domain::auth::{Principal, ScopeSet};
use switchboard_domain::conversation::event::{Event, EventBody, Visibility};
use switchboard_domain::conversation::properties::{Properties, PropertyTable};
use switchboard_domain::conversation::push::{Address, Push, Told};
use switchboard_domain::id::{AgentId, ConversationId, EventId, ThreadId, UserId};
use switchboard_domain::time::Timestamp;

use crate::conversation::customer;

const CHAT: &str = "PJ0MRSHTDG";

/// A request of each kind: its method and what it says.
fn requests() -> Vec<(&'static str, Value)> {
    let event = json!({ "type": "message", "text": "x".repeat(200), "recipients": "all" });
    vec![
        ("login", json!({ "token": "Bearer dal:test_ilXPzQtlCWPVNbqyBvGdFHjqnUq5lQ" })),
        ("ping", json!({})),
        (
            "get_chats_summary",
            json!({ "filters": { "include_active": true }, "pagination": { "limit": 25 } }),
        ),
        ("get_chat_threads", json!({ "chat_id": CHAT, "thread_ids": ["K600PKZON8"] })),
        ("start_chat", json!({ "chat": { "thread": { "events": [event] } }, "continuous": true })),
        ("send_event", json!({ "chat_id": CHAT, "event": event })),
        ("add_user_to_chat", json!({ "chat_id": CHAT, "user_id": "a@example.com", "user_type": "agent" })),
        (
            "transfer_chat",
            json!({ "chat_id": CHAT, "target": { "type": "group", "ids": [1] }, "force": true }),
        ),
        ("close_thread", json!({ "chat_id": CHAT })),
        ("tag_chat_thread", json!({ "chat_id": CHAT, "thread_id": "K600PKZON8", "tag": "bug" })),
        ("update_last_seen_timestamp", json!({ "chat_id": CHAT })),
        ("send_typing_indicator", json!({ "chat_id": CHAT, "recipients": "all", "is_typing": true })),
        (
            "update_chat_properties",
            json!({ "chat_id": CHAT, "properties": { "rating": { "score": { "value": 1 } } } }),
        ),
    ]
}

fn event() -> Arc<Event> {
    Arc::new(Event {
        details: None,
        number: 0,
        id: EventId { thread: ThreadId::from_random(7), order: 12 },
        custom_id: None,
        created_at: Timestamp::from_secs(1_700_000_000),
        author: Some(customer().user),
        visibility: Visibility::All,
        properties: Properties::default(),
        body: EventBody::Message { text: "x".repeat(200), postback: None },
    })
}

pub(crate) fn benches(criterion: &mut Criterion) {
    let [(_, dialect), ..] = dialects();
    let agent = Principal {
        scopes: ScopeSet::all(),
        user: UserId::Agent(AgentId::new("agent@example.com")),
        ..customer()
    };
    let mut group = criterion.benchmark_group("wire");
    for (action, payload) in requests() {
        let text = json!({ "request_id": "17", "action": action, "payload": payload }).to_string();
        group.bench_function(format!("read {action}"), |b| {
            b.iter(|| dialect.read(Side::Agent, Some(&agent), black_box(&text)));
        });
    }
    let event = event();
    let push = Push::EventPosted {
        chat: ConversationId::from_random(5),
        thread: event.id.thread,
        event: Arc::clone(&event),
    };
    let capture = Shown {
        desk: None,
        what: Arc::new(Told { push, to: Address::nobody(), main: true, seq: None }),
        profiles: Profiles::default(),
        properties: Arc::new(PropertyTable::built_in()),
    };
    group.bench_function("write incoming_event", |b| {
        b.iter(|| dialect.push(Side::Agent, black_box(&capture), false));
    });
    let head = FrameHead { request_id: Some("17".into()), action: "send_event".into() };
    let outcome = Ok(Done::Posted { thread: event.id.thread, event });
    group.bench_function("write the answer to send_event", |b| {
        b.iter(|| dialect.answer(Side::Agent, &head, black_box(&outcome), Some(&agent)));
    });
    group.finish();
}
