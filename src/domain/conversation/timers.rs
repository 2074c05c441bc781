//! What time alone changes: a chat whose holder does not look, one that went quiet, one whose
//! silence is final, one whose customer is gone. Source: spec v3.0, 10.2 and 12 #17; the times are
//! settings, 0 switches one off.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::conversation::decide::{Context, Decision, Lookup};
use crate::conversation::event::{Event, EventKind};
use crate::conversation::fact::Change;
use crate::conversation::membership::Cause;
use crate::conversation::state::{Assignment, Conversation};
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
    /// The customer left the site, and did not come back: the thread is closed.
    CustomerLeft,
    /// What was put aside comes back.
    PutOff,
}

/// What deadlines depend on besides the chat itself.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings {
    /// How long each thing may last.
    pub timers: Timers,
    /// Since when the process runs. Nobody could look at the chat before, or come back to it: such
    /// times begin anew then (design D15).
    pub running_since: Timestamp,
    /// [`Lookup::customer_left`] of the chat's customer; looked up only where it ends chats.
    pub customer_left: Option<Timestamp>,
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
    /// When time alone changes the chat next, and how.
    #[must_use]
    pub fn next_deadline(&self, around: Surroundings) -> Option<(Timestamp, Deadline)> {
        let Surroundings { timers, running_since, customer_left } = around;
        let opened_at = self.active_thread()?.created_at;
        if self.ticket.is_some() {
            // A help desk's conversation has as much time as it takes.
            return match self.assignment {
                Assignment::Parked(until) if until != Timestamp::NEVER => Some((until, Deadline::PutOff)),
                _ => None,
            };
        }
        let Pulse { said_at, held_since, idle, .. } = self.pulse;
        // A head from before there were timers knows only of its last activity.
        let said_at = if said_at == Timestamp::default() { self.last_activity } else { said_at };
        let unseen = self.unseen_since();
        let seen = self.holder().is_some() && unseen.is_none();
        let all = [
            unseen.map(|since| (since.max(running_since), timers.unseen, Deadline::Unseen)),
            (!idle).then_some((said_at, timers.idle, Deadline::Idle)),
            seen.then_some((said_at.max(held_since), timers.silent, Deadline::Silent)),
            customer_left
                .map(|left| left.max(running_since))
                // One that was not there when the thread was opened did not leave it.
                .filter(|left| *left > opened_at)
                // Whoever writes without a connection is not gone.
                .map(|left| left.max(self.pulse.spoke_at.unwrap_or_default()))
                .map(|left| (left, timers.customer_left, Deadline::CustomerLeft)),
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

    /// What the chat's deadlines depend on besides itself.
    pub fn surroundings(&self, license: &dyn Lookup, running_since: Timestamp) -> Surroundings {
        let timers = license.settings(&self.access).timers;
        let customer = self.customer.filter(|_| timers.customer_left > 0);
        let customer_left = customer.and_then(|customer| license.customer_left(customer));
        Surroundings { timers, running_since, customer_left }
    }

    /// What is due; nothing when something was quicker.
    pub(super) fn due(
        &self,
        running_since: Timestamp,
        placement: Option<Placement>,
        cx: &Context<'_>,
    ) -> Result<Decision, Rejected> {
        let around = self.surroundings(cx.license, running_since);
        let timers = around.timers;
        let due = self.next_deadline(around).filter(|(at, _)| *at <= cx.now);
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
            Some((_, Deadline::PutOff)) => match placement {
                Some(placement) => self.take_over(Self::given(placement, cx), None, &mut draft),
                None => return Err(self.need().into()),
            },
            Some((_, Deadline::CustomerLeft)) => {
                let name = self.customer.map(UserId::Customer).map(|user| Self::shown_name(&user, cx));
                draft.post(system::customer_gone(name.as_deref().unwrap_or_default()), None);
                draft.add(Change::ThreadClosed { by: None });
            }
        }
        Ok(draft.done())
    }
}
