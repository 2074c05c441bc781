//! What stories of a help desk need.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::server::{INBOX, Server};
use crate::support::web::send;

/// A call that must go well.
pub(crate) async fn ok(server: &Server, method: Method, path: &str, body: Value) -> Value {
    let mut request = server.raw(method.clone(), path).header("api_access_token", server.agent_token(0));
    if method != Method::GET {
        request = request.json(&body);
    }
    let (status, answer) = send(request).await;
    assert_eq!(status, 200, "{method} {path}: {answer}");
    answer
}

/// A contact's conversation.
pub(crate) struct Conversation {
    /// Where the contact reads and writes.
    pub(crate) messages: String,
    /// Its number.
    pub(crate) id: Value,
}

impl Conversation {
    /// One of a new contact.
    pub(crate) async fn of(name: &str, server: &Server) -> Self {
        let contacts = format!("/public/api/v1/inboxes/{INBOX}/contacts");
        let made = ok(server, Method::POST, &contacts, json!({ "name": name })).await;
        let own = format!("{contacts}/{}/conversations", made["source_id"].as_str().unwrap());
        let begun = ok(server, Method::POST, &own, json!({})).await;
        Self { messages: format!("{own}/{}/messages", begun["id"]), id: begun["id"].clone() }
    }
}
