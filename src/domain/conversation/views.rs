//! Copies of the state for those who look at it.

use std::sync::Arc;

use crate::conversation::amended::amend;
use crate::conversation::event::{Event, EventKind};
use crate::conversation::properties::{Properties, PropertyValue};
use crate::conversation::state::{Assignment, Conversation, ThreadHead};
use crate::conversation::ticket::Ticket;
use crate::conversation::view::{ChatView, DeskView, LastEvent, Summary, Talk, ThreadLine, ThreadView};
use crate::error::PlacementNeed;
use crate::id::{AgentId, GroupId, ThreadId, UserId};
use crate::routing::{ConversationSeat, Waiting};
use crate::time::Timestamp;

impl Conversation {
    /// The conversation without events.
    #[must_use]
    pub fn chat_view(&self) -> ChatView {
        ChatView {
            id: self.id,
            customer: self.customer,
            members: self.members.clone(),
            access: self.access.clone(),
            properties: self.with_routing(&self.properties),
            followers: self.followers.clone(),
            last_activity: self.last_activity,
            active: self.active_thread().is_some(),
            number: self.number,
            desk: self.ticket.as_ref().map(|ticket| Arc::new(self.desk_view(ticket))),
        }
    }

    fn desk_view(&self, ticket: &Ticket) -> DeskView {
        let until = match &self.assignment {
            Assignment::Parked(until) if *until != Timestamp::NEVER => Some(*until),
            _ => None,
        };
        let newest = |of: &std::collections::BTreeMap<EventKind, LastEvent>| {
            let said = of.iter().filter(|(kind, _)| **kind != EventKind::System);
            said.map(|(_, last)| &last.event).max_by_key(|event| event.created_at).cloned()
        };
        let (last, said) = (newest(&self.last_events), newest(&self.last_visible));
        let holder = self.ticket_holder();
        let seen_by = |who: &dyn Fn(&UserId) -> bool| {
            self.members.iter().filter(|member| who(&member.user)).filter_map(|member| member.seen_at).max()
        };
        let person = seen_by(&|user| user.agent().is_some_and(|agent| !agent.names_a_bot()));
        let customers = |event: &&Arc<Event>| matches!(event.author, Some(UserId::Customer(_)));
        let unread =
            self.tail.iter().filter(customers).filter(|event| Some(event.created_at) > person).count();
        let seen = [
            ticket.customer_saw,
            person,
            seen_by(&|user| user.agent().is_some() && user.agent() == holder.as_ref()),
        ];
        let unread = u32::try_from(unread).unwrap_or(u32::MAX);
        DeskView { ticket: ticket.clone(), status: self.status(), holder, until, last, said, unread, seen }
    }

    /// The last thread; with its events, as far as they are in memory, when asked for.
    pub(super) fn last_thread_view(&self, with_events: bool) -> Option<ThreadView> {
        let thread = self.threads.last()?;
        let mut events = Vec::new();
        if with_events {
            events.extend(self.events_in_memory(thread.id));
        }
        Some(self.thread_view(thread, events))
    }

    /// The last thread with the events of its tail: the newest ones, as many whatever was stored.
    pub(super) fn newest_view(&self) -> Option<ThreadView> {
        self.threads.last().map(|thread| self.thread_view(thread, self.tail.clone()))
    }

