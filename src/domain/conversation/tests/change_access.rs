//! Access that changes. Source: spec v3.0, 5.2 and 8.2.

use super::*;
use crate::conversation::access::{AccessChange, AccessOwner};
use crate::conversation::push::Address;
use crate::limits::{AGENTS_PER_ACCESS, GROUPS_PER_ACCESS};

const SUPPORT: GroupId = GroupId(2);

fn grant(group: u32) -> Command {
    Command::ChangeAccess(AccessChange::Granted(Access::of(GroupId(group))))
}

fn revoke(group: u32) -> Command {
    Command::ChangeAccess(AccessChange::Revoked(Access::of(GroupId(group))))
}

fn set_to(group: u32) -> Command {
    Command::ChangeAccess(AccessChange::Set(Access::of(GroupId(group))))
}

fn groups(chat: &Chat) -> Vec<u32> {
    chat.state.access().groups.iter().map(|group| group.0).collect()
}

#[test]
fn access_is_added_taken_away_or_replaced_and_whoever_had_or_has_it_is_told() {
    let mut chat = Chat::of_sales();
    for (command, after, told, customer_too) in [
        (grant(2), vec![1, 2], vec![SALES, SUPPORT], false),
        (revoke(1), vec![2], vec![SUPPORT, SALES], false),
        (set_to(1), vec![1], vec![SALES, SUPPORT], true),
    ] {
        let Command::ChangeAccess(change) = command.clone() else { unreachable!() };
        let done = chat.run("eve", command).unwrap();
        assert_eq!((done.main(), groups(&chat)), (vec!["access_changed"], after));
        let Told { push, to, .. } = done.told("access_changed");
        let access = chat.state.access().clone();
        assert_eq!(*push, Push::AccessChanged { of: AccessOwner::Chat(chat.state.id()), change, access });
        assert_eq!((&to.groups, to.customer), (&told, customer_too.then(|| customer(1))));
        assert_eq!(
            chat.state.seat().groups.iter().map(|g| g.0).collect::<Vec<_>>(),
            groups(&chat),
            "the queue"
        );
    }
}

#[test]
fn what_changes_nothing_is_echoed() {
    let mut chat = Chat::of_sales();
    for command in [grant(1), revoke(2), set_to(1)] {
        let Command::ChangeAccess(change) = command.clone() else { unreachable!() };
        let done = chat.run("ann", command).unwrap();
        assert!(done.facts.is_empty());
        let push =
            Push::AccessChanged { of: AccessOwner::Chat(chat.state.id()), change, access: Access::of(SALES) };
        assert_eq!(done.echo, Some(Told { push, to: Address::nobody(), main: true, seq: None }));
    }
}

#[test]
fn a_chat_never_loses_its_last_group() {
    let mut chat = Chat::of_sales();
    let refused = chat.run("ann", revoke(1)).unwrap_err();
    assert!(matches!(refused, Rejected::Invalid { field, .. } if field == "access.group_ids"));
    assert_eq!(groups(&chat), [1]);
}

#[test]
fn only_groups_that_exist_and_only_with_the_right_to_write_meta_data() {
    let mut chat = Chat::of_sales();
    for command in [grant(3), set_to(3)] {
        assert_eq!(chat.run("ann", command).unwrap_err(), Rejected::GroupNotFound(GroupId(3)));
    }
    for (by, works) in [
        (scoped("ann", "chats--access:rw"), true),
        (scoped("bob", "chats--access:rw"), false),
        (scoped("ann", "chats.conversation--all:rw"), false),
        (scoped("bob", "chats--all:rw"), true),
    ] {
        let done = chat.run_as(Some(&by), grant(1));
        assert_eq!(done.err(), (!works).then_some(Rejected::NoAccess), "{by:?}");
    }
    assert_eq!(chat.run("tom", grant(2)).unwrap_err(), Rejected::NotFound(Resource::Chat));
}

#[test]
fn a_closed_chat_changes_hands_as_well_and_followers_hear_by_the_new_groups() {
    let mut chat = Chat::of_sales();
    chat.run("eve", Command::Follow).unwrap();
    chat.run("eve", set_to(2)).unwrap();
    let told = chat.run("mia", post(said())).unwrap();
    assert_eq!(told.told("event").to.followers.groups, [SUPPORT]);
    chat.run("eve", close()).unwrap();
    assert_eq!(chat.run("eve", set_to(0)).unwrap().main(), ["access_changed"]);
    let done = chat.run("eve", Command::Activate(open(2, None))).unwrap();
    assert_eq!(done.told("chat_started").to.groups, [GroupId::EVERYBODY]);
}

