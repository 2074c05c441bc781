//! The only mutation: a fact changes the state and yields pushes. Cannot fail.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::conversation::access::Access;
use crate::conversation::amended::Amended;
use crate::conversation::event::{Event, EventKind};
use crate::conversation::fact::{Change, Fact};
use crate::conversation::properties::Properties;
use crate::conversation::push::{Address, Followers, Push, Told};
use crate::conversation::recent::Recent;
use crate::conversation::state::{Assignment, Chunk, Conversation, ThreadHead};
use crate::conversation::ticket::{Status, Ticket};
use crate::conversation::timers::Pulse;
use crate::conversation::view::{LastEvent, Member};
use crate::id::{AgentId, ConversationId, CustomerId, LicenseId, UserId};
use crate::limits::TAIL_BYTES;
use crate::time::Timestamp;

/// How a conversation stood before a fact.
#[derive(Debug, Clone)]
pub(super) struct Applied {
    /// Its threads.
    pub(super) threads: usize,
    /// Its status.
    pub(super) status: Status,
    /// Who had it, of a desk's.
    pub(super) holder: Option<AgentId>,
}

impl Conversation {
    /// A conversation to which nothing has happened.
    #[must_use]
    pub(super) fn blank(license: LicenseId, id: ConversationId, number: u64, epoch: u64) -> Self {
        Self {
            license,
            id,
            number,
            epoch,
            last_at: Timestamp::default(),
            last_activity: Timestamp::default(),
            version: 0,
            customer: None,
            members: Vec::new(),
            followers: BTreeSet::new(),
            access: Access::default(),
            continuous: false,
            properties: Properties::default(),
            assignment: Assignment::Idle,
            threads: Vec::new(),
            tail: Vec::new(),
            tail_bytes: 0,
            unsaved: Vec::new(),
            last_events: BTreeMap::new(),
            last_visible: BTreeMap::new(),
            deliveries: 0,
            let_go_by: None,
            amended: Amended::new(),
            customer_spoke_at: None,
            agent_spoke_at: None,
            pulse: Pulse::default(),
            keys: VecDeque::new(),
            recent: Recent::default(),
            ticket: None,
            former: Vec::new(),
        }
    }

    /// Makes a conversation from its first fact; `None` when that is not its creation.
    #[must_use]
    pub fn born(fact: &Fact) -> Option<Self> {
        let Change::Created { license, id, number, epoch } = fact.change else { return None };
        let mut conversation = Self::blank(license, id, number, epoch);
        conversation.touch(fact.at);
        Some(conversation)
    }

