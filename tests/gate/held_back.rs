//! With the gate shut no answer, push or webhook of a change leaves; opened, all of it does.

use std::pin::pin;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::rtm::Rtm;
use crate::support::server::Server;
use crate::support::shape::{id, list, present_agents, text, texts};
use crate::support::stage::{HOOK, Stage};
use crate::support::web::send;

/// A message over a connection and over the Web, from both sides.
#[tokio::test]
async fn a_message() {
    let stage = Stage::set().await;
    let Stage { ann, mia, server, .. } = &stage;
    let callers = [("RTM, customer", mia), ("RTM, agent", ann)];
    for (what, session) in callers {
        let answer = stage.held_back(what, session.ok("send_event", stage.message(what))).await;
        assert!(answer["event"]["id"].is_string(), "{answer}");
        stage.heard(what).await;
    }
    let callers =
        [("Web, customer", server.customer_web(&stage.customer)), ("Web, agent", server.agent_web(0))];
    for (what, web) in callers {
        let answer = stage.held_back(what, web.ok("send_event", stage.message(what))).await;
        assert!(answer["event"]["id"].is_string(), "{answer}");
        stage.heard(what).await;
    }
    server.assert_whole();
}

/// Somebody leaves and comes back, a thread ends, another one begins.
#[tokio::test]
async fn members_and_threads() {
    let stage = Stage::set().await;
    let Stage { ann, bob, mia, server, chat, sink, .. } = &stage;
    let member = json!({ "chat_id": chat, "user_id": bob.id, "user_type": "agent" });

    stage.held_back("remove_user_from_chat", ann.ok("remove_user_from_chat", member.clone())).await;
    for session in [ann, mia] {
        assert_eq!(session.push_in(chat, "chat_user_removed").await.payload["user_id"], bob.id);
    }
    sink.hit("who left", |hit| hit.action() == "chat_user_removed").await;
    stage.settle("he left").await;

    stage.held_back("add_user_to_chat", bob.ok("add_user_to_chat", member)).await;
    for session in [ann, mia] {
        assert_eq!(session.push_in(chat, "chat_user_added").await.payload["user"]["id"], bob.id);
    }
    sink.hit("who joined", |hit| hit.action() == "chat_user_added").await;
    stage.settle("he is back").await;

    stage.held_back("close_thread", ann.ok("close_thread", json!({ "chat_id": chat }))).await;
    for session in [ann, mia] {
        session.push_in(chat, "thread_closed").await;
    }
    sink.hit("the end", |hit| hit.action() == "thread_closed").await;

    let reopened = json!({ "chat": { "id": chat } });
    let answer = stage.held_back("activate_chat", mia.ok("activate_chat", reopened)).await;
    assert_eq!(present_agents(&answer["chat"]), [ann.id.as_str()], "the slot was free: {answer}");
    sink.hit("the second thread", |hit| hit.action() == "incoming_chat_thread").await;
    server.assert_whole();
}

/// A chat is made in one append, over a connection and over the Web; it waits, as Ann is busy.
#[tokio::test]
async fn a_new_chat() {
    let stage = Stage::set().await;
    let Stage { bob, server, sink, .. } = &stage;
    let zoe = server.customer().await;
    let chat = json!({ "chat": { "thread": { "events": [{ "type": "message", "text": "anyone?" }] } } });
    let answer = stage.held_back("start_chat, RTM", zoe.ok("start_chat", chat.clone())).await;
    let first = id(&answer["chat"]);
    bob.push_in(&first, "incoming_chat_thread").await;
    sink.hit("the chat", |hit| hit.action() == "incoming_chat_thread" && hit.is_about(&first)).await;

    let event = json!({ "type": "message", "text": "still here" });
    zoe.ok("send_event", json!({ "chat_id": first, "event": event })).await;
    sink.message(HOOK, "still here").await;

    let person = server.person().await;
    let web = server.customer_web(&person);
    let answer = stage.held_back("start_chat, Web", web.ok("start_chat", chat)).await;
    let second = id(&answer["chat"]);
    bob.push_in(&second, "incoming_chat_thread").await;
    sink.hit("the chat", |hit| hit.action() == "incoming_chat_thread" && hit.is_about(&second)).await;
    for (chat, said) in [(&first, vec!["anyone?", "still here"]), (&second, vec!["anyone?"])] {
        assert_eq!(texts(&server.look(chat).await["threads"][0]["events"]), said);
    }
    server.assert_whole();
}

/// A slot that frees is given out, and nobody hears of that before it is durable, either.
#[tokio::test]
async fn a_slot_that_frees() {
    let stage = Stage::set().await;
    let Stage { ann, mia, server, chat, sink, .. } = &stage;
    let (person, waiting) = server.chat(json!({})).await;
    let event = json!({ "type": "message", "text": "anyone?" });
    let payload = json!({ "chat_id": waiting["id"], "event": event });
    server.customer_web(&person).ok("send_event", payload).await;
    sink.message(HOOK, "anyone?").await;
    assert_eq!(present_agents(&waiting), Vec::<String>::new(), "Ann takes one chat");
    stage.held_back("close_thread", mia.ok("close_thread", json!({ "chat_id": chat }))).await;
    let added = ann.push_in(&id(&waiting), "chat_user_added").await.payload;
    assert_eq!(added["user"]["id"], ann.id);
    server.assert_whole();
}

