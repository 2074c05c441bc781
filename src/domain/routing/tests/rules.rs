//! Each rule of the choice, by its name.

use super::*;
use crate::routing::{AGENTS_EXPLAINED, Alert, GroupStatus, Refusal, Skipped, Verdict};

const OFFLINE: Placement = Placement::Refused(Refusal::GroupOffline);
const UNAVAILABLE: Placement = Placement::Refused(Refusal::GroupUnavailable);

#[test]
fn candidate_test() {
    type Change = fn(&mut AgentSeat);
    let cases: [(&str, Change, Placement, GroupStatus); 10] = [
        ("accepting with a slot", |_| {}, assigned("a"), GroupStatus::Online),
        ("offline", |s| s.online = false, OFFLINE, GroupStatus::Offline),
        ("not accepting or away", |s| s.accepting = false, OFFLINE, GroupStatus::Offline),
        ("in grace", |s| s.in_grace = true, queued(1), GroupStatus::OnlineForQueue),
        (
            "in grace, connection gone",
            |s| (s.in_grace, s.online) = (true, false),
            queued(1),
            GroupStatus::OnlineForQueue,
        ),
        ("limit 0 is never", |s| s.limit = 0, OFFLINE, GroupStatus::Offline),
        (
            "supervisor by default",
            |s| s.default_priority = Priority::Supervisor,
            OFFLINE,
            GroupStatus::Offline,
        ),
        (
            "own entry beats the default",
            |s| {
                s.default_priority = Priority::Supervisor;
                s.groups.insert(GroupId(0), Priority::Last);
            },
            assigned("a"),
            GroupStatus::Online,
        ),
        (
            "supervisor by entry",
            |s| {
                s.groups.insert(GroupId(0), Priority::Supervisor);
            },
            OFFLINE,
            GroupStatus::Offline,
        ),
        (
            "another group does not matter",
            |s| {
                s.groups.insert(GroupId(3), Priority::Supervisor);
            },
            assigned("a"),
            GroupStatus::Online,
        ),
    ];
    for (name, change, placement, status) in cases {
        let mut table = Table::new();
        table.agent("a", change);
        assert_eq!(table.router.group_status(GroupId(0)), status, "{name}");
        assert_eq!(table.place_in(1, &[0]), placement, "{name}");
    }
}

#[test]
fn everybody_belongs_to_group_0_and_to_no_other_unasked() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    assert_eq!(table.place_in(1, &[7]), OFFLINE);
    assert_eq!(table.place_in(1, &[]), OFFLINE);
    assert_eq!(table.place_in(1, &[7, 0]), assigned("a"));
}

#[test]
fn a_full_agent_keeps_the_group_online() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    table.with_agents(1, &["a"]);
    assert_eq!(table.router.group_status(GroupId(0)), GroupStatus::OnlineForQueue);
    assert_eq!(table.place_in(2, &[0]), queued(1));
    assert_eq!(table.place_in(3, &[0]), queued(2));
}

#[test]
fn class_goes_before_load() {
    let mut table = Table::new();
    for (name, class) in [("n", Priority::Normal), ("l", Priority::Last), ("f", Priority::First)] {
        table.agent(name, |s| (s.default_priority, s.limit) = (class, 2));
    }
    let placements: Vec<_> = (1..=7).map(|n| table.place_in(n, &[0])).collect();
    let expected = ["f", "f", "n", "n", "l", "l"].map(assigned);
    assert_eq!(placements[..6], expected);
    assert_eq!(placements[6], queued(1));
}

#[test]
fn best_class_among_the_groups_counts() {
    let mut table = Table::new();
    table.agent("a", |s| s.groups = [(GroupId(1), Priority::Last), (GroupId(2), Priority::First)].into());
    table.agent("b", |s| {
        s.groups = [(GroupId(1), Priority::Normal), (GroupId(2), Priority::Supervisor)].into();
    });
    assert_eq!(table.router.predict(&groups(&[1])), Ok(agent("b")));
    assert_eq!(table.router.predict(&groups(&[2])), Ok(agent("a")));
    assert_eq!(table.router.predict(&groups(&[1, 2])), Ok(agent("a")));
    table.agent("a", |s| s.accepting = false);
    assert_eq!(table.router.predict(&groups(&[1, 2])), Ok(agent("b")));
    assert_eq!(table.router.predict(&groups(&[2])), Err(Refusal::GroupOffline));
}

