//! One conversation through both faces: neither knows the other, and both see the same.

use reqwest::Method;
use serde_json::json;

use super::{Desk, token};
use crate::support::sink::Sink;

#[tokio::test]
async fn a_bots_conversation_goes_to_an_agent_of_the_other_face_by_free_slot() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = desk.bot(&sink, "/bot", json!({ "events": ["message_created"] })).await;
    let ann = desk.server.agent(0).await;
    let ana = desk.contact("Ana").await;
    desk.write(&ana, "I want a human").await;
    sink.hit("the question", |hit| hit.json["content"] == "I want a human").await;
    desk.answer(&token(&bot), ana.conversation, json!({ "content": "One moment" })).await;
    assert_eq!(desk.status(ana.conversation).await, "pending");
    desk.toggle(&token(&bot), ana.conversation, "open").await;

    // Ann is logged in over RTM, accepts chats and has a free slot.
    let conversation = desk.conversation(ana.conversation).await;
    assert_eq!(conversation["status"], "open");
    assert_eq!(conversation["meta"]["assignee"]["email"], desk.server.agent_id(0).as_str());
    let summary = desk.server.agent_web(0).ok("get_chats_summary", json!({})).await;
    let chat = summary["chats_summary"][0]["id"].as_str().unwrap().to_owned();
    let says = |text: &str| json!({ "chat_id": chat, "event": { "type": "message", "text": text } });
    ann.ok("send_event", says("Here I am")).await;
    let mut note = says("a regular");
    note["event"]["recipients"] = json!("agents");
    ann.ok("send_event", note).await;
    desk.write(&ana, "Thank you").await;
    ann.push("incoming_event", |payload| payload["event"]["text"] == "Thank you").await;
    assert_eq!(desk.read(&ana).await, ["I want a human", "One moment", "Here I am", "Thank you"]);

    ann.ok("close_thread", json!({ "chat_id": chat })).await;
    assert_eq!(desk.status(ana.conversation).await, "resolved");
    assert_eq!(desk.read(&ana).await, ["I want a human", "One moment", "Here I am", "Thank you"]);

    // Whoever comes back begins with the bot again.
    desk.write(&ana, "One more thing").await;
    assert_eq!(desk.status(ana.conversation).await, "pending");
}

#[tokio::test]
async fn no_agent_gets_more_than_its_slots_and_who_waits_is_served_in_order() {
    let desk = Desk::start().await;
    let ann = desk.server.agent(0).await;
    // Six slots, and two more.
    let mut contacts = Vec::new();
    for n in 0..8 {
        let contact = desk.contact(&format!("c{n}")).await;
        desk.write(&contact, "hello").await;
        contacts.push(contact);
    }
    let held = desk.get(&desk.admin, "conversations?assignee_type=assigned").await;
    assert_eq!(held["data"]["meta"]["assigned_count"], 6);
    assert_eq!(held["data"]["meta"]["unassigned_count"], 2);
    assert_eq!(held["data"]["payload"].as_array().unwrap().len(), 6);
    desk.toggle(&desk.admin, contacts[0].conversation, "resolved").await;
    let first = contacts[6].conversation;
    crate::support::until("the first who waited is served", async || {
        desk.conversation(first).await["meta"].get("assignee").is_some()
    })
    .await;
    let last = desk.conversation(contacts[7].conversation).await;
    assert!(last["meta"].get("assignee").is_none(), "{last}");
    drop(ann);
}

#[tokio::test]
async fn an_inbox_gives_each_agent_only_so_many_of_its_conversations() {
    let desk = Desk::start().await;
    let _ann = desk.server.agent(0).await;
    let limited = json!({ "auto_assignment_config": { "max_assignment_limit": 2 } });
    let inbox = desk.ok(&desk.admin, Method::PATCH, "inboxes/1", limited.clone()).await;
    assert_eq!(inbox["auto_assignment_config"], limited["auto_assignment_config"]);
    let mut contacts = Vec::new();
    for n in 0..4 {
        let contact = desk.contact(&format!("c{n}")).await;
        desk.write(&contact, "hello").await;
        contacts.push(contact);
    }
    // Four of six slots would be free.
    let counts = async || desk.get(&desk.admin, "conversations/meta").await["meta"].clone();
    assert_eq!(
        (&counts().await["assigned_count"], &counts().await["unassigned_count"]),
        (&json!(2), &json!(2))
    );
    let is_given =
        async |n: usize| desk.conversation(contacts[n].conversation).await["meta"].get("assignee").is_some();
    desk.toggle(&desk.admin, contacts[0].conversation, "resolved").await;
    crate::support::until("the first who waited is served", async || is_given(2).await).await;
    assert!(!is_given(3).await);

    // What is wrong changes nothing, and a name more changes nothing of the limit.
    for (wrong, why) in [
        (json!(0), "must be greater than 0"),
        (json!(-1), "must be greater than 0"),
        (json!("x"), "is not a number"),
    ] {
        let body = json!({ "auto_assignment_config": { "max_assignment_limit": wrong } });
        let (status, refused) =
            desk.call(Some(&desk.admin), Method::PATCH, "/api/v1/accounts/1/inboxes/1", body).await;
        let message = format!("Max assignment limit {why}");
        assert_eq!(
            (status, refused),
            (422, json!({ "message": message, "attributes": ["max_assignment_limit"] }))
        );
    }
    let renamed = desk.ok(&desk.admin, Method::PATCH, "inboxes/1", json!({ "name": "Front" })).await;
    assert_eq!(renamed["auto_assignment_config"], limited["auto_assignment_config"]);
    assert!(!is_given(3).await);

    // Whoever is named gets it all the same, and without a limit the slots alone count.
    let assigned = json!({ "assignee_id": desk.get(&desk.admin, "agents").await[0]["id"] });
    desk.post(&desk.admin, &format!("conversations/{}/assignments", contacts[3].conversation), assigned)
        .await;
    assert!(is_given(3).await);
    let fifth = desk.contact("c4").await;
    desk.write(&fifth, "hello").await;
    assert!(desk.conversation(fifth.conversation).await["meta"].get("assignee").is_none());
    let free =
        desk.ok(&desk.admin, Method::PATCH, "inboxes/1", json!({ "auto_assignment_config": {} })).await;
    assert_eq!(free["auto_assignment_config"], json!({}));
    crate::support::until("nobody waits", async || counts().await["unassigned_count"] == 0).await;
}

