//! The conversation's actor: a thin driver around the pure [`Conversation`]. It decides, applies,
//! captures what is to be told, journals, and shows nothing before it is durable (design D1, D4).

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, Addr, AsyncContext, Context as ActorContext, Handler};
use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::command::{Command, NewConversation};
use switchboard_domain::conversation::fact::{Change, Fact};
use switchboard_domain::conversation::idempotency::{Outcome as Before, Shows, WriteKey};
use switchboard_domain::conversation::properties::PropertyTable;
use switchboard_domain::conversation::push::{Push, Told};
use switchboard_domain::conversation::ticket::Status;
use switchboard_domain::conversation::view::{ChatView, ThreadView};
use switchboard_domain::conversation::{Context, Conversation, Decision};
use switchboard_domain::desk::Pace;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{CustomerId, UserId};
use switchboard_domain::limits::AMENDED_BYTES;
use switchboard_domain::routing::ConversationSeat;
use switchboard_domain::time::Timestamp;

use crate::engine::customer::{Confirm, Forget};
use crate::engine::dialect::Capture;
use crate::engine::entry::Entry;
use crate::engine::handle::EngineHandle;
use crate::engine::index::{Line, Row};
use crate::engine::limits::FULL_DISK_PAUSE;
use crate::engine::link;
use crate::engine::operations;
use crate::engine::order::{Done, Failure, Shown};
use crate::engine::panics::guarded;
use crate::engine::push::{capture_for, deliveries, desk_context};
use crate::engine::release::{Answer, NewRow, Release};
use crate::engine::router::{AssignAnswered, SeatChanged};
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::storage::{ActorKey, Lsn};
use crate::telemetry::clock;

pub(crate) mod chunks;
mod loading;
mod messages;
mod placing;
mod reads;
mod snapshot;
mod timers;

use loading::Loading;
pub(crate) use messages::{AskDone, NoWord, Resume, Resumed};
pub use messages::{Execute, LoadedThread, NeedThreads, Needs, ReadSummary, ReadThreads, SaveSnapshot};
use placing::RouterPart;
pub use snapshot::Stored;
pub(crate) use snapshot::snapshot;
pub(crate) use timers::TimePassed;

/// A conversation's actor.
pub struct ConversationActor {
    shard: Rc<Shard>,
    table: Arc<LicenseTable>,
    state: Conversation,
    /// Position of the newest fact.
    lsn: Lsn,
    seat: ConversationSeat,
    line: Arc<Line>,
    indexed_at: Option<Timestamp>,
    saving: bool,
    /// The shard knows that some of its facts are in no snapshot yet.
    marked: bool,
    /// The router is being asked for a command of this conversation.
    asking: bool,
    /// Commands that need the router, too: one question at a time, or they would share a promise.
    held_back: VecDeque<Execute>,
    /// A stored event is being looked up for a command, and others wait behind it.
    loading: Loading,
    /// How often changed events were written into their chunks.
    rewrites: u64,
    /// When the shard's wheel wakes it; not later than its next deadline.
    wake_at: Option<Timestamp>,
    /// How often hooks were told who types.
    typing: Pace,
}

impl Actor for ConversationActor {
    type Context = ActorContext<Self>;

    fn started(&mut self, ctx: &mut ActorContext<Self>) {
        self.watch_the_clock(ctx);
    }
}

impl ConversationActor {
    /// Makes a conversation on this shard. Tells who asked, and answers `Ok` when there is one.
    ///
    /// # Errors
    /// The refusal; nothing was made, and nobody was told.
    pub(crate) fn create(
        shard: &Rc<Shard>,
        table: &Arc<LicenseTable>,
        new: NewConversation,
        (by, key): (&Principal, Option<&WriteKey>),
        placed_at: Timestamp,
        answer: Answer,
    ) -> Result<(), (Rejected, Answer)> {
        if let Err(full) = shard.ready() {
            return Err((full, answer));
        }
        let (license, id, number) = (new.license, new.id, new.number);
        let properties = table.properties();
        // Only a new conversation has an epoch: random bits are a system call.
        let epoch = clock::random_u64();
        let cx = Context { epoch, key, ..Self::context(table, &properties, Some(by), Some(placed_at)) };
        let decided = guarded(|| Conversation::create(new, &cx));
        let decision = match decided {
            Ok(decision) => decision,
            Err(rejected) => return Err((rejected, answer)),
        };
        let Some(state) = decision.facts.first().and_then(Conversation::born) else {
            return Err((Rejected::Internal, answer));
        };
        let stored = Stored::new(state);
        let (numbered, by) = (Arc::clone(table), by.user.clone());
        let (shard, table) = (Rc::clone(shard), Arc::clone(table));
        let engine = shard.engine.clone();
        let actor = Self::create_actor(move |ctx| {
            let mut actor = Self::new(shard, table, stored);
            let part = RouterPart { ticket: None, placed: false, agent: None };
            actor.commit(decision, Shows::Chat, (Some(&by), &part), answer, ctx);
            actor
        });
        numbered.numbers.insert(number, id);
        engine.directory().add_conversation(license, id, actor);
        Ok(())
    }

