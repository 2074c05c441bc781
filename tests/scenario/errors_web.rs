//! Bad input over HTTP gets status and error of the wire.

use reqwest::{Method, header};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::server::Server;
use crate::support::shape::{id, list};
use crate::support::web::{Api, Web, send};
use crate::support::{DEADLINE, WireError};

const JSON: &str = "application/json";

async fn refused(request: reqwest::RequestBuilder) -> (u16, String) {
    let (status, answer) = send(request).await;
    (status, WireError::read(&answer).kind)
}

fn expect(status: u16, kind: &str) -> (u16, String) {
    (status, kind.to_owned())
}

#[tokio::test]
async fn every_envelope_is_checked_in_the_order_of_the_spec() {
    let server = Server::start().await;
    let person = server.person().await;
    let license = server.license();
    let agent = "/v3.0/agent/action/get_chats_summary".to_owned();
    let customer = format!("/v3.0/customer/action/get_chats_summary?license_id={license}");
    let configuration = "/v3.0/configuration/action/get_bot_agents".to_owned();
    for (path, token) in [
        (&agent, server.agent_token(0)),
        (&customer, person.token.clone()),
        (&configuration, server.agent_token(0)),
    ] {
        let post = || server.raw(Method::POST, path).header(header::CONTENT_TYPE, JSON);
        let body = || post().bearer_auth(&token).body("{}");
        assert_eq!(send(body()).await.0, 200, "{path}");
        for bad in ["no json", "{\"payload\":", "[]", "7", "{\"payload\":[]}", "{\"payload\":7}"] {
            assert_eq!(refused(body().body(bad)).await, expect(400, "validation"), "{path} {bad:?}");
        }
        // Content-Type: missing or another one.
        for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
            let plain = server.raw(Method::POST, path).bearer_auth(&token).body("{}");
            let request = match kind {
                Some(kind) => plain.header(header::CONTENT_TYPE, kind),
                None => plain,
            };
            let (status, kind) = refused(request).await;
            assert!([400, 415].contains(&status) && kind == "validation", "{path}: {status} {kind}");
        }
        let with_charset = server.raw(Method::POST, path).bearer_auth(&token).body("{}");
        let with_charset = with_charset.header(header::CONTENT_TYPE, "application/json; charset=utf-8");
        assert_eq!(send(with_charset).await.0, 200);
        // Who is it? Unknown, or nobody at all.
        assert_eq!(refused(post().body("{}")).await, expect(401, "authentication"), "{path}");
        for wrong in ["nonsense", "dal-nonsense", ""] {
            let request = post().bearer_auth(wrong).body("{}");
            assert_eq!(refused(request).await, expect(401, "authentication"), "{path} {wrong:?}");
        }
        // Another method, another version, another action.
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let (status, _) = send(server.raw(method, path).bearer_auth(&token)).await;
            assert!([404, 405].contains(&status), "{path}: {status}");
        }
        let versions = server.raw(Method::POST, &path.replace("v3.0", "v9.9"));
        let versions = versions.bearer_auth(&token).header(header::CONTENT_TYPE, JSON).body("{}");
        assert_eq!(refused(versions).await, expect(400, "unsupported_version"), "{path}");
        for action in ["get_bot_agents", "get_chats_summary"] {
            let unknown = server.raw(Method::POST, &path.replace(action, "no_such_action"));
            let unknown = unknown.bearer_auth(&token).header(header::CONTENT_TYPE, JSON).body("{}");
            let (status, answer) = send(unknown).await;
            let fits = status == 404 || answer["error"]["type"] == "validation" || !path.contains(action);
            assert!(fits, "{path}: {status} {answer}");
        }
        // After all that it is as it was.
        assert_eq!(send(body()).await.0, 200);
    }

    // The license: missing, no number, unknown.
    let post = |query: &str| {
        let path = format!("/v3.0/customer/action/get_chats_summary{query}");
        let request = server.raw(Method::POST, &path).bearer_auth(&person.token);
        request.header(header::CONTENT_TYPE, JSON).body("{}")
    };
    assert_eq!(refused(post("")).await, expect(400, "validation"));
    assert_eq!(refused(post("?license_id=")).await, expect(400, "validation"));
    assert_eq!(refused(post("?license_id=abc")).await, expect(400, "validation"));
    assert_eq!(
        refused(post(&format!("?license_id={}", license + 1))).await,
        expect(404, "license_not_found")
    );

    // Tokens of the wrong kind.
    let crossed = Web::new(&server, Api::Customer, &server.agent_token(0));
    assert!([401, 403].contains(&crossed.err("get_chats_summary", json!({})).await.0));
    for api in [Api::Agent, Api::Configuration] {
        let crossed = Web::new(&server, api, &person.token);
        let action = if api == Api::Agent { "get_chats_summary" } else { "get_bot_agents" };
        assert!([401, 403].contains(&crossed.err(action, json!({})).await.0));
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_from_its_head() {
    let server = Server::start().await;
    // Nothing but the head is sent: whoever waits for the body waits for ever.
    let head = format!(
        "POST /v3.0/agent/action/send_event HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: {JSON}\r\nContent-Length: {}\r\n\r\n",
        server.address(),
        server.agent_token(0),
        10 * 1024 * 1024,
    );
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let status = async {
        while !answer.windows(2).any(|window| window == b"\r\n") {
            assert_ne!(socket.read_buf(&mut answer).await.unwrap(), 0, "closed without an answer");
        }
    };
    timeout(DEADLINE, status).await.expect("an answer without waiting for the body");
    assert!(answer.starts_with(b"HTTP/1.1 413 "), "{}", String::from_utf8_lossy(&answer));

    // Sent whole, it is refused as well, on every API, and the server goes on.
    let large = json!({ "payload": { "chat_id": "x", "text": "x".repeat(2 * 1024 * 1024) } }).to_string();
    for path in ["/v3.0/agent/action/send_event", "/v3.0/configuration/action/create_bot_agent"] {
        let request = server.raw(Method::POST, path).bearer_auth(server.agent_token(0));
        let request = request.header(header::CONTENT_TYPE, JSON).body(large.clone());
        // The answer may come before all is sent; then the rest may not find its way.
        if let Ok(response) = request.send().await {
            assert_eq!(response.status(), 413);
            // Or the client would send its next request on a connection that ends.
            assert_eq!(response.headers()[header::CONNECTION], "close");
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["error"]["type"], "entity_too_large");
        }
    }
    assert_eq!(server.get("/healthz").await.0, 200);
    server.agent_web(0).ok("get_chats_summary", json!({})).await;
}

