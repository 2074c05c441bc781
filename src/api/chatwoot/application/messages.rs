//! Messages of a conversation. Source: spec 2.4.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::command::{Command, WhenInactive};
use switchboard_domain::conversation::details::{Amendment, Carriage, Details};
use switchboard_domain::conversation::event::{
    Event, EventBody, NewEvent, RichButton, RichElement, RichImage, Visibility,
};
use switchboard_domain::conversation::properties::Properties;
use switchboard_domain::desk::Channel;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::ThreadId;
use switchboard_domain::limits::DESK_TEXT_CHARS;

use super::super::call::{Answered, Call, json, number, run};
use super::super::fields::Fields;
use super::super::refusal::Refused;
use super::super::show;
use super::check_interactive;
use crate::engine::handle::EngineHandle;
use crate::engine::order::{DeskContext, Done, Order};
use crate::telemetry::clock;

/// Messages on a page.
pub(in super::super) const PAGE: usize = 20;
/// Messages that `after` shows at most.
const PAGE_AFTER: usize = 100;

/// Answers a call about the messages of a conversation.
pub(super) async fn answer(call: &Call<'_>, id: &str, path: &[&str]) -> Answered {
    match (&call.method, path) {
        (&Method::GET, []) => list(call, id).await,
        (&Method::POST, []) => {
            let cx = call.ticket(id).await?;
            let event = post(call, &cx, &call.fields).await?;
            let cx = call.ticket(id).await?;
            json(show::message(&cx, &event))
        }
        (&Method::PATCH, [message]) => update(call, id, message).await,
        (&Method::DELETE, [message]) => {
            let (cx, event) = found(call, id, message).await?;
            let mut attributes = object(show::attributes_of(&event));
            attributes.insert("deleted".into(), true.into());
            let amendment = Amendment {
                text: Some("This message was deleted".into()),
                attributes: Some(Value::Object(attributes).to_string().into()),
                without_files: true,
                ..Amendment::default()
            };
            let after = amend(call, &cx, &event, amendment).await?;
            call.engine.forget_files(call.license.id, event.files()).await;
            json(show::message(&cx, &after))
        }
        _ => Err(Refused::not_found()),
    }
}

/// Answers a call about a message by its number alone.
pub(super) async fn by_number(call: &Call<'_>, message: &str) -> Answered {
    let found = call.engine.conversation_with_event(call.license.id, number(message)?)?;
    let chat = found.ok_or_else(Refused::not_found)?;
    let (cx, _) = call.engine.ticket(&call.asker.principal, chat, false).await?;
    let id = cx.chat.number.to_string();
    match call.method {
        Method::PATCH | Method::PUT if call.fields.has("content") => edit(call, &id, message).await,
        Method::PATCH | Method::PUT if call.fields.has("status") => update(call, &id, message).await,
        Method::PATCH | Method::PUT => Err(Refused::missing("content")),
        Method::DELETE => answer(call, &id, &[message]).await,
        _ => Err(Refused::not_found()),
    }
}

/// What a message says from now on, by whoever wrote it.
async fn edit(call: &Call<'_>, id: &str, message: &str) -> Answered {
    let (cx, event) = found(call, id, message).await?;
    let content = call.fields.text("content")?.unwrap_or_default();
    check_length(&content)?;
    if show::attributes_of(&event)["deleted"] == true {
        return Err(Refused::unprocessable("Message was deleted"));
    }
    let amendment = Amendment { content: Some(content.into()), ..Amendment::default() };
    json(show::message(&cx, &*amend(call, &cx, &event, amendment).await?))
}

/// Too long is told in the product's own words.
fn check_length(content: &str) -> Result<(), Refused> {
    if content.chars().count() > DESK_TEXT_CHARS {
        let reason = format!("is too long (maximum is {DESK_TEXT_CHARS} characters)");
        return Err(Refused::field("content", &reason));
    }
    Ok(())
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(object) = value { object } else { Map::new() }
}

