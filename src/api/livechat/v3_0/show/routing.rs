//! What customers are told about routing (spec v3.0, 6 and 6.1).

use serde::{Serialize, Serializer};
use switchboard_domain::id::GroupId;
use switchboard_domain::routing::GroupStatus;

use crate::engine::profiles::AgentProfile;

/// Whether groups can serve, by their ids.
pub(super) struct GroupStatusesOut<'a>(pub(super) &'a [(GroupId, GroupStatus)]);

impl Serialize for GroupStatusesOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let word = |status| match status {
            GroupStatus::Online => "online",
            GroupStatus::OnlineForQueue => "online_for_queue",
            GroupStatus::Offline => "offline",
        };
        serializer.collect_map(self.0.iter().map(|(group, status)| (group.to_string(), word(*status))))
    }
}

/// The agent whom a chat would be given to.
#[derive(Serialize)]
pub(super) struct PredictedAgent<'a> {
    id: &'a str,
    name: &'a str,
    avatar: &'a str,
    is_bot: bool,
    job_title: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

impl<'a> From<&'a AgentProfile> for PredictedAgent<'a> {
    fn from(agent: &'a AgentProfile) -> Self {
        let is_bot = agent.bot_of.is_some();
        Self {
            id: agent.id.as_str(),
            name: &agent.name,
            avatar: &agent.avatar,
            is_bot,
            // Agents have no titles of their own here.
            job_title: if is_bot { "Bot" } else { "Agent" },
            kind: "agent",
        }
    }
}
