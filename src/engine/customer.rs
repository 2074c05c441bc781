//! A customer's actor: profile, and the reservations that keep the number of its chats (D7).

use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, MessageResult};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{ConversationId, CustomerId, LicenseId};
use switchboard_domain::participant::customer::{Chats, Customer, CustomerChange, CustomerFact};

use crate::engine::conversation::SaveSnapshot;
use crate::engine::entry::{Entry, unreadable};
use crate::engine::handle::EngineHandle;
use crate::engine::limits::{CONNECTIONS_PER_USER, RESERVATION_TIME};
use crate::engine::link;
use crate::engine::participants::store;
use crate::engine::release::{Release, SessionKey};
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::storage::{ActorKey, Lsn, StorageError};

/// A customer with the position of its newest fact and its chats.
pub struct StoredCustomer {
    pub(crate) customer: Customer,
    pub(crate) lsn: Lsn,
    pub(crate) chats: Vec<ConversationId>,
}

/// A customer's actor.
pub struct CustomerActor {
    shard: Rc<Shard>,
    table: Arc<LicenseTable>,
    state: Customer,
    lsn: Lsn,
    chats: Chats,
    connections: Vec<SessionKey>,
}

/// Takes a place for a chat that is to be made.
pub struct Reserve(pub ConversationId);

/// The chat was made.
pub struct Confirm(pub ConversationId);

/// The chat will not be made.
pub struct ReleaseChat(pub ConversationId);

/// A connection logs in, telling something of the customer.
pub struct Arrive {
    /// The connection.
    pub session: SessionKey,
    /// What it tells.
    pub change: CustomerChange,
}

/// A connection is gone.
pub struct Left(pub SessionKey);

/// The customer's chats.
pub struct ChatsOf;

impl Message for Reserve {
    type Result = Result<(), Rejected>;
}
impl Message for Confirm {
    type Result = ();
}
impl Message for ReleaseChat {
    type Result = ();
}
impl Message for Arrive {
    type Result = Result<(Arc<Customer>, Lsn), Rejected>;
}
impl Message for Left {
    type Result = ();
}
impl Message for ChatsOf {
    type Result = Vec<ConversationId>;
}

impl Actor for CustomerActor {
    type Context = Context<Self>;
}

impl CustomerActor {
    /// The snapshot of a customer.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub(crate) fn load(
        engine: &EngineHandle,
        license: LicenseId,
        id: CustomerId,
    ) -> Result<Option<StoredCustomer>, StorageError> {
        let Some((lsn, bytes)) = engine.records().snapshot(&ActorKey::Customer(license, id))? else {
            return Ok(None);
        };
        let customer = rmp_serde::from_slice(&bytes).map_err(|error| unreadable("a customer", &error))?;
        let chats = engine.records().of_customer(license, id)?.into_iter().map(|(chat, _)| chat).collect();
        Ok(Some(StoredCustomer { customer, lsn, chats }))
    }

    /// Starts a stored customer, on this shard or the first one.
    pub(crate) fn wake(
        engine: &EngineHandle,
        license: LicenseId,
        stored: StoredCustomer,
    ) -> Option<Addr<Self>> {
        let table = engine.tables().license(license)?;
        table.customers.insert(stored.customer.id, Arc::new(stored.customer.clone()));
        let arbiter = engine.arbiter(Shard::current().map_or(0, |shard| shard.index))?;
        Some(Self::start_in_arbiter(&arbiter, move |_| Self::new(Shard::here(), table, stored)))
    }

    /// A customer as stored.
    #[must_use]
    pub fn new(shard: Rc<Shard>, table: Arc<LicenseTable>, stored: StoredCustomer) -> Self {
        let mut chats = Chats::default();
        stored.chats.into_iter().for_each(|chat| chats.confirm(chat));
        let (state, lsn) = (stored.customer, stored.lsn);
        Self { shard, table, state, lsn, chats, connections: Vec::new() }
    }

    /// Journals the customer's new state.
    pub(crate) fn commit(&mut self, fact: CustomerFact, release: Release, ctx: &mut Context<Self>) -> Lsn {
        self.state.apply(&fact);
        let entry = Entry::Customer(self.table.id, self.state.id, fact);
        let (table, customer) = (Arc::clone(&self.table), Arc::new(self.state.clone()));
        let release = release.first(move || drop(table.customers.insert(customer.id, customer)));
        let owner = ctx.address();
        self.lsn = self.shard.commit(&[entry], release, move || link::tell(&owner, SaveSnapshot));
        self.lsn
    }
}

impl Handler<Reserve> for CustomerActor {
    type Result = MessageResult<Reserve>;

    fn handle(&mut self, Reserve(chat): Reserve, _: &mut Context<Self>) -> Self::Result {
        let now = self.shard.now();
        if self.state.banned(now) {
            return MessageResult(Err(Rejected::CustomerBanned));
        }
        let limit = self.table.license.load().max_customer_chats;
        MessageResult(self.chats.reserve(chat, limit, now, now.plus(RESERVATION_TIME)))
    }
}

impl Handler<Confirm> for CustomerActor {
    type Result = ();

    fn handle(&mut self, Confirm(chat): Confirm, _: &mut Context<Self>) {
        self.chats.confirm(chat);
    }
}

impl Handler<ReleaseChat> for CustomerActor {
    type Result = ();

    fn handle(&mut self, ReleaseChat(chat): ReleaseChat, _: &mut Context<Self>) {
        self.chats.release(chat);
    }
}

impl Handler<Arrive> for CustomerActor {
    type Result = MessageResult<Arrive>;

    fn handle(&mut self, arrive: Arrive, ctx: &mut Context<Self>) -> Self::Result {
        let now = self.shard.now();
        if self.state.banned(now) {
            return MessageResult(Err(Rejected::CustomerBanned));
        }
        if self.connections.len() >= CONNECTIONS_PER_USER {
            return MessageResult(Err(Rejected::TooManyConnections));
        }
        let changed = self.state.change(arrive.change, now).and_then(|fact| match fact {
            None => Ok(self.lsn),
            Some(fact) => {
                self.shard.ready()?;
                Ok(self.commit(fact, Release::default(), ctx))
            }
        });
        if changed.is_ok() {
            self.connections.push(arrive.session);
        }
        MessageResult(changed.map(|lsn| (Arc::new(self.state.clone()), lsn)))
    }
}

impl Handler<Left> for CustomerActor {
    type Result = ();

    fn handle(&mut self, Left(session): Left, _: &mut Context<Self>) {
        self.connections.retain(|other| *other != session);
    }
}

impl Handler<ChatsOf> for CustomerActor {
    type Result = MessageResult<ChatsOf>;

    fn handle(&mut self, _: ChatsOf, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.chats.existing().collect())
    }
}

impl Handler<SaveSnapshot> for CustomerActor {
    type Result = ();

    fn handle(&mut self, _: SaveSnapshot, _: &mut Context<Self>) {
        let key = ActorKey::Customer(self.table.id, self.state.id);
        store(&self.shard, key, self.lsn, &self.state);
    }
}
