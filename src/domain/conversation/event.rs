//! Events: the items of a thread. Source: spec v3.0, 4.5; kept in the newest shape.

use serde::{Deserialize, Serialize};

pub use crate::conversation::file::{File, Picture};

use crate::conversation::details::{Details, check_message};
use crate::conversation::properties::Properties;
use crate::conversation::weight::EVENT_BYTES;
use crate::error::Rejected;
use crate::id::{EventId, UserId};
use crate::limits::{
    CUSTOM_CONTENT_BYTES, CUSTOM_ID_CHARS, FORM_FIELDS, MESSAGE_TEXT_BYTES, RICH_BUTTONS, RICH_ELEMENTS,
    SHORT_TEXT_BYTES, URL_CHARS,
};
use crate::time::Timestamp;

/// Who may see an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Visibility {
    /// Everybody in the chat.
    All,
    /// Agents only: an internal note.
    Agents,
}

/// An event as it stands in a thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Thread and place.
    pub id: EventId,
    /// The client's own id.
    pub custom_id: Option<Box<str>>,
    /// When it was accepted; strictly grows inside a conversation.
    pub created_at: Timestamp,
    /// Who wrote it; nobody wrote a system message.
    pub author: Option<UserId>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Properties of this event.
    pub properties: Properties,
    /// What it says.
    pub body: EventBody,
    /// Process-wide creation number (design D14); 0 in events of before they had one.
    #[serde(default)]
    pub number: u64,
    /// What a help desk keeps of it beyond that.
    #[serde(default)]
    pub details: Option<Box<Details>>,
}

/// An event as somebody wants to post it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// The client's own id.
    pub custom_id: Option<Box<str>>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Properties of this event.
    pub properties: Properties,
    /// What it says.
    pub body: EventBody,
    /// What a help desk keeps of it beyond that.
    pub details: Option<Box<Details>>,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventBody {
    /// A text.
    Message {
        /// At most [`MESSAGE_TEXT_BYTES`].
        text: String,
        /// The button whose press sent it.
        postback: Option<MessagePostback>,
    },
    /// Something the system tells, such as "Ann takes the chat".
    System(SystemMessage),
    /// A remark that never opens or prolongs a thread.
    Annotation {
        /// Free kind.
        kind: Box<str>,
        /// At most [`MESSAGE_TEXT_BYTES`].
        text: Option<String>,
    },
    /// A form with answers.
    FilledForm {
        /// Which form.
        form_id: Box<str>,
        /// At most [`FORM_FIELDS`].
        fields: Vec<FilledField>,
    },
    /// A file.
    File(File),
    /// Anything a client defines: the text of one JSON object.
    Custom {
        /// At most [`CUSTOM_CONTENT_BYTES`]; kept to the letter.
        content: Box<str>,
    },
    /// Cards, quick replies and the like.
    Rich {
        /// How to show it.
        template: Box<str>,
        /// At most [`RICH_ELEMENTS`].
        elements: Vec<RichElement>,
    },
}

/// The kind of an event, for "the last of each kind".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// [`EventBody::Message`]
    Message,
    /// [`EventBody::System`]
    System,
    /// [`EventBody::Annotation`]
    Annotation,
    /// [`EventBody::FilledForm`]
    FilledForm,
    /// [`EventBody::File`]
    File,
    /// [`EventBody::Custom`]
    Custom,
    /// [`EventBody::Rich`]
    Rich,
}

/// The button press that a message answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagePostback {
    /// The button's postback id.
    pub id: Box<str>,
    /// Thread of the rich message, as the client names it.
    pub thread_id: Box<str>,
    /// Event of the rich message, as the client names it.
    pub event_id: Box<str>,
    /// Type and value go together.
    pub typed_value: Option<(Box<str>, Box<str>)>,
}

/// A system message: clients key on the kind and the variables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemMessage {
    /// Such as `routing.assigned`.
    pub kind: Box<str>,
    /// For people.
    pub text: Box<str>,
    /// Name and value, in order.
    pub vars: Vec<(Box<str>, Box<str>)>,
}

/// One answered field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilledField {
    /// The field's own type, such as `email`.
    pub kind: Box<str>,
    /// Which field.
    pub id: Box<str>,
    /// The question.
    pub label: Box<str>,
    /// What was answered.
    pub answer: Answer,
}

/// The answer to one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Left open.
    None,
    /// Words.
    Text(Box<str>),
    /// One option: id and label.
    Choice(Box<str>, Box<str>),
    /// Several options: id and label each.
    Choices(Vec<(Box<str>, Box<str>)>),
    /// A group and its label.
    Group(u32, Box<str>),
}

/// One element of a rich message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RichElement {
    /// Headline.
    pub title: Option<Box<str>>,
    /// Second line.
    pub subtitle: Option<Box<str>>,
    /// Picture.
    pub image: Option<RichImage>,
    /// At most [`RICH_BUTTONS`].
    pub buttons: Vec<RichButton>,
}