#[test]
fn smallest_load_then_longest_since_the_last_assignment_then_id() {
    let mut table = Table::new();
    for name in ["c", "a", "b"] {
        table.agent(name, |s| s.limit = 10);
    }
    table.with_agents(90, &["a"]);
    let names: Vec<_> = (1..=3).map(|n| table.place_in(n, &[0])).collect();
    // b and c are emptier than a; then all have one, and a was never assigned.
    assert_eq!(names, ["b", "c", "a"].map(assigned));
    table.closed(90);
    // All have one again; b waits longest since its last one.
    assert_eq!(table.place_in(4, &[0]), assigned("b"));
    assert_eq!(table.place_in(5, &[0]), assigned("c"));
}

#[test]
fn excluded_agents_get_nothing_but_keep_the_group_online() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    let request = PlaceRequest { exclude: vec![agent("a")], ..table.request(1, &[0]) };
    assert_eq!(table.place(request), queued(1));
    assert_eq!(table.waits(1, &[0], &["a"]), []);
    assert_eq!(table.place_in(2, &[0]), assigned("a"), "who cannot go to a is not overtaken");
    assert_eq!(table.agent("b", |_| {}), [given(1, "b")]);
}

#[test]
fn nobody_accepting_refuses_unless_continuous() {
    let mut table = Table::new();
    assert_eq!(table.place_in(1, &[0]), OFFLINE);
    let request = PlaceRequest { continuous: true, ..table.request(1, &[0]) };
    assert_eq!(table.place(request), Placement::Unassigned);
    assert_eq!(table.waits(1, &[0], &[]), []);
    assert_eq!(table.agent("a", |_| {}), [given(1, "a")]);
}

#[test]
fn manual_routing_never_assigns() {
    let manual = Settings { mode: RoutingMode::Manual, ..Settings::default() };
    let mut table = Table::with(RouterSettings { usual: manual, ..RouterSettings::default() });
    for (continuous, online, placement) in [
        (false, false, OFFLINE),
        (true, false, Placement::Unassigned),
        (false, true, Placement::Unassigned),
        (true, true, Placement::Unassigned),
    ] {
        table.agent("a", |s| s.online = online);
        let request = PlaceRequest { continuous, ..table.request(1, &[0]) };
        assert_eq!(table.place(request), placement);
        assert_eq!((table.load("a"), table.router.position(conversation(1))), (0, None));
        assert_eq!(table.waits(2, &[0], &[]), [], "also when somebody is free");
    }
    assert_eq!(table.router.predict(&groups(&[0])), Err(Refusal::GroupUnavailable));
    let now = table.tick();
    let assigns = table.router.settings_changed(RouterSettings::default(), now);
    assert_eq!(readable(&assigns), [given(2, "a")], "whoever waits is given away when routing begins");
}

#[test]
fn a_group_has_settings_of_its_own() {
    let own = |queue_limit| Settings { queue_limit, ..Settings::default() };
    let settings = RouterSettings { groups: [(GroupId(1), own(1))].into(), ..RouterSettings::default() };
    let mut table = Table::with(settings);
    table.agent("a", |s| (s.groups, s.limit) = ([(GroupId(1), Priority::Normal)].into(), 1));
    assert_eq!(table.place_in(1, &[1]), assigned("a"));
    assert_eq!([2, 3].map(|n| table.place_in(n, &[1])), [queued(1), UNAVAILABLE]);
    assert_eq!(table.place_in(4, &[0, 1]), UNAVAILABLE);
    assert_eq!([5, 6].map(|n| table.place_in(n, &[0])), [queued(1), queued(2)]);
}

#[test]
fn what_cannot_wait_is_refused_when_nobody_can_take_it_now() {
    let mut table = Table::new();
    let at_once = |table: &mut Table, n| {
        let request = PlaceRequest { at_once: true, continuous: true, ..table.request(n, &[0]) };
        table.place(request)
    };
    assert_eq!(at_once(&mut table, 1), OFFLINE);
    table.agent("a", |_| {});
    assert_eq!(at_once(&mut table, 1), assigned("a"));
    assert_eq!(at_once(&mut table, 2), UNAVAILABLE);
    table.waits(3, &[0], &[]);
    assert_eq!(at_once(&mut table, 3), UNAVAILABLE, "a place in the queue is none");
}

