//! What bots and hooks are told: the bodies of their webhook calls, and how those are signed.
//! Source: spec, section 5.

use std::sync::Arc;

use http::HeaderName;
use serde_json::{Value, json};
use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::event::{Event, EventKind, Visibility};
use switchboard_domain::conversation::push::{Push, TicketPart, Told};
use switchboard_domain::conversation::ticket::Status;
use switchboard_domain::conversation::view::ChatView;
use switchboard_domain::desk::DeskHearing;
use switchboard_domain::participant::license::License;
use switchboard_domain::participant::news::{ContactNews, CustomerNews};
use switchboard_domain::webhook::{Endpoint, Owner};

use super::show;
use crate::engine::dialect::{Capture, Dialect, Disconnect, Encoded, Frame, FrameHead, Side};
use crate::engine::order::{DeskContext, Failure, Outcome};
use crate::outbound::Form;

/// The names of events, as their receivers know them.
pub(super) const MESSAGE_CREATED: &str = "message_created";
const MESSAGE_UPDATED: &str = "message_updated";
const CONVERSATION_CREATED: &str = "conversation_created";
const CONVERSATION_UPDATED: &str = "conversation_updated";
const CONVERSATION_OPENED: &str = "conversation_opened";
const CONVERSATION_RESOLVED: &str = "conversation_resolved";
const STATUS_CHANGED: &str = "conversation_status_changed";
/// What the product calls it, and what its guide for bots does.
const WEBWIDGET_TRIGGERED: &str = "webwidget_triggered";
const WIDGET_TRIGGERED: &str = "widget_triggered";
const CONTACT_CREATED: &str = "contact_created";
const CONTACT_UPDATED: &str = "contact_updated";
const INBOX_CREATED: &str = "inbox_created";
const INBOX_UPDATED: &str = "inbox_updated";
const TYPING_ON: &str = "conversation_typing_on";
const TYPING_OFF: &str = "conversation_typing_off";

static SIGNATURE: Form = Form {
    delivery: HeaderName::from_static("x-chatwoot-delivery"),
    timestamp: HeaderName::from_static("x-chatwoot-timestamp"),
    signature: HeaderName::from_static("x-chatwoot-signature"),
    prefix: "sha256=",
};

/// The dialect of the calls.
pub(super) struct Hooks;

/// Whom is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Receiver {
    /// A bot: of what its guide names.
    Bot,
    /// The address of an inbox: of everything in its conversations.
    Inbox,
    /// A hook of the account: of what it named.
    Hook,
}

impl Receiver {
    fn of(endpoint: &Endpoint, hearing: &DeskHearing) -> Self {
        match endpoint.owner {
            Owner::DeskBot(_) => Self::Bot,
            _ if hearing.words.is_empty() => Self::Inbox,
            _ => Self::Hook,
        }
    }
}

/// An event's name and body.
type Call = (&'static str, Value);

/// Everything that a push is to a receiver, in the order of telling.
fn calls(cx: &DeskContext, push: &Push, receiver: Receiver) -> Vec<Call> {
    let message = |event: &Arc<Event>, name: &'static str| (name, show::message_in_event(cx, event, name));
    match push {
        Push::ChatStarted { thread, .. } => {
            let made = (thread.order == 1)
                .then(|| conversation(cx, CONVERSATION_CREATED, json!({ "messages": [] })));
            let said = thread.events.iter().filter(|event| is_said(event));
            made.into_iter().chain(said.map(|event| message(event, MESSAGE_CREATED))).collect()
        }
        Push::EventPosted { event, .. } if is_said(event) => vec![message(event, MESSAGE_CREATED)],
        Push::EventChanged { event, .. } if is_said(event) => vec![message(event, MESSAGE_UPDATED)],
        Push::StatusChanged { from, to, .. } => {
            let change = json!([{ "status": { "previous_value": from.word(), "current_value": to.word() } }]);
            let special = match to {
                Status::Open => Some(CONVERSATION_OPENED),
                Status::Resolved => Some(CONVERSATION_RESOLVED),
                Status::Pending | Status::Snoozed => None,
            };
            let special =
                special.filter(|_| receiver != Receiver::Hook).map(|name| conversation(cx, name, json!({})));
            let changed = conversation(cx, STATUS_CHANGED, json!({ "changed_attributes": change }));
            special.into_iter().chain([changed]).collect()
        }
        // Whose it is is none of what a hook may ask for.
        Push::TicketChanged { part: TicketPart::Customer, .. } => Vec::new(),
        Push::TicketChanged { .. } if receiver != Receiver::Bot => {
            vec![conversation(cx, CONVERSATION_UPDATED, json!({ "changed_attributes": [] }))]
        }
        Push::Typing { author, visibility, typing, .. } if receiver != Receiver::Bot => {
            let name = if *typing { TYPING_ON } else { TYPING_OFF };
            let private = *visibility == Visibility::Agents;
            vec![(name, show::typing_in_event(cx, author, private, name))]
        }
        _ => Vec::new(),
    }
}

/// What is told of a contact: that it is there, and what of it changed. That one is gone is told nobody.
fn of_contact(license: &License, news: &CustomerNews) -> Option<Call> {
    let (kind, customer) = news.of_contact()?;
    let shown = |name: &'static str, more: Value| {
        let told = show::extend(json!({ "event": name }), more);
        (name, show::extend(show::contact_in_event(license, customer), told))
    };
    match (kind, news) {
        (ContactNews::Created, _) => Some(shown(CONTACT_CREATED, json!({}))),
        (ContactNews::Updated, CustomerNews::Updated { before, .. }) => {
            let changes = show::contact_changes(before, customer);
            let told = changes.as_array().is_some_and(|changes| !changes.is_empty());
            told.then(|| shown(CONTACT_UPDATED, json!({ "changed_attributes": changes })))
        }
        _ => None,
    }
}

