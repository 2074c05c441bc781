//! `/admin/v1/webhooks`: who hears by webhook, how it goes, what was given up, and another try.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use serde_json::{Value, json};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::LicenseId;
use switchboard_domain::participant::license::LicenseChange;
use switchboard_domain::time::Timestamp;
use switchboard_domain::webhook::{DeadLine, DeliveryId, EndpointId, Owner, Settlement, Which, WhyDisabled};

use super::engine::Engine;
use super::fields::{Fields, body, word};
use super::refusal::Refused;
use super::tenant::Tenant;
use crate::engine::webhook::{EndpointView, LogLine};
use crate::telemetry::clock;

const REASONS: [(&str, WhyDisabled); 3] = [
    ("gone", WhyDisabled::Gone),
    ("long_failure", WhyDisabled::LongFailure),
    ("by_hand", WhyDisabled::ByHand),
];

const ENDS: [(&str, Settlement); 5] = [
    ("refused", Settlement::Refused),
    ("exhausted", Settlement::Exhausted),
    ("overflowed", Settlement::Overflowed),
    ("expired", Settlement::Expired),
    ("disabled", Settlement::Disabled),
];

fn time(at: Timestamp) -> String {
    let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX).to_string()
}

fn moment(field: &str, text: &str) -> Result<Timestamp, Rejected> {
    let read = text.parse::<jiff::Timestamp>().ok().and_then(|at| u64::try_from(at.as_microsecond()).ok());
    let words = "must be a time such as 2026-01-31T12:00:00Z";
    read.map(Timestamp::from_micros).ok_or_else(|| Rejected::invalid(field, words))
}

fn show(view: &EndpointView) -> Value {
    let receiver = &view.receiver;
    let standing = receiver.standing;
    let state = match (standing.disabled, standing.failing_since, view.hears) {
        (Some(_), ..) => "disabled",
        (None, _, false) => "offline",
        (None, Some(_), true) => "failing",
        (None, None, true) => "active",
    };
    let owner = match &view.owner {
        Owner::Bot(_) | Owner::DeskBot(_) => "bot",
        Owner::License | Owner::DeskHook => "license",
    };
    json!({
        "id": view.id.as_str(),
        "owner": owner,
        "client_id": view.client.as_str(),
        "url": &*view.url,
        "actions": view.actions.iter().map(|action| action.code()).collect::<Vec<_>>(),
        "state": state,
        "former_secret_until": view.former_secret_until.map(time),
        "failures_in_a_row": receiver.failures,
        "failing_since": standing.failing_since.map(time),
        "paused_until": receiver.paused_until.map(time),
        "disabled_at": standing.disabled.map(|disabled| time(disabled.at)),
        "disabled_why": standing.disabled.and_then(|disabled| word(&REASONS, &disabled.why)),
        "outstanding": receiver.outstanding,
        "outstanding_bytes": receiver.outstanding_bytes,
        "oldest_due_since": receiver.oldest.map(time),
        "dead_letters": view.dead_letters,
    })
}

fn show_attempt(line: &LogLine) -> Value {
    json!({
        "at": time(line.at),
        "delivery_id": line.delivery.as_str(),
        "attempt": line.number,
        "status": line.answer.ok().map(|status| status.as_u16()),
        "error": line.answer.err().map(|fault| fault.to_string()),
        "latency_ms": u64::try_from(line.latency.as_millis()).unwrap_or(u64::MAX),
        "sent_bytes": line.sent_bytes,
        "answer_bytes": line.answer_bytes,
        "retry_at": line.retry_at.map(time),
    })
}

fn show_dead(line: &DeadLine) -> Value {
    json!({
        "delivery_id": line.id.as_str(),
        "why": word(&ENDS, &line.how),
        "url": &*line.url,
        "due_since": time(line.due_since),
        "died_at": time(line.died_at),
        "bytes": line.bytes,
    })
}

/// `GET /admin/v1/webhooks`
pub(super) async fn list<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
) -> Result<Json<Value>, Refused> {
    let views = engine.webhook_endpoints(license.id).await?;
    Ok(Json(json!({ "webhooks": views.iter().map(show).collect::<Vec<_>>() })))
}

/// `GET /admin/v1/webhooks/{id}`: with its last attempts, the newest first.
pub(super) async fn get<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refused> {
    let (view, log) = engine.webhook_endpoint(license.id, &EndpointId::new(&id)).await?;
    let mut shown = show(&view);
    shown["log"] = log.iter().map(show_attempt).collect();
    Ok(Json(shown))
}