    /// Applies a fact and tells it.
    pub fn apply(&mut self, fact: &Fact, told: &mut Vec<Told>) {
        let before = told.len();
        let stood =
            Applied { threads: self.threads.len(), status: self.status(), holder: self.ticket_holder() };
        match &fact.change {
            Change::Created { .. } => {}
            Change::ThreadOpened { .. } => self.thread_opened(fact, told),
            Change::EventPosted(event) => {
                self.keep_event(event);
                self.note_said(event);
                self.note_answer(event);
                self.last_activity = fact.at;
                self.seen_by_author(event);
                self.tell_event(event, told);
                self.tell_mentioned(event, told);
            }
            Change::MemberAdded { user, .. } => {
                if let UserId::Customer(customer) = user {
                    self.customer = Some(*customer);
                }
                let member = self.add_member(user, fact.at);
                if let Some(thread) = self.threads.last_mut() {
                    if !thread.users.contains(user) {
                        thread.users.push(user.clone());
                    }
                    let push = Push::MemberAdded { chat: self.id, thread: thread.id, member };
                    told.push(self.tell_keyed(push, None));
                }
            }
            Change::MemberRemoved { user, by } => {
                let held = user.agent().filter(|agent| by.is_some() && self.is_held_by(agent));
                self.let_go_by = held.cloned().or_else(|| self.let_go_by.take());
                // Told to the one who leaves, too.
                let to = self.keyed_address(user.agent());
                for member in self.members.iter_mut().filter(|m| m.user == *user) {
                    member.present = false;
                }
                if let Some(thread) = self.threads.last() {
                    let push = Push::MemberRemoved { chat: self.id, thread: thread.id, user: user.clone() };
                    told.push(Told { push, to, main: true, seq: None });
                }
            }
            Change::Assigned(assignment) => {
                self.assignment = assignment.clone();
                if matches!(assignment, Assignment::Held(_)) {
                    self.pulse.held_since = fact.at;
                    self.let_go_by = None;
                }
            }
            Change::WentIdle => self.pulse.idle = true,
            Change::PassedOver(agent) => self.let_go_by = Some(agent.clone()),
            Change::KeyUsed { key, outcome } => self.key_used(*key, *outcome, fact.at),
            Change::Transferred { by, to, access } => self.transferred(by.as_ref(), to, access, told),
            Change::ThreadClosed { by } => {
                self.assignment = Assignment::Idle;
                self.pulse = Pulse::default();
                self.let_go_by = None;
                self.last_activity = fact.at;
                if let Some(thread) = self.threads.last_mut() {
                    thread.closed_at = Some(fact.at);
                    let push = Push::ThreadClosed { chat: self.id, thread: thread.id, by: by.clone() };
                    told.push(self.tell_keyed(push, None));
                }
            }
            Change::Tagged { thread, tag, .. } => self.tag_changed(*thread, tag, true, told),
            Change::Untagged { thread, tag, .. } => self.tag_changed(*thread, tag, false, told),
            Change::SeenUpTo { user, up_to } => {
                self.note_seen(user, *up_to);
                self.seen(user, *up_to, told);
            }
            Change::Followed(agent) => self.followed(agent, told),
            Change::Unfollowed(agent) => drop(self.followers.remove(agent)),
            Change::PropertiesChanged { place, change, event, .. } => {
                self.properties_changed(*place, change, event.as_ref(), told);
            }
            Change::PostbackSent { event, user, postback, toggled } => {
                self.postback_sent(event, user, postback, *toggled, told);
            }
            Change::AccessChanged { access, change, .. } => self.access_changed(access, change, told),
            Change::TicketChanged(ticket) => self.ticket_changed(ticket, fact.at, told),
            Change::EventAmended(event) => self.event_amended(event, told),
            Change::CustomerChanged { from, to } => self.customer_changed(*from, *to, told),
        }
        self.tell_status(&stood, fact.at, told);
        self.touch(fact.at);
        self.number_pushes(&mut told[before..]);
        Self::choose_main(told);
    }

    fn touch(&mut self, at: Timestamp) {
        self.last_at = self.last_at.max(at);
        self.version += 1;
    }

    fn thread_opened(&mut self, fact: &Fact, told: &mut Vec<Told>) {
        let Change::ThreadOpened {
            thread,
            customer,
            access,
            continuous,
            properties,
            thread_properties,
            tags,
            present,
            assignment,
            events,
            followers,
            ticket,
            ..
        } = &fact.change
        else {
            return;
        };
        self.seal_tail();
        self.customer = *customer;
        self.access = access.clone();
        self.continuous = *continuous;
        self.properties.merge(properties);
        self.assignment = assignment.clone();
        if let Some(ticket) = ticket {
            self.ticket =
                Some(Box::new(Ticket { created_at: fact.at, updated_at: fact.at, ..(**ticket).clone() }));
        }
        // Following ends when the chat is activated again (spec v3.0, 10.4).
        self.followers = followers.iter().cloned().collect();
        self.let_go_by = None;
        for member in &mut self.members {
            member.present = false;
        }
        for user in present {
            self.add_member(user, fact.at);
        }
        self.threads.push(ThreadHead {
            id: *thread,
            order: self.threads.last().map_or(1, |t| t.order + 1),
            created_at: fact.at,
            closed_at: None,
            users: present.clone(),
            tags: tags.clone(),
            properties: thread_properties.clone(),
            events: 0,
            visible_events: 0,
            chunks: 0,
        });
        self.pulse = Pulse::opened(fact.at);
        for event in events {
            self.keep_event(event);
            self.note_said(event);
            self.note_answer(event);
            self.seen_by_author(event);
            self.last_at = self.last_at.max(event.created_at);
        }
        self.last_activity = fact.at;
        let chat = self.chat_view();
        if let Some(thread) = self.last_thread_view(true) {
            let push = Push::ChatStarted { chat: Box::new(chat), thread: Box::new(thread) };
            told.push(self.tell_keyed(push, None));
        }
    }

    fn add_member(&mut self, user: &UserId, joined_at: Timestamp) -> Member {
        if let Some(member) = self.members.iter_mut().find(|m| m.user == *user) {
            member.present = true;
            member.joined_at = joined_at;
            return member.clone();
        }
        let member = Member { user: user.clone(), present: true, seen_at: None, joined_at };
        self.members.push(member.clone());
        member
    }

