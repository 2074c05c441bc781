//! Who takes part in a conversation without having it. Source: spec 2.3.

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;
use switchboard_domain::conversation::command::TicketChange;
use switchboard_domain::conversation::watching::Watching;
use switchboard_domain::id::AgentId;

use super::super::call::{Answered, Call, json};
use super::super::refusal::Refused;
use super::super::show;
use super::conversations;

/// Answers a call about the participants of a conversation; always with all of them.
pub(super) async fn answer(call: &Call<'_>, id: &str) -> Answered {
    let change = match call.method {
        Method::GET => return shown(call, id).await,
        Method::POST => Watching::Add(named(call)?),
        Method::PATCH | Method::PUT => Watching::Set(named(call)?),
        Method::DELETE => Watching::Remove(named(call)?),
        _ => return Err(Refused::not_found()),
    };
    let wanted = TicketChange { watching: Some(change), ..TicketChange::default() };
    conversations::change(call, id, wanted).await?;
    shown(call, id).await
}

fn named(call: &Call<'_>) -> Result<BTreeSet<AgentId>, Refused> {
    let numbers = call.fields.numbers("user_ids")?.ok_or_else(|| Refused::missing("user_ids"))?;
    numbers.into_iter().map(|number| Ok(call.agent(number)?.id.clone())).collect()
}

async fn shown(call: &Call<'_>, id: &str) -> Answered {
    let cx = call.ticket(id).await?;
    let ticket = cx.chat.desk.as_ref().map(|desk| &desk.ticket);
    let is_one = |agent: &AgentId| ticket.is_some_and(|ticket| ticket.watchers.contains(agent));
    // Who is gone from the account watches nothing any more.
    let agents = call.agents().into_iter().filter(|agent| is_one(&agent.id));
    json(agents.map(|agent| show::agent(&call.license, &agent)).collect::<Value>())
}
