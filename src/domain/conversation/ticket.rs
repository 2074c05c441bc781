//! What a help desk keeps of a conversation beyond the chat itself, and the status that it shows: not
//! kept, but read off the assignment, so that both can never differ.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::conversation::apply::Applied;
use crate::conversation::command::{OpenThread, StatusChange, TicketChange};
use crate::conversation::decide::{Context, Decision, Need};
use crate::conversation::event::{Event, Visibility, within};
use crate::conversation::fact::Change;
use crate::conversation::properties::Reader;
use crate::conversation::push::{Push, TicketPart, Told};
use crate::conversation::state::{Assignment, Conversation};
use crate::conversation::system;
use crate::error::{PlacementNeed, Rejected};
use crate::id::{AgentId, ThreadId, UserId};
use crate::limits::{
    ATTRIBUTES_BYTES, LABELS_PER_CONVERSATION, MESSAGE_MINUTE, MESSAGES_PER_MINUTE, TAG_CHARS,
};
use crate::routing::Placement;
use crate::time::Timestamp;

/// How a conversation stands, as a help desk counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// With people: somebody has it, or it waits for somebody.
    Open,
    /// Over, until somebody writes again.
    Resolved,
    /// With a bot.
    Pending,
    /// Put aside.
    Snoozed,
}

impl Status {
    /// Every status there is.
    pub const ALL: [Self; 4] = [Self::Open, Self::Resolved, Self::Pending, Self::Snoozed];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolved => "resolved",
            Self::Pending => "pending",
            Self::Snoozed => "snoozed",
        }
    }
}

/// How much haste a conversation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Urgency {
    /// The least.
    Low,
    /// Some.
    Medium,
    /// More.
    High,
    /// The most.
    Urgent,
}

impl Urgency {
    /// From the least to the most.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Urgent];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Urgent => "urgent",
        }
    }
}

/// What a help desk keeps of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The contact's entry that it came in by; 0 when by none.
    pub entry: u64,
    /// Haste.
    pub urgency: Option<Urgency>,
    /// Labels, in the order given.
    pub labels: Vec<Box<str>>,
    /// One JSON object's text, of the desk's own making.
    pub custom_attributes: Box<str>,
    /// One JSON object's text: where the conversation came from.
    pub additional_attributes: Box<str>,
    /// The team that it belongs to.
    pub team: Option<u64>,
    /// The customer is not answered any more.
    pub muted: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed in any way.
    pub updated_at: Timestamp,
    /// Since when the customer waits for an answer.
    pub waiting_since: Option<Timestamp>,
    /// When a human agent first answered.
    pub first_reply_at: Option<Timestamp>,
    /// When the last minute of messages was begun to be counted, and how many it has.
    #[serde(default)]
    pub minute: (Timestamp, u32),
    /// Up to when the customer said that it has seen everything; writing says nothing of that here.
    #[serde(default)]
    pub customer_saw: Option<Timestamp>,
    /// Who watches it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub watchers: BTreeSet<AgentId>,
}

impl Default for Ticket {
    fn default() -> Self {
        Self {
            entry: 0,
            urgency: None,
            labels: Vec::new(),
            custom_attributes: "{}".into(),
            additional_attributes: "{}".into(),
            team: None,
            muted: false,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
            waiting_since: None,
            first_reply_at: None,
            minute: (Timestamp::default(), 0),
            customer_saw: None,
            watchers: BTreeSet::new(),
        }
    }
}

impl Ticket {
    /// Checks the bounds.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub fn check(&self) -> Result<(), Rejected> {
        within("labels", self.labels.len(), LABELS_PER_CONVERSATION, "labels")?;
        for label in &self.labels {
            within("labels", label.chars().count(), TAG_CHARS, "characters")?;
        }
        within("custom_attributes", self.custom_attributes.len(), ATTRIBUTES_BYTES, "bytes")?;
        within("additional_attributes", self.additional_attributes.len(), ATTRIBUTES_BYTES, "bytes")
    }

    /// The ticket with some fields changed, checked.
    fn changed(&self, change: TicketChange, may_watch: impl Fn(&AgentId) -> bool) -> Result<Self, Rejected> {
        let watchers =
            change.watching.map(|watching| watching.after(&self.watchers, may_watch)).transpose()?;
        let ticket = Self {
            watchers: watchers.unwrap_or_else(|| self.watchers.clone()),
            urgency: change.urgency.unwrap_or(self.urgency),
            labels: change.labels.unwrap_or_else(|| self.labels.clone()),
            custom_attributes: change.custom_attributes.unwrap_or_else(|| self.custom_attributes.clone()),
            additional_attributes: change
                .additional_attributes
                .unwrap_or_else(|| self.additional_attributes.clone()),
            team: change.team.unwrap_or(self.team),
            muted: change.muted.unwrap_or(self.muted),
            ..self.clone()
        };
        ticket.check()?;
        Ok(ticket)
    }
}

