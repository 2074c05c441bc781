//! The methods of v3.0: name, API, transports, the scopes that let one call it, and how its
//! arguments are read (spec v3.0, sections 5 to 7). What stands in no line is an unknown action.

use switchboard_domain::auth::{Family, Reach, Right, ScopeSet};

use super::read::{self, Call};
use crate::api::livechat::Api;
use crate::engine::dialect::Ask;
use crate::engine::order::Failure;

/// How a method can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// Over a socket.
    Rtm,
    /// Over HTTP.
    Web,
    /// Over HTTP, as a form with a file.
    Form,
}

/// One method of one API.
pub(super) struct Method {
    name: &'static str,
    api: Api,
    over: &'static [Over],
    /// May a token with these scopes call it at all? A customer's token needs none.
    pub(super) allows: fn(ScopeSet) -> bool,
    /// Reads its arguments. What a scope allows only for some arguments is refused here.
    pub(super) read: fn(&Call<'_>) -> Result<Ask, Failure>,
    /// Makes sense before a login.
    pub(super) before_login: bool,
}

/// The method of that name, when the API has it on that transport.
pub(super) fn find(api: Api, over: Over, name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.api == api && method.name == name && method.over.contains(&over))
}

/// Every method's API and name, for tests that leave none out.
#[cfg(test)]
pub(super) fn names() -> Vec<(Api, &'static str)> {
    METHODS.iter().map(|method| (method.api, method.name)).collect()
}

const RTM: &[Over] = &[Over::Rtm];
const WEB: &[Over] = &[Over::Web];
const FORM: &[Over] = &[Over::Form];
const BOTH: &[Over] = &[Over::Rtm, Over::Web];

const fn method(
    api: Api,
    over: &'static [Over],
    name: &'static str,
    allows: fn(ScopeSet) -> bool,
    read: fn(&Call<'_>) -> Result<Ask, Failure>,
) -> Method {
    Method { name, api, over, allows, read, before_login: false }
}

const fn first(api: Api, name: &'static str, read: fn(&Call<'_>) -> Result<Ask, Failure>) -> Method {
    Method { name, api, over: RTM, allows: anybody, read, before_login: true }
}

