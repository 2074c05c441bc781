//! The dispatcher: hears what fell due, gives attempts to workers, journals what is settled.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message};
use switchboard_domain::id::AgentId;
use switchboard_domain::participant::license::License;
use switchboard_domain::time::Timestamp;
use switchboard_domain::webhook::{
    Attempt, Delivery, DeliveryFact, DeliveryId, EndpointId, Outbox, Outcome, Owner, Registration, Schedules,
    Standing, Verdict, WhyDisabled,
};

use super::Post;
use super::books::Dying;
use super::graves::Graves;
use super::log::{DeliveryLog, LogLine};
use crate::engine::limits::TICK;
use crate::engine::link;
use crate::engine::release::Answer;
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::outbound::{self, Form, Signer, Target};
use crate::storage::{Lsn, Save};
use crate::telemetry::clock;

/// A license's dispatcher.
pub struct DispatcherActor {
    pub(super) shard: Rc<Shard>,
    pub(super) table: Arc<LicenseTable>,
    pub(super) outbox: Outbox,
    pub(super) graves: Graves,
    pub(super) log: DeliveryLog,
    /// The shard that holds the checkpoint back for a delivery that only the journal has.
    pub(super) holders: HashMap<DeliveryId, usize>,
    /// Deliveries that are stored on their own.
    pub(super) stored: HashSet<DeliveryId>,
    /// The webhooks of the license.
    pub(super) registered: BTreeMap<EndpointId, Registration>,
    /// Who signs for an endpoint; made anew whenever a secret may have changed.
    signers: HashMap<EndpointId, Arc<Signer>>,
    /// Where calls go, read; of URLs that endpoints have, or that were called since those changed last.
    targets: HashMap<Arc<str>, Arc<Target>>,
    /// Its own address, once everybody who is owed something is known; until then nothing is sent or given up.
    pub(super) me: Option<Addr<Self>>,
    /// The last thing that it journaled.
    pub(super) last: Lsn,
    /// What was given up and is no dead letter yet.
    pub(super) dying: VecDeque<Dying>,
    /// What was dropped and is not journaled yet.
    pub(super) dropped: VecDeque<DeliveryFact>,
    /// Bytes that it is known to owe.
    owes: usize,
    /// Calls given up since that was said last, and when that was.
    pub(super) given_up: u64,
    pub(super) told: Option<Duration>,
}

/// What a dispatcher is started with.
pub(crate) struct DispatcherStart {
    /// Whose it is.
    pub(crate) table: Arc<LicenseTable>,
    /// How patient it is.
    pub(crate) schedules: Schedules,
    /// The deliveries that were outstanding at the start, all of them stored.
    pub(crate) owed: Vec<Arc<Delivery>>,
    /// How receivers stand; one that is not named is well.
    pub(crate) receivers: Vec<(Arc<str>, Standing)>,
    /// The dead letters.
    pub(crate) dead: Graves,
    /// The webhooks that the license has.
    pub(crate) webhooks: Webhooks,
}

/// All that was stored of the license is known: its bots, with their secrets and whether they hear, and
/// its open chats. Work begins.
#[derive(Clone, Copy)]
pub struct Begin;

/// A delivery fell due; its change is durable.
pub struct Due {
    /// What to send.
    pub delivery: Arc<Delivery>,
    /// The shard that journaled it.
    pub from: usize,
}

/// A bot went online or offline, or its webhooks changed.
pub struct BotStatus {
    /// The bot.
    pub bot: AgentId,
    /// May it hear anything?
    pub online: bool,
}

/// The license has these webhooks now.
#[derive(Default)]
pub struct Webhooks(Vec<Registration>);

impl Webhooks {
    /// Those that the license has.
    #[must_use]
    pub fn of(license: &License) -> Self {
        let of_desk = license.desk.registrations(&license.client);
        Self(license.webhooks.iter().cloned().chain(of_desk).collect())
    }
}

/// An attempt is over.
pub(crate) struct Attempted {
    /// Which.
    pub(crate) attempt: Attempt,
    /// How it went.
    pub(crate) attempted: outbound::Attempted,
}

