//! What this face needs of the engine, so that it can be tested without one.

use std::future::Future;
use std::time::Duration;

use switchboard_domain::auth::ScopeSet;
use switchboard_domain::id::{AgentId, ClientId};

use crate::engine::handle::EngineHandle;
use crate::engine::order::Failure;

/// The engine, as seen from here.
pub(super) trait Engine: Clone + Send + Sync + 'static {
    /// Is this the administrator's token? Compared in constant time.
    fn admin_token_matches(&self, token: &str) -> bool;
    /// Gives out a token of an agent.
    fn issue_agent_token(
        &self,
        agent: &AgentId,
        client: Option<ClientId>,
        scopes: Option<ScopeSet>,
        life: Option<Duration>,
    ) -> impl Future<Output = Result<String, Failure>> + Send;
    /// Does it serve?
    fn is_ready(&self) -> bool;
    /// Its metrics, as Prometheus text.
    fn metrics(&self) -> String;
}

impl Engine for EngineHandle {
    fn admin_token_matches(&self, token: &str) -> bool {
        Self::admin_token_matches(self, token)
    }

    fn issue_agent_token(
        &self,
        agent: &AgentId,
        client: Option<ClientId>,
        scopes: Option<ScopeSet>,
        life: Option<Duration>,
    ) -> impl Future<Output = Result<String, Failure>> + Send {
        Self::issue_agent_token(self, agent, client, scopes, life)
    }

    fn is_ready(&self) -> bool {
        Self::is_ready(self)
    }

    fn metrics(&self) -> String {
        Self::metrics(self)
    }
}
