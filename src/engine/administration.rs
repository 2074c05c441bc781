//! What the administration asks of the engine: it stands above licenses and needs no principal.

use std::sync::Arc;

use switchboard_domain::desk::AccountChange;
use switchboard_domain::error::Rejected;
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

    /// Makes a license of the platform's; answered when it serves.
    ///
    /// # Errors
    /// `Invalid`, naming the field; `AllowanceReached` when the installation has as many as it may have.
    pub async fn make_license(&self, description: AccountChange) -> Result<Arc<License>, Failure> {
        match self.heard(|shard, answer| operations::make_license(shard, description, answer)).await? {
            Done::LicenseMade(id) => self.license(id).ok_or_else(|| Rejected::Internal.into()),
            _ => Err(Rejected::Internal.into()),
        }
    }

    /// Ends a license: when this is answered its tokens are void and nobody is served; what it had is removed
    /// soon after.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn end_license(&self, license: LicenseId) -> Result<(), Failure> {
        self.heard(|shard, answer| operations::end_license(shard, license, answer)).await.map(drop)
    }

    /// Sees that every license has every bot of the installation.
    ///
    /// # Errors
    /// `Timeout`; a license in which one cannot be is said in the log.
    pub async fn share_bots(&self) -> Result<(), Failure> {
        self.heard(operations::share_bots).await.map(drop)
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
