//! Decides who is in the chat and who holds it. Source: spec v3.0, 5.2, 10.2 and 12 #33.

use std::sync::Arc;

use crate::conversation::decide::{Context, Decision, Draft, Need};
use crate::conversation::event::NewEvent;
use crate::conversation::fact::Change;
use crate::conversation::push::Push;
use crate::conversation::state::{Assignment, Conversation};
use crate::conversation::system;
use crate::error::{PlacementNeed, Rejected, Resource};
use crate::id::{AgentId, ThreadId, UserId};
use crate::participant::Departure;
use crate::routing::{Placement, Refusal};
use crate::time::Timestamp;

/// Why the holder does not have the chat any more.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cause {
    /// It left, or was taken out.
    Left,
    /// It is gone itself.
    Gone(Departure),
    /// It did not look for so many seconds.
    Inactive(u32),
}

impl Conversation {
    pub(super) fn add_user(&self, user: &UserId, cx: &Context<'_>) -> Result<Decision, Rejected> {
        let oneself = cx.by.is_some_and(|by| by.user == *user);
        // One has to join to write, so the right to write suffices to join (spec v3.0, 3.4).
        self.may(cx, if oneself { Need::Write } else { Need::WriteMeta })?;
        let thread = self.active_thread().ok_or(Rejected::Inactive)?;
        let name = cx.license.name(user).ok_or(Rejected::NotFound(Resource::User))?;
        let by = cx.by.map(|principal| principal.user.clone());
        match user {
            UserId::Customer(id) if self.customer.is_some_and(|mine| mine != *id) => {
                return Err(Rejected::CustomerFixed);
            }
            UserId::Customer(id) if cx.license.is_banned(*id, cx.now) => {
                return Err(Rejected::CustomerBanned);
            }
            _ if self.is_present(user) => return Ok(self.echo_added(user, thread.id)),
            _ => {}
        }
        let mut draft = self.draft(cx.now);
        // The chat's first agent is not announced (spec v3.0, 4.6).
        let others = self.members.iter().any(|member| member.user.agent().is_some() && member.user != *user);
        draft.add(Change::MemberAdded { user: user.clone(), by: by.clone() });
        // A human who joins a waiting chat takes it. A bot that only looks in does not: the
        // customer must not lose its place in the queue.
        if let UserId::Agent(agent) = user
            && self.waiting_since().is_some()
            && !cx.license.is_bot(agent)
        {
            draft.add(Change::Assigned(Assignment::Held(agent.clone())));
        }
        if others || matches!(user, UserId::Customer(_)) {
            let initiator = by.as_ref().filter(|by| *by != user).map(|by| Self::shown_name(by, cx));
            draft.post(system::joined(user, &name, initiator.as_deref()), None);
        }
        Ok(draft.done())
    }

    fn echo_added(&self, user: &UserId, thread: ThreadId) -> Decision {
        let member = self.members.iter().find(|m| m.user == *user).cloned();
        let echo = |member| Self::echo(Push::MemberAdded { chat: self.id, thread, member });
        member.map(echo).unwrap_or_default()
    }

    pub(super) fn remove_user(
        &self,
        user: &UserId,
        placement: Option<Placement>,
        cx: &Context<'_>,
    ) -> Result<Decision, Rejected> {
        let oneself = cx.by.is_some_and(|by| by.user == *user);
        // Removing oneself is always allowed (spec v3.0, 5.2).
        self.may(cx, if oneself { Need::Read } else { Need::WriteMeta })?;
        self.active_thread().ok_or(Rejected::Inactive)?;
        let UserId::Agent(agent) = user else { return Err(Rejected::CustomerFixed) };
        if !self.is_present(user) {
            return Err(Rejected::NotFound(Resource::User));
        }
        let by = cx.by.map(|principal| principal.user.clone());
        let initiator = by.as_ref().map(|by| Self::shown_name(by, cx));
        let name = Self::shown_name(user, cx);
        let mut draft = self.draft(cx.now);
        draft.add(Change::MemberRemoved { user: user.clone(), by });
        draft.post(system::removed(&name, initiator.as_deref()), None);
        self.pass_on(agent, Cause::Left, placement, cx, &mut draft)?;
        Ok(draft.done())
    }

    pub(super) fn reassign(
        &self,
        from: &AgentId,
        why: Departure,
        gone_since: Option<Timestamp>,
        placement: Option<Placement>,
        cx: &Context<'_>,
    ) -> Result<Decision, Rejected> {
        let user = UserId::Agent(from.clone());
        let came = self.agents_since().find(|(agent, _)| *agent == from).map(|(_, came)| came);
        let stays = came.is_none_or(|came| gone_since.is_some_and(|gone| gone < came));
        if self.active_thread().is_none() || stays {
            return Ok(Decision::default());
        }
        let mut draft = self.draft(cx.now);
        draft.add(Change::MemberRemoved { user, by: None });
        self.pass_on(from, Cause::Gone(why), placement, cx, &mut draft)?;
        Ok(draft.done())
    }

