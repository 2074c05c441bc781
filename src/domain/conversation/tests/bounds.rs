//! Every bound of a conversation, at it and over it. Source: spec v3.0, 11 and 12 #7; design D3.

use super::*;
use crate::conversation::event::{
    Answer, File, FilledField, MessagePostback, Picture, RichImage, WebviewHeight,
};
use crate::conversation::weight::EVENT_BYTES;
use crate::limits::{
    FILE_BYTES, GROUPS_PER_ACCESS, INITIAL_EVENTS, INITIAL_EVENTS_BYTES, MESSAGE_TEXT_BYTES,
    PROPERTY_TEXT_BYTES, SHORT_TEXT_BYTES, TAG_CHARS, TAGS_PER_THREAD, TAIL_BYTES,
};

/// What a chunk may have: one event of the greatest weight, and its framing.
const STORED_BYTES: usize = EVENT_BYTES + 1024;

fn start(open: OpenThread) -> Result<(), Rejected> {
    Chat::create("ann", open).map(drop)
}

fn refused(result: &Result<(), Rejected>, wanted: &str) {
    assert!(
        matches!(result, Err(Rejected::Invalid { field, .. }) if field == wanted),
        "{wanted}: {result:?}"
    );
}

fn long(bytes: usize) -> Box<str> {
    "x".repeat(bytes).into()
}

#[test]
fn initial_events_are_bounded() {
    let events = |n| OpenThread { events: vec![said(); n], ..open(1, None) };
    assert_eq!(start(events(INITIAL_EVENTS)), Ok(()));
    refused(&start(events(INITIAL_EVENTS + 1)), "chat.thread.events");
}

#[test]
fn initial_events_are_bounded_together() {
    let big = NewEvent {
        body: EventBody::Message { text: "x".repeat(MESSAGE_TEXT_BYTES), postback: None },
        ..said()
    };
    let events = |n| OpenThread { events: vec![big.clone(); n], ..open(1, None) };
    let fit = INITIAL_EVENTS_BYTES / (MESSAGE_TEXT_BYTES + 1024);
    assert_eq!(start(events(fit)), Ok(()));
    refused(&start(events(INITIAL_EVENTS_BYTES / MESSAGE_TEXT_BYTES + 1)), "chat.thread.events");
}

#[test]
fn tags_are_bounded_in_number_and_length() {
    let tags = |n, chars| OpenThread { tags: vec!["ä".repeat(chars).into(); n], ..open(1, None) };
    assert_eq!(start(tags(TAGS_PER_THREAD, TAG_CHARS)), Ok(()));
    refused(&start(tags(TAGS_PER_THREAD + 1, 1)), "chat.thread.tags");
    refused(&start(tags(1, TAG_CHARS + 1)), "chat.thread.tags");
}

#[test]
fn access_names_some_known_groups_and_not_too_many() {
    let access = |groups: std::ops::Range<u32>| OpenThread {
        access: Some(groups.map(GroupId).collect()),
        ..open(1, None)
    };
    let bound = u32::try_from(GROUPS_PER_ACCESS).unwrap();
    assert_eq!(start(access(0..3)), Ok(()));
    refused(&start(access(0..0)), "access.group_ids");
    refused(&start(access(0..bound + 1)), "access.group_ids");
    let unknown = Err(Rejected::GroupNotFound(GroupId(3)));
    assert_eq!(start(access(0..bound)), unknown, "the number is within its bound");
}

#[test]
fn posted_and_initial_events_are_checked_alike() {
    let message = |bytes| event(Visibility::All, text(&long(bytes)));
    let initial = |bytes| start(OpenThread { events: vec![message(bytes)], ..open(1, None) });
    let posted = |bytes| Chat::held_by("ann").run("ann", post(message(bytes))).map(drop);
    for result in [initial(MESSAGE_TEXT_BYTES), posted(MESSAGE_TEXT_BYTES)] {
        assert_eq!(result, Ok(()));
    }
    for result in [initial(MESSAGE_TEXT_BYTES + 1), posted(MESSAGE_TEXT_BYTES + 1)] {
        refused(&result, "event.text");
    }
}

#[test]
fn properties_are_checked_at_chat_thread_and_event() {
    let with = |bytes| {
        let mut properties = Properties::default();
        properties.set("test", "string_property", PropertyValue::Text(long(bytes)));
        properties
    };
    let chat = |bytes| start(OpenThread { properties: with(bytes), ..open(1, None) });
    let thread = |bytes| start(OpenThread { thread_properties: with(bytes), ..open(1, None) });
    let posted = |bytes| NewEvent { properties: with(bytes), ..said() };
    let first = |bytes| start(OpenThread { events: vec![posted(bytes)], ..open(1, None) });
    let later = |bytes| Chat::held_by("ann").run("ann", post(posted(bytes))).map(drop);
    for (check, place) in [
        (&chat as &dyn Fn(usize) -> _, "chat"),
        (&thread, "chat.thread"),
        (&first, "event"),
        (&later, "event"),
    ] {
        assert_eq!(check(PROPERTY_TEXT_BYTES), Ok(()), "{place}");
        refused(&check(PROPERTY_TEXT_BYTES + 1), &format!("{place}.properties.test.string_property"));
    }
}

/// An event of exactly that weight.
fn weighing(weight: usize) -> NewEvent {
    let fields = |n: usize| {
        let field = FilledField {
            kind: "question".into(),
            id: "1".into(),
            label: long(SHORT_TEXT_BYTES.min(n)),
            answer: Answer::None,
        };
        event(Visibility::All, EventBody::FilledForm { form_id: "".into(), fields: vec![field; 16] })
    };
    let mut whole = fields(SHORT_TEXT_BYTES - 200);
    let rest = weight - whole.weight();
    if let EventBody::FilledForm { form_id, .. } = &mut whole.body {
        *form_id = long(rest);
    }
    whole
}

