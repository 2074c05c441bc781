//! Who hears what, and which push answers the request. Source: spec v3.0, 1.3, 8.1 and 10.4.

use super::*;

fn names(told: &Told) -> Vec<&str> {
    let named = told.to.agents.iter().chain(&told.to.followers.agents);
    let mut names: Vec<_> = named.map(AgentId::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A chat of the sales group with Ann in it and Eve following.
fn followed() -> Chat {
    let mut chat = Chat::of_sales().after("ann", add("ann"));
    chat.state.followers.insert(agent("eve"));
    chat
}

#[test]
fn an_event_is_told_to_members_and_followers_and_to_no_group() {
    let done = followed().run("mia", post(said())).unwrap();
    let told = done.told("event");
    assert_eq!(names(told), ["ann", "eve"]);
    assert_eq!(told.to.customer, Some(customer(1)));
    assert!(told.to.groups.is_empty() && !told.to.license);
    let through = &told.to.followers;
    assert_eq!((&through.agents[..], &through.groups[..]), (&[agent("eve")][..], &[SALES][..]));
}

#[test]
fn a_key_change_is_told_to_everybody_with_access() {
    let closed = followed().after("ann", close());
    let mut chats = [
        (followed(), "ann", add("bob"), "member_added", vec!["ann", "bob", "eve"]),
        (followed(), "ann", close(), "thread_closed", vec!["ann", "eve"]),
        (closed, "mia", Command::Activate(open(2, Some(assigned("ann")))), "chat_started", vec!["ann"]),
    ];
    for (chat, by, command, push, wanted) in &mut chats {
        let done = chat.run(by, command.clone()).unwrap();
        let told = done.told(push);
        assert_eq!(&names(told), wanted, "{push}");
        assert_eq!(told.to.groups, [SALES], "{push}");
        assert_eq!(told.to.customer, Some(customer(1)), "{push}");
        assert!(!told.to.license);
    }
}

#[test]
fn who_leaves_is_told_so_too() {
    let mut chat = followed().after("ann", add("bob"));
    let done = chat.run("ann", remove("bob", None)).unwrap();
    assert_eq!(names(done.told("member_removed")), ["ann", "bob", "eve"]);
    assert_eq!(names(done.told("system")), ["ann", "eve"], "but not what is said afterwards");
}

#[test]
fn what_agents_say_among_themselves_never_reaches_the_customer() {
    let mut chat = Chat::held_by("ann").after("ann", post(said()));
    let before = chat.state.summary();
    let done = chat.run("ann", post(note())).unwrap();
    assert_eq!(done.told("event").to.customer, None);
    let after = chat.state.summary();
    assert_eq!(after.last_visible, before.last_visible, "the last visible message is the one before");
    assert_ne!(after.last_events, before.last_events, "agents see it");
    let line = &chat.state.thread_lines()[0];
    assert_eq!((line.events, line.visible_events), (3, 2));
    let done = Chat::waiting().engine(Command::EndUnserved).unwrap();
    assert_eq!(done.told("system").to.customer, None);
}

#[test]
fn a_note_makes_nothing_unread_for_the_customer_and_an_own_message_neither() {
    let mut chat = Chat::held_by("ann").after("mia", post(said()));
    assert!(!chat.state.summary().unread_by_customer, "sending counts as having seen");
    chat.run("ann", post(note())).unwrap();
    assert!(!chat.state.summary().unread_by_customer);
    chat.run("ann", post(said())).unwrap();
    assert!(chat.state.summary().unread_by_customer);
}

#[test]
fn a_customer_cannot_hide_an_event_from_itself() {
    let hidden = |result: Result<_, Rejected>| {
        let refused: Rejected = result.err().unwrap();
        assert!(matches!(refused, Rejected::Invalid { field, .. } if field == "event.recipients"));
    };
    hidden(Chat::held_by("ann").run("mia", post(note())).map(drop));
    let with_note = OpenThread { events: vec![note()], ..open(1, Some(assigned("ann"))) };
    hidden(Chat::create("mia", with_note).map(drop));
}

#[test]
fn one_push_answers_the_request_and_its_companions_do_not() {
    let leave = |placement| remove("ann", Some(placement));
    let table = [
        (Chat::waiting(), "ann", post(said()), "event"),
        (Chat::waiting(), "ann", add("ann"), "member_added"),
        (Chat::held_by("ann"), "ann", post(note()), "event"),
        (Chat::held_by("ann"), "ann", add("bob"), "member_added"),
        (Chat::held_by("ann"), "ann", close(), "thread_closed"),
        (Chat::held_by("ann"), "mia", close(), "thread_closed"),
        (Chat::held_by("ann"), "ann", leave(assigned("bob")), "member_removed"),
        (Chat::held_by("ann"), "ann", leave(Placement::Unassigned), "member_removed"),
        (
            Chat::held_by("ann").after("ann", close()),
            "mia",
            Command::Activate(open(2, Some(assigned("ann")))),
            "chat_started",
        ),
        (
            Chat::held_by("ann").after("ann", close()),
            "mia",
            Command::Post {
                event: said(),
                when_inactive: WhenInactive::OpenThread(thread(2), Some(Placement::Unassigned)),
            },
            "chat_started",
        ),
    ];
    for (mut chat, by, command, main) in table {
        let told = format!("{command:?}");
        assert_eq!(chat.run(by, command).unwrap().main(), [main], "{told}");
    }
}

#[test]
fn a_start_is_told_first_with_its_first_events_and_what_routing_says_after_it() {
    let opening = OpenThread { events: vec![said(), said()], ..open(1, Some(assigned("ann"))) };
    let (_, done) = Chat::create("mia", opening).unwrap();
    assert_eq!(done.pushes(), ["chat_started", "system"]);
    assert_eq!(done.main(), ["chat_started"]);
    let Push::ChatStarted { chat, thread } = &done.told[0].push else { unreachable!() };
    assert_eq!(thread.events.len(), 2);
    assert!(chat.members.iter().any(|m| m.user == user("ann") && m.present));
}

#[test]
fn closing_says_why_before_it_closes() {
    assert_eq!(Chat::held_by("ann").run("ann", close()).unwrap().pushes(), ["system", "thread_closed"]);
}

#[test]
fn following_ends_when_the_chat_is_activated_again() {
    let mut chat = followed().after("ann", close());
    assert_eq!(chat.state.chat_view().followers.len(), 1, "closing does not end it");
    chat.run("mia", Command::Activate(open(2, Some(assigned("ann"))))).unwrap();
    assert!(chat.state.chat_view().followers.is_empty());
}
