//! Decides and applies who may see the chat. Source: spec v3.0, 5.2 and 8.2.

use crate::conversation::access::{Access, AccessChange};
use crate::conversation::decide::{Context, Decision, Need};
use crate::conversation::fact::Change;
use crate::conversation::push::{Address, Push, Told};
use crate::conversation::state::Conversation;
use crate::error::Rejected;

impl Conversation {
    pub(super) fn change_access(&self, change: AccessChange, cx: &Context<'_>) -> Result<Decision, Rejected> {
        self.may(cx, Need::WriteMeta)?;
        let given = change.access();
        if !matches!(change, AccessChange::Revoked(_)) {
            Self::check_access(given, cx)?;
        }
        let mut access = self.access.clone();
        match &change {
            AccessChange::Granted(more) => access.groups.extend(&more.groups),
            AccessChange::Revoked(less) => access.groups.retain(|group| !less.groups.contains(group)),
            AccessChange::Set(new) => access = new.clone(),
        }
        if access == self.access {
            return Ok(Self::echo(Push::AccessChanged { chat: self.id, change }));
        }
        if access.groups.is_empty() {
            return Err(Rejected::invalid(
                "access",
                "a chat that no group may see could not be found any more",
            ));
        }
        Self::check_access(&access, cx)?;
        let by = cx.by.map(|principal| principal.user.clone());
        let mut draft = self.draft(cx.now);
        draft.add(Change::AccessChanged { access, change, by });
        Ok(draft.done())
    }

    /// Told to whoever has access before or after; a customer knows only of access that was set.
    pub(super) fn access_changed(&mut self, access: &Access, change: &AccessChange, told: &mut Vec<Told>) {
        let before = std::mem::replace(&mut self.access, access.clone());
        let mut to = self.keyed_address(None);
        to.groups.extend(before.groups.difference(&access.groups));
        if !matches!(change, AccessChange::Set(_)) {
            to = Address { customer: None, ..to };
        }
        let push = Push::AccessChanged { chat: self.id, change: change.clone() };
        told.push(Told { push, to, main: true });
    }
}
