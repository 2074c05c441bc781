//! What the router is asked, and what its word makes of a chat. Source: spec v3.0, 10.2.

use super::*;
use crate::conversation::properties::PropertyValue;

fn need(exclude: &[&str], may_wait_offline: bool) -> Rejected {
    let exclude = exclude.iter().map(|name| agent(name)).collect();
    let need = PlacementNeed::of([GroupId::EVERYBODY]);
    PlacementNeed { exclude, may_wait_offline, ..need }.into()
}

const YES: Option<&PropertyValue> = Some(&PropertyValue::Bool(true));

fn waits(properties: &Properties) -> Option<&PropertyValue> {
    properties.get("routing", "unassigned")
}

#[test]
fn a_customers_thread_needs_the_routers_word_first() {
    assert_eq!(Chat::create("mia", open(1, None)).unwrap_err(), need(&[], false));
    let continuous = OpenThread { continuous: Some(true), ..open(1, None) };
    assert_eq!(Chat::create("mia", continuous).unwrap_err(), need(&[], true));
    let sales = OpenThread { access: Some(Access::of(SALES)), ..open(1, None) };
    let asked = PlacementNeed { may_wait_offline: false, ..PlacementNeed::of([SALES]) };
    assert_eq!(Chat::create("mia", sales).unwrap_err(), asked.into());
    let mut closed = Chat::held_by("ann").after("ann", close());
    assert_eq!(closed.run("mia", Command::Activate(open(2, None))).unwrap_err(), need(&[], false));
    let when_inactive = WhenInactive::OpenThread(thread(2), None);
    let message = Command::Post { event: said(), when_inactive };
    assert_eq!(closed.run("mia", message).unwrap_err(), need(&[], false));
}

#[test]
fn continuous_is_kept_when_it_is_not_given() {
    let continuous = OpenThread { continuous: Some(true), ..open(1, Some(assigned("ann"))) };
    let mut chat = Chat::create("mia", continuous).unwrap().0.after("mia", close());
    assert_eq!(chat.run("mia", Command::Activate(open(2, None))).unwrap_err(), need(&[], true));
}

#[test]
fn an_assigned_chat_starts_with_its_agent_in_it() {
    let (chat, done) = Chat::create("mia", open(1, Some(assigned("ann")))).unwrap();
    assert_eq!(chat.state.assignment(), &held("ann"));
    assert_eq!(chat.present(), ["mia", "ann"]);
    assert_eq!(done.pushes(), ["chat_started", "system"]);
    assert_ne!(waits(&chat.state.chat_view().properties), YES);
}

#[test]
fn a_chat_that_is_queued_or_left_unassigned_waits_since_the_router_was_asked() {
    for placement in [Placement::Queued { position: 3 }, Placement::Unassigned] {
        let (chat, done) = Chat::create("mia", open(1, Some(placement))).unwrap();
        let since = Timestamp::from_secs(1_000);
        assert_eq!(chat.state.waiting_since(), Some(since));
        assert_eq!(chat.state.seat().waiting.unwrap().since, since);
        assert_eq!(chat.present(), ["mia"]);
        assert_eq!(done.pushes(), ["chat_started", "system"]);
        assert_eq!(waits(&chat.state.chat_view().properties), YES);
        let thread = chat.state.thread(thread(1), vec![]).unwrap();
        assert_eq!(waits(&thread.properties), YES, "a property of the thread, mirrored on the chat");
    }
}

#[test]
fn a_refusal_refuses_the_start_and_changes_nothing() {
    for (refusal, rejected) in [
        (Refusal::GroupOffline, Rejected::GroupOffline),
        (Refusal::GroupUnavailable, Rejected::GroupUnavailable),
    ] {
        let placement = Some(Placement::Refused(refusal));
        assert_eq!(Chat::create("mia", open(1, placement.clone())).unwrap_err(), rejected);
        let mut closed = Chat::held_by("ann").after("ann", close());
        let before = closed.state.clone();
        assert_eq!(closed.run("mia", Command::Activate(open(2, placement.clone()))).unwrap_err(), rejected);
        let when_inactive = WhenInactive::OpenThread(thread(2), placement);
        assert_eq!(closed.run("mia", Command::Post { event: said(), when_inactive }).unwrap_err(), rejected);
        assert_eq!(closed.state, before);
    }
}

#[test]
fn the_holder_who_leaves_alone_or_with_bots_asks_the_router_for_another() {
    for chat in [Chat::held_by("ann"), Chat::held_by("ann").after("ann", add("bot"))] {
        assert_eq!(chat.clone().run("ann", remove("ann", None)).unwrap_err(), need(&["ann"], true));
        let reassign = Command::Reassign {
            from: agent("ann"),
            why: Departure::Deleted,
            gone_since: None,
            placement: None,
        };
        assert_eq!(chat.clone().engine(reassign).unwrap_err(), need(&["ann"], true));
    }
}

#[test]
fn what_comes_after_the_holder_left_is_the_routers_choice() {
    let leave = |placement| {
        let mut chat = Chat::held_by("ann");
        let done = chat.run("ann", remove("ann", Some(placement))).unwrap();
        assert_eq!(done.main(), ["member_removed"]);
        (chat, done)
    };
    let (chat, done) = leave(assigned("bob"));
    assert_eq!((chat.state.assignment(), chat.present()), (&held("bob"), vec!["mia".into(), "bob".into()]));
    assert_eq!(done.pushes(), ["member_removed", "system", "member_added", "system"]);
    for placement in [Placement::Queued { position: 1 }, Placement::Unassigned] {
        let (chat, done) = leave(placement);
        assert!(chat.state.waiting_since().is_some());
        assert_eq!(chat.present(), ["mia"]);
        assert_eq!(done.pushes(), ["member_removed", "system", "system"]);
    }
}

