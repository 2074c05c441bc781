//! Webhooks as the Configuration API shows them: as they were given (spec v3.0, 7.1, 7.2).

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use switchboard_domain::webhook::{
    Action, Additional, AuthorKind, BotWebhooks, Filters, PropertyFilter, PropertyRule, Registration,
    Subscription,
};

use super::properties::ValueOut;

/// Every action a webhook can have, by its name here (9.2).
pub(in super::super) const ACTIONS: [(&str, Action); 22] = [
    ("incoming_chat_thread", Action::ChatStarted),
    ("thread_closed", Action::ThreadClosed),
    ("chat_user_added", Action::MemberAdded),
    ("chat_user_removed", Action::MemberRemoved),
    ("incoming_event", Action::EventPosted),
    ("incoming_rich_message_postback", Action::PostbackSent),
    ("chat_properties_updated", Action::ChatPropertiesUpdated),
    ("chat_properties_deleted", Action::ChatPropertiesDeleted),
    ("chat_thread_properties_updated", Action::ThreadPropertiesUpdated),
    ("chat_thread_properties_deleted", Action::ThreadPropertiesDeleted),
    ("chat_thread_tagged", Action::ThreadTagged),
    ("chat_thread_untagged", Action::ThreadUntagged),
    ("last_seen_timestamp_updated", Action::SeenUpTo),
    ("agent_status_changed", Action::AgentStatusChanged),
    ("agent_deleted", Action::AgentDeleted),
    ("access_granted", Action::AccessGranted),
    ("access_revoked", Action::AccessRevoked),
    ("access_set", Action::AccessSet),
    ("event_updated", Action::EventUpdated),
    ("event_properties_updated", Action::EventPropertiesUpdated),
    ("event_properties_deleted", Action::EventPropertiesDeleted),
    ("customer_created", Action::CustomerCreated),
];

/// The name of an action.
pub(super) fn action_name(action: Action) -> &'static str {
    ACTIONS.iter().find(|(_, known)| *known == action).map_or("", |(name, _)| name)
}

/// A webhook of the license. What was never given is left out.
#[derive(Serialize)]
pub(super) struct RegistrationOut<'a> {
    webhook_id: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    action: &'static str,
    secret_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    filters: Option<FiltersOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_data: Option<Vec<&'static str>>,
    owner_client_id: &'a str,
}

impl<'a> From<&'a Registration> for RegistrationOut<'a> {
    fn from(webhook: &'a Registration) -> Self {
        let ActionOut { name, filters, additional_data } = ActionOut::from(&webhook.subscription);
        Self {
            webhook_id: webhook.id.as_str(),
            url: &webhook.url,
            description: webhook.description.as_deref(),
            action: name,
            secret_key: &webhook.secret_key,
            filters,
            additional_data,
            owner_client_id: webhook.client.as_str(),
        }
    }
}

/// The webhooks of a bot.
#[derive(Serialize)]
pub(super) struct WebhooksOut<'a> {
    url: &'a str,
    secret_key: &'a str,
    actions: Vec<ActionOut<'a>>,
}

#[derive(Serialize)]
struct ActionOut<'a> {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    filters: Option<FiltersOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_data: Option<Vec<&'static str>>,
}

impl<'a> From<&'a BotWebhooks> for WebhooksOut<'a> {
    fn from(webhooks: &'a BotWebhooks) -> Self {
        Self {
            url: &webhooks.url,
            secret_key: &webhooks.secret_key,
            actions: webhooks.actions.iter().map(ActionOut::from).collect(),
        }
    }
}

impl<'a> From<&'a Subscription> for ActionOut<'a> {
    fn from(subscription: &'a Subscription) -> Self {
        let names = |wanted: &Vec<Additional>| wanted.iter().copied().map(additional_name).collect();
        Self {
            name: action_name(subscription.action),
            filters: subscription.filters.as_ref().map(FiltersOut),
            additional_data: subscription.additional.as_ref().map(names),
        }
    }
}

/// The name of what can be sent beside the thing itself.
pub(super) const fn additional_name(additional: Additional) -> &'static str {
    match additional {
        Additional::ChatProperties => "chat_properties",
        Additional::Access => "access",
        Additional::ThreadId => "thread_id",
    }
}

struct FiltersOut<'a>(&'a Filters);

impl Serialize for FiltersOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let filters = self.0;
        let mut map = serializer.serialize_map(None)?;
        let members = [("agents_any", &filters.agents_any), ("agents_exclude", &filters.agents_exclude)];
        let members: BTreeMap<&str, Vec<&str>> = members
            .into_iter()
            .filter_map(|(name, ids)| Some((name, ids.as_ref()?.iter().map(|id| id.as_str()).collect())))
            .collect();
        if !members.is_empty() {
            map.serialize_entry("chat_member_ids", &members)?;
        }
        if let Some(author) = filters.author {
            let kind = match author {
                AuthorKind::Customer => "customer",
                AuthorKind::Agent => "agent",
            };
            map.serialize_entry("author_type", kind)?;
        }
        if let Some(only_mine) = filters.only_my_chats {
            map.serialize_entry("only_my_chats", &only_mine)?;
        }
        if !filters.properties.is_empty() {
            map.serialize_entry("chat_properties", &by_namespace(&filters.properties))?;
        }
        map.end()
    }
}

fn by_namespace(filters: &[PropertyFilter]) -> BTreeMap<&str, BTreeMap<&str, RuleOut<'_>>> {
    let mut namespaces: BTreeMap<&str, BTreeMap<&str, RuleOut<'_>>> = BTreeMap::new();
    for filter in filters {
        namespaces.entry(&filter.namespace).or_default().insert(&filter.name, RuleOut(&filter.rule));
    }
    namespaces
}

struct RuleOut<'a>(&'a PropertyRule);

impl Serialize for RuleOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self.0 {
            PropertyRule::Exists(exists) => map.serialize_entry("exists", exists)?,
            PropertyRule::Values(values) => {
                map.serialize_entry("values", &values.iter().map(ValueOut).collect::<Vec<_>>())?;
            }
            PropertyRule::ExcludeValues(values) => {
                map.serialize_entry("exclude_values", &values.iter().map(ValueOut).collect::<Vec<_>>())?;
            }
        }
        map.end()
    }
}
