//! Decides the opening of a thread, in a new or an old conversation.

use crate::conversation::access::Access;
use crate::conversation::command::OpenThread;
use crate::conversation::decide::{Context, Draft};
use crate::conversation::event::{NewEvent, within};
use crate::conversation::fact::{Change, Fact};
use crate::conversation::marks::check_tag;
use crate::conversation::properties::Location;
use crate::conversation::state::{Assignment, Conversation};
use crate::error::{PlacementNeed, Rejected, Resource};
use crate::id::{AgentId, CustomerId, UserId};
use crate::limits::{INITIAL_EVENTS, INITIAL_EVENTS_BYTES, TAGS_PER_THREAD};

impl Conversation {
    pub(super) fn open_thread(
        &self,
        open: OpenThread,
        starter: Option<&AgentId>,
        cx: &Context<'_>,
        draft: &mut Draft,
    ) -> Result<(), Rejected> {
        let by = cx.by.map(|principal| principal.user.clone());
        self.check_open(&open, cx)?;
        let customer = match (&by, self.customer, open.customer) {
            (Some(UserId::Customer(customer)), None, _) => Some(*customer),
            (_, Some(mine), Some(other)) if mine != other => return Err(Rejected::CustomerFixed),
            (_, mine, brought) => mine.or(brought),
        };
        if let Some(customer) = customer {
            Self::not_banned(customer, cx)?;
        }
        let access = open.access.clone().unwrap_or_else(|| self.access.clone());
        let continuous = open.continuous.unwrap_or(self.continuous);
        let placement = open.placement.clone();
        let desk = self.ticket.is_some() || open.ticket.is_some();
        let bot = if desk && starter.is_none() { cx.license.bot_of(&access) } else { None };
        let (assignment, message) = match (starter.cloned().or(bot), placement) {
            // An agent who opens a thread holds it; joining by hand may exceed the limit. A bot that
            // answers first needs no place.
            (Some(agent), _) => (Assignment::Held(agent), None),
            (None, None) => {
                return Err(PlacementNeed {
                    // Only a customer's beginning is refused when nobody is there.
                    may_wait_offline: desk
                        || continuous
                        || by.as_ref().is_some_and(|by| by.agent().is_some()),
                    team: open.ticket.as_ref().map_or(self.need().team, |ticket| ticket.team),
                    ..PlacementNeed::of(access.groups.iter().copied())
                }
                .into());
            }
            (None, Some(placement)) if desk => (Self::given(placement, cx), None),
            (None, Some(placement)) => Self::placed(placement, cx)?,
        };
        self.push_opened(
            OpenThread { continuous: Some(continuous), ..open },
            customer,
            access,
            assignment,
            cx,
            draft,
        );
        if let Some(message) = message {
            draft.post(message, None);
        }
        Ok(())
    }

    /// Adds that a thread was opened.
    pub(super) fn push_opened(
        &self,
        open: OpenThread,
        customer: Option<CustomerId>,
        access: Access,
        assignment: Assignment,
        cx: &Context<'_>,
        draft: &mut Draft,
    ) {
        let by = cx.by.map(|principal| principal.user.clone());
        draft.thread = open.thread;
        draft.next_order = 1;
        let at = draft.at;
        let events: Vec<_> = open.events.into_iter().map(|e| draft.event(e, by.clone())).collect();
        let mut present: Vec<UserId> = customer.map(UserId::Customer).into_iter().collect();
        if let Assignment::Held(agent) = &assignment {
            present.push(UserId::Agent(agent.clone()));
        }
        let follower = by.as_ref().and_then(UserId::agent).filter(|_| open.follow);
        let followers = follower.into_iter().cloned().collect();
        let opened = Change::ThreadOpened {
            thread: open.thread,
            by,
            customer,
            access,
            continuous: open.continuous.unwrap_or(self.continuous),
            properties: open.properties,
            thread_properties: open.thread_properties,
            tags: open.tags,
            present,
            assignment,
            events,
            followers,
            ticket: open.ticket,
        };
        draft.facts.push(Fact { at, change: opened });
    }

    fn check_open(&self, open: &OpenThread, cx: &Context<'_>) -> Result<(), Rejected> {
        within("chat.thread.events", open.events.len(), INITIAL_EVENTS, "events")?;
        let weight = open.events.iter().map(NewEvent::weight).sum();
        // One by itself has its own bound.
        if open.events.len() > 1 {
            within("chat.thread.events", weight, INITIAL_EVENTS_BYTES, "bytes in all")?;
        }
        within("chat.thread.tags", open.tags.len(), TAGS_PER_THREAD, "tags")?;
        for tag in &open.tags {
            check_tag(tag, "chat.thread.tags")?;
        }
        let writer = Self::reader(cx);
        for event in &open.events {
            Self::check_event(event, cx)?;
        }
        cx.properties.check_write(&open.properties, Location::Chat, writer, "chat.properties")?;
        let thread_field = "chat.thread.properties";
        cx.properties.check_write(&open.thread_properties, Location::Thread, writer, thread_field)?;
        open.thread_properties.check_size(thread_field)?;
        let mut chat_properties = self.properties.clone();
        chat_properties.merge(&open.properties);
        chat_properties.check_size("chat.properties")?;
        if let Some(access) = &open.access {
            access.check(cx.license)?;
        }
        match open.customer.map(UserId::Customer) {
            Some(customer) if cx.license.name(&customer).is_none() => Err(Rejected::NotFound(Resource::User)),
            _ => Ok(()),
        }
    }
}
