//! Writes with a key: done once, answered alike, remembered for a day and within bounds.

use super::*;
use crate::conversation::idempotency::{Outcome, WriteKey};
use crate::limits::{KEY_LIFE, KEYS_PER_CHAT};

const KEY: WriteKey = WriteKey { name: 1, asked: 10 };

fn decide(chat: &Chat, name: &str, command: Command, key: WriteKey, now: u64) -> Result<Decision, Rejected> {
    let by = who(name);
    let cx = Context { key: Some(&key), ..context(Some(&by), Timestamp::from_secs(now)) };
    chat.state.decide(command, &cx)
}

fn apply(chat: &mut Chat, decision: &Decision) {
    let mut told = Vec::new();
    decision.facts.iter().for_each(|fact| chat.state.apply(fact, &mut told));
}

fn running() -> Chat {
    Chat::create("ann", OpenThread { customer: Some(customer(1)), ..open(2, None) }).unwrap().0
}

#[test]
fn a_key_is_used_once_and_remembers_what_came_of_it() {
    let tag = |on| Command::Tag { thread: thread(2), tag: "vip".into(), on };
    let after_event = EventId { thread: thread(2), order: 1 };
    for (command, outcome) in [
        (post(said()), Some(Outcome::Posted(after_event))),
        (tag(true), Some(Outcome::Done)),
        // What is so already is remembered, too: it may be otherwise when it is asked for again.
        (tag(false), Some(Outcome::Done)),
        (Command::See(None), None),
        (Command::Close { require_presence: false }, Some(Outcome::Done)),
    ] {
        let mut chat = running();
        let first = decide(&chat, "ann", command.clone(), KEY, 5_000).unwrap();
        assert_eq!(first.before, None);
        apply(&mut chat, &first);
        let head = chat.state.head();
        let again = decide(&chat, "ann", command.clone(), KEY, 6_000).unwrap();
        assert_eq!(again, Decision { before: again.before, ..Decision::default() }, "{command:?}");
        match outcome {
            Some(outcome) => assert_eq!(again.before, Some(outcome), "{command:?}"),
            None => assert!(matches!(again.before, Some(Outcome::Seen(_))), "{again:?}"),
        }
        assert_eq!(chat.state.head(), head);
        let other = WriteKey { asked: 11, ..KEY };
        let refused = decide(&chat, "ann", command.clone(), other, 6_000);
        assert_eq!(refused, Err(Rejected::invalid("request_key", "was used for another request")));
        let fresh = decide(&chat, "ann", command, WriteKey { name: 2, asked: 10 }, 6_000);
        assert!(fresh.is_err() || fresh.is_ok_and(|decision| decision.before.is_none()));
    }
}

#[test]
fn what_opens_a_thread_is_remembered_with_its_first_event_or_the_thread() {
    let by = who("ann");
    let cx = Context { key: Some(&KEY), ..context(Some(&by), Timestamp::from_secs(900)) };
    let new = NewConversation {
        license: LICENSE,
        id: ConversationId::from_random(5),
        number: 1,
        open: OpenThread { customer: Some(customer(1)), ..open(2, None) },
    };
    let made = Conversation::create(new, &cx).unwrap();
    let mut state = Conversation::born(&made.facts[0]).unwrap();
    made.facts.iter().for_each(|fact| state.apply(fact, &mut Vec::new()));
    assert_eq!(state.done_before(&cx), Ok(Some(Outcome::Opened(thread(2)))));

    let mut chat = running().after("ann", Command::Close { require_presence: false });
    let opens = Command::Post { event: said(), when_inactive: WhenInactive::OpenThread(thread(3), None) };
    let opened = decide(&chat, "ann", opens.clone(), KEY, 5_000).unwrap();
    apply(&mut chat, &opened);
    let first = EventId { thread: thread(3), order: 1 };
    assert_eq!(decide(&chat, "ann", opens, KEY, 6_000).unwrap().before, Some(Outcome::Posted(first)));
}

#[test]
fn a_refusal_and_a_passing_signal_use_no_key() {
    let chat = running();
    let refused = decide(
        &chat,
        "mia",
        Command::Post {
            event: NewEvent { visibility: Visibility::Agents, ..said() },
            when_inactive: WhenInactive::Refuse,
        },
        KEY,
        5_000,
    );
    assert!(refused.is_err());
    let typing = Command::SignalTyping { typing: true, visibility: Visibility::All };
    assert_eq!(decide(&chat, "ann", typing, KEY, 5_000).unwrap().facts, []);
}

#[test]
fn who_may_not_read_the_chat_does_not_learn_what_a_key_came_to() {
    let mut chat = running();
    let first = decide(&chat, "ann", post(said()), KEY, 5_000).unwrap();
    apply(&mut chat, &first);
    let stranger = Principal { user: UserId::Customer(customer(9)), ..who("mia") };
    let cx = Context { key: Some(&KEY), ..context(Some(&stranger), Timestamp::from_secs(6_000)) };
    assert_eq!(chat.state.decide(post(said()), &cx), Err(Rejected::NotFound(Resource::Chat)));
}

#[test]
fn keys_are_forgotten_after_a_day_and_beyond_their_number() {
    let mut chat = running();
    let day = KEY_LIFE.as_secs();
    let first = decide(&chat, "ann", post(said()), KEY, 5_000).unwrap();
    apply(&mut chat, &first);
    assert!(decide(&chat, "ann", post(said()), KEY, 4_999 + day).unwrap().before.is_some());
    let later = decide(&chat, "ann", post(said()), KEY, 5_001 + day).unwrap();
    assert_eq!(later.before, None);
    apply(&mut chat, &later);
    assert_eq!(chat.state.keys.len(), 1, "the old one made room");
    for n in 0..KEYS_PER_CHAT as u128 {
        let used = decide(&chat, "ann", post(said()), WriteKey { name: 100 + n, asked: 1 }, 5_002 + day);
        apply(&mut chat, &used.unwrap());
    }
    assert_eq!(chat.state.keys.len(), KEYS_PER_CHAT);
    assert_eq!(decide(&chat, "ann", post(said()), KEY, 5_003 + day).unwrap().before, None, "the oldest");
    let newest = WriteKey { name: 99 + KEYS_PER_CHAT as u128, asked: 1 };
    assert!(decide(&chat, "ann", post(said()), newest, 5_003 + day).unwrap().before.is_some());
}
