//! What customers ask, whichever way they came in: who they say that they are, and what they do in
//! their own conversations.

use std::sync::Arc;

use http::StatusCode;
use ring::hmac;
use serde_json::Value;
use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::command::{Command, StatusChange};
use switchboard_domain::conversation::details::Amendment;
use switchboard_domain::conversation::event::{Event, EventKind};
use switchboard_domain::conversation::ticket::Status;
use switchboard_domain::conversation::view::ChatView;
use switchboard_domain::desk::{Channel, Inbox};
use switchboard_domain::id::{ConversationId, CustomerId, LicenseId, ThreadId};
use switchboard_domain::participant::contact::{ContactChange, ContactEntry};
use switchboard_domain::participant::customer::{Customer, CustomerChange};
use switchboard_domain::participant::license::License;

use super::application::conversations::typing;
use super::application::messages::{numbered, page, post_as};
use super::call::run;
use super::fields::Fields;
use super::refusal::Refused;
use super::show;
use crate::engine::handle::EngineHandle;
use crate::engine::order::{DeskContext, Done, ListChats, Order};
use crate::engine::secret;
use crate::telemetry::clock;

/// A name for a customer in an inbox.
pub(super) fn fresh_source() -> Box<str> {
    CustomerId::from_random(clock::random_u128()).to_string().into()
}

/// A text that says something.
pub(super) fn filled(fields: &Fields, name: &str) -> Result<Option<Box<str>>, Refused> {
    Ok(fields.text(name)?.filter(|text| !text.is_empty()))
}

/// Whose name the caller has proven to have, if anybody's.
///
/// # Errors
/// 401 for a wrong proof, and for none where the inbox wants one.
pub(super) fn proven(inbox: &Inbox, fields: &Fields) -> Result<Option<Box<str>>, Refused> {
    let refused =
        || Refused::because(StatusCode::UNAUTHORIZED, "HMAC failed: Invalid Identifier Hash Provided");
    let Some(hash) = filled(fields, "identifier_hash")? else {
        return if inbox.hmac_mandatory { Err(refused()) } else { Ok(None) };
    };
    let identifier = fields.text("identifier")?.unwrap_or_default();
    let key = hmac::Key::new(hmac::HMAC_SHA256, inbox.hmac_token.as_bytes());
    let tag = hmac::sign(&key, identifier.as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    if !secret::same(&hex, &hash) {
        return Err(refused());
    }
    Ok(Some(identifier).filter(|identifier| !identifier.is_empty()))
}

/// What a customer says of itself, and the way that it came by.
pub(super) fn described(fields: &Fields, entry: Option<ContactEntry>) -> Result<CustomerChange, Refused> {
    let contact = ContactChange {
        phone: fields.clearable("phone_number")?,
        identifier: fields.clearable("identifier")?,
        custom_attributes: fields.object_text("custom_attributes")?,
        entry,
        ..ContactChange::default()
    };
    Ok(CustomerChange {
        name: fields.text("name")?,
        email: filled(fields, "email")?,
        avatar: fields.text("avatar_url")?,
        contact: Some(Box::new(contact)),
        ..CustomerChange::default()
    })
}

/// Changes a customer.
pub(super) async fn put(
    engine: &EngineHandle,
    license: LicenseId,
    id: CustomerId,
    change: CustomerChange,
) -> Result<Arc<Customer>, Refused> {
    let by = engine.desk_customer(license, id);
    match run(engine, &by, Order::UpdateCustomer(id, change)).await? {
        Done::Customer(card) => Ok(card.customer),
        _ => Err(Refused::not_found()),
    }
}

/// A customer in one of its own conversations.
pub(super) struct Talk<'a> {
    engine: &'a EngineHandle,
    by: Arc<Principal>,
    chat: ConversationId,
}

impl<'a> Talk<'a> {
    /// Of this customer in that conversation.
    pub(super) fn of(
        engine: &'a EngineHandle,
        license: LicenseId,
        customer: CustomerId,
        chat: ConversationId,
    ) -> Self {
        Self { engine, by: engine.desk_customer(license, customer), chat }
    }

    async fn command(&self, command: Command) -> Result<Done, Refused> {
        run(self.engine, &self.by, Order::Chat(self.chat, command)).await
    }

    /// Ends it; nothing happens to one that has ended.
    pub(super) async fn resolve(&self) -> Result<(), Refused> {
        let thread = ThreadId::from_random(clock::random_u64());
        let to = StatusChange::to(Status::Resolved);
        self.command(Command::SetStatus { to, thread, placement: None }).await.map(drop)
    }

    /// Types, or stops.
    pub(super) async fn typing(&self, fields: &Fields) -> Result<(), Refused> {
        self.command(typing(fields)?).await.map(drop)
    }

    /// Has seen everything.
    pub(super) async fn seen(&self) {
        // With nothing new there is nothing to mark.
        drop(self.command(Command::See(None)).await);
    }

    /// All that the customer may see of it.
    pub(super) async fn all(&self) -> Result<(DeskContext, Vec<Arc<Event>>), Refused> {
        let (cx, events) = self.engine.ticket(&self.by, self.chat, true).await?;
        Ok((cx, visible(events)))
    }

    /// The page of it that is asked for.
    pub(super) async fn page(&self, fields: &Fields) -> Result<(DeskContext, Vec<Arc<Event>>), Refused> {
        let (cx, visible) = self.all().await?;
        let page = page(fields, &visible)?.to_vec();
        Ok((cx, page))
    }

    /// Says something.
    pub(super) async fn write(
        &self,
        cx: &DeskContext,
        fields: &Fields,
    ) -> Result<(DeskContext, Arc<Event>), Refused> {
        let event = post_as(self.engine, &self.by, cx, fields).await?;
        let (cx, _) = self.engine.ticket(&self.by, self.chat, false).await?;
        Ok((cx, event))
    }

