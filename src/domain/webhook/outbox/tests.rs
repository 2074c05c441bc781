//! One test for each rule of delivery.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use super::*;
use crate::id::{AgentId, ConversationId};
use crate::webhook::limits::{
    ATTEMPTS_PER_URL, BACKLOG_AGE, BACKLOG_BYTES_PER_URL, BACKLOG_PER_URL, OVERDUE_RETRIES, RETRY_DELAYS,
};
use crate::webhook::{EndpointId, Owner, Schedule};

pub(super) const START: Timestamp = Timestamp::from_secs(1_000_000);

/// The `n`th delivery of a bot about a conversation.
pub(super) fn delivery(bot: &str, conversation: u64, n: u64) -> Arc<Delivery> {
    let conversation = ConversationId::from_random(conversation);
    Arc::new(Delivery {
        awaited: false,
        passing: false,
        id: DeliveryId::new(&format!("{bot}-{conversation}-{n}")),
        lane: Lane { endpoint: EndpointId::new(bot), conversation: Some(conversation) },
        owner: Owner::Bot(AgentId::new(bot)),
        url: format!("http://{bot}/").into(),
        body: format!("body {n}").into_bytes().into(),
        due_since: START,
    })
}

pub(super) fn with(deliveries: &[&Arc<Delivery>]) -> Outbox {
    let mut outbox = Outbox::default();
    for delivery in deliveries {
        assert_eq!(outbox.due(Arc::clone(delivery)), None);
    }
    outbox
}

/// Ids of all that may be sent now.
pub(super) fn sent(outbox: &mut Outbox, now: Timestamp) -> Vec<DeliveryId> {
    std::iter::from_fn(|| outbox.next(now)).map(|attempt| attempt.delivery.id.clone()).collect()
}

pub(super) fn ids<const N: usize>(deliveries: [&Arc<Delivery>; N]) -> Vec<DeliveryId> {
    deliveries.map(|delivery| delivery.id.clone()).to_vec()
}

pub(super) fn over(id: &DeliveryId, how: Settlement) -> Verdict {
    Verdict::Settled(DeliveryFact::Settled { id: id.clone(), how })
}

#[test]
fn a_lane_goes_one_by_one_and_lanes_go_side_by_side() {
    let (a1, a2, b1) = (delivery("bot", 1, 1), delivery("bot", 1, 2), delivery("bot", 2, 1));
    let mut outbox = with(&[&a1, &a2, &b1]);
    assert_eq!(sent(&mut outbox, START), ids([&a1, &b1]));
    assert_eq!(outbox.done(&a1.id, Outcome::Delivered, START, 0.0), over(&a1.id, Settlement::Delivered));
    assert_eq!(sent(&mut outbox, START), ids([&a2]));
    assert_eq!(outbox.done(&b1.id, Outcome::Delivered, START, 0.0), over(&b1.id, Settlement::Delivered));
    assert_eq!(outbox.done(&a2.id, Outcome::Delivered, START, 0.0), over(&a2.id, Settlement::Delivered));
    assert!(outbox.is_empty() && outbox.lanes.is_empty() && outbox.in_flight() == 0);
}

#[test]
fn trouble_is_tried_again_later_with_the_same_body_and_id() {
    let (first, second) = (delivery("bot", 1, 1), delivery("bot", 1, 2));
    let mut outbox = with(&[&first, &second]);
    let attempt = outbox.next(START).unwrap();
    assert_eq!((attempt.number, attempt.timeout), (1, Duration::from_secs(10)));
    let again = START.plus(Duration::from_millis(5500));
    assert_eq!(outbox.done(&first.id, Outcome::Trouble, START, 0.5), Verdict::RetryAt(again));
    assert_eq!(outbox.next_deadline(), Some(again));
    let just_before = START.plus(Duration::from_micros(5_499_999));
    assert_eq!(outbox.next(just_before), None, "nor may the second overtake it");
    let retry = outbox.next(again).unwrap();
    assert_eq!(retry.number, 2);
    assert_eq!(retry.delivery, attempt.delivery);
    assert_eq!(outbox.next_deadline(), None);
}

