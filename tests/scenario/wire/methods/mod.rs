//! The rows of the methods, one file for each part of the specification.

mod agent_access;
mod agent_chats;
mod agent_customers;
mod agent_events;
mod agent_status;
mod configuration;
mod customer_chats;
mod customer_rest;
mod properties;

use super::table::{Api, Kind, Method, Over};

/// Every row.
pub(crate) fn all() -> impl Iterator<Item = &'static Method> {
    [
        agent_status::ROWS,
        agent_chats::ROWS,
        agent_access::ROWS,
        agent_events::ROWS,
        agent_customers::ROWS,
        customer_chats::ROWS,
        customer_rest::ROWS,
        properties::ROWS,
        configuration::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// The row of a method.
pub(crate) fn find(api: Api, name: &str) -> &'static Method {
    let found = all().find(|method| method.api == api && method.name == name);
    found.unwrap_or_else(|| panic!("no row of {api:?} {name}"))
}

/// `C:ro` of section 5.
const C_RO: &[&str] = &["chats--all:ro", "chats--access:ro", "chats--my:ro"];
/// `C2:ro`
const C2_RO: &[&str] = &["chats--all:ro", "chats--access:ro"];
/// `C:rw`
const C_RW: &[&str] = &["chats--all:rw", "chats--access:rw", "chats--my:rw"];
/// `V:rw`
const V_RW: &[&str] =
    &["chats.conversation--all:rw", "chats.conversation--access:rw", "chats.conversation--my:rw"];

/// Bytes of a message (11).
const MESSAGE: &[Over] = &[Over::Chars(16 * 1024)];
/// Characters of a name (12 #7).
const NAME: &[Over] = &[Over::Chars(256)];
/// Characters of an address (12 #7).
const URL: &[Over] = &[Over::Chars(2048)];
/// Bytes of a property's text (12 #7).
const PROPERTY: &[Over] = &[Over::Chars(4 * 1024)];
/// The bounds of an int32 (4.7).
const INT32: &[Over] = &[Over::Number(i32::MAX as i64 + 1), Over::Number(i32::MIN as i64 - 1)];
/// Pages of up to 100.
const PAGE_100: &[Over] = &[Over::Number(101), Over::Number(-1)];
/// Pages of up to 25.
const PAGE_25: &[Over] = &[Over::Number(26), Over::Number(-1)];
/// Counts from zero.
const NOT_NEGATIVE: &[Over] = &[Over::Number(-1)];
/// Events with a new thread (12 #7).
const INITIAL_EVENTS: &[Over] = &[Over::Items(50)];

/// Ids of a field.
const CHAT: Kind = Kind::Id(super::table::What::Chat);
const THREAD: Kind = Kind::Id(super::table::What::Thread);
const EVENT: Kind = Kind::Id(super::table::What::Event);
const A_CUSTOMER: Kind = Kind::Id(super::table::What::Customer);
const AN_AGENT: Kind = Kind::Id(super::table::What::Agent);
const A_BOT: Kind = Kind::Id(super::table::What::Bot);
const A_WEBHOOK: Kind = Kind::Id(super::table::What::Webhook);
