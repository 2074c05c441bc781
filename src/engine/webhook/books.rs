//! What a dispatcher journals and stores: how deliveries ended, how receivers stand, what is owed.

use std::sync::Arc;
use std::time::Duration;

use actix::{Addr, Context, Handler, Message};
use switchboard_domain::id::ConversationId;
use switchboard_domain::participant::bot::Bot;
use switchboard_domain::webhook::{
    BotWebhooks, DeadLetter, Delivery, DeliveryFact, DeliveryId, News, Settlement, Standing,
};
use tokio::sync::oneshot;

use super::dispatcher::DispatcherActor;
use super::{encode, save_receiver};
use crate::engine::entry::Entry;
use crate::engine::hub::{Parcel, Parcels};
use crate::engine::index;
use crate::engine::limits::DEAD_LETTER_PAGE;
use crate::engine::link;
use crate::engine::operations;
use crate::engine::release::{Answer, Release};
use crate::storage::Save;
use crate::telemetry::clock;

/// Between two lines in the log about calls that were given up.
const GIVEN_UP_PAUSE: Duration = Duration::from_secs(1);

/// A call that was given up and is no dead letter yet.
pub(super) struct Dying {
    delivery: Arc<Delivery>,
    how: Settlement,
    /// Whoever waits for it is with people now.
    handed_over: bool,
}

impl Dying {
    /// The chat whose customer still waits for what a bot makes of it.
    fn waits_in(&self) -> Option<ConversationId> {
        self.delivery.lane.conversation.filter(|_| self.delivery.awaited && !self.handed_over)
    }
}

/// The chat of a call that was given up is with people now, or nothing can bring it there.
pub(super) struct HandedOver(Dying);

impl Message for HandedOver {
    type Result = ();
}

impl Handler<HandedOver> for DispatcherActor {
    type Result = ();

    fn handle(&mut self, HandedOver(dying): HandedOver, _: &mut Context<Self>) {
        self.dying.push_front(Dying { handed_over: true, ..dying });
        self.bury_some();
    }
}

/// There was more to write than one turn bears.
pub(super) struct GoOn;

impl Message for GoOn {
    type Result = ();
}

impl Handler<GoOn> for DispatcherActor {
    type Result = ();

    fn handle(&mut self, _: GoOn, _: &mut Context<Self>) {
        self.settle_some();
        self.store();
    }
}

impl DispatcherActor {
    /// Journals what the outbox decided by itself.
    pub(super) fn follow(&mut self) {
        let (mut dead, mut receivers) = (Vec::new(), false);
        for news in self.outbox.news() {
            match news {
                News::Died { delivery, how } => dead.push((delivery, how)),
                News::Receiver { url, standing } => {
                    self.receiver_changed(&url, standing);
                    receivers = true;
                }
            }
        }
        self.bury(dead);
        if receivers {
            self.table.set_disabled(self.outbox.disabled());
            self.leave_to_people();
        }
    }

    /// What help desks' bots have before them that are not called any more goes to people. It follows from
    /// how things stand, so that it is done again now and then: a chat may just be on its way to a bot.
    pub(super) fn leave_to_people(&self) {
        let disabled = self.outbox.disabled();
        if disabled.is_empty() || self.me.is_none() {
            return;
        }
        let bots: Vec<_> = self.table.bots.iter().map(|bot| Arc::clone(bot.value())).collect();
        let is_off = |hook: &BotWebhooks| disabled.contains(&*hook.url);
        let off =
            |bot: &&Arc<Bot>| bot.desk.is_some() && !bot.removed && bot.webhooks.as_ref().is_some_and(is_off);
        for bot in bots.iter().filter(off) {
            for chat in index::pending_with(&self.table, &bot.id) {
                self.hand_off(chat, Answer::Nobody);
            }
        }
    }

    /// Takes a chat from a bot, if that has it.
    pub(super) fn hand_off(&self, chat: ConversationId, answer: Answer) {
        let engine = &self.shard.engine;
        match engine.directory().conversation(engine, self.table.id, chat) {
            Ok(actor) => link::tell(&actor, operations::hand_off(answer)),
            Err(rejected) => tracing::error!(%chat, %rejected, "cannot be taken from a bot that fails"),
        }
    }

