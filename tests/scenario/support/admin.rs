//! The administration API.

use reqwest::Method;
use serde_json::Value;

use super::server::Server;
use super::web::send;

impl Server {
    /// Status and body of a call; `path` goes behind `/admin/v1`, a body of `null` is none.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let token = self.ready["admin_token"].as_str().unwrap();
        let request = self.raw(method, &format!("/admin/v1{path}")).bearer_auth(token);
        send(if body.is_null() { request } else { request.json(&body) }).await
    }

    /// The body of a call that should succeed.
    pub(crate) async fn admin_ok(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.admin(method, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// Status and words of a call that should fail.
    pub(crate) async fn admin_err(&self, method: &str, path: &str, body: Value) -> (u16, String) {
        let (status, answer) = self.admin(method, path, body).await;
        let words = answer["error"]["message"].as_str();
        let words = words.unwrap_or_else(|| panic!("{method} {path} should have failed: {status} {answer}"));
        (status, words.to_owned())
    }
}