    /// Sending an event counts as having seen the chat (spec v3.0, 10.2).
    fn seen_by_author(&mut self, event: &Event) {
        if let Some(author) = &event.author {
            for member in self.members.iter_mut().filter(|m| m.user == *author) {
                member.seen_at = member.seen_at.max(Some(event.created_at));
            }
        }
    }

    fn keep_event(&mut self, event: &Arc<Event>) {
        let Some(thread) = self.threads.last_mut() else { return };
        let weight = event.weight();
        if !self.tail.is_empty() && self.tail_bytes + weight > TAIL_BYTES {
            let events = std::mem::take(&mut self.tail);
            self.unsaved.push(Chunk { thread: thread.id, index: thread.chunks, events });
            thread.chunks += 1;
            self.tail_bytes = 0;
        }
        thread.events += 1;
        match &event.author {
            Some(UserId::Customer(_)) => self.customer_spoke_at = Some(event.created_at),
            Some(UserId::Agent(_)) => self.agent_spoke_at = Some(event.created_at),
            None => {}
        }
        let last = LastEvent { thread: thread.id, thread_order: thread.order, event: Arc::clone(event) };
        if event.visible_to_customer() {
            thread.visible_events += 1;
            self.last_visible.insert(event.body.kind(), last.clone());
        }
        self.last_events.insert(event.body.kind(), last);
        self.tail.push(Arc::clone(event));
        self.tail_bytes += weight;
    }

    /// Moves the last thread's events to a chunk, before another thread begins.
    fn seal_tail(&mut self) {
        let Some(thread) = self.threads.last_mut() else { return };
        if !self.tail.is_empty() {
            let events = std::mem::take(&mut self.tail);
            self.unsaved.push(Chunk { thread: thread.id, index: thread.chunks, events });
            thread.chunks += 1;
            self.tail_bytes = 0;
        }
    }

    fn tell_event(&self, event: &Arc<Event>, told: &mut Vec<Told>) {
        let thread = event.id.thread;
        let to = self.talk_address(event.visible_to_customer());
        let push = Push::EventPosted { chat: self.id, thread, event: Arc::clone(event) };
        told.push(Told { push, to, main: true, seq: None });
    }

    /// A key change: told to everybody with access (audience K of spec v3.0, 8.1).
    pub(super) fn tell_keyed(&self, push: Push, also: Option<&AgentId>) -> Told {
        Told { push, to: self.keyed_address(also), main: true, seq: None }
    }

    pub(super) fn keyed_address(&self, also: Option<&AgentId>) -> Address {
        Address {
            agents: self.present_agents().chain(also).cloned().collect(),
            customer: self.present_customer(),
            groups: self.access.groups.iter().copied().collect(),
            named: self.access.agents.iter().cloned().collect(),
            followers: self.followers_address(),
            ..Address::nobody()
        }
    }

    /// Members and followers, and the customer when it may see it (audience M+F of spec v3.0, 8.1).
    pub(super) fn talk_address(&self, customer_too: bool) -> Address {
        Address {
            agents: self.present_agents().cloned().collect(),
            customer: if customer_too { self.present_customer() } else { None },
            followers: self.followers_address(),
            ..Address::nobody()
        }
    }

    fn followers_address(&self) -> Followers {
        if self.followers.is_empty() {
            return Followers::default();
        }
        Followers {
            agents: self.followers.iter().cloned().collect(),
            groups: self.access.groups.iter().copied().collect(),
            named: self.access.agents.iter().cloned().collect(),
        }
    }

    fn present_customer(&self) -> Option<CustomerId> {
        self.customer.filter(|id| self.is_present(&UserId::Customer(*id)))
    }

    /// At most one push of a request is its main one: the thread's beginning or end, else what
    /// the request asked for; its companions go without (spec v3.0, 1.3).
    fn choose_main(told: &mut [Told]) {
        let rank = |push: &Push| match push {
            // Whoever comes and goes for it are its companions.
            Push::Transferred { .. } => 5,
            // A thread that ends because nobody could take over is a companion of the leaving.
            Push::MemberRemoved { .. } => 4,
            Push::ChatStarted { .. } | Push::ThreadClosed { .. } => 3,
            Push::EventPosted { event, .. } if event.body.kind() != EventKind::System => 2,
            Push::EventPosted { .. } => 0,
            _ => 1,
        };
        let best = told
            .iter()
            .enumerate()
            .filter(|(_, t)| t.main)
            .max_by_key(|(i, t)| (rank(&t.push), usize::MAX - i));
        let best = best.map(|(i, _)| i);
        for (i, t) in told.iter_mut().enumerate() {
            t.main = Some(i) == best;
        }
    }
}
