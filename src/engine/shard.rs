//! One shard: an OS thread with its own sessions, conversations and hub (design D2). What is
//! reached from here without a message lives on this thread.

use std::cell::{Cell, RefCell};
use std::collections::hash_map::Entry as Slot;
use std::rc::Rc;
use std::sync::Arc;

use actix::Addr;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{ConversationId, LicenseId};
use switchboard_domain::time::Timestamp;
use switchboard_domain::webhook::DeliveryId;
use tokio::sync::Notify;

use crate::engine::conversation::{ConversationActor, TimePassed};
use crate::engine::entry::{self, Entry};
use crate::engine::handle::EngineHandle;
use crate::engine::hub::{Hub, Parcel, Parcels};
use crate::engine::limits::TICK;
use crate::engine::link;
use crate::engine::maps::Map;
use crate::engine::meters::OrderMeters;
use crate::engine::order::Outcome;
use crate::engine::outbox::{DirtyList, TurnTask};
use crate::engine::release::{Answer, NewRow, Release, ReleaseQueue};
use crate::engine::webhook::Due;
use crate::engine::wheel::Wheel;
use crate::storage::{ActorKey, Lsn, StorageError};
use crate::telemetry::clock;
use crate::telemetry::traffic::{Traffic, traffic};

/// Memory kept for the next record, bytes: records are seldom greater.
const RECORD_BYTES_KEPT: usize = 64 * 1024;

thread_local! {
    static CURRENT: RefCell<Option<Rc<Shard>>> = const { RefCell::new(None) };
}

/// What keeps the checkpoint from passing: facts whose snapshot is not stored yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Hold {
    Actor(ActorKey),
    Delivery(DeliveryId),
}

struct Mark {
    /// Whose fact it is: with a license goes what it had. A license's own end has to be stored.
    license: Option<LicenseId>,
    /// Everything up to here is in the stored snapshot.
    since: Lsn,
    /// The newest fact that is not, as far as it came with [`Shard::commit`]: an owner that commits
    /// with [`Shard::commit_marked`] knows its newest itself.
    latest: Lsn,
    /// Asks the owner for a snapshot.
    save: Option<Box<dyn Fn()>>,
    /// The tick from which on the owner is asked.
    due: u32,
}

/// A shard's state, shared by everything on its thread.
pub struct Shard {
    /// Its place among the shards.
    pub index: usize,
    /// The engine it belongs to.
    pub engine: EngineHandle,
    /// Who on this shard hears what.
    pub hub: Hub,
    /// Sockets with something to write.
    pub dirty: DirtyList,
    /// Counts what is asked here.
    pub(crate) orders: OrderMeters,
    queue: RefCell<ReleaseQueue>,
    turn: Arc<Notify>,
    last: Cell<Lsn>,
    marks: RefCell<Map<Hold, Mark>>,
    /// The record being encoded; its memory is kept.
    record: RefCell<Vec<u8>>,
    outgoing: RefCell<Vec<Vec<Parcel>>>,
    ticks: Cell<u32>,
    ticks_per_checkpoint: u32,
    /// The part of this thread's traffic that the process has counted.
    counted: Cell<Traffic>,
    wheel: RefCell<Wheel>,
}

impl Shard {
    /// Makes this thread a shard and starts its turns.
    pub(crate) fn start(index: usize, engine: &EngineHandle, turn: Arc<Notify>) -> Rc<Self> {
        let shards = engine.shard_count();
        let shard = Rc::new(Self {
            index,
            engine: engine.clone(),
            hub: Hub::default(),
            dirty: DirtyList::default(),
            queue: RefCell::default(),
            turn,
            last: Cell::new(engine.journal().durable()),
            marks: RefCell::default(),
            record: RefCell::default(),
            orders: OrderMeters::default(),
            outgoing: RefCell::new((0..shards).map(|_| Vec::new()).collect()),
            ticks: Cell::new(0),
            ticks_per_checkpoint: engine.settings().ticks_per_checkpoint(),
            counted: Cell::new(traffic()),
            wheel: RefCell::default(),
        });
        CURRENT.set(Some(Rc::clone(&shard)));
        actix::spawn(TurnTask::new(shard.dirty.clone()).run());
        actix::spawn(tokio::task::unconstrained(Rc::clone(&shard).turns()));
        actix::spawn(Rc::clone(&shard).ticks());
        shard
    }

