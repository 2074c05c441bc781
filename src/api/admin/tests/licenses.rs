//! Licenses, groups and forms.

use switchboard_domain::limits::{GROUPS_PER_LICENSE, MAX_QUEUE_LIMIT, MAX_TIMER_SECS};

use super::*;

#[tokio::test]
async fn settings_of_a_license_change_field_by_field() {
    let engine = installation(&[7]);
    let fresh = json!({ "id": 7, "organization_id": "org", "client_id": "app", "max_customer_chats_count": 1,
        "settings": { "routing_mode": "automatic", "queues": true, "queue_limit": 10_000,
            "timers": { "unseen": 300, "idle": 1200, "silent": 1800, "customer_left": 0 } } });
    assert_eq!(ok(&engine, "GET", "/licenses", json!(null)).await, json!({ "licenses": [fresh] }));
    let change = json!({ "max_customer_chats_count": 3,
        "settings": { "routing_mode": "manual", "queues": false, "timers": { "idle": 0, "unseen": null } } });
    let mut expected = fresh;
    expected["max_customer_chats_count"] = json!(3);
    expected["settings"]["routing_mode"] = json!("manual");
    expected["settings"]["queues"] = json!(false);
    expected["settings"]["timers"]["idle"] = json!(0);
    assert_eq!(ok(&engine, "PATCH", "/licenses/7", change).await, expected);
    assert_eq!(ok(&engine, "PATCH", "/licenses/7", json!(null)).await, expected);
    assert_eq!(ok(&engine, "GET", "/licenses/7", json!(null)).await, expected);

    for (body, field) in [
        (json!([]), "request"),
        (json!({ "setings": {} }), "setings"),
        (json!({ "settings": [] }), "settings"),
        (json!({ "settings": { "mode": "manual" } }), "settings.mode"),
        (json!({ "settings": { "routing_mode": "by hand" } }), "settings.routing_mode"),
        (json!({ "settings": { "routing_mode": 1 } }), "settings.routing_mode"),
        (json!({ "settings": { "queues": 1 } }), "settings.queues"),
        (json!({ "settings": { "queue_limit": -1 } }), "settings.queue_limit"),
        (json!({ "settings": { "queue_limit": 1.5 } }), "settings.queue_limit"),
        (json!({ "settings": { "queue_limit": MAX_QUEUE_LIMIT + 1 } }), "settings.queue_limit"),
        (json!({ "settings": { "timers": 5 } }), "settings.timers"),
        (json!({ "settings": { "timers": { "unread": 5 } } }), "settings.timers.unread"),
        (json!({ "settings": { "timers": { "silent": "5" } } }), "settings.timers.silent"),
        (json!({ "settings": { "timers": { "silent": MAX_TIMER_SECS + 1 } } }), "settings.timers.silent"),
        (json!({ "max_customer_chats_count": 0 }), "max_customer_chats_count"),
        (json!({ "max_customer_chats_count": "2" }), "max_customer_chats_count"),
    ] {
        let (status, words) = refused(&engine, "PATCH", "/licenses/7", body.clone()).await;
        assert!(status == 400 && words.starts_with(&format!("{field}: ")), "{body}: {status} {words}");
    }
    assert_eq!(ok(&engine, "GET", "/licenses/7", json!(null)).await, expected, "nothing was changed");
}

#[tokio::test]
async fn only_the_administrator_is_served_and_addresses_are_told_apart() {
    let engine = installation(&[7]);
    for (method, path) in [
        ("GET", "/licenses"),
        ("PATCH", "/licenses/7"),
        ("GET", "/groups"),
        ("POST", "/groups"),
        ("PATCH", "/groups/0"),
        ("DELETE", "/groups/1"),
        ("PUT", "/groups/0/forms/prechat"),
        ("GET", "/groups/0/members"),
        ("PUT", "/groups/0/members/ann@example.org"),
        ("GET", "/agents"),
        ("POST", "/agents"),
        ("DELETE", "/agents/ann@example.org"),
        ("POST", "/agents/ann@example.org/logout"),
    ] {
        let request = Request::builder().method(method).uri(format!("/admin/v1{path}"));
        let request = request.header("authorization", "Bearer somebody").body(Body::empty()).unwrap();
        let (status, kind, body) = send(&engine, request).await;
        assert_eq!((status, kind.as_str()), (401, "application/json"), "{method} {path}: {body}");
    }
    for path in
        ["/licenses/8", "/licenses/07", "/licenses/x", "/groups?license_id=8", "/groups/9", "/groups/00"]
    {
        assert_eq!(refused(&engine, "GET", path, json!(null)).await.0, 404, "{path}");
    }
    for (method, path) in
        [("DELETE", "/licenses/7"), ("PUT", "/groups"), ("POST", "/groups/0"), ("GET", "/tokens")]
    {
        assert_eq!(refused(&engine, method, path, json!(null)).await.0, 405, "{method} {path}");
    }
}