#[test]
fn a_final_refusal_lets_the_next_one_go_on() {
    let (first, second) = (delivery("bot", 1, 1), delivery("bot", 1, 2));
    let mut outbox = with(&[&first, &second]);
    assert_eq!(sent(&mut outbox, START), ids([&first]));
    assert_eq!(outbox.done(&first.id, Outcome::Refused, START, 0.0), over(&first.id, Settlement::Refused));
    assert_eq!(sent(&mut outbox, START), ids([&second]));
}

/// Another chat's delivery, which arrives: so the trouble is not the receiver's.
fn well_otherwise(outbox: &mut Outbox, n: u64, now: Timestamp) {
    let other = delivery("bot", 9, n);
    assert_eq!(outbox.due(Arc::clone(&other)), None);
    assert_eq!(sent(outbox, now), ids([&other]));
    assert_eq!(outbox.done(&other.id, Outcome::Delivered, now, 0.0), over(&other.id, Settlement::Delivered));
}

#[test]
fn the_schedule_ends_and_the_next_one_starts_afresh() {
    let (first, second) = (delivery("bot", 1, 1), delivery("bot", 1, 2));
    let mut outbox = with(&[&first, &second]);
    let mut now = START;
    for (n, delay) in (1..).zip(RETRY_DELAYS) {
        assert_eq!(sent(&mut outbox, now), ids([&first]));
        let again = now.plus(delay);
        assert_eq!(outbox.done(&first.id, Outcome::Trouble, now, 0.0), Verdict::RetryAt(again));
        well_otherwise(&mut outbox, n, now);
        now = again;
    }
    assert_eq!(sent(&mut outbox, now), ids([&first]));
    assert_eq!(outbox.done(&first.id, Outcome::Trouble, now, 0.0), over(&first.id, Settlement::Exhausted));
    let next = outbox.next(now).unwrap();
    assert_eq!((&next.delivery.id, next.number), (&second.id, 1));
}

#[test]
fn while_the_trouble_is_its_receivers_the_end_of_the_schedule_is_not_its_end() {
    let owed = delivery("bot", 1, 1);
    let mut outbox = with(&[&owed]);
    let (mut now, mut attempts) = (START, 0);
    while now.since(START) <= BACKLOG_AGE {
        if sent(&mut outbox, now).is_empty() {
            now = outbox.next_deadline().unwrap();
            continue;
        }
        attempts += 1;
        let verdict = outbox.done(&owed.id, Outcome::Trouble, now, 0.0);
        assert!(matches!(verdict, Verdict::RetryAt(at) if at > now), "{attempts}: {verdict:?}");
    }
    assert!(attempts > RETRY_DELAYS.len() + 1, "{attempts}");
    assert_eq!(sent(&mut outbox, now), ids([&owed]));
    assert_eq!(outbox.done(&owed.id, Outcome::Trouble, now, 0.0), over(&owed.id, Settlement::Exhausted));

    // Not so at a help desk, where somebody waits behind it.
    let desk = Delivery { owner: Owner::DeskHook, ..Arc::unwrap_or_clone(delivery("hook", 1, 1)) };
    let mut outbox = Outbox::default();
    assert!(outbox.registered(BTreeMap::from([(EndpointId::new("hook"), Arc::clone(&desk.url))])).is_empty());
    let failing = crate::webhook::Standing { failing_since: Some(START), disabled: None };
    outbox.restore_receiver(&desk.url, &failing);
    let id = desk.id.clone();
    assert_eq!(outbox.due(Arc::new(desk)), None);
    let mut now = START;
    let end = loop {
        assert_eq!(sent(&mut outbox, now).len(), 1);
        match outbox.done(&id, Outcome::Trouble, now, 0.0) {
            Verdict::RetryAt(_) => now = now.plus(BACKLOG_AGE / 100),
            end => break end,
        }
    };
    assert_eq!(end, over(&id, Settlement::Exhausted));
}

