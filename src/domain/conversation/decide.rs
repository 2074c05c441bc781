//! Decisions: a command, who gives it and when, become facts or a refusal. Changes nothing.

use std::sync::Arc;

use crate::auth::Principal;
use crate::conversation::access::Access;
use crate::conversation::command::{Command, NewConversation, OpenThread, WhenInactive};
use crate::conversation::event::{Event, EventBody, NewEvent, Visibility, within};
use crate::conversation::fact::{Change, Fact};
use crate::conversation::properties::{Location, PropertyTable, Reader};
use crate::conversation::push::{Address, Push, Told};
use crate::conversation::state::{Assignment, Conversation};
use crate::conversation::system;
use crate::error::{PlacementNeed, Rejected, Resource};
use crate::id::{AgentId, EventId, GroupId, ThreadId, UserId};
use crate::limits::{GROUPS_PER_ACCESS, INITIAL_EVENTS, TAG_CHARS, TAGS_PER_THREAD};
use crate::routing::{Placement, Refusal};
use crate::time::Timestamp;

/// What a decision may ask about the rest of the license.
pub trait Lookup {
    /// Shown name of a user; `None` when there is no such user.
    fn name(&self, user: &UserId) -> Option<Arc<str>>;
    /// Is the agent a bot?
    fn is_bot(&self, agent: &AgentId) -> bool;
    /// Does the license have this group?
    fn has_group(&self, group: GroupId) -> bool;
}

/// Everything a decision depends on besides the command.
pub struct Context<'a> {
    /// Who asks; `None`: the engine itself.
    pub by: Option<&'a Principal>,
    /// The clock, read once.
    pub now: Timestamp,
    /// The rest of the license.
    pub license: &'a dyn Lookup,
    /// Definitions of properties.
    pub properties: &'a PropertyTable,
    /// When the router was asked, for a chat that it puts into the queue: the order of asking is
    /// the order of the queue.
    pub placed_at: Timestamp,
    /// Random bits for a new conversation's epoch.
    pub epoch: u64,
}

/// What a command leads to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// To be journaled and applied, in order.
    pub facts: Vec<Fact>,
    /// For the asking connection only: a push for a change that changes nothing, which clients
    /// wait for (spec v3.0, 5.4 and 1.3).
    pub echo: Option<Told>,
}

/// Collects facts with rising times.
struct Draft {
    at: Timestamp,
    thread: ThreadId,
    next_order: u32,
    facts: Vec<Fact>,
}

impl Draft {
    fn add(&mut self, change: Change) {
        self.facts.push(Fact { at: self.at, change });
        self.at = self.at.after(self.at);
    }

    fn event(&mut self, new: NewEvent, author: Option<UserId>) -> Arc<Event> {
        let id = EventId { thread: self.thread, order: self.next_order };
        self.next_order += 1;
        let created_at = self.at;
        self.at = self.at.after(self.at);
        let NewEvent { custom_id, visibility, properties, body } = new;
        let author = if matches!(body, EventBody::System(_)) { None } else { author };
        Arc::new(Event { id, custom_id, created_at, author, visibility, properties, body })
    }

    fn post(&mut self, new: NewEvent, author: Option<UserId>) {
        let event = self.event(new, author);
        self.add(Change::EventPosted(event));
    }

    fn done(self) -> Decision {
        Decision { facts: self.facts, echo: None }
    }
}

impl Conversation {
    /// Decides the facts that make a new conversation with its first thread.
    ///
    /// # Errors
    /// As [`Conversation::decide`] for [`Command::Activate`].
    pub fn create(new: NewConversation, cx: &Context<'_>) -> Result<Decision, Rejected> {
        let blank = Self::blank(new.license, new.id, new.number, cx.epoch);
        let mut draft = blank.draft(cx.now);
        draft.add(Change::Created { license: new.license, id: new.id, number: new.number, epoch: cx.epoch });
        blank.open_thread(new.open, cx, &mut draft)?;
        Ok(draft.done())
    }