#[test]
fn a_named_agent_takes_it_whatever_the_group_if_there_is_a_slot() {
    let mut table = Table::new();
    let named = |table: &mut Table, n, names: &[&str]| {
        let among = names.iter().copied().map(agent).collect();
        let request = PlaceRequest { among, at_once: true, ..table.request(n, &[1]) };
        table.place(request)
    };
    table.agent("a", |s| s.default_priority = Priority::Supervisor);
    assert_eq!(named(&mut table, 1, &["ghost", "a"]), assigned("a"));
    assert_eq!(table.load("a"), 1, "the slot is kept");
    assert_eq!(named(&mut table, 2, &["a"]), OFFLINE);
    assert_eq!(named(&mut table, 1, &["a"]), assigned("a"), "its own conversation needs no other slot");
    table.agent("b", |s| s.in_grace = true);
    table.agent("c", |s| s.accepting = false);
    assert_eq!(named(&mut table, 2, &["b", "c"]), OFFLINE);
}

#[test]
fn queues_off_or_full_make_the_group_unavailable() {
    let usual = Settings { queues: false, ..Settings::default() };
    let off = RouterSettings { usual, ..RouterSettings::default() };
    let mut table = Table::with(off);
    table.agent("a", |_| {});
    assert_eq!(table.place_in(1, &[0]), assigned("a"));
    assert_eq!(table.place_in(2, &[0]), UNAVAILABLE);

    let usual = Settings { queue_limit: 2, ..Settings::default() };
    let mut table = Table::with(RouterSettings { usual, ..RouterSettings::default() });
    table.agent("a", |s| s.groups = [(GroupId(1), Priority::Normal)].into());
    let placements: Vec<_> = (1..=4).map(|n| table.place_in(n, &[0])).collect();
    assert_eq!(placements, [assigned("a"), queued(1), queued(2), UNAVAILABLE]);
    assert_eq!(table.place_in(5, &[0, 1]), UNAVAILABLE, "needs room in each of its queues");
    assert_eq!(table.place_in(5, &[1]), queued(1), "another group has its own queue");
    // Waiting by notice is the conversation's own truth.
    assert_eq!(table.waits(6, &[0], &[]), []);
    assert_eq!(table.router.position(conversation(6)), Some(3));
}

#[test]
fn first_in_first_out() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    table.with_agents(9, &["a"]);
    for n in [3, 1, 2] {
        table.waits(n, &[0], &[]);
    }
    assert_eq!([3, 1, 2].map(|n| table.router.position(conversation(n))), [Some(1), Some(2), Some(3)]);
    assert_eq!(table.closed(9), [given(3, "a")]);
    assert_eq!(table.answer(3, 1, Answer::Placed), []);
    assert_eq!(table.with_agents(3, &["a"]), []);
    assert_eq!(table.closed(3), [given(1, "a")]);
    assert_eq!(table.router.position(conversation(2)), Some(1));
}

#[test]
fn equal_times_go_by_id() {
    let mut table = Table::new();
    let since = table.tick();
    for n in [2, 1] {
        table.tell(n, &[0], &[], Some(Waiting { since, exclude: Vec::new(), team: None }));
    }
    assert_eq!(table.agent("a", |_| {}), [given(1, "a")]);
}

#[test]
fn a_newcomer_does_not_overtake() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    table.with_agents(1, &["a"]);
    // 2 was told to wait, but has not said yet that it does.
    assert_eq!(table.place_in(2, &[0]), queued(1));
    assert_eq!(table.closed(1), []);
    assert_eq!(table.place_in(3, &[0]), queued(1), "the free slot is kept for 2");
    assert_eq!(table.waits(2, &[0], &[]), [given(2, "a")]);
}

#[test]
fn every_event_that_frees_or_adds_a_slot_drains_the_queue() {
    type Event = fn(&mut Table) -> Vec<(u64, String)>;
    let cases: [(&str, Event); 9] = [
        ("thread closed", |t| t.closed(1)),
        ("agent left", |t| t.with_agents(1, &["z"])),
        ("limit raised", |t| t.agent("a", |s| s.limit = 2)),
        ("agent back from away", |t| t.agent("away", |s| s.accepting = true)),
        ("agent logged in", |t| t.agent("off", |s| s.online = true)),
        ("grace over, back", |t| t.agent("grace", |s| s.in_grace = false)),
        ("new agent", |t| t.agent("new", |_| {})),
        ("agent joined the group", |t| {
            t.agent("other", |s| {
                s.groups.insert(GroupId(0), Priority::Normal);
            })
        }),
        ("conversation moved to another group", |t| t.waits(2, &[5], &[])),
    ];
    for (name, event) in cases {
        let mut table = Table::new();
        table.agent("a", |_| {});
        table.agent("away", |s| s.accepting = false);
        table.agent("off", |s| s.online = false);
        table.agent("grace", |s| s.in_grace = true);
        table.agent("other", |s| {
            s.groups = [(GroupId(0), Priority::Supervisor), (GroupId(5), Priority::Normal)].into();
        });
        table.with_agents(1, &["a"]);
        assert_eq!(table.waits(2, &[0], &[]), [], "{name}");
        assert_eq!(event(&mut table).len(), 1, "{name}");
        assert_eq!(table.router.position(conversation(2)), None, "{name}");
    }
}

