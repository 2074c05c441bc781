//! What somebody missed while it was away: exactly that, or the word that it cannot be told.

use super::*;
use crate::conversation::recent::{Missed, Seq};
use crate::limits::{RECENT_PUSHES, RECENT_PUSHES_WHOLE};

fn tag(name: &str) -> Command {
    Command::Tag { thread: thread(1), tag: name.into(), on: true }
}

fn note() -> Command {
    post(event(Visibility::Agents, text("between us")))
}

/// The pushes that a user missed, when none of them has to be looked up.
fn missed(chat: &Chat, number: u64, name: &str) -> Option<Vec<Told>> {
    let missed = chat.state.missed(Seq { epoch: 99, number }, &user(name))?;
    let told = |missed| if let Missed::Told(told) = missed { Some(*told) } else { None };
    // Everything is in memory.
    Some(missed.into_iter().map(|missed| told(missed).unwrap()).collect())
}

#[test]
fn whoever_comes_back_is_told_what_was_told_meanwhile() {
    let mut chat = Chat::held_by("ann");
    let commands = [
        ("mia", post(said())),
        ("ann", note()),
        ("ann", tag("vip")),
        ("ann", post(said())),
        ("mia", Command::See(None)),
        ("ann", Command::AddUser(user("bob"))),
        ("ann", Command::Close { require_presence: false }),
    ];
    let begun = chat.state.seq().number;
    let mut told = Vec::new();
    for (by, command) in commands {
        told.extend(chat.run(by, command).unwrap().told);
    }
    let numbers: Vec<_> = told.iter().map(|told| told.seq.map(|seq| seq.number)).collect();
    let expected: Vec<_> = (begun + 1..).map(Some).take(told.len()).collect();
    assert_eq!(numbers, expected, "one number each");
    assert_eq!(chat.state.seq().number, begun + told.len() as u64);
    for from in 0..=told.len() {
        for (name, sees_notes) in [("ann", true), ("mia", false)] {
            let heard = |told: &&Told| match &told.push {
                Push::EventPosted { event, .. } => sees_notes || event.visible_to_customer(),
                _ => true,
            };
            let wanted: Vec<_> =
                told[from..].iter().filter(heard).map(|told| (&told.push, told.seq)).collect();
            let got = missed(&chat, begun + from as u64, name).unwrap();
            assert_eq!(
                got.iter().map(|told| (&told.push, told.seq)).collect::<Vec<_>>(),
                wanted,
                "{name} {from}"
            );
            assert!(got.iter().all(|told| !told.main), "nobody asked for it");
        }
    }
}

#[test]
fn who_came_or_went_meanwhile_hears_the_talk_only_while_it_was_there() {
    let mut chat = Chat::held_by("ann");
    let begun = chat.state.seq().number;
    let say = |chat: &mut Chat, command| chat.run("ann", command).map(drop).unwrap();
    say(&mut chat, post(said()));
    say(&mut chat, Command::AddUser(user("bob")));
    say(&mut chat, post(said()));
    let with_bob = chat.state.seq().number;
    say(&mut chat, Command::RemoveUser { user: user("bob"), placement: None });
    say(&mut chat, post(said()));
    let names = |chat: &Chat, from| -> Vec<_> {
        missed(chat, from, "bob").unwrap().iter().map(|told| name_of(&told.push)).collect()
    };
    let own =
        |names: Vec<&'static str>| -> Vec<_> { names.into_iter().filter(|name| *name != "system").collect() };
    assert_eq!(own(names(&chat, begun)), ["member_added", "event", "member_removed"]);
    assert_eq!(own(names(&chat, with_bob)), ["member_removed"], "nothing after");
    assert_eq!(own(names(&chat, chat.state.seq().number - 1)), [] as [&str; 0]);
}

#[test]
fn a_thread_that_opened_meanwhile_is_told_and_what_went_before_is_not_guessed() {
    let mut chat = Chat::held_by("ann").after("ann", Command::Close { require_presence: false });
    let closed = chat.state.seq().number;
    chat.run("mia", Command::Activate(open(2, Some(assigned("ann"))))).unwrap();
    chat.run("ann", post(said())).unwrap();
    let names: Vec<_> =
        missed(&chat, closed, "ann").unwrap().iter().map(|told| name_of(&told.push)).collect();
    assert_eq!(names, ["chat_started", "system", "event"]);
    // Whether ann was there for this event is not kept.
    let mut chat = Chat::held_by("ann");
    let begun = chat.state.seq().number;
    chat.run("mia", post(said())).unwrap();
    chat.run("ann", Command::Close { require_presence: false }).unwrap();
    chat.run("mia", Command::Activate(open(2, Some(assigned("ann"))))).unwrap();
    assert_eq!(missed(&chat, begun, "ann"), None);
}