async fn list(call: &Call<'_>, id: &str) -> Answered {
    let (cx, events) = call.ticket_with_events(id).await?;
    let page = page(&call.fields, &events)?;
    let desk = cx.chat.desk.as_deref();
    let customer = cx.chat.customer.and_then(|customer| cx.profiles.customer(customer));
    let holder = desk.and_then(|desk| desk.holder.as_ref()).and_then(|holder| cx.profiles.agent(holder));
    let seen =
        |who: usize| desk.and_then(|desk| desk.seen[who]).map(switchboard_domain::time::Timestamp::as_secs);
    let human = holder.filter(|holder| holder.bot_of.is_none());
    json(json!({
        "meta": {
            "labels": desk.map(|desk| desk.ticket.labels.clone()).unwrap_or_default(),
            "additional_attributes": desk.map_or_else(|| json!({}), |desk| show::object(&desk.ticket.additional_attributes)),
            "contact": customer.map(|customer| show::contact(customer, cx.present)),
            "assignee": human.map(|human| show::agent(&cx.license, human)),
            "agent_last_seen_at": seen(1),
            "assignee_last_seen_at": seen(2),
        },
        "payload": page.iter().map(|event| show::message(&cx, event)).collect::<Vec<_>>(),
    }))
}

/// The last messages, those before one, or those after one.
pub(in super::super) fn page<'a>(
    fields: &Fields,
    events: &'a [Arc<Event>],
) -> Result<&'a [Arc<Event>], Refused> {
    let (before, after) = (fields.number("before")?, fields.number("after")?);
    if let Some(after) = after {
        let from = events.partition_point(|event| event.number <= after);
        let until =
            before.map_or(events.len(), |before| events.partition_point(|event| event.number < before));
        let until = until.max(from);
        return Ok(&events[from..until.min(from + PAGE_AFTER)]);
    }
    let until = before.map_or(events.len(), |before| events.partition_point(|event| event.number < before));
    Ok(&events[until.saturating_sub(PAGE)..until])
}

/// Posts what a request says, as the asker or as the contact.
pub(super) async fn post(call: &Call<'_>, cx: &DeskContext, fields: &Fields) -> Result<Arc<Event>, Refused> {
    let incoming = match fields.text("message_type")?.as_deref() {
        None | Some("outgoing" | "1" | "") => false,
        Some("incoming" | "0") => true,
        Some(other) => return Err(Refused::unprocessable(format!("'{other}' is not a valid message_type"))),
    };
    let mut by = Arc::clone(&call.asker.principal);
    if incoming {
        let inbox = call.license.desk.inbox_for(&cx.chat.access);
        if inbox.is_none_or(|inbox| inbox.channel != Channel::Api) || by.bot {
            return Err(Refused::unprocessable("Incoming messages are only allowed in Api inboxes"));
        }
        let customer = cx.chat.customer.ok_or_else(Refused::not_found)?;
        by = call.engine.desk_customer(call.license.id, customer);
    } else if fields.text("sender_type")?.as_deref() == Some("AgentBot") && !by.bot {
        let bot = call.bot(fields.number("sender_id")?.ok_or_else(|| Refused::missing("sender_id"))?)?;
        by = call.engine.desk_agent(call.license.id, &bot.id, by.scopes).ok_or_else(Refused::not_found)?;
    }
    post_as(call.engine, &by, cx, fields).await
}

/// Posts what a request says, as somebody.
pub(in super::super) async fn post_as(
    engine: &EngineHandle,
    by: &Arc<Principal>,
    cx: &DeskContext,
    fields: &Fields,
) -> Result<Arc<Event>, Refused> {
    let mut event = read(fields, by.agent().is_some())?;
    if let Some(details) = event.details.as_mut().filter(|_| event.visibility == Visibility::Agents) {
        let numbers = mentioned(&fields.text("content")?.unwrap_or_default());
        if !numbers.is_empty() {
            let people =
                engine.agents(by.license).into_iter().filter(|agent| numbers.contains(&agent.number));
            details.mentions = people.map(|agent| agent.id.clone()).collect();
        }
    }
    let when_inactive = if by.agent().is_some() {
        WhenInactive::Attach
    } else {
        WhenInactive::OpenThread(ThreadId::from_random(clock::random_u64()), None)
    };
    let command = Command::Post { event, when_inactive };
    let over = |refused: Refused| {
        if refused == Rejected::Inactive.into() { Refused::over() } else { refused }
    };
    match run(engine, by, Order::Chat(cx.chat.id, command)).await.map_err(over)? {
        Done::Posted { event, .. } => Ok(event),
        _ => Err(Refused::not_found()),
    }
}