static METHODS: &[Method] = &[
    first(Api::Agent, "login", read::agent_login),
    first(Api::Agent, "ping", read::ping),
    method(Api::Agent, RTM, "logout", anybody, read::logout),
    method(Api::Agent, BOTH, "get_chats_summary", reads_chats, read::list_for_agent),
    method(Api::Agent, BOTH, "get_archives", reads_chats, read::get_archives),
    method(Api::Agent, BOTH, "get_chat_threads", reads_beyond_my_chats, read::get_chat_threads),
    method(Api::Agent, BOTH, "start_chat", writes_conversations, read::start_chat),
    method(Api::Agent, BOTH, "get_chat_threads_summary", reads_chats, read::threads_for_agent),
    method(Api::Agent, BOTH, "activate_chat", writes_conversations, read::activate_chat),
    method(Api::Agent, BOTH, "close_thread", writes_chats, read::close_thread),
    method(Api::Agent, BOTH, "follow_chat", may_follow, read::follow_chat),
    method(Api::Agent, BOTH, "unfollow_chat", anybody, read::unfollow_chat),
    method(Api::Agent, BOTH, "send_event", writes_conversations, read::send_event),
    method(Api::Agent, FORM, "send_file", writes_conversations, read::send_event),
    method(Api::Agent, FORM, "upload_file", anybody, read::ping),
    method(Api::Agent, FORM, "upload_image", anybody, read::ping),
    method(Api::Agent, BOTH, "send_typing_indicator", writes_conversations, read::send_typing),
    method(Api::Agent, BOTH, "update_last_seen_timestamp", reads_beyond_my_chats, read::see),
    method(Api::Agent, BOTH, "send_rich_message_postback", writes_conversations, read::send_postback),
    method(Api::Agent, BOTH, "update_chat_properties", writes_conversations, read::update_chat_properties),
    method(Api::Agent, BOTH, "delete_chat_properties", writes_conversations, read::delete_chat_properties),
    method(
        Api::Agent,
        BOTH,
        "update_chat_thread_properties",
        writes_conversations,
        read::update_thread_properties,
    ),
    method(
        Api::Agent,
        BOTH,
        "delete_chat_thread_properties",
        writes_conversations,
        read::delete_thread_properties,
    ),
    method(Api::Agent, BOTH, "update_event_properties", writes_conversations, read::update_event_properties),
    method(Api::Agent, BOTH, "delete_event_properties", writes_conversations, read::delete_event_properties),
    method(Api::Agent, BOTH, "grant_access", writes_chats, read::grant_access),
    method(Api::Agent, BOTH, "revoke_access", writes_chats, read::revoke_access),
    method(Api::Agent, BOTH, "set_access", writes_chats, read::set_access),
    method(Api::Agent, BOTH, "tag_chat_thread", writes_chats, read::tag),
    method(Api::Agent, BOTH, "untag_chat_thread", writes_chats, read::untag),
    // Of these two, moving oneself asks for less: the arguments decide.
    method(Api::Agent, BOTH, "add_user_to_chat", may_join, read::add_user),
    method(Api::Agent, BOTH, "remove_user_from_chat", anybody, read::remove_user),
    method(Api::Agent, BOTH, "transfer_chat", writes_chats, read::transfer_chat),
    method(Api::Agent, BOTH, "update_agent", writes_agents, read::update_agent),
    method(Api::Agent, BOTH, "multicast", multicasts, read::multicast),
    method(Api::Agent, BOTH, "get_customers", reads_customers, read::get_customers),
    method(Api::Agent, BOTH, "create_customer", writes_customers, read::create_customer),
    method(Api::Agent, BOTH, "update_customer", writes_customers, read::update_customer),
    method(Api::Agent, BOTH, "ban_customer", bans, read::ban_customer),
    method(Api::Agent, RTM, "set_away_status", writes_agents, read::set_away),
    first(Api::Customer, "login", read::customer_login),
    first(Api::Customer, "ping", read::ping),
    method(Api::Customer, BOTH, "get_chats_summary", anybody, read::list_for_customer),
    method(Api::Customer, BOTH, "get_chat_threads", anybody, read::get_chat_threads),
    method(Api::Customer, BOTH, "start_chat", anybody, read::start_chat),
    method(Api::Customer, BOTH, "activate_chat", anybody, read::activate_chat),
    method(Api::Customer, BOTH, "close_thread", anybody, read::close_thread),
    method(Api::Customer, BOTH, "send_event", anybody, read::send_event),
    method(Api::Customer, FORM, "send_file", anybody, read::send_event),
    method(Api::Customer, FORM, "upload_file", anybody, read::ping),
    method(Api::Customer, BOTH, "get_chat_threads_summary", anybody, read::threads_for_customer),
    method(Api::Customer, BOTH, "send_rich_message_postback", anybody, read::send_postback),
    method(Api::Customer, BOTH, "update_chat_properties", anybody, read::update_chat_properties),
    method(Api::Customer, BOTH, "delete_chat_properties", anybody, read::delete_chat_properties),
    method(Api::Customer, BOTH, "update_chat_thread_properties", anybody, read::update_thread_properties),
    method(Api::Customer, BOTH, "delete_chat_thread_properties", anybody, read::delete_thread_properties),
    method(Api::Customer, BOTH, "update_event_properties", anybody, read::update_event_properties),
    method(Api::Customer, BOTH, "delete_event_properties", anybody, read::delete_event_properties),
    method(Api::Customer, BOTH, "send_sneak_peek", anybody, read::send_sneak_peek),
    method(Api::Customer, BOTH, "update_last_seen_timestamp", anybody, read::see),
    method(Api::Customer, BOTH, "update_customer", anybody, read::update_oneself),
    method(Api::Customer, BOTH, "set_customer_fields", anybody, read::set_fields),
    method(Api::Customer, RTM, "update_customer_page", anybody, read::open_page),
    method(Api::Customer, BOTH, "get_groups_status", anybody, read::get_groups_status),
    method(Api::Customer, BOTH, "get_predicted_agent", anybody, read::get_predicted_agent),
    method(Api::Customer, BOTH, "get_form", anybody, read::get_form),
    method(Api::Customer, BOTH, "get_url_details", anybody, read::get_url_details),
    method(Api::Configuration, WEB, "create_bot_agent", writes_bots, read::create_bot),
    method(Api::Configuration, WEB, "update_bot_agent", writes_bots, read::update_bot),
    method(Api::Configuration, WEB, "remove_bot_agent", writes_bots, read::remove_bot),
    method(Api::Configuration, WEB, "get_bot_agents", reads_bots, read::list_bots),
    method(Api::Configuration, WEB, "get_bot_agent_details", reads_bots, read::get_bot),
    method(Api::Configuration, WEB, "register_webhook", writes_webhooks, read::register_webhook),
    method(Api::Configuration, WEB, "get_webhooks_config", reads_webhooks, read::list_webhooks),
    method(Api::Configuration, WEB, "unregister_webhook", writes_webhooks, read::unregister_webhook),
    method(Api::Configuration, WEB, "create_properties", writes_properties, read::create_properties),
    method(Api::Configuration, WEB, "get_property_configs", reads_properties, read::list_properties),
];

