//! Care for receivers: what an attempt says of its receiver, when one is disabled, and when what
//! waits for one in trouble is given up.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Outbox, Phase};
use crate::time::Timestamp;
use crate::webhook::limits::AWAITED_LOOK;
use crate::webhook::{Delivery, DeliveryId, Disabled, Lane, Outcome, Settlement, Standing, WhyDisabled};

/// What the outbox decided by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A delivery was given up: journal that, and keep it as a dead letter.
    Died {
        /// Which.
        delivery: Arc<Delivery>,
        /// Why.
        how: Settlement,
    },
    /// A receiver stands differently: journal that.
    Receiver {
        /// Which.
        url: Arc<str>,
        /// How it stands now.
        standing: Standing,
    },
}

/// How a receiver is, for whoever looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceiverView {
    /// How it stands.
    pub standing: Standing,
    /// Failures in a row.
    pub failures: u32,
    /// Until when it is left alone.
    pub paused_until: Option<Timestamp>,
    /// Deliveries that it is owed.
    pub outstanding: usize,
    /// Their bytes.
    pub outstanding_bytes: usize,
    /// When the oldest of them became due.
    pub oldest: Option<Timestamp>,
}

impl Outbox {
    /// What was decided since this was asked last.
    #[must_use = "what is settled must be journaled, or it is sent again after a restart"]
    pub fn news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Takes up how a receiver stood in an earlier life; to be done before any attempt.
    pub fn restore_receiver(&mut self, url: &Arc<str>, standing: &Standing) {
        self.turns.change(url, |breaker| *breaker = super::breaker::Breaker::restored(standing));
    }

    /// Sends nothing to a receiver any more. What it is owed becomes dead letters; see
    /// [`Outbox::news`]. An attempt under way cannot be called back. An administrator's word takes the
    /// place of what was found out, so that nothing but another word undoes it.
    pub fn disable(&mut self, url: &Arc<str>, why: WhyDisabled, now: Timestamp) {
        let before = self.standing(url).disabled;
        let disabled = match before {
            None => Disabled { at: now, why },
            Some(before) if why == WhyDisabled::ByHand => Disabled { why, ..before },
            Some(_) => return,
        };
        if before == Some(disabled) {
            return;
        }
        self.turns.change(url, |breaker| breaker.disable(disabled));
        self.tell_standing(url);
        for id in self.owed_to(url) {
            self.give_up(&id, Settlement::Disabled);
        }
    }

    /// Gives up what disabled receivers are still owed: a crash may have come in between. See
    /// [`Outbox::news`].
    pub fn bury_disabled(&mut self) {
        for url in self.disabled() {
            for id in self.owed_to(&url) {
                self.give_up(&id, Settlement::Disabled);
            }
        }
    }

    /// Everything is forgiven: a receiver is called again, also one that is in trouble, at once.
    pub fn enable(&mut self, url: &Arc<str>) {
        let stood = self.standing(url);
        self.turns.change(url, super::breaker::Breaker::enable);
        self.hurry(url);
        if stood != Standing::default() {
            self.tell_standing(url);
        }
    }

    /// Gives up what waited too long for a receiver in trouble; see [`Outbox::news`]. To be called
    /// now and then.
    pub fn expire(&mut self, now: Timestamp) {
        let is_late = |delivery: &Delivery| {
            let troubled = self.turns.breaker(&delivery.url).is_some_and(|breaker| breaker.is_troubled());
            troubled && now.since(delivery.due_since) > self.schedules.of(&delivery.owner).backlog_age
        };
        let mut late: Vec<DeliveryId> = Vec::new();
        for queue in self.lanes.values() {
            let running = usize::from(queue.phase == Phase::Running);
            let old = queue.deliveries.iter().skip(running).take_while(|delivery| is_late(delivery));
            late.extend(old.map(|delivery| delivery.id.clone()));
        }
        for id in late {
            self.give_up(&id, Settlement::Expired);
        }
    }

