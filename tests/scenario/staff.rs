//! Agents that an operator makes, places, sends off and deletes; forms that customers get.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Caller;
use crate::support::server::Server;
use crate::support::shape::{id, present_agents, user, waits};
use crate::support::web::{Api, Web, send};

const CARL: &str = "carl@example.org";

/// Makes an agent; gives a token of it.
async fn hire(server: &Server, id: &str, fields: Value) -> String {
    let mut body = json!({ "id": id, "name": "Carl" });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let made = server.admin_ok("POST", "/agents", body).await;
    assert_eq!((made["id"].as_str(), made["routing_status"].as_str()), (Some(id), Some("offline")));
    server.issue(json!({ "agent_id": id })).await
}

async fn chat_in(server: &Server, group: u32) -> Value {
    server.chat(json!({ "access": { "group_ids": [group] } })).await.1
}

async fn status(server: &Server, agent: &str) -> Value {
    server.admin_ok("GET", &format!("/agents/{agent}"), json!(null)).await["routing_status"].clone()
}

#[tokio::test]
async fn an_agent_made_at_run_time_gets_chats_by_its_place_and_outlives_a_kill() {
    let mut server = Server::start().await;
    let ann = server.agent(0).await;
    let token = hire(&server, CARL, json!({ "max_chats_count": 2 })).await;
    let carl = server.login_agent(&token).await;
    assert_eq!(carl.welcome["my_profile"]["name"], "Carl");
    assert_eq!(status(&server, CARL).await, "accepting_chats");

    // In group 1 there is only Ann; once Carl is in it and comes first, he gets the next chat.
    assert_eq!(present_agents(&chat_in(&server, 1).await), [ann.id.as_str()]);
    let place = format!("/groups/1/members/{CARL}");
    server.admin_ok("PUT", &place, json!({ "priority": "first" })).await;
    for _ in 0..2 {
        assert_eq!(present_agents(&chat_in(&server, 1).await), [CARL]);
    }
    assert_eq!(present_agents(&chat_in(&server, 1).await), [ann.id.as_str()], "Carl has two");
    server
        .admin_ok("PATCH", &format!("/agents/{CARL}"), json!({ "max_chats_count": 3, "name": "Carl C." }))
        .await;
    assert_eq!(present_agents(&chat_in(&server, 1).await), [CARL]);

    // Out of the group he gets none of its chats; a bot can be put into it as well.
    server.admin_ok("PATCH", &format!("/agents/{CARL}"), json!({ "max_chats_count": 9 })).await;
    server.admin_ok("DELETE", &place, json!(null)).await;
    assert_eq!(present_agents(&chat_in(&server, 1).await), [ann.id.as_str()]);
    let bot = server.bot(json!({ "max_chats_count": 1 })).await;
    let put =
        server.admin_ok("PUT", &format!("/groups/1/members/{bot}"), json!({ "priority": "first" })).await;
    assert_eq!(put, json!({ "agent_id": bot, "priority": "first", "bot": true }));
    assert_eq!(present_agents(&chat_in(&server, 1).await), [bot.as_str()]);

    let agents = server.admin_ok("GET", "/agents", json!(null)).await["agents"].clone();
    let members = server.admin_ok("GET", "/groups/1/members", json!(null)).await;
    server.kill_9().await;
    server.restart().await;
    let after = server.admin_ok("GET", "/agents", json!(null)).await["agents"].clone();
    let known = |agents: &Value| {
        let lines = agents.as_array().unwrap().iter();
        lines
            .map(|agent| [agent["id"].clone(), agent["name"].clone(), agent["max_chats_count"].clone()])
            .collect::<Vec<_>>()
    };
    assert_eq!(known(&after), known(&agents));
    assert_eq!(server.admin_ok("GET", "/groups/1/members", json!(null)).await, members);
    assert_eq!(server.login_agent(&token).await.welcome["my_profile"]["name"], "Carl C.");
}

