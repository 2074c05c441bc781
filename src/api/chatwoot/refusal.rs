//! How this face says no. Source: spec, section 1.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::RETRY_AFTER;
use serde_json::{Value, json};
use switchboard_domain::error::Rejected;
use switchboard_domain::limits::{ATTACHMENTS_PER_MESSAGE, FILE_BYTES};

use crate::engine::order::Failure;
use crate::forms::FormRefused;

/// A refusal: its status and its body.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refused {
    /// The status.
    pub(super) status: StatusCode,
    /// The body.
    pub(super) body: Value,
    /// Seconds to wait before asking again, where that helps.
    retry_after: Option<u64>,
}

impl Refused {
    /// With a text under `error`.
    pub(super) fn because(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, body: json!({ "error": error.into() }), retry_after: None }
    }

    /// The request cannot be what it is.
    pub(super) fn unprocessable(error: impl Into<String>) -> Self {
        Self::because(StatusCode::UNPROCESSABLE_ENTITY, error)
    }

    /// A field is wrong.
    pub(super) fn field(field: &str, reason: &str) -> Self {
        let name = field.rsplit('.').next().unwrap_or(field).replace('_', " ");
        let mut letters = name.chars();
        let name: String =
            letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
        let body = json!({ "message": format!("{name} {reason}"), "attributes": [field] });
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, body, retry_after: None }
    }

    /// A field is missing.
    pub(super) fn missing(field: &str) -> Self {
        Self::unprocessable(format!("param is missing or the value is empty: {field}"))
    }

    /// Nobody said who asks.
    pub(super) fn stranger() -> Self {
        let body = json!({ "errors": ["You need to sign in or sign up before continuing."] });
        Self { status: StatusCode::UNAUTHORIZED, body, retry_after: None }
    }

    /// The token is nobody's.
    pub(super) fn invalid_token() -> Self {
        Self::because(StatusCode::UNAUTHORIZED, "Invalid Access Token")
    }

    /// What should sign somebody in does not, whoever that would be.
    pub(super) fn wrong_sign_in() -> Self {
        let body = json!({
            "success": false, "errors": ["Invalid login credentials. Please try again."],
        });
        Self { status: StatusCode::UNAUTHORIZED, body, retry_after: None }
    }

    /// A bot may not call that.
    pub(super) fn not_for_bots() -> Self {
        Self::because(StatusCode::UNAUTHORIZED, "Access to this endpoint is not authorized for bots")
    }

    /// The bot belongs to another account.
    pub(super) fn foreign_bot() -> Self {
        Self::because(StatusCode::UNAUTHORIZED, "Bot is not authorized to access this account")
    }

    /// The user belongs to another account.
    pub(super) fn foreign_user() -> Self {
        Self::because(StatusCode::UNAUTHORIZED, "You are not authorized to access this account")
    }

    /// Only administrators may do that.
    pub(super) fn not_authorized() -> Self {
        Self::because(StatusCode::UNAUTHORIZED, "You are not authorized to do this action")
    }

    /// The platform did not make it.
    pub(super) fn not_permissible() -> Self {
        Self::because(StatusCode::UNAUTHORIZED, "Non permissible resource")
    }

    /// The account is closed for the time being.
    pub(super) fn suspended() -> Self {
        Self::because(StatusCode::UNAUTHORIZED, "Account is suspended")
    }

    /// A guest of a contact would change it.
    pub(super) fn guest() -> Self {
        let why = "Changing this contact takes the identifier_hash of its identifier";
        Self::because(StatusCode::FORBIDDEN, why)
    }

    /// The token calls too often.
    pub(super) fn too_many_requests(wait: Duration) -> Self {
        let retry_after = Some(wait.as_secs() + 1);
        Self { retry_after, ..Self::because(StatusCode::TOO_MANY_REQUESTS, "Too many requests") }
    }

    /// There is no such thing, or none that the asker may know of.
    pub(super) fn not_found() -> Self {
        Self::because(StatusCode::NOT_FOUND, "Resource could not be found")
    }

    /// Whatever is said has to be said in another conversation.
    pub(super) fn over() -> Self {
        Self::because(StatusCode::FORBIDDEN, "Conversation is resolved and does not accept new messages")
    }

    /// The body cannot be read.
    pub(super) fn bad_request() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            body: json!({ "status": 400, "error": "Bad Request" }),
            retry_after: None,
        }
    }
}

impl From<FormRefused> for Refused {
    fn from(refused: FormRefused) -> Self {
        match refused {
            FormRefused::Broken => Self::bad_request(),
            FormRefused::TooSlow => Self::because(StatusCode::REQUEST_TIMEOUT, "Request timed out"),
            FormRefused::TooLarge => Self::because(StatusCode::PAYLOAD_TOO_LARGE, "Request entity too large"),
            FormRefused::FileTooLarge => {
                let size = format!("size is too big (maximum is {} MB)", FILE_BYTES >> 20);
                Self::field("attachments", &size)
            }
            FormRefused::TooMany => {
                Self::field("attachments", &format!("number too many (maximum is {ATTACHMENTS_PER_MESSAGE})"))
            }
            FormRefused::Rejected(rejected) => rejected.into(),
        }
    }
}

impl From<Rejected> for Refused {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::NotFound(_) | Rejected::GroupNotFound(_) => Self::not_found(),
            Rejected::NoAccess | Rejected::NotPresent => Self::not_authorized(),
            // What an event calls its text is a message's content here.
            Rejected::Invalid { field, reason } if field == "event.text" => Self::field("content", &reason),
            Rejected::Invalid { field, reason } => Self::field(field.trim_start_matches("event."), &reason),
            Rejected::AllowanceReached => Self::because(
                StatusCode::PAYMENT_REQUIRED,
                "Account limit exceeded. Upgrade to a higher plan",
            ),
            Rejected::CustomerBanned => Self::because(StatusCode::FORBIDDEN, "Contact is blocked"),
            Rejected::StorageFull => Self::because(StatusCode::SERVICE_UNAVAILABLE, "Storage is full"),
            Rejected::Internal | Rejected::NeedsPlacement(_) | Rejected::NeedsEvent(_) => {
                Self::because(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
            Rejected::Blocked(_) => Self::unprocessable("Validation failed: Too many messages"),
            other => Self::unprocessable(other.to_string()),
        }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Rejected(rejected) => rejected.into(),
            Failure::Unauthenticated => Self::invalid_token(),
            Failure::Timeout => Self::because(StatusCode::GATEWAY_TIMEOUT, "Timeout"),
            Failure::LoginFirst | Failure::LoggedIn | Failure::UnknownAction => Self::not_found(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_field_is_named_for_people_and_for_programs() {
        let refused = Refused::from(Rejected::invalid("phone_number", "should be in e164 format"));
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let body =
            json!({ "message": "Phone number should be in e164 format", "attributes": ["phone_number"] });
        assert_eq!(refused.body, body);
    }

    #[test]
    fn what_one_may_not_know_of_does_not_exist() {
        let chat = Rejected::NotFound(switchboard_domain::error::Resource::Chat);
        assert_eq!(Refused::from(chat), Refused::not_found());
    }
}
