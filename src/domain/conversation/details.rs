//! What a help desk keeps of a message beyond what it says: its kind, its attributes, how its delivery
//! went. And the change of a message after it was posted.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::conversation::decide::{Context, Decision, Need};
use crate::conversation::event::{Event, EventBody, File, NewEvent, within};
use crate::conversation::fact::Change;
use crate::conversation::properties::Reader;
use crate::conversation::push::{Push, Told};
use crate::conversation::state::Conversation;
use crate::error::Rejected;
use crate::id::{AgentId, EventId};
use crate::limits::{
    ATTACHMENTS_PER_MESSAGE, ATTRIBUTES_BYTES, CUSTOM_ID_CHARS, DESK_MESSAGE_BYTES, DESK_TEXT_CHARS,
    MENTIONS_PER_MESSAGE, SHORT_TEXT_BYTES,
};

/// Bytes around a name in a list, when stored.
const MENTION_BYTES: usize = 5;

/// How the delivery of a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Carriage {
    /// On its way.
    #[default]
    Sent,
    /// It arrived.
    Delivered,
    /// It was read.
    Read,
    /// It did not arrive.
    Failed,
}

/// What a help desk keeps of a message beyond what it says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Details {
    /// The kind of its content, in the face's words; empty for plain text.
    pub kind: Box<str>,
    /// One JSON object's text: what the kind needs, and what was answered.
    pub attributes: Box<str>,
    /// The sender's own id of it.
    pub source_id: Option<Box<str>>,
    /// The sender's mark, to know its own message again.
    pub echo_id: Option<Box<str>>,
    /// How its delivery went.
    pub carriage: Carriage,
    /// What it says, where what it is has no room for that.
    #[serde(default)]
    pub text: Option<Box<str>>,
    /// Files that go with it.
    #[serde(default)]
    pub attachments: Vec<File>,
    /// Whom a note calls to the conversation, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<AgentId>,
}

impl Details {
    /// Checks the bounds.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub fn check(&self) -> Result<(), Rejected> {
        within("content_attributes", self.attributes.len(), ATTRIBUTES_BYTES, "bytes")?;
        for (field, id) in [("source_id", &self.source_id), ("echo_id", &self.echo_id)] {
            within(field, id.as_ref().map_or(0, |id| id.chars().count()), CUSTOM_ID_CHARS, "characters")?;
        }
        within_characters(self.text.as_deref().unwrap_or_default())?;
        within("attachments", self.attachments.len(), ATTACHMENTS_PER_MESSAGE, "files")?;
        self.attachments.iter().try_for_each(|file| file.check("attachments"))?;
        within("content", self.mentions.len(), MENTIONS_PER_MESSAGE, "people mentioned")?;
        within("content_type", self.kind.len(), SHORT_TEXT_BYTES, "bytes")
    }

    /// Bytes that it weighs when stored, roughly but never too few.
    pub(super) fn weight(&self) -> usize {
        let ids = [&self.source_id, &self.echo_id, &self.text].into_iter().flatten();
        let files = self.attachments.iter().map(File::weight).sum::<usize>();
        let mentions = self.mentions.iter().map(|agent| agent.as_str().len() + MENTION_BYTES).sum::<usize>();
        self.kind.len() + self.attributes.len() + ids.map(|id| id.len()).sum::<usize>() + files + mentions
    }
}

/// Checks a message of a help desk as a whole: it may say more than one of a chat, and weigh more.
///
/// # Errors
/// `Invalid`, naming the field.
pub(super) fn check_message(body: &EventBody, details: &Details, weight: usize) -> Result<(), Rejected> {
    match body {
        EventBody::Message { text, .. } => within_characters(text)?,
        other => other.check()?,
    }
    details.check()?;
    within("content", weight, DESK_MESSAGE_BYTES, "bytes in all")
}

fn within_characters(text: &str) -> Result<(), Rejected> {
    within("content", text.chars().count(), DESK_TEXT_CHARS, "characters")
}

/// A change of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Amendment {
    /// What it says.
    pub text: Option<String>,
    /// One JSON object's text; replaces the stored one.
    pub attributes: Option<Box<str>>,
    /// How its delivery went.
    pub carriage: Option<Carriage>,
    /// Its files go.
    pub without_files: bool,
    /// What it says from now on; what it is stays. Only for whoever wrote it.
    pub content: Option<String>,
}

impl Conversation {
    /// The message that has the sender's own id of another, among the newest.
    pub(super) fn posted_as(&self, event: &NewEvent) -> Option<EventId> {
        let source = event.details.as_deref()?.source_id.as_deref()?;
        let of = |event: &Event| event.details.as_deref().and_then(|details| details.source_id.clone());
        self.tail.iter().find(|known| of(known).as_deref() == Some(source)).map(|known| known.id)
    }

    /// A customer may answer what a message asks, which stands in its attributes, and nothing else.
    pub(super) fn amend_event(
        &self,
        id: EventId,
        amendment: Amendment,
        stored: Option<Arc<Event>>,
        cx: &Context<'_>,
    ) -> Result<Decision, Rejected> {
        self.may(cx, Need::Write)?;
        let before = self.event(id, stored, cx)?;
        let by_customer = Self::reader(cx) == Reader::Customer;
        let beyond_answers = amendment.text.is_some()
            || amendment.content.is_some()
            || amendment.carriage.is_some()
            || amendment.without_files;
        if by_customer && beyond_answers {
            return Err(Rejected::NoAccess);
        }
        let own = cx.by.is_some_and(|by| before.author.as_ref() == Some(&by.user));
        if amendment.content.is_some() && !own {
            return Err(Rejected::NoAccess);
        }
        if amendment.content.as_deref().is_some_and(|content| content.trim().is_empty()) {
            return Err(Rejected::blank("content"));
        }
        let mut event = (*before).clone();
        if let Some(text) = amendment.text {
            // A file or a card that was taken back is a text from then on.
            event.body = EventBody::Message { text, postback: None };
        }
        let details = event.details.get_or_insert_default();
        match (&mut event.body, amendment.content) {
            (_, None) => {}
            (EventBody::Message { text, .. }, Some(content)) => *text = content,
            // Files and cards stay what they are, under other words.
            (_, Some(content)) => details.text = Some(content.into()),
        }
        let plain = matches!(event.body, EventBody::Message { .. });
        details.text.take_if(|_| plain);
        if amendment.without_files {
            details.attachments.clear();
        }
        if let Some(attributes) = amendment.attributes {
            details.attributes = attributes;
        }
        if let Some(carriage) = amendment.carriage {
            details.carriage = carriage;
        }
        let weight = event.weight();
        check_message(&event.body, event.details.get_or_insert_default(), weight)?;
        let mut draft = self.draft(cx.now);
        if event != *before {
            draft.add(Change::EventAmended(Arc::new(event)));
        }
        Ok(draft.done())
    }

    pub(super) fn event_amended(&mut self, event: &Arc<Event>, told: &mut Vec<Told>) {
        self.put_event(event);
        let to = self.talk_address(event.visible_to_customer());
        let push = Push::EventChanged { chat: self.id, event: Arc::clone(event) };
        told.push(Told { push, to, main: true, seq: None });
    }
}