#[test]
fn what_is_older_than_the_schedule_does_not_get_all_of_it_again() {
    let old = delivery("bot", 1, 1);
    let mut outbox = with(&[&old]);
    let mut now = START.plus(Duration::from_secs(7 * 24 * 3600));
    let mut attempts = 0;
    loop {
        assert_eq!(sent(&mut outbox, now), ids([&old]));
        attempts += 1;
        match outbox.done(&old.id, Outcome::Trouble, now, 0.0) {
            Verdict::RetryAt(at) => now = at,
            verdict => break assert_eq!(verdict, over(&old.id, Settlement::Exhausted)),
        }
    }
    assert_eq!(attempts, OVERDUE_RETRIES + 1);
}

#[test]
fn one_lane_in_trouble_holds_up_no_other() {
    let (bad, good, other) = (delivery("bot", 1, 1), delivery("bot", 2, 1), delivery("bot2", 1, 1));
    let mut outbox = with(&[&bad]);
    assert_eq!(sent(&mut outbox, START), ids([&bad]));
    assert!(matches!(outbox.done(&bad.id, Outcome::Trouble, START, 0.0), Verdict::RetryAt(_)));
    assert_eq!(outbox.due(Arc::clone(&good)), None);
    assert_eq!(outbox.due(Arc::clone(&other)), None);
    assert_eq!(sent(&mut outbox, START), ids([&good, &other]));
}

#[test]
fn a_repeated_delivery_is_taken_once() {
    let one = delivery("bot", 1, 1);
    let mut outbox = with(&[&one, &one]);
    assert_eq!(outbox.len(), 1);
    assert_eq!(sent(&mut outbox, START), ids([&one]));
    assert_eq!(outbox.due(Arc::clone(&one)), None);
    assert_eq!(outbox.done(&one.id, Outcome::Delivered, START, 0.0), over(&one.id, Settlement::Delivered));
    assert_eq!(outbox.done(&one.id, Outcome::Delivered, START, 0.0), Verdict::Gone);
    assert_eq!(outbox.next(START), None);
}

#[test]
fn an_offline_bot_gets_nothing_and_nothing_later() {
    let (running, waits, other) = (delivery("bot", 1, 1), delivery("bot", 1, 2), delivery("bot2", 1, 1));
    let retried = delivery("bot", 2, 1);
    let mut outbox = with(&[&retried]);
    assert_eq!(sent(&mut outbox, START), ids([&retried]));
    assert!(matches!(outbox.done(&retried.id, Outcome::Trouble, START, 0.0), Verdict::RetryAt(_)));
    for delivery in [&running, &waits, &other] {
        assert_eq!(outbox.due(Arc::clone(delivery)), None);
    }
    assert_eq!(outbox.next(START).unwrap().delivery.id, running.id);

    let bot = AgentId::new("bot");
    let mut dropped = outbox.bot_offline(&bot);
    dropped.sort_by_key(|fact| match fact {
        DeliveryFact::Settled { id, .. } => Some(id.clone()),
        DeliveryFact::Due(_) => None,
    });
    let fact = |d: &Delivery| DeliveryFact::Settled { id: d.id.clone(), how: Settlement::Dropped };
    assert_eq!(dropped, [fact(&running), fact(&waits), fact(&retried)]);
    assert_eq!(outbox.next_deadline(), None);
    assert_eq!(outbox.done(&running.id, Outcome::Trouble, START, 0.0), Verdict::Gone);
    let late = delivery("bot", 3, 1);
    assert_eq!(outbox.due(Arc::clone(&late)), Some(fact(&late)));
    assert_eq!(sent(&mut outbox, START), ids([&other]));

    assert!(outbox.bot_online(&bot, &late.url));
    assert_eq!(outbox.next(Timestamp::from_micros(u64::MAX)), None);
    let fresh = delivery("bot", 1, 9);
    assert_eq!(outbox.due(Arc::clone(&fresh)), None);
    assert_eq!(sent(&mut outbox, START), ids([&fresh]));
}

