//! Who holds a chat, and who is in it. Source: spec v3.0, 10.1, 10.2, 10.7 and 12 #33.

use super::*;

#[test]
fn the_agent_who_opens_a_thread_holds_it() {
    for name in ["ann", "bot"] {
        let brought = OpenThread { customer: Some(customer(1)), ..open(1, None) };
        let (chat, done) = Chat::create(name, brought).unwrap();
        assert_eq!(chat.state.assignment(), &held(name));
        assert_eq!(chat.present(), ["mia", name]);
        assert_eq!(done.pushes(), ["chat_started"], "and nobody is told that routing gave it");
    }
}

#[test]
fn a_human_who_answers_a_waiting_chat_takes_it() {
    let mut chat = Chat::waiting();
    let done = chat.run("ann", post(said())).unwrap();
    assert_eq!(chat.state.assignment(), &held("ann"));
    assert_eq!(chat.present(), ["mia", "ann"]);
    assert_eq!(done.pushes(), ["member_added", "event"]);
    assert_eq!(done.main(), ["event"]);
}

#[test]
fn nothing_but_a_humans_answer_takes_a_waiting_chat() {
    let told = SystemMessage { kind: "my_kind".into(), text: "t".into(), vars: Vec::new() };
    let system = event(Visibility::All, EventBody::System(told));
    for (by, posted) in [("bot", said()), ("ann", note()), ("ann", system), ("mia", said())] {
        let mut chat = Chat::waiting();
        let done = chat.run(by, post(posted)).unwrap();
        assert!(chat.state.waiting_since().is_some(), "{by}");
        assert_eq!(chat.present(), ["mia"], "{by}");
        assert_eq!(done.main(), done.pushes(), "{by}");
    }
}

#[test]
fn an_outsider_who_writes_to_a_held_chat_stays_outside() {
    let mut chat = Chat::held_by("ann");
    for by in ["bob", "bot"] {
        chat.run(by, post(said())).unwrap();
        assert_eq!(chat.state.assignment(), &held("ann"));
        assert_eq!(chat.present(), ["mia", "ann"]);
    }
}

#[test]
fn a_human_who_joins_a_waiting_chat_takes_it_and_a_bot_only_looks_in() {
    let mut chat = Chat::waiting();
    let since = chat.state.waiting_since();
    chat.run("bot", add("bot")).unwrap();
    assert_eq!(chat.state.waiting_since(), since, "the place in the queue is kept");
    assert_eq!(chat.present(), ["mia", "bot"]);
    chat.run("ann", add("bob")).unwrap();
    assert_eq!(chat.state.assignment(), &held("bob"), "also when somebody else brings it in");
    chat.run("ann", add("ann")).unwrap();
    assert_eq!(chat.state.assignment(), &held("bob"), "a held chat stays where it is");
}

#[test]
fn a_human_who_answers_a_closed_chat_holds_the_new_thread_and_a_bot_does_not() {
    let answer = |placement| Command::Post {
        event: said(),
        when_inactive: WhenInactive::OpenThread(thread(2), placement),
    };
    let closed = Chat::held_by("bob").after("bob", close());
    let ann = closed.clone().after("ann", answer(None));
    assert_eq!((ann.state.assignment(), ann.present()), (&held("ann"), vec!["mia".into(), "ann".into()]));
    let refused = closed.clone().run("bot", answer(None)).unwrap_err();
    assert!(matches!(refused, Rejected::NeedsPlacement(_)));
    let bot = closed.after("bot", answer(Some(assigned("bob"))));
    assert_eq!(bot.state.assignment(), &held("bob"));
    assert_eq!(bot.present(), ["mia", "bob"]);
    assert_eq!(bot.events(2)[0].author, Some(user("bot")));
}

#[test]
fn a_new_thread_begins_with_its_customer_and_holder_only() {
    let mut chat = Chat::held_by("ann").after("ann", add("bob")).after("ann", close());
    let done = chat.run("mia", Command::Activate(open(2, Some(assigned("eve"))))).unwrap();
    assert_eq!(chat.present(), ["mia", "eve"]);
    let everybody: Vec<_> = chat.state.chat_view().members.into_iter().map(|m| m.user).collect();
    assert_eq!(everybody, ["mia", "ann", "bob", "eve"].map(user), "who was there stays in the list");
    assert!(!done.pushes().contains(&"member_added"), "the holder stands in the chat from the start");
    assert_eq!(chat.state.thread(thread(1), vec![]).unwrap().users, ["mia", "ann", "bob"].map(user));
    assert_eq!(chat.state.thread(thread(2), vec![]).unwrap().users, ["mia", "eve"].map(user));
}

#[test]
fn when_the_holder_leaves_another_human_who_is_there_has_the_chat() {
    let mut chat = Chat::held_by("ann").after("ann", add("bot")).after("ann", add("bob"));
    let done = chat.run("ann", remove("ann", None)).unwrap();
    assert_eq!(chat.state.assignment(), &held("bob"), "never the bot that is there");
    assert_eq!(chat.present(), ["mia", "bot", "bob"]);
    assert_eq!(done.main(), ["member_removed"]);
}

#[test]
fn who_leaves_without_holding_changes_no_holder() {
    let mut chat = Chat::held_by("ann").after("ann", add("bob"));
    chat.run("ann", remove("bob", None)).unwrap();
    assert_eq!(chat.state.assignment(), &held("ann"));
    let mut chat = Chat::waiting().after("bot", add("bot"));
    let since = chat.state.waiting_since();
    chat.run("bot", remove("bot", None)).unwrap();
    assert_eq!(chat.state.waiting_since(), since);
}

#[test]
fn who_left_stays_in_the_list_as_not_present() {
    let chat = Chat::held_by("ann").after("ann", add("bob")).after("ann", remove("bob", None));
    let bob = chat.state.chat_view().members.into_iter().find(|m| m.user == user("bob")).unwrap();
    assert!(!bob.present);
    assert_eq!(chat.after("ann", add("bob")).present(), ["mia", "ann", "bob"]);
}

#[test]
fn adding_who_is_there_changes_nothing_and_echoes_to_the_asker_alone() {
    let mut chat = Chat::held_by("ann");
    let before = chat.state.clone();
    for name in ["ann", "mia"] {
        let done = chat.run("ann", add(name)).unwrap();
        assert!(done.facts.is_empty());
        assert_eq!(chat.state, before);
        let echo = done.echo.unwrap();
        assert!(echo.main);
        assert!(matches!(&echo.push, Push::MemberAdded { member, .. } if member.user == user(name)));
        let to = echo.to;
        assert!(to.agents.is_empty() && to.groups.is_empty() && to.customer.is_none() && !to.license);
    }
}

#[test]
fn a_closed_chat_is_held_by_nobody_and_waits_for_nobody() {
    for chat in [Chat::held_by("ann"), Chat::waiting()] {
        let chat = chat.after("mia", close());
        assert_eq!(chat.state.assignment(), &Assignment::Idle);
        let seat = chat.state.seat();
        assert!(seat.present.is_empty() && seat.waiting.is_none());
    }
}
