//! Lists of chats and of a chat's threads, page by page (spec v3.0, 5.1 and 6).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use switchboard_domain::time::Timestamp;

use super::Call;
use super::properties::rules;
use crate::api::livechat::object::Object;
use crate::engine::dialect::Ask;
use crate::engine::order::{Failure, ListChats, ListPlace, ListThreads, Order, PageEdge};

/// Chats on a page that an agent does not size, and the most it may ask for.
const AGENT_PAGE: (u64, u64) = (10, 100);
/// The same for customers.
const CUSTOMER_PAGE: (u64, u64) = (10, 25);
/// Chats that a customer may skip.
const CUSTOMER_OFFSET: u64 = 100;
/// Pages that may be asked for by number.
const PAGES: u64 = 1000;
/// Threads on a page that an agent does not size, and the most it may ask for.
const AGENT_THREADS: (u64, u64) = (10, 100);
/// The same for customers.
const CUSTOMER_THREADS: (u64, u64) = (25, 100);

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
    let edge = match args.optional::<Cow<'_, str>>("page_id")? {
        Some(page) => Some(edge(&page).ok_or_else(|| args.invalid("page_id", "is no page"))?),
        None => None,
    };
    call.order(Order::ListChats(ListChats {
        include_active: filters.optional("include_active")?.unwrap_or(true),
        properties: rules(&properties)?,
        newest_first: newest_first(args)?,
        limit: size(limit),
        offset: size(offset),
        edge,
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
        edge: None,
    }))
}

/// `get_chat_threads_summary` of agents: pages by place.
pub(in super::super) fn threads_for_agent(call: &Call<'_>) -> Result<Ask, Failure> {
    let args = &call.args;
    args.name_ids(&["chat_id"])?;
    let (default, most) = AGENT_THREADS;
    let from = match args.optional::<Cow<'_, str>>("page_id")? {
        Some(page) => Some(thread_place(&page).ok_or_else(|| args.invalid("page_id", "is no page"))?),
        None => None,
    };
    let list = ListThreads {
        newest_first: newest_first(args)?,
        limit: size(args.number("limit", 1, most, default)?),
        offset: 0,
        from,
    };
    call.order(Order::ListThreads(args.required("chat_id")?, list))
}

/// `get_chat_threads_summary` of customers: pages by number, newest thread first.
pub(in super::super) fn threads_for_customer(call: &Call<'_>) -> Result<Ask, Failure> {
    let args = &call.args;
    args.name_ids(&["chat_id"])?;
    let (default, most) = CUSTOMER_THREADS;
    let list = ListThreads {
        newest_first: true,
        limit: size(args.number("limit", 1, most, default)?),
        offset: size(args.number("offset", 0, u64::from(u32::MAX), 0)?),
        from: None,
    };
    call.order(Order::ListThreads(args.required("chat_id")?, list))
}

fn newest_first(args: &Object<'_>) -> Result<bool, Failure> {
    Ok(args.choice("order", &[("desc", true), ("asc", false)])?.unwrap_or(true))
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The name of a page: opaque for clients.
pub(in super::super) fn page_id(edge: PageEdge) -> String {
    let (side, place) = match edge {
        PageEdge::Behind(place) => ("", place),
        PageEdge::Before(place) => (BEFORE, place),
    };
    URL_SAFE_NO_PAD.encode(format!("{side}{}.{}", place.at.as_micros(), place.chat))
}

/// Begins the name of a page that is named by its end.
const BEFORE: &str = "before.";

fn edge(page_id: &str) -> Option<PageEdge> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(page_id).ok()?).ok()?;
    let (edge, rest): (fn(ListPlace) -> PageEdge, &str) = match text.strip_prefix(BEFORE) {
        Some(rest) => (PageEdge::Before, rest),
        None => (PageEdge::Behind, &text),
    };
    let (at, chat) = rest.split_once('.')?;
    Some(edge(ListPlace { at: Timestamp::from_micros(at.parse().ok()?), chat: chat.parse().ok()? }))
}

/// The name of a page of threads, by the order of the thread that it begins with.
pub(in super::super) fn threads_page_id(from: u32) -> String {
    URL_SAFE_NO_PAD.encode(format!("thread.{from}"))
}

fn thread_place(page_id: &str) -> Option<u32> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(page_id).ok()?).ok()?;
    text.strip_prefix("thread.")?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test may fail loudly")]

    use super::*;
    use crate::api::livechat::v3_0::read::testing::{principal, read, refusal};
    use crate::engine::dialect::Side;
    use serde_json::{Value, json};
    use switchboard_domain::conversation::properties::PropertyValue;
    use switchboard_domain::id::ConversationId;
    use switchboard_domain::webhook::PropertyRule;

    fn list(args: &Value) -> ListChats {
        match read(list_for_agent, &principal(Side::Agent, &["*"]), args) {
            Ok(Order::ListChats(list)) => list,
            other => panic!("{other:?}"),
        }
    }

    fn place_of(bits: u64) -> ListPlace {
        ListPlace {
            at: Timestamp::from_micros(1_561_899_990_000_001),
            chat: ConversationId::from_random(bits),
        }
    }

    #[test]
    fn lists_are_bounded_filtered_and_paged() {
        let plain = list(&json!({}));
        assert_eq!(
            (plain.limit, plain.offset, plain.include_active, plain.newest_first),
            (10, 0, true, true)
        );
        for edge in [PageEdge::Behind(place_of(9)), PageEdge::Before(place_of(9))] {
            let paged = list(&json!({ "limit": 100, "order": "asc", "page_id": page_id(edge) }));
            assert_eq!((paged.limit, paged.newest_first, paged.edge), (100, false, Some(edge)));
        }
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
        for (reader, by) in
            [(threads_for_agent as fn(&Call<'_>) -> _, &agent), (threads_for_customer, &customer)]
        {
            assert_eq!(refusal(read(reader, by, &json!({}))), "chat_id: missing");
            let args = json!({ "chat_id": "CHA0000001", "limit": 101 });
            assert_eq!(refusal(read(reader, by, &args)), "limit: must be from 1 to 100");
        }
        for page in ["", "no page", &page_id(PageEdge::Behind(place_of(3)))] {
            let args = json!({ "chat_id": "CHA0000001", "page_id": page });
            assert_eq!(refusal(read(threads_for_agent, &agent, &args)), "page_id: is no page");
        }
    }

    #[test]
    fn threads_are_paged_by_place_for_agents_and_by_number_for_customers() {
        let (agent, customer) = (principal(Side::Agent, &["*"]), principal(Side::Customer, &[]));
        let threads = |reader: fn(&Call<'_>) -> _, by, args| match read(reader, by, &args) {
            Ok(Order::ListThreads(_, list)) => (list.newest_first, list.limit, list.offset, list.from),
            other => panic!("{other:?}"),
        };
        let chat = "CHA0000001";
        let plain = json!({ "chat_id": chat });
        assert_eq!(threads(threads_for_agent, &agent, plain.clone()), (true, 10, 0, None));
        assert_eq!(threads(threads_for_customer, &customer, plain), (true, 25, 0, None));
        let args = json!({ "chat_id": chat, "order": "asc", "limit": 3, "page_id": threads_page_id(7), "offset": 2 });
        assert_eq!(threads(threads_for_agent, &agent, args.clone()), (false, 3, 0, Some(7)));
        assert_eq!(threads(threads_for_customer, &customer, args), (true, 3, 2, None));
    }
}
