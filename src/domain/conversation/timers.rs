//! What time alone changes: a chat whose holder does not look, one that went quiet, one whose
//! silence is final. Source: spec v3.0, 10.2 and 12 #17; the times are settings, 0 switches one off.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::conversation::decide::{Context, Decision};
use crate::conversation::event::{Event, EventKind};
use crate::conversation::fact::Change;
use crate::conversation::membership::Cause;
use crate::conversation::state::Conversation;
use crate::conversation::system;
use crate::error::Rejected;
use crate::id::UserId;
use crate::participant::settings::Timers;
use crate::routing::Placement;
use crate::time::Timestamp;

/// What time alone does to a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deadline {
    /// The holder has not seen the customer's last message in time: somebody else gets the chat.
    Unseen,
    /// Nothing was said for a while: the chat is marked idle.
    Idle,
    /// Seen, and nothing was said for long: the thread is closed.
    Silent,
}

/// What the timers look at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pulse {
    /// When something was last said in the active thread, or it was opened.
    said_at: Timestamp,
    /// Since when its holder has it.
    pub(super) held_since: Timestamp,
    /// The customer's last event in the active thread.
    spoke_at: Option<Timestamp>,
    /// The customer's first event that the holder has not seen, as far as the last one told.
    unseen_from: Timestamp,
    /// Marked idle.
    pub(super) idle: bool,
}

impl Pulse {
    /// Of a thread that was just opened.
    pub(super) fn opened(at: Timestamp) -> Self {
        Self { said_at: at, held_since: at, ..Self::default() }
    }
}

impl Conversation {
    /// When time alone changes the chat next, and how. `running_since`: nobody could look at it
    /// while we were down, so the holder's time begins anew with the process (design D15).
    #[must_use]
    pub fn next_deadline(&self, timers: Timers, running_since: Timestamp) -> Option<(Timestamp, Deadline)> {
        self.active_thread()?;
        let Pulse { said_at, held_since, idle, .. } = self.pulse;
        // A head from before there were timers knows only of its last activity.
        let said_at = if said_at == Timestamp::default() { self.last_activity } else { said_at };
        let unseen = self.unseen_since();
        let seen = self.holder().is_some() && unseen.is_none();
        let all = [
            unseen.map(|since| (since.max(running_since), timers.unseen, Deadline::Unseen)),
            (!idle).then_some((said_at, timers.idle, Deadline::Idle)),
            seen.then_some((said_at.max(held_since), timers.silent, Deadline::Silent)),
        ];
        let on = all.into_iter().flatten().filter(|(_, seconds, _)| *seconds > 0);
        on.map(|(since, seconds, what)| (since.plus(Duration::from_secs(seconds.into())), what)).min()
    }

    /// Since when the holder owes the customer a look.
    fn unseen_since(&self) -> Option<Timestamp> {
        self.unseen_from().map(|from| from.max(self.pulse.held_since))
    }

    /// The customer's first event that the holder has not seen; the last one, when a marker between
    /// them leaves open which.
    fn unseen_from(&self) -> Option<Timestamp> {
        let Pulse { spoke_at, unseen_from, .. } = self.pulse;
        let (spoke_at, seen) = (spoke_at?, self.seen_by_holder()?);
        (seen < spoke_at).then_some(if seen < unseen_from { unseen_from } else { spoke_at })
    }

    /// Up to when the holder has seen the chat; `None` without a holder.
    fn seen_by_holder(&self) -> Option<Timestamp> {
        let holder = self.holder()?;
        let member = self.members.iter().find(|member| member.user.agent() == Some(holder));
        Some(member.and_then(|member| member.seen_at).unwrap_or_default())
    }

    /// Something was said. What the engine tells is nothing said, and neither is an annotation,
    /// which never prolongs a thread (spec v3.0, 4.5).
    pub(super) fn note_said(&mut self, event: &Event) {
        if matches!(event.body.kind(), EventKind::System | EventKind::Annotation) {
            return;
        }
        if matches!(event.author, Some(UserId::Customer(_))) {
            // However often the customer asks, the holder's time runs from the first question.
            self.pulse.unseen_from = self.unseen_from().unwrap_or(event.created_at);
            self.pulse.spoke_at = Some(event.created_at);
        }
        self.pulse.said_at = event.created_at;
        self.pulse.idle = false;
    }

    /// What is due; nothing when something was quicker.
    pub(super) fn due(
        &self,
        running_since: Timestamp,
        placement: Option<Placement>,
        cx: &Context<'_>,
    ) -> Result<Decision, Rejected> {
        let timers = cx.license.settings(&self.access).timers;
        let due = self.next_deadline(timers, running_since).filter(|(at, _)| *at <= cx.now);
        let mut draft = self.draft(cx.now);
        match due {
            None => {}
            Some((_, Deadline::Unseen)) => {
                if let Some(holder) = self.holder() {
                    let user = UserId::Agent(holder.clone());
                    draft.add(Change::MemberRemoved { user, by: None });
                    self.pass_on(holder, Cause::Inactive(timers.unseen), placement, cx, &mut draft)?;
                }
            }
            Some((_, Deadline::Idle)) => {
                draft.add(Change::WentIdle);
                draft.post(system::idle(timers.idle), None);
            }
            Some((_, Deadline::Silent)) => {
                draft.post(system::archived_inactive(timers.silent), None);
                draft.add(Change::ThreadClosed { by: None });
            }
        }
        Ok(draft.done())
    }
}