    /// Gives up what customers wait for behind a receiver that is in trouble or wants to be left alone; see
    /// [`Outbox::news`]. To be called every moment.
    pub fn give_up_awaited(&mut self, now: Timestamp) {
        while self.awaited.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, id)) = self.awaited.pop_first() else { return };
            let queue = self.places.get(&id).and_then(|lane| self.lanes.get(lane));
            let owed = queue.and_then(|queue| queue.deliveries.iter().find(|owed| owed.id == id));
            let Some(owed) = owed else { continue };
            let is_stuck = self.turns.breaker(&owed.url).is_some_and(|breaker| !breaker.is_closed());
            if is_stuck && !self.running.contains_key(&id) {
                self.give_up(&id, Settlement::Expired);
            } else {
                self.awaited.insert((now.plus(AWAITED_LOOK), id));
            }
        }
    }

    /// Forgets how receivers stood that no endpoint leads to any more.
    pub fn forget_receivers(&mut self, in_use: impl Fn(&str) -> bool) {
        let unused = |url: &&Arc<str>| !in_use(url) && !self.backlog.owes(url);
        let unused: Vec<_> = self.turns.remembered().filter(unused).cloned().collect();
        unused.iter().for_each(|url| self.enable(url));
    }

    /// How a receiver is.
    #[must_use]
    pub fn receiver(&self, url: &str) -> ReceiverView {
        let (outstanding, outstanding_bytes) = self.backlog.of(url);
        let breaker = self.turns.breaker(url);
        ReceiverView {
            standing: self.standing(url),
            failures: breaker.map_or(0, |breaker| breaker.failures()),
            paused_until: breaker.and_then(|breaker| breaker.pause()),
            outstanding,
            outstanding_bytes,
            oldest: self.backlog.oldest_of(url),
        }
    }

    /// Receivers that are disabled.
    #[must_use]
    pub fn disabled(&self) -> BTreeSet<Arc<str>> {
        self.turns.remembered().filter(|url| self.standing(url).disabled.is_some()).cloned().collect()
    }

    /// When what waits longest became due.
    #[must_use]
    pub fn oldest(&self) -> Option<Timestamp> {
        self.backlog.oldest()
    }

    /// What an attempt says of its receiver.
    pub(super) fn learn(
        &mut self,
        delivery: &Delivery,
        outcome: Outcome,
        probe: bool,
        pause: Option<Duration>,
        now: Timestamp,
    ) {
        let url = &delivery.url;
        match outcome {
            // It answers; what it thinks of this one is another matter.
            Outcome::Delivered | Outcome::Refused => {
                if self.turns.change(url, |breaker| breaker.succeeded()) {
                    self.tell_standing(url);
                    self.hurry(url);
                }
            }
            Outcome::Gone => self.disable(url, WhyDisabled::Gone, now),
            Outcome::Trouble => {
                if self.turns.change(url, |breaker| breaker.failed(probe, pause, now)) {
                    self.tell_standing(url);
                }
                let patience = self.schedules.of(&delivery.owner).disable_after;
                if self.turns.breaker(url).is_some_and(|breaker| breaker.failed_for(patience, now)) {
                    self.disable(url, WhyDisabled::LongFailure, now);
                }
            }
        }
        // A few failures of one that is owed nothing more are not worth remembering.
        let accident =
            self.turns.breaker(url).is_some_and(|breaker| breaker.standing() == Standing::default());
        if accident && !self.backlog.owes(url) {
            self.turns.change(url, super::breaker::Breaker::enable);
        }
    }

    fn standing(&self, url: &str) -> Standing {
        self.turns.breaker(url).map(|breaker| breaker.standing()).unwrap_or_default()
    }

    fn tell_standing(&mut self, url: &Arc<str>) {
        let standing = self.standing(url);
        self.news.push(News::Receiver { url: Arc::clone(url), standing });
    }

    fn give_up(&mut self, id: &DeliveryId, how: Settlement) {
        if let Some(delivery) = self.remove(id) {
            self.news.push(News::Died { delivery, how });
        }
    }

    /// A receiver is well again: what waits for it need not wait any longer.
    fn hurry(&mut self, url: &Arc<str>) {
        let leads_there = |lane: &Lane| {
            let first = self.lanes.get(lane).and_then(|queue| queue.deliveries.front());
            first.is_some_and(|delivery| delivery.url == *url)
        };
        let waiting: Vec<_> = self.waiting.iter().filter(|(_, lane)| leads_there(lane)).cloned().collect();
        for (at, lane) in waiting {
            self.waiting.remove(&(at, lane.clone()));
            self.make_ready(&lane);
        }
    }

    fn owed_to(&self, url: &Arc<str>) -> Vec<DeliveryId> {
        if !self.backlog.owes(url) {
            return Vec::new();
        }
        let owed = self.outstanding().filter(|delivery| delivery.url == *url);
        owed.map(|delivery| delivery.id.clone()).collect()
    }
}
