//! Which failure is which error type in v3.0 (section 2). What a caller may not know of is worded
//! exactly like what does not exist: the words never hold an id of ours.

use switchboard_domain::error::{Rejected, Resource};

use crate::api::livechat::error::WireError;
use crate::engine::dialect::Side;
use crate::engine::order::Failure;

/// Words a failure for a side.
pub(in crate::api::livechat) fn word(side: Side, failure: &Failure) -> WireError {
    match failure {
        Failure::Unauthenticated => WireError::new("authentication", "Authentication error"),
        Failure::LoginFirst => WireError::new("authentication", "Authentication error: log in first"),
        Failure::LoggedIn => WireError::validation("The connection is logged in already"),
        Failure::UnknownAction => WireError::validation("Unknown action"),
        Failure::Timeout => WireError::new("request_timeout", "Request timed out"),
        Failure::Rejected(rejected) => word_rejected(side, rejected),
    }
}

fn word_rejected(side: Side, rejected: &Rejected) -> WireError {
    match rejected {
        Rejected::NotFound(resource) => WireError::validation(not_found(*resource)),
        // Presence is part of what the request demands of the requester's access.
        Rejected::NoAccess | Rejected::NotPresent => WireError::new("authorization", "Authorization error"),
        Rejected::Invalid { field, reason } => WireError::validation(format!("{field}: {reason}")),
        Rejected::Inactive => WireError::validation("The chat has no active thread"),
        Rejected::AlreadyActive => WireError::validation("The chat has an active thread already"),
        Rejected::CustomerFixed => WireError::validation("The customer of a chat cannot be changed"),
        Rejected::NobodyFree => WireError::validation("No agent of the target can take the chat now"),
        Rejected::ChatLimit => WireError::validation("The customer has reached the number of chats"),
        Rejected::AllowanceReached => WireError::validation("The license has as many as it is allowed"),
        Rejected::TooManyConnections => WireError::validation("Too many connections of this user"),
        Rejected::Blocked(_) => WireError::validation("Too many attempts: temporarily blocked"),
        Rejected::GroupOffline => for_customers(side, "group_offline", "Group offline"),
        Rejected::GroupUnavailable => for_customers(side, "group_unavailable", "Group unavailable"),
        Rejected::GroupNotFound(group) => match side {
            Side::Customer => WireError::new("group_not_found", "Group not found"),
            Side::Agent => WireError::validation(format!("Group {group} not found")),
        },
        Rejected::CustomerBanned => for_customers(side, "customer_banned", "Customer is banned"),
        Rejected::RequesterOffline => match side {
            Side::Agent => WireError::new("requester_already_offline", "Requester is already offline"),
            Side::Customer => WireError::validation("Requester is already offline"),
        },
        Rejected::StorageFull => WireError::new("internal", "Internal server error: storage is full"),
        Rejected::NeedsPlacement(_) | Rejected::NeedsEvent(_) | Rejected::Internal => {
            WireError::new("internal", "Internal server error")
        }
    }
}

/// A type that only the Customer API knows.
fn for_customers(side: Side, kind: &'static str, message: &'static str) -> WireError {
    match side {
        Side::Customer => WireError::new(kind, message),
        Side::Agent => WireError::validation(message),
    }
}

const fn not_found(resource: Resource) -> &'static str {
    match resource {
        Resource::Chat => "Chat not found",
        Resource::Thread => "Thread not found",
        Resource::Event => "Event not found",
        Resource::User => "User not found",
        Resource::Bot => "Bot agent not found",
        Resource::Webhook => "Webhook not found",
        Resource::Inbox | Resource::Team => "Group not found",
        Resource::License => "License not found",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_domain::id::GroupId;

    #[test]
    fn every_failure_has_its_type_and_status_on_each_side() {
        let rejected = |r| Failure::Rejected(r);
        let cases = [
            (Failure::Unauthenticated, ("authentication", 401), ("authentication", 401)),
            (Failure::LoginFirst, ("authentication", 401), ("authentication", 401)),
            (Failure::LoggedIn, ("validation", 400), ("validation", 400)),
            (Failure::UnknownAction, ("validation", 400), ("validation", 400)),
            (Failure::Timeout, ("request_timeout", 408), ("request_timeout", 408)),
            (rejected(Rejected::NotFound(Resource::Chat)), ("validation", 400), ("validation", 400)),
            (rejected(Rejected::NoAccess), ("authorization", 403), ("authorization", 403)),
            (rejected(Rejected::NotPresent), ("authorization", 403), ("authorization", 403)),
            (rejected(Rejected::Inactive), ("validation", 400), ("validation", 400)),
            (rejected(Rejected::NobodyFree), ("validation", 400), ("validation", 400)),
            (rejected(Rejected::ChatLimit), ("validation", 400), ("validation", 400)),
            (rejected(Rejected::AllowanceReached), ("validation", 400), ("validation", 400)),
            (rejected(Rejected::GroupOffline), ("validation", 400), ("group_offline", 503)),
            (rejected(Rejected::GroupUnavailable), ("validation", 400), ("group_unavailable", 503)),
            (rejected(Rejected::GroupNotFound(GroupId(9))), ("validation", 400), ("group_not_found", 404)),
            (rejected(Rejected::CustomerBanned), ("validation", 400), ("customer_banned", 403)),
            (rejected(Rejected::RequesterOffline), ("requester_already_offline", 400), ("validation", 400)),
            (rejected(Rejected::StorageFull), ("internal", 500), ("internal", 500)),
            (rejected(Rejected::Internal), ("internal", 500), ("internal", 500)),
        ];
        for (failure, agent, customer) in cases {
            for (side, expected) in [(Side::Agent, agent), (Side::Customer, customer)] {
                let error = word(side, &failure);
                assert_eq!((error.kind, error.status()), expected, "{failure:?} on {side:?}");
            }
        }
    }

    #[test]
    fn a_wrong_field_is_named() {
        let error = word(Side::Agent, &Rejected::invalid("event.type", "missing").into());
        assert_eq!(error.body(), r#"{"error":{"type":"validation","message":"event.type: missing"}}"#);
    }
}
