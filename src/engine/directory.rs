//! Finds an actor by id, and starts it from its snapshot on first use (design D3).

use std::hash::Hash;
use std::ops::Deref;

use actix::{Actor, Addr, Context, Handler};
use dashmap::mapref::entry::Entry as Slot;
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::id::{AgentId, ConversationId, CustomerId, LicenseId};

use crate::engine::agent::AgentActor;
use crate::engine::bot::BotActor;
use crate::engine::conversation::{ConversationActor, Stored, TimePassed};
use crate::engine::customer::CustomerActor;
use crate::engine::handle::EngineHandle;
use crate::engine::license::LicenseActor;
use crate::engine::link;
use crate::engine::maps::SharedMap;
use crate::engine::participants::GroupsGone;
use crate::engine::people::PersonActor;
use crate::engine::resident::{Held, Resident, Rest};
use crate::engine::router::RouterActor;
use crate::engine::tables::LicenseTable;
use crate::engine::tenancy::Stop;
use crate::engine::webhook::DispatcherActor;
use crate::storage::StorageError;

/// The actors that every license has one of.
#[derive(Clone)]
pub struct LicenseActors {
    /// Settings and tokens.
    pub license: Addr<LicenseActor>,
    /// Who gets which chat.
    pub router: Addr<RouterActor>,
    /// Webhook calls.
    pub dispatcher: Addr<DispatcherActor>,
}

/// Addresses of running actors.
#[derive(Default)]
pub struct Directory {
    pub(crate) licenses: SharedMap<LicenseId, LicenseActors>,
    pub(crate) agents: SharedMap<(LicenseId, AgentId), Addr<AgentActor>>,
    pub(crate) bots: SharedMap<(LicenseId, AgentId), Addr<BotActor>>,
    customers: SharedMap<(LicenseId, CustomerId), Resident<CustomerActor>>,
    conversations: SharedMap<(LicenseId, ConversationId), Resident<ConversationActor>>,
    /// People of the installation who were changed since the start, by creation number.
    pub(crate) people: SharedMap<u64, Addr<PersonActor>>,
    /// Names of conversations that are being made under a key.
    beginning: SharedMap<(LicenseId, ConversationId), ()>,
}

impl Directory {
    /// A conversation: running, or started from its snapshot.
    ///
    /// # Errors
    /// `NotFound` when the license has no such conversation.
    pub fn conversation(
        &self,
        engine: &EngineHandle,
        license: LicenseId,
        id: ConversationId,
    ) -> Result<Held<ConversationActor>, Rejected> {
        if let Some(found) = self.conversations.get(&(license, id)) {
            return Ok(found.hold());
        }
        match self.conversations.entry((license, id)) {
            Slot::Occupied(found) => Ok(found.get().hold()),
            Slot::Vacant(slot) => {
                let stored = ConversationActor::load(engine, license, id).map_err(|e| unreadable(&e))?;
                let stored = stored.ok_or(Rejected::NotFound(Resource::Chat))?;
                self.wake_customer(engine, &stored);
                let started = ConversationActor::wake(engine, stored).ok_or(Rejected::Internal)?;
                Ok(slot.insert(Resident::new(started)).hold())
            }
        }
    }

    /// A conversation's address where it stands, when it runs: to take hold of it for a single command
    /// would cost more than the command's way to it. Not to be kept.
    pub(crate) fn address_of(
        &self,
        license: LicenseId,
        id: ConversationId,
    ) -> Option<impl Deref<Target = Addr<ConversationActor>>> {
        self.conversations.get(&(license, id)).map(|found| found.map(Resident::address))
    }

    /// A conversation, when it runs.
    pub(crate) fn running_conversation(
        &self,
        license: LicenseId,
        id: ConversationId,
    ) -> Option<Held<ConversationActor>> {
        self.conversations.get(&(license, id)).map(|found| found.hold())
    }

    /// Starts a conversation that was read from storage, at the start of the process.
    pub(crate) fn start_conversation(
        &self,
        engine: &EngineHandle,
        stored: Stored,
    ) -> Option<Addr<ConversationActor>> {
        self.wake_customer(engine, &stored);
        let key = (stored.head.license(), stored.head.id());
        let started = ConversationActor::wake(engine, stored)?;
        self.conversations.insert(key, Resident::new(started.clone()));
        Some(started)
    }

    /// The customer's profile is shown with the conversation.
    fn wake_customer(&self, engine: &EngineHandle, stored: &Stored) {
        if let Some(customer) = stored.head.customer() {
            drop(self.customer(engine, stored.head.license(), customer));
        }
    }

    /// Nobody else may make a conversation of this name until [`Directory::end`]; `false` when somebody
    /// is about to.
    pub(crate) fn begin(&self, name: (LicenseId, ConversationId)) -> bool {
        self.beginning.insert(name, ()).is_none()
    }

    /// The conversation of this name was made, or was not.
    pub(crate) fn end(&self, name: (LicenseId, ConversationId)) {
        self.beginning.remove(&name);
    }

    /// A conversation that was just made.
    pub(crate) fn add_conversation(
        &self,
        license: LicenseId,
        id: ConversationId,
        actor: Addr<ConversationActor>,
    ) {
        self.conversations.insert((license, id), Resident::new(actor));
    }

    /// Tells the running conversations of a license that its settings are others. Whoever leaves memory need
    /// not hear it, and to hear it keeps nobody in memory.
    pub(crate) fn tell_conversations(&self, license: LicenseId) {
        let own = self.conversations.iter().filter(|entry| entry.key().0 == license);
        own.for_each(|chat| link::tell(chat.in_passing(), TimePassed));
    }

