//! The system messages that the engine itself writes. Clients key on kind and variables; the
//! wording is ours. Source: spec v3.0, 4.6 (kinds, variables, which of them customers see).

use crate::conversation::event::{EventBody, NewEvent, SystemMessage, Visibility};
use crate::conversation::membership::Cause;
use crate::conversation::properties::Properties;
use crate::id::UserId;
use crate::participant::Departure;

fn message(kind: &str, text: String, vars: &[(&str, &str)]) -> NewEvent {
    let vars = vars.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    NewEvent {
        custom_id: None,
        visibility: Visibility::All,
        properties: Properties::default(),
        body: EventBody::System(SystemMessage { kind: kind.into(), text: text.into(), vars }),
        details: None,
    }
}

/// The router gave the chat to an agent.
pub(super) fn assigned(agent: &str) -> NewEvent {
    message("routing.assigned", format!("{agent} takes the chat"), &[("agent", agent)])
}

/// Nobody can take the chat now.
pub(super) fn unassigned() -> NewEvent {
    message("routing.unassigned", "The chat waits for an agent".into(), &[])
}

/// Another agent has the chat that somebody had before.
pub(super) fn reassigned(cause: Cause, added: &str, removed: &str) -> NewEvent {
    let text = format!("{added} takes the chat after {removed}");
    match cause {
        Cause::Left => assigned(added),
        Cause::Gone(why) => {
            let kind = format!("routing.assigned_{}", suffix(why));
            for_agents(message(&kind, text, &[("addedAgent", added), ("removedAgent", removed)]))
        }
        Cause::Inactive(seconds) => {
            let duration = minutes(seconds);
            let vars = [("agent_added", added), ("agent_removed", removed), ("duration", &duration)];
            for_agents(message("routing.assigned_inactive", text, &vars))
        }
    }
}

/// Nobody has the chat that somebody had before.
pub(super) fn deprived(cause: Cause, agent: &str) -> NewEvent {
    let text = format!("The chat waits for an agent after {agent}");
    match cause {
        Cause::Left => unassigned(),
        Cause::Gone(why) => {
            let kind = format!("routing.unassigned_{}", suffix(why));
            for_agents(message(&kind, text, &[("agent", agent)]))
        }
        Cause::Inactive(seconds) => {
            message("routing.unassigned", text, &[("agent", agent), ("duration", &minutes(seconds))])
        }
    }
}

/// The chat ends, because nobody can take over.
pub(super) fn archived(cause: Cause, agent: &str) -> NewEvent {
    let text = String::from("Nobody can take over: the chat was closed");
    match cause {
        Cause::Left => message("routing.archived_other", text, &[]),
        Cause::Gone(why) => {
            let kind = format!("routing.archived_{}", suffix(why));
            for_agents(message(&kind, text, &[("agent", agent)]))
        }
        Cause::Inactive(seconds) => archived_inactive(seconds),
    }
}

/// Nothing was said for a while.
pub(super) fn idle(seconds: u32) -> NewEvent {
    let duration = minutes(seconds);
    message("routing.idle", format!("Nothing was said for {duration} minutes"), &[("duration", &duration)])
}

/// The chat ends, because nothing was said for long.
pub(super) fn archived_inactive(seconds: u32) -> NewEvent {
    let duration = minutes(seconds);
    let text = format!("Nothing was said for {duration} minutes: the chat was closed");
    message("routing.archived_inactive", text, &[("duration", &duration)])
}

/// A duration as variables hold it: whole minutes, a part of one counts as one.
fn minutes(seconds: u32) -> String {
    seconds.div_ceil(60).to_string()
}

const fn suffix(why: Departure) -> &'static str {
    match why {
        Departure::SignedOut | Departure::ByHand => "signed_out",
        Departure::Disconnected => "disconnected",
        Departure::Deleted => "deleted",
        Departure::RemotelySignedOut => "remotely_signed_out",
    }
}

/// What the engine tells of its own accord, for people only.
pub(super) fn told(what: &str) -> NewEvent {
    message("desk.told", what.to_owned(), &[])
}

fn for_agents(mut event: NewEvent) -> NewEvent {
    event.visibility = Visibility::Agents;
    event
}

/// The chat ends because nobody is left who could take it.
pub(super) fn archived_offline() -> NewEvent {
    for_agents(message("routing.archived_offline", "Nobody is available: the chat was closed".into(), &[]))
}

/// The thread ends, because its customer left the site.
pub(super) fn customer_gone(customer: &str) -> NewEvent {
    let text = format!("{customer} left the site: the chat was closed");
    for_agents(message("archived_customer_disconnected", text, &[("customer", customer)]))
}

/// The thread ends, because its customer was banned.
pub(super) fn customer_banned(agent: &str, days: u32) -> NewEvent {
    let text = format!("{agent} banned the customer for {days} days");
    message("customer_banned", text, &[("agent", agent), ("duration", &days.to_string())])
}

/// Somebody closed the thread.
pub(super) fn closed_by(user: &UserId, name: &str) -> NewEvent {
    let text = format!("{name} closed the chat");
    match user {
        UserId::Agent(_) => message("manual_archived_agent", text, &[("agent", name)]),
        UserId::Customer(_) => message("manual_archived_customer", text, &[("customer", name)]),
    }
}

/// Somebody joined, by themself or brought in by `initiator`.
pub(super) fn joined(user: &UserId, name: &str, initiator: Option<&str>) -> NewEvent {
    match (user, initiator) {
        (UserId::Agent(_), None) => {
            message("agent_joined", format!("{name} joined the chat"), &[("agent", name)])
        }
        (UserId::Agent(_), Some(by)) => message(
            "agent_added",
            format!("{by} added {name} to the chat"),
            &[("initiator", by), ("agent", name)],
        ),
        (UserId::Customer(_), by) => {
            let by = by.unwrap_or(name);
            let text = format!("{by} added {name} to the chat");
            for_agents(message("customer_added", text, &[("initiator", by), ("customer", name)]))
        }
    }
}

/// Somebody handed the chat over.
pub(super) fn transferred(initiator: Option<&str>, targets: &str) -> NewEvent {
    let by = initiator.unwrap_or("Routing");
    let text = format!("{by} transferred the chat to {targets}");
    message("chat_transferred", text, &[("initiator", by), ("targets", targets)])
}

/// Somebody left or was taken out.
pub(super) fn removed(name: &str, initiator: Option<&str>) -> NewEvent {
    let by = initiator.unwrap_or(name);
    let text = if by == name { format!("{name} left the chat") } else { format!("{by} removed {name}") };
    message("agent_removed", text, &[("initiator", by), ("agent", name)])
}

/// The customer rated the chat.
pub(super) fn rated(customer: &str, score: i32) -> NewEvent {
    let (text, score) = (format!("{customer} rated the chat: {score}"), score.to_string());
    for_agents(message("rating.chat_rated", text, &[("customer", customer), ("score", &score)]))
}

/// The customer explained its rating.
pub(super) fn commented(customer: &str, comment: &str) -> NewEvent {
    let text = format!("{customer} commented on the rating");
    for_agents(message("rating.chat_commented", text, &[("customer", customer), ("comment", comment)]))
}

/// The customer took its rating back.
pub(super) fn rating_canceled(customer: &str) -> NewEvent {
    let text = format!("{customer} took back the rating");
    for_agents(message("rating.chat_rating_canceled", text, &[("customer", customer)]))
}
