//! Starting, activating, closing and reading chats (spec v3.0, 5.1 and 6).

use switchboard_domain::conversation::command::{Command, OpenThread};
use switchboard_domain::conversation::event::{NewEvent, within};
use switchboard_domain::id::{ConversationId, CustomerId, ThreadId};
use switchboard_domain::limits::INITIAL_EVENTS;

use super::Call;
use super::events::event;
use crate::api::livechat::object::Object;
use crate::engine::dialect::{Ask, Side};
use crate::engine::order::{Failure, Order};

/// `start_chat`
pub(in super::super) fn start_chat(call: &Call<'_>) -> Result<Ask, Failure> {
    let chat = call.args.optional("chat")?.unwrap_or_default();
    let continuous = call.args.flag("continuous")?;
    let open = OpenThread { continuous: Some(continuous), ..open_thread(call, &chat)? };
    call.order(Order::StartChat(open))
}

/// `activate_chat`
pub(in super::super) fn activate_chat(call: &Call<'_>) -> Result<Ask, Failure> {
    let chat: Object<'_> = call.args.required("chat")?;
    let open = OpenThread { continuous: call.args.optional("continuous")?, ..open_thread(call, &chat)? };
    call.order(Order::Chat(chat.required("id")?, Command::Activate(open)))
}

fn open_thread(call: &Call<'_>, chat: &Object<'_>) -> Result<OpenThread, Failure> {
    let thread: Object<'_> = chat.optional("thread")?.unwrap_or_default();
    let (customer, tags) = match call.side {
        Side::Agent => (customer(call, chat)?, thread.optional("tags")?.unwrap_or_default()),
        // Customers neither bring others in nor tag; what they write there is ignored.
        Side::Customer => (None, Vec::new()),
    };
    Ok(OpenThread {
        thread: ThreadId::from_random((call.random)()),
        properties: chat.optional("properties")?.unwrap_or_default(),
        thread_properties: thread.optional("properties")?.unwrap_or_default(),
        access: chat.optional("access")?,
        events: initial_events(call.side, &thread)?,
        tags,
        continuous: None,
        customer,
        follow: call.side == Side::Agent && chat.flag("is_followed")?,
        placement: None,
        ticket: None,
    })
}

fn initial_events(side: Side, thread: &Object<'_>) -> Result<Vec<NewEvent>, Failure> {
    let events: Vec<Object<'_>> = thread.optional("events")?.unwrap_or_default();
    within(&thread.at("events").to_string(), events.len(), INITIAL_EVENTS, "events")?;
    events.iter().map(|new| event(side, new)).collect()
}

/// The one customer that an agent may bring in; it takes the right to change who is in a chat.
fn customer(call: &Call<'_>, chat: &Object<'_>) -> Result<Option<CustomerId>, Failure> {
    let users: Vec<Object<'_>> = chat.optional("users")?.unwrap_or_default();
    let Some(user) = users.first() else { return Ok(None) };
    call.demand(call.scopes().write_meta().is_some())?;
    if users.len() > 1 {
        return Err(chat.invalid("users", "must have at most 1 entry"));
    }
    user.required_choice("type", &[("customer", ())])?;
    user.required("id").map(Some)
}

/// `close_thread`
pub(in super::super) fn close_thread(call: &Call<'_>) -> Result<Ask, Failure> {
    let require_presence = match call.side {
        Side::Agent => call.args.flag("require_requester_presence")?,
        Side::Customer => false,
    };
    call.order(Order::Chat(call.args.required("chat_id")?, Command::Close { require_presence }))
}

