//! Who may do what: scopes, revoked tokens, chats of others.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Caller;
use crate::support::server::Server;
use crate::support::shape::{id, list};
use crate::support::web::{Api, Web, send};

const NOBODY: &str = "NOSUCHCHAT";

/// The payload of a request about a chat.
type Request = fn(&str) -> Value;

fn message(chat: &str) -> Value {
    json!({ "chat_id": chat, "event": { "type": "message", "text": "mine" } })
}

#[tokio::test]
async fn scopes_are_checked_before_anything_that_the_request_names() {
    let server = Server::start().await;
    let _bob = server.agent(1).await;
    let (_, chat) = server.chat(json!({})).await;
    let (chat, bob) = (id(&chat), server.agent_id(1));
    let member = json!({ "chat_id": chat, "user_id": server.agent_id(0), "user_type": "agent" });
    let read = json!({ "chat_id": chat });
    // What a token can, and what it cannot: not even for a chat that does not exist.
    let table = [
        (
            "chats--all:ro",
            vec![("get_chats_summary", json!({})), ("get_chat_threads", read.clone())],
            vec![
                ("send_event", message(NOBODY)),
                ("send_event", message(&chat)),
                ("close_thread", json!({ "chat_id": NOBODY })),
                ("add_user_to_chat", member.clone()),
                ("start_chat", json!({})),
                ("update_agent", json!({ "routing_status": "accepting_chats" })),
            ],
        ),
        (
            "chats.conversation--all:rw",
            vec![
                ("send_event", message(&chat)),
                ("get_chat_threads", read.clone()),
                ("add_user_to_chat", member.clone()),
            ],
            vec![
                ("close_thread", read.clone()),
                ("add_user_to_chat", json!({ "chat_id": chat, "user_id": bob, "user_type": "agent" })),
            ],
        ),
        (
            "chats--all:rw",
            vec![("send_event", message(&chat)), ("get_chats_summary", json!({}))],
            vec![("update_agent", json!({ "agent_id": bob, "routing_status": "accepting_chats" }))],
        ),
        (
            "chats--my:ro",
            vec![("get_chats_summary", json!({}))],
            vec![("get_chat_threads", read.clone()), ("send_event", message(&chat))],
        ),
        (
            "agents-bot--my:rw",
            vec![],
            vec![
                ("get_chats_summary", json!({})),
                ("get_chat_threads", json!({ "chat_id": NOBODY })),
                ("send_event", json!({})),
            ],
        ),
    ];
    for (scope, allowed, refused) in table {
        let token = server.scoped(&[scope]).await;
        let web = Web::new(&server, Api::Agent, &token);
        for caller in [Caller::Web(web), Caller::Rtm(server.login_agent(&token).await)] {
            for (action, payload) in &allowed {
                // Who has joined already may be told so.
                if *action != "add_user_to_chat" || caller.name() == "Web" {
                    caller.ok(action, payload.clone()).await;
                }
            }
            for (action, payload) in &refused {
                let error = caller.err(action, payload.clone()).await;
                assert_eq!(error.kind, "authorization", "{scope} {action} on {}: {error:?}", caller.name());
            }
        }
        let configuration = Web::new(&server, Api::Configuration, &token);
        let listed = configuration.call("get_bot_agents", json!({})).await;
        assert_eq!(listed.is_ok(), scope.starts_with("agents-bot"), "{scope}: {listed:?}");
        if let Err((status, error)) = listed {
            assert_eq!((status, error.kind.as_str()), (403, "authorization"));
        }
    }
}

#[tokio::test]
async fn my_means_the_chats_that_one_is_in() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let (_, mine) = server.chat(json!({})).await;
    ann.ok("update_agent", json!({ "routing_status": "not_accepting_chats" })).await;
    let _bob = server.agent(1).await;
    let (_, bobs) = server.chat(json!({})).await;
    let (mine, bobs) = (id(&mine), id(&bobs));

    let my = Web::new(&server, Api::Agent, &server.scoped(&["chats--my:rw"]).await);
    let summary = my.ok("get_chats_summary", json!({})).await;
    let seen: Vec<_> = list(&summary["chats_summary"]).iter().map(id).collect();
    assert_eq!(seen, [mine.as_str()]);
    my.ok("send_event", message(&mine)).await;
    for (action, payload) in [("send_event", message(&bobs)), ("close_thread", json!({ "chat_id": bobs }))] {
        let (status, error) = my.err(action, payload).await;
        assert_eq!((status, error.kind.as_str()), (403, "authorization"), "{action}");
    }
    my.ok("close_thread", json!({ "chat_id": mine })).await;
    assert_eq!(server.look(&bobs).await["threads"][0]["active"], true);
}