    fn create_actor(make: impl FnOnce(&mut ActorContext<Self>) -> Self + 'static) -> Addr<Self> {
        <Self as Actor>::create(make)
    }

    /// Starts a stored conversation: on this shard, or on one chosen by its id.
    pub(crate) fn wake(engine: &EngineHandle, stored: Stored) -> Option<Addr<Self>> {
        let table = engine.tables().license(stored.head.license())?;
        let index = Shard::current().map_or_else(
            || usize::try_from(stored.head.id().to_bits()).unwrap_or(0) % engine.shard_count().max(1),
            |shard| shard.index,
        );
        let arbiter = engine.arbiter(index)?;
        Some(Self::start_in_arbiter(&arbiter, move |_| Self::new(Shard::here(), table, stored)))
    }

    fn new(shard: Rc<Shard>, table: Arc<LicenseTable>, stored: Stored) -> Self {
        let state = stored.head;
        Self {
            shard,
            table,
            seat: state.seat(),
            line: Arc::new(Line::of(&state)),
            state,
            lsn: stored.lsn,
            indexed_at: stored.indexed_at,
            saving: false,
            marked: false,
            asking: false,
            held_back: VecDeque::new(),
            loading: Loading::default(),
            rewrites: 0,
            wake_at: None,
            typing: Pace::default(),
        }
    }

