//! Events as they go out (spec v3.0, 4.5).

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use switchboard_domain::conversation::event::{
    Answer, Event, EventBody, EventKind, File, FilledField, MessagePostback, RichButton, RichElement,
    RichImage, SystemMessage, Visibility, WebviewHeight,
};
use switchboard_domain::conversation::properties::Location;

use super::{Lens, Text};

/// An event.
pub(super) struct EventOut<'a> {
    lens: Lens<'a>,
    event: &'a Event,
}

impl<'a> Lens<'a> {
    pub(super) const fn event(self, event: &'a Event) -> EventOut<'a> {
        EventOut { lens: self, event }
    }
}

/// The name of a kind of events.
pub(super) const fn kind_name(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Message => "message",
        EventKind::System => "system_message",
        EventKind::Annotation => "annotation",
        EventKind::FilledForm => "filled_form",
        EventKind::File => "file",
        EventKind::Custom => "custom",
        EventKind::Rich => "rich_message",
    }
}

/// The name of those who may see something.
pub(super) const fn recipients(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::All => "all",
        Visibility::Agents => "agents",
    }
}

impl Serialize for EventOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.event;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &Text(event.id))?;
        if let Some(custom_id) = &event.custom_id {
            map.serialize_entry("custom_id", custom_id)?;
        }
        map.serialize_entry("order", &event.id.order)?;
        map.serialize_entry("timestamp", &event.created_at.as_secs())?;
        map.serialize_entry("type", kind_name(event.body.kind()))?;
        if let Some(author) = &event.author {
            map.serialize_entry("author_id", &Text(author))?;
        }
        map.serialize_entry("recipients", recipients(event.visibility))?;
        write_body(&mut map, event)?;
        if !event.properties.is_empty()
            && let Some(properties) = self.lens.properties(&event.properties, Location::Event).unless_empty()
        {
            map.serialize_entry("properties", &properties)?;
        }
        map.end()
    }
}

fn write_body<M: SerializeMap>(map: &mut M, event: &Event) -> Result<(), M::Error> {
    match &event.body {
        EventBody::Message { text, postback } => {
            match event.details.as_deref().filter(|details| !details.attachments.is_empty()) {
                None => map.serialize_entry("text", text)?,
                // A message has no files here: their addresses are said behind it.
                Some(_) => map.serialize_entry("text", &with_addresses(text, event))?,
            }
            optional(map, "postback", postback.as_ref().map(PostbackOut::from).as_ref())
        }
        EventBody::System(message) => write_system(map, message),
        EventBody::Annotation { kind, text } => {
            map.serialize_entry("annotation_type", kind)?;
            optional(map, "text", text.as_ref())
        }
        EventBody::FilledForm { form_id, fields } => {
            map.serialize_entry("form_id", form_id)?;
            map.serialize_entry("fields", &fields.iter().map(FieldOut).collect::<Vec<_>>())
        }
        EventBody::File(file) => write_file(map, file),
        EventBody::Custom { content } => {
            // Checked when it came in: it is one object, so this cannot fail.
            let raw: &RawValue = serde_json::from_str(content).map_err(serde::ser::Error::custom)?;
            map.serialize_entry("content", raw)
        }
        EventBody::Rich { template, elements } => {
            map.serialize_entry("template_id", template)?;
            let elements: Vec<_> = elements.iter().map(ElementOut::from).collect();
            optional(map, "elements", (!elements.is_empty()).then_some(&elements))
        }
    }
}

fn optional<M: SerializeMap, T: Serialize + ?Sized>(
    map: &mut M,
    name: &str,
    value: Option<&T>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, value))
}

fn write_system<M: SerializeMap>(map: &mut M, message: &SystemMessage) -> Result<(), M::Error> {
    map.serialize_entry("system_message_type", &message.kind)?;
    map.serialize_entry("text", &message.text)?;
    let vars: serde_json::Map<String, serde_json::Value> =
        message.vars.iter().map(|(name, value)| (name.to_string(), (&**value).into())).collect();
    optional(map, "text_vars", (!vars.is_empty()).then_some(&vars))
}

