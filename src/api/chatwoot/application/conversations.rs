//! Conversations: listed, made, and how they stand. Source: spec 2.3 and section 6.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use switchboard_domain::conversation::access::Access;
use switchboard_domain::conversation::command::{
    Command, OpenThread, StatusChange, TicketChange, TransferTarget,
};
use switchboard_domain::conversation::event::{NewEvent, Visibility};
use switchboard_domain::conversation::ticket::{Status, Ticket, Urgency};
use switchboard_domain::desk::Team;
use switchboard_domain::id::{ConversationId, ThreadId};
use switchboard_domain::participant::contact::{Contact, ContactEntry};
use switchboard_domain::participant::customer::Customer;
use switchboard_domain::participant::license::License;
use switchboard_domain::time::Timestamp;

use super::super::call::{Answered, Call, empty, json, run};
use super::super::fields::Fields;
use super::super::refusal::Refused;
use super::super::show;
use super::{filter, labels, messages, participants};
use crate::engine::handle::EngineHandle;
use crate::engine::names::Name;
use crate::engine::order::{DeskContext, Done, Held, ListTickets, Order, TicketCounts, TicketPage};
use crate::telemetry::clock;

/// Conversations on a page.
const PAGE: usize = 25;

/// Answers a call about conversations.
pub(super) async fn answer(call: &Call<'_>, path: &[&str]) -> Answered {
    match (&call.method, path) {
        (&Method::GET, []) => {
            let page = list(call, filter::of_query(call)?).await?;
            let counted = counts(page.counts);
            let shown: Vec<Value> = page.tickets.iter().map(show::conversation).collect();
            json(json!({ "data": { "meta": counted, "payload": shown } }))
        }
        (&Method::GET, ["meta"]) => {
            let list_of = ListTickets { limit: 0, ..filter::of_query(call)? };
            json(json!({ "meta": counts(list(call, list_of).await?.counts) }))
        }
        (&Method::POST, ["filter"]) => {
            let page = list(call, filter::of_body(call).await?).await?;
            let shown: Vec<Value> = page.tickets.iter().map(show::conversation).collect();
            json(json!({ "meta": counts(page.counts), "payload": shown }))
        }
        (&Method::POST, []) => make(call).await,
        (&Method::GET, [id]) => json(show::conversation(&call.ticket(id).await?)),
        (&Method::PATCH | &Method::PUT, [id]) => update(call, id).await,
        (&Method::POST, [id, "toggle_status"]) => toggle_status(call, id).await,
        (&Method::POST, [id, "toggle_priority"]) => {
            let urgency = urgency(&call.fields)?.unwrap_or(None);
            change(call, id, TicketChange { urgency: Some(urgency), ..TicketChange::default() }).await?;
            empty()
        }
        (&Method::POST, [id, "toggle_typing_status"]) => {
            let chat = call.ticket(id).await?.chat.id;
            call.command(chat, typing(&call.fields)?).await?;
            empty()
        }
        (&Method::POST, [id, "assignments"]) => assign(call, id).await,
        (&Method::POST, [id, "custom_attributes"]) => {
            let attributes = call.fields.object_text("custom_attributes")?;
            let attributes = attributes.ok_or_else(|| Refused::missing("custom_attributes"))?;
            let custom_attributes = Some(attributes.clone());
            change(call, id, TicketChange { custom_attributes, ..TicketChange::default() }).await?;
            json(json!({ "custom_attributes": show::object(&attributes) }))
        }
        (_, [id, "labels"]) => labels::of_conversation(call, id).await,
        (_, [id, "participants"]) => participants::answer(call, id).await,
        (&Method::POST, [id, "update_last_seen"]) => {
            let chat = call.ticket(id).await?.chat.id;
            // Who is not in the conversation has nothing to mark.
            drop(call.command(chat, Command::See(None)).await);
            json(show::conversation(&call.ticket(id).await?))
        }
        (&Method::POST, [id, action @ ("mute" | "unmute")]) => {
            let muted = Some(*action == "mute");
            change(call, id, TicketChange { muted, ..TicketChange::default() }).await?;
            empty()
        }
        (_, [id, "messages", rest @ ..]) => messages::answer(call, id, rest).await,
        _ => Err(Refused::not_found()),
    }
}

