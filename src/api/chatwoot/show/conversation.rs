//! Conversations. Source: spec 2.3, 4.1 and 5.3.

use std::sync::Arc;

use serde_json::{Value, json};
use switchboard_domain::conversation::event::Event;
use switchboard_domain::conversation::ticket::{Status, Ticket, Urgency};
use switchboard_domain::conversation::view::DeskView;
use switchboard_domain::id::UserId;
use switchboard_domain::participant::contact::ContactEntry;
use switchboard_domain::participant::customer::Customer;
use switchboard_domain::time::Timestamp;

use super::contact::{contact_to_itself, entry_in_event};
use super::inbox::channel_type;
use super::{
    account, agent, contact, contact_in_event, extend, fraction, message_on_socket, message_to_contact,
    object, public_message, seconds, team,
};
use crate::engine::order::DeskContext;

/// How it stands.
pub(in super::super) fn status_of(cx: &DeskContext) -> Status {
    let closed = if cx.chat.active { Status::Open } else { Status::Resolved };
    cx.chat.desk.as_ref().map_or(closed, |desk| desk.status)
}

fn customer(cx: &DeskContext) -> Option<&Arc<Customer>> {
    cx.profiles.customer(cx.chat.customer?)
}

/// The way that its customer came in by.
pub(super) fn entry(cx: &DeskContext) -> Option<(&Customer, &ContactEntry)> {
    let customer = customer(cx)?;
    let number = cx.chat.desk.as_ref()?.ticket.entry;
    Some((customer, customer.contact.as_deref()?.entry(number)?))
}

/// The parts that all forms share.
struct Parts<'a> {
    ticket: Ticket,
    desk: Option<&'a DeskView>,
    last: Option<&'a Arc<Event>>,
    inbox: u64,
    channel: Option<&'static str>,
    verified: bool,
}

impl<'a> Parts<'a> {
    fn of(cx: &'a DeskContext) -> Self {
        let desk = cx.chat.desk.as_deref();
        let inbox = cx.license.desk.inbox_for(&cx.chat.access);
        Self {
            ticket: desk.map(|desk| desk.ticket.clone()).unwrap_or_default(),
            desk,
            last: desk.and_then(|desk| desk.last.as_ref()),
            inbox: inbox.map_or(0, |inbox| inbox.number),
            channel: inbox.map(|inbox| channel_type(inbox.channel)),
            verified: entry(cx).is_some_and(|(_, entry)| entry.verified),
        }
    }

    fn seen(&self, who: usize) -> Option<Timestamp> {
        self.desk.and_then(|desk| desk.seen[who])
    }

    /// What answers and events have alike.
    fn common(&self, cx: &DeskContext) -> Value {
        json!({
            "inbox_id": self.inbox,
            "status": status_of(cx).word(),
            "priority": self.ticket.urgency.map(Urgency::word),
            "labels": self.ticket.labels,
            "additional_attributes": object(&self.ticket.additional_attributes),
            "custom_attributes": object(&self.ticket.custom_attributes),
            "can_reply": true,
            "snoozed_until": self.desk.and_then(|desk| desk.until).map(Timestamp::as_secs),
            "unread_count": self.desk.map_or(0, |desk| desk.unread),
            "created_at": self.ticket.created_at.as_secs(),
            "updated_at": fraction(self.ticket.updated_at.max(cx.chat.last_activity)),
            "timestamp": cx.chat.last_activity.as_secs(),
            "last_activity_at": cx.chat.last_activity.as_secs(),
            "agent_last_seen_at": seconds(self.seen(1)),
            "contact_last_seen_at": seconds(self.seen(0)),
        })
    }
}

/// Who has it, in answers: the keys that there is something to say for.
fn meta(cx: &DeskContext, parts: &Parts<'_>) -> Value {
    let mut meta = json!({
        "sender": customer(cx).map(|customer| contact(customer, cx.present)),
        "channel": parts.channel,
        "hmac_verified": parts.verified,
    });
    let holder =
        parts.desk.and_then(|desk| desk.holder.as_ref()).and_then(|holder| cx.profiles.agent(holder));
    if let Some(holder) = holder {
        let more = if holder.bot_of.is_some() {
            json!({ "assignee_type": "AgentBot" })
        } else {
            json!({ "assignee": agent(&cx.license, holder), "assignee_type": "User" })
        };
        meta = extend(meta, more);
    }
    let own = parts.ticket.team.and_then(|number| cx.license.desk.teams.get(&number));
    match own {
        Some(own) => extend(meta, json!({ "team": team(&cx.license, own, None) })),
        None => meta,
    }
}

/// A conversation, as answers show it.
pub(in super::super) fn conversation(cx: &DeskContext) -> Value {
    let parts = Parts::of(cx);
    let last = parts.last.map(|event| message_on_socket(cx, event));
    let shown = json!({
        "id": cx.chat.number,
        "uuid": uuid(cx),
        "account_id": cx.license.desk.account,
        "meta": meta(cx, &parts),
        "messages": last.iter().collect::<Vec<_>>(),
        "last_non_activity_message": last,
        "muted": parts.ticket.muted,
        "assignee_last_seen_at": seconds(parts.seen(2)),
        "first_reply_created_at": seconds(parts.ticket.first_reply_at),
        "waiting_since": seconds(parts.ticket.waiting_since),
    });
    extend(shown, parts.common(cx))
}

