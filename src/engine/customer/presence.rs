//! Connections of a customer, and the visits that they make. A visit lasts from the first
//! connection to the end of the last one. Its beginning is a fact; pages and its end are told and
//! not journaled, so that a look at a page costs no write.

use std::sync::Arc;

use actix::{ActorContext as _, AsyncContext, Context, Handler, Message, MessageResult};
use switchboard_domain::conversation::push::{Address, Push, Told, WidgetOpening};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::ConversationId;
use switchboard_domain::participant::customer::{Customer, CustomerChange, CustomerFact, Texts};
use switchboard_domain::participant::news::CustomerNews;
use switchboard_domain::participant::visit::{Page, Visit};

use super::CustomerActor;
use crate::engine::conversation::{SaveSnapshot, TimePassed};
use crate::engine::link;
use crate::engine::order::{DeskContext, Done, NewPage};
use crate::engine::origin::Origin;
use crate::engine::push::{capture_for, deliveries};
use crate::engine::release::{Answer, Release, SessionKey};
use crate::engine::resident::Rest;
use crate::storage::{ActorKey, Lsn};

/// A connection logs in, telling something of the customer.
pub struct Arrive {
    /// The connection.
    pub session: SessionKey,
    /// What it tells.
    pub change: CustomerChange,
    /// Where it comes from.
    pub origin: Origin,
    /// What its client kept, when it says so.
    pub side_storage: Option<Texts>,
}

/// How somebody has arrived.
pub struct Arrived {
    /// The customer after this.
    pub customer: Arc<Customer>,
    /// Up to where that is true.
    pub lsn: Lsn,
    /// The connections have something to hear of what is kept for them.
    pub tell_side_storage: bool,
}

/// The connection that arrived hears from now on.
pub struct Entered {
    /// The page it is on.
    pub page: Option<NewPage>,
    /// Tell what is kept for the customer's connections.
    pub tell_side_storage: bool,
}

/// A page was opened.
pub struct OpenPage {
    /// Which.
    pub page: NewPage,
    /// Who hears how it went.
    pub answer: Answer,
}

/// The window to write in was opened.
pub struct OpenWidget {
    /// By whom, and where.
    pub opening: WidgetOpening,
    /// The conversation that it shows, when there is one.
    pub current: Option<Arc<DeskContext>>,
    /// Who hears how it went.
    pub answer: Answer,
}

/// A connection is gone.
pub struct Left(pub SessionKey);

impl Message for Arrive {
    type Result = Result<Arrived, Rejected>;
}
impl Message for Entered {
    type Result = ();
}
impl Message for OpenPage {
    type Result = ();
}
impl Message for OpenWidget {
    type Result = ();
}
impl Message for Left {
    type Result = ();
}

impl CustomerActor {
    fn arrive(&mut self, arrive: Arrive, ctx: &mut Context<Self>) -> Result<Arrived, Rejected> {
        let now = self.shard.now();
        if self.state.banned(now) {
            return Err(Rejected::CustomerBanned);
        }
        let settings = self.shard.engine.settings();
        if let Some(left) = self.knocks.blocked(now) {
            return Err(Rejected::Blocked(left));
        }
        if self.connections.len() >= settings.connections_per_user {
            let blocked = self.knocks.refused(&settings.patience, now);
            return Err(blocked.map_or(Rejected::TooManyConnections, Rejected::Blocked));
        }
        let (mut next, mut facts) = (self.state.clone(), Vec::new());
        let mut take = |fact: Option<CustomerFact>, next: &mut Customer| {
            let changes = fact.is_some();
            if let Some(fact) = fact {
                next.apply(&fact);
                facts.push(fact);
            }
            changes
        };
        let changed = take(next.change(arrive.change, now)?, &mut next);
        let told = arrive.side_storage.is_some();
        let stored = match arrive.side_storage {
            None => false,
            Some(storage) => take(next.keep_aside(storage, now)?, &mut next),
        };
        let room = self.shard.ready();
        if changed || stored {
            room.clone()?;
        }
        // A visit is no reason to turn a customer away: with a full disk it is not counted.
        let visits = self.connections.is_empty() && room.is_ok();
        if visits {
            let visit = self.begin_visit(arrive.origin);
            take(Some(CustomerFact::Visited(visit)), &mut next);
        }
        self.connections.push(arrive.session);
        self.table.departures.insert(self.state.id, None);
        self.table.here.insert(self.state.id, ());
        if !facts.is_empty() {
            let before = Arc::new(std::mem::replace(&mut self.state, next));
            let mut news = Vec::new();
            if let Some(visit) = self.state.visit.as_ref().filter(|_| visits) {
                let started =
                    CustomerNews::VisitStarted { customer: self.state.id, visit: Arc::new(visit.clone()) };
                news.push(self.news(started, false));
            }
            news.extend(changed.then(|| self.updated(before, false)));
            self.commit(facts, news, Release::default(), ctx);
        }
        let tell_side_storage = stored || (!told && !self.state.side_storage.is_empty());
        Ok(Arrived { customer: Arc::new(self.state.clone()), lsn: self.lsn, tell_side_storage })
    }

