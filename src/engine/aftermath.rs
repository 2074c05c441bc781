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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use switchboard_domain::id::{ClientId, LicenseId};
    use switchboard_domain::participant::agent::{Agent, AgentFact};
    use switchboard_domain::participant::bot::DeskBot;
    use switchboard_domain::participant::ending::Ended;
    use switchboard_domain::participant::license::{License, LicenseFact};
    use switchboard_domain::participant::person::{Person, PersonChange, PersonFact};
    use switchboard_domain::participant::{Duty, RoutingStatus};

    use crate::storage::Storage;

    const NOW: Timestamp = Timestamp::from_secs(9);

    fn license(id: u64) -> Entry {
        let license = License::new(LicenseId(id), "org", ClientId::new("app"), NOW);
        Entry::License(LicenseId(id), LicenseFact::Put(Box::new(license)))
    }

    fn shared_bot() -> Bot {
        let desk = DeskBot {
            description: None,
            config: "{}".into(),
            token: "token".into(),
            secret: "secret".into(),
            url: None,
            system: true,
            by_platform: true,
        };
        Bot {
            id: AgentId::bot_from_random(1),
            number: 5,
            client: ClientId::new("desk"),
            name: "Everywhere".into(),
            avatar: None,
            duty: Duty { status: RoutingStatus::Accepting, ..Duty::default() },
            webhooks: None,
            token: None,
            removed: false,
            version: 3,
            changed_at: NOW,
            offline_since: NOW,
            desk: Some(Box::new(desk)),
        }
    }

    #[test]
    fn what_a_crash_kept_from_following_follows_once() {
        let (storage, _) = Storage::in_memory();
        let mut known = Recovered::default();
        let ann = AgentId::new("ann@example.org");
        let agent = |number| {
            let agent = Agent { number, ..Agent::new(ann.clone(), "Ann") };
            AgentFact::Put(agent)
        };
        let named = PersonChange { name: Some("Ann".into()), ..PersonChange::default() };
        let person = Person::new((7, ann.clone()), named, NOW).unwrap();
        let bot = shared_bot();
        let ended = LicenseFact::Ended(Ended { at: NOW, number: 9 });
        let entries = vec![
            license(1),
            license(2),
            license(3),
            Entry::License(LicenseId(3), ended),
            Entry::Bot(LicenseId(1), bot.id.clone(), BotFact::Put(Box::new(bot))),
            Entry::Person(7, PersonFact::Put(Box::new(person))),
            Entry::Agent(LicenseId(1), ann.clone(), agent(7)),
            // The same address, and another one than the person.
            Entry::Agent(LicenseId(2), ann.clone(), agent(8)),
        ];
        known.add(&storage, entries).unwrap();
        let facts = consequences(&known, NOW);
        assert!(matches!(&facts[..], [Entry::Bot(LicenseId(2), _, BotFact::Put(bot))] if bot.number == 5));
        known.add(&storage, facts).unwrap();
        assert!(consequences(&known, NOW).is_empty());

        known.add(&storage, vec![Entry::Person(7, PersonFact::Removed)]).unwrap();
        let facts = consequences(&known, NOW);
        let goes = |entry: &Entry| matches!(entry, Entry::Agent(LicenseId(1), id, AgentFact::Removed { .. }) if *id == ann);
        assert!(facts.len() == 1 && goes(&facts[0]), "{facts:?}");
        known.add(&storage, facts).unwrap();
        assert!(consequences(&known, NOW).is_empty());
    }
}