impl Message for Begin {
    type Result = ();
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

    fn started(&mut self, _: &mut Context<Self>) {
        // What a crash kept from following a webhook's going.
        let dropped = self.outbox.registered(places(&self.registered));
        self.settle_dropped(dropped);
        self.table.set_disabled(self.outbox.disabled());
    }

    fn stopped(&mut self, _: &mut Context<Self>) {
        // What an ended license was owed is owed to nobody.
        self.shard.engine.tables().webhooks.owes(self.owes, 0);
        self.shard.engine.meters().license_ended(self.table.id);
    }
}

impl DispatcherActor {
    /// A dispatcher as it was before a restart.
    #[must_use]
    pub(crate) fn new(shard: Rc<Shard>, start: DispatcherStart) -> Self {
        let mut outbox = Outbox::new(start.schedules);
        start.receivers.iter().for_each(|(url, standing)| outbox.restore_receiver(url, standing));
        let stored = start.owed.iter().map(|delivery| delivery.id.clone()).collect();
        start.owed.into_iter().for_each(|delivery| outbox.restore(DeliveryFact::Due(delivery)));
        Self {
            shard,
            table: start.table,
            outbox,
            graves: start.dead,
            log: DeliveryLog::default(),
            holders: HashMap::new(),
            stored,
            registered: by_id(start.webhooks),
            signers: HashMap::new(),
            targets: HashMap::new(),
            me: None,
            last: Lsn::ZERO,
            dying: VecDeque::new(),
            dropped: VecDeque::new(),
            owes: 0,
            given_up: 0,
            told: None,
        }
    }

    /// Gives out every attempt that may begin now.
    pub(super) fn send(&mut self, ctx: &mut Context<Self>) {
        if self.me.is_none() {
            return;
        }
        while let Some(attempt) = self.outbox.next(self.shard.now()) {
            let Some(worker) = self.shard.engine.worker(place(&attempt.delivery.url)) else { return };
            let (to, signer) = (self.target(&attempt.delivery.url), self.signer(&attempt.delivery));
            link::tell(&worker, Post { attempt, to, signer, reply: ctx.address() });
        }
    }

    fn target(&mut self, url: &Arc<str>) -> Arc<Target> {
        if let Some(target) = self.targets.get(url) {
            return Arc::clone(target);
        }
        let target = Arc::new(Target::new(url));
        self.targets.insert(Arc::clone(url), Arc::clone(&target));
        target
    }

    fn signer(&mut self, delivery: &Delivery) -> Arc<Signer> {
        let endpoint = &delivery.lane.endpoint;
        if let Some(signer) = self.signers.get(endpoint) {
            return Arc::clone(signer);
        }
        let signer = Arc::new(match &delivery.owner {
            Owner::License | Owner::DeskHook => {
                let webhook = self.registered.get(endpoint);
                let secrets = webhook.into_iter().flat_map(|webhook| webhook.secrets(self.shard.now()));
                Signer::new(secrets).in_form(webhook.and_then(|webhook| self.form(webhook.dialect)))
            }
            Owner::Bot(bot) | Owner::DeskBot(bot) => {
                let bot = self.table.bot(bot);
                let webhooks = bot.as_ref().and_then(|bot| bot.webhooks.as_ref());
                let secrets = webhooks.into_iter().flat_map(|webhooks| webhooks.secrets(self.shard.now()));
                let form = webhooks.and_then(|webhooks| self.form(webhooks.dialect));
                Signer::new(secrets).in_form(form)
            }
        });
        self.signers.insert(endpoint.clone(), Arc::clone(&signer));
        signer
    }

