//! Decisions: a command, who gives it and when, become facts or a refusal. Changes nothing.

use std::sync::Arc;

use crate::auth::{Principal, Reach};
use crate::conversation::access::Access;
use crate::conversation::command::{Command, NewConversation, OpenThread, WhenInactive};
use crate::conversation::event::{Event, EventBody, EventKind, NewEvent, Visibility};
use crate::conversation::fact::{Change, Fact};
use crate::conversation::idempotency::{Outcome, Shows, WriteKey};
use crate::conversation::properties::{Location, PropertyTable, Reader};
use crate::conversation::push::{Address, Push, Told};
use crate::conversation::state::{Assignment, Conversation};
use crate::conversation::system;
use crate::error::{Rejected, Resource};
use crate::id::{AgentId, CustomerId, EventId, GroupId, ThreadId, UserId};
use crate::participant::customer::Ban;
use crate::participant::settings::Settings;
use crate::time::Timestamp;

/// What a decision may ask about the rest of the license.
pub trait Lookup {
    /// Shown name of a user; `None` when there is no such user.
    fn name(&self, user: &UserId) -> Option<Arc<str>>;
    /// Is the agent a bot?
    fn is_bot(&self, agent: &AgentId) -> bool;
    /// Shown name of a group; `None` when the license has no such group.
    fn group_name(&self, group: GroupId) -> Option<Arc<str>>;
    /// The groups of an agent, group 0 included; none when there is no such agent.
    fn groups_of(&self, agent: &AgentId) -> Vec<GroupId>;
    /// How the chats of these groups are routed.
    fn settings(&self, access: &Access) -> Settings;
    /// Is the customer banned then?
    fn is_banned(&self, customer: CustomerId, now: Timestamp) -> bool;
    /// The bot that answers first in these groups.
    fn bot_of(&self, _access: &Access) -> Option<AgentId> {
        None
    }
    /// Does the agent administer the license?
    fn administers(&self, _agent: &AgentId) -> bool {
        false
    }
    /// Is the customer one whom a help desk answers no more?
    fn is_blocked(&self, _customer: CustomerId) -> bool {
        false
    }
    /// Does what is resolved in these groups go on when its customer writes again?
    fn reopens(&self, _access: &Access) -> bool {
        true
    }
    /// Since when the customer is not on the site any more. `None` while it is, or when it never
    /// was; the beginning of time when it left before the process began.
    fn customer_left(&self, customer: CustomerId) -> Option<Timestamp>;
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
    /// Random bits for the epoch of a new conversation; 0 where none is made.
    pub epoch: u64,
    /// The key of the command, when it shall be carried out once.
    pub key: Option<&'a WriteKey>,
}

/// What a command leads to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// To be journaled and applied, in order.
    pub facts: Vec<Fact>,
    /// For the asking connection only: a push for a change that changes nothing, which clients
    /// wait for (spec v3.0, 5.4 and 1.3).
    pub echo: Option<Box<Told>>,
    /// To be told without being kept: nothing is journaled of it, and it is dropped first.
    pub passing: Option<Box<Told>>,
    /// It was done before, and came to this: nothing else is decided.
    pub before: Option<Outcome>,
}

/// Collects facts with rising times.
pub(super) struct Draft {
    pub(super) at: Timestamp,
    pub(super) thread: ThreadId,
    pub(super) next_order: u32,
    pub(super) facts: Vec<Fact>,
}

impl Draft {
    pub(super) fn add(&mut self, change: Change) {
        self.facts.push(Fact { at: self.at, change });
        self.at = self.at.after(self.at);
    }

    pub(super) fn event(&mut self, new: NewEvent, author: Option<UserId>) -> Arc<Event> {
        let id = EventId { thread: self.thread, order: self.next_order };
        self.next_order += 1;
        let created_at = self.at;
        self.at = self.at.after(self.at);
        let NewEvent { custom_id, visibility, properties, body, details } = new;
        let author = if matches!(body, EventBody::System(_)) { None } else { author };
        Arc::new(Event {
            id,
            custom_id,
            created_at,
            author,
            visibility,
            properties,
            body,
            number: 0,
            details,
        })
    }

    pub(super) fn post(&mut self, new: NewEvent, author: Option<UserId>) {
        let event = self.event(new, author);
        self.add(Change::EventPosted(event));
    }

    pub(super) fn done(self) -> Decision {
        Decision { facts: self.facts, ..Decision::default() }
    }
}

impl Decision {
    /// Gives each new event its number (design D14).
    pub fn number_events(&mut self, mut next: impl FnMut() -> u64) {
        for fact in &mut self.facts {
            let new = match &mut fact.change {
                Change::EventPosted(event) => std::slice::from_mut(event),
                Change::ThreadOpened { events, .. } => events.as_mut_slice(),
                _ => &mut [],
            };
            for event in new {
                Arc::make_mut(event).number = next();
            }
        }
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
        blank.open_thread(new.open, cx.by.and_then(Principal::agent), cx, &mut draft)?;
        let mut decision = draft.done();
        blank.use_key(&mut decision, Shows::Chat, cx);
        Ok(decision)
    }

