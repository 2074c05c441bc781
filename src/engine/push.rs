//! Captures pushes with the profiles they show, and turns them into due webhook calls (D5, D10).

use std::sync::Arc;

use switchboard_domain::conversation::Conversation;
use switchboard_domain::conversation::event::{Event, EventBody};
use switchboard_domain::conversation::properties::Properties;
use switchboard_domain::conversation::push::{Push, Told};
use switchboard_domain::conversation::view::ChatView;
use switchboard_domain::desk::DeskOccasion;
use switchboard_domain::id::{AgentId, GroupId, UserId};
use switchboard_domain::participant::license::License;
use switchboard_domain::webhook::{
    Action, AuthorKind, Delivery, DeliveryId, Endpoint, EndpointId, Lane, Occasion, Owner,
};

use crate::engine::dialect::Capture;
use crate::engine::entry::Entry;
use crate::engine::handle::EngineHandle;
use crate::engine::limits::{DELIVERY_BYTES_PER_CHANGE, DELIVERY_OVERHEAD};
use crate::engine::order::{DeskContext, Shown};
use crate::engine::tables::LicenseTable;
use crate::telemetry::clock;

/// A push with the profiles of the users named in it, as they are at this moment.
pub(crate) fn capture(table: &LicenseTable, told: Told) -> Arc<Capture> {
    capture_for(table, told, None)
}

/// The same, of a help desk's conversation.
pub(crate) fn capture_for(table: &LicenseTable, told: Told, desk: Option<Arc<DeskContext>>) -> Arc<Capture> {
    let profiles = table.profiles(told.push.users());
    Arc::new(Shown { what: Arc::new(told), profiles, properties: table.properties(), desk })
}

/// What a help desk needs to show a conversation; `None` for one that is no desk's.
pub(crate) fn desk_context(
    engine: &EngineHandle,
    table: &LicenseTable,
    chat: &Conversation,
    told: &[Told],
    by: Option<&UserId>,
) -> Option<Arc<DeskContext>> {
    chat.ticket()?;
    if let Some(customer) = chat.customer().filter(|customer| table.customer(*customer).is_none()) {
        // Its profile is shown, so that it has to be known.
        drop(engine.directory().customer(engine, table.id, customer));
    }
    let named = told.iter().flat_map(|told| told.push.users()).chain(by).cloned().collect::<Vec<_>>();
    Some(Arc::new(DeskContext { by: by.cloned(), ..desk_view(table, chat.chat_view(), &named) }))
}

/// The same of what was read of it.
pub(crate) fn desk_view(table: &LicenseTable, chat: ChatView, named: &[UserId]) -> DeskContext {
    // Whoever wrote need not be in it.
    let last = chat.desk.as_ref().and_then(|desk| desk.last.as_ref()?.author.as_ref());
    let users = chat.members.iter().map(|member| &member.user).chain(last).chain(named);
    let present = chat.customer.is_some_and(|customer| table.is_here(customer));
    let (license, profiles) = (table.license.load_full(), table.profiles(users));
    DeskContext { license, profiles, present, chat, by: None }
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
    let license = table.license.load();
    let groups = desk_groups(&license, capture, view.as_ref());
    let occasion = Occasion {
        action,
        author: author(push),
        members: &members,
        subject: match push {
            Push::AgentStatusChanged { agent, .. } | Push::AgentDeleted { agent } => Some(agent),
            _ => None,
        },
        chat_properties: view.as_ref().map_or(&none, |view| &view.properties),
        desk: groups.as_deref().map(|groups| desk_occasion(&license, capture, groups)),
    };
    let mut bytes = owed(batch);
    for endpoint in endpoints.matching(&occasion) {
        let Some(dialect) = engine.dialect(endpoint.dialect) else { continue };
        let bodies = match endpoint.desk {
            Some(_) => dialect.desk_calls(&license, endpoint, capture),
            None => dialect.webhook(endpoint, capture, view.as_ref()).into_iter().collect(),
        };
        for body in bodies {
            bytes += weight(&body, endpoint.url.len());
            if bytes > DELIVERY_BYTES_PER_CHANGE {
                tracing::error!(license = %table.id, endpoint = ?endpoint.id, "a change has more to tell webhooks than fits");
                return;
            }
            let (id, number) = next_delivery(chat.as_deref_mut());
            let delivery = Delivery {
                id,
                lane: Lane { endpoint: lane(endpoint), conversation: push.chat() },
                owner: endpoint.owner.clone(),
                url: endpoint.url.clone(),
                body: Arc::from(body),
                due_since: clock::now(),
                awaited: is_awaited(endpoint, push),
                passing: matches!(push, Push::Typing { .. }),
            };
            batch.push(Entry::DeliveryDue(table.id, Arc::new(delivery), number));
        }
    }
}

