//! What a help desk's face asks of the engine beside orders: who has a token, what has a number.

use std::collections::HashMap;
use std::sync::Arc;

use switchboard_domain::auth::{Principal, ScopeSet};
use switchboard_domain::conversation::event::Event;
use switchboard_domain::conversation::view::Threads;
use switchboard_domain::desk::Merge;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, ClientId, ConversationId, CustomerId, LicenseId, UserId};
use switchboard_domain::participant::bot::Bot;
use switchboard_domain::participant::customer::{Customer, CustomerChange};
use switchboard_domain::participant::license::License;

use crate::engine::customer::ReadCustomer;
use crate::engine::entry::TokenHash;
use crate::engine::handle::EngineHandle;
use crate::engine::link;
use crate::engine::names::{self, Name};
use crate::engine::operations;
use crate::engine::order::{BotOrder, CustomerCard, DeskContext, Done, Failure, Order, Outcome, Request};
use crate::engine::profiles::AgentProfile;
use crate::engine::push::desk_view;
use crate::engine::secret;
use crate::engine::tables::LicenseTable;
use crate::storage::{ActorKind, StorageError};

/// The application that a help desk's bots and calls belong to.
pub const DESK_CLIENT: &str = "desk";

/// Nobody's token: what acts without one.
const NO_TOKEN: [u8; 32] = [0; 32];

impl EngineHandle {
    /// The license with this number on the desk's side.
    #[must_use]
    pub fn account(&self, number: u64) -> Option<Arc<License>> {
        let licenses = self.tables().licenses();
        licenses
            .iter()
            .map(|table| table.license.load_full())
            .find(|license| number > 0 && license.desk.account == number)
    }

    /// A license as it is now.
    #[must_use]
    pub fn license(&self, license: LicenseId) -> Option<Arc<License>> {
        self.tables().license(license).map(|table| table.license.load_full())
    }

    /// Does this text open the installation?
    #[must_use]
    pub fn platform_token_matches(&self, token: &str) -> bool {
        self.platform_token().is_some_and(|own| secret::same(token, own))
    }

    /// Bots of a license's help desk, in the order of creation.
    #[must_use]
    pub fn desk_bots(&self, license: LicenseId) -> Vec<Arc<Bot>> {
        let Some(table) = self.tables().license(license) else { return Vec::new() };
        let mut bots: Vec<_> = table.bots.iter().map(|bot| Arc::clone(bot.value())).collect();
        bots.retain(|bot| !bot.removed && bot.desk.is_some());
        bots.sort_by_key(|bot| bot.number);
        bots
    }

    /// The help desk's bots with this token: one, or for the installation's one in each license.
    #[must_use]
    pub fn desk_bots_with_token(&self, token: &str) -> Vec<(LicenseId, AgentId)> {
        let hash = secret::hash(token);
        let of = |table: &Arc<LicenseTable>| {
            let bot = table.bot_tokens.get(&hash).map(|bot| bot.clone())?;
            Some((table.id, bot))
        };
        self.tables().licenses().iter().filter_map(of).collect()
    }

    /// A human agent or bot of a license by its number.
    #[must_use]
    pub fn agent_numbered(&self, license: LicenseId, number: u64) -> Option<Arc<AgentProfile>> {
        self.agents(license).into_iter().find(|agent| agent.number == number)
    }

    /// An agent or bot of a license, also one that is gone.
    #[must_use]
    pub fn agent(&self, license: LicenseId, agent: &AgentId) -> Option<Arc<AgentProfile>> {
        self.tables().license(license)?.agent(agent)
    }

    /// Whoever acts as an agent or bot of the desk.
    #[must_use]
    pub fn desk_agent(
        &self,
        license: LicenseId,
        agent: &AgentId,
        scopes: ScopeSet,
    ) -> Option<Arc<Principal>> {
        let table = self.tables().license(license)?;
        let profile = table.agent(agent).filter(|profile| !profile.removed)?;
        let user = UserId::Agent(agent.clone());
        Some(Arc::new(Principal {
            license,
            groups: table.groups_of_user(&user),
            user,
            client: ClientId::new(DESK_CLIENT),
            bot: profile.bot_of.is_some(),
            scopes,
            token: NO_TOKEN,
        }))
    }

