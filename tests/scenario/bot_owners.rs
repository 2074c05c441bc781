//! A bot belongs to the application of the token that made it, and is spoken for by that application alone.

use serde_json::{Value, json};

use crate::support::WireError;
use crate::support::rtm::{Rtm, Side};
use crate::support::server::Server;
use crate::support::shape::{id, list, present_agents, user};
use crate::support::web::{Api, Web};

/// The error, with the id that was asked for taken out.
fn without(error: (u16, WireError), id: &str) -> (u16, String, String) {
    (error.0, error.1.kind, error.1.message.replace(id, "<id>"))
}

#[tokio::test]
async fn another_application_sees_and_changes_only_what_its_scopes_say() {
    let server = Server::start().await;
    let ours = server.configuration();
    let theirs = Web::new(&server, Api::Configuration, &server.other_application().await);
    let bot = server.bot(json!({ "name": "Ours", "status": "offline" })).await;
    let foreign = json!({ "name": "Theirs", "status": "offline" });
    let foreign = theirs.ok("create_bot_agent", foreign).await["bot_agent_id"].as_str().unwrap().to_owned();
    let ids = |answer: &Value| {
        let mut ids: Vec<_> = list(&answer["bot_agents"]).iter().map(id).collect();
        ids.sort();
        ids
    };
    let mut both = vec![bot.clone(), foreign.clone()];
    both.sort();
    assert_eq!(ids(&ours.ok("get_bot_agents", json!({})).await), [bot.as_str()]);
    assert_eq!(ids(&theirs.ok("get_bot_agents", json!({ "all": false })).await), [foreign.as_str()]);
    assert_eq!(ids(&ours.ok("get_bot_agents", json!({ "all": true })).await), both);
    let which = |bot: &str| json!({ "bot_agent_id": bot });
    let details = ours.ok("get_bot_agent_details", which(&foreign)).await;
    assert_eq!(details["bot_agent"]["application"]["client_id"], "another-app");

    // With the scopes for own bots only, a foreign one is like none at all.
    let my = |scope: &str| json!({ "agent_id": server.agent_id(0), "client_id": "third", "scopes": [scope] });
    let reads = Web::new(&server, Api::Configuration, &server.issue(my("agents-bot--my:ro")).await);
    let writes = Web::new(&server, Api::Configuration, &server.issue(my("agents-bot--my:rw")).await);
    let nobody = "0f3b6f5e9c1d4a7b8e2f60718293a4b5";
    let (status, error) = reads.err("get_bot_agents", json!({ "all": true })).await;
    assert_eq!((status, error.kind.as_str()), (403, "authorization"));
    assert_eq!(ids(&reads.ok("get_bot_agents", json!({})).await), Vec::<String>::new());
    for (web, action) in [(&reads, "get_bot_agent_details"), (&writes, "remove_bot_agent")] {
        let seen = without(web.err(action, which(&bot)).await, &bot);
        assert_eq!(seen.1, "validation");
        assert_eq!(seen, without(web.err(action, which(nobody)).await, nobody), "{action}");
    }
    let update = |bot: &str| json!({ "id": bot, "name": "Stolen" });
    let seen = without(writes.err("update_bot_agent", update(&bot)).await, &bot);
    assert_eq!(seen, without(writes.err("update_bot_agent", update(nobody)).await, nobody));
    for (action, body) in [
        ("create_bot_agent", json!({ "name": "No", "status": "offline" })),
        ("update_bot_agent", update(nobody)),
        ("remove_bot_agent", which(nobody)),
    ] {
        let (status, error) = reads.err(action, body).await;
        assert_eq!((status, error.kind.as_str()), (403, "authorization"), "{action} needs `rw`");
    }

    // Even `all:rw` is for removing only.
    let refused = theirs.err("update_bot_agent", update(&bot)).await.1.kind;
    assert!(["validation", "authorization"].contains(&refused.as_str()), "{refused}");
    assert_eq!(server.bot_details(&bot).await["name"], "Ours");
    theirs.ok("remove_bot_agent", which(&bot)).await;
    assert_eq!(ids(&ours.ok("get_bot_agents", json!({})).await), Vec::<String>::new());
}

