//! The dispatcher: hears what fell due, gives attempts to workers, journals what is settled.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message};
use switchboard_domain::id::{AgentId, LicenseId};
use switchboard_domain::participant::license::License;
use switchboard_domain::webhook::{
    Delivery, DeliveryFact, DeliveryId, EndpointId, Outbox, Outcome, Schedules, Settlement, Verdict,
};

use crate::engine::entry::{Entry, unreadable};
use crate::engine::hub::{Parcel, Parcels};
use crate::engine::limits::{TICK, TICKS_PER_CHECKPOINT};
use crate::engine::link;
use crate::engine::release::Release;
use crate::engine::shard::Shard;
use crate::engine::webhook::Post;
use crate::storage::{Save, StorageError};
use crate::telemetry::clock;

/// Between two lines in the log about calls that were given up.
const GIVEN_UP_PAUSE: Duration = Duration::from_secs(1);

/// A license's dispatcher.
pub struct DispatcherActor {
    shard: Rc<Shard>,
    license: LicenseId,
    outbox: Outbox,
    /// The shard that holds the checkpoint back for a delivery that only the journal has.
    holders: HashMap<DeliveryId, usize>,
    /// Deliveries that are stored on their own.
    stored: HashSet<DeliveryId>,
    next_worker: usize,
    /// Calls given up since that was said last, and when that was.
    given_up: u64,
    told: Option<Duration>,
    at_start: Webhooks,
}

/// A delivery fell due; its change is durable.
pub struct Due {
    /// What to send.
    pub delivery: Arc<Delivery>,
    /// The shard that journaled it.
    pub from: usize,
}

/// A bot went online or offline.
pub struct BotStatus {
    /// The bot.
    pub bot: AgentId,
    /// May it hear anything?
    pub online: bool,
}

/// The license has these webhooks now.
#[derive(Default)]
pub struct Webhooks(BTreeSet<EndpointId>);

impl Webhooks {
    /// Those that the license has.
    #[must_use]
    pub fn of(license: &License) -> Self {
        Self(license.webhooks.iter().map(|webhook| webhook.id.clone()).collect())
    }
}

/// An attempt is over.
pub struct Attempted {
    /// Which delivery.
    pub id: DeliveryId,
    /// How it went.
    pub outcome: Outcome,
}

impl Message for Due {
    type Result = ();
}
impl Message for BotStatus {
    type Result = ();
}
impl Message for Webhooks {
    type Result = ();
}
impl Message for Attempted {
    type Result = ();
}

impl Actor for DispatcherActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.run_interval(TICK, |dispatcher, ctx| dispatcher.send(ctx));
        ctx.run_interval(TICK * TICKS_PER_CHECKPOINT, |dispatcher, _| dispatcher.store());
        let Webhooks(registered) = std::mem::take(&mut self.at_start);
        self.set_registered(registered, ctx);
    }
}

impl DispatcherActor {
    /// A dispatcher with the deliveries that were outstanding at the start, all of them stored, and
    /// the webhooks that the license has.
    #[must_use]
    pub fn new(
        shard: Rc<Shard>,
        license: LicenseId,
        schedules: Schedules,
        owed: Vec<Arc<Delivery>>,
        at_start: Webhooks,
    ) -> Self {
        let mut outbox = Outbox::new(schedules);
        let stored = owed.iter().map(|delivery| delivery.id.clone()).collect();
        owed.into_iter().for_each(|delivery| outbox.restore(DeliveryFact::Due(delivery)));
        Self {
            shard,
            license,
            outbox,
            holders: HashMap::new(),
            stored,
            next_worker: 0,
            given_up: 0,
            told: None,
            at_start,
        }
    }

    /// Gives out every attempt that may begin now.
    fn send(&mut self, ctx: &mut Context<Self>) {
        while let Some(attempt) = self.outbox.next(self.shard.now()) {
            let worker = self.shard.engine.worker(self.next_worker);
            self.next_worker = self.next_worker.wrapping_add(1);
            let Some(worker) = worker else { return };
            link::tell(&worker, Post { delivery: attempt.delivery, reply: ctx.address() });
        }
    }