async fn list(call: &Call<'_>, list: ListTickets) -> Result<TicketPage, Refused> {
    match call.run(Order::ListTickets(Box::new(list))).await? {
        Done::Tickets(page) => Ok(*page),
        _ => Err(Refused::not_found()),
    }
}

fn counts(counts: TicketCounts) -> Value {
    json!({
        "mine_count": counts.mine,
        "assigned_count": counts.assigned,
        "unassigned_count": counts.all - counts.assigned,
        "all_count": counts.all,
    })
}

/// Which page.
pub(super) fn page(fields: &Fields, size: usize) -> Result<usize, Refused> {
    let page = fields.number("page")?.unwrap_or(1).max(1);
    Ok(usize::try_from(page - 1).unwrap_or(usize::MAX).saturating_mul(size))
}

/// A list of the conversations that pass.
pub(super) fn listing(fields: &Fields, held: Held) -> Result<ListTickets, Refused> {
    Ok(ListTickets { conditions: Vec::new(), held, skip: page(fields, PAGE)?, limit: PAGE })
}

/// A status by its word.
pub(super) fn status(word: &str) -> Result<Status, Refused> {
    // What the first bots called it.
    let word = if word == "bot" { "pending" } else { word };
    let found = Status::ALL.into_iter().find(|status| status.word() == word);
    found.ok_or_else(|| Refused::unprocessable(format!("'{word}' is not a valid status")))
}

/// The haste that is asked for; `Some(None)` takes it away.
fn urgency(fields: &Fields) -> Result<Option<Option<Urgency>>, Refused> {
    let Some(word) = fields.clearable("priority")? else { return Ok(None) };
    let Some(word) = word.filter(|word| &**word != "null" && &**word != "nil") else { return Ok(Some(None)) };
    let found = Urgency::ALL.into_iter().find(|urgency| urgency.word() == &*word);
    found
        .map(|urgency| Some(Some(urgency)))
        .ok_or_else(|| Refused::unprocessable(format!("'{word}' is not a valid priority")))
}

/// What says that somebody types, or not any more.
pub(in super::super) fn typing(fields: &Fields) -> Result<Command, Refused> {
    let typing = match fields.text("typing_status")?.as_deref() {
        Some("on") => true,
        Some("off") => false,
        Some(other) => return Err(Refused::unprocessable(format!("'{other}' is not a valid typing status"))),
        None => return Err(Refused::missing("typing_status")),
    };
    let private = fields.flag("is_private")?.unwrap_or(false);
    let visibility = if private { Visibility::Agents } else { Visibility::All };
    Ok(Command::SignalTyping { typing, visibility })
}

/// Changes what is kept of a conversation.
pub(super) async fn change(call: &Call<'_>, id: &str, change: TicketChange) -> Result<(), Refused> {
    let chat = call.ticket(id).await?.chat.id;
    call.command(chat, Command::ChangeTicket(change)).await.map(drop)
}

async fn set_status(call: &Call<'_>, chat: ConversationId, to: StatusChange) -> Result<(), Refused> {
    let thread = ThreadId::from_random(clock::random_u64());
    call.command(chat, Command::SetStatus { to, thread, placement: None }).await.map(drop)
}

async fn toggle_status(call: &Call<'_>, id: &str) -> Answered {
    let cx = call.ticket(id).await?;
    let wanted = match call.fields.text("status")? {
        Some(word) => status(&word)?,
        None if show::status_of(&cx) == Status::Open => Status::Resolved,
        None => Status::Open,
    };
    let until = call.fields.number("snoozed_until")?.map(Timestamp::from_secs);
    let to = StatusChange { until: until.filter(|_| wanted == Status::Snoozed), ..StatusChange::to(wanted) };
    set_status(call, cx.chat.id, to).await?;
    let cx = call.ticket(id).await?;
    let until = cx.chat.desk.as_ref().and_then(|desk| desk.until).map(Timestamp::as_secs);
    json(json!({
        "meta": {},
        "payload": {
            "success": true,
            "conversation_id": cx.chat.number,
            "current_status": show::status_of(&cx).word(),
            "snoozed_until": until,
        },
    }))
}

