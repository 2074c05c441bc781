//! Messages: what an event of a chat is here. Source: spec 2.4, 4.3 and 5.3.

use serde_json::{Value, json};
use switchboard_domain::conversation::details::Carriage;
use switchboard_domain::conversation::event::{Answer, Event, EventBody, File, Visibility};
use switchboard_domain::id::UserId;
use switchboard_domain::limits::ATTACHMENTS_PER_MESSAGE;
use switchboard_domain::participant::license::License;

use super::contact::contact_to_itself;
use super::{
    account, contact_in_event, conversation_in_event, extend, iso, iso_seconds, object, person_in_event,
    sender,
};
use crate::engine::order::DeskContext;

/// Where a message is shown: how its sender looks differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// In an answer.
    Answer,
    /// In an event.
    Event,
    /// For the customer.
    Customer,
}

/// What it says, as text.
fn content(event: &Event) -> Option<String> {
    if let Some(text) = event.details.as_deref().and_then(|details| details.text.as_deref()) {
        return Some(text.to_owned());
    }
    match &event.body {
        EventBody::Message { text, .. } => (!text.is_empty()).then(|| text.clone()),
        EventBody::System(message) => Some(message.text.to_string()),
        EventBody::Annotation { text, .. } => text.clone(),
        EventBody::FilledForm { fields, .. } => {
            let line = |label: &str, answer: &Answer| format!("{label} {}", answer_text(answer));
            Some(fields.iter().map(|field| line(&field.label, &field.answer)).collect::<Vec<_>>().join("\n"))
        }
        EventBody::File(_) => None,
        EventBody::Custom { content } => Some(content.to_string()),
        EventBody::Rich { elements, .. } => {
            let titles: Vec<&str> = elements.iter().filter_map(|element| element.title.as_deref()).collect();
            Some(titles.join("\n"))
        }
    }
}

fn answer_text(answer: &Answer) -> String {
    match answer {
        Answer::None => String::new(),
        Answer::Text(text) | Answer::Choice(_, text) | Answer::Group(_, text) => text.to_string(),
        Answer::Choices(choices) => choices.iter().map(|(_, label)| &**label).collect::<Vec<_>>().join(", "),
    }
}

/// The kind of its content. A rich message of the chat's own making is cards.
pub(in super::super) fn content_type_of(event: &Event) -> &str {
    match event.details.as_deref().map(|details| &*details.kind) {
        Some(kind) if !kind.is_empty() => kind,
        _ if matches!(event.body, EventBody::Rich { .. }) => "cards",
        _ => "text",
    }
}

/// What its kind needs, and what was answered.
pub(in super::super) fn attributes_of(event: &Event) -> Value {
    match (&event.details, &event.body) {
        (Some(details), _) => object(&details.attributes),
        (None, EventBody::Rich { elements, .. }) => {
            let items = elements.iter().map(|element| {
                let action = |button: &switchboard_domain::conversation::event::RichButton| {
                    json!({ "type": "postback", "text": button.text, "payload": button.postback_id })
                };
                json!({
                    "title": element.title,
                    "description": element.subtitle,
                    "media_url": element.image.as_ref().map(|image| &image.url),
                    "actions": element.buttons.iter().map(action).collect::<Vec<_>>(),
                })
            });
            json!({ "items": items.collect::<Vec<_>>() })
        }
        _ => json!({}),
    }
}

/// 0 from the customer, 1 to it, 2 the engine's own.
const fn type_number(event: &Event) -> u8 {
    match event.author {
        Some(UserId::Customer(_)) => 0,
        Some(UserId::Agent(_)) => 1,
        None => 2,
    }
}

/// The word for the same.
const fn type_word(event: &Event) -> &'static str {
    match event.author {
        Some(UserId::Customer(_)) => "incoming",
        Some(UserId::Agent(_)) => "outgoing",
        None => "activity",
    }
}

