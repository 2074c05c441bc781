//! Receivers in trouble, gone, or back again: one test for each rule.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use super::tests::{START, delivery, ids, over, sent, with};
use super::*;
use crate::id::AgentId;
use crate::webhook::limits::{
    AWAITED_LOOK, AWAITED_PATIENCE, BACKLOG_AGE, BACKLOG_PASSED, BREAKER_FAILURES, DISABLE_AFTER,
    PROBE_WAITS, RETRY_AFTER_MAX, RETRY_DELAYS, WITNESS_TIME,
};
use crate::webhook::{Disabled, EndpointId, Owner, Standing, WhyDisabled};

const MINUTE: Duration = Duration::from_secs(60);

/// One delivery in each of `n` lanes of a bot.
fn lanes(bot: &str, n: u64) -> Vec<Arc<Delivery>> {
    (1..=n).map(|conversation| delivery(bot, conversation, 1)).collect()
}

/// Answers everything that goes now; says how much that was.
fn answer(outbox: &mut Outbox, now: Timestamp, outcome: Outcome) -> usize {
    let sent = sent(outbox, now);
    for id in &sent {
        let _ = outbox.done(id, outcome, now, 0.0);
    }
    sent.len()
}

fn settlements(news: Vec<News>) -> Vec<(DeliveryId, Settlement)> {
    let settled = |news| match news {
        News::Died { delivery, how } => Some((delivery.id.clone(), how)),
        News::Receiver { .. } => None,
    };
    news.into_iter().filter_map(settled).collect()
}

#[test]
fn a_receiver_in_trouble_gets_one_probe_at_a_time_and_others_notice_nothing() {
    let sick = lanes("sick", 20);
    let mut outbox = with(&sick.iter().collect::<Vec<_>>());
    assert_eq!(answer(&mut outbox, START, Outcome::Trouble), 8, "as many as one receiver may hold");
    let failing = Standing { failing_since: Some(START), disabled: None };
    assert_eq!(outbox.news(), [News::Receiver { url: "http://sick/".into(), standing: failing }]);
    assert_eq!(sent(&mut outbox, START), []);
    let other = delivery("well", 1, 1);
    assert_eq!(outbox.due(Arc::clone(&other)), None);
    assert_eq!(sent(&mut outbox, START), ids([&other]));

    let mut now = START;
    for wait in PROBE_WAITS {
        assert_eq!(sent(&mut outbox, now.plus(wait - Duration::from_micros(1))), []);
        now = now.plus(wait);
        assert!(outbox.next_deadline().is_some_and(|at| at <= now));
        let probe = sent(&mut outbox, now);
        assert_eq!(probe.len(), 1);
        assert!(matches!(outbox.done(&probe[0], Outcome::Trouble, now, 0.0), Verdict::RetryAt(_)));
    }
    assert_eq!(outbox.receiver("http://sick/").standing, failing);

    // The first success lets all go at once, also those whose own wait is not over.
    now = now.plus(MINUTE);
    let probe = sent(&mut outbox, now);
    assert_eq!(outbox.done(&probe[0], Outcome::Delivered, now, 0.0), over(&probe[0], Settlement::Delivered));
    let well = News::Receiver { url: "http://sick/".into(), standing: Standing::default() };
    assert_eq!(outbox.news(), [well]);
    let mut rest = 0;
    loop {
        match answer(&mut outbox, now, Outcome::Delivered) {
            0 => break,
            n => rest += n,
        }
    }
    assert_eq!((rest, outbox.len()), (19, 1), "but for the other receiver's");
}

