//! What goes over the wire, compared with the samples of the specification.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may fail loudly")]

mod answers;
mod archives;
mod changes;
mod customers;
mod frames;
mod pushes;
mod webhooks;

use serde_json::{Value, json};

use super::show::testing::{ANN, MIA};

/// A user object of each kind on each side, as in the samples.
pub(super) fn ann(for_agents: bool) -> Value {
    let mut ann = json!({ "id": ANN, "type": "agent", "name": "Ann", "avatar": "", "present": true,
                          "last_seen_timestamp": 1_561_900_000 });
    if for_agents {
        ann["email"] = json!(ANN);
        ann["routing_status"] = json!("accepting_chats");
    }
    ann
}

pub(super) fn mia(for_agents: bool) -> Value {
    let mut mia = json!({ "id": MIA, "type": "customer", "name": "Mia", "email": "mia@example.com",
                          "fields": { "plan": "free" }, "present": true, "last_seen_timestamp": 1_561_900_000 });
    if for_agents {
        mia["created_at"] = json!("2019-06-30T12:00:00.000000Z");
    }
    mia
}

pub(super) fn hello() -> Value {
    json!({ "id": "THR0000001_1", "order": 1, "timestamp": 1_561_899_990, "type": "message",
            "author_id": ANN, "recipients": "all", "text": "hello" })
}

pub(super) fn note() -> Value {
    json!({ "id": "THR0000001_2", "order": 2, "timestamp": 1_561_899_990, "type": "message",
            "author_id": ANN, "recipients": "agents", "text": "secret" })
}

pub(super) fn routing() -> Value {
    json!({ "routing": { "idle": { "value": false }, "unassigned": { "value": false } } })
}

pub(super) fn thread(for_agents: bool) -> Value {
    let mut thread = json!({ "id": "THR0000001", "timestamp": 1_561_899_990, "active": true, "order": 1,
        "user_ids": [MIA, ANN], "events": [hello()], "properties": routing(), "access": { "group_ids": [0] } });
    if for_agents {
        thread["events"] = json!([hello(), note()]);
        thread["tags"] = json!(["refund"]);
    }
    thread
}

/// A chat with its thread, followed or not, as both sides see it in pushes.
pub(super) fn started(for_agents: bool, follows: bool) -> Value {
    let mut chat = json!({ "id": "CHA0000001", "users": [mia(for_agents), ann(for_agents)],
        "properties": routing(), "access": { "group_ids": [0] }, "thread": thread(for_agents) });
    if for_agents {
        chat["is_followed"] = json!(follows);
    } else {
        chat["order"] = json!(1_561_899_990);
    }
    json!({ "chat": chat })
}
