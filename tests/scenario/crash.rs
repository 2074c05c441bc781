//! Killed without warning, at any moment: what was acknowledged is there, once and in order, and the talk goes on.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::people::Person;
use crate::support::server::Server;
use crate::support::shape::{id, list, orders, present_agents, texts, user, waits};
use crate::support::web::{Api, Web};

#[tokio::test]
async fn a_talk_goes_on_after_kill_9() {
    let mut server = Server::start().await;
    let ann = server.agent(0).await;
    let person = server.person().await;
    let mia = server.customer_rtm(&person).await;
    let hello = json!({ "chat": { "properties": { "test": { "string_property": "kept" } } } });
    let chat = id(&mia.ok("start_chat", hello).await["chat"]);
    for n in 0..20 {
        let (side, who) = if n % 3 == 0 { (&ann, "ann") } else { (&mia, "mia") };
        let event = json!({ "type": "message", "text": format!("{who} {n}"), "custom_id": n.to_string() });
        side.ok("send_event", json!({ "chat_id": chat, "event": event })).await;
    }
    // A second thread as well: closed, and opened again by the last event before the end.
    ann.ok("close_thread", json!({ "chat_id": chat })).await;
    let event = json!({ "type": "message", "text": "again" });
    mia.ok("send_event", json!({ "chat_id": chat, "event": event })).await;
    let before = server.look(&chat).await;
    server.kill_9().await;
    server.restart().await;

    let after = server.look(&chat).await;
    assert_eq!(after["threads"], before["threads"], "threads and events to the letter");
    assert_eq!(after["properties"], before["properties"]);
    assert_eq!(after["access"], before["access"]);
    assert_eq!(present_agents(&after), [server.agent_id(0)], "it is still hers");
    assert_eq!(user(&after, &person.id)["present"], true);

    // Both come back; tokens, chat and assignment are as before, and the talk goes on in the same thread.
    let login = json!({ "token": server.agent_token(0), "reconnect": true });
    let ann = crate::support::rtm::Rtm::login(&server, crate::support::rtm::Side::Agent, login).await;
    let known: Vec<_> = list(&ann.welcome["chats_summary"]).iter().map(id).collect();
    assert!(known.contains(&chat), "{}", ann.welcome);
    let mia = server.customer_rtm(&person).await;
    assert_eq!(mia.welcome["has_active_thread"], true);
    for (from, to, said) in [(&mia, &ann, "still there?"), (&ann, &mia, "always")] {
        let event = json!({ "type": "message", "text": said });
        let sent = from.ok("send_event", json!({ "chat_id": chat, "event": event })).await;
        assert_eq!(sent["thread_id"], before["threads"][1]["id"]);
        to.message(said).await;
    }
    let look = server.look(&chat).await;
    let count = list(&look["threads"][1]["events"]).len() as u64;
    assert_eq!(orders(&look["threads"][1]["events"]), (1..=count).collect::<Vec<_>>(), "no number twice");
    assert_eq!(texts(&look["threads"][1]["events"]), ["again", "still there?", "always"]);
}