/// The numbers of those whom a text mentions, as the product writes that: `[@Name](mention://user/2/Name)`.
fn mentioned(text: &str) -> BTreeSet<u64> {
    let number = |rest: &str| {
        let (number, rest) = rest.split_once('/')?;
        let (name, _) = rest.split_once(')')?;
        number.parse().ok().filter(|_| !name.is_empty())
    };
    text.split("(mention://user/").skip(1).filter_map(number).collect()
}

/// Reads a message.
pub(in super::super) fn read(fields: &Fields, by_agent: bool) -> Result<NewEvent, Refused> {
    if fields.list("attachments")?.is_some_and(|files| !files.is_empty()) {
        return Err(Refused::field("attachments", "must be files of a multipart form"));
    }
    let mut attachments = fields.files("attachments");
    let content = fields.text("content")?.unwrap_or_default();
    check_length(&content)?;
    let attributes = fields.object("content_attributes")?.unwrap_or_default();
    let kind = check_interactive(fields.text("content_type")?.as_deref(), &attributes)?;
    if kind == "text" && content.trim().is_empty() && attachments.is_empty() {
        return Err(Refused::field("content", "can't be blank"));
    }
    let private = by_agent && fields.flag("private")?.unwrap_or(false);
    let details = Details {
        kind: if kind == "text" { "".into() } else { kind.into() },
        attributes: Value::Object(attributes.clone()).to_string().into(),
        source_id: fields.text("source_id")?,
        echo_id: fields.text("echo_id")?,
        carriage: Carriage::Sent,
        text: None,
        attachments: Vec::new(),
        mentions: Vec::new(),
    };
    let body = match attachments.as_slice() {
        // A file by itself is one for the chat's other side, too.
        [_] if kind == "text" && content.is_empty() => EventBody::File(attachments.remove(0)),
        _ => body(kind, &content, &attributes),
    };
    // Cards have titles, and no word before them.
    let apart = matches!(body, EventBody::Rich { .. }) && !content.is_empty();
    let details = Details { text: apart.then(|| content.clone()), attachments, ..details };
    Ok(NewEvent {
        custom_id: None,
        visibility: if private { Visibility::Agents } else { Visibility::All },
        properties: Properties::default(),
        body,
        details: Some(Box::new(details)),
    })
}

/// How the chat's other side sees it: cards are a rich message, the choices of a select its buttons.
fn body(kind: &str, content: &str, attributes: &Map<String, Value>) -> EventBody {
    let items = attributes.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text =
        |value: &Value, name: &str| value[name].as_str().filter(|text| !text.is_empty()).map(Into::into);
    let button = |label: &Value, payload: &Value| RichButton {
        text: label.as_str().unwrap_or_default().into(),
        postback_id: payload.as_str().unwrap_or_default().into(),
        user_ids: Vec::new(),
        kind: None,
        value: None,
        webview_height: None,
    };
    let (template, elements): (&str, Vec<RichElement>) = match kind {
        "cards" => {
            let card = |item: &Value| RichElement {
                title: text(item, "title"),
                subtitle: text(item, "description"),
                image: text(item, "media_url").map(|url| RichImage {
                    url,
                    name: None,
                    content_type: None,
                    size: None,
                    width: None,
                    height: None,
                }),
                buttons: item["actions"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|action| {
                        let link = action["type"] == "link";
                        let target = if link { &action["uri"] } else { &action["payload"] };
                        let url = action["uri"].as_str().filter(|_| link).map(Into::into);
                        RichButton {
                            kind: url.as_ref().map(|_| "url".into()),
                            value: url,
                            ..button(&action["text"], target)
                        }
                    })
                    .collect(),
            };
            ("cards", items.iter().map(card).collect())
        }
        "input_select" => {
            let buttons = items.iter().map(|item| button(&item["title"], &item["value"])).collect();
            let title = (!content.is_empty()).then(|| content.into());
            ("quick_replies", vec![RichElement { title, buttons, ..RichElement::default() }])
        }
        _ => return EventBody::Message { text: content.to_owned(), postback: None },
    };
    let rich = EventBody::Rich { template: template.into(), elements };
    // What the other side has no room for is told it in words.
    if rich.check().is_ok() { rich } else { EventBody::Message { text: content.to_owned(), postback: None } }
}

