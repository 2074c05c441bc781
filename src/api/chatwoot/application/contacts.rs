//! Contacts. Source: spec 2.5.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use switchboard_domain::desk::Merge;
use switchboard_domain::id::CustomerId;
use switchboard_domain::participant::contact::{ContactChange, ContactEntry};
use switchboard_domain::participant::customer::{Customer, CustomerChange};

use super::super::call::{Answered, Call, empty, json};
use super::super::fields::Fields;
use super::super::refusal::Refused;
use super::super::{customer, show};
use super::conversations::{entry_named, page};
use super::labels;
use crate::engine::order::{Done, Order};
use crate::engine::secret;
use crate::telemetry::clock;

/// Contacts on a page.
const PAGE: usize = 15;

/// Answers a call about contacts.
pub(super) async fn answer(call: &Call<'_>, path: &[&str]) -> Answered {
    match (&call.method, path) {
        (&Method::GET, []) => list(call, None).await,
        (&Method::GET, ["search"]) => {
            let wanted = call.fields.text("q")?.filter(|wanted| !wanted.trim().is_empty());
            let wanted =
                wanted.ok_or_else(|| Refused::unprocessable("Specify search string with parameter q"))?;
            list(call, Some(&wanted.to_lowercase())).await
        }
        (&Method::POST, []) => make(call).await,
        (&Method::GET, [id]) => shown(call, &*call.contact(id).await?),
        (&Method::PUT | &Method::PATCH, [id]) => {
            let customer = call.contact(id).await?;
            let customer = put(call, customer.id, read(&call.fields)?).await?;
            shown(call, &customer)
        }
        (&Method::DELETE, [id]) => {
            call.asker.must_administer()?;
            let customer = call.contact(id).await?;
            change(call, &customer, ContactChange { deleted: true, ..ContactChange::default() }).await?;
            empty()
        }
        (&Method::GET, [id, "conversations"]) => {
            let customer = call.contact(id).await?;
            let mut own = customer::conversations_of(call.engine, &call.license, &customer, None).await?;
            own.retain(|cx| {
                call.license.desk.inbox_for(&cx.chat.access).is_none_or(|inbox| call.serves(inbox))
            });
            own.reverse();
            let shown: Vec<Value> = own.iter().map(show::conversation).collect();
            json(json!({ "payload": shown }))
        }
        (&Method::POST, [id, "contact_inboxes"]) => {
            let inbox = call.fields.number("inbox_id")?.ok_or_else(|| Refused::missing("inbox_id"))?;
            let inbox = call.inbox(inbox)?.number;
            let customer = call.contact(id).await?;
            let source = call.fields.text("source_id")?;
            let (_, entry) = new_entry_into(call, customer, inbox, source.as_deref()).await?;
            json(show::contact_inbox(&call.license, &entry))
        }
        (&Method::GET, [id, "contactable_inboxes"]) => {
            let customer = call.contact(id).await?;
            let entries = customer.contact.iter().flat_map(|contact| &contact.entries);
            let here = entries.filter(|entry| call.license.desk.inboxes.contains_key(&entry.inbox));
            let shown: Vec<Value> = here.map(|entry| show::contact_inbox(&call.license, entry)).collect();
            json(json!({ "payload": shown }))
        }
        (_, [id, "labels"]) => labels::of_contact(call, id).await,
        _ => Err(Refused::not_found()),
    }
}

/// Makes one contact part of another; the answer is the one that stays, bare as the product has it.
pub(super) async fn merge(call: &Call<'_>) -> Answered {
    let named = async |field: &str| {
        let number = call.fields.number(field)?.ok_or_else(|| Refused::missing(field))?;
        call.contact(&number.to_string()).await
    };
    let (base, mergee) = (named("base_contact_id").await?, named("mergee_contact_id").await?);
    let merged = if base.id == mergee.id {
        base
    } else {
        let merge = Merge { base: base.id, mergee: mergee.id };
        call.engine.merge_contacts(call.license.id, merge).await?
    };
    json(show::contact(&merged, call.engine.is_here(call.license.id, merged.id)))
}

fn with_inboxes(call: &Call<'_>, customer: &Customer) -> Value {
    let is_here = call.engine.is_here(call.license.id, customer.id);
    show::contact_with_inboxes(&call.license, customer, is_here)
}

fn shown(call: &Call<'_>, customer: &Customer) -> Answered {
    json(json!({ "payload": with_inboxes(call, customer) }))
}

/// Reads what a request says of a contact.
fn read(fields: &Fields) -> Result<CustomerChange, Refused> {
    let contact = ContactChange {
        phone: fields.clearable("phone_number")?,
        identifier: fields.clearable("identifier")?,
        custom_attributes: fields.object_text("custom_attributes")?,
        additional_attributes: fields.object_text("additional_attributes")?,
        blocked: fields.flag("blocked")?,
        ..ContactChange::default()
    };
    let email = fields.text("email")?.filter(|email| !email.is_empty());
    if email.as_deref().is_some_and(|email| !email.contains('@')) {
        return Err(Refused::field("email", "is invalid"));
    }
    Ok(CustomerChange {
        name: fields.text("name")?,
        email,
        avatar: fields.text("avatar_url")?,
        contact: Some(Box::new(contact)),
        ..CustomerChange::default()
    })
}

