//! What an event weighs when it is stored: chunks are cut by it, and it bounds an event as a whole.

use crate::conversation::event::{
    Answer, Event, EventBody, FilledField, MessagePostback, NewEvent, RichButton, RichElement,
};
use crate::conversation::properties::{Properties, PropertyValue};

/// Bytes that an event weighs beyond its texts: ids, times, framing.
const EVENT_OVERHEAD: usize = 128;
/// Bytes that any part of an event (a field, button, property) weighs beyond its texts.
const ITEM_OVERHEAD: usize = 40;
/// Bytes that an event may weigh in all, by [`Event::weight`]: what fits the greatest message of a
/// connection. Alone in its chunk it is stored in parts (design D3); more is `Invalid`.
pub(super) const EVENT_BYTES: usize = 64 * 1024;

fn optional(text: &Option<Box<str>>) -> usize {
    text.as_ref().map_or(0, |text| text.len())
}

fn pairs(pairs: &[(Box<str>, Box<str>)]) -> usize {
    pairs.iter().map(|(one, other)| one.len() + other.len() + ITEM_OVERHEAD).sum()
}

/// Of an event, posted or not yet.
fn weight(custom_id: &Option<Box<str>>, properties: &Properties, body: &EventBody) -> usize {
    let properties: usize = properties
        .iter()
        .map(|(namespace, name, value)| {
            let text = if let PropertyValue::Text(text) = value { text.len() } else { 0 };
            namespace.len() + name.len() + text + ITEM_OVERHEAD
        })
        .sum();
    EVENT_OVERHEAD + optional(custom_id) + properties + body.weight()
}

impl Event {
    /// Bytes that it will weigh when stored, roughly but never too few.
    pub(super) fn weight(&self) -> usize {
        weight(&self.custom_id, &self.properties, &self.body)
    }
}

impl NewEvent {
    pub(super) fn weight(&self) -> usize {
        weight(&self.custom_id, &self.properties, &self.body)
    }
}

impl EventBody {
    fn weight(&self) -> usize {
        match self {
            Self::Message { text, postback } => {
                text.len() + postback.as_ref().map_or(0, MessagePostback::weight)
            }
            Self::System(m) => m.kind.len() + m.text.len() + pairs(&m.vars),
            Self::Annotation { kind, text } => kind.len() + text.as_ref().map_or(0, String::len),
            Self::FilledForm { form_id, fields } => {
                form_id.len() + fields.iter().map(FilledField::weight).sum::<usize>()
            }
            Self::File(file) => {
                let picture = file
                    .picture
                    .as_ref()
                    .map_or(0, |p| ITEM_OVERHEAD + optional(&p.thumbnail_url) + optional(&p.thumbnail2x_url));
                file.name.len() + file.url.len() + file.content_type.len() + picture
            }
            Self::Custom { content } => content.len(),
            Self::Rich { template, elements } => {
                template.len() + elements.iter().map(RichElement::weight).sum::<usize>()
            }
        }
    }
}

impl MessagePostback {
    fn weight(&self) -> usize {
        let typed = self.typed_value.as_ref().map_or(0, |(kind, value)| kind.len() + value.len());
        ITEM_OVERHEAD + self.id.len() + self.thread_id.len() + self.event_id.len() + typed
    }
}

impl FilledField {
    fn weight(&self) -> usize {
        let answer = match &self.answer {
            Answer::None => 0,
            Answer::Text(text) | Answer::Group(_, text) => text.len(),
            Answer::Choice(id, label) => id.len() + label.len(),
            Answer::Choices(choices) => pairs(choices),
        };
        ITEM_OVERHEAD + self.kind.len() + self.id.len() + self.label.len() + answer
    }
}

impl RichButton {
    fn weight(&self) -> usize {
        let users: usize = self.user_ids.iter().map(|id| id.len() + ITEM_OVERHEAD).sum();
        let texts = self.text.len() + self.postback_id.len() + optional(&self.kind) + optional(&self.value);
        ITEM_OVERHEAD + texts + users
    }
}

impl RichElement {
    fn weight(&self) -> usize {
        let image = self.image.as_ref().map_or(0, |image| {
            ITEM_OVERHEAD + image.url.len() + optional(&image.name) + optional(&image.content_type)
        });
        let buttons: usize = self.buttons.iter().map(RichButton::weight).sum();
        ITEM_OVERHEAD + optional(&self.title) + optional(&self.subtitle) + image + buttons
    }
}