    /// The shard of this thread; `None` on a thread that is none.
    #[must_use]
    pub fn current() -> Option<Rc<Self>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// The shard of this thread, for code that runs on shards only.
    #[must_use]
    pub fn here() -> Rc<Self> {
        Self::current().unwrap_or_else(|| {
            tracing::error!("an actor was started outside a shard");
            std::process::abort()
        })
    }

    async fn turns(self: Rc<Self>) {
        loop {
            self.turn.notified().await;
            self.engine.journal().hand_over();
            self.release();
        }
    }

    async fn ticks(self: Rc<Self>) {
        let mut timer = tokio::time::interval(TICK);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            timer.tick().await;
            self.hub.tick();
            self.engine.meters().pushed(self.hub.take_pushes());
            self.engine.meters().moved(traffic().since(self.counted.replace(traffic())));
            self.wake_who_is_due();
            let ticks = self.ticks.get().wrapping_add(1);
            self.ticks.set(ticks);
            self.save_due(ticks);
            if ticks.is_multiple_of(self.ticks_per_checkpoint) {
                self.engine.publish_floor(self.index, self.floor());
            }
            if self.index == 0 && ticks.is_multiple_of(self.engine.settings().ticks_until_rest()) {
                let engine = self.engine.clone();
                drop(tokio::task::spawn_blocking(move || engine.directory().rest()));
            }
        }
    }

    /// Not before everything is recovered: the router has to know of all chats.
    fn wake_who_is_due(&self) {
        if self.engine.is_ready() {
            let due = self.wheel.borrow_mut().due(self.now());
            due.iter().for_each(|who| link::tell(who, TimePassed));
        }
    }

    /// A conversation of this shard wants to be woken then; a later wish replaces an earlier one.
    pub(crate) fn wake(&self, key: (LicenseId, ConversationId), at: Timestamp, who: Addr<ConversationActor>) {
        self.wheel.borrow_mut().set(key, at, who);
    }

    /// May anything be written now? Asked before a decision (design D4).
    ///
    /// # Errors
    /// `StorageFull` while the disk has no room.
    pub fn ready(&self) -> Result<(), Rejected> {
        self.engine.journal().ready().map_err(|_| Rejected::StorageFull)
    }

    /// Journals a batch and holds back what it shows until it is durable. `save` makes what asks the
    /// owner of the facts for a snapshot later.
    ///
    /// The owner has applied the facts already. Should the journal refuse them, going on would show
    /// what a crash forgets: nothing of the batch is shown, and the process is told to stop.
    pub fn commit(&self, entries: &[Entry], release: Release, save: impl Fn() -> Box<dyn Fn()>) -> Lsn {
        self.commit_marked(entries, release, None, Some(&save))
    }

    /// As [`Shard::commit`], of this owner, whom calls alone change too: it counts them. Without `save` for
    /// an owner whose unsaved facts are known here already.
    /// Such an owner stores with [`Shard::saved_in_part`] until it has nothing unsaved.
    pub(crate) fn commit_marked(
        &self,
        entries: &[Entry],
        release: Release,
        owner: Option<ActorKey>,
        save: Option<&impl Fn() -> Box<dyn Fn()>>,
    ) -> Lsn {
        let lsn = match self.append(entries) {
            Ok(lsn) => lsn,
            Err(error) => {
                self.engine.fatal(&format!("a change could not be journaled after it was applied: {error}"));
                return self.last.get();
            }
        };
        self.engine.meters().journaled(entries);
        let before = self.last.replace(lsn);
        let hold = |entry: &Entry| match entry {
            Entry::DeliveryDue(_, delivery, _) => Some(Hold::Delivery(delivery.id.clone())),
            entry => save.and_then(|_| entry.owner()).map(Hold::Actor),
        };
        let named = owner.filter(|_| save.is_some()).map(Hold::Actor);
        let holds = entries.iter().filter_map(|entry| Some((entry, hold(entry)?)));
        for (entry, hold) in holds.chain(entries.first().zip(named)) {
            match self.marks.borrow_mut().entry(hold) {
                Slot::Occupied(mut mark) => mark.get_mut().latest = lsn,
                Slot::Vacant(slot) => {
                    let owned = matches!(slot.key(), Hold::Actor(_));
                    let save = save.filter(|_| owned).map(|save| save());
                    let license = entry.license().filter(|_| !matches!(entry, Entry::License(..)));
                    let due = self.first_snapshot();
                    slot.insert(Mark { license, since: before, latest: lsn, save, due });
                }
            }
        }
        self.queue.borrow_mut().push(lsn, release);
        self.turn.notify_one();
        lsn
    }

    fn append(&self, entries: &[Entry]) -> Result<Lsn, StorageError> {
        let mut record = self.record.borrow_mut();
        record.clear();
        entry::encode_into(&mut record, entries)?;
        let lsn = self.engine.journal().append(&record)?;
        record.shrink_to(RECORD_BYTES_KEPT);
        Ok(lsn)
    }

    /// Shows something when `lsn` is durable: the answer to a read waits for what it saw.
    pub fn after(&self, lsn: Lsn, release: Release) {
        self.queue.borrow_mut().push(lsn, release);
        self.turn.notify_one();
    }

    /// Answers at once: for what depends on no change, such as a refused field.
    pub fn answer(&self, answer: Answer, outcome: Outcome) {
        self.route_answer(answer, outcome);
        self.send_outgoing();
        self.hub.go_on();
    }

    /// Tells something to the hub of every shard.
    pub fn broadcast(&self, parcel: impl Fn() -> Parcel) {
        for index in 0..self.engine.shard_count() {
            self.post(index, parcel());
        }
        self.send_outgoing();
    }

    /// The owner's snapshot up to `lsn` is stored.
    pub fn saved(&self, owner: &ActorKey, lsn: Lsn) {
        let hold = Hold::Actor(owner.clone());
        let all = self.marks.borrow().get(&hold).is_some_and(|mark| mark.latest <= lsn);
        if all {
            self.marks.borrow_mut().remove(&hold);
        } else {
            self.saved_in_part(owner, lsn);
        }
    }

    /// The owner's snapshot up to `lsn` is stored; it says with [`Shard::saved`] when that is all.
    pub(crate) fn saved_in_part(&self, owner: &ActorKey, lsn: Lsn) {
        if let Some(mark) = self.marks.borrow_mut().get_mut(&Hold::Actor(owner.clone())) {
            mark.since = mark.since.max(lsn);
            mark.due = self.ticks.get().wrapping_add(self.ticks_per_checkpoint);
        }
    }

    /// Has the owner facts that no stored snapshot has?
    pub(crate) fn has_unsaved(&self, owner: &ActorKey) -> bool {
        self.marks.borrow().contains_key(&Hold::Actor(owner.clone()))
    }

    /// A delivery that fell due here is stored on its own, or done.
    pub fn delivery_kept(&self, id: &DeliveryId) {
        self.marks.borrow_mut().remove(&Hold::Delivery(id.clone()));
    }

    /// When to ask for the first snapshot of new facts. Owners that change together are spread over
    /// as long as lies between two snapshots, or all their snapshots would be made, and lie in
    /// memory, at one moment.
    fn first_snapshot(&self) -> u32 {
        let spread = clock::random_u64() % u64::from(self.ticks_per_checkpoint);
        self.ticks.get().wrapping_add(self.ticks_per_checkpoint / 2 + spread as u32)
    }

    /// Asks for the snapshots that are due.
    fn save_due(&self, now: u32) {
        // Ticks are counted round and round: what is less than half a round behind is past.
        let is_past = |due: u32| now.wrapping_sub(due) < u32::MAX / 2;
        self.let_go_of_the_ended(|mark| is_past(mark.due));
        for mark in self.marks.borrow_mut().values_mut().filter(|mark| is_past(mark.due)) {
            mark.due = now.wrapping_add(self.ticks_per_checkpoint);
            if let Some(save) = &mark.save {
                save();
            }
        }
    }

    /// What a license had is not stored any more when it has ended, and holds nothing back.
    fn let_go_of_the_ended(&self, looked_at: impl Fn(&Mark) -> bool) {
        let tables = self.engine.tables();
        if tables.any_ended() {
            let ended = |mark: &Mark| mark.license.is_some_and(|license| tables.has_ended(license));
            self.marks.borrow_mut().retain(|_, mark| !(looked_at(mark) && ended(mark)));
        }
    }

    /// Asks every owner of unsaved facts for a snapshot.
    pub fn save_marked(&self) {
        self.let_go_of_the_ended(|_| true);
        for mark in self.marks.borrow().values() {
            if let Some(save) = &mark.save {
                save();
            }
        }
    }

    /// Has everything been saved and shown?
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.queue.borrow().is_empty() && self.marks.borrow().values().all(|mark| mark.save.is_none())
    }

    /// Up to here everything that this shard journaled is stored elsewhere too.
    #[must_use]
    pub fn floor(&self) -> Lsn {
        let oldest = self.marks.borrow().values().map(|mark| mark.since).min();
        oldest.unwrap_or_else(|| self.engine.journal().durable())
    }

    fn release(&self) {
        loop {
            let durable = self.engine.journal().durable();
            let next = self.queue.borrow_mut().pop(durable);
            let Some((lsn, release)) = next else { break };
            if let Some(NewRow { table, conversation, row }) = release.row {
                table.rows.insert(conversation, row);
            }
            for action in release.first {
                action();
            }
            if let Some((answer, outcome)) = release.answer {
                self.route_answer(answer, outcome);
            }
            if let (Some(capture), Some(cause)) = (release.echo, release.cause) {
                self.post(cause.session.shard, Parcel::Echo { capture, cause });
            }
            for (license, capture) in release.pushes {
                let cause = release.cause;
                for index in (0..self.engine.shard_count()).filter(|index| *index != self.index) {
                    let capture = Arc::clone(&capture);
                    self.post(index, Parcel::Push { license, capture, cause, lsn });
                }
                self.hub.push(license, &capture, cause, lsn);
            }
            for (license, delivery) in release.due {
                if let Some(dispatcher) = self.engine.dispatcher(license) {
                    link::tell(&dispatcher, Due { delivery, from: self.index });
                }
            }
        }
        self.send_outgoing();
        self.hub.go_on();
        self.engine.meters().pushed(self.hub.take_pushes());
    }

    fn route_answer(&self, answer: Answer, outcome: Outcome) {
        match answer {
            Answer::Nobody => {}
            Answer::WithFiles(with) => {
                let (files, answer) = *with;
                match files.unused_after(&outcome) {
                    None => self.route_answer(answer, outcome),
                    Some(unused) => drop(actix::spawn(async move {
                        unused.give_back().await;
                        Self::here().answer(answer, outcome);
                    })),
                }
            }
            // A Web request that was given up has nobody to tell.
            Answer::Waiter(waiter) => drop(waiter.send(outcome)),
            Answer::Session(cause) if cause.session.shard == self.index => self.hub.answer(cause, &outcome),
            Answer::Session(cause) => {
                self.post(cause.session.shard, Parcel::Answer { cause, outcome: Box::new(outcome) });
            }
        }
    }

    /// Here at once; for another shard with the next batch, one batch per shard and turn.
    fn post(&self, shard: usize, parcel: Parcel) {
        if shard == self.index {
            self.hub.take(parcel);
        } else if let Some(batch) = self.outgoing.borrow_mut().get_mut(shard) {
            batch.push(parcel);
        }
    }

    fn send_outgoing(&self) {
        for (index, batch) in self.outgoing.borrow_mut().iter_mut().enumerate() {
            if !batch.is_empty()
                && let Some(hub) = self.engine.hub(index)
            {
                link::tell(&hub, Parcels(std::mem::take(batch)));
            }
        }
    }

    /// The time, for an actor of this shard.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        clock::now()
    }
}