#[test]
fn a_pause_that_is_asked_for_is_respected_for_the_whole_receiver() {
    let (first, second) = (delivery("bot", 1, 1), delivery("bot", 2, 1));
    let mut outbox = with(&[&first]);
    let busy = |secs| Report { outcome: Outcome::Trouble, retry_after: Some(Duration::from_secs(secs)) };
    assert_eq!(sent(&mut outbox, START), ids([&first]));
    let again = START.plus(Duration::from_secs(600));
    assert_eq!(outbox.done(&first.id, busy(600), START, 0.0), Verdict::RetryAt(again));
    assert_eq!(outbox.due(Arc::clone(&second)), None);
    assert_eq!(sent(&mut outbox, START.plus(Duration::from_secs(599))), []);
    assert_eq!(outbox.next_deadline(), Some(again));
    let probe = sent(&mut outbox, again);
    assert_eq!(probe.len(), 1, "and then one, to see");

    // Less than the own wait changes nothing, more than the bound counts as the bound.
    assert_eq!(outbox.done(&probe[0], busy(0), again, 0.0), {
        let failures = if probe[0] == first.id { 1 } else { 0 };
        Verdict::RetryAt(again.plus(RETRY_DELAYS[failures]))
    });
    let mut outbox = with(&[&first]);
    assert_eq!(sent(&mut outbox, START), ids([&first]));
    assert_eq!(
        outbox.done(&first.id, busy(u64::MAX / 2), START, 0.0),
        Verdict::RetryAt(START.plus(RETRY_AFTER_MAX))
    );
}

#[test]
fn gone_is_gone_until_somebody_enables_it() {
    let all = lanes("bot", 3);
    let mut outbox = with(&all.iter().collect::<Vec<_>>());
    let url: Arc<str> = "http://bot/".into();
    let under_way = sent(&mut outbox, START);
    assert_eq!(outbox.done(&all[0].id, Outcome::Gone, START, 0.0), over(&all[0].id, Settlement::Refused));
    let news = outbox.news();
    let disabled = Some(Disabled { at: START, why: WhyDisabled::Gone });
    let standing = Standing { failing_since: None, disabled };
    assert!(news.contains(&News::Receiver { url: Arc::clone(&url), standing }));
    let given_up: Vec<_> = all[1..].iter().map(|d| (d.id.clone(), Settlement::Disabled)).collect();
    assert_eq!(settlements(news), given_up);
    assert_eq!(outbox.done(&under_way[1], Outcome::Delivered, START, 0.0), Verdict::Gone);

    let late = delivery("bot", 9, 1);
    let refused = DeliveryFact::Settled { id: late.id.clone(), how: Settlement::Disabled };
    assert_eq!(outbox.due(Arc::clone(&late)), Some(refused));
    assert_eq!(outbox.revive(Arc::clone(&late)), Err(Settlement::Disabled));
    assert_eq!(outbox.disabled().into_iter().collect::<Vec<_>>(), [Arc::clone(&url)]);

    outbox.enable(&url);
    assert_eq!(outbox.news(), [News::Receiver { url, standing: Standing::default() }]);
    for letter in &all {
        assert_eq!(outbox.revive(Arc::clone(letter)), Ok(()));
    }
    assert_eq!(
        outbox.done(&under_way[2], Outcome::Delivered, START, 0.0),
        over(&under_way[2], Settlement::Delivered)
    );
    assert_eq!(sent(&mut outbox, START).len(), 2);
}

#[test]
fn what_an_administrator_says_takes_the_place_of_what_was_found_out() {
    let mut outbox = Outbox::default();
    let url: Arc<str> = "http://bot/".into();
    let standing = |why| Standing { failing_since: None, disabled: Some(Disabled { at: START, why }) };
    outbox.disable(&url, WhyDisabled::Gone, START);
    let _ = outbox.news();
    let later = START.plus(MINUTE);
    outbox.disable(&url, WhyDisabled::ByHand, later);
    let by_hand = standing(WhyDisabled::ByHand);
    assert_eq!(
        outbox.news(),
        [News::Receiver { url: Arc::clone(&url), standing: by_hand }],
        "off since then"
    );
    for why in [WhyDisabled::ByHand, WhyDisabled::Gone, WhyDisabled::LongFailure] {
        outbox.disable(&url, why, later);
        assert_eq!((outbox.news(), outbox.receiver(&url).standing), (vec![], by_hand));
    }
}

#[test]
fn a_dead_letter_of_somebody_who_hears_nothing_is_not_taken_up() {
    let letter = delivery("bot", 1, 1);
    let mut outbox = Outbox::default();
    assert!(outbox.bot_offline(&AgentId::new("bot")).is_empty());
    assert_eq!(outbox.revive(Arc::clone(&letter)), Err(Settlement::Dropped));
    outbox.bot_online(&AgentId::new("bot"), &letter.url);
    assert_eq!(outbox.revive(Arc::clone(&letter)), Ok(()));
    assert_eq!(outbox.revive(Arc::clone(&letter)), Ok(()), "twice is once");
    assert_eq!(outbox.len(), 1);
}