    /// Decides a command.
    ///
    /// # Errors
    /// The refusal; nothing was changed. [`Rejected::NeedsPlacement`] asks the caller to ask the
    /// router and to come again with its word.
    pub fn decide(&self, command: Command, cx: &Context<'_>) -> Result<Decision, Rejected> {
        match command {
            Command::Activate(open) => {
                self.may(cx, Need::Write)?;
                if self.active_thread().is_some() {
                    return Err(Rejected::AlreadyActive);
                }
                let mut draft = self.draft(cx.now);
                self.open_thread(open, cx, &mut draft)?;
                Ok(draft.done())
            }
            Command::Close { require_presence } => self.close(require_presence, cx),
            Command::Post { event, when_inactive } => self.post(event, when_inactive, cx),
            Command::AddUser(user) => self.add_user(&user, cx),
            Command::RemoveUser { user, placement } => self.remove_user(&user, placement, cx),
            Command::Assign { agent, .. } => self.assign(&agent, cx),
            Command::EndUnserved => Ok(self.end_unserved(cx)),
            Command::Reassign { from, placement } => self.reassign(&from, placement, cx),
        }
    }

    /// Checks that the asker may read the chat.
    ///
    /// # Errors
    /// `NotFound` for a customer of another chat, `NoAccess` for an agent out of reach.
    pub fn may_read(&self, cx: &Context<'_>) -> Result<(), Rejected> {
        self.may(cx, Need::Read)
    }

    fn may(&self, cx: &Context<'_>, need: Need) -> Result<(), Rejected> {
        let Some(by) = cx.by else { return Ok(()) };
        if by.license != self.license {
            return Err(Rejected::NotFound(Resource::Chat));
        }
        if let UserId::Customer(customer) = by.user {
            // What a customer may not know of does not exist (spec v3.0, 2).
            return if self.customer == Some(customer) {
                Ok(())
            } else {
                Err(Rejected::NotFound(Resource::Chat))
            };
        }
        let reach = match need {
            Need::Read => by.scopes.read_chats(),
            Need::Write => by.scopes.write_conversation(),
            Need::WriteMeta => by.scopes.write_meta(),
        };
        let reached = by.reached(&self.access, self.is_present(&by.user));
        if reached.covered_by(reach) { Ok(()) } else { Err(Rejected::NoAccess) }
    }

    fn draft(&self, now: Timestamp) -> Draft {
        let (thread, next_order) =
            self.threads.last().map_or((ThreadId::from_random(0), 1), |t| (t.id, t.events + 1));
        Draft { at: now.after(self.last_at), thread, next_order, facts: Vec::new() }
    }

    fn open_thread(&self, open: OpenThread, cx: &Context<'_>, draft: &mut Draft) -> Result<(), Rejected> {
        let by = cx.by.map(|principal| principal.user.clone());
        self.check_open(&open, cx)?;
        let customer = match (&by, self.customer, open.customer) {
            (Some(UserId::Customer(customer)), None, _) => Some(*customer),
            (_, Some(mine), Some(other)) if mine != other => return Err(Rejected::CustomerFixed),
            (_, mine, brought) => mine.or(brought),
        };
        let access = open.access.unwrap_or_else(|| self.access.clone());
        let continuous = open.continuous.unwrap_or(self.continuous);
        let starter = by.as_ref().and_then(UserId::agent);
        let (assignment, message) = match (starter, open.placement) {
            // An agent who opens a thread holds it; joining by hand may exceed the limit.
            (Some(agent), _) => (Assignment::Held(agent.clone()), None),
            (None, None) => {
                return Err(Rejected::NeedsPlacement(PlacementNeed {
                    groups: access.groups.iter().copied().collect(),
                    exclude: Vec::new(),
                    may_wait_offline: continuous,
                }));
            }
            (None, Some(placement)) => self.placed(placement, cx)?,
        };
        draft.thread = open.thread;
        draft.next_order = 1;
        let at = draft.at;
        let events: Vec<_> = open.events.into_iter().map(|e| draft.event(e, by.clone())).collect();
        let mut present: Vec<UserId> = customer.map(UserId::Customer).into_iter().collect();
        if let Assignment::Held(agent) = &assignment {
            present.push(UserId::Agent(agent.clone()));
        }
        let opened = Change::ThreadOpened {
            thread: open.thread,
            by,
            customer,
            access,
            continuous,
            properties: open.properties,
            thread_properties: open.thread_properties,
            tags: open.tags,
            present,
            assignment,
            events,
        };
        draft.facts.push(Fact { at, change: opened });
        if let Some(message) = message {
            draft.post(message, None);
        }
        Ok(())
    }

