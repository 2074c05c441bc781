//! Events as clients send them, and the method that sends one (spec v3.0, 4.5 and 5.3).

use std::borrow::Cow;

use switchboard_domain::conversation::command::{Command, WhenInactive};
use switchboard_domain::conversation::event::{
    Answer, EventBody, File, FilledField, MessagePostback, NewEvent, Picture, RichButton, RichElement,
    RichImage, SystemMessage, Visibility, WebviewHeight,
};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::ThreadId;

use super::Call;
use crate::api::livechat::object::Object;
use crate::engine::dialect::{Ask, Side};
use crate::engine::order::{Failure, Order};

/// What a file is when its sender does not say.
const UNKNOWN_CONTENT: &str = "application/octet-stream";

/// `send_event`
pub(in super::super) fn send_event(call: &Call<'_>) -> Result<Ask, Failure> {
    let args = &call.args;
    args.name_ids(&["chat_id"])?;
    let event = event(call.side, &args.required("event")?)?;
    let attach = args.flag("attach_to_last_thread")?;
    let require_active = args.flag("require_active_thread")?;
    // An event to a chat without an active thread opens one, except (10.1 #3): an annotation,
    // and where the request says otherwise.
    let when_inactive = if require_active {
        WhenInactive::Refuse
    } else if attach || matches!(event.body, EventBody::Annotation { .. }) {
        WhenInactive::Attach
    } else {
        WhenInactive::OpenThread(ThreadId::from_random((call.random)()), None)
    };
    call.order(Order::Chat(args.required("chat_id")?, Command::Post { event, when_inactive }))
}

/// One event. What a customer writes is for everybody, whatever it names as recipients.
pub(in super::super) fn event(side: Side, event: &Object<'_>) -> Result<NewEvent, Failure> {
    let body = body(event)?;
    let given = event.choice("recipients", &[("all", Visibility::All), ("agents", Visibility::Agents)])?;
    let default = match body {
        EventBody::System(_) => Visibility::Agents,
        _ => Visibility::All,
    };
    let event_path = event.path();
    let new = NewEvent {
        details: None,
        custom_id: event.optional("custom_id")?,
        visibility: match side {
            Side::Agent => given.unwrap_or(default),
            Side::Customer => Visibility::All,
        },
        properties: event.optional("properties")?.unwrap_or_default(),
        body,
    };
    new.check().map_err(|rejected| under(event_path, rejected))?;
    Ok(new)
}

/// The domain calls every event `event`; the request may have several.
fn under(path: &str, rejected: Rejected) -> Rejected {
    match rejected {
        Rejected::Invalid { field, reason } => {
            let field =
                field.strip_prefix("event").map_or_else(|| field.clone(), |rest| format!("{path}{rest}"));
            Rejected::Invalid { field, reason }
        }
        other => other,
    }
}

fn body(event: &Object<'_>) -> Result<EventBody, Failure> {
    let kind: Cow<'_, str> = event.required("type")?;
    match &*kind {
        "message" => Ok(EventBody::Message { text: event.required("text")?, postback: postback(event)? }),
        "system_message" => Ok(EventBody::System(SystemMessage {
            kind: event.required("system_message_type")?,
            text: event.required("text")?,
            vars: text_vars(event)?,
        })),
        "annotation" => Ok(EventBody::Annotation {
            kind: event.required("annotation_type")?,
            text: event.optional("text")?,
        }),
        "filled_form" => {
            let fields: Vec<Object<'_>> = event.required("fields")?;
            Ok(EventBody::FilledForm {
                form_id: event.required("form_id")?,
                fields: fields.iter().map(form_field).collect::<Result<_, _>>()?,
            })
        }
        "file" => file(event).map(EventBody::File),
        "custom" => custom(event),
        "rich_message" => rich(event),
        _ => Err(event.invalid("type", "is no known event type")),
    }
}

fn postback(event: &Object<'_>) -> Result<Option<MessagePostback>, Failure> {
    let Some(postback) = event.optional::<Object<'_>>("postback")? else { return Ok(None) };
    let typed_value = match (postback.optional("type")?, postback.optional("value")?) {
        (None, None) => None,
        (Some(kind), Some(value)) => Some((kind, value)),
        (None, Some(_)) => return Err(postback.invalid("type", "must come with value")),
        (Some(_), None) => return Err(postback.invalid("value", "must come with type")),
    };
    Ok(Some(MessagePostback {
        id: postback.required("id")?,
        thread_id: postback.required("thread_id")?,
        event_id: postback.required("event_id")?,
        typed_value,
    }))
}

