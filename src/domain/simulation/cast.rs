//! Who plays: human agents, bots and customers of one license.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::auth::{Principal, ScopeSet};
use crate::conversation::Lookup;
use crate::conversation::access::Access;
use crate::id::{AgentId, ClientId, ConversationId, CustomerId, GroupId, LicenseId, UserId};
use crate::participant::agent::Agent;
use crate::participant::bot::Bot;
use crate::participant::settings::{self, RoutingMode, Settings, Timers};
use crate::participant::{Duty, RoutingStatus};
use crate::routing::{AgentSeat, Priority, RouterSettings};
use crate::simulation::chance::Chance;
use crate::time::Timestamp;

pub(super) const LICENSE: LicenseId = LicenseId(7);
/// Groups of the license.
pub(super) const GROUPS: u32 = 3;
const HUMANS: u64 = 4;
const BOTS: u64 = 2;
const CUSTOMERS: u64 = 9;

/// A human agent or a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Worker {
    Human(Agent),
    Bot(Bot),
}

impl Worker {
    pub(super) const fn duty(&self) -> &Duty {
        match self {
            Self::Human(agent) => &agent.duty,
            Self::Bot(bot) => &bot.duty,
        }
    }

    pub(super) const fn in_grace(&self) -> bool {
        matches!(self, Self::Human(Agent { grace_until: Some(_), .. }))
    }

    /// Since when it is offline, if it ever was online.
    pub(super) fn gone_since(&self) -> Option<Timestamp> {
        match self {
            Self::Human(agent) => self.is_offline().then_some(agent.changed_at),
            Self::Bot(bot) => self.is_offline().then_some(bot.offline_since),
        }
    }

    const fn is_away(&self) -> bool {
        matches!(self, Self::Human(Agent { away: true, .. }))
    }

    pub(super) fn is_offline(&self) -> bool {
        self.duty().status == RoutingStatus::Offline
    }

    /// What the router is told.
    pub(super) fn seat(&self) -> AgentSeat {
        let (agent, version) = match self {
            Self::Human(agent) => (&agent.id, agent.version),
            Self::Bot(bot) => (&bot.id, bot.version),
        };
        let duty = self.duty();
        AgentSeat {
            agent: agent.clone(),
            version,
            groups: duty.groups.iter().copied().collect(),
            default_priority: duty.default_priority,
            online: !self.is_offline(),
            accepting: duty.status == RoutingStatus::Accepting && !self.is_away(),
            in_grace: self.in_grace(),
            limit: duty.max_chats,
        }
    }
}

/// A customer, as far as it must be remembered outside its chat.
#[derive(Debug, Clone, Default)]
pub(super) struct Visitor {
    /// Its chat, when it heard of one.
    pub(super) chat: Option<ConversationId>,
    /// It is starting one.
    pub(super) starting: bool,
}

pub(super) fn workers(chance: &mut Chance) -> BTreeMap<AgentId, Worker> {
    let mut workers = BTreeMap::new();
    for n in 0..HUMANS {
        let id = AgentId::new(&format!("human{n}"));
        let agent = Agent {
            number: n,
            duty: Duty { status: RoutingStatus::Offline, ..duty(chance) },
            ..Agent::new(id.clone(), id.as_str())
        };
        workers.insert(id, Worker::Human(agent));
    }
    for n in 0..BOTS {
        let id = AgentId::new(&format!("bot{n}"));
        let bot = Bot {
            desk: None,
            id: id.clone(),
            number: HUMANS + n,
            client: ClientId::new("app"),
            name: id.as_str().into(),
            avatar: None,
            duty: duty(chance),
            webhooks: None,
            token: None,
            removed: false,
            version: 0,
            changed_at: Timestamp::default(),
            offline_since: Timestamp::default(),
        };
        workers.insert(id, Worker::Bot(bot));
    }
    workers
}

fn duty(chance: &mut Chance) -> Duty {
    let priority = |chance: &mut Chance| {
        [Priority::First, Priority::Normal, Priority::Normal, Priority::Last, Priority::Supervisor]
            [usize::try_from(chance.below(5)).unwrap_or(0)]
    };
    let groups = (1..GROUPS).filter(|_| chance.one_in(2)).collect::<Vec<_>>();
    Duty {
        status: RoutingStatus::Accepting,
        groups: groups.into_iter().map(|group| (GroupId(group), priority(chance))).collect(),
        default_priority: priority(chance),
        max_chats: u32::try_from(1 + chance.below(3)).unwrap_or(1),
    }
}

/// How the license routes: one group may be manual, or without a queue.
pub(super) fn settings(chance: &mut Chance) -> RouterSettings {
    let mut settings = RouterSettings::default();
    let minutes = |chance: &mut Chance| u32::try_from(60 * chance.below(10)).unwrap_or(0);
    let timers = Timers {
        unseen: minutes(chance),
        idle: minutes(chance),
        silent: 3 * minutes(chance),
        ..Timers::default()
    };
    let own = Settings {
        mode: if chance.one_in(2) { RoutingMode::Manual } else { RoutingMode::Automatic },
        queues: chance.one_in(2),
        timers,
        ..Settings::default()
    };
    if chance.one_in(2) {
        settings.groups.insert(GroupId(u32::try_from(chance.below(u64::from(GROUPS))).unwrap_or(0)), own);
    }
    settings
}

pub(super) fn visitors() -> BTreeMap<u64, Visitor> {
    (1..=CUSTOMERS).map(|n| (n, Visitor::default())).collect()
}

pub(super) fn customer(n: u64) -> UserId {
    UserId::Customer(CustomerId::from_random(u128::from(n)))
}

/// Somebody with every right.
pub(super) fn principal(user: &UserId, workers: &BTreeMap<AgentId, Worker>) -> Principal {
    let worker = user.agent().and_then(|agent| workers.get(agent));
    Principal {
        license: LICENSE,
        user: user.clone(),
        client: ClientId::new("app"),
        bot: matches!(worker, Some(Worker::Bot(_))),
        scopes: if worker.is_some() { ScopeSet::all() } else { ScopeSet::default() },
        groups: worker.map(|worker| worker.duty().group_ids()).unwrap_or_default(),
        token: [0; 32],
    }
}

/// The license as decisions see it.
pub(super) struct Names<'a>(pub(super) &'a BTreeMap<AgentId, Worker>, pub(super) &'a RouterSettings);

impl Lookup for Names<'_> {
    fn name(&self, user: &UserId) -> Option<Arc<str>> {
        Some(Arc::from(user.to_string()))
    }

    fn is_bot(&self, agent: &AgentId) -> bool {
        matches!(self.0.get(agent), Some(Worker::Bot(_)))
    }

    fn group_name(&self, group: GroupId) -> Option<Arc<str>> {
        (group.0 < GROUPS).then(|| Arc::from(group.to_string()))
    }

    fn groups_of(&self, agent: &AgentId) -> Vec<GroupId> {
        self.0.get(agent).map(|worker| worker.duty().group_ids()).unwrap_or_default()
    }

    fn settings(&self, access: &Access) -> Settings {
        let own = |group| self.1.groups.get(&group).copied();
        settings::of_groups(self.1.usual, &access.groups, own)
    }

    fn is_banned(&self, _: CustomerId, _: Timestamp) -> bool {
        false
    }

    fn customer_left(&self, _: CustomerId) -> Option<Timestamp> {
        None
    }
}