    fn check_open(&self, open: &OpenThread, cx: &Context<'_>) -> Result<(), Rejected> {
        within("chat.thread.events", open.events.len(), INITIAL_EVENTS, "events")?;
        within("chat.thread.tags", open.tags.len(), TAGS_PER_THREAD, "tags")?;
        for tag in &open.tags {
            within("chat.thread.tags", tag.chars().count(), TAG_CHARS, "characters")?;
        }
        let writer = Self::reader(cx);
        for event in &open.events {
            event.check()?;
            cx.properties.check_write(&event.properties, Location::Event, writer, "event.properties")?;
        }
        cx.properties.check_write(&open.properties, Location::Chat, writer, "chat.properties")?;
        let thread_field = "chat.thread.properties";
        cx.properties.check_write(&open.thread_properties, Location::Thread, writer, thread_field)?;
        if let Some(access) = &open.access {
            Self::check_access(access, cx)?;
        }
        match open.customer.map(UserId::Customer) {
            Some(customer) if cx.license.name(&customer).is_none() => Err(Rejected::NotFound(Resource::User)),
            _ => Ok(()),
        }
    }

    fn check_access(access: &Access, cx: &Context<'_>) -> Result<(), Rejected> {
        if access.groups.is_empty() {
            return Err(Rejected::invalid("access.group_ids", "must name a group"));
        }
        within("access.group_ids", access.groups.len(), GROUPS_PER_ACCESS, "groups")?;
        match access.groups.iter().find(|&&group| !cx.license.has_group(group)) {
            Some(&group) => Err(Rejected::GroupNotFound(group)),
            None => Ok(()),
        }
    }

    fn reader(cx: &Context<'_>) -> Reader {
        match cx.by.map(|by| &by.user) {
            Some(UserId::Customer(_)) => Reader::Customer,
            _ => Reader::Agent,
        }
    }

    /// What the router's word makes of a chat, and what is said about it.
    fn placed(
        &self,
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

    fn close(&self, require_presence: bool, cx: &Context<'_>) -> Result<Decision, Rejected> {
        self.may(cx, Need::WriteMeta)?;
        self.active_thread().ok_or(Rejected::Inactive)?;
        let by = cx.by.map(|principal| principal.user.clone());
        if let Some(user) = by.as_ref().filter(|_| require_presence)
            && !self.is_present(user)
        {
            return Err(Rejected::NotPresent);
        }
        let mut draft = self.draft(cx.now);
        if let Some(user) = &by {
            draft.post(system::closed_by(user, &Self::shown_name(user, cx)), None);
        }
        draft.add(Change::ThreadClosed { by });
        Ok(draft.done())
    }

    fn post(
        &self,
        event: NewEvent,
        when_inactive: WhenInactive,
        cx: &Context<'_>,
    ) -> Result<Decision, Rejected> {
        self.may(cx, Need::Write)?;
        event.check()?;
        let writer = Self::reader(cx);
        cx.properties.check_write(&event.properties, Location::Event, writer, "event.properties")?;
        if writer == Reader::Customer && event.visibility == Visibility::Agents {
            return Err(Rejected::invalid("event.recipients", "a customer writes to everybody"));
        }
        let by = cx.by.map(|principal| principal.user.clone());
        let mut draft = self.draft(cx.now);
        if self.active_thread().is_none() {
            match when_inactive {
                WhenInactive::OpenThread(thread, placement) => {
                    let open = OpenThread {
                        thread,
                        properties: Default::default(),
                        thread_properties: Default::default(),
                        access: None,
                        events: vec![event],
                        tags: Vec::new(),
                        continuous: None,
                        customer: None,
                        placement,
                    };
                    self.open_thread(open, cx, &mut draft)?;
                    return Ok(draft.done());
                }
                WhenInactive::Attach if !self.threads.is_empty() => {}
                WhenInactive::Attach | WhenInactive::Refuse => return Err(Rejected::Inactive),
            }
        }
        // A human agent who answers a waiting chat takes it (spec v3.0, 10.2 and 12 #33).
        if let Some(by) = cx.by
            && let Some(agent) = by.agent()
            && !by.bot
            && event.visibility == Visibility::All
            && self.waiting_since().is_some()
        {
            if !self.is_present(&by.user) {
                draft.add(Change::MemberAdded { user: by.user.clone(), by: Some(by.user.clone()) });
            }
            draft.add(Change::Assigned(Assignment::Held(agent.clone())));
        }
        draft.post(event, by);
        Ok(draft.done())
    }

    fn add_user(&self, user: &UserId, cx: &Context<'_>) -> Result<Decision, Rejected> {
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
            _ if self.is_present(user) => return Ok(self.echo_added(user, thread.id)),
            _ => {}
        }
        let mut draft = self.draft(cx.now);
        draft.add(Change::MemberAdded { user: user.clone(), by: by.clone() });
        // A human who joins a waiting chat takes it. A bot that only looks in does not: the
        // customer must not lose its place in the queue.
        if let UserId::Agent(agent) = user
            && self.waiting_since().is_some()
            && !cx.license.is_bot(agent)
        {
            draft.add(Change::Assigned(Assignment::Held(agent.clone())));
        }
        let others = self.present_agents().next().is_some();
        if others || matches!(user, UserId::Customer(_)) {
            let initiator = by.as_ref().filter(|by| *by != user).map(|by| Self::shown_name(by, cx));
            draft.post(system::joined(user, &name, initiator.as_deref()), None);
        }
        Ok(draft.done())
    }

