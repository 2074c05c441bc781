//! Access of chats and customers (spec v3.0, 5.2).

use switchboard_domain::conversation::access::{Access, AccessChange};
use switchboard_domain::conversation::command::Command;
use switchboard_domain::id::GroupId;

use super::Call;
use crate::api::livechat::object::Object;
use crate::engine::dialect::Ask;
use crate::engine::order::{Failure, Order};

/// `grant_access`
pub(in super::super) fn grant_access(call: &Call<'_>) -> Result<Ask, Failure> {
    change(call, AccessChange::Granted)
}

/// `revoke_access`
pub(in super::super) fn revoke_access(call: &Call<'_>) -> Result<Ask, Failure> {
    change(call, AccessChange::Revoked)
}

/// `set_access`
pub(in super::super) fn set_access(call: &Call<'_>) -> Result<Ask, Failure> {
    change(call, AccessChange::Set)
}

fn change(call: &Call<'_>, change: fn(Access) -> AccessChange) -> Result<Ask, Failure> {
    let args = &call.args;
    let of_chat = args.required_choice("resource", &[("chat", true), ("customer", false)])?;
    args.name_ids(&["id"])?;
    let access: Object<'_> = args.required("access")?;
    let named = if access.required_choice("type", &[("group", true), ("agent", false)])? {
        Access::of(access.required("id").map(GroupId)?)
    } else {
        Access::of_agent(access.required("id")?)
    };
    call.order(if of_chat {
        Order::Chat(args.required("id")?, Command::ChangeAccess(change(named)))
    } else {
        Order::ChangeCustomerAccess(args.required("id")?, change(named))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::livechat::v3_0::read::testing::{Reader, principal, read, refusal};
    use crate::engine::dialect::Side;
    use serde_json::json;
    use switchboard_domain::id::AgentId;

    const METHODS: [Reader; 3] = [grant_access, revoke_access, set_access];

    #[test]
    fn a_group_is_given_access_loses_it_or_has_it_alone() {
        let by = principal(Side::Agent, &["*"]);
        let args = json!({ "resource": "chat", "id": "CHA0000001", "access": { "type": "group", "id": 3 } });
        let three = || Access::of(GroupId(3));
        let changes =
            [AccessChange::Granted(three()), AccessChange::Revoked(three()), AccessChange::Set(three())];
        for (method, change) in METHODS.into_iter().zip(changes) {
            let order = read(method, &by, &args);
            assert!(matches!(order, Ok(Order::Chat(_, command)) if command == Command::ChangeAccess(change)));
        }
        let agent = json!({ "type": "agent", "id": "bob@example.org" });
        let args = json!({ "resource": "chat", "id": "CHA0000001", "access": agent });
        let granted = AccessChange::Granted(Access::of_agent(AgentId::new("bob@example.org")));
        let order = read(grant_access, &by, &args);
        assert!(matches!(order, Ok(Order::Chat(_, command)) if command == Command::ChangeAccess(granted)));
    }

    #[test]
    fn a_customer_has_an_access_too() {
        let by = principal(Side::Agent, &["*"]);
        let id = "3f2a6c1e-5b7d-4e8f-9a01-b2c3d4e5f607";
        let args = json!({ "resource": "customer", "id": id, "access": { "type": "group", "id": 3 } });
        let set = AccessChange::Set(Access::of(GroupId(3)));
        let order = read(set_access, &by, &args);
        assert!(matches!(order, Ok(Order::ChangeCustomerAccess(customer, change))
            if customer.to_string() == id && change == set));
    }

    #[test]
    fn each_refusal_names_its_field() {
        let by = principal(Side::Agent, &["*"]);
        let group = json!({ "type": "group", "id": 3 });
        for (args, expected) in [
            (json!({ "id": "CHA0000001", "access": group }), "resource: missing"),
            (
                json!({ "resource": "house", "id": "x", "access": group }),
                "resource: must be one of: chat, customer",
            ),
            (json!({ "resource": "chat", "access": group }), "id: missing"),
            (json!({ "resource": "chat", "id": 3, "access": group }), "id: must be a string"),
            (json!({ "resource": "chat", "id": "CHA0000001" }), "access: missing"),
            (json!({ "resource": "chat", "id": "CHA0000001", "access": {} }), "access.type: missing"),
            (
                json!({ "resource": "chat", "id": "x", "access": { "type": "house", "id": 3 } }),
                "access.type: must be one of: group, agent",
            ),
            (
                json!({ "resource": "chat", "id": "CHA0000001", "access": { "type": "agent", "id": 3 } }),
                "access.id: must be a string",
            ),
            (
                json!({ "resource": "chat", "id": "CHA0000001", "access": { "type": "group" } }),
                "access.id: missing",
            ),
            (
                json!({ "resource": "chat", "id": "CHA0000001", "access": { "type": "group", "id": "3" } }),
                "access.id: must be a whole number that is not negative",
            ),
        ] {
            for method in METHODS {
                assert_eq!(refusal(read(method, &by, &args)), expected);
            }
        }
    }
}
