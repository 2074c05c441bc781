//! Chats that wait: first in, first out, and every event that frees or adds a slot gives one out.

use serde_json::{Value, json};

use crate::support::people::Person;
use crate::support::rtm::Rtm;
use crate::support::server::Server;
use crate::support::shape::{id, present_agents, waits};

/// The next chat that is given out, and to whom.
async fn next(watcher: &Rtm) -> (String, String) {
    let push = watcher.push("chat_user_added", |payload| payload["user_type"] == "agent").await.payload;
    (push["chat_id"].as_str().unwrap().to_owned(), id(&push["user"]))
}

async fn waiting(server: &Server, count: usize) -> Vec<(Person, Value)> {
    let mut chats = Vec::new();
    for _ in 0..count {
        let (person, chat) = server.chat(json!({})).await;
        assert!(waits(&chat), "no slot is free: {chat:#}");
        chats.push((person, chat));
    }
    chats
}

#[tokio::test]
async fn each_event_that_frees_or_adds_a_slot_gives_out_the_oldest() {
    let server = Server::start().await;
    let watcher = server.watcher(0).await;
    let bot = server.bot(json!({ "max_chats_count": 1 })).await;
    let (holder, held) = server.chat(json!({})).await;
    assert_eq!(present_agents(&held), [bot.as_str()]);
    let queue = waiting(&server, 8).await;
    let expect = |n: usize, agent: &str| (id(&queue[n].1), agent.to_owned());

    // A chat is closed by its customer; the next one by an agent.
    server.close(&holder, &held).await;
    assert_eq!(next(&watcher).await, expect(0, &bot));
    server.agent_web(0).ok("close_thread", json!({ "chat_id": queue[0].1["id"] })).await;
    assert_eq!(next(&watcher).await, expect(1, &bot));
    // The limit is raised; a lowered one takes nothing away.
    server.update_bot(&bot, json!({ "max_chats_count": 2 })).await;
    assert_eq!(next(&watcher).await, expect(2, &bot));
    server.update_bot(&bot, json!({ "max_chats_count": 1 })).await;
    assert_eq!(present_agents(&server.look(&id(&queue[2].1)).await), [bot.as_str()]);
    server.close(&queue[1].0, &queue[1].1).await;
    let over = server.look(&id(&queue[3].1)).await;
    assert!(waits(&over), "one is still held, and the limit is one now");
    // A new bot comes.
    let second = server.bot(json!({ "max_chats_count": 1 })).await;
    assert_eq!(next(&watcher).await, expect(3, &second));
    // One that did not accept accepts.
    let third = server.bot(json!({ "max_chats_count": 1, "status": "not accepting chats" })).await;
    server.update_bot(&third, json!({ "status": "accepting chats" })).await;
    assert_eq!(next(&watcher).await, expect(4, &third));
    // One that was not in the group comes into it.
    let fourth =
        server.bot(json!({ "max_chats_count": 1, "groups": [{ "id": 0, "priority": "supervisor" }] })).await;
    server.update_bot(&fourth, json!({ "groups": [{ "id": 0, "priority": "last" }] })).await;
    assert_eq!(next(&watcher).await, expect(5, &fourth));
    // A bot leaves its chat by itself: that chat waits behind the others, and the slot is free for the oldest.
    let leaves = json!({ "chat_id": queue[5].1["id"], "user_id": fourth, "user_type": "agent" });
    server.agent_web(0).acting_as(&fourth).ok("remove_user_from_chat", leaves).await;
    assert_eq!(next(&watcher).await, expect(6, &fourth));
    // Waiting chats that are closed leave the queue: the next slot goes to the one that still waits.
    server.close(&queue[7].0, &queue[7].1).await;
    server.close(&queue[5].0, &queue[5].1).await;
    let late = waiting(&server, 1).await;
    server.close(&queue[6].0, &queue[6].1).await;
    assert_eq!(next(&watcher).await, (id(&late[0].1), fourth));
}