#[test]
fn what_waits_too_long_for_a_receiver_in_trouble_is_given_up() {
    let all = lanes("bot", BREAKER_FAILURES.into());
    let mut outbox = with(&all.iter().collect::<Vec<_>>());
    let behind = delivery("bot", 1, 2);
    assert_eq!(outbox.due(Arc::clone(&behind)), None);
    answer(&mut outbox, START, Outcome::Trouble);
    let _ = outbox.news();
    let late = START.plus(BACKLOG_AGE);
    outbox.expire(late);
    assert_eq!(outbox.news(), []);
    let probe = sent(&mut outbox, late);
    assert_eq!(probe.len(), 1);
    outbox.expire(late.plus(MINUTE));
    let given_up = settlements(outbox.news());
    assert_eq!(given_up.len(), BREAKER_FAILURES as usize, "all but the one under way");
    assert!(given_up.iter().all(|(id, how)| *id != probe[0] && *how == Settlement::Expired));
}

#[test]
fn what_means_nothing_later_takes_no_room_of_what_has_to_be_told() {
    let passing = |n| Arc::new(Delivery { passing: true, ..Delivery::clone(&delivery("bot", n, 1)) });
    let over = |id: &DeliveryId| Some(DeliveryFact::Settled { id: id.clone(), how: Settlement::Dropped });
    let many = lanes("bot", BACKLOG_PASSED as u64 - 1);
    let mut outbox = with(&many.iter().collect::<Vec<_>>());
    let (last, next) = (passing(10_001), passing(10_002));
    assert_eq!(outbox.due(Arc::clone(&last)), None);
    assert_eq!(outbox.due(Arc::clone(&next)), over(&next.id));
    assert_eq!(outbox.due(delivery("bot", 10_003, 1)), None, "a message is taken");
    // The same behind few, when their receiver is in trouble.
    let all = lanes("bot", BREAKER_FAILURES.into());
    let mut outbox = with(&all.iter().collect::<Vec<_>>());
    answer(&mut outbox, START, Outcome::Trouble);
    assert_eq!(outbox.due(Arc::clone(&next)), over(&next.id));
}

/// Calls that customers wait for, one in each of `n` chats.
fn awaited(n: u64) -> Vec<Arc<Delivery>> {
    let owner = Owner::DeskBot(AgentId::new("bot"));
    let awaited = |one: &Arc<Delivery>| {
        Arc::new(Delivery { owner: owner.clone(), awaited: true, ..Delivery::clone(one) })
    };
    lanes("bot", n).iter().map(awaited).collect()
}

#[test]
fn nobody_waits_long_for_a_bot_in_trouble_however_many_wait() {
    let all = awaited(100);
    let mut outbox = with(&all.iter().collect::<Vec<_>>());
    answer(&mut outbox, START, Outcome::Trouble);
    let _ = outbox.news();
    let (mut now, mut given_up) = (START, 0);
    while !outbox.is_empty() {
        now = now.plus(Duration::from_millis(500));
        assert!(now.since(START) <= AWAITED_PATIENCE + 2 * AWAITED_LOOK, "{} still wait", outbox.len());
        given_up += sent(&mut outbox, now).iter().fold(0, |over, id| {
            over + usize::from(matches!(outbox.done(id, Outcome::Trouble, now, 0.0), Verdict::Settled(_)))
        });
        outbox.give_up_awaited(now);
        let expired = settlements(outbox.news());
        assert!(expired.iter().all(|(_, how)| *how == Settlement::Expired));
        assert!(expired.is_empty() || now.since(START) >= AWAITED_PATIENCE);
        given_up += expired.len();
    }
    assert_eq!(given_up, 100);
}