const fn anybody(_: ScopeSet) -> bool {
    true
}

fn reads_chats(scopes: ScopeSet) -> bool {
    scopes.read_chats().is_some()
}

fn reads_beyond_my_chats(scopes: ScopeSet) -> bool {
    scopes.read_chats() >= Some(Reach::Access)
}

fn writes_conversations(scopes: ScopeSet) -> bool {
    scopes.write_conversation().is_some()
}

fn writes_chats(scopes: ScopeSet) -> bool {
    scopes.write_meta().is_some()
}

/// The sources name two sets; either is enough (5.1).
fn may_follow(scopes: ScopeSet) -> bool {
    writes_chats(scopes) || reads_beyond_my_chats(scopes)
}

/// One has to join to write, so the widest right to write lets one join (3.4).
fn may_join(scopes: ScopeSet) -> bool {
    writes_chats(scopes) || scopes.reach(Family::Conversation, Right::Write) == Some(Reach::All)
}

fn writes_agents(scopes: ScopeSet) -> bool {
    scopes.reach(Family::Agents, Right::Write).is_some()
}

fn multicasts(scopes: ScopeSet) -> bool {
    scopes.reach(Family::Multicast, Right::Write).is_some()
}

fn reads_customers(scopes: ScopeSet) -> bool {
    scopes.reach(Family::Customers, Right::Read).is_some()
}

fn writes_customers(scopes: ScopeSet) -> bool {
    scopes.reach(Family::Customers, Right::Write).is_some()
}

fn bans(scopes: ScopeSet) -> bool {
    scopes.reach(Family::Ban, Right::Write).is_some()
}

fn reads_bots(scopes: ScopeSet) -> bool {
    scopes.reach(Family::Bots, Right::Read).is_some()
}

fn writes_bots(scopes: ScopeSet) -> bool {
    scopes.reach(Family::Bots, Right::Write).is_some()
}

fn reads_webhooks(scopes: ScopeSet) -> bool {
    scopes.reach(Family::Webhooks, Right::Read).is_some()
}

fn writes_webhooks(scopes: ScopeSet) -> bool {
    scopes.reach(Family::Webhooks, Right::Write).is_some()
}

fn reads_properties(scopes: ScopeSet) -> bool {
    scopes.reach(Family::Properties, Right::Read).is_some()
}

