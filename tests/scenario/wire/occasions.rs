//! Pushes that no method causes by itself: what happens to connections and bots.

use serde_json::{Value, json};

use super::shape::AGENT_PUSHES;
use super::stage::Stage;
use super::table::Role;
use crate::support::rtm::{Rtm, Side};

/// Pushes to agents that are seen here.
pub(crate) const TO_AGENTS: [&str; 3] =
    ["agent_disconnected", "customer_visit_started", "customer_visit_ended"];
/// Pushes to customers that are seen here.
pub(crate) const TO_CUSTOMERS: [&str; 0] = [];
/// Actions of webhooks that are seen here.
pub(crate) const TO_WEBHOOKS: [&str; 0] = [];

#[tokio::test]
async fn a_revoked_token_ends_its_connections() {
    let stage = Stage::set().await;
    let token = stage.server.issue(json!({ "agent_id": stage.newcomer_id() })).await;
    let newcomer = stage.server.login_agent(&token).await;
    let revoke = stage.server.raw(reqwest::Method::DELETE, &format!("/token?token={token}"));
    assert_eq!(revoke.bearer_auth(&token).send().await.unwrap().status(), 200);
    let push = newcomer.push("agent_disconnected", |_| true).await;
    assert_eq!(AGENT_PUSHES.faults("agent_disconnected", &push.payload), [""; 0], "{push:?}");
    assert_eq!(push.payload["reason"], "access_token_revoked");
    newcomer.closed().await;
    stage.rtm(Role::Holder).unwrap().ok("ping", json!({})).await;
}

#[tokio::test]
async fn a_visit_begins_and_ends_with_the_connection() {
    let stage = Stage::set().await;
    let person = stage.server.person().await;
    let login = json!({ "token": person.token, "referrer": "https://example.com/",
        "customer_page": { "url": "https://shop.example/", "title": "Shop" } });
    let about = |payload: &Value| payload["customer_id"] == person.id.as_str();
    let tab = Rtm::login(&stage.server, Side::Customer, login).await;
    let watchers = [Role::Holder, Role::Follower, Role::Colleague, Role::Outsider];
    for role in watchers {
        let push = stage.rtm(role).unwrap().push("customer_visit_started", about).await;
        assert_eq!(AGENT_PUSHES.faults("customer_visit_started", &push.payload), [""; 0], "{push:?}");
        let push = stage.rtm(role).unwrap().push("customer_page_updated", about).await;
        assert_eq!(AGENT_PUSHES.faults("customer_page_updated", &push.payload), [""; 0], "{push:?}");
    }
    tab.cut().await;
    for role in watchers {
        let push = stage.rtm(role).unwrap().push("customer_visit_ended", about).await;
        assert_eq!(AGENT_PUSHES.faults("customer_visit_ended", &push.payload), [""; 0], "{push:?}");
    }
    for role in [Role::Foreigner, Role::Stranger] {
        assert!(!stage.rtm(role).unwrap().ever_saw(&person.id), "{role:?} hears of a visit");
    }
}
