//! What `demo` prints once it accepts connections: a line for programs, or a page for people.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use super::credentials::{Credentials, DeskCredentials};

/// A running demo and how to talk to it. Serializes to the contract of `demo --json`.
#[derive(Serialize)]
pub struct Welcome<'a> {
    /// Where the API is, such as `http://127.0.0.1:8080`.
    pub http: String,
    /// The same with TLS, when that could be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https: Option<String>,
    /// The file of the certificate to trust for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_cert: Option<String>,
    /// This process.
    pub pid: u32,
    /// The rest.
    #[serde(flatten)]
    pub credentials: &'a Credentials,
}

impl Welcome<'_> {
    /// One line of JSON, without its end.
    ///
    /// # Errors
    /// None that is known: every part is text or a number.
    pub fn line(&self) -> Result<String, serde_json::Error> {
        let mut line = serde_json::to_value(self)?;
        if let Some(fields) = line.as_object_mut() {
            fields.remove("desk");
            fields.insert("chatwoot".into(), self.chatwoot());
        }
        serde_json::to_string(&line)
    }

    /// The same people and their inbox, as clients of the help desk know them.
    fn chatwoot(&self) -> Value {
        let Credentials { agents, desk, .. } = self.credentials;
        json!({
            "account_id": DeskCredentials::ACCOUNT,
            "admin_token": agents[0].token,
            "agent_token": agents[1].token,
            "platform_token": desk.platform_token,
            "inbox_id": DeskCredentials::INBOX,
            "inbox_identifier": desk.inbox_identifier,
        })
    }

    /// A page for a newcomer: who is there, and commands that work when pasted.
    #[must_use]
    pub fn page(&self, bot: bool) -> String {
        let Credentials { license_id, client_id, admin_token, agents, desk, .. } = self.credentials;
        let mut page = format!("Switchboard is up at {}\n", self.http);
        if let (Some(https), Some(ca)) = (&self.https, &self.ca_cert) {
            // Writing to a string cannot fail.
            let _ = writeln!(page, "with TLS at          {https}  (trust {ca})");
        }
        let _ = write!(
            page,
            "\nLicense {license_id}, application {client_id}\n\
             Agents   {}  token {}\n         {}  token {}\n\
             Admin    token {admin_token}\n\
             \nFor bots written for Chatwoot: account {}, inbox {} with the identifier {};\n\
             the agents' tokens are `api_access_token`s, the platform's is {}\n",
            agents[0].id,
            agents[0].token,
            agents[1].id,
            agents[1].token,
            DeskCredentials::ACCOUNT,
            DeskCredentials::INBOX,
            desk.inbox_identifier,
            desk.platform_token,
        );
        page.push_str(&self.tour());
        if bot {
            page.push_str(
                "\nThe pizza bot listens: a customer's message with the word \"pizza\" makes it join the chat\n\
                 and tell the agents. Look at the chat again to see its note.\n",
            );
        }
        page.push_str(
            "\nWebhooks may go to this machine here, which a server allows only where it is told to. See what\n\
             arrives with `switchboard webhook listen`.\n",
        );
        page.push_str("\nCtrl-C stops. The data stays, and the next start prints the same tokens.\n");
        page
    }

    fn tour(&self) -> String {
        let Credentials { license_id, client_id, agents, .. } = self.credentials;
        format!(
            r#"
Try it in another terminal:

  URL={http} AGENT={token}

  # a new customer gets a token ...
  CUSTOMER=$(curl -s $URL/customer/ -H "Authorization: Bearer $AGENT" -H "Content-Type: application/json" \
    -d '{{"client_id":"{client_id}","response_type":"token","redirect_uri":"http://localhost/"}}' \
    | sed 's/.*"access_token":"\([^"]*\)".*/\1/')

  # ... and starts a chat
  curl -s "$URL/v3.0/customer/action/start_chat?license_id={license_id}" \
    -H "Authorization: Bearer $CUSTOMER" -H "Content-Type: application/json" \
    -d '{{"payload":{{"continuous":true,"chat":{{"thread":{{"events":[{{"type":"message","text":"a pizza, please"}}]}}}}}}}}'

  # the agent sees it
  curl -s $URL/v3.0/agent/action/get_chats_summary \
    -H "Authorization: Bearer $AGENT" -H "Content-Type: application/json" -d '{{"payload":{{}}}}'

Agents get chats while they are logged in over a WebSocket: connect to {ws}/v3.0/agent/rtm/ws and send
  {{"action":"login","payload":{{"token":"Bearer {token}"}}}}
"#,
            http = self.http,
            ws = self.http.replacen("http", "ws", 1),
            token = agents[0].token,
        )
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::cli::credentials::AgentCredentials;

    fn credentials() -> Credentials {
        let agent = |id: &str| AgentCredentials { id: id.into(), token: format!("token-of-{id}") };
        Credentials {
            license_id: 100_000_001,
            organization_id: "390e44e6-f1e6-4b7e-8d7c-0a1b2c3d4e5f".into(),
            client_id: "app".into(),
            client_secret: "secret".into(),
            admin_token: "admin".into(),
            agents: [agent("agent1@example.com"), agent("agent2@example.com")],
            groups: vec![0, 1, 2],
            desk: DeskCredentials {
                platform_token: "platform".into(),
                inbox_identifier: "inbox".into(),
                inbox_hmac_token: "hmac".into(),
                inbox_secret: "signs".into(),
                is_new: false,
            },
        }
    }

    #[test]
    fn the_line_keeps_its_contract() {
        let credentials = credentials();
        let mut welcome = Welcome {
            http: "http://127.0.0.1:8080".into(),
            https: Some("https://127.0.0.1:8443".into()),
            ca_cert: Some("d/dev-ca.pem".into()),
            pid: 42,
            credentials: &credentials,
        };
        let line = welcome.line().unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(
            serde_json::from_str::<Value>(&line).unwrap(),
            json!({
                "http": "http://127.0.0.1:8080", "https": "https://127.0.0.1:8443", "ca_cert": "d/dev-ca.pem",
                "pid": 42, "license_id": 100_000_001,
                "organization_id": "390e44e6-f1e6-4b7e-8d7c-0a1b2c3d4e5f",
                "client_id": "app", "client_secret": "secret", "admin_token": "admin",
                "agents": [
                    {"id": "agent1@example.com", "token": "token-of-agent1@example.com"},
                    {"id": "agent2@example.com", "token": "token-of-agent2@example.com"},
                ],
                "groups": [0, 1, 2],
                "chatwoot": {
                    "account_id": 1, "admin_token": "token-of-agent1@example.com",
                    "agent_token": "token-of-agent2@example.com", "platform_token": "platform",
                    "inbox_id": 1, "inbox_identifier": "inbox",
                },
            })
        );
        (welcome.https, welcome.ca_cert) = (None, None);
        assert!(!welcome.line().unwrap().contains("http\":null"));
        assert!(!welcome.line().unwrap().contains("https"));
    }

    #[test]
    fn the_page_names_what_a_newcomer_needs() {
        let credentials = credentials();
        let welcome = Welcome {
            http: "http://127.0.0.1:8080".into(),
            https: None,
            ca_cert: None,
            pid: 42,
            credentials: &credentials,
        };
        let page = welcome.page(true);
        for part in [
            "http://127.0.0.1:8080",
            "token-of-agent2@example.com",
            "start_chat?license_id=100000001",
            r#"{"payload":{"continuous":true,"chat":{"thread":{"events":[{"type":"message","text":"a pizza, please"}]}}}}"#,
            "ws://127.0.0.1:8080/v3.0/agent/rtm/ws",
            "pizza bot listens",
            "Webhooks may go to this machine here",
        ] {
            assert!(page.contains(part), "{part} is missing in\n{page}");
        }
        assert!(!welcome.page(false).contains("pizza bot"));
    }
}