/// Unique without drawing anything: the conversation counts its deliveries.
fn next_delivery(chat: Option<&mut Conversation>) -> (DeliveryId, u64) {
    match chat {
        Some(chat) => {
            let number = chat.next_delivery();
            (DeliveryId::of_conversation(chat.id(), number), number)
        }
        None => (DeliveryId::new(&format!("{:032x}", clock::random_u128())), 0),
    }
}

/// Does a customer wait for what a bot makes of it?
fn is_awaited(endpoint: &Endpoint, push: &Push) -> bool {
    let asked =
        |event: &Event| event.visible_to_customer() && matches!(event.author, Some(UserId::Customer(_)));
    matches!(endpoint.owner, Owner::DeskBot(_))
        && match push {
            Push::EventPosted { event, .. } => asked(event),
            Push::ChatStarted { thread, .. } => thread.events.iter().any(|event| asked(event)),
            _ => false,
        }
}

/// Whose business at a help desk it is, by groups; `None` for what is none of a desk's.
fn desk_groups(license: &License, capture: &Capture, view: Option<&ChatView>) -> Option<Vec<GroupId>> {
    match &capture.what.push {
        Push::WidgetOpened(opening) => Some(vec![opening.group]),
        Push::InboxPut(news) => Some(vec![news.after.inbox.group]),
        Push::Customer(news) => {
            let (_, customer) = news.of_contact()?;
            Some(
                customer
                    .contact
                    .as_deref()
                    .map(|contact| license.desk.groups_of(contact))
                    .unwrap_or_default(),
            )
        }
        _ => {
            capture.desk.as_ref()?;
            Some(view.map(|view| view.access.groups.iter().copied().collect()).unwrap_or_default())
        }
    }
}

fn desk_occasion<'a>(license: &'a License, capture: &'a Capture, groups: &'a [GroupId]) -> DeskOccasion<'a> {
    let inbox = groups.iter().find_map(|group| license.desk.inbox_of(*group));
    let author = match &capture.what.push {
        Push::EventPosted { event, .. } => event.author.as_ref(),
        Push::ChatStarted { thread, .. } => thread.events.first().and_then(|event| event.author.as_ref()),
        _ => None,
    };
    DeskOccasion {
        groups,
        bot: inbox.and_then(|inbox| inbox.bot.as_ref()),
        holder: capture.desk.as_ref().and_then(|desk| desk.chat.desk.as_ref()?.holder.as_ref()),
        author: author.and_then(UserId::agent),
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

/// What a call stands in line for.
fn lane(endpoint: &Endpoint) -> EndpointId {
    match &endpoint.owner {
        Owner::Bot(bot) | Owner::DeskBot(bot) => EndpointId::of_all(bot),
        Owner::License | Owner::DeskHook => endpoint.id.clone(),
    }
}

fn author(push: &Push) -> Option<AuthorKind> {
    let Push::EventPosted { event, .. } = push else { return None };
    match (&event.body, &event.author) {
        (EventBody::System(_), _) | (_, None) => None,
        (_, Some(author)) => Some(AuthorKind::of(author)),
    }
}
