//! Decides and applies changes of properties: of the chat, its threads, its events.
//! Source: spec v3.0, 5.4 and 7.3; rating messages 4.6.

use std::sync::Arc;

use crate::conversation::decide::{Context, Decision, Draft, Need};
use crate::conversation::event::{Event, within};
use crate::conversation::fact::Change;
use crate::conversation::properties::PropertyValue;
use crate::conversation::property_change::{Place, PropertyChange};
use crate::conversation::push::{Push, Told};
use crate::conversation::state::Conversation;
use crate::conversation::system;
use crate::conversation::weight::EVENT_BYTES;
use crate::error::Rejected;
use crate::id::UserId;

const FIELD: &str = "properties";

impl Conversation {
    pub(super) fn change_properties(
        &self,
        place: Place,
        change: PropertyChange,
        stored: Option<Arc<Event>>,
        cx: &Context<'_>,
    ) -> Result<Decision, Rejected> {
        self.may(cx, Need::Write)?;
        let event = match place {
            Place::Event(id) => Some(self.event(id, stored, cx)?),
            Place::Chat | Place::Thread(_) => None,
        };
        let before = match (place, &event) {
            (_, Some(event)) => &event.properties,
            (Place::Thread(thread), _) => &self.find_thread(thread)?.properties,
            _ => &self.properties,
        };
        let (location, writer) = (place.location(), Self::reader(cx));
        match &change {
            PropertyChange::Set(given) => cx.properties.check_write(given, location, writer, FIELD)?,
            PropertyChange::Delete(given) => cx.properties.check_delete(given, location, writer, FIELD)?,
        }
        let Some(effect) = change.effect_on(before) else {
            return Ok(Self::echo(Push::PropertiesChanged { chat: self.id, place, change }));
        };
        let mut after = before.clone();
        effect.carry_out(&mut after);
        after.check_size(FIELD)?;
        let event = event.map(|event| Arc::new(Event { properties: after, ..(*event).clone() }));
        if let Some(event) = &event {
            within(FIELD, event.weight(), EVENT_BYTES, "bytes with their event")?;
        }
        let by = cx.by.map(|principal| principal.user.clone());
        let mut draft = self.draft(cx.now);
        let rated = Self::rating_of(place, &effect);
        draft.add(Change::PropertiesChanged { place, change: effect, by: by.clone(), event });
        if let Some(customer @ UserId::Customer(_)) = &by {
            Self::say_rating(&rated, &Self::shown_name(customer, cx), &mut draft);
        }
        Ok(draft.done())
    }

    /// What a change says about the rating of the chat or a thread.
    fn rating_of(place: Place, effect: &PropertyChange) -> Rating {
        let mut rating = Rating::default();
        if matches!(place, Place::Event(_)) {
            return rating;
        }
        match effect {
            PropertyChange::Set(given) => {
                if let Some(PropertyValue::Int(score)) = given.get("rating", "score") {
                    rating.score = Some(*score);
                }
                if let Some(PropertyValue::Text(comment)) = given.get("rating", "comment") {
                    rating.comment = Some(comment.clone());
                }
            }
            PropertyChange::Delete(given) => {
                rating.canceled = given.iter().any(|name| name == ("rating", "score"));
            }
        }
        rating
    }

    fn say_rating(rating: &Rating, customer: &str, draft: &mut Draft) {
        if let Some(score) = rating.score {
            draft.post(system::rated(customer, score), None);
        }
        if let Some(comment) = &rating.comment {
            draft.post(system::commented(customer, comment), None);
        }
        if rating.canceled {
            draft.post(system::rating_canceled(customer), None);
        }
    }

    pub(super) fn properties_changed(
        &mut self,
        place: Place,
        change: &PropertyChange,
        event: Option<&Arc<Event>>,
        told: &mut Vec<Told>,
    ) {
        match place {
            Place::Chat => change.carry_out(&mut self.properties),
            Place::Thread(thread) => {
                for head in self.threads.iter_mut().filter(|head| head.id == thread) {
                    change.carry_out(&mut head.properties);
                }
            }
            Place::Event(_) => {
                if let Some(event) = event {
                    self.put_event(event);
                }
            }
        }
        let visible = event.is_none_or(|event| event.visible_to_customer());
        let push = Push::PropertiesChanged { chat: self.id, place, change: change.clone() };
        told.push(Told { push, to: self.talk_address(visible), main: true, seq: None });
    }
}

#[derive(Default)]
struct Rating {
    score: Option<i32>,
    comment: Option<Box<str>>,
    canceled: bool,
}