    /// How a face version signs its calls.
    pub(super) fn form(&self, dialect: u16) -> Option<&'static Form> {
        self.shard.engine.dialect(dialect)?.signature_form()
    }

    /// What is to be done now and then.
    fn look_after(&mut self) {
        let now = self.shard.now();
        self.outbox.expire(now);
        self.follow();
        self.share_memory();
        let mut save = Save::new();
        self.graves.expire(now, &mut save);
        self.save(save);
        self.store_dead();
        self.store();
        self.leave_to_people();
        // A former secret may have run out.
        self.signers.clear();
        self.show();
    }

    /// Says how much is owed here, and hears how much may be.
    fn share_memory(&mut self) {
        let (all, owes) = (&self.shard.engine.tables().webhooks, self.outbox.bytes());
        all.owes(self.owes, owes);
        self.owes = owes;
        self.outbox.set_room(all.room());
    }

    fn show(&self) {
        let age = self.outbox.oldest().map(|due| self.shard.now().since(due)).unwrap_or_default();
        let (owed, dead) = ((self.outbox.len(), age), self.graves.lines.len());
        self.shard.engine.meters().webhooks(self.table.id, owed, dead, self.outbox.disabled().len());
    }

    /// Endpoints changed: secrets, URLs, some are new or gone.
    fn endpoints_changed(&mut self) {
        if self.me.is_none() {
            // Receivers of bots that are still to come would be taken for forgotten ones.
            return;
        }
        self.signers.clear();
        let urls = self.urls();
        self.targets.retain(|url, _| urls.contains(url));
        self.outbox.forget_receivers(|url| urls.contains(url));
        let (registered, table) = (&self.registered, &self.table);
        self.log.retain(|endpoint| {
            registered.contains_key(endpoint) || table.bot(&AgentId::new(endpoint.as_str())).is_some()
        });
        self.follow();
    }

    fn urls(&self) -> BTreeSet<Arc<str>> {
        let mut urls = self.table.receivers();
        urls.extend(self.registered.values().map(|webhook| Arc::from(&*webhook.url)));
        urls
    }

    /// Whoever registers a URL anew, or comes online with it, says that somebody is there again. What
    /// an administrator said stays.
    fn enable_anew(&mut self, url: &str) {
        let disabled = self.outbox.receiver(url).standing.disabled;
        if disabled.is_some_and(|disabled| disabled.why != WhyDisabled::ByHand) {
            self.outbox.enable(&Arc::from(url));
        }
    }

    fn log(&mut self, attempt: &Attempt, attempted: &outbound::Attempted, verdict: &Verdict, at: Timestamp) {
        let delivery = &attempt.delivery;
        let line = LogLine {
            at,
            delivery: delivery.id.clone(),
            number: attempt.number,
            answer: attempted.answer,
            latency: attempted.latency,
            sent_bytes: delivery.body.len(),
            answer_bytes: attempted.answer_bytes,
            retry_at: match verdict {
                Verdict::RetryAt(at) => Some(*at),
                Verdict::Settled(_) | Verdict::Gone => None,
            },
        };
        self.log.add(&delivery.lane.endpoint, line);
    }
}

/// Who calls a URL: always the same worker for one host, so that its connections are used on the
/// thread that made them.
fn place(url: &str) -> usize {
    let host = url.split('/').nth(2).unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    host.hash(&mut hasher);
    hasher.finish() as usize
}

fn by_id(Webhooks(webhooks): Webhooks) -> BTreeMap<EndpointId, Registration> {
    webhooks.into_iter().map(|webhook| (webhook.id.clone(), webhook)).collect()
}

fn places(registered: &BTreeMap<EndpointId, Registration>) -> BTreeMap<EndpointId, Arc<str>> {
    registered.iter().map(|(id, webhook)| (id.clone(), Arc::from(&*webhook.url))).collect()
}

impl Handler<Begin> for DispatcherActor {
    type Result = ();

    fn handle(&mut self, _: Begin, ctx: &mut Context<Self>) {
        self.me = Some(ctx.address());
        ctx.run_interval(TICK, |dispatcher, ctx| {
            dispatcher.outbox.give_up_awaited(dispatcher.shard.now());
            dispatcher.follow();
            dispatcher.bury_some();
            dispatcher.send(ctx);
        });
        let store_every = self.shard.engine.settings().checkpoint_time;
        ctx.run_interval(store_every, |dispatcher, _| dispatcher.look_after());
        self.settle_some();
        self.outbox.bury_disabled();
        self.endpoints_changed();
        self.leave_to_people();
        self.show();
        self.send(ctx);
    }
}

