//! Promises: reservations, offers, answers, lapses, late and repeated news.

use super::*;
use crate::routing::{Alert, DEFAULT_LAPSE, Refusal};

#[test]
fn placing_again_answers_the_reservation() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    table.agent("b", |_| {});
    assert_eq!(table.place_in(1, &[0]), assigned("a"));
    assert_eq!(table.place_in(1, &[0]), assigned("a"));
    assert_eq!((table.load("a"), table.load("b")), (1, 0));
    table.place_in(2, &[0]);
    assert_eq!([3, 4, 3].map(|n| table.place_in(n, &[0])), [queued(1), queued(2), queued(1)]);
}

#[test]
fn placing_with_another_wish_replaces_the_reservation() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    table.agent("b", |s| {
        s.groups = [(GroupId(1), Priority::Normal), (GroupId(0), Priority::Supervisor)].into();
    });
    assert_eq!(table.place_in(1, &[0]), assigned("a"));
    assert_eq!(table.waits(2, &[0], &[]), []);
    let request = table.request(1, &[1]);
    let (placement, assigns) = table.router.place(request);
    assert_eq!((placement, readable(&assigns)), (assigned("b"), vec![given(2, "a")]));

    // A refused wish leaves everything as it was.
    let refused = table.place_in(1, &[8]);
    assert_eq!((refused, table.load("b")), (Placement::Refused(Refusal::GroupOffline), 1));
}

#[test]
fn a_reservation_is_replaced_when_its_agent_went() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    assert_eq!(table.place_in(1, &[0]), assigned("a"));
    table.agent("a", |s| s.accepting = false);
    table.agent("b", |_| {});
    assert_eq!(table.place_in(1, &[0]), assigned("b"));
    assert_eq!((table.load("a"), table.load("b")), (0, 1));
}

#[test]
fn a_notice_confirms_the_reservation() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    table.place_in(1, &[0]);
    assert_eq!(table.router.next_deadline(), Some(table.now.plus(DEFAULT_LAPSE)));
    table.with_agents(1, &["a"]);
    assert_eq!(table.router.next_deadline(), None);
    let now = table.tick();
    assert_eq!(table.router.cancel(conversation(1), now), [], "confirmed is no longer reserved");
    assert_eq!(table.load("a"), 1);
}

#[test]
fn a_notice_that_does_not_know_of_the_promise_leaves_it() {
    let mut table = Table::new();
    table.agent("a", |s| s.limit = 2);
    table.agent("b", |s| s.default_priority = Priority::Last);
    table.with_agents(1, &["b"]);
    let request = PlaceRequest { exclude: vec![agent("b")], ..table.request(1, &[0]) };
    assert_eq!(table.place(request), assigned("a"));
    for present in [&["b"][..], &[]] {
        table.with_agents(1, present);
        assert_eq!(table.load("a"), 1, "sent before the transfer");
    }
    table.with_agents(1, &["a"]);
    assert_eq!((table.load("a"), table.load("b"), table.router.next_deadline()), (1, 0, None));
}

#[test]
fn cancel_gives_the_slot_to_the_next() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    table.place_in(1, &[0]);
    table.waits(2, &[0], &[]);
    let now = table.tick();
    assert_eq!(readable(&table.router.cancel(conversation(1), now)), [given(2, "a")]);
    assert_eq!(table.router.cancel(conversation(1), now), []);
    assert_eq!(table.router.cancel(conversation(2), now), [], "an offer is answered, not cancelled");
    assert_eq!(table.load("a"), 1);
}

#[test]
fn an_overdue_reservation_lapses() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    table.place_in(1, &[0]);
    let due = table.router.next_deadline().unwrap();
    table.waits(2, &[0], &[]);
    assert_eq!(table.router.lapse(Timestamp::from_micros(due.as_micros() - 1)), []);
    assert_eq!(readable(&table.router.lapse(due)), [given(2, "a")]);
    assert_eq!(table.load("a"), 1);
}

