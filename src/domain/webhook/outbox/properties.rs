//! What must hold whatever happens: order in each lane, at least once, nothing lost, bounds kept,
//! nobody starved.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{News, Outbox, Verdict};
use crate::id::{AgentId, ConversationId};
use crate::time::Timestamp;
use crate::webhook::limits::{ATTEMPTS_IN_ALL, ATTEMPTS_PER_URL};
use crate::webhook::{
    Delivery, DeliveryFact, DeliveryId, EndpointId, Lane, Outcome, Owner, Report, Settlement, Standing,
};

const BOTS: u8 = 12;
const CONVERSATIONS: u64 = 12;

#[derive(Debug, Clone)]
enum Step {
    Due {
        bot: u8,
        conversation: u64,
    },
    SendAll,
    Done {
        which: usize,
        outcome: Outcome,
        retry_after: Option<u64>,
    },
    Wait {
        secs: u64,
    },
    Expire,
    /// An administrator enables a receiver.
    Enable {
        url: u8,
    },
    /// A bot goes offline, or a registration is taken back.
    Offline {
        bot: u8,
    },
    Online {
        bot: u8,
    },
    /// Its webhooks lead elsewhere.
    Move {
        bot: u8,
        url: u8,
    },
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Delivered),
        1 => Just(Outcome::Refused),
        5 => Just(Outcome::Trouble),
        1 => prop::bool::weighted(0.1).prop_map(|gone| if gone { Outcome::Gone } else { Outcome::Refused }),
    ];
    let retry_after = prop::option::weighted(0.1, 0u64..100_000);
    let step = prop_oneof![
        12 => (0..BOTS, 0..CONVERSATIONS).prop_map(|(bot, conversation)| Step::Due { bot, conversation }),
        4 => Just(Step::SendAll),
        8 => (any::<usize>(), outcome, retry_after).prop_map(|(which, outcome, retry_after)| Step::Done { which, outcome, retry_after }),
        2 => (0u64..40_000).prop_map(|secs| Step::Wait { secs }),
        1 => Just(Step::Expire),
        1 => (0..BOTS / 2).prop_map(|url| Step::Enable { url }),
        1 => (0..BOTS).prop_map(|bot| Step::Offline { bot }),
        1 => (0..BOTS).prop_map(|bot| Step::Online { bot }),
        1 => (0..BOTS, 0..BOTS / 2).prop_map(|(bot, url)| Step::Move { bot, url }),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..400)
}

/// A naive model beside the machine: what is outstanding in each lane, and what is under way.
#[derive(Default)]
struct World {
    outbox: Outbox,
    now: Timestamp,
    issued: u64,
    lanes: BTreeMap<Lane, VecDeque<DeliveryId>>,
    running: Vec<Arc<Delivery>>,
    offline: BTreeSet<AgentId>,
    /// Where those hear that moved.
    moved: BTreeMap<u8, u8>,
    attempted: BTreeSet<DeliveryId>,
    settled: BTreeMap<DeliveryId, Settlement>,
    standings: BTreeMap<Arc<str>, Standing>,
}

/// Every third one is no bot but a registration of the license.
const fn is_registration(bot: u8) -> bool {
    bot % 3 == 2
}

fn url_of(url: u8) -> Arc<str> {
    format!("http://{url}/").into()
}

fn bot_id(bot: u8) -> AgentId {
    AgentId::new(&format!("bot{bot}"))
}

impl World {
    fn new() -> Self {
        let mut world = Self::default();
        assert!(world.outbox.registered(world.registered()).is_empty());
        world
    }

    fn due(&mut self, bot: u8, conversation: u64) {
        self.issued += 1;
        let owner = bot_id(bot);
        let conversation = Some(ConversationId::from_random(conversation));
        let lane = Lane { endpoint: EndpointId::new(owner.as_str()), conversation };
        let delivery = Arc::new(Delivery {
            awaited: false,
            passing: false,
            id: DeliveryId::new(&format!("{:06}", self.issued)),
            lane: lane.clone(),
            owner: if is_registration(bot) { Owner::License } else { Owner::Bot(owner.clone()) },
            // As it was matched: its bot may have moved since.
            url: url_of(bot / 2),
            body: Arc::from(&b"{}"[..]),
            due_since: self.now,
        });
        match self.outbox.due(Arc::clone(&delivery)) {
            None => self.lanes.entry(lane).or_default().push_back(delivery.id.clone()),
            Some(fact) => {
                let standing = self.standings.get(&self.place(bot));
                let disabled = standing.is_some_and(|standing| standing.disabled.is_some());
                assert!(self.offline.contains(&owner) || disabled, "only what nobody hears is turned away");
                self.settle(fact);
            }
        }
    }