/// What has no chat: an agent's status, a bot, tokens.
#[tokio::test]
async fn settings_and_tokens() {
    let stage = Stage::set().await;
    let Stage { ann, bob, server, .. } = &stage;
    let status = json!({ "routing_status": "accepting_chats" });
    stage.held_back("update_agent", bob.ok("update_agent", status)).await;
    let fits =
        |payload: &Value| payload["agent_id"] == bob.id && payload["routing_status"] == "accepting_chats";
    ann.push("agent_updated", fits).await;

    let cleo = server.watcher(2).await;
    ann.push("agent_updated", |payload| payload["routing_status"] == "not_accepting_chats").await;
    stage.held_back("logout", cleo.ok("logout", json!({}))).await;
    cleo.closed().await;

    let configuration = server.configuration();
    let new = json!({ "name": "Newborn", "status": "accepting chats" });
    let answer = stage.held_back("create_bot_agent", configuration.ok("create_bot_agent", new)).await;
    assert!(bots(server).await.contains(&text(&answer["bot_agent_id"])));

    let token = stage.held_back("the admin's token", server.issue(json!({ "agent_id": bob.id }))).await;
    assert_eq!(info(server, &token).await, 200);
    let answer = stage.held_back("a customer's token", server.customer_token(json!({}))).await;
    let customer = text(&answer["access_token"]);
    assert_eq!(info(server, &customer).await, 200);

    let session: Rtm = server.login_agent(&token).await;
    let revoke = send(server.raw(Method::DELETE, &format!("/token?token={token}")));
    let (status, _) = stage.held_back("a revocation", revoke).await;
    assert!((200..300).contains(&status), "{status}");
    session.closed().await;
    assert_eq!(info(server, &token).await, 401);
    server.assert_whole();
}

async fn info(server: &Server, token: &str) -> u16 {
    send(server.raw(Method::GET, "/info").bearer_auth(token)).await.0
}

async fn bots(server: &Server) -> Vec<String> {
    let answer = server.configuration().ok("get_bot_agents", json!({})).await;
    list(&answer["bot_agents"]).iter().map(id).collect()
}

/// A read either does not see what may be forgotten, or waits with it.
#[tokio::test]
async fn reads() {
    let stage = Stage::set().await;
    let Stage { ann, mia, server, chat, .. } = &stage;
    let (moment, accepted) = (stage.now().await, server.journal.changes());
    server.shut_gate();
    let request = mia.begin(json!({ "action": "send_event", "payload": stage.message("not yet") })).await;
    let bot = json!({ "name": "Unborn", "status": "accepting chats" });
    let configuration = server.configuration();
    let mut born = pin!(configuration.ok("create_bot_agent", bot));
    let both = server.journal.wait_for(accepted + 2);
    tokio::select! {
        biased;
        _ = &mut born => panic!("a bot was answered before it was durable"),
        () = both => {}
    }

    let which = json!({ "chat_id": chat });
    let web = server.agent_web(0);
    let mut threads = pin!(web.ok("get_chat_threads", which.clone()));
    let mut own_threads = pin!(mia.ok("get_chat_threads", which));
    let mut summary = pin!(ann.ok("get_chats_summary", json!({})));
    let person = server.customer_web(&stage.customer);
    let mut own_summary = pin!(person.ok("get_chats_summary", json!({})));
    stage.waits("get_chat_threads of the agent", threads.as_mut()).await;
    stage.waits("get_chat_threads of the customer", own_threads.as_mut()).await;
    stage.waits("get_chats_summary of the agent", summary.as_mut()).await;
    stage.waits("get_chats_summary of the customer", own_summary.as_mut()).await;
    // What does not see the new bot need not wait for it.
    assert_eq!(bots(server).await, [stage.bot.as_str()]);
    stage.assert_silent(&moment, "reads");

    server.open_gate();
    let (threads, own_threads, summary, own_summary, _) =
        tokio::join!(threads, own_threads, summary, own_summary, born);
    for threads in [threads, own_threads] {
        assert_eq!(texts(&threads["chat"]["threads"][0]["events"]), ["hello", "not yet"]);
    }
    for summary in [summary, own_summary] {
        let last = last_message(&summary["chats_summary"][0]);
        assert_eq!(last["text"], "not yet", "{summary}");
    }
    assert_eq!(mia.response(&request).await["success"], true);
    assert_eq!(bots(server).await.len(), 2);
    server.assert_whole();
}

fn last_message(summary: &Value) -> &Value {
    &summary["last_event_per_type"]["message"]["event"]
}
