//! Every push of section 8 with its audience, and every webhook action of 9.2.

use super::table::Role;

/// One push that agents hear.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) name: &'static str,
    pub(crate) audience: Audience,
    /// The customer of the chat (or of the push) hears it, too.
    pub(crate) customers: bool,
    /// There is a webhook of that name.
    pub(crate) webhook: bool,
}

/// The audience classes of 8.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Agents with access to the chat.
    K,
    /// Members and followers.
    Mf,
    /// All agents of the license.
    G,
    /// The row of the method says who.
    Chosen,
    /// The connection itself.
    Own,
}

impl Audience {
    /// The agents among the people around a chat.
    pub(crate) fn agents(self) -> &'static [Role] {
        match self {
            Self::K => &[Role::Holder, Role::Follower, Role::Colleague],
            Self::Mf => &[Role::Holder, Role::Follower],
            Self::G => &[Role::Holder, Role::Follower, Role::Colleague, Role::Outsider],
            Self::Chosen | Self::Own => &[],
        }
    }
}

const fn push(name: &'static str, audience: Audience, customers: bool, webhook: bool) -> Push {
    Push { name, audience, customers, webhook }
}

/// The 31 pushes of the Agent Chat API (8.2).
pub(crate) const AGENT: [Push; 31] = [
    push("incoming_chat_thread", Audience::K, true, true),
    push("thread_closed", Audience::K, true, true),
    push("access_granted", Audience::K, false, true),
    push("access_revoked", Audience::K, false, true),
    push("access_set", Audience::K, true, true),
    push("chat_transferred", Audience::K, true, false),
    push("chat_user_added", Audience::K, true, true),
    push("chat_user_removed", Audience::K, true, true),
    push("incoming_event", Audience::Mf, true, true),
    push("event_updated", Audience::Mf, true, true),
    push("incoming_rich_message_postback", Audience::Mf, true, true),
    push("chat_properties_updated", Audience::Mf, true, true),
    push("chat_properties_deleted", Audience::Mf, true, true),
    push("chat_thread_properties_updated", Audience::Mf, true, true),
    push("chat_thread_properties_deleted", Audience::Mf, true, true),
    push("event_properties_updated", Audience::Mf, true, true),
    push("event_properties_deleted", Audience::Mf, true, true),
    push("chat_thread_tagged", Audience::K, false, true),
    push("chat_thread_untagged", Audience::K, false, true),
    push("last_seen_timestamp_updated", Audience::Mf, true, true),
    push("incoming_typing_indicator", Audience::Mf, true, false),
    push("incoming_sneak_peek", Audience::Mf, false, false),
    push("incoming_multicast", Audience::Chosen, false, false),
    push("customer_created", Audience::G, false, true),
    push("customer_updated", Audience::G, true, false),
    push("customer_visit_started", Audience::G, false, false),
    push("customer_page_updated", Audience::G, true, false),
    push("customer_visit_ended", Audience::G, false, false),
    push("customer_banned", Audience::G, false, false),
    push("agent_updated", Audience::G, false, false),
    push("agent_disconnected", Audience::Own, false, false),
];

/// The 22 pushes of the Customer Chat API (8.3).
pub(crate) const CUSTOMER: [&str; 22] = [
    "incoming_chat_thread",
    "thread_closed",
    "access_set",
    "chat_transferred",
    "chat_user_added",
    "chat_user_removed",
    "incoming_event",
    "event_updated",
    "incoming_rich_message_postback",
    "chat_properties_updated",
    "chat_properties_deleted",
    "chat_thread_properties_updated",
    "chat_thread_properties_deleted",
    "event_properties_updated",
    "event_properties_deleted",
    "last_seen_timestamp_updated",
    "incoming_typing_indicator",
    "incoming_multicast",
    "customer_updated",
    "customer_page_updated",
    "customer_side_storage_updated",
    "customer_disconnected",
];

/// The 22 actions that a webhook may be registered for (9.2).
pub(crate) const ACTIONS: [&str; 22] = [
    "incoming_chat_thread",
    "thread_closed",
    "chat_user_added",
    "chat_user_removed",
    "incoming_event",
    "incoming_rich_message_postback",
    "chat_properties_updated",
    "chat_properties_deleted",
    "chat_thread_properties_updated",
    "chat_thread_properties_deleted",
    "chat_thread_tagged",
    "chat_thread_untagged",
    "last_seen_timestamp_updated",
    "agent_status_changed",
    "agent_deleted",
    "access_granted",
    "access_revoked",
    "access_set",
    "event_updated",
    "event_properties_updated",
    "event_properties_deleted",
    "customer_created",
];

/// The row of a push.
pub(crate) fn find(name: &str) -> &'static Push {
    AGENT.iter().find(|push| push.name == name).unwrap_or_else(|| panic!("no push `{name}` in 8.2"))
}

#[test]
fn the_tables_of_pushes_agree() {
    for push in &AGENT {
        let both = CUSTOMER.contains(&push.name);
        assert!(both || !push.customers, "{} is no push for customers", push.name);
        assert_eq!(push.webhook, ACTIONS.contains(&push.name), "webhook {}", push.name);
    }
}