#[test]
fn a_lane_waits_for_the_attempt_of_a_dropped_delivery() {
    let (old, new) = (delivery("bot", 1, 1), delivery("bot", 1, 2));
    let mut outbox = with(&[&old]);
    assert_eq!(sent(&mut outbox, START), ids([&old]));
    assert_eq!(outbox.bot_offline(&AgentId::new("bot")).len(), 1);
    outbox.bot_online(&AgentId::new("bot"), &new.url);
    assert_eq!(outbox.due(Arc::clone(&new)), None);
    assert_eq!(outbox.next(START), None, "the old one is still under way");
    assert_eq!(outbox.done(&old.id, Outcome::Delivered, START, 0.0), Verdict::Gone);
    assert_eq!(sent(&mut outbox, START), ids([&new]));
}

#[test]
fn a_full_backlog_turns_the_next_one_away_at_once() {
    let mut outbox = Outbox::default();
    for n in 0..BACKLOG_PER_URL as u64 {
        assert_eq!(outbox.due(delivery("dead", n, 1)), None);
    }
    let surplus = delivery("dead", 0, 2);
    let fact = DeliveryFact::Settled { id: surplus.id.clone(), how: Settlement::Overflowed };
    assert_eq!(outbox.due(Arc::clone(&surplus)), Some(fact));
    assert_eq!(outbox.due(delivery("alive", 0, 1)), None);
    let first = outbox.next(START).unwrap().delivery.id.clone();
    assert_eq!(outbox.done(&first, Outcome::Delivered, START, 0.0), over(&first, Settlement::Delivered));
    assert_eq!(outbox.due(surplus), None);
}

#[test]
fn a_backlog_is_full_by_bytes_too_but_one_delivery_always_fits() {
    let sized = |n: u64, bytes: usize| {
        let mut delivery = Arc::unwrap_or_clone(delivery("bot", n, 1));
        delivery.body = vec![0; bytes].into();
        Arc::new(delivery)
    };
    let mut outbox = Outbox::default();
    assert_eq!(outbox.due(sized(1, BACKLOG_BYTES_PER_URL + 1)), None);
    assert!(outbox.due(sized(2, 0)).is_some());
}

#[test]
fn a_restart_sends_again_what_was_not_settled_in_order() {
    let (a1, a2, a3) = (delivery("bot", 1, 1), delivery("bot", 1, 2), delivery("bot", 1, 3));
    let mut outbox = Outbox::new(Schedules::default());
    for delivery in [&a1, &a2, &a3, &a2] {
        outbox.restore(DeliveryFact::Due(Arc::clone(delivery)));
    }
    outbox.restore(DeliveryFact::Settled { id: a1.id.clone(), how: Settlement::Delivered });
    outbox.restore(DeliveryFact::Settled { id: DeliveryId::new("long ago"), how: Settlement::Delivered });
    let left: Vec<_> = outbox.outstanding().map(|delivery| delivery.id.clone()).collect();
    assert_eq!(left, ids([&a2, &a3]));
    assert_eq!(sent(&mut outbox, START), ids([&a2]));
    assert_eq!(outbox.done(&a2.id, Outcome::Delivered, START, 0.0), over(&a2.id, Settlement::Delivered));
    assert_eq!(sent(&mut outbox, START), ids([&a3]));
}