/// A message of a conversation by its number.
pub(in super::super) fn numbered(events: &[Arc<Event>], id: &str) -> Result<Arc<Event>, Refused> {
    let id = number(id)?;
    events.iter().find(|event| event.number == id).cloned().ok_or_else(Refused::not_found)
}

async fn found(call: &Call<'_>, id: &str, message: &str) -> Result<(DeskContext, Arc<Event>), Refused> {
    let (cx, events) = call.ticket_with_events(id).await?;
    let event = numbered(&events, message)?;
    Ok((cx, event))
}

async fn amend(
    call: &Call<'_>,
    cx: &DeskContext,
    event: &Event,
    amendment: Amendment,
) -> Result<Arc<Event>, Refused> {
    let command = Command::AmendEvent { event: event.id, amendment, stored: None };
    call.command(cx.chat.id, command).await?;
    let (_, events) = call.engine.ticket(&call.asker.principal, cx.chat.id, true).await?;
    numbered(&events, &event.number.to_string())
}

/// How the delivery of a message went.
async fn update(call: &Call<'_>, id: &str, message: &str) -> Answered {
    let (cx, event) = found(call, id, message).await?;
    let inbox = call.license.desk.inbox_for(&cx.chat.access);
    if inbox.is_none_or(|inbox| inbox.channel != Channel::Api) {
        let why = "Message status update is only allowed for API inboxes";
        return Err(Refused::because(StatusCode::FORBIDDEN, why));
    }
    let carriage = match call.fields.text("status")?.as_deref() {
        Some("sent") => Carriage::Sent,
        Some("delivered") => Carriage::Delivered,
        Some("read") => Carriage::Read,
        Some("failed") => Carriage::Failed,
        Some(other) => return Err(Refused::unprocessable(format!("'{other}' is not a valid status"))),
        None => return Err(Refused::missing("status")),
    };
    let mut attributes = object(show::attributes_of(&event));
    match call.fields.text("external_error")? {
        Some(error) => drop(attributes.insert("external_error".into(), Value::String(error.into()))),
        None => drop(attributes.remove("external_error")),
    }
    let amendment = Amendment {
        text: None,
        attributes: Some(Value::Object(attributes).to_string().into()),
        carriage: Some(carriage),
        ..Amendment::default()
    };
    json(show::message(&cx, &*amend(call, &cx, &event, amendment).await?))
}

#[cfg(test)]
mod tests {
    use super::mentioned;

    #[test]
    fn whom_a_note_mentions_is_read_as_the_product_writes_it() {
        let of = |text: &str| mentioned(text).into_iter().collect::<Vec<_>>();
        assert_eq!(
            of(
                "see [@Bo](mention://user/2/Bo) and [@Al B](mention://user/17/Al%20B), Bo: (mention://user/2/Bo)"
            ),
            [2, 17]
        );
        for nobody in [
            "",
            "@Bo",
            "mention://user/2/Bo",
            "(mention://user/2)",
            "(mention://user/2/)",
            "(mention://user/x/Bo)",
            "(mention://user/-2/Bo)",
            "(mention://team/2/sales)",
            "(mention://user/2/Bo",
        ] {
            assert!(of(nobody).is_empty(), "{nobody}");
        }
    }
}