    pub(super) fn context<'a>(
        table: &'a LicenseTable,
        properties: &'a PropertyTable,
        by: Option<&'a Principal>,
        placed_at: Option<Timestamp>,
    ) -> Context<'a> {
        let now = clock::now();
        let placed_at = placed_at.unwrap_or(now);
        Context { by, now, license: table, properties, placed_at, epoch: 0, key: None }
    }

    fn key(&self) -> ActorKey {
        ActorKey::Conversation(self.state.license(), self.state.id())
    }

    fn commit(
        &mut self,
        mut decision: Decision,
        shows: Shows,
        (by, part): (Option<&UserId>, &RouterPart),
        answer: Answer,
        ctx: &ActorContext<Self>,
    ) {
        decision.number_events(|| self.shard.engine.tables().next_number());
        let (license, id) = (self.state.license(), self.state.id());
        let mut told = Vec::new();
        let customer_before = self.state.customer();
        for fact in &decision.facts {
            self.state.apply(fact, &mut told);
        }
        if self.state.ticket().is_some() {
            for event in decision.facts.iter().flat_map(Fact::posted) {
                self.table.events.insert(event.number, id);
            }
        }
        let outcome = Ok(self.done(shows, &decision, &told));
        let desk = desk_context(&self.shard.engine, &self.table, &self.state, &told, by);
        let cause = answer.cause();
        let mut release = Release {
            answer: Some((answer, outcome)),
            cause,
            echo: decision.echo.map(|echo| capture_for(&self.table, *echo, desk.clone())),
            ..Release::default()
        };
        // The router hears its answer before the notice that shows it, and of an unused place after.
        if let Some(ticket) = part.ticket {
            let answered = AssignAnswered { chat: id, ticket, taken: true };
            release.first.push(Box::new(self.to_router(answered)));
        }
        if decision.facts.is_empty() {
            let passing = decision.passing.map(|told| capture_for(&self.table, *told, desk));
            let calls = passing.as_ref().map(|capture| self.calls_in_passing(capture)).unwrap_or_default();
            release.pushes.extend(passing.map(|capture| (license, capture)));
            self.give_back_unused(part, &mut release);
            return self.store(&calls, release, ctx);
        }
        let mut entries: Vec<_> =
            decision.facts.into_iter().map(|fact| Entry::Conversation(license, id, fact)).collect();
        let captures: Vec<Arc<Capture>> =
            told.into_iter().map(|t| capture_for(&self.table, t, desk.clone())).collect();
        for capture in &captures {
            deliveries(&self.shard.engine, &self.table, Some(&mut self.state), capture, &mut entries);
        }
        release.pushes = captures.into_iter().map(|capture| (license, capture)).collect();
        // Its answer uses up what it was promised.
        let asking = self.asking && !part.placed;
        self.tell_neighbours(&entries, customer_before, asking, &mut release);
        self.give_back_unused(part, &mut release);
        if self.state.amended_bytes() > AMENDED_BYTES {
            link::tell(&ctx.address(), SaveSnapshot);
        }
        self.store(&entries, release, ctx);
    }

    /// Journals what was decided, and lets the release go when it is durable.
    fn store(&mut self, entries: &[Entry], mut release: Release, ctx: &ActorContext<Self>) {
        if entries.is_empty() {
            return self.shard.after(self.lsn, release);
        }
        release.take_due(entries);
        let marked = std::mem::replace(&mut self.marked, true);
        let save = || link::reminder(ctx.address(), SaveSnapshot);
        self.lsn = self.shard.commit_marked(entries, release, Some(self.key()), (!marked).then_some(&save));
    }

    /// The calls that tell hooks of what is told in passing. They are kept like all others: what is said
    /// next waits behind them, so that whoever types has stopped before the message is there.
    fn calls_in_passing(&mut self, capture: &Capture) -> Vec<Entry> {
        let mut calls = Vec::new();
        if let Push::Typing { author, visibility, typing, .. } = &capture.what.push
            && self.typing.admits((author, *visibility), *typing, self.shard.now())
        {
            deliveries(&self.shard.engine, &self.table, Some(&mut self.state), capture, &mut calls);
        }
        calls
    }

    /// Lists, the router and the customer learn of a change before anybody is answered.
    fn tell_neighbours(
        &mut self,
        entries: &[Entry],
        customer_before: Option<CustomerId>,
        asking: bool,
        release: &mut Release,
    ) {
        let id = self.state.id();
        let only_talk = entries.iter().all(|entry| match entry {
            Entry::Conversation(_, _, fact) => {
                matches!(
                    fact.change,
                    Change::EventPosted(_) | Change::SeenUpTo { .. } | Change::KeyUsed { .. }
                )
            }
            _ => true,
        });
        if !only_talk {
            self.line = Arc::new(Line::of(&self.state));
        }
        let row = Row::of(&self.state, Arc::clone(&self.line));
        release.row = Some(NewRow { table: Arc::clone(&self.table), conversation: id, row });
        if only_talk {
            return;
        }
        let seat = ConversationSeat { asking, ..self.state.seat() };
        let changed = (&seat.present, &seat.waiting, &seat.groups)
            != (&self.seat.present, &self.seat.waiting, &self.seat.groups);
        let created = entries.iter().any(is_creation);
        if changed || created {
            self.seat = seat.clone();
            release.first.push(Box::new(self.to_router(SeatChanged(seat))));
        }
        let customer = self.state.customer();
        if let Some(customer) = customer.filter(|_| customer != customer_before) {
            let license = self.state.license();
            operations::tell_whose(&self.shard, (license, customer), Confirm(id), release);
            if let Some(before) = customer_before {
                operations::tell_whose(&self.shard, (license, before), Forget(id), release);
            }
        }
    }

    fn done(&self, shows: Shows, decision: &Decision, told: &[Told]) -> Done {
        let opened = told.iter().find_map(|told| match &told.push {
            Push::ChatStarted { chat, thread } => Some((chat, thread)),
            _ => None,
        });
        let posted = || match opened {
            // The event that opened the thread is its first.
            Some((_, thread)) => thread.events.first(),
            None => decision.facts.iter().rev().find_map(|fact| match &fact.change {
                Change::EventPosted(event) => Some(event),
                _ => None,
            }),
        };
        let seen = || {
            told.iter().chain(decision.echo.as_deref()).find_map(|told| match told.push {
                Push::SeenUpTo { up_to, .. } => Some(up_to),
                _ => None,
            })
        };
        match shows {
            Shows::Nothing => Done::Nothing,
            Shows::Seen => seen().map_or(Done::Nothing, Done::Seen),
            Shows::Event => posted().map_or(Done::Nothing, |event| Done::Posted {
                thread: event.id.thread,
                event: Arc::clone(event),
            }),
            Shows::Chat => opened.map_or(Done::Nothing, |(chat, thread)| {
                let opened = (ChatView::clone(chat), ThreadView::clone(thread));
                Done::Opened(Box::new(self.shown(opened, |(chat, _)| users(chat))))
            }),
        }
    }

    fn shown<T>(&self, what: T, users: impl Fn(&T) -> Vec<UserId>) -> Shown<T> {
        let profiles = self.table.profiles(&users(&what));
        let desk = desk_context(&self.shard.engine, &self.table, &self.state, &[], None);
        Shown { what, profiles, properties: self.table.properties(), desk }
    }

    /// A full disk refuses whoever asks. What the engine itself wants of the chat has to happen: it
    /// is tried again until there is room.
    fn refuse_full(&mut self, message: Execute, full: Rejected, ctx: &mut ActorContext<Self>) {
        if message.by.is_none() {
            ctx.notify_later(message, FULL_DISK_PAUSE);
            return;
        }
        let part = RouterPart::of(&message.command, message.placed_at);
        self.reject(full, &part, message.answer);
        if part.placed {
            self.asked(ctx);
        }
    }

    /// Answers what was done before, as it was answered then.
    fn answer_again(&self, before: Before, by: Option<Arc<Principal>>, part: &RouterPart, answer: Answer) {
        let mut release = Release::default();
        self.give_back_unused(part, &mut release);
        let (shard, chat) = (Rc::clone(&self.shard), self.state.id());
        if let Some(by) = by {
            release.first.push(Box::new(move || operations::answer_again(&shard, by, chat, before, answer)));
        }
        self.shard.after(self.lsn, release);
    }

    fn reject(&self, rejected: Rejected, part: &RouterPart, answer: Answer) {
        let mut release = Release::reply(answer, Err(Failure::Rejected(rejected)));
        if let Some(ticket) = part.ticket {
            let answered = AssignAnswered { chat: self.state.id(), ticket, taken: false };
            release.first.push(Box::new(self.to_router(answered)));
        }
        self.give_back_unused(part, &mut release);
        self.shard.after(self.lsn, release);
    }
}

