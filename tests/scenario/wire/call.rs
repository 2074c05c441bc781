//! One call over either transport, and what refusals must look like on each.

use serde_json::Value;

use crate::support::WireError;
use crate::support::rtm::Rtm;
use crate::support::web::Web;

/// Who calls, and over what.
pub(crate) enum Line<'a> {
    Rtm(&'a Rtm),
    Web(Web),
}

/// The transports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Rtm,
    Web,
}

impl Line<'_> {
    /// Success payload or error. Over the Web an error has the status of its type (section 2).
    pub(crate) async fn call(&self, action: &str, payload: Value) -> Result<Value, WireError> {
        match self {
            Self::Rtm(rtm) => rtm.call(action, payload).await,
            Self::Web(web) => web.call(action, payload).await.map_err(|(status, error)| {
                assert_eq!(status, status_of(&error.kind), "the status of {action} refused with {error:?}");
                error
            }),
        }
    }
}

/// The HTTP status of an error type.
fn status_of(kind: &str) -> u16 {
    match kind {
        "validation" | "wrong_product_version" | "requester_already_offline" | "unsupported_version" => 400,
        "authentication" => 401,
        "license_expired" => 402,
        "authorization" | "customer_banned" => 403,
        "license_not_found" | "group_not_found" => 404,
        "request_timeout" => 408,
        "entity_too_large" => 413,
        "misdirected_request" => 421,
        "users_limit_reached" => 429,
        "internal" => 500,
        "group_offline" | "group_unavailable" => 503,
        other => panic!("`{other}` is no error type of section 2"),
    }
}