/// The picture of an element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RichImage {
    /// Where it lies.
    pub url: Box<str>,
    /// Shown name.
    pub name: Option<Box<str>>,
    /// MIME type.
    pub content_type: Option<Box<str>>,
    /// Bytes.
    pub size: Option<u64>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
}

/// A button of an element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RichButton {
    /// Label.
    pub text: Box<str>,
    /// Several buttons may share one.
    pub postback_id: Box<str>,
    /// Who has it toggled on.
    pub user_ids: Vec<Box<str>>,
    /// Such as `phone`.
    pub kind: Option<Box<str>>,
    /// Goes with the kind.
    pub value: Option<Box<str>>,
    /// Height of a web view.
    pub webview_height: Option<WebviewHeight>,
}

/// Height of a web view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WebviewHeight {
    /// Small.
    Compact,
    /// Middle.
    Tall,
    /// All.
    Full,
}

impl EventBody {
    /// Which kind it is.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Message { .. } => EventKind::Message,
            Self::System(_) => EventKind::System,
            Self::Annotation { .. } => EventKind::Annotation,
            Self::FilledForm { .. } => EventKind::FilledForm,
            Self::File(_) => EventKind::File,
            Self::Custom { .. } => EventKind::Custom,
            Self::Rich { .. } => EventKind::Rich,
        }
    }

    /// Checks the bounds of spec v3.0, 4.5 and 11.
    ///
    /// # Errors
    /// `Invalid` naming the field below `event`.
    pub fn check(&self) -> Result<(), Rejected> {
        match self {
            Self::Message { text, .. } => within("event.text", text.len(), MESSAGE_TEXT_BYTES, "bytes"),
            Self::System(message) => {
                short("event.system_message_type", &message.kind)?;
                within("event.text", message.text.len(), MESSAGE_TEXT_BYTES, "bytes")?;
                within("event.text_vars", message.vars.len(), FORM_FIELDS, "variables")?;
                message.vars.iter().try_for_each(|(name, value)| {
                    short("event.text_vars", name).and_then(|()| short("event.text_vars", value))
                })
            }
            Self::Annotation { kind, text } => {
                short("event.annotation_type", kind)?;
                within("event.text", text.as_ref().map_or(0, String::len), MESSAGE_TEXT_BYTES, "bytes")
            }
            Self::FilledForm { form_id, fields } => {
                short("event.form_id", form_id)?;
                within("event.fields", fields.len(), FORM_FIELDS, "fields")?;
                fields.iter().try_for_each(FilledField::check)
            }
            Self::File(file) => file.check("event"),
            Self::Custom { content } => within("event.content", content.len(), CUSTOM_CONTENT_BYTES, "bytes"),
            Self::Rich { template, elements } => {
                short("event.template_id", template)?;
                within("event.elements", elements.len(), RICH_ELEMENTS, "elements")?;
                elements.iter().try_for_each(RichElement::check)
            }
        }
    }
}

impl NewEvent {
    /// Checks every bound of the event itself.
    ///
    /// # Errors
    /// `Invalid` naming the field.
    pub fn check(&self) -> Result<(), Rejected> {
        if let Some(custom_id) = &self.custom_id {
            within("event.custom_id", custom_id.chars().count(), CUSTOM_ID_CHARS, "characters")?;
        }
        if let Some(details) = &self.details {
            return check_message(&self.body, details, self.weight());
        }
        self.body.check()?;
        within("event", self.weight(), EVENT_BYTES, "bytes in all")
    }
}

impl FilledField {
    fn check(&self) -> Result<(), Rejected> {
        short("event.fields.id", &self.id)?;
        short("event.fields.label", &self.label)?;
        match &self.answer {
            Answer::None => Ok(()),
            Answer::Text(text) => within("event.fields.answer", text.len(), SHORT_TEXT_BYTES, "bytes"),
            Answer::Choice(id, label) => {
                short("event.fields.answer.id", id)?;
                short("event.fields.answer.label", label)
            }
            Answer::Choices(choices) => {
                within("event.fields.answers", choices.len(), FORM_FIELDS, "answers")?;
                choices.iter().try_for_each(|(id, label)| {
                    short("event.fields.answers.id", id)?;
                    short("event.fields.answers.label", label)
                })
            }
            Answer::Group(_, label) => short("event.fields.answer.label", label),
        }
    }
}

