//! What the administration asks of the engine: it stands above licenses and needs no principal.

use std::sync::Arc;

use switchboard_domain::id::{AgentId, LicenseId};
use switchboard_domain::participant::license::{License, LicenseChange};

use crate::engine::handle::EngineHandle;
use crate::engine::operations;
use crate::engine::order::{AgentOrder, Done, Failure};
use crate::engine::profiles::AgentProfile;

impl EngineHandle {
    /// Every license as it is now, by id.
    #[must_use]
    pub fn licenses(&self) -> Vec<Arc<License>> {
        let mut licenses: Vec<_> =
            self.tables().licenses().iter().map(|table| table.license.load_full()).collect();
        licenses.sort_by_key(|license| license.id);
        licenses
    }

    /// Human agents and bots of a license as they are now, by id.
    #[must_use]
    pub fn agents(&self, license: LicenseId) -> Vec<Arc<AgentProfile>> {
        let Some(table) = self.tables().license(license) else { return Vec::new() };
        let mut agents: Vec<_> = table.agents.iter().map(|entry| Arc::clone(entry.value())).collect();
        agents.retain(|agent| !agent.removed);
        agents.sort_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
        agents
    }

    /// Carries out an order about an agent; answered when it counts everywhere.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Invalid` or `GroupNotFound` for what cannot be.
    pub async fn administer(
        &self,
        license: LicenseId,
        agent: &AgentId,
        order: AgentOrder,
    ) -> Result<Done, Failure> {
        self.heard(|shard, answer| operations::administer(shard, license, agent, order, answer)).await
    }

    /// Changes a license; answered when the change counts everywhere.
    ///
    /// # Errors
    /// What [`License::change`] refuses.
    pub async fn change_license(&self, license: LicenseId, change: LicenseChange) -> Result<Done, Failure> {
        self.heard(|shard, answer| operations::change_license(shard, license, change, answer)).await
    }
}