#[tokio::test]
async fn a_deleted_agent_is_gone_at_once_and_for_good_until_made_again() {
    let mut server = Server::start().await;
    let groups = json!({ "groups": [{ "id": 1, "priority": "first" }] });
    let token = hire(&server, CARL, groups).await;
    let (carl, ann) = (server.login_agent(&token).await, server.agent(0).await);
    let chat = chat_in(&server, 1).await;
    assert_eq!(present_agents(&chat), [CARL]);
    // A bot whose login hangs on Carl's token.
    let web = Web::new(&server, Api::Configuration, &token);
    let bot = web.ok("create_bot_agent", json!({ "name": "Carl's", "status": "not accepting chats" })).await;
    let as_bot = crate::support::rtm::Rtm::connect(&server, crate::support::rtm::Side::Agent).await;
    let bot_id = bot["bot_agent_id"].as_str().unwrap();
    as_bot.call_as(bot_id, "login", json!({ "token": token })).await.unwrap();

    server.admin_ok("DELETE", &format!("/agents/{CARL}"), json!(null)).await;
    assert_eq!(carl.push("agent_disconnected", |_| true).await.payload["reason"], "agent_deleted");
    assert_eq!(carl.closed().await, Some(1008));
    assert_eq!(as_bot.push("agent_disconnected", |_| true).await.payload["reason"], "access_token_revoked");
    let told = ann.system_message(&id(&chat), "routing.assigned_deleted").await;
    assert_eq!(told.payload["event"]["text_vars"]["addedAgent"], "Agent One");
    let offline = |payload: &Value| payload["agent_id"] == bot_id && payload["routing_status"] == "offline";
    ann.push("agent_updated", offline).await;

    // Nothing of his works any more, but the chat still shows him.
    let gone = |server: &Server| Web::new(server, Api::Agent, &token);
    let (status, error) = gone(&server).err("get_chats_summary", json!({})).await;
    assert_eq!((status, error.kind.as_str()), (401, "authentication"));
    let look = server.look(&id(&chat)).await;
    assert_eq!((&user(&look, CARL)["name"], &user(&look, CARL)["present"]), (&json!("Carl"), &json!(false)));
    assert_eq!(present_agents(&look), [ann.id.as_str()]);
    assert_eq!(server.admin_err("GET", &format!("/agents/{CARL}"), json!(null)).await.0, 404);
    assert_eq!(server.admin_err("POST", "/tokens", json!({ "agent_id": CARL })).await.0, 400);
    let add = json!({ "chat_id": chat["id"], "user_id": CARL, "user_type": "agent" });
    assert_eq!(server.agent_web(0).err("add_user_to_chat", add).await.1.kind, "validation");

    server.kill_9().await;
    server.restart().await;
    assert_eq!(gone(&server).err("get_chats_summary", json!({})).await.0, 401);
    assert_eq!(server.admin_err("DELETE", &format!("/agents/{CARL}"), json!(null)).await.0, 404);

    // Made again he works again, with a new token.
    let fresh = hire(&server, CARL, json!({})).await;
    assert_eq!(gone(&server).err("get_chats_summary", json!({})).await.0, 401, "the old one stays void");
    assert_eq!(server.login_agent(&fresh).await.id, CARL);
    let again = server.admin_err("POST", "/agents", json!({ "id": CARL, "name": "Carl" })).await;
    assert_eq!(again, (400, "id: is another agent's".to_owned()));
}

#[tokio::test]
async fn an_agent_can_be_logged_out_by_somebody_else() {
    let server = Server::start().await;
    let token = hire(&server, CARL, json!({ "groups": [{ "id": 1, "priority": "first" }] })).await;
    let tabs = [server.login_agent(&token).await, server.login_agent(&token).await];
    let ann = server.agent(0).await;
    let chat = chat_in(&server, 1).await;
    assert_eq!(present_agents(&chat), [CARL]);
    server.admin_ok("POST", &format!("/agents/{CARL}/logout"), json!(null)).await;
    for tab in &tabs {
        assert_eq!(
            tab.push("agent_disconnected", |_| true).await.payload["reason"],
            "agent_logged_out_remotely"
        );
        assert_eq!(tab.closed().await, Some(1008));
    }
    assert_eq!(status(&server, CARL).await, "offline");
    let told = ann.system_message(&id(&chat), "routing.assigned_remotely_signed_out").await;
    let expected = json!({ "addedAgent": "Agent One", "removedAgent": "Carl" });
    assert_eq!(told.payload["event"]["text_vars"], expected);
    // It is no ban: he may come back, and again while he is offline nothing happens.
    server.admin_ok("POST", &format!("/agents/{}/logout", server.agent_id(1)), json!(null)).await;
    let back = server.login_agent(&token).await;
    assert_eq!(back.welcome["my_profile"]["routing_status"], "accepting_chats");
    assert_eq!(server.admin_err("POST", "/agents/nobody@example.org/logout", json!(null)).await.0, 404);
}

