//! What time alone changes. Source: spec v3.0, 10.2; design D15.

use super::*;
use crate::conversation::properties::PropertyValue;
use crate::conversation::{Deadline, Surroundings};

/// The defaults of the specification: 5, 20 and 30 minutes.
const TIMERS: Timers = Timers { unseen: 300, idle: 1_200, silent: 1_800, customer_left: 0 };

impl Chat {
    /// The next deadline, in whole seconds.
    fn next(&self) -> Option<(u64, Deadline)> {
        self.next_with(TIMERS)
    }

    fn next_with(&self, timers: Timers) -> Option<(u64, Deadline)> {
        self.next_around(Surroundings { timers, running_since: Timestamp::default(), customer_left: None })
    }

    fn next_around(&self, around: Surroundings) -> Option<(u64, Deadline)> {
        self.state.next_deadline(around).map(|(at, what)| (at.as_secs(), what))
    }

    /// Does what is due at that second.
    fn due_at(&mut self, second: u64, placement: Option<Placement>) -> Result<Done, Rejected> {
        self.clock = second - 1;
        self.engine(Command::Due { running_since: Timestamp::default(), placement })
    }

    fn idle(&self) -> bool {
        let view = self.state.chat_view().properties;
        let thread = self.state.summary().last_thread.unwrap().properties;
        let idle =
            |properties: &Properties| properties.get("routing", "idle") == Some(&PropertyValue::Bool(true));
        assert_eq!(idle(&view), idle(&thread), "the chat mirrors its thread");
        idle(&view)
    }
}

/// Ann's chat at 1000, to which Mia has spoken at 1001.
fn spoken() -> Chat {
    Chat::held_by("ann").after("mia", post(said()))
}

fn kinds(done: &Done) -> Vec<(String, String, bool)> {
    said_in(&done.facts)
}

fn said_in(facts: &[Fact]) -> Vec<(String, String, bool)> {
    let posted = facts.iter().filter_map(|fact| match &fact.change {
        Change::EventPosted(event) => Some(event),
        _ => None,
    });
    let kind = |event: &Arc<Event>| match &event.body {
        EventBody::System(m) => {
            let vars: Vec<_> = m.vars.iter().map(|(name, value)| format!("{name}={value}")).collect();
            Some((m.kind.to_string(), vars.join(" "), event.visible_to_customer()))
        }
        _ => None,
    };
    posted.filter_map(kind).collect()
}

fn one(kind: &str, vars: &str, seen: bool) -> Vec<(String, String, bool)> {
    vec![(kind.into(), vars.into(), seen)]
}

#[test]
fn the_holder_has_five_minutes_to_look() {
    assert_eq!(spoken().next(), Some((1_301, Deadline::Unseen)));
    assert_eq!(Chat::held_by("ann").next(), Some((2_200, Deadline::Idle)), "nothing to look at");
    assert_eq!(Chat::waiting().after("mia", post(said())).next(), Some((2_201, Deadline::Idle)));
    let mut early = spoken();
    assert!(early.due_at(1_300, None).unwrap().facts.is_empty());
    for (by, command) in [("ann", post(said())), ("ann", post(note())), ("ann", Command::See(None))] {
        let (at, what) = spoken().after(by, command.clone()).next().unwrap();
        assert_eq!(what, Deadline::Idle, "{command:?}");
        assert!(at >= 2_201);
    }
    let colleague = spoken().after("ann", add("bob")).after("bob", post(said()));
    assert_eq!(colleague.next(), Some((1_301, Deadline::Unseen)), "another one's look is not the holder's");
}

#[test]
fn an_impatient_customer_does_not_put_it_off() {
    let chat = spoken().after("mia", post(said())).after("mia", post(said()));
    assert_eq!(chat.next(), Some((1_301, Deadline::Unseen)), "from the first that was not seen");
    let seen = chat.after("ann", Command::See(None)).after("mia", post(said()));
    assert_eq!(seen.next(), Some((1_305, Deadline::Unseen)));
    let mut partly = spoken();
    partly.clock = 1_100;
    let partly =
        partly.after("mia", post(said())).after("ann", Command::See(Some(Timestamp::from_secs(1_050))));
    assert_eq!(partly.next(), Some((1_401, Deadline::Unseen)), "from the first that is still unseen");
}

