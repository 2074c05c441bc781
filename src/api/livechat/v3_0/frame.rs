//! The envelopes: frames over a socket and bodies over HTTP (spec v3.0, 1.2 and 1.3).

use std::borrow::Cow;

use serde::Serialize;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::AgentId;
use switchboard_domain::limits::REQUEST_KEY_CHARS;

use crate::api::livechat::object::Object;
use crate::api::livechat::{Api, json_text};
use crate::engine::dialect::{FrameHead, Side};
use crate::engine::order::{Failure, RequestKey};

/// What an envelope holds beside its head.
pub(super) struct Opened<'a> {
    /// The arguments.
    pub(super) args: Object<'a>,
    /// The bot that is to act.
    pub(super) author: Option<AgentId>,
    /// The client's key of a write, as it stands there.
    pub(super) key: Option<Cow<'a, str>>,
}

/// Opens a frame. What could be read of the head is there even when this fails.
pub(super) fn open_frame<'a>(side: Side, text: &'a str, head: &mut FrameHead) -> Result<Opened<'a>, Failure> {
    let frame = Object::parse(text)?;
    let request_id = frame.optional::<Box<str>>("request_id");
    let action = frame.required::<Cow<'_, str>>("action");
    if let Ok(action) = &action {
        head.action = action.as_ref().into();
    }
    head.request_id = request_id?;
    action?;
    let args: Object<'_> = frame.optional("payload")?.unwrap_or_default();
    let (author, key) = (author(Api::of(side), &frame)?, frame.optional("request_key")?);
    Ok(Opened { args: args.into_root(), author, key })
}

/// The key of a write: the same for the same action of the same author with the same arguments, in
/// whatever order and envelope they are written.
///
/// # Errors
/// Refused under the name of `field` when the key is empty or too long.
pub(super) fn request_key(
    field: &str,
    key: &str,
    action: &str,
    author: Option<&AgentId>,
    args: &Object<'_>,
) -> Result<RequestKey, Failure> {
    let mut asked: serde_json::Map<_, _> = args
        .entries()
        .map(|(name, raw)| (name.to_owned(), serde_json::from_str(raw.get()).unwrap_or_default()))
        .collect();
    asked.values_mut().for_each(serde_json::Value::sort_all_objects);
    asked.sort_keys();
    let asked = json_text(&asked);
    RequestKey::new(key, [action, author.map_or("", AgentId::as_str), &asked]).ok_or_else(|| {
        Rejected::invalid(field, format!("must have 1 to {REQUEST_KEY_CHARS} characters")).into()
    })
}

/// Opens a body: its arguments stand inside `payload`, or are the whole body.
pub(super) fn open_body<'a>(api: Api, text: &'a str) -> Result<(Object<'a>, Option<AgentId>), Failure> {
    let body = Object::parse(text)?;
    let author = author(api, &body)?;
    if body.has_only(&["payload", "author_id"]) {
        let args: Object<'_> = body.optional("payload")?.unwrap_or_default();
        return Ok((args.into_root(), author));
    }
    Ok((body, author))
}

/// Only the Agent API knows bots that act.
fn author(api: Api, envelope: &Object<'_>) -> Result<Option<AgentId>, Failure> {
    match api {
        Api::Agent => envelope.optional("author_id"),
        Api::Customer | Api::Configuration => Ok(None),
    }
}

/// The text of an answer.
pub(super) fn response(head: &FrameHead, success: bool, payload: &impl Serialize) -> String {
    json_text(&Response {
        request_id: head.request_id.as_deref(),
        action: &head.action,
        kind: "response",
        success,
        payload,
    })
}

#[derive(Serialize)]
struct Response<'a, P> {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    action: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    success: bool,
    payload: &'a P,
}