/// Name and value of a variable.
type Var = (Box<str>, Box<str>);

fn text_vars(event: &Object<'_>) -> Result<Vec<Var>, Failure> {
    let Some(vars) = event.optional::<Object<'_>>("text_vars")? else { return Ok(Vec::new()) };
    let value = |(name, _)| Ok((Box::from(name), vars.required(name)?));
    vars.entries().map(value).collect()
}

fn form_field(field: &Object<'_>) -> Result<FilledField, Failure> {
    let kind: Box<str> = field.required("type")?;
    let answer = match &*kind {
        "name" | "email" | "question" | "textarea" => field.optional("answer")?.map(Answer::Text),
        "radio" | "select" => {
            let chosen: Option<Object<'_>> = field.optional("answer")?;
            chosen.map(|chosen| choice(&chosen).map(|(id, label)| Answer::Choice(id, label))).transpose()?
        }
        "checkbox" => {
            let chosen: Option<Vec<Object<'_>>> = field.optional("answers")?;
            chosen
                .map(|all| all.iter().map(choice).collect::<Result<_, _>>().map(Answer::Choices))
                .transpose()?
        }
        "group_chooser" => {
            let chosen: Option<Object<'_>> = field.optional("answer")?;
            let group = |chosen: Object<'_>| {
                Ok::<_, Failure>(Answer::Group(chosen.required("group_id")?, chosen.required("label")?))
            };
            chosen.map(group).transpose()?
        }
        _ => return Err(field.invalid("type", "is no known field type")),
    };
    Ok(FilledField {
        kind,
        id: field.required("id")?,
        label: field.required("label")?,
        answer: answer.unwrap_or(Answer::None),
    })
}

fn choice(chosen: &Object<'_>) -> Result<(Box<str>, Box<str>), Failure> {
    Ok((chosen.required("id")?, chosen.required("label")?))
}

/// At least the URL; what is missing is guessed from it.
fn file(event: &Object<'_>) -> Result<File, Failure> {
    let url: Box<str> = event.required("url")?;
    let name: Option<Box<str>> = event.optional("name")?;
    let picture = Picture {
        width: event.optional("width")?,
        height: event.optional("height")?,
        thumbnail_url: event.optional("thumbnail_url")?,
        thumbnail2x_url: event.optional("thumbnail2x_url")?,
    };
    Ok(File {
        name: name.unwrap_or_else(|| url.rsplit('/').next().unwrap_or_default().into()),
        content_type: event.optional("content_type")?.unwrap_or_else(|| UNKNOWN_CONTENT.into()),
        size: event.optional("size")?,
        picture: (picture != Picture::default()).then_some(picture),
        url,
    })
}

/// Any object, kept to the letter. It goes out again inside our own JSON, so it must be sound
/// and not nested beyond what a parser takes.
fn custom(event: &Object<'_>) -> Result<EventBody, Failure> {
    let _is_object: Object<'_> = event.required("content")?;
    let content = event.raw("content").map_or("{}", |raw| raw.get());
    match serde_json::from_str::<serde_json::Value>(content) {
        Ok(_) => Ok(EventBody::Custom { content: content.into() }),
        Err(_) => Err(event.invalid("content", "has broken characters or is nested too deeply")),
    }
}

fn rich(event: &Object<'_>) -> Result<EventBody, Failure> {
    let elements = match event.optional::<Vec<Object<'_>>>("elements")? {
        Some(elements) if elements.is_empty() => return Err(event.invalid("elements", "must not be empty")),
        elements => elements.unwrap_or_default(),
    };
    Ok(EventBody::Rich {
        template: event.required("template_id")?,
        elements: elements.iter().map(element).collect::<Result<_, _>>()?,
    })
}

fn element(element: &Object<'_>) -> Result<RichElement, Failure> {
    let image: Option<Object<'_>> = element.optional("image")?;
    let buttons = match element.optional::<Vec<Object<'_>>>("buttons")? {
        Some(buttons) if buttons.is_empty() => return Err(element.invalid("buttons", "must not be empty")),
        buttons => buttons.unwrap_or_default(),
    };
    Ok(RichElement {
        title: element.optional("title")?,
        subtitle: element.optional("subtitle")?,
        image: image.map(|image| rich_image(&image)).transpose()?,
        buttons: buttons.iter().map(button).collect::<Result<_, _>>()?,
    })
}

