//! What visitors of a page are shown, and what bots are told of them. Source: spec 4.2 and 5.3.

use std::sync::Arc;

use serde_json::{Value, json};
use switchboard_domain::conversation::event::Event;
use switchboard_domain::conversation::push::WidgetOpening;
use switchboard_domain::desk::Inbox;
use switchboard_domain::participant::contact::{Contact, ContactEntry};
use switchboard_domain::participant::customer::Customer;
use switchboard_domain::participant::license::License;

use super::inbox::inbox_in_event;
use super::{
    account, contact_in_event, conversation_in_event, extend, inbox, object, public_conversation,
    public_message,
};
use crate::engine::order::DeskContext;

/// What a page's inbox shows of itself under other names there.
const RENAMED: [(&str, &str); 2] = [("name", "website_name"), ("selected_feature_flags", "enabled_features")];

/// What it shows under the same.
const SHOWN: [&str; 15] = [
    "allow_messages_after_resolved",
    "avatar_url",
    "csat_survey_enabled",
    "out_of_office_message",
    "pre_chat_form_enabled",
    "pre_chat_form_options",
    "reply_time",
    "timezone",
    "website_token",
    "website_url",
    "welcome_tagline",
    "welcome_title",
    "widget_color",
    "working_hours",
    "working_hours_enabled",
];

fn contact_of(customer: &Customer) -> Contact {
    customer.contact.as_deref().cloned().unwrap_or_default()
}

/// What a page needs to begin: how it looks, and who its visitor is, if anybody yet.
pub(in super::super) fn widget_config(
    license: &License,
    own: &Inbox,
    token: &str,
    (customer, stream_token): (Option<&Customer>, &str),
) -> Value {
    let full = inbox(license, own, false);
    let mut config = json!({
        "auth_token": token,
        "account_id": license.desk.account,
        "api_host": null,
        "channel_avatar_url": "",
        "disable_branding": true,
        "enabled_languages": [],
        "locale": "en",
        "portal": null,
        "utc_off_set": "+00:00",
    });
    let same = SHOWN.iter().map(|name| (*name, *name));
    for (from, to) in same.chain(RENAMED) {
        config[to] = full[from].clone();
    }
    let contact = customer.map(contact_of).unwrap_or_default();
    json!({
        "website_channel_config": config,
        "contact": {
            "email": customer.and_then(|customer| customer.email.as_deref()),
            "id": customer.map(|customer| customer.number),
            "identifier": contact.identifier,
            "name": customer.and_then(|customer| customer.name.as_deref()),
            "phone_number": contact.phone,
            "pubsub_token": stream_token,
        },
        "global_config": { "LOGO_THUMBNAIL": "", "BRAND_NAME": "", "WIDGET_BRAND_URL": "" },
    })
}

/// May a visitor end its conversation?
pub(in super::super) fn may_end(own: &Inbox) -> bool {
    let kept = object(&own.extras);
    let flags = kept["selected_feature_flags"].as_array();
    flags.is_none_or(|flags| flags.iter().any(|flag| flag == "end_conversation"))
}

/// What a visitor is shown of itself: whether something is known rather than what.
pub(in super::super) fn visitor(customer: Option<&Customer>) -> Value {
    let contact = customer.map(contact_of).unwrap_or_default();
    json!({
        "id": customer.map(|customer| customer.number),
        "has_email": customer.is_some_and(|customer| customer.email.is_some()),
        "has_name": customer.is_some_and(|customer| customer.name.is_some()),
        "has_phone_number": contact.phone.is_some(),
        "identifier": contact.identifier,
    })
}

/// A visitor that has said who it is, with the token that it has from now on when that is another.
pub(in super::super) fn known_visitor(
    customer: &Customer,
    entry: &ContactEntry,
    token: Option<String>,
) -> Value {
    let shown = json!({
        "id": customer.number,
        "name": customer.name,
        "email": customer.email,
        "phone_number": contact_of(customer).phone,
        "pubsub_token": entry.stream_token,
    });
    match token {
        Some(token) => extend(shown, json!({ "widget_auth_token": token })),
        None => shown,
    }
}

/// The conversation that a page shows.
pub(in super::super) fn widget_conversation(cx: &DeskContext) -> Value {
    let full = public_conversation(cx, &[]);
    json!({
        "id": full["id"],
        "inbox_id": full["inbox_id"],
        "contact_last_seen_at": full["contact_last_seen_at"],
        "status": full["status"],
    })
}

/// The same when it was begun, with what was said.
pub(in super::super) fn begun_conversation(cx: &DeskContext, messages: &[Arc<Event>]) -> Value {
    let full = public_conversation(cx, messages);
    let attributes = cx.chat.desk.as_ref().map(|desk| object(&desk.ticket.custom_attributes));
    let more = json!({
        "messages": full["messages"],
        "custom_attributes": attributes,
        "contact": full["contact"],
    });
    extend(widget_conversation(cx), more)
}

/// A page of what was said.
pub(in super::super) fn widget_messages(cx: &DeskContext, messages: &[Arc<Event>]) -> Value {
    let shown: Vec<Value> = messages.iter().map(|event| public_message(cx, event)).collect();
    let seen = &widget_conversation(cx)["contact_last_seen_at"];
    json!({ "payload": shown, "meta": { "contact_last_seen_at": seen } })
}

/// The opening of the window to write in, with the conversation that it shows, if any.
pub(in super::super) fn opening_in_event(
    license: &License,
    opening: &WidgetOpening,
    current: Option<&DeskContext>,
    name: &str,
) -> Value {
    let contact = contact_of(&opening.customer);
    let entry = contact.entry(opening.entry);
    json!({
        "event": name,
        "id": opening.entry,
        "source_id": entry.map(|entry| &entry.source_id),
        "contact": contact_in_event(license, &opening.customer),
        "inbox": license.desk.inbox_of(opening.group).map(|inbox| inbox_in_event(license, inbox)),
        "account": account(license),
        "current_conversation": current.map(conversation_in_event),
        "event_info": object(&opening.details),
    })
}
