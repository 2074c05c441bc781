//! What is told in passing: typing, and what a customer is about to say. Source: spec v3.0, 10.4.

use super::*;
use crate::limits::MESSAGE_TEXT_BYTES;

fn typing(visibility: Visibility) -> Command {
    Command::SignalTyping { typing: true, visibility }
}

fn draft(text: &str) -> Command {
    Command::ShowDraft(text.into())
}

/// Ann holds it, Bob is in it, Eve follows.
fn busy() -> Chat {
    let mut chat = Chat::held_by("ann").after("ann", add("bob"));
    chat.run("eve", Command::Follow).unwrap();
    chat
}

/// What is told in passing, of which nothing is kept.
fn passing(chat: &mut Chat, by: &str, command: Command) -> Told {
    let before = chat.state.clone();
    let done = chat.run(by, command).unwrap();
    assert_eq!((chat.state == before, done.facts.len(), done.told.len()), (true, 0, 0));
    let told = done.passing.unwrap();
    assert!(!told.main && done.echo.is_none());
    told
}

#[test]
fn typing_is_told_to_the_others_and_hidden_from_customers_when_asked() {
    let mut chat = busy();
    for (visibility, hears) in [(Visibility::All, Some(customer(1))), (Visibility::Agents, None)] {
        let Told { push, to, .. } = passing(&mut chat, "ann", typing(visibility));
        assert_eq!((&to.agents[..], to.customer), (&[agent("bob")][..], hears));
        assert_eq!(to.followers.agents, [agent("eve")]);
        let now = Timestamp::from_secs(chat.clock);
        let author = user("ann");
        let (id, thread) = (chat.state.id(), thread(1));
        assert_eq!(push, Push::Typing { chat: id, thread, author, visibility, at: now, typing: true });
    }
    let by_follower = passing(&mut chat, "eve", typing(Visibility::All));
    assert!(by_follower.to.followers.agents.is_empty(), "never to the author");
}

#[test]
fn a_draft_is_shown_to_agents_while_a_thread_is_active() {
    let mut chat = busy();
    let Told { push, to, .. } = passing(&mut chat, "mia", draft("I wan"));
    assert_eq!((&to.agents[..], to.customer), (&[agent("ann"), agent("bob")][..], None));
    assert_eq!(to.followers.agents, [agent("eve")]);
    assert!(
        matches!(push, Push::DraftShown { text, author, .. } if *text == *"I wan" && author == user("mia"))
    );
    assert!(chat.run("mia", draft(&"x".repeat(MESSAGE_TEXT_BYTES))).is_ok());
    let long = chat.run("mia", draft(&"x".repeat(MESSAGE_TEXT_BYTES + 1))).unwrap_err();
    assert!(matches!(long, Rejected::Invalid { field, .. } if field == "sneak_peek_text"));
    let stranger = chat.run("tom", draft("x")).unwrap_err();
    assert_eq!(stranger, Rejected::NotFound(Resource::Chat));
    chat.run("ann", close()).unwrap();
    assert_eq!(chat.run("mia", draft("x")).unwrap_err(), Rejected::Inactive);
}

#[test]
fn typing_takes_the_right_to_write() {
    let mut chat = Chat::of_sales();
    let reader = scoped("ann", "chats--all:ro");
    assert_eq!(chat.run_as(Some(&reader), typing(Visibility::All)).unwrap_err(), Rejected::NoAccess);
    let writer = scoped("bob", "chats.conversation--access:rw");
    assert_eq!(chat.run_as(Some(&writer), typing(Visibility::All)).unwrap_err(), Rejected::NoAccess);
}