#[test]
fn an_overdue_offer_is_made_again() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    assert_eq!(table.waits(1, &[0], &[]), [given(1, "a")]);
    let due = table.router.next_deadline().unwrap();
    let again = table.router.lapse(due);
    assert_eq!((readable(&again), again[0].ticket), (vec![given(1, "a")], 2));
    assert_eq!(table.answer(1, 1, Answer::Refused), [], "late: that ticket is void");
    assert_eq!(table.load("a"), 1);
}

#[test]
fn a_placed_offer_holds_until_the_notice() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    table.waits(1, &[0], &[]);
    table.waits(2, &[0], &[]);
    assert_eq!(table.answer(1, 1, Answer::Placed), []);
    assert_eq!(table.load("a"), 1);
    assert_eq!(table.closed(1), [given(2, "a")], "after the answer the next notice has the last word");
}

#[test]
fn a_refused_offer_frees_the_slot_and_is_not_repeated() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    assert_eq!(table.waits(1, &[0], &[]), [given(1, "a")]);
    table.waits(2, &[0], &[]);
    assert_eq!(table.answer(1, 1, Answer::Refused), [given(2, "a")]);
    assert_eq!(table.answer(2, 2, Answer::Refused), []);
    assert_eq!(table.load("a"), 0);
    assert_eq!(table.agent("a", |s| s.limit = 5), [], "nothing new from the conversations");
    assert_eq!(table.agent("b", |_| {}), [given(1, "b")], "another agent is another offer");
    assert_eq!(table.waits(2, &[0], &[]), [given(2, "a")], "it still waits, so it says");
}

#[test]
fn a_refusal_is_forgotten_with_the_conversation() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    assert_eq!(table.waits(1, &[0], &[]), [given(1, "a")]);
    table.closed(1);
    assert_eq!(table.answer(1, 1, Answer::Refused), []);
    assert_eq!(table.place_in(1, &[0]), assigned("a"), "resumed, it starts afresh");
}

#[test]
fn late_and_repeated_news_do_no_harm() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    let old = table.seats[&agent("a")].clone();
    table.agent("a", |s| s.online = false);
    let now = table.tick();
    for seat in [old, table.seats[&agent("a")].clone()] {
        assert_eq!(table.router.agent_changed(seat, now), []);
        assert_eq!(table.router.predict(&groups(&[0])), Err(Refusal::GroupOffline));
    }
    table.with_agents(1, &["a"]);
    let version = table.version;
    let seat = |version| ConversationSeat {
        conversation: conversation(1),
        version,
        groups: groups(&[0]),
        present: vec![agent("a")],
        waiting: None,
        asking: false,
    };
    table.closed(1);
    assert_eq!(table.router.conversation_changed(seat(version), now), []);
    assert_eq!(table.load("a"), 0, "a closed conversation does not come back by old news");
    assert_eq!(table.router.conversation_changed(seat(version + 2), now), []);
    assert_eq!(table.load("a"), 1, "but by newer ones");
}

#[test]
fn load_is_known_before_the_agent_and_after_it() {
    let mut table = Table::new();
    table.with_agents(1, &["a"]);
    let came = Alert::CameGone(conversation(1), agent("a"));
    assert_eq!(table.router.take_alerts(), [came], "the conversation knows whether that is news");
    table.agent("a", |_| {});
    assert_eq!(table.place_in(2, &[0]), queued(1));
    let now = table.tick();
    assert_eq!(table.router.agent_removed(&agent("a"), now), []);
    assert_eq!(table.router.take_alerts(), [Alert::AgentGone(conversation(1), agent("a"))]);
    assert_eq!(table.router.conversations_of(&agent("a")).collect::<Vec<_>>(), [conversation(1)]);
    table.closed(1);
    assert_eq!(table.load("a"), 0);
    assert_eq!(table.router.agent_removed(&agent("a"), now), []);
}

