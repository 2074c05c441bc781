//! Bad input over RTM gets the error of the wire, and the connection lives on.

use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::support::rtm::{Rtm, Side};
use crate::support::server::Server;
use crate::support::shape::id;
use crate::support::web::{Api, Web};
use crate::support::{DEADLINE, WireError};

const NOBODY: &str = "0f3b6f5e9c1d4a7b8e2f60718293a4b5";

async fn answers_ping(rtm: &Rtm) {
    assert_eq!(rtm.call("ping", json!({})).await.map(|_| ()), Ok(()));
}

#[tokio::test]
async fn broken_frames_are_answered_and_harm_no_neighbour() {
    let server = Server::start().await;
    let (ann, mia) = (server.agent(0).await, server.customer().await);
    let chat = id(&mia.ok("start_chat", json!({ "chat": {} })).await["chat"]);
    for victim in [&ann, &mia] {
        let broken = [
            "",
            "no json at all",
            "{\"action\":\"ping\"",
            "[]",
            "7",
            "null",
            "\"ping\"",
            "{}",
            "{\"action\":5}",
            "{\"action\":null,\"payload\":{}}",
            "{\"action\":\"ping\"} {\"action\":\"ping\"}",
        ];
        for frame in broken {
            victim.send(Message::text(frame)).await;
            let answer = victim.anonymous_response().await;
            assert_eq!(answer["success"], false, "{frame:?}");
            assert_eq!(WireError::read(&answer["payload"]).kind, "validation", "{frame:?}");
            answers_ping(victim).await;
        }
        // A request_id that could be read is echoed.
        for (frame, action) in [
            (json!({ "action": "send_event", "payload": [] }), "send_event"),
            (json!({ "action": "send_event", "payload": "text" }), "send_event"),
            (json!({ "action": "no_such_action", "payload": {} }), "no_such_action"),
            (json!({ "action": "NO-such/action" }), "NO-such/action"),
        ] {
            let asked = victim.begin(frame.clone()).await;
            let answer = victim.response(&asked).await;
            assert_eq!((&answer["success"], &answer["action"]), (&json!(false), &json!(action)));
            assert_eq!(WireError::read(&answer["payload"]).kind, "validation", "{frame}");
        }
        victim.send(Message::text("{\"action\":\"ping\",\"request_id\":12}")).await;
        assert_eq!(victim.anonymous_response().await["success"], false, "a request_id is a string");
        answers_ping(victim).await;
    }
    let event = json!({ "type": "message", "text": "still here" });
    ann.ok("send_event", json!({ "chat_id": chat, "event": event })).await;
    mia.message("still here").await;

    // Binary: answered like the others, or closed. Too long: closed. The neighbours go on.
    let loud = server.agent(0).await;
    loud.send(Message::binary(vec![0xff; 16])).await;
    let still = loud.try_send(Message::text("{\"action\":\"nothing\",\"request_id\":\"after\"}")).await;
    if still && loud.answered_or_closed("after").await {
        assert_eq!(loud.anonymous_response().await["success"], false);
    }
    let long = server.agent(0).await;
    let text = json!({ "action": "ping", "payload": { "long": "x".repeat(200 * 1024) } }).to_string();
    long.try_send(Message::text(text)).await;
    assert!([None, Some(1009)].contains(&long.closed().await));
    answers_ping(&ann).await;
    answers_ping(&mia).await;
}