fn rich_image(image: &Object<'_>) -> Result<RichImage, Failure> {
    Ok(RichImage {
        url: image.required("url")?,
        name: image.optional("name")?,
        content_type: image.optional("content_type")?,
        size: image.optional("size")?,
        width: image.optional("width")?,
        height: image.optional("height")?,
    })
}

fn button(button: &Object<'_>) -> Result<RichButton, Failure> {
    let heights =
        [("compact", WebviewHeight::Compact), ("tall", WebviewHeight::Tall), ("full", WebviewHeight::Full)];
    // Nobody has pressed a button that is only being sent.
    let _user_ids: Option<Vec<Cow<'_, str>>> = button.optional("user_ids")?;
    Ok(RichButton {
        text: button.required("text")?,
        postback_id: button.required("postback_id")?,
        user_ids: Vec::new(),
        kind: button.optional("type")?,
        value: button.optional("value")?,
        webview_height: button.choice("webview_height", &heights)?,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::api::livechat::v3_0::read::testing::{principal, read, refusal};
    use serde_json::{Value, json};

    fn send(side: Side, event: &Value) -> Result<Order, Failure> {
        let args = json!({ "chat_id": "CHA0000001", "event": event });
        read(send_event, &principal(side, &["*"]), &args)
    }

    fn sent(side: Side, event: &Value) -> NewEvent {
        match send(side, event) {
            Ok(Order::Chat(_, Command::Post { event, .. })) => event,
            other => panic!("{event}: {other:?}"),
        }
    }

    #[test]
    fn each_refusal_names_its_field() {
        let button = |n: usize| json!([{ "title": "t", "buttons": vec![json!({"text": "b", "postback_id": "p"}); n] }]);
        let cases = [
            (json!("x"), "event: must be an object"),
            (json!({}), "event.type: missing"),
            (json!({ "type": 1 }), "event.type: must be a string"),
            (json!({ "type": "odd" }), "event.type: is no known event type"),
            (json!({ "type": "message" }), "event.text: missing"),
            (json!({ "type": "message", "text": 5 }), "event.text: must be a string"),
            (
                json!({ "type": "message", "text": "x", "recipients": "me" }),
                "event.recipients: must be one of: all, agents",
            ),
            (json!({ "type": "message", "text": "x", "custom_id": 1 }), "event.custom_id: must be a string"),
            (
                json!({ "type": "message", "text": "x", "properties": [] }),
                "event.properties: must be an object",
            ),
            (
                json!({ "type": "message", "text": "x", "properties": {"a": {"b": 1.5}} }),
                "event.properties.a.b: must be a string, a bool or a 32-bit whole number",
            ),
            (
                json!({ "type": "message", "text": "x", "properties": {"a": {"b": 2_147_483_648_u64}} }),
                "event.properties.a.b: must be a string, a bool or a 32-bit whole number",
            ),
            (
                json!({ "type": "message", "text": "x", "properties": {"a": {"b": {}}} }),
                "event.properties.a.b.value: missing",
            ),
            (
                json!({ "type": "message", "text": "x", "postback": {"id": "1", "thread_id": "t", "event_id": "e", "type": "k"} }),
                "event.postback.value: must come with type",
            ),
            (
                json!({ "type": "message", "text": "x", "postback": {"thread_id": "t", "event_id": "e"} }),
                "event.postback.id: missing",
            ),
            (
                json!({ "type": "message", "text": "x".repeat(16 * 1024 + 1) }),
                "event.text: must have at most 16384 bytes, has 16385",
            ),
            (json!({ "type": "system_message", "text": "x" }), "event.system_message_type: missing"),
            (
                json!({ "type": "system_message", "system_message_type": "x", "text": "", "text_vars": {"a": 1} }),
                "event.text_vars.a: must be a string",
            ),
            (json!({ "type": "annotation" }), "event.annotation_type: missing"),
            (json!({ "type": "filled_form", "form_id": "f" }), "event.fields: missing"),
            (
                json!({ "type": "filled_form", "form_id": "f", "fields": [{"type": "odd"}] }),
                "event.fields.0.type: is no known field type",
            ),
            (
                json!({ "type": "filled_form", "form_id": "f", "fields": [{"type": "radio", "id": "1", "label": "l", "answer": "x"}] }),
                "event.fields.0.answer: must be an object",
            ),
            (json!({ "type": "file" }), "event.url: missing"),
            (json!({ "type": "custom" }), "event.content: missing"),
            (json!({ "type": "custom", "content": [] }), "event.content: must be an object"),
            (json!({ "type": "rich_message" }), "event.template_id: missing"),
            (
                json!({ "type": "rich_message", "template_id": "cards", "elements": [] }),
                "event.elements: must not be empty",
            ),
            (
                json!({ "type": "rich_message", "template_id": "cards", "elements": button(0) }),
                "event.elements.0.buttons: must not be empty",
            ),
            (
                json!({ "type": "rich_message", "template_id": "cards", "elements": button(12) }),
                "event.elements.buttons: must have at most 11 buttons, has 12",
            ),
            (
                json!({ "type": "rich_message", "template_id": "cards", "elements": [{"image": {}}] }),
                "event.elements.0.image.url: missing",
            ),
        ];
        for (event, expected) in cases {
            assert_eq!(refusal(send(Side::Agent, &event)), expected, "{event}");
        }
    }

    #[test]
    fn system_messages_of_agents_are_internal_unless_said_and_customers_write_to_everybody() {
        let system = json!({ "type": "system_message", "system_message_type": "own", "text": "x" });
        let message = json!({ "type": "message", "text": "x" });
        let note = json!({ "type": "message", "text": "x", "recipients": "agents" });
        assert_eq!(sent(Side::Agent, &system).visibility, Visibility::Agents);
        assert_eq!(sent(Side::Agent, &message).visibility, Visibility::All);
        assert_eq!(sent(Side::Agent, &note).visibility, Visibility::Agents);
        for event in [system, message, note] {
            assert_eq!(sent(Side::Customer, &event).visibility, Visibility::All, "{event}");
        }
    }

    #[test]
    fn what_an_event_does_to_an_inactive_chat_follows_the_request() {
        let when = |args: Value| match read(send_event, &principal(Side::Agent, &["*"]), &args).unwrap() {
            Order::Chat(_, Command::Post { when_inactive, .. }) => when_inactive,
            other => panic!("{other:?}"),
        };
        let message = json!({ "type": "message", "text": "x" });
        let note = json!({ "type": "annotation", "annotation_type": "x" });
        let fresh = WhenInactive::OpenThread(ThreadId::from_random(5), None);
        let chat = "CHA0000001";
        assert_eq!(when(json!({ "chat_id": chat, "event": message })), fresh);
        assert_eq!(
            when(json!({ "chat_id": chat, "event": message, "attach_to_last_thread": true })),
            WhenInactive::Attach
        );
        assert_eq!(
            when(json!({ "chat_id": chat, "event": message, "require_active_thread": true })),
            WhenInactive::Refuse
        );
        assert_eq!(when(json!({ "chat_id": chat, "event": note })), WhenInactive::Attach);
    }

    #[test]
    fn custom_content_is_kept_to_the_letter_and_must_be_sound() {
        let args = r#"{"chat_id":"CHA0000001","event":{"type":"custom","content":{"b": 1,  "a":[null]}}}"#;
        let by = principal(Side::Agent, &["*"]);
        let call = |text| Call {
            side: Side::Agent,
            by: Some(&by),
            author: None,
            args: Object::parse(text).unwrap(),
            random: || 1,
        };
        match send_event(&call(args)) {
            Ok(Ask::Order(Order::Chat(_, Command::Post { event, .. }), None)) => {
                assert_eq!(event.body, EventBody::Custom { content: r#"{"b": 1,  "a":[null]}"#.into() });
            }
            other => panic!("{other:?}"),
        }
        let deep = format!(
            r#"{{"chat_id":"CHA0000001","event":{{"type":"custom","content":{{"a":{}{}}}}}}}"#,
            "[".repeat(500),
            "]".repeat(500)
        );
        assert!(send_event(&call(&deep)).is_err());
        let lone = r#"{"chat_id":"CHA0000001","event":{"type":"custom","content":{"a":"\ud800"}}}"#;
        assert!(send_event(&call(lone)).is_err());
    }

    #[test]
    fn an_id_that_cannot_be_is_answered_like_an_unknown_one() {
        let args = json!({ "chat_id": "no such", "event": { "type": "message", "text": "x" } });
        let refused = read(send_event, &principal(Side::Agent, &["*"]), &args);
        let unknown = Rejected::NotFound(switchboard_domain::error::Resource::Chat);
        assert_eq!(refused.err(), Some(unknown.into()));
    }
}
