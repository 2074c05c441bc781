//! What is told in passing and never kept: who types, and what a customer is about to say.
//! Source: spec v3.0, 5.3 and 10.4.

use crate::conversation::decide::{Context, Decision, Need};
use crate::conversation::event::{Visibility, within};
use crate::conversation::push::{Push, Told};
use crate::conversation::state::Conversation;
use crate::error::{Rejected, Resource};
use crate::limits::MESSAGE_TEXT_BYTES;

impl Conversation {
    pub(super) fn signal_typing(
        &self,
        typing: bool,
        visibility: Visibility,
        cx: &Context<'_>,
    ) -> Result<Decision, Rejected> {
        self.may(cx, Need::Write)?;
        let author = cx.by.map(|by| by.user.clone()).ok_or(Rejected::NoAccess)?;
        let thread = self.threads.last().ok_or(Rejected::NotFound(Resource::Thread))?.id;
        let mut to = self.talk_address(visibility == Visibility::All);
        // Never told to the author.
        if let Some(agent) = author.agent() {
            to.agents.retain(|other| other != agent);
            to.followers.agents.retain(|other| other != agent);
        } else {
            to.customer = None;
        }
        let push = Push::Typing { chat: self.id, thread, author, visibility, at: cx.now, typing };
        Ok(Self::in_passing(Told { push, to, main: false, seq: None }))
    }

    pub(super) fn show_draft(&self, text: Box<str>, cx: &Context<'_>) -> Result<Decision, Rejected> {
        within("sneak_peek_text", text.len(), MESSAGE_TEXT_BYTES, "bytes")?;
        self.may(cx, Need::Write)?;
        let author = cx.by.map(|by| by.user.clone()).ok_or(Rejected::NoAccess)?;
        let thread = self.active_thread().ok_or(Rejected::Inactive)?.id;
        let push = Push::DraftShown { chat: self.id, thread, author, at: cx.now, text };
        Ok(Self::in_passing(Told { push, to: self.talk_address(false), main: false, seq: None }))
    }

    fn in_passing(told: Told) -> Decision {
        Decision { passing: Some(Box::new(told)), ..Decision::default() }
    }
}
