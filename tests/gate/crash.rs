//! A crash with the gate shut: what was acknowledged is there, once; what was not is there whole or
//! not at all, and never without what was decided before it.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::people::Person;
use crate::support::rtm::Rtm;
use crate::support::server::Server;
use crate::support::shape::{id, list, present_agents, texts, waits};
use crate::support::sink::Sink;
use crate::support::stage::{HOOK, Stage};

/// The changes under way when it crashes, one record each: two messages, a chat with its first
/// event, a bot, a colleague who leaves.
const UNDER_WAY: usize = 5;

/// Crashes after each number of records that still became durable.
#[tokio::test]
async fn what_was_under_way_is_whole_or_gone() {
    for durable in 0..=UNDER_WAY {
        let stage = Stage::set().await;
        let zoe = stage.server.person().await;
        let requests = begin_all(&stage, &zoe).await;
        stage.server.let_through(durable);
        stage.fence().await;
        for (n, (session, request)) in requests.iter().enumerate() {
            let acknowledged = session.response_until_now(request).is_some();
            assert!(!acknowledged || n < durable, "message {n} was acknowledged, {durable} are durable");
        }
        drop(requests);

        let Stage { ann, bob, mia, customer, chat, bot, sink, server } = stage;
        let colleague = bob.id.clone();
        drop((ann, bob, mia));
        let mut server = server.crash().await;
        check_chat(&server, &chat, &colleague, durable).await;
        check_new_chat(&server, &zoe, durable).await;
        let bots = bots(&server).await;
        assert!(bots.contains(&bot), "acknowledged, so it is there");
        assert_eq!(bots.len(), 1 + usize::from(durable >= 4), "the new bot is there or not: {bots:?}");

        // A second crash finds the same.
        let before = server.look(&chat).await;
        server = server.crash().await;
        assert_eq!(server.look(&chat).await, before);
        goes_on(&server, &customer, &zoe, &chat, durable).await;
        check_webhooks(&sink, durable).await;
        server.assert_whole();
    }
}

/// Begins each change when the one before has its place in the journal. Gives the requests of the
/// two messages.
async fn begin_all<'a>(stage: &'a Stage, zoe: &Person) -> Vec<(&'a Rtm, String)> {
    let Stage { ann, bob, mia, server, chat, .. } = stage;
    let start = json!({ "chat": { "thread": { "events": [{ "type": "message", "text": "anyone?" }] } } });
    server.shut_gate();
    let mut accepted = server.journal.changes();
    let mut requests = Vec::new();
    for (session, text) in [(mia, "one"), (ann, "two")] {
        let frame = json!({ "action": "send_event", "payload": stage.message(text) });
        requests.push((session, session.begin(frame).await));
        accepted += 1;
        server.journal.wait_for(accepted).await;
    }
    let path = format!("/v3.0/customer/action/start_chat?license_id={}", server.license());
    ask(server, &path, &zoe.token, &start);
    server.journal.wait_for(accepted + 1).await;
    let new = json!({ "name": "Newborn", "status": "not accepting chats" });
    ask(server, "/v3.0/configuration/action/create_bot_agent", &server.agent_token(0), &new);
    server.journal.wait_for(accepted + 2).await;
    let member = json!({ "chat_id": chat, "user_id": bob.id, "user_type": "agent" });
    ann.begin(json!({ "action": "remove_user_from_chat", "payload": member })).await;
    server.journal.wait_for(accepted + 3).await;
    requests
}

/// Asks by the Web without hearing the answer: it hangs until the crash ends it.
fn ask(server: &Server, path: &str, token: &str, payload: &Value) {
    let request = server.raw(Method::POST, path).bearer_auth(token).json(&json!({ "payload": payload }));
    tokio::spawn(async move { drop(request.send().await) });
}

/// The texts of the old chat's messages after so many durable records.
fn history(durable: usize) -> Vec<&'static str> {
    ["hello", "one", "two"].into_iter().take(1 + durable).collect()
}

async fn check_chat(server: &Server, chat: &str, bob: &str, durable: usize) {
    let seen = server.look(chat).await;
    assert_eq!(texts(&seen["threads"][0]["events"]), history(durable), "after {durable} records");
    assert_nothing_twice(&seen);
    let mut present = vec![server.agent_id(0)];
    present.extend((durable < 5).then(|| bob.to_owned()));
    assert_eq!(present_agents(&seen), present, "after {durable} records");
}

async fn check_new_chat(server: &Server, zoe: &Person, durable: usize) {
    let chats = server.customer_web(zoe).ok("get_chats_summary", json!({})).await;
    let chats: Vec<_> = list(&chats["chats_summary"]).iter().map(id).collect();
    assert_eq!(chats.len(), usize::from(durable >= 3), "the chat is there or not");
    for chat in chats {
        let seen = server.look(&chat).await;
        assert_eq!(texts(&seen["threads"][0]["events"]), ["anyone?"], "whole, with its first event");
        assert!(waits(&seen), "it waits as it did: Ann takes one chat");
        assert_nothing_twice(&seen);
    }
}

/// The talk goes on, the slot is where it was, and a chat that is not there can be started.
async fn goes_on(server: &Server, customer: &Person, zoe: &Person, chat: &str, durable: usize) {
    let ann = server.agent(0).await;
    let mia = server.customer_rtm(customer).await;
    let event = json!({ "type": "message", "text": "after" });
    mia.ok("send_event", json!({ "chat_id": chat, "event": event })).await;
    ann.message("after").await;
    if durable < 3 {
        let late = server.chat_of(zoe, json!({})).await;
        assert!(waits(&late), "the slot is still taken");
    }
    let chats = server.customer_web(zoe).ok("get_chats_summary", json!({})).await;
    let waiting = id(&chats["chats_summary"][0]);
    mia.ok("close_thread", json!({ "chat_id": chat })).await;
    let added = ann.push_in(&waiting, "chat_user_added").await.payload;
    assert_eq!(added["user"]["id"], ann.id);
}

/// A webhook is called at least once for what is durable, in order, and never for what is not.
async fn check_webhooks(sink: &Sink, durable: usize) {
    sink.message(HOOK, "after").await;
    let mut seen = HashSet::new();
    let firsts: Vec<_> = sink.texts(HOOK).into_iter().filter(|text| seen.insert(text.clone())).collect();
    let of_chat: Vec<_> = firsts.iter().filter(|text| *text != "anyone?").collect();
    assert_eq!(of_chat, [history(durable), vec!["after"]].concat(), "after {durable} records");
}

async fn bots(server: &Server) -> Vec<String> {
    let answer = server.configuration().ok("get_bot_agents", json!({})).await;
    list(&answer["bot_agents"]).iter().map(id).collect()
}

fn assert_nothing_twice(chat: &Value) {
    let threads = list(&chat["threads"]);
    let events: Vec<_> = threads.iter().flat_map(|thread| list(&thread["events"])).map(id).collect();
    let distinct: HashSet<_> = events.iter().collect();
    assert_eq!(distinct.len(), events.len(), "an event is there twice: {chat:#}");
    let users: Vec<_> = list(&chat["users"]).iter().map(id).collect();
    let distinct: HashSet<_> = users.iter().collect();
    assert_eq!(distinct.len(), users.len(), "a member is there twice: {chat:#}");
    assert_eq!(threads.iter().filter(|thread| thread["active"] == true).count(), 1);
}