fn status(event: &Event) -> &'static str {
    match event.details.as_deref().map(|details| details.carriage).unwrap_or_default() {
        Carriage::Sent => "sent",
        Carriage::Delivered => "delivered",
        Carriage::Read => "read",
        Carriage::Failed => "failed",
    }
}

/// Whoever wrote it.
fn sender_of(cx: &DeskContext, event: &Event, form: Form) -> Option<Value> {
    match event.author.as_ref()? {
        UserId::Agent(agent) => {
            let profile = cx.profiles.agent(agent)?;
            Some(if form == Form::Event { person_in_event(profile) } else { sender(profile) })
        }
        UserId::Customer(customer) => {
            let customer = cx.profiles.customer(*customer)?;
            Some(if form == Form::Customer {
                contact_to_itself(cx, customer)
            } else {
                contact_in_event(&cx.license, customer)
            })
        }
    }
}

fn attachments(license: &License, event: &Event) -> Option<Value> {
    let one = |(at, file): (u64, &File)| {
        let kind = file.content_type.split('/').next();
        let kind = kind.filter(|kind| ["image", "audio", "video"].contains(kind)).unwrap_or("file");
        let thumbnail = file.picture.as_ref().and_then(|picture| picture.thumbnail_url.as_deref());
        json!({
            // Unique, since a message has no more files than that.
            "id": event.number * ATTACHMENTS_PER_MESSAGE as u64 + at,
            "message_id": event.number,
            "file_type": kind,
            "account_id": license.desk.account,
            "extension": null,
            "data_url": file.url,
            "thumb_url": thumbnail.unwrap_or_default(),
            "file_size": file.size,
            "width": file.picture.as_ref().and_then(|picture| picture.width),
            "height": file.picture.as_ref().and_then(|picture| picture.height),
        })
    };
    let all: Vec<Value> = (0..).zip(event.files()).map(one).collect();
    (!all.is_empty()).then(|| all.into())
}

/// What only some messages have.
fn seldom(cx: &DeskContext, event: &Event, form: Form) -> Value {
    let mut more = json!({});
    let mut add = |name: &str, value: Option<Value>| {
        if let (Some(fields), Some(value)) = (more.as_object_mut(), value) {
            fields.insert(name.to_owned(), value);
        }
    };
    let echo = event.details.as_deref().and_then(|details| details.echo_id.as_deref());
    add("echo_id", echo.map(|echo| json!(echo)));
    add("attachments", attachments(&cx.license, event));
    add("sender", sender_of(cx, event, form));
    more
}

fn inbox_number(cx: &DeskContext) -> u64 {
    cx.license.desk.inbox_for(&cx.chat.access).map_or(0, |inbox| inbox.number)
}

fn source_id(event: &Event) -> Option<&str> {
    event.details.as_deref().and_then(|details| details.source_id.as_deref())
}

/// A message, as answers show it.
pub(in super::super) fn message(cx: &DeskContext, event: &Event) -> Value {
    let shown = json!({
        "id": event.number,
        "content": content(event),
        "inbox_id": inbox_number(cx),
        "conversation_id": cx.chat.number,
        "message_type": type_number(event),
        "content_type": content_type_of(event),
        "status": status(event),
        "content_attributes": attributes_of(event),
        "created_at": event.created_at.as_secs(),
        "private": event.visibility == Visibility::Agents,
        "source_id": source_id(event),
    });
    extend(shown, seldom(cx, event, Form::Answer))
}

/// A message, as customers see it.
pub(in super::super) fn public_message(cx: &DeskContext, event: &Event) -> Value {
    let shown = json!({
        "id": event.number,
        "content": content(event),
        "message_type": type_number(event),
        "content_type": content_type_of(event),
        "content_attributes": attributes_of(event),
        "created_at": event.created_at.as_secs(),
        "conversation_id": cx.chat.number,
        "attachments": attachments(&cx.license, event).unwrap_or_else(|| json!([])),
    });
    let mut more = seldom(cx, event, Form::Customer);
    if let Some(fields) = more.as_object_mut() {
        fields.remove("attachments");
    }
    extend(shown, more)
}

