//! What people mark a chat with: tags of threads, seen markers, followers; decided and applied.
//! Source: spec v3.0, 5.1, 5.3, 5.4 and 10.4.

use crate::conversation::decide::{Context, Decision, Need};
use crate::conversation::event::within;
use crate::conversation::fact::Change;
use crate::conversation::push::{Address, Push, Told};
use crate::conversation::state::{Conversation, ThreadHead};
use crate::error::{Rejected, Resource};
use crate::id::{AgentId, ThreadId, UserId};
use crate::limits::{FOLLOWERS_PER_CHAT, TAG_CHARS, TAGS_PER_THREAD};
use crate::time::Timestamp;

impl Conversation {
    pub(super) fn tag(
        &self,
        thread: ThreadId,
        tag: Box<str>,
        on: bool,
        cx: &Context<'_>,
    ) -> Result<Decision, Rejected> {
        check_tag(&tag, "tag")?;
        self.may(cx, Need::WriteMeta)?;
        let head = self.find_thread(thread)?;
        if head.tags.contains(&tag) == on {
            return Ok(Self::echo(Push::TagChanged { chat: self.id, thread, tag, on }));
        }
        if on {
            within("tag", head.tags.len() + 1, TAGS_PER_THREAD, "on one thread")?;
        }
        let by = cx.by.map(|principal| principal.user.clone());
        let mut draft = self.draft(cx.now);
        draft.add(if on { Change::Tagged { thread, tag, by } } else { Change::Untagged { thread, tag, by } });
        Ok(draft.done())
    }

    /// Somebody who was never in the chat has no marker there: nothing changes.
    pub(super) fn see(&self, up_to: Option<Timestamp>, cx: &Context<'_>) -> Result<Decision, Rejected> {
        self.may(cx, Need::Read)?;
        let user = cx.by.map(|by| by.user.clone()).ok_or(Rejected::NoAccess)?;
        let thread = self.threads.last().ok_or(Rejected::NotFound(Resource::Thread))?.id;
        let mut draft = self.draft(cx.now);
        // Nobody has seen what is yet to come.
        let wanted = up_to.map_or(draft.at, |up_to| up_to.min(draft.at));
        let member = self.members.iter().find(|member| member.user == user);
        match member.map(|member| member.seen_at) {
            Some(seen) if seen < Some(wanted) => {
                draft.add(Change::SeenUpTo { user, up_to: wanted });
                Ok(draft.done())
            }
            seen => {
                let up_to = seen.flatten().unwrap_or(wanted);
                Ok(Self::echo(Push::SeenUpTo { chat: self.id, thread, user, up_to }))
            }
        }
    }

    /// Following twice, or a chat that one is in, changes nothing and is not answered by a push.
    pub(super) fn follow(&self, cx: &Context<'_>) -> Result<Decision, Rejected> {
        self.may(cx, Need::Read)?;
        let agent = cx.by.and_then(|by| by.agent()).ok_or(Rejected::NoAccess)?;
        if self.followers.contains(agent) || self.is_present(&UserId::Agent(agent.clone())) {
            return Ok(Decision::default());
        }
        within("chat_id", self.followers.len() + 1, FOLLOWERS_PER_CHAT, "followers")?;
        let mut draft = self.draft(cx.now);
        draft.add(Change::Followed(agent.clone()));
        Ok(draft.done())
    }

    /// Needs no right: whoever lost access must be able to stop. A member hears of the chat anyway.
    pub(super) fn unfollow(&self, cx: &Context<'_>) -> Result<Decision, Rejected> {
        let by = cx.by.filter(|by| by.license == self.license);
        let agent = by.and_then(|by| by.agent()).ok_or(Rejected::NotFound(Resource::Chat))?;
        if self.is_present(&UserId::Agent(agent.clone())) {
            return Err(Rejected::invalid("chat_id", "a member of the chat cannot unfollow it"));
        }
        let mut draft = self.draft(cx.now);
        if self.followers.contains(agent) {
            draft.add(Change::Unfollowed(agent.clone()));
        }
        Ok(draft.done())
    }

    /// A thread by its id.
    pub(super) fn find_thread(&self, thread: ThreadId) -> Result<&ThreadHead, Rejected> {
        let found = self.threads.iter().find(|head| head.id == thread);
        found.ok_or(Rejected::NotFound(Resource::Thread))
    }

    pub(super) fn tag_changed(&mut self, thread: ThreadId, tag: &str, on: bool, told: &mut Vec<Told>) {
        for head in self.threads.iter_mut().filter(|head| head.id == thread) {
            head.tags.retain(|other| **other != *tag);
            if on {
                head.tags.push(tag.into());
            }
        }
        let push = Push::TagChanged { chat: self.id, thread, tag: tag.into(), on };
        // Customers know of no tags.
        let to = Address { customer: None, ..self.keyed_address(None) };
        told.push(Told { push, to, main: true, seq: None });
    }

    pub(super) fn seen(&mut self, user: &UserId, up_to: Timestamp, told: &mut Vec<Told>) {
        for member in self.members.iter_mut().filter(|member| member.user == *user) {
            member.seen_at = member.seen_at.max(Some(up_to));
        }
        if let Some(thread) = self.threads.last() {
            let push = Push::SeenUpTo { chat: self.id, thread: thread.id, user: user.clone(), up_to };
            told.push(Told { push, to: self.talk_address(true), main: true, seq: None });
        }
    }

    pub(super) fn followed(&mut self, agent: &AgentId, told: &mut Vec<Told>) {
        self.followers.insert(agent.clone());
        if let Some(thread) = self.newest_view() {
            let push = Push::ChatFollowed { chat: Box::new(self.chat_view()), thread: Box::new(thread) };
            let to = Address { agents: vec![agent.clone()], ..Address::nobody() };
            told.push(Told { push, to, main: true, seq: None });
        }
    }
}

/// Checks what one tag may be.
pub(super) fn check_tag(tag: &str, field: &str) -> Result<(), Rejected> {
    if tag.trim().is_empty() {
        return Err(Rejected::invalid(field, "must not be blank"));
    }
    within(field, tag.chars().count(), TAG_CHARS, "characters")
}
