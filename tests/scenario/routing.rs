//! Who gets a chat: priorities, free slots, groups, statuses.

use serde_json::{Value, json};

use crate::support::people::Person;
use crate::support::server::Server;
use crate::support::shape::{id, present_agents, waits};

/// A new customer starts a chat; gives the customer, the chat, and the agent that it was given to.
async fn start(server: &Server, chat: Value) -> (Person, Value, Option<String>) {
    let (person, chat) = server.chat(chat).await;
    let agents = present_agents(&chat);
    assert!(agents.len() <= 1, "a chat is given to one agent: {chat:#}");
    assert_eq!(waits(&chat), agents.is_empty());
    (person, chat, agents.into_iter().next())
}

fn member(group: u32, priority: &str) -> Value {
    json!({ "groups": [{ "id": group, "priority": priority }] })
}

fn with(mut fields: Value, more: &Value) -> Value {
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fields
}

#[tokio::test]
async fn a_first_bot_gets_two_chats_then_humans_by_free_slots_then_the_queue() {
    let server = Server::start().await;
    let (ann, bob) = (server.agent(0).await, server.agent(1).await);
    let first = server.bot(with(member(0, "first"), &json!({ "max_chats_count": 2 }))).await;
    server.bot(member(0, "supervisor")).await;
    server.bot(with(member(0, "first"), &json!({ "status": "not accepting chats" }))).await;
    server.bot(with(member(0, "first"), &json!({ "status": "offline" }))).await;

    // Two for the bot, then six for each human, always to the one with fewer; nobody else gets any.
    let mut chats = Vec::new();
    for _ in 0..14 {
        chats.push(start(&server, json!({})).await);
    }
    let given: Vec<_> = chats.iter().map(|(_, _, agent)| agent.clone().expect("there was a slot")).collect();
    assert_eq!(given[..2], [first.clone(), first.clone()]);
    for pair in given[2..].chunks(2) {
        let mut pair = pair.to_vec();
        pair.sort();
        assert_eq!(pair, [ann.id.clone(), bob.id.clone()], "by turns: {given:?}");
    }

    // Every slot is taken: the next one waits, and gets the slot that frees first, whoever's it is.
    let person = server.person().await;
    let waiting = server.customer_rtm(&person).await;
    let chat = waiting.ok("start_chat", json!({ "chat": {} })).await["chat"].clone();
    assert!(waits(&chat), "{chat:#}");
    waiting.system_message(&id(&chat), "routing.unassigned").await;
    let (customer, closed, holder) = &chats[5];
    let holder = holder.clone().unwrap();
    server.close(customer, closed).await;
    for hears in [&waiting, &ann, &bob] {
        let fits = |payload: &Value| payload["chat_id"] == chat["id"] && payload["user_type"] == "agent";
        let added = hears.push("chat_user_added", fits).await;
        assert_eq!(added.payload["user"]["id"], holder);
    }
    waiting.system_message(&id(&chat), "routing.assigned").await;
    let look = server.look(&id(&chat)).await;
    assert!(!waits(&look));
    assert_eq!(present_agents(&look), [holder]);

    // A slot of the bot frees, and it is first again.
    server.close(&chats[0].0, &chats[0].1).await;
    assert_eq!(start(&server, json!({})).await.2, Some(first));
    assert_eq!(start(&server, json!({})).await.2, None);
}

#[tokio::test]
async fn priorities_hold_per_group_and_groups_keep_apart() {
    let server = Server::start().await;
    let one = json!({ "max_chats_count": 1 });
    let two_groups = |in_0: &str, in_1: &str| {
        let groups = json!([{ "id": 0, "priority": in_0 }, { "id": 1, "priority": in_1 }]);
        with(json!({ "groups": groups }), &one)
    };
    let last = server.bot(two_groups("last", "first")).await;
    let normal = server.bot(two_groups("normal", "normal")).await;
    let first = server.bot(two_groups("first", "last")).await;

    // In group 0: first, normal, last, then the queue. In group 1 the other way round.
    for (group, order) in [(0, [&first, &normal, &last]), (1, [&last, &normal, &first])] {
        let access = json!({ "access": { "group_ids": [group] } });
        let mut open = Vec::new();
        for bot in order {
            let started = start(&server, access.clone()).await;
            assert_eq!(started.1["access"]["group_ids"], json!([group]));
            assert_eq!(started.2.as_ref(), Some(bot), "in group {group}");
            open.push(started);
        }
        let (waiting, waiting_chat, nobody) = start(&server, access.clone()).await;
        assert_eq!(nobody, None);
        server.close(&waiting, &waiting_chat).await;
        for (person, chat, _) in &open {
            server.close(person, chat).await;
        }
    }

    // Group 2 has nobody of its own: nobody is online there, whatever group 0 and 1 have.
    let person = server.person().await;
    let elsewhere = json!({ "chat": { "access": { "group_ids": [2] } } });
    let (status, error) = server.customer_web(&person).err("start_chat", elsewhere.clone()).await;
    assert_eq!((status, error.kind.as_str()), (503, "group_offline"));
    let own = server.bot(with(member(2, "last"), &one)).await;
    let started = server.customer_web(&person).ok("start_chat", elsewhere).await["chat"].clone();
    assert_eq!(present_agents(&started), [own]);

    // With `group_id` at login a chat starts in that group.
    let person = server.person().await;
    let login = json!({ "token": person.token, "group_id": 1 });
    let mia = crate::support::rtm::Rtm::login(&server, crate::support::rtm::Side::Customer, login).await;
    let started = mia.ok("start_chat", json!({ "chat": {} })).await["chat"].clone();
    assert_eq!(started["access"]["group_ids"], json!([1]));
    assert_eq!(present_agents(&started), [last]);

    let unknown = json!({ "chat": { "access": { "group_ids": [77] } } });
    let person = server.person().await;
    let (status, error) = server.customer_web(&person).err("start_chat", unknown).await;
    assert_eq!((status, error.kind.as_str()), (404, "group_not_found"));
}

