//! Webhooks, of bots and of the license, as the Configuration API takes them (spec v3.0, 7.1, 7.2).

use std::borrow::Cow;

use switchboard_domain::auth::{Family, Reach, Right};
use switchboard_domain::participant::license::LicenseChange;
use switchboard_domain::webhook::{
    Additional, AuthorKind, BotWebhooks, EndpointId, Filters, Registration, Subscription,
};

use super::Call;
use super::properties::rules;
use crate::api::livechat::object::Object;
use crate::api::livechat::v3_0::NUMBER;
use crate::api::livechat::v3_0::show::ACTIONS;
use crate::engine::dialect::Ask;
use crate::engine::order::{Failure, Order};

const ADDITIONAL: [(&str, Additional); 3] = [
    ("chat_properties", Additional::ChatProperties),
    ("access", Additional::Access),
    ("thread_id", Additional::ThreadId),
];
/// The filters that there are (7.2 and the seed of the bots).
const FILTERS: [&str; 4] = ["chat_member_ids", "author_type", "only_my_chats", "chat_properties"];

/// `register_webhook`
pub(in super::super) fn register_webhook(call: &Call<'_>) -> Result<Ask, Failure> {
    let args = &call.args;
    let client = call.by.map(|by| by.client.clone()).ok_or(Failure::Unauthenticated)?;
    let random = || u128::from((call.random)());
    let webhook = Registration {
        id: EndpointId::from_random((random() << 64) | random()),
        client,
        url: args.required("url")?,
        subscription: subscription(args, "action")?,
        secret_key: args.required("secret_key")?,
        description: args.optional("description")?,
        dialect: NUMBER,
        former: None,
    };
    call.order(Order::ChangeLicense(LicenseChange::RegisterWebhook(webhook)))
}

/// `get_webhooks_config`: the scope alone says which ones.
pub(in super::super) fn list_webhooks(call: &Call<'_>) -> Result<Ask, Failure> {
    call.order(Order::ListWebhooks { all: reaches_all(call, Right::Read) })
}

/// `unregister_webhook`
pub(in super::super) fn unregister_webhook(call: &Call<'_>) -> Result<Ask, Failure> {
    let id: Cow<'_, str> = call.args.required("webhook_id")?;
    let client = call.by.map(|by| by.client.clone()).ok_or(Failure::Unauthenticated)?;
    let of = if reaches_all(call, Right::Write) { None } else { Some(client) };
    call.order(Order::ChangeLicense(LicenseChange::UnregisterWebhook { id: EndpointId::new(&id), of }))
}

fn reaches_all(call: &Call<'_>, right: Right) -> bool {
    call.scopes().reach(Family::Webhooks, right) == Some(Reach::All)
}

/// The `webhooks` object of a bot.
pub(super) fn of_bot(args: &Object<'_>) -> Result<Option<BotWebhooks>, Failure> {
    let Some(webhooks) = args.optional::<Object<'_>>("webhooks")? else { return Ok(None) };
    let actions: Vec<Object<'_>> = webhooks.required("actions")?;
    Ok(Some(BotWebhooks {
        url: webhooks.required("url")?,
        secret_key: webhooks.required("secret_key")?,
        actions: actions.iter().map(|action| subscription(action, "name")).collect::<Result<_, _>>()?,
        dialect: NUMBER,
        former: None,
        desk: None,
    }))
}

