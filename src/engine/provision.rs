//! What a configuration says exists: brought about at start, before anything runs. What it does
//! not name is left alone.

use switchboard_domain::auth::{ScopeSet, Token, TokenKind};
use switchboard_domain::id::AgentId;
use switchboard_domain::participant::agent::{Agent, AgentFact, Role};
use switchboard_domain::participant::license::{License, LicenseFact};
use switchboard_domain::participant::{Departure, Duty, RoutingStatus};
use switchboard_domain::time::Timestamp;

use crate::engine::entry::Entry;
use crate::engine::recovery::Recovered;
use crate::engine::secret;

/// A license as a configuration describes it.
pub struct Plan {
    /// The license: groups, application.
    pub license: License,
    /// Its human agents: who they are, and their groups and limits.
    pub agents: Vec<PlannedAgent>,
}

/// A human agent as a configuration describes it.
pub struct PlannedAgent {
    /// Profile and duty; what it does at the moment is ignored.
    pub agent: Agent,
    /// The text of a token with every scope that never ends.
    pub token: Option<String>,
}

impl Plan {
    /// The facts that bring the recovered state to what is planned.
    pub(crate) fn facts(self, known: &mut Recovered, now: Timestamp) -> Vec<Entry> {
        let id = self.license.id;
        let mut facts = Vec::new();
        let license = match known.licenses.get(&id) {
            None => self.license,
            Some((_, old)) => License {
                created_at: old.created_at,
                properties: old.properties.clone(),
                max_customer_chats: old.max_customer_chats,
                settings: old.settings,
                webhooks: old.webhooks.clone(),
                ..self.license
            },
        };
        let client = license.client.clone();
        if known.licenses.get(&id).is_none_or(|(_, old)| *old != license) {
            facts.push(Entry::License(id, LicenseFact::Put(license)));
        }
        for PlannedAgent { mut agent, token } in self.agents {
            let key = (id, agent.id.clone());
            let old = known.agents.get(&key).map(|(_, old)| old);
            match old {
                None => {
                    known.number += 1;
                    agent.number = known.number;
                    agent.changed_at = now;
                }
                Some(old) => keep_what_it_does(&mut agent, old),
            }
            if old != Some(&agent) {
                facts.push(Entry::Agent(id, agent.id.clone(), AgentFact::Put(agent.clone())));
            }
            if let Some(text) = token {
                let hash = secret::hash(&text);
                let kind = TokenKind::Agent(agent.id, ScopeSet::all());
                let token =
                    Token { license: id, client: client.clone(), kind, issued_at: now, expires_at: None };
                // A revoked token stays revoked, whatever the configuration says.
                if !known.tokens.contains_key(&hash) {
                    facts.push(Entry::TokenIssued(hash, token));
                }
            }
        }
        facts
    }
}

fn keep_what_it_does(agent: &mut Agent, old: &Agent) {
    agent.duty.status = old.duty.status;
    agent.last_status = old.last_status;
    agent.grace_until = old.grace_until;
    agent.departure = old.departure;
    agent.number = old.number;
    agent.version = old.version;
    agent.changed_at = old.changed_at;
}

/// An agent of whom nothing but the profile is known.
#[must_use]
pub fn new_agent(id: &str, name: &str, role: Role, duty: Duty) -> Agent {
    Agent {
        id: AgentId::new(id),
        number: 0,
        name: name.into(),
        avatar: "".into(),
        role,
        duty: Duty { status: RoutingStatus::Offline, ..duty },
        last_status: RoutingStatus::Accepting,
        grace_until: None,
        departure: Departure::SignedOut,
        version: 0,
        changed_at: Timestamp::default(),
        away: false,
    }
}
