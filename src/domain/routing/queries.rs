//! What the router can be asked; nothing here changes anything.

use std::collections::BTreeSet;

use super::entry::Wish;
use super::explanation::Explanation;
use super::machine::Router;
use super::placement::{GroupStatus, Refusal};
use crate::id::{AgentId, ConversationId, GroupId};
use crate::time::Timestamp;

impl Router {
    /// Whether a group can serve.
    #[must_use]
    pub fn group_status(&self, group: GroupId) -> GroupStatus {
        match (self.roster.is_free(group), self.roster.is_accepting(group)) {
            (true, _) => GroupStatus::Online,
            (false, true) => GroupStatus::OnlineForQueue,
            (false, false) => GroupStatus::Offline,
        }
    }

    /// An agent's load: conversations it is present in, and those promised to it.
    pub fn conversations_of(&self, agent: &AgentId) -> impl Iterator<Item = ConversationId> {
        self.roster.conversations_of(agent)
    }

    /// How many conversations an agent has.
    #[must_use]
    pub fn load(&self, agent: &AgentId) -> usize {
        self.roster.load(agent)
    }

    /// A waiting conversation's place, from 1 (the best of its groups).
    #[must_use]
    pub fn position(&self, conversation: ConversationId) -> Option<u32> {
        let wish = self.queued(conversation)?;
        Some(self.queues.position(&wish.groups, (wish.since, conversation)))
    }

    /// The last decision about a conversation, if it is among the recent ones.
    #[must_use]
    pub fn explain(&self, conversation: ConversationId) -> Option<&Explanation> {
        self.history.get(conversation)
    }

    /// Who would get a conversation of these groups now; nothing changes.
    ///
    /// # Errors
    /// Nobody is accepting, nobody has a free slot, or agents choose by themselves.
    pub fn predict(&self, groups: &[GroupId]) -> Result<AgentId, Refusal> {
        let wish = Wish::new(groups.to_vec(), Vec::new(), Timestamp::default());
        let automatic = self.settings.is_automatic(&wish.groups);
        let chosen = automatic.then(|| self.roster.choose(&wish, &BTreeSet::new())).flatten();
        chosen.ok_or_else(|| self.refusal(&wish))
    }
}
