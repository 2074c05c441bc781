//! What a connection is told without having asked (spec v3.0, section 8).

use serde::{Serialize, Serializer};
use switchboard_domain::conversation::access::{Access, AccessChange, AccessOwner};
use switchboard_domain::conversation::command::TransferTarget;
use switchboard_domain::conversation::event::Visibility;
use switchboard_domain::conversation::property_change::{Place, PropertyChange};
use switchboard_domain::conversation::push::Push;
use switchboard_domain::id::{ConversationId, ThreadId, UserId};

use super::customer::{self, NewsOut};
use super::event::recipients;
use super::payload::{DraftOut, Payload, PostbackOut, TargetOut, TypingOut};
use super::user::routing_status;
use super::{Lens, Text};
use crate::engine::dialect::{Capture, Disconnect, Side};

/// A push as one side sees it.
pub(in super::super) struct PushFrame<'a> {
    lens: Lens<'a>,
    push: &'a Push,
    follows: bool,
}

impl<'a> PushFrame<'a> {
    /// `None` for what this side does not know or may not see.
    pub(in super::super) fn new(side: Side, capture: &'a Capture, follows: bool) -> Option<Self> {
        let push = &capture.what.push;
        let seen = match (side, push) {
            (_, Push::Customer(news)) => customer::heard(side, news),
            (_, Push::AgentDeleted { .. } | Push::StatusChanged { .. }) => false,
            (_, Push::TicketChanged { .. } | Push::Mentioned { .. }) => false,
            (_, Push::WidgetOpened(_) | Push::InboxPut(_)) => false,
            (Side::Agent, _) => true,
            (Side::Customer, push) => match push {
                Push::EventPosted { event, .. } | Push::EventChanged { event, .. } => {
                    event.visible_to_customer()
                }
                Push::Typing { visibility, .. } => *visibility == Visibility::All,
                // Customers are told of access only as a whole.
                Push::AccessChanged { change, .. } => matches!(change, AccessChange::Set(_)),
                Push::AgentStatusChanged { .. }
                | Push::ChatFollowed { .. }
                | Push::TagChanged { .. }
                | Push::DraftShown { .. } => false,
                _ => true,
            },
        };
        seen.then(|| Self { lens: Lens::of(side, capture), push, follows })
    }

    /// As agents see it; also what only webhooks tell.
    pub(super) fn for_webhook(capture: &'a Capture) -> Self {
        Self { lens: Lens::of(Side::Agent, capture), push: &capture.what.push, follows: false }
    }

