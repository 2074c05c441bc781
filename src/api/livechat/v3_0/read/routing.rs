//! Handing chats over, and what routing would do (spec v3.0, 5.2, 5.6 and 6).

use switchboard_domain::conversation::command::{Command, TransferTarget};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, ConversationId, GroupId};

use super::Call;
use crate::api::livechat::object::Object;
use crate::engine::dialect::Ask;
use crate::engine::order::{Failure, Order};

/// `transfer_chat`
pub(in super::super) fn transfer_chat(call: &Call<'_>) -> Result<Ask, Failure> {
    let chat: ConversationId = call.args.required("chat_id")?;
    let to = match call.args.optional::<Object<'_>>("target")? {
        None => TransferTarget::Within,
        Some(target) => target_of(&target)?,
    };
    let force = call.args.flag("force")?;
    call.order(Order::Chat(chat, Command::Transfer { to, force, placement: None }))
}

fn target_of(target: &Object<'_>) -> Result<TransferTarget, Failure> {
    if target.required_choice("type", &[("agent", true), ("group", false)])? {
        target.required::<Vec<AgentId>>("ids").map(TransferTarget::Agents)
    } else {
        let ids: Vec<u32> = target.required("ids")?;
        Ok(TransferTarget::Groups(ids.into_iter().map(GroupId).collect()))
    }
}

/// `set_away_status`: of the connection that asks.
pub(in super::super) fn set_away(call: &Call<'_>) -> Result<Ask, Failure> {
    let away = call.args.required("away")?;
    if call.author.is_some() || call.by.is_some_and(|by| by.bot) {
        return Err(Rejected::invalid("author_id", "a bot has no connection that could be away").into());
    }
    call.order(Order::SetAway(away))
}

/// `get_groups_status`
pub(in super::super) fn get_groups_status(call: &Call<'_>) -> Result<Ask, Failure> {
    let all = call.args.flag("all")?;
    let groups = call.args.optional::<Vec<u32>>("groups")?;
    let groups = groups.map(|groups| groups.into_iter().map(GroupId).collect());
    if !all && groups.is_none() {
        return Err(call.args.invalid("groups", "missing: name groups, or ask for all"));
    }
    call.order(Order::GetGroupStatuses(groups.filter(|_| !all)))
}

/// `get_predicted_agent`
pub(in super::super) fn get_predicted_agent(call: &Call<'_>) -> Result<Ask, Failure> {
    call.order(Order::PredictAgent)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test may fail loudly")]

    use super::*;
    use crate::api::livechat::v3_0::read::testing::{principal, read, refusal};
    use crate::engine::dialect::Side;
    use serde_json::{Value, json};

    const CHAT: &str = "CHA0000001";

    fn transferred(args: &Value) -> (TransferTarget, bool) {
        match read(transfer_chat, &principal(Side::Agent, &["*"]), args) {
            Ok(Order::Chat(_, Command::Transfer { to, force, placement: None })) => (to, force),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_transfer_goes_to_agents_to_groups_or_inside_its_groups() {
        let agents = json!({ "chat_id": CHAT, "target": { "type": "agent", "ids": ["bob@example.org"] } });
        let bob = TransferTarget::Agents(vec![AgentId::new("bob@example.org")]);
        assert_eq!(transferred(&agents), (bob, false));
        let groups = json!({ "chat_id": CHAT, "force": true, "target": { "type": "group", "ids": [3, 1] } });
        assert_eq!(transferred(&groups), (TransferTarget::Groups(vec![GroupId(3), GroupId(1)]), true));
        assert_eq!(transferred(&json!({ "chat_id": CHAT })), (TransferTarget::Within, false));
    }

    #[test]
    fn each_refusal_names_its_field() {
        let agent = principal(Side::Agent, &["*"]);
        let target = |target| json!({ "chat_id": CHAT, "target": target });
        for (args, expected) in [
            (json!({}), "chat_id: missing"),
            (json!({ "chat_id": 1 }), "chat_id: must be a string"),
            (target(json!("bob")), "target: must be an object"),
            (target(json!({ "ids": [1] })), "target.type: missing"),
            (target(json!({ "type": "customer", "ids": [] })), "target.type: must be one of: agent, group"),
            (target(json!({ "type": "agent" })), "target.ids: missing"),
            (target(json!({ "type": "agent", "ids": "bob" })), "target.ids: must be a list"),
            (
                target(json!({ "type": "group", "ids": ["sales"] })),
                "target.ids.0: must be a whole number that is not negative",
            ),
            (json!({ "chat_id": CHAT, "force": "yes" }), "force: must be a bool"),
        ] {
            assert_eq!(refusal(read(transfer_chat, &agent, &args)), expected);
        }
        assert_eq!(refusal(read(set_away, &agent, &json!({}))), "away: missing");
        assert_eq!(refusal(read(set_away, &agent, &json!({ "away": 1 }))), "away: must be a bool");
        let customer = principal(Side::Customer, &[]);
        for (args, expected) in [
            (json!({}), "groups: missing: name groups, or ask for all"),
            (json!({ "all": false }), "groups: missing: name groups, or ask for all"),
            (json!({ "all": 1 }), "all: must be a bool"),
            (json!({ "groups": 1 }), "groups: must be a list"),
        ] {
            assert_eq!(refusal(read(get_groups_status, &customer, &args)), expected);
        }
    }

    #[test]
    fn a_status_is_asked_of_some_groups_or_of_all() {
        let customer = principal(Side::Customer, &[]);
        let asked = |args| match read(get_groups_status, &customer, &args) {
            Ok(Order::GetGroupStatuses(groups)) => groups,
            other => panic!("{other:?}"),
        };
        assert_eq!(asked(json!({ "groups": [0, 7] })), Some(vec![GroupId(0), GroupId(7)]));
        assert_eq!(asked(json!({ "all": true, "groups": [1] })), None);
    }

    #[test]
    fn a_bot_is_never_away() {
        let agent = principal(Side::Agent, &["*"]);
        assert!(matches!(read(set_away, &agent, &json!({ "away": true })), Ok(Order::SetAway(true))));
        let bot = switchboard_domain::auth::Principal { bot: true, ..(*agent).clone() };
        assert!(refusal(read(set_away, &bot, &json!({ "away": true }))).starts_with("author_id: "));
    }
}
