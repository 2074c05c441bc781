//! The configuration of `switchboard demo`: a small shop with two agents.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{
    Admin, Agent, Config, Data, Durability, Forms, Group, License, Limits, Priority, Role, Routing, Secret,
    Server, Timers, Tls, Webhooks,
};

use crate::engine::limits::{ACTOR_IDLE_TIME, CHECKPOINT_TIME};
use crate::storage::DEFAULT_SEGMENT_BYTES;

/// What differs from one demo to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demo {
    /// Where the API listens without TLS.
    pub listen: SocketAddr,
    /// Where it listens with TLS.
    pub tls_listen: SocketAddr,
    /// Where the data lies; the development certificate too.
    pub data_dir: PathBuf,
    /// The license's name in newer API versions.
    pub organization_id: String,
    /// Its application.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: Secret,
    /// The token of the administration.
    pub admin_token: Secret,
    /// The token of the help desk's platform.
    pub platform_token: Secret,
    /// The tokens of [`Demo::AGENTS`], in their order.
    pub agent_tokens: [Secret; 2],
}

impl Demo {
    /// The demo's license.
    pub const LICENSE: u64 = 100_000_001;
    /// The demo's people: an administrator and a colleague.
    pub const AGENTS: [&str; 2] = ["agent1@example.com", "agent2@example.com"];
    /// The demo's groups; 0 is everybody.
    pub const GROUPS: [u32; 3] = [0, 1, 2];
    /// The certificate of the demo's server, in the data directory.
    pub const CERT_FILE: &str = "dev-cert.pem";
    /// Its private key.
    pub const KEY_FILE: &str = "dev-key.pem";

    fn license(self) -> License {
        let [first, second] = Self::AGENTS;
        let [first_token, second_token] = self.agent_tokens;
        let agent = |id: &str, name: &str, role, token| Agent {
            id: id.to_owned(),
            name: name.to_owned(),
            role: Some(role),
            token: Some(token),
            max_chats: None,
        };
        let group = |id, name: &str, agents: &[&str]| Group {
            id,
            name: name.to_owned(),
            agents: agents.iter().map(|&agent| (agent.to_owned(), Priority::Normal)).collect(),
            routing: Routing::default(),
            timers: Timers::default(),
            forms: Forms::default(),
        };
        let [everybody, sales, support] = Self::GROUPS;
        License {
            id: Self::LICENSE,
            organization_id: self.organization_id,
            client_id: self.client_id,
            client_secret: self.client_secret,
            max_customer_chats_count: None,
            routing: Routing::default(),
            timers: Timers::default(),
            agents: vec![
                agent(first, "Agent One", Role::Administrator, first_token),
                agent(second, "Agent Two", Role::Normal, second_token),
            ],
            groups: vec![
                group(everybody, "Everybody", &Self::AGENTS),
                group(sales, "Sales", &[first]),
                group(support, "Support", &[second]),
            ],
        }
    }

    /// A demo for tests.
    #[cfg(test)]
    pub(super) fn sample() -> Self {
        let token = |name: &str| Secret::new(format!("{name}-{}", "x".repeat(32)));
        Self {
            listen: super::DEFAULT_LISTEN,
            tls_listen: ([127, 0, 0, 1], 8443).into(),
            data_dir: "demo".into(),
            organization_id: "390e44e6-f1e6-4b7e-8d7c-0a1b2c3d4e5f".into(),
            client_id: "0123456789abcdef".into(),
            client_secret: token("client-secret"),
            admin_token: token("admin-token"),
            platform_token: token("platform-token"),
            agent_tokens: [token("agent1-token"), token("agent2-token")],
        }
    }
}

impl Config {
    /// The demo's configuration. Its certificate files need not exist yet: they are made at start.
    #[must_use]
    pub fn demo(demo: Demo) -> Self {
        let tls = Tls {
            listen: demo.tls_listen,
            cert: demo.data_dir.join(Demo::CERT_FILE),
            key: demo.data_dir.join(Demo::KEY_FILE),
        };
        Self {
            server: Server { listen: demo.listen, tls: Some(tls), ..Server::default() },
            data: Data {
                dir: demo.data_dir.clone(),
                durability: Durability::default(),
                segment_bytes: DEFAULT_SEGMENT_BYTES,
                checkpoint_seconds: CHECKPOINT_TIME.as_secs(),
                actor_idle_seconds: ACTOR_IDLE_TIME.as_secs(),
            },
            admin: Admin {
                token: demo.admin_token.clone(),
                platform_token: Some(demo.platform_token.clone()),
            },
            // The demo's bots run on this machine.
            webhooks: Webhooks { allow_loopback: true, ..Webhooks::default() },
            // Whoever tries it may try it hard.
            limits: Limits { calls_per_minute: 0, calls_at_once: 0, ..Limits::default() },
            licenses: vec![demo.license()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_has_two_agents_and_three_groups() {
        let config = Config::demo(Demo::sample());
        assert!(config.webhooks.allow_loopback);
        let license = &config.licenses[0];
        assert_eq!(license.id, 100_000_001);
        let roles: Vec<_> = license.agents.iter().map(|agent| (agent.id.as_str(), agent.role)).collect();
        assert_eq!(
            roles,
            [("agent1@example.com", Some(Role::Administrator)), ("agent2@example.com", Some(Role::Normal))]
        );
        assert!(license.groups.iter().map(|group| group.id).eq(Demo::GROUPS));
    }
}