    /// The name of the push.
    const fn name(&self) -> &'static str {
        match self.push {
            Push::ChatStarted { .. } | Push::ChatFollowed { .. } => "incoming_chat_thread",
            Push::EventPosted { .. } => "incoming_event",
            Push::ThreadClosed { .. } => "thread_closed",
            Push::MemberAdded { .. } => "chat_user_added",
            Push::MemberRemoved { .. } => "chat_user_removed",
            Push::Transferred { .. } => "chat_transferred",
            Push::AgentStatusChanged { .. } => "agent_updated",
            Push::TagChanged { on: true, .. } => "chat_thread_tagged",
            Push::TagChanged { on: false, .. } => "chat_thread_untagged",
            Push::SeenUpTo { .. } => "last_seen_timestamp_updated",
            Push::Typing { .. } => "incoming_typing_indicator",
            Push::DraftShown { .. } => "incoming_sneak_peek",
            Push::PropertiesChanged { place, change, .. } => match (place, change) {
                (Place::Chat, PropertyChange::Set(_)) => "chat_properties_updated",
                (Place::Chat, PropertyChange::Delete(_)) => "chat_properties_deleted",
                (Place::Thread(_), PropertyChange::Set(_)) => "chat_thread_properties_updated",
                (Place::Thread(_), PropertyChange::Delete(_)) => "chat_thread_properties_deleted",
                (Place::Event(_), PropertyChange::Set(_)) => "event_properties_updated",
                (Place::Event(_), PropertyChange::Delete(_)) => "event_properties_deleted",
            },
            Push::EventChanged { .. } => "event_updated",
            Push::PostbackSent { .. } => "incoming_rich_message_postback",
            Push::AccessChanged { change, .. } => match change {
                AccessChange::Granted(_) => "access_granted",
                AccessChange::Revoked(_) => "access_revoked",
                AccessChange::Set(_) => "access_set",
            },
            Push::AgentDeleted { .. } => "agent_deleted",
            // Told to nobody here: see `PushFrame::new`.
            Push::StatusChanged { .. } | Push::TicketChanged { .. } => "ticket_changed",
            Push::Mentioned { .. } => "mentioned",
            Push::WidgetOpened(_) => "widget_opened",
            Push::InboxPut(_) => "inbox_put",
            Push::Customer(news) => customer::name(news),
            Push::Multicast { .. } => "incoming_multicast",
        }
    }

    /// Only customers are told which thread.
    fn transferred(
        &self,
        chat: ConversationId,
        thread: ThreadId,
        by: Option<&'a UserId>,
        to: &'a TransferTarget,
    ) -> Payload<'a> {
        Payload::Transferred {
            chat_id: Text(chat),
            thread_id: self.lens.for_customers(|| Text(thread)),
            requester_id: by.map(Text),
            target: TargetOut::from(to),
        }
    }

    /// What it tells.
    pub(super) fn payload(&self) -> Payload<'a> {
        match self.push {
            Push::ChatStarted { chat, thread } => {
                Payload::Started { chat: Box::new(self.lens.started(chat, thread, self.follows)) }
            }
            Push::EventPosted { chat, thread, event } => Payload::Event {
                chat_id: Text(*chat),
                thread_id: Text(*thread),
                event: self.lens.event(event),
            },
            Push::ThreadClosed { chat, thread, by } => Payload::Closed {
                chat_id: Text(*chat),
                thread_id: Text(*thread),
                user_id: by.as_ref().map(Text),
            },
            Push::MemberAdded { chat, thread, member } => Payload::Added {
                chat_id: Text(*chat),
                thread_id: Text(*thread),
                user: self.lens.user(member),
                user_type: user_type(&member.user),
            },
            Push::MemberRemoved { chat, thread, user } => Payload::Removed {
                chat_id: Text(*chat),
                thread_id: Text(*thread),
                user_id: Text(user),
                user_type: user_type(user),
            },
            Push::Transferred { chat, thread, by, to } => self.transferred(*chat, *thread, by.as_ref(), to),
            Push::AgentStatusChanged { agent, status } => {
                Payload::Status { agent_id: agent.as_str(), routing_status: routing_status(*status) }
            }
            Push::ChatFollowed { chat, thread } => {
                Payload::Started { chat: Box::new(self.lens.started(chat, thread, true)) }
            }
            Push::TagChanged { chat, thread, tag, .. } => {
                Payload::Tag { chat_id: Text(*chat), thread_id: Text(*thread), tag }
            }
            Push::SeenUpTo { chat, thread, user, up_to } => Payload::Seen {
                user_id: Text(user),
                chat_id: Text(*chat),
                thread_id: self.lens.for_customers(|| Text(*thread)),
                timestamp: up_to.as_secs(),
            },
            Push::Typing { chat, thread, author, visibility, at, typing } => Payload::Typing {
                chat_id: Text(*chat),
                thread_id: Text(*thread),
                typing_indicator: TypingOut {
                    author_id: Text(author),
                    recipients: self.lens.for_agents(|| recipients(*visibility)),
                    timestamp: at.as_secs(),
                    is_typing: *typing,
                },
            },
            Push::DraftShown { chat, thread, author, at, text } => Payload::Draft {
                chat_id: Text(*chat),
                thread_id: Text(*thread),
                sneak_peek: DraftOut {
                    author_id: Text(author),
                    recipients: recipients(Visibility::Agents),
                    timestamp: at.as_secs(),
                    text,
                },
            },
            Push::PropertiesChanged { chat, place, change } => Payload::Properties {
                chat_id: Text(*chat),
                thread_id: place.thread().map(Text),
                event_id: match place {
                    Place::Event(id) => Some(Text(*id)),
                    Place::Chat | Place::Thread(_) => None,
                },
                properties: self.lens.property_change(change, place.location()),
            },
            Push::EventChanged { chat, event } => Payload::Event {
                chat_id: Text(*chat),
                thread_id: Text(event.id.thread),
                event: self.lens.event(event),
            },
            Push::PostbackSent { chat, event, user, postback, toggled } => Payload::Postback {
                user_id: Text(user),
                chat_id: Text(*chat),
                thread_id: Text(event.thread),
                event_id: Text(*event),
                postback: PostbackOut { id: postback, toggled: *toggled },
            },
            Push::AccessChanged { of, change, access } => access_changed(of, change, access),
            Push::AgentDeleted { agent } => Payload::Deleted { agent_id: agent.as_str() },
            Push::StatusChanged { chat, .. }
            | Push::TicketChanged { chat, .. }
            | Push::Mentioned { chat, .. } => Payload::Ticket { chat_id: Text(*chat) },
            Push::WidgetOpened(opening) => Payload::Opened { customer_id: Text(opening.customer.id) },
            Push::InboxPut(news) => Payload::Inbox { inbox_id: news.after.inbox.number },
            Push::Customer(news) => Payload::Customer(NewsOut::new(self.lens.side, news)),
            Push::Multicast { author, content, kind } => Payload::Multicast {
                author_id: Text(author),
                // It came as JSON, so it is.
                content: serde_json::from_str(content).ok(),
                kind: self.lens.for_agents(|| kind.as_deref()).flatten(),
            },
        }
    }
}

