//! The HTTP side against an engine that knows three tokens and records what it is asked. What
//! each version makes of a request and an answer is tested in its own room.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may fail loudly")]

mod accounts;
mod routes;

use std::future::{Future, ready};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use serde_json::Value;
use switchboard_domain::auth::{Principal, ScopeSet};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, ClientId, CustomerId, LicenseId, UserId};
use tower::ServiceExt;

use super::engine::Engine;
use super::routes::routes as livechat_routes;
use super::v3_0::testing::principal;
use crate::engine::dialect::Side;
use crate::engine::files::Received;
use crate::engine::order::{Done, Failure, IssuedToken, Order, Outcome, Request as EngineRequest, TokenInfo};
use crate::forms::{Form, FormRefused};

/// The one license, of `principal`.
pub(super) const LICENSE: LicenseId = LicenseId(1);
/// Ann's token, with every scope.
pub(super) const AGENT: &str = "agent-token";
/// Ann's token, without a scope.
pub(super) const BARE: &str = "bare-token";
/// A customer's token.
pub(super) const CUSTOMER: &str = "customer-token";
/// Ann's bot.
pub(super) const BOT: &str = "bot";

/// The engine.
#[derive(Clone, Default)]
pub(super) struct FakeEngine {
    asked: Arc<Mutex<Vec<EngineRequest>>>,
    revoked: Arc<Mutex<Vec<String>>>,
}

impl FakeEngine {
    /// The last order and who gave it.
    pub(super) fn last(&self) -> (UserId, Order) {
        let asked = self.asked.lock().unwrap();
        let request = asked.last().unwrap();
        (request.by.user.clone(), request.order.clone())
    }

    /// Was nothing asked of it?
    pub(super) fn is_untouched(&self) -> bool {
        self.asked.lock().unwrap().is_empty()
    }

    /// Tokens that were ended.
    pub(super) fn revoked(&self) -> Vec<String> {
        self.revoked.lock().unwrap().clone()
    }

    pub(super) fn router(&self) -> Router {
        livechat_routes(self.clone())
    }
}

impl Engine for FakeEngine {
    fn license_exists(&self, license: LicenseId) -> bool {
        license == LICENSE || license == LicenseId(2)
    }

    fn principal(&self, token: &str, author: Option<&AgentId>) -> Result<Arc<Principal>, Failure> {
        let by = match token {
            AGENT => principal(Side::Agent, &["*"]),
            BARE => principal(Side::Agent, &[]),
            CUSTOMER => principal(Side::Customer, &[]),
            _ => return Err(Failure::Unauthenticated),
        };
        match author.map(AgentId::as_str) {
            None => Ok(by),
            Some(BOT) => {
                let user = UserId::Agent(AgentId::new(BOT));
                Ok(Arc::new(Principal { user, bot: true, ..(*by).clone() }))
            }
            Some(_) => Err(Rejected::NoAccess.into()),
        }
    }

    fn run(&self, request: EngineRequest) -> impl Future<Output = Outcome> + Send {
        let done = match &request.order {
            Order::CreateBot(_) => Done::BotCreated(AgentId::new(BOT)),
            Order::IssueCustomerToken { customer, life } => Done::CustomerToken(IssuedToken {
                token: "issued".into(),
                client: request.by.client.clone(),
                customer: customer.unwrap_or_else(|| CustomerId::from_random(9)),
                life: life.unwrap_or(Duration::from_secs(100)),
            }),
            _ => Done::Nothing,
        };
        self.asked.lock().unwrap().push(request);
        ready(Ok(done))
    }

    fn admit_call(&self, _: &str) -> Result<impl Send + 'static, Duration> {
        Ok(())
    }

    fn receive_form(
        &self,
        _: LicenseId,
        _: Request<Body>,
    ) -> impl Future<Output = Result<Form, FormRefused>> + Send {
        ready(Err(FormRefused::FileTooLarge))
    }

    fn keep_file(&self, _: &Received) -> impl Future<Output = Result<(), Rejected>> + Send {
        ready(Ok(()))
    }

    fn token_info(&self, token: &str) -> Result<TokenInfo, Failure> {
        let by = self.principal(token, None)?;
        Ok(TokenInfo {
            license: LICENSE,
            client: ClientId::new("app-7"),
            entity: by.user.to_string(),
            scopes: ["chats--all:ro", "chats--all:rw"]
                .iter()
                .filter_map(|name| name.parse().ok())
                .collect::<ScopeSet>()
                .iter()
                .collect(),
            expires_in: (token == AGENT).then_some(60),
        })
    }

    fn revoke_token(&self, token: &str) -> impl Future<Output = Result<(), Failure>> + Send {
        let known = self.principal(token, None).map(|_| ());
        if known.is_ok() {
            self.revoked.lock().unwrap().push(token.into());
        }
        ready(known)
    }
}

/// A JSON POST with a token.
pub(super) fn post(path: &str, token: &str, body: &Value) -> Request<Body> {
    Request::post(path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json; charset=utf-8")
        .body(Body::from(body.to_string()))
        .unwrap()
}

/// A request with nothing but an address.
pub(super) fn bare(method: Method, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}

/// Status and body of the answer.
pub(super) async fn send(router: Router, request: Request<Body>) -> (u16, Value) {
    let response: Response<Body> = router.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/json");
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

/// Status and error type of the answer.
pub(super) async fn refusal(router: Router, request: Request<Body>) -> (u16, String) {
    let (status, body) = send(router, request).await;
    (status, body["error"]["type"].as_str().unwrap().to_owned())
}