/// Requests that miss something, are of the wrong type or name what is not there: the action, the payload, and
/// what the message must name.
fn wrong_requests(chat: &str) -> Vec<(&'static str, Value, &'static str)> {
    let message = json!({ "type": "message", "text": "x" });
    vec![
        ("send_event", json!({}), "chat_id"),
        ("send_event", json!({ "chat_id": chat }), "event"),
        ("send_event", json!({ "event": message }), "chat_id"),
        ("send_event", json!({ "chat_id": 5, "event": message }), "chat_id"),
        ("send_event", json!({ "chat_id": null, "event": message }), "chat_id"),
        ("send_event", json!({ "chat_id": chat, "event": "x" }), "event"),
        ("send_event", json!({ "chat_id": chat, "event": { "type": "message" } }), "text"),
        ("send_event", json!({ "chat_id": chat, "event": { "type": "message", "text": [] } }), "text"),
        ("send_event", json!({ "chat_id": chat, "event": { "text": "x" } }), "type"),
        (
            "send_event",
            json!({ "chat_id": chat, "event": message, "attach_to_last_thread": "yes" }),
            "attach_to_last_thread",
        ),
        ("send_event", json!({ "chat_id": NOBODY, "event": message }), NOBODY),
        ("close_thread", json!({}), "chat_id"),
        ("close_thread", json!({ "chat_id": NOBODY }), NOBODY),
        ("get_chat_threads", json!({ "chat_id": chat, "thread_ids": "all" }), "thread_ids"),
        ("get_chat_threads", json!({ "chat_id": NOBODY }), NOBODY),
        ("get_chats_summary", json!({ "limit": "ten" }), "limit"),
        ("start_chat", json!({ "chat": [] }), "chat"),
        ("start_chat", json!({ "continuous": "yes" }), "continuous"),
        ("start_chat", json!({ "chat": { "thread": { "events": [{ "type": "message" }] } } }), "text"),
        ("start_chat", json!({ "chat": { "thread": { "events": vec![message.clone(); 51] } } }), "events"),
        (
            "start_chat",
            json!({ "chat": { "properties": { "test": { "int_property": "x" } } } }),
            "int_property",
        ),
        ("start_chat", json!({ "chat": { "properties": { "nowhere": { "none": 1 } } } }), "no"),
    ]
}

#[tokio::test]
async fn wrong_requests_name_the_field_on_both_sides() {
    let server = Server::start().await;
    let (ann, mia) = (server.agent(0).await, server.customer().await);
    // Somebody without a chat, so that nothing but the request itself can be at fault.
    let free = server.customer().await;
    let chat = id(&mia.ok("start_chat", json!({ "chat": {} })).await["chat"]);
    let only_agents = [
        ("add_user_to_chat", json!({ "chat_id": chat, "user_id": "x" }), "user_type"),
        ("add_user_to_chat", json!({ "chat_id": chat, "user_type": "agent" }), "user_id"),
        ("add_user_to_chat", json!({ "chat_id": chat, "user_id": "x", "user_type": "robot" }), "user_type"),
        ("add_user_to_chat", json!({ "chat_id": chat, "user_id": NOBODY, "user_type": "agent" }), NOBODY),
        ("update_agent", json!({ "routing_status": 1 }), "routing_status"),
        ("start_chat", json!({ "chat": { "users": [{ "id": NOBODY, "type": "customer" }] } }), NOBODY),
    ];
    let agents = wrong_requests(&chat).into_iter().chain(only_agents).map(|wrong| (&ann, wrong));
    let customers = wrong_requests(&chat).into_iter().map(|wrong| (&mia, wrong));
    let mut cases: Vec<_> = agents.chain(customers).collect();
    cases.extend([
        (&mia, ("activate_chat", json!({}), "chat")),
        (&mia, ("activate_chat", json!({ "chat": {} }), "id")),
        (&mia, ("activate_chat", json!({ "chat": { "id": NOBODY } }), NOBODY)),
        (&mia, ("logout", json!({}), "")),
        (&mia, ("add_user_to_chat", json!({ "chat_id": chat, "user_id": "x", "user_type": "agent" }), "")),
        (&ann, ("login", json!({}), "token")),
    ]);
    for (side, (action, payload, named)) in cases {
        let side = if action == "start_chat" && side.id == mia.id { &free } else { side };
        let error = side.err(action, payload.clone()).await;
        assert_eq!(error.kind, "validation", "{action} {payload}: {error:?}");
        let fits = named == NOBODY || error.message.contains(named);
        assert!(fits, "{action} {payload} does not name `{named}`: {error:?}");
    }
    let customer = json!({ "chat_id": chat, "user_id": mia.id, "user_type": "customer" });
    let error = ann.err("remove_user_from_chat", customer).await;
    assert!(["validation", "authorization"].contains(&error.kind.as_str()), "it is forbidden: {error:?}");
    answers_ping(&ann).await;
    answers_ping(&mia).await;

    // None of it left a trace.
    assert_eq!(free.ok("get_chats_summary", json!({})).await["total_chats"], 0);
    let event = json!({ "type": "message", "text": "whole" });
    let sent = mia.ok("send_event", json!({ "chat_id": chat, "event": event })).await;
    let threads = server.look(&chat).await["threads"].clone();
    assert_eq!(threads.as_array().map(Vec::len), Some(1));
    assert_eq!(sent["event"]["order"], 2, "after the message of the router");
}