/// What the engine itself remarks is told nobody.
fn is_said(event: &Event) -> bool {
    event.body.kind() != EventKind::System
}

/// A conversation event: flat as the product has it, and nested as its documentation shows it.
fn conversation(cx: &DeskContext, name: &'static str, more: Value) -> Call {
    let flat = show::conversation_in_event(cx);
    let nested = json!({ "event": name, "conversation": flat, "account": show::account(&cx.license) });
    (name, show::extend(show::extend(flat, nested), more))
}

impl Dialect for Hooks {
    fn desk_calls(&self, license: &License, endpoint: &Endpoint, capture: &Capture) -> Vec<Vec<u8>> {
        let Some(hearing) = &endpoint.desk else { return Vec::new() };
        let receiver = Receiver::of(endpoint, hearing);
        let wanted =
            |name: &str| hearing.words.is_empty() || hearing.words.iter().any(|word| &**word == name);
        let calls = match (&capture.what.push, &capture.desk) {
            (Push::WidgetOpened(opening), current) => {
                let names: &[_] = match receiver {
                    Receiver::Hook => &[WEBWIDGET_TRIGGERED],
                    _ => &[WEBWIDGET_TRIGGERED, WIDGET_TRIGGERED],
                };
                let call = |name: &&'static str| {
                    (*name, show::opening_in_event(license, opening, current.as_deref(), name))
                };
                names.iter().map(call).collect()
            }
            (Push::Customer(news), _) => of_contact(license, news).into_iter().collect(),
            (Push::InboxPut(news), _) => {
                let name = if news.before.is_some() { INBOX_UPDATED } else { INBOX_CREATED };
                vec![(name, show::inbox_news(license, news, name))]
            }
            (push, Some(cx)) => calls(cx, push, receiver),
            (_, None) => Vec::new(),
        };
        calls
            .into_iter()
            .filter(|(name, _)| wanted(name))
            .map(|(_, body)| body.to_string().into_bytes())
            .collect()
    }

    fn signature_form(&self) -> Option<&'static Form> {
        Some(&SIGNATURE)
    }

    fn webhook(&self, _: &Endpoint, _: &Capture, _: Option<&ChatView>) -> Option<Vec<u8>> {
        None
    }

    fn read(&self, _: Side, _: Option<&Principal>, _: &str) -> Frame {
        Frame { head: FrameHead::default(), ask: Err(Failure::UnknownAction), key: None }
    }

    fn answer(&self, _: Side, _: &FrameHead, _: &Outcome, _: Option<&Principal>) -> String {
        String::new()
    }

    fn push(&self, _: Side, _: &Capture, _: bool) -> Option<Encoded> {
        None
    }

    fn depends_on_follower(&self, _: &Told) -> bool {
        false
    }

    fn same_for_both_sides(&self, _: &Told) -> bool {
        false
    }

    fn disconnect(&self, _: Side, _: Disconnect) -> String {
        String::new()
    }
}
