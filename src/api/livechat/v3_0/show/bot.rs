//! Bots as the Configuration API shows them, with their webhooks as stored (spec v3.0, 7.1).

use serde::Serialize;
use switchboard_domain::id::GroupId;
use switchboard_domain::participant::bot::Bot;
use switchboard_domain::routing::Priority;

use super::user::spaced_status;
use super::webhook_config::WebhooksOut;

/// A bot in the list: four fields and no more.
#[derive(Serialize)]
pub(super) struct BotLine<'a> {
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar: Option<&'a str>,
    status: &'static str,
}

impl<'a> From<&'a Bot> for BotLine<'a> {
    fn from(bot: &'a Bot) -> Self {
        Self {
            id: bot.id.as_str(),
            name: &bot.name,
            avatar: bot.avatar.as_deref(),
            status: spaced_status(bot.duty.status),
        }
    }
}

/// A bot in full. What was never set is left out.
#[derive(Serialize)]
pub(super) struct BotDetails<'a> {
    #[serde(flatten)]
    line: BotLine<'a>,
    application: Application<'a>,
    max_chats_count: u32,
    groups: Vec<GroupOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhooks: Option<WebhooksOut<'a>>,
}

#[derive(Serialize)]
struct Application<'a> {
    client_id: &'a str,
}

#[derive(Serialize)]
struct GroupOut {
    id: u32,
    priority: &'static str,
}

impl<'a> From<&'a Bot> for BotDetails<'a> {
    fn from(bot: &'a Bot) -> Self {
        let group = |(id, priority): &(GroupId, Priority)| GroupOut { id: id.0, priority: priority.as_str() };
        Self {
            line: bot.into(),
            application: Application { client_id: bot.client.as_str() },
            max_chats_count: bot.duty.max_chats,
            groups: bot.duty.groups.iter().map(group).collect(),
            webhooks: bot.webhooks.as_ref().map(WebhooksOut::from),
        }
    }
}