#[test]
fn a_chat_is_not_given_back_to_whoever_let_go_of_it_until_somebody_had_it() {
    let excluded = |chat: &Chat| chat.state.seat().waiting.map(|waiting| waiting.exclude);
    let mut chat = Chat::held_by("ann");
    chat.run("ann", remove("ann", Some(Placement::Queued { position: 1 }))).unwrap();
    assert_eq!(excluded(&chat), Some(vec![agent("ann")]));
    chat.engine(Command::Assign { agent: agent("bob"), ticket: 1 }).unwrap();
    // Taken by the engine, because he is gone: he may have it again when he is back.
    let gone = Some(Placement::Queued { position: 1 });
    chat.engine(Command::Reassign {
        from: agent("bob"),
        why: Departure::Disconnected,
        gone_since: None,
        placement: gone,
    })
    .unwrap();
    assert_eq!(excluded(&chat), Some(vec![]));
}

#[test]
fn leaving_is_never_refused_with_nobody_to_take_over_the_thread_ends() {
    for refusal in [Refusal::GroupOffline, Refusal::GroupUnavailable] {
        let mut chat = Chat::held_by("ann");
        let done = chat.run("ann", remove("ann", Some(Placement::Refused(refusal)))).unwrap();
        assert!(chat.state.active_thread().is_none());
        assert_eq!(chat.present(), ["mia"]);
        assert_eq!(done.pushes(), ["member_removed", "system", "system", "thread_closed"]);
        assert_eq!(done.main(), ["member_removed"]);
    }
}

#[test]
fn a_bot_that_is_there_may_be_given_the_chat_and_is_not_added_again() {
    let mut chat = Chat::held_by("ann").after("ann", add("bot"));
    let done = chat.run("ann", remove("ann", Some(assigned("bot")))).unwrap();
    assert_eq!(chat.state.assignment(), &held("bot"));
    assert_eq!(chat.present(), ["mia", "bot"]);
    assert!(!done.pushes().contains(&"member_added"));
}

#[test]
fn reassigning_takes_out_who_is_gone_and_is_nothing_when_it_is_not_there() {
    let reassign = |placement| Command::Reassign {
        from: agent("ann"),
        why: Departure::Deleted,
        gone_since: None,
        placement,
    };
    let mut chat = Chat::held_by("ann");
    chat.engine(reassign(Some(assigned("bob")))).unwrap();
    assert_eq!((chat.state.assignment(), chat.present()), (&held("bob"), vec!["mia".into(), "bob".into()]));
    assert!(chat.engine(reassign(None)).unwrap().facts.is_empty(), "gone already");
    let mut closed = Chat::held_by("ann").after("ann", close());
    assert!(closed.engine(reassign(None)).unwrap().facts.is_empty());
    let mut guest = Chat::held_by("bob").after("bob", add("ann"));
    guest.engine(reassign(None)).unwrap();
    assert_eq!((guest.state.assignment(), guest.present()), (&held("bob"), vec!["mia".into(), "bob".into()]));
}

#[test]
fn who_came_after_it_was_gone_works_without_a_connection_and_stays() {
    let mut chat = Chat::held_by("bob");
    chat.clock = 1_050;
    let chat = chat.after("bob", transfer(to_agents(&["ann"]), true, None));
    let gone = |second| Command::Reassign {
        from: agent("ann"),
        why: Departure::Disconnected,
        gone_since: Some(Timestamp::from_secs(second)),
        placement: Some(Placement::Unassigned),
    };
    assert!(chat.clone().engine(gone(1_050)).unwrap().facts.is_empty());
    let left = chat.clone().engine(gone(1_052)).unwrap();
    assert_eq!(left.pushes(), ["member_removed", "system"]);
    assert_eq!(chat.state.assignment(), &held("ann"));
}

#[test]
fn routing_gives_a_waiting_chat_to_an_agent() {
    let mut chat = Chat::waiting();
    let done = chat.engine(assign("ann")).unwrap();
    assert_eq!((chat.state.assignment(), chat.present()), (&held("ann"), vec!["mia".into(), "ann".into()]));
    assert_eq!(done.pushes(), ["member_added", "system"]);
    assert!(chat.engine(assign("ann")).unwrap().facts.is_empty(), "told twice, done once");
    assert_eq!(chat.engine(assign("bob")).unwrap_err(), Rejected::AlreadyActive, "somebody was quicker");
    let mut closed = Chat::waiting().after("mia", close());
    assert_eq!(closed.engine(assign("ann")).unwrap_err(), Rejected::Inactive);
    let missing = Rejected::NotFound(Resource::User);
    assert_eq!(Chat::waiting().engine(assign("ghost")).unwrap_err(), missing);
}

#[test]
fn a_waiting_chat_that_may_not_wait_ends_when_nobody_is_online() {
    let mut chat = Chat::waiting();
    let done = chat.engine(Command::EndUnserved).unwrap();
    assert!(chat.state.active_thread().is_none());
    assert_eq!(done.pushes(), ["system", "thread_closed"]);
    let closed = done.told("thread_closed");
    assert!(matches!(closed.push, Push::ThreadClosed { by: None, .. }));
}

#[test]
fn a_chat_that_may_wait_or_does_not_wait_never_ends_unserved() {
    let patient = OpenThread { continuous: Some(true), ..open(1, Some(Placement::Unassigned)) };
    let patient = Chat::create("mia", patient).unwrap().0;
    for mut chat in [patient, Chat::held_by("ann"), Chat::waiting().after("mia", close())] {
        let before = chat.state.clone();
        assert!(chat.engine(Command::EndUnserved).unwrap().facts.is_empty());
        assert_eq!(chat.state, before);
    }
}