#[tokio::test]
async fn a_revoked_token_ends_at_once_everywhere() {
    let mut server = Server::start().await;
    let token = server.issue(json!({ "agent_id": server.agent_id(0) })).await;
    let (doomed, other) = (server.login_agent(&token).await, server.agent(0).await);
    let web = Web::new(&server, Api::Agent, &token);
    web.ok("get_chats_summary", json!({})).await;
    // Its bot hangs on it: made by it, and online by it.
    let configuration = Web::new(&server, Api::Configuration, &token);
    let bot = json!({ "name": "Orphan", "status": "accepting chats" });
    let bot = configuration.ok("create_bot_agent", bot).await["bot_agent_id"].as_str().unwrap().to_owned();
    // Another one does not: it was set online by another token.
    let adopted = json!({ "name": "Adopted", "status": "offline" });
    let adopted = configuration.ok("create_bot_agent", adopted).await["bot_agent_id"].clone();
    let adopted = adopted.as_str().unwrap();
    server.update_bot(adopted, json!({ "status": "accepting chats" })).await;

    let (status, _) = send(server.raw(Method::DELETE, &format!("/token?token={token}"))).await;
    assert_eq!(status, 200);
    let push = doomed.push("agent_disconnected", |_| true).await;
    assert_eq!(push.payload["reason"], "access_token_revoked");
    doomed.closed().await;
    for round in ["before", "after"] {
        let web = Web::new(&server, Api::Agent, &token);
        let (status, error) = web.err("get_chats_summary", json!({})).await;
        assert_eq!((status, error.kind.as_str()), (401, "authentication"), "{round} a crash");
        let configuration = Web::new(&server, Api::Configuration, &token);
        assert_eq!(configuration.err("get_bot_agents", json!({})).await.0, 401, "{round} a crash");
        assert_eq!(send(server.raw(Method::GET, "/info").bearer_auth(&token)).await.0, 401);
        let again = crate::support::rtm::Rtm::connect(&server, crate::support::rtm::Side::Agent).await;
        let error = again.err("login", json!({ "token": token })).await;
        assert_eq!(error.kind, "authentication", "{round} a crash");
        assert_eq!(server.bot_details(&bot).await["status"], "offline", "{round} a crash");
        assert_eq!(server.bot_details(adopted).await["status"], "accepting chats");
        if round == "before" {
            // Another token of the same agent is another token.
            other.ok("get_chats_summary", json!({})).await;
            server.kill_9().await;
            server.restart().await;
        }
    }
    server.agent(0).await;
}

#[tokio::test]
async fn the_chat_of_another_customer_is_like_one_that_does_not_exist() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let (owner, chat) = server.chat(json!({})).await;
    let (chat, event) = (id(&chat), list(&chat["thread"]["events"])[0]["id"].clone());
    let curious = server.person().await;
    let callers =
        [Caller::Web(server.customer_web(&curious)), Caller::Rtm(server.customer_rtm(&curious).await)];
    for caller in &callers {
        let requests: [(&str, Request); 4] = [
            ("get_chat_threads", |chat| json!({ "chat_id": chat })),
            ("send_event", message),
            ("close_thread", |chat| json!({ "chat_id": chat })),
            ("activate_chat", |chat| json!({ "chat": { "id": chat } })),
        ];
        for (action, request) in requests {
            let foreign = caller.err(action, request(&chat)).await;
            let unknown = caller.err(action, request(NOBODY)).await;
            assert_eq!(foreign.kind, "validation");
            let told = (&foreign.kind, foreign.message.replace(&chat, "<id>"));
            let expected = (&unknown.kind, unknown.message.replace(NOBODY, "<id>"));
            assert_eq!(told, expected, "{action} on {}", caller.name());
        }
        // A chat that was closed is as foreign as an open one.
        let summary = caller.ok("get_chats_summary", json!({})).await;
        assert_eq!(summary["total_chats"], 0);
    }

    // Nothing reached the chat, and nothing of it reached the curious one.
    let event_id = event.as_str().unwrap();
    let sent = server.customer_web(&owner).ok("send_event", message(&chat)).await;
    assert_eq!(ann.message("mine").await.payload["event"]["id"], sent["event"]["id"]);
    let own = server.chat_of(&curious, json!({})).await;
    let Caller::Rtm(rtm) = &callers[1] else { unreachable!() };
    rtm.push_in(&id(&own), "incoming_chat_thread").await;
    let heard = rtm.since(0).into_iter().filter(|push| push.is_about(&chat)).count();
    assert_eq!(heard, 0);
    assert!(!rtm.ever_saw(event_id));
    let look = server.look(&chat).await;
    assert_eq!(list(&look["threads"]).len(), 1);
    assert_eq!(look["threads"][0]["active"], true);
}
