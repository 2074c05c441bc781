//! What the operator decides: one TOML file for `serve`, the same structure made up for `demo`.
//!
//! Here live the settings, their defaults, and the words for what is wrong with them. What a
//! setting does lives in the room that it is for; nothing here opens a socket or a store.

mod check;
mod demo;
mod load;
mod routing;
mod secret;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use switchboard_domain::webhook::limits::{BACKLOG_AGE, DEAD_LETTER_LIFE, DEAD_LETTERS, DISABLE_AFTER};

use crate::engine::limits::{ACTOR_IDLE_TIME, CHECKPOINT_TIME};
use crate::storage::DEFAULT_SEGMENT_BYTES;

pub use check::Problem;
pub use demo::Demo;
pub use load::ConfigError;
pub use routing::{Forms, Routing, RoutingMode, Timers, own_settings, settings};
pub use secret::Secret;

/// Where the API listens when nothing else is said.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Waits between the tries of one delivery in seconds, nearly 18 hours in all: an endpoint may be away
/// over night without losing anything.
pub const DEFAULT_RETRY_SECONDS: [u64; 8] = [5, 30, 120, 300, 1_800, 7_200, 18_000, 36_000];

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The process and its sockets.
    #[serde(default)]
    pub server: Server,
    /// Where the data lies and how safe an acknowledged change is.
    pub data: Data,
    /// The administration.
    pub admin: Admin,
    /// Deliveries to bots and applications.
    #[serde(default)]
    pub webhooks: Webhooks,
    /// Bounds that an operator may move.
    #[serde(default)]
    pub limits: Limits,
    /// The tenants, in the file as `[[license]]`; at least one.
    #[serde(rename = "license", default)]
    pub licenses: Vec<License>,
}

/// `[server]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Where the API listens without TLS; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where it listens with TLS; missing: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Threads that serve; 0 is one per core.
    pub shards: usize,
    /// How long a stop may take before what still runs is cut, in seconds.
    pub drain_grace_seconds: u64,
    /// Under which address the world reaches the server, such as `https://chat.example`: files that users
    /// sent are shown there. Missing: as the request named it; needed behind a proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// Pages of these origins, such as `https://shop.example`, may open `/cable`; empty: of any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stream_origins: Vec<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: DEFAULT_LISTEN,
            tls: None,
            shards: 0,
            drain_grace_seconds: 8,
            public_url: None,
            stream_origins: Vec::new(),
        }
    }
}

/// `[server.tls]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Where it listens; port 0 picks a free one.
    pub listen: SocketAddr,
    /// PEM file with the certificate chain, the server's own first.
    pub cert: PathBuf,
    /// PEM file with its private key.
    pub key: PathBuf,
}

/// `[data]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The directory; made when missing. One process at a time may have it.
    pub dir: PathBuf,
    /// When a change is acknowledged.
    #[serde(default)]
    pub durability: Durability,
    /// Bytes of a file of the journal; what is there already keeps its size.
    #[serde(default = "default_segment_bytes")]
    pub segment_bytes: u64,
    /// Seconds between two snapshots of what changes, and between two checkpoints.
    #[serde(default = "default_checkpoint_seconds")]
    pub checkpoint_seconds: u64,
    /// Seconds after which a conversation that is over, or a customer who is away, leaves memory when nobody
    /// asks for it.
    #[serde(default = "default_actor_idle_seconds")]
    pub actor_idle_seconds: u64,
}

const fn default_segment_bytes() -> u64 {
    DEFAULT_SEGMENT_BYTES
}

/// As the engine's own.
const fn default_checkpoint_seconds() -> u64 {
    CHECKPOINT_TIME.as_secs()
}

/// As the engine's own.
const fn default_actor_idle_seconds() -> u64 {
    ACTOR_IDLE_TIME.as_secs()
}

/// When a change is acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Once it is on the disk: it survives a loss of power.
    #[default]
    Commit,
    /// Once the operating system has it: it survives the end of the process, not of the machine.
    Os,
}

/// `[admin]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// Whoever has it may do everything.
    pub token: Secret,
    /// Whoever has it may make accounts, people and bots by the platform API of the help desk; nobody
    /// may, when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_token: Option<Secret>,
}

