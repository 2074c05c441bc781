//! The wire, as far as it is needed here: requests over the Web, one session over a WebSocket.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use super::child::{ADMIN_TOKEN, AGENT_TOKEN, CLIENT, LICENSE};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Requests over the Web.
#[derive(Clone)]
pub(super) struct Web {
    address: SocketAddr,
    agent: ureq::Agent,
}

impl Web {
    pub(super) fn new(address: SocketAddr) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        Self { address, agent: ureq::Agent::new_with_config(config.build()) }
    }

    /// The status of an address.
    pub(super) fn get(&self, path: &str) -> Result<u16> {
        Ok(self.agent.get(format!("http://{}{path}", self.address)).call()?.status().as_u16())
    }

    /// Status and answer of a request with a body.
    pub(super) fn post(&self, path: &str, token: &str, body: &Value) -> Result<(u16, Value)> {
        let request = self.agent.post(format!("http://{}{path}", self.address));
        let mut answer = request.header("Authorization", format!("Bearer {token}")).send_json(body)?;
        // A chat of thousands of messages is a long answer.
        let answered = answer.body_mut().with_config().limit(256 << 20).read_json();
        Ok((answer.status().as_u16(), answered.unwrap_or(Value::Null)))
    }

    /// A method of the agent's API that must work.
    pub(super) fn ask(&self, action: &str, payload: &Value) -> Result<Value> {
        self.call("agent", action, payload)
    }

    /// A message that is said once, however often it is asked for.
    pub(super) fn say_once(&self, chat: &str, said: &str) -> Result<Value> {
        let payload = json!({ "chat_id": chat, "event": { "type": "message", "text": said } });
        let request = self.agent.post(format!("http://{}/v3.0/agent/action/send_event", self.address));
        let request = request.header("Authorization", format!("Bearer {AGENT_TOKEN}"));
        let mut answer = request.header("Idempotency-Key", said).send_json(json!({ "payload": payload }))?;
        let status = answer.status().as_u16();
        let answer: Value = answer.body_mut().read_json().unwrap_or(Value::Null);
        ensure!(status == 200, Refused(format!("a message was refused ({status}): {answer}")));
        Ok(answer)
    }

    /// Sends a file to be referred to later; gives its address.
    pub(super) fn upload(&self, bytes: &[u8]) -> Result<String> {
        let mut form = b"--form\r\nContent-Disposition: form-data; name=\"payload.file\"; filename=\"f\"\r\n\
            Content-Type: application/octet-stream\r\n\r\n"
            .to_vec();
        form.extend(bytes);
        form.extend(b"\r\n--form--\r\n");
        let request = self.agent.post(format!("http://{}/v3.0/agent/action/upload_file", self.address));
        let request = request.header("Authorization", format!("Bearer {AGENT_TOKEN}"));
        let request = request.header("Content-Type", "multipart/form-data; boundary=form");
        let mut answer = request.send(&form[..])?;
        let status = answer.status().as_u16();
        let answer: Value = answer.body_mut().read_json().unwrap_or(Value::Null);
        ensure!(status == 200, Refused(format!("a file was refused ({status}): {answer}")));
        text(&answer["url"])
    }

    /// What is at the address of a file, wherever the server is by now.
    pub(super) fn read(&self, url: &str) -> Result<(u16, Vec<u8>)> {
        let (_, path) = url.split_once("/files/").context("no address of a file")?;
        let mut answer = self.agent.get(format!("http://{}/files/{path}", self.address)).call()?;
        Ok((answer.status().as_u16(), answer.body_mut().read_to_vec()?))
    }

    /// Makes what is in the body, or deletes what is at the path without one.
    pub(super) fn administer(&self, path: &str, body: Option<&Value>) -> Result<()> {
        let url = format!("http://{}/admin/v1{path}", self.address);
        let token = format!("Bearer {ADMIN_TOKEN}");
        let status = match body {
            Some(body) => self.agent.post(url).header("Authorization", token).send_json(body)?.status(),
            None => self.agent.delete(url).header("Authorization", token).call()?.status(),
        };
        ensure!(status.is_success(), Refused(format!("{path} was refused ({status})")));
        Ok(())
    }

    /// Does the administration know what is at this path?
    pub(super) fn knows(&self, path: &str) -> Result<bool> {
        let request = self.agent.get(format!("http://{}/admin/v1{path}", self.address));
        let status = request.header("Authorization", format!("Bearer {ADMIN_TOKEN}")).call()?.status();
        Ok(status.is_success())
    }

    /// A method of the configuration API that must work.
    pub(super) fn configure(&self, action: &str, payload: &Value) -> Result<Value> {
        self.call("configuration", action, payload)
    }

    fn call(&self, api: &str, action: &str, payload: &Value) -> Result<Value> {
        let path = format!("/v3.0/{api}/action/{action}");
        let (status, answer) = self.post(&path, AGENT_TOKEN, &json!({ "payload": payload }))?;
        ensure!(status == 200, Refused(format!("{action} was refused ({status}): {answer}")));
        Ok(answer)
    }

    /// A method of the customer's API that must work.
    pub(super) fn customer(&self, token: &str, action: &str, payload: &Value) -> Result<Value> {
        let path = format!("/v3.0/customer/action/{action}?license_id={LICENSE}");
        let (status, answer) = self.post(&path, token, &json!({ "payload": payload }))?;
        ensure!(status == 200, Refused(format!("{action} was refused ({status}): {answer}")));
        Ok(answer)
    }

    /// A new customer's token.
    pub(super) fn new_customer(&self) -> Result<String> {
        let wish =
            json!({ "client_id": CLIENT, "response_type": "token", "redirect_uri": "http://localhost/" });
        let (status, answer) = self.post("/customer/", AGENT_TOKEN, &wish)?;
        ensure!(status == 200, Refused(format!("a customer was refused ({status}): {answer}")));
        text(&answer["access_token"])
    }

    /// A new token of the agent.
    pub(super) fn new_token(&self) -> Result<String> {
        let wish = json!({ "agent_id": super::child::AGENT });
        let (status, answer) = self.post("/admin/v1/tokens", ADMIN_TOKEN, &wish)?;
        ensure!(status == 200, Refused(format!("a token was refused ({status}): {answer}")));
        text(&answer["token"])
    }

    /// Takes a token back.
    pub(super) fn revoke(&self, token: &str) -> Result<()> {
        let status =
            self.agent.delete(format!("http://{}/token?token={token}", self.address)).call()?.status();
        ensure!(status.is_success(), Refused(format!("a revocation was refused ({status})")));
        Ok(())
    }

    /// Does this token open anything?
    pub(super) fn admits(&self, token: &str) -> Result<bool> {
        let path = "/v3.0/agent/action/get_chats_summary";
        Ok(self.post(path, token, &json!({ "payload": {} }))?.0 == 200)
    }
}

