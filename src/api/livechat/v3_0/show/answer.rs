//! The payload of each method's answer (spec v3.0, 5.7 and 6.1).

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use switchboard_domain::conversation::event::Event;
use switchboard_domain::conversation::view::{ChatView, ThreadView, Threads};
use switchboard_domain::id::{AgentId, ThreadId};

use super::archive::ArchivesOut;
use super::bot::{BotDetails, BotLine};
use super::chat::{LineOut, follows};
use super::customer::{CardOut, CustomersOut, OneselfOut};
use super::form::FormAnswer;
use super::list::{LinesOut, PageOut};
use super::login::{AgentLoginOut, CustomerLoginOut};
use super::preview::UrlDetails;
use super::property_configs::configs;
use super::routing::{GroupStatusesOut, PredictedAgent};
use super::webhook_config::RegistrationOut;
use super::{Lens, Text};
use crate::engine::dialect::Side;
use crate::engine::order::{Done, Shown};
use crate::engine::profiles::Profiles;

/// What an action answers: the payload over a socket, the whole body over HTTP.
pub(in super::super) struct Answer<'a> {
    pub(in super::super) side: Side,
    pub(in super::super) action: &'a str,
    pub(in super::super) done: &'a Done,
    /// The agent or bot that asked.
    pub(in super::super) viewer: Option<&'a AgentId>,
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.done {
            // A customer's token is answered by the accounts calls only, the others by other faces.
            Done::Nothing
            | Done::CustomerToken(_)
            | Done::GroupCreated(_)
            | Done::LicenseMade(_)
            | Done::Person(_)
            | Done::Tickets(_) => serializer.serialize_map(Some(0))?.end(),
            Done::Posted { thread, event } => posted(serializer, self.side, *thread, event),
            Done::Opened(opened) => one(serializer, "chat", &self.opened(opened)),
            Done::Chats(page) => PageOut::new(self.side, page, self.viewer).serialize(serializer),
            Done::Archives(page) => ArchivesOut::new(page, self.viewer).serialize(serializer),
            Done::Threads(threads) => one(serializer, "chat", &self.threads(threads)),
            Done::ThreadLines(page) => LinesOut::new(self.side, page).serialize(serializer),
            Done::Seen(up_to) => one(serializer, "timestamp", &up_to.as_secs()),
            Done::AgentLogin(welcome) => AgentLoginOut::from(&**welcome).serialize(serializer),
            Done::CustomerLogin(welcome) => CustomerLoginOut::from(&**welcome).serialize(serializer),
            // What a customer sets of itself by this method is answered by a push alone.
            Done::Customer(_) if self.action == "set_customer_fields" => {
                serializer.serialize_map(Some(0))?.end()
            }
            Done::Customers(page) => CustomersOut::from(page).serialize(serializer),
            Done::Customer(card) => match self.side {
                Side::Agent => CardOut::from(&**card).serialize(serializer),
                Side::Customer => OneselfOut::new(&card.customer, card.present).serialize(serializer),
            },
            Done::Form(form) => FormAnswer::from(form.as_deref()).serialize(serializer),
            Done::Preview(url, preview) => UrlDetails::new(url, preview.as_deref()).serialize(serializer),
            Done::BotCreated(id) => one(serializer, "bot_agent_id", id.as_str()),
            Done::Bots(bots) => {
                let lines: Vec<_> = bots.iter().map(|bot| BotLine::from(&**bot)).collect();
                one(serializer, "bot_agents", &lines)
            }
            Done::WebhookRegistered(id) => one(serializer, "webhook_id", id.as_str()),
            Done::Webhooks(webhooks) => {
                let webhooks: Vec<_> = webhooks.iter().map(RegistrationOut::from).collect();
                one(serializer, "webhooks_config", &webhooks)
            }
            Done::Properties(table) => configs(table).serialize(serializer),
            Done::GroupStatuses(groups) => one(serializer, "groups_status", &GroupStatusesOut(groups)),
            Done::Agent(agent) => one(serializer, "agent", &PredictedAgent::from(&**agent)),
            Done::Bot(bot) => one(serializer, "bot_agent", &BotDetails::from(&**bot)),
        }
    }
}

impl<'a> Answer<'a> {
    fn opened(&self, shown: &'a Shown<(ChatView, ThreadView)>) -> impl Serialize + use<'a> {
        let lens = Lens::of(self.side, shown);
        let (chat, thread) = &shown.what;
        let follows = follows(chat, self.viewer);
        if self.action == "activate_chat" {
            lens.activated(chat, thread, follows)
        } else {
            lens.started(chat, thread, follows)
        }
    }

    fn threads(&self, shown: &'a Shown<Threads>) -> impl Serialize + use<'a> {
        let lens = Lens::of(self.side, shown);
        let Threads { chat, threads, lines } = &shown.what;
        let mut out = lens.chat(chat, follows(chat, self.viewer));
        out.threads = Some(threads.iter().map(|thread| lens.thread(chat, thread)).collect());
        out.threads_summary = lens.for_agents(|| lines.iter().map(LineOut::from).collect());
        out
    }
}

fn one<S: Serializer, T: Serialize + ?Sized>(
    serializer: S,
    name: &'static str,
    value: &T,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(name, value)?;
    map.end()
}

/// The event just posted, to its author.
fn posted<S: Serializer>(
    serializer: S,
    side: Side,
    thread: ThreadId,
    event: &Event,
) -> Result<S::Ok, S::Error> {
    let profiles = Profiles::default();
    let lens = Lens { side, profiles: &profiles, properties: None };
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("thread_id", &Text(thread))?;
    map.serialize_entry("event", &lens.event(event))?;
    map.end()
}
