//! A full disk: writes are refused and change nothing, reads and connections go on, and when there
//! is room again everything works as if nothing had been asked.

use serde_json::{Value, json};

use crate::support::rtm::Rtm;
use crate::support::server::Server;
use crate::support::shape::present_agents;
use crate::support::stage::Stage;
use crate::support::web::{Web, send};

#[tokio::test]
async fn writes_are_refused_and_reads_go_on() {
    let stage = Stage::set().await;
    let Stage { ann, bob, mia, server, chat, .. } = &stage;
    let zoe = server.person().await;
    let (tab, zoe) = (server.customer_rtm(&zoe).await, server.customer_web(&zoe));
    let before = everything(&stage).await;
    let (moment, accepted) = (stage.now().await, server.journal.changes());
    server.faults.set_disk_full(true);

    let bob_is_in = json!({ "chat_id": chat, "user_id": bob.id, "user_type": "agent" });
    let member = json!({ "chat_id": chat, "user_id": stage.bot, "user_type": "agent" });
    let which = json!({ "chat_id": chat });
    for session in [ann, mia] {
        refused(session, "send_event", stage.message("lost")).await;
        refused(session, "close_thread", which.clone()).await;
    }
    refused(&tab, "start_chat", json!({ "chat": {} })).await;
    refused(bob, "start_chat", json!({ "chat": {} })).await;
    refused_web(&server.agent_web(0).acting_as(&stage.bot), "add_user_to_chat", member.clone()).await;
    refused(ann, "remove_user_from_chat", bob_is_in).await;
    refused(bob, "update_agent", json!({ "routing_status": "accepting_chats" })).await;
    let configuration = server.configuration();
    let bot = json!({ "name": "Lost", "status": "accepting chats" });
    refused_web(&server.agent_web(0), "send_event", stage.message("lost")).await;
    refused_web(&zoe, "start_chat", json!({ "chat": {} })).await;
    refused_web(&configuration, "create_bot_agent", bot).await;
    refused_web(&configuration, "update_bot_agent", json!({ "id": stage.bot, "name": "Lost" })).await;
    refused_web(&configuration, "remove_bot_agent", json!({ "bot_agent_id": stage.bot })).await;
    refused_tokens(server).await;

    // Nothing was written, told or changed, and whoever was connected still is.
    assert_eq!(server.journal.changes(), accepted);
    stage.fence().await;
    stage.assert_silent(&moment, "refused writes");
    assert_eq!(everything(&stage).await, before);
    assert_eq!(zoe.ok("get_chats_summary", json!({})).await["chats_summary"], json!([]));

    server.faults.set_disk_full(false);
    assert_eq!(everything(&stage).await, before);
    stage.say(mia, "room again").await;
    stage.heard("room again").await;
    server.agent_web(0).acting_as(&stage.bot).ok("add_user_to_chat", member).await;
    // Refused starts hold neither a customer's place nor an agent's slot.
    ann.ok("close_thread", which).await;
    let started = tab.ok("start_chat", json!({ "chat": {} })).await;
    assert_eq!(present_agents(&started["chat"]), [ann.id.as_str()]);
    server.bot(json!({ "name": "Late" })).await;
    server.customer().await;
    server.assert_whole();
}

/// What was refused is not there after a crash, either.
#[tokio::test]
async fn a_crash_while_full_loses_nothing() {
    let stage = Stage::set().await;
    stage.server.faults.set_disk_full(true);
    refused(&stage.mia, "send_event", stage.message("lost")).await;
    let Stage { ann, bob, mia, chat, server, .. } = stage;
    let before = server.look(&chat).await;
    drop((ann, bob, mia));
    let server = server.crash().await;
    assert_eq!(server.look(&chat).await, before);
    let ann = server.agent(0).await;
    let event = json!({ "type": "message", "text": "room again" });
    ann.ok("send_event", json!({ "chat_id": chat, "event": event })).await;
    server.assert_whole();
}

async fn refused(session: &Rtm, action: &str, payload: Value) {
    let error = session.err(action, payload).await;
    assert_eq!(error.kind, "internal", "{action} of {}: {error:?}", session.id);
}

async fn refused_web(web: &Web, action: &str, payload: Value) {
    let (status, error) = web.err(action, payload).await;
    assert_eq!((status, error.kind.as_str()), (500, "internal"), "{action}: {error:?}");
}

async fn refused_tokens(server: &Server) {
    let admin = server.ready["admin_token"].as_str().unwrap();
    let request = server.raw(reqwest::Method::POST, "/admin/v1/tokens").bearer_auth(admin);
    let (status, answer) = send(request.json(&json!({ "agent_id": server.agent_id(0) }))).await;
    assert_eq!(status, 500, "{answer}");
    let body = json!({
        "client_id": server.ready["client_id"],
        "response_type": "token",
        "redirect_uri": "https://example.com/",
    });
    let request = server.raw(reqwest::Method::POST, "/customer/").bearer_auth(server.agent_token(0));
    let (status, answer) = send(request.json(&body)).await;
    assert_eq!(status, 500, "{answer}");
    let request = server.raw(reqwest::Method::DELETE, &format!("/token?token={}", server.agent_token(1)));
    let (status, answer) = send(request).await;
    assert_eq!(status, 500, "{answer}");
}

/// All that can be read of the stage.
async fn everything(stage: &Stage) -> Value {
    let server = &stage.server;
    let which = json!({ "chat_id": stage.chat });
    json!({
        "look": server.look(&stage.chat).await,
        "own": stage.mia.ok("get_chat_threads", which).await,
        "summary": stage.ann.ok("get_chats_summary", json!({})).await,
        "own summary": stage.mia.ok("get_chats_summary", json!({})).await,
        "bots": server.configuration().ok("get_bot_agents", json!({ "all": true })).await,
        "bot": server.bot_details(&stage.bot).await,
        "ready": server.get("/readyz").await.0,
    })
}
