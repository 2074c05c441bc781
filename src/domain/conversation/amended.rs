//! Events that change after they were posted. The newest ones change where they stand, in the tail.
//! Older ones lie in chunks that may be stored already: their newest form is kept beside, in
//! memory, until the next snapshot writes it into their chunk together with the head. A crash
//! before that loses nothing: the head of before is read, and the journal's facts say it again.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::conversation::decide::{Context, Decision, Need};
use crate::conversation::event::{Event, EventBody, within};
use crate::conversation::fact::Change;
use crate::conversation::properties::Reader;
use crate::conversation::push::{Push, Told};
use crate::conversation::state::Conversation;
use crate::conversation::weight::EVENT_BYTES;
use crate::error::{Rejected, Resource};
use crate::id::{EventId, UserId};

/// Events in their newest form.
pub type Amended = BTreeMap<EventId, Arc<Event>>;

/// Puts the newest form of events in the place of what they were.
pub fn amend(events: &mut [Arc<Event>], amended: &Amended) {
    if amended.is_empty() {
        return;
    }
    for event in events {
        if let Some(newest) = amended.get(&event.id) {
            *event = Arc::clone(newest);
        }
    }
}

impl Conversation {
    /// Changed events whose chunk does not have them in this form: to be written into it, or into
    /// the unsaved one, with the next snapshot.
    #[must_use]
    pub const fn amended(&self) -> &Amended {
        &self.amended
    }

    /// Bytes that [`Conversation::amended`] weighs.
    #[must_use]
    pub fn amended_bytes(&self) -> usize {
        self.amended.values().map(|event| event.weight()).sum()
    }

    /// These are stored in their chunks; what changed again meanwhile is not.
    pub fn amendments_saved(&mut self, stored: &Amended) {
        self.amended.retain(|id, event| stored.get(id) != Some(event));
    }

    /// An event as it is now, when its chunk is not needed for that.
    pub(super) fn event_in_memory(&self, id: EventId) -> Option<Arc<Event>> {
        let unsaved = self.unsaved.iter().flat_map(|chunk| &chunk.events);
        let here = || self.tail.iter().chain(unsaved).find(|event| event.id == id);
        self.amended.get(&id).or_else(here).cloned()
    }

    /// An event that the asker may see; `stored` is what its chunk has, when it was looked up.
    pub(super) fn event(
        &self,
        id: EventId,
        stored: Option<Arc<Event>>,
        cx: &Context<'_>,
    ) -> Result<Arc<Event>, Rejected> {
        let unknown = Rejected::NotFound(Resource::Event);
        if id.order > self.find_thread(id.thread)?.events {
            return Err(unknown);
        }
        let event = match self.event_in_memory(id) {
            Some(event) => event,
            None => {
                stored.filter(|event| event.id == id).ok_or(Rejected::NeedsEvent(id))?.said_by(self.customer)
            }
        };
        // What a customer may not see does not exist for it (spec v3.0, 2).
        let hidden = Self::reader(cx) == Reader::Customer && !event.visible_to_customer();
        if hidden { Err(unknown) } else { Ok(event) }
    }

    /// An event has this form from now on.
    pub(super) fn put_event(&mut self, event: &Arc<Event>) {
        match self.tail.iter_mut().find(|kept| kept.id == event.id) {
            Some(kept) => {
                self.tail_bytes = (self.tail_bytes + event.weight()).saturating_sub(kept.weight());
                *kept = Arc::clone(event);
            }
            None => drop(self.amended.insert(event.id, Arc::clone(event))),
        }
        for last in self.last_events.values_mut().chain(self.last_visible.values_mut()) {
            if last.event.id == event.id {
                last.event = Arc::clone(event);
            }
        }
    }

    /// Presses or releases every button of a rich message that has this postback.
    pub(super) fn send_postback(
        &self,
        id: EventId,
        postback: Box<str>,
        toggled: bool,
        stored: Option<Arc<Event>>,
        cx: &Context<'_>,
    ) -> Result<Decision, Rejected> {
        self.may(cx, Need::WriteOwn)?;
        let user = cx.by.map(|by| by.user.clone()).ok_or(Rejected::NoAccess)?;
        let mut event = (*self.event(id, stored, cx)?).clone();
        let EventBody::Rich { elements, .. } = &mut event.body else {
            return Err(Rejected::invalid("event_id", "is no rich message"));
        };
        let name: Box<str> = user.to_string().into();
        let (mut found, mut changed) = (false, false);
        let buttons = elements.iter_mut().flat_map(|element| &mut element.buttons);
        for button in buttons.filter(|button| button.postback_id == postback) {
            found = true;
            if button.user_ids.contains(&name) != toggled {
                changed = true;
                button.user_ids.retain(|other| *other != name);
                if toggled {
                    button.user_ids.push(name.clone());
                }
            }
        }
        if !found {
            return Err(Rejected::invalid("postback.id", "is of no button of this message"));
        }
        if !changed {
            return Ok(Self::echo(Push::PostbackSent { chat: self.id, event: id, user, postback, toggled }));
        }
        within("postback", event.weight(), EVENT_BYTES, "bytes in the whole message")?;
        let mut draft = self.draft(cx.now);
        draft.add(Change::PostbackSent { event: Arc::new(event), user, postback, toggled });
        Ok(draft.done())
    }

    pub(super) fn postback_sent(
        &mut self,
        event: &Arc<Event>,
        user: &UserId,
        postback: &str,
        toggled: bool,
        told: &mut Vec<Told>,
    ) {
        self.put_event(event);
        let (chat, to) = (self.id, self.talk_address(event.visible_to_customer()));
        // Of a closed thread only the change of the event is told (spec v3.0, 5.3).
        if self.active_thread().is_some_and(|thread| thread.id == event.id.thread) {
            let (user, postback) = (user.clone(), postback.into());
            let push = Push::PostbackSent { chat, event: event.id, user, postback, toggled };
            told.push(Told { push, to: to.clone(), main: true, seq: None });
        }
        told.push(Told {
            push: Push::EventChanged { chat, event: Arc::clone(event) },
            to,
            main: true,
            seq: None,
        });
    }
}