#[tokio::test]
async fn a_removed_or_offline_bot_gives_its_chats_to_the_others() {
    let server = Server::start().await;
    let watcher = server.watcher(0).await;
    let one = json!({ "max_chats_count": 1 });
    let (gone, away) = (server.bot(one.clone()).await, server.bot(one.clone()).await);
    // Somebody accepts all the time, without a slot to give: so the group never is offline.
    let _full = server.bot(one.clone()).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let (_, chat) = server.chat(json!({})).await;
        held.push((present_agents(&chat)[0].clone(), id(&chat)));
    }
    let of = |bot: &str| held.iter().find(|(holder, _)| holder == bot).unwrap().1.clone();

    // No slot elsewhere: the chat waits, says so, and does not end.
    let configuration = server.configuration();
    configuration.ok("remove_bot_agent", json!({ "bot_agent_id": gone })).await;
    watcher.push_in(&of(&gone), "chat_user_removed").await;
    server.update_bot(&away, json!({ "status": "offline" })).await;
    watcher.push_in(&of(&away), "chat_user_removed").await;
    for chat in [of(&gone), of(&away)] {
        let look = server.look(&chat).await;
        assert!(waits(&look));
        assert_eq!(look["threads"][0]["active"], true);
    }

    // Room comes back: both are given out again, the older loss first.
    let new = server.bot(one).await;
    assert_eq!(next(&watcher).await, (of(&gone), new));
    server.update_bot(&away, json!({ "status": "accepting chats" })).await;
    assert_eq!(next(&watcher).await, (of(&away), away));
}

#[tokio::test]
async fn joining_by_hand_knows_no_limit_and_an_answer_takes_a_waiting_chat() {
    let server = Server::start().await;
    let ann = server.watcher(0).await;
    let bot = server.bot(json!({ "max_chats_count": 1 })).await;
    let (_, held) = server.chat(json!({})).await;
    assert_eq!(present_agents(&held), [bot.as_str()]);
    let queue = waiting(&server, 3).await;
    let chat = |n: usize| id(&queue[n].1);
    let say = |n: usize, recipients: &str| {
        let event = json!({ "type": "message", "text": "Hello?", "recipients": recipients });
        json!({ "chat_id": chat(n), "event": event })
    };

    // The bot may join above its limit, and add_user_to_chat tells everyone.
    let join = json!({ "chat_id": chat(0), "user_id": bot, "user_type": "agent" });
    server.agent_web(0).acting_as(&bot).ok("add_user_to_chat", join).await;
    assert_eq!(next(&ann).await, (chat(0), bot.clone()));

    // Neither an internal note of a human nor a bot's answer takes a waiting chat; a human's answer does.
    ann.ok("send_event", say(1, "agents")).await;
    server.agent_web(0).acting_as(&bot).ok("send_event", say(1, "all")).await;
    assert!(waits(&server.look(&chat(1)).await));
    ann.ok("send_event", say(1, "all")).await;
    assert_eq!(next(&ann).await, (chat(1), ann.id.clone()));
    let look = server.look(&chat(1)).await;
    assert!(!waits(&look));
    assert_eq!(present_agents(&look), [ann.id.as_str()]);
    assert!(waits(&server.look(&chat(2)).await), "the others still wait");

    // An answer in a chat that someone holds leaves its author outside.
    let event = json!({ "type": "message", "text": "May I?" });
    ann.ok("send_event", json!({ "chat_id": held["id"], "event": event })).await;
    assert_eq!(present_agents(&server.look(&id(&held)).await), [bot]);
}

#[tokio::test]
async fn a_chat_does_not_go_back_to_the_agent_who_left_it() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let (person, chat) = server.chat(json!({})).await;
    assert_eq!(present_agents(&chat), [ann.id.as_str()]);
    let me = json!({ "chat_id": chat["id"], "user_id": ann.id, "user_type": "agent" });
    ann.ok("remove_user_from_chat", me).await;
    // Whatever the router made of it is over when a chat started later has been given out.
    let (_, later) = server.chat(json!({})).await;
    assert_eq!(present_agents(&later), [ann.id.as_str()]);
    assert!(waits(&server.look(&id(&chat)).await));
    // Somebody else who comes gets it.
    let bob = server.agent(1).await;
    // Told to whoever was there before: to Bob his login may have shown it already.
    ann.push_in(&id(&chat), "chat_user_added").await;
    let mia = server.customer_rtm(&person).await;
    let threads = mia.ok("get_chat_threads", json!({ "chat_id": chat["id"] })).await;
    assert!(present_agents(&threads["chat"]).contains(&bob.id));
}
