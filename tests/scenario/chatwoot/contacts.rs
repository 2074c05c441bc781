//! Contacts: found again by whatever names them, each name given once, identity proven.

use reqwest::Method;
use ring::hmac;
use serde_json::{Value, json};

use super::Desk;

#[tokio::test]
async fn a_contact_is_found_again_by_what_names_it_and_a_name_is_given_once() {
    let desk = Desk::start().await;
    let make = async |body: Value| desk.public(Method::POST, "contacts", body).await;
    let ana =
        make(json!({ "source_id": "s-1", "identifier": "u-1", "email": "ana@x.example", "name": "Ana" }))
            .await;
    assert_eq!((&ana["source_id"], &ana["email"]), (&json!("s-1"), &json!("ana@x.example")));
    assert_eq!(ana["pubsub_token"].as_str().unwrap().len(), 24);
    for again in
        [json!({ "source_id": "s-1" }), json!({ "identifier": "u-1" }), json!({ "email": "ANA@x.example" })]
    {
        assert_eq!(make(again).await["id"], ana["id"]);
    }
    // Who knows an address neither speaks for whom it belongs to nor is told anything of that one.
    let other = make(json!({ "email": "ana@x.example", "name": "Not Ana", "phone_number": "+4930" })).await;
    assert_eq!((&other["id"], &other["name"]), (&ana["id"], &json!("Not Ana")));
    let guest = other["source_id"].as_str().unwrap();
    let shown = desk.public(Method::GET, &format!("contacts/{guest}"), Value::Null).await;
    assert_eq!(
        (&shown["name"], &shown["email"], &shown["phone_number"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    let path = format!("/public/api/v1/inboxes/{}/contacts/{guest}", desk.inbox());
    let (status, refused) = desk.call(None, Method::PATCH, &path, json!({ "name": "Mallory" })).await;
    assert_eq!(status, 403, "{refused}");
    make(json!({ "source_id": guest, "name": "Mallory", "email": "m@evil.example" })).await;
    let begun = desk.public(Method::POST, &format!("contacts/{guest}/conversations"), json!({})).await;
    assert_eq!((&begun["contact"]["name"], begun["contact"].get("email")), (&Value::Null, None), "{begun}");
    let known = desk.get(&desk.admin, &format!("contacts/{}", ana["id"])).await;
    assert_eq!(
        (&known["payload"]["name"], &known["payload"]["email"]),
        (&json!("Ana"), &json!("ana@x.example"))
    );
    let changed = desk
        .public(Method::PATCH, "contacts/s-1", json!({ "name": "Anna", "phone_number": "+491701" }))
        .await;
    assert_eq!((&changed["name"], &changed["phone_number"]), (&json!("Anna"), &json!("+491701")));

    let taken = json!({ "name": "Tom", "email": "ana@x.example" });
    let refused = desk.call(Some(&desk.admin), Method::POST, "/api/v1/accounts/1/contacts", taken).await;
    let body = json!({ "message": "Email has already been taken", "attributes": ["email"] });
    assert_eq!(refused, (422, body));
    let found = desk.get(&desk.admin, "contacts/search?q=ann").await;
    assert_eq!((&found["meta"]["count"], &found["payload"][0]["id"]), (&json!(1), &ana["id"]));
    let path = format!("contacts/{}", ana["id"]);
    let labels = desk.post(&desk.admin, &format!("{path}/labels"), json!({ "labels": ["vip"] })).await;
    assert_eq!(labels, json!({ "payload": ["vip"] }));
    desk.ok(&desk.admin, Method::DELETE, &path, Value::Null).await;
    assert_eq!(
        desk.call(Some(&desk.admin), Method::GET, &format!("/api/v1/accounts/1/{path}"), Value::Null).await.0,
        404
    );
    assert_ne!(make(json!({ "email": "ana@x.example" })).await["id"], ana["id"], "its names are free again");
}

#[tokio::test]
async fn a_contact_sees_what_its_own_source_began_unless_it_proves_who_it_is() {
    let desk = Desk::start().await;
    let make = async |body: Value| desk.public(Method::POST, "contacts", body).await;
    let begin = async |source: &str| {
        desk.public(Method::POST, &format!("contacts/{source}/conversations"), json!({})).await["id"].clone()
    };
    make(json!({ "source_id": "phone", "identifier": "u-1" })).await;
    make(json!({ "source_id": "laptop", "identifier": "u-1" })).await;
    let (phone, laptop) = (begin("phone").await, begin("laptop").await);
    let own = async |source: &str| {
        let list = desk.public(Method::GET, &format!("contacts/{source}/conversations"), Value::Null).await;
        list.as_array().unwrap().iter().map(|one| one["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((own("phone").await, own("laptop").await), (vec![phone.clone()], vec![laptop.clone()]));

    let inbox = desk.get(&desk.admin, "inboxes/1").await;
    let key = hmac::Key::new(hmac::HMAC_SHA256, inbox["hmac_token"].as_str().unwrap().as_bytes());
    let hash_of = |identifier: &str| -> String {
        hmac::sign(&key, identifier.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    // Eve proves that she is Eve, and nothing of whom her call speaks of beside.
    let eve = json!({ "identifier": "eve", "identifier_hash": hash_of("eve") });
    make(json!({ "source_id": "ana", "email": "ana@x.example", "name": "Ana" })).await;
    let anas = begin("ana").await;
    let mut by_address = eve.clone();
    by_address["email"] = json!("ana@x.example");
    by_address["source_id"] = json!("eves");
    assert_eq!(make(by_address).await["name"], Value::Null);
    assert_eq!((own("eves").await, own("ana").await), (vec![], vec![anas]));
    let path = format!("/public/api/v1/inboxes/{}/contacts", inbox["inbox_identifier"].as_str().unwrap());
    let second = desk.call(None, Method::PATCH, &format!("{path}/eves"), eve).await;
    assert_eq!(second.0, 403, "{}", second.1);
    let renamed = json!({ "identifier": "eve", "identifier_hash": hash_of("eve") });
    let refused = desk.call(None, Method::PATCH, &format!("{path}/phone"), renamed).await;
    assert_eq!((refused.0, &refused.1["attributes"]), (422, &json!(["identifier"])));

    let hash = hash_of("u-1");
    make(json!({ "source_id": "laptop", "identifier": "u-1", "identifier_hash": hash })).await;
    assert_eq!(own("laptop").await, [phone, laptop]);
    let wrong = json!({ "identifier": "u-2", "identifier_hash": hash });
    let refused = desk.call(None, Method::POST, &path, wrong).await;
    assert_eq!(refused, (401, json!({ "error": "HMAC failed: Invalid Identifier Hash Provided" })));
    let mandatory = json!({ "channel": { "hmac_mandatory": true } });
    desk.ok(&desk.admin, Method::PATCH, "inboxes/1", mandatory).await;
    assert_eq!(desk.call(None, Method::POST, &path, json!({ "identifier": "u-3" })).await.0, 401);
}
