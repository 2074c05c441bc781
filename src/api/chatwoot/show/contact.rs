//! Contacts and their ways into inboxes.

use serde_json::{Value, json};
use switchboard_domain::participant::contact::{Contact, ContactEntry};
use switchboard_domain::participant::customer::Customer;
use switchboard_domain::participant::license::License;

use super::{account, changes, extend, inbox_line, iso, object};
use crate::engine::order::DeskContext;

/// A customer whom no help desk knows is a contact without anything.
fn contact_of(customer: &Customer) -> Contact {
    customer.contact.as_deref().cloned().unwrap_or_default()
}

/// What every form of a contact has.
fn common(customer: &Customer) -> Value {
    let contact = contact_of(customer);
    json!({
        "id": customer.number,
        "name": customer.name,
        "email": customer.email,
        "phone_number": contact.phone,
        "identifier": contact.identifier,
        "thumbnail": customer.avatar.as_deref().unwrap_or_default(),
        "blocked": contact.blocked,
        "additional_attributes": object(&contact.additional_attributes),
        "custom_attributes": object(&contact.custom_attributes),
    })
}

/// A contact, as answers show it.
pub(in super::super) fn contact(customer: &Customer, online: bool) -> Value {
    let more = json!({
        "availability_status": if online { "online" } else { "offline" },
        "last_activity_at": customer.changed_at.as_secs(),
        "created_at": customer.created_at.as_secs(),
    });
    extend(common(customer), more)
}

/// The same with its ways into inboxes.
pub(in super::super) fn contact_with_inboxes(license: &License, customer: &Customer, online: bool) -> Value {
    let entries: Vec<Value> = contact_of(customer)
        .entries
        .iter()
        .filter(|entry| license.desk.inboxes.contains_key(&entry.inbox))
        .map(|entry| contact_inbox(license, entry))
        .collect();
    extend(contact(customer, online), json!({ "contact_inboxes": entries }))
}

/// A way into an inbox.
pub(in super::super) fn contact_inbox(license: &License, entry: &ContactEntry) -> Value {
    let inbox = license.desk.inboxes.get(&entry.inbox).map(|inbox| inbox_line(license, inbox));
    json!({ "source_id": entry.source_id, "inbox": inbox })
}

/// A contact, as events show it.
pub(in super::super) fn contact_in_event(license: &License, customer: &Customer) -> Value {
    let avatar = customer.avatar.as_deref().unwrap_or_default();
    extend(common(customer), json!({ "type": "contact", "avatar": avatar, "account": account(license) }))
}

/// A contact, as its own stream tells it: what the calls of whoever speaks for it show.
pub(in super::super) fn contact_told_itself(customer: &Customer) -> Value {
    let phone = contact_of(customer).phone;
    json!({
        "id": customer.number, "name": customer.name, "email": customer.email, "phone_number": phone,
        "type": "contact",
    })
}

/// What is known of a contact otherwise than before; its ways into inboxes are none of that.
pub(in super::super) fn contact_changes(before: &Customer, after: &Customer) -> Value {
    let shown =
        |customer: &Customer| extend(common(customer), json!({ "labels": contact_of(customer).labels }));
    changes(&shown(before), &shown(after))
}

/// A contact, as its customer sees it: a guest only that it is one.
pub(super) fn contact_to_itself(cx: &DeskContext, customer: &Customer) -> Value {
    let speaks = super::conversation::entry(cx).is_none_or(|(_, entry)| entry.speaks());
    if !speaks {
        return json!({ "id": customer.number, "name": null, "type": "contact" });
    }
    let avatar = customer.avatar.as_deref().unwrap_or_default();
    let mut shown = extend(common(customer), json!({ "avatar": avatar, "type": "contact" }));
    if let Some(fields) = shown.as_object_mut() {
        // The desk's own.
        fields.retain(|name, _| name != "blocked" && name != "additional_attributes");
    }
    shown
}

/// A way into an inbox, as events show it: without what opens the customer's stream.
pub(super) fn entry_in_event(customer: &Customer, entry: &ContactEntry) -> Value {
    json!({
        "id": entry.number,
        "contact_id": customer.number,
        "inbox_id": entry.inbox,
        "source_id": entry.source_id,
        "hmac_verified": entry.verified,
        "created_at": iso(entry.created_at),
        "updated_at": iso(entry.created_at),
    })
}