#[tokio::test]
async fn nobody_online_is_group_offline_unless_the_chat_is_continuous() {
    let server = Server::start().await;
    let person = server.person().await;
    let (web, rtm) = (server.customer_web(&person), server.customer_rtm(&person).await);
    let refused = async |who: &str| {
        let (status, error) = web.err("start_chat", json!({})).await;
        assert_eq!((status, error.kind.as_str()), (503, "group_offline"), "{who}");
        assert_eq!(
            rtm.err("start_chat", json!({ "continuous": false })).await.kind,
            "group_offline",
            "{who}"
        );
    };
    refused("nobody at all").await;
    let bot = server.bot(member(0, "supervisor")).await;
    refused("only a supervisor").await;
    server.update_bot(&bot, with(member(0, "normal"), &json!({ "status": "not accepting chats" }))).await;
    refused("only one who does not accept").await;
    let ann = server.watcher(0).await;
    refused("and a human who does not accept").await;
    let none = web.ok("get_chats_summary", json!({})).await;
    assert_eq!(none["total_chats"], 0, "a refused start leaves nothing");

    // A continuous chat starts all the same, waits, and is given out the moment that someone accepts.
    let chat = rtm.ok("start_chat", json!({ "continuous": true })).await["chat"].clone();
    assert!(waits(&chat), "{chat:#}");
    ann.push_in(&id(&chat), "incoming_chat_thread").await;
    ann.ok("update_agent", json!({ "routing_status": "accepting_chats" })).await;
    for hears in [&ann, &rtm] {
        let added = hears.push_in(&id(&chat), "chat_user_added").await;
        assert_eq!(added.payload["user"]["id"], ann.id);
        hears.system_message(&id(&chat), "routing.assigned").await;
    }

    // The mode is kept: it opens again with nobody there.
    ann.ok("close_thread", json!({ "chat_id": chat["id"] })).await;
    ann.ok("logout", json!({})).await;
    let event = json!({ "type": "message", "text": "still me" });
    let sent = web.ok("send_event", json!({ "chat_id": chat["id"], "event": event })).await;
    assert_ne!(sent["thread_id"], chat["thread"]["id"]);
    assert!(waits(&server.look(&id(&chat)).await));
}

#[tokio::test]
async fn statuses_of_humans_take_effect_at_once() {
    let server = Server::start().await;
    let (ann, bob) = (server.agent(0).await, server.watcher(1).await);
    let (_, chat, holder) = start(&server, json!({})).await;
    assert_eq!(holder.as_ref(), Some(&ann.id));
    let chat = id(&chat);

    // Not accepting: keeps what she has, gets nothing new. Everyone of the license is told.
    let (asked, status) = (json!({ "routing_status": "not_accepting_chats" }), "not_accepting_chats");
    ann.ok("update_agent", asked).await;
    for agent in [&ann, &bob] {
        let fits = |payload: &Value| payload["agent_id"] == ann.id && payload["routing_status"] == status;
        agent.push("agent_updated", fits).await;
    }
    bob.ok("update_agent", json!({ "routing_status": "accepting_chats" })).await;
    assert_eq!(start(&server, json!({})).await.2.as_ref(), Some(&bob.id));
    assert_eq!(present_agents(&server.look(&chat).await), [ann.id.as_str()]);

    // Logged out: offline at once, and the chat goes on with whoever is there.
    ann.ok("logout", json!({})).await;
    let added = bob.push_in(&chat, "chat_user_added").await;
    assert_eq!(added.payload["user"]["id"], bob.id);
    let removed = bob.push_in(&chat, "chat_user_removed").await;
    assert_eq!(removed.payload["user_id"], server.agent_id(0));
    bob.system_message(&chat, "routing.assigned_signed_out").await;

    // `reconnect` restores the status of before, a plain login gives the default one.
    let token = server.agent_token(0);
    let login = |reconnect: bool| json!({ "token": token, "reconnect": reconnect });
    let side = crate::support::rtm::Side::Agent;
    let ann = crate::support::rtm::Rtm::login(&server, side, login(true)).await;
    assert_eq!(ann.welcome["my_profile"]["routing_status"], "not_accepting_chats");
    ann.ok("logout", json!({})).await;
    let ann = crate::support::rtm::Rtm::login(&server, side, login(false)).await;
    assert_eq!(ann.welcome["my_profile"]["routing_status"], "accepting_chats");
    assert_eq!(start(&server, json!({})).await.2.as_ref(), Some(&ann.id), "she holds fewer");

    // Without a connection there is no status to set, and a wrong one is refused.
    ann.ok("logout", json!({})).await;
    let (status, error) =
        server.agent_web(0).err("update_agent", json!({ "routing_status": "accepting_chats" })).await;
    assert_eq!((status, error.kind.as_str()), (400, "requester_already_offline"));
    assert_eq!(bob.err("update_agent", json!({ "routing_status": "asleep" })).await.kind, "validation");
}
