//! The public API: what customers of an API inbox ask. Whoever knows the inbox's identifier and a
//! contact's source id speaks for that contact. Source: spec 4.1.

use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use ring::hmac;
use serde_json::{Value, json};
use switchboard_domain::conversation::command::{Command, StatusChange};
use switchboard_domain::conversation::details::Amendment;
use switchboard_domain::conversation::event::{Event, EventKind};
use switchboard_domain::conversation::ticket::Status;
use switchboard_domain::desk::{Channel, Inbox};
use switchboard_domain::id::{CustomerId, ThreadId};
use switchboard_domain::participant::contact::{Contact, ContactChange, ContactEntry, Proof};
use switchboard_domain::participant::customer::{Customer, CustomerChange};
use switchboard_domain::participant::license::License;

use super::application::conversations::{begin, entry_named, typing};
use super::application::messages::{PAGE, numbered, page, post_as};
use super::call::{Answered, empty, json, number, run};
use super::fields::Fields;
use super::refusal::Refused;
use super::show;
use crate::engine::handle::EngineHandle;
use crate::engine::names::Name;
use crate::engine::order::{DeskContext, Done, ListChats, Order};
use crate::engine::secret;
use crate::telemetry::clock;

/// A call to an inbox.
struct Visit<'a> {
    engine: &'a EngineHandle,
    license: Arc<License>,
    inbox: Inbox,
    method: &'a Method,
    fields: Fields,
}

/// Answers a call to an inbox.
pub(super) async fn answer(
    engine: &EngineHandle,
    identifier: &str,
    path: &[&str],
    request: Request<Body>,
) -> Answered {
    let own = |license: Arc<License>| {
        let inboxes = license.desk.inboxes.values();
        let inbox = inboxes
            .into_iter()
            .find(|inbox| inbox.channel == Channel::Api && *inbox.identifier == *identifier);
        inbox.cloned().map(|inbox| (license, inbox))
    };
    let (license, inbox) = engine.licenses().into_iter().find_map(own).ok_or_else(Refused::not_found)?;
    let method = request.method().clone();
    let fields = Fields::of(engine, Some(license.id), request).await?.with_avatar(engine).await?;
    let visit = Visit { engine, license, inbox, method: &method, fields };
    match (&method, path) {
        (&Method::GET, []) => visit.about(),
        (&Method::POST, ["contacts"]) => visit.make_contact().await,
        (_, ["contacts", source, rest @ ..]) => {
            let (customer, entry) = visit.contact(source).await?;
            visit.of_contact(&customer, &entry, rest).await
        }
        _ => Err(Refused::not_found()),
    }
}

