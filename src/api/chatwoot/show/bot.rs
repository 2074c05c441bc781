//! Agent bots. Source: spec 2.1.

use serde_json::{Value, json};
use switchboard_domain::participant::bot::Bot;
use switchboard_domain::participant::license::License;

use super::{extend, object};

/// A bot, as somebody of an account sees it; its secrets are for administrators.
pub(in super::super) fn bot_of(license: &License, own: &Bot, secrets: bool) -> Value {
    let Some(desk) = &own.desk else { return Value::Null };
    let mut shown = json!({
        "id": own.number,
        "name": own.name,
        "description": desk.description,
        "thumbnail": own.avatar.as_deref().unwrap_or_default(),
        "bot_type": "webhook",
        "bot_config": object(&desk.config),
        "account_id": if desk.system { None } else { Some(license.desk.account) },
        "system_bot": desk.system,
    });
    if !desk.system {
        shown = extend(shown, json!({ "outgoing_url": desk.url.as_deref().unwrap_or_default() }));
        if secrets {
            shown = extend(shown, json!({ "access_token": desk.token, "secret": desk.secret }));
        }
    }
    shown
}

/// A bot, as the platform sees it.
pub(in super::super) fn bot(license: &License, own: &Bot) -> Value {
    let Some(desk) = &own.desk else { return Value::Null };
    let more = json!({
        "outgoing_url": desk.url.as_deref().unwrap_or_default(),
        "access_token": desk.token,
        "secret": desk.secret,
    });
    extend(bot_of(license, own, true), more)
}
