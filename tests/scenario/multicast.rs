//! Messages to connections rather than to chats.

use serde_json::{Value, json};

use crate::support::Caller;
use crate::support::rtm::Rtm;
use crate::support::server::Server;

/// Who of these has heard the multicast numbered `n`; each once at most.
async fn hearers(everybody: &[(&str, &Rtm)], n: u32) -> Vec<String> {
    let mut heard = Vec::new();
    for (name, session) in everybody {
        // Whatever was on its way before an answer has arrived with it.
        session.ok("ping", json!({})).await;
        session.ok("ping", json!({})).await;
        let casts = session.since(0).into_iter().filter(|push| push.name == "incoming_multicast");
        match casts.filter(|push| push.payload["content"]["n"] == n).count() {
            0 => {}
            1 => heard.push((*name).to_owned()),
            more => panic!("{name} heard {n} {more} times"),
        }
    }
    heard
}

#[tokio::test]
async fn each_scope_reaches_exactly_its_own() {
    let server = Server::start().await;
    // The demo: Ann in groups 0 and 1, Bob in 0 and 2.
    let caster = server.agent(0).await;
    let (ann, bob) = (server.agent(0).await, server.agent(1).await);
    let bare = server.login_agent(&server.scoped(&["multicast:rw"]).await).await;
    let (mia, tom) = (server.customer().await, server.customer().await);
    let everybody = [("ann", &ann), ("bob", &bob), ("bare ann", &bare), ("mia", &mia), ("tom", &tom)];
    let (ann_id, bob_id) = (server.agent_id(0), server.agent_id(1));
    let table = [
        (json!({ "agents": { "all": true } }), vec!["ann", "bob", "bare ann"]),
        (json!({ "agents": { "ids": [bob_id, bob_id, "nobody@example.com"] } }), vec!["bob"]),
        (json!({ "agents": { "groups": [1] } }), vec!["ann", "bare ann"]),
        (json!({ "agents": { "groups": ["2"] } }), vec!["bob"]),
        (json!({ "agents": { "groups": [0] } }), vec!["ann", "bob", "bare ann"]),
        (json!({ "agents": { "groups": [77] } }), vec![]),
        (
            json!({ "agents": { "ids": [ann_id], "groups": [1, 2], "all": false } }),
            vec!["ann", "bob", "bare ann"],
        ),
        (json!({ "customers": { "ids": [mia.id, mia.id, "nobody"] } }), vec!["mia"]),
        (
            json!({ "agents": { "ids": [bob_id] }, "customers": { "ids": [mia.id, tom.id] } }),
            vec!["bob", "mia", "tom"],
        ),
    ];
    for (n, (scopes, expected)) in (0..).zip(table) {
        let cast = json!({ "scopes": scopes, "content": { "n": n }, "type": "count" });
        let asked = caster.begin(json!({ "action": "multicast", "payload": cast })).await;
        assert_eq!(caster.response(&asked).await["payload"], json!({}));
        // The asker waits for a push with its request_id, selected or not.
        let own = caster.push("incoming_multicast", |payload| payload["content"]["n"] == n).await;
        assert_eq!(own.request_id, Some(asked));
        assert_eq!(hearers(&everybody, n).await, expected, "{scopes}");
    }
    let push = bob.push("incoming_multicast", |payload| payload["content"]["n"] == 0).await;
    assert_eq!(push.payload, json!({ "author_id": ann_id, "content": { "n": 0 }, "type": "count" }));
    let push = mia.push("incoming_multicast", |payload| payload["content"]["n"] == 7).await;
    assert_eq!(push.payload, json!({ "author_id": ann_id, "content": { "n": 7 } }));
}

#[tokio::test]
async fn a_multicast_over_the_web_and_of_a_bot() {
    let server = Server::start().await;
    let bob = server.agent(1).await;
    let mia = server.customer().await;
    let bot = server.bot(json!({ "status": "not accepting chats" })).await;
    let scopes = json!({ "agents": { "ids": [server.agent_id(1)] }, "customers": { "ids": [mia.id] } });
    let web = server.agent_web(0);
    for (caller, author) in
        [(Caller::Web(web.clone()), server.agent_id(0)), (Caller::Web(web.acting_as(&bot)), bot.clone())]
    {
        let content = json!({ "from": author, "deep": [{ "a": null }] });
        let answer = caller.ok("multicast", json!({ "scopes": scopes, "content": content })).await;
        assert_eq!(answer, json!({}));
        let is_it = |payload: &Value| payload["content"] == content;
        for session in [&bob, &mia] {
            let push = session.push("incoming_multicast", is_it).await;
            assert_eq!(push.payload, json!({ "author_id": author, "content": content }));
            assert_eq!(push.request_id, None);
        }
    }
}