impl Visit<'_> {
    fn about(&self) -> Answered {
        let name = self.license.groups.get(&self.inbox.group).map(|group| group.name.clone());
        json(json!({
            "identifier": self.inbox.identifier,
            "identity_validation_enabled": self.inbox.hmac_mandatory,
            "name": name,
            "timezone": "UTC",
            "working_hours": [],
            "working_hours_enabled": false,
        }))
    }

    /// A contact by its name in this inbox.
    async fn contact(&self, source: &str) -> Result<(Arc<Customer>, ContactEntry), Refused> {
        let name = Name::Entry(self.inbox.number, source);
        let customer =
            self.engine.customer_named(self.license.id, name).await?.ok_or_else(Refused::not_found)?;
        let entry = entry_named(customer.contact.as_deref(), self.inbox.number, source).cloned();
        Ok((customer, entry.ok_or_else(Refused::not_found)?))
    }

    /// Whose name the caller has proven to have, if anybody's.
    fn proven(&self) -> Result<Option<Box<str>>, Refused> {
        let refused =
            || Refused::because(StatusCode::UNAUTHORIZED, "HMAC failed: Invalid Identifier Hash Provided");
        let hash = self.fields.text("identifier_hash")?.filter(|hash| !hash.is_empty());
        let Some(hash) = hash else {
            return if self.inbox.hmac_mandatory { Err(refused()) } else { Ok(None) };
        };
        let identifier = self.fields.text("identifier")?.unwrap_or_default();
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.inbox.hmac_token.as_bytes());
        let tag = hmac::sign(&key, identifier.as_bytes());
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        if !secret::same(&hex, &hash) {
            return Err(refused());
        }
        Ok(Some(identifier).filter(|identifier| !identifier.is_empty()))
    }

    fn change(&self, entry: Option<ContactEntry>) -> Result<CustomerChange, Refused> {
        let contact = ContactChange {
            phone: self.fields.clearable("phone_number")?,
            identifier: self.fields.clearable("identifier")?,
            custom_attributes: self.fields.object_text("custom_attributes")?,
            entry,
            ..ContactChange::default()
        };
        Ok(CustomerChange {
            name: self.fields.text("name")?,
            email: self.fields.text("email")?.filter(|email| !email.is_empty()),
            avatar: self.fields.text("avatar_url")?,
            contact: Some(Box::new(contact)),
            ..CustomerChange::default()
        })
    }

    /// Makes a contact; one that is known by its source id, its identifier or its address is gone on
    /// with.
    async fn make_contact(&self) -> Answered {
        let proven = self.proven()?;
        let given = self.fields.text("source_id")?.filter(|source| !source.is_empty());
        let fresh = || CustomerId::from_random(clock::random_u128()).to_string().into();
        let source: Box<str> = given.unwrap_or_else(fresh);
        let mut names = vec![Name::Entry(self.inbox.number, &source)];
        let (identifier, email, phone) =
            (self.fields.text("identifier")?, self.fields.text("email")?, self.fields.text("phone_number")?);
        names.extend(identifier.as_deref().filter(|id| !id.is_empty()).map(Name::Identifier));
        names.extend(email.as_deref().filter(|email| !email.is_empty()).map(Name::Email));
        names.extend(phone.as_deref().filter(|phone| !phone.is_empty()).map(Name::Phone));
        let mut known = None;
        for name in names {
            known = self.engine.customer_named(self.license.id, name).await?;
            if known.is_some() {
                break;
            }
        }
        let contact = known.as_ref().and_then(|customer| customer.contact.as_deref());
        let own = entry_named(contact, self.inbox.number, &source).cloned();
        let entry = own.unwrap_or_else(|| ContactEntry {
            number: self.engine.new_number(),
            inbox: self.inbox.number,
            source_id: source,
            stream_token: secret::draw_short().into(),
            verified: false,
            created_at: clock::now(),
            guest: known.is_some(),
        });
        let entry = entry.proven(contact, Proof { identifier: proven.as_deref() });
        let change = if entry.speaks() {
            self.named_as(contact)?;
            self.change(Some(entry.clone()))?
        } else {
            let contact = ContactChange { entry: Some(entry.clone()), ..ContactChange::default() };
            CustomerChange { contact: Some(Box::new(contact)), ..CustomerChange::default() }
        };
        let customer = match &known {
            Some(customer) => self.put(customer.id, change).await?,
            None => self.engine.make_contact(self.license.id, change).await?,
        };
        json(self.shown(&customer, &entry)?)
    }

    /// Refuses a name for a contact that has another one.
    fn named_as(&self, contact: Option<&Contact>) -> Result<(), Refused> {
        let given = self.fields.text("identifier")?.filter(|given| !given.is_empty());
        Ok(contact.map_or(Ok(()), |contact| contact.may_take_identifier(given.as_deref()))?)
    }

    async fn put(&self, id: CustomerId, change: CustomerChange) -> Result<Arc<Customer>, Refused> {
        let by = self.engine.desk_customer(self.license.id, id);
        match run(self.engine, &by, Order::UpdateCustomer(id, change)).await? {
            Done::Customer(card) => Ok(card.customer),
            _ => Err(Refused::not_found()),
        }
    }

    /// A contact as its customer sees it; a guest of it sees what it said itself.
    fn shown(&self, customer: &Customer, entry: &ContactEntry) -> Result<Value, Refused> {
        let contact = customer.contact.as_deref();
        let phone = contact.and_then(|contact| contact.phone.clone());
        let (name, email, phone) = if entry.speaks() {
            (customer.name.clone(), customer.email.clone(), phone)
        } else {
            let said = |field| self.fields.text(field);
            (said("name")?, said("email")?, said("phone_number")?)
        };
        Ok(json!({
            "source_id": entry.source_id,
            "pubsub_token": entry.stream_token,
            "id": customer.number,
            "name": name,
            "email": email,
            "phone_number": phone,
        }))
    }

    async fn of_contact(&self, customer: &Arc<Customer>, entry: &ContactEntry, path: &[&str]) -> Answered {
        match (self.method, path) {
            (&Method::GET, []) => json(self.shown(customer, entry)?),
            (&Method::PATCH | &Method::PUT, []) => {
                let (proven, contact) = (self.proven()?, customer.contact.as_deref());
                let entry = entry.clone().proven(contact, Proof { identifier: proven.as_deref() });
                if !entry.speaks() {
                    let why = "Changing this contact takes the identifier_hash of its identifier";
                    return Err(Refused::because(StatusCode::FORBIDDEN, why));
                }
                self.named_as(contact)?;
                let customer = self.put(customer.id, self.change(Some(entry.clone()))?).await?;
                json(self.shown(&customer, &entry)?)
            }
            (&Method::GET, ["conversations"]) => {
                let own = conversations_of(self.engine, &self.license, customer, Some(entry)).await?;
                let mut shown = Vec::with_capacity(own.len());
                for cx in own {
                    shown.push(self.conversation(customer, cx).await?);
                }
                json(shown.into())
            }
            (&Method::POST, ["conversations"]) => {
                let cx = begin(self.engine, &self.license, (customer, entry), &self.fields).await?;
                json(self.conversation(customer, cx).await?)
            }
            (_, ["conversations", id, rest @ ..]) => {
                let cx = self.own(customer, entry, id).await?;
                self.of_conversation(customer, cx, rest).await
            }
            _ => Err(Refused::not_found()),
        }
    }

    async fn conversation(&self, customer: &Customer, cx: DeskContext) -> Result<Value, Refused> {
        let by = self.engine.desk_customer(self.license.id, customer.id);
        let (cx, events) = self.engine.ticket(&by, cx.chat.id, true).await?;
        let visible = visible(events);
        Ok(show::public_conversation(&cx, &visible[visible.len().saturating_sub(PAGE)..]))
    }

    async fn own(&self, customer: &Customer, entry: &ContactEntry, id: &str) -> Result<DeskContext, Refused> {
        let chat = self
            .engine
            .conversation_numbered(self.license.id, number(id)?)?
            .ok_or_else(Refused::not_found)?;
        let by = self.engine.desk_customer(self.license.id, customer.id);
        let (cx, _) = self.engine.ticket(&by, chat, false).await?;
        if is_reached(&cx, Some(entry)) { Ok(cx) } else { Err(Refused::not_found()) }
    }

    async fn of_conversation(&self, customer: &Customer, cx: DeskContext, path: &[&str]) -> Answered {
        let by = self.engine.desk_customer(self.license.id, customer.id);
        let command = |command| run(self.engine, &by, Order::Chat(cx.chat.id, command));
        match (self.method, path) {
            (&Method::GET, []) => json(self.conversation(customer, cx).await?),
            (&Method::POST, ["toggle_status"]) => {
                let thread = ThreadId::from_random(clock::random_u64());
                let to = StatusChange::to(Status::Resolved);
                command(Command::SetStatus { to, thread, placement: None }).await?;
                json(self.conversation(customer, cx).await?)
            }
            (&Method::POST, ["toggle_typing"]) => {
                command(typing(&self.fields)?).await?;
                empty()
            }
            (&Method::POST, ["update_last_seen"]) => {
                // With nothing new there is nothing to mark.
                drop(command(Command::See(None)).await);
                empty()
            }
            (&Method::GET, ["messages"]) => {
                let (cx, events) = self.engine.ticket(&by, cx.chat.id, true).await?;
                let visible = visible(events);
                let page = page(&self.fields, &visible)?;
                json(page.iter().map(|event| show::public_message(&cx, event)).collect())
            }
            (&Method::POST, ["messages"]) => {
                let event = post_as(self.engine, &by, &cx, &self.fields).await?;
                let (cx, _) = self.engine.ticket(&by, cx.chat.id, false).await?;
                json(show::public_message(&cx, &event))
            }
            (&Method::PATCH | &Method::PUT, ["messages", id]) => {
                let (cx, events) = self.engine.ticket(&by, cx.chat.id, true).await?;
                let event = numbered(&visible(events), id)?;
                let amendment =
                    Amendment { attributes: Some(answered(&event, &self.fields)?), ..Amendment::default() };
                command(Command::AmendEvent { event: event.id, amendment, stored: None }).await?;
                let (cx, events) = self.engine.ticket(&by, cx.chat.id, true).await?;
                json(show::public_message(&cx, &*numbered(&events, id)?))
            }
            _ => Err(Refused::not_found()),
        }
    }
}