impl Conversation {
    /// How it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        if self.active_thread().is_none() {
            return Status::Resolved;
        }
        match &self.assignment {
            Assignment::Held(agent) if agent.names_a_bot() => Status::Pending,
            Assignment::BotsTurn => Status::Pending,
            Assignment::Parked(_) => Status::Snoozed,
            _ => Status::Open,
        }
    }

    /// What a help desk keeps of it, when one does.
    #[must_use]
    pub fn ticket(&self) -> Option<&Ticket> {
        self.ticket.as_deref()
    }

    pub(super) fn change_ticket(&self, change: TicketChange, cx: &Context<'_>) -> Result<Decision, Rejected> {
        self.may(cx, Need::WriteMeta)?;
        let old = self.ticket.as_deref().cloned().unwrap_or_default();
        let ticket = old.changed(change, |agent| self.may_watch(agent, cx))?;
        let mut draft = self.draft(cx.now);
        if ticket == old {
            return Ok(draft.done());
        }
        // Who is not answered any more need not be served any more.
        let ends = ticket.muted && !old.muted && self.active_thread().is_some();
        draft.add(Change::TicketChanged(Box::new(ticket)));
        if ends {
            draft.add(Change::ThreadClosed { by: cx.by.map(|principal| principal.user.clone()) });
        }
        Ok(draft.done())
    }

    /// Makes the conversation stand otherwise. Whoever had it and does not go on with it leaves it.
    pub(super) fn set_status(
        &self,
        wanted: StatusChange,
        thread: ThreadId,
        placement: Option<Placement>,
        cx: &Context<'_>,
    ) -> Result<Decision, Rejected> {
        self.may(cx, Need::WriteMeta)?;
        let now = self.status();
        if wanted.from.is_some_and(|from| from != now) {
            return Ok(Decision::default());
        }
        let again = now == wanted.status && !matches!(wanted, StatusChange { until: Some(_), .. });
        if again {
            return Ok(Decision::default());
        }
        if wanted.status != Status::Resolved && Self::reader(cx) == Reader::Customer {
            // A customer may end what it began, and begins anew by writing.
            return Err(Rejected::NoAccess);
        }
        if wanted.status == Status::Resolved {
            return self.close(false, cx);
        }
        let assignment = self.assignment_for(wanted, placement, cx)?;
        let mut draft = self.draft(cx.now);
        let by = cx.by.map(|principal| principal.user.clone());
        if self.active_thread().is_none() {
            let open = OpenThread::blank(thread);
            self.push_opened(open, self.customer, self.access.clone(), assignment, cx, &mut draft);
            return Ok(draft.done());
        }
        self.take_over(assignment, by.as_ref(), &mut draft);
        if let Some(why) = wanted.why {
            draft.post(system::told(why), None);
        }
        Ok(draft.done())
    }

    /// Who has the conversation once it stands like that.
    fn assignment_for(
        &self,
        wanted: StatusChange,
        placement: Option<Placement>,
        cx: &Context<'_>,
    ) -> Result<Assignment, Rejected> {
        let pending = self.status() == Status::Pending;
        Ok(match wanted.status {
            Status::Snoozed => Assignment::Parked(wanted.until.unwrap_or(Timestamp::NEVER)),
            Status::Pending => cx.license.bot_of(&self.access).map_or(Assignment::BotsTurn, Assignment::Held),
            // A person who takes a conversation from a bot has it.
            _ => match (cx.by.filter(|by| !by.bot && pending).and_then(|by| by.agent()), placement) {
                (Some(agent), _) => Assignment::Held(agent.clone()),
                (None, Some(placement)) => Self::given(placement, cx),
                (None, None) => {
                    let exclude = self.holder().cloned().into_iter().collect();
                    return Err(PlacementNeed { exclude, ..self.need() }.into());
                }
            },
        })
    }

    /// What the router's word makes of a conversation that goes on whoever is there.
    pub(super) fn given(placement: Placement, cx: &Context<'_>) -> Assignment {
        match placement {
            Placement::Assigned(agent) => Assignment::Held(agent),
            Placement::Queued { .. } => Assignment::Queued(cx.placed_at),
            Placement::Unassigned | Placement::Refused(_) => Assignment::Unassigned(cx.placed_at),
        }
    }

    /// Everybody but the new holder leaves, and that one comes.
    pub(super) fn take_over(
        &self,
        assignment: Assignment,
        by: Option<&UserId>,
        draft: &mut crate::conversation::decide::Draft,
    ) {
        let holder = if let Assignment::Held(agent) = &assignment { Some(agent.clone()) } else { None };
        let others = self.present_agents().filter(|agent| holder.as_ref() != Some(*agent));
        for agent in others.cloned().collect::<Vec<AgentId>>() {
            draft.add(Change::MemberRemoved { user: UserId::Agent(agent), by: by.cloned() });
        }
        if let Some(agent) = holder.filter(|agent| !self.is_present(&UserId::Agent(agent.clone()))) {
            draft.add(Change::MemberAdded { user: UserId::Agent(agent), by: by.cloned() });
        }
        draft.add(Change::Assigned(assignment));
    }

    /// Nobody has it any more; routing may give it to somebody else.
    pub(super) fn unassign(&self, cx: &Context<'_>) -> Result<Decision, Rejected> {
        self.may(cx, Need::WriteMeta)?;
        let mut draft = self.draft(cx.now);
        let by = cx.by.map(|principal| principal.user.clone());
        let held = self.holder().is_some_and(|agent| !agent.names_a_bot());
        if held && self.active_thread().is_some() {
            self.take_over(Assignment::Unassigned(cx.now), by.as_ref(), &mut draft);
        }
        Ok(draft.done())
    }

    /// The customer writes to a conversation that was put aside: it goes on.
    pub(super) fn wakes(&self, event_visible: bool, cx: &Context<'_>) -> bool {
        Self::is_customer(cx) && event_visible && matches!(self.assignment, Assignment::Parked(_))
    }

    /// A customer who is not answered any more, here or anywhere, opens nothing by writing.
    pub(super) fn is_unanswered(&self, cx: &Context<'_>) -> bool {
        let blocked = || self.customer.is_some_and(|customer| cx.license.is_blocked(customer));
        self.ticket.as_deref().is_some_and(|ticket| ticket.muted || (Self::is_customer(cx) && blocked()))
    }

    /// Its inbox wants another conversation for whatever the customer has to say after the end.
    pub(super) fn is_over(&self, cx: &Context<'_>) -> bool {
        self.ticket.is_some() && Self::is_customer(cx) && !cx.license.reopens(&self.access)
    }

    fn is_customer(cx: &Context<'_>) -> bool {
        cx.by.is_some_and(|by| by.agent().is_none())
    }

    /// Two bots that answer one another would never end.
    pub(super) fn brake(&self, now: Timestamp) -> Result<(), Rejected> {
        let Some(Ticket { minute: (since, count), .. }) = self.ticket.as_deref() else { return Ok(()) };
        let left = MESSAGE_MINUTE.saturating_sub(now.since(*since));
        if *count >= MESSAGES_PER_MINUTE && !left.is_zero() { Err(Rejected::Blocked(left)) } else { Ok(()) }
    }

    /// A person who answers a conversation that a bot has takes it.
    pub(super) fn is_with_bot(&self) -> bool {
        self.ticket.is_some() && self.status() == Status::Pending
    }

    pub(super) fn ticket_changed(&mut self, ticket: &Ticket, at: Timestamp, told: &mut Vec<Told>) {
        let before = self.ticket.as_ref().and_then(|before| before.team);
        self.ticket = Some(Box::new(Ticket { updated_at: at, ..ticket.clone() }));
        let part = if before == ticket.team { TicketPart::Rest } else { TicketPart::Team };
        let push = Push::TicketChanged { chat: self.id, part };
        told.push(self.tell_keyed(push, None));
    }

    /// Keeps count of who waits for whom.
    pub(super) fn note_answer(&mut self, event: &Event) {
        let Some(ticket) = self.ticket.as_deref_mut() else { return };
        ticket.updated_at = event.created_at;
        if event.created_at.since(ticket.minute.0) >= MESSAGE_MINUTE {
            ticket.minute = (event.created_at, 0);
        }
        ticket.minute.1 += 1;
        match &event.author {
            _ if event.visibility == Visibility::Agents => {}
            Some(UserId::Customer(_)) => {
                ticket.waiting_since = ticket.waiting_since.or(Some(event.created_at));
            }
            Some(UserId::Agent(agent)) => {
                ticket.waiting_since = None;
                if !agent.names_a_bot() {
                    ticket.first_reply_at = ticket.first_reply_at.or(Some(event.created_at));
                }
            }
            None => {}
        }
    }

    /// The customer has looked.
    pub(super) fn note_seen(&mut self, user: &UserId, up_to: Timestamp) {
        if let (Some(ticket), UserId::Customer(_)) = (self.ticket.as_deref_mut(), user) {
            ticket.customer_saw = ticket.customer_saw.max(Some(up_to));
        }
    }

    /// Tells how the conversation stands now when that is something else than before.
    pub(super) fn tell_status(&mut self, before: &Applied, at: Timestamp, told: &mut Vec<Told>) {
        let now = self.status();
        let holds = self.ticket_holder() == before.holder;
        let Some(ticket) = self.ticket.as_deref_mut() else { return };
        if now == Status::Resolved {
            ticket.waiting_since = None;
        }
        if before.threads > 0 && before.status != now {
            ticket.updated_at = at;
            let push = Push::StatusChanged { chat: self.id, from: before.status, to: now };
            told.push(self.tell_keyed(push, None));
        }
        // Nobody has what is over: that is said already.
        if before.threads > 0 && !holds && now != Status::Resolved {
            let push = Push::TicketChanged { chat: self.id, part: TicketPart::Holder };
            told.push(self.tell_keyed(push, None));
        }
    }

    /// Who has it, when it is a desk's.
    pub(super) fn ticket_holder(&self) -> Option<AgentId> {
        self.ticket.as_ref()?;
        self.holder().filter(|_| self.active_thread().is_some()).cloned()
    }
}