    fn settle(&mut self, fact: DeliveryFact) {
        let DeliveryFact::Settled { id, how } = fact else { unreachable!("only settled ones are told") };
        assert_eq!(self.settled.insert(id.clone(), how), None, "settled twice: {id}");
        self.lanes.values_mut().for_each(|lane| lane.retain(|other| *other != id));
    }

    fn send_all(&mut self) {
        while let Some(attempt) = self.outbox.next(self.now) {
            let delivery = attempt.delivery;
            let bot: u8 = delivery.lane.endpoint.as_str()[3..].parse().unwrap();
            assert_eq!(delivery.url, self.place(bot), "it hears elsewhere");
            assert_eq!(self.lanes[&delivery.lane].front(), Some(&delivery.id), "overtaken");
            assert!(self.running.iter().all(|other| other.lane != delivery.lane), "two of one lane");
            self.attempted.insert(delivery.id.clone());
            self.running.push(delivery);
            assert!(self.running.len() <= ATTEMPTS_IN_ALL);
        }
        let mut per_url: BTreeMap<_, usize> = BTreeMap::new();
        self.running.iter().for_each(|delivery| *per_url.entry(&delivery.url).or_default() += 1);
        assert!(per_url.values().all(|&count| count <= ATTEMPTS_PER_URL));
        assert!(self.outbox.next_deadline().is_none_or(|at| at > self.now), "a deadline is past");
    }

    fn news(&mut self) {
        for news in self.outbox.news() {
            match news {
                News::Died { delivery, how } => {
                    self.settle(DeliveryFact::Settled { id: delivery.id.clone(), how });
                }
                News::Receiver { url, standing } => {
                    self.standings.insert(url, standing);
                }
            }
        }
    }

    fn done(&mut self, which: usize, outcome: Outcome, retry_after: Option<u64>) {
        if self.running.is_empty() {
            return;
        }
        let delivery = self.running.swap_remove(which % self.running.len());
        let report = Report { outcome, retry_after: retry_after.map(Duration::from_secs) };
        match self.outbox.done(&delivery.id, report, self.now, 0.5) {
            Verdict::Settled(fact) => self.settle(fact),
            Verdict::RetryAt(at) if at == self.now => {
                let moved = |other: &Arc<Delivery>| other.id == delivery.id && other.url != delivery.url;
                assert!(outcome != Outcome::Delivered && self.outbox.outstanding().any(moved));
            }
            Verdict::RetryAt(at) => assert!(at > self.now && outcome == Outcome::Trouble),
            Verdict::Gone => assert!(matches!(
                self.settled.get(&delivery.id),
                Some(Settlement::Dropped | Settlement::Disabled)
            )),
        }
        self.news();
    }

    fn restart(&mut self) {
        let snapshot: Vec<_> = self.outbox.outstanding().cloned().collect();
        self.outbox = Outbox::default();
        self.running.clear();
        self.standings.iter().for_each(|(url, standing)| self.outbox.restore_receiver(url, standing));
        snapshot.into_iter().for_each(|delivery| self.outbox.restore(DeliveryFact::Due(delivery)));
        let dropped = self.outbox.registered(self.registered());
        assert!(dropped.is_empty(), "it was dropped before");
        for bot in (0..BOTS).filter(|bot| !is_registration(*bot)) {
            if self.offline.contains(&bot_id(bot)) {
                assert!(self.outbox.bot_offline(&bot_id(bot)).is_empty(), "it was dropped before");
            } else {
                self.outbox.bot_online(&bot_id(bot), &self.place(bot));
            }
        }
    }

    /// Where a bot hears. Some share a URL.
    fn place(&self, bot: u8) -> Arc<str> {
        url_of(self.moved.get(&bot).copied().unwrap_or(bot / 2))
    }

