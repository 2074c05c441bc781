//! A small world to show in tests: Ann, her bot, Mia, and their chat.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Arc;

use serde::Serialize;
use switchboard_domain::conversation::access::Access;
use switchboard_domain::conversation::event::{Event, EventBody, EventKind, SystemMessage, Visibility};
use switchboard_domain::conversation::properties::{Properties, PropertyTable, PropertyValue};
use switchboard_domain::conversation::view::{ChatView, LastEvent, Member, Summary, ThreadLine, ThreadView};
use switchboard_domain::id::{AgentId, ClientId, EventId, ThreadId, UserId};
use switchboard_domain::participant::agent::Role;
use switchboard_domain::participant::customer::Customer;
use switchboard_domain::participant::{Departure, Duty, RoutingStatus};
use switchboard_domain::time::Timestamp;

use super::Lens;
use crate::engine::dialect::Side;
use crate::engine::order::Shown;
use crate::engine::profiles::{AgentProfile, Profiles};

pub(in crate::api::livechat) const ANN: &str = "ann@example.org";
pub(in crate::api::livechat) const BOT: &str = "0f3b6f5e9c1d4a7b8e2f60718293a4b5";
pub(in crate::api::livechat) const MIA: &str = "3f2a6c1e-5b7d-4e8f-9a01-b2c3d4e5f607";
pub(in crate::api::livechat) const CHAT: &str = "CHA0000001";
pub(in crate::api::livechat) const THREAD: &str = "THR0000001";

const OPENED: Timestamp = Timestamp::from_secs(1_561_899_990);
const SEEN: Timestamp = Timestamp::from_secs(1_561_900_000);

pub(in crate::api::livechat) fn as_json(value: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap()
}

/// Owns what a lens looks through.
pub(in crate::api::livechat) struct World(Shown<()>);

impl World {
    pub(super) fn side(&self, side: Side) -> Lens<'_> {
        Lens::of(side, &self.0)
    }
}

pub(in crate::api::livechat) fn lens() -> World {
    World(shown(()))
}

/// Anything, with the profiles of everybody.
pub(in crate::api::livechat) fn shown<T>(what: T) -> Shown<T> {
    let mut profiles = Profiles::default();
    profiles.add_agent(ann());
    profiles.add_agent(Arc::new(AgentProfile {
        id: AgentId::new(BOT),
        name: "Parcel bot".into(),
        avatar: "cdn.example.org/p.png".into(),
        role: Role::Normal,
        bot_of: Some(ClientId::new("app-7")),
        duty: Duty::default(),
        ..(*ann()).clone()
    }));
    profiles.add_customer(mia());
    Shown { what, profiles, properties: Arc::new(PropertyTable::built_in()), desk: None }
}

pub(in crate::api::livechat) fn ann() -> Arc<AgentProfile> {
    Arc::new(AgentProfile {
        desk: false,
        number: 1,
        id: AgentId::new(ANN),
        name: "Ann".into(),
        avatar: "".into(),
        role: Role::Administrator,
        bot_of: None,
        duty: Duty { status: RoutingStatus::Accepting, ..Duty::default() },
        removed: false,
        version: 1,
        in_grace: false,
        departure: Departure::default(),
        changed_at: Timestamp::default(),
        away: false,
        since: Timestamp::default(),
    })
}

pub(in crate::api::livechat) fn mia() -> Arc<Customer> {
    let mut mia = Customer::new(MIA.parse().unwrap(), 1, Timestamp::from_secs(1_561_896_000));
    mia.name = Some("Mia".into());
    mia.email = Some("mia@example.com".into());
    mia.fields.insert("plan".into(), "free".into());
    Arc::new(mia)
}

pub(in crate::api::livechat) fn user(id: &str) -> UserId {
    id.parse().map_or_else(|_| UserId::Agent(AgentId::new(id)), UserId::Customer)
}

pub(in crate::api::livechat) fn member(id: &str) -> Member {
    Member { user: user(id), present: true, seen_at: Some(SEEN), joined_at: SEEN }
}

pub(in crate::api::livechat) fn event(order: u32, text: &str) -> Event {
    Event {
        details: None,
        number: 0,
        id: EventId { thread: thread_id(), order },
        custom_id: None,
        created_at: OPENED,
        author: Some(user(ANN)),
        visibility: Visibility::All,
        properties: Properties::default(),
        body: EventBody::Message { text: text.into(), postback: None },
    }
}

pub(in crate::api::livechat) fn note(order: u32) -> Event {
    Event { visibility: Visibility::Agents, ..event(order, "secret") }
}

pub(in crate::api::livechat) fn assigned(order: u32) -> Event {
    let vars = vec![("agent".into(), "Ann".into())];
    let message = SystemMessage { kind: "routing.assigned".into(), text: "Ann takes the chat".into(), vars };
    Event { author: None, body: EventBody::System(message), ..event(order, "") }
}

pub(in crate::api::livechat) fn thread_id() -> ThreadId {
    THREAD.parse().unwrap()
}

fn routing() -> Properties {
    let mut properties = Properties::default();
    properties.set("routing", "idle", PropertyValue::Bool(false));
    properties.set("routing", "unassigned", PropertyValue::Bool(false));
    properties
}

/// Mia and Ann talk; Ann left a note.
pub(in crate::api::livechat) fn thread() -> ThreadView {
    ThreadView {
        id: thread_id(),
        order: 1,
        created_at: OPENED,
        active: true,
        users: vec![user(MIA), user(ANN)],
        events: vec![Arc::new(event(1, "hello")), Arc::new(note(2))],
        properties: routing(),
        tags: vec!["refund".into()],
    }
}

pub(in crate::api::livechat) fn chat() -> ChatView {
    ChatView {
        desk: None,
        number: 0,
        id: CHAT.parse().unwrap(),
        customer: Some(MIA.parse().unwrap()),
        members: vec![member(MIA), member(ANN)],
        access: Access::default(),
        properties: routing(),
        followers: [AgentId::new(ANN)].into(),
        last_activity: OPENED,
        active: true,
    }
}

pub(in crate::api::livechat) fn line() -> ThreadLine {
    ThreadLine { id: thread_id(), order: 1, events: 2, visible_events: 1, active: true }
}

pub(in crate::api::livechat) fn summary() -> Summary {
    let last = |event| {
        let last = LastEvent { thread: thread_id(), thread_order: 1, event: Arc::new(event) };
        (EventKind::Message, last)
    };
    Summary {
        chat: chat(),
        last_thread: Some(ThreadView { events: Vec::new(), ..thread() }),
        last_events: vec![last(note(2))],
        last_visible: vec![last(event(1, "hello"))],
        unread_by_customer: true,
    }
}
