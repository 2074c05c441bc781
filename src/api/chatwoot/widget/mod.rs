//! The API of the web widget: what visitors of a page ask. Whoever has the page's token and its own
//! speaks for itself; nothing is kept of a visitor before it does something. Source: spec 4.2.

mod identity;
mod page;
pub(super) mod token;

use std::sync::Arc;

use axum::body::Body;
use axum::response::IntoResponse as _;
use http::{Method, Request, StatusCode};
use serde_json::{Map, Value, json};
use switchboard_domain::conversation::event::{Event, within};
use switchboard_domain::conversation::push::WidgetOpening;
use switchboard_domain::desk::{Channel, Inbox};
use switchboard_domain::limits::ATTRIBUTES_BYTES;
use switchboard_domain::participant::contact::ContactEntry;
use switchboard_domain::participant::customer::Customer;
use switchboard_domain::participant::license::License;

use super::application::conversations::{going_on, new_ticket, open};
use super::application::messages::{numbered, read};
use super::call::{Answered, empty, json};
use super::customer::{Talk, filled, fresh_source, inbox_named, newest_of};
use super::fields::Fields;
use super::refusal::Refused;
use super::show;
use crate::engine::handle::EngineHandle;
use crate::engine::order::DeskContext;
use crate::engine::visitor::Way;
use crate::telemetry::clock;

use page::Page;

/// Somebody on a page, who may have done nothing yet.
struct Visitor<'a> {
    engine: &'a EngineHandle,
    license: Arc<License>,
    inbox: Inbox,
    page: Page,
    fields: Fields,
    way: Way,
    known: Option<(Arc<Customer>, ContactEntry)>,
}

/// Answers a call of a page.
pub(super) async fn answer(engine: &EngineHandle, path: &[&str], request: Request<Body>) -> Answered {
    let (method, page) = (request.method().clone(), Page::of(request.headers()));
    let website = website_token(&request).unwrap_or_default();
    let (license, inbox) = inbox_named(engine, Channel::Website, &website)?;
    let known = page.token.as_deref().and_then(|token| token::read(&inbox, token, clock::now()));
    let begins = (&method, path) == (&Method::POST, &["config"]);
    let source = known.or_else(|| begins.then(fresh_source)).ok_or_else(Refused::not_found)?;
    let way = token::way(&inbox, source);
    let known = engine.known_visitor(license.id, &way).await?;
    // Files that nothing takes go with the form.
    let fields = Fields::of(engine, Some(license.id), request).await?;
    let visitor = Visitor { engine, license, inbox, page, fields, way, known };
    visitor.answer(&method, path).await
}

/// What names the page: it stands in the address of every call.
fn website_token(request: &Request<Body>) -> Option<String> {
    let query = request.uri().query().unwrap_or_default();
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).ok()?;
    pairs.into_iter().find(|(name, _)| name == "website_token").map(|(_, token)| token)
}

