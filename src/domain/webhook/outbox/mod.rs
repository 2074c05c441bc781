//! The delivery scheduler of a license: what to send when, as a machine without sockets (design
//! D1, D10).
//!
//! Whoever drives it asks [`Outbox::next`] until it says `None`, posts what it got, tells
//! [`Outbox::done`] how that went, journals every fact it is given and what [`Outbox::news`] tells,
//! and comes back at [`Outbox::next_deadline`]. A delivery is forgotten only with a fact that settles it, so one
//! whose settling was not durable at a crash is sent again: at least once, under the same id.

mod backlog;
mod breaker;
mod care;
#[cfg(test)]
mod care_tests;
mod moves;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod turns;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::time::Timestamp;
use crate::webhook::limits::{AWAITED_PATIENCE, BACKLOG_PASSED, PROBE_WAITS, RETRY_AFTER_MAX};
use crate::webhook::{Delivery, DeliveryFact, DeliveryId, Lane, Outcome, Report, Schedules, Settlement};
use backlog::Backlog;
pub use care::{News, ReceiverView};
use moves::Hearing;
use turns::{Ticket, Turns};

/// What to send now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The delivery.
    pub delivery: Arc<Delivery>,
    /// 1 for the first attempt since the start of the process.
    pub number: usize,
    /// How long it may take.
    pub timeout: Duration,
}

/// What an attempt came to.
#[must_use = "a settled delivery must be journaled, or it is sent again after a restart"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Over: journal this.
    Settled(DeliveryFact),
    /// It will be tried again then, or a little earlier.
    RetryAt(Timestamp),
    /// It was settled while the attempt was under way; nothing is left to do.
    Gone,
}

/// All outstanding deliveries of a license, and what is under way.
#[derive(Debug, Default)]
pub struct Outbox {
    schedules: Schedules,
    lanes: BTreeMap<Lane, Queue>,
    /// Where each outstanding delivery stands.
    places: BTreeMap<DeliveryId, Lane>,
    /// Attempts under way, of dropped deliveries too: they still hold a slot.
    running: BTreeMap<DeliveryId, Running>,
    waiting: BTreeSet<(Timestamp, Lane)>,
    turns: Turns,
    backlog: Backlog,
    hearing: Hearing,
    /// When to look whether whoever waits for a call has waited too long; some of them are over.
    awaited: BTreeSet<(Timestamp, DeliveryId)>,
    /// What nobody was told yet.
    news: Vec<News>,
}

/// An attempt under way.
#[derive(Debug)]
struct Running {
    delivery: Arc<Delivery>,
    /// Does the fate of its receiver's breaker hang on it?
    probe: bool,
}

/// One lane: in order, and at most its first is under way.
#[derive(Debug)]
struct Queue {
    deliveries: VecDeque<Arc<Delivery>>,
    /// Failed attempts of the first delivery.
    failures: usize,
    phase: Phase,
}

/// What the first delivery of a lane does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Ready(Ticket),
    Running,
    Waiting(Timestamp),
}

impl Outbox {
    /// An empty outbox.
    #[must_use]
    pub fn new(schedules: Schedules) -> Self {
        Self { schedules, ..Self::default() }
    }

    /// Takes a delivery that became due. One that is known already is ignored.
    ///
    /// It goes to where its endpoint is now, which may have moved since it was matched. A fact is returned
    /// when it is over at once: its bot is offline, its registration was taken back, its receiver is disabled, or its URL's backlog is full.
    #[must_use = "a settled delivery must be journaled, or it is sent again after a restart"]
    pub fn due(&mut self, delivery: Arc<Delivery>) -> Option<DeliveryFact> {
        if self.knows(&delivery.id) {
            return None;
        }
        let id = delivery.id.clone();
        let Some(delivery) = self.aimed(delivery) else { return Some(settled(&id, Settlement::Dropped)) };
        if let Some(how) = self.refuses(&delivery) {
            return Some(settled(&id, how));
        }
        self.enqueue(delivery);
        None
    }