async fn update(call: &Call<'_>, id: &str) -> Answered {
    let fields = &call.fields;
    let wanted = TicketChange { urgency: urgency(fields)?, ..TicketChange::default() };
    let wanted_status = fields.text("status")?.map(|word| status(&word)).transpose()?;
    if wanted != TicketChange::default() {
        change(call, id, wanted).await?;
    }
    if let Some(wanted) = wanted_status {
        let chat = call.ticket(id).await?.chat.id;
        set_status(call, chat, StatusChange::to(wanted)).await?;
    }
    if fields.has("assignee_id") || fields.has("team_id") {
        assigned(call, id).await?;
    }
    json(show::conversation(&call.ticket(id).await?))
}

async fn assign(call: &Call<'_>, id: &str) -> Answered {
    json(assigned(call, id).await?)
}

/// Gives a conversation to somebody, or to nobody; answers with whom.
async fn assigned(call: &Call<'_>, id: &str) -> Result<Value, Refused> {
    let chat = call.ticket(id).await?.chat.id;
    let fields = &call.fields;
    if fields.has("assignee_id") {
        let number = fields.number("assignee_id")?.unwrap_or(0);
        let to_bot = fields.text("assignee_type")?.as_deref() == Some("AgentBot");
        let whom = call.engine.agent_numbered(call.license.id, number);
        let Some(whom) = whom.filter(|agent| agent.desk == to_bot && (to_bot || agent.bot_of.is_none()))
        else {
            call.command(chat, Command::Unassign).await?;
            return Ok(Value::Null);
        };
        let to = TransferTarget::Agents(vec![whom.id.clone()]);
        call.command(chat, Command::Transfer { to, force: true, placement: None }).await?;
        return Ok(if to_bot { show::slim_bot(&whom) } else { show::agent(&call.license, &whom) });
    }
    if !fields.has("team_id") {
        return Err(Refused::missing("assignee_id"));
    }
    let team = team_of(call)?;
    let wanted = TicketChange { team: Some(team.map(|team| team.number)), ..TicketChange::default() };
    call.command(chat, Command::ChangeTicket(wanted)).await?;
    Ok(team.map_or(Value::Null, |team| show::team(&call.license, team, call.asker.principal.agent())))
}

/// The team that a request names.
fn team_of<'a>(call: &'a Call<'_>) -> Result<Option<&'a Team>, Refused> {
    let number = call.fields.number("team_id")?.filter(|team| *team > 0);
    number.map(|number| call.license.desk.teams.get(&number).ok_or_else(Refused::not_found)).transpose()
}

/// Makes a conversation for a contact.
async fn make(call: &Call<'_>) -> Answered {
    let (customer, entry) = contact_entry(call).await?;
    let message = call.fields.inside("message")?;
    // Known before anybody is chosen for it.
    let team = team_of(call)?.map(|team| team.number);
    let ticket = Ticket { team, ..new_ticket(&call.fields)? };
    let cx = begin(call.engine, &call.license, (&customer, &entry), ticket).await?;
    let id = cx.chat.number.to_string();
    if let Some(message) = message {
        messages::post(call, &cx, &message).await?;
    }
    if let Some(wanted) = call.fields.text("status")?.map(|word| status(&word)).transpose()?
        && show::status_of(&cx) != Status::Pending
    {
        set_status(call, cx.chat.id, StatusChange::to(wanted)).await?;
    }
    if call.fields.has("assignee_id") {
        assigned(call, &id).await?;
    }
    json(show::conversation(&call.ticket(&id).await?))
}