fn access_changed<'a>(of: &'a AccessOwner, change: &'a AccessChange, access: &'a Access) -> Payload<'a> {
    // Agents are not shown: what they were given shows as the groups that result.
    let named = change.access();
    let shown = if named.groups.is_empty() { access } else { named };
    let (resource, id) = match of {
        AccessOwner::Chat(chat) => ("chat", chat.to_string()),
        AccessOwner::Customer(customer) => ("customer", customer.to_string()),
    };
    Payload::Access { resource, id, access: shown.into() }
}

impl Serialize for PushFrame<'_> {
    /// The whole frame.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Envelope { action: self.name(), kind: "push", payload: self.payload() }.serialize(serializer)
    }
}

#[derive(Serialize)]
struct Envelope<P> {
    action: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    payload: P,
}

const fn user_type(user: &UserId) -> &'static str {
    match user {
        UserId::Agent(_) => "agent",
        UserId::Customer(_) => "customer",
    }
}

#[derive(Serialize)]
struct Reason {
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<ReasonData>,
}

/// How long to wait, in seconds.
#[derive(Serialize)]
struct ReasonData {
    timeout: u64,
}

/// The last push of a connection that we end.
pub(in super::super) fn disconnect(side: Side, why: Disconnect) -> impl Serialize {
    let action = match side {
        Side::Agent => "agent_disconnected",
        Side::Customer => "customer_disconnected",
    };
    let data = match (why, side) {
        (Disconnect::Blocked(timeout), Side::Customer) => Some(ReasonData { timeout }),
        _ => None,
    };
    Envelope { action, kind: "push", payload: Reason { reason: reason(side, why), data } }
}

/// Each side knows its own reasons. Clients come back at once after `connection_timeout` and
/// `internal_error`, and stay away after most others: so a client that was too slow, or that we
/// leave because we restart, is told one of these.
const fn reason(side: Side, why: Disconnect) -> &'static str {
    match (why, side) {
        (Disconnect::Timeout | Disconnect::TooSlow, _) => "connection_timeout",
        (Disconnect::TokenRevoked, Side::Agent) => "access_token_revoked",
        (Disconnect::TokenRevoked, Side::Customer) | (Disconnect::TokenExpired, _) => "access_token_expired",
        (Disconnect::LicenseEnded, _) => "license_not_found",
        (Disconnect::AgentDeleted, Side::Agent) => "agent_deleted",
        (Disconnect::LoggedOutRemotely, Side::Agent) => "agent_logged_out_remotely",
        (Disconnect::CustomerBanned, Side::Customer) => "customer_banned",
        (Disconnect::TooManyConnections, _) | (Disconnect::Blocked(_), Side::Agent) => "too_many_connections",
        (Disconnect::Blocked(_), Side::Customer) => "customer_temporarily_blocked",
        (Disconnect::Inactive, Side::Customer) => "inactivity_timeout",
        (Disconnect::Inactive, Side::Agent) => "connection_timeout",
        (Disconnect::TooManyUnauthorized, _) => "too_many_unauthorized_connections",
        (Disconnect::Shutdown | Disconnect::Internal, _)
        | (Disconnect::AgentDeleted | Disconnect::LoggedOutRemotely, Side::Customer)
        | (Disconnect::CustomerBanned, Side::Agent) => "internal_error",
    }
}
