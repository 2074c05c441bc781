//! Who watches a help desk's conversation beside whoever has it. Watching is no load, gives no right and
//! outlasts threads: a list of names that is kept for those who show it.

use std::collections::BTreeSet;

use crate::conversation::decide::Context;
use crate::conversation::event::within;
use crate::conversation::state::Conversation;
use crate::error::Rejected;
use crate::id::AgentId;
use crate::limits::WATCHERS_PER_CONVERSATION;

/// A change of who watches a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watching {
    /// These, too.
    Add(BTreeSet<AgentId>),
    /// These no more.
    Remove(BTreeSet<AgentId>),
    /// These and nobody else.
    Set(BTreeSet<AgentId>),
}

impl Watching {
    /// Who watches after it. Whoever begins to has to be one of whom `may` is true; who does already goes on.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub(super) fn after(
        self,
        before: &BTreeSet<AgentId>,
        may: impl Fn(&AgentId) -> bool,
    ) -> Result<BTreeSet<AgentId>, Rejected> {
        let after = match self {
            Self::Add(more) => before | &more,
            Self::Remove(gone) => before - &gone,
            Self::Set(all) => all,
        };
        if !after.difference(before).all(may) {
            return Err(Rejected::invalid("user_ids", "must have inbox access"));
        }
        within("user_ids", after.len(), WATCHERS_PER_CONVERSATION, "agents")?;
        Ok(after)
    }
}

impl Conversation {
    /// May somebody watch it? People who administer, who serve one of its groups, or whom it names.
    pub(super) fn may_watch(&self, agent: &AgentId, cx: &Context<'_>) -> bool {
        let serves = || cx.license.groups_of(agent).iter().any(|group| self.access.groups.contains(group));
        let is_one = !cx.license.is_bot(agent);
        is_one && (cx.license.administers(agent) || serves() || self.access.agents.contains(agent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agents(names: &[&str]) -> BTreeSet<AgentId> {
        names.iter().map(|name| AgentId::new(name)).collect()
    }

    #[test]
    fn lists_are_added_to_taken_from_and_replaced() {
        let before = agents(&["ann", "bob"]);
        let after = |change: Watching| change.after(&before, |_| true);
        assert_eq!(after(Watching::Add(agents(&["bob", "eve"]))), Ok(agents(&["ann", "bob", "eve"])));
        assert_eq!(after(Watching::Remove(agents(&["bob", "eve"]))), Ok(agents(&["ann"])));
        assert_eq!(after(Watching::Set(agents(&["eve"]))), Ok(agents(&["eve"])));
    }

    #[test]
    fn only_who_may_look_begins_to_watch_and_who_does_may_go() {
        let before = agents(&["ann"]);
        let after = |change: Watching| change.after(&before, |agent| *agent == AgentId::new("bob"));
        assert_eq!(after(Watching::Add(agents(&["bob"]))), Ok(agents(&["ann", "bob"])));
        assert_eq!(after(Watching::Set(agents(&["ann", "bob"]))), Ok(agents(&["ann", "bob"])));
        for refused in [Watching::Add(agents(&["bob", "eve"])), Watching::Set(agents(&["eve"]))] {
            assert_eq!(after(refused), Err(Rejected::invalid("user_ids", "must have inbox access")));
        }
        assert_eq!(after(Watching::Remove(agents(&["ann", "eve"]))), Ok(agents(&[])));
    }

    #[test]
    fn so_many_watch_and_no_more() {
        let many = |n: usize| (0..n).map(|n| AgentId::new(&n.to_string())).collect::<BTreeSet<_>>();
        let before = BTreeSet::new();
        let full = Watching::Set(many(WATCHERS_PER_CONVERSATION)).after(&before, |_| true);
        assert_eq!(full.map(|all| all.len()), Ok(WATCHERS_PER_CONVERSATION));
        let more = Watching::Add(many(WATCHERS_PER_CONVERSATION + 1)).after(&before, |_| true);
        assert!(matches!(more, Err(Rejected::Invalid { field, .. }) if field == "user_ids"));
    }
}