/// The contact that a conversation is to be made for, and its way into the inbox.
async fn contact_entry(call: &Call<'_>) -> Result<(Arc<Customer>, ContactEntry), Refused> {
    let fields = &call.fields;
    let (source, inbox, contact) =
        (fields.text("source_id")?, fields.number("inbox_id")?, fields.number("contact_id")?);
    if let (Some(inbox), Some(contact)) = (inbox, contact) {
        let inbox = call.inbox(inbox)?.number;
        let customer = call.contact(&contact.to_string()).await?;
        return super::contacts::entry_into(call, customer, inbox, source.as_deref()).await;
    }
    let source = source.ok_or_else(Refused::not_found)?;
    let inboxes =
        call.license.desk.inboxes.values().filter(|own| inbox.is_none_or(|inbox| inbox == own.number));
    for inbox in inboxes.filter(|inbox| call.serves(inbox)) {
        let name = Name::Entry(inbox.number, &source);
        if let Some(customer) = call.engine.customer_named(call.license.id, name).await? {
            let entry = entry_named(customer.contact.as_deref(), inbox.number, &source);
            let entry = entry.cloned().ok_or_else(Refused::not_found)?;
            return Ok((customer, entry));
        }
    }
    Err(Refused::not_found())
}

/// A contact's way into an inbox by its name there.
pub(in super::super) fn entry_named<'a>(
    contact: Option<&'a Contact>,
    inbox: u64,
    source: &str,
) -> Option<&'a ContactEntry> {
    contact?.entries.iter().find(|entry| entry.inbox == inbox && &*entry.source_id == source)
}

/// Begins a conversation of a contact in an inbox; in one that has only one for each, goes on with it.
pub(in super::super) async fn begin(
    engine: &EngineHandle,
    license: &License,
    of: (&Customer, &ContactEntry),
    ticket: Ticket,
) -> Result<DeskContext, Refused> {
    match going_on(engine, license, of).await? {
        Some(cx) => Ok(cx),
        None => open(engine, license, of, ticket, Vec::new()).await,
    }
}

/// The conversation that a contact goes on with whatever it begins, where each has only one.
pub(in super::super) async fn going_on(
    engine: &EngineHandle,
    license: &License,
    (customer, entry): (&Customer, &ContactEntry),
) -> Result<Option<DeskContext>, Refused> {
    let inbox = license.desk.inboxes.get(&entry.inbox).ok_or_else(Refused::not_found)?;
    if !inbox.lock_to_single {
        return Ok(None);
    }
    let mut own = super::super::customer::conversations_of(engine, license, customer, Some(entry)).await?;
    Ok(own.pop().filter(|cx| inbox.goes_on(show::status_of(cx))))
}

/// What a request says of a conversation that it begins.
pub(in super::super) fn new_ticket(fields: &Fields) -> Result<Ticket, Refused> {
    let text = |name: &str| fields.object_text(name).map(|text| text.unwrap_or_else(|| "{}".into()));
    let ticket = Ticket {
        custom_attributes: text("custom_attributes")?,
        additional_attributes: text("additional_attributes")?,
        ..Ticket::default()
    };
    ticket.check()?;
    Ok(ticket)
}

/// Makes a conversation of a contact in an inbox, in which this is said first.
pub(in super::super) async fn open(
    engine: &EngineHandle,
    license: &License,
    (customer, entry): (&Customer, &ContactEntry),
    ticket: Ticket,
    events: Vec<NewEvent>,
) -> Result<DeskContext, Refused> {
    let inbox = license.desk.inboxes.get(&entry.inbox).ok_or_else(Refused::not_found)?;
    let by = engine.desk_customer(license.id, customer.id);
    let ticket = Ticket { entry: entry.number, ..ticket };
    let open = OpenThread {
        access: Some(Access::of(inbox.group)),
        continuous: Some(true),
        ticket: Some(Box::new(ticket)),
        events,
        ..OpenThread::blank(ThreadId::from_random(clock::random_u64()))
    };
    let Done::Opened(opened) = run(engine, &by, Order::StartChat(open)).await? else {
        return Err(Refused::not_found());
    };
    let chat = opened.what.0.id;
    if customer.contact.as_ref().is_some_and(|contact| contact.blocked) {
        let thread = ThreadId::from_random(clock::random_u64());
        let to = StatusChange::to(Status::Resolved);
        run(engine, &by, Order::Chat(chat, Command::SetStatus { to, thread, placement: None })).await?;
    }
    Ok(engine.ticket(&by, chat, false).await?.0)
}
