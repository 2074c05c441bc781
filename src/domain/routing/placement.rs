//! What the router is asked and what it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, ConversationId, GroupId};
use crate::participant::settings::{self, RoutingMode, Settings};
use crate::time::Timestamp;

/// How many conversations may wait per group. Beyond it a new one is refused: it would wait for hours.
pub const DEFAULT_QUEUE_LIMIT: u32 = 10_000;

/// How long a slot or a queue place stays reserved without a word from the conversation. Far above
/// the time an operation may run; only a lost operation ever reaches it.
pub const DEFAULT_LAPSE: Duration = Duration::from_secs(30);

/// Settings of a license that routing obeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterSettings {
    /// What holds for every group without settings of its own.
    pub usual: Settings,
    /// Groups with settings of their own.
    pub groups: BTreeMap<GroupId, Settings>,
    /// How many conversations of a group routing may give one agent; in other groups only the
    /// agent's own limit counts. Source: agent-bots spec 6.8.
    pub per_agent: BTreeMap<GroupId, u32>,
    /// Whom routing may give a team's conversations; a team that is not here bounds nothing.
    pub teams: BTreeMap<u64, BTreeSet<AgentId>>,
    /// How long reservations and unanswered assignments stand.
    pub lapse: Duration,
}

impl Default for RouterSettings {
    fn default() -> Self {
        Self {
            usual: Settings::default(),
            groups: BTreeMap::new(),
            per_agent: BTreeMap::new(),
            teams: BTreeMap::new(),
            lapse: DEFAULT_LAPSE,
        }
    }
}

impl RouterSettings {
    /// The settings of conversations in these groups.
    #[must_use]
    pub fn of<'a>(&self, groups: impl IntoIterator<Item = &'a GroupId>) -> Settings {
        // Hardly any license has groups with settings of their own, and every message asks.
        if self.groups.is_empty() {
            return self.usual;
        }
        settings::of_groups(self.usual, groups, |group| self.groups.get(&group).copied())
    }

    /// How many conversations may wait in a group.
    pub(super) fn queue_limit(&self, group: GroupId) -> usize {
        let limit = self.groups.get(&group).unwrap_or(&self.usual).queue_limit;
        usize::try_from(limit).unwrap_or(usize::MAX)
    }

    /// Does routing give the conversations of these groups? Else agents take them by themselves.
    pub(super) fn is_automatic(&self, groups: &[GroupId]) -> bool {
        self.of(groups).mode != RoutingMode::Manual
    }
}

/// "Find an agent for this conversation", asked before the conversation is started, resumed,
/// transferred or re-routed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceRequest {
    /// The conversation; it need not exist yet. The reservation is kept under its id.
    pub conversation: ConversationId,
    /// Whose agents may get it.
    pub groups: Vec<GroupId>,
    /// May start without any accepting agent, and waits then.
    pub continuous: bool,
    /// Agents it may not be given to.
    pub exclude: Vec<AgentId>,
    /// Only this team's members may get it.
    pub team: Option<u64>,
    /// Now; also its place in the queue, should it wait.
    pub at: Timestamp,
    /// Only these agents, by name and whatever their groups: a transfer to them, which never
    /// waits. Empty: whoever routing chooses.
    pub among: Vec<AgentId>,
    /// Refused unless somebody can take it now; it may not wait.
    pub at_once: bool,
}

/// Where a conversation goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Placement {
    /// This agent gets it; a slot is reserved.
    Assigned(AgentId),
    /// Every accepting agent is full; it waits.
    Queued {
        /// Its place in the queue, from 1.
        position: u32,
    },
    /// It waits without a place that could be told: nobody accepts, or routing is manual.
    Unassigned,
    /// It may not start.
    Refused(Refusal),
}

/// Why a conversation may not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// No agent that routing could ever choose is accepting.
    #[error("no agent of the group is accepting chats")]
    GroupOffline,
    /// Agents are accepting but full, and the queue is full or switched off.
    #[error("every agent of the group is busy and nobody may wait")]
    GroupUnavailable,
}

/// "Give this waiting conversation to this agent." The conversation decides: it answers
/// [`Answer::Placed`] (also when that agent holds it already) or [`Answer::Refused`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assign {
    /// The waiting conversation.
    pub conversation: ConversationId,
    /// Who shall get it.
    pub agent: AgentId,
    /// Names this offer; comes back with the answer.
    pub ticket: u64,
}

/// A conversation's answer to an [`Assign`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Done. Its notice with the agent present follows, or came already.
    Placed,
    /// Not wanted (any more). The same pair is not offered again before the conversation's next notice.
    Refused,
}

/// Something a conversation should hear that is no assignment. Told once, when it becomes true.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alert {
    /// It waits, and nobody is accepting any more: one that is not continuous ends here.
    GroupOffline(ConversationId),
    /// An agent present in it went offline (after its grace time) or was removed: it may need re-routing.
    AgentGone(ConversationId, AgentId),
    /// An agent came into it by hand who is not there. Either it went before the router heard of
    /// its coming, and nobody else would tell; or it works without a connection, and stays.
    CameGone(ConversationId, AgentId),
}

/// Whether a group can serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupStatus {
    /// Somebody can take a conversation now.
    Online,
    /// Somebody is accepting, but nobody can take one now.
    OnlineForQueue,
    /// Nobody is accepting.
    Offline,
}
