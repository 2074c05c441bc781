//! Who is in a chat, and an agent's status (spec v3.0, 5.2 and 5.6).

use switchboard_domain::auth::{Family, Reach, Right};
use switchboard_domain::conversation::command::Command;
use switchboard_domain::id::{AgentId, CustomerId, UserId};
use switchboard_domain::participant::RoutingStatus;

use super::Call;
use crate::engine::dialect::Ask;
use crate::engine::order::{Failure, Order};

/// `add_user_to_chat`. Who may write everywhere may also join: one has to join to write (3.4).
pub(in super::super) fn add_user(call: &Call<'_>) -> Result<Ask, Failure> {
    let may_others = call.scopes().write_meta().is_some();
    call.demand(may_others || is_oneself(call))?;
    let (user, chat) = (user(call)?, call.args.required("chat_id")?);
    call.order(Order::Chat(chat, Command::AddUser(user)))
}

/// `remove_user_from_chat`. Leaving is always allowed.
pub(in super::super) fn remove_user(call: &Call<'_>) -> Result<Ask, Failure> {
    let may_others = call.scopes().write_meta().is_some();
    call.demand(may_others || is_oneself(call))?;
    let (user, chat) = (user(call)?, call.args.required("chat_id")?);
    call.order(Order::Chat(chat, Command::RemoveUser { user, placement: None }))
}

fn is_oneself(call: &Call<'_>) -> bool {
    let named = call.args.optional::<AgentId>("user_id").ok().flatten();
    named.is_some() && named.as_ref() == call.oneself()
}

fn user(call: &Call<'_>) -> Result<UserId, Failure> {
    let is_agent = call.args.required_choice("user_type", &[("agent", true), ("customer", false)])?;
    if is_agent {
        call.args.required::<AgentId>("user_id").map(UserId::Agent)
    } else {
        call.args.required::<CustomerId>("user_id").map(UserId::Customer)
    }
}

/// `update_agent`. With nothing to update it changes nothing.
pub(in super::super) fn update_agent(call: &Call<'_>) -> Result<Ask, Failure> {
    let agent: Option<AgentId> = call.args.optional("agent_id")?;
    let other = agent.filter(|agent| Some(agent) != call.oneself());
    let reach = call.scopes().reach(Family::Agents, Right::Write);
    call.demand(other.is_none() || reach == Some(Reach::All))?;
    let statuses =
        [("accepting_chats", RoutingStatus::Accepting), ("not_accepting_chats", RoutingStatus::NotAccepting)];
    match call.args.choice("routing_status", &statuses)? {
        Some(status) => call.order(Order::SetStatus(other, status)),
        None => call.order(Order::Nothing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::livechat::v3_0::read::testing::{principal, read, refusal};
    use crate::engine::dialect::Side;
    use serde_json::json;
    use switchboard_domain::error::Rejected;

    const CHAT: &str = "CHA0000001";

    #[test]
    fn users_come_and_go_by_kind_and_id() {
        let by = principal(Side::Agent, &["*"]);
        let bob = json!({ "chat_id": CHAT, "user_id": "bob@example.org", "user_type": "agent" });
        let expected = UserId::Agent(AgentId::new("bob@example.org"));
        let added = read(add_user, &by, &bob);
        assert!(matches!(added, Ok(Order::Chat(_, Command::AddUser(user))) if user == expected));
        let removed = read(remove_user, &by, &bob);
        assert!(
            matches!(removed, Ok(Order::Chat(_, Command::RemoveUser { user, placement: None })) if user == expected)
        );
        for (args, expected) in [
            (json!({ "chat_id": CHAT, "user_id": "x" }), "user_type: missing"),
            (
                json!({ "chat_id": CHAT, "user_id": "x", "user_type": "bot" }),
                "user_type: must be one of: agent, customer",
            ),
            (json!({ "chat_id": CHAT, "user_type": "agent" }), "user_id: missing"),
            (json!({ "user_id": "x", "user_type": "agent" }), "chat_id: missing"),
        ] {
            assert_eq!(refusal(read(add_user, &by, &args)), expected);
            assert_eq!(refusal(read(remove_user, &by, &args)), expected);
        }
    }

    #[test]
    fn without_the_scope_one_may_only_move_oneself() {
        let by = principal(Side::Agent, &["chats.conversation--all:rw"]);
        let args = |user: &str| json!({ "chat_id": CHAT, "user_id": user, "user_type": "agent" });
        for method in [add_user, remove_user] {
            assert!(read(method, &by, &args("ann@example.org")).is_ok());
            for other in [args("bob@example.org"), json!({})] {
                assert_eq!(read(method, &by, &other).err(), Some(Rejected::NoAccess.into()));
            }
        }
    }

    #[test]
    fn a_status_is_ones_own_unless_the_scope_reaches_others() {
        let mine = principal(Side::Agent, &["agents--my:rw"]);
        let all = principal(Side::Agent, &["agents--all:rw"]);
        let to = |agent: &str| json!({ "agent_id": agent, "routing_status": "not_accepting_chats" });
        for by in [&mine, &all] {
            let own = read(update_agent, by, &to("ann@example.org"));
            assert!(matches!(own, Ok(Order::SetStatus(None, RoutingStatus::NotAccepting))));
            assert!(matches!(read(update_agent, by, &json!({})), Ok(Order::Nothing)));
        }
        assert_eq!(read(update_agent, &mine, &to("bob@example.org")).err(), Some(Rejected::NoAccess.into()));
        assert!(matches!(read(update_agent, &all, &to("bob@example.org")), Ok(Order::SetStatus(Some(_), _))));
        let odd = json!({ "routing_status": "not accepting chats" });
        assert_eq!(
            refusal(read(update_agent, &mine, &odd)),
            "routing_status: must be one of: accepting_chats, not_accepting_chats"
        );
    }
}