impl RichElement {
    fn check(&self) -> Result<(), Rejected> {
        within("event.elements.buttons", self.buttons.len(), RICH_BUTTONS, "buttons")?;
        for text in [&self.title, &self.subtitle].into_iter().flatten() {
            short("event.elements", text)?;
        }
        if let Some(image) = &self.image {
            within("event.elements.image.url", image.url.chars().count(), URL_CHARS, "characters")?;
            web_address("event.elements.image.url", &image.url)?;
        }
        for button in &self.buttons {
            short("event.elements.buttons.text", &button.text)?;
            short("event.elements.buttons.postback_id", &button.postback_id)?;
            if let Some(value) = &button.value {
                short("event.elements.buttons.value", value)?;
            }
        }
        Ok(())
    }
}

/// An address that a browser fetches over the web; one without a scheme counts as such. Others
/// (`javascript:`, `data:`) would run in the reader's page.
pub(super) fn web_address(field: &str, url: &str) -> Result<(), Rejected> {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme);
    let named = scheme.filter(|scheme| !scheme.contains(['/', '.', '?', '#']));
    match named {
        Some(scheme) if !["http", "https"].contains(&scheme.trim().to_ascii_lowercase().as_str()) => {
            Err(Rejected::invalid(field, "must be an http or https URL"))
        }
        _ => Ok(()),
    }
}

pub(super) fn short(field: &str, text: &str) -> Result<(), Rejected> {
    within(field, text.len(), SHORT_TEXT_BYTES, "bytes")
}

/// `Ok` when a count is within its bound.
///
/// # Errors
/// `Invalid` naming the field and the bound.
pub fn within(field: &str, count: usize, bound: usize, unit: &str) -> Result<(), Rejected> {
    if count > bound {
        return Err(Rejected::invalid(field, format!("must have at most {bound} {unit}, has {count}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::FILE_BYTES;

    fn message(bytes: usize) -> EventBody {
        EventBody::Message { text: "x".repeat(bytes), postback: None }
    }

    #[test]
    fn a_message_may_have_16_kib_and_not_a_byte_more() {
        assert_eq!(message(MESSAGE_TEXT_BYTES).check(), Ok(()));
        let refused = message(MESSAGE_TEXT_BYTES + 1).check();
        assert!(matches!(refused, Err(Rejected::Invalid { field, .. }) if field == "event.text"));
    }

    #[test]
    fn custom_content_form_fields_and_rich_parts_are_bounded() {
        let custom = |n: usize| EventBody::Custom { content: "x".repeat(n).into() };
        assert_eq!(custom(CUSTOM_CONTENT_BYTES).check(), Ok(()));
        assert!(custom(CUSTOM_CONTENT_BYTES + 1).check().is_err());
        let rich = |elements, buttons| EventBody::Rich {
            template: "cards".into(),
            elements: vec![
                RichElement {
                    buttons: vec![
                        RichButton {
                            text: "b".into(),
                            postback_id: "p".into(),
                            user_ids: vec![],
                            kind: None,
                            value: None,
                            webview_height: None
                        };
                        buttons
                    ],
                    ..RichElement::default()
                };
                elements
            ],
        };
        assert_eq!(rich(RICH_ELEMENTS, RICH_BUTTONS).check(), Ok(()));
        assert!(rich(RICH_ELEMENTS + 1, 1).check().is_err());
        assert!(rich(1, RICH_BUTTONS + 1).check().is_err());
        let field =
            FilledField { kind: "name".into(), id: "1".into(), label: "l".into(), answer: Answer::None };
        let form = |n| EventBody::FilledForm { form_id: "f".into(), fields: vec![field.clone(); n] };
        assert_eq!(form(FORM_FIELDS).check(), Ok(()));
        assert!(form(FORM_FIELDS + 1).check().is_err());
    }

    #[test]
    fn an_address_is_of_the_web_and_a_file_has_its_bound() {
        for good in
            ["https://cdn.example.org/a.png", "HTTP://x/", "cdn.example.org/a.png", "//x/y", "x.y:80/z"]
        {
            assert_eq!(web_address("url", good), Ok(()), "{good}");
        }
        for bad in ["javascript:alert(1)", " JavaScript:alert(1)", "data:text/html,x", "file:///etc/passwd"] {
            assert!(web_address("url", bad).is_err(), "{bad}");
        }
        let file = |size| {
            let (name, url) = ("a".into(), "https://x.example/a".into());
            EventBody::File(File { name, url, content_type: "a/b".into(), size: Some(size), picture: None })
        };
        assert_eq!(file(FILE_BYTES).check(), Ok(()));
        assert!(file(FILE_BYTES + 1).check().is_err());
    }

    #[test]
    fn a_custom_id_is_bounded() {
        let event = |n: usize| NewEvent {
            custom_id: Some("c".repeat(n).into()),
            visibility: Visibility::All,
            properties: Properties::default(),
            body: message(1),
            details: None,
        };
        assert_eq!(event(CUSTOM_ID_CHARS).check(), Ok(()));
        assert!(event(CUSTOM_ID_CHARS + 1).check().is_err());
    }
}