#[tokio::test]
async fn other_spellings_of_the_paths_and_the_admin_door() {
    let server = Server::start().await;
    let bot = server.bot(json!({ "name": "Alias", "status": "offline" })).await;
    // The paths of early 2019: the body bare or wrapped.
    for body in [json!({ "bot_agent_id": bot }), json!({ "payload": { "bot_agent_id": bot } })] {
        let path = "/v3.0/configuration/agents/get_bot_agent_details";
        let request = server.raw(Method::POST, path).bearer_auth(server.agent_token(0)).json(&body);
        let (status, answer) = send(request).await;
        assert_eq!((status, id(&answer["bot_agent"])), (200, bot.clone()), "{body}");
    }

    // Customer tokens need an agent's token and a known application; JSON and forms are taken.
    let form = [("client_id", "x"), ("response_type", "token"), ("redirect_uri", "https://example.com/")];
    let nobody = server.raw(Method::POST, "/customer/").json(&json!({ "response_type": "token" }));
    assert_eq!(send(nobody).await.0, 401);
    let mut form = form.map(|(key, value)| (key, value.to_owned()));
    form[0].1 = server.ready["client_id"].as_str().unwrap().to_owned();
    let request = server.raw(Method::POST, "/customer/").bearer_auth(server.agent_token(0)).form(&form);
    let (status, answer) = send(request).await;
    assert_eq!(status, 200, "{answer}");
    let customer = Web::new(&server, Api::Customer, answer["access_token"].as_str().unwrap());
    let none = customer.ok("get_chats_summary", json!({})).await;
    assert_eq!(list(&none["chats_summary"]).len(), 0);
    let scopeless = server.scoped(&["chats--all:ro"]).await;
    let request = server.raw(Method::POST, "/customer/").bearer_auth(scopeless).form(&form);
    assert_eq!(send(request).await.0, 403, "customer identities need their scope");

    // The admin API opens to the admin token alone.
    let wanted = json!({ "agent_id": server.agent_id(0) });
    let admin = server.ready["admin_token"].as_str().unwrap();
    for wrong in ["", "nonsense", &server.agent_token(0)] {
        let request = server.raw(Method::POST, "/admin/v1/tokens").bearer_auth(wrong).json(&wanted);
        assert!([401, 403].contains(&send(request).await.0));
    }
    for bad in [json!({}), json!({ "agent_id": 5 }), json!({ "agent_id": "nobody@example.com" })] {
        let request = server.raw(Method::POST, "/admin/v1/tokens").bearer_auth(admin).json(&bad);
        let (status, answer) = send(request).await;
        assert!((400..500).contains(&status), "{bad}: {status} {answer}");
    }
    let token = server.issue(wanted).await;
    Web::new(&server, Api::Agent, &token).ok("get_chats_summary", json!({})).await;
}