/// `get_chat_threads`
pub(in super::super) fn get_chat_threads(call: &Call<'_>) -> Result<Ask, Failure> {
    let chat: ConversationId = call.args.required("chat_id")?;
    let threads: Option<Vec<ThreadId>> = call.args.optional("thread_ids")?;
    call.order(Order::GetThreads(chat, threads))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test may fail loudly")]

    use super::*;
    use crate::api::livechat::v3_0::read::testing::{principal, read, refusal};
    use serde_json::json;
    use switchboard_domain::conversation::access::Access;
    use switchboard_domain::conversation::properties::PropertyValue;
    use switchboard_domain::error::Rejected;
    use switchboard_domain::id::GroupId;

    #[test]
    fn a_chat_starts_with_all_that_was_given() {
        let args = json!({ "continuous": true, "chat": {
            "properties": { "test": { "string_property": "plain", "int_property": { "value": 7 } } },
            "access": { "group_ids": [1, 2] }, "users": [{ "id": CustomerId::from_random(3).to_string(), "type": "customer" }],
            "thread": { "tags": ["refund"], "properties": { "test": { "bool_property": true } },
                        "events": [{ "type": "message", "text": "hello" }] } } });
        let Ok(Order::StartChat(open)) = read(start_chat, &principal(Side::Agent, &["*"]), &args) else {
            panic!()
        };
        assert_eq!(open.properties.get("test", "int_property"), Some(&PropertyValue::Int(7)));
        assert_eq!(
            open.properties.get("test", "string_property"),
            Some(&PropertyValue::Text("plain".into()))
        );
        assert_eq!(open.thread_properties.get("test", "bool_property"), Some(&PropertyValue::Bool(true)));
        assert_eq!(open.access, Some(Access::from_iter([GroupId(1), GroupId(2)])));
        assert_eq!((open.customer, open.continuous), (Some(CustomerId::from_random(3)), Some(true)));
        assert_eq!((open.events.len(), open.tags.len(), open.thread), (1, 1, ThreadId::from_random(5)));

        // A customer's users and tags are ignored, and nothing is needed at all.
        let Ok(Order::StartChat(open)) = read(start_chat, &principal(Side::Customer, &[]), &args) else {
            panic!()
        };
        assert_eq!((open.customer, open.tags.len()), (None, 0));
        let Ok(Order::StartChat(open)) = read(start_chat, &principal(Side::Customer, &[]), &json!({})) else {
            panic!()
        };
        assert_eq!((open.continuous, open.access, open.events.len()), (Some(false), None, 0));
    }

    #[test]
    fn continuous_is_kept_when_an_activation_does_not_name_it() {
        let by = principal(Side::Customer, &[]);
        let args = json!({ "chat": { "id": "CHA0000001" } });
        let Ok(Order::Chat(_, Command::Activate(open))) = read(activate_chat, &by, &args) else { panic!() };
        assert_eq!(open.continuous, None);
        assert_eq!(refusal(read(activate_chat, &by, &json!({}))), "chat: missing");
        assert_eq!(refusal(read(activate_chat, &by, &json!({ "chat": {} }))), "chat.id: missing");
    }

    #[test]
    fn each_refusal_of_a_start_names_its_field() {
        let by = principal(Side::Agent, &["*"]);
        let events = vec![json!({ "type": "message", "text": "x" }); INITIAL_EVENTS + 1];
        for (chat, expected) in [
            (json!([]), "chat: must be an object"),
            (json!({ "access": {} }), "chat.access.group_ids: missing"),
            (
                json!({ "access": { "group_ids": [-1] } }),
                "chat.access.group_ids.0: must be a whole number that is not negative",
            ),
            (json!({ "properties": { "test": 1 } }), "chat.properties.test: must be an object"),
            (json!({ "users": [{}] }), "chat.users.0.type: missing"),
            (json!({ "users": [{ "type": "agent" }] }), "chat.users.0.type: must be one of: customer"),
            (json!({ "users": [{}, {}] }), "chat.users: must have at most 1 entry"),
            (json!({ "thread": { "tags": [1] } }), "chat.thread.tags.0: must be a string"),
            (json!({ "thread": { "events": {} } }), "chat.thread.events: must be a list"),
            (
                json!({ "thread": { "events": [{ "type": "message" }] } }),
                "chat.thread.events.0.text: missing",
            ),
            (
                json!({ "thread": { "events": [{ "type": "message", "text": "x".repeat(16_385) }] } }),
                "chat.thread.events.0.text: must have at most 16384 bytes, has 16385",
            ),
            (
                json!({ "thread": { "events": events } }),
                "chat.thread.events: must have at most 50 events, has 51",
            ),
        ] {
            assert_eq!(refusal(read(start_chat, &by, &json!({ "chat": chat }))), expected);
        }
        assert_eq!(refusal(read(start_chat, &by, &json!({ "continuous": 1 }))), "continuous: must be a bool");
        let writer = principal(Side::Agent, &["chats.conversation--all:rw"]);
        let refused = read(start_chat, &writer, &json!({ "chat": { "users": [{}] } }));
        assert_eq!(refused.err(), Some(Rejected::NoAccess.into()), "bringing somebody in takes chats:rw");
    }

    #[test]
    fn each_refusal_of_reading_or_closing_names_its_field() {
        let agent = principal(Side::Agent, &["*"]);
        assert_eq!(refusal(read(get_chat_threads, &agent, &json!({}))), "chat_id: missing");
        let wrong = json!({ "chat_id": "CHA0000001", "thread_ids": "x" });
        assert_eq!(refusal(read(get_chat_threads, &agent, &wrong)), "thread_ids: must be a list");
        assert_eq!(
            refusal(read(close_thread, &agent, &json!({ "chat_id": 5 }))),
            "chat_id: must be a string"
        );
        let wrong = json!({ "chat_id": "CHA0000001", "require_requester_presence": "yes" });
        assert_eq!(refusal(read(close_thread, &agent, &wrong)), "require_requester_presence: must be a bool");
        let Ok(Order::Chat(_, command)) = read(close_thread, &agent, &json!({ "chat_id": "CHA0000001" }))
        else {
            panic!()
        };
        assert_eq!(command, Command::Close { require_presence: false });
    }
}
