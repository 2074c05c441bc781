//! Handing a chat over. Source: spec v3.0, 5.2, 8.1, 8.2 and 10.3.
#![expect(clippy::panic, reason = "a test may fail loudly")]

use super::*;
use crate::limits::AGENTS_PER_TRANSFER;

fn need(groups: &[u32], exclude: &[&str], among: &[&str], at_once: bool) -> Rejected {
    PlacementNeed {
        exclude: exclude.iter().copied().map(agent).collect(),
        among: among.iter().copied().map(agent).collect(),
        at_once,
        ..PlacementNeed::of(groups.iter().copied().map(GroupId))
    }
    .into()
}

fn said(done: &Done) -> Vec<String> {
    let posted = done.told.iter().filter_map(|told| match &told.push {
        Push::EventPosted { event, .. } => Some(event),
        _ => None,
    });
    let said = posted.filter_map(|event| match &event.body {
        EventBody::System(m) => {
            let vars: Vec<_> = m.vars.iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert!(event.visible_to_customer());
            Some(format!("{} {}", m.kind, vars.join(" ")).trim_end().to_owned())
        }
        _ => None,
    });
    said.collect()
}

#[test]
fn to_agents_they_join_and_the_earlier_ones_leave() {
    let mut chat = Chat::held_by("ann").after("ann", add("bot"));
    let to = || to_agents(&["bob", "eve"]);
    assert_eq!(
        chat.run("ann", transfer(to(), false, None)).unwrap_err(),
        need(&[0], &[], &["bob", "eve"], true)
    );
    let done = chat.run("ann", transfer(to(), false, Some(assigned("eve")))).unwrap();
    assert_eq!(chat.state.assignment(), &held("eve"), "whom the router found free");
    assert_eq!(chat.present(), ["mia", "bob", "eve"]);
    let pushes =
        ["transferred", "member_removed", "member_removed", "member_added", "member_added", "system"];
    assert_eq!(done.pushes(), pushes);
    assert_eq!(done.main(), ["transferred"]);
    assert_eq!(said(&done), ["chat_transferred initiator=ann targets=bob, eve"]);
    let Push::Transferred { by, to: told, .. } = &done.told("transferred").push else { panic!() };
    assert_eq!((by, told), (&Some(user("ann")), &to()));
}

#[test]
fn who_is_there_already_stays() {
    let mut chat = Chat::held_by("ann").after("ann", add("bob"));
    let done = chat.run("ann", transfer(to_agents(&["bob"]), true, None)).unwrap();
    assert_eq!((chat.state.assignment(), chat.present()), (&held("bob"), vec!["mia".into(), "bob".into()]));
    assert_eq!(done.pushes(), ["transferred", "member_removed", "system"]);
}

#[test]
fn without_force_somebody_has_to_be_free() {
    for refusal in [Refusal::GroupOffline, Refusal::GroupUnavailable] {
        for to in [to_agents(&["bob"]), to_groups(&[1]), TransferTarget::Within] {
            let mut chat = Chat::held_by("ann");
            let before = chat.state.clone();
            let refused = chat.run("ann", transfer(to, false, Some(Placement::Refused(refusal))));
            assert_eq!(refused.unwrap_err(), Rejected::NobodyFree);
            assert_eq!(chat.state, before);
        }
    }
}

#[test]
fn by_force_the_named_agents_have_it_without_asking() {
    let mut chat = Chat::held_by("ann");
    chat.run("ann", transfer(to_agents(&["bob", "eve"]), true, None)).unwrap();
    assert_eq!(chat.state.assignment(), &held("bob"));
    assert_eq!(chat.present(), ["mia", "bob", "eve"]);
}

#[test]
fn to_groups_access_becomes_those_and_routing_assigns() {
    let mut chat = Chat::of_sales().after("ann", add("ann"));
    let to = || to_groups(&[2]);
    assert_eq!(chat.run("ann", transfer(to(), false, None)).unwrap_err(), need(&[2], &["ann"], &[], true));
    let done = chat.run("ann", transfer(to(), false, Some(assigned("bob")))).unwrap();
    assert_eq!(chat.state.access(), &Access::of(GroupId(2)));
    assert_eq!((chat.state.assignment(), chat.present()), (&held("bob"), vec!["mia".into(), "bob".into()]));
    let pushes = ["transferred", "access_changed", "member_removed", "member_added", "system", "system"];
    assert_eq!(done.pushes(), pushes);
    assert_eq!(said(&done), ["chat_transferred initiator=ann targets=support", "routing.assigned agent=bob"]);
    for name in ["transferred", "access_changed"] {
        let to = &done.told(name).to;
        assert_eq!(to.groups, [GroupId(2), SALES], "{name} is told before and after");
        assert_eq!((to.customer, to.agents.as_slice()), (Some(customer(1)), &[agent("ann")][..]));
    }
}