#[tokio::test]
async fn only_the_administrator_touches_agents() {
    let server = Server::start().await;
    for (method, path) in [
        (Method::GET, "/agents"),
        (Method::POST, "/agents"),
        (Method::DELETE, "/agents/agent1@example.com"),
        (Method::POST, "/agents/agent1@example.com/logout"),
        (Method::PUT, "/groups/1/members/agent2@example.com"),
    ] {
        let request = server.raw(method, &format!("/admin/v1{path}")).bearer_auth(server.agent_token(0));
        assert_eq!(send(request.json(&json!({}))).await.0, 401, "{path}");
    }
    for (body, field) in [
        (json!({ "id": "carl", "name": "Carl" }), "id"),
        (json!({ "id": CARL }), "name"),
        (json!({ "id": CARL, "name": "Carl", "groups": [{ "id": 9, "priority": "first" }] }), "groups"),
    ] {
        let (status, words) = server.admin_err("POST", "/agents", body).await;
        assert!(status == 400 && words.starts_with(&format!("{field}: ")), "{words}");
    }
    assert_eq!(server.admin_err("PUT", "/groups/77/members/agent2@example.com", json!({})).await.0, 404);
    let listed = server.admin_ok("GET", "/agents", json!(null)).await;
    assert_eq!(listed["agents"].as_array().unwrap().len(), 2, "nothing was made");
}

#[tokio::test]
async fn customers_get_the_form_of_a_group_over_both_transports() {
    let server = Server::start().await;
    let person = server.person().await;
    let callers =
        [Caller::Rtm(server.customer_rtm(&person).await), Caller::Web(server.customer_web(&person))];
    let asked = |kind: &str| json!({ "group_id": 1, "type": kind });
    for caller in &callers {
        assert_eq!(caller.ok("get_form", asked("prechat")).await, json!({ "enabled": false }));
        for (bad, words) in [
            (json!({ "type": "prechat" }), "group_id"),
            (json!({ "group_id": "x", "type": "prechat" }), "group_id"),
            (json!({ "group_id": 1 }), "type"),
            (json!({ "group_id": 1, "type": "survey" }), "type"),
        ] {
            let error = caller.err("get_form", bad).await;
            assert!(error.kind == "validation" && error.message.contains(words), "{error:?}");
        }
        let unknown = caller.err("get_form", json!({ "group_id": 77, "type": "prechat" })).await;
        assert_eq!(unknown.kind, "group_not_found");
    }
    let form = json!({ "id": "f1", "fields": [
        { "id": "q1", "type": "email", "label": "Mail", "required": true },
        { "id": "q2", "type": "group_chooser", "label": "Team", "required": false,
          "options": [{ "group_id": 2, "label": "Support", "checked": true }] } ] });
    server.admin_ok("PUT", "/groups/1/forms/prechat", form.clone()).await;
    for caller in &callers {
        let expected = json!({ "enabled": true, "form": form });
        assert_eq!(caller.ok("get_form", asked("prechat")).await, expected);
        assert_eq!(caller.ok("get_form", asked("postchat")).await, json!({ "enabled": false }));
    }
    server.admin_ok("DELETE", "/groups/1/forms/prechat", json!(null)).await;
    assert_eq!(callers[0].ok("get_form", asked("prechat")).await, json!({ "enabled": false }));
}

#[tokio::test]
async fn without_a_place_in_any_group_one_is_still_in_group_0() {
    let server = Server::start().await;
    let token = hire(&server, CARL, json!({})).await;
    let carl = server.login_agent(&token).await;
    assert_eq!(present_agents(&server.chat(json!({})).await.1), [carl.id.as_str()]);
    server.admin_ok("PUT", &format!("/groups/0/members/{CARL}"), json!({ "priority": "supervisor" })).await;
    let person = server.person().await;
    let (status, error) = server.customer_web(&person).err("start_chat", json!({})).await;
    assert_eq!((status, error.kind.as_str()), (503, "group_offline"), "a supervisor gets no chat");
    server.admin_ok("PUT", &format!("/groups/0/members/{CARL}"), json!({ "priority": "last" })).await;
    let chat = server.chat(json!({})).await.1;
    assert!(!waits(&chat));
}
