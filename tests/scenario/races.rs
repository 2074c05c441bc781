//! Many at once, and sockets lost in the middle.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::{interval, timeout};

use crate::support::DEADLINE;
use crate::support::server::Server;
use crate::support::shape::{id, list, present_agents, text, waits};
use crate::support::web::{Api, Web, send};

#[tokio::test]
async fn two_tabs_that_start_at_once_make_one_chat() {
    let server = Server::start().await;
    server.bot(json!({ "max_chats_count": 100 })).await;
    let watcher = server.watcher(0).await;
    for round in 0..10 {
        let person = server.person().await;
        let tabs = [server.customer_rtm(&person).await, server.customer_rtm(&person).await];
        // Every second round over the Web, where even the connections differ.
        let answers: Vec<_> = if round % 2 == 0 {
            join_all(tabs.iter().map(|tab| tab.call("start_chat", json!({ "chat": {} })))).await
        } else {
            let web = server.customer_web(&person);
            let starts = [(); 2].map(|()| web.call("start_chat", json!({ "chat": {} })));
            let answers = join_all(starts).await;
            answers.into_iter().map(|answer| answer.map_err(|(_, error)| error)).collect()
        };
        let (started, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((started.len(), refused.len()), (1, 1), "round {round}: {started:?} {refused:?}");
        assert_eq!(refused[0].as_ref().unwrap_err().kind, "validation");
        let chat = id(&started[0].as_ref().unwrap()["chat"]);

        // Both tabs hear of this one chat, and of no other.
        let event = json!({ "type": "message", "text": format!("round {round}") });
        tabs[0].ok("send_event", json!({ "chat_id": chat, "event": event })).await;
        for tab in &tabs {
            tab.push_in(&chat, "incoming_chat_thread").await;
            tab.message(&format!("round {round}")).await;
            let threads = tab.since(0).into_iter().filter(|push| push.name == "incoming_chat_thread");
            assert_eq!(threads.count(), 1);
        }
        let summary = tabs[1].ok("get_chats_summary", json!({})).await;
        assert_eq!((list(&summary["chats_summary"]).len(), &summary["total_chats"]), (1, &json!(1)));
    }
    let found = watcher.ok("get_chats_summary", json!({ "limit": 100 })).await;
    assert_eq!(list(&found["chats_summary"]).len(), 10, "one chat per customer");
}

#[tokio::test]
async fn twenty_customers_share_six_slots_without_ever_taking_more() {
    let server = Server::start().await;
    let watcher = server.watcher(0).await;
    for _ in 0..2 {
        server.bot(json!({ "max_chats_count": 3 })).await;
    }
    // Ten at once: six are given out, four wait. Ten more, one after the other: they wait in this order.
    let at_once = join_all((0..10).map(|_| server.chat(json!({})))).await;
    let (waiting, held): (Vec<_>, Vec<_>) = at_once.into_iter().partition(|(_, chat)| waits(chat));
    assert_eq!((held.len(), waiting.len()), (6, 4));
    let mut queue = Vec::new();
    for _ in 0..10 {
        let (person, chat) = server.chat(json!({})).await;
        assert!(waits(&chat));
        queue.push((person, chat));
    }

    let mut load: HashMap<String, usize> = HashMap::new();
    let mut holder: HashMap<String, String> = HashMap::new();
    for (_, chat) in &held {
        let agent = present_agents(chat).remove(0);
        *load.entry(agent.clone()).or_default() += 1;
        holder.insert(id(chat), agent);
    }
    assert!(load.len() == 2 && load.values().all(|load| *load == 3), "{load:?}");

    // Each end gives out exactly one more, to whom the slot belonged; nobody is passed over or served twice.
    let people: HashMap<_, _> =
        held.iter().chain(&waiting).chain(&queue).map(|(who, chat)| (id(chat), who)).collect();
    let mut open: Vec<_> = held.iter().map(|(_, chat)| id(chat)).collect();
    let mut served = Vec::new();
    for _ in 0..14 {
        let closing = open.remove(0);
        let payload = json!({ "chat_id": closing });
        server.customer_web(people[&closing]).ok("close_thread", payload).await;
        let added = watcher.push("chat_user_added", |_| true).await.payload;
        let (chat, agent) = (text(&added["chat_id"]), text(&added["user"]["id"]));
        assert_eq!(agent, holder[&closing], "the one with the free slot");
        assert_eq!(holder.insert(chat.clone(), agent), None, "{chat} was given out twice");
        open.push(chat.clone());
        served.push(chat);
    }
    let mut first: Vec<_> = waiting.iter().map(|(_, chat)| id(chat)).collect();
    let mut early = served[..4].to_vec();
    first.sort();
    early.sort();
    assert_eq!(early, first, "those who came first are served first");
    assert_eq!(served[4..], queue.iter().map(|(_, chat)| id(chat)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_socket_lost_while_starting_leaves_a_whole_chat_or_none_and_no_lost_slot() {
    const ROUNDS: usize = 12;
    let server = Server::start().await;
    let bot = server.bot(json!({ "max_chats_count": ROUNDS })).await;
    let mut chats = Vec::new();
    for round in 0..ROUNDS {
        let person = server.person().await;
        let tab = server.customer_rtm(&person).await;
        let thread = json!({ "events": [{ "type": "message", "text": "cut" }] });
        let lost = json!({ "action": "start_chat", "payload": { "chat": { "thread": thread } } });
        tab.begin(lost).await;
        tab.cut().await;

        let web = server.customer_web(&person);
        let own = timeout(DEADLINE, settled(&web)).await.expect("the lost start should come to an end");
        let summary = web.ok("get_chats_summary", json!({})).await;
        assert_eq!(summary["total_chats"], 1, "round {round}");
        let chat = id(&summary["chats_summary"][0]);
        let look = server.look(&chat).await;
        assert_eq!(list(&look["threads"]).len(), 1);
        assert_eq!(look["threads"][0]["active"], true);
        assert_eq!(present_agents(&look), [bot.as_str()], "round {round}: whole, with its agent");
        let said = list(&look["threads"][0]["events"]).iter().any(|event| event["text"] == "cut");
        assert_eq!(said, !own, "round {round}: the events of the start that made it");
        chats.push((person, look));
    }
    // Every slot is taken by a chat, none by a ghost: closed, all are there again.
    let (extra, chat) = server.chat(json!({})).await;
    assert!(waits(&chat));
    server.close(&extra, &chat).await;
    for (person, chat) in &chats {
        server.close(person, chat).await;
    }
    for _ in 0..ROUNDS {
        let (_, chat) = server.chat(json!({})).await;
        assert_eq!(present_agents(&chat), [bot.as_str()]);
    }
    assert!(waits(&server.chat(json!({})).await.1));
}

/// The customer tries again until there is a chat; true when it is this try that made it.
///
/// The lost start may still be under way: then the try is refused, and there is no chat yet.
async fn settled(web: &Web) -> bool {
    let mut again = interval(Duration::from_millis(20));
    loop {
        again.tick().await;
        match web.call("start_chat", json!({ "chat": {} })).await {
            Ok(_) => return true,
            Err((_, error)) => assert_eq!(error.kind, "validation", "{error:?}"),
        }
        if web.ok("get_chats_summary", json!({})).await["total_chats"] == 1 {
            return false;
        }
    }
}

#[tokio::test]
async fn a_revoked_token_takes_its_bots_out_before_the_revocation_is_answered() {
    let server = Server::start().await;
    for round in 0..20 {
        let token = server.issue(json!({ "agent_id": server.agent_id(0) })).await;
        let web = Web::new(&server, Api::Configuration, &token);
        let bot = json!({ "name": "Bot", "status": "accepting chats", "groups": [{ "id": 0, "priority": "first" }] });
        web.ok("create_bot_agent", bot).await;
        let revoke = server.raw(reqwest::Method::DELETE, &format!("/token?token={token}"));
        let (status, _) = send(revoke).await;
        assert_eq!(status, 200);
        let person = server.person().await;
        let (_, error) = server.customer_web(&person).err("start_chat", json!({})).await;
        assert_eq!(error.kind, "group_offline", "round {round}: the bot was still there");
    }
}