#[tokio::test]
async fn logins_that_fail_can_be_tried_again() {
    let server = Server::start().await;
    let person = server.person().await;
    for (side, good) in [(Side::Agent, server.agent_token(0)), (Side::Customer, person.token.clone())] {
        let rtm = Rtm::connect(&server, side).await;
        rtm.ok("ping", json!({})).await;
        let early = rtm.err("get_chats_summary", json!({})).await;
        let kinds = ["authentication", "authorization", "validation"];
        assert!(kinds.contains(&early.kind.as_str()), "before login: {early:?}");
        let missing = rtm.err("login", json!({})).await;
        assert!(missing.kind == "validation" && missing.message.contains("token"), "{missing:?}");
        assert_eq!(rtm.err("login", json!({ "token": 5 })).await.kind, "validation");
        for bad in ["", "Bearer ", "Bearer nonsense", "dal:nonsense"] {
            let error = rtm.err("login", json!({ "token": bad })).await;
            let kinds: &[_] = if bad == "Bearer nonsense" { &["authentication"] } else { &kinds };
            assert!(kinds.contains(&error.kind.as_str()), "{bad:?}: {error:?}");
        }
        rtm.ok("login", json!({ "token": good })).await;
        rtm.ok("get_chats_summary", json!({})).await;
    }

    // A token that expires is told so, and is no token any more.
    let token = server.issue(json!({ "agent_id": server.agent_id(0), "expires_in": 5 })).await;
    let rtm = server.login_agent(&token).await;
    let told = rtm.push("agent_disconnected", |_| true).await;
    assert_eq!(told.payload["reason"], "access_token_expired");
    rtm.closed().await;
    let again = Rtm::connect(&server, Side::Agent).await;
    assert_eq!(again.err("login", json!({ "token": token })).await.kind, "authentication");
    let (status, _) = Web::new(&server, Api::Agent, &token).err("get_chats_summary", json!({})).await;
    assert_eq!(status, 401);

    // The wrong kind of token is no token; a version or license that is not served gets no socket that works.
    let rtm = Rtm::connect(&server, Side::Agent).await;
    let error = rtm.err("login", json!({ "token": person.token })).await;
    assert!(["authentication", "authorization"].contains(&error.kind.as_str()), "{error:?}");
    let base = server.http().replacen("http", "ws", 1);
    for path in [
        "/v9.9/agent/rtm/ws",
        "/v9.9/customer/rtm/ws?license_id=1",
        "/v3.0/customer/rtm/ws",
        "/v3.0/customer/rtm/ws?license_id=5",
        "/v3.0/customer/rtm/ws?license_id=abc",
        "/v3.0/nobody/rtm/ws",
    ] {
        match timeout(DEADLINE, connect_async(format!("{base}{path}"))).await.unwrap() {
            Err(_) => {}
            // Accepted, to be told why in the socket: then it says so and ends.
            Ok((mut socket, _)) => loop {
                use futures_util::StreamExt;
                match timeout(DEADLINE, socket.next()).await.unwrap_or_else(|_| panic!("{path} serves")) {
                    None | Some(Err(_) | Ok(Message::Close(_))) => break,
                    Some(Ok(_)) => {}
                }
            },
        }
    }
}
