//! Agents, and who is in a group.

use switchboard_domain::limits::{MAX_CHATS_COUNT, NAME_CHARS, URL_CHARS};

use super::*;

const ANN: &str = "/agents/ann@example.org";

async fn with_ann() -> FakeEngine {
    let engine = installation(&[7]);
    ok(&engine, "POST", "/groups", json!({ "name": "Sales" })).await;
    ok(&engine, "POST", "/agents", json!({ "id": "ann@example.org", "name": "Ann" })).await;
    engine
}

#[tokio::test]
async fn agents_are_made_changed_and_deleted() {
    let engine = installation(&[7]);
    ok(&engine, "POST", "/groups", json!({ "name": "Sales" })).await;
    let (status, made) =
        call(&engine, "POST", "/agents", json!({ "id": "ann@example.org", "name": "Ann" })).await;
    let mut ann = json!({ "id": "ann@example.org", "name": "Ann", "avatar": "", "role": "normal",
        "max_chats_count": 6, "groups": [], "routing_status": "offline" });
    assert_eq!((status, &made), (201, &ann));
    let change = json!({ "name": "Ann B.", "avatar": "https://x/a.png", "role": "administrator", "max_chats_count": 0,
        "groups": [{ "id": 1, "priority": "supervisor" }, { "id": 0, "priority": "last" }] });
    ann.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    assert_eq!(ok(&engine, "PATCH", ANN, change).await, ann);
    assert_eq!(ok(&engine, "PATCH", ANN, json!(null)).await, ann);
    assert_eq!(ok(&engine, "GET", ANN, json!(null)).await, ann);
    assert_eq!(ok(&engine, "GET", "/agents", json!(null)).await, json!({ "agents": [ann] }));
    assert_eq!(call(&engine, "POST", &format!("{ANN}/logout"), json!(null)).await, (204, json!(null)));
    assert_eq!(call(&engine, "DELETE", ANN, json!(null)).await, (204, json!(null)));
    for (method, path) in [("GET", ANN), ("PATCH", ANN), ("DELETE", ANN), ("POST", &format!("{ANN}/logout"))]
    {
        let (status, words) = refused(&engine, method, path, json!(null)).await;
        assert_eq!((status, words.as_str()), (404, "agent_id: no such agent"), "{method} {path}");
    }
    assert_eq!(ok(&engine, "GET", "/agents", json!(null)).await, json!({ "agents": [] }));
    let again = json!({ "id": "ann@example.org", "name": "Ann", "role": "owner" });
    let made = ok(&engine, "POST", "/agents", again).await;
    assert_eq!((&made["role"], &made["groups"]), (&json!("owner"), &json!([])), "nothing of before is left");
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_named() {
    let engine = with_ann().await;
    let new = |more: Value| {
        let mut body = json!({ "id": "bob@example.org", "name": "Bob" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let long = |chars: usize| "x".repeat(chars + 1);
    for (body, field) in [
        (json!({ "name": "Bob" }), "id"),
        (json!({ "id": "bob@example.org" }), "name"),
        (new(json!({ "id": 5 })), "id"),
        (new(json!({ "id": "bob" })), "id"),
        (new(json!({ "id": "ann@example.org" })), "id"),
        (new(json!({ "name": " " })), "name"),
        (new(json!({ "name": long(NAME_CHARS) })), "name"),
        (new(json!({ "email": "bob@example.org" })), "email"),
        (new(json!({ "avatar": 1 })), "avatar"),
        (new(json!({ "avatar": long(URL_CHARS) })), "avatar"),
        (new(json!({ "role": "boss" })), "role"),
        (new(json!({ "max_chats_count": -1 })), "max_chats_count"),
        (new(json!({ "max_chats_count": MAX_CHATS_COUNT + 1 })), "max_chats_count"),
        (new(json!({ "groups": {} })), "groups"),
        (new(json!({ "groups": [5] })), "groups[0]"),
        (new(json!({ "groups": [{ "priority": "first" }] })), "groups[0].id"),
        (new(json!({ "groups": [{ "id": 1 }] })), "groups[0].priority"),
        (new(json!({ "groups": [{ "id": 1, "priority": "high" }] })), "groups[0].priority"),
        (new(json!({ "groups": [{ "id": 9, "priority": "first" }] })), "groups"),
        (
            new(json!({ "groups": [{ "id": 1, "priority": "first" }, { "id": 1, "priority": "last" }] })),
            "groups",
        ),
    ] {
        let (status, words) = refused(&engine, "POST", "/agents", body.clone()).await;
        assert!(status == 400 && words.starts_with(&format!("{field}: ")), "{body}: {status} {words}");
    }
    assert_eq!(refused(&engine, "PATCH", ANN, json!({ "id": "b@x" })).await.0, 400);
    assert_eq!(refused(&engine, "PATCH", ANN, json!({ "name": "" })).await.0, 400);
    assert_eq!(refused(&engine, "GET", &format!("{ANN}?license_id=8"), json!(null)).await.0, 404);
    assert_eq!(refused(&engine, "PUT", ANN, json!({})).await.0, 405);
    let agents = ok(&engine, "GET", "/agents", json!(null)).await;
    assert_eq!(agents["agents"].as_array().unwrap().len(), 1, "nothing was changed");
}

#[tokio::test]
async fn members_have_a_priority_and_everybody_is_in_group_0() {
    let engine = with_ann().await;
    let place = |group: u32| format!("/groups/{group}/members/ann@example.org");
    let line = |priority: &str| json!({ "agent_id": "ann@example.org", "priority": priority, "bot": false });
    let members = |group: u32| format!("/groups/{group}/members");
    let listed = |lines: Vec<Value>| json!({ "members": lines });
    assert_eq!(ok(&engine, "GET", &members(0), json!(null)).await, listed(vec![line("normal")]));
    assert_eq!(ok(&engine, "GET", &members(1), json!(null)).await, listed(vec![]));
    for priority in ["first", "supervisor"] {
        let put = ok(&engine, "PUT", &place(1), json!({ "priority": priority })).await;
        assert_eq!(put, line(priority));
        assert_eq!(ok(&engine, "GET", &members(1), json!(null)).await, listed(vec![line(priority)]));
    }
    ok(&engine, "PUT", &place(0), json!({ "priority": "last" })).await;
    assert_eq!(ok(&engine, "GET", &members(0), json!(null)).await, listed(vec![line("last")]));
    assert_eq!(call(&engine, "DELETE", &place(1), json!(null)).await, (204, json!(null)));
    assert_eq!(refused(&engine, "DELETE", &place(1), json!(null)).await.0, 404, "is no member");
    assert_eq!(refused(&engine, "DELETE", &place(0), json!(null)).await.0, 400);
    for body in [json!({}), json!({ "priority": 1 }), json!({ "priority": "high" })] {
        let (status, words) = refused(&engine, "PUT", &place(1), body).await;
        assert!(status == 400 && words.starts_with("priority: "), "{status} {words}");
    }
    for path in [place(9), members(9), "/groups/1/members/bob@example.org".into()] {
        let method = if path.ends_with("members") { "GET" } else { "PUT" };
        assert_eq!(refused(&engine, method, &path, json!({ "priority": "first" })).await.0, 404, "{path}");
    }
}