    /// Whoever acts as a customer of the desk.
    #[must_use]
    pub fn desk_customer(&self, license: LicenseId, customer: CustomerId) -> Arc<Principal> {
        Arc::new(Principal {
            license,
            user: UserId::Customer(customer),
            client: ClientId::new(DESK_CLIENT),
            bot: false,
            scopes: ScopeSet::default(),
            groups: Vec::new(),
            token: NO_TOKEN,
        })
    }

    /// The conversation with this number.
    ///
    /// # Errors
    /// `Internal` when the index cannot be read.
    pub fn conversation_numbered(
        &self,
        license: LicenseId,
        number: u64,
    ) -> Result<Option<ConversationId>, Rejected> {
        let Some(table) = self.tables().license(license) else { return Ok(None) };
        if let Some(newest) = table.numbers.get(&number) {
            return Ok(Some(*newest));
        }
        let stored = self.records().numbered(license, number).map_err(|error| unreadable(&error))?;
        let bits = stored.and_then(|bytes| <[u8; 8]>::try_from(bytes.as_slice()).ok());
        Ok(bits.map(|bits| ConversationId::from_random(u64::from_be_bytes(bits))))
    }

    /// The conversation of the help desk in which an event has this number.
    ///
    /// # Errors
    /// `Internal` when the index cannot be read.
    pub fn conversation_with_event(
        &self,
        license: LicenseId,
        number: u64,
    ) -> Result<Option<ConversationId>, Rejected> {
        let Some(table) = self.tables().license(license) else { return Ok(None) };
        if let Some(newest) = table.events.get(&number) {
            return Ok(Some(*newest));
        }
        self.records().with_event(license, number).map_err(|error| unreadable(&error))
    }

    /// The customer with this name.
    ///
    /// # Errors
    /// `Internal` when the index cannot be read.
    pub async fn customer_named(
        &self,
        license: LicenseId,
        name: Name<'_>,
    ) -> Result<Option<Arc<Customer>>, Rejected> {
        let Some(table) = self.tables().license(license) else { return Ok(None) };
        let found = table.names.find(self.records(), license, name).map_err(|error| unreadable(&error))?;
        let Some(id) = found else { return Ok(None) };
        match self.heir_card(license, id).await {
            Ok(card) => Ok(Some(card.customer).filter(|customer| names::has(customer, &name))),
            // It was named and then could not be made.
            Err(Rejected::NotFound(_)) => Ok(None),
            Err(rejected) => Err(rejected),
        }
    }

    /// A customer as it is now; one that became part of another is that one.
    async fn heir_card(&self, license: LicenseId, mut id: CustomerId) -> Result<CustomerCard, Rejected> {
        loop {
            let card = self.customer_card(license, id).await?;
            match card.customer.merged_into() {
                Some(heir) => id = heir,
                None => return Ok(card),
            }
        }
    }

    /// Makes one contact part of another, and answers with the other.
    ///
    /// # Errors
    /// `NotFound`; `Invalid`, naming the field, when they cannot be one or are on their way already.
    pub async fn merge_contacts(&self, license: LicenseId, merge: Merge) -> Result<Arc<Customer>, Failure> {
        let merged = self.heard(|shard, answer| operations::merge_contacts(shard, license, merge, answer));
        match merged.await? {
            Done::Customer(card) => Ok(card.customer),
            _ => Err(Rejected::Internal.into()),
        }
    }

