//! Who may do what to a chat. Source: spec v3.0, 2, 3.4 and 5.2.

use super::*;

/// Ways to stand to a chat of the sales group: its agents are Ann (and Eve), Bob is of another.
const STANDINGS: [(&str, bool); 4] = [("bob", false), ("ann", false), ("bob", true), ("ann", true)];
/// What a reach covers, in the order of the standings.
const REACHES: [(&str, [bool; 4]); 3] = [
    ("all", [true, true, true, true]),
    ("access", [false, true, true, true]),
    ("my", [false, false, true, true]),
];

/// The sales chat in which one agent is or is not.
fn chat(name: &str, present: bool) -> Chat {
    let mut chat = Chat::of_sales();
    chat.engine(add("eve")).unwrap();
    if present {
        chat.engine(add(name)).unwrap();
    }
    chat
}

/// A refusal for another reason than a missing right counts as admitted.
fn admitted(chat: &Chat, by: &Principal, command: Command) -> bool {
    chat.clone().run_as(Some(by), command).err() != Some(Rejected::NoAccess)
}

fn closed(mut chat: Chat) -> Chat {
    chat.engine(close()).unwrap();
    chat
}

#[test]
fn reading_needs_a_reach_that_covers_the_chat() {
    for (reach, covered) in REACHES {
        for ((name, present), covered) in STANDINGS.into_iter().zip(covered) {
            for family in ["chats--X:ro", "chats--X:rw", "chats.conversation--X:rw"] {
                let by = scoped(name, &family.replace('X', reach));
                let read = chat(name, present).state.may_read(&context(Some(&by), Timestamp::default()));
                let wanted = if covered { Ok(()) } else { Err(Rejected::NoAccess) };
                assert_eq!(read, wanted, "{family} {reach} {name} {present}");
            }
        }
    }
}

#[test]
fn writing_events_needs_a_writing_scope_that_covers_the_chat() {
    for (reach, covered) in REACHES {
        for ((name, present), covered) in STANDINGS.into_iter().zip(covered) {
            let chat = chat(name, present);
            for (family, writes) in
                [("chats--X:ro", false), ("chats--X:rw", true), ("chats.conversation--X:rw", true)]
            {
                let by = scoped(name, &family.replace('X', reach));
                let told = format!("{family} {reach} {name} {present}");
                assert_eq!(admitted(&chat, &by, post(said())), writes && covered, "post {told}");
                let activate = Command::Activate(open(2, None));
                assert_eq!(
                    admitted(&closed(chat.clone()), &by, activate),
                    writes && covered,
                    "activate {told}"
                );
            }
        }
    }
}

#[test]
fn users_and_closing_need_the_right_to_write_meta_data() {
    for (reach, covered) in REACHES {
        for ((name, present), covered) in STANDINGS.into_iter().zip(covered) {
            let chat = chat(name, present);
            for (family, writes) in
                [("chats--X:ro", false), ("chats--X:rw", true), ("chats.conversation--X:rw", false)]
            {
                let by = scoped(name, &family.replace('X', reach));
                for command in [close(), add("bot"), remove("eve", Some(Placement::Unassigned))] {
                    let told = format!("{command:?} {family} {reach} {name} {present}");
                    assert_eq!(admitted(&chat, &by, command), writes && covered, "{told}");
                }
            }
        }
    }
}

#[test]
fn one_may_join_with_the_right_to_write_conversations() {
    let bob = scoped("bob", "chats.conversation--all:rw");
    assert!(admitted(&chat("bob", false), &bob, add("bob")));
    assert!(!admitted(&chat("bob", false), &bob, add("ann")), "but not bring in others");
    assert!(!admitted(&chat("bob", false), &scoped("bob", "chats.conversation--my:rw"), add("bob")));
    assert!(!admitted(&chat("bob", false), &scoped("bob", "chats--all:ro"), add("bob")));
}