    fn echo_added(&self, user: &UserId, thread: ThreadId) -> Decision {
        let member = self.members.iter().find(|m| m.user == *user).cloned();
        let echo = member.map(|member| Told {
            push: Push::MemberAdded { chat: self.id, thread, member },
            to: Address::nobody(),
            main: true,
        });
        Decision { facts: Vec::new(), echo }
    }

    fn remove_user(
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
        self.pass_on(agent, placement, cx, &mut draft)?;
        Ok(draft.done())
    }

    fn reassign(
        &self,
        from: &AgentId,
        placement: Option<Placement>,
        cx: &Context<'_>,
    ) -> Result<Decision, Rejected> {
        let user = UserId::Agent(from.clone());
        if self.active_thread().is_none() || !self.is_present(&user) {
            return Ok(Decision::default());
        }
        let mut draft = self.draft(cx.now);
        draft.add(Change::MemberRemoved { user, by: None });
        self.pass_on(from, placement, cx, &mut draft)?;
        Ok(draft.done())
    }

    /// Who has the chat after `leaver` left: another agent who is there, or the router's choice.
    fn pass_on(
        &self,
        leaver: &AgentId,
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
            return Ok(());
        }
        let Some(placement) = placement else {
            return Err(Rejected::NeedsPlacement(PlacementNeed {
                groups: self.access.groups.iter().copied().collect(),
                exclude: vec![leaver.clone()],
                may_wait_offline: true,
            }));
        };
        let (assignment, message) = self.placed(placement, cx)?;
        if let Assignment::Held(agent) = &assignment {
            let user = UserId::Agent(agent.clone());
            if !self.is_present(&user) {
                draft.add(Change::MemberAdded { user, by: None });
            }
        }
        draft.add(Change::Assigned(assignment));
        if let Some(message) = message {
            draft.post(message, None);
        }
        Ok(())
    }

    fn assign(&self, agent: &AgentId, cx: &Context<'_>) -> Result<Decision, Rejected> {
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

    fn end_unserved(&self, cx: &Context<'_>) -> Decision {
        if self.waiting_since().is_none() || self.continuous {
            return Decision::default();
        }
        let mut draft = self.draft(cx.now);
        draft.post(system::archived_offline(), None);
        draft.add(Change::ThreadClosed { by: None });
        draft.done()
    }

    fn shown_name(user: &UserId, cx: &Context<'_>) -> Arc<str> {
        cx.license.name(user).unwrap_or_else(|| Arc::from(user.to_string()))
    }
}

/// What a command needs from the asker's scopes.
#[derive(Clone, Copy)]
enum Need {
    Read,
    Write,
    WriteMeta,
}