fn with_addresses(text: &str, event: &Event) -> String {
    let lines = std::iter::once(text).chain(event.files().map(|file| &*file.url));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn write_file<M: SerializeMap>(map: &mut M, file: &File) -> Result<(), M::Error> {
    map.serialize_entry("name", &file.name)?;
    map.serialize_entry("url", &file.url)?;
    map.serialize_entry("content_type", &file.content_type)?;
    optional(map, "size", file.size.as_ref())?;
    let Some(picture) = &file.picture else { return Ok(()) };
    optional(map, "width", picture.width.as_ref())?;
    optional(map, "height", picture.height.as_ref())?;
    optional(map, "thumbnail_url", picture.thumbnail_url.as_ref())?;
    optional(map, "thumbnail2x_url", picture.thumbnail2x_url.as_ref())
}

#[derive(Serialize)]
struct PostbackOut<'a> {
    id: &'a str,
    thread_id: &'a str,
    event_id: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
}

impl<'a> From<&'a MessagePostback> for PostbackOut<'a> {
    fn from(postback: &'a MessagePostback) -> Self {
        let typed = postback.typed_value.as_ref();
        Self {
            id: &postback.id,
            thread_id: &postback.thread_id,
            event_id: &postback.event_id,
            kind: typed.map(|(kind, _)| &**kind),
            value: typed.map(|(_, value)| &**value),
        }
    }
}

struct FieldOut<'a>(&'a FilledField);

impl Serialize for FieldOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let field = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &field.kind)?;
        map.serialize_entry("id", &field.id)?;
        map.serialize_entry("label", &field.label)?;
        match &field.answer {
            Answer::None => {}
            Answer::Text(text) => map.serialize_entry("answer", text)?,
            Answer::Choice(id, label) => map.serialize_entry("answer", &ChoiceOut { id, label })?,
            Answer::Choices(choices) => {
                let chosen: Vec<_> = choices.iter().map(|(id, label)| ChoiceOut { id, label }).collect();
                map.serialize_entry("answers", &chosen)?;
            }
            Answer::Group(group_id, label) => {
                map.serialize_entry("answer", &GroupOut { group_id: *group_id, label })?;
            }
        }
        map.end()
    }
}

#[derive(Serialize)]
struct ChoiceOut<'a> {
    id: &'a str,
    label: &'a str,
}

#[derive(Serialize)]
struct GroupOut<'a> {
    group_id: u32,
    label: &'a str,
}

#[derive(Serialize)]
struct ElementOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subtitle: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<ImageOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    buttons: Vec<ButtonOut<'a>>,
}

impl<'a> From<&'a RichElement> for ElementOut<'a> {
    fn from(element: &'a RichElement) -> Self {
        Self {
            title: element.title.as_deref(),
            subtitle: element.subtitle.as_deref(),
            image: element.image.as_ref().map(ImageOut::from),
            buttons: element.buttons.iter().map(ButtonOut::from).collect(),
        }
    }
}

#[derive(Serialize)]
struct ImageOut<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
}

impl<'a> From<&'a RichImage> for ImageOut<'a> {
    fn from(image: &'a RichImage) -> Self {
        Self {
            url: &image.url,
            name: image.name.as_deref(),
            content_type: image.content_type.as_deref(),
            size: image.size,
            width: image.width,
            height: image.height,
        }
    }
}

#[derive(Serialize)]
struct ButtonOut<'a> {
    text: &'a str,
    postback_id: &'a str,
    user_ids: &'a [Box<str>],
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webview_height: Option<&'static str>,
}