#[test]
fn one_may_always_leave() {
    for scope in ["chats--my:ro", "chats--access:ro", "chats.conversation--my:rw", "chats--all:rw"] {
        let mut chat = chat("bob", true);
        chat.run_as(Some(&scoped("bob", scope)), remove("bob", None)).unwrap();
        assert_eq!(chat.present(), ["mia", "eve"], "{scope}");
    }
}

#[test]
fn a_token_without_chat_scopes_may_nothing() {
    let by = scoped("ann", "agents--all:rw");
    for command in [post(said()), close(), add("ann"), add("bob"), remove("ann", None), remove("eve", None)] {
        assert!(!admitted(&chat("ann", true), &by, command.clone()), "{command:?}");
    }
}

#[test]
fn what_a_customer_or_another_license_may_not_know_of_does_not_exist() {
    let stranger = Principal { license: LicenseId(8), ..who("ann") };
    let namesake = Principal { license: LicenseId(8), ..who("mia") };
    for by in [who("tom"), stranger, namesake] {
        let missing = Rejected::NotFound(Resource::Chat);
        let active = Chat::held_by("ann");
        assert_eq!(active.state.may_read(&context(Some(&by), Timestamp::default())), Err(missing.clone()));
        for command in [post(said()), close(), add("tom"), add("ann"), remove("ann", None)] {
            assert_eq!(
                active.clone().run_as(Some(&by), command.clone()).unwrap_err(),
                missing,
                "{command:?}"
            );
        }
        let activate = Command::Activate(open(2, Some(assigned("ann"))));
        for command in [activate, post(said())] {
            let refused = closed(active.clone()).run_as(Some(&by), command.clone()).unwrap_err();
            assert_eq!(refused, missing, "{command:?}");
        }
    }
}

#[test]
fn a_customer_needs_no_scope_in_its_own_chat() {
    let mut chat = Chat::held_by("ann");
    assert_eq!(chat.state.may_read(&context(Some(&who("mia")), Timestamp::default())), Ok(()));
    chat.run("mia", post(said())).unwrap();
    chat.run("mia", close()).unwrap();
    chat.run("mia", Command::Activate(open(2, Some(assigned("ann"))))).unwrap();
}

#[test]
fn a_chat_has_at_most_one_customer_and_keeps_it() {
    let mut chat = Chat::held_by("ann");
    assert_eq!(chat.run("ann", add("tom")).unwrap_err(), Rejected::CustomerFixed);
    assert_eq!(chat.run("ann", remove("mia", None)).unwrap_err(), Rejected::CustomerFixed);
    chat.run("ann", close()).unwrap();
    let with_tom = OpenThread { customer: Some(customer(2)), ..open(2, None) };
    assert_eq!(chat.run("ann", Command::Activate(with_tom)).unwrap_err(), Rejected::CustomerFixed);
}

#[test]
fn a_customer_who_is_added_is_the_chats_customer() {
    let mut chat = Chat::create("ann", open(1, None)).unwrap().0;
    assert_eq!(chat.state.customer(), None);
    let done = chat.run("ann", add("mia")).unwrap();
    assert_eq!(chat.state.customer(), Some(customer(1)));
    assert_eq!(done.told("member_added").to.customer, Some(customer(1)));
    assert_eq!(chat.run("ann", add("tom")).unwrap_err(), Rejected::CustomerFixed);
    chat.run("mia", post(said())).unwrap();
}

#[test]
fn who_does_not_exist_cannot_be_brought_in() {
    let missing = Rejected::NotFound(Resource::User);
    let nobody = Some(customer(3));
    assert_eq!(Chat::held_by("ann").run("ann", add("ghost")).unwrap_err(), missing);
    assert_eq!(Chat::held_by("ann").run("ann", remove("bob", None)).unwrap_err(), missing);
    let brought = OpenThread { customer: nobody, ..open(1, None) };
    assert_eq!(Chat::create("ann", brought).unwrap_err(), missing);
}
