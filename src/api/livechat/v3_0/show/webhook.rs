//! The body of a webhook call: the push of the same name as agents see it, in its own envelope
//! (spec v3.0, 9.1).

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use switchboard_domain::conversation::properties::Location;
use switchboard_domain::conversation::push::Push;
use switchboard_domain::conversation::view::ChatView;
use switchboard_domain::id::ThreadId;
use switchboard_domain::webhook::{Action, Additional, Endpoint};

use super::payload::Payload;
use super::properties::AccessOut;
use super::push::PushFrame;
use super::user::spaced_status;
use super::webhook_config::{action_name, additional_name};
use super::{Lens, Text};
use crate::engine::dialect::{Capture, Side};

/// The body for one endpoint; `None` for a push that no webhook tells. `chat` is the conversation
/// as it is after the change.
pub(in super::super) fn body<'a>(
    endpoint: &'a Endpoint,
    capture: &'a Capture,
    chat: Option<&'a ChatView>,
) -> Option<impl Serialize + use<'a>> {
    let push = &capture.what.push;
    let action = Action::of(push)?;
    let data = match push {
        Push::AgentStatusChanged { agent, status } => {
            Data::Status { agent_id: agent.as_str(), status: spaced_status(*status) }
        }
        _ => Data::Push(PushFrame::for_webhook(capture).payload()),
    };
    let lens = Lens::of(Side::Agent, capture);
    let additional_data = (!endpoint.additional.is_empty()).then(|| AdditionalOut {
        lens,
        wanted: &endpoint.additional,
        chat,
        thread: push.thread(),
    });
    Some(Body {
        webhook_id: endpoint.id.as_str(),
        secret_key: &endpoint.secret_key,
        action: action_name(action),
        data,
        additional_data,
    })
}

#[derive(Serialize)]
struct Body<'a> {
    webhook_id: &'a str,
    secret_key: &'a str,
    action: &'static str,
    data: Data<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_data: Option<AdditionalOut<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Push(Payload<'a>),
    /// Only here a status is written with blanks.
    Status {
        agent_id: &'a str,
        status: &'static str,
    },
}

/// What was asked for, as far as the change has it.
struct AdditionalOut<'a> {
    lens: Lens<'a>,
    wanted: &'a [Additional],
    chat: Option<&'a ChatView>,
    thread: Option<ThreadId>,
}

impl Serialize for AdditionalOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for additional in [Additional::ChatProperties, Additional::Access, Additional::ThreadId] {
            if !self.wanted.contains(&additional) {
                continue;
            }
            let name = additional_name(additional);
            match (additional, self.chat, self.thread) {
                (Additional::ChatProperties, Some(chat), _) => {
                    map.serialize_entry(name, &self.lens.properties(&chat.properties, Location::Chat))?;
                }
                (Additional::Access, Some(chat), _) => {
                    map.serialize_entry(name, &AccessOut::from(&chat.access))?;
                }
                (Additional::ThreadId, _, Some(thread)) => map.serialize_entry(name, &Text(thread))?,
                _ => {}
            }
        }
        map.end()
    }
}
