//! Pushes that no method causes by itself: what happens to connections and bots.

use serde_json::json;

use super::shape::AGENT_PUSHES;
use super::stage::Stage;
use super::table::Role;

/// Pushes to agents that are seen here.
pub(crate) const TO_AGENTS: [&str; 1] = ["agent_disconnected"];
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
