//! Notes that call people to a conversation.

use super::*;
use crate::conversation::details::Details;
use crate::limits::{MENTIONS_PER_MESSAGE, WATCHERS_PER_CONVERSATION};

/// A desk's conversation of those who sell.
fn sales() -> Chat {
    let opening = OpenThread { access: Some(Access::of(SALES)), ..open(1, None) };
    let (mut chat, _) = Chat::create("ann", OpenThread { customer: Some(customer(1)), ..opening }).unwrap();
    chat.state.ticket = Some(Box::default());
    chat
}

fn note(visibility: Visibility, people: &[&str]) -> Command {
    let mentions = people.iter().map(|name| agent(name)).collect();
    let details = Details { attributes: "{}".into(), mentions, ..Details::default() };
    post(NewEvent { details: Some(Box::new(details)), ..event(visibility, text("see here")) })
}

fn watchers(chat: &Chat) -> Vec<String> {
    chat.state.ticket().unwrap().watchers.iter().map(ToString::to_string).collect()
}

#[test]
fn whom_a_note_mentions_is_told_and_watches_from_then_on() {
    let mut chat = sales();
    let done = chat.run("ann", note(Visibility::Agents, &["eve", "ann"])).unwrap();
    assert_eq!(done.pushes(), ["ticket_changed", "event", "mentioned"]);
    let told = done.told("mentioned");
    assert_eq!(
        told.to,
        crate::conversation::push::Address {
            agents: vec![agent("eve"), agent("ann")],
            ..crate::conversation::push::Address::nobody()
        }
    );
    assert_eq!(watchers(&chat), ["ann", "eve"]);
    // Again it is told, and nothing else changes.
    let done = chat.run("ann", note(Visibility::Agents, &["eve", "eve"])).unwrap();
    assert_eq!(done.pushes(), ["event", "mentioned"]);
    assert_eq!(done.told("mentioned").to.agents, [agent("eve")]);
    assert_eq!(watchers(&chat), ["ann", "eve"]);
    assert_eq!(chat.state.ticket().unwrap().minute.1, 2, "they count like all that is said");
}

#[test]
fn only_a_note_mentions_and_only_those_who_may_look() {
    for (visibility, people) in [
        (Visibility::All, vec!["eve"]),
        (Visibility::Agents, vec!["bob", "bot", "nobody"]),
        (Visibility::Agents, vec![]),
    ] {
        let mut chat = sales();
        assert_eq!(chat.run("ann", note(visibility, &people)).unwrap().pushes(), ["event"], "{people:?}");
        assert!(watchers(&chat).is_empty());
    }
    let mut chat = sales();
    chat.state.ticket = None;
    assert_eq!(chat.run("ann", note(Visibility::Agents, &["eve"])).unwrap().pushes(), ["event"], "no desk's");
}

#[test]
fn so_many_are_mentioned_at_once_and_who_has_no_room_to_watch_is_told_all_the_same() {
    let mut chat = sales();
    let many = |n: usize| vec!["eve"; n];
    assert!(chat.run("ann", note(Visibility::Agents, &many(MENTIONS_PER_MESSAGE))).is_ok());
    let over = chat.run("ann", note(Visibility::Agents, &many(MENTIONS_PER_MESSAGE + 1)));
    assert!(matches!(over, Err(Rejected::Invalid { field, .. }) if field == "content"));
    let mut chat = sales();
    let others = (0..WATCHERS_PER_CONVERSATION).map(|n| agent(&n.to_string())).collect();
    chat.state.ticket =
        Some(Box::new(crate::conversation::ticket::Ticket { watchers: others, ..Default::default() }));
    let done = chat.run("ann", note(Visibility::Agents, &["eve"])).unwrap();
    assert_eq!(done.pushes(), ["event", "mentioned"]);
    assert_eq!(watchers(&chat).len(), WATCHERS_PER_CONVERSATION);
}