fn writes_properties(scopes: ScopeSet) -> bool {
    scopes.reach(Family::Properties, Right::Write).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_method_stands_twice() {
        let names: BTreeSet<_> = METHODS.iter().map(|m| (format!("{:?}", m.api), m.name)).collect();
        assert_eq!(names.len(), METHODS.len());
    }

    #[test]
    fn each_method_asks_for_its_scopes() {
        let with = |names: &[&str]| names.iter().filter_map(|name| name.parse().ok()).collect::<ScopeSet>();
        for (api, name, enough, too_little) in [
            (Api::Agent, "get_chats_summary", "chats--my:ro", "agents--all:rw"),
            (Api::Agent, "get_archives", "chats--my:ro", "agents--all:rw"),
            (Api::Agent, "get_chat_threads", "chats--access:ro", "chats--my:rw"),
            (Api::Agent, "start_chat", "chats.conversation--my:rw", "chats--all:ro"),
            (Api::Agent, "close_thread", "chats--my:rw", "chats.conversation--all:rw"),
            (Api::Agent, "send_event", "chats--my:rw", "chats--all:ro"),
            (Api::Agent, "activate_chat", "chats.conversation--my:rw", "chats--all:ro"),
            (Api::Agent, "get_chat_threads_summary", "chats--my:ro", "customers:ro"),
            (Api::Agent, "follow_chat", "chats--access:ro", "chats--my:ro"),
            (Api::Agent, "follow_chat", "chats--my:rw", "chats.conversation--my:rw"),
            (Api::Agent, "send_typing_indicator", "chats.conversation--my:rw", "chats--all:ro"),
            (Api::Agent, "update_last_seen_timestamp", "chats--access:ro", "chats--my:rw"),
            (Api::Agent, "update_chat_properties", "chats.conversation--my:rw", "chats--all:ro"),
            (Api::Agent, "delete_event_properties", "chats--my:rw", "chats--all:ro"),
            (Api::Agent, "send_rich_message_postback", "chats.conversation--my:rw", "chats--all:ro"),
            (Api::Agent, "set_access", "chats--my:rw", "chats.conversation--all:rw"),
            (Api::Agent, "tag_chat_thread", "chats--my:rw", "chats.conversation--all:rw"),
            (Api::Agent, "untag_chat_thread", "chats--my:rw", "chats.conversation--all:rw"),
            (Api::Agent, "add_user_to_chat", "chats.conversation--all:rw", "chats.conversation--access:rw"),
            (Api::Agent, "update_agent", "agents--my:rw", "chats--all:rw"),
            (Api::Agent, "multicast", "multicast:rw", "chats--all:rw"),
            (Api::Agent, "get_customers", "customers:ro", "customers.ban:rw"),
            (Api::Agent, "create_customer", "customers:rw", "customers:ro"),
            (Api::Agent, "update_customer", "customers:rw", "customers.ban:rw"),
            (Api::Agent, "ban_customer", "customers.ban:rw", "customers:rw"),
            (Api::Agent, "transfer_chat", "chats--my:rw", "chats.conversation--all:rw"),
            (Api::Configuration, "create_bot_agent", "agents-bot--my:rw", "agents-bot--all:ro"),
            (Api::Configuration, "remove_bot_agent", "agents-bot--all:rw", "webhooks--all:rw"),
            (Api::Configuration, "get_bot_agents", "agents-bot--my:ro", "chats--all:rw"),
            (Api::Configuration, "register_webhook", "webhooks--my:rw", "webhooks--all:ro"),
            (Api::Configuration, "get_webhooks_config", "webhooks--my:ro", "agents-bot--all:rw"),
            (Api::Configuration, "unregister_webhook", "webhooks--all:rw", "webhooks--all:ro"),
            (Api::Configuration, "create_properties", "properties--my:rw", "properties--all:ro"),
            (Api::Configuration, "get_property_configs", "properties--all:ro", "agents-bot--all:ro"),
        ] {
            let method = find(api, Over::Web, name);
            assert!(method.is_some_and(|method| (method.allows)(with(&[enough]))), "{name} with {enough}");
            assert!(
                method.is_some_and(|method| !(method.allows)(with(&[too_little]))),
                "{name} with {too_little}"
            );
        }
    }

    #[test]
    fn an_action_is_known_only_where_it_is_served() {
        for name in ["login", "logout", "ping"] {
            assert!(
                find(Api::Agent, Over::Rtm, name).is_some() && find(Api::Agent, Over::Web, name).is_none()
            );
        }
        assert!(find(Api::Customer, Over::Rtm, "logout").is_none());
        assert!(find(Api::Agent, Over::Rtm, "send_sneak_peek").is_none());
        assert!(find(Api::Customer, Over::Rtm, "send_typing_indicator").is_none());
        assert!(find(Api::Agent, Over::Rtm, "create_bot_agent").is_none());
        assert!(find(Api::Configuration, Over::Web, "send_event").is_none());
    }
}