    /// Takes a dead letter up again.
    ///
    /// # Errors
    /// How it would end at once: `Dropped` for one whose bot is offline or whose registration is
    /// gone, `Disabled`, `Overflowed`. Nothing changed then.
    pub fn revive(&mut self, delivery: Arc<Delivery>) -> Result<(), Settlement> {
        let Some(delivery) = self.aimed(delivery) else { return Err(Settlement::Dropped) };
        match self.refuses(&delivery) {
            Some(how) => Err(how),
            None => {
                // An attempt of its earlier life may still be under way: its end counts for this one.
                if !self.places.contains_key(&delivery.id) {
                    self.enqueue(delivery);
                }
                Ok(())
            }
        }
    }

    /// From now on all URLs together may be owed so many bytes, at most
    /// [`BACKLOG_BYTES_PER_LICENSE`](crate::webhook::limits::BACKLOG_BYTES_PER_LICENSE): others have to be owed
    /// something, too.
    pub fn set_room(&mut self, bytes: usize) {
        self.backlog.set_room(bytes);
    }

    /// Bytes of the bodies of all outstanding deliveries.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.backlog.bytes()
    }

    fn refuses(&self, delivery: &Delivery) -> Option<Settlement> {
        if self.turns.breaker(&delivery.url).is_some_and(|breaker| breaker.disabled().is_some()) {
            return Some(Settlement::Disabled);
        }
        let troubled = || self.turns.breaker(&delivery.url).is_some_and(|breaker| breaker.is_troubled());
        if delivery.passing && (self.backlog.of(&delivery.url).0 >= BACKLOG_PASSED || troubled()) {
            return Some(Settlement::Dropped);
        }
        self.backlog.is_full_for(delivery).then_some(Settlement::Overflowed)
    }

    /// Takes up a fact of an earlier life, in the order of the journal; to be done before any
    /// attempt. What was taken once is not turned away for a bound.
    pub fn restore(&mut self, fact: DeliveryFact) {
        match fact {
            DeliveryFact::Due(delivery) if !self.knows(&delivery.id) => self.enqueue(delivery),
            DeliveryFact::Due(_) => {}
            DeliveryFact::Settled { id, .. } => {
                self.remove(&id);
            }
        }
    }

    /// What to send now, if anything; to be asked until it says `None`.
    #[must_use = "the attempt counts as under way"]
    pub fn next(&mut self, now: Timestamp) -> Option<Attempt> {
        while self.waiting.first().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, lane)) = self.waiting.pop_first() {
                self.make_ready(&lane);
            }
        }
        self.turns.wake(now);
        let (lane, probe) = self.turns.take()?;
        let queue = self.lanes.get_mut(&lane)?;
        let delivery = Arc::clone(queue.deliveries.front()?);
        queue.phase = Phase::Running;
        self.running.insert(delivery.id.clone(), Running { delivery: Arc::clone(&delivery), probe });
        let timeout = self.schedules.of(&delivery.owner).timeout;
        Some(Attempt { delivery, number: queue.failures + 1, timeout })
    }

    /// An attempt ended. `jitter` is a random share from 0 to 1. Ask for [`Outbox::news`] then.
    pub fn done(
        &mut self,
        id: &DeliveryId,
        report: impl Into<Report>,
        now: Timestamp,
        jitter: f64,
    ) -> Verdict {
        let report = report.into();
        let Some(Running { delivery, probe }) = self.running.remove(id) else { return Verdict::Gone };
        let pause = report.retry_after.map(|pause| pause.min(RETRY_AFTER_MAX));
        self.turns.release(&delivery.url);
        let verdict = self.verdict(&delivery, report.outcome, pause, now, jitter);
        self.learn(&delivery, report.outcome, probe, pause, now);
        verdict
    }

    fn verdict(
        &mut self,
        delivery: &Delivery,
        outcome: Outcome,
        pause: Option<Duration>,
        now: Timestamp,
        jitter: f64,
    ) -> Verdict {
        let (id, lane) = (&delivery.id, &delivery.lane);
        let outdated = self.is_outdated(delivery, outcome);
        let Some(queue) = self.lanes.get_mut(lane) else { return Verdict::Gone };
        if !self.places.contains_key(id) {
            self.go_on(lane);
            return Verdict::Gone;
        }
        if outdated {
            self.go_on(lane);
            return Verdict::RetryAt(now);
        }
        let how = match outcome {
            Outcome::Delivered => Settlement::Delivered,
            Outcome::Refused | Outcome::Gone => Settlement::Refused,
            Outcome::Trouble => {
                queue.failures += 1;
                let (age, schedule) = (now.since(delivery.due_since), self.schedules.of(&delivery.owner));
                let troubled = self.turns.breaker(&delivery.url).is_some_and(|breaker| breaker.is_troubled());
                match schedule.wait(queue.failures, age, jitter) {
                    Some(wait) => {
                        let at = now.plus(pause.map_or(wait, |pause| pause.max(wait)));
                        queue.phase = Phase::Waiting(at);
                        self.waiting.insert((at, lane.clone()));
                        return Verdict::RetryAt(at);
                    }
                    // It takes turns with the others as probe.
                    None if troubled && schedule.outlasts(age) => {
                        self.make_ready(lane);
                        return Verdict::RetryAt(now.plus(PROBE_WAITS[PROBE_WAITS.len() - 1]));
                    }
                    None => Settlement::Exhausted,
                }
            }
        };
        self.remove(id);
        self.go_on(lane);
        Verdict::Settled(settled(id, how))
    }

    /// When to ask for the next attempt again although nothing was reported. Always later than
    /// the moment at which [`Outbox::next`] said `None`.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let waiting = self.waiting.first().map(|(at, _)| *at);
        waiting.into_iter().chain(self.turns.next_pause()).min()
    }

    /// Every outstanding delivery, each lane in its order: a snapshot is these as
    /// [`DeliveryFact::Due`]. Failed attempts are not part of it: after a restart the schedule
    /// begins anew, within the age that the schedule allows.
    pub fn outstanding(&self) -> impl Iterator<Item = &Arc<Delivery>> {
        self.lanes.values().flat_map(|queue| &queue.deliveries)
    }

    /// Number of outstanding deliveries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// True when nothing is outstanding.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Number of attempts under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.running.len()
    }

    fn knows(&self, id: &DeliveryId) -> bool {
        self.places.contains_key(id) || self.running.contains_key(id)
    }

    fn enqueue(&mut self, delivery: Arc<Delivery>) {
        if delivery.awaited {
            self.awaited.insert((delivery.due_since.plus(AWAITED_PATIENCE), delivery.id.clone()));
        }
        self.backlog.add(&delivery);
        self.places.insert(delivery.id.clone(), delivery.lane.clone());
        if let Some(queue) = self.lanes.get_mut(&delivery.lane) {
            // It may be empty, but only while a dropped delivery of it is still under way.
            queue.deliveries.push_back(delivery);
            return;
        }
        let phase = Phase::Ready(self.turns.join(&delivery.url, &delivery.lane));
        let lane = delivery.lane.clone();
        self.lanes.insert(lane, Queue { deliveries: VecDeque::from([delivery]), failures: 0, phase });
    }

    /// Takes a delivery out of its lane. When it was the first and not under way, the next one
    /// moves up.
    fn remove(&mut self, id: &DeliveryId) -> Option<Arc<Delivery>> {
        let lane = self.places.remove(id)?;
        let queue = self.lanes.get_mut(&lane)?;
        let at = queue.deliveries.iter().position(|delivery| delivery.id == *id)?;
        let delivery = queue.deliveries.remove(at)?;
        self.backlog.subtract(&delivery);
        if at > 0 {
            return Some(delivery);
        }
        queue.failures = 0;
        match queue.phase {
            Phase::Running => return Some(delivery),
            Phase::Ready(ticket) => self.turns.leave(&delivery.url, ticket),
            Phase::Waiting(until) => {
                self.waiting.remove(&(until, lane.clone()));
            }
        }
        self.go_on(&lane);
        Some(delivery)
    }

    /// Nothing of this lane is under way: its first is ready, or the lane ends.
    fn go_on(&mut self, lane: &Lane) {
        if self.lanes.get(lane).is_some_and(|queue| queue.deliveries.is_empty()) {
            self.lanes.remove(lane);
        } else {
            self.make_ready(lane);
        }
    }

    fn make_ready(&mut self, lane: &Lane) {
        let Some(queue) = self.lanes.get_mut(lane) else { return };
        if let Some(first) = queue.deliveries.front() {
            queue.phase = Phase::Ready(self.turns.join(&first.url, lane));
        }
    }
}

fn settled(id: &DeliveryId, how: Settlement) -> DeliveryFact {
    DeliveryFact::Settled { id: id.clone(), how }
}
