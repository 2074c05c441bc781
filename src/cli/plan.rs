//! From a configuration to what the engine is started with.

use std::num::NonZeroUsize;
use std::time::Duration;

use switchboard_domain::id::{ClientId, GroupId, LicenseId};
use switchboard_domain::participant::Duty;
use switchboard_domain::participant::agent::Role;
use switchboard_domain::participant::knocks::Patience;
use switchboard_domain::participant::license::{Group, License};
use switchboard_domain::routing::Priority;
use switchboard_domain::webhook::{Schedule, Schedules};

use crate::config::{self, Config};
use crate::engine::Settings;
use crate::engine::limits::PATIENCE;
use crate::engine::provision::{Plan, PlannedAgent, new_agent};
use crate::outbound::{AddressPolicy, Options};
use crate::storage;
use crate::telemetry::clock;

/// How many shards: as set, or one per core.
pub(super) fn shards(config: &Config) -> NonZeroUsize {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    NonZeroUsize::new(config.server.shards).unwrap_or(cores)
}

/// How the data directory is opened; `fatal` is told when storage cannot keep its word.
pub(super) fn storage(config: &Config, fatal: storage::FatalHook) -> storage::Settings {
    let durability = match config.data.durability {
        config::Durability::Commit => storage::Durability::Commit,
        config::Durability::Os => storage::Durability::Os,
    };
    storage::Settings { durability, ..storage::Settings::new(fatal) }
}

/// How webhooks are called.
pub(super) fn outbound(config: &Config) -> Options {
    Options {
        addresses: AddressPolicy { allow_loopback: config.webhooks.allow_loopback },
        timeout: Duration::from_secs(config.webhooks.timeout_seconds),
        ..Options::default()
    }
}

/// What the operator has set of the engine.
pub(super) fn settings(config: &Config) -> Settings {
    let schedule = Schedule {
        delays: config.webhooks.retry_seconds.iter().copied().map(Duration::from_secs).collect(),
        timeout: Duration::from_secs(config.webhooks.timeout_seconds),
    };
    Settings {
        login_time: Duration::from_secs(config.limits.login_seconds),
        idle_time: Duration::from_secs(config.limits.idle_seconds),
        request_time: Duration::from_secs(config.limits.request_seconds),
        outbox_bytes: config.limits.outbox_bytes,
        connections_per_user: config.limits.connections_per_user,
        strangers_per_address: config.limits.unauthorized_connections,
        customer_inactivity: Duration::from_secs(config.limits.customer_inactivity_seconds),
        patience: Patience { block: Duration::from_secs(config.limits.customer_block_seconds), ..PATIENCE },
        schedules: Schedules { bots: schedule.clone(), license: schedule },
    }
}

/// Every license of the configuration.
pub(super) fn licenses(config: &Config) -> Vec<Plan> {
    config.licenses.iter().map(license).collect()
}

fn license(from: &config::License) -> Plan {
    let client = ClientId::new(&from.client_id);
    let mut license = License::new(LicenseId(from.id), &from.organization_id, client, clock::now());
    for group in &from.groups {
        license.groups.insert(GroupId(group.id), Group::named(&group.name));
    }
    let agents = from.agents.iter().map(|agent| PlannedAgent {
        agent: new_agent(&agent.id, &agent.name, role(agent.role), duty(from, agent)),
        token: agent.token.as_ref().map(|token| token.expose().to_owned()),
    });
    Plan { license, agents: agents.collect() }
}

fn duty(license: &config::License, agent: &config::Agent) -> Duty {
    let groups = license
        .groups
        .iter()
        .filter_map(|group| group.agents.get(&agent.id).map(|&place| (GroupId(group.id), priority(place))));
    Duty { groups: groups.collect(), max_chats: agent.max_chats, ..Duty::default() }
}

const fn role(role: config::Role) -> Role {
    match role {
        config::Role::Owner => Role::Owner,
        config::Role::Administrator => Role::Administrator,
        config::Role::Normal => Role::Normal,
    }
}

const fn priority(priority: config::Priority) -> Priority {
    match priority {
        config::Priority::First => Priority::First,
        config::Priority::Normal => Priority::Normal,
        config::Priority::Last => Priority::Last,
        config::Priority::Supervisor => Priority::Supervisor,
    }
}
