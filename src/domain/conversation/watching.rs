//! Who watches a help desk's conversation beside whoever has it. Watching is no load, gives no right and
//! outlasts threads: a list of names that is kept for those who show it.

use std::collections::BTreeSet;

use crate::conversation::decide::{Context, Draft};
use crate::conversation::event::{Event, NewEvent, Visibility, within};
use crate::conversation::fact::Change;
use crate::conversation::push::{Address, Push, Told};
use crate::conversation::state::Conversation;
use crate::conversation::ticket::Ticket;
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
    /// The note with those of its mentions who may watch the conversation; in whatever else is said nobody is
    /// mentioned. Whoever is watches it from now on, as far as there is room.
    pub(super) fn mention(&self, mut event: NewEvent, cx: &Context<'_>, draft: &mut Draft) -> NewEvent {
        let is_note = event.visibility == Visibility::Agents;
        let Some(details) = event.details.as_deref_mut().filter(|details| !details.mentions.is_empty())
        else {
            return event;
        };
        let Some(ticket) = self.ticket.as_deref().filter(|_| is_note) else {
            details.mentions.clear();
            return event;
        };
        let mut seen = BTreeSet::new();
        details.mentions.retain(|agent| self.may_watch(agent, cx) && seen.insert(agent.clone()));
        let mut watchers = ticket.watchers.clone();
        for agent in &details.mentions {
            if watchers.len() < WATCHERS_PER_CONVERSATION {
                watchers.insert(agent.clone());
            }
        }
        if watchers != ticket.watchers {
            draft.add(Change::TicketChanged(Box::new(Ticket { watchers, ..ticket.clone() })));
        }
        event
    }

    /// Tells those whom an event mentions, and nobody else.
    pub(super) fn tell_mentioned(&self, event: &Event, told: &mut Vec<Told>) {
        let mentions = event.details.as_ref().map(|details| details.mentions.clone()).unwrap_or_default();
        if !mentions.is_empty() {
            let to = Address { agents: mentions.clone(), ..Address::nobody() };
            let push = Push::Mentioned { chat: self.id, agents: mentions };
            told.push(Told { push, to, main: false, seq: None });
        }
    }

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