    /// A bot hears here now, or where it always did.
    fn online(&mut self, bot: u8) {
        if is_registration(bot) {
            assert!(self.outbox.registered(self.registered()).is_empty());
        } else {
            self.outbox.bot_online(&bot_id(bot), &self.place(bot));
        }
        // It may have moved to a place that is off.
        self.outbox.bury_disabled();
        self.news();
    }

    /// The registrations that were not taken back.
    fn registered(&self) -> BTreeMap<EndpointId, Arc<str>> {
        let here = |bot: &u8| is_registration(*bot) && !self.offline.contains(&bot_id(*bot));
        let place = |bot| (EndpointId::new(bot_id(bot).as_str()), self.place(bot));
        (0..u8::MAX).filter(here).map(place).collect()
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Due { bot, conversation } => self.due(bot, conversation),
            Step::SendAll => self.send_all(),
            Step::Done { which, outcome, retry_after } => self.done(which, outcome, retry_after),
            Step::Expire => {
                self.outbox.expire(self.now);
                self.news();
            }
            Step::Enable { url } => {
                self.outbox.enable(&url_of(url));
                self.news();
            }
            Step::Wait { secs } => self.now = self.now.plus(Duration::from_secs(secs)),
            Step::Offline { bot } => {
                self.offline.insert(bot_id(bot));
                let facts = match is_registration(bot) {
                    true => self.outbox.registered(self.registered()),
                    false => self.outbox.bot_offline(&bot_id(bot)),
                };
                facts.into_iter().for_each(|fact| self.settle(fact));
            }
            Step::Online { bot } => {
                self.offline.remove(&bot_id(bot));
                self.online(bot);
            }
            Step::Move { bot, url } => {
                self.moved.insert(bot, url);
                if !self.offline.contains(&bot_id(bot)) {
                    self.online(bot);
                }
            }
            Step::Restart => self.restart(),
        }
        let left: usize = self.lanes.values().map(VecDeque::len).sum();
        assert_eq!(self.outbox.len(), left, "lost or invented");
        assert_eq!(self.outbox.in_flight(), self.running.len());
    }

    /// Lets every attempt succeed until nothing is left to do.
    fn drain(&mut self) {
        loop {
            self.send_all();
            if self.running.is_empty() {
                let Some(at) = self.outbox.next_deadline() else { break };
                self.now = at;
            }
            while !self.running.is_empty() {
                self.done(0, Outcome::Delivered, None);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn lanes_keep_their_order_and_nothing_is_lost(steps in steps()) {
        let mut world = World::new();
        steps.iter().for_each(|step| world.step(step));
        world.drain();
        prop_assert!(world.outbox.is_empty());
        prop_assert_eq!(world.settled.len() as u64, world.issued);
        for (id, how) in &world.settled {
            let tried = world.attempted.contains(id);
            let unheard = matches!(how, Settlement::Dropped | Settlement::Disabled | Settlement::Expired);
            prop_assert!(tried || unheard, "{} is {:?} without an attempt", id, how);
        }
        prop_assert!(world.outbox.lanes.is_empty() && world.outbox.waiting.is_empty());
    }

    /// Every receiver with something to send gets its turn within as many turns as there are
    /// receivers, however much the others have.
    #[test]
    fn nobody_starves(loads in prop::collection::vec(1u64..40, 2..12)) {
        let mut world = World::new();
        for (bot, &load) in loads.iter().enumerate() {
            (0..load).for_each(|n| world.due(u8::try_from(2 * bot).unwrap(), n));
        }
        let mut since_turn: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        while let Some(attempt) = world.outbox.next(world.now) {
            let verdict =
                world.outbox.done(&attempt.delivery.id, Outcome::Delivered, world.now, 0.0);
            prop_assert!(matches!(verdict, Verdict::Settled(_)));
            for delivery in world.outbox.outstanding().map(|d| &d.url).collect::<BTreeSet<_>>() {
                let turns = since_turn.entry(Arc::clone(delivery)).or_default();
                *turns = if *delivery == attempt.delivery.url { 0 } else { *turns + 1 };
                prop_assert!(*turns < loads.len(), "{} waits for {} turns", delivery, turns);
            }
        }
        prop_assert!(world.outbox.is_empty());
    }
}
