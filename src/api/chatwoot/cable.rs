//! `/cable`: ActionCable's frames, and what subscribers of a room are told. Source: spec 4.3.

use std::sync::Arc;

use serde_json::{Value, json};
use switchboard_domain::conversation::event::{Event, EventKind, Visibility};
use switchboard_domain::conversation::push::{Push, TicketPart};
use switchboard_domain::id::UserId;
use switchboard_domain::participant::license::License;
use switchboard_domain::participant::news::ContactNews;
use switchboard_domain::time::Timestamp;

use super::show;
use super::widget::token;
use crate::engine::dialect::{Capture, Disconnect};
use crate::engine::order::DeskContext;
use crate::engine::stream::{Audience, Claim, Presence, StreamAsk, StreamDialect};
use crate::engine::visitor::Way;

/// The sub-protocols that are spoken: the client offers another one, too, which means none.
pub(super) const PROTOCOLS: [&str; 1] = ["actioncable-v1-json"];

/// The only channel that there is.
const CHANNEL: &str = "RoomChannel";

/// The dialect of the streams.
pub(super) struct Cable;

/// An event's name and what it says.
type Told = (&'static str, Value);

impl StreamDialect for Cable {
    fn greeting(&self) -> String {
        json!({ "type": "welcome" }).to_string()
    }

    fn beat(&self, at: Timestamp) -> String {
        json!({ "type": "ping", "message": at.as_secs() }).to_string()
    }

    fn read(&self, text: &str) -> Option<(Box<str>, StreamAsk)> {
        let frame: Value = serde_json::from_str(text).ok()?;
        let name = frame["identifier"].as_str()?;
        let ask = match frame["command"].as_str()? {
            "subscribe" => StreamAsk::Subscribe(claim(name)),
            "unsubscribe" => StreamAsk::Unsubscribe,
            "message" => {
                let data: Value = serde_json::from_str(frame["data"].as_str()?).ok()?;
                (data["action"] == "update_presence").then_some(StreamAsk::Present)?
            }
            _ => return None,
        };
        Some((name.into(), ask))
    }

    fn answer(&self, name: &str, admitted: bool) -> String {
        let kind = if admitted { "confirm_subscription" } else { "reject_subscription" };
        json!({ "identifier": name, "type": kind }).to_string()
    }

    fn way(&self, license: &License, token: &str) -> Option<Way> {
        token::read_stream(license, token)
    }

    fn envelope(&self, name: &str) -> [String; 2] {
        [format!("{{\"identifier\":{},\"message\":", Value::from(name)), "}".to_owned()]
    }

    fn events(&self, license: &License, capture: &Capture, to: Audience) -> Vec<String> {
        let told = match &capture.desk {
            Some(cx) => in_conversation(cx, capture, to),
            None => of_contact(license, &capture.what.push, to),
        };
        told.into_iter().map(|(name, data)| message(license, name, data)).collect()
    }

    fn presence(&self, license: &License, presence: &Presence, to: Audience) -> String {
        let users = presence
            .people
            .iter()
            .map(|(number, works)| (number.to_string(), Value::from(if *works { "online" } else { "busy" })));
        let mut data = json!({ "users": Value::Object(users.collect()) });
        if to == Audience::Staff {
            let online = |number: &u64| (number.to_string(), Value::from("online"));
            let contacts = presence.contacts.iter().map(online).collect();
            data["contacts"] = Value::Object(contacts);
        }
        message(license, "presence.update", data)
    }

    fn disconnect(&self, why: Disconnect) -> String {
        let (reason, reconnect) = match why {
            Disconnect::Shutdown => ("server_restart", true),
            Disconnect::TokenRevoked | Disconnect::TokenExpired | Disconnect::LicenseEnded => {
                ("unauthorized", false)
            }
            Disconnect::TooSlow | Disconnect::Timeout | Disconnect::Inactive | Disconnect::Internal => {
                ("remote", true)
            }
            Disconnect::TooManyUnauthorized | Disconnect::TooManyConnections => ("invalid_request", false),
            Disconnect::AgentDeleted
            | Disconnect::CustomerBanned
            | Disconnect::LoggedOutRemotely
            | Disconnect::Blocked(_) => ("remote", false),
        };
        json!({ "type": "disconnect", "reason": reason, "reconnect": reconnect }).to_string()
    }
}

/// Whoever an identifier says that it is. The numbers of a person may be texts, as from a web page.
fn claim(identifier: &str) -> Option<Claim> {
    let said: Value = serde_json::from_str(identifier).ok()?;
    let number = |field: &str| match &said[field] {
        Value::Null => Some(None),
        Value::String(text) => text.parse().ok().map(Some),
        other => other.as_u64().map(Some),
    };
    let person = match (number("account_id")?, number("user_id")?) {
        (Some(account), Some(user)) => Some((account, user)),
        // Whoever names no user is a contact; the account is the contact's own.
        (_, None) => None,
        (None, Some(_)) => return None,
    };
    let token = said["pubsub_token"].as_str()?.into();
    (said["channel"] == CHANNEL).then_some(Claim { token, person })
}

/// What goes into the envelope; everything that is told names its account.
fn message(license: &License, name: &str, data: Value) -> String {
    let data = show::extend(data, json!({ "account_id": license.desk.account }));
    json!({ "event": name, "data": data }).to_string()
}

/// What is told of a contact; itself only that another one became part of it.
fn of_contact(license: &License, push: &Push, to: Audience) -> Vec<Told> {
    let Push::Customer(news) = push else { return Vec::new() };
    let Some((kind, customer)) = news.of_contact() else { return Vec::new() };
    let name = match kind {
        ContactNews::Created => "contact.created",
        ContactNews::Updated => "contact.updated",
        ContactNews::Deleted => "contact.deleted",
        ContactNews::Merged if to == Audience::Contact => {
            return vec![("contact.merged", show::contact_told_itself(customer))];
        }
        ContactNews::Merged => "contact.merged",
    };
    vec![(name, show::contact_in_event(license, customer))]
}

/// Everything that a push in a conversation is to somebody, in the order of telling, with whoever caused it.
fn in_conversation(cx: &DeskContext, capture: &Capture, to: Audience) -> Vec<Told> {
    let mut told = told_in_conversation(cx, capture, to);
    // Customers are no performers, and what the engine does by itself has none.
    let by = cx.by.as_ref().filter(|by| by.agent().is_some()).map(|by| user(cx, by, to));
    if let Some(by) = by.filter(|by| !by.is_null()) {
        for (_, data) in &mut told {
            data["performer"] = by.clone();
        }
    }
    told
}

fn told_in_conversation(cx: &DeskContext, capture: &Capture, to: Audience) -> Vec<Told> {
    let staff = to == Audience::Staff;
    let conversation = |name| (name, conversation(cx, to));
    let for_staff = |name| if staff { vec![conversation(name)] } else { Vec::new() };
    match &capture.what.push {
        Push::ChatStarted { thread, .. } => {
            let made = (thread.order == 1).then(|| conversation("conversation.created"));
            let said = thread.events.iter().flat_map(|event| said(cx, event, to));
            made.into_iter().chain(said).collect()
        }
        Push::EventPosted { event, .. } => said(cx, event, to),
        Push::EventChanged { event, .. } if is_told(event, to) => {
            vec![("message.updated", of_event(cx, event, to))]
        }
        Push::StatusChanged { .. } => {
            let mut told = vec![conversation("conversation.status_changed")];
            told.extend(for_staff("conversation.updated"));
            told
        }
        Push::TicketChanged { part, .. } => {
            let names: &[_] = match part {
                TicketPart::Holder => &["assignee.changed", "conversation.updated"],
                TicketPart::Team => &["team.changed", "conversation.updated"],
                TicketPart::Customer => &["conversation.contact_changed"],
                TicketPart::Rest => &["conversation.updated"],
            };
            names.iter().copied().flat_map(for_staff).collect()
        }
        Push::Mentioned { .. } => for_staff("conversation.mentioned"),
        Push::SeenUpTo { .. } => for_staff("conversation.read"),
        Push::Typing { author, visibility, typing, .. } => {
            let private = *visibility == Visibility::Agents;
            if private && !staff {
                return Vec::new();
            }
            let name = if *typing { "conversation.typing_on" } else { "conversation.typing_off" };
            let data = json!({
                "conversation": self::conversation(cx, to),
                "user": user(cx, author, to),
                "is_private": private,
            });
            vec![(name, data)]
        }
        _ => Vec::new(),
    }
}

fn conversation(cx: &DeskContext, to: Audience) -> Value {
    match to {
        Audience::Staff => show::conversation_in_event(cx),
        Audience::Contact => show::conversation_to_contact(cx),
    }
}

fn is_person(user: &UserId) -> bool {
    user.agent().is_some_and(|agent| !agent.names_a_bot())
}

/// What a message is to somebody.
fn said(cx: &DeskContext, event: &Arc<Event>, to: Audience) -> Vec<Told> {
    if !is_told(event, to) {
        return Vec::new();
    }
    let data = of_event(cx, event, to);
    let mut told = vec![("message.created", data.clone())];
    let first = cx.chat.desk.as_ref().and_then(|desk| desk.ticket.first_reply_at);
    let by_person = event.author.as_ref().is_some_and(is_person);
    if to == Audience::Staff && by_person && first == Some(event.created_at) {
        told.push(("first.reply.created", data));
    }
    told
}

/// Contacts are told neither notes nor what the engine remarks.
fn is_told(event: &Event, to: Audience) -> bool {
    to == Audience::Staff || (event.visible_to_customer() && event.body.kind() != EventKind::System)
}

fn of_event(cx: &DeskContext, event: &Event, to: Audience) -> Value {
    match to {
        Audience::Staff => show::message_on_socket(cx, event),
        Audience::Contact => show::message_to_contact(cx, event),
    }
}

/// Somebody; contacts are told nothing of people but what their messages show.
fn user(cx: &DeskContext, author: &UserId, to: Audience) -> Value {
    match (author, to) {
        (UserId::Agent(agent), Audience::Contact) => {
            cx.profiles.agent(agent).map_or(Value::Null, |agent| show::sender(agent))
        }
        (author, _) => show::user_in_event(cx, author),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    fn read(frame: &Value) -> Option<(Box<str>, StreamAsk)> {
        Cable.read(&frame.to_string())
    }

    #[test]
    fn a_subscription_is_named_by_the_clients_own_text() {
        let of = |identifier: &str| {
            let (name, ask) = read(&json!({ "command": "subscribe", "identifier": identifier })).unwrap();
            assert_eq!(&*name, identifier);
            let StreamAsk::Subscribe(claim) = ask else { unreachable!() };
            claim
        };
        let contact = of(r#"{ "pubsub_token":"t",  "channel" : "RoomChannel" }"#).unwrap();
        assert_eq!(contact, Claim { token: "t".into(), person: None });
        let person =
            of(r#"{"channel":"RoomChannel","pubsub_token":"t","account_id":"1","user_id":2}"#).unwrap();
        assert_eq!(person.person, Some((1, 2)));
        for nobody in [
            "RoomChannel",
            "{}",
            r#"{"channel":"RoomChannel"}"#,
            r#"{"channel":"OtherChannel","pubsub_token":"t"}"#,
            r#"{"channel":"RoomChannel","pubsub_token":"t","user_id":2}"#,
            r#"{"channel":"RoomChannel","pubsub_token":"t","account_id":1,"user_id":"x"}"#,
        ] {
            assert_eq!(of(nobody), None, "{nobody}");
        }
    }

    #[test]
    fn other_commands_are_read_and_nonsense_is_not() {
        let ask = |frame: Value| read(&frame).map(|(_, ask)| ask);
        let presence = json!({ "action": "update_presence" }).to_string();
        let message = |data: &str| json!({ "command": "message", "identifier": "{}", "data": data });
        assert_eq!(ask(message(&presence)), Some(StreamAsk::Present));
        assert_eq!(ask(json!({ "command": "unsubscribe", "identifier": "x" })), Some(StreamAsk::Unsubscribe));
        for nonsense in [
            message("{}"),
            message("not JSON"),
            json!({ "command": "dance", "identifier": "x" }),
            json!({ "command": "subscribe" }),
            json!(["subscribe"]),
        ] {
            assert_eq!(ask(nonsense.clone()), None, "{nonsense}");
        }
        assert_eq!(Cable.read("{"), None);
    }

    #[test]
    fn what_is_told_stands_in_the_subscriptions_envelope() {
        let name = r#"{"channel":"RoomChannel"}"#;
        let whole = Cable.envelope(name).join(r#"{"event":"x"}"#);
        let read: Value = serde_json::from_str(&whole).unwrap();
        assert_eq!(read, json!({ "identifier": name, "message": { "event": "x" } }));
    }
}
