//! Why routing decided as it did: kept for people who ask, bounded.

use std::collections::{BTreeMap, VecDeque};

use super::placement::Placement;
use super::priority::Priority;
use crate::id::{AgentId, ConversationId, GroupId};
use crate::time::Timestamp;

/// How many conversations of a license keep their last explanation.
pub const EXPLANATIONS_KEPT: usize = 512;

/// How many agents one explanation lists; a decision must not grow with the number of agents.
pub const AGENTS_EXPLAINED: usize = 32;

/// One decision about one conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// When it was made.
    pub at: Timestamp,
    /// Whose agents were asked.
    pub groups: Vec<GroupId>,
    /// What came out.
    pub placement: Placement,
    /// The agents as they stood then: the chosen one, then members of the groups, then others; at
    /// most [`AGENTS_EXPLAINED`].
    pub agents: Vec<(AgentId, Verdict)>,
    /// How many agents are not listed.
    pub unlisted: usize,
}

/// How an agent stood in a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Could have been chosen; what the choice looked at, in this order.
    Eligible {
        /// Best class among the conversation's groups.
        class: Priority,
        /// Conversations it had.
        load: usize,
        /// When routing last gave it one.
        last_assigned: Option<Timestamp>,
    },
    /// Could not be chosen.
    Skipped(Skipped),
}

/// Why an agent could not be chosen: the first rule that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skipped {
    /// Belongs to none of the conversation's groups.
    NotInGroup,
    /// Is supervisor there.
    Supervisor,
    /// Is not in the conversation's team.
    NotInTeam,
    /// The conversation asked not to get it.
    Excluded,
    /// The conversation refused it since its last notice.
    Declined,
    /// Not logged in.
    Offline,
    /// Logged in, but not accepting or away.
    NotAccepting,
    /// Lost its connection a moment ago.
    InGrace,
    /// No free slot.
    Full {
        /// Conversations it had.
        load: usize,
        /// Its limit.
        limit: u32,
    },
    /// Has its share of one of the groups.
    FullInGroup {
        /// Whose share.
        group: GroupId,
        /// Conversations of the group it had.
        load: usize,
        /// How many of them routing gives one agent.
        limit: u32,
    },
}

/// The last explanation of each of the most recent conversations.
#[derive(Debug, Default)]
pub(super) struct History {
    kept: BTreeMap<ConversationId, Explanation>,
    order: VecDeque<ConversationId>,
}

impl History {
    pub(super) fn record(&mut self, conversation: ConversationId, explanation: Explanation) {
        if self.kept.insert(conversation, explanation).is_none() {
            self.order.push_back(conversation);
        }
        if self.order.len() > EXPLANATIONS_KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.kept.remove(&oldest);
        }
    }

    pub(super) fn get(&self, conversation: ConversationId) -> Option<&Explanation> {
        self.kept.get(&conversation)
    }
}