impl Visitor<'_> {
    async fn answer(mut self, method: &Method, path: &[&str]) -> Answered {
        match (method, path) {
            (&Method::POST, ["config"]) => {
                let token = token::issue(&self.inbox, &self.way.source_id, clock::now());
                json(show::widget_config(
                    &self.license,
                    &self.inbox,
                    &token,
                    (self.shown(), self.stream_token()),
                ))
            }
            (&Method::GET, ["contact"]) => json(show::visitor(self.shown())),
            (&Method::PATCH | &Method::PUT, ["contact"]) => self.identify(false).await,
            (&Method::PATCH | &Method::PUT, ["contact", "set_user"]) => self.identify(true).await,
            (&Method::GET, ["conversations"]) => {
                let current = self.current().await?;
                json(current.map_or_else(|| json!({}), |cx| show::widget_conversation(&cx)))
            }
            (&Method::POST, ["conversations"]) => self.begin().await,
            (_, ["conversations", rest @ ..]) => self.of_conversation(method, rest).await,
            (&Method::GET, ["messages"]) => self.messages().await,
            (&Method::POST, ["messages"]) => self.write().await,
            (&Method::PATCH | &Method::PUT, ["messages", id]) => self.fill_in(id).await,
            (&Method::POST, ["events"]) => self.event().await,
            _ => Err(Refused::not_found()),
        }
    }

    fn customer(&self) -> Option<&Customer> {
        self.known.as_ref().map(|(customer, _)| &**customer)
    }

    /// The contact as far as its visitor may see it: a guest of it sees nothing.
    fn shown(&self) -> Option<&Customer> {
        self.known.as_ref().filter(|(_, entry)| entry.speaks()).map(|(customer, _)| &**customer)
    }

    fn stream_token(&self) -> &str {
        self.known.as_ref().map_or(&self.way.stream_token, |(_, entry)| &entry.stream_token)
    }

    /// The visitor as a contact, from now on if it was none.
    async fn contact(&mut self) -> Result<(Arc<Customer>, ContactEntry), Refused> {
        let known = match self.known.take() {
            Some(known) => known,
            None => self.engine.visitor(self.license.id, &self.way).await?,
        };
        self.known = Some(known.clone());
        Ok(known)
    }

    /// The conversation that the page shows: the newest one in this inbox.
    async fn current(&self) -> Result<Option<DeskContext>, Refused> {
        let Some((customer, entry)) = &self.known else { return Ok(None) };
        newest_of(self.engine, &self.license, customer, entry).await
    }

    /// The same, which there has to be.
    async fn talk(&self) -> Result<Talk<'_>, Refused> {
        let cx = self.current().await?.ok_or_else(Refused::not_found)?;
        self.talk_in(&cx)
    }

    fn talk_in(&self, cx: &DeskContext) -> Result<Talk<'_>, Refused> {
        let customer = self.customer().ok_or_else(Refused::not_found)?;
        Ok(Talk::of(self.engine, self.license.id, customer.id, cx.chat.id))
    }

    fn message(&mut self) -> Result<Fields, Refused> {
        self.fields.take_inside("message")?.ok_or_else(|| Refused::missing("message"))
    }

    /// What a conversation is begun with: the page, and what shows it.
    fn origin(&self, message: &Fields) -> Result<Fields, Refused> {
        let origin = json!({
            "browser_language": self.page.language(),
            "browser": self.page.browser(),
            "initiated_at": { "timestamp": message.text("timestamp")? },
            "referer": message.text("referer_url")?,
        });
        let mut fields = Map::from_iter([("additional_attributes".to_owned(), origin)]);
        if let Some(own) = self.fields.object("custom_attributes")? {
            fields.insert("custom_attributes".into(), Value::Object(own));
        }
        Ok(Fields::from_map(fields))
    }

    /// Begins a conversation with its first message; where each customer has only one, goes on with it.
    async fn begin(&mut self) -> Answered {
        let message = self.message()?;
        let origin = self.origin(&message)?;
        let said = said(message, None)?;
        read(&said, false)?;
        self.introduce().await?;
        let (customer, entry) = self.contact().await?;
        let cx = match going_on(self.engine, &self.license, (&customer, &entry)).await? {
            Some(cx) => self.talk_in(&cx)?.write(&cx, &said).await?.0,
            None => self.open((&customer, &entry), &origin, &said).await?,
        };
        let (cx, events) = self.talk_in(&cx)?.all().await?;
        json(show::begun_conversation(&cx, &events))
    }

    async fn open(
        &self,
        by: (&Customer, &ContactEntry),
        origin: &Fields,
        said: &Fields,
    ) -> Result<DeskContext, Refused> {
        open(self.engine, &self.license, by, new_ticket(origin)?, vec![read(said, false)?]).await
    }

    async fn messages(&self) -> Answered {
        let Some(cx) = self.current().await? else {
            return json(json!({ "payload": [], "meta": {} }));
        };
        let (cx, page) = self.talk_in(&cx)?.page(&self.fields).await?;
        json(show::widget_messages(&cx, &page))
    }

    /// Says something in the conversation that the page shows; begins one when there is none, or none
    /// that goes on.
    async fn write(&mut self) -> Answered {
        let message = self.message()?;
        let origin = self.origin(&message)?;
        let goes_on = |cx: &DeskContext| self.inbox.goes_on(show::status_of(cx));
        let (cx, event) = match self.current().await?.filter(goes_on) {
            Some(cx) => {
                let talk = self.talk_in(&cx)?;
                let said = said(message, Some(&talk.all().await?.1))?;
                talk.write(&cx, &said).await?
            }
            None => {
                let said = said(message, None)?;
                read(&said, false)?;
                let (customer, entry) = self.contact().await?;
                let cx = self.open((&customer, &entry), &origin, &said).await?;
                // A bot may have answered since.
                let (cx, events) = self.talk_in(&cx)?.all().await?;
                (cx, events.into_iter().next().ok_or_else(Refused::not_found)?)
            }
        };
        json(show::public_message(&cx, &event))
    }

    /// Answers what a message asks for. Who answers with an address has said whose it is.
    async fn fill_in(&mut self, id: &str) -> Answered {
        let mut fields = self.fields.inside("message")?.unwrap_or_default();
        if let Some(contact) = self.fields.object("contact")? {
            fields = fields.with("contact", Value::Object(contact));
        }
        let (cx, event) = self.talk().await?.answer(id, &fields).await?;
        if show::content_type_of(&event) == "input_email" {
            self.introduce().await?;
        }
        json(show::public_message(&cx, &event))
    }

    async fn of_conversation(&self, method: &Method, path: &[&str]) -> Answered {
        match (method, path) {
            (&Method::POST, ["toggle_typing"]) => {
                self.talk().await?.typing(&self.fields).await?;
                empty()
            }
            (&Method::POST, ["update_last_seen"]) => {
                if let Some(cx) = self.current().await? {
                    self.talk_in(&cx)?.seen().await;
                }
                empty()
            }
            (&Method::GET | &Method::POST, ["toggle_status"]) => {
                let talk = self.talk().await?;
                if !show::may_end(&self.inbox) {
                    return Ok(StatusCode::FORBIDDEN.into_response());
                }
                talk.resolve().await?;
                empty()
            }
            _ => Err(Refused::not_found()),
        }
    }

    /// The widget tells of itself. Only its opening is told to anybody else.
    async fn event(&mut self) -> Answered {
        let name = filled(&self.fields, "name")?.ok_or_else(|| Refused::missing("name"))?;
        if &*name == "webwidget.triggered" {
            let mut details = self.fields.object("event_info")?.unwrap_or_default();
            let language = self.fields.text("locale")?;
            details.insert("widget_language".into(), language.as_deref().into());
            details.insert("browser_language".into(), self.page.language().into());
            details.insert("browser".into(), self.page.browser());
            let details: Box<str> = Value::Object(details).to_string().into();
            within("event_info", details.len(), ATTRIBUTES_BYTES, "bytes")?;
            let current = self.current().await?;
            let (customer, entry) = self.contact().await?;
            let opening = WidgetOpening { customer, entry: entry.number, group: self.inbox.group, details };
            self.engine.open_widget(self.license.id, opening, current).await?;
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    }
}

/// What a visitor may say of a message: its text and files, the client's own name of it, and which of
/// those before it answers.
fn said(message: Fields, before: Option<&[Arc<Event>]>) -> Result<Fields, Refused> {
    let answered = message.number("reply_to")?.map(|number| number.to_string());
    let said = message.only(&["content", "echo_id", "attachments"]);
    let known = answered.zip(before).and_then(|(answered, before)| numbered(before, &answered).ok());
    Ok(match known {
        Some(event) => said.with("content_attributes", json!({ "in_reply_to": event.number })),
        None => said,
    })
}
