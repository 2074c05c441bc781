//! What becomes of people, over restarts.

use reqwest::Method;
use serde_json::{Value, json};

use super::Desk;
use super::platform::{Shop, person};

#[tokio::test]
async fn an_agent_who_is_made_again_after_its_person_is_gone_stays() {
    let mut desk = Desk::start().await;
    let shop = Shop::open(&desk, "Shop").await;
    let pat = person(&desk, "pat@people.example").await;
    let users = format!("accounts/{}/account_users", shop.id);
    desk.platform_ok(Method::POST, &users, json!({ "user_id": pat["id"] })).await;
    desk.platform_ok(Method::DELETE, &format!("users/{}", pat["id"]), Value::Null).await;
    let agent = json!({ "name": "Pat", "email": "pat@people.example", "role": "agent" });
    let again = shop.ok(&desk, Method::POST, "agents", agent).await;
    assert_ne!(again["id"], pat["id"], "it is not the person who is gone");
    desk.server.kill_9().await;
    desk.server.restart().await;
    let agents = shop.ok(&desk, Method::GET, "agents", Value::Null).await;
    assert!(agents.as_array().unwrap().iter().any(|one| one["id"] == again["id"]), "{agents}");
}