impl<'a> From<&'a RichButton> for ButtonOut<'a> {
    fn from(button: &'a RichButton) -> Self {
        let height = |height| match height {
            WebviewHeight::Compact => "compact",
            WebviewHeight::Tall => "tall",
            WebviewHeight::Full => "full",
        };
        Self {
            text: &button.text,
            postback_id: &button.postback_id,
            user_ids: &button.user_ids,
            kind: button.kind.as_deref(),
            value: button.value.as_deref(),
            webview_height: button.webview_height.map(height),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::api::livechat::object::Object;
    use crate::api::livechat::v3_0::read::event_for_tests;
    use crate::api::livechat::v3_0::show::testing::{ANN, as_json, event, lens};
    use crate::engine::dialect::Side;
    use serde_json::json;

    #[test]
    fn a_message_shows_all_common_fields() {
        let mut hello = event(1, "hello");
        let lens = lens();
        let seen = as_json(&lens.side(Side::Agent).event(&hello));
        assert_eq!(
            seen,
            json!({ "id": "THR0000001_1", "order": 1, "timestamp": 1_561_899_990, "type": "message",
                    "author_id": ANN, "recipients": "all", "text": "hello" })
        );
        hello.custom_id = Some("c-1".into());
        hello.visibility = Visibility::Agents;
        hello.properties.set(
            "rating",
            "score",
            switchboard_domain::conversation::properties::PropertyValue::Int(1),
        );
        let seen = as_json(&lens.side(Side::Agent).event(&hello));
        assert_eq!(seen["custom_id"], "c-1");
        assert_eq!(seen["recipients"], "agents");
        assert_eq!(seen["properties"], json!({ "rating": { "score": { "value": 1 } } }));
    }

    #[test]
    fn what_comes_in_goes_out_again() {
        let element = json!({ "title": "Card", "subtitle": "Sub", "image": { "url": "https://x.example/a.png",
            "name": "a", "content_type": "image/png", "size": 9, "width": 1, "height": 2 },
            "buttons": [{ "text": "Buy", "postback_id": "buy", "user_ids": [], "type": "phone", "value": "1",
                          "webview_height": "tall" }] });
        for sent in [
            json!({ "type": "message", "text": "two\nlines \"quoted\"",
                    "postback": { "id": "b", "thread_id": "t", "event_id": "e", "type": "k", "value": "v" } }),
            json!({ "type": "system_message", "system_message_type": "own", "text": "x", "text_vars": { "b": "1", "a": "2" } }),
            json!({ "type": "annotation", "annotation_type": "rating", "text": "good" }),
            json!({ "type": "annotation", "annotation_type": "rating" }),
            json!({ "type": "filled_form", "form_id": "f", "fields": [
                { "type": "name", "id": "1", "label": "Name", "answer": "Mia" },
                { "type": "email", "id": "2", "label": "Left open" },
                { "type": "radio", "id": "3", "label": "One", "answer": { "id": "0", "label": "A" } },
                { "type": "checkbox", "id": "4", "label": "Some", "answers": [{ "id": "0", "label": "A" }, { "id": "1", "label": "B" }] },
                { "type": "group_chooser", "id": "5", "label": "Team", "answer": { "group_id": 1, "label": "Sales" } }] }),
            json!({ "type": "file", "name": "a.png", "url": "https://x.example/a.png", "content_type": "image/png", "size": 12,
                    "width": 1, "height": 2, "thumbnail_url": "t", "thumbnail2x_url": "t2" }),
            json!({ "type": "custom", "content": { "any": ["thing", 1, null, { "deep": 1.5e3 }] } }),
            json!({ "type": "rich_message", "template_id": "cards", "elements": [element, {}] }),
            json!({ "type": "rich_message", "template_id": "sticker" }),
        ] {
            let text = sent.to_string();
            let new = event_for_tests(Side::Agent, &Object::parse(&text).unwrap()).unwrap();
            let stored = Event { body: new.body, ..event(1, "") };
            let shown = as_json(&lens().side(Side::Customer).event(&stored));
            for (key, value) in sent.as_object().unwrap() {
                assert_eq!(&shown[key], value, "`{key}` of {sent}");
            }
        }
    }

    #[test]
    fn a_file_of_which_only_the_url_is_known_is_named_after_it() {
        let text = json!({ "type": "file", "url": "https://x.example/dir/a.bin" }).to_string();
        let new = event_for_tests(Side::Customer, &Object::parse(&text).unwrap()).unwrap();
        let shown = as_json(&lens().side(Side::Agent).event(&Event { body: new.body, ..event(1, "") }));
        assert_eq!(shown["name"], "a.bin");
        assert_eq!(shown["content_type"], "application/octet-stream");
        assert_eq!((shown.get("size"), shown.get("width")), (None, None));
    }
}
