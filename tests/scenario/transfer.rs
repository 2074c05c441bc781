//! Handing a chat over (digest 5.2 and 10.3).

use serde_json::{Value, json};

use crate::support::Caller;
use crate::support::rtm::Rtm;
use crate::support::server::Server;
use crate::support::shape::{id, present_agents, waits};

fn to(chat: &str, kind: &str, ids: &Value) -> Value {
    json!({ "chat_id": chat, "target": { "type": kind, "ids": ids } })
}

fn forced(mut request: Value) -> Value {
    request["force"] = json!(true);
    request
}

/// A chat of a customer over RTM, given to the only agent who is accepting.
async fn held(server: &Server) -> (Rtm, String) {
    let mia = server.customer().await;
    let chat = id(&mia.ok("start_chat", json!({ "chat": {} })).await["chat"]);
    (mia, chat)
}

#[tokio::test]
async fn an_agent_hands_a_chat_to_a_colleague_and_everybody_is_told() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let (mia, chat) = held(&server).await;
    let bob = server.agent(1).await;
    let mark = ann.mark();
    let request =
        json!({ "action": "transfer_chat", "payload": to(&chat, "agent", &json!([server.agent_id(1)])) });
    let request = ann.begin(request).await;
    assert_eq!(ann.response(&request).await["payload"], json!({}));

    for (hears, thread) in [(&ann, false), (&bob, false), (&mia, true)] {
        let told = hears.push_in(&chat, "chat_transferred").await;
        assert_eq!(told.request_id.is_some(), hears.id == ann.id, "the main push of the request");
        let payload = told.payload;
        assert_eq!((&payload["requester_id"], &payload["type"]), (&json!(ann.id), &json!("agent")));
        assert_eq!((&payload["ids"], payload["thread_id"].is_string()), (&json!([bob.id]), thread));
        let removed = hears.push_in(&chat, "chat_user_removed").await.payload;
        assert_eq!(removed["user_id"], ann.id);
        let added = hears.push_in(&chat, "chat_user_added").await.payload;
        assert_eq!(added["user"]["id"], bob.id);
    }
    for hears in [&bob, &mia] {
        let said = hears.system_message(&chat, "chat_transferred").await.payload["event"].clone();
        assert!(said["text_vars"]["initiator"].is_string() && said["text_vars"]["targets"].is_string());
        assert_eq!(said["recipients"], "all");
    }
    let pushes = ann.names_since(mark, &chat);
    assert_eq!(
        pushes,
        ["chat_transferred", "chat_user_removed", "chat_user_added"],
        "who left hears no more"
    );
    let look = server.look(&chat).await;
    assert_eq!((present_agents(&look), waits(&look)), (vec![bob.id.clone()], false));
}

#[tokio::test]
async fn a_group_gets_the_chat_and_the_right_to_see_it() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let (mia, chat) = held(&server).await;
    let member = json!({ "groups": [{ "id": 2, "priority": "first" }] });
    let bot = server.bot(member).await;
    ann.ok("transfer_chat", to(&chat, "group", &json!([2]))).await;
    for hears in [&ann, &mia] {
        let told = hears.push_in(&chat, "chat_transferred").await.payload;
        assert_eq!((&told["type"], &told["ids"]), (&json!("group"), &json!([2])));
        let set = hears.push("access_set", |payload| payload["id"] == chat).await.payload;
        assert_eq!(set, json!({ "resource": "chat", "id": chat, "access": { "group_ids": [2] } }));
    }
    mia.system_message(&chat, "chat_transferred").await;
    mia.system_message(&chat, "routing.assigned").await;
    let look = server.look(&chat).await;
    assert_eq!((present_agents(&look), &look["access"]["group_ids"]), (vec![bot], &json!([2])));
}