#[test]
fn beyond_what_is_kept_nothing_is_told() {
    let mut chat = Chat::held_by("ann");
    let begun = chat.state.seq().number;
    for _ in 0..RECENT_PUSHES {
        chat.run("mia", post(said())).unwrap();
    }
    assert_eq!(missed(&chat, begun, "ann").map(|told| told.len()), Some(RECENT_PUSHES));
    chat.run("mia", post(said())).unwrap();
    assert_eq!(missed(&chat, begun, "ann"), None, "one more than is kept");
    assert_eq!(missed(&chat, begun + RECENT_PUSHES as u64 + 2, "ann"), None, "what is yet to come");
    let newest = chat.state.seq();
    assert_eq!(chat.state.missed(newest, &user("ann")), Some(vec![]));
    assert_eq!(chat.state.missed(Seq { epoch: 98, ..newest }, &user("ann")), None, "another life");

    for n in 0..=RECENT_PUSHES_WHOLE {
        chat.run("ann", tag(&n.to_string())).unwrap();
    }
    assert_eq!(missed(&chat, newest.number, "ann"), None);
    assert_eq!(missed(&chat, newest.number + 1, "ann").map(|told| told.len()), Some(RECENT_PUSHES_WHOLE));
}

#[test]
fn events_can_be_told_after_a_restart_and_what_is_stored_is_looked_up() {
    let mut chat = Chat::held_by("ann");
    chat.run("ann", tag("vip")).unwrap();
    let tagged = chat.state.seq().number;
    chat.run("mia", post(said())).unwrap();
    chat.run("ann", post(said())).unwrap();
    let whole = missed(&chat, tagged, "mia").unwrap();
    assert_eq!(whole.len(), 2);
    let before = chat.clone();
    let stored = rmp_serde::to_vec(&chat.state.head()).unwrap();
    chat.state = rmp_serde::from_slice(&stored).unwrap();
    assert_eq!(missed(&chat, tagged, "mia"), Some(whole));
    assert_eq!(missed(&chat, tagged - 1, "mia"), None, "of the tag only a trace is left");
    chat.state.recall(&before.state);
    assert_eq!(missed(&chat, tagged - 1, "ann"), missed(&before, tagged - 1, "ann"));
    let further = before.after("mia", post(said()));
    let known = chat.state.clone();
    chat.state.recall(&further.state);
    assert_eq!(chat.state, known, "of another moment");

    let great = || post(event(Visibility::All, text(&"x".repeat(10_000))));
    let before = chat.state.seq();
    for _ in 0..4 {
        chat.run("mia", great()).unwrap();
    }
    chat.state.chunks_saved(chat.state.unsaved_chunks().len());
    let missed = chat.state.missed(before, &user("ann")).unwrap();
    assert!(matches!(missed[..], [Missed::Stored(..), .., Missed::Told(_)]), "{missed:?}");
}

#[test]
fn a_place_is_a_text_and_only_its_own() {
    let seq = Seq { epoch: 0xfe, number: 41 };
    assert_eq!((seq.to_string(), "fe-41".parse()), ("fe-41".into(), Ok(seq)));
    for wrong in ["", "-", "fe", "fe-", "-41", "FE-41", "fe-041", "+1-2", "fe-41 ", "x-1", "fe--1", "00-1"] {
        assert!(wrong.parse::<Seq>().is_err(), "{wrong}");
    }
}

#[test]
fn a_place_of_another_life_of_the_data_is_none_in_this_one() {
    let mut chat = Chat::held_by("ann");
    let seen = chat.state.seq();
    assert_eq!(seen.of_generation(0), seen, "data that were never restored show it as it is");
    chat.run("ann", post(said())).unwrap();
    for (first, second) in [(0, 7), (7, 0), (7, 8), (u64::MAX, 7)] {
        let shown = seen.of_generation(first);
        assert_eq!(shown.number, seen.number);
        let asked = |generation| chat.state.missed(shown.of_generation(generation), &user("mia"));
        assert_eq!(asked(first).map(|missed| missed.len()), Some(1), "{first}: the same life");
        assert_eq!(asked(second), None, "{first} {second}");
        assert_ne!(shown, seen.of_generation(second), "no two pushes have one name");
    }
}
