//! What this face needs of the engine, so that it can be tested without one.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use switchboard_domain::auth::ScopeSet;
use switchboard_domain::id::{AgentId, ClientId, LicenseId};
use switchboard_domain::participant::license::{License, LicenseChange};
use switchboard_domain::webhook::{DeadLine, EndpointId, Which};

use crate::engine::handle::EngineHandle;
use crate::engine::order::{AgentOrder, Failure, Outcome};
use crate::engine::profiles::AgentProfile;
use crate::engine::webhook::{EndpointView, LogLine, Replayed};

/// The engine, as seen from here.
pub(super) trait Engine: Clone + Send + Sync + 'static {
    /// Is this the administrator's token? Compared in constant time.
    fn admin_token_matches(&self, token: &str) -> bool;
    /// Every license, by id.
    fn licenses(&self) -> Vec<Arc<License>>;
    /// Changes a license.
    fn change_license(
        &self,
        license: LicenseId,
        change: LicenseChange,
    ) -> impl Future<Output = Outcome> + Send;
    /// Human agents and bots of a license that were not removed, by id.
    fn agents(&self, license: LicenseId) -> Vec<Arc<AgentProfile>>;
    /// Carries out an order about an agent.
    fn administer(
        &self,
        license: LicenseId,
        agent: &AgentId,
        order: AgentOrder,
    ) -> impl Future<Output = Outcome> + Send;
    /// Gives out a token of an agent.
    fn issue_agent_token(
        &self,
        agent: &AgentId,
        client: Option<ClientId>,
        scopes: Option<ScopeSet>,
        life: Option<Duration>,
    ) -> impl Future<Output = Result<String, Failure>> + Send;
    /// Everybody in a license who hears by webhook.
    fn webhook_endpoints(
        &self,
        license: LicenseId,
    ) -> impl Future<Output = Result<Vec<EndpointView>, Failure>> + Send;
    /// One of them, with its last attempts, the newest first.
    fn webhook_endpoint(
        &self,
        license: LicenseId,
        id: &EndpointId,
    ) -> impl Future<Output = Result<(EndpointView, Vec<LogLine>), Failure>> + Send;
    /// Dead letters of an endpoint, at most a page, and how many there are.
    fn dead_letters(
        &self,
        license: LicenseId,
        id: &EndpointId,
        which: Which,
    ) -> impl Future<Output = Result<(Vec<DeadLine>, usize), Failure>> + Send;
    /// Makes a page of dead letters due again, at most so many.
    fn replay(
        &self,
        license: LicenseId,
        id: &EndpointId,
        which: Which,
        most: usize,
    ) -> impl Future<Output = Result<Replayed, Failure>> + Send;
    /// Calls the receiver of an endpoint again, or not any more.
    fn switch_webhooks(
        &self,
        license: LicenseId,
        id: &EndpointId,
        on: bool,
    ) -> impl Future<Output = Result<EndpointView, Failure>> + Send;
    /// Does it serve?
    fn is_ready(&self) -> bool;
    /// Its metrics, as Prometheus text.
    fn metrics(&self) -> String;
}

impl Engine for EngineHandle {
    fn admin_token_matches(&self, token: &str) -> bool {
        Self::admin_token_matches(self, token)
    }

    fn licenses(&self) -> Vec<Arc<License>> {
        Self::licenses(self)
    }

    fn change_license(
        &self,
        license: LicenseId,
        change: LicenseChange,
    ) -> impl Future<Output = Outcome> + Send {
        Self::change_license(self, license, change)
    }

    fn agents(&self, license: LicenseId) -> Vec<Arc<AgentProfile>> {
        Self::agents(self, license)
    }

    fn administer(
        &self,
        license: LicenseId,
        agent: &AgentId,
        order: AgentOrder,
    ) -> impl Future<Output = Outcome> + Send {
        Self::administer(self, license, agent, order)
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

    fn webhook_endpoints(
        &self,
        license: LicenseId,
    ) -> impl Future<Output = Result<Vec<EndpointView>, Failure>> + Send {
        Self::webhook_endpoints(self, license)
    }

    fn webhook_endpoint(
        &self,
        license: LicenseId,
        id: &EndpointId,
    ) -> impl Future<Output = Result<(EndpointView, Vec<LogLine>), Failure>> + Send {
        Self::webhook_endpoint(self, license, id)
    }

    fn dead_letters(
        &self,
        license: LicenseId,
        id: &EndpointId,
        which: Which,
    ) -> impl Future<Output = Result<(Vec<DeadLine>, usize), Failure>> + Send {
        Self::dead_letters(self, license, id, which)
    }

    fn replay(
        &self,
        license: LicenseId,
        id: &EndpointId,
        which: Which,
        most: usize,
    ) -> impl Future<Output = Result<Replayed, Failure>> + Send {
        Self::replay(self, license, id, which, most)
    }

    fn switch_webhooks(
        &self,
        license: LicenseId,
        id: &EndpointId,
        on: bool,
    ) -> impl Future<Output = Result<EndpointView, Failure>> + Send {
        Self::switch_webhooks(self, license, id, on)
    }

    fn is_ready(&self) -> bool {
        Self::is_ready(self)
    }

    fn metrics(&self) -> String {
        Self::metrics(self)
    }
}