#[tokio::test]
async fn a_teams_conversations_are_given_to_its_members() {
    let desk = Desk::start().await;
    let _ann = desk.server.agent(0).await;
    let agents = desk.get(&desk.admin, "agents").await;
    let team = desk.post(&desk.admin, "teams", json!({ "name": "billing" })).await;
    let members = json!({ "user_ids": [agents[1]["id"]] });
    let path = format!("teams/{}/team_members", team["id"]);
    desk.post(&desk.admin, &path, members).await;
    let contact = desk.post(&desk.admin, "contacts", json!({ "name": "Eve", "inbox_id": 1 })).await;
    let begin =
        json!({ "inbox_id": 1, "contact_id": contact["payload"]["contact"]["id"], "team_id": team["id"] });
    let made = desk.post(&desk.admin, "conversations", begin).await;
    // Ann is there, and not in the team.
    assert_eq!((&made["status"], &made["meta"]["team"]["id"]), (&json!("open"), &team["id"]));
    assert!(made["meta"].get("assignee").is_none(), "{made}");
    let id = made["id"].as_u64().unwrap();
    let holder = async || desk.conversation(id).await["meta"]["assignee"]["id"].clone();
    let _bob = desk.server.agent(1).await;
    crate::support::until("the team's member has it", async || holder().await == agents[1]["id"]).await;

    // A team whose conversations are taken by hand; then none at all.
    let by_hand = json!({ "allow_auto_assign": false });
    desk.ok(&desk.admin, Method::PATCH, &format!("teams/{}", team["id"]), by_hand).await;
    let begin = json!({ "inbox_id": 1, "contact_id": made["meta"]["sender"]["id"], "team_id": team["id"] });
    let other = desk.post(&desk.admin, "conversations", begin).await;
    assert!(other["meta"].get("assignee").is_none(), "{other}");
    let path = format!("conversations/{}", other["id"]);
    desk.post(&desk.admin, &format!("{path}/assignments"), json!({ "team_id": 0 })).await;
    let is_given = async || desk.get(&desk.admin, &path).await["meta"].get("assignee").is_some();
    crate::support::until("whoever is free has it", is_given).await;
}

#[tokio::test]
async fn a_person_who_answers_takes_the_conversation_from_the_bot() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = desk.bot(&sink, "/bot", json!({ "events": ["message_created"] })).await;
    let ana = desk.contact("Ana").await;
    desk.write(&ana, "hello").await;
    desk.answer(&desk.agent, ana.conversation, json!({ "content": "I take this" })).await;
    let conversation = desk.conversation(ana.conversation).await;
    assert_eq!(conversation["status"], "open");
    assert_eq!(conversation["meta"]["assignee"]["name"], "Agent Two");
    assert_eq!(conversation["waiting_since"], 0);
    assert_ne!(conversation["first_reply_created_at"], 0);
    // The bot goes on hearing, and may go on helping.
    sink.hit("the person's answer", |hit| hit.json["content"] == "I take this").await;
    desk.answer(&token(&bot), ana.conversation, json!({ "content": "by the way" })).await;
    assert_eq!(desk.status(ana.conversation).await, "open");

    // Back to the bot: nobody holds it, so that the person's slot is free.
    desk.toggle(&desk.agent, ana.conversation, "pending").await;
    let conversation = desk.conversation(ana.conversation).await;
    assert_eq!(conversation["status"], "pending");
    assert!(conversation["meta"].get("assignee").is_none());
}