#[test]
fn a_new_holder_has_its_own_time() {
    let mut chat = spoken();
    chat.clock = 1_200;
    chat.run("ann", transfer(to_agents(&["bob"]), true, None)).unwrap();
    assert_eq!(chat.next(), Some((1_501, Deadline::Unseen)));
    let mut waited = Chat::waiting().after("mia", post(said()));
    waited.clock = 5_000;
    waited.engine(assign("bob")).unwrap();
    assert!(waited.next().unwrap() <= (5_301, Deadline::Unseen));
    let timers = Timers { idle: 0, ..TIMERS };
    assert_eq!(waited.next_with(timers), Some((5_301, Deadline::Unseen)));
}

#[test]
fn unseen_it_goes_to_somebody_else() {
    let mut chat = spoken();
    let need = PlacementNeed { exclude: vec![agent("ann")], ..PlacementNeed::of([GroupId(0)]) };
    assert_eq!(chat.due_at(1_302, None).unwrap_err(), need.into());
    let done = chat.due_at(1_302, Some(assigned("bob"))).unwrap();
    assert_eq!((chat.state.assignment(), chat.present()), (&held("bob"), vec!["mia".into(), "bob".into()]));
    assert_eq!(done.pushes(), ["member_removed", "member_added", "system"]);
    let vars = "agent_added=bob agent_removed=ann duration=5";
    assert_eq!(kinds(&done), one("routing.assigned_inactive", vars, false));
    assert_eq!(chat.next(), Some((1_602, Deadline::Unseen)), "who has to look now");
}

#[test]
fn unseen_with_nobody_free_it_waits_and_does_not_go_back() {
    for word in [Placement::Queued { position: 1 }, Placement::Unassigned] {
        let mut chat = spoken();
        let done = chat.due_at(1_302, Some(word)).unwrap();
        assert_eq!(kinds(&done), one("routing.unassigned", "agent=ann duration=5", true));
        assert_eq!(chat.present(), ["mia"]);
        let waiting = chat.state.seat().waiting.unwrap();
        assert_eq!(waiting.exclude, [agent("ann")]);
        let back = chat.after("ann", post(said()));
        assert_eq!(back.state.assignment(), &held("ann"), "by hand, it does");
    }
}

#[test]
fn unseen_with_nobody_free_and_no_queue_it_ends() {
    let mut chat = spoken();
    let done = chat.due_at(1_302, Some(Placement::Refused(Refusal::GroupUnavailable))).unwrap();
    assert_eq!(kinds(&done), one("routing.archived_inactive", "duration=5", true));
    assert!(chat.state.active_thread().is_none());
}

#[test]
fn unseen_a_colleague_who_is_there_takes_over_without_the_router() {
    let mut chat = spoken().after("ann", add("bob"));
    let done = chat.due_at(1_302, None).unwrap();
    assert_eq!((chat.state.assignment(), chat.present()), (&held("bob"), vec!["mia".into(), "bob".into()]));
    assert_eq!(kinds(&done)[0].0, "routing.assigned_inactive");
}

#[test]
fn a_look_that_comes_while_the_router_is_asked_is_in_time() {
    let mut chat = spoken();
    assert!(matches!(chat.due_at(1_302, None), Err(Rejected::NeedsPlacement(_))));
    chat.run("ann", Command::See(None)).unwrap();
    assert!(chat.due_at(1_303, Some(assigned("bob"))).unwrap().facts.is_empty());
    assert_eq!(chat.state.assignment(), &held("ann"));
}

#[test]
fn the_time_that_we_were_down_is_not_the_holders() {
    let chat = spoken();
    let since = |second| {
        let running_since = Timestamp::from_secs(second);
        chat.next_around(Surroundings { timers: TIMERS, running_since, customer_left: None })
    };
    assert_eq!(since(1_200), Some((1_500, Deadline::Unseen)));
    let mut seen = chat.clone().after("ann", Command::See(None));
    seen.clock = 90_000;
    let done = seen.engine(Command::Due { running_since: Timestamp::from_secs(89_999), placement: None });
    assert_eq!(kinds(&done.unwrap())[0].0, "routing.idle", "silence goes on");
}

#[test]
fn after_twenty_minutes_it_is_idle_until_something_is_said() {
    let mut chat = spoken().after("ann", Command::See(None));
    let done = chat.due_at(2_202, None).unwrap();
    assert_eq!(kinds(&done), one("routing.idle", "duration=20", true));
    assert!(chat.idle());
    assert_eq!(chat.next(), Some((2_801, Deadline::Silent)), "once");
    let annotation = EventBody::Annotation { kind: "rating".into(), text: None };
    for said in [event(Visibility::All, annotation), note()] {
        let prolongs = said == note();
        let talked = chat.clone().after("ann", post(said));
        assert_eq!(talked.idle(), !prolongs);
        assert_eq!(talked.next().unwrap().1 == Deadline::Idle, prolongs);
    }
}