#[tokio::test]
async fn without_a_target_it_goes_to_somebody_else_and_never_back() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let (mia, chat) = held(&server).await;
    let request = json!({ "chat_id": chat });
    let refused = ann.err("transfer_chat", request.clone()).await;
    assert_eq!(refused.kind, "validation", "nobody else is there");
    assert_eq!(present_agents(&server.look(&chat).await), [ann.id.as_str()]);

    ann.ok("transfer_chat", forced(request.clone())).await;
    mia.system_message(&chat, "routing.unassigned").await;
    assert!(waits(&server.look(&chat).await), "it is not given back");
    let bob = server.agent(1).await;
    mia.system_message(&chat, "routing.assigned").await;
    assert_eq!(present_agents(&server.look(&chat).await), [bob.id.as_str()]);
    bob.ok("transfer_chat", request).await;
    assert_eq!(present_agents(&server.look(&chat).await), [ann.id.as_str()]);
}

#[tokio::test]
async fn without_force_the_target_needs_a_free_slot_and_with_force_it_goes_over() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let bot = server.bot(json!({ "max_chats_count": 1, "groups": [{ "id": 1, "priority": "first" }] })).await;
    let (_, full) = server.chat(json!({ "access": { "group_ids": [1] } })).await;
    assert_eq!(present_agents(&full), [bot.as_str()]);
    let (_, chat) = server.chat(json!({})).await;
    let chat = id(&chat);
    for target in [to(&chat, "agent", &json!([bot])), to(&chat, "agent", &json!([server.agent_id(1)]))] {
        let refused = ann.err("transfer_chat", target).await;
        assert_eq!(refused.kind, "validation", "full, or not there");
    }
    assert_eq!(present_agents(&server.look(&chat).await), [ann.id.as_str()], "nothing changed");
    ann.ok("transfer_chat", forced(to(&chat, "agent", &json!([bot])))).await;
    assert_eq!(present_agents(&server.look(&chat).await), [bot]);
}

#[tokio::test]
async fn each_refusal_is_worded_on_both_transports() {
    let server = Server::start().await;
    let _ann = server.agent(0).await;
    let (mia, chat) = held(&server).await;
    let (_, closed) = server.chat(json!({})).await;
    server.agent_web(0).ok("close_thread", json!({ "chat_id": closed["id"] })).await;
    for caller in [Caller::Rtm(server.watcher(1).await), Caller::Web(server.agent_web(1))] {
        let bob = server.agent_id(1);
        for (request, kind) in [
            (json!({}), "validation"),
            (json!({ "chat_id": chat, "target": {} }), "validation"),
            (to(&chat, "agent", &json!([])), "validation"),
            (to(&chat, "agent", &json!(["ghost@example.org"])), "validation"),
            (to(&chat, "agent", &json!([7])), "validation"),
            (to(&chat, "group", &json!([77])), "validation"),
            (to(&chat, "group", &json!(["1"])), "validation"),
            (to("NOSUCHCHAT", "agent", &json!([bob])), "validation"),
            (forced(to(&id(&closed), "agent", &json!([bob]))), "validation"),
        ] {
            assert_eq!(caller.err("transfer_chat", request).await.kind, kind);
        }
    }
    let talker = server.scoped(&["chats.conversation--all:rw"]).await;
    let talker = server.login_agent(&talker).await;
    assert_eq!(talker.err("transfer_chat", json!({ "chat_id": "NOSUCHCHAT" })).await.kind, "authorization");
    assert_eq!(
        mia.err("transfer_chat", json!({ "chat_id": chat })).await.kind,
        "validation",
        "for agents only"
    );
    assert_eq!(present_agents(&server.look(&chat).await), [server.agent_id(0)]);
}

#[tokio::test]
async fn a_transfer_outlives_a_kill_whole() {
    let mut server = Server::start().await;
    let ann = server.agent(0).await;
    let (_, chat) = server.chat(json!({})).await;
    let chat = id(&chat);
    let bob = server.agent_id(1);
    ann.ok("transfer_chat", forced(to(&chat, "agent", &json!([bob])))).await;
    drop(ann);
    server.kill_9().await;
    server.restart().await;
    let look = server.look(&chat).await;
    assert_eq!((present_agents(&look), waits(&look)), (vec![bob], false));
    let said = look["threads"][0]["events"].as_array().unwrap().iter();
    let kinds: Vec<_> = said.filter_map(|event| event["system_message_type"].as_str()).collect();
    assert_eq!(kinds, ["routing.assigned", "chat_transferred"]);
}
