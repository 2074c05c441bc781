//! What an operator does over the administration API takes effect at once, and lasts.

use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::shape::{id, present_agents, waits};

#[tokio::test]
async fn settings_and_groups_survive_a_kill_and_a_restart() {
    let mut server = Server::start().await;
    let license = format!("/licenses/{}", server.license());
    let listed = server.admin_ok("GET", "/licenses", json!(null)).await;
    assert_eq!(listed["licenses"], json!([server.admin_ok("GET", &license, json!(null)).await]));
    let change =
        json!({ "max_customer_chats_count": 2, "settings": { "queue_limit": 7, "timers": { "idle": 4 } } });
    let changed = server.admin_ok("PATCH", &license, change).await;
    assert_eq!(
        (&changed["max_customer_chats_count"], &changed["settings"]["queue_limit"]),
        (&json!(2), &json!(7))
    );
    let made = server
        .admin_ok("POST", "/groups", json!({ "name": "Returns", "settings": { "queues": false } }))
        .await;
    assert_eq!(made["id"], 3);
    server.admin_ok("PATCH", "/groups/1", json!({ "name": "Sale" })).await;
    server.admin_ok("DELETE", "/groups/2", json!(null)).await;
    let groups = server.admin_ok("GET", "/groups", json!(null)).await;

    server.kill_9().await;
    server.restart().await;
    assert_eq!(server.admin_ok("GET", &license, json!(null)).await, changed);
    assert_eq!(server.admin_ok("GET", "/groups", json!(null)).await, groups);
    assert_eq!(server.admin_ok("POST", "/groups", json!({ "name": "Next" })).await["id"], 4);
    assert_eq!(server.stop().await, Some(0));
    server.restart().await;
    assert_eq!(server.admin_ok("GET", &license, json!(null)).await, changed);
}

#[tokio::test]
async fn foreign_and_unknown_things_are_refused_alike_and_strangers_at_all() {
    let server = Server::start().await;
    for path in ["/licenses/1", "/groups?license_id=1", "/groups/77", "/groups/0/forms/survey"] {
        assert_eq!(server.admin_err("GET", path, json!(null)).await.0, 404, "{path}");
    }
    assert_eq!(server.admin_err("PUT", "/groups", json!({})).await.0, 405);
    let request = server.raw(reqwest::Method::GET, "/admin/v1/licenses").bearer_auth(server.agent_token(0));
    let (status, answer) = crate::support::web::send(request).await;
    assert_eq!(status, 401, "{answer}");
    assert!(answer["error"]["message"].is_string());
}

/// A customer with a chat in that group, and who has it.
async fn chat_in(server: &Server, group: &Value) -> (crate::support::people::Person, Value) {
    server.chat(json!({ "access": { "group_ids": [group] } })).await
}

#[tokio::test]
async fn a_deleted_groups_chats_fall_to_everybody() {
    let server = Server::start().await;
    let group = server.admin_ok("POST", "/groups", json!({ "name": "Returns" })).await["id"].clone();
    let bot = server
        .bot(json!({ "max_chats_count": 1, "groups": [{ "id": group, "priority": "first" },
        { "id": 0, "priority": "supervisor" }] }))
        .await;
    let (person, held) = chat_in(&server, &group).await;
    assert_eq!(present_agents(&held), [bot.as_str()], "the group is there at once");
    let (_, waiting) = chat_in(&server, &group).await;
    assert!(waits(&waiting));

    // Agents of other groups see neither with a scope that goes by groups.
    let near = server.scoped(&["chats--access:rw", "chats.conversation--access:rw"]).await;
    let web = crate::support::web::Web::new(&server, crate::support::web::Api::Agent, &near);
    let look = |chat: &Value| web.call("get_chat_threads", json!({ "chat_id": chat["id"] }));
    assert_eq!(look(&held).await.unwrap_err().0, 403);

    // Once the group is gone they do, and whoever is in group 0 gets what waits.
    let agent = server.agent(0).await;
    server.admin_ok("DELETE", &format!("/groups/{group}"), json!(null)).await;
    agent.push("chat_user_added", |payload| payload["chat_id"] == waiting["id"]).await;
    assert_eq!(present_agents(&server.look(&id(&waiting)).await), [agent.id.as_str()]);
    assert_eq!(look(&held).await.unwrap()["chat"]["access"]["group_ids"], json!([group]));
    assert_eq!(look(&waiting).await.unwrap()["chat"]["id"], waiting["id"]);

    // No chat starts there any more, but an old one is taken up by everybody.
    let stranger = server.person().await;
    let start = json!({ "chat": { "access": { "group_ids": [group] } } });
    let (status, error) = server.customer_web(&stranger).err("start_chat", start).await;
    assert_eq!((status, error.kind.as_str()), (404, "group_not_found"));
    server.close(&person, &held).await;
    let web = server.customer_web(&person);
    web.ok("send_event", json!({ "chat_id": held["id"], "event": { "type": "message", "text": "again" } }))
        .await;
    assert_eq!(present_agents(&server.look(&id(&held)).await), [agent.id.as_str()]);
    let details = server.configuration().ok("get_bot_agent_details", json!({ "bot_agent_id": bot })).await;
    assert_eq!(details["bot_agent"]["groups"], json!([{ "id": 0, "priority": "supervisor" }]));
}