/// What a customer may see of what was said: no notes, and nothing that the engine remarks.
fn visible(events: Vec<Arc<Event>>) -> Vec<Arc<Event>> {
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

fn is_reached(cx: &DeskContext, by: Option<&ContactEntry>) -> bool {
    cx.chat.desk.as_ref().is_some_and(|desk| by.is_none_or(|entry| entry.reaches(desk.ticket.entry)))
}

/// A contact's conversations, oldest first: those that an entry reaches, or all.
pub(super) async fn conversations_of(
    engine: &EngineHandle,
    license: &License,
    customer: &Customer,
    by_entry: Option<&ContactEntry>,
) -> Result<Vec<DeskContext>, Refused> {
    let by = engine.desk_customer(license.id, customer.id);
    let list = ListChats {
        include_active: true,
        properties: Vec::new(),
        newest_first: false,
        limit: usize::MAX,
        offset: 0,
        edge: None,
    };
    let Done::Chats(page) = run(engine, &by, Order::ListChats(list)).await? else {
        return Err(Refused::not_found());
    };
    let mut own = Vec::new();
    for summary in &page.what.chats {
        let (cx, _) = engine.ticket(&by, summary.chat.id, false).await?;
        if is_reached(&cx, by_entry) {
            own.push(cx);
        }
    }
    own.sort_by_key(|cx| cx.chat.number);
    Ok(own)
}