#[tokio::test]
async fn with_several_licenses_one_has_to_be_named() {
    let engine = installation(&[7, 8]);
    let (status, words) = refused(&engine, "GET", "/groups", json!(null)).await;
    assert!(status == 400 && words.starts_with("license_id: missing"), "{words}");
    ok(&engine, "POST", "/groups?license_id=8", json!({ "name": "Sales" })).await;
    let groups = ok(&engine, "GET", "/groups?license_id=8", json!(null)).await;
    assert_eq!(groups["groups"].as_array().unwrap().len(), 2);
    assert_eq!(refused(&engine, "GET", "/groups/1?license_id=7", json!(null)).await.0, 404);
}

#[tokio::test]
async fn groups_are_made_changed_and_deleted() {
    let engine = installation(&[7]);
    let made = ok(&engine, "POST", "/groups", json!({ "name": "Sales" })).await;
    assert_eq!(made, json!({ "id": 1, "name": "Sales", "settings": null }));
    assert_eq!(call(&engine, "POST", "/groups", json!({ "name": "Support", "id": 5 })).await.0, 201);
    let change = json!({ "name": "Sale", "settings": { "queue_limit": 2, "timers": { "silent": 60 } } });
    let changed = ok(&engine, "PATCH", "/groups/5", change).await;
    assert_eq!((&changed["id"], &changed["name"]), (&json!(5), &json!("Sale")));
    assert_eq!(changed["settings"]["queue_limit"], 2);
    assert_eq!(
        changed["settings"]["timers"],
        json!({ "unseen": 300, "idle": 1200, "silent": 60, "customer_left": 0 })
    );
    let kept = ok(&engine, "PATCH", "/groups/5", json!({ "name": "Support" })).await;
    assert_eq!(kept["settings"], changed["settings"]);
    let dropped = ok(&engine, "PATCH", "/groups/5", json!({ "settings": null })).await;
    assert_eq!(dropped, json!({ "id": 5, "name": "Support", "settings": null }));
    assert_eq!(call(&engine, "DELETE", "/groups/1", json!(null)).await, (204, json!(null)));
    let left: Vec<_> = ok(&engine, "GET", "/groups", json!(null)).await["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["id"].clone())
        .collect();
    assert_eq!(left, [json!(0), json!(5)]);

    for (method, path, body, field) in [
        ("POST", "/groups", json!({}), "name"),
        ("POST", "/groups", json!({ "name": 5 }), "name"),
        ("POST", "/groups", json!({ "name": " " }), "name"),
        ("POST", "/groups", json!({ "name": "x", "id": 5 }), "id"),
        ("POST", "/groups", json!({ "name": "x", "id": "5" }), "id"),
        ("POST", "/groups", json!({ "name": "x", "members": [] }), "members"),
        ("POST", "/groups", json!({ "name": "x", "settings": { "queues": "no" } }), "settings.queues"),
        ("PATCH", "/groups/5", json!({ "name": "" }), "name"),
        ("PATCH", "/groups/5", json!({ "id": 6 }), "id"),
        ("DELETE", "/groups/0", json!(null), "group_id"),
    ] {
        let (status, words) = refused(&engine, method, path, body).await;
        assert!(
            status == 400 && words.starts_with(&format!("{field}: ")),
            "{method} {path}: {status} {words}"
        );
    }
    assert_eq!(refused(&engine, "DELETE", "/groups/1", json!(null)).await.0, 404, "it is gone");
    for _ in 3..GROUPS_PER_LICENSE {
        ok(&engine, "POST", "/groups", json!({ "name": "one more" })).await;
    }
    assert_eq!(call(&engine, "POST", "/groups", json!({ "name": "the last" })).await.0, 400);
}

#[tokio::test]
async fn forms_are_set_per_group() {
    let engine = installation(&[7]);
    let form = json!({ "id": "f1", "fields": [
        { "id": "q0", "type": "header", "label": "Welcome" },
        { "id": "q1", "type": "name", "label": "Name", "required": false },
        { "id": "q2", "type": "radio", "label": "Topic", "required": false,
          "options": [{ "id": "0", "label": "Orders", "checked": false }] },
        { "id": "q3", "type": "group_chooser", "label": "Team", "required": true,
          "options": [{ "group_id": 0, "label": "All", "checked": true }] },
        { "id": "q4", "type": "rating", "label": "Rate us", "comment_label": "Say more", "required": false },
    ] });
    let path = "/groups/0/forms/prechat";
    assert_eq!(refused(&engine, "GET", path, json!(null)).await.0, 404);
    assert_eq!(ok(&engine, "PUT", path, form.clone()).await, form);
    assert_eq!(ok(&engine, "GET", path, json!(null)).await, form);
    assert_eq!(refused(&engine, "GET", "/groups/0/forms/postchat", json!(null)).await.0, 404);
    let least = json!({ "fields": [{ "id": "a", "type": "email", "label": "Mail" }] });
    assert_eq!(ok(&engine, "PUT", "/groups/0/forms/postchat", least).await["id"], "postchat-0");
    for (path, body) in [("/groups/4/forms/prechat", &form), ("/groups/0/forms/survey", &form)] {
        assert_eq!(refused(&engine, "PUT", path, body.clone()).await.0, 404);
    }
    let with = |field: Value| json!({ "fields": [field] });
    for (body, field) in [
        (json!({}), "fields"),
        (json!({ "fields": {} }), "fields"),
        (json!({ "fields": [] }), "fields"),
        (json!({ "fields": [], "enabled": true }), "enabled"),
        (json!({ "fields": [1] }), "fields[0]"),
        (with(json!({ "type": "name", "label": "l" })), "fields[0].id"),
        (with(json!({ "id": "a", "label": "l" })), "fields[0].type"),
        (with(json!({ "id": "a", "type": "phone", "label": "l" })), "fields[0].type"),
        (with(json!({ "id": "a", "type": "name" })), "fields[0].label"),
        (with(json!({ "id": "a", "type": "name", "label": "l", "required": 1 })), "fields[0].required"),
        (with(json!({ "id": "a", "type": "name", "label": "l", "options": [] })), "fields[0].options"),
        (with(json!({ "id": "a", "type": "header", "label": "l", "required": true })), "fields[0].required"),
        (with(json!({ "id": "a", "type": "select", "label": "l" })), "fields[0].options"),
        (
            with(json!({ "id": "a", "type": "select", "label": "l", "options": [{ "id": "1" }] })),
            "fields[0].options[0].label",
        ),
        (
            with(
                json!({ "id": "a", "type": "group_chooser", "label": "l", "options": [{ "id": "1", "label": "l" }] }),
            ),
            "fields[0].options[0].id",
        ),
        (
            with(
                json!({ "id": "a", "type": "group_chooser", "label": "l", "options": [{ "group_id": 9, "label": "l" }] }),
            ),
            "fields[0].options[0].group_id",
        ),
    ] {
        let (status, words) = refused(&engine, "PUT", path, body.clone()).await;
        assert!(status == 400 && words.starts_with(&format!("{field}: ")), "{body}: {status} {words}");
    }
    assert_eq!(ok(&engine, "GET", path, json!(null)).await, form, "nothing was changed");
    for _ in 0..2 {
        assert_eq!(call(&engine, "DELETE", path, json!(null)).await.0, 204);
    }
    assert_eq!(refused(&engine, "GET", path, json!(null)).await.0, 404);
}