/// `[[license]]`: a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct License {
    /// Its number on the wire, from 1.
    pub id: u64,
    /// The same tenant's name in newer API versions: a UUID.
    pub organization_id: String,
    /// Its first application: owns the tokens and bots that name no other.
    pub client_id: String,
    /// That application's secret.
    pub client_secret: Secret,
    /// Chats that one customer may have; missing: as set by the administration, at first 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_customer_chats_count: Option<u32>,
    /// How chats find an agent, in groups that do not say otherwise.
    #[serde(default, skip_serializing_if = "Routing::is_empty")]
    pub routing: Routing,
    /// When time alone changes a chat, in groups that do not say otherwise.
    #[serde(default, skip_serializing_if = "Timers::is_empty")]
    pub timers: Timers,
    /// Its people, in the file as `[[license.agent]]`.
    #[serde(rename = "agent", default)]
    pub agents: Vec<Agent>,
    /// Its groups, in the file as `[[license.group]]`. Group 0 holds everybody and always exists.
    #[serde(rename = "group", default)]
    pub groups: Vec<Group>,
}

/// `[[license.agent]]`: a person who talks with customers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// E-mail address.
    pub id: String,
    /// What customers and colleagues see.
    pub name: String,
    /// Rights as a person; missing: as set by the administration, at first normal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// A token that always works, with every scope; missing: tokens come from the administration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// Chats that routing may give at once; missing: as set by the administration, at first 6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_chats: Option<u32>,
}

/// Rights of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Owns the license.
    Owner,
    /// Administers it.
    Administrator,
    /// Talks with customers.
    Normal,
}

/// `[[license.group]]`: where chats arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its number in the license.
    pub id: u32,
    /// What people see.
    pub name: String,
    /// Who is in it, by agent id. Everybody is in group 0, listed or not.
    #[serde(default)]
    pub agents: BTreeMap<String, Priority>,
    /// How its chats find an agent; what neither this nor `timers` names is as for the license.
    #[serde(default, skip_serializing_if = "Routing::is_empty")]
    pub routing: Routing,
    /// When time alone changes its chats.
    #[serde(default, skip_serializing_if = "Timers::is_empty")]
    pub timers: Timers,
    /// What its customers are asked.
    #[serde(default, skip_serializing_if = "Forms::is_empty")]
    pub forms: Forms,
}

/// Who gets a chat first in a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Before all others.
    First,
    /// The usual.
    #[default]
    Normal,
    /// When nobody else has room.
    Last,
    /// Never by routing.
    Supervisor,
}

/// `[webhooks]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// May an endpoint be on this machine? Closed unless said: a tenant could reach what listens
    /// only here.
    pub allow_loopback: bool,
    /// Networks where endpoints may be although they are not public, such as `10.20.0.0/16`.
    pub allow_cidrs: Vec<IpNet>,
    /// Names where endpoints may be whatever they resolve to.
    pub allow_hosts: Vec<String>,
    /// How long an endpoint may take to answer, in seconds.
    pub timeout_seconds: u64,
    /// Waits before the second try and each one after it, in seconds; then the delivery is given up.
    pub retry_seconds: Vec<u64>,
    /// How long what is owed to an endpoint in trouble is kept up, in hours; then it is a dead letter.
    pub backlog_hours: u64,
    /// How long every attempt may fail before an endpoint is disabled, in hours.
    pub disable_after_hours: u64,
    /// How long what was given up can be replayed, in hours; then it is forgotten.
    pub dead_letter_hours: u64,
    /// How many of those a license keeps; beyond it the oldest is forgotten.
    pub dead_letters: usize,
    /// What differs for the webhooks of bots.
    #[serde(skip_serializing_if = "WebhookKind::is_empty")]
    pub bots: WebhookKind,
    /// What differs for the webhooks that are registered for a license.
    #[serde(skip_serializing_if = "WebhookKind::is_empty")]
    pub license: WebhookKind,
}

