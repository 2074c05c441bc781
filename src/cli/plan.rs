//! From a configuration to what the engine is started with.

use std::num::NonZeroUsize;
use std::time::Duration;

use switchboard_domain::id::{AgentId, ClientId, GroupId, LicenseId};
use switchboard_domain::participant::agent::Role;
use switchboard_domain::participant::knocks::Patience;
use switchboard_domain::participant::license::License;
use switchboard_domain::participant::staff::AgentChange;
use switchboard_domain::routing::Priority;
use switchboard_domain::webhook::{Keeping, Schedule, Schedules};

use crate::api::admin;
use crate::config::{self, Config};
use crate::engine::Settings;
use crate::engine::limits::PATIENCE;
use crate::engine::provision::{Plan, PlannedAgent, PlannedGroup};
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
    let segment_bytes = config.data.segment_bytes;
    storage::Settings { durability, segment_bytes, ..storage::Settings::new(fatal) }
}

/// How webhooks are called.
pub(super) fn outbound(config: &Config) -> Options {
    let webhooks = &config.webhooks;
    let addresses = AddressPolicy {
        allow_loopback: webhooks.allow_loopback,
        allow_cidrs: webhooks.allow_cidrs.clone(),
        allow_hosts: webhooks.allow_hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
    };
    Options { addresses, ..Options::default() }
}

/// What the operator has set of the engine.
pub(super) fn settings(config: &Config) -> Settings {
    Settings {
        login_time: Duration::from_secs(config.limits.login_seconds),
        idle_time: Duration::from_secs(config.limits.idle_seconds),
        request_time: Duration::from_secs(config.limits.request_seconds),
        outbox_bytes: config.limits.outbox_bytes,
        calls_per_minute: config.limits.calls_per_minute,
        calls_at_once: config.limits.calls_at_once,
        connections_per_user: config.limits.connections_per_user,
        strangers_per_address: config.limits.unauthorized_connections,
        public_url: config.server.public_url.as_deref().map(|url| url.trim_end_matches('/').into()),
        stream_origins: config.server.stream_origins.clone().into(),
        customer_inactivity: Duration::from_secs(config.limits.customer_inactivity_seconds),
        patience: Patience { block: Duration::from_secs(config.limits.customer_block_seconds), ..PATIENCE },
        checkpoint_time: Duration::from_secs(config.data.checkpoint_seconds),
        actor_idle_time: Duration::from_secs(config.data.actor_idle_seconds),
        schedules: Schedules {
            bots: schedule(&config.webhooks, &config.webhooks.bots),
            license: schedule(&config.webhooks, &config.webhooks.license),
            ..Schedules::default()
        },
        dead_letters: Keeping {
            life: Duration::from_secs(3_600 * config.webhooks.dead_letter_hours),
            count: config.webhooks.dead_letters,
        },
    }
}

/// How patient webhook calls of one kind are: what that kind does not say is as for all.
fn schedule(all: &config::Webhooks, kind: &config::WebhookKind) -> Schedule {
    let seconds = |given: Option<u64>, all| Duration::from_secs(given.unwrap_or(all));
    let hours = |given: Option<u64>, all| Duration::from_secs(3_600 * given.unwrap_or(all));
    let waits = kind.retry_seconds.as_ref().unwrap_or(&all.retry_seconds);
    Schedule {
        delays: waits.iter().copied().map(Duration::from_secs).collect(),
        timeout: seconds(kind.timeout_seconds, all.timeout_seconds),
        backlog_age: hours(kind.backlog_hours, all.backlog_hours),
        disable_after: hours(kind.disable_after_hours, all.disable_after_hours),
        outlasts_trouble: true,
    }
}

/// Every license of the configuration. `only_new`: those that exist already are left as they are.
pub(super) fn licenses(config: &Config, only_new: bool) -> Vec<Plan> {
    config.licenses.iter().map(|from| license(from, only_new)).collect()
}

fn license(from: &config::License, only_new: bool) -> Plan {
    let client = ClientId::new(&from.client_id);
    Plan {
        license: License::new(LicenseId(from.id), &from.organization_id, client, clock::now()),
        only_new,
        settings: config::settings(from.routing, from.timers),
        max_customer_chats: from.max_customer_chats_count,
        groups: from.groups.iter().map(group).collect(),
        agents: from.agents.iter().map(|agent| planned_agent(from, agent)).collect(),
        inbox: None,
    }
}

fn group(from: &config::Group) -> PlannedGroup {
    let id = GroupId(from.id);
    // What cannot be read was told by the check of the configuration.
    let read = |(kind, form)| admin::form(form, kind, id).ok().map(|form| (kind, form));
    PlannedGroup {
        id,
        name: from.name.as_str().into(),
        settings: config::own_settings(from.routing, from.timers),
        forms: from.forms.given().into_iter().filter_map(read).collect(),
    }
}

fn planned_agent(license: &config::License, agent: &config::Agent) -> PlannedAgent {
    let groups = license
        .groups
        .iter()
        .filter_map(|group| group.agents.get(&agent.id).map(|&place| (GroupId(group.id), priority(place))));
    PlannedAgent {
        id: AgentId::new(&agent.id),
        profile: AgentChange {
            name: Some(agent.name.as_str().into()),
            role: agent.role.map(role),
            max_chats: agent.max_chats,
            ..AgentChange::default()
        },
        groups: groups.collect(),
        token: agent.token.as_ref().map(|token| token.expose().to_owned()),
    }
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
