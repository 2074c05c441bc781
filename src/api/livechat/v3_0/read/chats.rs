//! Starting, activating, closing, listing and reading chats (spec v3.0, 5.1 and 6).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use switchboard_domain::conversation::command::{Command, OpenThread};
use switchboard_domain::conversation::event::{NewEvent, within};
use switchboard_domain::id::{ConversationId, CustomerId, ThreadId};
use switchboard_domain::limits::INITIAL_EVENTS;
use switchboard_domain::time::Timestamp;

use super::Call;
use super::events::event;
use super::properties::rules;
use crate::api::livechat::object::Object;
use crate::engine::dialect::{Ask, Side};
use crate::engine::order::{Failure, ListChats, ListPlace, Order};

/// Chats on a page that an agent does not size, and the most it may ask for.
const AGENT_PAGE: (u64, u64) = (10, 100);
/// The same for customers.
const CUSTOMER_PAGE: (u64, u64) = (10, 25);
/// Chats that a customer may skip.
const CUSTOMER_OFFSET: u64 = 100;
/// Pages that may be asked for by number.
const PAGES: u64 = 1000;

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

/// `get_chats_summary` of agents: pages by place, and by number for an older text.
pub(in super::super) fn list_for_agent(call: &Call<'_>) -> Result<Ask, Failure> {
    let args = &call.args;
    let (default, most) = AGENT_PAGE;
    let filters: Object<'_> = args.optional("filters")?.unwrap_or_default();
    let properties: Object<'_> = filters.optional("properties")?.unwrap_or_default();
    let (limit, offset) = match args.optional::<Object<'_>>("pagination")? {
        Some(pagination) => {
            let limit = pagination.number("limit", 1, most, default)?;
            (limit, (pagination.number("page", 1, PAGES, 1)? - 1) * limit)
        }
        None => (args.number("limit", 1, most, default)?, 0),
    };
    let after = match args.optional::<Cow<'_, str>>("page_id")? {
        Some(page) => Some(place(&page).ok_or_else(|| args.invalid("page_id", "is no page"))?),
        None => None,
    };
    call.order(Order::ListChats(ListChats {
        include_active: filters.optional("include_active")?.unwrap_or(true),
        properties: rules(&properties)?,
        newest_first: args.choice("order", &[("desc", true), ("asc", false)])?.unwrap_or(true),
        limit: size(limit),
        offset: size(offset),
        after,
    }))
}

/// `get_chats_summary` of customers: pages by number.
pub(in super::super) fn list_for_customer(call: &Call<'_>) -> Result<Ask, Failure> {
    let (default, most) = CUSTOMER_PAGE;
    call.order(Order::ListChats(ListChats {
        include_active: true,
        properties: Vec::new(),
        newest_first: true,
        limit: size(call.args.number("limit", 1, most, default)?),
        offset: size(call.args.number("offset", 0, CUSTOMER_OFFSET, 0)?),
        after: None,
    }))
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The name of a page: opaque for clients.
pub(in super::super) fn page_id(place: ListPlace) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{}", place.at.as_micros(), place.chat))
}

fn place(page_id: &str) -> Option<ListPlace> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(page_id).ok()?).ok()?;
    let (at, chat) = text.split_once('.')?;
    Some(ListPlace { at: Timestamp::from_micros(at.parse().ok()?), chat: chat.parse().ok()? })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::api::livechat::v3_0::read::testing::{principal, read, refusal};
    use serde_json::{Value, json};
    use switchboard_domain::conversation::access::Access;
    use switchboard_domain::conversation::properties::PropertyValue;
    use switchboard_domain::error::Rejected;
    use switchboard_domain::id::GroupId;
    use switchboard_domain::webhook::PropertyRule;

    fn list(args: &Value) -> ListChats {
        match read(list_for_agent, &principal(Side::Agent, &["*"]), args) {
            Ok(Order::ListChats(list)) => list,
            other => panic!("{other:?}"),
        }
    }

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
        assert_eq!(open.access, Some(Access { groups: [GroupId(1), GroupId(2)].into() }));
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
    fn lists_are_bounded_filtered_and_paged() {
        let plain = list(&json!({}));
        assert_eq!(
            (plain.limit, plain.offset, plain.include_active, plain.newest_first),
            (10, 0, true, true)
        );
        let place_ = ListPlace {
            at: Timestamp::from_micros(1_561_899_990_000_001),
            chat: ConversationId::from_random(9),
        };
        let paged = list(&json!({ "limit": 100, "order": "asc", "page_id": page_id(place_) }));
        assert_eq!((paged.limit, paged.newest_first, paged.after), (100, false, Some(place_)));
        let older = list(&json!({ "pagination": { "page": 3, "limit": 20 } }));
        assert_eq!((older.limit, older.offset), (20, 40));
        let filters = json!({ "filters": { "include_active": false, "properties": { "source": {
            "type": { "values": ["sms", "mail"] }, "client_id": { "exists": false } }, "rating": { "score": { "exclude_values": [1] } } } } });
        let filtered = list(&filters);
        assert!(!filtered.include_active);
        let tests: Vec<_> =
            filtered.properties.iter().map(|rule| (&*rule.namespace, &*rule.name, &rule.rule)).collect();
        let text = |t: &str| PropertyValue::Text(t.into());
        assert_eq!(
            tests,
            [
                ("source", "type", &PropertyRule::Values(vec![text("sms"), text("mail")])),
                ("source", "client_id", &PropertyRule::Exists(false)),
                ("rating", "score", &PropertyRule::ExcludeValues(vec![PropertyValue::Int(1)])),
            ]
        );
    }

    #[test]
    fn each_refusal_of_a_list_names_its_field() {
        let agent = principal(Side::Agent, &["*"]);
        for (args, expected) in [
            (json!({ "limit": 101 }), "limit: must be from 1 to 100"),
            (json!({ "limit": 0 }), "limit: must be from 1 to 100"),
            (json!({ "limit": -1 }), "limit: must be a whole number that is not negative"),
            (json!({ "order": "sideways" }), "order: must be one of: desc, asc"),
            (json!({ "page_id": "no such page" }), "page_id: is no page"),
            (json!({ "filters": [] }), "filters: must be an object"),
            (
                json!({ "filters": { "properties": { "a": { "b": {} } } } }),
                "filters.properties.a.b: must have exactly one of: exists, values, exclude_values",
            ),
            (json!({ "pagination": { "page": 0 } }), "pagination.page: must be from 1 to 1000"),
        ] {
            assert_eq!(refusal(read(list_for_agent, &agent, &args)), expected);
        }
        let customer = principal(Side::Customer, &[]);
        for (args, expected) in [
            (json!({ "limit": 26 }), "limit: must be from 1 to 25"),
            (json!({ "offset": 101 }), "offset: must be from 0 to 100"),
        ] {
            assert_eq!(refusal(read(list_for_customer, &customer, &args)), expected);
        }
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
        assert_eq!(
            place(&page_id(ListPlace { at: Timestamp::default(), chat: ConversationId::from_random(1) }))
                .unwrap()
                .chat,
            ConversationId::from_random(1)
        );
    }
}