impl Handler<Execute> for ConversationActor {
    type Result = ();

    fn handle(&mut self, message: Execute, ctx: &mut ActorContext<Self>) {
        let Some(message) = self.behind_loading(message) else { return };
        if !matches!(message.command, Command::Due { .. }) {
            self.catch_up(ctx);
        }
        if let Err(full) = self.shard.ready() {
            return self.refuse_full(message, full, ctx);
        }
        let Execute { command, by, answer, placed_at, key } = message;
        let (shows, part) = (Shows::by(&command), RouterPart::of(&command, placed_at));
        // Kept only where the router may have to be asked, or an event to be looked up.
        let rare = self.state.active_thread().is_none()
            || self.state.status() == Status::Snoozed
            || command.may_need_event()
            || matches!(
                command,
                Command::RemoveUser { .. }
                    | Command::Reassign { .. }
                    | Command::Transfer { .. }
                    | Command::SetStatus { .. }
                    | Command::Due { .. }
            );
        let again = rare.then(|| command.clone());
        let properties = self.table.properties();
        let cx = Self::context(&self.table, &properties, by.as_deref(), placed_at);
        let cx = Context { key: key.as_deref(), ..cx };
        let decided = guarded(|| self.state.decide(command, &cx));
        match (decided, again) {
            (Ok(Decision { before: Some(before), .. }), _) => self.answer_again(before, by, &part, answer),
            (Ok(decision), _) => {
                let by = by.as_deref().map(|by| &by.user);
                self.commit(decision, shows, (by, &part), answer, ctx);
            }
            (Err(Rejected::NeedsPlacement(need)), Some(command)) if placed_at.is_none() => {
                self.ask_router(*need, Execute { command, by, answer, placed_at: None, key }, ctx);
            }
            (Err(Rejected::NeedsEvent(id)), Some(command)) => {
                self.load_event(id, Execute { command, by, answer, placed_at: None, key }, ctx);
            }
            (Err(rejected), _) => self.reject(rejected, &part, answer),
        }
        if part.placed {
            self.asked(ctx);
        }
        self.watch_the_clock(ctx);
    }
}

impl Handler<NoWord> for ConversationActor {
    type Result = ();

    fn handle(&mut self, NoWord(answer, rejected): NoWord, ctx: &mut ActorContext<Self>) {
        self.shard.after(self.lsn, Release::reply(answer, Err(rejected.into())));
        self.asked(ctx);
        self.watch_the_clock(ctx);
    }
}

fn is_creation(entry: &Entry) -> bool {
    matches!(entry, Entry::Conversation(_, _, fact) if matches!(fact.change, Change::Created { .. }))
}

fn users(chat: &ChatView) -> Vec<UserId> {
    chat.members.iter().map(|member| member.user.clone()).collect()
}
