//! Visitors of a web page: customers of whom nothing is kept before they do something.

use std::sync::Arc;

use switchboard_domain::conversation::push::WidgetOpening;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::LicenseId;
use switchboard_domain::participant::contact::{ContactChange, ContactEntry};
use switchboard_domain::participant::customer::{Customer, CustomerChange};

use crate::engine::handle::EngineHandle;
use crate::engine::names::Name;
use crate::engine::operations;
use crate::engine::order::{DeskContext, Failure};
use crate::telemetry::clock;

/// How often somebody is looked for: once before it is made, and again when somebody else makes it.
const LOOKS: usize = 3;

/// A way into an inbox, which a customer may have come by or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Into which inbox.
    pub inbox: u64,
    /// Names the customer there.
    pub source_id: Box<str>,
    /// Opens the customer's stream.
    pub stream_token: Box<str>,
}

impl Way {
    /// The way as somebody has it who comes by it for the first time.
    #[must_use]
    pub fn taken(&self, engine: &EngineHandle) -> ContactEntry {
        ContactEntry {
            number: engine.new_number(),
            inbox: self.inbox,
            source_id: self.source_id.clone(),
            stream_token: self.stream_token.clone(),
            verified: false,
            created_at: clock::now(),
            guest: false,
        }
    }
}

impl EngineHandle {
    /// Whoever came by a way, if anybody has.
    ///
    /// # Errors
    /// `Internal` when the index cannot be read.
    pub async fn known_visitor(
        &self,
        license: LicenseId,
        way: &Way,
    ) -> Result<Option<(Arc<Customer>, ContactEntry)>, Rejected> {
        let name = Name::Entry(way.inbox, &way.source_id);
        let Some(customer) = self.customer_named(license, name).await? else { return Ok(None) };
        let is_it = |entry: &&ContactEntry| entry.inbox == way.inbox && entry.source_id == way.source_id;
        let entry = customer.contact.as_deref().and_then(|contact| contact.entries.iter().find(is_it));
        Ok(entry.cloned().map(|entry| (customer, entry)))
    }

    /// Whoever came by a way; made when nobody has. Asked by several at once it makes one.
    ///
    /// # Errors
    /// `StorageFull`, `Internal`.
    pub async fn visitor(
        &self,
        license: LicenseId,
        way: &Way,
    ) -> Result<(Arc<Customer>, ContactEntry), Failure> {
        let mut last = Rejected::Internal.into();
        for _ in 0..LOOKS {
            if let Some(known) = self.known_visitor(license, way).await? {
                return Ok(known);
            }
            let entry = way.taken(self);
            let contact = ContactChange { entry: Some(entry.clone()), ..ContactChange::default() };
            let change = CustomerChange { contact: Some(Box::new(contact)), ..CustomerChange::default() };
            match self.make_contact(license, change).await {
                Ok(customer) => return Ok((customer, entry)),
                // Its name was taken meanwhile: whoever took it is there, or about to be.
                Err(taken @ Failure::Rejected(Rejected::Invalid { .. })) => last = taken,
                Err(other) => return Err(other),
            }
            tokio::task::yield_now().await;
        }
        Err(last)
    }

    /// Tells whoever hears of that, that a customer opened the window to write in; `current` is the
    /// conversation that it goes on with, if any.
    ///
    /// # Errors
    /// `NotFound`, `StorageFull`.
    pub async fn open_widget(
        &self,
        license: LicenseId,
        opening: WidgetOpening,
        current: Option<DeskContext>,
    ) -> Result<(), Failure> {
        let current = current.map(Arc::new);
        self.heard(|shard, answer| operations::open_widget(shard, license, (opening, current), answer))
            .await
            .map(drop)
    }
}
