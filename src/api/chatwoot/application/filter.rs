//! Which conversations a list shows: the query of the list, and the body of `filter`. Source: spec 2.3.

use serde_json::Value;

use super::super::call::Call;
use super::super::fields::Fields;
use super::super::refusal::Refused;
use super::conversations::{listing, status};
use crate::engine::names::Name;
use crate::engine::order::{Held, ListTickets, TicketCondition, TicketField};

/// The fields that `filter` knows, by name.
const FIELDS: [(&str, TicketField); 8] = [
    ("status", TicketField::Status),
    ("assignee_id", TicketField::Holder),
    ("inbox_id", TicketField::Inbox),
    ("team_id", TicketField::Team),
    ("contact_id", TicketField::Customer),
    ("display_id", TicketField::Number),
    ("labels", TicketField::Label),
    ("priority", TicketField::Urgency),
];

fn is(field: TicketField, values: Vec<Box<str>>) -> TicketCondition {
    TicketCondition::Is { field, values, not: false }
}

/// By the query of a list: open ones, unless it says otherwise.
pub(super) fn of_query(call: &Call<'_>) -> Result<ListTickets, Refused> {
    let fields = &call.fields;
    let held = match fields.text("assignee_type")?.as_deref() {
        None | Some("all") => Held::Anyhow,
        Some("me") => Held::ByMe,
        Some("assigned") => Held::BySomebody,
        Some("unassigned") => Held::ByNobody,
        Some(other) => return Err(Refused::unprocessable(format!("'{other}' is not a valid assignee type"))),
    };
    let mut list = listing(fields, held)?;
    match fields.text("status")?.as_deref() {
        Some("all") => {}
        word => {
            let wanted = status(word.unwrap_or("open"))?.word().into();
            list.conditions.push(is(TicketField::Status, vec![wanted]));
        }
    }
    for (name, field) in [("inbox_id", TicketField::Inbox), ("team_id", TicketField::Team)] {
        if let Some(number) = fields.number(name)? {
            list.conditions.push(is(field, vec![number.to_string().into()]));
        }
    }
    if let Some(labels) = fields.texts("labels")?.filter(|labels| !labels.is_empty()) {
        list.conditions.push(is(TicketField::Label, labels));
    }
    Ok(list)
}

/// By the body of `filter`.
pub(super) async fn of_body(call: &Call<'_>) -> Result<ListTickets, Refused> {
    let mut list = listing(&call.fields, Held::Anyhow)?;
    let payload = call.fields.list("payload")?.ok_or_else(|| Refused::missing("payload"))?;
    for given in payload {
        let Value::Object(given) = given else {
            return Err(Refused::field("payload", "must be a list of objects"));
        };
        list.conditions.push(condition(call, &Fields::from_map(given)).await?);
    }
    Ok(list)
}

async fn condition(call: &Call<'_>, given: &Fields) -> Result<TicketCondition, Refused> {
    let key = given.text("attribute_key")?.ok_or_else(|| Refused::missing("attribute_key"))?;
    let found = FIELDS.iter().find(|(name, _)| *name == &*key).map(|(_, field)| *field);
    let field = found.ok_or_else(|| {
        let known: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
        Refused::unprocessable(format!(
            "Invalid attribute key - [{key}]. The key should be one of [{}].",
            known.join(",")
        ))
    })?;
    if given.text("query_operator")?.is_some_and(|word| !word.eq_ignore_ascii_case("and")) {
        return Err(Refused::unprocessable("Invalid query operator: only AND joins conditions here"));
    }
    let operator = given.text("filter_operator")?.ok_or_else(|| Refused::missing("filter_operator"))?;
    let values = given.texts("values")?.unwrap_or_default();
    let not = match &*operator {
        "equal_to" | "contains" => false,
        "not_equal_to" | "does_not_contain" => true,
        "is_present" => return Ok(TicketCondition::Present(field, true)),
        "is_not_present" => return Ok(TicketCondition::Present(field, false)),
        other => {
            return Err(Refused::unprocessable(format!(
                "Invalid operator. The allowed operators for {key} are [equal_to,not_equal_to,is_present,is_not_present], \
                 not {other}."
            )));
        }
    };
    let values = match field {
        TicketField::Status => words(&values)?,
        TicketField::Customer => customers(call, &values).await?,
        _ => values,
    };
    // "Every status" excludes none.
    if field == TicketField::Status && values.is_empty() {
        return Ok(TicketCondition::Present(field, true));
    }
    Ok(TicketCondition::Is { field, values, not })
}

fn words(values: &[Box<str>]) -> Result<Vec<Box<str>>, Refused> {
    if values.iter().any(|value| &**value == "all") {
        return Ok(Vec::new());
    }
    values.iter().map(|value| Ok(status(value)?.word().into())).collect()
}

/// Customers are known by their ids.
async fn customers(call: &Call<'_>, numbers: &[Box<str>]) -> Result<Vec<Box<str>>, Refused> {
    let mut ids = Vec::with_capacity(numbers.len());
    for number in numbers {
        let number = number.parse().map_err(|_| Refused::field("values", "must be numbers"))?;
        let found = call.engine.customer_named(call.license.id, Name::Number(number)).await?;
        // Nobody has the number: nothing passes.
        ids.push(found.map_or_else(|| "".into(), |customer| customer.id.to_string().into()));
    }
    Ok(ids)
}
