//! Decides and applies who may see the chat. Source: spec v3.0, 5.2 and 8.2.

use crate::conversation::access::{Access, AccessChange};
use crate::conversation::decide::{Context, Decision, Need};
use crate::conversation::event::within;
use crate::conversation::fact::Change;
use crate::conversation::push::{Address, Push, Told};
use crate::conversation::state::Conversation;
use crate::error::{Rejected, Resource};
use crate::id::{AgentId, UserId};
use crate::limits::{AGENTS_PER_ACCESS, GROUPS_PER_ACCESS};

impl Conversation {
    pub(super) fn change_access(&self, change: AccessChange, cx: &Context<'_>) -> Result<Decision, Rejected> {
        self.may(cx, Need::WriteMeta)?;
        if !matches!(change, AccessChange::Revoked(_)) {
            Self::check_named(change.access(), cx)?;
        }
        let mut access = self.access.clone();
        match &change {
            AccessChange::Granted(more) => {
                access.groups.extend(&more.groups);
                access.agents.extend(more.agents.iter().cloned());
            }
            AccessChange::Revoked(less) => {
                access.groups.retain(|group| !less.groups.contains(group));
                access.agents.retain(|agent| !less.agents.contains(agent));
            }
            AccessChange::Set(new) => access = new.clone(),
        }
        if access == self.access {
            return Ok(Self::echo(Push::AccessChanged { chat: self.id, change, access }));
        }
        Self::check_access(&access, cx)?;
        let by = cx.by.map(|principal| principal.user.clone());
        let mut draft = self.draft(cx.now);
        draft.add(Change::AccessChanged { access, change, by });
        Ok(draft.done())
    }

    /// Checks what an access may be as a whole.
    pub(super) fn check_access(access: &Access, cx: &Context<'_>) -> Result<(), Rejected> {
        if access.groups.is_empty() {
            // Agents alone would leave it to no queue.
            return Err(Rejected::invalid("access.group_ids", "must name a group that finds the chat"));
        }
        within("access.group_ids", access.groups.len(), GROUPS_PER_ACCESS, "groups")?;
        within("access", access.agents.len(), AGENTS_PER_ACCESS, "agents")?;
        Self::check_named(access, cx)
    }

    fn check_named(access: &Access, cx: &Context<'_>) -> Result<(), Rejected> {
        if let Some(&group) = access.groups.iter().find(|&&group| cx.license.group_name(group).is_none()) {
            return Err(Rejected::GroupNotFound(group));
        }
        let unknown = |agent: &&AgentId| cx.license.name(&UserId::Agent((*agent).clone())).is_none();
        match access.agents.iter().find(unknown) {
            Some(_) => Err(Rejected::NotFound(Resource::User)),
            None => Ok(()),
        }
    }

    /// Told to whoever has access before or after; a customer knows only of access that was set.
    pub(super) fn access_changed(&mut self, access: &Access, change: &AccessChange, told: &mut Vec<Told>) {
        let before = std::mem::replace(&mut self.access, access.clone());
        let mut to = self.keyed_address(None);
        to.groups.extend(before.groups.difference(&access.groups));
        to.named.extend(before.agents.difference(&access.agents).cloned());
        if !matches!(change, AccessChange::Set(_)) {
            to = Address { customer: None, ..to };
        }
        let push = Push::AccessChanged { chat: self.id, change: change.clone(), access: access.clone() };
        told.push(Told { push, to, main: true });
    }
}
