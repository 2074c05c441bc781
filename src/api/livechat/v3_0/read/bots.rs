//! Bots as the Configuration API takes them (spec v3.0, 7.1).

use switchboard_domain::auth::{Family, Reach, Right};
use switchboard_domain::id::{AgentId, GroupId};
use switchboard_domain::limits::{DEFAULT_MAX_CHATS, MAX_CHATS_COUNT};
use switchboard_domain::participant::bot::BotChange;
use switchboard_domain::participant::{Duty, RoutingStatus};
use switchboard_domain::routing::Priority;

use super::Call;
use super::webhooks::of_bot;
use crate::api::livechat::object::Object;
use crate::engine::dialect::Ask;
use crate::engine::order::{Failure, NewBot, Order};

/// With blanks here; the Agent API writes them with underscores.
const STATUSES: [(&str, RoutingStatus); 3] = [
    ("accepting chats", RoutingStatus::Accepting),
    ("not accepting chats", RoutingStatus::NotAccepting),
    ("offline", RoutingStatus::Offline),
];
const PRIORITIES: [(&str, Priority); 4] = [
    ("first", Priority::First),
    ("normal", Priority::Normal),
    ("last", Priority::Last),
    ("supervisor", Priority::Supervisor),
];

/// `create_bot_agent`
pub(in super::super) fn create_bot(call: &Call<'_>) -> Result<Ask, Failure> {
    let args = &call.args;
    call.order(Order::CreateBot(NewBot {
        name: args.required("name")?,
        avatar: args.optional("avatar")?,
        duty: Duty {
            status: args.required_choice("status", &STATUSES)?,
            groups: groups(args)?.unwrap_or_default(),
            default_priority: args.choice("default_group_priority", &PRIORITIES)?.unwrap_or_default(),
            max_chats: max_chats(args)?.unwrap_or(DEFAULT_MAX_CHATS),
        },
        webhooks: of_bot(args)?,
        desk: None,
        id: None,
        number: None,
    }))
}

/// `update_bot_agent`: here, and only here, the bot is called `id`.
pub(in super::super) fn update_bot(call: &Call<'_>) -> Result<Ask, Failure> {
    let args = &call.args;
    let change = BotChange {
        name: args.optional("name")?,
        avatar: args.optional("avatar")?,
        status: args.choice("status", &STATUSES)?,
        max_chats: max_chats(args)?,
        default_priority: args.choice("default_group_priority", &PRIORITIES)?,
        groups: groups(args)?,
        webhooks: of_bot(args)?,
        token: call.by.map(|by| by.token),
        place: None,
        desk: None,
        deaf: false,
    };
    call.order(Order::UpdateBot(args.required("id")?, change))
}

/// `remove_bot_agent`
pub(in super::super) fn remove_bot(call: &Call<'_>) -> Result<Ask, Failure> {
    let any = call.scopes().reach(Family::Bots, Right::Write) == Some(Reach::All);
    call.order(Order::RemoveBot { bot: bot_id(call)?, any })
}

/// `get_bot_agents`
pub(in super::super) fn list_bots(call: &Call<'_>) -> Result<Ask, Failure> {
    let all = call.args.flag("all")?;
    call.demand(!all || call.scopes().reach(Family::Bots, Right::Read) == Some(Reach::All))?;
    call.order(Order::ListBots { all })
}

/// `get_bot_agent_details`
pub(in super::super) fn get_bot(call: &Call<'_>) -> Result<Ask, Failure> {
    let any = call.scopes().reach(Family::Bots, Right::Read) == Some(Reach::All);
    call.order(Order::GetBot { bot: bot_id(call)?, any })
}

fn bot_id(call: &Call<'_>) -> Result<AgentId, Failure> {
    call.args.required("bot_agent_id")
}

fn max_chats(args: &Object<'_>) -> Result<Option<u32>, Failure> {
    match args.optional::<u32>("max_chats_count")? {
        Some(count) if count > MAX_CHATS_COUNT => {
            Err(args.invalid("max_chats_count", format!("must be at most {MAX_CHATS_COUNT}")))
        }
        count => Ok(count),
    }
}

