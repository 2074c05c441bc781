//! Frames as they come in: envelopes, the order of the checks, and what no text may do.

use proptest::prelude::*;
use serde_json::{Value, json};
use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::command::Command;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, GroupId};

use crate::api::livechat::Api;
use crate::api::livechat::v3_0::read::testing::principal;
use crate::api::livechat::v3_0::{V3_0, methods};
use crate::engine::dialect::{Ask, Dialect, Frame, FrameHead, Side};
use crate::engine::order::{Failure, Login, Order};

fn read(side: Side, by: Option<&Principal>, frame: &Value) -> Frame {
    V3_0.read(side, by, &frame.to_string())
}

/// The text of the answer to a frame that was refused.
fn refused(side: Side, by: Option<&Principal>, text: &str) -> Value {
    let frame = V3_0.read(side, by, text);
    let Err(failure) = frame.ask else { panic!("{text} was read: {:?}", frame.ask) };
    serde_json::from_str(&V3_0.answer(side, &frame.head, &Err(failure), by)).unwrap()
}

#[test]
fn a_broken_frame_is_answered_and_echoes_what_could_be_read() {
    let error = |message: &str| json!({ "error": { "type": "validation", "message": message } });
    for (text, request_id, action, message) in [
        ("", None, "", "request: must be one JSON object"),
        ("[1]", None, "", "request: must be one JSON object"),
        (r#"{"request_id":"7","action":"#, None, "", "request: must be one JSON object"),
        (r#"{"request_id":"7"}"#, Some("7"), "", "action: missing"),
        (r#"{"request_id":"7","action":5}"#, Some("7"), "", "action: must be a string"),
        (r#"{"request_id":7,"action":"ping"}"#, None, "ping", "request_id: must be a string"),
        (
            r#"{"request_id":"7","action":"ping","payload":[]}"#,
            Some("7"),
            "ping",
            "payload: must be an object",
        ),
        (
            r#"{"request_id":"7","action":"ping","author_id":1}"#,
            Some("7"),
            "ping",
            "author_id: must be a string",
        ),
        (r#"{"request_id":"7","action":"dance"}"#, Some("7"), "dance", "Unknown action"),
    ] {
        let answer = refused(Side::Agent, None, text);
        assert_eq!(answer.get("request_id").and_then(Value::as_str), request_id, "{text}");
        assert_eq!(answer["action"], action, "{text}");
        assert_eq!((&answer["type"], &answer["success"]), (&json!("response"), &json!(false)));
        assert_eq!(answer["payload"], error(message), "{text}");
    }
}

#[test]
fn a_request_id_is_escaped_when_it_is_echoed() {
    let id = "quote \" backslash \\ newline \n end";
    let frame = read(Side::Agent, None, &json!({ "request_id": id, "action": "ping" }));
    let answer = V3_0.answer(Side::Agent, &frame.head, &Ok(crate::engine::order::Done::Nothing), None);
    assert_eq!(
        serde_json::from_str::<Value>(&answer).unwrap(),
        json!({ "request_id": id, "action": "ping", "type": "response", "success": true, "payload": {} })
    );
    let silent = V3_0.answer(Side::Agent, &FrameHead::default(), &Err(Failure::Timeout), None);
    assert!(!silent.contains("request_id"));
}

#[test]
fn payload_may_be_missing_null_or_empty() {
    let by = principal(Side::Agent, &["*"]);
    for frame in [
        json!({ "action": "get_chats_summary" }),
        json!({ "action": "get_chats_summary", "payload": null }),
        json!({ "action": "get_chats_summary", "payload": {} }),
        json!({ "action": "get_chats_summary", "payload": { "routing_scope": null, "unknown": [1] }, "version": "x" }),
    ] {
        let read = read(Side::Agent, Some(&by), &frame);
        assert!(matches!(read.ask, Ok(Ask::Order(Order::ListChats(_), None))), "{frame}");
    }
}

#[test]
fn logins_are_read_with_and_without_bearer() {
    for token in ["dal:x", "Bearer dal:x"] {
        let frame = json!({ "action": "login", "author_id": "bot", "payload": {
            "token": token, "reconnect": true, "timezone": "Europe/Warsaw", "application": { "name": "App" } } });
        let Ok(Ask::Login(Login::Agent { token, author, reconnect, resume: None })) =
            read(Side::Agent, None, &frame).ask
        else {
            panic!()
        };
        assert_eq!((token.as_str(), author, reconnect), ("dal:x", Some(AgentId::new("bot")), true));
    }
    let frame = json!({ "action": "login", "payload": { "token": "Bearer t", "group_id": 3, "is_mobile": false,
        "customer": { "name": "Mia", "fields": { "plan": "free" } }, "customer_page": { "url": "x" } } });
    let asked = read(Side::Customer, None, &frame).ask;
    let Ok(Ask::Login(Login::Customer { token, group, change, page, .. })) = asked else { panic!() };
    assert_eq!(page.map(|page| page.url), Some("x".into()));
    assert_eq!((token.as_str(), group, change.name.as_deref()), ("t", Some(GroupId(3)), Some("Mia")));
    assert_eq!(change.fields.get("plan").map(|plan| &**plan), Some("free"));
    for (payload, message) in [
        (json!({}), "token: missing"),
        (json!({ "token": 5 }), "token: must be a string"),
        (json!({ "token": "t", "group_id": -1 }), "group_id: must be a whole number that is not negative"),
        (json!({ "token": "t", "customer": [] }), "customer: must be an object"),
        (
            json!({ "token": "t", "customer": { "fields": { "a": 1 } } }),
            "customer.fields.a: must be a string",
        ),
    ] {
        let frame = json!({ "action": "login", "payload": payload });
        assert_eq!(refused(Side::Customer, None, &frame.to_string())["payload"]["error"]["message"], message);
    }
}

#[test]
fn the_checks_stand_in_order_login_scope_fields() {
    let send = json!({ "action": "send_event" });
    assert_eq!(read(Side::Agent, None, &send).ask.err(), Some(Failure::LoginFirst));
    assert!(matches!(read(Side::Agent, None, &json!({ "action": "ping" })).ask, Ok(Ask::Ping)));
    let reader = principal(Side::Agent, &["chats--all:ro"]);
    assert_eq!(read(Side::Agent, Some(&reader), &send).ask.err(), Some(Rejected::NoAccess.into()));
    let writer = principal(Side::Agent, &["chats--all:rw"]);
    let missing = Rejected::invalid("chat_id", "missing").into();
    assert_eq!(read(Side::Agent, Some(&writer), &send).ask.err(), Some(missing));
    assert!(matches!(read(Side::Agent, Some(&writer), &json!({ "action": "logout" })).ask, Ok(Ask::Logout)));
    let customer = principal(Side::Customer, &[]);
    let logout = read(Side::Customer, Some(&customer), &json!({ "action": "logout" }));
    assert_eq!(logout.ask.err(), Some(Failure::UnknownAction));
}

#[test]
fn a_bot_acts_by_name_on_the_agents_side_only() {
    let frame =
        json!({ "action": "close_thread", "author_id": "bot", "payload": { "chat_id": "CHA0000001" } });
    let by = principal(Side::Agent, &["*"]);
    let Ok(Ask::Order(Order::Chat(_, Command::Close { .. }), author)) =
        read(Side::Agent, Some(&by), &frame).ask
    else {
        panic!()
    };
    assert_eq!(author, Some(AgentId::new("bot")));
    let by = principal(Side::Customer, &[]);
    assert!(matches!(read(Side::Customer, Some(&by), &frame).ask, Ok(Ask::Order(_, None))));
}

#[test]
fn bodies_are_taken_wrapped_and_bare() {
    let by = principal(Side::Agent, &["*"]);
    let limit = |body: Value| {
        let text = body.to_string();
        let call = V3_0.open(Api::Agent, "get_chats_summary", &text)?;
        let author = call.author.clone();
        match V3_0.order(call, &by)? {
            Order::ListChats(list) => Ok::<_, Failure>((list.limit, author)),
            other => panic!("{other:?}"),
        }
    };
    let bot = Some(AgentId::new("bot"));
    assert_eq!(limit(json!({ "payload": { "limit": 3 } })), Ok((3, None)));
    assert_eq!(limit(json!({ "payload": { "limit": 3 }, "author_id": "bot" })), Ok((3, bot.clone())));
    assert_eq!(limit(json!({ "limit": 3, "author_id": "bot" })), Ok((3, bot)));
    for empty in [json!({}), json!({ "payload": null }), json!({ "payload": {} })] {
        assert_eq!(limit(empty), Ok((10, None)));
    }
    let not_wrapped = json!({ "payload": { "limit": 3 }, "limit": 4 });
    assert_eq!(limit(not_wrapped), Ok((4, None)), "another key beside it: the whole body counts");
    let wrong = limit(json!({ "payload": { "limit": "x" } }));
    assert!(matches!(wrong, Err(Failure::Rejected(Rejected::Invalid { field, .. })) if field == "limit"));
    assert_eq!(
        V3_0.open(Api::Agent, "login", "{}").err(),
        Some(Failure::UnknownAction),
        "no login over HTTP"
    );
}

/// JSON of any shape, with the names that requests have, so that it gets past the first checks.
fn some_json() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec![
        "payload",
        "action",
        "request_id",
        "author_id",
        "chat_id",
        "event",
        "type",
        "text",
        "properties",
        "chat",
        "thread",
        "events",
        "users",
        "id",
        "content",
        "elements",
        "fields",
        "webhooks",
        "filters",
        "page_id",
        "value",
    ]);
    let word = prop::sample::select(vec![
        "message",
        "custom",
        "rich_message",
        "filled_form",
        "send_event",
        "start_chat",
        "get_chats_summary",
        "login",
        "CHA0000001",
        "system_message",
        "file",
        "annotation",
        "\u{0}\"\\",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_is_left_without_an_answer(text in ".{0,60}") {
        for side in [Side::Agent, Side::Customer] {
            let frame = V3_0.read(side, Some(&principal(side, &["*"])), &text);
            if let Err(failure) = frame.ask {
                let answer = V3_0.answer(side, &frame.head, &Err(failure), None);
                prop_assert!(serde_json::from_str::<Value>(&answer).is_ok());
            }
        }
    }

    /// Each method reads whatever it is given, over a socket and over HTTP, and what it refuses has an answer that
    /// carries what could be read of the envelope.
    #[test]
    fn no_json_panics(
        payload in some_json(),
        (api, action) in prop::sample::select(methods::names()),
        request_id in ".{0,12}",
    ) {
        let side = api.side();
        let by = principal(side, &["*"]);
        let text = json!({ "action": action, "payload": payload, "request_id": request_id }).to_string();
        let frame = V3_0.read(side, Some(&by), &text);
        prop_assert_eq!(&*frame.head.action, action);
        if let Err(failure) = frame.ask {
            let answer = V3_0.answer(side, &frame.head, &Err(failure), Some(&by));
            let answer: Value = serde_json::from_str(&answer).unwrap();
            prop_assert_eq!(&answer["request_id"], &json!(request_id));
            prop_assert_eq!(&answer["success"], &json!(false));
        }
        for body in [payload.to_string(), json!({ "payload": payload }).to_string()] {
            if let Ok(call) = V3_0.open(api, action, &body) {
                let _ = V3_0.order(call, &by);
            }
        }
    }

    /// The same with the text cut short, or with something put in.
    #[test]
    fn no_broken_json_panics(
        payload in some_json(),
        (api, action) in prop::sample::select(methods::names()),
        at in any::<prop::sample::Index>(),
        inserted in ".{0,3}",
    ) {
        let side = api.side();
        let by = principal(side, &["*"]);
        let text = json!({ "action": action, "payload": payload }).to_string();
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let at = *at.get(&places);
        for broken in [text[..at].to_owned(), format!("{}{inserted}{}", &text[..at], &text[at..])] {
            let frame = V3_0.read(side, Some(&by), &broken);
            if let Err(failure) = frame.ask {
                let answer = V3_0.answer(side, &frame.head, &Err(failure), Some(&by));
                prop_assert!(serde_json::from_str::<Value>(&answer).is_ok());
            }
            let _ = V3_0.open(api, action, &broken).map(|call| V3_0.order(call, &by));
        }
    }
}
