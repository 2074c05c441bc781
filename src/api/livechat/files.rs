//! Calls that bring a file: multipart forms over HTTP (spec v3.0, 5.7 and 6.5).

use axum::extract::Request;
use axum::response::Response;
use serde_json::{Value, json};
use switchboard_domain::id::{AgentId, LicenseId};

use super::Api;
use super::body::{bearer, success};
use super::call::{belongs, license};
use super::engine::Engine;
use super::error::WireError;
use super::v3_0::{V3_0, word};
use crate::engine::files::FILES;
use crate::engine::order::{Failure, Request as EngineRequest};
use crate::forms::{self, Form, FormRefused};

/// Stands before the names of the parts in the documents.
const PAYLOAD: &str = "payload.";

/// Answers a call of a method that takes a form.
pub(super) async fn answer<E: Engine>(
    engine: E,
    api: Api,
    action: &str,
    request: Request,
) -> Result<Response, WireError> {
    let refuse = |failure: Failure| word(api.side(), &failure);
    if !forms::is_form(request.headers()) {
        return Err(WireError::validation("Content-Type: must be multipart/form-data"));
    }
    let asked_of = license(&engine, api, request.uri())?;
    let token =
        bearer(request.headers()).map(str::to_owned).ok_or(Failure::Unauthenticated).map_err(refuse)?;
    let by = engine.principal(&token, None).map_err(refuse)?;
    let _running = engine.admit_call(&token).map_err(WireError::too_many_requests)?;
    if !belongs(&by, api, asked_of) {
        return Err(refuse(Failure::Unauthenticated));
    }
    V3_0.may_send_form(api, action, &by).map_err(refuse)?;
    let mut form = receive(&engine, api, by.license, request).await?;
    let part = if action == "upload_image" { "image" } else { "file" };
    let is_it = |name: &str| name.strip_prefix(PAYLOAD).unwrap_or(name) == part;
    let found = form.files.iter().find(|(name, _)| is_it(name));
    let (_, received) = found.ok_or_else(|| WireError::validation(format!("payload.{part}: missing")))?;
    let url = form.shown(received).url;
    match action {
        "send_file" => {
            let author = text(&form, "author_id");
            let by = match &author {
                Some(author) if api == Api::Agent => {
                    engine.principal(&token, Some(&AgentId::new(author))).map_err(refuse)?
                }
                _ => by,
            };
            let args = arguments(&form, &url);
            let order = V3_0.form_order(api, action, &args, &by).map_err(refuse)?;
            let asked = EngineRequest { by, order, group: None, key: None };
            engine.run(asked).await.map_err(refuse)?;
            Ok(success(json!({ "url": url }).to_string()))
        }
        "upload_image" => {
            if received.info.pixels.is_none() {
                return Err(WireError::validation("payload.image: is not a picture"));
            }
            // What it is for does not come by here: it stays at once.
            engine.keep_file(received).await.map_err(|rejected| refuse(rejected.into()))?;
            let path = url.split_once(FILES).map(|(_, path)| path);
            Ok(success(json!({ "url": url, "path": path }).to_string()))
        }
        _ => {
            form.settle();
            Ok(success(json!({ "url": url }).to_string()))
        }
    }
}

async fn receive<E: Engine>(
    engine: &E,
    api: Api,
    license: LicenseId,
    request: Request,
) -> Result<Form, WireError> {
    engine.receive_form(license, request).await.map_err(|refused| match refused {
        FormRefused::Broken => WireError::validation("The body is not a whole multipart form"),
        FormRefused::TooLarge => WireError::new("entity_too_large", "Upload limit exceeded (1MB)"),
        FormRefused::FileTooLarge => WireError::new("entity_too_large", "Upload limit exceeded (10MB)"),
        FormRefused::TooMany => WireError::validation("payload.file: only one file can be sent"),
        FormRefused::TooSlow => word(api.side(), &Failure::Timeout),
        FormRefused::Rejected(rejected) => word(api.side(), &rejected.into()),
    })
}

fn text(form: &Form, name: &str) -> Option<String> {
    form.text(&format!("{PAYLOAD}{name}")).or_else(|| form.text(name)).map(str::to_owned)
}

/// What the same file would be as an event of `send_event`.
fn arguments(form: &Form, url: &str) -> String {
    let mut args = json!({ "event": { "type": "file", "url": url } });
    if let Some(chat) = text(form, "chat_id") {
        args["chat_id"] = Value::from(chat);
    }
    if let Some(custom_id) = text(form, "custom_id") {
        args["event"]["custom_id"] = Value::from(custom_id);
    }
    if let Some(required) = text(form, "require_active_thread") {
        // A form has texts only; what is no flag is refused as what it is.
        let flag = required.parse::<bool>().map_or(Value::from(required), Value::from);
        args["require_active_thread"] = flag;
    }
    args.to_string()
}