/// `[webhooks.bots]`, `[webhooks.license]`: what is not named is as in `[webhooks]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookKind {
    /// As there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
    /// As there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_seconds: Option<Vec<u64>>,
    /// As there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backlog_hours: Option<u64>,
    /// As there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_after_hours: Option<u64>,
}

impl WebhookKind {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            allow_loopback: false,
            allow_cidrs: Vec::new(),
            allow_hosts: Vec::new(),
            timeout_seconds: 10,
            retry_seconds: DEFAULT_RETRY_SECONDS.to_vec(),
            backlog_hours: BACKLOG_AGE.as_secs() / 3_600,
            disable_after_hours: DISABLE_AFTER.as_secs() / 3_600,
            dead_letter_hours: DEAD_LETTER_LIFE.as_secs() / 3_600,
            dead_letters: DEAD_LETTERS,
            bots: WebhookKind::default(),
            license: WebhookKind::default(),
        }
    }
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How long a fresh connection may take to log in, in seconds.
    pub login_seconds: u64,
    /// How long a session may be silent before it is closed, in seconds. Clients ping every 15 or
    /// 30 s, so it should be more than 30.
    pub idle_seconds: u64,
    /// How long a request may run before it is answered with an error, in seconds.
    pub request_seconds: u64,
    /// Bytes that may wait for a slow session before it is closed.
    pub outbox_bytes: usize,
    /// Calls over HTTP that one token may make in a minute; 0: as many as it likes.
    pub calls_per_minute: u32,
    /// Calls over HTTP of one token that may run at a time; 0: as many as it likes.
    pub calls_at_once: usize,
    /// Connections that one agent or customer may have at once.
    pub connections_per_user: usize,
    /// Connections from one address that may be open without a login. Behind a proxy, which gives
    /// all of them one address, it should be large.
    pub unauthorized_connections: usize,
    /// How long a customer may be without a word in a chat or a new page before its connection is
    /// closed, in seconds.
    pub customer_inactivity_seconds: u64,
    /// How long a customer that logs in again and again over its bound is refused, in seconds.
    pub customer_block_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            login_seconds: 30,
            idle_seconds: 40,
            request_seconds: 15,
            outbox_bytes: 1024 * 1024,
            calls_per_minute: 60_000,
            calls_at_once: 256,
            connections_per_user: 10,
            unauthorized_connections: 100,
            customer_inactivity_seconds: 30 * 60,
            customer_block_seconds: 60,
        }
    }
}

impl Config {
    /// The settings in force, as a file that would set them, with the secrets masked.
    #[must_use]
    pub fn print(&self) -> String {
        toml::to_string_pretty(self).unwrap_or_else(|error| format!("# cannot be shown: {error}\n"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    #[test]
    fn what_is_left_out_has_its_default() {
        let config: Config = toml::from_str("[data]\ndir = \"d\"\n[admin]\ntoken = \"t\"\n").unwrap();
        assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.server.drain_grace_seconds, 8);
        assert_eq!(config.data.durability, Durability::Commit);
        assert_eq!((config.data.segment_bytes, config.data.checkpoint_seconds), (8 << 20, 10));
        assert!(!config.webhooks.allow_loopback);
        assert_eq!(config.webhooks.retry_seconds, DEFAULT_RETRY_SECONDS);
        assert_eq!((config.webhooks.dead_letter_hours, config.webhooks.dead_letters), (168, 50_000));
        assert_eq!(config.limits, Limits::default());
    }

    #[test]
    fn a_printed_configuration_reads_back_but_for_its_secrets() {
        let config = Config::demo(Demo::sample());
        let page = config.print();
        for secret in ["admin-token", "platform-token", "client-secret", "agent1-token", "agent2-token"] {
            assert!(!page.contains(secret), "{secret} is shown:\n{page}");
        }
        let mut back: Config = toml::from_str(&page).unwrap();
        back.admin.token = config.admin.token.clone();
        back.admin.platform_token.clone_from(&config.admin.platform_token);
        for (read, made) in back.licenses.iter_mut().zip(&config.licenses) {
            read.client_secret = made.client_secret.clone();
            for (read, made) in read.agents.iter_mut().zip(&made.agents) {
                read.token.clone_from(&made.token);
            }
        }
        assert_eq!(back, config);
    }
}