/// A message with all its columns, as sockets and lists of conversations show it.
pub(in super::super) fn message_on_socket(cx: &DeskContext, event: &Event) -> Value {
    let (kind, id) = match &event.author {
        Some(UserId::Customer(customer)) => {
            ("Contact", cx.profiles.customer(*customer).map(|customer| customer.number))
        }
        Some(UserId::Agent(agent)) => {
            let kind = if agent.names_a_bot() { "AgentBot" } else { "User" };
            (kind, cx.profiles.agent(agent).map(|agent| agent.number))
        }
        None => ("", None),
    };
    let desk = cx.chat.desk.as_deref();
    let holder = desk.and_then(|desk| desk.holder.as_ref()).filter(|holder| !holder.names_a_bot());
    let entry = super::conversation::entry(cx).map(|(_, entry)| entry);
    let shown = json!({
        "id": event.number,
        "content": content(event),
        "account_id": cx.license.desk.account,
        "inbox_id": inbox_number(cx),
        "conversation_id": cx.chat.number,
        "message_type": type_number(event),
        "created_at": event.created_at.as_secs(),
        "updated_at": iso(event.created_at),
        "private": event.visibility == Visibility::Agents,
        "status": status(event),
        "source_id": source_id(event),
        "content_type": content_type_of(event),
        "content_attributes": attributes_of(event),
        "sender_type": (!kind.is_empty()).then_some(kind),
        "sender_id": id,
        "external_source_ids": {},
        "additional_attributes": {},
        "processed_message_content": content(event),
        "sentiment": {},
        "conversation": {
            "assignee_id": holder.and_then(|holder| cx.profiles.agent(holder)).map(|holder| holder.number),
            "unread_count": desk.map_or(0, |desk| desk.unread),
            "last_activity_at": cx.chat.last_activity.as_secs(),
            "contact_inbox": { "source_id": entry.map(|entry| &*entry.source_id) },
        },
    });
    extend(shown, seldom(cx, event, Form::Event))
}

/// The same, as its customer is told it.
pub(in super::super) fn message_to_contact(cx: &DeskContext, event: &Event) -> Value {
    extend(message_on_socket(cx, event), json!({ "sender": sender_of(cx, event, Form::Customer) }))
}

/// A message event: flat as the product has it, and nested as its documentation shows it.
pub(in super::super) fn message_in_event(cx: &DeskContext, event: &Event, name: &str) -> Value {
    let inbox = cx.license.desk.inbox_for(&cx.chat.access);
    let inbox = inbox.map(|inbox| super::inbox::inbox_in_event(&cx.license, inbox));
    let sender = sender_of(cx, event, Form::Event);
    let few = |sender: &Value| json!({ "id": sender["id"], "name": sender["name"], "type": sender["type"] });
    let shown = json!({
        "event": name,
        "id": event.number,
        "content": content(event),
        "content_type": content_type_of(event),
        "content_attributes": attributes_of(event),
        "additional_attributes": {},
        "message_type": type_word(event),
        "private": event.visibility == Visibility::Agents,
        "source_id": source_id(event),
        "created_at": iso(event.created_at),
        "sender": sender,
        "inbox": inbox,
        "account": account(&cx.license),
        "message": {
            "id": event.number,
            "content": content(event),
            "message_type": type_number(event),
            "content_type": content_type_of(event),
            "content_attributes": attributes_of(event),
            "private": event.visibility == Visibility::Agents,
            "created_at": iso_seconds(event.created_at),
            "sender": sender.as_ref().map(few),
        },
        "conversation": conversation_in_event(cx),
    });
    match attachments(&cx.license, event) {
        Some(attachments) => extend(shown, json!({ "attachments": attachments })),
        None => shown,
    }
}
