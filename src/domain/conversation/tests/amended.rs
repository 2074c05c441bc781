//! Events that change when their chunk is in storage already, and buttons of rich messages.
//! Source: design D3; spec v3.0, 4.5 and 5.3.

use super::*;
use crate::conversation::weight::EVENT_BYTES;
use crate::conversation::{Amended, amend};
use crate::limits::TAIL_BYTES;

fn long(bytes: usize) -> NewEvent {
    event(Visibility::All, text(&"x".repeat(bytes)))
}

/// Mia's chat with a rich message (2) that lies in a chunk, and the chunk itself.
fn with_chunk() -> (Chat, Vec<Arc<Event>>) {
    let mut chat = Chat::held_by("ann").after("ann", post(cards()));
    chat.run("ann", post(long(TAIL_BYTES - 100))).unwrap();
    let chunks = chat.state.unsaved_chunks();
    assert_eq!((chunks.len(), chunks[0].events.len()), (1, 2));
    let events = chunks[0].events.clone();
    (chat, events)
}

fn store(chat: &mut Chat) {
    chat.state.chunks_saved(1);
    chat.state = rmp_serde::from_slice(&rmp_serde::to_vec(&chat.state.head()).unwrap()).unwrap();
}

const CARD: u32 = 2;

fn properties_of(events: &[Arc<Event>], order: u32) -> Properties {
    events.iter().find(|event| event.id.order == order).unwrap().properties.clone()
}

#[test]
fn a_stored_event_is_asked_for_and_the_command_comes_again_with_it() {
    let (mut chat, chunk) = with_chunk();
    store(&mut chat);
    let place = Place::Event(event_id(1, CARD));
    assert_eq!(chat.run("ann", set(place, 1)).unwrap_err(), Rejected::NeedsEvent(event_id(1, CARD)));
    assert!(set(place, 1).may_need_event() && !set(Place::Chat, 1).may_need_event());
    let other = set(place, 1).with_event(Arc::clone(&chunk[0]));
    assert_eq!(chat.run("ann", other).unwrap_err(), Rejected::NeedsEvent(event_id(1, CARD)), "not that one");
    chat.run("ann", set(place, 1).with_event(Arc::clone(&chunk[1]))).unwrap();
    // From now on it is in memory, in its newest form.
    chat.run("mia", press(event_id(1, CARD), "no", true)).unwrap();
    let shown = chat.state.thread(thread(1), chunk.clone()).unwrap().events;
    assert_eq!(properties_of(&shown, CARD), ints(&[("test", "int_property", 1)]));
    assert_eq!(pressed(&shown[1])[1].1, [customer(1).to_string()]);
    assert_eq!(properties_of(&shown, 1), properties_of(&chunk, 1), "others are as they were");
}

#[test]
fn scopes_and_existence_come_before_the_look_up() {
    let (mut chat, _) = with_chunk();
    store(&mut chat);
    let command = || set(Place::Event(event_id(1, CARD)), 1);
    assert_eq!(chat.run("tom", command()).unwrap_err(), Rejected::NotFound(Resource::Chat));
    let reader = scoped("ann", "chats--all:ro");
    assert_eq!(chat.run_as(Some(&reader), command()).unwrap_err(), Rejected::NoAccess);
    let beyond = set(Place::Event(event_id(1, 99)), 1);
    assert_eq!(chat.run("ann", beyond).unwrap_err(), Rejected::NotFound(Resource::Event));
}

#[test]
fn a_change_is_written_into_its_chunk_and_one_made_meanwhile_is_kept() {
    let (mut chat, mut chunk) = with_chunk();
    let place = Place::Event(event_id(1, CARD));
    chat.run("ann", set(place, 1)).unwrap();
    let saved: Amended = chat.state.amended().clone();
    assert_eq!(saved.len(), 1);
    assert!(chat.state.amended_bytes() > 0);
    assert_eq!(chat.state.unsaved_chunks()[0].events, chunk, "a chunk is never changed in memory");
    amend(&mut chunk, &saved);
    assert_eq!(properties_of(&chunk, CARD), ints(&[("test", "int_property", 1)]));
    assert!(chat.state.head().amended().is_empty(), "a head holds none");

    chat.run("ann", set(place, 2)).unwrap();
    chat.state.chunks_saved(1);
    chat.state.amendments_saved(&saved);
    let shown = chat.state.thread(thread(1), chunk.clone()).unwrap().events;
    assert_eq!(properties_of(&shown, CARD), ints(&[("test", "int_property", 2)]));
    let newest = chat.state.amended().clone();
    amend(&mut chunk, &newest);
    chat.state.amendments_saved(&newest);
    assert!(chat.state.amended().is_empty());
    let shown = chat.state.thread(thread(1), chunk).unwrap().events;
    assert_eq!(properties_of(&shown, CARD), ints(&[("test", "int_property", 2)]));
}

