//! What the administration asks about agents, and about who is in a group.

use std::rc::Rc;
use std::sync::Arc;

use actix::Actor;
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::id::{AgentId, LicenseId};
use switchboard_domain::limits::AGENTS_PER_LICENSE;
use switchboard_domain::participant::agent::Agent;
use switchboard_domain::participant::bot::BotChange;
use switchboard_domain::participant::staff::AgentChange;

use crate::engine::agent::{Administer, AgentActor};
use crate::engine::bot;
use crate::engine::link;
use crate::engine::operations::read::table;
use crate::engine::order::AgentOrder;
use crate::engine::release::Answer;
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::storage::Lsn;
use crate::telemetry::clock;

/// Carries out an order about an agent; a place in a group may be a bot's, too.
pub(crate) fn administer(
    shard: &Rc<Shard>,
    license: LicenseId,
    agent: &AgentId,
    order: AgentOrder,
    answer: Answer,
) {
    let directory = shard.engine.directory();
    if let AgentOrder::Enroll(profile) = &order
        && let Err(rejected) = make_room(shard, license, agent, profile)
    {
        return shard.answer(answer, Err(rejected.into()));
    }
    if let Some(actor) = directory.agent(license, agent) {
        return link::tell(&actor, Administer { order, answer });
    }
    match (order, directory.bot(license, agent)) {
        (AgentOrder::Place(group, priority), Some(actor)) => {
            let change = BotChange { place: Some((group, priority)), ..BotChange::default() };
            link::tell(&actor, bot::Change { by: None, change, answer });
        }
        _ => shard.answer(answer, Err(Rejected::NotFound(Resource::User).into())),
    }
}

/// Sees that there is an actor that can be asked to become the agent. Its place is empty, and nobody
/// sees it, until that is durable.
fn make_room(
    shard: &Rc<Shard>,
    license: LicenseId,
    id: &AgentId,
    profile: &AgentChange,
) -> Result<(), Rejected> {
    let table = table(shard, license)?;
    if table.agent(id).is_some_and(|known| !known.removed) {
        // The actor says so.
        return Ok(());
    }
    let groups = table.license.load_full();
    let exists = |group| groups.has_group(group);
    Agent::unborn(id.clone(), 0).enroll(profile.clone(), exists, clock::now()).map(drop)?;
    shard.ready()?;
    // Agents that are being made at this very moment do not count: a few too many do no harm.
    let agents = table.agents.iter().filter(|agent| agent.bot_of.is_none() && !agent.removed).count();
    groups.desk.about.room_for_agent(agents)?;
    if agents >= AGENTS_PER_LICENSE {
        return Err(Rejected::invalid("id", format!("a license has at most {AGENTS_PER_LICENSE} agents")));
    }
    let at = shard.engine.home(license).ok_or(Rejected::Internal)?;
    let start = || {
        let agent = Agent::unborn(id.clone(), shard.engine.tables().next_number());
        let table: Arc<LicenseTable> = Arc::clone(&table);
        AgentActor::start_in_arbiter(&at, move |_| AgentActor::new(Shard::here(), table, agent, Lsn::ZERO))
    };
    shard.engine.directory().agents.entry((license, id.clone())).or_insert_with(start);
    Ok(())
}
