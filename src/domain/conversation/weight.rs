//! What an event weighs when it is stored: chunks are cut by it, and it bounds an event as a whole.

use crate::conversation::event::{
    Answer, Event, EventBody, File, FilledField, MessagePostback, NewEvent, RichButton, RichElement,
};
use crate::conversation::properties::{Properties, PropertyValue};

/// Bytes that an event weighs beyond its texts: ids, times, framing.
const EVENT_OVERHEAD: usize = 128;
/// Bytes that any part of an event (a field, button, property) weighs beyond its texts.
const ITEM_OVERHEAD: usize = 40;
/// Bytes that an event may weigh in all, by [`Event::weight`]: what fits the greatest message of a
/// connection. Alone in its chunk it is stored in parts (design D3); more is `Invalid`.
pub(super) const EVENT_BYTES: usize = 64 * 1024;

/// Bytes that a text takes when it is written as JSON, the greatest form it ever has: a control
/// character is six bytes there.
fn text(text: &str) -> usize {
    /// Bytes looked at together: what they add to the length fits a byte.
    const BLOCK: usize = 32;
    // Without branches, so that a block is a few instructions.
    let more = |byte: u8| {
        let control = u8::from(byte < 0x20) * 5;
        let short = u8::from(byte == b'\n') | u8::from(byte == b'\r') | u8::from(byte == b'\t');
        control - short * 4 + (u8::from(byte == b'"') | u8::from(byte == b'\\'))
    };
    let (blocks, rest) = text.as_bytes().as_chunks::<BLOCK>();
    let sum = |bytes: &[u8]| usize::from(bytes.iter().fold(0, |sum, byte| sum + more(*byte)));
    text.len() + blocks.iter().map(|block| sum(block)).sum::<usize>() + sum(rest)
}

fn optional(given: &Option<Box<str>>) -> usize {
    given.as_deref().map_or(0, text)
}

fn pairs(pairs: &[(Box<str>, Box<str>)]) -> usize {
    pairs.iter().map(|(one, other)| text(one) + text(other) + ITEM_OVERHEAD).sum()
}

/// Of an event, posted or not yet.
fn weight(custom_id: &Option<Box<str>>, properties: &Properties, body: &EventBody) -> usize {
    EVENT_OVERHEAD + optional(custom_id) + properties.weight() + body.weight()
}

impl Properties {
    /// Bytes that they will weigh when stored, roughly but never too few.
    pub(super) fn weight(&self) -> usize {
        let one = |(namespace, name, value): (&str, &str, &PropertyValue)| {
            let value = if let PropertyValue::Text(value) = value { text(value) } else { 0 };
            text(namespace) + text(name) + value + ITEM_OVERHEAD
        };
        self.iter().map(one).sum()
    }
}

impl Event {
    /// Bytes that it weighs when stored, roughly but never too few.
    #[must_use]
    pub fn weight(&self) -> usize {
        let details = self.details.as_ref().map_or(0, |details| details.weight());
        weight(&self.custom_id, &self.properties, &self.body) + details
    }
}

impl NewEvent {
    pub(super) fn weight(&self) -> usize {
        let details = self.details.as_ref().map_or(0, |details| details.weight());
        weight(&self.custom_id, &self.properties, &self.body) + details
    }
}

impl EventBody {
    fn weight(&self) -> usize {
        match self {
            Self::Message { text: said, postback } => {
                text(said) + postback.as_ref().map_or(0, MessagePostback::weight)
            }
            Self::System(m) => text(&m.kind) + text(&m.text) + pairs(&m.vars),
            Self::Annotation { kind, text: said } => text(kind) + said.as_deref().map_or(0, text),
            Self::FilledForm { form_id, fields } => {
                text(form_id) + fields.iter().map(FilledField::weight).sum::<usize>()
            }
            Self::File(file) => file.weight(),
            Self::Custom { content } => content.len(),
            Self::Rich { template, elements } => {
                text(template) + elements.iter().map(RichElement::weight).sum::<usize>()
            }
        }
    }
}

impl File {
    pub(super) fn weight(&self) -> usize {
        let picture = self
            .picture
            .as_ref()
            .map_or(0, |p| ITEM_OVERHEAD + optional(&p.thumbnail_url) + optional(&p.thumbnail2x_url));
        ITEM_OVERHEAD + text(&self.name) + text(&self.url) + text(&self.content_type) + picture
    }
}

impl MessagePostback {
    fn weight(&self) -> usize {
        let typed = self.typed_value.as_ref().map_or(0, |(kind, value)| text(kind) + text(value));
        ITEM_OVERHEAD + text(&self.id) + text(&self.thread_id) + text(&self.event_id) + typed
    }
}

impl FilledField {
    fn weight(&self) -> usize {
        let answer = match &self.answer {
            Answer::None => 0,
            Answer::Text(said) | Answer::Group(_, said) => text(said),
            Answer::Choice(id, label) => text(id) + text(label),
            Answer::Choices(choices) => pairs(choices),
        };
        ITEM_OVERHEAD + text(&self.kind) + text(&self.id) + text(&self.label) + answer
    }
}

impl RichButton {
    fn weight(&self) -> usize {
        let users: usize = self.user_ids.iter().map(|id| id.len() + ITEM_OVERHEAD).sum();
        let texts = text(&self.text) + text(&self.postback_id) + optional(&self.kind) + optional(&self.value);
        ITEM_OVERHEAD + texts + users
    }
}

impl RichElement {
    fn weight(&self) -> usize {
        let image = self.image.as_ref().map_or(0, |image| {
            ITEM_OVERHEAD + text(&image.url) + optional(&image.name) + optional(&image.content_type)
        });
        let buttons: usize = self.buttons.iter().map(RichButton::weight).sum();
        ITEM_OVERHEAD + optional(&self.title) + optional(&self.subtitle) + image + buttons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_weighs_what_json_makes_of_it() {
        for (said, written) in
            [("", 0), ("plain", 5), ("zwölf", 6), ("a\"b\\", 6), ("\n\r\t", 6), ("\u{1}\u{0}", 12)]
        {
            assert_eq!(text(said), written, "{said:?}");
        }
        for count in 0..100 {
            assert_eq!(text(&"\u{1}".repeat(count)), 6 * count);
            assert_eq!(text(&"a\"\n".repeat(count)), 5 * count);
        }
    }
}