#[test]
fn one_event_may_free_several_slots() {
    let mut table = Table::new();
    for name in ["a", "b"] {
        table.agent(name, |_| {});
    }
    table.with_agents(9, &["a", "b"]);
    for n in 1..=3 {
        table.waits(n, &[0], &[]);
    }
    assert_eq!(table.closed(9), [given(1, "a"), given(2, "b")]);
    assert_eq!(table.agent("c", |s| s.limit = 5), [given(3, "c")]);
}

#[test]
fn waits_in_every_queue_of_its_groups_and_leaves_all() {
    let mut table = Table::new();
    table.waits(1, &[1], &[]);
    table.waits(2, &[1, 2], &[]);
    table.waits(3, &[2], &[]);
    assert_eq!([1, 2, 3].map(|n| table.router.position(conversation(n))), [Some(1), Some(1), Some(2)]);
    assert_eq!(table.agent("b", |s| s.groups = [(GroupId(2), Priority::Normal)].into()), [given(2, "b")]);
    assert_eq!([1, 3].map(|n| table.router.position(conversation(n))), [Some(1), Some(1)]);
    let both = [(GroupId(1), Priority::Normal), (GroupId(2), Priority::Normal)];
    assert_eq!(table.agent("c", |s| (s.groups, s.limit) = (both.into(), 2)), [given(1, "c"), given(3, "c")]);
}

#[test]
fn joining_by_hand_may_exceed_the_limit_routing_not() {
    let mut table = Table::new();
    table.agent("a", |s| s.limit = 2);
    for n in 1..=4 {
        table.with_agents(n, &["a"]);
    }
    assert_eq!(table.load("a"), 4);
    assert_eq!(table.waits(5, &[0], &[]), []);
    assert_eq!((table.closed(1), table.closed(2)), (vec![], vec![]));
    assert_eq!(table.closed(3), [given(5, "a")], "only below the limit");
    assert_eq!(table.load("a"), 2);
}

#[test]
fn a_lowered_limit_keeps_what_is_there() {
    let mut table = Table::new();
    table.agent("a", |s| s.limit = 3);
    for n in 1..=2 {
        table.with_agents(n, &["a"]);
    }
    table.agent("a", |s| s.limit = 1);
    assert_eq!((table.load("a"), table.place_in(3, &[0])), (2, queued(1)));
}

#[test]
fn planning_twice_changes_nothing() {
    let mut table = Table::new();
    table.agent("a", |s| s.limit = 2);
    table.with_agents(1, &["a"]);
    for n in 2..=5 {
        table.waits(n, &[0], &[]);
    }
    let before = format!("{:?}", table.router.queues);
    // News that brings nothing new finds nothing to give.
    assert_eq!(table.agent("a", |_| {}), []);
    assert_eq!(table.with_agents(1, &["a"]), []);
    let now = table.tick();
    assert_eq!(table.router.cancel(conversation(9), now), []);
    assert_eq!(table.router.lapse(now), []);
    assert_eq!(format!("{:?}", table.router.queues), before);
}

#[test]
fn prediction_has_no_side_effects() {
    let mut table = Table::new();
    assert_eq!(table.router.predict(&groups(&[0])), Err(Refusal::GroupOffline));
    table.agent("a", |_| {});
    assert_eq!(table.router.predict(&groups(&[0])), Ok(agent("a")));
    assert_eq!(table.router.predict(&groups(&[0])), Ok(agent("a")));
    assert_eq!((table.load("a"), table.place_in(1, &[0])), (0, assigned("a")));
    assert_eq!(table.router.predict(&groups(&[0])), Err(Refusal::GroupUnavailable));
}