impl Handler<Due> for DispatcherActor {
    type Result = ();

    fn handle(&mut self, Due { delivery, from }: Due, ctx: &mut Context<Self>) {
        self.share_memory();
        self.holders.insert(delivery.id.clone(), from);
        match self.outbox.due(Arc::clone(&delivery)) {
            Some(DeliveryFact::Settled { how, .. }) if how.is_given_up() => self.bury([(delivery, how)]),
            Some(fact) => self.settle(vec![fact]),
            None => {}
        }
        self.send(ctx);
    }
}

impl Handler<BotStatus> for DispatcherActor {
    type Result = ();

    fn handle(&mut self, status: BotStatus, ctx: &mut Context<Self>) {
        let bot = self.table.bot(&status.bot).filter(|_| status.online);
        match bot.as_ref().and_then(|bot| bot.webhooks.as_ref()) {
            Some(webhooks) => {
                let url = Arc::from(&*webhooks.url);
                let anew = self.outbox.bot_online(&status.bot, &url);
                // At a start it is where it was.
                if anew && self.me.is_some() {
                    self.enable_anew(&url);
                }
                // It may have moved to a place that is off.
                self.outbox.bury_disabled();
            }
            None => {
                if self.me.is_some() {
                    let waiting = self.outbox.awaited_of(&status.bot);
                    waiting.into_iter().for_each(|chat| self.hand_off(chat, Answer::Nobody));
                }
                let dropped = self.outbox.bot_offline(&status.bot);
                self.settle_dropped(dropped);
            }
        }
        self.endpoints_changed();
        self.send(ctx);
    }
}

impl Handler<Webhooks> for DispatcherActor {
    type Result = ();

    fn handle(&mut self, webhooks: Webhooks, ctx: &mut Context<Self>) {
        let before = std::mem::replace(&mut self.registered, by_id(webhooks));
        let dropped = self.outbox.registered(places(&self.registered));
        self.settle_dropped(dropped);
        let stood = |webhook: &Registration| before.get(&webhook.id).map(|before| &before.url);
        let new = self.registered.values().filter(|webhook| stood(webhook) != Some(&webhook.url));
        for url in new.map(|webhook| webhook.url.clone()).collect::<Vec<_>>() {
            self.enable_anew(&url);
        }
        self.outbox.bury_disabled();
        self.endpoints_changed();
        self.send(ctx);
    }
}

impl Handler<Attempted> for DispatcherActor {
    type Result = ();

    fn handle(&mut self, Attempted { attempt, attempted }: Attempted, ctx: &mut Context<Self>) {
        let now = self.shard.now();
        let (delivery, report) = (&attempt.delivery, attempted.report());
        self.shard.engine.meters().attempted(report.outcome);
        if report.outcome == Outcome::Delivered {
            self.shard.engine.meters().lagged(now.since(delivery.due_since));
        }
        let verdict = self.outbox.done(&delivery.id, report, now, jitter());
        self.log(&attempt, &attempted, &verdict, now);
        match verdict {
            Verdict::Settled(DeliveryFact::Settled { how, .. }) if how.is_given_up() => {
                self.bury([(attempt.delivery, how)]);
            }
            Verdict::Settled(fact) => self.settle(vec![fact]),
            Verdict::RetryAt(at) => {
                let wait = at.since(now) + Duration::from_millis(1);
                ctx.run_later(wait, |dispatcher, ctx| dispatcher.send(ctx));
            }
            Verdict::Gone => {}
        }
        self.follow();
        self.send(ctx);
    }
}

/// A random share from 0 to 1.
fn jitter() -> f64 {
    f64::from(clock::random_u64() as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn one_host_has_one_worker() {
        let here = place("http://h:1/a");
        assert_eq!(here, place("http://h:1/b?c=/d"));
        assert!((0..64).map(|port| place(&format!("http://h:{port}/")) % 4).any(|other| other != here % 4));
    }
}