    /// A customer as it is now.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn customer_card(&self, license: LicenseId, id: CustomerId) -> Result<CustomerCard, Rejected> {
        let actor = self.directory().customer(self, license, id)?;
        link::ask(&actor, ReadCustomer).await
    }

    /// A conversation of the desk as somebody may see it; with everything that was said when
    /// `whole`.
    ///
    /// # Errors
    /// `NotFound`, `NoAccess`.
    pub async fn ticket(
        &self,
        by: &Arc<Principal>,
        chat: ConversationId,
        whole: bool,
    ) -> Result<(DeskContext, Vec<Arc<Event>>), Failure> {
        let order = Order::GetThreads(chat, if whole { None } else { Some(Vec::new()) });
        let request = Request { by: Arc::clone(by), order, group: None, key: None };
        let Done::Threads(shown) = self.run(request).await? else { return Err(Rejected::Internal.into()) };
        let Threads { chat, threads, .. } = shown.what;
        let table = self.tables().license(by.license).ok_or(Rejected::Internal)?;
        if let Some(customer) = chat.customer {
            // Its profile is shown, so that it has to be known.
            self.directory().customer(self, by.license, customer)?;
        }
        let events: Vec<_> = threads.into_iter().flat_map(|thread| thread.events).collect();
        let authors: Vec<_> = events.iter().filter_map(|event| event.author.clone()).collect();
        Ok((desk_view(&table, chat, &authors), events))
    }

    /// Lets a bot answer first in an inbox, or none; what the former one has there goes to people.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_inbox_bot(
        &self,
        license: LicenseId,
        inbox: u64,
        bot: Option<AgentId>,
    ) -> Result<(), Failure> {
        self.heard(|shard, answer| operations::set_inbox_bot(shard, license, inbox, bot, answer))
            .await
            .map(drop)
    }

    /// What opens the stream of whoever has this token.
    #[must_use]
    pub fn stream_token(&self, token: &str) -> Option<String> {
        self.stream_seal()?.token(&secret::hash(token))
    }

    /// The hash of the token whose stream this opens.
    pub(crate) fn read_stream_token(&self, text: &str) -> Option<TokenHash> {
        self.stream_seal()?.read(text)
    }

    /// Does a customer have a connection now?
    #[must_use]
    pub fn is_here(&self, license: LicenseId, customer: CustomerId) -> bool {
        self.tables().license(license).is_some_and(|table| table.is_here(customer))
    }

    /// Every contact of a license's desk.
    ///
    /// # Errors
    /// `Internal` when they cannot be read.
    pub async fn contacts(&self, license: LicenseId) -> Result<Vec<Arc<Customer>>, Rejected> {
        let Some(table) = self.tables().license(license) else { return Ok(Vec::new()) };
        let _turn = self.walk_turn().await?;
        let mut all: HashMap<CustomerId, Arc<Customer>> = HashMap::new();
        let records = self.records().clone();
        let read = move || records.snapshots(ActorKind::Customer, Some(license));
        let stored = tokio::task::spawn_blocking(read).await.map_err(|_| Rejected::Internal)?;
        for found in stored.map_err(|error| unreadable(&error))? {
            if let Ok(customer) = rmp_serde::from_slice::<Customer>(&found.bytes) {
                all.insert(customer.id, Arc::new(customer));
            }
        }
        all.extend(table.customers().map(|customer| (customer.id, customer)));
        let mut all: Vec<_> = all.into_values().collect();
        all.retain(|customer| customer.contact.as_ref().is_some_and(|contact| !contact.deleted));
        Ok(all)
    }

    /// A new process-wide number.
    #[must_use]
    pub fn new_number(&self) -> u64 {
        self.tables().next_number()
    }

    /// Carries out an order about a bot of the desk.
    ///
    /// # Errors
    /// `NotFound`; `Invalid`, naming the field.
    pub async fn desk_bot(&self, license: LicenseId, order: BotOrder) -> Outcome {
        self.heard(|shard, answer| operations::desk_bot(shard, license, order, answer)).await
    }

    /// Makes a customer whose whole description is given.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub async fn make_contact(
        &self,
        license: LicenseId,
        change: CustomerChange,
    ) -> Result<Arc<Customer>, Failure> {
        let outcome =
            self.heard(|shard, answer| operations::make_contact(shard, license, change, answer)).await?;
        match outcome {
            Done::Customer(card) => Ok(card.customer),
            _ => Err(Rejected::Internal.into()),
        }
    }
}

fn unreadable(error: &StorageError) -> Rejected {
    tracing::error!(%error, "an index cannot be read");
    Rejected::Internal
}