#[tokio::test]
async fn three_rounds_with_writes_in_flight_lose_nothing_acknowledged() {
    let mut server = Server::start().await;
    let bot = server.bot(json!({ "max_chats_count": 4 })).await;
    let mut chats: Vec<(Person, String)> = Vec::new();
    for _ in 0..4 {
        let (person, chat) = server.chat(json!({})).await;
        assert_eq!(present_agents(&chat), [bot.as_str()]);
        chats.push((person, id(&chat)));
    }
    // Everything that was ever asked for, and what of it was acknowledged: text -> (chat, event).
    let mut asked: HashMap<String, String> = HashMap::new();
    let mut acknowledged: HashMap<String, (String, Value)> = HashMap::new();
    for round in 0..3 {
        let mut sessions = Vec::new();
        for (person, chat) in &chats {
            sessions.push((server.customer_rtm(person).await, chat.clone()));
        }
        // Every session writes without waiting; the kill comes when some are answered and many are not.
        let mut requests = Vec::new();
        for n in 0..40 {
            for (session, chat) in &sessions {
                let said = format!("{chat} {round} {n}");
                asked.insert(said.clone(), chat.clone());
                let event = json!({ "type": "message", "text": said });
                let payload = json!({ "chat_id": chat, "event": event });
                let request = session.begin(json!({ "action": "send_event", "payload": payload })).await;
                requests.push((session, request, said));
            }
            if n == 20 {
                let (session, request, _) = &requests[requests.len() / 2];
                session.response(request).await;
            }
        }
        server.kill_9().await;
        for (session, request, said) in requests {
            session.closed().await;
            let Some(answer) = session.response_until_now(&request) else { continue };
            assert_eq!(answer["success"], true, "{answer}");
            let chat = asked[&said].clone();
            acknowledged.insert(said, (chat, answer["payload"]["event"].clone()));
        }
        drop(sessions);
        server.restart().await;

        for (_, chat) in &chats {
            let look = server.look(chat).await;
            assert_eq!(present_agents(&look), [bot.as_str()], "still assigned");
            assert_eq!(list(&look["threads"]).len(), 1);
            let events = &look["threads"][0]["events"];
            let numbers: Vec<_> = (1..=list(events).len() as u64).collect();
            assert_eq!(orders(events), numbers, "no event is torn out or doubled");
            let said = texts(events);
            assert!(said.iter().all(|said| said == "hello" || asked.get(said) == Some(chat)), "{said:?}");
            for (text, (_, event)) in acknowledged.iter().filter(|(_, (of, _))| of == chat) {
                let kept: Vec<_> = list(events).iter().filter(|kept| kept["text"] == text.as_str()).collect();
                assert_eq!(kept, [event], "round {round}: acknowledged, so there, once, as it was told");
            }
        }
    }
    assert!(acknowledged.len() > 20, "the rounds were no test: {}", acknowledged.len());
    let (_, late) = server.chat(json!({})).await;
    assert!(waits(&late), "the slots are still taken");
}

#[tokio::test]
async fn slots_queue_bots_and_tokens_are_back() {
    let mut server = Server::start().await;
    let webhooks = json!({ "url": "http://127.0.0.1:9/", "secret_key": "s", "actions": [{ "name": "chat_user_removed" }] });
    let fields = json!({ "name": "Keeper", "avatar": "a.png", "max_chats_count": 2, "webhooks": webhooks,
        "groups": [{ "id": 0, "priority": "first" }, { "id": 2, "priority": "last" }] });
    let bot = server.bot(fields).await;
    let gone = server.bot(json!({ "status": "offline" })).await;
    server.configuration().ok("remove_bot_agent", json!({ "bot_agent_id": gone })).await;
    let limited = server.scoped(&["chats--all:ro"]).await;
    let other = server.other_application().await;
    let held = [server.chat(json!({})).await, server.chat(json!({})).await];
    let waiting = [server.chat(json!({})).await, server.chat(json!({})).await];
    assert!(held.iter().all(|(_, chat)| !waits(chat)) && waiting.iter().all(|(_, chat)| waits(chat)));
    let details = server.bot_details(&bot).await;

    for round in 0..2 {
        server.kill_9().await;
        server.restart().await;
        assert_eq!(server.bot_details(&bot).await, details, "round {round}");
        let which = json!({ "bot_agent_id": gone });
        let (_, error) = server.configuration().err("get_bot_agent_details", which).await;
        assert_eq!(error.kind, "validation", "removed is removed");
        let web = Web::new(&server, Api::Agent, &limited);
        web.ok("get_chats_summary", json!({})).await;
        assert_eq!(web.err("start_chat", json!({})).await.1.kind, "authorization", "scopes are kept");
        let own = Web::new(&server, Api::Configuration, &other).ok("get_bot_agents", json!({})).await;
        assert_eq!(own, json!({ "bot_agents": [] }), "so is the application");
        for (_, chat) in &held {
            assert_eq!(present_agents(&server.look(&id(chat)).await), [bot.as_str()]);
        }
        for (_, chat) in &waiting {
            assert!(waits(&server.look(&id(chat)).await));
        }
    }

    // The limit holds, and the queue is the old one: first in, first out.
    let (_, late) = server.chat(json!({})).await;
    assert!(waits(&late));
    for ((ends, ended), (next, given)) in held.iter().zip(&waiting) {
        let next = server.customer_rtm(next).await;
        server.close(ends, ended).await;
        let added = next.push_in(&id(given), "chat_user_added").await.payload;
        assert_eq!(added["user"]["id"], bot);
        assert!(waits(&server.look(&id(&late)).await));
    }
}