    fn receiver_changed(&mut self, url: &Arc<str>, standing: Standing) {
        let license = self.table.id;
        match standing.disabled {
            Some(disabled) => {
                tracing::warn!(%license, %url, why = ?disabled.why, "webhooks to it are disabled");
            }
            None if standing.failing_since.is_some() => {
                tracing::warn!(%license, %url, "webhooks to it fail; it is probed until it is well");
            }
            None => tracing::info!(%license, %url, "webhooks to it are well"),
        }
        let entry = Entry::ReceiverChanged(license, Arc::clone(url), standing);
        self.journal(&[entry]);
        let mut save = Save::new();
        // Should it not be stored, its trouble is found out again after a restart.
        if let Err(error) = save_receiver(&mut save, license, url, &standing) {
            tracing::error!(%error, "how a receiver stands cannot be stored");
        }
        self.save(save);
    }

    pub(super) fn journal(&mut self, entries: &[Entry]) {
        self.last = self.shard.commit(entries, Release::default(), || Box::new(|| {}));
    }

    /// Tells something when a crash can forget nothing of it.
    pub(super) fn when_durable(&self, tell: impl FnOnce() + 'static) {
        self.shard.after(self.last, Release::default().first(tell));
    }

    /// Journals what was dropped: a page at once, the rest when others had their turn.
    pub(super) fn settle_dropped(&mut self, dropped: Vec<DeliveryFact>) {
        self.dropped.extend(dropped);
        self.settle_some();
    }

    pub(super) fn settle_some(&mut self) {
        let some: Vec<_> = self.dropped.drain(..self.dropped.len().min(DEAD_LETTER_PAGE)).collect();
        self.settle(some);
        if let Some(me) = self.me.as_ref().filter(|_| !self.dropped.is_empty()) {
            link::tell(me, GoOn);
        }
    }

    /// These are over, and no dead letters.
    pub(super) fn settle(&mut self, over: Vec<DeliveryFact>) {
        let (mut entries, mut save, mut ids) = (Vec::new(), Save::new(), Vec::new());
        for fact in over {
            let DeliveryFact::Settled { id, how } = fact else { continue };
            self.shard.engine.meters().delivery_settled(how);
            if self.stored.remove(&id) {
                save.delivery_remove(self.table.id, id.as_str());
            }
            entries.push(Entry::DeliverySettled(self.table.id, id.clone(), how));
            ids.push(id);
        }
        if entries.is_empty() {
            return;
        }
        // A lost settlement only means one more attempt with the same id (at least once).
        self.journal(&entries);
        ids.iter().for_each(|id| self.keep(id));
        self.save(save);
    }

    /// Makes dead letters of what was given up: some at once, the rest with the next ticks, since a
    /// whole backlog may come at once and the thread has others to serve. A crash in between finds it
    /// owed as before.
    pub(super) fn bury(&mut self, dead: impl IntoIterator<Item = (Arc<Delivery>, Settlement)>) {
        self.dying.extend(dead.into_iter().map(|(delivery, how)| Dying {
            delivery,
            how,
            handed_over: false,
        }));
        self.bury_some();
    }

    pub(super) fn bury_some(&mut self) {
        let Some(me) = self.me.clone().filter(|_| !self.dying.is_empty()) else { return };
        let died_at = self.shard.now();
        let some: Vec<_> = self.dying.drain(..self.dying.len().min(DEAD_LETTER_PAGE)).collect();
        let mut entries = Vec::with_capacity(some.len());
        for dying in some {
            if let Some(chat) = dying.waits_in() {
                self.hand_over(chat, dying, me.clone());
                continue;
            }
            let Dying { delivery, how, .. } = dying;
            self.say_given_up(&delivery.id, how);
            self.shard.engine.meters().delivery_settled(how);
            entries.push(Entry::DeliveryDied(self.table.id, delivery.id.clone(), how, died_at));
            self.graves.add(DeadLetter { delivery, how, died_at });
        }
        if !entries.is_empty() {
            self.journal(&entries);
            self.store_dead();
        }
    }