#[test]
fn the_last_accepting_agent_leaves() {
    let mut table = Table::new();
    table.agent("a", |_| {});
    table.agent("s", |s| s.default_priority = Priority::Supervisor);
    table.with_agents(1, &["a"]);
    table.waits(2, &[0], &[]);
    table.place_in(3, &[0]);
    assert_eq!(table.router.take_alerts(), []);
    table.agent("a", |s| s.in_grace = true);
    assert_eq!(table.router.take_alerts(), [], "grace time is still online");
    table.agent("a", |s| (s.in_grace, s.online) = (false, false));
    let gone = Alert::AgentGone(conversation(1), agent("a"));
    assert_eq!(table.router.take_alerts(), [Alert::GroupOffline(conversation(2)), gone]);
    // The third hears it as soon as it says that it waits.
    table.waits(3, &[0], &[]);
    assert_eq!(table.router.take_alerts(), [Alert::GroupOffline(conversation(3))]);
    assert_eq!(table.router.take_alerts(), []);
}

#[test]
fn a_decision_is_explained() {
    type Change = fn(&mut AgentSeat);
    let seats: [(&str, Change); 9] = [
        ("away", |s| s.accepting = false),
        ("best", |s| s.limit = 3),
        ("busy", |_| {}),
        ("elsewhere", |s| s.groups = [(GroupId(2), Priority::First)].into()),
        ("excluded", |_| {}),
        ("grace", |s| s.in_grace = true),
        ("last", |s| s.groups = [(GroupId(1), Priority::Last)].into()),
        ("off", |s| s.online = false),
        ("super", |s| s.groups = [(GroupId(1), Priority::Supervisor)].into()),
    ];
    let mut table = Table::new();
    for (name, change) in seats {
        table.agent(name, |s| {
            s.groups = [(GroupId(1), Priority::Normal)].into();
            change(s);
        });
    }
    table.with_agents(8, &["busy"]);
    table.with_agents(9, &["best"]);
    let request = PlaceRequest { exclude: vec![agent("excluded")], ..table.request(1, &[1]) };
    let at = request.at;
    assert_eq!(table.place(request), assigned("best"));
    let explanation = table.router.explain(conversation(1)).unwrap();
    let found: Vec<_> =
        explanation.agents.iter().map(|(agent, verdict)| (agent.as_str(), verdict.clone())).collect();
    let eligible = |class, load| Verdict::Eligible { class, load, last_assigned: None };
    assert_eq!(
        found,
        [
            ("best", eligible(Priority::Normal, 1)),
            ("away", Verdict::Skipped(Skipped::NotAccepting)),
            ("busy", Verdict::Skipped(Skipped::Full { load: 1, limit: 1 })),
            ("excluded", Verdict::Skipped(Skipped::Excluded)),
            ("grace", Verdict::Skipped(Skipped::InGrace)),
            ("last", eligible(Priority::Last, 0)),
            ("off", Verdict::Skipped(Skipped::Offline)),
            ("super", Verdict::Skipped(Skipped::Supervisor)),
            ("elsewhere", Verdict::Skipped(Skipped::NotInGroup)),
        ]
    );
    assert_eq!((explanation.at, &explanation.placement, explanation.unlisted), (at, &assigned("best"), 0));
    assert_eq!(table.router.explain(conversation(2)), None);
}

#[test]
fn explanations_are_bounded() {
    let mut table = Table::new();
    for n in 0..40 {
        table.agent(&format!("{n:02}"), |s| s.groups = [(GroupId(1), Priority::Normal)].into());
    }
    assert_eq!(table.place_in(1, &[0, 1]), assigned("00"));
    let explanation = table.router.explain(conversation(1)).unwrap();
    assert_eq!((explanation.agents.len(), explanation.unlisted), (AGENTS_EXPLAINED, 40 - AGENTS_EXPLAINED));
    for n in 0..=super::super::EXPLANATIONS_KEPT as u64 {
        table.place_in(100 + n, &[9]);
    }
    assert_eq!(table.router.explain(conversation(1)), None);
    assert!(table.router.explain(conversation(101)).is_some());
}

#[test]
fn agents_who_change_places_at_once_leave_no_gap() {
    let mut table = Table::new();
    table.agent("leaves", |s| s.groups = BTreeMap::from([(GroupId(3), Priority::Normal)]));
    table.agent("comes", |_| {});
    table.with_agents(1, &["leaves"]);
    table.waits(2, &[3], &[]);
    let seat = |name: &str, priority: Priority| {
        let mut seat = table.seats[&agent(name)].clone();
        seat.groups.insert(GroupId(3), priority);
        seat.version += 1;
        seat
    };
    let seats = [seat("leaves", Priority::Supervisor), seat("comes", Priority::Normal)];
    let now = table.tick();
    let assigns = table.router.agents_changed(seats, now);
    assert_eq!(readable(&assigns), [given(2, "comes")]);
    assert_eq!(table.router.take_alerts(), [], "somebody was there all the time");
}