    /// Decides a command.
    ///
    /// # Errors
    /// The refusal; nothing was changed. [`Rejected::NeedsPlacement`] asks the caller to ask the
    /// router and to come again with its word, [`Rejected::NeedsEvent`] to come again with a stored
    /// event.
    pub fn decide(&self, command: Command, cx: &Context<'_>) -> Result<Decision, Rejected> {
        if let Some(before) = self.done_before(cx)? {
            return Ok(Decision { before: Some(before), ..Decision::default() });
        }
        let shows = Shows::by(&command);
        let mut decision = self.decide_anew(command, cx)?;
        self.use_key(&mut decision, shows, cx);
        Ok(decision)
    }

    fn decide_anew(&self, command: Command, cx: &Context<'_>) -> Result<Decision, Rejected> {
        match command {
            Command::Activate(open) => {
                self.may(cx, Need::Write)?;
                if self.active_thread().is_some() {
                    return Err(Rejected::AlreadyActive);
                }
                let mut draft = self.draft(cx.now);
                self.open_thread(open, cx.by.and_then(Principal::agent), cx, &mut draft)?;
                Ok(draft.done())
            }
            Command::Close { require_presence } => self.close(require_presence, cx),
            Command::Post { event, when_inactive } => self.post(event, when_inactive, cx),
            Command::AddUser(user) => self.add_user(&user, cx),
            Command::RemoveUser { user, placement } => self.remove_user(&user, placement, cx),
            Command::Assign { agent, .. } => self.assign(&agent, cx),
            Command::Transfer { to, force, placement } => self.transfer(to, force, placement, cx),
            Command::Due { running_since, placement } => self.due(running_since, placement, cx),
            Command::EndUnserved => Ok(self.end_unserved(cx)),
            Command::EndBanned(ban) => Ok(self.end_banned(&ban, cx)),
            Command::Reassign { from, why, gone_since, placement } => {
                self.reassign(&from, why, gone_since, placement, cx)
            }
            Command::Tag { thread, tag, on } => self.tag(thread, tag, on, cx),
            Command::See(up_to) => self.see(up_to, cx),
            Command::Follow => self.follow(cx),
            Command::Unfollow => self.unfollow(cx),
            Command::SignalTyping { typing, visibility } => self.signal_typing(typing, visibility, cx),
            Command::ShowDraft(text) => self.show_draft(text, cx),
            Command::ChangeProperties { place, change, stored } => {
                self.change_properties(place, change, stored, cx)
            }
            Command::SendPostback { event, postback, toggled, stored } => {
                self.send_postback(event, postback, toggled, stored, cx)
            }
            Command::ChangeAccess(change) => self.change_access(change, cx),
            Command::SetStatus { to, thread, placement } => self.set_status(to, thread, placement, cx),
            Command::Unassign => self.unassign(cx),
            Command::ChangeTicket(change) => self.change_ticket(change, cx),
            Command::ChangeCustomer { from, to } => Ok(self.change_customer(from, to, cx)),
            Command::AmendEvent { event, amendment, stored } => {
                self.amend_event(event, amendment, stored, cx)
            }
        }
    }

    /// Checks that the asker may read the chat.
    ///
    /// # Errors
    /// `NotFound` for a customer of another chat, `NoAccess` for an agent out of reach.
    pub fn may_read(&self, cx: &Context<'_>) -> Result<(), Rejected> {
        self.may(cx, Need::Read)
    }

    pub(super) fn may(&self, cx: &Context<'_>, need: Need) -> Result<(), Rejected> {
        let Some(by) = cx.by else { return Ok(()) };
        if by.license != self.license {
            return Err(Rejected::NotFound(Resource::Chat));
        }
        if let UserId::Customer(customer) = by.user {
            // What a customer may not know of does not exist (spec v3.0, 2).
            return if self.customer == Some(customer) {
                Self::not_banned(customer, cx)
            } else {
                Err(Rejected::NotFound(Resource::Chat))
            };
        }
        let reach = match need {
            Need::Read => by.scopes.read_chats(),
            Need::Write => by.scopes.write_conversation(),
            Need::WriteMeta => by.scopes.write_meta(),
            // Between all and one's own there is nothing: access includes one's own only.
            Need::WriteOwn => {
                by.scopes.write_conversation().map(|r| if r == Reach::Access { Reach::My } else { r })
            }
        };
        let reached = by.reached(&self.access, self.is_present(&by.user));
        if reached.covered_by(reach) { Ok(()) } else { Err(Rejected::NoAccess) }
    }

    pub(super) fn not_banned(customer: CustomerId, cx: &Context<'_>) -> Result<(), Rejected> {
        if cx.license.is_banned(customer, cx.now) { Err(Rejected::CustomerBanned) } else { Ok(()) }
    }

    pub(super) fn draft(&self, now: Timestamp) -> Draft {
        let (thread, next_order) =
            self.threads.last().map_or((ThreadId::from_random(0), 1), |t| (t.id, t.events + 1));
        Draft { at: now.after(self.last_at), thread, next_order, facts: Vec::new() }
    }

