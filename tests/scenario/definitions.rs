//! Applications define properties; from then on chats carry them, by the rights they were given.

use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::web::{Api, Web};

fn order_state() -> Value {
    json!({ "type": "string", "description": "parcel state", "domain": ["new", "sent"], "locations": { "chat": {
        "access": { "agent": { "read": true, "write": true }, "customer": { "read": true, "write": false } } } } })
}

#[tokio::test]
async fn a_defined_property_is_kept_shown_and_guarded_also_after_a_restart() {
    let mut server = Server::start().await;
    let client = server.ready["client_id"].as_str().unwrap().to_owned();
    let web = server.configuration();
    assert_eq!(web.ok("get_property_configs", json!({})).await, json!({}), "nothing of its own yet");
    assert_eq!(web.ok("create_properties", json!({ "order_state": order_state() })).await, json!({}));
    let own = json!({ (client.as_str()): { "order_state": order_state() } });
    assert_eq!(web.ok("get_property_configs", json!({})).await, own);
    let all = web.ok("get_property_configs", json!({ "all": true })).await;
    assert_eq!(all[&client], own[&client]);
    assert_eq!(all["test"]["bool_property"]["type"], "bool", "{all}");

    // A chat may carry it, with a value of its domain, written by an agent.
    let agent = server.agent(0).await;
    let with =
        |value: &str| json!({ "chat": { "properties": { (client.as_str()): { "order_state": value } } } });
    let started = agent.ok("start_chat", with("new")).await;
    assert_eq!(started["chat"]["properties"][&client]["order_state"]["value"], "new");
    let refused = agent.err("start_chat", with("lost")).await;
    assert_eq!(refused.kind, "validation");
    assert!(refused.message.contains("order_state"), "{refused:?}");
    let person = server.person().await;
    let refused = server.customer_web(&person).err("start_chat", with("new")).await;
    assert_eq!((refused.0, refused.1.kind.as_str()), (403, "authorization"));

    // Another type under the same name would change the meaning of what is stored.
    let mut other = order_state();
    other["type"] = json!("tokenized_string");
    let (status, error) = web.err("create_properties", json!({ "order_state": other })).await;
    assert_eq!((status, error.kind.as_str()), (400, "validation"));
    assert!(error.message.contains("order_state"), "{error:?}");

    server.kill_9().await;
    server.restart().await;
    assert_eq!(server.configuration().ok("get_property_configs", json!({})).await, own);
}

#[tokio::test]
async fn an_application_defines_in_its_own_namespace_and_reads_by_its_scopes() {
    let server = Server::start().await;
    let theirs = Web::new(&server, Api::Configuration, &server.other_application().await);
    theirs.ok("create_properties", json!({ "order_state": order_state() })).await;
    assert_eq!(server.configuration().ok("get_property_configs", json!({})).await, json!({}));
    let all = server.configuration().ok("get_property_configs", json!({ "all": true })).await;
    assert_eq!(all["another-app"]["order_state"], order_state());

    let mine = Web::new(&server, Api::Configuration, &server.scoped(&["properties--my:ro"]).await);
    assert_eq!(mine.ok("get_property_configs", json!({})).await, json!({}));
    for (action, body) in [
        ("get_property_configs", json!({ "all": true })),
        ("create_properties", json!({ "order_state": order_state() })),
        ("create_properties", json!({ "order_state": 5 })),
    ] {
        let (status, error) = mine.err(action, body).await;
        assert_eq!((status, error.kind.as_str()), (403, "authorization"), "{action}");
    }
    for (body, field) in [
        (json!({ "p": {} }), "p.type"),
        (
            json!({ "p": { "type": "int", "locations": order_state()["locations"], "domain": ["x"] } }),
            "p.domain",
        ),
        (json!({ "p": { "type": "bool", "locations": order_state()["locations"], "range": {} } }), "p.range"),
    ] {
        let (status, error) = theirs.err("create_properties", body).await;
        assert_eq!((status, error.kind.as_str()), (400, "validation"));
        assert!(error.message.contains(field), "{error:?}");
    }
}