    fn begin_visit(&self, origin: Origin) -> Visit {
        Visit {
            number: self.shard.engine.tables().next_number(),
            started_at: self.shard.now().after(self.state.changed_at),
            referrer: origin.referrer,
            ip: origin.address.map(|address| address.to_string().into()).unwrap_or_default(),
            user_agent: origin.user_agent,
            pages: Vec::new(),
        }
    }

    /// The customer is gone: the chat's clock runs from now on, if the license wants that.
    pub(super) fn start_clock(&self, chat: ConversationId) {
        if let Some(actor) = self.shard.engine.directory().running_conversation(self.table.id, chat) {
            link::tell(&actor, TimePassed);
        }
    }

    fn open_page(&mut self, page: NewPage, answer: Answer) {
        let page = Page { opened_at: self.shard.now(), url: page.url, title: page.title };
        let mut release = Release::reply(answer, Ok(Done::Nothing));
        // A visit that a full disk kept from being counted has no pages either.
        let Some(visit) = self.state.visit.as_ref().filter(|_| !self.connections.is_empty()) else {
            return self.show(Vec::new(), release);
        };
        let visit = Arc::new(Visit { pages: Vec::new(), ..visit.clone() });
        self.state.opened(page.clone());
        self.saw_pages = true;
        release.first.push(self.publish());
        let opened = CustomerNews::PageOpened { customer: self.state.id, visit, page };
        self.show(vec![self.news_to_both(opened, true)], release);
    }
}

impl Handler<Arrive> for CustomerActor {
    type Result = MessageResult<Arrive>;

    fn handle(&mut self, arrive: Arrive, ctx: &mut Context<Self>) -> Self::Result {
        MessageResult(self.arrive(arrive, ctx))
    }
}

impl Handler<Entered> for CustomerActor {
    type Result = ();

    fn handle(&mut self, entered: Entered, _: &mut Context<Self>) {
        if entered.tell_side_storage {
            let news = CustomerNews::SideStorage(self.state.side_storage.clone());
            let to = Address { customer: Some(self.state.id), ..Address::nobody() };
            let told = Told { push: Push::Customer(news), to, main: false, seq: None };
            self.show(vec![told], Release::default());
        }
        if let Some(page) = entered.page {
            self.open_page(page, Answer::Nobody);
        }
    }
}

impl Handler<OpenWidget> for CustomerActor {
    type Result = ();

    /// Nothing of it is kept but the calls that tell of it.
    fn handle(&mut self, asked: OpenWidget, ctx: &mut Context<Self>) {
        let OpenWidget { opening, current, answer } = asked;
        if let Err(full) = self.shard.ready() {
            return self.reply(answer, Err(full.into()));
        }
        let push = Push::WidgetOpened(Box::new(opening));
        let told = Told { push, to: Address::nobody(), main: false, seq: None };
        let capture = capture_for(&self.table, told, current);
        let mut calls = Vec::new();
        deliveries(&self.shard.engine, &self.table, None, &capture, &mut calls);
        let mut release = Release::reply(answer, Ok(Done::Nothing));
        if calls.is_empty() {
            return self.shard.after(self.lsn, release);
        }
        release.take_due(&calls);
        self.lsn = self.shard.commit(&calls, release, || link::reminder(ctx.address(), SaveSnapshot));
    }
}

impl Handler<OpenPage> for CustomerActor {
    type Result = ();

    fn handle(&mut self, OpenPage { page, answer }: OpenPage, _: &mut Context<Self>) {
        self.open_page(page, answer);
    }
}

impl Handler<Left> for CustomerActor {
    type Result = ();

    fn handle(&mut self, Left(session): Left, _: &mut Context<Self>) {
        let before = self.connections.len();
        self.connections.retain(|other| *other != session);
        if before == 0 || !self.connections.is_empty() {
            return;
        }
        let (customer, at) = (self.state.id, self.shard.now());
        self.table.departures.insert(customer, Some(at));
        self.table.here.remove(&customer);
        self.chats.existing().for_each(|chat| self.start_clock(chat));
        if let Some(visit) = &self.state.visit {
            let visit = visit.number;
            let ended = CustomerNews::VisitEnded { customer, visit, at };
            self.show(vec![self.news(ended, false)], Release::default());
        }
    }
}

impl Handler<Rest> for CustomerActor {
    type Result = ();

    /// Leaves when it is away and stored, with no chat under way: as it is after a restart, until somebody
    /// wants it.
    fn handle(&mut self, _: Rest, ctx: &mut Context<Self>) {
        let (license, id, now) = (self.table.id, self.state.id, self.shard.now());
        let here = !self.connections.is_empty() || self.chats.reserves(now);
        if here || self.knocks.blocked(now).is_some() {
            return;
        }
        if self.saw_pages {
            // No fact tells of them: they are stored with what is.
            return ctx.notify(SaveSnapshot);
        }
        if self.shard.has_unsaved(&ActorKey::Customer(license, id)) {
            return;
        }
        let gone = || self.table.forget_customer(id);
        if self.shard.engine.directory().customer_leaves(license, id, self.chats.existing(), gone) {
            ctx.stop();
        }
    }
}
