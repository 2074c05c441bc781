//! Labels of conversations and contacts: a list that is replaced as a whole. Source: spec 2.3 and 2.5.

use http::Method;
use serde_json::json;
use switchboard_domain::conversation::command::TicketChange;
use switchboard_domain::participant::contact::ContactChange;

use super::super::call::{Answered, Call, json};
use super::super::refusal::Refused;
use super::{contacts, conversations};

fn wanted(call: &Call<'_>) -> Result<Vec<Box<str>>, Refused> {
    let labels = call.fields.texts("labels")?.ok_or_else(|| Refused::missing("labels"))?;
    let mut once: Vec<Box<str>> = Vec::new();
    for label in labels.into_iter().filter(|label| !label.is_empty()) {
        if !once.contains(&label) {
            once.push(label);
        }
    }
    Ok(once)
}

/// Those of a conversation.
pub(super) async fn of_conversation(call: &Call<'_>, id: &str) -> Answered {
    match call.method {
        Method::GET => {
            let cx = call.ticket(id).await?;
            let labels = cx.chat.desk.as_ref().map(|desk| desk.ticket.labels.clone()).unwrap_or_default();
            json(json!({ "payload": labels }))
        }
        Method::POST => {
            let labels = wanted(call)?;
            let change = TicketChange { labels: Some(labels.clone()), ..TicketChange::default() };
            conversations::change(call, id, change).await?;
            json(json!({ "payload": labels }))
        }
        _ => Err(Refused::not_found()),
    }
}

/// Those of a contact.
pub(super) async fn of_contact(call: &Call<'_>, id: &str) -> Answered {
    let customer = call.contact(id).await?;
    match call.method {
        Method::GET => {
            let labels = customer.contact.as_ref().map(|contact| contact.labels.clone()).unwrap_or_default();
            json(json!({ "payload": labels }))
        }
        Method::POST => {
            let labels = wanted(call)?;
            let change = ContactChange { labels: Some(labels.clone()), ..ContactChange::default() };
            contacts::change(call, &customer, change).await?;
            json(json!({ "payload": labels }))
        }
        _ => Err(Refused::not_found()),
    }
}
