//! A client of the Web APIs.

use reqwest::Method;
use serde_json::{Value, json};

use super::WireError;
use super::server::Server;
use super::shape::assert_fit_for_customer;

/// Which API an action belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Agent,
    Customer,
    Configuration,
}

impl Api {
    fn path(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Customer => "customer",
            Self::Configuration => "configuration",
        }
    }
}

/// One principal on one Web API.
#[derive(Clone)]
pub(crate) struct Web {
    client: reqwest::Client,
    base: String,
    api: Api,
    license: u64,
    token: String,
    author: Option<String>,
    /// The key of its writes.
    pub(crate) key: Option<String>,
}

impl Web {
    pub(crate) fn new(server: &Server, api: Api, token: &str) -> Self {
        Self {
            client: server.client.clone(),
            base: server.http().to_owned(),
            api,
            license: server.license(),
            token: token.to_owned(),
            author: None,
            key: None,
        }
    }

    /// The same principal, acting as a bot.
    pub(crate) fn acting_as(&self, author: &str) -> Self {
        Self { author: Some(author.to_owned()), ..self.clone() }
    }

    /// Success payload, or HTTP status and error.
    pub(crate) async fn call(&self, action: &str, payload: Value) -> Result<Value, (u16, WireError)> {
        let mut body = json!({ "payload": payload });
        if let Some(author) = &self.author {
            body["author_id"] = json!(author);
        }
        let (status, answer) = self.post(action, &body).await;
        match status {
            200 => Ok(answer),
            _ => Err((status, WireError::read(&answer))),
        }
    }

    /// Posts a body as it is.
    pub(crate) async fn post(&self, action: &str, body: &Value) -> (u16, Value) {
        let mut url = format!("{}/v3.0/{}/action/{action}", self.base, self.api.path());
        if self.api == Api::Customer {
            url += &format!("?license_id={}", self.license);
        }
        let mut request = self.client.post(url).bearer_auth(&self.token).json(body);
        if let Some(key) = &self.key {
            request = request.header("Idempotency-Key", key);
        }
        let (status, answer) = send(request).await;
        if self.api == Api::Customer {
            assert_fit_for_customer(&answer);
        }
        (status, answer)
    }

    pub(crate) async fn ok(&self, action: &str, payload: Value) -> Value {
        match self.call(action, payload).await {
            Ok(value) => value,
            Err(error) => panic!("{action} failed: {error:?}"),
        }
    }

    /// HTTP status and error of a call that should fail.
    pub(crate) async fn err(&self, action: &str, payload: Value) -> (u16, WireError) {
        match self.call(action, payload).await {
            Ok(value) => panic!("{action} should have failed, but answered {value}"),
            Err(error) => error,
        }
    }
}

/// Sends any request; the body of the answer is JSON, or null when it is not.
pub(crate) async fn send(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

impl Server {
    /// A demo agent on the Agent Chat Web API.
    pub(crate) fn agent_web(&self, n: usize) -> Web {
        Web::new(self, Api::Agent, &self.agent_token(n))
    }

    /// The first demo agent on the Configuration API.
    pub(crate) fn configuration(&self) -> Web {
        Web::new(self, Api::Configuration, &self.agent_token(0))
    }

    /// Any request to the server, by path and query.
    pub(crate) fn raw(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.http()))
    }

    /// Status and text of a GET.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let response = self.raw(Method::GET, path).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}
