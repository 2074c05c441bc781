//! Decides and applies who may see the chat. Source: spec v3.0, 5.2 and 8.2.

use crate::conversation::access::{Access, AccessChange, AccessOwner};
use crate::conversation::decide::{Context, Decision, Need};
use crate::conversation::fact::Change;
use crate::conversation::push::{Address, Push, Told};
use crate::conversation::state::Conversation;
use crate::error::Rejected;

impl Conversation {
    pub(super) fn change_access(&self, change: AccessChange, cx: &Context<'_>) -> Result<Decision, Rejected> {
        self.may(cx, Need::WriteMeta)?;
        let access = change.made_to(&self.access, cx.license)?;
        if access == self.access {
            let of = AccessOwner::Chat(self.id);
            return Ok(Self::echo(Push::AccessChanged { of, change, access }));
        }
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
        to.named.extend(before.agents.difference(&access.agents).cloned());
        if !matches!(change, AccessChange::Set(_)) {
            to = Address { customer: None, ..to };
        }
        let of = AccessOwner::Chat(self.id);
        let push = Push::AccessChanged { of, change: change.clone(), access: access.clone() };
        told.push(Told { push, to, main: true, seq: None });
    }
}
