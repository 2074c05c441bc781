//! The platform API: what the installation's owner asks. It touches only what it made. Source: spec,
//! section 3.

mod accounts;
mod bots;
mod users;

pub(super) use users::sign_in;

use http::Method;

use super::call::Answered;
use super::fields::Fields;
use super::refusal::Refused;
use crate::engine::handle::EngineHandle;

/// Answers a call of the platform.
pub(super) async fn answer(
    engine: &EngineHandle,
    method: &Method,
    path: &[&str],
    (fields, base): (&Fields, &str),
) -> Answered {
    match path {
        ["agent_bots", rest @ ..] => bots::answer(engine, method, rest, fields).await,
        ["accounts", rest @ ..] => accounts::answer(engine, method, rest, fields).await,
        ["users", rest @ ..] => users::answer(engine, method, rest, (fields, base)).await,
        _ => Err(Refused::not_found()),
    }
}
