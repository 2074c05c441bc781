//! A conversation whose customer became part of another one.

use super::*;
use crate::conversation::push::TicketPart;
use crate::limits::TAIL_BYTES;

fn becomes(from: u128, to: u128) -> Command {
    Command::ChangeCustomer { from: customer(from), to: customer(to) }
}

/// Mia's and Ann's chat of a desk, of which a part is in a chunk that is stored.
fn with_chunk() -> (Chat, Vec<Arc<Event>>) {
    let mut chat = Chat::held_by("ann").after("mia", post(said()));
    chat.state.ticket = Some(Box::default());
    chat.run("mia", post(event(Visibility::All, text(&"x".repeat(TAIL_BYTES - 100))))).unwrap();
    let chunk = chat.state.unsaved_chunks()[0].events.clone();
    chat.state.chunks_saved(1);
    (chat, chunk)
}

#[test]
fn everything_in_it_was_said_and_done_by_the_one_that_stays() {
    let (mut chat, chunk) = with_chunk();
    assert!(chunk.iter().any(|event| event.author == Some(user("mia"))));
    let done = chat.run_as(None, becomes(1, 2)).unwrap();
    assert_eq!(done.pushes(), ["member_removed", "member_added", "ticket_changed"]);
    let asked = done.told("ticket_changed");
    assert!(matches!(asked.push, Push::TicketChanged { part: TicketPart::Customer, .. }));
    assert_eq!(done.told("member_removed").to.customer, Some(customer(1)), "who it was hears that it goes");
    assert_eq!(asked.to.customer, Some(customer(2)));
    let names_mia = |text: &str| text.contains(&format!("{:?}", customer(1)));
    let shown = (chat.state.chat_view(), chat.state.thread(thread(1), chunk), chat.state.summary());
    assert!(!names_mia(&format!("{shown:?}")), "{shown:?}");
    assert_eq!(shown.0.customer, Some(customer(2)));
    let authors: Vec<_> = shown.1.unwrap().events.iter().filter_map(|event| event.author.clone()).collect();
    assert!(authors.contains(&user("tom")));
    // She finds it no more, he goes on with it.
    assert_eq!(chat.run("mia", post(said())).unwrap_err(), Rejected::NotFound(Resource::Chat));
    chat.run("tom", post(said())).unwrap();
}

#[test]
fn it_happens_once_and_to_nobody_elses_conversation() {
    let (mut chat, _) = with_chunk();
    chat.run_as(None, becomes(1, 2)).unwrap();
    let before = chat.state.clone();
    for nothing in [becomes(1, 2), becomes(7, 1), becomes(2, 2)] {
        assert!(chat.run_as(None, nothing).unwrap().told.is_empty());
    }
    assert_eq!(chat.state, before);
    assert_eq!(chat.state.former_customers(), [customer(1)]);
    assert!(chat.state.head().former_customers().is_empty(), "a snapshot takes it out of her list");
    chat.state.former_customers_saved(1);
    assert!(chat.state.former_customers().is_empty());
}

#[test]
fn an_old_message_that_changes_is_said_by_the_one_that_stays_too() {
    let (mut chat, chunk) = with_chunk();
    chat.run_as(None, becomes(1, 2)).unwrap();
    let of_mia = chunk.iter().find(|event| event.author == Some(user("mia"))).unwrap();
    let change = Command::ChangeProperties {
        place: Place::Event(of_mia.id),
        change: PropertyChange::Set(ints(&[("test", "int_property", 1)])),
        stored: Some(Arc::clone(of_mia)),
    };
    chat.run("ann", change).unwrap();
    assert_eq!(chat.state.amended()[&of_mia.id].author, Some(user("tom")));
}

#[test]
fn of_a_chat_that_is_over_nobody_is_told_who_came_and_went() {
    let mut chat = Chat::held_by("ann").after("ann", Command::Close { require_presence: false });
    assert!(chat.run_as(None, becomes(1, 2)).unwrap().told.is_empty());
    assert_eq!(chat.state.customer(), Some(customer(2)));
}
