//! The application API: what agents, administrators and bots of an account ask. Source: spec, section 2.

pub(super) mod agent_bots;
pub(super) mod agents;
mod contacts;
pub(super) mod conversations;
mod filter;
mod inboxes;
mod interactive;
mod labels;
pub(super) mod messages;
mod participants;
pub(super) mod profile;
mod teams;
mod webhooks;

use http::Method;
use serde_json::json;

pub(super) use agent_bots::{BotFields, made_bot};
pub(super) use interactive::check as check_interactive;

use super::call::{Answered, Call, json};
use super::refusal::Refused;

/// May a bot call this?
pub(super) fn is_for_bots(method: &Method, path: &[&str]) -> bool {
    match path {
        ["conversations"] => method == Method::POST,
        ["conversations", id] if *id != "meta" && *id != "filter" => {
            [Method::GET, Method::PATCH, Method::PUT].contains(method)
        }
        ["conversations", _, "labels"] => [Method::GET, Method::POST].contains(method),
        ["conversations", _, action] => {
            let actions = [
                "toggle_status",
                "toggle_typing_status",
                "toggle_priority",
                "custom_attributes",
                "messages",
                "assignments",
            ];
            method == Method::POST && actions.contains(action)
        }
        _ => false,
    }
}

/// Answers a call about an account.
pub(super) async fn answer(call: &Call<'_>, path: &[&str]) -> Answered {
    match path {
        [] if call.method == Method::GET => account(call),
        ["agent_bots", rest @ ..] => agent_bots::answer(call, rest).await,
        ["inboxes", rest @ ..] => inboxes::answer(call, rest).await,
        ["inbox_members", rest @ ..] => inboxes::members(call, rest).await,
        ["conversations", rest @ ..] => conversations::answer(call, rest).await,
        ["messages", message] => messages::by_number(call, message).await,
        ["actions", "contact_merge"] if call.method == Method::POST => contacts::merge(call).await,
        ["contacts", rest @ ..] => contacts::answer(call, rest).await,
        ["teams", rest @ ..] => teams::answer(call, rest).await,
        ["agents", rest @ ..] => agents::answer(call, rest).await,
        ["webhooks", rest @ ..] => webhooks::answer(call, rest).await,
        _ => Err(Refused::not_found()),
    }
}

fn account(call: &Call<'_>) -> Answered {
    let desk = &call.license.desk;
    json(json!({
        "id": desk.account, "name": desk.name, "locale": "en", "status": "active", "domain": null,
        "support_email": null, "features": {}, "custom_attributes": {},
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bots_may_call_what_the_list_names_and_nothing_else() {
        for (method, path) in [
            (Method::GET, "conversations/1"),
            (Method::PATCH, "conversations/1"),
            (Method::POST, "conversations"),
            (Method::POST, "conversations/1/messages"),
            (Method::POST, "conversations/1/toggle_status"),
            (Method::POST, "conversations/1/toggle_typing_status"),
            (Method::POST, "conversations/1/toggle_priority"),
            (Method::POST, "conversations/1/custom_attributes"),
            (Method::POST, "conversations/1/assignments"),
            (Method::GET, "conversations/1/labels"),
            (Method::POST, "conversations/1/labels"),
        ] {
            assert!(is_for_bots(&method, &path.split('/').collect::<Vec<_>>()), "{method} {path}");
        }
        for (method, path) in [
            (Method::GET, "conversations"),
            (Method::GET, "conversations/meta"),
            (Method::POST, "conversations/filter"),
            (Method::GET, "conversations/1/messages"),
            (Method::GET, "conversations/1/participants"),
            (Method::POST, "conversations/1/participants"),
            (Method::DELETE, "conversations/1/messages/2"),
            (Method::PATCH, "messages/2"),
            (Method::DELETE, "messages/2"),
            (Method::GET, "contacts"),
            (Method::POST, "actions/contact_merge"),
            (Method::GET, "teams"),
            (Method::GET, "agents"),
            (Method::GET, "inboxes"),
            (Method::GET, "agent_bots"),
            (Method::POST, "webhooks"),
        ] {
            assert!(!is_for_bots(&method, &path.split('/').collect::<Vec<_>>()), "{method} {path}");
        }
    }
}