    pub(super) fn reader(cx: &Context<'_>) -> Reader {
        match cx.by.map(|by| &by.user) {
            Some(UserId::Customer(_)) => Reader::Customer,
            _ => Reader::Agent,
        }
    }

    /// Nothing changes; the asker alone hears what it asked for.
    pub(super) fn echo(push: Push) -> Decision {
        let echo = Some(Box::new(Told { push, to: Address::nobody(), main: true, seq: None }));
        Decision { echo, ..Decision::default() }
    }

    /// Whoever answers has it; a bot that had it leaves.
    fn take_over_by_answer(&self, agent: &AgentId, draft: &mut Draft) {
        let user = UserId::Agent(agent.clone());
        if self.is_with_bot() {
            return self.take_over(Assignment::Held(agent.clone()), Some(&user), draft);
        }
        if !self.is_present(&user) {
            draft.add(Change::MemberAdded { user: user.clone(), by: Some(user) });
        }
        draft.add(Change::Assigned(Assignment::Held(agent.clone())));
    }

    pub(super) fn close(&self, require_presence: bool, cx: &Context<'_>) -> Result<Decision, Rejected> {
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

    fn end_banned(&self, ban: &Ban, cx: &Context<'_>) -> Decision {
        let mut draft = self.draft(cx.now);
        if self.active_thread().is_some() {
            let by = ban.by.clone().map(UserId::Agent);
            let name = by.as_ref().map_or_else(|| Arc::from("Somebody"), |by| Self::shown_name(by, cx));
            draft.post(system::customer_banned(&name, ban.days), None);
            draft.add(Change::ThreadClosed { by });
        }
        draft.done()
    }

    pub(super) fn check_event(event: &NewEvent, cx: &Context<'_>) -> Result<(), Rejected> {
        event.check()?;
        let writer = Self::reader(cx);
        cx.properties.check_write(&event.properties, Location::Event, writer, "event.properties")?;
        event.properties.check_size("event.properties")?;
        if writer == Reader::Customer && event.visibility == Visibility::Agents {
            return Err(Rejected::invalid("event.recipients", "a customer writes to everybody"));
        }
        Ok(())
    }

    fn post(
        &self,
        event: NewEvent,
        when_inactive: WhenInactive,
        cx: &Context<'_>,
    ) -> Result<Decision, Rejected> {
        self.may(cx, Need::Write)?;
        Self::check_event(&event, cx)?;
        if let Some(known) = self.posted_as(&event) {
            return Ok(Decision { before: Some(Outcome::Posted(known)), ..Decision::default() });
        }
        self.brake(cx.now)?;
        let by = cx.by.map(|principal| principal.user.clone());
        let mut draft = self.draft(cx.now);
        if self.active_thread().is_none() {
            match when_inactive {
                WhenInactive::OpenThread(..) if self.is_unanswered(cx) => {}
                WhenInactive::OpenThread(..) if self.is_over(cx) => return Err(Rejected::Inactive),
                WhenInactive::OpenThread(thread, placement) => {
                    let open = OpenThread { events: vec![event], placement, ..OpenThread::blank(thread) };
                    // An answer makes a human the holder, never a bot (spec v3.0, 12 #33).
                    let starter = cx.by.filter(|by| !by.bot).and_then(Principal::agent);
                    self.open_thread(open, starter, cx, &mut draft)?;
                    return Ok(draft.done());
                }
                WhenInactive::Attach if !self.threads.is_empty() => {}
                WhenInactive::Attach | WhenInactive::Refuse => return Err(Rejected::Inactive),
            }
        } else if self.wakes(event.visibility == Visibility::All, cx) {
            let placement =
                if let WhenInactive::OpenThread(_, placement) = when_inactive { placement } else { None };
            let Some(placement) = placement else {
                return Err(self.need().into());
            };
            self.take_over(Self::given(placement, cx), None, &mut draft);
        }
        // A human agent who answers a waiting chat takes it (spec v3.0, 10.2 and 12 #33); a system
        // message is no answer.
        if let Some(by) = cx.by
            && let Some(agent) = by.agent()
            && !by.bot
            && event.visibility == Visibility::All
            && event.body.kind() != EventKind::System
            && (self.waiting_since().is_some() || self.is_with_bot())
        {
            self.take_over_by_answer(agent, &mut draft);
        }
        let event = self.mention(event, cx, &mut draft);
        draft.post(event, by);
        Ok(draft.done())
    }

    pub(super) fn shown_name(user: &UserId, cx: &Context<'_>) -> Arc<str> {
        cx.license.name(user).unwrap_or_else(|| Arc::from(user.to_string()))
    }
}

/// What a command needs from the asker's scopes.
#[derive(Clone, Copy)]
pub(super) enum Need {
    Read,
    Write,
    WriteMeta,
    /// Writing where `all` or `my` is asked for (spec v3.0, 5.3: postbacks).
    WriteOwn,
}
