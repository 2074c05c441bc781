//! Captures pushes with the profiles they show, and turns them into due webhook calls (D5, D10).

use std::sync::Arc;

use switchboard_domain::conversation::Conversation;
use switchboard_domain::conversation::event::EventBody;
use switchboard_domain::conversation::properties::Properties;
use switchboard_domain::conversation::push::{Push, Told};
use switchboard_domain::id::AgentId;
use switchboard_domain::webhook::{
    Action, AuthorKind, Delivery, DeliveryId, Endpoint, EndpointId, Lane, Occasion, Owner,
};

use crate::engine::dialect::Capture;
use crate::engine::entry::Entry;
use crate::engine::handle::EngineHandle;
use crate::engine::limits::{DELIVERY_BYTES_PER_CHANGE, DELIVERY_OVERHEAD};
use crate::engine::order::Shown;
use crate::engine::tables::LicenseTable;
use crate::telemetry::clock;

/// A push with the profiles of the users named in it, as they are at this moment.
pub(crate) fn capture(table: &LicenseTable, told: Told) -> Arc<Capture> {
    let profiles = table.profiles(told.push.users());
    Arc::new(Shown { what: Arc::new(told), profiles, properties: table.properties() })
}

/// Matches a push against the endpoints that are live now, and adds a due delivery for each to
/// the batch that caused it. `chat` is the conversation behind the push, when there is one.
pub(crate) fn deliveries(
    engine: &EngineHandle,
    table: &LicenseTable,
    mut chat: Option<&mut Conversation>,
    capture: &Capture,
    batch: &mut Vec<Entry>,
) {
    let push = &capture.what.push;
    let Some(action) = Action::of(push) else { return };
    let endpoints = table.endpoints.load();
    if !endpoints.hears(action) {
        return;
    }
    let view = chat.as_deref().map(Conversation::chat_view);
    let none = Properties::default();
    let members: Vec<AgentId> =
        chat.as_deref().map(|chat| chat.present_agents().cloned().collect()).unwrap_or_default();
    let occasion = Occasion {
        action,
        author: author(push),
        members: &members,
        subject: match push {
            Push::AgentStatusChanged { agent, .. } | Push::AgentDeleted { agent } => Some(agent),
            _ => None,
        },
        chat_properties: view.as_ref().map_or(&none, |view| &view.properties),
    };
    let mut bytes = owed(batch);
    for endpoint in endpoints.matching(&occasion) {
        let Some(dialect) = engine.dialect(endpoint.dialect) else { continue };
        let Some(body) = dialect.webhook(endpoint, capture, view.as_ref()) else { continue };
        bytes += weight(&body, endpoint.url.len());
        if bytes > DELIVERY_BYTES_PER_CHANGE {
            tracing::error!(license = %table.id, endpoint = ?endpoint.id, "a change has more to tell webhooks than fits");
            break;
        }
        // Unique without drawing anything: the conversation counts its deliveries.
        let (id, number) = match chat.as_deref_mut() {
            Some(chat) => {
                let number = chat.next_delivery();
                (DeliveryId::of_conversation(chat.id(), number), number)
            }
            None => (DeliveryId::new(&format!("{:032x}", clock::random_u128())), 0),
        };
        let delivery = Delivery {
            id,
            lane: Lane { endpoint: lane(endpoint), conversation: push.chat() },
            owner: endpoint.owner.clone(),
            url: endpoint.url.clone(),
            body: Arc::from(body),
            due_since: clock::now(),
        };
        batch.push(Entry::DeliveryDue(table.id, Arc::new(delivery), number));
    }
}

/// Bytes that a delivery takes in a record: its body, its address, and what names it.
const fn weight(body: &[u8], url_bytes: usize) -> usize {
    body.len() + url_bytes + DELIVERY_OVERHEAD
}

/// Bytes of the webhook calls in a batch.
fn owed(batch: &[Entry]) -> usize {
    let bytes = |entry: &Entry| match entry {
        Entry::DeliveryDue(_, delivery, _) => weight(&delivery.body, delivery.url.len()),
        _ => 0,
    };
    batch.iter().map(bytes).sum()
}

/// A bot hears everything about a chat in one order, whatever the action.
fn lane(endpoint: &Endpoint) -> EndpointId {
    match &endpoint.owner {
        Owner::Bot(bot) => EndpointId::new(bot.as_str()),
        Owner::License => endpoint.id.clone(),
    }
}

fn author(push: &Push) -> Option<AuthorKind> {
    let Push::EventPosted { event, .. } = push else { return None };
    match (&event.body, &event.author) {
        (EventBody::System(_), _) | (_, None) => None,
        (_, Some(author)) => Some(AuthorKind::of(author)),
    }
}
