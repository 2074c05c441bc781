//! One contact becomes part of another, wherever a crash cuts that.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::DEADLINE;
use crate::support::desk::{Conversation, ok};
use crate::support::server::Server;

/// The merge begins, the one takes over, the other vanishes, its conversation changes hands, the merge ends.
const RECORDS: u64 = 5;

async fn conversation(server: &Server, id: &Value) -> Value {
    ok(server, Method::GET, &format!("/api/v1/accounts/1/conversations/{id}"), Value::Null).await
}

/// Both contacts, by their conversations.
async fn senders(server: &Server, of: [&Conversation; 2]) -> [Value; 2] {
    let [one, other] = of.map(|conversation| conversation.id.clone());
    let sender = async |id: &Value| conversation(server, id).await["meta"]["sender"]["id"].clone();
    [sender(&one).await, sender(&other).await]
}

#[tokio::test]
async fn two_contacts_are_one_or_two_and_nothing_between() {
    for durable in 0..=RECORDS {
        let server = Server::start_with_desk().await;
        let (anas, toms) = (Conversation::of("Ana", &server).await, Conversation::of("Tom", &server).await);
        ok(&server, Method::POST, &toms.messages, json!({ "content": "I am Tom" })).await;
        let [ana, tom] = senders(&server, [&anas, &toms]).await;
        let before = server.journal.changes();
        server.shut_gate();
        let request = server
            .raw(Method::POST, "/api/v1/accounts/1/actions/contact_merge")
            .header("api_access_token", server.agent_token(0))
            .json(&json!({ "base_contact_id": ana, "mergee_contact_id": tom }));
        let asked =
            tokio::spawn(async move { request.send().await.is_ok_and(|answer| answer.status() == 200) });
        for n in 1..=durable {
            server.journal.wait_for(before + n).await;
            server.let_through(1);
        }
        if durable == 0 {
            server.journal.wait_for(before + 1).await;
        }
        if durable == RECORDS {
            assert!(asked.await.unwrap(), "it is all there");
        }
        let mut server = server.crash().await;
        // Whatever had begun goes on by itself.
        let merged = durable > 0;
        let settled = async {
            while senders(&server, [&anas, &toms]).await
                != [ana.clone(), if merged { ana.clone() } else { tom.clone() }]
            {
                tokio::task::yield_now().await;
            }
        };
        let what = format!("cut after {durable}");
        tokio::time::timeout(DEADLINE, settled).await.unwrap_or_else(|_| panic!("{what}: it stays between"));
        for _ in 0..2 {
            let said = ok(&server, Method::GET, &toms.messages, Value::Null).await;
            assert_eq!(
                (&said[0]["content"], said.as_array().unwrap().len()),
                (&json!("I am Tom"), 1),
                "{what}"
            );
            let contact = |id: &Value| format!("/api/v1/accounts/1/contacts/{id}");
            let shown = ok(&server, Method::GET, &contact(&ana), Value::Null).await;
            let ways = shown["payload"]["contact_inboxes"].as_array().unwrap().len();
            assert_eq!(ways, if merged { 2 } else { 1 }, "{what}");
            server = server.crash().await;
        }
        // Each may be merged again, or is gone.
        let again = json!({ "base_contact_id": ana, "mergee_contact_id": tom });
        let path = "/api/v1/accounts/1/actions/contact_merge";
        let request = server.raw(Method::POST, path).header("api_access_token", server.agent_token(0));
        let status = request.json(&again).send().await.unwrap().status();
        assert_eq!(status, if merged { 404 } else { 200 }, "{what}");
        server.assert_whole();
    }
}