async fn put(call: &Call<'_>, id: CustomerId, change: CustomerChange) -> Result<Arc<Customer>, Refused> {
    match call.run(Order::UpdateCustomer(id, change)).await? {
        Done::Customer(card) => Ok(card.customer),
        _ => Err(Refused::not_found()),
    }
}

/// Changes what only a help desk knows of a contact.
pub(super) async fn change(
    call: &Call<'_>,
    customer: &Customer,
    contact: ContactChange,
) -> Result<Arc<Customer>, Refused> {
    put(call, customer.id, CustomerChange { contact: Some(Box::new(contact)), ..CustomerChange::default() })
        .await
}

async fn make(call: &Call<'_>) -> Answered {
    let mut change = read(&call.fields)?;
    let inbox = call.fields.number("inbox_id")?.map(|inbox| call.inbox(inbox)).transpose()?;
    let entry = match inbox {
        Some(inbox) => Some(fresh(call, inbox.number, call.fields.text("source_id")?.as_deref())),
        None => None,
    };
    if let Some(contact) = &mut change.contact {
        contact.entry = entry.clone();
    }
    let customer = call.engine.make_contact(call.license.id, change).await?;
    let entry = entry.map(|entry| show::contact_inbox(&call.license, &entry));
    json(json!({
        "payload": {
            "contact": with_inboxes(call, &customer),
            "contact_inbox": entry.unwrap_or_else(|| json!({ "inbox": null, "source_id": null })),
        },
    }))
}

/// A new way into an inbox.
fn fresh(call: &Call<'_>, inbox: u64, source: Option<&str>) -> ContactEntry {
    let drawn = || CustomerId::from_random(clock::random_u128()).to_string().into();
    ContactEntry {
        number: call.engine.new_number(),
        inbox,
        source_id: source.filter(|source| !source.is_empty()).map_or_else(drawn, Into::into),
        stream_token: secret::draw_short().into(),
        verified: false,
        created_at: clock::now(),
        guest: false,
    }
}

/// A contact's way into an inbox: the one named, its newest, or a new one.
pub(super) async fn entry_into(
    call: &Call<'_>,
    customer: Arc<Customer>,
    inbox: u64,
    source: Option<&str>,
) -> Result<(Arc<Customer>, ContactEntry), Refused> {
    let contact = customer.contact.as_deref();
    let known = match source {
        Some(source) => entry_named(contact, inbox, source),
        None => contact.and_then(|contact| contact.entry_into(inbox)),
    };
    match known.cloned() {
        Some(entry) => Ok((customer, entry)),
        None => new_entry_into(call, customer, inbox, source).await,
    }
}

async fn new_entry_into(
    call: &Call<'_>,
    customer: Arc<Customer>,
    inbox: u64,
    source: Option<&str>,
) -> Result<(Arc<Customer>, ContactEntry), Refused> {
    let entry = fresh(call, inbox, source);
    let wanted = ContactChange { entry: Some(entry.clone()), ..ContactChange::default() };
    Ok((change(call, &customer, wanted).await?, entry))
}

async fn list(call: &Call<'_>, wanted: Option<&str>) -> Answered {
    let mut contacts = call.engine.contacts(call.license.id).await?;
    if let Some(wanted) = wanted {
        let has = |text: &Option<Box<str>>| {
            text.as_deref().is_some_and(|text| text.to_lowercase().contains(wanted))
        };
        contacts.retain(|customer| {
            let contact = customer.contact.as_deref();
            has(&customer.name)
                || has(&customer.email)
                || contact.is_some_and(|contact| has(&contact.phone) || has(&contact.identifier))
        });
    }
    let sort = call.fields.text("sort")?.unwrap_or_else(|| "name".into());
    let name = |customer: &Customer| customer.name.as_deref().unwrap_or_default().to_lowercase();
    match sort.trim_start_matches('-') {
        "name" => contacts.sort_by_key(|customer| (name(customer), customer.number)),
        "email" => contacts.sort_by_key(|customer| (customer.email.clone(), customer.number)),
        "phone_number" => {
            contacts.sort_by_key(|customer| {
                (customer.contact.as_ref().and_then(|c| c.phone.clone()), customer.number)
            });
        }
        "last_activity_at" => contacts.sort_by_key(|customer| (customer.changed_at, customer.number)),
        "created_at" => contacts.sort_by_key(|customer| (customer.created_at, customer.number)),
        other => return Err(Refused::unprocessable(format!("'{other}' is not a valid sort"))),
    }
    if sort.starts_with('-') {
        contacts.reverse();
    }
    let skip = page(&call.fields, PAGE)?;
    let shown: Vec<Value> =
        contacts.iter().skip(skip).take(PAGE).map(|customer| with_inboxes(call, customer)).collect();
    let number = (skip / PAGE + 1).to_string();
    json(json!({ "meta": { "count": contacts.len(), "current_page": number }, "payload": shown }))
}