    /// What is owed to a webhook that is gone ends with it, also when a crash came in between.
    fn set_registered(&mut self, registered: BTreeSet<EndpointId>, ctx: &mut Context<Self>) {
        let dropped = self.outbox.registered(registered);
        dropped.into_iter().for_each(|fact| self.settle(fact));
        self.send(ctx);
    }

    fn settle(&mut self, fact: DeliveryFact) {
        let DeliveryFact::Settled { id, how } = fact else { return };
        if how.is_given_up() {
            self.say_given_up(&id, how);
        }
        self.shard.engine.meters().delivery_settled(how);
        let entry = Entry::DeliverySettled(self.license, id.clone(), how);
        // A lost settlement only means one more attempt with the same id (at least once).
        self.shard.commit(&[entry], Release::default(), || Box::new(|| {}));
        self.keep(&id);
        if self.stored.remove(&id) {
            let mut save = Save::new();
            save.delivery_remove(self.license, id.as_str());
            self.save(save);
        }
    }

    /// Says that calls were given up, at most once in a while: they may come by the thousand.
    fn say_given_up(&mut self, id: &DeliveryId, how: Settlement) {
        self.given_up += 1;
        let now = clock::monotonic();
        if self.told.is_none_or(|told| now.saturating_sub(told) >= GIVEN_UP_PAUSE) {
            let (license, count) = (self.license, self.given_up);
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

    /// Stores what is still outstanding on its own, so that the checkpoint may pass.
    fn store(&mut self) {
        let mut save = Save::new();
        let mut ids = Vec::new();
        for delivery in self.outbox.outstanding() {
            if self.stored.contains(&delivery.id) {
                continue;
            }
            match encode(delivery) {
                Ok(bytes) => {
                    save.delivery_put(self.license, delivery.id.as_str(), &bytes);
                    ids.push(delivery.id.clone());
                }
                Err(error) => tracing::error!(%error, "a delivery cannot be stored"),
            }
        }
        if !ids.is_empty() && self.save(save) {
            for id in ids {
                self.keep(&id);
                self.stored.insert(id);
            }
        }
    }

    fn save(&self, save: Save) -> bool {
        let saved = self.shard.engine.records().save(save);
        if let Err(error) = &saved {
            tracing::error!(%error, "deliveries cannot be stored");
        }
        saved.is_ok()
    }
}

/// The stored form of an outstanding delivery.
///
/// # Errors
/// For values that cannot be encoded.
pub(crate) fn encode(delivery: &Delivery) -> Result<Vec<u8>, StorageError> {
    rmp_serde::to_vec(delivery).map_err(|error| unreadable("a delivery", &error))
}

impl Handler<Due> for DispatcherActor {
    type Result = ();

    fn handle(&mut self, Due { delivery, from }: Due, ctx: &mut Context<Self>) {
        self.holders.insert(delivery.id.clone(), from);
        if let Some(fact) = self.outbox.due(delivery) {
            self.settle(fact);
        }
        self.send(ctx);
    }
}

impl Handler<BotStatus> for DispatcherActor {
    type Result = ();

    fn handle(&mut self, status: BotStatus, ctx: &mut Context<Self>) {
        if status.online {
            self.outbox.bot_online(&status.bot);
        } else {
            let dropped = self.outbox.bot_offline(&status.bot);
            dropped.into_iter().for_each(|fact| self.settle(fact));
        }
        self.send(ctx);
    }
}

impl Handler<Webhooks> for DispatcherActor {
    type Result = ();

    fn handle(&mut self, Webhooks(registered): Webhooks, ctx: &mut Context<Self>) {
        self.set_registered(registered, ctx);
    }
}

impl Handler<Attempted> for DispatcherActor {
    type Result = ();

    fn handle(&mut self, attempted: Attempted, ctx: &mut Context<Self>) {
        let now = self.shard.now();
        match self.outbox.done(&attempted.id, attempted.outcome, now, jitter()) {
            Verdict::Settled(fact) => self.settle(fact),
            Verdict::RetryAt(at) => {
                let wait = at.since(now) + Duration::from_millis(1);
                ctx.run_later(wait, |dispatcher, ctx| dispatcher.send(ctx));
            }
            Verdict::Gone => {}
        }
        self.send(ctx);
    }
}

/// A random share from 0 to 1.
fn jitter() -> f64 {
    f64::from(clock::random_u64() as u32) / f64::from(u32::MAX)
}
