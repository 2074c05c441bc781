//! Tags, seen markers, followers. Source: spec v3.0, 5.1, 5.3, 5.4, 8.1 and 10.4.

use super::*;
use crate::conversation::push::{Address, Followers};
use crate::limits::{FOLLOWERS_PER_CHAT, TAG_CHARS, TAGS_PER_THREAD};

fn tags(chat: &Chat, n: u64) -> Vec<String> {
    chat.state.find_thread(thread(n)).unwrap().tags.iter().map(ToString::to_string).collect()
}

/// Nothing changed, and the asker alone hears what it asked for.
fn echoed(done: &Done) -> &Push {
    assert_eq!((done.facts.len(), done.told.len()), (0, 0));
    let echo = done.echo.as_ref().unwrap();
    assert!(echo.main && echo.to == Address::nobody());
    &echo.push
}

#[test]
fn a_tag_is_put_on_once_and_taken_off_once_and_agents_with_access_are_told() {
    let mut chat = Chat::of_sales();
    let done = chat.run("ann", tag(1, "vip", true)).unwrap();
    assert_eq!((done.main(), tags(&chat, 1)), (vec!["tag_changed"], vec!["vip".to_owned()]));
    let to = &done.told("tag_changed").to;
    assert_eq!((to.customer, &to.groups[..]), (None, &[SALES][..]), "customers know of no tags");
    let again = chat.run("ann", tag(1, "vip", true)).unwrap();
    assert!(matches!(echoed(&again), Push::TagChanged { on: true, tag, .. } if **tag == *"vip"));
    chat.run("ann", tag(1, "refund", true)).unwrap();
    chat.run("ann", tag(1, "vip", false)).unwrap();
    assert_eq!(tags(&chat, 1), ["refund"]);
    assert!(matches!(
        echoed(&chat.run("ann", tag(1, "vip", false)).unwrap()),
        Push::TagChanged { on: false, .. }
    ));
}

#[test]
fn threads_of_the_past_are_tagged_too() {
    let mut chat = Chat::held_by("ann").after("ann", close());
    chat.run("ann", tag(1, "late", true)).unwrap();
    chat.run("ann", Command::Activate(open(2, None))).unwrap();
    chat.run("ann", tag(1, "later", true)).unwrap();
    assert_eq!((tags(&chat, 1), tags(&chat, 2)), (vec!["late".to_owned(), "later".to_owned()], vec![]));
    let nowhere = chat.run("ann", tag(3, "x", true)).unwrap_err();
    assert_eq!(nowhere, Rejected::NotFound(Resource::Thread));
}

#[test]
fn tagging_takes_the_right_to_write_meta_data() {
    let mut chat = Chat::held_by("ann");
    for token in [scoped("bob", "chats--my:rw"), scoped("ann", "chats.conversation--all:rw")] {
        assert_eq!(chat.run_as(Some(&token), tag(1, "x", true)).unwrap_err(), Rejected::NoAccess);
    }
    assert!(chat.run_as(Some(&scoped("ann", "chats--my:rw")), tag(1, "x", true)).is_ok());
    let stranger = chat.run("tom", tag(1, "x", true)).unwrap_err();
    assert_eq!(stranger, Rejected::NotFound(Resource::Chat));
}

#[test]
fn tags_have_their_bounds() {
    let mut chat = Chat::held_by("ann");
    let refused = |result: Result<Done, Rejected>| {
        assert!(matches!(result, Err(Rejected::Invalid { field, .. }) if field == "tag"));
    };
    chat.run("ann", tag(1, &"ä".repeat(TAG_CHARS), true)).unwrap();
    refused(chat.run("ann", tag(1, &"ä".repeat(TAG_CHARS + 1), true)));
    refused(chat.run("ann", tag(1, " ", true)));
    for n in 1..TAGS_PER_THREAD {
        chat.run("ann", tag(1, &n.to_string(), true)).unwrap();
    }
    refused(chat.run("ann", tag(1, "one more", true)));
    assert!(chat.run("ann", tag(1, "1", true)).is_ok(), "it is there already");
}

fn seen(chat: &Chat, name: &str) -> Option<Timestamp> {
    chat.state.members.iter().find(|m| m.user == user(name)).unwrap().seen_at
}

#[test]
fn a_seen_marker_moves_forward_up_to_now_and_never_back() {
    let mut chat = Chat::held_by("ann");
    chat.run("ann", Command::See(Some(Timestamp::from_secs(500)))).unwrap();
    assert_eq!(seen(&chat, "ann"), Some(Timestamp::from_secs(500)));
    let done = chat.run("ann", Command::See(Some(Timestamp::from_secs(400)))).unwrap();
    assert!(matches!(echoed(&done), Push::SeenUpTo { up_to, .. } if *up_to == Timestamp::from_secs(500)));
    chat.run("ann", Command::See(None)).unwrap();
    let now = Timestamp::from_secs(chat.clock);
    assert_eq!(seen(&chat, "ann"), Some(now));
    chat.run("ann", Command::See(Some(Timestamp::from_secs(9_999)))).unwrap();
    let later = Timestamp::from_secs(chat.clock);
    assert_eq!(seen(&chat, "ann"), Some(later), "what is yet to come cannot be seen");
    assert_eq!(seen(&chat, "mia"), None);
}

