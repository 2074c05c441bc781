//! An agent's share of a group.

use super::super::{Skipped, Verdict};
use super::*;

/// Two of group 1 for one agent, and nothing said of other groups.
fn two_of_group_1() -> RouterSettings {
    RouterSettings { per_agent: [(GroupId(1), 2)].into(), ..RouterSettings::default() }
}

fn with_room(seat: &mut AgentSeat) {
    seat.limit = 10;
    seat.groups = [(GroupId(1), Priority::Normal), (GroupId(2), Priority::Normal)].into();
}

fn in_group(table: &mut Table, n: u64, group: u32, present: &[&str]) -> Vec<(u64, String)> {
    readable(&table.tell(n, &[group], present, None))
}

#[test]
fn an_agent_gets_its_share_of_a_group_and_goes_on_with_others() {
    let mut table = Table::with(two_of_group_1());
    table.agent("ann", with_room);
    for n in 1..=2 {
        assert_eq!(table.place_in(n, &[1]), assigned("ann"));
    }
    assert_eq!(table.place_in(3, &[1]), queued(1));
    assert_eq!(table.place_in(4, &[2]), assigned("ann"));
    // Of both groups: it would count in the bounded one.
    assert_eq!(table.place_in(5, &[1, 2]), queued(1));
    let explanation = table.router.explain(conversation(3)).unwrap();
    let full = Skipped::FullInGroup { group: GroupId(1), load: 2, limit: 2 };
    assert_eq!(explanation.agents, [(agent("ann"), Verdict::Skipped(full))]);
    assert_eq!(table.router.predict(&groups(&[1])), Err(super::super::Refusal::GroupUnavailable));
    assert_eq!(table.router.predict(&groups(&[2])), Ok(agent("ann")));
}

#[test]
fn whoever_waits_for_a_share_gets_the_next_one_in_order() {
    let mut table = Table::with(two_of_group_1());
    table.agent("ann", with_room);
    in_group(&mut table, 1, 1, &["ann"]);
    in_group(&mut table, 2, 1, &["ann"]);
    assert_eq!(table.waits(3, &[1], &[]), []);
    assert_eq!(table.waits(4, &[2], &[]), [given(4, "ann")], "overtakes one that nobody may have");
    assert_eq!(table.waits(5, &[1], &[]), []);
    assert_eq!(in_group(&mut table, 1, 1, &[]), [given(3, "ann")]);
    // It moves to another group and stays with the agent: that frees a share as well.
    assert_eq!(in_group(&mut table, 2, 2, &["ann"]), [given(5, "ann")]);
}

#[test]
fn by_hand_an_agent_may_have_more_than_its_share() {
    let mut table = Table::with(two_of_group_1());
    table.agent("ann", with_room);
    for n in 1..=3 {
        in_group(&mut table, n, 1, &["ann"]);
    }
    assert_eq!(table.load("ann"), 3);
    assert_eq!(table.waits(4, &[1], &[]), []);
    assert_eq!(in_group(&mut table, 1, 1, &[]), [], "two are still a full share");
    assert_eq!(in_group(&mut table, 2, 1, &[]), [given(4, "ann")]);
}

#[test]
fn a_promise_moves_to_another_group_only_where_there_is_a_share() {
    let mut table = Table::with(two_of_group_1());
    table.agent("ann", with_room);
    assert_eq!(table.place_in(9, &[2]), assigned("ann"));
    in_group(&mut table, 1, 1, &["ann"]);
    in_group(&mut table, 2, 1, &["ann"]);
    assert_eq!(table.place_in(9, &[1]), queued(1), "promised for group 2, and asked for group 1");
}

#[test]
fn a_changed_share_holds_at_once() {
    let mut table = Table::with(two_of_group_1());
    table.agent("ann", with_room);
    for n in 1..=2 {
        in_group(&mut table, n, 1, &["ann"]);
    }
    for n in 3..=4 {
        table.waits(n, &[1], &[]);
    }
    let now = table.tick();
    let wider = RouterSettings { per_agent: [(GroupId(1), 3)].into(), ..RouterSettings::default() };
    assert_eq!(readable(&table.router.settings_changed(wider, now)), [given(3, "ann")]);
    let none = RouterSettings::default();
    assert_eq!(readable(&table.router.settings_changed(none, now)), [given(4, "ann")]);
    // Bounded again: what it has by then counts.
    assert_eq!(table.router.settings_changed(two_of_group_1(), now), []);
    assert_eq!(table.waits(5, &[1], &[]), []);
}

#[test]
fn a_promise_that_leaves_a_group_leaves_its_share_to_who_waits() {
    let mut table = Table::with(RouterSettings { per_agent: [(GroupId(1), 1)].into(), ..two_of_group_1() });
    table.agent("ann", with_room);
    assert_eq!(table.place_in(3, &[1]), assigned("ann"));
    assert_eq!(table.waits(4, &[1], &[]), []);
    let elsewhere = table.request(3, &[2]);
    let (placement, assigns) = table.router.place(elsewhere);
    assert_eq!((placement, readable(&assigns)), (assigned("ann"), vec![given(4, "ann")]));
}

#[test]
fn a_teams_conversation_goes_to_its_members_only() {
    let team = |members: &[&str]| (4, members.iter().copied().map(agent).collect());
    let mut table =
        Table::with(RouterSettings { teams: [team(&["bob"])].into(), ..RouterSettings::default() });
    table.agent("ann", with_room);
    let asked = PlaceRequest { team: Some(4), ..table.request(1, &[1]) };
    assert_eq!(table.place(asked.clone()), queued(1), "ann would have room");
    let verdicts = &table.router.explain(conversation(1)).unwrap().agents;
    assert_eq!(*verdicts, [(agent("ann"), Verdict::Skipped(Skipped::NotInTeam))]);
    let waiting = Waiting { since: asked.at, exclude: Vec::new(), team: Some(4) };
    assert_eq!(table.tell(1, &[1], &[], Some(waiting.clone())), []);
    assert_eq!(table.waits(2, &[1], &[]), [given(2, "ann")], "overtakes one that she may not have");
    assert_eq!(table.agent("bob", with_room), [given(1, "bob")]);
    // One that waits and gets a team, or loses it, is another's from then on.
    table.agent("bob", |seat| seat.accepting = false);
    let other = Waiting { since: table.tick(), ..waiting };
    assert_eq!(table.tell(3, &[1], &[], Some(other.clone())), []);
    let now = table.tick();
    let both = RouterSettings { teams: [team(&["ann", "bob"])].into(), ..RouterSettings::default() };
    assert_eq!(readable(&table.router.settings_changed(both, now)), [given(3, "ann")]);
    // A team that nobody knows bounds nothing.
    let unknown = Waiting { team: Some(9), ..other };
    assert_eq!(readable(&table.tell(5, &[1], &[], Some(unknown))), [given(5, "ann")]);
}
