//! Which system messages the engine writes, with which variables, and who sees them.
//! Source: spec v3.0, 4.6.

use super::*;

/// Kind, variables as `name=value`, and whether customers see it.
type Said<'a> = (&'a str, &'a str, bool);

fn said_by_system(done: &Done) -> Vec<(String, String, bool)> {
    let posted = done.facts.iter().filter_map(|fact| match &fact.change {
        Change::EventPosted(event) => Some(event),
        _ => None,
    });
    posted
        .filter_map(|event| match &event.body {
            EventBody::System(m) => {
                assert_eq!(event.author, None, "nobody wrote it");
                assert!(!m.text.is_empty(), "people read it");
                let vars: Vec<_> = m.vars.iter().map(|(name, value)| format!("{name}={value}")).collect();
                Some((m.kind.to_string(), vars.join(" "), event.visible_to_customer()))
            }
            _ => None,
        })
        .collect()
}

fn check(done: Result<Done, Rejected>, wanted: &[Said<'_>]) {
    let wanted: Vec<_> =
        wanted.iter().map(|(kind, vars, seen)| ((*kind).into(), (*vars).into(), *seen)).collect();
    assert_eq!(said_by_system(&done.unwrap()), wanted);
}

#[test]
fn routing_says_who_takes_a_new_chat_or_that_it_waits() {
    let start = |placement| Chat::create("mia", open(1, Some(placement))).map(|(_, done)| done);
    check(start(assigned("ann")), &[("routing.assigned", "agent=ann", true)]);
    check(start(Placement::Queued { position: 1 }), &[("routing.unassigned", "", true)]);
    check(start(Placement::Unassigned), &[("routing.unassigned", "", true)]);
    check(Chat::create("ann", open(1, None)).map(|(_, done)| done), &[]);
}

#[test]
fn routing_says_who_gets_a_waiting_chat() {
    check(Chat::waiting().engine(assign("ann")), &[("routing.assigned", "agent=ann", true)]);
}

#[test]
fn closing_says_who_closed_and_the_engine_closes_in_silence() {
    let chat = Chat::held_by("ann");
    check(chat.clone().run("ann", close()), &[("manual_archived_agent", "agent=ann", true)]);
    check(chat.clone().run("mia", close()), &[("manual_archived_customer", "customer=mia", true)]);
    check(chat.clone().engine(close()), &[]);
}

#[test]
fn ending_unserved_is_told_to_agents_only() {
    check(Chat::waiting().engine(Command::EndUnserved), &[("routing.archived_offline", "", false)]);
}

#[test]
fn who_joins_by_themself_or_is_brought_in_is_announced_unless_it_is_the_first_agent() {
    let held = Chat::held_by("ann");
    check(held.clone().run("bob", add("bob")), &[("agent_joined", "agent=bob", true)]);
    check(held.clone().run("ann", add("bob")), &[("agent_added", "initiator=ann agent=bob", true)]);
    check(held.clone().engine(add("bob")), &[("agent_joined", "agent=bob", true)]);
    check(Chat::waiting().run("ann", add("ann")), &[]);
    check(Chat::waiting().run("bob", add("ann")), &[]);
}

#[test]
fn a_customer_who_is_added_is_announced_to_agents_only() {
    let mut chat = Chat::create("ann", open(1, None)).unwrap().0;
    check(chat.run("ann", add("mia")), &[("customer_added", "initiator=ann customer=mia", false)]);
}

#[test]
fn who_leaves_or_is_taken_out_is_announced_with_the_initiator() {
    let two = Chat::held_by("ann").after("ann", add("bob"));
    check(two.clone().run("bob", remove("bob", None)), &[("agent_removed", "initiator=bob agent=bob", true)]);
    check(two.clone().run("ann", remove("bob", None)), &[("agent_removed", "initiator=ann agent=bob", true)]);
}

#[test]
fn after_the_holder_left_routing_says_what_comes() {
    let left = ("agent_removed", "initiator=ann agent=ann", true);
    let leave = |placement| Chat::held_by("ann").run("ann", remove("ann", Some(placement)));
    check(leave(assigned("bob")), &[left, ("routing.assigned", "agent=bob", true)]);
    check(leave(Placement::Unassigned), &[left, ("routing.unassigned", "", true)]);
    check(
        leave(Placement::Refused(Refusal::GroupUnavailable)),
        &[left, ("routing.archived_other", "", true)],
    );
}

#[test]
fn after_the_holder_is_gone_routing_tells_agents_the_cause() {
    for (why, cause) in [
        (Departure::SignedOut, "signed_out"),
        (Departure::Disconnected, "disconnected"),
        (Departure::Deleted, "deleted"),
        (Departure::RemotelySignedOut, "remotely_signed_out"),
    ] {
        let told = |placement, outcome: &str, vars| {
            let command =
                Command::Reassign { from: agent("ann"), why, gone_since: None, placement: Some(placement) };
            let kind = format!("routing.{outcome}_{cause}");
            check(Chat::held_by("ann").engine(command), &[(&kind, vars, false)]);
        };
        told(assigned("bob"), "assigned", "addedAgent=bob removedAgent=ann");
        told(Placement::Unassigned, "unassigned", "agent=ann");
        told(Placement::Queued { position: 1 }, "unassigned", "agent=ann");
        told(Placement::Refused(Refusal::GroupUnavailable), "archived", "agent=ann");
    }
}

#[test]
fn a_system_message_of_a_client_has_no_author_either() {
    let told = SystemMessage { kind: "my_kind".into(), text: "t".into(), vars: Vec::new() };
    let mut chat = Chat::held_by("ann");
    check(
        chat.run("ann", post(event(Visibility::Agents, EventBody::System(told)))),
        &[("my_kind", "", false)],
    );
}