    fn events_in_memory(&self, thread: ThreadId) -> impl Iterator<Item = Arc<Event>> + '_ {
        let chunks = self.unsaved.iter().filter(move |chunk| chunk.thread == thread);
        let last = self.threads.last().is_some_and(|t| t.id == thread);
        let tail = self.tail.iter().filter(move |_| last);
        chunks.flat_map(|chunk| &chunk.events).chain(tail).cloned()
    }

    fn thread_view(&self, thread: &ThreadHead, mut events: Vec<Arc<Event>>) -> ThreadView {
        amend(&mut events, &self.amended);
        for event in events.iter_mut().filter(|event| !event.is_said_by(self.customer)) {
            *event = Arc::clone(event).said_by(self.customer);
        }
        let last = self.threads.last().is_some_and(|t| t.id == thread.id);
        ThreadView {
            id: thread.id,
            order: thread.order,
            created_at: thread.created_at,
            active: thread.closed_at.is_none(),
            users: thread.users.clone(),
            events,
            properties: if last { self.with_routing(&thread.properties) } else { thread.properties.clone() },
            tags: thread.tags.clone(),
        }
    }

    /// The routing states are properties of the last thread, mirrored on the chat (spec v3.0, 10.2).
    fn with_routing(&self, properties: &Properties) -> Properties {
        let mut all = properties.clone();
        let waits = self.waiting_since().is_some();
        all.set("routing", "unassigned", PropertyValue::Bool(waits));
        all.set("routing", "idle", PropertyValue::Bool(self.pulse.idle));
        if self.continuous {
            all.set("routing", "continuous", PropertyValue::Bool(true));
        }
        all
    }

    /// The conversation's line in a list.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let customer = self.customer.map(UserId::Customer);
        let seen = self.members.iter().find(|m| Some(&m.user) == customer.as_ref()).and_then(|m| m.seen_at);
        let newest = self.last_visible.values().map(|last| last.event.created_at).max();
        Summary {
            chat: self.chat_view(),
            last_thread: self.last_thread_view(false),
            last_events: self.last_events.iter().map(|(kind, last)| (*kind, last.clone())).collect(),
            last_visible: self.last_visible.iter().map(|(kind, last)| (*kind, last.clone())).collect(),
            unread_by_customer: newest > seen,
        }
    }

    /// What it adds to its customer's statistics.
    #[must_use]
    pub fn talk(&self) -> Talk {
        Talk {
            threads: u32::try_from(self.threads.len()).unwrap_or(u32::MAX),
            agent_spoke_at: self.agent_spoke_at,
            customer_spoke_at: self.customer_spoke_at,
        }
    }

    /// Every thread in one line, oldest first.
    #[must_use]
    pub fn thread_lines(&self) -> Vec<ThreadLine> {
        let line = |t: &ThreadHead| ThreadLine {
            id: t.id,
            order: t.order,
            events: t.events,
            visible_events: t.visible_events,
            active: t.closed_at.is_none(),
        };
        self.threads.iter().map(line).collect()
    }

    /// What must be loaded from storage to show a thread: its number of stored chunks; `None`
    /// when there is no such thread.
    #[must_use]
    pub fn stored_chunks(&self, thread: ThreadId) -> Option<u32> {
        let head = self.threads.iter().find(|t| t.id == thread)?;
        let unsaved = self.unsaved.iter().filter(|chunk| chunk.thread == thread).count();
        Some(head.chunks.saturating_sub(u32::try_from(unsaved).unwrap_or(u32::MAX)))
    }

    /// A thread in full, given the events of its stored chunks.
    #[must_use]
    pub fn thread(&self, thread: ThreadId, stored: Vec<Arc<Event>>) -> Option<ThreadView> {
        let head = self.threads.iter().find(|t| t.id == thread)?;
        let mut events = stored;
        events.extend(self.events_in_memory(thread));
        Some(self.thread_view(head, events))
    }

    /// What the router has to know, in full (design, section 5); whether it is being asked, its
    /// caller knows.
    #[must_use]
    pub fn seat(&self) -> ConversationSeat {
        let active = self.active_thread().is_some();
        let present: Vec<AgentId> =
            if active { self.present_agents().cloned().collect() } else { Vec::new() };
        ConversationSeat {
            conversation: self.id,
            version: self.version,
            groups: self.access.groups.iter().copied().collect(),
            present,
            waiting: self.waiting_since().map(|since| Waiting {
                since,
                exclude: self.let_go_by.iter().cloned().collect(),
                team: self.team(),
            }),
            asking: false,
        }
    }

    /// What a free agent has to be for it to be given to.
    pub(super) fn need(&self) -> PlacementNeed {
        self.need_in(self.access.groups.iter().copied())
    }

    /// The same in other groups.
    pub(super) fn need_in(&self, groups: impl IntoIterator<Item = GroupId>) -> PlacementNeed {
        PlacementNeed { team: self.team(), ..PlacementNeed::of(groups) }
    }

    /// The team that it belongs to, when it is a desk's.
    fn team(&self) -> Option<u64> {
        self.ticket.as_ref().and_then(|ticket| ticket.team)
    }

    /// Who holds the chat, if somebody does.
    #[must_use]
    pub const fn holder(&self) -> Option<&AgentId> {
        if let Assignment::Held(agent) = &self.assignment { Some(agent) } else { None }
    }

    /// Does this agent hold the chat?
    #[must_use]
    pub fn is_held_by(&self, agent: &AgentId) -> bool {
        self.holder() == Some(agent)
    }
}
