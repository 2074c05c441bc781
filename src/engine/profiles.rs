//! Who is who: a read table of profiles, and the copies that go with what is shown (design D5).

use std::sync::Arc;

use switchboard_domain::id::{AgentId, ClientId, CustomerId, UserId};
use switchboard_domain::participant::agent::{Agent, Role};
use switchboard_domain::participant::bot::Bot;
use switchboard_domain::participant::customer::Customer;
use switchboard_domain::participant::{Departure, Duty};
use switchboard_domain::time::Timestamp;

/// What others see of an agent or bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentProfile {
    /// E-mail address, or 32 hex digits.
    pub id: AgentId,
    /// Shown name.
    pub name: Box<str>,
    /// URL or empty.
    pub avatar: Box<str>,
    /// Rights as a person; bots are normal.
    pub role: Role,
    /// The application of a bot; `None` for a human agent.
    pub bot_of: Option<ClientId>,
    /// Status, groups, capacity.
    pub duty: Duty,
    /// Gone for good; kept so that old chats can show it.
    pub removed: bool,
    /// Orders notices.
    pub version: u64,
    /// The grace time runs.
    pub in_grace: bool,
    /// Why it is offline, when it is.
    pub departure: Departure,
    /// Time of the last change of its status.
    pub changed_at: Timestamp,
    /// All its connections are away.
    pub away: bool,
    /// When a human agent was made last.
    pub since: Timestamp,
    /// Creation number (design D14).
    pub number: u64,
    /// It is a help desk's bot.
    pub desk: bool,
}

impl AgentProfile {
    /// Does a token that was given out at that time still count?
    #[must_use]
    pub fn admits(&self, issued_at: Timestamp) -> bool {
        !self.removed && issued_at >= self.since
    }
}

impl From<&Agent> for AgentProfile {
    fn from(agent: &Agent) -> Self {
        Self {
            id: agent.id.clone(),
            name: agent.name.clone(),
            avatar: agent.avatar.clone(),
            role: agent.role,
            bot_of: None,
            duty: agent.duty.clone(),
            removed: agent.removed,
            version: agent.version,
            in_grace: agent.grace_until.is_some(),
            departure: agent.departure,
            changed_at: agent.changed_at,
            away: agent.away,
            since: agent.since,
            number: agent.number,
            desk: false,
        }
    }
}

impl From<&Bot> for AgentProfile {
    fn from(bot: &Bot) -> Self {
        Self {
            id: bot.id.clone(),
            name: bot.name.clone(),
            avatar: bot.avatar.clone().unwrap_or_default(),
            role: Role::Normal,
            bot_of: Some(bot.client.clone()),
            duty: bot.duty.clone(),
            removed: bot.removed,
            version: bot.version,
            in_grace: false,
            departure: if bot.removed { Departure::Deleted } else { Departure::SignedOut },
            changed_at: bot.offline_since,
            away: false,
            since: Timestamp::default(),
            number: bot.number,
            desk: bot.desk.is_some(),
        }
    }
}

/// The profiles named in one push or answer. Few, so a list.
#[derive(Debug, Clone, Default)]
pub struct Profiles {
    agents: Vec<Arc<AgentProfile>>,
    customers: Vec<Arc<Customer>>,
}

impl Profiles {
    /// Adds an agent's profile, once.
    pub fn add_agent(&mut self, profile: Arc<AgentProfile>) {
        if self.agent(&profile.id).is_none() {
            self.agents.push(profile);
        }
    }

    /// Adds a customer's profile, once.
    pub fn add_customer(&mut self, profile: Arc<Customer>) {
        if self.customer(profile.id).is_none() {
            self.customers.push(profile);
        }
    }

    /// An agent's profile.
    #[must_use]
    pub fn agent(&self, id: &AgentId) -> Option<&Arc<AgentProfile>> {
        self.agents.iter().find(|profile| profile.id == *id)
    }

    /// A customer's profile.
    #[must_use]
    pub fn customer(&self, id: CustomerId) -> Option<&Arc<Customer>> {
        self.customers.iter().find(|profile| profile.id == id)
    }

    /// Does it hold this user already?
    #[must_use]
    pub fn holds(&self, user: &UserId) -> bool {
        match user {
            UserId::Agent(id) => self.agent(id).is_some(),
            UserId::Customer(id) => self.customer(*id).is_some(),
        }
    }
}