#[test]
fn nobody_waits_for_the_end_of_a_pause_but_for_a_bot_that_is_merely_slow() {
    let (paused, slow) = (awaited(1).remove(0), awaited(2).remove(1));
    let mut outbox = with(&[&paused]);
    assert_eq!(sent(&mut outbox, START), ids([&paused]));
    let busy = Report { outcome: Outcome::Trouble, retry_after: Some(RETRY_AFTER_MAX) };
    let _ = outbox.done(&paused.id, busy, START, 0.0);
    outbox.give_up_awaited(START.plus(AWAITED_PATIENCE - Duration::from_micros(1)));
    assert_eq!(outbox.news(), []);
    outbox.give_up_awaited(START.plus(AWAITED_PATIENCE));
    assert_eq!(settlements(outbox.news()), [(paused.id.clone(), Settlement::Expired)]);

    let mut outbox = with(&[&slow]);
    outbox.give_up_awaited(START.plus(100 * AWAITED_PATIENCE));
    assert_eq!(sent(&mut outbox, START), ids([&slow]));
    // Under way it is, and tells how the receiver is.
    outbox.restore_receiver(&slow.url, &Standing { failing_since: Some(START), disabled: None });
    outbox.give_up_awaited(START.plus(200 * AWAITED_PATIENCE));
    assert_eq!((outbox.news(), outbox.len()), (vec![], 1));
}

#[test]
fn nothing_expires_while_its_receiver_answers() {
    let old = delivery("bot", 1, 1);
    let mut outbox = with(&[&old]);
    outbox.expire(START.plus(100 * BACKLOG_AGE));
    assert_eq!((outbox.news(), outbox.len()), (vec![], 1));
}

/// The long outage, in virtual time: one chat says something every ten minutes; nobody answers.
#[test]
fn a_receiver_that_fails_for_days_is_disabled_and_nothing_is_lost_without_a_word() {
    let mut outbox = Outbox::default();
    let (mut now, mut issued, mut attempts) = (START, 0_u64, 0);
    let mut over: BTreeSet<DeliveryId> = BTreeSet::new();
    let disabled_at = loop {
        if now.since(START) >= MINUTE * 10 * u32::try_from(issued).unwrap() {
            issued += 1;
            let delivery =
                Delivery { due_since: now, ..Delivery::clone(&delivery("bot", issued % 7, issued)) };
            assert_eq!(outbox.due(Arc::new(delivery)), None);
        }
        for id in sent(&mut outbox, now) {
            attempts += 1;
            if let Verdict::Settled(DeliveryFact::Settled { id, how }) =
                outbox.done(&id, Outcome::Trouble, now, 0.5)
            {
                assert_eq!(how, Settlement::Exhausted);
                assert!(over.insert(id));
            }
        }
        outbox.expire(now);
        let news = outbox.news();
        let disabled = news
            .iter()
            .any(|news| matches!(news, News::Receiver { standing, .. } if standing.disabled.is_some()));
        for (id, how) in settlements(news) {
            assert!(matches!(how, Settlement::Expired | Settlement::Disabled));
            assert!(over.insert(id), "over twice");
        }
        if disabled {
            break now;
        }
        assert!(now.since(START) <= 2 * DISABLE_AFTER, "never disabled");
        now = now.plus(MINUTE);
    };
    assert!(disabled_at.since(START) >= DISABLE_AFTER);
    assert_eq!((over.len() as u64, outbox.len()), (issued, 0), "each is over, once");
    assert!(attempts <= 5 * 24 * 60 + 100, "a dead receiver costs about one attempt a minute: {attempts}");
}

/// Five calls fail on a Friday, and another one a week later.
#[test]
fn a_quiet_receiver_is_not_disabled_for_two_bad_moments() {
    let url: Arc<str> = "http://bot/".into();
    let all = lanes("bot", BREAKER_FAILURES.into());
    let mut outbox = with(&all.iter().collect::<Vec<_>>());
    assert_eq!(answer(&mut outbox, START, Outcome::Trouble), all.len());
    assert_eq!(outbox.receiver(&url).standing.failing_since, Some(START));
    let late = START.plus(2 * DISABLE_AFTER);
    outbox.expire(late);
    let next = Delivery { due_since: late, ..Delivery::clone(&delivery("bot", 99, 1)) };
    assert_eq!(outbox.due(Arc::new(next)), None);
    let _ = outbox.news();
    assert_eq!(answer(&mut outbox, late, Outcome::Trouble), 1);
    let since_now = Standing { failing_since: Some(late), disabled: None };
    assert_eq!(outbox.news(), [News::Receiver { url, standing: since_now }]);
}