/// `GET /admin/v1/webhooks/{id}/dead_letters`: as they became due; `from` and `to` choose some.
pub(super) async fn dead_letters<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    Path(id): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, Refused> {
    let given = |name: &str| query.iter().rfind(|(known, _)| known == name).map(|(_, text)| text.as_str());
    let which = range(given("from"), given("to"))?.unwrap_or(Which::All);
    let (lines, total) = engine.dead_letters(license.id, &EndpointId::new(&id), which).await?;
    let shown: Vec<_> = lines.iter().map(show_dead).collect();
    Ok(Json(json!({ "dead_letters": shown, "total": total })))
}

/// `POST /admin/v1/webhooks/{id}/replay`: one dead letter, those of a time, or all.
pub(super) async fn replay<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, Refused> {
    let which = chosen(&bytes)?;
    let (mut replayed, id) = (0, EndpointId::new(&id));
    // Those that die again meanwhile became due last. As many as there were at first are all of the others,
    // and this comes to an end.
    let mut left = usize::MAX;
    loop {
        let some = engine.replay(license.id, &id, which.clone(), left).await?;
        replayed += some.count;
        left = left.saturating_sub(some.count).min(some.left);
        if left == 0 || some.count == 0 {
            return Ok(Json(json!({ "replayed": replayed, "left": left })));
        }
    }
}

fn chosen(bytes: &[u8]) -> Result<Which, Rejected> {
    let value = body(bytes)?;
    let fields = Fields::of(&value)?;
    fields.only(&["delivery_id", "from", "to", "all"])?;
    let one = fields.text("delivery_id")?.map(|id| Which::One(DeliveryId::new(id)));
    let some = range(fields.text("from")?, fields.text("to")?)?;
    let all = fields.flag("all")?.filter(|all| *all).map(|_| Which::All);
    match (one, some, all) {
        (Some(which), None, None) | (None, Some(which), None) | (None, None, Some(which)) => Ok(which),
        _ => Err(Rejected::invalid("request", "needs one of: delivery_id; from and to; all, as true")),
    }
}

fn range(from: Option<&str>, to: Option<&str>) -> Result<Option<Which>, Rejected> {
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    let from = from.map_or(Ok(Timestamp::default()), |from| moment("from", from))?;
    let to = to.map_or(Ok(Timestamp::from_micros(u64::MAX)), |to| moment("to", to))?;
    if to < from {
        return Err(Rejected::invalid("to", "must not be before `from`"));
    }
    Ok(Some(Which::Range(from, to)))
}

/// `POST /admin/v1/webhooks/{id}/enable`: its receiver is called again, at once.
pub(super) async fn enable<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refused> {
    switch(&engine, license.id, &id, true).await
}

/// `POST /admin/v1/webhooks/{id}/disable`: its receiver is called no more.
pub(super) async fn disable<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refused> {
    switch(&engine, license.id, &id, false).await
}

/// `POST /admin/v1/webhooks/{id}/rotate_secret`: another secret signs from now on, and for a while the
/// former one beside it.
pub(super) async fn rotate_secret<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, Refused> {
    let id = EndpointId::new(&id);
    let value = body(&bytes)?;
    let fields = Fields::of(&value)?;
    fields.only(&["secret_key"])?;
    let secret_key = fields.required_text("secret_key")?.into();
    let (view, _) = engine.webhook_endpoint(license.id, &id).await?;
    let words = match view.owner {
        Owner::License => None,
        Owner::Bot(_) => {
            Some("is a bot's: its application sets the secret, with the bot's other webhook settings")
        }
        Owner::DeskBot(_) => Some("is a help desk's bot: its secret is made anew over the desk's own API"),
        Owner::DeskHook => Some("is a help desk's: its secret was drawn when it was made, and stays"),
    };
    if let Some(words) = words {
        return Err(Rejected::invalid("webhook_id", words).into());
    }
    let change = LicenseChange::RotateWebhookSecret { id: id.clone(), secret_key, at: clock::now() };
    engine.change_license(license.id, change).await?;
    Ok(Json(show(&engine.webhook_endpoint(license.id, &id).await?.0)))
}

async fn switch<E: Engine>(
    engine: &E,
    license: LicenseId,
    id: &str,
    on: bool,
) -> Result<Json<Value>, Refused> {
    Ok(Json(show(&engine.switch_webhooks(license, &EndpointId::new(id), on).await?)))
}
