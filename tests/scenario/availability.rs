//! Who can be reached: what customers are told of groups and agents, and agents who are away
//! (digest 5.6, 6 and 10.5).

use serde_json::{Value, json};

use crate::support::Caller;
use crate::support::server::Server;
use crate::support::shape::{id, present_agents, waits};

async fn statuses(caller: &Caller, groups: Value) -> Value {
    caller.ok("get_groups_status", groups).await["groups_status"].clone()
}

#[tokio::test]
async fn a_customer_asks_which_groups_can_serve_and_who_would_answer() {
    let server = Server::start().await;
    let person = server.person().await;
    let callers =
        [Caller::Rtm(server.customer_rtm(&person).await), Caller::Web(server.customer_web(&person))];
    for caller in &callers {
        assert_eq!(
            statuses(caller, json!({ "all": true })).await,
            json!({ "0": "offline", "1": "offline", "2": "offline" })
        );
        assert_eq!(caller.err("get_predicted_agent", json!({})).await.kind, "group_offline");
        for wrong in [json!({}), json!({ "groups": "0" }), json!({ "all": "yes" })] {
            assert_eq!(caller.err("get_groups_status", wrong).await.kind, "validation");
        }
    }
    let bot = server.bot(json!({ "max_chats_count": 1, "groups": [{ "id": 2, "priority": "first" }] })).await;
    for caller in &callers {
        assert_eq!(
            statuses(caller, json!({ "groups": [0, 2, 77] })).await,
            json!({ "0": "online", "2": "online" }),
            "an unknown group is left out"
        );
        let predicted = caller.ok("get_predicted_agent", json!({})).await["agent"].clone();
        assert_eq!((&predicted["id"], &predicted["is_bot"]), (&json!(bot), &json!(true)));
    }
    // Asking took no slot; a chat does.
    let (_, chat) = server.chat(json!({})).await;
    assert_eq!(present_agents(&chat), [bot]);
    for caller in &callers {
        assert_eq!(statuses(caller, json!({ "groups": [2] })).await, json!({ "2": "online_for_queue" }));
        assert_eq!(caller.err("get_predicted_agent", json!({})).await.kind, "group_unavailable");
    }
}

#[tokio::test]
async fn an_agent_with_only_away_connections_gets_no_chat() {
    let server = Server::start().await;
    let (ann, bob) = (server.agent(0).await, server.watcher(1).await);
    let mark = bob.mark();
    ann.ok("set_away_status", json!({ "away": true })).await;
    let person = server.person().await;
    let patient = json!({ "chat": {}, "continuous": true });
    let started = server.customer_web(&person).ok("start_chat", patient).await["chat"].clone();
    assert!(waits(&started));

    // A second connection is not away: the chat is given at once, perhaps before its login is answered.
    let second = server.agent(0).await;
    ann.push_in(&id(&started), "chat_user_added").await;
    second.ok("set_away_status", json!({ "away": true })).await;
    let (status, error) = server.customer_web(&server.person().await).err("start_chat", json!({})).await;
    assert_eq!((status, error.kind.as_str()), (503, "group_offline"));
    ann.ok("set_away_status", json!({ "away": false })).await;
    let (_, chat) = server.chat(json!({})).await;
    assert_eq!(present_agents(&chat), [ann.id.as_str()]);
    let updates = bob.since(mark).into_iter().filter(|push| push.name == "agent_updated").count();
    assert_eq!(updates, 0, "the status is what it was");
}

#[tokio::test]
async fn away_is_refused_where_it_makes_no_sense() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    for wrong in [json!({}), json!({ "away": "yes" })] {
        assert_eq!(ann.err("set_away_status", wrong).await.kind, "validation");
    }
    let bot = server.bot(json!({})).await;
    let away = json!({ "away": true });
    assert_eq!(ann.call_as(&bot, "set_away_status", away.clone()).await.unwrap_err().kind, "validation");
    let as_bot = server.bot_rtm(&bot).await;
    assert_eq!(as_bot.err("set_away_status", away.clone()).await.kind, "validation");
    let (status, _) = server.agent_web(0).err("set_away_status", away.clone()).await;
    assert_eq!(status, 400, "a connection's own state is no Web method");
    let reader = server.scoped(&["chats--all:rw"]).await;
    assert_eq!(server.login_agent(&reader).await.err("set_away_status", away).await.kind, "authorization");
}