/// The server said no, which a kill is no excuse for.
#[derive(Debug)]
pub(super) struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

pub(super) fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("no text: {value}"))
}

/// A customer's session.
pub(super) struct Session {
    socket: WebSocket<TcpStream>,
}

impl Session {
    /// Connects and logs in.
    pub(super) fn open(address: SocketAddr, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let url = format!("ws://{address}/v3.0/customer/rtm/ws?license_id={LICENSE}");
        let (socket, _) = tungstenite::client(url, stream).map_err(|error| anyhow::anyhow!("{error}"))?;
        let mut session = Self { socket };
        session.begin("login", "login", &json!({ "token": token }))?;
        let (id, _) = session.answer()?;
        ensure!(id == "login", "an answer to {id} before the one to the login");
        Ok(session)
    }

    /// Asks, and does not wait.
    pub(super) fn begin(&mut self, id: &str, action: &str, payload: &Value) -> Result<()> {
        let request = json!({ "request_id": id, "action": action, "payload": payload });
        Ok(self.socket.send(Message::text(request.to_string()))?)
    }

    /// The next answer: to which request, and what. Pushes are passed over.
    pub(super) fn answer(&mut self) -> Result<(String, Value)> {
        loop {
            let frame = match self.socket.read()? {
                Message::Text(frame) => frame,
                Message::Close(why) => bail!("the server closed a session: {why:?}"),
                _ => continue,
            };
            let frame: Value = serde_json::from_str(&frame)?;
            if frame["type"] == "response" {
                ensure!(frame["success"] == true, Refused(format!("a request was refused: {frame}")));
                return Ok((text(&frame["request_id"])?, frame["payload"].clone()));
            }
        }
    }
}
