//! What a ban of the customer does to a conversation. Source: spec v3.0, 4.6 and 10.6.

use super::*;
use crate::participant::customer::Ban;

fn ban(by: Option<&str>) -> Command {
    Command::EndBanned(Ban { at: Timestamp::from_secs(1), days: 3, by: by.map(agent) })
}

/// A chat of Zed, who was banned since.
fn of_zed() -> Chat {
    let mut chat = Chat::held_by("ann");
    chat.state.customer = Some(customer(13));
    chat
}

#[test]
fn a_ban_says_who_and_how_long_and_closes_what_is_active() {
    for chat in [Chat::held_by("ann"), Chat::waiting()] {
        let mut chat = chat;
        let done = chat.engine(ban(Some("bob"))).unwrap();
        assert_eq!(done.pushes(), ["system", "thread_closed"]);
        let Push::EventPosted { event, .. } = &done.told("system").push else { unreachable!() };
        let EventBody::System(message) = &event.body else { unreachable!() };
        assert_eq!(&*message.kind, "customer_banned");
        assert_eq!(message.vars, [("agent".into(), "bob".into()), ("duration".into(), "3".into())]);
        assert!(event.visible_to_customer());
        let closed = &done.told("thread_closed").push;
        assert!(matches!(closed, Push::ThreadClosed { by: Some(by), .. } if *by == user("bob")));
        assert!(chat.state.active_thread().is_none());
        assert!(chat.engine(ban(Some("bob"))).unwrap().facts.is_empty(), "again it does nothing");
    }
    let done = Chat::held_by("ann").engine(ban(None)).unwrap();
    assert!(matches!(&done.told("thread_closed").push, Push::ThreadClosed { by: None, .. }));
}

#[test]
fn a_banned_customer_does_nothing_more_and_nothing_is_opened_with_it() {
    let banned = Rejected::CustomerBanned;
    let attached = Command::Post { event: said(), when_inactive: WhenInactive::Attach };
    for command in [post(said()), attached, close()] {
        assert_eq!(of_zed().run("zed", command.clone()).unwrap_err(), banned, "{command:?}");
    }
    assert_eq!(Chat::create("zed", open(1, Some(assigned("ann")))).unwrap_err(), banned);
    let brought = OpenThread { customer: Some(customer(13)), ..open(1, None) };
    assert_eq!(Chat::create("ann", brought).unwrap_err(), banned);
    let mut own = Chat::create("ann", open(1, None)).unwrap().0;
    assert_eq!(own.run("ann", add("zed")).unwrap_err(), banned);

    // What is active with it goes on until it is ended; a closed chat is not opened again.
    let mut chat = of_zed().after("ann", post(said())).after("ann", close());
    let reopen = Command::Post { event: said(), when_inactive: WhenInactive::OpenThread(thread(2), None) };
    assert_eq!(chat.run("ann", reopen).unwrap_err(), banned);
    assert_eq!(chat.run("ann", Command::Activate(open(2, None))).unwrap_err(), banned);
    let note = Command::Post { event: note(), when_inactive: WhenInactive::Attach };
    assert!(chat.run("ann", note).is_ok(), "agents may still write a note to it");
    // Somebody else's chat is unknown to it, banned or not.
    assert_eq!(
        Chat::held_by("ann").run("zed", post(said())).unwrap_err(),
        Rejected::NotFound(Resource::Chat)
    );
}