#[test]
fn what_was_seen_is_told_to_members_and_followers_and_counts_as_read() {
    let mut chat = Chat::held_by("ann").after("ann", post(said()));
    assert!(chat.state.summary().unread_by_customer);
    chat.state.followers.insert(agent("eve"));
    let done = chat.run("mia", Command::See(None)).unwrap();
    assert!(!chat.state.summary().unread_by_customer);
    let Told { push, to, main, .. } = done.told("seen_up_to");
    assert!(*main && matches!(push, Push::SeenUpTo { user: who, .. } if *who == user("mia")));
    assert_eq!((&to.agents[..], to.customer), (&[agent("ann")][..], Some(customer(1))));
    assert_eq!((&to.followers.agents[..], to.groups.len()), (&[agent("eve")][..], 0));
    let activity = chat.state.last_activity();
    chat.run("ann", Command::See(None)).unwrap();
    assert_eq!(chat.state.last_activity(), activity, "looking is no activity");
}

#[test]
fn whoever_was_never_in_the_chat_has_no_marker_there() {
    let mut chat = Chat::held_by("ann");
    let done = chat.run("bob", Command::See(None)).unwrap();
    assert!(matches!(echoed(&done), Push::SeenUpTo { user: who, .. } if *who == user("bob")));
    assert!(chat.state.members.iter().all(|member| member.user != user("bob")));
    chat.run("ann", close()).unwrap();
    assert!(!chat.run("ann", Command::See(None)).unwrap().facts.is_empty(), "a closed chat can be seen");
    let stranger = chat.run("tom", Command::See(None)).unwrap_err();
    assert_eq!(stranger, Rejected::NotFound(Resource::Chat));
}

#[test]
fn a_follower_hears_without_being_a_member_and_alone_is_told_what_is_there() {
    let mut chat = Chat::of_sales().after("ann", add("ann"));
    let done = chat.run("eve", Command::Follow).unwrap();
    let Told { push, to, main, .. } = done.told("chat_followed");
    assert!(*main);
    assert_eq!(*to, Address { agents: vec![agent("eve")], ..Address::nobody() });
    let Push::ChatFollowed { chat: view, thread } = push else { unreachable!() };
    assert!(view.followers.contains(&agent("eve")) && thread.events.len() == 1);
    assert_eq!(chat.present(), ["mia", "ann"], "who follows is not in it");
    let told = chat.run("mia", post(said())).unwrap();
    let through = Followers { agents: vec![agent("eve")], groups: vec![SALES], named: Vec::new() };
    assert_eq!(told.told("event").to.followers, through);
    for follows in [true, false] {
        if !follows {
            chat.run("eve", Command::Unfollow).unwrap();
        }
        let heard = chat.run("mia", post(said())).unwrap();
        assert_eq!(!heard.told("event").to.followers.agents.is_empty(), follows);
    }
}

#[test]
fn following_twice_or_as_a_member_changes_nothing_and_members_cannot_unfollow() {
    let mut chat = Chat::held_by("ann");
    chat.run("eve", Command::Follow).unwrap();
    for name in ["eve", "ann"] {
        let done = chat.run(name, Command::Follow).unwrap();
        assert!(done.facts.is_empty() && done.echo.is_none(), "{name}");
    }
    let refused = chat.run("ann", Command::Unfollow).unwrap_err();
    assert!(matches!(refused, Rejected::Invalid { field, .. } if field == "chat_id"));
    assert!(chat.run("bob", Command::Unfollow).unwrap().facts.is_empty(), "there is nothing to end");
}

#[test]
fn following_takes_access_but_ending_it_takes_nothing() {
    let mut chat = Chat::of_sales();
    let reader = |name| scoped(name, "chats--access:ro");
    assert_eq!(chat.run_as(Some(&reader("bob")), Command::Follow).unwrap_err(), Rejected::NoAccess);
    chat.run_as(Some(&reader("eve")), Command::Follow).unwrap();
    let nothing = Principal { scopes: ScopeSet::default(), ..who("eve") };
    assert!(!chat.run_as(Some(&nothing), Command::Unfollow).unwrap().facts.is_empty());
    let foreign = Principal { license: LicenseId(8), ..who("eve") };
    for command in [Command::Follow, Command::Unfollow] {
        let refused = chat.run_as(Some(&foreign), command).unwrap_err();
        assert_eq!(refused, Rejected::NotFound(Resource::Chat));
    }
}

#[test]
fn followers_are_bounded() {
    let mut chat = Chat::held_by("ann");
    let of = |n: usize| Principal { user: UserId::Agent(AgentId::new(&n.to_string())), ..who("bob") };
    for n in 0..FOLLOWERS_PER_CHAT {
        chat.run_as(Some(&of(n)), Command::Follow).unwrap();
    }
    let refused = chat.run("eve", Command::Follow).unwrap_err();
    assert!(matches!(refused, Rejected::Invalid { field, .. } if field == "chat_id"));
    assert!(chat.run_as(Some(&of(0)), Command::Follow).is_ok(), "it follows already");
}
