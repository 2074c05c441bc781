//! Threads: at most one is active, the last; orders and times. Source: spec v3.0, 4.5, 5.3, 10.1
//! and 12 #9; design D1.

use super::*;

fn activate(n: u64) -> Command {
    Command::Activate(open(n, Some(assigned("ann"))))
}

fn closed() -> Chat {
    Chat::held_by("ann").after("ann", close())
}

#[test]
fn a_chat_is_activated_only_without_an_active_thread() {
    assert_eq!(Chat::held_by("ann").run("mia", activate(2)).unwrap_err(), Rejected::AlreadyActive);
    let chat = closed().after("mia", activate(2));
    let lines: Vec<_> = chat.state.thread_lines().iter().map(|l| (l.id, l.order, l.active)).collect();
    assert_eq!(lines, [(thread(1), 1, false), (thread(2), 2, true)]);
}

#[test]
fn what_needs_an_active_thread_is_refused_without_one() {
    for command in [close(), add("bob"), remove("ann", None)] {
        assert_eq!(closed().run("ann", command.clone()).unwrap_err(), Rejected::Inactive, "{command:?}");
    }
}

#[test]
fn closing_asks_for_presence_only_when_the_request_does() {
    let strict = Command::Close { require_presence: true };
    assert_eq!(Chat::held_by("ann").run("bob", strict.clone()).unwrap_err(), Rejected::NotPresent);
    Chat::held_by("ann").run("bob", close()).unwrap();
    for by in ["ann", "mia"] {
        Chat::held_by("ann").run(by, strict.clone()).unwrap();
    }
    Chat::held_by("ann").engine(strict).unwrap();
}

#[test]
fn an_event_to_an_active_thread_needs_no_policy() {
    for when_inactive in
        [WhenInactive::Refuse, WhenInactive::Attach, WhenInactive::OpenThread(thread(9), None)]
    {
        let chat = Chat::held_by("ann").after("mia", Command::Post { event: said(), when_inactive });
        assert_eq!(chat.state.thread_lines().len(), 1);
        assert_eq!(chat.events(1).len(), 2);
    }
}

#[test]
fn an_event_to_a_closed_chat_is_refused_attached_or_opens_a_thread() {
    let send = |when_inactive| Command::Post { event: said(), when_inactive };
    assert_eq!(closed().run("mia", send(WhenInactive::Refuse)).unwrap_err(), Rejected::Inactive);

    let mut chat = closed();
    let done = chat.run("mia", send(WhenInactive::Attach)).unwrap();
    assert_eq!(done.pushes(), ["event"]);
    assert!(chat.state.active_thread().is_none(), "attaching opens nothing");
    assert_eq!(chat.events(1).last().unwrap().author, Some(user("mia")));

    let mut chat = closed();
    let opens = WhenInactive::OpenThread(thread(2), Some(assigned("bob")));
    let done = chat.run("mia", send(opens)).unwrap();
    assert_eq!(done.pushes(), ["chat_started", "system"], "in place of the event's push");
    assert_eq!(chat.state.active_thread().unwrap().id, thread(2));
    assert_eq!(chat.events(2)[0].author, Some(user("mia")));
}

#[test]
fn an_event_cannot_be_attached_to_a_chat_without_threads() {
    let blank = Conversation::blank(LICENSE, ConversationId::from_random(5), 1, 1);
    let attach = Command::Post { event: said(), when_inactive: WhenInactive::Attach };
    let by = who("ann");
    let refused = blank.decide(attach, &context(Some(&by), Timestamp::default())).unwrap_err();
    assert_eq!(refused, Rejected::Inactive);
}

#[test]
fn events_are_numbered_from_one_without_gaps_in_each_thread() {
    let opening = OpenThread { events: vec![said(), said()], ..open(1, Some(assigned("ann"))) };
    let mut chat = Chat::create("mia", opening).unwrap().0;
    for by in ["ann", "mia", "bob"] {
        chat.run(by, post(note_or_said(by))).unwrap();
    }
    chat.run("ann", close()).unwrap();
    let attach = Command::Post { event: note(), when_inactive: WhenInactive::Attach };
    chat.run("ann", attach).unwrap();
    chat.run("mia", activate(2)).unwrap();
    chat.run("ann", post(said())).unwrap();
    for (n, count) in [(1, 8), (2, 2)] {
        let ids: Vec<_> = chat.events(n).iter().map(|e| (e.id.thread, e.id.order)).collect();
        assert_eq!(ids, (1..=count).map(|order| (thread(n), order)).collect::<Vec<_>>());
    }
}

fn note_or_said(by: &str) -> NewEvent {
    if by == "bob" { note() } else { said() }
}

#[test]
fn times_rise_even_when_the_clock_steps_back() {
    let opening = OpenThread { events: vec![said(), said()], ..open(1, Some(assigned("ann"))) };
    let (mut chat, done) = Chat::create("mia", opening).unwrap();
    let mut facts = done.facts;
    for (clock, by, command) in [
        (900, "ann", post(said())),
        (0, "ann", add("bob")),
        (1_000, "bob", post(note())),
        (5_000, "mia", close()),
        (100, "mia", activate(2)),
        (100, "ann", post(said())),
    ] {
        chat.clock = clock;
        facts.extend(chat.run(by, command).unwrap().facts);
    }
    let times: Vec<_> = facts.iter().map(|fact| fact.at).collect();
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
    let events: Vec<_> = [chat.events(1), chat.events(2)].concat().iter().map(|e| e.created_at).collect();
    assert!(events.is_sorted_by(|a, b| a < b), "{events:?}");
}

#[test]
fn a_chat_keeps_access_customer_and_properties_over_its_threads() {
    let mut chat = Chat::of_sales();
    chat.run("mia", close()).unwrap();
    chat.run("mia", activate(2)).unwrap();
    assert_eq!(chat.state.access(), &Access::of(SALES));
    assert_eq!(chat.state.customer(), Some(customer(1)));
    chat.run("ann", close()).unwrap();
    let wide = OpenThread { access: Some(Access::default()), ..open(3, None) };
    chat.run("ann", Command::Activate(wide)).unwrap();
    assert_eq!(chat.state.access(), &Access::default());
}

#[test]
fn only_a_creation_can_be_the_first_fact() {
    let (_, done) = Chat::create("ann", open(1, None)).unwrap();
    assert!(Conversation::born(&done.facts[0]).is_some());
    assert!(done.facts[1..].iter().all(|fact| Conversation::born(fact).is_none()));
}
