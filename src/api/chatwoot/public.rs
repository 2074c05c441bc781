//! The public API: what customers of an API inbox ask. Whoever knows the inbox's identifier and a
//! contact's source id speaks for that contact. Source: spec 4.1.

use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};
use switchboard_domain::desk::{Channel, Inbox};
use switchboard_domain::participant::contact::{Contact, ContactChange, ContactEntry, Proof};
use switchboard_domain::participant::customer::{Customer, CustomerChange};
use switchboard_domain::participant::license::License;

use super::application::conversations::{begin, entry_named, new_ticket};
use super::application::messages::PAGE;
use super::call::{Answered, empty, json, number};
use super::customer::{
    Talk, conversations_of, described, filled, fresh_source, inbox_named, is_reached, proven, put, visible,
};
use super::fields::Fields;
use super::refusal::Refused;
use super::show;
use crate::engine::handle::EngineHandle;
use crate::engine::names::Name;
use crate::engine::order::DeskContext;
use crate::engine::secret;
use crate::engine::visitor::Way;

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
    let (license, inbox) = inbox_named(engine, Channel::Api, identifier)?;
    let method = request.method().clone();
    let fields = Fields::of(engine, Some(license.id), request).await?.with_avatar()?;
    let visit = Visit { engine, license, inbox, method: &method, fields };
    let answer = match (&method, path) {
        (&Method::GET, []) => visit.about(),
        (&Method::POST, ["contacts"]) => visit.make_contact().await,
        (_, ["contacts", source, rest @ ..]) => {
            let (customer, entry) = visit.contact(source).await?;
            visit.of_contact(&customer, &entry, rest).await
        }
        _ => Err(Refused::not_found()),
    }?;
    visit.fields.keep_avatar(engine).await?;
    Ok(answer)
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

    /// Makes a contact; one that is known by its source id, its identifier or its address is gone on
    /// with.
    async fn make_contact(&self) -> Answered {
        let proven = proven(&self.inbox, &self.fields)?;
        let source = filled(&self.fields, "source_id")?.unwrap_or_else(fresh_source);
        let mut names = vec![Name::Entry(self.inbox.number, &source)];
        let text = |name: &str| filled(&self.fields, name);
        let (identifier, email, phone) = (text("identifier")?, text("email")?, text("phone_number")?);
        names.extend(identifier.as_deref().map(Name::Identifier));
        names.extend(email.as_deref().map(Name::Email));
        names.extend(phone.as_deref().map(Name::Phone));
        let mut known = None;
        for name in names {
            known = self.engine.customer_named(self.license.id, name).await?;
            if known.is_some() {
                break;
            }
        }
        let contact = known.as_ref().and_then(|customer| customer.contact.as_deref());
        let own = entry_named(contact, self.inbox.number, &source).cloned();
        let entry = own.unwrap_or_else(|| {
            let (inbox, stream_token) = (self.inbox.number, secret::draw_short().into());
            let way = Way { inbox, source_id: source.clone(), stream_token };
            ContactEntry { guest: known.is_some(), ..way.taken(self.engine) }
        });
        let entry = entry.proven(contact, Proof { identifier: proven.as_deref() });
        let change = if entry.speaks() {
            self.named_as(contact)?;
            described(&self.fields, Some(entry.clone()))?
        } else {
            let contact = ContactChange { entry: Some(entry.clone()), ..ContactChange::default() };
            CustomerChange { contact: Some(Box::new(contact)), ..CustomerChange::default() }
        };
        let customer = match &known {
            Some(customer) => put(self.engine, self.license.id, customer.id, change).await?,
            None => self.engine.make_contact(self.license.id, change).await?,
        };
        json(self.shown(&customer, &entry)?)
    }

    /// Refuses a name for a contact that has another one.
    fn named_as(&self, contact: Option<&Contact>) -> Result<(), Refused> {
        let given = filled(&self.fields, "identifier")?;
        Ok(contact.map_or(Ok(()), |contact| contact.may_take_identifier(given.as_deref()))?)
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
                let (proven, contact) = (proven(&self.inbox, &self.fields)?, customer.contact.as_deref());
                let entry = entry.clone().proven(contact, Proof { identifier: proven.as_deref() });
                if !entry.speaks() {
                    return Err(Refused::guest());
                }
                self.named_as(contact)?;
                let change = described(&self.fields, Some(entry.clone()))?;
                let customer = put(self.engine, self.license.id, customer.id, change).await?;
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
                let ticket = new_ticket(&self.fields)?;
                let cx = begin(self.engine, &self.license, (customer, entry), ticket).await?;
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
        if is_reached(&cx.chat, Some(entry)) { Ok(cx) } else { Err(Refused::not_found()) }
    }

    async fn of_conversation(&self, customer: &Customer, cx: DeskContext, path: &[&str]) -> Answered {
        let talk = Talk::of(self.engine, self.license.id, customer.id, cx.chat.id);
        match (self.method, path) {
            (&Method::GET, []) => json(self.conversation(customer, cx).await?),
            (&Method::POST, ["toggle_status"]) => {
                talk.resolve().await?;
                json(self.conversation(customer, cx).await?)
            }
            (&Method::POST, ["toggle_typing"]) => {
                talk.typing(&self.fields).await?;
                empty()
            }
            (&Method::POST, ["update_last_seen"]) => {
                talk.seen().await;
                empty()
            }
            (&Method::GET, ["messages"]) => {
                let (cx, page) = talk.page(&self.fields).await?;
                json(page.iter().map(|event| show::public_message(&cx, event)).collect())
            }
            (&Method::POST, ["messages"]) => {
                let (cx, event) = talk.write(&cx, &self.fields).await?;
                json(show::public_message(&cx, &event))
            }
            (&Method::PATCH | &Method::PUT, ["messages", id]) => {
                let (cx, event) = talk.answer(id, &self.fields).await?;
                json(show::public_message(&cx, &event))
            }
            _ => Err(Refused::not_found()),
        }
    }
}
