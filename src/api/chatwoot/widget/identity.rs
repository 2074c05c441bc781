//! Who a visitor says that it is. A name that somebody else has is taken from nobody who does not
//! prove that it is that one.

use std::sync::Arc;

use serde_json::{Map, Value};
use switchboard_domain::limits::ENTRIES_PER_CONTACT;
use switchboard_domain::participant::contact::{Contact, ContactEntry, Proof};
use switchboard_domain::participant::customer::Customer;

use super::super::call::{Answered, json};
use super::super::customer::{described, filled, fresh_source, proven, put};
use super::super::fields::Fields;
use super::super::refusal::Refused;
use super::super::show;
use super::{Visitor, token};
use crate::engine::names::Name;
use crate::telemetry::clock;

/// The tenant's own name of a contact.
fn identifier_of(customer: &Customer) -> Option<&str> {
    customer.contact.as_deref()?.identifier.as_deref()
}

impl Visitor<'_> {
    /// Takes over what a visitor says of itself, and whom it proves to be; `user`: somebody has logged
    /// in on the page.
    pub(super) async fn identify(&mut self, user: bool) -> Answered {
        let identifier = filled(&self.fields, "identifier")?;
        // Where a proof is asked for, it is one of an identifier: who names none, is nobody else.
        let is_bare = identifier.is_none() && (!user || self.fields.has("custom_attributes"));
        let is_tried = filled(&self.fields, "identifier_hash")?.is_some();
        let proven = if is_tried || !is_bare { proven(&self.inbox, &self.fields)? } else { None };
        let proof = Proof { identifier: proven.as_deref() };
        let came_by = self.way.source_id.clone();
        self.become_user(identifier.as_deref(), proof).await?;
        let (customer, entry) = self.contact().await?;
        let entry = entry.proven(customer.contact.as_deref(), proof);
        if !entry.speaks() {
            return Err(Refused::guest());
        }
        let said = self.free(&self.fields, &customer).await?;
        let change = described(&said, Some(entry.clone()))?;
        let customer = put(self.engine, self.license.id, customer.id, change).await?;
        let token = (self.way.source_id != came_by)
            .then(|| token::issue(&self.inbox, &self.way.source_id, clock::now()));
        json(show::known_visitor(&customer, &entry, token))
    }

    /// Whoever has this identifier is who the visitor is from now on, if it has proven that. Who was
    /// called otherwise before is somebody else, too: what both said is kept apart.
    async fn become_user(&mut self, identifier: Option<&str>, proof: Proof<'_>) -> Result<(), Refused> {
        let Some(identifier) = identifier else { return Ok(()) };
        let known = match proof.identifier {
            Some(own) => self.engine.customer_named(self.license.id, Name::Identifier(own)).await?,
            None => None,
        };
        let own = self.customer();
        let leaves = own.is_some_and(|own| match &known {
            Some(known) => own.id != known.id,
            None => identifier_of(own).is_some_and(|former| former != identifier),
        });
        if leaves {
            self.known = None;
            self.way = token::way(&self.inbox, fresh_source());
        }
        let Some(known) = known.filter(|_| self.known.is_none()) else { return Ok(()) };
        let entries = known.contact.as_deref().map_or(&[][..], |contact| &contact.entries);
        let full = entries.len() >= ENTRIES_PER_CONTACT;
        let is_proven = |entry: &&ContactEntry| entry.inbox == self.inbox.number && entry.verified;
        // A way in that reaches all of it is as good as another one.
        if let Some(entry) = entries.iter().rev().find(is_proven).filter(|_| leaves || full).cloned() {
            self.way = token::way(&self.inbox, entry.source_id.clone());
            self.known = Some((known, entry));
            return Ok(());
        }
        let entry = self.way.taken(self.engine).proven(known.contact.as_deref(), proof);
        let change = described(&Fields::default(), Some(entry.clone()))?;
        let known = put(self.engine, self.license.id, known.id, change).await?;
        self.known = Some((known, entry));
        Ok(())
    }

    /// Takes over what a visitor says of itself beside a message. Who is known already keeps its name.
    pub(super) async fn introduce(&mut self) -> Result<(), Refused> {
        let Some(contact) = self.fields.inside("contact")? else { return Ok(()) };
        let (customer, entry) = self.contact().await?;
        if !entry.speaks() {
            return Ok(());
        }
        let nothing = Contact::default();
        let known = customer.contact.as_deref().unwrap_or(&nothing);
        let is_known = customer.email.is_some() || known.phone.is_some() || known.identifier.is_some();
        let mut said = Map::new();
        for name in ["email", "phone_number", "custom_attributes"] {
            said.extend(contact.given(name).map(|value| (name.to_owned(), value.clone())));
        }
        let email = filled(&contact, "email")?;
        let before_at = email.as_deref().and_then(|email| email.split('@').next());
        let name = filled(&contact, "name")?.or_else(|| before_at.map(Into::into));
        if let Some(name) = name.filter(|_| !is_known) {
            said.insert("name".into(), Value::String(name.into()));
        }
        let said = self.free(&Fields::from_map(said), &customer).await?;
        let customer = put(self.engine, self.license.id, customer.id, described(&said, None)?).await?;
        let entry = self.known.take().map(|(_, entry)| entry);
        self.known = entry.map(|entry| (customer, entry));
        Ok(())
    }

    /// What is said without what says nothing, and without the names that somebody else has. Attributes
    /// come beside those that are there.
    async fn free(&self, said: &Fields, customer: &Arc<Customer>) -> Result<Fields, Refused> {
        let mut free = Map::new();
        for field in ["name", "email", "phone_number", "identifier", "avatar_url"] {
            let Some(text) = filled(said, field)? else { continue };
            let name = match field {
                "email" => Some(Name::Email(&text)),
                "phone_number" => Some(Name::Phone(&text)),
                "identifier" => Some(Name::Identifier(&text)),
                _ => None,
            };
            let holder = match name {
                Some(name) => self.engine.customer_named(self.license.id, name).await?,
                None => None,
            };
            if holder.is_none_or(|holder| holder.id == customer.id) {
                free.insert(field.to_owned(), Value::String(text.into()));
            }
        }
        if let Some(more) = said.object("custom_attributes")? {
            let before = customer.contact.as_deref().map_or("{}", |contact| &contact.custom_attributes);
            free.insert("custom_attributes".into(), show::extend(show::object(before), Value::Object(more)));
        }
        Ok(Fields::from_map(free))
    }
}