#[test]
fn seen_and_silent_for_thirty_minutes_it_ends() {
    let mut chat = spoken().after("ann", Command::See(None));
    chat.due_at(2_202, None).unwrap();
    let done = chat.due_at(2_802, None).unwrap();
    assert_eq!(done.pushes(), ["system", "thread_closed"]);
    assert_eq!(kinds(&done), one("routing.archived_inactive", "duration=30", true));
    assert!(matches!(done.told("thread_closed").push, Push::ThreadClosed { by: None, .. }));
    assert_eq!((chat.next(), chat.idle()), (None, false));
}

#[test]
fn who_waits_or_was_not_seen_never_ends_for_silence() {
    let timers = Timers { unseen: 0, idle: 0, ..TIMERS };
    assert_eq!(Chat::waiting().after("mia", post(said())).next_with(timers), None);
    assert_eq!(spoken().next_with(timers), None);
    assert_eq!(spoken().after("ann", Command::See(None)).next_with(timers), Some((2_801, Deadline::Silent)));
}

#[test]
fn zero_switches_a_timer_off() {
    let off = Timers { unseen: 0, idle: 0, silent: 0, customer_left: 0 };
    for chat in [spoken(), spoken().after("ann", Command::See(None)), Chat::waiting()] {
        assert_eq!(chat.next_with(off), None);
        assert_eq!(chat.next_around(left(off, 2_000)), None);
    }
    assert_eq!(spoken().next_with(Timers { unseen: 0, ..TIMERS }), Some((2_201, Deadline::Idle)));
}

#[test]
fn a_new_thread_begins_its_own_time() {
    let closed = spoken().after("ann", close());
    assert_eq!(closed.next(), None);
    let mut again = closed;
    again.clock = 9_000;
    let opening = OpenThread { events: vec![said()], ..open(2, Some(assigned("bob"))) };
    let again = again.after("mia", Command::Activate(opening));
    assert_eq!(again.next(), Some((9_301, Deadline::Unseen)));
}

#[test]
fn a_head_from_before_there_were_timers_counts_from_its_last_activity() {
    let mut chat = spoken();
    chat.state.pulse = Default::default();
    assert_eq!(chat.next(), Some((2_201, Deadline::Idle)));
}

/// The customer left at that second.
fn left(timers: Timers, second: u64) -> Surroundings {
    let customer_left = Some(Timestamp::from_secs(second));
    Surroundings { timers, running_since: Timestamp::default(), customer_left }
}

const MINUTE: Timers = Timers { unseen: 0, idle: 0, silent: 0, customer_left: 60 };

#[test]
fn a_chat_whose_customer_does_not_come_back_ends_whoever_holds_it() {
    for chat in [spoken(), Chat::waiting()] {
        let gone = Timed { timers: MINUTE, customer_left: Some(Timestamp::from_secs(2_000)) };
        let due = |second| {
            let cx = Context { license: &gone, ..context(None, Timestamp::from_secs(second)) };
            let command = Command::Due { running_since: Timestamp::default(), placement: None };
            chat.state.decide(command, &cx).unwrap().facts
        };
        assert!(due(2_059).is_empty(), "a minute to come back");
        let facts = due(2_060);
        assert_eq!(said_in(&facts), one("archived_customer_disconnected", "customer=mia", false));
        assert!(matches!(facts[1].change, Change::ThreadClosed { by: None }));
    }
}

#[test]
fn only_a_customer_who_was_there_can_leave_and_one_who_writes_is_not_gone() {
    let after = |chat: &Chat, around| chat.next_around(around).map(|(at, _)| at);
    let chat = spoken();
    assert_eq!(after(&chat, left(MINUTE, 2_000)), Some(2_060));
    assert_eq!(after(&chat, left(MINUTE, 999)), None, "it was not there when the thread began");
    let wrote = {
        let mut chat = chat.clone();
        chat.clock = 2_029;
        chat.after("mia", post(said()))
    };
    assert_eq!(after(&wrote, left(MINUTE, 2_000)), Some(2_090));
    let down = Surroundings { running_since: Timestamp::from_secs(5_000), ..left(MINUTE, 0) };
    assert_eq!(after(&chat, down), Some(5_060), "nobody could come back while we were down");
    let closed = chat.after("ann", close());
    assert_eq!(after(&closed, left(MINUTE, 2_000)), None);
}