#[test]
fn by_force_a_group_may_keep_it_waiting() {
    for (word, wanted) in [
        (Placement::Queued { position: 1 }, "queued"),
        (Placement::Unassigned, "unassigned"),
        (Placement::Refused(Refusal::GroupUnavailable), "unassigned"),
    ] {
        let mut chat = Chat::held_by("ann");
        assert_eq!(
            chat.run("ann", transfer(to_groups(&[1]), true, None)).unwrap_err(),
            need(&[1], &["ann"], &[], false)
        );
        let done = chat.run("ann", transfer(to_groups(&[1]), true, Some(word))).unwrap();
        let waits = match chat.state.assignment() {
            Assignment::Queued(_) => "queued",
            Assignment::Unassigned(_) => "unassigned",
            other => panic!("{other:?}"),
        };
        assert_eq!((waits, chat.present()), (wanted, vec!["mia".into()]));
        assert_eq!(said(&done), ["chat_transferred initiator=ann targets=sales", "routing.unassigned"]);
        let waiting = chat.state.seat().waiting.unwrap();
        assert_eq!(waiting.exclude, [agent("ann")], "it is not given back at once");
    }
}

#[test]
fn inside_its_groups_it_goes_to_somebody_else() {
    let mut chat = Chat::of_sales().after("ann", add("ann"));
    assert_eq!(
        chat.run("ann", transfer(TransferTarget::Within, false, None)).unwrap_err(),
        need(&[1], &["ann"], &[], true)
    );
    let done = chat.run("ann", transfer(TransferTarget::Within, false, Some(assigned("eve")))).unwrap();
    assert_eq!((chat.state.assignment(), chat.present()), (&held("eve"), vec!["mia".into(), "eve".into()]));
    assert_eq!(said(&done), ["chat_transferred initiator=ann targets=sales", "routing.assigned agent=eve"]);
    assert!(!done.pushes().contains(&"access_changed"));
    let Push::Transferred { to, .. } = &done.told("transferred").push else { panic!() };
    assert_eq!(to, &to_groups(&[1]), "others are told which groups");
    // A chat that waits since somebody let go of it does not go back to them either.
    let mut left = Chat::held_by("ann").after("ann", remove("ann", Some(Placement::Unassigned)));
    assert_eq!(
        left.run("bob", transfer(TransferTarget::Within, false, None)).unwrap_err(),
        need(&[0], &["ann"], &[], true)
    );
}

#[test]
fn access_is_widened_by_an_agent_who_has_none() {
    for (name, widened) in [("eve", false), ("bob", true), ("bot", true)] {
        let mut chat = Chat::of_sales().after("ann", add("ann"));
        let done = chat.run("ann", transfer(to_agents(&[name]), true, None)).unwrap();
        let access = chat.state.access();
        assert!(access.groups.iter().eq(&[SALES]));
        assert_eq!(access.agents.contains(&agent(name)), widened, "{name}");
        assert_eq!(done.pushes().contains(&"access_changed"), widened, "{name}");
    }
}

#[test]
fn each_refusal_has_its_reason() {
    let missing = Rejected::NotFound(Resource::User);
    let run = |chat: &mut Chat, by, to| chat.run(by, transfer(to, true, None)).unwrap_err();
    let mut chat = Chat::held_by("ann");
    assert_eq!(run(&mut chat, "ann", to_agents(&["bob", "ghost"])), missing);
    assert_eq!(run(&mut chat, "ann", to_groups(&[1, 9])), Rejected::GroupNotFound(GroupId(9)));
    let many: Vec<_> = (0..=AGENTS_PER_TRANSFER).map(|n| n.to_string()).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for to in
        [to_agents(&[]), to_groups(&[]), to_agents(&["bob", "bob"]), to_groups(&[1, 1]), to_agents(&many)]
    {
        let refused = run(&mut chat, "ann", to);
        assert!(matches!(refused, Rejected::Invalid { field, .. } if field == "target.ids"));
    }
    assert_eq!(run(&mut chat, "tom", TransferTarget::Within), Rejected::NotFound(Resource::Chat));
    let talker = scoped("ann", "chats.conversation--all:rw");
    let refused = chat.run_as(Some(&talker), transfer(TransferTarget::Within, true, None)).unwrap_err();
    assert_eq!(refused, Rejected::NoAccess);
    let mut closed = Chat::held_by("ann").after("ann", close());
    assert_eq!(run(&mut closed, "ann", TransferTarget::Within), Rejected::Inactive);
}
