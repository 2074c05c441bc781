//! Bots as the Configuration API takes them (spec v3.0, 7.1).

use std::borrow::Cow;

use switchboard_domain::auth::{Family, Reach, Right};
use switchboard_domain::id::{AgentId, GroupId};
use switchboard_domain::limits::{DEFAULT_MAX_CHATS, MAX_CHATS_COUNT};
use switchboard_domain::participant::bot::BotChange;
use switchboard_domain::participant::{Duty, RoutingStatus};
use switchboard_domain::routing::Priority;
use switchboard_domain::webhook::{Additional, AuthorKind, BotWebhooks, Filters, Subscription};

use super::Call;
use super::properties::rules;
use crate::api::livechat::object::Object;
use crate::api::livechat::v3_0::NUMBER;
use crate::api::livechat::v3_0::show::ACTIONS;
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
const ADDITIONAL: [(&str, Additional); 3] = [
    ("chat_properties", Additional::ChatProperties),
    ("access", Additional::Access),
    ("thread_id", Additional::ThreadId),
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
        webhooks: webhooks(args)?,
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
        webhooks: webhooks(args)?,
        token: call.by.map(|by| by.token),
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

fn webhooks(args: &Object<'_>) -> Result<Option<BotWebhooks>, Failure> {
    let Some(webhooks) = args.optional::<Object<'_>>("webhooks")? else { return Ok(None) };
    let actions: Vec<Object<'_>> = webhooks.required("actions")?;
    Ok(Some(BotWebhooks {
        url: webhooks.required("url")?,
        secret_key: webhooks.required("secret_key")?,
        actions: actions.iter().map(subscription).collect::<Result<_, _>>()?,
        dialect: NUMBER,
    }))
}

fn subscription(action: &Object<'_>) -> Result<Subscription, Failure> {
    let filters: Option<Object<'_>> = action.optional("filters")?;
    Ok(Subscription {
        action: action.required_choice("name", &ACTIONS)?,
        filters: filters.map(|given| read_filters(&given)).transpose()?,
        additional: additional(action)?,
    })
}

fn additional(action: &Object<'_>) -> Result<Option<Vec<Additional>>, Failure> {
    let Some(names) = action.optional::<Vec<Cow<'_, str>>>("additional_data")? else { return Ok(None) };
    let known =
        |name: &Cow<'_, str>| ADDITIONAL.iter().find(|(known, _)| **known == **name).map(|(_, value)| *value);
    let wanted: Option<Vec<_>> = names.iter().map(known).collect();
    match wanted {
        Some(wanted) => Ok(Some(wanted)),
        None => Err(action.invalid("additional_data", "must name only: chat_properties, access, thread_id")),
    }
}

/// The filters that there are (7.2 and the seed of the bots).
const FILTERS: [&str; 4] = ["chat_member_ids", "author_type", "only_my_chats", "chat_properties"];

fn read_filters(filters: &Object<'_>) -> Result<Filters, Failure> {
    // One that is not known would silently match everything.
    if let Some((unknown, _)) = filters.entries().find(|(name, _)| !FILTERS.contains(name)) {
        return Err(filters.invalid(unknown, "no such filter"));
    }
    let members: Object<'_> = filters.optional("chat_member_ids")?.unwrap_or_default();
    let properties: Object<'_> = filters.optional("chat_properties")?.unwrap_or_default();
    let authors = [("customer", AuthorKind::Customer), ("agent", AuthorKind::Agent)];
    Ok(Filters {
        agents_any: members.optional("agents_any")?,
        agents_exclude: members.optional("agents_exclude")?,
        author: filters.choice("author_type", &authors)?,
        only_my_chats: filters.optional("only_my_chats")?,
        properties: rules(&properties)?,
    })
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
