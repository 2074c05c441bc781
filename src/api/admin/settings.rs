//! Settings of routing, as this face reads and shows them.

use serde_json::{Value, json};
use switchboard_domain::error::Rejected;
use switchboard_domain::participant::settings::{OwnSettings, RoutingMode, Settings, SettingsChange};

use super::fields::{Fields, word};

const MODES: [(&str, RoutingMode); 2] =
    [("automatic", RoutingMode::Automatic), ("manual", RoutingMode::Manual)];

/// The settings as shown.
pub(super) fn show(settings: &Settings) -> Value {
    let timers = settings.timers;
    json!({
        "routing_mode": word(&MODES, &settings.mode),
        "queues": settings.queues,
        "queue_limit": settings.queue_limit,
        "timers": {
            "unseen": timers.unseen,
            "idle": timers.idle,
            "silent": timers.silent,
            "customer_left": timers.customer_left,
        },
    })
}

/// The settings that a body changes.
pub(super) fn read(body: &Fields<'_>) -> Result<SettingsChange, Rejected> {
    let Some(given) = body.object("settings")? else { return Ok(SettingsChange::default()) };
    given.only(&["routing_mode", "queues", "queue_limit", "timers"])?;
    let mut change = SettingsChange {
        mode: given.choice("routing_mode", &MODES)?,
        queues: given.flag("queues")?,
        queue_limit: given.number("queue_limit")?,
        ..SettingsChange::default()
    };
    if let Some(timers) = given.object("timers")? {
        timers.only(&["unseen", "idle", "silent", "customer_left"])?;
        change.unseen = timers.number("unseen")?;
        change.idle = timers.number("idle")?;
        change.silent = timers.number("silent")?;
        change.customer_left = timers.number("customer_left")?;
    }
    Ok(change)
}

/// What a body makes of a group's own settings: `null` takes them away.
pub(super) fn read_own(body: &Fields<'_>) -> Result<OwnSettings, Rejected> {
    if body.is_null("settings") {
        Ok(OwnSettings::Drop)
    } else if body.given("settings").is_none() {
        Ok(OwnSettings::Keep)
    } else {
        read(body).map(OwnSettings::Set)
    }
}
