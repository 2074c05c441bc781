//! A server of one small license, for stories about its settings.

use serde_json::json;

use super::server::Server;

/// The token of its first agent.
pub(crate) const AGENT: &str = "the-token-of-ann-which-is-long-enough";

/// Starts one; `settings` begins with those of `[data]`, and may go on with other sections.
pub(crate) async fn small(settings: &str) -> Server {
    let configuration = format!(
        r#"
        {settings}
        [admin]
        token = "the-token-of-the-administrator-of-all"
        [[license]]
        id = 100000001
        organization_id = "390e44e6-f1e6-4b7e-8d7c-0a1b2c3d4e5f"
        client_id = "app-of-the-small"
        client_secret = "a-secret-of-the-application"
        [[license.agent]]
        id = "ann@example.org"
        name = "Ann"
        token = "{AGENT}"
        [[license.agent]]
        id = "bob@example.org"
        name = "Bob"
        token = "the-token-of-bob-which-is-long-enough"
        "#
    );
    let known = json!({
        "license_id": 100_000_001, "client_id": "app-of-the-small",
        "agents": [{ "id": "ann@example.org", "token": AGENT }],
    });
    Server::serve(&configuration, known).await
}