#[test]
fn access_names_no_more_groups_than_it_may() {
    struct Wide;
    impl Lookup for Wide {
        fn name(&self, user: &UserId) -> Option<Arc<str>> {
            World.name(user)
        }
        fn is_bot(&self, agent: &AgentId) -> bool {
            World.is_bot(agent)
        }
        fn is_banned(&self, _: CustomerId, _: Timestamp) -> bool {
            false
        }
        fn customer_left(&self, _: CustomerId) -> Option<Timestamp> {
            None
        }
        fn group_name(&self, _: GroupId) -> Option<Arc<str>> {
            Some(Arc::from("a group"))
        }
        fn groups_of(&self, agent: &AgentId) -> Vec<GroupId> {
            World.groups_of(agent)
        }
        fn settings(&self, access: &Access) -> Settings {
            World.settings(access)
        }
    }
    let mut chat = Chat::of_sales();
    let by = who("ann");
    let bound = u32::try_from(GROUPS_PER_ACCESS).unwrap();
    for group in 2..=bound + 1 {
        let cx = Context { license: &Wide, ..context(Some(&by), Timestamp::from_secs(5_000)) };
        let decided = chat.state.decide(grant(group), &cx);
        assert_eq!(decided.is_err(), group > bound, "{group}");
        if let Ok(decision) = decided {
            chat.apply(decision, 0);
        }
    }
}

fn of_agent(name: &str) -> Access {
    Access::of_agent(agent(name))
}

#[test]
fn an_agent_is_let_in_by_name_and_told_of_key_changes_until_that_ends() {
    let mut chat = Chat::of_sales();
    let reader = scoped("bob", "chats--access:rw");
    let read = |chat: &Chat| chat.state.may_read(&context(Some(&reader), Timestamp::from_secs(1)));
    assert_eq!(read(&chat), Err(Rejected::NoAccess));
    let done = chat.run("ann", Command::ChangeAccess(AccessChange::Granted(of_agent("bob")))).unwrap();
    assert_eq!(done.told("access_changed").to.named, [agent("bob")]);
    assert_eq!((read(&chat), groups(&chat)), (Ok(()), vec![1]));
    assert_eq!(chat.state.seat().groups, [SALES], "routing does not look at it");
    chat.run("bob", Command::Follow).unwrap();
    let done = chat.run("mia", post(said())).unwrap();
    let followers = &done.told("event").to.followers;
    assert_eq!((&followers.agents[..], &followers.named[..]), (&[agent("bob")][..], &[agent("bob")][..]));
    assert!(done.told("event").to.named.is_empty(), "what is said is for members and followers");
    let again = chat.run("ann", Command::ChangeAccess(AccessChange::Granted(of_agent("bob")))).unwrap();
    assert!(again.facts.is_empty() && again.echo.is_some());
    let done = chat.run("ann", Command::ChangeAccess(AccessChange::Revoked(of_agent("bob")))).unwrap();
    assert_eq!(done.told("access_changed").to.named, [agent("bob")], "whoever had it is told");
    assert_eq!(read(&chat), Err(Rejected::NoAccess));
}

#[test]
fn agents_alone_are_no_access_and_must_exist() {
    let mut chat = Chat::of_sales();
    let set = chat.run("ann", Command::ChangeAccess(AccessChange::Set(of_agent("bob")))).unwrap_err();
    assert!(matches!(set, Rejected::Invalid { field, .. } if field == "access.group_ids"));
    for change in [AccessChange::Granted(of_agent("ghost")), AccessChange::Set(of_agent("ghost"))] {
        let refused = chat.run("ann", Command::ChangeAccess(change)).unwrap_err();
        assert_eq!(refused, Rejected::NotFound(Resource::User));
    }
    chat.run("ann", Command::ChangeAccess(AccessChange::Granted(of_agent("bob")))).unwrap();
    chat.run("ann", set_to(2)).unwrap();
    assert!(chat.state.access().agents.is_empty(), "what is set replaces all");
}

#[test]
fn agents_of_an_access_are_bounded() {
    let mut chat = Chat::of_sales();
    for n in 0..AGENTS_PER_ACCESS {
        chat.state.access.agents.insert(AgentId::new(&n.to_string()));
    }
    let refused = chat.run("ann", Command::ChangeAccess(AccessChange::Granted(of_agent("bob")))).unwrap_err();
    assert!(matches!(refused, Rejected::Invalid { field, .. } if field == "access"));
}
