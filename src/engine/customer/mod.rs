//! A customer's actor: profile, visits, ban, and the reservations that keep the number of its
//! chats (D7). The rules are the domain's.

use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, MessageResult};
use switchboard_domain::conversation::push::{Address, Hearing, Push, Told};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{ConversationId, CustomerId, LicenseId};
use switchboard_domain::limits::MAX_CUSTOMER_CHATS;
use switchboard_domain::participant::chats::Chats;
use switchboard_domain::participant::customer::{Customer, CustomerChange, CustomerFact};
use switchboard_domain::participant::knocks::Knocks;
use switchboard_domain::participant::news::CustomerNews;
use switchboard_domain::participant::statistics::Statistics;

use crate::engine::conversation::SaveSnapshot;
use crate::engine::entry::{Entry, unreadable};
use crate::engine::handle::EngineHandle;
use crate::engine::index;
use crate::engine::limits::RESERVATION_TIME;
use crate::engine::link;
use crate::engine::operations;
use crate::engine::order::{CustomerCard, Done, Outcome};
use crate::engine::participants::store_with;
use crate::engine::push::{capture, deliveries};
use crate::engine::release::{Answer, Release, SessionKey};
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::storage::{ActorKey, Lsn, Save, StorageError};
use crate::telemetry::clock;

mod merging;
mod presence;
mod profile;

pub(crate) use merging::{Absorb, Forget, IsSettled, TellMerged, Vanish};
pub use presence::{Arrive, Arrived, Entered, Left, OpenPage, OpenWidget};
pub use profile::{Change, ChangeAccess, ImposeBan};

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
    knocks: Knocks,
    /// Pages were opened that no snapshot has.
    saw_pages: bool,
}

/// Takes a place for a chat that is to be made.
pub struct Reserve(pub ConversationId);

/// The chat was made.
pub struct Confirm(pub ConversationId);

/// The chat will not be made.
pub struct ReleaseChat(pub ConversationId);

/// The customer as it is.
pub struct ReadCustomer;

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
impl Message for ReadCustomer {
    type Result = CustomerCard;
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
        table.set_customer(Arc::new(stored.customer.clone()));
        let arbiter = engine.arbiter(Shard::current().map_or(0, |shard| shard.index))?;
        Some(Self::start_in_arbiter(&arbiter, move |_| Self::new(Shard::here(), table, stored)))
    }

    fn new(shard: Rc<Shard>, table: Arc<LicenseTable>, stored: StoredCustomer) -> Self {
        let mut chats = Chats::default();
        stored.chats.into_iter().for_each(|chat| chats.confirm(chat));
        let (state, lsn) = (stored.customer, stored.lsn);
        let (connections, knocks) = (Vec::new(), Knocks::default());
        Self { shard, table, state, lsn, chats, connections, knocks, saw_pages: false }
    }

    /// Makes a customer on this shard and tells of it; does nothing when somebody was faster. The
    /// answer, if any, shows the new customer.
    ///
    /// # Errors
    /// `Invalid` for a value over its bound, with the answer back: nothing was made.
    pub(crate) fn create(
        shard: &Rc<Shard>,
        table: &Arc<LicenseTable>,
        id: CustomerId,
        change: CustomerChange,
        answer: Answer,
    ) -> Result<(), (Rejected, Answer)> {
        let number = shard.engine.tables().next_number();
        let mut customer = Customer::new(id, number, clock::now());
        match customer.change(change, customer.created_at) {
            Ok(Some(fact)) => customer.apply(&fact),
            Ok(None) => {}
            Err(rejected) => return Err((rejected, answer)),
        }
        let (records, engine) = ((shard.engine.records(), table.id), &shard.engine);
        if let Err(taken) =
            table.names.change(records, None, &customer, |id| Self::as_it_is(engine, table, id))
        {
            return Err((taken, answer));
        }
        let (own, table) = (Rc::clone(shard), Arc::clone(table));
        shard.engine.directory().add_customer(table.id, id, move || {
            Self::create_actor(move |ctx| {
                let stored = StoredCustomer { customer, lsn: Lsn::ZERO, chats: Vec::new() };
                let mut actor = Self::new(own, table, stored);
                actor.born(answer, ctx);
                actor
            })
        });
        Ok(())
    }

    /// Another customer, running or stored; one that became part of another is that one.
    fn as_it_is(engine: &EngineHandle, table: &LicenseTable, mut id: CustomerId) -> Option<Arc<Customer>> {
        loop {
            let stored = || Self::load(engine, table.id, id).ok().flatten();
            let found = table.customer(id).or_else(|| stored().map(|stored| Arc::new(stored.customer)))?;
            match found.merged_into() {
                Some(heir) => id = heir,
                None => return Some(found),
            }
        }
    }

    fn create_actor(make: impl FnOnce(&mut Context<Self>) -> Self + 'static) -> Addr<Self> {
        <Self as Actor>::create(make)
    }

    fn born(&mut self, answer: Answer, ctx: &mut Context<Self>) {
        let fact = CustomerFact::Put(Box::new(self.state.clone()));
        let news = self.news(CustomerNews::Created(Arc::new(self.state.clone())), true);
        let release = Release::reply(answer, Ok(Done::Customer(Box::new(self.card()))));
        self.commit(vec![fact], vec![news], release, ctx);
    }

    /// Journals changes that the state has already, and shows them when they are durable. What
    /// everybody reads is up to date before anything else of `release` happens.
    fn commit(
        &mut self,
        facts: Vec<CustomerFact>,
        news: Vec<Told>,
        mut release: Release,
        ctx: &mut Context<Self>,
    ) {
        let (license, id) = (self.table.id, self.state.id);
        let mut entries: Vec<_> = facts.into_iter().map(|fact| Entry::Customer(license, id, fact)).collect();
        for told in news {
            let capture = capture(&self.table, told);
            deliveries(&self.shard.engine, &self.table, None, &capture, &mut entries);
            release.pushes.push((license, capture));
        }
        release.take_due(&entries);
        release.first.insert(0, self.publish());
        self.lsn = self.shard.commit(&entries, release, || link::reminder(ctx.address(), SaveSnapshot));
    }

    /// Shows something behind the newest fact, without a fact of its own.
    fn show(&self, news: Vec<Told>, mut release: Release) {
        let captures = news.into_iter().map(|told| (self.table.id, capture(&self.table, told)));
        release.pushes.extend(captures);
        self.shard.after(self.lsn, release);
    }

    fn reply(&self, answer: Answer, outcome: Outcome) {
        self.shard.after(self.lsn, Release::reply(answer, outcome));
    }

    /// Puts the customer as it is now into the table that everybody reads.
    fn publish(&self) -> Box<dyn FnOnce()> {
        let (table, customer) = (Arc::clone(&self.table), Arc::new(self.state.clone()));
        Box::new(move || table.set_customer(customer))
    }

    /// Something for the agents who may read customers.
    fn news(&self, news: CustomerNews, main: bool) -> Told {
        let to = Address { license: true, hearing: Hearing::Customers, ..Address::nobody() };
        Told { push: Push::Customer(news), to, main, seq: None }
    }

    /// The same, and for the customer's own connections.
    fn news_to_both(&self, news: CustomerNews, main: bool) -> Told {
        let mut told = self.news(news, main);
        told.to.customer = Some(self.state.id);
        told
    }

    /// What is told of a change since then.
    fn updated(&self, before: Arc<Customer>, main: bool) -> Told {
        let news = CustomerNews::Updated {
            customer: Arc::new(self.state.clone()),
            before,
            present: !self.connections.is_empty(),
            banned: self.state.banned(self.shard.now()),
        };
        self.news_to_both(news, main)
    }

    fn card(&self) -> CustomerCard {
        CustomerCard {
            customer: Arc::new(self.state.clone()),
            present: !self.connections.is_empty(),
            statistics: self.statistics(),
        }
    }

    /// What its conversations add up to: they tell of themselves, in memory or stored.
    fn statistics(&self) -> Statistics {
        let stored = index::stored_talks(self.shard.engine.records(), self.table.id, self.state.id);
        let stored = stored.unwrap_or_else(|error| {
            tracing::error!(%error, "a customer's statistics cannot be read");
            Vec::new()
        });
        let talk = |chat: ConversationId| match self.table.rows.get(&chat) {
            Some(row) => row.talk,
            None => stored.iter().find(|(id, _)| *id == chat).map(|(_, talk)| *talk).unwrap_or_default(),
        };
        self.chats.existing().map(talk).fold(Statistics::default(), Statistics::with)
    }
}