#[tokio::test]
async fn only_its_own_application_speaks_for_a_bot() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    let theirs = server.other_application().await;
    let foreign = Web::new(&server, Api::Configuration, &theirs);
    let foreign = foreign.ok("create_bot_agent", json!({ "name": "F", "status": "offline" })).await;
    let foreign = foreign["bot_agent_id"].as_str().unwrap().to_owned();
    // An offline bot may still call the Web API.
    let bot = server.bot(json!({ "name": "Offline", "status": "offline" })).await;
    let (_, chat) = server.chat(json!({})).await;
    let say = |text: &str| json!({ "chat_id": chat["id"], "event": { "type": "message", "text": text } });

    let web = server.agent_web(0);
    let sent = web.acting_as(&bot).ok("send_event", say("by the bot")).await;
    assert_eq!(sent["event"]["author_id"], bot);
    assert_eq!(ann.message("by the bot").await.payload["event"]["author_id"], bot);
    let sent = ann.call_as(&bot, "send_event", say("by the bot, over RTM")).await.unwrap();
    assert_eq!(sent["event"]["author_id"], bot);
    let sent = ann.ok("send_event", say("by herself")).await;
    assert_eq!(sent["event"]["author_id"], ann.id);

    let human = server.agent_id(1);
    for author in [foreign.as_str(), "0f3b6f5e9c1d4a7b8e2f60718293a4b5", human.as_str()] {
        let (status, error) = web.acting_as(author).err("send_event", say("not me")).await;
        assert_eq!((status, error.kind.as_str()), (403, "authorization"), "{author}");
        let error = ann.call_as(author, "send_event", say("not me")).await.unwrap_err();
        assert_eq!(error.kind, "authorization", "{author}");
        let rtm = Rtm::connect(&server, Side::Agent).await;
        let login = json!({ "token": server.agent_token(0) });
        assert_eq!(rtm.call_as(author, "login", login.clone()).await.unwrap_err().kind, "authorization");
        rtm.ok("login", login).await;
    }
    let (status, answer) = web.post("send_event", &json!({ "payload": say("x"), "author_id": 5 })).await;
    assert_eq!((status, &answer["error"]["type"]), (400, &json!("validation")));

    // It joins, is seen by everyone, and leaves; both sides are told.
    let bob = server.watcher(1).await;
    let member = json!({ "chat_id": chat["id"], "user_id": bot, "user_type": "agent" });
    assert_eq!(web.acting_as(&bot).ok("add_user_to_chat", member.clone()).await, json!({}));
    for hears in [&ann, &bob] {
        let added = hears.push_in(&id(&chat), "chat_user_added").await.payload;
        assert_eq!((&added["user"]["id"], &added["user"]["type"]), (&json!(bot), &json!("agent")));
        assert_eq!(added["user"]["name"], "Offline");
        assert_eq!((&added["user_type"], &added["thread_id"]), (&json!("agent"), &chat["thread"]["id"]));
        assert_eq!(added["user"].get("email"), None);
    }
    assert!(present_agents(&server.look(&id(&chat)).await).contains(&bot));
    assert_eq!(web.acting_as(&bot).ok("remove_user_from_chat", member).await, json!({}));
    let removed = bob.push_in(&id(&chat), "chat_user_removed").await.payload;
    assert_eq!((&removed["user_id"], &removed["user_type"]), (&json!(bot), &json!("agent")));
    let look = server.look(&id(&chat)).await;
    assert_eq!(user(&look, &bot)["present"], false, "who was there stays in the list");

    // Removed, it speaks no more.
    server.configuration().ok("remove_bot_agent", json!({ "bot_agent_id": bot })).await;
    assert_eq!(web.acting_as(&bot).err("send_event", say("gone")).await.1.kind, "authorization");
}

#[tokio::test]
async fn a_bots_own_connection_hears_and_acts_as_the_bot() {
    let server = Server::start().await;
    let bot = server.bot(json!({ "name": "Socket", "max_chats_count": 5 })).await;
    let (_, early) = server.chat(json!({})).await;
    let owner = server.watcher(0).await;
    let rtm = server.bot_rtm(&bot).await;
    assert_eq!(rtm.id, bot);
    assert_eq!(rtm.welcome["my_profile"]["name"], "Socket");
    assert_eq!(rtm.welcome["my_profile"].get("email"), None);
    assert_eq!(rtm.welcome["license"]["id"], server.license().to_string());
    let known: Vec<_> = list(&rtm.welcome["chats_summary"]).iter().map(id).collect();
    assert_eq!(known, [id(&early)]);

    // Given a chat, it hears of it and answers without naming itself.
    let mia = server.customer().await;
    let chat = id(&mia.ok("start_chat", json!({ "chat": {} })).await["chat"]);
    let push = rtm.push_in(&chat, "incoming_chat_thread").await;
    assert_eq!(present_agents(&push.payload["chat"]), [bot.as_str()]);
    rtm.system_message(&chat, "routing.assigned").await;
    let event = json!({ "type": "message", "text": "bot?" });
    mia.ok("send_event", json!({ "chat_id": chat, "event": event })).await;
    rtm.message("bot?").await;
    let event = json!({ "type": "message", "text": "here" });
    let asked = json!({ "action": "send_event", "payload": { "chat_id": chat, "event": event } });
    let asked = rtm.begin(asked).await;
    assert_eq!(rtm.response(&asked).await["payload"]["event"]["author_id"], bot);
    assert_eq!(rtm.message("here").await.request_id, Some(asked));
    assert_eq!(mia.message("here").await.payload["event"]["author_id"], bot);

    // Its owner is in none of the chats: hears of their beginning and end, not of what is said.
    rtm.ok("close_thread", json!({ "chat_id": chat })).await;
    owner.push_in(&chat, "thread_closed").await;
    assert_eq!(owner.names_since(0, &chat), ["incoming_chat_thread", "thread_closed"]);

    // Login changed no status, and logout does not either.
    assert_eq!(server.bot_details(&bot).await["status"], "accepting chats");
    rtm.ok("logout", json!({})).await;
    assert_eq!(server.bot_details(&bot).await["status"], "accepting chats");
    let (_, next) = server.chat(json!({})).await;
    assert_eq!(present_agents(&next), [bot.as_str()]);
    let rtm = server.bot_rtm(&bot).await;
    rtm.ok("update_agent", json!({ "routing_status": "not_accepting_chats" })).await;
    assert_eq!(server.bot_details(&bot).await["status"], "not accepting chats");
}