/// An action under its field's name, with what goes along.
fn subscription(given: &Object<'_>, action: &str) -> Result<Subscription, Failure> {
    let filters: Option<Object<'_>> = given.optional("filters")?;
    Ok(Subscription {
        action: given.required_choice(action, &ACTIONS)?,
        filters: filters.map(|given| read_filters(&given)).transpose()?,
        additional: additional(given)?,
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
    use switchboard_domain::id::{AgentId, ClientId};
    use switchboard_domain::webhook::Action;

    fn good() -> Value {
        json!({ "url": "https://bots.example.org/closed", "action": "thread_closed", "secret_key": "s3cr3t" })
    }

    fn registration(args: &Value) -> Registration {
        match read(register_webhook, &principal(Side::Agent, &["*"]), args) {
            Ok(Order::ChangeLicense(LicenseChange::RegisterWebhook(webhook))) => webhook,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_registration_is_read_whole_and_little_is_needed() {
        let least = registration(&good());
        assert_eq!((least.client.as_str(), &*least.url), ("app-7", "https://bots.example.org/closed"));
        assert_eq!((least.description, least.id.as_str().len()), (None, 25));
        let plain = Subscription { action: Action::ThreadClosed, filters: None, additional: None };
        assert_eq!(least.subscription, plain);

        let mut args = good();
        args["description"] = json!("closed threads");
        args["filters"] =
            json!({ "chat_member_ids": { "agents_any": ["ann@example.org"] }, "only_my_chats": true });
        args["additional_data"] = json!(["chat_properties"]);
        let whole = registration(&args);
        assert_eq!(whole.description.as_deref(), Some("closed threads"));
        let filters = whole.subscription.filters.unwrap_or_default();
        assert_eq!(filters.agents_any, Some(vec![AgentId::new("ann@example.org")]));
        assert_eq!(filters.only_my_chats, Some(true));
        assert_eq!(whole.subscription.additional, Some(vec![Additional::ChatProperties]));
    }

    #[test]
    fn each_refusal_names_its_field() {
        let by = principal(Side::Agent, &["*"]);
        let with = |name: &str, value: Value| {
            let mut args = good();
            args[name] = value;
            refusal(read(register_webhook, &by, &args))
        };
        for field in ["url", "action", "secret_key"] {
            assert_eq!(with(field, Value::Null), format!("{field}: missing"));
            assert_eq!(with(field, json!(5)), format!("{field}: must be a string"));
        }
        for (field, value, expected) in [
            ("description", json!(5), "description: must be a string"),
            ("filters", json!([]), "filters: must be an object"),
            ("filters", json!({ "author": "agent" }), "filters.author: no such filter"),
            (
                "filters",
                json!({ "author_type": "bot" }),
                "filters.author_type: must be one of: customer, agent",
            ),
            (
                "filters",
                json!({ "chat_member_ids": { "agents_any": "ann" } }),
                "filters.chat_member_ids.agents_any: must be a list",
            ),
            ("filters", json!({ "only_my_chats": "yes" }), "filters.only_my_chats: must be a bool"),
            ("additional_data", json!("access"), "additional_data: must be a list"),
            (
                "additional_data",
                json!(["all"]),
                "additional_data: must name only: chat_properties, access, thread_id",
            ),
        ] {
            assert_eq!(with(field, value), expected);
        }
        let unknown = with("action", json!("chat_transferred"));
        assert!(unknown.starts_with("action: must be one of: incoming_chat_thread,"), "{unknown}");
        assert_eq!(refusal(read(unregister_webhook, &by, &json!({}))), "webhook_id: missing");
        let wrong = json!({ "webhook_id": 5 });
        assert_eq!(refusal(read(unregister_webhook, &by, &wrong)), "webhook_id: must be a string");
    }

    #[test]
    fn the_scope_says_whose_webhooks_are_reached() {
        for (scope, reads_all, removes_all) in [
            ("webhooks--my:ro", false, false),
            ("webhooks--my:rw", false, false),
            ("webhooks--all:ro", true, false),
            ("webhooks--all:rw", true, true),
        ] {
            let by = principal(Side::Agent, &[scope]);
            let Ok(Order::ListWebhooks { all }) = read(list_webhooks, &by, &json!({})) else { panic!() };
            assert_eq!(all, reads_all, "{scope}");
            let id = json!({ "webhook_id": "w" });
            let Ok(Order::ChangeLicense(LicenseChange::UnregisterWebhook { of, .. })) =
                read(unregister_webhook, &by, &id)
            else {
                panic!()
            };
            assert_eq!(of, (!removes_all).then(|| ClientId::new("app-7")), "{scope}");
        }
    }
}