    /// Who has the chat after `leaver` left: another agent who is there, or the router's choice.
    pub(super) fn pass_on(
        &self,
        leaver: &AgentId,
        cause: Cause,
        placement: Option<Placement>,
        cx: &Context<'_>,
        draft: &mut Draft,
    ) -> Result<(), Rejected> {
        if self.assignment != Assignment::Held(leaver.clone()) {
            return Ok(());
        }
        let other = self.present_agents().find(|a| *a != leaver && !cx.license.is_bot(a));
        if let Some(other) = other {
            draft.add(Change::Assigned(Assignment::Held(other.clone())));
            if let Cause::Inactive(_) = cause {
                draft.post(Self::taken_over(cause, other, leaver, cx), None);
            }
            return Ok(());
        }
        let Some(placement) = placement else {
            return Err(PlacementNeed { exclude: vec![leaver.clone()], ..self.need() }.into());
        };
        let gone = Self::shown_name(&UserId::Agent(leaver.clone()), cx);
        if let Placement::Refused(_) = placement {
            // Leaving is always allowed: with nobody to take over, the thread ends (spec v3.0, 10.2).
            draft.post(system::archived(cause, &gone), None);
            draft.add(Change::ThreadClosed { by: None });
            return Ok(());
        }
        let (assignment, _) = Self::placed(placement, cx)?;
        let message = match &assignment {
            Assignment::Held(agent) => {
                let user = UserId::Agent(agent.clone());
                if !self.is_present(&user) {
                    draft.add(Change::MemberAdded { user, by: None });
                }
                Self::taken_over(cause, agent, leaver, cx)
            }
            _ => {
                if let Cause::Inactive(_) = cause {
                    draft.add(Change::PassedOver(leaver.clone()));
                }
                system::deprived(cause, &gone)
            }
        };
        draft.add(Change::Assigned(assignment));
        draft.post(message, None);
        Ok(())
    }

    fn taken_over(cause: Cause, added: &AgentId, removed: &AgentId, cx: &Context<'_>) -> NewEvent {
        let name = |agent: &AgentId| Self::shown_name(&UserId::Agent(agent.clone()), cx);
        system::reassigned(cause, &name(added), &name(removed))
    }

    pub(super) fn assign(&self, agent: &AgentId, cx: &Context<'_>) -> Result<Decision, Rejected> {
        self.active_thread().ok_or(Rejected::Inactive)?;
        if self.is_held_by(agent) {
            return Ok(Decision::default());
        }
        if self.waiting_since().is_none() {
            return Err(Rejected::AlreadyActive);
        }
        let user = UserId::Agent(agent.clone());
        let name = cx.license.name(&user).ok_or(Rejected::NotFound(Resource::User))?;
        let mut draft = self.draft(cx.now);
        if !self.is_present(&user) {
            draft.add(Change::MemberAdded { user, by: None });
        }
        draft.add(Change::Assigned(Assignment::Held(agent.clone())));
        draft.post(system::assigned(&name), None);
        Ok(draft.done())
    }

    pub(super) fn end_unserved(&self, cx: &Context<'_>) -> Decision {
        // Only a queue comes to its end: what was left waiting when nobody was there goes on.
        if !matches!(self.assignment, Assignment::Queued(_)) || self.continuous {
            return Decision::default();
        }
        let mut draft = self.draft(cx.now);
        draft.post(system::archived_offline(), None);
        draft.add(Change::ThreadClosed { by: None });
        draft.done()
    }

    /// What the router's word makes of a chat, and what is said about it.
    pub(super) fn placed(
        placement: Placement,
        cx: &Context<'_>,
    ) -> Result<(Assignment, Option<NewEvent>), Rejected> {
        match placement {
            Placement::Assigned(agent) => {
                let name = cx.license.name(&UserId::Agent(agent.clone()));
                let message = system::assigned(&name.unwrap_or_else(|| Arc::from(agent.as_str())));
                Ok((Assignment::Held(agent), Some(message)))
            }
            Placement::Queued { .. } => Ok((Assignment::Queued(cx.placed_at), Some(system::unassigned()))),
            Placement::Unassigned => Ok((Assignment::Unassigned(cx.placed_at), Some(system::unassigned()))),
            Placement::Refused(Refusal::GroupOffline) => Err(Rejected::GroupOffline),
            Placement::Refused(Refusal::GroupUnavailable) => Err(Rejected::GroupUnavailable),
        }
    }
}
