//! A call about an account, and what most of them need.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use serde_json::Value;
use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::command::Command;
use switchboard_domain::conversation::event::Event;
use switchboard_domain::desk::{DeskChange, Inbox};
use switchboard_domain::id::ConversationId;
use switchboard_domain::participant::bot::Bot;
use switchboard_domain::participant::customer::Customer;
use switchboard_domain::participant::license::{License, LicenseChange};

use super::auth::Asker;
use super::fields::Fields;
use super::refusal::Refused;
use crate::engine::handle::EngineHandle;
use crate::engine::names::Name;
use crate::engine::order::{DeskContext, Done, Order, Request};
use crate::engine::profiles::AgentProfile;

/// What a call answers.
pub(super) type Answered = Result<Response, Refused>;

/// JSON with 200.
pub(super) fn json(value: Value) -> Answered {
    Ok(Json(value).into_response())
}

/// 200 with nothing in it.
pub(super) fn empty() -> Answered {
    Ok(StatusCode::OK.into_response())
}

/// A call by somebody about an account.
pub(super) struct Call<'a> {
    /// The engine.
    pub(super) engine: &'a EngineHandle,
    /// The account.
    pub(super) license: Arc<License>,
    /// Who asks.
    pub(super) asker: Asker,
    /// With which verb.
    pub(super) method: Method,
    /// What the query and the body say.
    pub(super) fields: Fields,
}

/// The number that a part of an address is; nothing else has that address.
pub(super) fn number(text: &str) -> Result<u64, Refused> {
    text.parse().map_err(|_| Refused::not_found())
}

impl Call<'_> {
    /// Carries out an order of the asker.
    pub(super) async fn run(&self, order: Order) -> Result<Done, Refused> {
        run(self.engine, &self.asker.principal, order).await
    }

    /// Carries out a command to a conversation.
    pub(super) async fn command(&self, chat: ConversationId, command: Command) -> Result<Done, Refused> {
        self.run(Order::Chat(chat, command)).await
    }

    /// Changes the account's desk, and answers with the license as it is then.
    pub(super) async fn change(&self, change: DeskChange) -> Result<Arc<License>, Refused> {
        self.engine.change_license(self.license.id, LicenseChange::Desk(change)).await?;
        self.engine.license(self.license.id).ok_or_else(Refused::not_found)
    }

    /// The conversation with a number, as the asker may see it.
    pub(super) async fn ticket(&self, id: &str) -> Result<DeskContext, Refused> {
        let chat = self.chat(id)?;
        Ok(self.engine.ticket(&self.asker.principal, chat, false).await?.0)
    }

    /// The same with everything that was said.
    pub(super) async fn ticket_with_events(
        &self,
        id: &str,
    ) -> Result<(DeskContext, Vec<Arc<Event>>), Refused> {
        let chat = self.chat(id)?;
        Ok(self.engine.ticket(&self.asker.principal, chat, true).await?)
    }

    /// The conversation with a number.
    pub(super) fn chat(&self, id: &str) -> Result<ConversationId, Refused> {
        let found = self.engine.conversation_numbered(self.license.id, number(id)?)?;
        found.ok_or_else(Refused::not_found)
    }

    /// An inbox that the asker may see: an administrator all, others those that they serve.
    pub(super) fn inbox(&self, id: u64) -> Result<&Inbox, Refused> {
        let inbox = self.license.desk.inboxes.get(&id).filter(|inbox| self.serves(inbox));
        inbox.ok_or_else(Refused::not_found)
    }

    /// May the asker see what an inbox has?
    pub(super) fn serves(&self, inbox: &Inbox) -> bool {
        let principal: &Principal = &self.asker.principal;
        self.asker.admin || principal.bot || principal.groups.contains(&inbox.group)
    }

    /// A bot of the account, or of the installation.
    pub(super) fn bot(&self, id: u64) -> Result<Arc<Bot>, Refused> {
        let bots = self.engine.desk_bots(self.license.id);
        bots.into_iter().find(|bot| bot.number == id).ok_or_else(Refused::not_found)
    }

    /// A person of the account.
    pub(super) fn agent(&self, id: u64) -> Result<Arc<AgentProfile>, Refused> {
        let found = self.engine.agent_numbered(self.license.id, id).filter(|agent| agent.bot_of.is_none());
        found.ok_or_else(Refused::not_found)
    }

    /// The people of the account, in the order of creation.
    pub(super) fn agents(&self) -> Vec<Arc<AgentProfile>> {
        let mut agents = self.engine.agents(self.license.id);
        agents.retain(|agent| agent.bot_of.is_none());
        agents.sort_by_key(|agent| agent.number);
        agents
    }

    /// A contact of the account.
    pub(super) async fn contact(&self, id: &str) -> Result<Arc<Customer>, Refused> {
        let found = self.engine.customer_named(self.license.id, Name::Number(number(id)?)).await?;
        found.ok_or_else(Refused::not_found)
    }
}

/// Carries out an order of somebody.
pub(super) async fn run(engine: &EngineHandle, by: &Arc<Principal>, order: Order) -> Result<Done, Refused> {
    let request = Request { by: Arc::clone(by), order, group: None, key: None };
    Ok(engine.run(request).await?)
}