    /// A customer waits for a bot that does not hear: a person takes over. Only when nothing forgets that
    /// is the call over; a crash before finds it owed, and this is done again.
    fn hand_over(&self, chat: ConversationId, dying: Dying, me: Addr<Self>) {
        let (told, heard) = oneshot::channel();
        self.hand_off(chat, Answer::Waiter(told));
        actix::spawn(async move {
            if let Ok(Err(failure)) = heard.await {
                tracing::error!(%chat, ?failure, "was not taken from a bot that fails");
            }
            link::tell(&me, HandedOver(dying));
        });
    }

    /// Only what is stored as dead is owed no more: until then the checkpoint is held back.
    pub(super) fn store_dead(&mut self) {
        let mut save = Save::new();
        let ids = self.graves.store(&mut save);
        if ids.is_empty() || !self.save(save) {
            return;
        }
        for id in &ids {
            self.keep(id);
            self.stored.remove(id);
        }
        let mut save = Save::new();
        let forgotten = self.graves.stored(&ids, &mut save);
        self.shard.engine.meters().dead_letters_forgotten(forgotten);
        self.save(save);
    }

    /// Says that calls were given up, at most once in a while: they may come by the thousand.
    fn say_given_up(&mut self, id: &DeliveryId, how: Settlement) {
        self.given_up += 1;
        let now = clock::monotonic();
        if self.told.is_none_or(|told| now.saturating_sub(told) >= GIVEN_UP_PAUSE) {
            let (license, count) = (self.table.id, self.given_up);
            tracing::warn!(%license, count, last = %id, ?how, "webhook calls were given up");
            (self.told, self.given_up) = (Some(now), 0);
        }
    }

    /// The journaling shard need not hold the checkpoint back for this delivery any longer.
    fn keep(&mut self, id: &DeliveryId) {
        let Some(holder) = self.holders.remove(id) else { return };
        if holder == self.shard.index {
            self.shard.delivery_kept(id);
        } else if let Some(hub) = self.shard.engine.hub(holder) {
            link::tell(&hub, Parcels(vec![Parcel::DeliveryKept(id.clone())]));
        }
    }

    /// Stores what is still outstanding on its own, so that the checkpoint may pass; in pages.
    pub(super) fn store(&mut self) {
        let new = self.outbox.outstanding().filter(|delivery| !self.stored.contains(&delivery.id));
        let new: Vec<_> = new.take(DEAD_LETTER_PAGE).cloned().collect();
        let (mut save, mut ids) = (Save::new(), Vec::new());
        for delivery in &new {
            match encode(&**delivery) {
                Ok(bytes) => {
                    save.delivery_put(self.table.id, delivery.id.as_str(), &bytes);
                    ids.push(delivery.id.clone());
                }
                Err(error) => tracing::error!(%error, "a delivery cannot be stored"),
            }
        }
        if ids.is_empty() || !self.save(save) {
            return;
        }
        for id in ids {
            self.keep(&id);
            self.stored.insert(id);
        }
        if let Some(me) = self.me.as_ref().filter(|_| new.len() == DEAD_LETTER_PAGE) {
            link::tell(me, GoOn);
        }
    }

    /// Dead letters are owed again, and stored so.
    pub(super) fn revived(&mut self, save: &mut Save, deliveries: &[Arc<Delivery>]) {
        for delivery in deliveries {
            match encode(&**delivery) {
                Ok(bytes) => {
                    save.delivery_put(self.table.id, delivery.id.as_str(), &bytes);
                    self.stored.insert(delivery.id.clone());
                }
                Err(error) => tracing::error!(%error, "a delivery cannot be stored"),
            }
        }
    }

    /// True when there was nothing to save, or it is saved.
    pub(super) fn save(&self, save: Save) -> bool {
        if save.is_empty() {
            return true;
        }
        let saved = self.shard.engine.records().save(save);
        if let Err(error) = &saved {
            tracing::error!(%error, "deliveries cannot be stored");
        }
        saved.is_ok()
    }
}
