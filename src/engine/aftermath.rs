//! What follows from a fact in other places, and may be missing because a crash came between (design D7):
//! found at a start, from the states alone.

use std::collections::{BTreeMap, HashSet};

use switchboard_domain::id::AgentId;
use switchboard_domain::participant::bot::{Bot, BotFact};
use switchboard_domain::time::Timestamp;

use crate::engine::entry::Entry;
use crate::engine::recovery::Recovered;
use crate::telemetry::clock;

/// Everything of that kind.
pub(crate) fn consequences(known: &Recovered, now: Timestamp) -> Vec<Entry> {
    let mut facts = agents_of_nobody(known, now);
    facts.extend(missing_bots(known, now));
    facts
}

/// Agents whose person was removed go.
fn agents_of_nobody(known: &Recovered, now: Timestamp) -> Vec<Entry> {
    let mut facts = Vec::new();
    for ((license, id), agent) in &known.agents {
        let person = known.people.get(&agent.state.number).map(|person| &person.state);
        let is_removed = person.is_some_and(|person| person.removed && person.is(id, agent.state.number));
        if let Some(Ok(fact)) = is_removed.then(|| agent.state.remove(now)) {
            facts.push(Entry::Agent(*license, id.clone(), fact));
        }
    }
    facts
}

/// Bots of the installation are in every license, unless they were removed there.
fn missing_bots(known: &Recovered, now: Timestamp) -> Vec<Entry> {
    let all = known.bots.values().map(|bot| &bot.state);
    let shared: BTreeMap<u64, &Bot> =
        all.filter(|bot| bot.is_shared()).map(|bot| (bot.number, bot)).collect();
    let there: HashSet<_> =
        known.bots.iter().map(|((license, _), bot)| (*license, bot.state.number)).collect();
    let mut facts = Vec::new();
    for (license, state) in &known.licenses {
        let lacks = |bot: &&&Bot| state.state.ended.is_none() && !there.contains(&(*license, bot.number));
        for bot in shared.values().filter(lacks) {
            let id = AgentId::bot_from_random(clock::random_u128());
            let copy = bot.in_another_license(id.clone(), now);
            facts.push(Entry::Bot(*license, id, BotFact::Put(Box::new(copy))));
        }
    }
    facts
}