#[test]
fn an_agent_that_went_while_it_was_promised_is_told() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    table.place_in(1, &[0]);
    table.agent("a", |s| s.online = false);
    assert_eq!(table.router.take_alerts(), []);
    table.with_agents(1, &["a"]);
    assert_eq!(table.router.take_alerts(), [Alert::AgentGone(conversation(1), agent("a"))]);
}

#[test]
fn a_slot_kept_for_a_conversation_to_come() {
    let waiting_for_a = || {
        let mut table = Table::new();
        table.agent("a", |_| {});
        table.with_agents(1, &["a"]);
        assert_eq!(table.place_in(2, &[0]), queued(1));
        assert_eq!(table.closed(1), []);
        assert_eq!(table.load("a"), 1);
        table
    };
    let mut table = waiting_for_a();
    assert_eq!(table.waits(2, &[0], &["a"]), [], "not wanted any more");
    assert_eq!(table.load("a"), 0);

    let mut table = waiting_for_a();
    assert_eq!(table.place_in(2, &[0]), assigned("a"), "asked again, it is told");
    assert_eq!(table.waits(2, &[0], &[]), [], "whoever was told brings it");
    assert_eq!(table.load("a"), 1);

    let mut table = waiting_for_a();
    assert_eq!(table.agent("a", |s| s.accepting = false), [], "the agent does not take it any more");
    assert_eq!((table.load("a"), table.router.position(conversation(2))), (0, Some(1)));
    assert_eq!(table.agent("b", |_| {}), []);
    assert_eq!(table.waits(2, &[0], &[]), [given(2, "b")]);

    let mut table = waiting_for_a();
    table.waits(3, &[0], &[]);
    let due = table.router.next_deadline().unwrap();
    assert_eq!(readable(&table.router.lapse(due)), [given(3, "a")], "it never came");
}

#[test]
fn an_outstanding_offer_that_suits_is_the_answer_to_place() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    assert_eq!(table.waits(1, &[0], &[]), [given(1, "a")]);
    assert_eq!(table.place_in(1, &[0]), assigned("a"));
    assert_eq!(table.load("a"), 1);
    // One that does not suit keeps its slot until it is answered, for the conversation may take it.
    table.agent("b", |s| s.groups = [(GroupId(1), Priority::Normal)].into());
    assert_eq!(table.place_in(1, &[1]), assigned("b"));
    assert_eq!((table.load("a"), table.load("b")), (1, 1));
    assert_eq!(table.with_agents(1, &["b"]), []);
    assert_eq!(table.answer(1, 1, Answer::Refused), []);
    assert_eq!((table.load("a"), table.load("b"), table.router.next_deadline()), (0, 1, None));
}

#[test]
fn a_promise_stands_while_the_conversation_still_asks() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    assert_eq!(table.place_in(1, &[0]), assigned("a"));
    // Before it hears, the agent opens it by hand and somebody closes it again.
    for present in [&["a"][..], &[]] {
        table.version += 1;
        let seat = ConversationSeat {
            conversation: conversation(1),
            version: table.version,
            groups: groups(&[0]),
            present: present.iter().copied().map(agent).collect(),
            waiting: None,
            asking: true,
        };
        let now = table.tick();
        assert_eq!(table.router.conversation_changed(seat, now), []);
        assert_eq!(table.load("a"), 1, "what it was promised is still to be used");
    }
    assert_eq!(table.with_agents(1, &["a"]), []);
    assert_eq!(table.router.next_deadline(), None);
}

#[test]
fn changed_settings_hold_for_the_next_decision() {
    let mut table = Table::new();
    table.agent("a", |s| s.in_grace = true);
    assert_eq!(table.place_in(1, &[0]), queued(1));
    let usual = Settings { queues: false, ..Settings::default() };
    let (off, now) = (RouterSettings { usual, ..RouterSettings::default() }, table.tick());
    assert_eq!(table.router.settings_changed(off, now), []);
    assert_eq!(table.place_in(2, &[0]), Placement::Refused(Refusal::GroupUnavailable));
    assert_eq!(table.place_in(1, &[0]), queued(1), "whoever waits goes on waiting");
}