/// A name of the conversation that is the same everywhere: made of its own.
fn uuid(cx: &DeskContext) -> String {
    let bits = u128::from(cx.license.id.0) << 64 | u128::from(cx.chat.id.to_bits());
    let hex = format!("{:032x}", bits & !(0xf << 76) | (0x8 << 76));
    [&hex[..8], &hex[8..12], &hex[12..16], "8000", &hex[20..]].join("-")
}

/// A conversation, as events show it.
pub(in super::super) fn conversation_in_event(cx: &DeskContext) -> Value {
    let parts = Parts::of(cx);
    let holder =
        parts.desk.and_then(|desk| desk.holder.as_ref()).and_then(|holder| cx.profiles.agent(holder));
    let human = holder.filter(|holder| holder.bot_of.is_none());
    let kind = holder.map(|holder| if holder.bot_of.is_some() { "AgentBot" } else { "User" });
    let own = parts.ticket.team.and_then(|number| cx.license.desk.teams.get(&number));
    let last = parts.last.map(|event| message_on_socket(cx, event));
    let shown = json!({
        "id": cx.chat.number,
        "assignee_id": human.map(|human| human.number),
        "channel": parts.channel,
        "contact_inbox": entry(cx).map(|(customer, entry)| entry_in_event(customer, entry)),
        "messages": last.into_iter().collect::<Vec<_>>(),
        "meta": {
            "sender": customer(cx).map(|customer| contact_in_event(&cx.license, customer)),
            "assignee": human.map(|human| super::person_in_event(human)),
            "assignee_type": kind,
            "team": own.map(|own| team(&cx.license, own, None)),
            "hmac_verified": parts.verified,
        },
        "first_reply_created_at": parts.ticket.first_reply_at.map(Timestamp::as_secs),
        "waiting_since": seconds(parts.ticket.waiting_since),
        "account": account(&cx.license),
    });
    extend(shown, parts.common(cx))
}

/// Somebody types, or not any more, as hooks are told it.
pub(in super::super) fn typing_in_event(
    cx: &DeskContext,
    author: &UserId,
    private: bool,
    event: &str,
) -> Value {
    json!({
        "event": event,
        "user": user_in_event(cx, author),
        "conversation": conversation_in_event(cx),
        "is_private": private,
        "account": account(&cx.license),
    })
}

/// Whoever does something in it, as events show it; null for who is not known any more.
pub(in super::super) fn user_in_event(cx: &DeskContext, user: &UserId) -> Value {
    let shown = match user {
        UserId::Agent(agent) => cx.profiles.agent(agent).map(|agent| super::person_in_event(agent)),
        UserId::Customer(customer) => {
            cx.profiles.customer(*customer).map(|customer| contact_in_event(&cx.license, customer))
        }
    };
    shown.unwrap_or(Value::Null)
}

/// The same, as its customer is told it: nothing that the desk keeps for itself.
pub(in super::super) fn conversation_to_contact(cx: &DeskContext) -> Value {
    let desk = cx.chat.desk.as_deref();
    let said = desk.and_then(|desk| desk.said.as_ref()).map(|event| message_to_contact(cx, event));
    let holder = desk.and_then(|desk| desk.holder.as_ref()).and_then(|holder| cx.profiles.agent(holder));
    let mut shown = extend(
        conversation_in_event(cx),
        json!({
            "messages": said.into_iter().collect::<Vec<_>>(),
            "labels": [],
            "priority": null,
            "custom_attributes": {},
            "additional_attributes": {},
            "snoozed_until": null,
        }),
    );
    shown["meta"] = json!({
        "sender": customer(cx).map(|customer| contact_to_itself(cx, customer)),
        "assignee": holder.filter(|holder| holder.bot_of.is_none()).map(|holder| super::sender(holder)),
        "assignee_type": shown["meta"]["assignee_type"],
        "team": null,
        "hmac_verified": shown["meta"]["hmac_verified"],
    });
    shown
}

/// A conversation, as its customer sees it, with some of its messages.
pub(in super::super) fn public_conversation(cx: &DeskContext, messages: &[Arc<Event>]) -> Value {
    let parts = Parts::of(cx);
    let shown: Vec<Value> = messages.iter().map(|event| public_message(cx, event)).collect();
    json!({
        "id": cx.chat.number,
        "uuid": uuid(cx),
        "inbox_id": parts.inbox,
        "contact_last_seen_at": seconds(parts.seen(0)),
        "status": status_of(cx).word(),
        "agent_last_seen_at": seconds(parts.seen(1)),
        "messages": shown,
        "contact": customer(cx).map(|customer| contact_to_itself(cx, customer)),
    })
}