/// The same outage, but over after two days: everything arrives, each chat in its order.
#[test]
fn after_an_outage_of_two_days_everything_arrives_in_order() {
    let mut outbox = Outbox::default();
    let mut now = START;
    let mut arrived: BTreeMap<Lane, Vec<u64>> = BTreeMap::new();
    let end = START.plus(Duration::from_secs(2 * 24 * 3600));
    let mut issued = 0;
    while now < end || !outbox.is_empty() {
        if now < end && now.since(START).as_secs().is_multiple_of(1800) {
            for conversation in 0..5 {
                issued += 1;
                let delivery =
                    Delivery { due_since: now, ..Delivery::clone(&delivery("bot", conversation, issued)) };
                assert_eq!(outbox.due(Arc::new(delivery)), None);
            }
        }
        let outcome = if now < end { Outcome::Trouble } else { Outcome::Delivered };
        for id in sent(&mut outbox, now) {
            match outbox.done(&id, outcome, now, 0.9) {
                Verdict::Settled(DeliveryFact::Settled { how: Settlement::Delivered, .. }) => {
                    let lane = id.as_str().rsplit_once('-').unwrap().0.to_owned();
                    let lane = Lane { endpoint: EndpointId::new(&lane), conversation: None };
                    arrived.entry(lane).or_default().push(id.number());
                }
                Verdict::Settled(fact) => unreachable!("given up: {fact:?}"),
                _ => {}
            }
        }
        outbox.expire(now);
        assert_eq!(settlements(outbox.news()), []);
        now = now.plus(Duration::from_secs(15));
        assert!(now.since(end) < Duration::from_secs(3600) || now < end, "it takes for ever");
    }
    assert_eq!(arrived.values().map(Vec::len).sum::<usize>() as u64, issued, "nothing is lost");
    for (lane, numbers) in &arrived {
        assert!(numbers.is_sorted(), "{lane:?}: {numbers:?}");
    }
    assert_eq!(arrived.len(), 5);
}

#[test]
fn after_a_restart_a_receiver_in_trouble_is_probed_and_a_disabled_one_left_alone() {
    let all = lanes("bot", 8);
    let mut outbox = Outbox::default();
    let url: Arc<str> = "http://bot/".into();
    let failing = Standing { failing_since: Some(START), disabled: None };
    outbox.restore_receiver(&url, &failing);
    all.iter().for_each(|delivery| outbox.restore(DeliveryFact::Due(Arc::clone(delivery))));
    let probe = sent(&mut outbox, START);
    assert_eq!(probe.len(), 1);
    // The days of the earlier life count, when it goes on failing.
    let first = START.plus(DISABLE_AFTER);
    let _ = outbox.done(&probe[0], Outcome::Trouble, first, 0.0);
    assert_eq!(outbox.receiver(&url).standing, failing);
    let late = first.plus(WITNESS_TIME);
    assert_eq!(answer(&mut outbox, late, Outcome::Trouble), 1);
    let why = Some(Disabled { at: late, why: WhyDisabled::LongFailure });
    assert_eq!(outbox.receiver(&url).standing.disabled, why);

    let mut outbox = Outbox::default();
    outbox.restore_receiver(&url, &Standing { failing_since: None, disabled: why });
    assert!(outbox.due(Arc::clone(&all[0])).is_some());
    // A crash came before it was over for what it was owed.
    all.iter().for_each(|delivery| outbox.restore(DeliveryFact::Due(Arc::clone(delivery))));
    assert_eq!(sent(&mut outbox, late), []);
    outbox.bury_disabled();
    assert_eq!((settlements(outbox.news()).len(), outbox.len()), (8, 0));
}

#[test]
fn receivers_that_nobody_leads_to_are_forgotten() {
    let mut outbox = Outbox::default();
    let url: Arc<str> = "http://bot/".into();
    outbox.disable(&url, WhyDisabled::ByHand, START);
    let _ = outbox.news();
    outbox.forget_receivers(|_| true);
    assert_eq!(outbox.news(), []);
    outbox.forget_receivers(|_| false);
    assert_eq!(outbox.news(), [News::Receiver { url, standing: Standing::default() }]);
    assert_eq!(outbox.turns.remembered().count(), 0);
}
