//! Hooks of an account: whoever hears of everything. Source: spec 2.6.

use http::Method;
use serde_json::{Value, json};
use switchboard_domain::desk::{DeskChange, Hook};
use switchboard_domain::participant::license::License;

use super::super::call::{Answered, Call, empty, json, number};
use super::super::refusal::Refused;
use super::super::{NUMBER, show};
use crate::engine::secret;

/// Events that a hook may hear of.
const WORDS: [&str; 12] = [
    "conversation_created",
    "conversation_updated",
    "conversation_status_changed",
    "message_created",
    "message_updated",
    "webwidget_triggered",
    "contact_created",
    "contact_updated",
    "inbox_created",
    "inbox_updated",
    "conversation_typing_on",
    "conversation_typing_off",
];

/// Answers a call about hooks.
pub(super) async fn answer(call: &Call<'_>, path: &[&str]) -> Answered {
    call.asker.must_administer()?;
    match (&call.method, path) {
        (&Method::GET, []) => {
            let hooks: Vec<Value> =
                call.license.desk.hooks.values().map(|hook| shown(&call.license, hook)).collect();
            json(json!({ "payload": { "webhooks": hooks } }))
        }
        (&Method::POST, []) => {
            let fresh = Hook {
                number: call.engine.new_number(),
                url: "".into(),
                name: None,
                inbox: None,
                words: WORDS.iter().map(|word| (*word).into()).collect(),
                secret: secret::draw_short().into(),
                dialect: NUMBER,
            };
            put(call, fresh).await
        }
        (&Method::GET, [id]) => {
            json(json!({ "payload": { "webhook": shown(&call.license, hook(call, id)?) } }))
        }
        (&Method::PATCH | &Method::PUT, [id]) => put(call, hook(call, id)?.clone()).await,
        (&Method::DELETE, [id]) => {
            call.change(DeskChange::DeleteHook(hook(call, id)?.number)).await?;
            empty()
        }
        _ => Err(Refused::not_found()),
    }
}

fn hook<'a>(call: &'a Call<'_>, id: &str) -> Result<&'a Hook, Refused> {
    call.license.desk.hooks.get(&number(id)?).ok_or_else(Refused::not_found)
}

fn shown(license: &License, hook: &Hook) -> Value {
    let inbox = hook.inbox.and_then(|inbox| license.desk.inboxes.get(&inbox));
    json!({
        "id": hook.number,
        "url": hook.url,
        "name": hook.name,
        "account_id": license.desk.account,
        "subscriptions": hook.words,
        "secret": hook.secret,
        "inbox": inbox.map(|inbox| show::inbox_line(license, inbox)),
    })
}

/// Takes over what a request says of a hook, at the top or inside `webhook`.
async fn put(call: &Call<'_>, mut hook: Hook) -> Answered {
    let inside = call.fields.inside("webhook")?;
    let fields = inside.as_ref().unwrap_or(&call.fields);
    if hook.url.is_empty() || fields.has("url") {
        hook.url = fields.required_text("url")?;
    }
    hook.name = fields.clearable("name")?.unwrap_or(hook.name);
    if fields.has("inbox_id") {
        hook.inbox = fields.number("inbox_id")?;
    }
    if let Some(words) = fields.texts("subscriptions")? {
        if words.is_empty() || words.iter().any(|word| !WORDS.contains(&&**word)) {
            return Err(Refused::field("subscriptions", "Invalid events"));
        }
        hook.words = words;
    }
    let id = hook.number;
    let license = call.change(DeskChange::PutHook(hook)).await?;
    let hook = license.desk.hooks.get(&id).ok_or_else(Refused::not_found)?;
    json(json!({ "payload": { "webhook": shown(&license, hook) } }))
}