impl Handler<Reserve> for CustomerActor {
    type Result = MessageResult<Reserve>;

    fn handle(&mut self, Reserve(chat): Reserve, _: &mut Context<Self>) -> Self::Result {
        let now = self.shard.now();
        if self.state.banned(now) {
            return MessageResult(Err(Rejected::CustomerBanned));
        }
        let license = self.table.license.load();
        if let Err(gone) = self.state.stays_its_own(&license.desk) {
            return MessageResult(Err(gone));
        }
        // A help desk's customers have as many conversations as they begin.
        let limit =
            if self.state.contact.is_some() { MAX_CUSTOMER_CHATS } else { license.max_customer_chats };
        MessageResult(self.chats.reserve(chat, limit, now, now.plus(RESERVATION_TIME)))
    }
}

impl Handler<Confirm> for CustomerActor {
    type Result = ();

    fn handle(&mut self, Confirm(chat): Confirm, _: &mut Context<Self>) {
        self.chats.confirm(chat);
        if self.connections.is_empty() {
            // It was on its way when the customer left.
            self.start_clock(chat);
        }
        // It was on its way when the ban came.
        if let Some(ban) = self.state.ban.as_ref().filter(|_| self.state.banned(self.shard.now())) {
            operations::end_banned(&self.shard, self.table.id, [chat], ban);
        }
    }
}

impl Handler<ReleaseChat> for CustomerActor {
    type Result = ();

    fn handle(&mut self, ReleaseChat(chat): ReleaseChat, _: &mut Context<Self>) {
        self.chats.release(chat);
    }
}

impl Handler<ReadCustomer> for CustomerActor {
    type Result = MessageResult<ReadCustomer>;

    fn handle(&mut self, _: ReadCustomer, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.card())
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
        self.saw_pages = false;
        let (table, customer) = (Arc::clone(&self.table), self.state.clone());
        let mut save = Save::new();
        let names = table.names.save(table.id, &customer, &mut save);
        let stored = move || table.names.stored(&customer, &names);
        store_with(&self.shard, (key, self.lsn), &self.state, save, stored);
    }
}
