//! LiveChat v3.0 on the wire.
//!
//! `read` turns arguments into what the engine is asked, `show` turns its answers and pushes into
//! JSON, `methods` is the table of what is served, `frame` the envelopes, `refusal` the errors.
//! The policy of this version, such as what an event does to an inactive chat, is set in `read`.

mod frame;
mod methods;
mod read;
mod refusal;
mod show;

use serde::Serialize;
use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::push::{Push, Told};
use switchboard_domain::conversation::view::ChatView;
use switchboard_domain::id::AgentId;
use switchboard_domain::webhook::Endpoint;

use self::methods::{Method, Over};
use self::read::Call;
use super::object::Object;
use super::{Api, json_text};
use crate::engine::dialect::{Ask, Capture, Dialect, Disconnect, Encoded, Frame, FrameHead, Side};
use crate::engine::order::{Done, Failure, Order, Outcome, RequestKey};
use crate::telemetry::clock;

pub(super) use self::refusal::word;

/// How this version is named in what is stored, such as the webhooks of a bot.
pub(super) const NUMBER: u16 = 30;

/// The dialect of v3.0.
pub(super) struct V3_0 {
    /// Where the random bits of new ids come from.
    random: fn() -> u64,
}

/// The one dialect of this version.
pub(super) static V3_0: V3_0 = V3_0 { random: clock::random_u64 };

/// A call over HTTP whose envelope is read and whose method is known.
pub(super) struct WebCall<'a> {
    api: Api,
    method: &'static Method,
    args: Object<'a>,
    /// The bot that is to act.
    pub(super) author: Option<AgentId>,
}

impl V3_0 {
    /// Reads the envelope of a call over HTTP.
    pub(super) fn open<'a>(&self, api: Api, action: &str, body: &'a str) -> Result<WebCall<'a>, Failure> {
        let (args, author) = frame::open_body(api, body)?;
        let method = methods::find(api, Over::Web, action).ok_or(Failure::UnknownAction)?;
        Ok(WebCall { api, method, args, author })
    }

    /// The key of a write over HTTP, as its header has it.
    pub(super) fn key(call: &WebCall<'_>, action: &str, key: &str) -> Result<RequestKey, Failure> {
        frame::request_key("Idempotency-Key", key, action, call.author.as_ref(), &call.args)
    }

    /// Does a method take a form with a file?
    pub(super) fn takes_form(&self, api: Api, action: &str) -> bool {
        methods::find(api, Over::Form, action).is_some()
    }

    /// May somebody send this method's form at all?
    pub(super) fn may_send_form(&self, api: Api, action: &str, by: &Principal) -> Result<(), Failure> {
        let method = methods::find(api, Over::Form, action).ok_or(Failure::UnknownAction)?;
        if api.side() == Side::Agent && !(method.allows)(by.scopes) {
            return Err(switchboard_domain::error::Rejected::NoAccess.into());
        }
        Ok(())
    }

    /// Reads what a form asks; its file is stored.
    pub(super) fn form_order(
        &self,
        api: Api,
        action: &str,
        args: &str,
        by: &Principal,
    ) -> Result<Order, Failure> {
        let (args, author) = frame::open_body(api, args)?;
        let method = methods::find(api, Over::Form, action).ok_or(Failure::UnknownAction)?;
        self.order(WebCall { api, method, args, author }, by)
    }

    /// Reads what the call asks, after its scope was checked.
    pub(super) fn order(&self, call: WebCall<'_>, by: &Principal) -> Result<Order, Failure> {
        match self.ask(call.method, call.api.side(), Some(by), call.author, call.args)? {
            Ask::Order(order, _) => Ok(order),
            Ask::Ping | Ask::Login(_) | Ask::Logout => Err(Failure::UnknownAction),
        }
    }

    /// The body of a call that went well.
    pub(super) fn body(&self, api: Api, action: &str, done: &Done, by: &Principal) -> String {
        json_text(&show::Answer { side: api.side(), action, done, viewer: by.agent() })
    }

    fn ask(
        &self,
        method: &Method,
        side: Side,
        by: Option<&Principal>,
        author: Option<AgentId>,
        args: Object<'_>,
    ) -> Result<Ask, Failure> {
        match by {
            None if !method.before_login => return Err(Failure::LoginFirst),
            Some(by) if side == Side::Agent && !(method.allows)(by.scopes) => {
                return Err(switchboard_domain::error::Rejected::NoAccess.into());
            }
            _ => {}
        }
        (method.read)(&Call { side, by, author, args, random: self.random })
    }

    fn read_frame(
        &self,
        side: Side,
        by: Option<&Principal>,
        text: &str,
        head: &mut FrameHead,
    ) -> Result<(Ask, Option<RequestKey>), Failure> {
        let opened = frame::open_frame(side, text, head)?;
        let method = methods::find(Api::of(side), Over::Rtm, &head.action).ok_or(Failure::UnknownAction)?;
        let key = opened.key.as_deref().map(|key| {
            frame::request_key("request_key", key, &head.action, opened.author.as_ref(), &opened.args)
        });
        let key = key.transpose()?;
        Ok((self.ask(method, side, by, opened.author, opened.args)?, key))
    }
}

impl Dialect for V3_0 {
    fn read(&self, side: Side, by: Option<&Principal>, text: &str) -> Frame {
        let mut head = FrameHead::default();
        let read = self.read_frame(side, by, text, &mut head);
        let (ask, key) = match read {
            Ok((ask, key)) => (Ok(ask), key),
            Err(failure) => (Err(failure), None),
        };
        Frame { head, ask, key }
    }

    fn answer(&self, side: Side, head: &FrameHead, outcome: &Outcome, viewer: Option<&Principal>) -> String {
        match outcome {
            Ok(done) => {
                let viewer = viewer.and_then(Principal::agent);
                let payload = show::Answer { side, action: &head.action, done, viewer };
                frame::response(head, true, &payload)
            }
            Err(failure) => {
                let error = word(side, failure);
                frame::response(head, false, &super::error::Wrapped { error: &error })
            }
        }
    }

    fn push(&self, side: Side, capture: &Capture, follows: bool) -> Option<Encoded> {
        show::PushFrame::new(side, capture, follows).map(|push| encoded(&push))
    }

    fn depends_on_follower(&self, told: &Told) -> bool {
        matches!(told.push, Push::ChatStarted { .. })
    }

    fn same_for_both_sides(&self, told: &Told) -> bool {
        // What only one side may see of an event are properties.
        matches!(&told.push, Push::EventPosted { event, .. }
            if event.visible_to_customer() && event.properties.is_empty())
    }

    fn disconnect(&self, side: Side, why: Disconnect) -> String {
        json_text(&show::disconnect(side, why))
    }

    fn webhook(&self, endpoint: &Endpoint, capture: &Capture, chat: Option<&ChatView>) -> Option<Vec<u8>> {
        show::webhook_body(endpoint, capture, chat).map(|body| json_text(&body).into_bytes())
    }
}

/// A `request_id` goes right behind the opening brace.
fn encoded(frame: &impl Serialize) -> Encoded {
    Encoded { text: json_text(frame), splice_at: 1 }
}

#[cfg(test)]
pub(super) use read::testing;
#[cfg(test)]
mod tests;