#[test]
fn a_deadline_is_never_past_even_when_no_slot_is_free() {
    let retried = delivery("bot", 0, 1);
    let mut outbox = with(&[&retried]);
    assert_eq!(sent(&mut outbox, START), ids([&retried]));
    let Verdict::RetryAt(at) = outbox.done(&retried.id, Outcome::Trouble, START, 0.0) else {
        unreachable!("trouble is tried again")
    };
    for n in 1..=ATTEMPTS_PER_URL as u64 {
        assert_eq!(outbox.due(delivery("bot", n, 1)), None);
    }
    assert_eq!(sent(&mut outbox, START).len(), ATTEMPTS_PER_URL);
    assert_eq!(outbox.next(at), None);
    assert_eq!(outbox.next_deadline(), None);
}

#[test]
fn kinds_of_endpoints_follow_their_own_schedule() {
    let license = Schedule { delays: vec![], timeout: Duration::from_secs(3), ..Schedule::default() };
    let mut outbox = Outbox::new(Schedules { license, ..Schedules::default() });
    let mut global = Arc::unwrap_or_clone(delivery("global", 1, 1));
    global.owner = Owner::License;
    let global = Arc::new(global);
    assert!(
        outbox.registered(BTreeMap::from([(EndpointId::new("global"), Arc::clone(&global.url))])).is_empty()
    );
    assert_eq!(outbox.due(Arc::clone(&global)), None);
    assert_eq!(outbox.next(START).unwrap().timeout, Duration::from_secs(3));
    let verdict = outbox.done(&global.id, Outcome::Trouble, START, 0.0);
    assert_eq!(verdict, over(&global.id, Settlement::Exhausted));
}

#[test]
fn what_is_owed_to_a_registration_ends_with_it() {
    let of = |endpoint: &str, conversation| {
        let delivery = Arc::unwrap_or_clone(delivery(endpoint, conversation, 1));
        Arc::new(Delivery { owner: Owner::License, ..delivery })
    };
    let (kept, running, waits) = (of("kept", 1), of("gone", 1), of("gone", 2));
    let bots = delivery("bot", 1, 1);
    let names = |names: &[&str]| {
        let place = |name: &&str| (EndpointId::new(name), format!("http://{name}/").into());
        names.iter().map(place).collect::<BTreeMap<_, Arc<str>>>()
    };
    let mut outbox = Outbox::default();
    assert!(outbox.registered(names(&["kept", "gone"])).is_empty());
    assert_eq!(outbox.due(Arc::clone(&running)), None);
    assert_eq!(sent(&mut outbox, START), ids([&running]));
    for delivery in [&kept, &waits, &bots] {
        assert_eq!(outbox.due(Arc::clone(delivery)), None);
    }
    let dropped = |delivery: &Arc<Delivery>| DeliveryFact::Settled {
        id: delivery.id.clone(),
        how: Settlement::Dropped,
    };
    let facts = outbox.registered(names(&["kept"]));
    assert_eq!(facts.len(), 2);
    assert!(facts.contains(&dropped(&running)) && facts.contains(&dropped(&waits)), "{facts:?}");
    // What matched before it was taken back, and comes in after.
    let late = of("gone", 3);
    assert_eq!(outbox.due(Arc::clone(&late)), Some(dropped(&late)));
    assert_eq!(outbox.done(&running.id, Outcome::Trouble, START, 0.0), Verdict::Gone);
    let mut left = sent(&mut outbox, START);
    left.sort();
    assert_eq!(left, ids([&bots, &kept]));
}

#[test]
fn what_was_owed_at_a_restart_to_a_registration_that_is_gone_is_dropped() {
    let owed = Arc::unwrap_or_clone(delivery("gone", 1, 1));
    let owed = Arc::new(Delivery { owner: Owner::License, ..owed });
    let mut outbox = Outbox::default();
    outbox.restore(DeliveryFact::Due(Arc::clone(&owed)));
    let facts = outbox.registered(BTreeMap::new());
    assert_eq!(facts, [DeliveryFact::Settled { id: owed.id.clone(), how: Settlement::Dropped }]);
    assert!(outbox.is_empty() && outbox.next(START).is_none());
}