fn groups(args: &Object<'_>) -> Result<Option<Vec<(GroupId, Priority)>>, Failure> {
    let Some(groups) = args.optional::<Vec<Object<'_>>>("groups")? else { return Ok(None) };
    let entry = |group: &Object<'_>| {
        Ok((GroupId(group.required("id")?), group.required_choice("priority", &PRIORITIES)?))
    };
    groups.iter().map(entry).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test may fail loudly")]

    use super::*;
    use crate::api::livechat::v3_0::read::testing::{principal, read, refusal};
    use crate::engine::dialect::Side;
    use serde_json::{Value, json};
    use switchboard_domain::error::Rejected;

    fn create(args: &Value) -> Result<Order, Failure> {
        read(create_bot, &principal(Side::Agent, &["*"]), args)
    }

    #[test]
    fn little_is_needed_and_the_rest_has_defaults() {
        let Ok(Order::CreateBot(bot)) = create(&json!({ "name": "Bot", "status": "not accepting chats" }))
        else {
            panic!()
        };
        assert_eq!(bot.duty, Duty { status: RoutingStatus::NotAccepting, ..Duty::default() });
        assert_eq!((bot.avatar, bot.webhooks), (None, None));
        let by = principal(Side::Agent, &["*"]);
        let Ok(Order::UpdateBot(id, change)) =
            read(update_bot, &by, &json!({ "id": "b", "status": "offline" }))
        else {
            panic!()
        };
        assert_eq!(id, AgentId::new("b"));
        let expected =
            BotChange { status: Some(RoutingStatus::Offline), token: Some([7; 32]), ..BotChange::default() };
        assert_eq!(change, expected, "what is not given stays");
    }

    #[test]
    fn each_refusal_names_its_field() {
        let with = |more: Value| {
            let mut args = json!({ "name": "Bot", "status": "offline" });
            for (key, value) in more.as_object().into_iter().flatten() {
                args[key] = value.clone();
            }
            args
        };
        let hook = |action: Value| {
            with(json!({ "webhooks": { "url": "http://x.example", "secret_key": "s", "actions": [action] } }))
        };
        for (args, expected) in [
            (json!({ "status": "offline" }), "name: missing"),
            (json!({ "name": "x" }), "status: missing"),
            (
                with(json!({ "status": "accepting_chats" })),
                "status: must be one of: accepting chats, not accepting chats, offline",
            ),
            (
                with(json!({ "max_chats_count": -1 })),
                "max_chats_count: must be a whole number that is not negative",
            ),
            (
                with(json!({ "max_chats_count": 1.5 })),
                "max_chats_count: must be a whole number that is not negative",
            ),
            (
                with(json!({ "max_chats_count": 2_147_483_648_u64 })),
                "max_chats_count: must be at most 2147483647",
            ),
            (with(json!({ "groups": [{ "id": 1 }] })), "groups.0.priority: missing"),
            (with(json!({ "groups": [{ "priority": "first" }] })), "groups.0.id: missing"),
            (
                with(json!({ "groups": [{ "id": 1, "priority": "best" }] })),
                "groups.0.priority: must be one of: first, normal, last, supervisor",
            ),
            (with(json!({ "webhooks": { "url": "x", "secret_key": "s" } })), "webhooks.actions: missing"),
            (with(json!({ "webhooks": { "secret_key": "s", "actions": [] } })), "webhooks.url: missing"),
            (with(json!({ "webhooks": { "url": "x", "actions": [] } })), "webhooks.secret_key: missing"),
            (hook(json!({})), "webhooks.actions.0.name: missing"),
            (
                hook(json!({ "name": "incoming_event", "additional_data": ["all"] })),
                "webhooks.actions.0.additional_data: must name only: chat_properties, access, thread_id",
            ),
            (
                hook(json!({ "name": "incoming_event", "filters": { "author_type": "bot" } })),
                "webhooks.actions.0.filters.author_type: must be one of: customer, agent",
            ),
            (
                hook(
                    json!({ "name": "incoming_event", "filters": { "chat_properties": { "a": { "b": { "values": 1 } } } } }),
                ),
                "webhooks.actions.0.filters.chat_properties.a.b.values: must be a list",
            ),
        ] {
            assert_eq!(refusal(create(&args)), expected, "{args}");
        }
        let unknown = refusal(create(&hook(json!({ "name": "chat_transferred" }))));
        assert!(
            unknown.starts_with("webhooks.actions.0.name: must be one of: incoming_chat_thread,"),
            "{unknown}"
        );
        let by = principal(Side::Agent, &["*"]);
        assert_eq!(refusal(read(update_bot, &by, &json!({}))), "id: missing");
        assert_eq!(refusal(read(remove_bot, &by, &json!({}))), "bot_agent_id: missing");
        assert_eq!(refusal(read(get_bot, &by, &json!({}))), "bot_agent_id: missing");
        assert_eq!(refusal(read(list_bots, &by, &json!({ "all": 1 }))), "all: must be a bool");
    }

    #[test]
    fn reaching_bots_of_others_takes_the_scope() {
        let mine = principal(Side::Agent, &["agents-bot--my:rw"]);
        let all = principal(Side::Agent, &["agents-bot--all:rw"]);
        let bot = json!({ "bot_agent_id": "b" });
        for (by, any) in [(&mine, false), (&all, true)] {
            assert!(
                matches!(read(remove_bot, by, &bot), Ok(Order::RemoveBot { any: reached, .. }) if reached == any)
            );
            assert!(
                matches!(read(get_bot, by, &bot), Ok(Order::GetBot { any: reached, .. }) if reached == any)
            );
            assert!(matches!(read(list_bots, by, &json!({})), Ok(Order::ListBots { all: false })));
        }
        assert!(matches!(read(list_bots, &all, &json!({ "all": true })), Ok(Order::ListBots { all: true })));
        assert_eq!(read(list_bots, &mine, &json!({ "all": true })).err(), Some(Rejected::NoAccess.into()));
    }
}
