//! What this face needs of the engine, so that its HTTP side can be tested without one.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Request as HttpRequest;
use switchboard_domain::auth::Principal;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, LicenseId};

use crate::engine::files::Received;
use crate::engine::handle::EngineHandle;
use crate::engine::order::{Failure, Outcome, Request, TokenInfo};
use crate::forms::{self, Form, FormRefused};

/// The engine, as seen from here.
pub(super) trait Engine: Clone + Send + Sync + 'static {
    /// Is there such a license?
    fn license_exists(&self, license: LicenseId) -> bool;
    /// Who a token makes one, acting as a bot when one is named.
    fn principal(&self, token: &str, author: Option<&AgentId>) -> Result<Arc<Principal>, Failure>;
    /// Counts a call with a token, which runs as long as what is returned is kept; else says how long to
    /// wait before the next one.
    fn admit_call(&self, token: &str) -> Result<impl Send + 'static, Duration>;
    /// Runs a request to its end, or to its time limit.
    fn run(&self, request: Request) -> impl Future<Output = Outcome> + Send;
    /// Receives a form; its files are a license's.
    fn receive_form(
        &self,
        license: LicenseId,
        request: HttpRequest<Body>,
    ) -> impl Future<Output = Result<Form, FormRefused>> + Send;
    /// Keeps a file for good.
    fn keep_file(&self, received: &Received) -> impl Future<Output = Result<(), Rejected>> + Send;
    /// What a token is.
    fn token_info(&self, token: &str) -> Result<TokenInfo, Failure>;
    /// Ends a token.
    fn revoke_token(&self, token: &str) -> impl Future<Output = Result<(), Failure>> + Send;
}

impl Engine for EngineHandle {
    fn license_exists(&self, license: LicenseId) -> bool {
        Self::license_exists(self, license)
    }

    fn principal(&self, token: &str, author: Option<&AgentId>) -> Result<Arc<Principal>, Failure> {
        let who = self.authenticate(token)?;
        Self::principal(self, &who, author)
    }

    fn admit_call(&self, token: &str) -> Result<impl Send + 'static, Duration> {
        Self::admit_call(self, token)
    }

    fn run(&self, request: Request) -> impl Future<Output = Outcome> + Send {
        Self::run(self, request)
    }

    fn receive_form(
        &self,
        license: LicenseId,
        request: HttpRequest<Body>,
    ) -> impl Future<Output = Result<Form, FormRefused>> + Send {
        forms::read(self, license, request)
    }

    fn keep_file(&self, received: &Received) -> impl Future<Output = Result<(), Rejected>> + Send {
        Self::keep_file(self, received)
    }

    fn token_info(&self, token: &str) -> Result<TokenInfo, Failure> {
        Self::token_info(self, token)
    }

    fn revoke_token(&self, token: &str) -> impl Future<Output = Result<(), Failure>> + Send {
        Self::revoke_token(self, token)
    }
}
