//! What has a row but is not served. The drivers ask for all of it, so nothing can stay here that is served.

use super::table::Api;

use Api::{Agent, Customer};

const RARE: &str = "the rarer rest of the API";

/// Every method that is not served, with the reason.
pub(crate) const METHODS: &[(Api, &str, &str)] = &[
    (Agent, "get_filtered_chats", RARE),
    (Agent, "change_push_notifications", RARE),
    (Customer, "check_goals", RARE),
];

/// Methods that are served, but that the drivers do not call yet. A method that has just become served may wait
/// here until its row holds; at the end of the day the list is empty.
pub(crate) const NOT_DRIVEN: &[(Api, &str)] = &[
    // Forms with files: the scenarios of `files.rs` drive them.
    (Agent, "send_file"),
    (Agent, "upload_file"),
    (Agent, "upload_image"),
    (Customer, "send_file"),
    (Customer, "upload_file"),
];

/// Whether a method is served and driven.
pub(crate) fn driven(api: Api, name: &str) -> bool {
    served(api, name) && !NOT_DRIVEN.contains(&(api, name))
}

/// Whether a method is served.
pub(crate) fn served(api: Api, name: &str) -> bool {
    !METHODS.iter().any(|(of, method, _)| *of == api && *method == name)
}

/// Pushes to agents that no method causes and that are not served.
pub(crate) const AGENT_PUSHES: &[&str] = &[];

/// The same to customers.
pub(crate) const CUSTOMER_PUSHES: &[&str] = &[];

/// The same of webhooks.
pub(crate) const ACTIONS: &[&str] = &[];