#[test]
fn an_event_as_a_whole_is_bounded() {
    assert_eq!(weighing(EVENT_BYTES).weight(), EVENT_BYTES);
    assert_eq!(weighing(EVENT_BYTES).check(), Ok(()));
    refused(&weighing(EVENT_BYTES + 1).check(), "event");
}

/// The leanest and busiest event of each kind: many parts, little text.
fn busy_events() -> Vec<EventBody> {
    let one: Box<str> = "x".into();
    let button = RichButton {
        text: one.clone(),
        postback_id: one.clone(),
        user_ids: vec![one.clone(); 2],
        kind: Some(one.clone()),
        value: Some(one.clone()),
        webview_height: Some(WebviewHeight::Compact),
    };
    let image = RichImage {
        url: one.clone(),
        name: Some(one.clone()),
        content_type: Some(one.clone()),
        size: Some(FILE_BYTES),
        width: Some(u32::MAX),
        height: Some(u32::MAX),
    };
    let element = RichElement {
        title: Some(one.clone()),
        subtitle: Some(one.clone()),
        image: Some(image),
        buttons: vec![button; 11],
    };
    let field = |answer| FilledField { kind: one.clone(), id: one.clone(), label: one.clone(), answer };
    let pair = (one.clone(), one.clone());
    let picture = Picture {
        width: Some(u32::MAX),
        height: Some(u32::MAX),
        thumbnail_url: Some(one.clone()),
        thumbnail2x_url: Some(one.clone()),
    };
    let postback = MessagePostback {
        id: one.clone(),
        thread_id: one.clone(),
        event_id: one.clone(),
        typed_value: Some(pair.clone()),
    };
    vec![
        EventBody::Message { text: "x".into(), postback: Some(postback) },
        EventBody::System(SystemMessage {
            kind: one.clone(),
            text: one.clone(),
            vars: vec![pair.clone(); 64],
        }),
        EventBody::Annotation { kind: one.clone(), text: Some("x".into()) },
        EventBody::FilledForm {
            form_id: one.clone(),
            fields: vec![field(Answer::Choices(vec![pair; 64])); 9],
        },
        EventBody::FilledForm {
            form_id: one.clone(),
            fields: vec![field(Answer::Group(9, one.clone())); 64],
        },
        EventBody::File(File {
            name: one.clone(),
            url: one.clone(),
            content_type: one.clone(),
            size: Some(FILE_BYTES),
            picture: Some(picture),
        }),
        EventBody::Custom { content: "{}".into() },
        EventBody::Rich { template: one, elements: vec![element; 10] },
    ]
}

#[test]
fn no_event_is_heavier_in_storage_than_it_weighs() {
    let mut properties = Properties::default();
    for (namespace, name, value) in [
        ("test", "bool_property", PropertyValue::Bool(true)),
        ("test", "int_property", PropertyValue::Int(i32::MIN)),
        ("rating", "comment", PropertyValue::Text("x".into())),
    ] {
        properties.set(namespace, name, value);
    }
    for body in busy_events() {
        let kind = body.kind();
        let posted = NewEvent {
            custom_id: Some("my own id".into()),
            properties: properties.clone(),
            ..event(Visibility::Agents, body)
        };
        let mut chat = Chat::held_by("ann");
        chat.run("mia", post(NewEvent { visibility: Visibility::All, ..posted })).unwrap();
        let event = Arc::clone(chat.events(1).last().unwrap());
        let stored = rmp_serde::to_vec(&event).unwrap().len();
        assert!(stored <= event.weight(), "{kind:?}: {stored} bytes, weighs {}", event.weight());
    }
}

#[test]
fn a_chunk_is_cut_before_the_event_that_would_not_fit() {
    let of = |weight: usize| {
        let posted = event(Visibility::All, text(""));
        event(Visibility::All, text(&long(weight - posted.weight())))
    };
    let mut chat = Chat::create("ann", open(1, None)).unwrap().0;
    let fill = |chat: &mut Chat, quarters| {
        for _ in 0..quarters {
            chat.run("ann", post(of(TAIL_BYTES / 4))).unwrap();
        }
        let chunks = chat.state.unsaved_chunks().iter();
        chunks.map(|c| (c.thread, c.index, c.events.len())).collect::<Vec<_>>()
    };
    assert_eq!(fill(&mut chat, 4), [], "at the bound");
    chat.run("ann", post(said())).unwrap();
    assert_eq!(fill(&mut chat, 3), [(thread(1), 0, 4)], "counting begins anew after a cut");
    assert_eq!(chat.events(1).len(), 8);
    chat.engine(close()).unwrap();
    chat.run("ann", Command::Activate(open(2, None))).unwrap();
    let sealed = [(thread(1), 0, 4), (thread(1), 1, 4)];
    assert_eq!(fill(&mut chat, 4), sealed, "and with a new thread");
    assert_eq!((chat.events(1).len(), chat.events(2).len()), (8, 4));
}

#[test]
fn the_heaviest_events_stay_under_what_storage_takes() {
    let mut chat = Chat::held_by("ann");
    for _ in 0..3 {
        chat.run("ann", post(weighing(EVENT_BYTES))).unwrap();
        chat.run("ann", post(said())).unwrap();
    }
    chat.run("ann", close()).unwrap();
    assert!(chat.state.unsaved_chunks().len() >= 3);
    for chunk in chat.state.unsaved_chunks() {
        assert!(rmp_serde::to_vec(&chunk.events).unwrap().len() < STORED_BYTES);
    }
}