    /// Fills in what it was asked.
    pub(super) async fn answer(
        &self,
        id: &str,
        fields: &Fields,
    ) -> Result<(DeskContext, Arc<Event>), Refused> {
        let (_, events) = self.all().await?;
        let event = numbered(&events, id)?;
        let amendment = Amendment { attributes: Some(answered(&event, fields)?), ..Amendment::default() };
        self.command(Command::AmendEvent { event: event.id, amendment, stored: None }).await?;
        let (cx, events) = self.all().await?;
        let event = numbered(&events, id)?;
        Ok((cx, event))
    }
}

/// What a customer may see of what was said: no notes, and nothing that the engine remarks.
pub(super) fn visible(events: Vec<Arc<Event>>) -> Vec<Arc<Event>> {
    let said = |event: &Arc<Event>| event.visible_to_customer() && event.body.kind() != EventKind::System;
    events.into_iter().filter(said).collect()
}

/// A message's attributes with what the customer answered.
fn answered(event: &Event, fields: &Fields) -> Result<Box<str>, Refused> {
    let mut attributes = show::attributes_of(event);
    let mut set = |name: &str, value: Value| {
        if let Some(attributes) = attributes.as_object_mut() {
            attributes.insert(name.to_owned(), value);
        }
    };
    let kind = show::content_type_of(event);
    match fields.given("submitted_values") {
        Some(values @ (Value::Array(_) | Value::Object(_))) => set("submitted_values", values.clone()),
        Some(Value::String(text)) => {
            let values = serde_json::from_str(text)
                .map_err(|_| Refused::field("submitted_values", "must be a list"))?;
            set("submitted_values", values);
        }
        Some(_) => return Err(Refused::field("submitted_values", "must be a list")),
        None if kind == "input_email" => {}
        None => return Err(Refused::missing("submitted_values")),
    }
    if kind == "input_email" {
        let email = fields.text("submitted_email")?;
        let from_contact = fields.inside("contact")?.and_then(|contact| contact.text("email").ok().flatten());
        let email = email.or(from_contact);
        set("submitted_email", email.map_or(Value::Null, |email| Value::String(email.into())));
    }
    Ok(attributes.to_string().into())
}

/// Does a contact reach a conversation by this entry? By none it reaches all of a desk's.
pub(super) fn is_reached(chat: &ChatView, by: Option<&ContactEntry>) -> bool {
    chat.desk.as_ref().is_some_and(|desk| by.is_none_or(|entry| entry.reaches(desk.ticket.entry)))
}

/// A contact's conversations, oldest first: those that an entry reaches, or all.
pub(super) async fn conversations_of(
    engine: &EngineHandle,
    license: &License,
    customer: &Customer,
    by_entry: Option<&ContactEntry>,
) -> Result<Vec<DeskContext>, Refused> {
    let by = engine.desk_customer(license.id, customer.id);
    let mut own = Vec::new();
    for chat in chats_of(engine, &by, by_entry).await? {
        own.push(engine.ticket(&by, chat.id, false).await?.0);
    }
    Ok(own)
}

/// A contact's newest conversation that came in by an entry into this inbox, of those that its own
/// entry reaches.
pub(super) async fn newest_of(
    engine: &EngineHandle,
    license: &License,
    customer: &Customer,
    by_entry: &ContactEntry,
) -> Result<Option<DeskContext>, Refused> {
    let by = engine.desk_customer(license.id, customer.id);
    let entry = |number| customer.contact.as_deref().and_then(|contact| contact.entry(number));
    let came_here = |chat: &ChatView| {
        let came_by = chat.desk.as_ref().and_then(|desk| entry(desk.ticket.entry));
        came_by.is_some_and(|came_by| came_by.inbox == by_entry.inbox)
    };
    let mut own = chats_of(engine, &by, Some(by_entry)).await?;
    own.retain(came_here);
    let Some(newest) = own.pop() else { return Ok(None) };
    Ok(Some(engine.ticket(&by, newest.id, false).await?.0))
}

async fn chats_of(
    engine: &EngineHandle,
    by: &Arc<Principal>,
    by_entry: Option<&ContactEntry>,
) -> Result<Vec<ChatView>, Refused> {
    let list = ListChats {
        include_active: true,
        properties: Vec::new(),
        newest_first: false,
        limit: usize::MAX,
        offset: 0,
        edge: None,
    };
    let Done::Chats(page) = run(engine, by, Order::ListChats(list)).await? else {
        return Err(Refused::not_found());
    };
    let chats = page.what.chats.into_iter().map(|summary| summary.chat);
    let mut own: Vec<ChatView> = chats.filter(|chat| is_reached(chat, by_entry)).collect();
    own.sort_by_key(|chat| chat.number);
    Ok(own)
}

/// The inbox that customers of a channel call so, with its license.
///
/// # Errors
/// 404 when there is none; 401 while its account is suspended.
pub(super) fn inbox_named(
    engine: &EngineHandle,
    channel: Channel,
    identifier: &str,
) -> Result<(Arc<License>, Inbox), Refused> {
    let own = |license: Arc<License>| {
        let mut inboxes = license.desk.inboxes.values();
        let inbox = inboxes.find(|inbox| inbox.channel == channel && *inbox.identifier == *identifier);
        inbox.cloned().map(|inbox| (license, inbox))
    };
    let (license, inbox) = engine.licenses().into_iter().find_map(own).ok_or_else(Refused::not_found)?;
    if license.desk.about.suspended { Err(Refused::suspended()) } else { Ok((license, inbox)) }
}