    /// Asks the conversations and customers that nobody had since this was called last to leave memory.
    pub(crate) fn rest(&self) {
        let chats = self.conversations.iter();
        chats.filter_map(|chat| chat.unused().cloned()).for_each(|chat| link::tell(&chat, Rest));
        let customers = self.customers.iter();
        customers.filter_map(|who| who.unused().cloned()).for_each(|who| link::tell(&who, Rest));
    }

    /// A conversation that has stored everything leaves, unless somebody has had it since it was asked to;
    /// `true` when it is out.
    pub(crate) fn conversation_leaves(&self, license: LicenseId, id: ConversationId) -> bool {
        self.conversations.remove_if_mut(&(license, id), |_, chat| chat.may_go()).is_some()
    }

    /// The same of a customer, who stays while one of its chats runs: the profile is shown with it. `gone`
    /// runs before anybody can start it again.
    pub(crate) fn customer_leaves(
        &self,
        license: LicenseId,
        id: CustomerId,
        mut chats: impl Iterator<Item = ConversationId>,
        gone: impl FnOnce(),
    ) -> bool {
        // A chat that starts has its customer from then on, and is seen here from then on.
        if chats.any(|chat| self.conversations.contains_key(&(license, chat))) {
            return false;
        }
        let may_go = |customer: &mut Resident<_>| {
            let may_go = customer.may_go();
            if may_go {
                gone();
            }
            may_go
        };
        self.customers.remove_if_mut(&(license, id), |_, customer| may_go(customer)).is_some()
    }

    /// How many conversations and how many customers are in memory.
    pub(crate) fn population(&self) -> (usize, usize) {
        (self.conversations.len(), self.customers.len())
    }

    /// A customer: running, or started from its snapshot.
    ///
    /// # Errors
    /// `NotFound` when the license has no such customer.
    pub fn customer(
        &self,
        engine: &EngineHandle,
        license: LicenseId,
        id: CustomerId,
    ) -> Result<Held<CustomerActor>, Rejected> {
        if let Some(found) = self.customers.get(&(license, id)) {
            return Ok(found.hold());
        }
        match self.customers.entry((license, id)) {
            Slot::Occupied(found) => Ok(found.get().hold()),
            Slot::Vacant(slot) => {
                let stored = CustomerActor::load(engine, license, id).map_err(|e| unreadable(&e))?;
                let stored = stored.ok_or(Rejected::NotFound(Resource::User))?;
                let started = CustomerActor::wake(engine, license, stored).ok_or(Rejected::Internal)?;
                Ok(slot.insert(Resident::new(started)).hold())
            }
        }
    }

    /// A customer that was just made; the running one, when somebody was faster.
    pub(crate) fn add_customer(
        &self,
        license: LicenseId,
        id: CustomerId,
        make: impl FnOnce() -> Addr<CustomerActor>,
    ) -> Held<CustomerActor> {
        self.customers.entry((license, id)).or_insert_with(|| Resident::new(make())).hold()
    }

    /// Is the customer running?
    pub(crate) fn running_customer(&self, license: LicenseId, id: CustomerId) -> Option<Held<CustomerActor>> {
        self.customers.get(&(license, id)).map(|found| found.hold())
    }

    /// A human agent.
    #[must_use]
    pub fn agent(&self, license: LicenseId, id: &AgentId) -> Option<Addr<AgentActor>> {
        self.agents.get(&(license, id.clone())).map(|found| found.clone())
    }

    /// Tells everybody who was put into a group that is no more.
    pub(crate) fn tell_members(&self, table: &LicenseTable) {
        let license = table.license.load();
        for profile in &table.agents {
            if profile.duty.groups.iter().all(|(group, _)| license.has_group(*group)) {
                continue;
            }
            if let Some(agent) = self.agent(table.id, profile.key()) {
                link::tell(&agent, GroupsGone);
            } else if let Some(bot) = self.bot(table.id, profile.key()) {
                link::tell(&bot, GroupsGone);
            }
        }
    }

    /// A bot.
    #[must_use]
    pub fn bot(&self, license: LicenseId, id: &AgentId) -> Option<Addr<BotActor>> {
        self.bots.get(&(license, id.clone())).map(|found| found.clone())
    }

    /// Every actor of a license stops, but for the one that knows that it ended.
    pub(crate) fn stop_license(&self, id: LicenseId) {
        if let Some((_, actors)) = self.licenses.remove(&id) {
            link::tell(&actors.router, Stop);
            link::tell(&actors.dispatcher, Stop);
        }
        stop_of(&self.agents, id, |agent| agent);
        stop_of(&self.bots, id, |bot| bot);
        stop_of(&self.customers, id, Resident::address);
        stop_of(&self.conversations, id, Resident::address);
    }

    /// The actors of a license.
    #[must_use]
    pub fn license(&self, id: LicenseId) -> Option<LicenseActors> {
        self.licenses.get(&id).map(|found| found.clone())
    }
}

/// Stops those actors of one kind that are a license's.
fn stop_of<K, R, A>(
    actors: &SharedMap<(LicenseId, K), R>,
    license: LicenseId,
    address: impl Fn(&R) -> &Addr<A>,
) where
    K: Eq + Hash,
    A: Actor<Context = Context<A>> + Handler<Stop>,
{
    actors.retain(|(whose, _), actor| {
        let own = *whose == license;
        if own {
            link::tell(address(actor), Stop);
        }
        !own
    });
}

fn unreadable(error: &StorageError) -> Rejected {
    tracing::error!(%error, "a snapshot cannot be read");
    Rejected::Internal
}