#[test]
fn the_newest_events_change_where_they_stand_and_in_every_summary() {
    let mut chat = Chat::held_by("ann").after("mia", post(said()));
    let bytes = chat.state.tail_bytes;
    chat.run("mia", set(Place::Event(event_id(1, 2)), 1)).unwrap();
    assert!(chat.state.amended().is_empty() && chat.state.tail_bytes > bytes);
    let wanted = ints(&[("test", "int_property", 1)]);
    let summary = chat.state.summary();
    for last in summary.last_events.iter().chain(&summary.last_visible) {
        let expected = if last.1.event.id.order == 2 { wanted.clone() } else { Properties::default() };
        assert_eq!(last.1.event.properties, expected);
    }
    chat.run("mia", delete(Place::Event(event_id(1, 2)), &[("test", "int_property")])).unwrap();
    assert_eq!(chat.state.tail_bytes, bytes);
}

#[test]
fn a_postback_toggles_every_button_of_its_name_and_members_and_followers_are_told() {
    let mut chat = Chat::held_by("ann").after("ann", post(cards()));
    chat.run("eve", Command::Follow).unwrap();
    let id = event_id(1, CARD);
    let mia = customer(1).to_string();
    for (by, toggled, users) in [
        ("mia", true, vec![mia.clone()]),
        ("ann", true, vec![mia.clone(), "ann".to_owned()]),
        ("mia", false, vec!["ann".to_owned()]),
    ] {
        let done = chat.run(by, press(id, "buy", toggled)).unwrap();
        assert_eq!(
            (done.pushes(), done.main()),
            (vec!["postback_sent", "event_changed"], vec!["postback_sent"])
        );
        for Told { to, .. } in &done.told {
            assert_eq!((&to.agents[..], to.customer), (&[agent("ann")][..], Some(customer(1))));
            assert_eq!((&to.followers.agents[..], to.groups.len()), (&[agent("eve")][..], 0));
        }
        let Push::EventChanged { event, .. } = &done.told("event_changed").push else { unreachable!() };
        let buttons =
            [("buy", users.clone()), ("no", vec![]), ("buy", users)].map(|(b, u)| (b.to_owned(), u));
        assert_eq!(pressed(event), buttons);
        assert_eq!(**event, *chat.events(1)[1]);
        let again = chat.run(by, press(id, "buy", toggled)).unwrap();
        assert!(again.facts.is_empty() && matches!(again.echo.unwrap().push, Push::PostbackSent { .. }));
    }
}

#[test]
fn of_a_closed_thread_only_the_change_of_the_event_is_told() {
    let mut chat = Chat::held_by("ann").after("ann", post(cards())).after("ann", close());
    let done = chat.run("mia", press(event_id(1, CARD), "no", true)).unwrap();
    assert_eq!((done.pushes(), done.main()), (vec!["event_changed"], vec!["event_changed"]));
    chat.run("ann", Command::Activate(open(2, None))).unwrap();
    let done = chat.run("mia", press(event_id(1, CARD), "no", false)).unwrap();
    assert_eq!(done.pushes(), ["event_changed"], "another thread is active");
}

#[test]
fn a_postback_needs_a_button_and_all_or_ones_own_chats() {
    let mut chat = Chat::held_by("ann").after("ann", post(cards())).after("ann", post(said()));
    for (command, wanted) in [
        (press(event_id(1, CARD), "sell", true), "postback.id"),
        (press(event_id(1, 3), "buy", true), "event_id"),
    ] {
        let refused = chat.run("mia", command).unwrap_err();
        assert!(matches!(refused, Rejected::Invalid { field, .. } if field == wanted));
    }
    let token = |name, scope| scoped(name, scope);
    let id = event_id(1, CARD);
    for (by, works) in [
        (token("bob", "chats.conversation--all:rw"), true),
        (token("bob", "chats.conversation--access:rw"), false),
        (token("bob", "chats.conversation--my:rw"), false),
        (token("ann", "chats.conversation--access:rw"), true),
        (token("ann", "chats.conversation--my:rw"), true),
        (token("ann", "chats--all:ro"), false),
    ] {
        let done = chat.run_as(Some(&by), press(id, "no", true));
        assert_eq!(done.err(), (!works).then_some(Rejected::NoAccess), "{by:?}");
    }
}

#[test]
fn a_message_takes_no_more_presses_than_it_may_weigh() {
    let heavy = |pad: usize| {
        let mut card = cards();
        if let EventBody::Rich { template, .. } = &mut card.body {
            *template = "x".repeat(pad).into();
        }
        card
    };
    let pad = EVENT_BYTES - heavy(0).weight() - 10;
    let mut chat = Chat::held_by("ann");
    let mut done = chat.run("ann", post(cards())).unwrap();
    // No client may send one that heavy by its parts; it is put there as it would be by presses.
    if let Some(Fact { change: Change::EventPosted(event), .. }) = done.facts.pop() {
        chat.state.put_event(&Arc::new(Event { body: heavy(pad).body, ..(*event).clone() }));
    }
    let refused = chat.run("mia", press(event_id(1, CARD), "buy", true)).unwrap_err();
    assert!(matches!(refused, Rejected::Invalid { field, .. } if field == "postback"));
}
